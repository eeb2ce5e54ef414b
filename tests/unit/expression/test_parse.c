#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "expression/syntax.h"
#include "support/expression_fixture.h"

static char text[70000];

/* `count` times `part`, with what stands before and behind. */
static struct bl_str repeated(const char *before, const char *part, size_t count,
                              const char *behind) {
    size_t len = (size_t)snprintf(text, sizeof(text), "%s", before);

    for (size_t i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", part);
    }
    len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", behind);
    assert_true(len < sizeof(text));
    return (struct bl_str){text, len};
}

/* As repeated, and as many `close` behind. */
static struct bl_str nested(const char *open, const char *core, const char *close, size_t count) {
    size_t len = repeated("", open, count, core).len;

    for (size_t i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", close);
    }
    assert_true(len < sizeof(text));
    return (struct bl_str){text, len};
}

static void precedence(void **state) {
    static const struct expression_case cases[] = {
        {"1 + 2 * 3", "7"},
        {"(1 + 2) * 3", "9"},
        {"10 - 2 - 3", "5"},
        {"100 / 10 / 2", "5"},
        {"7 % 4 * 2", "6"},
        {"1 + 1 == 2 && 2 > 1", "true"},
        {"true || false && false", "true"},
        {"1 < 2 == true", "true"},
        {"-1 + 2", "1"},
        {"- 1 + 2", "1"},
        {"3 -1", "2"},
        {"!false == true", "true"},
        {"true ? 1 : false ? 2 : 3", "1"},
        {"false ? 1 : true ? 2 : 3", "2"},
        {"-[1, 2][0]", "-1"},
        {"1 in [1] && true", "true"},
        {"\"a\" in {\"a\": 1} == true", "true"},
        {"-text.size()", "-5"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void broken_syntax(void **state) {
    static const struct expression_case cases[] = {
        {"", "column 1: is empty; for example metadata.tier == \"gold\""},
        {" ", "column 1: is empty..."},
        {"1 +", "column 4: ends where a value is expected"},
        {"1 + )", "column 5: ) stands where a value is expected"},
        {"(1", "column 3: ends where \")\" is expected"},
        {"(1]", "column 3: ] stands where \")\" is expected"},
        {"()", "column 2: ) stands where a value is expected"},
        {"1)", "column 2: ) stands where an operator or the end is expected"},
        {"1 2", "column 3: 2 stands where an operator or the end is expected"},
        {"[1", "column 3: ends where \",\" or \"]\" is expected"},
        {"[1 2]", "column 4: 2 stands where \",\" or \"]\" is expected"},
        {"[,]", "column 2: , stands where a value is expected"},
        {"{1}", "column 3: } stands where \":\" behind a map's key is expected"},
        {"{1: 2", "column 6: ends where \",\" or \"}\" is expected"},
        {"{1: 2 3}", "column 7: 3 stands where \",\" or \"}\" is expected"},
        {"{: 1}", "column 2: : stands where a value is expected"},
        {"text.", "column 6: ends where a member's name is expected"},
        {"text.1", "column 5: .1 stands where an operator or the end is expected"},
        {"text.in", "column 6: in stands where a member's name is expected"},
        {"text.true", "column 6: true stands where a member's name is expected"},
        {"text[", "column 6: ends where a value is expected"},
        {"text[1", "column 7: ends where \"]\" is expected"},
        {"text[]", "column 6: ] stands where a value is expected"},
        {"size(text", "column 10: ends where \",\" or \")\" is expected"},
        {"size(text,)", "column 10: a comma stands behind the last argument"},
        {"size(,)", "column 6: , stands where a value is expected"},
        {"true ? 1", "column 9: ends where \":\" of a ? b : c is expected"},
        {"true ? : 2", "column 8: : stands where a value is expected"},
        {"true ?: 2", "column 7: : stands where a value is expected"},
        {"1 == == 2", "column 6: == stands where a value is expected"},
        {"!-1", "column 2: - stands where a value is expected"},
        {"-!true", "column 2: ! stands where a value is expected"},
        {"* 2", "column 1: * stands where a value is expected"},
        {"+1", "column 1: + stands where a value is expected"},
        {"1 && || 2", "column 6: || stands where a value is expected"},
        {"a.b{c: 1}", "column 4: { stands where an operator or the end is expected"},
        {"abcdefghijklmnopqrstuvwxyz abcdefghijklmnopqrstuvwxyz_abcdefghijklmnopqrstuvwxyz",
         "column 28: abcdefghijklmnopqrstuvwxyz_abcdefghijklm stands where an operator..."},
        {"1 ; 2", "column 3: ';' is no sign of an expression..."},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void functions_and_macros_that_are_not(void **state) {
    static const struct expression_case cases[] = {
        {"foo(1)", "column 1: there is no function foo; has, size, matches, type, dyn, bool, int, "
                   "uint, double, string, duration, timestamp"},
        {"siz(text)", "column 1: there is no function siz; did you mean size?"},
        {"text.startswith(\"a\")",
         "column 6: there is no method startswith; did you mean startsWith?"},
        {"text.frobnicate()", "column 6: there is no method frobnicate; startsWith, endsWith..."},
        {"[1].exist(x, true)", "column 5: there is no method exist; did you mean exists?"},
        {"startsWith(text, \"a\")",
         "column 1: there is no function startsWith; it is a method: x.startsWith(...)"},
        {"text.int()", "column 6: there is no method int; it is a function: int(x)"},
        {"all(x, true)", "column 1: there is no function all; it is a method: list.all(x, ...)"},
        {"[1].all(x)", "column 5: all takes a name and an expression; for example "
                       "task.payload.items.all(x, x.price > 3)"},
        {"[1].all(x, true, true)", "column 5: all takes a name and an expression..."},
        {"[1].all(1, true)", "column 5: all takes a name and an expression..."},
        {"[1].all(x.y, true)", "column 5: all takes a name and an expression..."},
        {"[1].all()", "column 5: all takes a name and an expression..."},
        {"[1].map(x)", "column 5: map takes a name and one or two expressions..."},
        {"[1].map(x, 1, 2, 3)", "column 5: map takes a name and one or two expressions..."},
        {"[1].filter(if, true)", "column 12: if stands where a value is expected..."},
        {"has(text)", "column 1: has takes one member; for example has(metadata.tier)"},
        {"has()", "column 1: has takes one member..."},
        {"has(a.b, a.c)", "column 1: has takes one member..."},
        {"has(a[\"b\"])", "column 1: has takes one member..."},
        {"has(1)", "column 1: has takes one member..."},
        {"has(size(text))", "column 1: has takes one member..."},
        {"text.has(x)", "column 6: there is no method has..."},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void expect_depth(struct bl_str expression_text, const char *wanted) {
    const char *found = expression_of_bytes(expression_text);

    if (strncmp(found, wanted, strlen(wanted)) != 0) {
        fail_msg("%.60s...\n  is:     %.80s\n  wanted: %s", expression_text.data, found, wanted);
    }
}

/* Every way to nest ends at a limit, not with the stack. */
static void nesting_is_bounded(void **state) {
    static const struct {
        const char *open, *core, *close;
    } cases[] = {
        {"(", "1", ")"},
        {"[", "", "]"},
        {"[1, ", "1", "]"},
        {"{1: ", "1", "}"},
        {"!", "true", ""},
        {"-", "number", ""},
        {"size(", "text", ")"},
        {"true ? ", "1", " : 1"},
        {"true ? 1 : ", "1", ""},
        {"1 + (", "1", ")"},
        {"true || (", "true", ")"},
        {"[1].map(x, ", "1", ")"},
        {"[1][", "0", "]"},
        {"", "{}", ".a"},
        {"", "[]", "[0]"},
        {"", "text", ".size()"},
        {"", "1", " + 1"},
        {"", "1", " * 1"},
        {"", "1", " == 1"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bl_str deep = nested(cases[i].open, cases[i].core, cases[i].close, 1000);
        const char *found = expression_of_bytes(deep);
        bool is_refused = strncmp(found, "column ", 7) == 0;
        bool is_known = strstr(found, "nested deeper than 48") != NULL ||
                        strstr(found, "\":\" of a ? b : c") != NULL;
        if (!is_refused || !is_known) {
            fail_msg("1000 times %s%s: %s", cases[i].open, cases[i].close, found);
        }
    }
    /* What CEL asks for at least. */
    expect_depth(nested("(", "1", ")", 40), "1");
    expect_depth(nested("[", "", "]", 40), "[[");
    expect_depth(nested("!", "true", "", 40), "true");
    expect_depth(nested("", "1", " + 1", 40), "41");
    expect_depth(nested("true ? 1 : ", "2", "", 32), "1");
    expect_depth(repeated("", "(", 47, "1)))))))))))))))))))))))))))))))))))))))))))))))"), "1");
}

static void chains_are_no_nesting(void **state) {
    (void)state;
    expect_depth(repeated("", "true && ", 1000, "false"), "false");
    expect_depth(repeated("", "false || ", 1000, "true"), "true");
    expect_depth(repeated("size([1", ", 1", 999, "])"), "1000");
}

static void bytes_are_bounded(void **state) {
    (void)state;
    memset(text, ' ', 16385);
    text[0] = '1';
    expect_depth((struct bl_str){text, 16384}, "1");
    expect_depth((struct bl_str){text, 16385}, "column 1: has 16385 bytes, more than 16384");
    struct bl_str long_text = repeated("'", "a", 16382, "'");
    assert_int_equal(long_text.len, 16384);
    expect_depth(long_text, "\"aaaa");
}

static void parts_are_bounded(void **state) {
    struct bl_node *root;
    struct bl_str largest = repeated("[1", ",1", 4094, "]"); /* 4095 items and the list */
    (void)state;

    assert_true(bl_is_ok(bl_expression_parse(largest, &expression.arena, &root, &expression.diag)));
    assert_int_equal(root->count, 4095);
    struct bl_str too_large = repeated("[1", ",1", 4095, "]");
    assert_int_equal(
        bl_expression_parse(too_large, &expression.arena, &root, &expression.diag).error,
        BL_E_INVALID_REQUEST);
    assert_string_equal(expression.diag.message, "has more than 4096 parts");
    assert_int_equal(expression.diag.column, 1 + 1 + 2 * 4095);
}

static void macros_within_macros_are_bounded(void **state) {
    (void)state;
    expect_depth(nested("[1].all(x, ", "true", ")", 8), "true");
    expect_depth(nested("[1].all(x, ", "true", ")", 9),
                 "column 93: more than 8 macros stand within each other");
}

static void a_full_arena_is_reported(void **state) {
    struct bl_arena small;
    struct bl_node *root;
    (void)state;

    bl_arena_init(&small, 256, 512);
    assert_int_equal(bl_expression_parse(BL_STR("1 + 2 + 3 + 4 + 5 + 6 + 7 + 8"), &small, &root,
                                         &expression.diag)
                         .error,
                     BL_E_RESOURCE_EXHAUSTED);
    bl_arena_fini(&small);
}

static int setup(void **state) {
    (void)state;
    expression_open("{\"text\": \"hello\", \"number\": 1}");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    expression_close();
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(precedence),
        TEST(broken_syntax),
        TEST(functions_and_macros_that_are_not),
        TEST(nesting_is_bounded),
        TEST(chains_are_no_nesting),
        TEST(bytes_are_bounded),
        TEST(parts_are_bounded),
        TEST(macros_within_macros_are_bounded),
        TEST(a_full_arena_is_reported),
    };
    return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
