#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "expression/syntax.h"
#include "support/expression_fixture.h"

static char storage[4096];
static uint32_t always_fails;

/* The text of the tree after folding. */
static const char *fold(const char *text) {
    struct bl_node *root = expression_tree(bl_str_from_c(text));
    struct bl_buf buf;

    if (bl_is_error(bl_expression_check(root, &expression.scope, &expression.diag))) {
        fail_msg("%s: %s", text, expression.diag.message);
    }
    bl_diag_clear(&expression.diag);
    assert_true(
        bl_is_ok(bl_expression_fold(root, &expression.arena, &always_fails, &expression.diag)));
    bl_buf_init(&buf, storage, sizeof(storage) - 1);
    bl_expression_print(root, &buf);
    assert_false(buf.overflowed);
    storage[buf.len] = '\0';
    return storage;
}

static void what_is_constant_becomes_its_value(void **state) {
    static const struct {
        const char *text, *folded;
    } cases[] = {
        {"1 + 2 * 3", "7"},
        {"number + (1 + 2)", "number + 3"},
        {"number + 1 + 2", "number + 1 + 2"}, /* number + 3 would overflow less often */
        {"\"a\" + \"b\"", "\"ab\""},
        {"1 < 2", "true"},
        {"1 in [1, 2]", "true"},
        {"number in [1, 1 + 1]", "number in [1, 2]"},
        {"{\"a\": 1 + 1}.a", "2"},
        {"has({\"a\": 1}.b)", "false"},
        {"[1, 2, 3][1]", "2"},
        {"size(\"abc\")", "3"},
        {"!true", "false"},
        {"-(1 + 1)", "-2"},
        {"type(1) == int", "true"},
        {"duration(\"1h\") > duration(\"59m\")", "true"},
        {"when > timestamp(\"2026-01-01T00:00:00Z\")",
         "when > timestamp(\"2026-01-01T00:00:00Z\")"},
        {"\"abc\".matches(\"b\")", "true"},
        {"text.matches(\"b\")", "text.matches(\"b\")"},
        {"dyn(1) == 1", "true"},
        {"true ? number : text", "number"},
        {"false ? number : text", "text"},
        {"1 > 2 ? number : flag ? 1 + 1 : 3", "flag ? 2 : 3"},
        {"[true ? number : 1, 2]", "[number, 2]"},
        {"[]", "[]"},
        {"{}", "{}"},
        {"[1, number]", "[1, number]"},
        {"[1, 2].map(x, x + (1 + 1))", "[1, 2].map(x, x + 2)"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *found = fold(cases[i].text);
        if (strcmp(found, cases[i].folded) != 0 || always_fails != UINT32_MAX) {
            fail_msg("%s\n  folded: %s\n  wanted: %s", cases[i].text, found, cases[i].folded);
        }
    }
}

static void chains(void **state) {
    static const struct {
        const char *text, *folded;
    } cases[] = {
        {"true && true", "true"},
        {"false || false", "false"},
        {"flag && false", "false"},
        {"false && flag", "false"},
        {"any && false", "false"}, /* an error would be absorbed */
        {"flag || true || any", "true"},
        {"flag && true && number == 1", "flag && number == 1"},
        {"false || flag || number == 1 || false", "flag || number == 1"},
        {"flag && (false || number == 1)", "flag && (number == 1)"},
        {"(flag && 1 > 2) || number == 1", "number == 1"},
        {"1 / 0 == 1 && false", "false"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *found = fold(cases[i].text);
        if (strcmp(found, cases[i].folded) != 0) {
            fail_msg("%s\n  folded: %s\n  wanted: %s", cases[i].text, found, cases[i].folded);
        }
    }
}

/* One operand is left, and is still asked to be a bool. */
static void a_chain_of_one_still_wants_a_bool(void **state) {
    static const struct expression_case cases[] = {
        {"any && true", "error: no such overload"},
        {"true && any", "error: no such overload"},
        {"false || any", "error: no such overload"},
        {"dyn(1) && true", "error: no such overload"},
        {"flag && true", "true"},
        {"[1].all(x, any && true)", "error: no such overload"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void what_always_fails_is_noted_and_left(void **state) {
    static const struct {
        const char *text, *folded, *reason;
        uint32_t at;
    } cases[] = {
        {"1 / 0", "1 / 0", "divide by zero", 2},
        {"number + 1 % 0", "number + 1 % 0", "modulus by zero", 11},
        {"9223372036854775807 + 1", "9223372036854775807 + 1", "overflow", 20},
        {"flag || 1 / 0 == 2", "flag || 1 / 0 == 2", "divide by zero", 10},
        {"[1][5]", "[1][5]", "index out of range", 3},
        {"{\"a\": 1}.b", "{\"a\": 1}.b", "no such key", 9},
        {"{1: 1, 1: 2}", "{1: 1, 1: 2}", "a key stands twice in a map", 0},
        {"int(\"x\") == 1 / 0", "int(\"x\") == 1 / 0", "cannot be converted", 0},
        {"timestamp(\"today\")", "timestamp(\"today\")", "cannot be converted", 0},
        {"dyn(1) + \"a\"", "1 + \"a\"", "no such overload", 7},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *found = fold(cases[i].text);
        if (strcmp(found, cases[i].folded) != 0 || always_fails != cases[i].at ||
            strstr(expression.diag.message, cases[i].reason) == NULL ||
            expression.diag.severity != BL_SEVERITY_WARNING ||
            expression.diag.column != cases[i].at + 1) {
            fail_msg("%s: %s, at %u: %s", cases[i].text, found, always_fails,
                     expression.diag.message);
        }
    }
    (void)fold("1 + 1");
    assert_int_equal(always_fails, UINT32_MAX);
}

static void a_full_arena_is_reported(void **state) {
    struct bl_arena small;
    struct bl_node *root = expression_tree(BL_STR("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,"
                                                  "15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25]"));
    (void)state;

    assert_true(bl_is_ok(bl_expression_check(root, &expression.scope, &expression.diag)));
    bl_arena_init(&small, 256, 256);
    assert_int_equal(bl_expression_fold(root, &small, &always_fails, &expression.diag).error,
                     BL_E_RESOURCE_EXHAUSTED);
    bl_arena_fini(&small);
}

static int setup(void **state) {
    (void)state;
    expression_open("{\"flag\": true, \"number\": 12, \"text\": \"abc\", \"any\": 5}");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    expression_close();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_constant_becomes_its_value),
        cmocka_unit_test(chains),
        cmocka_unit_test(a_chain_of_one_still_wants_a_bool),
        cmocka_unit_test(what_always_fails_is_noted_and_left),
        cmocka_unit_test(a_full_arena_is_reported),
    };
    return cmocka_run_group_tests_name("fold", tests, setup, teardown);
}
