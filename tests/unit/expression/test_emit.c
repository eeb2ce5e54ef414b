#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "support/expression_fixture.h"

static uint32_t compile(const char *text) {
    uint32_t index = UINT32_MAX;

    if (bl_is_error(expression_compile(bl_str_from_c(text), &index))) {
        fail_msg("%s: %s", text, expression.diag.message);
    }
    return index;
}

static void a_comparison_is_one_op(void **state) {
    (void)state;

    assert_int_equal(compile("labels.tier == \"gold\""), 0);
    assert_int_equal(expression.code.op_count, 1);
    const struct bl_op *op = &expression.code.ops[0];
    assert_int_equal(op->op, BL_OP_EQUAL);
    assert_int_equal(op->left, 0);
    assert_int_equal(op->right, BL_OPERAND_CONSTANT | 0);
    assert_int_equal(op->end, 1);
    assert_int_equal(op->at, 12);
    assert_true(op->is_strict);
    assert_true(bl_str_equal(expression.read[0].path, BL_STR("labels.tier")));
}

static void ops_know_where_they_end(void **state) {
    static const char *const cases[] = {
        "1",
        "flag",
        "number + 1 > 2 && (flag || text.size() in [1, number])",
        "items.map(x, x > 1, x + number)",
        "{\"a\": number, text: [flag]}",
        "flag ? number : text.contains(\"a\") ? 1 : 2",
        "has(labels.a) && !has({\"a\": text}.b)",
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t index = compile(cases[i]);
        const struct bl_op *ops = expression.code.ops;
        assert_int_equal(index, 0);
        assert_int_equal(ops[0].end, expression.code.op_count);
        for (uint32_t j = 0; j < expression.code.op_count; j++) {
            assert_true(ops[j].end > j && ops[j].end <= expression.code.op_count);
        }
    }
}

/* size(path) and has(path) are facts of their own: the value itself is not read. */
static void only_what_is_needed_is_read(void **state) {
    static const struct {
        const char *text, *path;
        enum bl_projection projection;
    } cases[] = {
        {"size(labels.tier) > 1", "labels.tier", BL_PROJECTION_SIZE},
        {"labels.tier.size() > 1", "labels.tier", BL_PROJECTION_SIZE},
        {"has(labels.tier)", "labels.tier", BL_PROJECTION_HAS},
        {"labels[\"tier\"] == 1", "labels.tier", BL_PROJECTION_VALUE},
        {"labels.tier", "labels.tier", BL_PROJECTION_VALUE},
        {"labels.tier[0]", "labels.tier", BL_PROJECTION_VALUE},
        {"labels.tier.map(x, size(x))", "labels.tier", BL_PROJECTION_VALUE},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)compile(cases[i].text);
        assert_int_equal(expression.read_count, 1);
        assert_true(bl_str_equal_c(expression.read[0].path, cases[i].path));
        assert_int_equal(expression.read[0].projection, cases[i].projection);
    }
    (void)compile("labels.tier == labels[\"tier\"] && size(labels.tier) == 1");
    assert_int_equal(expression.read_count, 2);
}

/* Several expressions share one array of ops. */
static void code_is_appended(void **state) {
    struct bl_code code = expression.code;
    struct bl_type type;
    uint32_t first, second;
    (void)state;

    code.op_count = 0;
    assert_true(
        bl_is_ok(bl_expression_compile(BL_STR("number + 1"), &expression.scope, &expression.arena,
                                       &code, &first, &type, &expression.diag)));
    uint32_t count = code.op_count;
    assert_true(
        bl_is_ok(bl_expression_compile(BL_STR("number + 2"), &expression.scope, &expression.arena,
                                       &code, &second, &type, &expression.diag)));
    assert_int_equal(first, 0);
    assert_int_equal(second, count);
    assert_int_equal(code.ops[second].end, code.op_count);
    assert_int_equal(expression.diag.message[0], '\0');
    expression.code.op_count = code.op_count;
    expression.code.constant_count = code.constant_count;
    assert_int_equal(expression_run(second).as.integer, 14);
    assert_int_equal(expression_run(first).as.integer, 13);
}

static void a_warning_says_what_always_fails(void **state) {
    (void)state;
    (void)compile("flag && number / 0 == 1"); /* not constant: number is read */
    assert_int_equal(expression.diag.message[0], '\0');
    (void)compile("flag && 1 / 0 == 1");
    assert_int_equal(expression.diag.severity, BL_SEVERITY_WARNING);
    assert_int_equal(expression.diag.column, 11);
    assert_string_equal(expression.diag.message, "fails whenever it is evaluated: divide by zero");
}

static void patterns_are_compiled_once(void **state) {
    static const struct expression_case broken[] = {
        {"text.matches(\"(\")", "column 14: the pattern is broken at its character 1: ..."},
        {"flag && text.matches(\"a(?=b)\")",
         "column 22: the pattern uses look-ahead, at \"(?=b)\"; "
         "patterns have the syntax of RE2..."},
        {"\"abc\".matches(\"[\")", "column 15: the pattern is broken..."},
    };
    (void)state;

    (void)compile("text.matches(\"a\") && text.matches(\"b\")");
    assert_int_equal(expression.code.pattern_count, 2);
    EXPECT_EXPRESSIONS(broken);
}

static void expect_refused(const char *text, enum bl_error error, const char *message) {
    uint32_t index;
    bl_result result = expression_compile(bl_str_from_c(text), &index);

    assert_int_equal(result.error, error);
    if (message != NULL) {
        assert_string_equal(expression.diag.message, message);
    }
}

static void what_is_full_is_reported(void **state) {
    char text[2048] = "[number";
    (void)state;

    expression.code.constant_capacity = 1;
    expect_refused("number + 1 > 2", BL_E_INVALID_REQUEST,
                   "the conditions hold too many constants");
    assert_int_equal(expression.diag.column, 14);
    expression.code.constant_capacity = 8192;

    expression.code.pattern_capacity = 1;
    expect_refused("text.matches(\"a\") || text.matches(\"b\")", BL_E_INVALID_REQUEST,
                   "the conditions hold more than 1 patterns");
    assert_int_equal(expression.diag.column, 27);
    expression.code.pattern_capacity = 64;

    expression.code.op_capacity = 2;
    expect_refused("number + 1 + 2 + 3 + 4 > 1", BL_E_RESOURCE_EXHAUSTED, NULL);
    expression.code.op_capacity = 8192;

    for (int i = 0; i <= EXPRESSION_MAX_FACTS; i++) {
        size_t len = strlen(text);
        (void)snprintf(text + len, sizeof(text) - len, ", labels.f%d", i);
    }
    (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "]");
    expect_refused(text, BL_E_INVALID_REQUEST, "too many facts");
    assert_true(expression.diag.column > 600);
}

static int setup(void **state) {
    (void)state;
    expression_open("{\"flag\": true, \"number\": 12, \"text\": \"abc\", \"items\": [1], "
                    "\"labels\": {\"tier\": \"gold\"}}");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    expression_close();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_comparison_is_one_op),
        cmocka_unit_test(ops_know_where_they_end),
        cmocka_unit_test(only_what_is_needed_is_read),
        cmocka_unit_test(code_is_appended),
        cmocka_unit_test(a_warning_says_what_always_fails),
        cmocka_unit_test(patterns_are_compiled_once),
        cmocka_unit_test(what_is_full_is_reported),
    };
    return cmocka_run_group_tests_name("emit", tests, setup, teardown);
}
