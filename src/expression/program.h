/*
 * Compiled expressions: one flat array of ops.
 *
 * An op is followed by those of its operands that are ops themselves, in order, and knows where
 * they end; operands that are facts, constants or variables of a macro stand in the op. So the
 * common condition, a fact compared with a constant, is one op of 16 bytes, evaluation is a short
 * recursion over consecutive memory, bounded by BL_EXPRESSION_MAX_DEPTH, and several expressions
 * share one array.
 *
 * Immutable once made; thread-safe.
 */
#ifndef BL_EXPRESSION_PROGRAM_H
#define BL_EXPRESSION_PROGRAM_H

#include "expression/value.h"

enum bl_opcode {
    BL_OP_TRUE,
    BL_OP_FALSE,
    BL_OP_AND, /* of all ops that follow, up to `end` */
    BL_OP_OR,
    BL_OP_NOT,
    BL_OP_EQUAL,
    BL_OP_NOT_EQUAL,
    BL_OP_LESS,
    BL_OP_LESS_EQUAL,
    BL_OP_GREATER,
    BL_OP_GREATER_EQUAL,
    BL_OP_IN,
    BL_OP_LAST_TRUTH = BL_OP_IN, /* those above yield a truth, those below any value */
    BL_OP_OPERAND,               /* the value of `left` */
    BL_OP_CALL,                  /* function(left) or function(left, right) */
    BL_OP_SELECT,                /* left.right */
    BL_OP_HAS,                   /* has(left.right) */
    BL_OP_CONDITIONAL,           /* three ops follow */
    BL_OP_LIST,                  /* of the ops that follow */
    BL_OP_MAP,                   /* key, value, key, value, … */
    BL_OP_LOOP,                  /* over `left`: one op, or filter and op for a map of three */
};

/* Operands: the slot of a fact, or one of these. */
#define BL_OPERAND_CONSTANT 0x8000u /* | index into the constants */
#define BL_OPERAND_LOCAL 0x4000u    /* | number of a macro's variable */
#define BL_OPERAND_FOLLOWS 0xFFFFu  /* an op */
#define BL_OPERAND_NONE 0x3FFFu
#define BL_CONSTANTS_MAX 0x7FFEu

struct bl_op {
    uint8_t op;       /* enum bl_opcode */
    uint8_t function; /* of CALL: enum bl_function; of LOOP: enum bl_macro */
    uint8_t local;    /* of LOOP: its variable */
    /* CEL: an absent fact, and a comparison of what has no order, is an error. Else it is false, as
     * in conditions that are written as objects. */
    bool is_strict;
    uint16_t left, right;
    uint32_t end; /* index of the first op after this one and its operands */
    uint32_t at;  /* byte offset in the source, for messages */
};

struct bl_pattern; /* a compiled regular expression: expression/pattern.h */

struct bl_program {
    const struct bl_op *ops;
    const struct bl_value
        *constants; /* the pattern of a `matches` is constant `right`, by number */
    const struct bl_pattern *const *patterns;
    uint32_t op_count;
    uint16_t constant_count;
    uint16_t pattern_count;
};

/* The constant that an operand names; NULL if it is a fact, a local or an op. */
static inline const struct bl_value *bl_operand_constant(const struct bl_program *program,
                                                         uint16_t operand) {
    bool is_constant = operand != BL_OPERAND_FOLLOWS && (operand & BL_OPERAND_CONSTANT) != 0;
    return is_constant ? &program->constants[operand & (uint16_t)~BL_OPERAND_CONSTANT] : NULL;
}

#endif
