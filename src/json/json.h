/*
 * JSON documents as a flat tape.
 *
 * The reader checks the whole text (strict RFC 8259: UTF-8, no duplicate keys, bounded depth and
 * size) and writes one node per value into an array, in document order; an object's members are
 * key node, value, key node, value. A node knows where its subtree ends, so skipping is one step.
 * Strings are views into the text, or into the arena where escapes had to be decoded. Numbers keep
 * 64-bit integers exactly. YAML (json/yaml.h) fills the same tape, so everything above reads one
 * shape. See json/README.md.
 *
 * A document borrows its text and its arena: both must outlive it. Reading is thread-safe once the
 * document is made.
 */
#ifndef BL_JSON_JSON_H
#define BL_JSON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/result.h"
#include "base/str.h"

enum bl_json_type {
    BL_JSON_ABSENT, /* what a look-up that found nothing returns */
    BL_JSON_NULL,
    BL_JSON_BOOL,
    BL_JSON_INT,    /* fits int64 */
    BL_JSON_UINT,   /* above INT64_MAX, fits uint64 */
    BL_JSON_DOUBLE, /* everything else: fraction, exponent, or "-0" */
    BL_JSON_STRING,
    BL_JSON_ARRAY,
    BL_JSON_OBJECT,
};

struct bl_json_node {
    uint8_t type;    /* enum bl_json_type */
    uint32_t next;   /* index of the node after this subtree */
    uint32_t offset; /* where the value begins in the source text */
    uint32_t length; /* bytes of a string's value; members of an object, items of an array */
    union {
        bool boolean;
        int64_t integer;
        uint64_t unsigned_integer;
        double number;
        const char *string; /* not NUL-terminated */
        size_t end;         /* of an object or array: where its source text ends */
    } value;
};

struct bl_json_doc {
    struct bl_str text;
    const struct bl_json_node *nodes;
    uint32_t count;
    /* Set by the YAML reader only: line and column of each node, from 1. */
    const uint32_t *lines;
    const uint32_t *columns;
};

/* Bounds on one document. */
struct bl_json_limits {
    uint32_t max_bytes;
    uint32_t max_depth; /* nesting of arrays and objects; at most 1024 */
    uint32_t max_nodes; /* values and keys */
};

/* The contract's limits for requests: 1 MiB, depth 64, 64 Ki nodes. */
extern const struct bl_json_limits bl_json_request_limits;

/*
 * Reads `text` into `doc`; nodes and decoded strings are taken from `arena`.
 * Errors: INVALID_REQUEST with line, column and message in `diag` (which may not be NULL);
 * RESOURCE_EXHAUSTED when the arena is full. On an error `doc` is an empty document, so that
 * look-ups answer "absent". A request whose later part is broken can still be matched to its
 * sender with bl_json_scan_string below.
 */
BL_MUST_USE bl_result bl_json_read(struct bl_str text, const struct bl_json_limits *limits,
                                   struct bl_arena *arena, struct bl_json_doc *doc,
                                   struct bl_diag *diag);

/* A value of a document: copied freely, as good as a pointer. */
struct bl_json {
    const struct bl_json_doc *doc; /* NULL = absent */
    uint32_t index;
};

#define BL_JSON_NOTHING ((struct bl_json){NULL, 0})

/* The document's one value; absent for an empty document. */
struct bl_json bl_json_root(const struct bl_json_doc *doc);

enum bl_json_type bl_json_type(struct bl_json value);
static inline bool bl_json_is(struct bl_json value, enum bl_json_type type) {
    return bl_json_type(value) == type;
}

/* Name of a type for people: "an object", "a string", ... */
const char *bl_json_type_name(enum bl_json_type type);

/* The member `key` of an object; absent if there is none or `object` is not an object. */
struct bl_json bl_json_get(struct bl_json object, struct bl_str key);

/* Follows "a.b.c" through objects; an empty path is `object` itself. Keys that contain a dot cannot
 * be reached this way. */
struct bl_json bl_json_path(struct bl_json object, struct bl_str path);

/* Item `index` of an array; absent if out of range. Linear in `index`. */
struct bl_json bl_json_at(struct bl_json array, uint32_t index);

/* Members of an object or items of an array; 0 for everything else. */
uint32_t bl_json_count(struct bl_json value);

/*
 * Iteration in document order over an object or array (nothing for other types):
 *     struct bl_json_iter it = bl_json_iter(value);
 *     while (bl_json_next(&it)) { ... it.key (absent in arrays), it.value ... }
 */
struct bl_json_iter {
    struct bl_str key;
    struct bl_json value;
    uint32_t position; /* internal */
    uint32_t end;      /* internal */
    bool keyed;        /* internal */
};
struct bl_json_iter bl_json_iter(struct bl_json value);
bool bl_json_next(struct bl_json_iter *iter);

/* Typed reads: false, and `*out` untouched, when the value has another type or does not fit. */
bool bl_json_string(struct bl_json value, struct bl_str *out);
bool bl_json_bool(struct bl_json value, bool *out);
/* Integers, and doubles that hold one exactly (1e3, 2.0). */
bool bl_json_int64(struct bl_json value, int64_t *out);
/* Any number; integers above 2^53 are rounded to nearest even. */
bool bl_json_double(struct bl_json value, double *out);

/* The number that a text of its own is, as a double: "1e3". False if it is none, or too large. */
bool bl_json_text_double(struct bl_str text, double *out);

/* The value's source text, as it stood in the document (JSON documents only): strings with their
 * quotes. Absent for an absent value. */
struct bl_str bl_json_source(struct bl_json value);

/* Line and column (in bytes) of a value, from 1; 0 for an absent one. Linear in the text for JSON
 * documents: for messages only. */
void bl_json_position(struct bl_json value, uint32_t *line, uint32_t *column);

/* Sets position of `diag` to that of `value`. */
void bl_json_locate(struct bl_json value, struct bl_diag *diag);

/*
 * Best-effort look into a text that may be broken and begins with an object: the value of its first
 * member `key`, if that is a string without escapes of at most `max_bytes`. Bounded to one pass
 * over at most `scan_bytes` of the text. For matching an error to its sender, and for choosing the
 * tenant's queue before parsing; never for deciding anything. Absent if not found.
 */
struct bl_str bl_json_scan_string(struct bl_str text, struct bl_str key, size_t scan_bytes,
                                  size_t max_bytes);

#endif
