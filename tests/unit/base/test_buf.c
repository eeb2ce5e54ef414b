#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/buf.h"

static void assert_text(const struct bl_buf *buf, const char *expected) {
    if (!bl_str_equal_c(bl_buf_view(buf), expected)) {
        fail_msg("'%.*s' instead of '%s'", BL_STR_ARG(bl_buf_view(buf)), expected);
    }
}

static void test_bytes_at_the_limit(void **state) {
    (void)state;
    char storage[5] = "####";
    struct bl_buf buf;
    for (size_t len = 3; len <= 5; len++) {
        bl_buf_init(&buf, storage, 4);
        bl_buf_bytes(&buf, "abcde", len);
        assert_true(buf.overflowed == (len > 4));
        assert_int_equal(buf.len, len > 4 ? 0 : len);
        assert_int_equal(storage[4], '\0');
    }
}

static void test_dropped_whole(void **state) {
    (void)state;
    char storage[4];
    struct bl_buf buf;
    bl_buf_init(&buf, storage, sizeof(storage));
    bl_buf_literal(&buf, "abc");
    bl_buf_literal(&buf, "de");
    assert_true(buf.overflowed);
    assert_text(&buf, "abc");
    bl_buf_char(&buf, 'd'); /* what fits still goes in, and the mark stays */
    assert_text(&buf, "abcd");
    assert_true(buf.overflowed);
    bl_buf_reset(&buf);
    assert_false(buf.overflowed);
    assert_int_equal(buf.len, 0);
}

static void test_reserve(void **state) {
    (void)state;
    char storage[8];
    struct bl_buf buf;
    bl_buf_init(&buf, storage, sizeof(storage));
    bl_buf_char(&buf, 'a');
    char *room = bl_buf_reserve(&buf, 7);
    assert_ptr_equal(room, storage + 1);
    memcpy(room, "bcd", 3);
    buf.len += 3;
    assert_text(&buf, "abcd");
    assert_null(bl_buf_reserve(&buf, 5));
    assert_true(buf.overflowed);
    assert_null(bl_buf_reserve(&buf, SIZE_MAX));
}

static void test_nothing_into_nothing(void **state) {
    (void)state;
    struct bl_buf buf;
    bl_buf_init(&buf, NULL, 0);
    bl_buf_bytes(&buf, NULL, 0);
    bl_buf_str(&buf, BL_STR_ABSENT);
    bl_buf_printf(&buf, "%s", "");
    assert_false(buf.overflowed);
    bl_buf_char(&buf, 'a');
    assert_true(buf.overflowed);
}

static void test_integers(void **state) {
    (void)state;
    char storage[200];
    struct bl_buf buf;
    bl_buf_init(&buf, storage, sizeof(storage));
    bl_buf_u64(&buf, 0);
    bl_buf_char(&buf, ' ');
    bl_buf_u64(&buf, UINT64_MAX);
    bl_buf_char(&buf, ' ');
    bl_buf_i64(&buf, INT64_MIN);
    bl_buf_char(&buf, ' ');
    bl_buf_i64(&buf, INT64_MAX);
    bl_buf_char(&buf, ' ');
    bl_buf_i64(&buf, -1);
    assert_text(&buf, "0 18446744073709551615 -9223372036854775808 9223372036854775807 -1");
}

static void test_doubles(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0.0, "0"},
        {-0.0, "-0"},
        {1.0, "1"},
        {-1.0, "-1"},
        {0.1, "0.1"},
        {-0.1, "-0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {100, "100"},
        {12.5, "12.5"},
        {0.012345678, "0.012345678"},
        {999999.999999999, "999999.999999999"},
        {999999999.999999, "999999999.999999"},
        {123456789.123456789, "123456789.12345679"},
        {1e-6, "0.000001"},
        {1.5e-6, "0.0000015"},
        {1e-7, "1e-7"},
        {-1.25e-9, "-1.25e-9"},
        {1e15, "1000000000000000"},
        {9007199254740991, "9007199254740991"},
        {9007199254740992, "9007199254740992"},
        {-9007199254740994, "-9007199254740994"},
        {1e20, "100000000000000000000"},
        {123456789012345680000.0, "123456789012345680000"},
        {1e21, "1e+21"},
        {1.5e300, "1.5e+300"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {DBL_TRUE_MIN, "5e-324"},
        {0x1p-25, "2.9802322387695312e-8"}, /* two are as near: the even one */
        {5e-324 * 3, "1.5e-323"},
        {9.5367431640625e-07, "9.5367431640625e-7"},
        {NAN, "NaN"},
        {INFINITY, "+Inf"},
        {-INFINITY, "-Inf"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char storage[32];
        struct bl_buf buf;
        bl_buf_init(&buf, storage, sizeof(storage));
        bl_buf_double(&buf, cases[i].value);
        assert_text(&buf, cases[i].text);
    }
}

static void test_printf_at_the_limit(void **state) {
    (void)state;
    char storage[8] = "#######";
    struct bl_buf buf;
    for (size_t capacity = 4; capacity <= 6; capacity++) {
        bl_buf_init(&buf, storage, capacity);
        bl_buf_printf(&buf, "%s-%d", "ab", 42); /* 5 bytes; exactly 5 need no room for a NUL */
        assert_true(buf.overflowed == (capacity < 5));
        assert_text(&buf, capacity < 5 ? "" : "ab-42");
        assert_int_equal(storage[6], '#');
    }
    bl_buf_init(&buf, storage, 6);
    bl_buf_char(&buf, '[');
    bl_buf_printf(&buf, "%s", "");
    bl_buf_printf(&buf, "%u", 7u);
    assert_text(&buf, "[7");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_at_the_limit),
        cmocka_unit_test(test_dropped_whole),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_nothing_into_nothing),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_printf_at_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
