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

static void paths_have_roots(void **state) {
    static const struct {
        const char *path;
        enum bl_fact_root root;
        const char *rest;
    } cases[] = {
        {"context.a.b", BL_FACT_CONTEXT, "a.b"},
        {"context", BL_FACT_CONTEXT, ""},
        {"metadata.tier", BL_FACT_METADATA, "tier"},
        {"constraints.max_cost", BL_FACT_CONSTRAINTS, "max_cost"},
        {"task.type", BL_FACT_TASK, "type"},
        {"task.payload.x.y", BL_FACT_TASK, "payload.x.y"},
        {"message_type", BL_FACT_TASK, "type"},
        {"tenant", BL_FACT_TENANT, "id"},
        {"tenant.id", BL_FACT_TENANT, "id"},
        {"tenant_id", BL_FACT_TENANT, "id"},
        {"request.user", BL_FACT_REQUEST, "user"},
        {"attempt.number", BL_FACT_ATTEMPT, "number"},
        {"contextual", BL_FACT_PLAIN, "contextual"},
        {"user.tier", BL_FACT_PLAIN, "user.tier"},
    };
    char when[64];
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(when, sizeof(when), "{%s: 1}", cases[i].path);
        const struct bl_policy *p = compile_when(when);
        assert_int_equal(p->fact_count, 1);
        assert_int_equal(p->facts[0].root, cases[i].root);
        assert_true(bl_str_equal_c(p->facts[0].path, cases[i].path));
        assert_true(bl_str_equal_c(p->facts[0].rest, cases[i].rest));
        expect_no_warning(&compiled, "there is no");
    }
}

static void facts_of_one_meaning_share_a_slot(void **state) {
    (void)state;
    const struct bl_policy *p = compile_when("{tenant: a, tenant_id: b, tenant.id: c, task.type: "
                                             "x, message_type: y, any: [{z: 1}, {z: 2}, "
                                             "{\"<\": [{var: z}, {var: z}]}]}");
    assert_int_equal(p->fact_count, 3);
    p = compile_when("{a: 1, context.a: 1}"); /* a may also come from metadata */
    assert_int_equal(p->fact_count, 2);
}

static void facts_that_do_not_exist_are_warned_of(void **state) {
    (void)state;
    (void)compile_when("{attempt.statsu: x}");
    assert_string_equal(expect_warning(&compiled, "rules[0].when.attempt.statsu",
                                       "there is no attempt.statsu", 0, 0)
                            ->hint,
                        "did you mean attempt.status?");
    (void)compile_when("{tenant.region: eu}");
    expect_warning(&compiled, "rules[0].when.tenant.region", "there is no tenant.region", 0, 0);
    (void)compile_when("{request.user_id: eu}");
    expect_warning(&compiled, "rules[0].when.request.user_id", "there is no", 0, 0);
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

static void paths_are_names_and_dots(void **state) {
    static const char *const bad[] = {"\"\"", "\".a\"", "\"a.\"", "\"a..b\"", "\".\""};
    char when[600];
    (void)state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void)snprintf(when, sizeof(when), "{\"==\": [{var: %s}, 1]}", bad[i]);
        (void)refuse_when(when, ".==", "a path has 1 to 255 bytes");
    }
    (void)snprintf(when, sizeof(when), "{\"x%0254d\": 1}", 1);
    (void)compile_when(when);
    (void)snprintf(when, sizeof(when), "{\"==\": [1, {var: \"x%0255d\"}]}", 1);
    (void)refuse_when(when, ".==", "a path has 1 to 255 bytes");
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
    static const struct {
        const char *text;
        const char *hint;
    } cases[] = {
        {"'metadata.tier == \"gold\"'", "write {\"metadata.tier\":\"gold\"}"},
        {"'size > 5'", "write {\">\":[{\"var\":\"size\"},5]}"},
        {"'a != true'", "write {\"!=\":[{\"var\":\"a\"},true]}"},
        {"\"a in ['x', 'y'] && b<=-3\"", "write {\"a\":[\"x\",\"y\"],\"<=\":[{\"var\":\"b\"},-3]}"},
    };
    static const char *const too_much[] = {
        "'size(x) > 4'", "'a == b'",   "'a == 1 || b == 2'", "'a == 1 && a == 2'", "'a'", "''",
        "'a == \"x'",    "'a == 007'", "'a in [1'",          "'1 == a'",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(
            refuse_when(cases[i].text, "", "is written as an object, found a string")->hint,
            cases[i].hint);
    }
    for (size_t i = 0; i < sizeof(too_much) / sizeof(too_much[0]); i++) {
        assert_non_null(strstr(refuse_when(too_much[i], "", "is written as an object")->hint,
                               "for example {\"metadata.tier\""));
    }
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
        cmocka_unit_test(paths_have_roots),
        cmocka_unit_test(facts_of_one_meaning_share_a_slot),
        cmocka_unit_test(facts_that_do_not_exist_are_warned_of),
        cmocka_unit_test(operators_take_two_operands),
        cmocka_unit_test(values_are_scalars_or_lists_of_scalars),
        cmocka_unit_test(paths_are_names_and_dots),
        cmocka_unit_test(lists_of_conditions_are_not_empty),
        cmocka_unit_test(status_words_are_checked_wherever_they_stand),
        cmocka_unit_test(a_text_is_answered_with_its_object),
    };
    return cmocka_run_group_tests_name("conditions", tests, NULL, teardown);
}
