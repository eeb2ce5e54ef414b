#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "expression/time_value.h"
#include "support/expression_fixture.h"

static void durations_are_read(void **state) {
    static const struct {
        const char *text;
        int64_t seconds;
        uint32_t ns;
    } cases[] = {
        {"0", 0, 0},
        {"+0", 0, 0},
        {"-0", 0, 0},
        {"0s", 0, 0},
        {"1s", 1, 0},
        {"1h30m", 5400, 0},
        {"30m1h", 5400, 0},
        {"1.5h", 5400, 0},
        {"-1.5s", -2, 500000000},
        {"250ms", 0, 250000000},
        {"10us", 0, 10000},
        {"10\xc2\xb5s", 0, 10000},
        {"7ns", 0, 7},
        {"1.9ns", 0, 1}, /* cut */
        {".5s", 0, 500000000},
        {"5.s", 5, 0},
        {"+2m", 120, 0},
        {"0.000000001s", 0, 1},
        {"1m1m", 120, 0},
        {"9223372036854775807ns", INT64_C(9223372036), 854775807},
        {"2562047h47m16.854775807s", INT64_C(9223372036), 854775807},
        {"-9223372036854775808ns", -INT64_C(9223372037), 145224192},
    };
    struct bl_value value;
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (!bl_duration_parse(bl_str_from_c(cases[i].text), &value)) {
            fail_msg("%s", cases[i].text);
        }
        assert_int_equal(value.type, BL_VALUE_DURATION);
        assert_int_equal(value.as.integer, cases[i].seconds);
        assert_int_equal(value.count, cases[i].ns);
        assert_true(bl_time_is_valid(&value));
    }
}

static void broken_durations_are_refused(void **state) {
    static const char *const cases[] = {
        "",
        "-",
        "+",
        "s",
        ".s",
        "1",
        "1.5",
        "1x",
        "1d",
        "1 s",
        " 1s",
        "1s ",
        "--1s",
        "1s-1s",
        "1..5s",
        "1e3s",
        "00",
        "1sm",
        ".",
        "-.s",
        "9223372036854775808ns",
        "-9223372036854775809ns",
        "9223372037s",
        "2562048h",
        "99999999999999999999999999999999999999999999999h",
        "9000000000s9000000000s9000000000s",
    };
    struct bl_value value;
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (bl_duration_parse(bl_str_from_c(cases[i]), &value)) {
            fail_msg("%s", cases[i]);
        }
    }
}

static void timestamps_are_read_and_written(void **state) {
    static const struct {
        const char *text, *written; /* NULL: refused */
    } cases[] = {
        {"2026-11-23T09:30:15Z", "2026-11-23T09:30:15Z"},
        {"2026-11-23T09:30:15.120Z", "2026-11-23T09:30:15.12Z"},
        {"2026-11-23T09:30:15.000000001Z", "2026-11-23T09:30:15.000000001Z"},
        {"2026-11-23T09:30:15+02:00", "2026-11-23T07:30:15Z"},
        {"2024-02-29T23:59:59-01:00", "2024-03-01T00:59:59Z"},
        {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
        {"9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"},
        {"0000-12-31T23:59:59Z", NULL},
        {"0001-01-01T00:00:00+00:01", NULL},
        {"9999-12-31T23:59:59-00:01", NULL},
        {"10000-01-01T00:00:00Z", NULL},
        {"2023-02-29T00:00:00Z", NULL},
        {"2026-11-23T09:30:15", NULL},
        {"2026-11-23", NULL},
        {"2026-11-23T24:00:00Z", NULL},
        {"", NULL},
    };
    char storage[64];
    struct bl_buf buf;
    struct bl_value value;
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool is_good = bl_timestamp_parse(bl_str_from_c(cases[i].text), &value);
        if (is_good != (cases[i].written != NULL)) {
            fail_msg("%s", cases[i].text);
        }
        if (is_good) {
            bl_buf_init(&buf, storage, sizeof(storage));
            bl_timestamp_text(&value, &buf);
            assert_true(bl_str_equal_c(bl_buf_view(&buf), cases[i].written));
        }
    }
}

static void times_from_numbers(void **state) {
    struct bl_value value;
    (void)state;

    assert_true(bl_timestamp_from_seconds(BL_TIMESTAMP_FIRST_S, &value));
    assert_true(bl_timestamp_from_seconds(BL_TIMESTAMP_LAST_S, &value));
    assert_false(bl_timestamp_from_seconds(BL_TIMESTAMP_FIRST_S - 1, &value));
    assert_false(bl_timestamp_from_seconds(BL_TIMESTAMP_LAST_S + 1, &value));
    value = bl_timestamp_from_ns(-1);
    assert_int_equal(value.as.integer, -1);
    assert_int_equal(value.count, 999999999);
    value = bl_timestamp_from_ns(INT64_MIN);
    assert_int_equal(value.as.integer, -INT64_C(9223372037));
    assert_int_equal(value.count, 145224192);

    const struct bl_value too_many_ns = {.type = BL_VALUE_DURATION, .count = 1000000000};
    const struct bl_value too_long = {.type = BL_VALUE_DURATION, .as.integer = INT64_MAX};
    const struct bl_value too_late = {.type = BL_VALUE_TIMESTAMP, .as.integer = INT64_MIN};
    assert_false(bl_time_is_valid(&too_many_ns) || bl_time_is_valid(&too_long) ||
                 bl_time_is_valid(&too_late));
}

static void zones(void **state) {
    static const struct {
        const char *text;
        int minutes;
        bool is_good;
    } cases[] = {
        {"UTC", 0, true},      {"Z", 0, true},        {"+00:00", 0, true},
        {"+02:00", 120, true}, {"02:00", 120, true},  {"-05:30", -330, true},
        {"+13:45", 825, true}, {"-00:01", -1, true},  {"", 0, false},
        {"+2:00", 0, false},   {"+0200", 0, false},   {"+02:60", 0, false},
        {"+24:00", 0, false},  {"utc", 0, false},     {"CET", 0, false},
        {".1Z", 0, false},     {"5Z", 0, false},      {"Europe/Berlin", 0, false},
        {"++2:00", 0, false},  {"+02:00Z", 0, false}, {"a name that is far too long", 0, false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int minutes = 0;
        if (bl_zone_parse(bl_str_from_c(cases[i].text), &minutes) != cases[i].is_good ||
            minutes != cases[i].minutes) {
            fail_msg("%s", cases[i].text);
        }
    }
}

static void arithmetic(void **state) {
    static const struct expression_case cases[] = {
        {"when + duration(\"0.75s\")", "timestamp(\"2026-11-23T09:30:16Z\")"},
        {"duration(\"-0.25s\") + when", "timestamp(\"2026-11-23T09:30:15Z\")"},
        {"when - duration(\"0.5s\")", "timestamp(\"2026-11-23T09:30:14.75Z\")"},
        {"when - timestamp(\"2026-11-23T09:30:15.5Z\")", "duration(\"-0.25s\")"},
        {"wait + wait", "duration(\"181s\")"},
        {"wait - duration(\"2m\")", "duration(\"-29.5s\")"},
        {"-wait", "duration(\"-90.5s\")"},
        {"-duration(\"0s\")", "duration(\"0s\")"},
        {"timestamp(\"9999-12-31T23:59:59.999999999Z\") + duration(\"1ns\")", "error: overflow"},
        {"timestamp(\"0001-01-01T00:00:00Z\") - duration(\"1ns\")", "error: overflow"},
        {"timestamp(\"9999-12-31T23:59:59Z\") - timestamp(\"0001-01-01T00:00:00Z\")",
         "error: overflow"},
        {"timestamp(\"0001-01-01T00:00:00Z\") - timestamp(\"9999-12-31T23:59:59Z\")",
         "error: overflow"},
        {"duration(\"9223372036854775807ns\") + duration(\"1ns\")", "error: overflow"},
        {"duration(\"-9223372036854775808ns\") - duration(\"1ns\")", "error: overflow"},
        {"-duration(\"-9223372036854775808ns\")", "error: overflow"},
        {"duration(\"9223372037s\")", "error: cannot be converted"},
        {"when + when", "column 6: + does not take (google.protobuf.Timestamp, "
                        "google.protobuf.Timestamp)"},
        {"dyn(when) + dyn(when)", "error: no such overload"},
        {"wait - when", "column 6: - does not take..."},
        {"dyn(wait) - dyn(when)", "error: no such overload"},
        {"dyn(wait) * dyn(wait)", "error: no such overload"},
        {"dyn(when) % dyn(wait)", "error: no such overload"},
        {"dyn(when) + dyn(1)", "error: no such overload"},
        {"-dyn(when)", "error: no such overload"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static int setup(void **state) {
    (void)state;
    expression_open("{}");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    expression_close();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read),
        cmocka_unit_test(broken_durations_are_refused),
        cmocka_unit_test(timestamps_are_read_and_written),
        cmocka_unit_test(times_from_numbers),
        cmocka_unit_test(zones),
        cmocka_unit_test(arithmetic),
    };
    return cmocka_run_group_tests_name("time_value", tests, setup, teardown);
}
