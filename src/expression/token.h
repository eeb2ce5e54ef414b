/* Tokens of expressions (cel-spec, "Syntax"). Private to this folder. */
#ifndef BL_EXPRESSION_TOKEN_H
#define BL_EXPRESSION_TOKEN_H

#include "base/diag.h"
#include "expression/value.h"

/* Signs of one character stand for themselves. */
enum bl_token_kind {
    BL_TOKEN_END = 0,
    BL_TOKEN_NAME = 256,
    BL_TOKEN_LITERAL,  /* `value`; integers without sign as UINT with `is_int` */
    BL_TOKEN_RESERVED, /* a word that CEL keeps for later */
    BL_TOKEN_IN,
    BL_TOKEN_LESS_EQUAL,
    BL_TOKEN_GREATER_EQUAL,
    BL_TOKEN_EQUAL,
    BL_TOKEN_NOT_EQUAL,
    BL_TOKEN_AND,
    BL_TOKEN_OR,
};

struct bl_token {
    int kind;
    uint32_t at;        /* byte offset in the text */
    struct bl_str text; /* as it is written */
    struct bl_value value;
    bool is_int;
};

struct bl_lexer {
    struct bl_str text;
    size_t offset;
    struct bl_arena *arena; /* for strings with escapes */
    struct bl_diag *diag;
};

/* Reads the next token. Errors: INVALID_REQUEST with column, message and hint in the lexer's
 * diagnostic; RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_lexer_next(struct bl_lexer *lexer, struct bl_token *token);

/* A problem at byte `at` of the text: sets the column, and returns the diagnostic. */
struct bl_diag *bl_expression_problem(struct bl_diag *diag, uint32_t at);

#endif
