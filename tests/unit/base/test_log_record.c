#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/log_record.h"
#include "base/text.h"

#define MOMENT_MS INT64_C(1769903999999)
#define HEAD                                                                                       \
    "{\"timestamp\":\"2026-01-31T23:59:59.999Z\",\"level\":\"INFO\",\"component\":\"router\","     \
    "\"message\":"

struct fixture {
    char storage[4096];
    struct bl_buf buf;
    struct bl_log_record record;
};

static void begin(struct fixture *fixture, size_t max_bytes, struct bl_str message) {
    bl_buf_init(&fixture->buf, fixture->storage, sizeof(fixture->storage));
    bl_log_begin(&fixture->record, &fixture->buf, max_bytes, BL_LOG_INFO, MOMENT_MS,
                 BL_STR("router"), message);
}

static void assert_line(const struct fixture *fixture, const char *expected) {
    struct bl_str line = bl_buf_view(&fixture->buf);
    if (!bl_str_equal_c(line, expected)) {
        fail_msg("%.*s instead of %s", BL_STR_ARG(line), expected);
    }
}

static void test_all_kinds_of_fields(void **state) {
    (void)state;
    struct fixture fixture;
    begin(&fixture, 1024, BL_STR("decided"));
    bl_log_str(&fixture.record, "tenant_id", BL_STR("acme"));
    bl_log_str(&fixture.record, "run_id", BL_STR_ABSENT);
    bl_log_str(&fixture.record, "step_id", BL_STR(""));
    bl_log_i64(&fixture.record, "latency_ms", INT64_MIN);
    bl_log_u64(&fixture.record, "count", UINT64_MAX);
    bl_log_double(&fixture.record, "share", 0.25);
    bl_log_double(&fixture.record, "odd", NAN);
    bl_log_double(&fixture.record, "vast", INFINITY);
    bl_log_bool(&fixture.record, "sticky", true);
    bl_log_bool(&fixture.record, "retry", false);
    bl_log_json(&fixture.record, "context", BL_STR("{\"a\":[1]}"));
    bl_log_json(&fixture.record, "nothing", BL_STR_ABSENT);
    assert_true(bl_log_end(&fixture.record));
    assert_line(&fixture, HEAD "\"decided\",\"tenant_id\":\"acme\",\"step_id\":\"\","
                               "\"latency_ms\":-9223372036854775808,"
                               "\"count\":18446744073709551615,\"share\":0.25,\"odd\":null,"
                               "\"vast\":null,\"sticky\":true,\"retry\":false,"
                               "\"context\":{\"a\":[1]}}\n");
}

static void test_escapes(void **state) {
    (void)state;
    static const struct {
        struct bl_str in;
        const char *out;
    } cases[] = {
        {BL_STR("\"\\/"), "\"\\\"\\\\/\""},
        {BL_STR("\n\r\t\b\x1b\x7f"), "\"\\n\\r\\t\\u0008\\u001b\\u007f\""},
        {{"a\0b", 3}, "\"a\\u0000b\""},
        {BL_STR("\xc2\x9b[2J"), "\"\\u009b[2J\""},
        {BL_STR("\xc2\xa0\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
         "\"\xc2\xa0\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {BL_STR("\xff"), "\"\xef\xbf\xbd\""},
        {BL_STR("a\xc3"), "\"a\xef\xbf\xbd\""},
        {BL_STR("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {BL_STR("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        char expected[256] = HEAD;
        begin(&fixture, 1024, cases[i].in);
        assert_true(bl_log_end(&fixture.record));
        memcpy(expected + strlen(HEAD), cases[i].out, strlen(cases[i].out));
        memcpy(expected + strlen(HEAD) + strlen(cases[i].out), "}\n", 3);
        assert_line(&fixture, expected);
    }
}

static void test_lines_follow_each_other(void **state) {
    (void)state;
    struct fixture fixture;
    begin(&fixture, 1024, BL_STR("a"));
    assert_true(bl_log_end(&fixture.record));
    bl_log_begin(&fixture.record, &fixture.buf, 1024, BL_LOG_INFO, MOMENT_MS, BL_STR("router"),
                 BL_STR("b"));
    assert_true(bl_log_end(&fixture.record));
    assert_line(&fixture, HEAD "\"a\"}\n" HEAD "\"b\"}\n");
}

/* Whatever the length of the parts: bounded, valid, and honest about what is missing. */
static void test_bound_at_every_length(void **state) {
    (void)state;
    static char text[600];
    memset(text, 'x', sizeof(text));
    const size_t bound = 300;
    for (size_t len = 0; len < sizeof(text); len++) {
        struct fixture fixture;
        begin(&fixture, bound, (struct bl_str){text, len / 2});
        bl_log_str(&fixture.record, "tenant_id", (struct bl_str){text, len - len / 2});
        bl_log_u64(&fixture.record, "n", 1);
        bool whole = bl_log_end(&fixture.record);
        struct bl_str line = bl_buf_view(&fixture.buf);
        assert_true(line.len <= bound);
        assert_false(fixture.buf.overflowed);
        assert_memory_equal(line.data + line.len - 2, "}\n", 2);
        bool marked = memmem(line.data, line.len, ",\"truncated\":true}\n", 19) != NULL;
        assert_true(marked == !whole);
        size_t fixed = strlen(HEAD "\"\",\"tenant_id\":\"\",\"n\":1}\n");
        if (fixed + len + strlen(",\"truncated\":true") <= bound) {
            assert_true(whole);
            assert_int_equal(line.len, fixed + len);
        }
        if (fixed + len > bound) {
            assert_false(whole);
        }
    }
}

/* Fields until nothing fits, from every starting point: the last byte of the bound is used, the
 * one behind it is not. */
static void test_bound_with_many_fields(void **state) {
    (void)state;
    static char text[100];
    size_t longest = 0;
    memset(text, 'x', sizeof(text));
    for (size_t len = 0; len < sizeof(text); len++) {
        struct fixture fixture;
        begin(&fixture, 300, (struct bl_str){text, len});
        for (int i = 0; i < 100; i++) {
            bl_log_u64(&fixture.record, "n", 1);
        }
        assert_false(bl_log_end(&fixture.record));
        assert_true(fixture.buf.len <= 300);
        longest = fixture.buf.len > longest ? fixture.buf.len : longest;
    }
    assert_int_equal(longest, 300);
}

static void test_one_long_text_leaves_room(void **state) {
    (void)state;
    static char text[10000];
    struct fixture fixture;
    memset(text, 'x', sizeof(text));
    begin(&fixture, 1024, (struct bl_str){text, sizeof(text)});
    bl_log_str(&fixture.record, "error_code", BL_STR("internal"));
    assert_false(bl_log_end(&fixture.record));
    struct bl_str line = bl_buf_view(&fixture.buf);
    assert_non_null(
        memmem(line.data, line.len, "\"error_code\":\"internal\",\"truncated\":true}", 41));
    assert_in_range(line.len, 512, 1024);
}

static void test_cut_never_splits(void **state) {
    (void)state;
    /* Characters of 1 to 4 bytes and escapes of 2 and 6, at each position of the bound. */
    static const char unit[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"\x01";
    static char text[1200];
    for (size_t i = 0; i + sizeof(unit) - 1 <= sizeof(text); i += sizeof(unit) - 1) {
        memcpy(text + i, unit, sizeof(unit) - 1);
    }
    for (size_t bound = BL_LOG_LINE_MIN; bound < BL_LOG_LINE_MIN + 64; bound++) {
        struct fixture fixture;
        begin(&fixture, bound, (struct bl_str){text, 1100});
        assert_false(bl_log_end(&fixture.record));
        struct bl_str line = bl_buf_view(&fixture.buf);
        assert_true(line.len <= bound);
        assert_true(bl_utf8_valid(line));
        /* The text ends with a whole escape: no backslash is left alone before the quote. */
        const char *quote = memmem(line.data, line.len, "\",\"truncated\"", 13);
        assert_non_null(quote);
        if (quote[-1] == '\\') {
            fail_msg("%.*s", BL_STR_ARG(line));
        }
    }
}

static void test_too_little_room(void **state) {
    (void)state;
    char storage[BL_LOG_LINE_MIN];
    struct bl_buf buf;
    struct bl_log_record record;
    for (size_t room = BL_LOG_LINE_MIN - 1; room <= BL_LOG_LINE_MIN; room++) {
        bl_buf_init(&buf, storage, room);
        bl_log_begin(&record, &buf, 4096, BL_LOG_ERROR, MOMENT_MS, BL_STR("router"), BL_STR("m"));
        bl_log_str(&record, "tenant_id", BL_STR("acme"));
        bl_log_u64(&record, "n", 1);
        bool whole = bl_log_end(&record);
        assert_true(whole == (room == BL_LOG_LINE_MIN));
        assert_true(buf.overflowed == (room < BL_LOG_LINE_MIN));
        assert_true((buf.len == 0) == (room < BL_LOG_LINE_MIN));
    }
}

static void test_levels(void **state) {
    (void)state;
    enum bl_log_level level;
    for (int i = BL_LOG_DEBUG; i <= BL_LOG_ERROR; i++) {
        const char *name = bl_log_level_name((enum bl_log_level)i);
        assert_true(bl_log_level_read(bl_str_from_c(name), &level));
        assert_int_equal(level, i);
    }
    assert_true(bl_log_level_read(BL_STR("warning"), &level));
    assert_int_equal(level, BL_LOG_WARN);
    assert_true(bl_log_level_read(BL_STR("Error"), &level));
    assert_int_equal(level, BL_LOG_ERROR);
    static const char *const refused[] = {"", "INF", "INFOO", "trace", "1"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        level = BL_LOG_DEBUG;
        assert_false(bl_log_level_read(bl_str_from_c(refused[i]), &level));
        assert_int_equal(level, BL_LOG_DEBUG);
    }
    assert_false(bl_log_level_read(BL_STR_ABSENT, &level));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_kinds_of_fields),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_lines_follow_each_other),
        cmocka_unit_test(test_bound_at_every_length),
        cmocka_unit_test(test_bound_with_many_fields),
        cmocka_unit_test(test_one_long_text_leaves_room),
        cmocka_unit_test(test_cut_never_splits),
        cmocka_unit_test(test_too_little_room),
        cmocka_unit_test(test_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
