#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/seed.h"
#include "base/timestamp.h"

static const char *written(int64_t epoch_ms) {
    static char text[BL_TIMESTAMP_BYTES + 1];
    struct bl_buf buf;
    bl_buf_init(&buf, text, BL_TIMESTAMP_BYTES);
    bl_timestamp_write(&buf, epoch_ms);
    assert_false(buf.overflowed);
    assert_int_equal(buf.len, BL_TIMESTAMP_BYTES);
    return text;
}

static void test_known_moments(void **state) {
    (void)state;
    assert_string_equal(written(0), "1970-01-01T00:00:00.000Z");
    assert_string_equal(written(-1), "1969-12-31T23:59:59.999Z");
    assert_string_equal(written(951782399999), "2000-02-28T23:59:59.999Z");
    assert_string_equal(written(951782400000), "2000-02-29T00:00:00.000Z");
    assert_string_equal(written(4107542400000), "2100-03-01T00:00:00.000Z");
    assert_string_equal(written(BL_TIMESTAMP_MIN_MS), "0000-01-01T00:00:00.000Z");
    assert_string_equal(written(BL_TIMESTAMP_MIN_MS - 1), "0000-01-01T00:00:00.000Z");
    assert_string_equal(written(BL_TIMESTAMP_MAX_MS), "9999-12-31T23:59:59.999Z");
    assert_string_equal(written(INT64_MAX), "9999-12-31T23:59:59.999Z");
    assert_string_equal(written(INT64_MIN), "0000-01-01T00:00:00.000Z");
}

static void test_too_little_room(void **state) {
    (void)state;
    char text[BL_TIMESTAMP_BYTES - 1];
    struct bl_buf buf;
    bl_buf_init(&buf, text, sizeof(text));
    bl_timestamp_write(&buf, 0);
    assert_true(buf.overflowed);
    assert_int_equal(buf.len, 0);
}

/* Against the C library's calendar, and back through our reader. */
static void test_against_gmtime(void **state) {
    (void)state;
    struct bl_seed seed;
    bl_seed_init(&seed, 5);
    const uint64_t span = (uint64_t)(BL_TIMESTAMP_MAX_MS - BL_TIMESTAMP_MIN_MS) + 1;
    for (int i = 0; i < 200000; i++) {
        int64_t moment_ms = BL_TIMESTAMP_MIN_MS + (int64_t)bl_seed_below(&seed, span);
        int64_t ms = ((moment_ms % 1000) + 1000) % 1000;
        time_t seconds = (time_t)((moment_ms - ms) / 1000);
        struct tm tm;
        char expected[64];
        assert_non_null(gmtime_r(&seconds, &tm));
        (void)snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                       tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                       tm.tm_sec, (int)ms);
        assert_string_equal(written(moment_ms), expected);
        int64_t back = 0;
        assert_true(bl_timestamp_read(bl_str_from_c(expected), &back));
        assert_true(back == moment_ms);
    }
}

static void test_reading(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t epoch_ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},      {"1970-01-01t00:00:00z", 0},
        {"1970-01-01 00:00:00.5Z", 500},  {"1970-01-01T00:00:00.123999999Z", 123},
        {"1970-01-01T02:00:00+02:00", 0}, {"1969-12-31T18:30:00-05:30", 0},
        {"1969-12-31T23:59:60Z", 0},      {"2024-02-29T00:00:00Z", 1709164800000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t epoch_ms = -1;
        assert_true(bl_timestamp_read(bl_str_from_c(cases[i].text), &epoch_ms));
        assert_int_equal(epoch_ms, cases[i].epoch_ms);
    }
}

static void test_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "1970-01-01",
        "1970-01-01T00:00:00",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00.1234567890Z",
        "1970-13-01T00:00:00Z",
        "1970-00-01T00:00:00Z",
        "1970-01-00T00:00:00Z",
        "1970-01-32T00:00:00Z",
        "1970-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "1970-04-31T00:00:00Z",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z",
        "1970-01-01T00:00:61Z",
        "1970-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00+00:60",
        "1970-01-01T00:00:00+0000",
        "1970-01-01T00:00:00Z ",
        " 1970-01-01T00:00:00Z",
        "1970-1-01T00:00:00Z",
        "-970-01-01T00:00:00Z",
        "1970/01/01T00:00:00Z",
        "1970-01-01T00:00:0\xd9\xa0Z",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int64_t epoch_ms = 42;
        if (bl_timestamp_read(bl_str_from_c(texts[i]), &epoch_ms)) {
            fail_msg("'%s' was accepted", texts[i]);
        }
        assert_int_equal(epoch_ms, 42);
    }
    int64_t epoch_ms;
    assert_false(bl_timestamp_read((struct bl_str){"1970-01-01T00:00:00\0Z", 21}, &epoch_ms));
    assert_false(bl_timestamp_read(BL_STR_ABSENT, &epoch_ms));
}

static void test_every_cut_of_a_valid_text_is_refused(void **state) {
    (void)state;
    const char *text = "2026-01-31T23:59:59.999+01:00";
    int64_t epoch_ms;
    assert_true(bl_timestamp_read(bl_str_from_c(text), &epoch_ms));
    for (size_t len = 0; len < strlen(text); len++) {
        assert_false(bl_timestamp_read((struct bl_str){text, len}, &epoch_ms));
    }
}

static void test_adding_holds_at_the_ends(void **state) {
    (void)state;
    assert_true(bl_time_add(INT64_MAX, 1) == INT64_MAX);
    assert_true(bl_time_add(INT64_MAX - 1, 1) == INT64_MAX);
    assert_true(bl_time_add(INT64_MIN, -1) == INT64_MIN);
    assert_true(bl_time_add(5, -7) == -2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_moments),
        cmocka_unit_test(test_too_little_room),
        cmocka_unit_test(test_against_gmtime),
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_every_cut_of_a_valid_text_is_refused),
        cmocka_unit_test(test_adding_holds_at_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
