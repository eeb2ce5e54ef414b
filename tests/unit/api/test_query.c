#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "api/query.h"

#define LIMIT_AND_MESSAGE ((1u << BL_QUERY_LIMIT) | (1u << BL_QUERY_MESSAGE))

static struct bl_arena arena;
static struct bl_str values[BL_QUERY_COUNT];
static struct bl_diag diag;

static enum bl_error look_at(const char *query) {
    bl_arena_reset(&arena);
    return bl_query_read(bl_str_from_c(query), LIMIT_AND_MESSAGE, &arena, values, &diag).error;
}

static void values_are_decoded(void **state) {
    (void)state;
    assert_int_equal(look_at("message=a+b%20c%26%3d%C3%A9&limit=5"), BL_E_NONE);
    assert_true(bl_str_equal_c(values[BL_QUERY_MESSAGE], "a b c&=\xc3\xa9"));
    assert_true(bl_str_equal_c(values[BL_QUERY_LIMIT], "5"));
    assert_false(bl_str_is_present(values[BL_QUERY_TENANT]));
    assert_int_equal(look_at("message=a=b"), BL_E_NONE);
    assert_true(bl_str_equal_c(values[BL_QUERY_MESSAGE], "a=b"));
    assert_int_equal(look_at("message=one%0Atwo"), BL_E_NONE);
}

static void nothing_and_empty_differ(void **state) {
    (void)state;
    assert_int_equal(look_at(NULL), BL_E_NONE);
    assert_false(bl_str_is_present(values[BL_QUERY_LIMIT]));
    assert_int_equal(look_at("&&limit&"), BL_E_NONE);
    assert_true(bl_str_is_present(values[BL_QUERY_LIMIT]) && values[BL_QUERY_LIMIT].len == 0);
}

static void refused(const char *query, const char *path, const char *hint) {
    assert_int_equal(look_at(query), BL_E_INVALID_REQUEST);
    assert_string_equal(diag.path, path);
    if (strstr(diag.hint, hint) == NULL) {
        fail_msg("%s: %s", query, diag.hint);
    }
}

static void unknown_ones_are_refused_by_name(void **state) {
    (void)state;
    refused("limt=1", "limt", "did you mean limit?");
    refused("limit=1&tenant=a", "tenant", "openapi"); /* known, but not here */
    refused("lim%69t=1", "lim%69t", "");
    refused("=1", "", "");
    assert_int_equal(bl_query_read(BL_STR("a=1"), 0, &arena, values, &diag).error,
                     BL_E_INVALID_REQUEST);
    assert_string_equal(diag.hint, "");
}

static void what_is_no_text_is_refused(void **state) {
    (void)state;
    refused("limit=1&limit=2", "limit", "");
    refused("message=%", "message", "");
    refused("message=%4", "message", "");
    refused("message=%zz", "message", "");
    refused("message=%00", "message", "");
    refused("message=%7f", "message", "");
    refused("message=%ff", "message", "");
    refused("message=%C3", "message", "");
    refused("message=%ED%A0%80", "message", ""); /* a surrogate */
}

static void a_full_arena_is_told(void **state) {
    static char query[9000] = "message=";
    struct bl_arena small;
    (void)state;

    memset(query + 8, 'x', sizeof(query) - 9);
    bl_arena_init(&small, 4096, 8192);
    assert_int_equal(
        bl_query_read(bl_str_from_c(query), LIMIT_AND_MESSAGE, &small, values, &diag).error,
        BL_E_RESOURCE_EXHAUSTED);
    bl_arena_fini(&small);
}

static int set_up(void **state) {
    (void)state;
    bl_arena_init(&arena, 4096, 65536);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    bl_arena_fini(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_decoded),
        cmocka_unit_test(nothing_and_empty_differ),
        cmocka_unit_test(unknown_ones_are_refused_by_name),
        cmocka_unit_test(what_is_no_text_is_refused),
        cmocka_unit_test(a_full_arena_is_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
