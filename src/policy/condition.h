/*
 * Conditions: when a rule applies.
 *
 * A policy's `when`, object or expression, compiles into ops of one program (expression/program.h).
 * What they read of a request are facts, resolved before the decision into one array. A condition
 * holds, does not hold, or fails; one that fails does not hold.
 */
#ifndef BL_POLICY_CONDITION_H
#define BL_POLICY_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

#include "expression/evaluate.h"
#include "expression/scope.h"

#define BL_CONDITION_MAX_DEPTH 16 /* of objects */
#define BL_CONDITION_ALWAYS UINT32_MAX

/* Where facts come from. `path` is what people wrote, `root` and `rest` how it is resolved. */
enum bl_fact_root {
    BL_FACT_PLAIN, /* `rest` in context, then metadata, then constraints, first present wins */
    BL_FACT_CONTEXT,
    BL_FACT_METADATA,
    BL_FACT_CONSTRAINTS,
    BL_FACT_TASK,    /* task.type, task.payload_ref, task.payload.… */
    BL_FACT_TENANT,  /* tenant, tenant.id, tenant_id */
    BL_FACT_REQUEST, /* request.id, request.run_id, request.flow_id, request.step_id, request.user */
    BL_FACT_ATTEMPT, /* attempt.number, attempt.status (also plain `status`), attempt.provider */
    BL_FACT_NOW,
};

struct bl_fact {
    struct bl_str path; /* with its projection, "size(task.payload.prompt)": names it in records */
    struct bl_str rest; /* the path below the root; empty = the root itself */
    enum bl_fact_root root;
    enum bl_projection projection;
};

/* The variables of expressions. The type of what stands at `path`; false, with message and hint in
 * `diag`, if there can be nothing. */
bool bl_fact_type(struct bl_str path, struct bl_type *type, struct bl_diag *diag);
/* The fact that an expression's path reads: views into `path`, without projection. */
struct bl_fact bl_fact_parse(struct bl_str path);
/* The same for a path as records name it, "metadata.tier" or "size(task.payload.prompt)". False if it
 * is none. */
bool bl_fact_read(struct bl_str text, struct bl_fact *out);

struct bl_policy;

/* Prepares to run the policy's conditions on `facts` (one value per fact of the policy), all within
 * one budget. Borrows both. */
void bl_conditions_begin(const struct bl_policy *policy, const struct bl_value *facts,
                         struct bl_evaluation *evaluation);

/* Whether the condition at `index` holds; after BL_TRUTH_ERROR evaluation->error says why not.
 * BL_CONDITION_ALWAYS always does. */
static inline enum bl_truth bl_condition_truth(struct bl_evaluation *evaluation, uint32_t index) {
    return index == BL_CONDITION_ALWAYS ? BL_TRUTH_TRUE : bl_evaluate_truth(evaluation, index);
}

/* For a condition by itself. Thread-safe. */
bool bl_condition_holds(const struct bl_policy *policy, uint32_t index,
                        const struct bl_value *facts);

/* What to tell of a condition that failed: "no such key: metadata.tier". */
void bl_condition_say_error(const struct bl_policy *policy, const struct bl_value *error,
                            struct bl_buf *buf);

#endif
