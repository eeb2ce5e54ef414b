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

static enum bl_condition_op first_op(const struct bl_policy *policy) {
    assert_true(policy->rules[0].condition != BL_CONDITION_ALWAYS);
    return (enum bl_condition_op)policy->conditions[policy->rules[0].condition].op;
}

static void one_entry_stands_for_itself(void **state) {
    (void)state;
    const struct bl_policy *p = compile_when("{metadata.tier: gold}");
    assert_int_equal(p->condition_count, 1);
    assert_int_equal(first_op(p), BL_OP_EQUAL);
    assert_int_equal(p->conditions[0].end, 1);
    p = compile_when("{a: [1, 2], \"<\": [{var: b}, 3]}");
    assert_int_equal(p->condition_count, 3);
    assert_int_equal(first_op(p), BL_OP_ALL);
    assert_int_equal(p->conditions[0].end, 3);
    assert_int_equal(p->conditions[1].op, BL_OP_IN);
    assert_int_equal(p->conditions[2].op, BL_OP_LESS);
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
        assert_int_equal(p->condition_count, 0);
    }
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        const struct bl_policy *p = compile_when(never[i]);
        assert_int_equal(first_op(p), BL_OP_FALSE);
        assert_int_equal(p->condition_count, 1);
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
    (void)refuse_when("{not: 1}", ".not", "a condition is written as an object, found a number");
    (void)refuse_when("{any: [1]}", ".any[0]", "written as an object");
    (void)refuse_when("[{a: 1}]", "", "written as an object, found an array");
}

static void status_words_are_checked_wherever_they_stand(void **state) {
    (void)state;
    (void)refuse_when("{status: active}", ".status", "\"active\" is no status of an attempt");
    (void)refuse_when("{attempt.status: [timeout, tmeout]}", ".attempt.status[1]", "\"tmeout\"");
    (void)refuse_when("{not: {\"==\": [{var: status}, x]}}", ".not.==", "\"x\" is no status");
    (void)refuse_when("{\"!=\": [x, {var: status}]}", ".!=", "\"x\" is no status");
    (void)compile_when("{context.status: active}");
}

static void a_text_is_answered_with_its_object(void **state) {
    (void)state;
    assert_string_equal(
        refuse_when("'metadata.tier == \"gold\"'", "", "is written as an object, found a string")
            ->hint,
        "write {\"metadata.tier\":\"gold\"}");
    assert_non_null(strstr(refuse_when("'size(x) > 4'", "", "is written as an object")->hint,
                           "for example {\"metadata.tier\""));
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
        cmocka_unit_test(a_text_is_answered_with_its_object),
        cmocka_unit_test(status_words_are_checked_wherever_they_stand),
    };
    return cmocka_run_group_tests_name("conditions", tests, NULL, teardown);
}
