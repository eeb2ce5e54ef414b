#include "flow/steps.h"

#include <assert.h>

static bool must_run(const struct bl_step *step) {
    return step->kind == BL_STEP_VALIDATOR ? step->on_fail == BL_STEP_BLOCK
                                           : step->mode == BL_STEP_REQUIRED;
}

/* What the policy makes of a step that failed and need not run. */
static const char *status_of_failure(const struct bl_step *step) {
    if (step->kind != BL_STEP_VALIDATOR) {
        return "error";
    }
    return step->on_fail == BL_STEP_WARN ? "warn" : "ignore";
}

static bl_result refuse(const struct bl_step *step, const struct bl_policy *policy,
                        struct bl_refusal *refusal) {
    struct bl_diag *diag = bl_refusal_begin(refusal, BL_E_EXTENSION_NOT_FOUND, BL_INTAKE_NONE);

    bl_diag_message(diag, "extension \"%.*s\" is required by policy \"%.*s\" but not registered",
                    BL_STR_ARG(step->id), BL_STR_ARG(policy->policy_id));
    bl_diag_hint(diag, "register it, or make the step %s in the policy",
                 step->kind == BL_STEP_VALIDATOR ? "on_fail: warn" : "mode: optional");
    return BL_FAIL(EXTENSION_NOT_FOUND);
}

bl_result bl_flow_steps(enum bl_step_phase phase, bool dry_run, struct bl_outcome *outcome,
                        struct bl_refusal *refusal) {
    const struct bl_policy *policy = outcome->policy;
    unsigned before = (unsigned)policy->pre_count + policy->validator_count;
    unsigned first = phase == BL_STEPS_BEFORE_DECISION ? 0 : before;
    unsigned end = phase == BL_STEPS_BEFORE_DECISION ? before : before + policy->post_count;

    assert(end <= sizeof(outcome->steps) / sizeof(outcome->steps[0]));
    for (unsigned i = first; i < end; i++) {
        const struct bl_step *step = &policy->steps[i];
        const char *status = "skipped";
        if (!dry_run && bl_condition_holds(policy, step->condition, outcome->input.facts)) {
            if (must_run(step)) {
                return refuse(step, policy, refusal);
            }
            status = status_of_failure(step);
        }
        outcome->steps[outcome->step_count++] = (struct bl_outcome_step){step, status};
    }
    return BL_OK;
}
