#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "flow/steps.h"
#include "support/policy_fixture.h"

static struct bl_refusal refusal;

static struct bl_policy *policy_with(const char *steps) {
    char text[1024];
    struct bl_buf buf;

    bl_buf_init(&buf, text, sizeof(text) - 1);
    bl_buf_printf(&buf, "{'providers':[{'name':'p','weight':1}],%s}", steps);
    text[buf.len] = '\0';
    return fixture_policy("acme", "gold", text);
}

/* An outcome as far as it is known when extensions are looked at; `tier` is the one fact. */
static struct bl_outcome outcome_of(const struct bl_policy *policy, const struct bl_value *tier) {
    return (struct bl_outcome){.policy = policy, .input = {.policy = policy, .facts = tier}};
}

static void expect_step(const struct bl_outcome *outcome, int index, const char *id,
                        const char *status) {
    assert_true(index < outcome->step_count);
    assert_true(bl_str_equal_c(outcome->steps[index].step->id, id));
    assert_string_equal(outcome->steps[index].status, status);
}

static void what_may_fail_is_listed_with_its_status(void **state) {
    struct bl_policy *policy =
        policy_with("'pre':[{'id':'a','mode':'optional'}],"
                    "'validators':[{'id':'b','on_fail':'warn'},{'id':'c','on_fail':'ignore'}],"
                    "'post':[{'id':'d','mode':'optional'}]");
    struct bl_outcome outcome = outcome_of(policy, NULL);
    (void)state;
    assert_true(bl_is_ok(bl_flow_steps(BL_STEPS_BEFORE_DECISION, false, &outcome, &refusal)));
    assert_int_equal(outcome.step_count, 3);
    expect_step(&outcome, 0, "a", "error");
    expect_step(&outcome, 1, "b", "warn");
    expect_step(&outcome, 2, "c", "ignore");
    assert_true(bl_is_ok(bl_flow_steps(BL_STEPS_AFTER_DECISION, false, &outcome, &refusal)));
    assert_int_equal(outcome.step_count, 4);
    expect_step(&outcome, 3, "d", "error");
    bl_policy_unref(policy);
}

static void expect_refused(const char *steps, enum bl_step_phase phase, const char *id) {
    struct bl_policy *policy = policy_with(steps);
    struct bl_outcome outcome = outcome_of(policy, NULL);
    assert_int_equal(bl_flow_steps(phase, false, &outcome, &refusal).error,
                     BL_E_EXTENSION_NOT_FOUND);
    assert_int_equal(refusal.error, BL_E_EXTENSION_NOT_FOUND);
    assert_non_null(strstr(refusal.diag.message, id));
    assert_non_null(strstr(refusal.diag.message, "gold"));
    assert_true(strlen(refusal.diag.hint) > 0);
    outcome = outcome_of(policy, NULL);
    assert_true(bl_is_ok(bl_flow_steps(phase, true, &outcome, &refusal)));
    expect_step(&outcome, 0, id, "skipped");
    bl_policy_unref(policy);
}

static void what_must_run_refuses_unless_the_run_is_dry(void **state) {
    (void)state;
    expect_refused("'pre':[{'id':'must_pre','mode':'required'}]", BL_STEPS_BEFORE_DECISION,
                   "must_pre");
    expect_refused("'validators':[{'id':'must_hold','on_fail':'block'}]", BL_STEPS_BEFORE_DECISION,
                   "must_hold");
    expect_refused("'post':[{'id':'must_post','mode':'required'}]", BL_STEPS_AFTER_DECISION,
                   "must_post");
}

static void a_condition_that_does_not_hold_skips(void **state) {
    struct bl_policy *policy =
        policy_with("'pre':[{'id':'a','mode':'required','when':{'tier':'gold'}}]");
    struct bl_value tier = {.type = BL_VALUE_STRING, .count = 6, .as.string = "silver"};
    struct bl_outcome outcome = outcome_of(policy, &tier);
    (void)state;
    assert_int_equal(policy->fact_count, 1);
    assert_true(bl_is_ok(bl_flow_steps(BL_STEPS_BEFORE_DECISION, false, &outcome, &refusal)));
    expect_step(&outcome, 0, "a", "skipped");
    tier = (struct bl_value){.type = BL_VALUE_STRING, .count = 4, .as.string = "gold"};
    outcome = outcome_of(policy, &tier);
    assert_int_equal(bl_flow_steps(BL_STEPS_BEFORE_DECISION, false, &outcome, &refusal).error,
                     BL_E_EXTENSION_NOT_FOUND);
    bl_policy_unref(policy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_fail_is_listed_with_its_status),
        cmocka_unit_test(what_must_run_refuses_unless_the_run_is_dry),
        cmocka_unit_test(a_condition_that_does_not_hold_skips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
