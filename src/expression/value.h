/*
 * Values of expressions.
 *
 * A fact read from a request, a constant written in a policy and whatever an expression makes of
 * them have one small type: 16 bytes, plain data. Objects and arrays of a request stay where they
 * are (BL_VALUE_JSON): nothing is copied to compare one member of them. Lists and maps of constants
 * and of replayed records are arrays of values. The types are those of CEL (cel-spec, "Values"),
 * without bytes and messages.
 */
#ifndef BL_EXPRESSION_VALUE_H
#define BL_EXPRESSION_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "json/json.h"

enum bl_value_type {
    BL_VALUE_ABSENT, /* the request has no such value */
    BL_VALUE_NULL,
    BL_VALUE_BOOL,
    BL_VALUE_INT,
    BL_VALUE_UINT, /* in facts: above INT64_MAX only */
    BL_VALUE_DOUBLE,
    BL_VALUE_STRING,
    BL_VALUE_LIST,      /* count items */
    BL_VALUE_MAP,       /* count entries: key, value, key, value, … in `items` */
    BL_VALUE_JSON,      /* an object or an array of a document: node `count` of `document` */
    BL_VALUE_TIMESTAMP, /* seconds of the epoch in `integer`, nanoseconds (0 … 999999999) in `count` */
    BL_VALUE_DURATION, /* the same, as a length: -1.5 s is -2 s and 500000000 ns */
    BL_VALUE_TYPE,     /* `integer` is an enum bl_value_type */
    BL_VALUE_ERROR,    /* see expression/evaluate.h */
    BL_VALUE_TYPE_COUNT
};

struct bl_value {
    uint8_t type;   /* enum bl_value_type */
    uint32_t count; /* bytes of a string, items of a list, entries of a map; see above */
    union {
        bool boolean;
        int64_t integer;
        uint64_t unsigned_integer;
        double number;
        const char *string;
        const struct bl_value *items;
        const struct bl_json_doc *document;
    } as;
};

/* A JSON value as a fact. Strings, objects and arrays stay views into the document. */
struct bl_value bl_value_from_json(struct bl_json json);

static inline struct bl_value bl_value_bool(bool boolean) {
    return (struct bl_value){.type = BL_VALUE_BOOL, .as.boolean = boolean};
}
static inline struct bl_value bl_value_int(int64_t integer) {
    return (struct bl_value){.type = BL_VALUE_INT, .as.integer = integer};
}
/* An absent view is an absent value. */
static inline struct bl_value bl_value_text(struct bl_str text) {
    if (!bl_str_is_present(text)) {
        return (struct bl_value){.type = BL_VALUE_ABSENT};
    }
    return (struct bl_value){
        .type = BL_VALUE_STRING, .count = (uint32_t)text.len, .as.string = text.data};
}
static inline struct bl_str bl_value_str(const struct bl_value *text) {
    return (struct bl_str){text->as.string, text->count};
}

/* The type that an expression sees: LIST or MAP for JSON, else the value's own. */
enum bl_value_type bl_value_kind(const struct bl_value *value);
/* Its name in CEL: "int", "null_type", "google.protobuf.Duration", … */
const char *bl_value_kind_name(enum bl_value_type kind);

/* Code points of a string, items of a list, entries of a map; -1 for everything else. Linear in the
 * bytes of a string. */
int64_t bl_value_size(const struct bl_value *value);

/* Item `index` of a list; false if it is none or out of range. Linear in `index` for JSON. */
bool bl_value_at(const struct bl_value *list, uint64_t index, struct bl_value *out);
/* The value of a map at `key` (numbers match across types); false if there is none. Linear. */
bool bl_value_get(const struct bl_value *map, const struct bl_value *key, struct bl_value *out);

/* Goes through the items of a list, or the entries of a map. */
struct bl_value_iter {
    struct bl_value key; /* of a map's entry */
    struct bl_value value;
    struct bl_value of;       /* internal */
    uint32_t index;           /* internal */
    struct bl_json_iter json; /* internal */
};
struct bl_value_iter bl_value_iter(const struct bl_value *container);
bool bl_value_next(struct bl_value_iter *iter);

/* Equality as in CEL: numbers compare by value across the numeric types (1 == 1.0), lists item by
 * item, maps as sets of entries; every other mix of types is unequal. ABSENT equals nothing, not
 * even itself. */
bool bl_value_equal(const struct bl_value *a, const struct bl_value *b);

/* Order of two numbers, two strings (by bytes), two booleans (false first), two timestamps or two
 * durations: sets *order to <0, 0, >0 and returns true; false for every other pair of types and for
 * NaN. */
bool bl_value_order(const struct bl_value *a, const struct bl_value *b, int *order);
/* Whether the two types have an order, so that only NaN stands in the way. */
bool bl_value_is_ordered(const struct bl_value *a, const struct bl_value *b);

/* Whether `list` is a list that holds `item`, or a map with that key. */
bool bl_value_in(const struct bl_value *item, const struct bl_value *list);

/* A copy whose strings, lists and maps stand in `arena`; JSON becomes lists and maps. Nesting is
 * bounded by that of JSON documents (1024). Errors: RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_value_copy(const struct bl_value *value, struct bl_arena *arena,
                                    struct bl_value *out);

/* Appends the value as a CEL literal: "text", 1u, 2.0, [1, 2], {"a": 1}, timestamp("…"). */
void bl_value_write(const struct bl_value *value, struct bl_buf *buf);
/* Appends a string as a CEL literal in double quotes. */
void bl_value_write_text(struct bl_str text, struct bl_buf *buf);

#endif
