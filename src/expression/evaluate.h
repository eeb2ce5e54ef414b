/*
 * Running compiled expressions.
 *
 * Semantics are CEL's: an error is a value that passes through everything but `&&`, `||`, `?:` and
 * the macros built on them, which absorb it when the other side decides. Nothing is taken from the
 * heap; texts and lists that an expression makes stand in scratch memory of the caller, or in 4 KiB
 * of the stack. Cost is counted and bounded, so that no request can make an expression run for
 * long: 1 for each op and each turn of a loop, a tenth per byte of a text that is gone through, as
 * cel-go has it, and for a pattern 200 and 2 a byte, since it may backtrack.
 */
#ifndef BL_EXPRESSION_EVALUATE_H
#define BL_EXPRESSION_EVALUATE_H

#include "expression/program.h"
#include "expression/syntax.h"

#define BL_EVALUATION_SCRATCH_BYTES 4096
#define BL_EVALUATION_COST_MAX 1000000u /* of one decision, all conditions together: some 10 ms */

#define BL_EVALUATION_ERROR_MAP(X)                                                                 \
    X(NO_SUCH_KEY, "no such key")                                                                  \
    X(NO_SUCH_OVERLOAD, "no such overload")                                                        \
    X(OVERFLOW, "overflow")                                                                        \
    X(DIVIDE_BY_ZERO, "divide by zero")                                                            \
    X(MODULUS_BY_ZERO, "modulus by zero")                                                          \
    X(INDEX_OUT_OF_RANGE, "index out of range")                                                    \
    X(BAD_CONVERSION, "cannot be converted")                                                       \
    X(DUPLICATE_KEY, "a key stands twice in a map")                                                \
    X(TOO_EXPENSIVE, "costs too much")                                                             \
    X(TOO_LARGE, "makes more text or lists than there is room for")                                \
    X(TEXT_TOO_LONG, "too much work for a pattern")                                                \
    X(NOT_RECORDED, "not recorded")

enum bl_evaluation_error {
#define X(symbol, text) BL_EVALUATION_##symbol,
    BL_EVALUATION_ERROR_MAP(X)
#undef X
        BL_EVALUATION_ERROR_COUNT
};
const char *bl_evaluation_error_text(enum bl_evaluation_error error);

/* An error is a value of type BL_VALUE_ERROR: `count` is the byte offset in the source, `integer`
 * the code, with 1 + the slot of a fact that is missing above the low 16 bits. */
static inline struct bl_value bl_error_value(enum bl_evaluation_error error, uint32_t at) {
    return (struct bl_value){.type = BL_VALUE_ERROR, .count = at, .as.integer = error};
}
static inline enum bl_evaluation_error bl_error_code(const struct bl_value *error) {
    return (enum bl_evaluation_error)(error->as.integer & 0xFFFF);
}
/* Slot of the fact that was missing, or -1. */
static inline int bl_error_slot(const struct bl_value *error) {
    return (int)(error->as.integer >> 16) - 1;
}

enum bl_truth { BL_TRUTH_FALSE, BL_TRUTH_TRUE, BL_TRUTH_ERROR };

struct bl_evaluation {
    const struct bl_program *program;
    const struct bl_value *facts;
    uint32_t cost_left;
    struct bl_value error; /* after BL_TRUTH_ERROR */

    /* internal */
    char *scratch; /* NULL outside an op that makes values */
    size_t scratch_left;
    struct bl_value locals[BL_EXPRESSION_MAX_LOCALS];
};

/* Prepares `evaluation` for any number of runs that share one budget. */
static inline void bl_evaluation_init(struct bl_evaluation *evaluation,
                                      const struct bl_program *program,
                                      const struct bl_value *facts, uint32_t cost_max) {
    evaluation->program = program;
    evaluation->facts = facts;
    evaluation->cost_left = cost_max;
    evaluation->scratch = NULL;
}

/* Runs the expression at `index` as a condition: anything but a bool is an error. */
enum bl_truth bl_evaluate_truth(struct bl_evaluation *evaluation, uint32_t index);

/* Runs it for its value, which may be of type BL_VALUE_ERROR. Made texts and lists stand in
 * `scratch`, and facts and constants are borrowed. */
struct bl_value bl_evaluate(struct bl_evaluation *evaluation, uint32_t index, char *scratch,
                            size_t scratch_bytes);

#endif
