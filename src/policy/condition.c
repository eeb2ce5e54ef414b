#include "policy/condition.h"

#include <assert.h>
#include <string.h>

#include "policy/policy.h"

static inline const struct bl_value *operand(const struct bl_policy *policy, uint16_t index,
                                             const struct bl_value *facts) {
    return (index & BL_OPERAND_CONSTANT) != 0
               ? &policy->constants[index & (uint16_t)~BL_OPERAND_CONSTANT]
               : &facts[index];
}

/* The ends first: texts of one length that people choose (eu-west-1, eu-west-2) mostly differ there,
 * and a call of memcmp costs more than all the rest. */
static inline bool same_bytes(const char *a, const char *b, uint32_t count) {
    uint64_t tail_a, tail_b;

    if (count < sizeof(tail_a)) {
        for (uint32_t i = count; i-- > 0;) {
            if (a[i] != b[i]) {
                return false;
            }
        }
        return true;
    }
    memcpy(&tail_a, a + count - sizeof(tail_a), sizeof(tail_a));
    memcpy(&tail_b, b + count - sizeof(tail_b), sizeof(tail_b));
    return tail_a == tail_b && memcmp(a, b, count - sizeof(tail_a)) == 0;
}

/* Texts first: most conditions compare nothing else, and most of them differ in length. */
static inline bool equal(const struct bl_value *left, const struct bl_value *right) {
    if (left->type == BL_VALUE_STRING && right->type == BL_VALUE_STRING) {
        return left->count == right->count &&
               same_bytes(left->as.string, right->as.string, left->count);
    }
    return bl_value_equal(left, right);
}

static bool compare(const struct bl_policy *policy, const struct bl_condition *op,
                    const struct bl_value *facts) {
    const struct bl_value *left = operand(policy, op->left, facts);
    const struct bl_value *right = operand(policy, op->right, facts);
    int order;

    switch ((enum bl_condition_op)op->op) {
    case BL_OP_EQUAL:
        return equal(left, right);
    case BL_OP_NOT_EQUAL:
        return left->type != BL_VALUE_ABSENT && right->type != BL_VALUE_ABSENT &&
               !equal(left, right);
    case BL_OP_IN:
        return bl_value_in(left, right);
    case BL_OP_LESS:
        return bl_value_order(left, right, &order) && order < 0;
    case BL_OP_LESS_EQUAL:
        return bl_value_order(left, right, &order) && order <= 0;
    case BL_OP_GREATER:
        return bl_value_order(left, right, &order) && order > 0;
    case BL_OP_GREATER_EQUAL:
        return bl_value_order(left, right, &order) && order >= 0;
    default:
        assert(op->op <= BL_OP_IN); /* the table holds no other */
        return false;
    }
}

static bool holds(const struct bl_policy *policy, uint32_t index, const struct bl_value *facts);

/* Whether one of the operands is `wanted`; AND, OR and NOT differ in nothing else. */
static bool any_operand_is(const struct bl_policy *policy, uint32_t index,
                           const struct bl_value *facts, bool wanted) {
    uint32_t end = policy->conditions[index].end;

    for (uint32_t i = index + 1; i < end; i = policy->conditions[i].end) {
        if (holds(policy, i, facts) == wanted) {
            return true;
        }
    }
    return false;
}

static bool holds(const struct bl_policy *policy, uint32_t index, const struct bl_value *facts) {
    const struct bl_condition *op = &policy->conditions[index];

    switch ((enum bl_condition_op)op->op) {
    case BL_OP_TRUE:
        return true;
    case BL_OP_FALSE:
        return false;
    case BL_OP_ALL:
        return !any_operand_is(policy, index, facts, false);
    case BL_OP_ANY:
        return any_operand_is(policy, index, facts, true);
    case BL_OP_NOT:
        return any_operand_is(policy, index, facts, false);
    default:
        return compare(policy, op, facts);
    }
}

bool bl_condition_holds(const struct bl_policy *policy, uint32_t index,
                        const struct bl_value *facts) {
    if (index == BL_CONDITION_ALWAYS) {
        return true;
    }
    const struct bl_condition *op = &policy->conditions[index];
    if (op->op == BL_OP_EQUAL) { /* the most frequent by far */
        return equal(operand(policy, op->left, facts), operand(policy, op->right, facts));
    }
    return holds(policy, index, facts);
}
