/* What tests of src/json share: reading a text that lies in a block of exactly its size, so that
 * the sanitizer sees each read past its end, and writing what was read. */
#ifndef BL_TESTS_UNIT_JSON_FIXTURE_H
#define BL_TESTS_UNIT_JSON_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "json/writer.h"

struct json_fixture {
    struct bl_arena arena;
    struct bl_json_doc doc;
    struct bl_diag diag;
    char *copy;
    char *out;
};

#define JSON_FIXTURE_OUT_BYTES ((size_t)8 * 1024 * 1024)

typedef bl_result (*json_reader)(struct bl_str, const struct bl_json_limits *, struct bl_arena *,
                                 struct bl_json_doc *, struct bl_diag *);

static const struct bl_json_limits json_wide_limits = {
    .max_bytes = 16 * 1024 * 1024, .max_depth = 1024, .max_nodes = 1024 * 1024};

static inline void json_fixture_init(struct json_fixture *fixture) {
    memset(fixture, 0, sizeof(*fixture));
    bl_arena_init(&fixture->arena, 4096, (size_t)256 * 1024 * 1024);
    fixture->out = malloc(JSON_FIXTURE_OUT_BYTES);
    assert_non_null(fixture->out);
}

static inline void json_fixture_fini(struct json_fixture *fixture) {
    bl_arena_fini(&fixture->arena);
    free(fixture->copy);
    free(fixture->out);
}

static inline bl_result json_fixture_read(struct json_fixture *fixture, json_reader reader,
                                          struct bl_str text, const struct bl_json_limits *limits) {
    free(fixture->copy);
    fixture->copy = malloc(text.len > 0 ? text.len : 1);
    assert_non_null(fixture->copy);
    if (text.len > 0) {
        memcpy(fixture->copy, text.data, text.len);
    }
    bl_arena_reset(&fixture->arena);
    return reader((struct bl_str){fixture->copy, text.len}, limits, &fixture->arena, &fixture->doc,
                  &fixture->diag);
}

/* The root of a text that is read without an error. */
static inline struct bl_json json_fixture_root(struct json_fixture *fixture, struct bl_str text) {
    bl_result result = json_fixture_read(fixture, bl_json_read, text, &json_wide_limits);

    if (bl_is_error(result)) {
        print_error("%.*s: line %u, column %u: %s\n", BL_STR_ARG(text), fixture->diag.line,
                    fixture->diag.column, fixture->diag.message);
    }
    assert_true(bl_is_ok(result));
    return bl_json_root(&fixture->doc);
}

/* What was read, written anew. */
static inline struct bl_str json_fixture_write(struct json_fixture *fixture) {
    struct bl_json_writer writer;
    struct bl_buf buf;

    bl_buf_init(&buf, fixture->out, JSON_FIXTURE_OUT_BYTES);
    bl_json_writer_init(&writer, &buf);
    bl_json_write_value(&writer, bl_json_root(&fixture->doc));
    assert_true(bl_json_writer_ok(&writer));
    return bl_buf_view(&buf);
}

static inline void assert_str(struct bl_str got, struct bl_str expected) {
    if (!bl_str_equal(got, expected)) {
        print_error("got      %.*s\nexpected %.*s\n", BL_STR_ARG(got), BL_STR_ARG(expected));
    }
    assert_true(bl_str_equal(got, expected));
}

#endif
