#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/expression_fixture.h"

#define MAX "9223372036854775807"
#define MIN "-9223372036854775808"
#define UMAX "18446744073709551615u"

static void integers(void **state) {
    static const struct expression_case cases[] = {
        {"7 + 3", "10"},
        {"7 - 10", "-3"},
        {"7 * -3", "-21"},
        {"7 / 2", "3"},
        {"-7 / 2", "-3"},
        {"7 % 3", "1"},
        {"-7 % 3", "-1"},
        {"7 % -3", "1"},
        {"-number", "-12"},
        {"--number", "12"},
        {MAX " + 0", MAX},
        {MAX " + 1", "error: overflow"},
        {MIN " - 1", "error: overflow"},
        {MIN " + -1", "error: overflow"},
        {"0 - " MIN, "error: overflow"},
        {MAX " * 2", "error: overflow"},
        {MIN " * -1", "error: overflow"},
        {"5000000000 * 5000000000", "error: overflow"},
        {MIN " / -1", "error: overflow"},
        {MIN " % -1", "error: overflow"},
        {"-(" MIN ")", "error: overflow"},
        {MIN " / 1", MIN},
        {"number / 0", "error: divide by zero"},
        {"number % 0", "error: modulus by zero"},
        {"0 / 0", "error: divide by zero"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void unsigned_integers(void **state) {
    static const struct expression_case cases[] = {
        {"7u + 3u", "10u"},
        {"7u - 3u", "4u"},
        {"7u * 3u", "21u"},
        {"7u / 2u", "3u"},
        {"7u % 4u", "3u"},
        {UMAX " + 0u", UMAX},
        {UMAX " + 1u", "error: overflow"},
        {"0u - 1u", "error: overflow"},
        {UMAX " * 2u", "error: overflow"},
        {UMAX " / 1u", UMAX},
        {"whole / 0u", "error: divide by zero"},
        {"whole % 0u", "error: modulus by zero"},
        {"-whole", "column 1: - does not take (uint)..."},
        {"-dyn(1u)", "error: no such overload"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void doubles(void **state) {
    static const struct expression_case cases[] = {
        {"1.5 + 2.25", "3.75"},
        {"1.5 - 2.0", "-0.5"},
        {"1.5 * -2.0", "-3.0"},
        {"1.0 / 4.0", "0.25"},
        {"-real", "-2.5"},
        {"-0.0", "-0.0"},
        {"1.0 / 0.0", "double(\"Infinity\")"},
        {"-1.0 / 0.0", "double(\"-Infinity\")"},
        {"0.0 / 0.0", "double(\"NaN\")"},
        {"1e308 * 10.0", "double(\"Infinity\")"},
        {"1e-320 / 1e10", "0.0"},
        {"5.0 % 2.0", "column 5: % does not take (double, double)"},
        {"dyn(5.0) % 2.0", "column 10: % does not take (dyn, double)..."},
        {"dyn(5.0) % dyn(2.0)", "error: no such overload"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

/* Arithmetic never mixes types; what is known is refused, what is not fails. */
static void mixed_types(void **state) {
    static const struct expression_case cases[] = {
        {"1 + 1u", "column 3: + does not take (int, uint); arithmetic does not mix types..."},
        {"1 + 1.0", "column 3: + does not take (int, double); arithmetic does not mix types..."},
        {"1 + \"1\"", "column 3: + does not take (int, string); arithmetic does not mix types..."},
        {"true + true", "column 6: + does not take (bool, bool)"},
        {"null + 1", "column 6: + does not take (null_type, int)..."},
        {"dyn(1) + dyn(1u)", "error: no such overload"},
        {"dyn(1) - dyn(1.0)", "error: no such overload"},
        {"dyn(\"a\") - dyn(\"a\")", "error: no such overload"},
        {"dyn(1) * dyn(\"a\")", "error: no such overload"},
        {"dyn([1]) + dyn(1)", "error: no such overload"},
        {"dyn({}) + dyn({})", "error: no such overload"},
        {"dyn(true) + dyn(true)", "error: no such overload"},
        {"dyn(null) / dyn(null)", "error: no such overload"},
        {"-dyn(\"a\")", "error: no such overload"},
        {"-dyn(true)", "error: no such overload"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void texts(void **state) {
    static const struct expression_case cases[] = {
        {"\"a\" + \"b\" + text", "\"abhello\""},
        {"\"\" + \"\"", "\"\""},
        {"size(\"\")", "0"},
        {"size(\"h\\u00e9\\u20ac\\U0001f600\")", "4"},
        {"\"h\xc3\xa9\".size()", "2"},
        {"size(text)", "5"},
        {"text.size()", "5"},
        {"text.startsWith(\"he\")", "true"},
        {"text.startsWith(\"\")", "true"},
        {"text.startsWith(\"hellos\")", "false"},
        {"text.endsWith(\"lo\")", "true"},
        {"text.endsWith(\"\")", "true"},
        {"text.endsWith(\"shello\")", "false"},
        {"text.contains(\"ell\")", "true"},
        {"text.contains(\"\")", "true"},
        {"\"\".contains(\"\")", "true"},
        {"text.contains(\"elo\")", "false"},
        {"text.matches(\"^h.*o$\")", "true"},
        {"matches(text, \"l{3}\")", "false"},
        {"dyn(1).startsWith(\"1\")", "error: no such overload"},
        {"dyn(1).endsWith(\"1\")", "error: no such overload"},
        {"text.contains(dyn(1))", "error: no such overload"},
        {"dyn(1).matches(\"1\")", "error: no such overload"},
        {"number.contains(\"1\")", "column 8: contains does not take (int, string)"},
        {"text.startsWith(\"a\", \"b\")", "column 6: startsWith does not take..."},
        {"text.startsWith()", "column 6: startsWith does not take (string)"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void containers(void **state) {
    static const struct expression_case cases[] = {
        {"[1] + [2, 3]", "[1, 2, 3]"},
        {"[] + []", "[]"},
        {"items + [4]", "[1, \"two\", 3.0, 4]"},
        {"size([])", "0"},
        {"size([1, [2, 3]])", "2"},
        {"size({})", "0"},
        {"{\"a\": 1}.size()", "1"},
        {"size(items)", "3"},
        {"size(labels)", "2"},
        {"size(number)", "column 1: size does not take (int)"},
        {"size(dyn(1))", "error: no such overload"},
        {"size(dyn(null))", "error: no such overload"},
        {"size(any)", "error: no such overload"},
        {"items[0]", "1"},
        {"items[1]", "\"two\""},
        {"items[2u]", "3.0"},
        {"items[dyn(0.0)]", "1"},
        {"[7, 8][1]", "8"},
        {"[7, 8][1.0]", "8"},
        {"items[3]", "error: index out of range"},
        {"items[-1]", "error: index out of range"},
        {"[][0]", "error: index out of range"},
        {"items[0.5]", "error: index out of range"},
        {"items[double(\"NaN\")]", "error: index out of range"},
        {"items[1e300]", "error: index out of range"},
        {"items[" UMAX "]", "error: index out of range"},
        {"items[" MIN "]", "error: index out of range"},
        {"items[text]", "column 6: [] does not take (list(dyn), string)"},
        {"items[\"0\"]", "error: no such key"}, /* a path, as items.0 would be */
        {"items[dyn(true)]", "error: no such overload"},
        {"labels[\"tier\"]", "\"gold\""},
        {"labels[text]", "error: no such key"},
        {"labels[\"none\"]", "error: no such key"},
        {"{1: \"a\", true: \"b\", \"k\": \"c\", 4u: \"d\"}[true]", "\"b\""},
        {"{1: \"a\"}[1u]", "\"a\""},
        {"{1u: \"a\"}[1]", "\"a\""},
        {"{1: \"a\"}[1.0]", "\"a\""},
        {"{1: \"a\"}[1.5]", "error: no such key"},
        {"dyn(5)[0]", "error: no such overload"},
        {"number[0]", "column 7: [] does not take (int, int)"},
        {"dyn(null)[0]", "error: no such overload"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void types(void **state) {
    static const struct expression_case cases[] = {
        {"type(1)", "int"},
        {"type(1u)", "uint"},
        {"type(1.0)", "double"},
        {"type(\"\")", "string"},
        {"type(true)", "bool"},
        {"type(null)", "null_type"},
        {"type([])", "list"},
        {"type({})", "map"},
        {"type(items)", "list"},
        {"type(labels)", "map"},
        {"type(when)", "google.protobuf.Timestamp"},
        {"type(wait)", "google.protobuf.Duration"},
        {"type(type(1))", "type"},
        {"type(type)", "type"},
        {"type(1) == int", "true"},
        {"type(1) == uint", "false"},
        {"type(when) == google.protobuf.Timestamp", "true"},
        {"type(null) == null_type", "true"},
        {"int == int", "true"},
        {"dyn(1)", "1"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static int setup(void **state) {
    (void)state;
    expression_open("{\"flag\": true, \"number\": 12, \"real\": 2.5, \"text\": \"hello\", "
                    "\"items\": [1, \"two\", 3.0], \"labels\": {\"tier\": \"gold\", \"n\": 1}, "
                    "\"any\": 5}");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    expression_close();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers), cmocka_unit_test(unsigned_integers),
        cmocka_unit_test(doubles),  cmocka_unit_test(mixed_types),
        cmocka_unit_test(texts),    cmocka_unit_test(containers),
        cmocka_unit_test(types),
    };
    return cmocka_run_group_tests_name("builtin", tests, setup, teardown);
}
