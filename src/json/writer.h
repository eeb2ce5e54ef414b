/*
 * Writing JSON into a bounded buffer.
 *
 * Commas and nesting are kept by the writer; the caller writes keys and values in order. Strings
 * are escaped, and bytes that are not UTF-8 become U+FFFD, so the output is always valid JSON. When
 * the buffer overflows the rest is dropped and bl_json_writer_ok says so at the end.
 *
 * Order is the caller's affair and is asserted: in an object key and value take turns, in an array
 * there are no keys, each end has its begin. A writer belongs to one thread at a time.
 */
#ifndef BL_JSON_WRITER_H
#define BL_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "json/json.h"

/* The deepest document, and 64 levels around it. Deeper is a programmer's error. */
#define BL_JSON_WRITER_MAX_DEPTH (1024 + 64)

struct bl_json_writer {
    struct bl_buf *buf;
    uint32_t depth;
    bool needs_comma; /* a value was written before, at this depth */
    bool after_key;
    uint64_t objects[BL_JSON_WRITER_MAX_DEPTH / 64]; /* which open containers are objects, by bit */
};

/* `buf` is borrowed until the last call. */
void bl_json_writer_init(struct bl_json_writer *writer, struct bl_buf *buf);

/* Whether all fitted, and one value is written whole. Ask when done. */
bool bl_json_writer_ok(const struct bl_json_writer *writer);

void bl_json_write_object_begin(struct bl_json_writer *writer);
void bl_json_write_object_end(struct bl_json_writer *writer);
void bl_json_write_array_begin(struct bl_json_writer *writer);
void bl_json_write_array_end(struct bl_json_writer *writer);

void bl_json_write_key(struct bl_json_writer *writer, struct bl_str key);

void bl_json_write_null(struct bl_json_writer *writer);
void bl_json_write_bool(struct bl_json_writer *writer, bool value);
void bl_json_write_int64(struct bl_json_writer *writer, int64_t value);
void bl_json_write_uint64(struct bl_json_writer *writer, uint64_t value);
/* Shortest text that reads back equal. Asserts that `value` is finite: JSON has no other. */
void bl_json_write_double(struct bl_json_writer *writer, double value);
/* An absent view is written as an empty string: leaving out is the caller's decision. */
void bl_json_write_string(struct bl_json_writer *writer, struct bl_str value);
/* Text that is valid JSON already, as it is. */
void bl_json_write_raw(struct bl_json_writer *writer, struct bl_str json);
/* A value of a document, written anew; an absent one as null. Doubles keep their type: what reads
 * as a double reads as a double again. */
void bl_json_write_value(struct bl_json_writer *writer, struct bl_json value);

/* Key and value in one call. */
void bl_json_write_member(struct bl_json_writer *writer, struct bl_str key, struct bl_str value);

#endif
