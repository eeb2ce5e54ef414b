#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/expression_fixture.h"

#define MAX "9223372036854775807"
#define MIN "-9223372036854775808"
#define UMAX "18446744073709551615u"
#define BAD "error: cannot be converted"
#define NONE "error: no such overload"

static void to_int(void **state) {
    static const struct expression_case cases[] = {
        {"int(5)", "5"},
        {"int(5u)", "5"},
        {"int(9223372036854775807u)", MAX},
        {"int(9223372036854775808u)", "error: overflow"},
        {"int(" UMAX ")", "error: overflow"},
        {"int(1.9)", "1"},
        {"int(-1.9)", "-1"},
        {"int(9223372036854774784.0)", "9223372036854774784"},
        {"int(9223372036854775807.0)", "error: overflow"},
        {"int(-9223372036854774784.0)", "-9223372036854774784"},
        {"int(-9223372036854775808.0)", "error: overflow"},
        {"int(double(\"NaN\"))", "error: overflow"},
        {"int(double(\"-Infinity\"))", "error: overflow"},
        {"int(\"" MIN "\")", MIN},
        {"int(\"" MAX "\")", MAX},
        {"int(\"+7\")", "7"},
        {"int(\"007\")", "7"},
        {"int(\"9223372036854775808\")", BAD},
        {"int(\"-9223372036854775809\")", BAD},
        {"int(\"99999999999999999999\")", BAD},
        {"int(\"\")", BAD},
        {"int(\"-\")", BAD},
        {"int(\" 1\")", BAD},
        {"int(\"1.0\")", BAD},
        {"int(\"0x1f\")", BAD},
        {"int(timestamp(\"1970-01-01T00:01:00.9Z\"))", "60"},
        {"int(timestamp(\"1969-12-31T23:59:59.9Z\"))", "-1"},
        {"int(true)", "column 1: int does not take (bool)"},
        {"int(dyn(true))", NONE},
        {"int(dyn(null))", NONE},
        {"int(dyn([]))", NONE},
        {"int(dyn(wait))", NONE},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void to_uint(void **state) {
    static const struct expression_case cases[] = {
        {"uint(5u)", "5u"},
        {"uint(" MAX ")", "9223372036854775807u"},
        {"uint(-1)", "error: overflow"},
        {"uint(3.99)", "3u"},
        {"uint(-0.5)", "error: overflow"},
        {"uint(-0.0)", "0u"},
        {"uint(18446744073709549568.0)", "18446744073709549568u"},
        {"uint(18446744073709551616.0)", "error: overflow"},
        {"uint(double(\"NaN\"))", "error: overflow"},
        {"uint(\"18446744073709551615\")", UMAX},
        {"uint(\"18446744073709551616\")", BAD},
        {"uint(\"-1\")", BAD},
        {"uint(\"x\")", BAD},
        {"uint(dyn(when))", NONE},
        {"uint(dyn(false))", NONE},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void to_double(void **state) {
    static const struct expression_case cases[] = {
        {"double(1)", "1.0"},
        {"double(7u)", "7.0"},
        {"double(" MAX ")", "9223372036854776000.0"},
        {"double(9007199254740993)", "9007199254740992.0"},
        {"double(2.5)", "2.5"},
        {"double(\"1.5e3\")", "1500.0"},
        {"double(\"-2\")", "-2.0"},
        {"double(\"NaN\")", "double(\"NaN\")"},
        {"double(\"Infinity\")", "double(\"Infinity\")"},
        {"double(\"+Infinity\")", "double(\"Infinity\")"},
        {"double(\"-inf\")", "double(\"-Infinity\")"},
        {"double(string(1.0 / 0.0))", "double(\"Infinity\")"},
        {"double(string(-1.0 / 0.0))", "double(\"-Infinity\")"},
        {"double(string(0.0 / 0.0))", "double(\"NaN\")"},
        {"double(string(-1.5e-300))", "-1.5e-300"},
        {"double(\"007\")", "7.0"},
        {"double(\"-00.5\")", "-0.5"},
        {"double(\"+1e2\")", "100.0"},
        {"double(\".5\")", "0.5"},
        {"double(\"-.5\")", "-0.5"},
        {"double(\"+-1\")", BAD},
        {"double(\"--1\")", BAD},
        {"double(\"-\")", BAD},
        {"double(\".\")", BAD},
        {"double(\"00x\")", BAD},
        {"double(\"1e999\")", BAD},
        {"double(\"0x10\")", BAD},
        {"double(\"\")", BAD},
        {"double(\"1.5x\")", BAD},
        {"double(\"nope\")", BAD},
        {"double(dyn(true))", NONE},
        {"double(dyn(wait))", NONE},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void to_string(void **state) {
    static const struct expression_case cases[] = {
        {"string(true)", "\"true\""},
        {"string(false)", "\"false\""},
        {"string(" MIN ")", "\"" MIN "\""},
        {"string(" UMAX ")", "\"18446744073709551615\""},
        {"string(1.5)", "\"1.5\""},
        {"string(-0.25)", "\"-0.25\""},
        {"string(\"a\")", "\"a\""},
        {"string(when)", "\"2026-11-23T09:30:15.25Z\""},
        {"string(wait)", "\"90.5s\""},
        {"string(duration(\"-1ns\"))", "\"-0.000000001s\""},
        {"string(dyn(null))", NONE},
        {"string(dyn([1]))", NONE},
        {"string(dyn({}))", NONE},
        {"string(int)", "column 1: string does not take (type)"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void to_bool(void **state) {
    static const struct expression_case cases[] = {
        {"bool(true)", "true"},       {"bool(\"true\")", "true"},
        {"bool(\"True\")", "true"},   {"bool(\"TRUE\")", "true"},
        {"bool(\"t\")", "true"},      {"bool(\"1\")", "true"},
        {"bool(\"false\")", "false"}, {"bool(\"False\")", "false"},
        {"bool(\"FALSE\")", "false"}, {"bool(\"f\")", "false"},
        {"bool(\"0\")", "false"},     {"bool(\"tRUE\")", BAD},
        {"bool(\"\")", BAD},          {"bool(\"yes\")", BAD},
        {"bool(dyn(1))", NONE},       {"bool(1)", "column 1: bool does not take (int)"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void to_times(void **state) {
    static const struct expression_case cases[] = {
        {"duration(wait)", "duration(\"90.5s\")"},
        {"duration(\"1h\")", "duration(\"3600s\")"},
        {"duration(\"1\")", BAD},
        {"duration(dyn(1))", NONE},
        {"timestamp(when) == when", "true"},
        {"timestamp(0)", "timestamp(\"1970-01-01T00:00:00Z\")"},
        {"timestamp(-62135596800)", "timestamp(\"0001-01-01T00:00:00Z\")"},
        {"timestamp(-62135596801)", "error: overflow"},
        {"timestamp(253402300799)", "timestamp(\"9999-12-31T23:59:59Z\")"},
        {"timestamp(253402300800)", "error: overflow"},
        {"timestamp(\"1970-01-01\")", BAD},
        {"timestamp(dyn(1.0))", NONE},
        {"timestamp(dyn(1u))", NONE},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void parts_of_timestamps(void **state) {
    static const struct expression_case cases[] = {
        {"when.getFullYear()", "2026"},
        {"when.getMonth()", "10"}, /* from 0 */
        {"when.getDate()", "23"},
        {"when.getDayOfMonth()", "22"}, /* from 0 */
        {"when.getDayOfWeek()", "1"},
        {"when.getDayOfYear()", "326"},
        {"when.getHours()", "9"},
        {"when.getMinutes()", "30"},
        {"when.getSeconds()", "15"},
        {"when.getMilliseconds()", "250"},
        {"when.getHours(\"UTC\")", "9"},
        {"when.getHours(\"Z\")", "9"},
        {"when.getHours(\"+02:00\")", "11"},
        {"when.getHours(\"02:00\")", "11"},
        {"when.getHours(\"-10:00\")", "23"},
        {"when.getDate(\"-10:00\")", "22"},
        {"when.getMinutes(\"+05:45\")", "15"},
        {"when.getMinutes(\"-00:31\")", "59"},
        {"when.getHours(\"Europe/Berlin\")", BAD},
        {"when.getHours(\"\")", BAD},
        {"when.getHours(\"+2\")", BAD},
        {"when.getHours(\".5Z\")", BAD},
        {"when.getHours(dyn(2))", NONE},
        {"timestamp(\"2024-12-31T00:00:00Z\").getDayOfYear()", "365"},
        {"timestamp(\"0001-01-01T00:00:00Z\").getFullYear(\"-01:00\")", "0"},
        {"timestamp(\"9999-12-31T23:59:59Z\").getFullYear(\"+01:00\")", "10000"},
        {"timestamp(\"1969-12-31T23:59:59.999Z\").getSeconds()", "59"},
        {"timestamp(\"1969-12-31T23:59:59.999Z\").getMilliseconds()", "999"},
        {"dyn(1).getHours()", NONE},
        {"number.getHours()", "column 8: getHours does not take (int)"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void parts_of_durations(void **state) {
    static const struct expression_case cases[] = {
        {"duration(\"3h25m45.5s\").getHours()", "3"},
        {"duration(\"3h25m45.5s\").getMinutes()", "205"},
        {"duration(\"3h25m45.5s\").getSeconds()", "12345"},
        {"duration(\"3h25m45.5s\").getMilliseconds()", "500"},
        {"duration(\"-3h25m45.5s\").getHours()", "-3"},
        {"duration(\"-3h25m45.5s\").getMinutes()", "-205"},
        {"duration(\"-3h25m45.5s\").getSeconds()", "-12345"},
        {"duration(\"-3h25m45.5s\").getMilliseconds()", "-500"},
        {"duration(\"-0.5s\").getSeconds()", "0"},
        {"wait.getHours(\"UTC\")", "column 6: getHours does not take..."},
        {"dyn(wait).getHours(\"UTC\")", NONE},
        {"wait.getDate()", "column 6: getDate does not take..."},
        {"dyn(wait).getDate()", NONE},
        {"dyn(wait).getFullYear()", NONE},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static int setup(void **state) {
    (void)state;
    expression_open("{\"number\": 12}");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    expression_close();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(to_int),
        cmocka_unit_test(to_uint),
        cmocka_unit_test(to_double),
        cmocka_unit_test(to_string),
        cmocka_unit_test(to_bool),
        cmocka_unit_test(to_times),
        cmocka_unit_test(parts_of_timestamps),
        cmocka_unit_test(parts_of_durations),
    };
    return cmocka_run_group_tests_name("convert", tests, setup, teardown);
}
