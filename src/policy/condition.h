/*
 * Conditions: when a rule applies.
 *
 * A policy's `when` objects compile into one flat array of ops. Leaves compare a fact (by slot in
 * the input's fact array) with a constant or another fact; AND, OR and NOT are followed by their
 * operands and know where those end, so evaluation is a short recursion over consecutive memory,
 * bounded by BL_CONDITION_MAX_DEPTH at compile time. No allocation, no failure: a comparison of
 * things that cannot be compared, or with an absent fact, is false.
 */
#ifndef BL_POLICY_CONDITION_H
#define BL_POLICY_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/value.h"

#define BL_CONDITION_MAX_DEPTH 16
#define BL_CONDITION_ALWAYS UINT32_MAX

enum bl_condition_op {
    BL_OP_TRUE,
    BL_OP_FALSE,
    BL_OP_ALL, /* operands follow, up to `end` */
    BL_OP_ANY,
    BL_OP_NOT, /* true if none of its operands' conjunction holds: NOT(all of them) */
    BL_OP_EQUAL,
    BL_OP_NOT_EQUAL, /* false when either side is absent */
    BL_OP_LESS,
    BL_OP_LESS_EQUAL,
    BL_OP_GREATER,
    BL_OP_GREATER_EQUAL,
    BL_OP_IN, /* left is a member of the list on the right */
};

/* Operand: a fact slot, or BL_OPERAND_CONSTANT | index into the policy's constants. */
#define BL_OPERAND_CONSTANT 0x8000u

struct bl_condition {
    uint8_t op; /* enum bl_condition_op */
    uint16_t left;
    uint16_t right;
    uint32_t end; /* index of the first op after this one and its operands */
};

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
};

struct bl_fact {
    struct bl_str path;
    struct bl_str rest; /* the path below the root; empty = the root itself */
    enum bl_fact_root root;
};

struct bl_policy;

/* Whether the condition at `index` holds for `facts` (one value per fact of the policy).
 * BL_CONDITION_ALWAYS always does. Thread-safe. */
bool bl_condition_holds(const struct bl_policy *policy, uint32_t index,
                        const struct bl_value *facts);

#endif
