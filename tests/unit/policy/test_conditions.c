#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "support/compiled_policy.h"

static struct compiled compiled;

/* Compiles `when` as the condition of the one rule. */
static const struct bl_policy *compile_when(const char *when) {
    char text[1024];
    (void)snprintf(text, sizeof(text), "{weights: {a: 1}, rules: [{stop: true, when: %s}]}", when);
    expect_good(&compiled, text);
    return compiled.policy;
}

static const struct bl_diag *refuse_when(const char *when, const char *path, const char *part) {
    char text[1024];
    char full_path[128];
    (void)snprintf(text, sizeof(text), "{weights: {a: 1}, rules: [{stop: true, when: %s}]}", when);
    (void)snprintf(full_path, sizeof(full_path), "rules[0].when%s", path);
    return expect_refused(&compiled, text, full_path, part);
}

static enum bl_opcode first_op(const struct bl_policy *policy) {
    assert_true(policy->rules[0].condition != BL_CONDITION_ALWAYS);
    return (enum bl_opcode)policy->program.ops[policy->rules[0].condition].op;
}

static void one_entry_stands_for_itself(void **state) {
    (void)state;
    const struct bl_policy *p = compile_when("{metadata.tier: gold}");
    assert_int_equal(p->program.op_count, 1);
    assert_int_equal(first_op(p), BL_OP_EQUAL);
    assert_int_equal(p->program.ops[0].end, 1);
    p = compile_when("{a: [1, 2], \"<\": [{var: b}, 3]}");
    assert_int_equal(p->program.op_count, 3);
    assert_int_equal(first_op(p), BL_OP_AND);
    assert_int_equal(p->program.ops[0].end, 3);
    assert_int_equal(p->program.ops[1].op, BL_OP_IN);
    assert_int_equal(p->program.ops[2].op, BL_OP_LESS);
}

static void constants_are_decided_at_once(void **state) {
    static const char *const always[] = {
        "{}",
        "{\"==\": [1, 1.0]}",
        "{\"<\": [a, b]}",
        "{in: [1, [2, 1]]}",
        "{not: {\"==\": [1, 2]}}",
        "{any: [{a: 1}, {}]}",
        "{all: [{}, {\"!=\": [1, 2]}]}",
        "{not: [{a: 1}, {\"==\": [1, 2]}]}",
    };
    static const char *const never[] = {
        "{\"==\": [1, \"1\"]}",
        "{a: []}",
        "{in: [{var: a}, []]}",
        "{not: {}}",
        "{\"<\": [1, a]}",
        "{a: 1, \"==\": [1, 2]}",
        "{any: [{a: []}, {\"<\": [2, 1]}]}",
        "{not: [{}, {}]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
        const struct bl_policy *p = compile_when(always[i]);
        assert_int_equal(p->rules[0].condition, BL_CONDITION_ALWAYS);
        assert_int_equal(p->program.op_count, 0);
    }
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        const struct bl_policy *p = compile_when(never[i]);
        assert_int_equal(first_op(p), BL_OP_FALSE);
        assert_int_equal(p->program.op_count, 1);
        expect_warning(&compiled, "rules[0]", "never applies", 0, 0);
    }
}

static void operators_take_two_operands(void **state) {
    static const char *const words[] = {"==", "!=", "<", "<=", ">", ">=", "in"};
    static const char *const bad[] = {"1", "[1]", "[1, 2, 3]", "[]", "{var: a}", "x"};
    char when[64];
    char path[16];
    (void)state;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        for (size_t j = 0; j < sizeof(bad) / sizeof(bad[0]); j++) {
            (void)snprintf(when, sizeof(when), "{\"%s\": %s}", words[i], bad[j]);
            (void)snprintf(path, sizeof(path), ".%s", words[i]);
            const struct bl_diag *diag = refuse_when(when, path, "takes a list of two operands");
            assert_non_null(strstr(diag->hint, words[i]));
        }
    }
    (void)refuse_when("{in: [{var: a}, 1]}", ".in", "must be a list to look in, found a number");
}

static void values_are_scalars_or_lists_of_scalars(void **state) {
    (void)state;
    (void)refuse_when("{a: {b: 1}}", ".a", "must be a value or a list of values, found an object");
    (void)refuse_when("{a: [[1]]}", ".a", "found a list of other things");
    (void)refuse_when("{a: [{b: 1}]}", ".a", "found a list of other things");
    (void)refuse_when("{\"==\": [{vra: x}, 1]}", ".==", "must be a value or a list");
    (void)refuse_when("{\"==\": [{var: x, y: 1}, 1]}", ".==", "must be a value or a list");
    (void)compile_when("{a: null, b: true, c: 1.5, d: [null, x, 18446744073709551615]}");
}

static void lists_of_conditions_are_not_empty(void **state) {
    (void)state;
    (void)refuse_when("{all: []}", ".all", "must be a list of conditions, found an empty one");
    (void)refuse_when("{any: {a: 1}}", ".any", "must be a list of conditions, found an object");
    (void)refuse_when("{not: []}", ".not", "found an empty one");
    (void)refuse_when("{not: 1}", ".not",
                      "a condition is an expression or an object, found a number");
    (void)refuse_when("{any: [1]}", ".any[0]", "is an expression or an object");
    (void)refuse_when("[{a: 1}]", "", "is an expression or an object, found an array");
}

static void status_words_are_checked_wherever_they_stand(void **state) {
    (void)state;
    (void)refuse_when("{status: active}", ".status", "\"active\" is no status of an attempt");
    (void)refuse_when("{attempt.status: [timeout, tmeout]}", ".attempt.status[1]", "\"tmeout\"");
    (void)refuse_when("{not: {\"==\": [{var: status}, x]}}", ".not.==", "\"x\" is no status");
    (void)refuse_when("{\"!=\": [x, {var: status}]}", ".!=", "\"x\" is no status");
    (void)compile_when("{context.status: active}");
}

/* One of the facts the conditions read. */
static bool reads(const struct bl_policy *policy, const char *path) {
    for (uint16_t i = 0; i < policy->fact_count; i++) {
        if (bl_str_equal_c(policy->facts[i].path, path)) {
            return true;
        }
    }
    return false;
}

static void expressions_compile_to_the_same_ops(void **state) {
    (void)state;
    const struct bl_policy *p = compile_when("'metadata.tier == \"gold\"'");
    assert_int_equal(p->program.op_count, 1);
    assert_int_equal(first_op(p), BL_OP_EQUAL);
    assert_true(p->program.ops[0].is_strict);
    p = compile_when("'size(task.payload.prompt) > 40000 && has(metadata.a.b)'");
    assert_int_equal(p->program.op_count, 3);
    assert_int_equal(p->program.ops[1].op, BL_OP_GREATER);
    assert_true(reads(p, "size(task.payload.prompt)") && reads(p, "has(metadata.a.b)"));
    p = compile_when("{any: ['metadata.a == 1', {metadata.a: 2}]}");
    assert_int_equal(p->fact_count, 1); /* shared by both forms */
    p = compile_when("'now.getHours() < 8'");
    assert_int_equal(p->facts[0].root, BL_FACT_NOW);
    p = compile_when("{now: 8}");
    assert_int_equal(p->facts[0].root, BL_FACT_PLAIN);
}

static void expressions_that_are_constant_need_no_op(void **state) {
    (void)state;
    assert_int_equal(compile_when("'1 + 1 == 2'")->rules[0].condition, BL_CONDITION_ALWAYS);
    assert_int_equal(first_op(compile_when("'\"a\" in [\"b\"]'")), BL_OP_FALSE);
}

static void problems_of_expressions_name_their_character(void **state) {
    (void)state;
    assert_string_equal(
        refuse_when("'metadata.tier = 1'", "", "character 15: '=' is no sign")->hint,
        "to compare, write ==");
    (void)refuse_when("{any: ['tier == 1']}", ".any[0]", "character 1: there is no variable tier");
    (void)refuse_when("'size(metadata) + 1'", "", "yields true or false, this one yields int");
    (void)refuse_when("'task.type > 3'", "", "> does not take (string, int)");
    assert_string_equal(refuse_when("'attempt.status == \"timeuot\"'", "", "is no status")->hint,
                        "did you mean timeout?");
    (void)refuse_when("'attempt.status in [\"5xx\", \"5x\"]'", "", "\"5x\" is no status");
}

static void what_always_fails_is_a_warning(void **state) {
    (void)state;
    compile_when("'1 / 0 == 1 || metadata.a == 1'");
    assert_int_equal(compiled.findings.warnings, 1);
    assert_non_null(strstr(compiled.findings.items[0].message,
                           "character 3: fails whenever it is evaluated: divide by zero"));
}

static int teardown(void **state) {
    (void)state;
    release(&compiled);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_entry_stands_for_itself),
        cmocka_unit_test(constants_are_decided_at_once),
        cmocka_unit_test(operators_take_two_operands),
        cmocka_unit_test(values_are_scalars_or_lists_of_scalars),
        cmocka_unit_test(lists_of_conditions_are_not_empty),
        cmocka_unit_test(expressions_compile_to_the_same_ops),
        cmocka_unit_test(expressions_that_are_constant_need_no_op),
        cmocka_unit_test(problems_of_expressions_name_their_character),
        cmocka_unit_test(what_always_fails_is_a_warning),
        cmocka_unit_test(status_words_are_checked_wherever_they_stand),
    };
    return cmocka_run_group_tests_name("conditions", tests, NULL, teardown);
}
