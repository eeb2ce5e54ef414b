/*
 * Expressions: a subset of CEL (https://github.com/google/cel-spec), compiled once, run often.
 *
 * The way: parse (syntax.h) → check types against a scope → fold constants → emit ops (program.h) →
 * evaluate (evaluate.h). This header does the first four in one call.
 */
#ifndef BL_EXPRESSION_EXPRESSION_H
#define BL_EXPRESSION_EXPRESSION_H

#include "expression/scope.h"
#include "expression/syntax.h"

/* Where ops, constants and patterns are gathered; expressions of one policy share it. The arrays
 * belong to the caller, texts of constants and patterns go into `arena`. */
struct bl_code {
    struct bl_op *ops;
    struct bl_value *constants;
    const struct bl_pattern **patterns;
    uint32_t op_count, op_capacity;
    uint16_t constant_count, constant_capacity;
    uint16_t pattern_count, pattern_capacity;
    struct bl_arena *arena;
};

/* Checks `root` against `scope`: sets the type of each node and numbers the variables of macros.
 * Errors: INVALID_REQUEST with column, message and hint. */
BL_MUST_USE bl_result bl_expression_check(struct bl_node *root,
                                          const struct bl_expression_scope *scope,
                                          struct bl_diag *diag);

/* Replaces what is constant by its value, in place. What fails whenever it runs is left as it is,
 * and noted in `*always_fails` (the first byte offset, or UINT32_MAX), with `diag` saying why.
 * Errors: RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_expression_fold(struct bl_node *root, struct bl_arena *arena,
                                         uint32_t *always_fails, struct bl_diag *diag);

/* Appends the checked tree to `code` and sets `*index` to its first op. Errors: INVALID_REQUEST (a
 * broken pattern, no slot left), RESOURCE_EXHAUSTED (also when an array is full). */
BL_MUST_USE bl_result bl_expression_emit(const struct bl_node *root,
                                         const struct bl_expression_scope *scope,
                                         struct bl_code *code, uint32_t *index,
                                         struct bl_diag *diag);

/* All in one: `text` becomes ops at `*index`, of type `*type`. The tree is taken from `scratch`. A
 * warning, that a part always fails, is left in `diag` with severity WARNING; else its message is
 * empty. */
BL_MUST_USE bl_result bl_expression_compile(struct bl_str text,
                                            const struct bl_expression_scope *scope,
                                            struct bl_arena *scratch, struct bl_code *code,
                                            uint32_t *index, struct bl_type *type,
                                            struct bl_diag *diag);

/* The path that a node reads, "task.payload.prompt", if it is a variable and members of it by
 * constant names; into `storage` of BL_PATH_MAX_BYTES. Absent if it is anything else. */
struct bl_str bl_expression_path(const struct bl_node *node, char *storage);

#endif
