#include "policy/condition.h"

#include "policy/policy.h"

void bl_conditions_begin(const struct bl_policy *policy, const struct bl_value *facts,
                         struct bl_evaluation *evaluation) {
    bl_evaluation_init(evaluation, &policy->program, facts, BL_EVALUATION_COST_MAX);
}

bool bl_condition_holds(const struct bl_policy *policy, uint32_t index,
                        const struct bl_value *facts) {
    struct bl_evaluation evaluation;

    bl_conditions_begin(policy, facts, &evaluation);
    return bl_condition_truth(&evaluation, index) == BL_TRUTH_TRUE;
}

void bl_condition_say_error(const struct bl_policy *policy, const struct bl_value *error,
                            struct bl_buf *buf) {
    int slot = bl_error_slot(error);

    bl_buf_str(buf, bl_str_from_c(bl_evaluation_error_text(bl_error_code(error))));
    if (slot >= 0 && slot < policy->fact_count) {
        bl_buf_literal(buf, ": ");
        bl_buf_str(buf, policy->facts[slot].path);
    } else {
        bl_buf_printf(buf, " at character %u", (unsigned)error->count + 1);
    }
}
