#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/header_list.h"
#include "wire/fields.h"
#include "wire/trace_context.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static struct bl_trace_context read_one(const char *text) {
    const char *const list[] = {"traceparent", text, NULL};
    const struct bl_headers headers = {header_list_get, list};
    return bl_trace_context_read(&headers);
}

static void contexts_are_read_and_written(void **state) {
    static const uint8_t span[8] = {0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4}, none[8];
    char out[BL_TRACEPARENT_BYTES];
    (void)state;
    struct bl_trace_context context = read_one("00-" TRACE "-" PARENT "-01");
    assert_true(bl_str_equal_c(context.trace_id, TRACE));
    assert_true(bl_str_equal_c(context.parent_id, PARENT));
    bl_trace_context_write(&context, span, out);
    assert_memory_equal(out, "00-" TRACE "-deadbeef01020304-01", BL_TRACEPARENT_BYTES);
    bl_trace_context_write(&context, none, out);
    assert_memory_equal(out, "00-" TRACE "-0000000000000001-01", BL_TRACEPARENT_BYTES);
    assert_true(bl_str_is_present(read_one("cc-" TRACE "-" PARENT "-01-what-comes").trace_id));
}

static void what_is_none_counts_as_none(void **state) {
    static const char *const bad[] = {"",
                                      "00",
                                      "00-" TRACE "-" PARENT "-0",
                                      "00-" TRACE "-" PARENT "-01-x",
                                      "ff-" TRACE "-" PARENT "-01",
                                      "0g-" TRACE "-" PARENT "-01",
                                      "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01",
                                      "00-00000000000000000000000000000000-" PARENT "-01",
                                      "00-" TRACE "-0000000000000000-01",
                                      "00_" TRACE "-" PARENT "-01",
                                      "00-" TRACE "_" PARENT "-01",
                                      "00-" TRACE "-" PARENT "_01",
                                      "cc-" TRACE "-" PARENT "-01x",
                                      "00-" TRACE "-" PARENT "-zz"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(bl_str_is_present(read_one(bad[i]).trace_id));
    }
    const char *const twice[] = {"traceparent", "00-" TRACE "-" PARENT "-01", "traceparent",
                                 "00-" TRACE "-" PARENT "-00", NULL};
    const struct bl_headers headers = {header_list_get, twice};
    assert_false(bl_str_is_present(bl_trace_context_read(&headers).trace_id));
}

static void the_nearest_name_of_a_trace_wins(void **state) {
    char large[BL_WIRE_TRACE_ID_MAX + 2];
    (void)state;
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    const char *const list[] = {"traceparent",
                                "00-" TRACE "-" PARENT "-01",
                                "x-correlation-id",
                                "c",
                                "X-Trace-Id",
                                "b",
                                "trace_id",
                                "a",
                                NULL};
    static const char *const expected[] = {TRACE, "c", "b", "a"};
    for (int known = 0; known < 4; known++) {
        const char *some[9] = {NULL};
        memcpy(some, list, sizeof(char *) * 2 * ((size_t)known + 1));
        const struct bl_headers headers = {header_list_get, some};
        assert_true(bl_str_equal_c(bl_wire_trace_id(&headers, BL_STR_ABSENT), expected[known]));
        assert_true(bl_str_equal_c(bl_wire_trace_id(&headers, BL_STR("body")),
                                   known == 0 ? "body" : expected[known]));
    }
    const char *const too_long[] = {"trace_id", large, NULL};
    const struct bl_headers headers = {header_list_get, too_long};
    assert_true(bl_str_equal_c(bl_wire_trace_id(&headers, BL_STR("body")), "body"));
    assert_false(bl_str_is_present(bl_wire_trace_id(&headers, BL_STR_ABSENT)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contexts_are_read_and_written),
        cmocka_unit_test(what_is_none_counts_as_none),
        cmocka_unit_test(the_nearest_name_of_a_trace_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
