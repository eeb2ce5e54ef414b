/*
 * Expressions as trees: what the parser makes of a text, and what the rest of this folder reads.
 *
 * Private to this folder and its tests. A tree stands in one arena; texts in it are views into the
 * source or stand in the arena too.
 */
#ifndef BL_EXPRESSION_SYNTAX_H
#define BL_EXPRESSION_SYNTAX_H

#include "base/diag.h"
#include "expression/functions.h"

#define BL_EXPRESSION_MAX_BYTES 16384
#define BL_EXPRESSION_MAX_DEPTH                                                                    \
    48 /* CEL asks for at least 12 of each nesting (cel-spec, "Syntax") */
#define BL_EXPRESSION_MAX_NODES 4096
#define BL_EXPRESSION_MAX_LOCALS 8 /* macros within macros */

enum bl_node_kind {
    BL_NODE_LITERAL, /* value */
    BL_NODE_NAME,    /* name; `local` ≥ 0: the variable of a macro */
    BL_NODE_SELECT,  /* first.name */
    BL_NODE_HAS,     /* has(first.name) */
    BL_NODE_CALL,    /* function(first, …) */
    BL_NODE_LIST,
    BL_NODE_MAP,  /* key, value, key, value, … */
    BL_NODE_LOOP, /* range, [filter,] body; `loop`, the variable is `name` */
};

enum bl_macro { BL_MACRO_ALL, BL_MACRO_EXISTS, BL_MACRO_EXISTS_ONE, BL_MACRO_FILTER, BL_MACRO_MAP };

struct bl_node {
    uint8_t kind;     /* enum bl_node_kind */
    uint8_t function; /* enum bl_function of a CALL, enum bl_macro of a LOOP */
    bool is_method;
    uint8_t depth;  /* of the tree below: 1 for a leaf */
    int8_t local;   /* see NAME; of a LOOP: its variable's number */
    uint32_t at;    /* byte offset in the source: of an operator its sign, of a member its name */
    uint32_t count; /* children */
    struct bl_node *first, *last, *next;
    struct bl_str name;
    struct bl_value value;
    struct bl_type type; /* set by the check */
};

/* Parses `text`. Errors: INVALID_REQUEST with column (from 1, in bytes), message and hint;
 * RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_expression_parse(struct bl_str text, struct bl_arena *arena,
                                          struct bl_node **out, struct bl_diag *diag);

/* Appends the tree as text: one space around operators, no bracket that is not needed. Parsing it
 * gives an equal tree. */
void bl_expression_print(const struct bl_node *node, struct bl_buf *buf);

const char *bl_macro_name(enum bl_macro loop);

#endif
