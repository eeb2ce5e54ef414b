/* What functions and operators do with values. Private to this folder. */
#ifndef BL_EXPRESSION_BUILTIN_H
#define BL_EXPRESSION_BUILTIN_H

#include "expression/evaluate.h"
#include "expression/functions.h"

/* function(left) or function(left, right); `right` is NULL for one argument. Neither is an error
 * value. */
struct bl_value bl_builtin_call(struct bl_evaluation *evaluation, enum bl_function function,
                                const struct bl_value *left, const struct bl_value *right,
                                uint32_t at);

/* int(), uint(), double(), string(), bool(), duration(), timestamp(). */
struct bl_value bl_builtin_convert(struct bl_evaluation *evaluation, enum bl_function function,
                                   const struct bl_value *value, uint32_t at);

/* The getters of timestamps and durations; `zone` is NULL for UTC. */
struct bl_value bl_builtin_calendar(enum bl_function function, const struct bl_value *moment,
                                    const struct bl_value *zone, uint32_t at);

/* Takes `cost` off the budget; false, and nothing more may run, when it is used up. */
static inline bool bl_evaluation_charge(struct bl_evaluation *evaluation, uint64_t cost) {
    if (cost > evaluation->cost_left) {
        evaluation->cost_left = 0;
        return false;
    }
    evaluation->cost_left -= (uint32_t)cost;
    return true;
}
/* What going through `bytes` of text costs. */
static inline uint64_t bl_cost_of_text(uint64_t bytes) {
    return bytes / 10 + 1;
}

static inline bool bl_is_container(const struct bl_value *value) {
    return value->type == BL_VALUE_LIST || value->type == BL_VALUE_MAP ||
           value->type == BL_VALUE_JSON;
}

#define BL_LONG_TEXT_BYTES 64

/* Takes off what comparing two values costs: for containers by their parts and texts, for long texts
 * by their bytes. Numbers and short texts are part of the op. False as bl_evaluation_charge. */
bool bl_charge_long_comparison(struct bl_evaluation *evaluation, const struct bl_value *left,
                               const struct bl_value *right);
static inline bool bl_charge_comparison(struct bl_evaluation *evaluation,
                                        const struct bl_value *left, const struct bl_value *right) {
    bool is_long = (left->type == BL_VALUE_STRING && left->count >= BL_LONG_TEXT_BYTES) ||
                   bl_is_container(right);
    return !is_long || bl_charge_long_comparison(evaluation, left, right);
}

/* Scratch memory, aligned to 16; NULL when there is no more. */
void *bl_evaluation_scratch(struct bl_evaluation *evaluation, size_t bytes);

#endif
