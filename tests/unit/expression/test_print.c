#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "expression/syntax.h"
#include "support/expression_fixture.h"

static char storage[2][4096];

static struct bl_str print(struct bl_str text, char *out) {
    struct bl_buf buf;

    bl_buf_init(&buf, out, sizeof(storage[0]));
    bl_expression_print(expression_tree(text), &buf);
    assert_false(buf.overflowed);
    return bl_buf_view(&buf);
}

/* Once more, and nothing changes. */
static void expect_printed(const char *text, const char *wanted) {
    struct bl_str once = print(bl_str_from_c(text), storage[0]);
    struct bl_str twice = print(once, storage[1]);

    if (!bl_str_equal_c(once, wanted) || !bl_str_equal_c(twice, wanted)) {
        fail_msg("%s\n  printed: %.*s\n  again:   %.*s\n  wanted:  %s", text, BL_STR_ARG(once),
                 BL_STR_ARG(twice), wanted);
    }
}

static void one_space_around_operators(void **state) {
    (void)state;
    expect_printed("1+2*3", "1 + 2 * 3");
    expect_printed("a  ==b&&c||d", "a == b && c || d");
    expect_printed("a?b:c", "a ? b : c");
    expect_printed("x in[1,2,]", "x in [1, 2]");
    expect_printed("{'a':1,\"b\":[],}", "{\"a\": 1, \"b\": []}");
    expect_printed("{}", "{}");
    expect_printed("a . b [ 'c' ] . d", "a.b[\"c\"].d");
    expect_printed("a.if", "a.if");
    expect_printed("has( a.b )", "has(a.b)");
    expect_printed("size(a)+a.size()", "size(a) + a.size()");
    expect_printed("matches(a,'b')||a.matches('b')", "matches(a, \"b\") || a.matches(\"b\")");
    expect_printed("a.map(x,x>1,x+1).all(y,y>0)", "a.map(x, x > 1, x + 1).all(y, y > 0)");
    expect_printed("// why\n1", "1");
}

static void brackets_only_where_needed(void **state) {
    (void)state;
    expect_printed("((1))", "1");
    expect_printed("(1 + 2) + 3", "1 + 2 + 3");
    expect_printed("1 + (2 + 3)", "1 + (2 + 3)");
    expect_printed("(1 + 2) * 3", "(1 + 2) * 3");
    expect_printed("1 + (2 * 3)", "1 + 2 * 3");
    expect_printed("(a * b) % c", "a * b % c");
    expect_printed("a * (b % c)", "a * (b % c)");
    expect_printed("(a < b) == c", "a < b == c");
    expect_printed("a < (b == c)", "a < (b == c)");
    expect_printed("(a && b) || c", "a && b || c");
    expect_printed("a && (b || c)", "a && (b || c)");
    expect_printed("(a || b) || c", "(a || b) || c");
    expect_printed("a || (b || c)", "a || (b || c)");
    expect_printed("a || b || c", "a || b || c");
    expect_printed("(a ? b : c) ? d : e", "(a ? b : c) ? d : e");
    expect_printed("a ? (b ? c : d) : e", "a ? (b ? c : d) : e");
    expect_printed("a ? b : (c ? d : e)", "a ? b : c ? d : e");
    expect_printed("(a ? b : c) + 1", "(a ? b : c) + 1");
    expect_printed("(a + b).size()", "(a + b).size()");
    expect_printed("([1] + a)[0]", "([1] + a)[0]");
    expect_printed("(a ? b : c).d", "(a ? b : c).d");
    expect_printed("has((a ? b : c).d)", "has((a ? b : c).d)");
    expect_printed("[(1 + 2)][(0)]", "[1 + 2][0]");
    expect_printed("(a || b).all(x, true)", "(a || b).all(x, true)");
}

static void signs(void **state) {
    (void)state;
    expect_printed("!(!a)", "!!a");
    expect_printed("-(-a)", "--a");
    expect_printed("!(-a)", "!(-a)");
    expect_printed("-(1)", "-(1)");
    expect_printed("-1", "-1");
    expect_printed("--1", "-(-1)");
    expect_printed("-(-1)", "-(-1)");
    expect_printed("- 1.5", "-1.5");
    expect_printed("-1u", "-(1u)");
    expect_printed("-a.b", "-a.b");
    expect_printed("(-a).b", "(-a).b");
    expect_printed("(-1).a", "(-1).a");
    expect_printed("1 - -1", "1 - -1");
    expect_printed("!(a && b)", "!(a && b)");
    expect_printed("!a.size()", "!a.size()");
    expect_printed("-(a + b)", "-(a + b)");
}

static void literals(void **state) {
    (void)state;
    expect_printed("0x10", "16");
    expect_printed("5U", "5u");
    expect_printed("1e3", "1000.0");
    expect_printed("1e300", "1e+300");
    expect_printed(".5", "0.5");
    expect_printed("-9223372036854775808", "-9223372036854775808");
    expect_printed("'a\"\\n\\x01\\\\'", "\"a\\\"\\n\\x01\\\\\"");
    expect_printed("r'\\d'", "\"\\\\d\"");
    expect_printed("'''a\nb'''", "\"a\\nb\"");
    expect_printed("null == true", "null == true");
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
        cmocka_unit_test(one_space_around_operators),
        cmocka_unit_test(brackets_only_where_needed),
        cmocka_unit_test(signs),
        cmocka_unit_test(literals),
    };
    return cmocka_run_group_tests_name("print", tests, setup, teardown);
}
