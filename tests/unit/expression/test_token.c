#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "expression/token.h"
#include "support/expression_fixture.h"

#define TEXT_ENDS "a text has no end; it ends with the quote it began with, on the same line"
#define ESCAPE "is no escape of a text; \\n, ..."

static void kinds(void **state) {
    static const struct {
        const char *text;
        int kind;
    } cases[] = {
        {"", BL_TOKEN_END},
        {" \t\n\r\f", BL_TOKEN_END},
        {"// a comment", BL_TOKEN_END},
        {"// a\n  // b\n", BL_TOKEN_END},
        {"name_1", BL_TOKEN_NAME},
        {"_", BL_TOKEN_NAME},
        {"inner", BL_TOKEN_NAME},
        {"truest", BL_TOKEN_NAME},
        {"r", BL_TOKEN_NAME},
        {"in", BL_TOKEN_IN},
        {"as", BL_TOKEN_RESERVED},
        {"while", BL_TOKEN_RESERVED},
        {"true", BL_TOKEN_LITERAL},
        {"null", BL_TOKEN_LITERAL},
        {"12", BL_TOKEN_LITERAL},
        {"'a'", BL_TOKEN_LITERAL},
        {"<=", BL_TOKEN_LESS_EQUAL},
        {">=", BL_TOKEN_GREATER_EQUAL},
        {"==", BL_TOKEN_EQUAL},
        {"!=", BL_TOKEN_NOT_EQUAL},
        {"&&", BL_TOKEN_AND},
        {"||", BL_TOKEN_OR},
        {"<", '<'},
        {"! =", '!'},
        {"? :", '?'},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bl_lexer lexer = {.text = bl_str_from_c(cases[i].text),
                                 .arena = &expression.arena,
                                 .diag = &expression.diag};
        struct bl_token token;
        assert_true(bl_is_ok(bl_lexer_next(&lexer, &token)));
        if (token.kind != cases[i].kind) {
            fail_msg("%s is %d", cases[i].text, token.kind);
        }
    }
}

static void tokens_know_where_they_stand(void **state) {
    static const struct {
        int kind;
        uint32_t at;
        const char *text;
    } wanted[] = {{BL_TOKEN_NAME, 2, "a"}, {'.', 3, "."},         {BL_TOKEN_NAME, 4, "b"},
                  {BL_TOKEN_IN, 6, "in"},  {'[', 15, "["},        {BL_TOKEN_LITERAL, 16, "'x\\n'"},
                  {']', 21, "]"},          {BL_TOKEN_END, 22, ""}};
    struct bl_lexer lexer = {.text = BL_STR("  a.b in // c\n ['x\\n']"),
                             .arena = &expression.arena,
                             .diag = &expression.diag};
    struct bl_token token;
    (void)state;

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        assert_true(bl_is_ok(bl_lexer_next(&lexer, &token)));
        assert_int_equal(token.kind, wanted[i].kind);
        assert_int_equal(token.at, wanted[i].at);
        assert_true(bl_str_equal_c(token.text, wanted[i].text));
    }
}

static void numbers(void **state) {
    static const struct expression_case cases[] = {
        {"0", "0"},
        {"007", "7"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"9223372036854775808", "column 1: 9223372036854775808 does not fit a signed integer of 64 "
                                "bits; an unsigned one is written 9223372036854775808u"},
        {"-9223372036854775809",
         "column 2: 9223372036854775809 does not fit a signed integer of 64 bits"},
        {"18446744073709551615u", "18446744073709551615u"},
        {"18446744073709551616u", "column 1: 18446744073709551616 does not fit 64 bits"},
        {"99999999999999999999999999", "column 1: 99999999999999999999999999 does not fit 64 bits"},
        {"0x1F", "31"},
        {"0Xff", "255"},
        {"-0x10", "-16"},
        {"0xffffffffffffffffu", "18446744073709551615u"},
        {"0x10000000000000000u", "column 1: 0x10000000000000000 does not fit 64 bits"},
        {"-0x8000000000000000", "-9223372036854775808"},
        {"5U", "5u"},
        {"1.5", "1.5"},
        {".5", "0.5"},
        {"00.5", "0.5"},
        {"1e3", "1000.0"},
        {"1E+3", "1000.0"},
        {"25e-1", "2.5"},
        {"-1.5e-3", "-0.0015"},
        {"1.7976931348623157e308", "1.7976931348623157e+308"},
        {"1e309", "column 1: 1e309 does not fit 64 bits"},
        {"5e-324", "5e-324"},
        {"1e-400", "0.0"},
        {"12abc", "column 3: a number is followed by 'a'; numbers are 12, 12u, 0x1f, 1.5, 1e9"},
        {"12uu", "column 4: a number is followed by 'u'..."},
        {"1.5u", "column 4: a number is followed by 'u'..."},
        {"1e", "column 2: a number is followed by 'e'..."},
        {"0x", "column 2: a number is followed by 'x'..."},
        {"0xg", "column 2: a number is followed by 'x'..."},
        {"0xu", "column 2: a number is followed by 'x'..."},
        {"1.", "column 3: ends where a member's name is expected"},
        {"1..2", "column 3..."},
        {"-1u", "column 1: - does not take (uint)"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void strings(void **state) {
    static const struct expression_case cases[] = {
        {"\"\"", "\"\""},
        {"''", "\"\""},
        {"'a\"b'", "\"a\\\"b\""},
        {"\"a'b\"", "\"a'b\""},
        {"'\\a\\b\\f\\n\\r\\t\\v\\\\\\?\\\"\\'\\`' == "
         "'\\x07\\x08\\x0C\\x0a\\u000d\\U00000009\\013\\134\\077\\042\\047\\140'",
         "true"},
        {"'\\x41\\X42\\103\\u0044\\U00000045'", "\"ABCDE\""},
        {"'\\u00e9\\u20ac\\U0001F600'", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"'\\377' == '\\u00ff'", "true"},
        {"'\\xff'.size()", "1"},
        {"size('\\U0010FFFF')", "1"},
        {"size('\\000')", "1"},
        {"r'\\n' == '\\\\n'", "true"},
        {"R\"\\\" == '\\\\'", "true"},
        {"r'''a'b'''", "\"a'b\""},
        {"'''a\n'b''c'''", "\"a\\n'b''c\""},
        {"\"\"\"\"a\"\"\"", "\"\\\"a\""},
        {"''''''", "\"\""},
        {"'''\\''''", "\"'\""},
        {"'\xc3\xa9'", "\"\xc3\xa9\""},
        {"'a' 'b'", "column 5: 'b' stands where an operator or the end is expected"},
        {"\"a", "column 1: " TEXT_ENDS},
        {"1 == \"", "column 6: " TEXT_ENDS},
        {"'a\nb'", "column 1: " TEXT_ENDS},
        {"'a\rb'", "column 1: " TEXT_ENDS},
        {"'a\\'", "column 1: " TEXT_ENDS},
        {"'''a''", "column 1: " TEXT_ENDS},
        {"r'a\\'c'", "column 6: c stands where an operator or the end is expected"},
        {"'a\\q'", "column 3: " ESCAPE},
        {"'\\x4'", "column 2: " ESCAPE},
        {"'\\x4g'", "column 2: " ESCAPE},
        {"'\\u12'", "column 2: " ESCAPE},
        {"'\\U0011ffff'", "column 2: " ESCAPE},
        {"'\\ud800'", "column 2: " ESCAPE},
        {"'\\U0000dfff'", "column 2: " ESCAPE},
        {"'\\400'", "column 2: " ESCAPE},
        {"'\\08'", "column 2: " ESCAPE},
        {"'\\1'", "column 2: " ESCAPE},
        {"b'a'", "column 1: bytes are not part of this language; write a text: \"...\""},
        {"1 + B\"a\"", "column 5: bytes are not part of this language..."},
        {"br'a'", "column 1: bytes are not part of this language..."},
        {"Rb'a'", "column 1: bytes are not part of this language..."},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void comments_and_blanks(void **state) {
    static const struct expression_case cases[] = {
        {"1// one\n+ // plus\n2 // two", "3"},
        {"// nothing but\n// comments",
         "column 1: is empty; for example metadata.tier == \"gold\""},
        {"\t1\f+\r\n2 ", "3"},
        {"'// no comment'", "\"// no comment\""},
        {"1 / / 2", "column 5: / stands where a value is expected"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void other_signs_are_refused(void **state) {
    static const struct expression_case cases[] = {
        {"a & b", "column 3: '&' is no sign of an expression; \"and\" is &&"},
        {"1 | 2", "column 3: '|' is no sign of an expression; \"or\" is ||"},
        {"text = 'a'", "column 6: '=' is no sign of an expression; to compare, write =="},
        {"1 @ 2", "column 3: '@' is no sign of an expression; texts stand in quotes: \"gold\""},
        {"\xe2\x80\x9cgold\xe2\x80\x9d",
         "column 1: '\xe2\x80\x9c' is no sign of an expression; texts stand in quotes..."},
        {"1 \x01", "column 3: a byte 0x01 is no sign of an expression..."},
        {"1 \xff", "column 3: a byte 0xff is no sign of an expression..."},
        {"1 \x7f", "column 3: a byte 0x7f is no sign of an expression..."},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
    assert_string_equal(expression_of_bytes(BL_STR("1 +\0 2")),
                        "column 4: a byte 0x00 is no sign of an expression; texts stand in quotes: "
                        "\"gold\"");
}

static void reserved_words_are_no_names(void **state) {
    static const char *const words[] = {
        "as",  "break", "const",     "continue", "else",   "for",   "function", "if",  "let",
        "var", "void",  "namespace", "package",  "return", "while", "import",   "loop"};
    char text[64], wanted[200];
    (void)state;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        (void)snprintf(text, sizeof(text), "1 == %s", words[i]);
        (void)snprintf(wanted, sizeof(wanted),
                       "column 6: %s stands where a value is expected; %s is a reserved word; a "
                       "member of that name is x[\"%s\"]",
                       words[i], words[i], words[i]);
        assert_string_equal(expression_of(text), wanted);
        (void)snprintf(text, sizeof(text), "{'%s': 7}.%s", words[i], words[i]);
        assert_string_equal(expression_of(text), "7");
    }
}

static void a_full_arena_is_reported(void **state) {
    static char long_text[8192];
    struct bl_arena small;
    struct bl_token token;
    (void)state;

    memset(long_text, 'a', sizeof(long_text));
    memcpy(long_text, "'\\n", 3);
    long_text[sizeof(long_text) - 1] = '\'';
    bl_arena_init(&small, 256, 512);
    struct bl_lexer lexer = {
        .text = {long_text, sizeof(long_text)}, .arena = &small, .diag = &expression.diag};
    assert_int_equal(bl_lexer_next(&lexer, &token).error, BL_E_RESOURCE_EXHAUSTED);
    bl_arena_fini(&small);
}

static int setup(void **state) {
    (void)state;
    expression_open("{\"text\": \"hello\"}");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    expression_close();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(tokens_know_where_they_stand),
        cmocka_unit_test(numbers),
        cmocka_unit_test(strings),
        cmocka_unit_test(comments_and_blanks),
        cmocka_unit_test(other_signs_are_refused),
        cmocka_unit_test(reserved_words_are_no_names),
        cmocka_unit_test(a_full_arena_is_reported),
    };
    return cmocka_run_group_tests_name("token", tests, setup, teardown);
}
