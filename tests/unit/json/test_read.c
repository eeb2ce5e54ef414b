#include "unit/json/json_fixture.h"

#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A text, and how it is written anew. */
struct accepted {
    struct bl_str text;
    struct bl_str written;
};

#define SAME(text)                                                                                 \
    { BL_STR(text), BL_STR(text) }
#define READS(text, written)                                                                       \
    { BL_STR(text), BL_STR(written) }

static const struct accepted accepted[] = {
    /* words */
    SAME("null"),
    SAME("true"),
    SAME("false"),
    /* space: each kind, before and behind */
    READS(" null", "null"),
    READS("\tnull", "null"),
    READS("\nnull", "null"),
    READS("\rnull", "null"),
    READS("null ", "null"),
    READS("null\t", "null"),
    READS("null\n", "null"),
    READS("null\r", "null"),
    READS(" \t\r\n null \n\r\t ", "null"),
    /* integers */
    SAME("0"),
    SAME("1"),
    SAME("-1"),
    SAME("9"),
    SAME("10"),
    SAME("1234567890"),
    SAME("-1234567890"),
    SAME("9007199254740993"),
    SAME("9223372036854775807"),
    SAME("-9223372036854775808"),
    SAME("9223372036854775808"),
    SAME("9999999999999999999"),
    SAME("10000000000000000000"),
    SAME("18446744073709551615"),
    /* doubles */
    SAME("-0"),
    READS("-0.0", "-0"),
    READS("-0e0", "-0"),
    READS("0.0", "0.0"),
    READS("0e0", "0.0"),
    READS("0E+5", "0.0"),
    READS("0e-5", "0.0"),
    READS("1.0", "1.0"),
    READS("1e0", "1.0"),
    SAME("0.1"),
    SAME("-0.1"),
    SAME("1.5"),
    SAME("123.456"),
    READS("1.50", "1.5"),
    READS("1e3", "1000.0"),
    READS("1E3", "1000.0"),
    READS("1e+3", "1000.0"),
    READS("1E+3", "1000.0"),
    READS("1e-3", "0.001"),
    READS("1E-3", "0.001"),
    READS("1.5e3", "1500.0"),
    READS("-1.5E-3", "-0.0015"),
    READS("1e00003", "1000.0"),
    READS("1e22", "1e+22"),
    READS("1.7976931348623157e308", "1.7976931348623157e+308"),
    READS("2.2250738585072014e-308", "2.2250738585072014e-308"),
    READS("5e-324", "5e-324"),
    READS("1e-400", "0.0"),
    READS("-1e-400", "-0"),
    READS("1e-99999999999999999999", "0.0"),
    READS("0e99999999999999999999", "0.0"),
    READS("18446744073709551616", "18446744073709552000.0"),
    READS("20000000000000000000", "20000000000000000000.0"),
    READS("-9223372036854775809", "-9223372036854776000.0"),
    READS("100000000000000000000000", "1e+23"),
    /* strings */
    SAME("\"\""),
    SAME("\"a\""),
    SAME("\"1234567\""),
    SAME("\"12345678\""),
    SAME("\"123456789\""),
    SAME("\"1234567890123456\""),
    SAME("\" ~\x7f\""),
    SAME("\"'/<>&\""),
    SAME("\"\\\"\""),
    SAME("\"\\\\\""),
    READS("\"\\/\"", "\"/\""),
    SAME("\"\\b\""),
    SAME("\"\\f\""),
    SAME("\"\\n\""),
    SAME("\"\\r\""),
    SAME("\"\\t\""),
    SAME("\"a\\nb\""),
    SAME("\"12345678\\n12345678\\n\""),
    READS("\"\\u0041\"", "\"A\""),
    READS("\"\\u0000\"", "\"\\u0000\""),
    READS("\"\\u001f\"", "\"\\u001f\""),
    READS("\"\\u001F\"", "\"\\u001f\""),
    READS("\"\\u000a\"", "\"\\n\""),
    READS("\"\\u0022\"", "\"\\\"\""),
    READS("\"\\u005C\"", "\"\\\\\""),
    READS("\"\\u007f\"", "\"\x7f\""),
    READS("\"\\u0080\"", "\"\xC2\x80\""),
    READS("\"\\u07ff\"", "\"\xDF\xBF\""),
    READS("\"\\u0800\"", "\"\xE0\xA0\x80\""),
    READS("\"\\ud7ff\"", "\"\xED\x9F\xBF\""),
    READS("\"\\ue000\"", "\"\xEE\x80\x80\""),
    READS("\"\\uFFFF\"", "\"\xEF\xBF\xBF\""),
    READS("\"\\ud800\\udc00\"", "\"\xF0\x90\x80\x80\""),
    READS("\"\\uD83D\\uDE00\"", "\"\xF0\x9F\x98\x80\""),
    READS("\"\\udbff\\udfff\"", "\"\xF4\x8F\xBF\xBF\""),
    READS("\"a\\uD83D\\uDE00b\\u00e9c\"", "\"a\xF0\x9F\x98\x80"
                                          "b\xC3\xA9"
                                          "c\""),
    SAME("\"\xC2\x80\""),
    SAME("\"\xC3\xA9\""),
    SAME("\"\xDF\xBF\""),
    SAME("\"\xE0\xA0\x80\""),
    SAME("\"\xE2\x82\xAC\""),
    SAME("\"\xED\x9F\xBF\""),
    SAME("\"\xEE\x80\x80\""),
    SAME("\"\xEF\xBB\xBF\""),
    SAME("\"\xEF\xBF\xBF\""),
    SAME("\"\xF0\x90\x80\x80\""),
    SAME("\"\xF4\x8F\xBF\xBF\""),
    SAME("\"\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82 \xD0\xBC\xD0\xB8\xD1\x80\""),
    SAME("\"\xE8\xAF\xB7\xE6\xB1\x82 abc \xE5\x86\x85\xE5\xAE\xB9\""),
    READS("\"\\n\xD0\x9F\xD1\x80\xE8\xAF\xB7\xF0\x9F\x98\x80 12345678\"",
          "\"\\n\xD0\x9F\xD1\x80\xE8\xAF\xB7\xF0\x9F\x98\x80 12345678\""),
    /* arrays */
    SAME("[]"),
    READS("[ ]", "[]"),
    READS("[\n]", "[]"),
    SAME("[1]"),
    READS("[ 1 ]", "[1]"),
    SAME("[1,2]"),
    READS("[1 ,2]", "[1,2]"),
    READS("[1, 2]", "[1,2]"),
    READS("[\r\n1\r\n,\t2 ]", "[1,2]"),
    SAME("[[]]"),
    SAME("[[],[]]"),
    SAME("[[[[1]]],2]"),
    SAME("[null,true,false,1,1.5,\"a\",[],{}]"),
    SAME("[1,1]"),
    /* objects */
    SAME("{}"),
    READS("{ }", "{}"),
    READS("{\t\n}", "{}"),
    SAME("{\"a\":1}"),
    READS("{ \"a\" : 1 }", "{\"a\":1}"),
    READS("{\"a\"\n:\n1\n}", "{\"a\":1}"),
    SAME("{\"a\":1,\"b\":2}"),
    READS("{\"a\":1 , \"b\":2}", "{\"a\":1,\"b\":2}"),
    SAME("{\"\":1}"),
    SAME("{\"a\":{\"a\":{\"a\":1}}}"),
    SAME("{\"a\":[{\"a\":1},{\"a\":2}],\"b\":{\"a\":1}}"),
    SAME("{\"A\":1,\"a\":2}"),
    SAME("{\"b\":1,\"a\":2}"),
    SAME("{\"a\\u0000b\":1,\"a\\u0000c\":2}"),
    READS("{\"\\u0061\":1,\"b\":2}", "{\"a\":1,\"b\":2}"),
    SAME("{\"a\":null,\"b\":true,\"c\":false,\"d\":\"x\",\"e\":-1}"),
};

/* A text, where it is found wrong, and part of what is said. */
struct refused {
    struct bl_str text;
    uint32_t line;
    uint32_t column;
    const char *message;
};

#define REFUSED(text, line, column, message)                                                       \
    { BL_STR(text), line, column, message }

#define VALUE "a JSON value should begin here"

static const struct refused refused[] = {
    /* nothing */
    REFUSED("", 0, 0, "the document is empty"),
    REFUSED(" ", 1, 2, "the document is empty"),
    REFUSED("\n\n", 3, 1, "the document is empty"),
    REFUSED("\xEF\xBB\xBF{}", 1, 1, "byte order mark"),
    REFUSED("\xEF\xBB\xBF", 1, 1, "byte order mark"),
    REFUSED("\xFF\xFE{\0}\0", 1, 1, VALUE),
    REFUSED("\0", 1, 1, VALUE),
    REFUSED("\0{}", 1, 1, VALUE),
    /* words */
    REFUSED("n", 1, 1, VALUE),
    REFUSED("nul", 1, 1, VALUE),
    REFUSED("nulL", 1, 1, VALUE),
    REFUSED("Null", 1, 1, VALUE),
    REFUSED("None", 1, 1, VALUE),
    REFUSED("NaN", 1, 1, VALUE),
    REFUSED("Infinity", 1, 1, VALUE),
    REFUSED("-Infinity", 1, 1, "a digit after the minus sign"),
    REFUSED("-NaN", 1, 1, "a digit after the minus sign"),
    REFUSED("t", 1, 1, VALUE),
    REFUSED("tru", 1, 1, VALUE),
    REFUSED("True", 1, 1, VALUE),
    REFUSED("TRUE", 1, 1, VALUE),
    REFUSED("f", 1, 1, VALUE),
    REFUSED("fals", 1, 1, VALUE),
    REFUSED("False", 1, 1, VALUE),
    REFUSED("undefined", 1, 1, VALUE),
    REFUSED("nullx", 1, 5, "more text after the end"),
    REFUSED("truetrue", 1, 5, "more text after the end"),
    REFUSED("true false", 1, 6, "more text after the end"),
    REFUSED("null\0", 1, 5, "more text after the end"),
    /* space that is none */
    REFUSED("\vnull", 1, 1, VALUE),
    REFUSED("\fnull", 1, 1, VALUE),
    REFUSED("null\f", 1, 5, "more text"),
    REFUSED("\xC2\xA0null", 1, 1, VALUE),
    REFUSED("\xE2\x80\xA8null", 1, 1, VALUE),
    REFUSED("[1,\v2]", 1, 4, VALUE),
    /* comments */
    REFUSED("// a\n1", 1, 1, VALUE),
    REFUSED("/* a */ 1", 1, 1, VALUE),
    REFUSED("# a\n1", 1, 1, VALUE),
    REFUSED("1 // a", 1, 3, "more text"),
    REFUSED("[1 /* a */]", 1, 4, "a comma or ]"),
    /* numbers */
    REFUSED("-", 1, 1, "a digit after the minus sign"),
    REFUSED("- 1", 1, 1, "a digit after the minus sign"),
    REFUSED("--1", 1, 1, "a digit after the minus sign"),
    REFUSED("-a", 1, 1, "a digit after the minus sign"),
    REFUSED("-.5", 1, 1, "a digit after the minus sign"),
    REFUSED("+1", 1, 1, VALUE),
    REFUSED("+", 1, 1, VALUE),
    REFUSED(".5", 1, 1, VALUE),
    REFUSED("00", 1, 1, "may not begin with 0"),
    REFUSED("01", 1, 1, "may not begin with 0"),
    REFUSED("-01", 1, 1, "may not begin with 0"),
    REFUSED("-00", 1, 1, "may not begin with 0"),
    REFUSED("012.5", 1, 1, "may not begin with 0"),
    REFUSED("1.", 1, 1, "a digit after the decimal point"),
    REFUSED("1.e5", 1, 1, "a digit after the decimal point"),
    REFUSED("0.", 1, 1, "a digit after the decimal point"),
    REFUSED("1.x", 1, 1, "a digit after the decimal point"),
    REFUSED("1..5", 1, 1, "a digit after the decimal point"),
    REFUSED("1e", 1, 1, "a digit in its exponent"),
    REFUSED("1E", 1, 1, "a digit in its exponent"),
    REFUSED("1e+", 1, 1, "a digit in its exponent"),
    REFUSED("1e-", 1, 1, "a digit in its exponent"),
    REFUSED("1e+-1", 1, 1, "a digit in its exponent"),
    REFUSED("1ex", 1, 1, "a digit in its exponent"),
    REFUSED("1.5e", 1, 1, "a digit in its exponent"),
    REFUSED("1e5.5", 1, 4, "more text"),
    REFUSED("1e5e5", 1, 4, "more text"),
    REFUSED("1.5.5", 1, 4, "more text"),
    REFUSED("0x10", 1, 2, "more text"),
    REFUSED("1_000", 1, 2, "more text"),
    REFUSED("1,5", 1, 2, "more text"),
    REFUSED("1f", 1, 2, "more text"),
    REFUSED("1 2", 1, 3, "more text"),
    REFUSED("\xD9\xA1", 1, 1, VALUE),
    REFUSED("1e309", 1, 1, "too large for a 64-bit double"),
    REFUSED("-1e309", 1, 1, "too large for a 64-bit double"),
    REFUSED("1.7976931348623159e308", 1, 1, "too large for a 64-bit double"),
    REFUSED("1e99999999999999999999", 1, 1, "too large for a 64-bit double"),
    REFUSED("[1,\n 1e999]", 2, 2, "too large for a 64-bit double"),
    /* strings: their ends */
    REFUSED("\"", 1, 2, "not closed"),
    REFUSED("\"a", 1, 3, "not closed"),
    REFUSED("\"12345678", 1, 10, "not closed"),
    REFUSED("\"a\\", 1, 3, "not closed"),
    REFUSED("\"a\\\"", 1, 5, "not closed"),
    REFUSED("\"\\n", 1, 4, "not closed"),
    REFUSED("\"a\nb\"", 1, 3, "not closed on its line"),
    REFUSED("\"a\rb\"", 1, 3, "not closed on its line"),
    REFUSED("\"\\ta\nb\"", 1, 5, "not closed on its line"),
    REFUSED("'a'", 1, 1, VALUE),
    REFUSED("a", 1, 1, VALUE),
    REFUSED("\"a\"b", 1, 4, "more text"),
    REFUSED("\"a\"\"b\"", 1, 4, "more text"),
    REFUSED("`a`", 1, 1, VALUE),
    REFUSED("\xE2\x80\x9C"
            "a\xE2\x80\x9D",
            1, 1, VALUE),
    /* strings: control characters */
    REFUSED("\"\0\"", 1, 2, "control character"),
    REFUSED("\"\x01\"", 1, 2, "control character"),
    REFUSED("\"\x1f\"", 1, 2, "control character"),
    REFUSED("\"\t\"", 1, 2, "control character"),
    REFUSED("\"1234567\x1f\"", 1, 9, "control character"),
    REFUSED("\"12345678\x1f\"", 1, 10, "control character"),
    REFUSED("\"\\n\t\"", 1, 4, "control character"),
    /* strings: escapes */
    REFUSED("\"\\a\"", 1, 2, "a backslash is followed by"),
    REFUSED("\"\\x41\"", 1, 2, "a backslash is followed by"),
    REFUSED("\"\\'\"", 1, 2, "a backslash is followed by"),
    REFUSED("\"\\0\"", 1, 2, "a backslash is followed by"),
    REFUSED("\"\\N\"", 1, 2, "a backslash is followed by"),
    REFUSED("\"\\ \"", 1, 2, "a backslash is followed by"),
    REFUSED("\"\\\n\"", 1, 2, "a backslash is followed by"),
    REFUSED("\"\\\0\"", 1, 2, "a backslash is followed by"),
    REFUSED("\"ab\\v\"", 1, 4, "a backslash is followed by"),
    REFUSED("\"\\u\"", 1, 2, "four hexadecimal digits"),
    REFUSED("\"\\u1\"", 1, 2, "four hexadecimal digits"),
    REFUSED("\"\\u12\"", 1, 2, "four hexadecimal digits"),
    REFUSED("\"\\u123\"", 1, 2, "four hexadecimal digits"),
    REFUSED("\"\\u123", 1, 2, "four hexadecimal digits"),
    REFUSED("\"\\u123g\"", 1, 2, "four hexadecimal digits"),
    REFUSED("\"\\u+123\"", 1, 2, "four hexadecimal digits"),
    REFUSED("\"\\u 123\"", 1, 2, "four hexadecimal digits"),
    REFUSED("\"\\U0041\"", 1, 2, "a backslash is followed by"),
    REFUSED("\"\\u{41}\"", 1, 2, "four hexadecimal digits"),
    REFUSED("\"\\ud800\"", 1, 2, "surrogate"),
    REFUSED("\"\\udbff\"", 1, 2, "surrogate"),
    REFUSED("\"\\udc00\"", 1, 2, "surrogate"),
    REFUSED("\"\\udfff\"", 1, 2, "surrogate"),
    REFUSED("\"\\ud800x\"", 1, 2, "surrogate"),
    REFUSED("\"\\ud800\\n\"", 1, 2, "surrogate"),
    REFUSED("\"\\ud800\\u0041\"", 1, 2, "surrogate"),
    REFUSED("\"\\ud800\\ud800\"", 1, 2, "surrogate"),
    REFUSED("\"\\ud800\\u\"", 1, 2, "surrogate"),
    REFUSED("\"\\ud800\\udc0\"", 1, 2, "surrogate"),
    REFUSED("\"\\udc00\\ud800\"", 1, 2, "surrogate"),
    REFUSED("\"\\udc00\\udc00\"", 1, 2, "surrogate"),
    REFUSED("\"\\ud800\\ue000\"", 1, 2, "surrogate"),
    REFUSED("\"ab\\ud800\"", 1, 4, "surrogate"),
    /* strings: UTF-8 */
    REFUSED("\"\x80\"", 1, 2, "UTF-8"),
    REFUSED("\"\xBF\"", 1, 2, "UTF-8"),
    REFUSED("\"\xC0\x80\"", 1, 2, "UTF-8"),
    REFUSED("\"\xC1\xBF\"", 1, 2, "UTF-8"),
    REFUSED("\"\xC2\"", 1, 2, "UTF-8"),
    REFUSED("\"\xC2", 1, 2, "UTF-8"),
    REFUSED("\"\xC2\xC2\"", 1, 2, "UTF-8"),
    REFUSED("\"\xE0\x80\x80\"", 1, 2, "UTF-8"),
    REFUSED("\"\xE0\x9F\xBF\"", 1, 2, "UTF-8"),
    REFUSED("\"\xE2\x82\"", 1, 2, "UTF-8"),
    REFUSED("\"\xE2\x82", 1, 2, "UTF-8"),
    REFUSED("\"\xE2\x28\xA1\"", 1, 2, "UTF-8"),
    REFUSED("\"\xED\xA0\x80\"", 1, 2, "UTF-8"),
    REFUSED("\"\xED\xBF\xBF\"", 1, 2, "UTF-8"),
    REFUSED("\"\xF0\x80\x80\x80\"", 1, 2, "UTF-8"),
    REFUSED("\"\xF0\x8F\xBF\xBF\"", 1, 2, "UTF-8"),
    REFUSED("\"\xF0\x9F\x98\"", 1, 2, "UTF-8"),
    REFUSED("\"\xF4\x90\x80\x80\"", 1, 2, "UTF-8"),
    REFUSED("\"\xF5\x80\x80\x80\"", 1, 2, "UTF-8"),
    REFUSED("\"\xFE\"", 1, 2, "UTF-8"),
    REFUSED("\"\xFF\"", 1, 2, "UTF-8"),
    REFUSED("\"abcdefgh\xFF\"", 1, 10, "UTF-8"),
    REFUSED("\"\\n\xFF\"", 1, 4, "UTF-8"),
    REFUSED("\"\xD0\x9F\xD1\x80\xD0\"", 1, 6, "UTF-8"),
    /* arrays */
    REFUSED("[", 1, 2, "ends inside an array"),
    REFUSED("[ ", 1, 3, "ends inside an array"),
    REFUSED("[1", 1, 3, "ends inside an array"),
    REFUSED("[1,", 1, 4, "ends inside an array"),
    REFUSED("[[]", 1, 4, "ends inside an array"),
    REFUSED("]", 1, 1, VALUE),
    REFUSED("[]]", 1, 3, "more text"),
    REFUSED("[,]", 1, 2, VALUE),
    REFUSED("[,1]", 1, 2, VALUE),
    REFUSED("[1,]", 1, 4, VALUE),
    REFUSED("[1,,2]", 1, 4, VALUE),
    REFUSED("[1 2]", 1, 4, "a comma or ]"),
    REFUSED("[1}", 1, 3, "a comma or ]"),
    REFUSED("[1:2]", 1, 3, "a comma or ]"),
    REFUSED("[\"a\":1]", 1, 5, "a comma or ]"),
    REFUSED("[1;2]", 1, 3, "a comma or ]"),
    REFUSED("[}", 1, 2, VALUE),
    REFUSED("[][]", 1, 3, "more text"),
    REFUSED("[\n1,\n  x]", 3, 3, VALUE),
    /* objects */
    REFUSED("{", 1, 2, "ends inside an object"),
    REFUSED("{ ", 1, 3, "ends inside an object"),
    REFUSED("{\"a\"", 1, 5, "a colon"),
    REFUSED("{\"a\":", 1, 6, "ends inside an object"),
    REFUSED("{\"a\":1", 1, 7, "ends inside an object"),
    REFUSED("{\"a\":1,", 1, 8, "ends inside an object"),
    REFUSED("{\"a", 1, 4, "not closed"),
    REFUSED("}", 1, 1, VALUE),
    REFUSED("{}}", 1, 3, "more text"),
    REFUSED("{,}", 1, 2, "a key in double quotes"),
    REFUSED("{\"a\":1,}", 1, 8, "a key in double quotes"),
    REFUSED("{\"a\":1,,\"b\":2}", 1, 8, "a key in double quotes"),
    REFUSED("{a:1}", 1, 2, "a key in double quotes"),
    REFUSED("{'a':1}", 1, 2, "a key in double quotes"),
    REFUSED("{1:1}", 1, 2, "a key in double quotes"),
    REFUSED("{null:1}", 1, 2, "a key in double quotes"),
    REFUSED("{[]:1}", 1, 2, "a key in double quotes"),
    REFUSED("{\"a\"}", 1, 5, "a colon"),
    REFUSED("{\"a\" 1}", 1, 6, "a colon"),
    REFUSED("{\"a\",1}", 1, 5, "a colon"),
    REFUSED("{\"a\"=1}", 1, 5, "a colon"),
    REFUSED("{\"a\"::1}", 1, 6, VALUE),
    REFUSED("{\"a\":}", 1, 6, VALUE),
    REFUSED("{\"a\":,}", 1, 6, VALUE),
    REFUSED("{\"a\":1 \"b\":2}", 1, 8, "a comma or }"),
    REFUSED("{\"a\":1]", 1, 7, "a comma or }"),
    REFUSED("{\"a\":1;}", 1, 7, "a comma or }"),
    REFUSED("{]", 1, 2, "a key in double quotes"),
    REFUSED("{\"a\":\xC3\xA9}", 1, 6, VALUE),
    /* duplicate keys */
    REFUSED("{\"a\":1,\"a\":2}", 1, 8,
            "the key \"a\" stands twice in one object, first in line 1, "
            "column 2"),
    REFUSED("{\"a\":1,\"a\":1}", 1, 8, "stands twice"),
    REFUSED("{\"a\":1,\n \"b\":2,\n \"a\":3}", 3, 2, "first in line 1, column 2"),
    REFUSED("{\"\":1,\"\":2}", 1, 7, "the key \"\" stands twice"),
    REFUSED("{\"a\":1,\"\\u0061\":2}", 1, 8, "the key \"a\" stands twice"),
    REFUSED("{\"\\n\":1,\"\\u000a\":2}", 1, 9, "the key \"?\" stands twice"),
    REFUSED("[{\"x\":{\"b\":[],\"b\":{}}}]", 1, 15, "the key \"b\" stands twice"),
    REFUSED("{\"a\":{\"a\":1,\"c\":1,\"c\":1}}", 1, 19, "the key \"c\" stands twice"),
    REFUSED("{\"abcdefghi\":1,\"abcdefghj\":2,\"abcdefghi\":3}", 1, 30,
            "first in line 1, column 2"),
};

static void test_accepted(void **state) {
    struct json_fixture fixture;
    (void)state;
    json_fixture_init(&fixture);
    for (size_t i = 0; i < COUNT(accepted); i++) {
        (void)json_fixture_root(&fixture, accepted[i].text);
        assert_str(json_fixture_write(&fixture), accepted[i].written);
    }
    json_fixture_fini(&fixture);
}

static void test_refused(void **state) {
    struct json_fixture fixture;
    (void)state;
    json_fixture_init(&fixture);
    for (size_t i = 0; i < COUNT(refused); i++) {
        const struct refused *expected = &refused[i];
        bl_result result =
            json_fixture_read(&fixture, bl_json_read, expected->text, &json_wide_limits);
        const struct bl_diag *diag = &fixture.diag;
        bool as_expected = result.error == BL_E_INVALID_REQUEST && diag->line == expected->line &&
                           diag->column == expected->column &&
                           strstr(diag->message, expected->message) != NULL;
        if (!as_expected) {
            print_error("%.*s\ngot      %d, line %u, column %u: %s\nexpected line %u, column %u: "
                        "%s\n",
                        BL_STR_ARG(expected->text), (int)result.error, diag->line, diag->column,
                        diag->message, expected->line, expected->column, expected->message);
        }
        assert_true(as_expected);
        assert_int_equal(fixture.doc.count, 0);
        assert_int_equal(bl_json_type(bl_json_root(&fixture.doc)), BL_JSON_ABSENT);
    }
    json_fixture_fini(&fixture);
}

/* Each proper prefix of a document that begins with a bracket is refused. */
static void test_every_prefix_is_refused(void **state) {
    static const char text[] = "{\"a\":[1,-2.5e3,\"x\\u00e9\\n\\ud83d\\ude00\xE2\x82\xAC\",true,"
                               "false,null,{}],\"b\":{\"c\":[]}}";
    struct json_fixture fixture;
    (void)state;
    json_fixture_init(&fixture);
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        bl_result result = json_fixture_read(&fixture, bl_json_read, (struct bl_str){text, len},
                                             &json_wide_limits);
        assert_int_equal(result.error, BL_E_INVALID_REQUEST);
        assert_true(fixture.diag.message[0] != '\0');
    }
    (void)json_fixture_root(&fixture, bl_str_from_c(text));
    json_fixture_fini(&fixture);
}

static void test_hints(void **state) {
    static const struct {
        struct bl_str text;
        const char *hint;
    } cases[] = {
        {BL_STR("'a'"), "double quotes"},
        {BL_STR("{'a':1}"), "double quotes"},
        {BL_STR("// x"), "no comments"},
        {BL_STR("[1,]"), "remove the comma"},
        {BL_STR("{\"a\":1,}"), "remove the comma"},
        {BL_STR("NaN"), "no NaN"},
        {BL_STR("True"), "small letters"},
        {BL_STR(".5"), "before the decimal point"},
        {BL_STR("+5"), "plus sign"},
        {BL_STR("[1,\n [2,\n  3"), "close the array that begins in line 2, column 2"},
        {BL_STR("{\"a\":\n {\"b\":1"), "close the object that begins in line 2, column 2"},
        {BL_STR("\xEF\xBB\xBF{}"), "without a byte order mark"},
    };
    struct json_fixture fixture;
    (void)state;
    json_fixture_init(&fixture);
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_true(bl_is_error(
            json_fixture_read(&fixture, bl_json_read, cases[i].text, &json_wide_limits)));
        assert_non_null(strstr(fixture.diag.hint, cases[i].hint));
    }
    json_fixture_fini(&fixture);
}

static bl_result read_limited(struct json_fixture *fixture, struct bl_str text, uint32_t bytes,
                              uint32_t depth, uint32_t nodes) {
    const struct bl_json_limits limits = {bytes, depth, nodes};
    return json_fixture_read(fixture, bl_json_read, text, &limits);
}

static void test_limit_of_bytes(void **state) {
    struct json_fixture fixture;
    (void)state;
    json_fixture_init(&fixture);
    assert_true(bl_is_ok(read_limited(&fixture, BL_STR("[1,2]"), 6, 9, 9)));
    assert_true(bl_is_ok(read_limited(&fixture, BL_STR("[1,2]"), 5, 9, 9)));
    bl_result result = read_limited(&fixture, BL_STR("[1,2]"), 4, 9, 9);
    assert_int_equal(result.error, BL_E_INVALID_REQUEST);
    assert_string_equal(fixture.diag.message, "the document has 5 bytes, the limit is 4");
    json_fixture_fini(&fixture);
}

static void test_limit_of_depth(void **state) {
    char text[2 * 1025];
    struct json_fixture fixture;
    (void)state;
    json_fixture_init(&fixture);
    assert_true(bl_is_ok(read_limited(&fixture, BL_STR("1"), 99, 0, 99)));
    assert_true(bl_is_error(read_limited(&fixture, BL_STR("[]"), 99, 0, 99)));
    assert_true(bl_is_ok(read_limited(&fixture, BL_STR("[{\"a\":[]}]"), 99, 3, 99)));
    assert_true(bl_is_error(read_limited(&fixture, BL_STR("[{\"a\":[]}]"), 99, 2, 99)));
    assert_int_equal(fixture.diag.column, 7);
    assert_non_null(strstr(fixture.diag.message, "deeper than the limit of 2"));
    /* What is closed counts no more. */
    assert_true(bl_is_ok(read_limited(&fixture, BL_STR("[[],[],[[]]]"), 99, 3, 99)));
    for (size_t depth = 1023; depth <= 1025; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        bl_result result =
            read_limited(&fixture, (struct bl_str){text, 2 * depth}, 9999, 1024, 9999);
        assert_int_equal(bl_is_ok(result), depth <= 1024);
        if (depth <= 1024) {
            assert_str(json_fixture_write(&fixture), (struct bl_str){text, 2 * depth});
        }
    }
    json_fixture_fini(&fixture);
}

static void test_limit_of_nodes(void **state) {
    struct json_fixture fixture;
    (void)state;
    json_fixture_init(&fixture);
    /* The object, two keys, two values. */
    const struct bl_str text = BL_STR("{\"a\":1,\"b\":2}");
    assert_true(bl_is_ok(read_limited(&fixture, text, 99, 9, 6)));
    assert_true(bl_is_ok(read_limited(&fixture, text, 99, 9, 5)));
    assert_int_equal(fixture.doc.count, 5);
    assert_int_equal(read_limited(&fixture, text, 99, 9, 4).error, BL_E_INVALID_REQUEST);
    assert_non_null(strstr(fixture.diag.message, "more values and keys than the limit of 4"));
    assert_int_equal(fixture.diag.column, 12);
    assert_int_equal(read_limited(&fixture, text, 99, 9, 0).error, BL_E_INVALID_REQUEST);
    json_fixture_fini(&fixture);
}

/* Arrays of every length around the places where the tape grows. */
static void test_tape_grows(void **state) {
    struct json_fixture fixture;
    static char text[20002];
    (void)state;
    json_fixture_init(&fixture);
    for (uint32_t count = 1; count <= 10000; count += count < 600 ? 1 : 997) {
        for (uint32_t i = 0; i < count; i++) {
            text[2 * i] = i == 0 ? '[' : ',';
            text[2 * i + 1] = (char)('0' + i % 10);
        }
        text[2 * count] = ']';
        struct bl_json root =
            json_fixture_root(&fixture, (struct bl_str){text, (size_t)2 * count + 1});
        assert_int_equal(bl_json_count(root), count);
        assert_int_equal(fixture.doc.count, count + 1);
        struct bl_json_iter it = bl_json_iter(root);
        for (uint32_t i = 0; bl_json_next(&it); i++) {
            int64_t value = -1;
            assert_true(bl_json_int64(it.value, &value) && value == i % 10);
        }
    }
    json_fixture_fini(&fixture);
}

/* Wherever the arena ends, the reader says so, and nothing else happens. */
static void test_full_arena(void **state) {
    static char text[3000];
    size_t len = 0;
    bool fitted = false;
    (void)state;
    text[len++] = '{';
    for (int i = 0; i < 100; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\"k%d\":\"\\n%d\"",
                                i > 0 ? "," : "", i, i);
    }
    text[len++] = '}';
    for (size_t cap = 256; !fitted; cap += 256) {
        struct bl_arena arena;
        struct bl_json_doc doc;
        struct bl_diag diag;
        bl_arena_init(&arena, 256, cap);
        bl_result result =
            bl_json_read((struct bl_str){text, len}, &json_wide_limits, &arena, &doc, &diag);
        fitted = bl_is_ok(result);
        if (!fitted) {
            assert_int_equal(result.error, BL_E_RESOURCE_EXHAUSTED);
            assert_int_equal(doc.count, 0);
            assert_non_null(strstr(diag.message, "more memory"));
        }
        assert_true(cap < 65536);
        bl_arena_fini(&arena);
    }
}

/* The offset of a string's text, its length, and the end of each subtree. */
static void test_nodes(void **state) {
    struct json_fixture fixture;
    (void)state;
    json_fixture_init(&fixture);
    (void)json_fixture_root(&fixture, BL_STR(" {\"a\": [10, \"b\\n\"], \"c\": {}}"));
    const struct {
        enum bl_json_type type;
        uint32_t next;
        uint32_t offset;
        uint32_t length;
    } expected[] = {
        {BL_JSON_OBJECT, 7, 1, 2},  {BL_JSON_STRING, 2, 2, 1},  {BL_JSON_ARRAY, 5, 7, 2},
        {BL_JSON_INT, 4, 8, 0},     {BL_JSON_STRING, 5, 12, 2}, {BL_JSON_STRING, 6, 20, 1},
        {BL_JSON_OBJECT, 7, 25, 0},
    };
    assert_int_equal(fixture.doc.count, COUNT(expected));
    for (size_t i = 0; i < COUNT(expected); i++) {
        assert_int_equal(fixture.doc.nodes[i].type, expected[i].type);
        assert_int_equal(fixture.doc.nodes[i].next, expected[i].next);
        assert_int_equal(fixture.doc.nodes[i].offset, expected[i].offset);
        assert_int_equal(fixture.doc.nodes[i].length, expected[i].length);
    }
    assert_int_equal(fixture.doc.nodes[0].value.end, 28);
    assert_int_equal(fixture.doc.nodes[2].value.end, 18);
    json_fixture_fini(&fixture);
}

int main(void) {
    _Static_assert(COUNT(accepted) + COUNT(refused) >= 250, "the grammar, case by case");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_every_prefix_is_refused),
        cmocka_unit_test(test_hints),
        cmocka_unit_test(test_limit_of_bytes),
        cmocka_unit_test(test_limit_of_depth),
        cmocka_unit_test(test_limit_of_nodes),
        cmocka_unit_test(test_tape_grows),
        cmocka_unit_test(test_full_arena),
        cmocka_unit_test(test_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
