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
    (void)compile_when("{tenant.region: eu}"); /* the operator may say so */
    assert_int_equal(compiled.findings.warnings, 0);
    (void)compile_when("{request.user_id: eu}");
    expect_warning(&compiled, "rules[0].when.request.user_id", "there is no", 0, 0);
}

/* The type of an expression's path, or the message of its refusal. */
static const char *type_or_refusal(const char *path) {
    static struct bl_diag diag;
    struct bl_type type;
    bl_diag_clear(&diag);
    return bl_fact_type(bl_str_from_c(path), &type, &diag)
               ? bl_value_kind_name((enum bl_value_type)type.kind)
               : diag.message;
}

static void variables_of_expressions_have_types(void **state) {
    static const char *const cases[][2] = {
        {"metadata", "map"},
        {"metadata.a.b", "dyn"},
        {"task.type", "string"},
        {"task.payload", "dyn"},
        {"tenant.id", "string"},
        {"tenant.region", "string"},
        {"tenant", "tenant is no value by itself"},
        {"request.user", "string"},
        {"request.usr", "request has no usr"},
        {"request", "request is no value by itself"},
        {"attempt.number", "int"},
        {"attempt.status", "string"},
        {"now", "google.protobuf.Timestamp"},
        {"now.hour", "now is a timestamp and has no members"},
        {"metdata.a", "there is no variable metdata"},
        {"tier", "there is no variable tier"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(type_or_refusal(cases[i][0]), cases[i][1]);
    }
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

static int teardown(void **state) {
    (void)state;
    release(&compiled);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_have_roots),
        cmocka_unit_test(facts_of_one_meaning_share_a_slot),
        cmocka_unit_test(facts_that_do_not_exist_are_warned_of),
        cmocka_unit_test(variables_of_expressions_have_types),
        cmocka_unit_test(paths_are_names_and_dots),
    };
    return cmocka_run_group_tests_name("facts", tests, NULL, teardown);
}
