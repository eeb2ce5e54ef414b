/* What expressions can do: operators, functions and methods, one table. Private to this folder,
 * except for the list of names, which the reference page shows. */
#ifndef BL_EXPRESSION_FUNCTIONS_H
#define BL_EXPRESSION_FUNCTIONS_H

#include "expression/value.h"

enum bl_function_style {
    BL_STYLE_OPERATOR,
    BL_STYLE_FUNCTION, /* size(x) */
    BL_STYLE_METHOD,   /* x.startsWith(y) */
    BL_STYLE_EITHER,
};

/* symbol, text, style. Operators in the order of cel-spec's table of precedence. */
#define BL_FUNCTION_MAP(X)                                                                         \
    X(CONDITIONAL, "?:", OPERATOR)                                                                 \
    X(OR, "||", OPERATOR)                                                                          \
    X(AND, "&&", OPERATOR)                                                                         \
    X(EQUAL, "==", OPERATOR)                                                                       \
    X(NOT_EQUAL, "!=", OPERATOR)                                                                   \
    X(LESS, "<", OPERATOR)                                                                         \
    X(LESS_EQUAL, "<=", OPERATOR)                                                                  \
    X(GREATER, ">", OPERATOR)                                                                      \
    X(GREATER_EQUAL, ">=", OPERATOR)                                                               \
    X(IN, "in", OPERATOR)                                                                          \
    X(ADD, "+", OPERATOR)                                                                          \
    X(SUBTRACT, "-", OPERATOR)                                                                     \
    X(MULTIPLY, "*", OPERATOR)                                                                     \
    X(DIVIDE, "/", OPERATOR)                                                                       \
    X(MODULO, "%", OPERATOR)                                                                       \
    X(NOT, "!", OPERATOR)                                                                          \
    X(NEGATE, "-", OPERATOR)                                                                       \
    X(INDEX, "[]", OPERATOR)                                                                       \
    X(SIZE, "size", EITHER)                                                                        \
    X(STARTS_WITH, "startsWith", METHOD)                                                           \
    X(ENDS_WITH, "endsWith", METHOD)                                                               \
    X(CONTAINS, "contains", METHOD)                                                                \
    X(MATCHES, "matches", EITHER)                                                                  \
    X(TYPE, "type", FUNCTION)                                                                      \
    X(DYN, "dyn", FUNCTION)                                                                        \
    X(BOOL, "bool", FUNCTION)                                                                      \
    X(INT, "int", FUNCTION)                                                                        \
    X(UINT, "uint", FUNCTION)                                                                      \
    X(DOUBLE, "double", FUNCTION)                                                                  \
    X(STRING, "string", FUNCTION)                                                                  \
    X(DURATION, "duration", FUNCTION)                                                              \
    X(TIMESTAMP, "timestamp", FUNCTION)                                                            \
    X(GET_FULL_YEAR, "getFullYear", METHOD)                                                        \
    X(GET_MONTH, "getMonth", METHOD)                                                               \
    X(GET_DATE, "getDate", METHOD)                                                                 \
    X(GET_DAY_OF_MONTH, "getDayOfMonth", METHOD)                                                   \
    X(GET_DAY_OF_WEEK, "getDayOfWeek", METHOD)                                                     \
    X(GET_DAY_OF_YEAR, "getDayOfYear", METHOD)                                                     \
    X(GET_HOURS, "getHours", METHOD)                                                               \
    X(GET_MINUTES, "getMinutes", METHOD)                                                           \
    X(GET_SECONDS, "getSeconds", METHOD)                                                           \
    X(GET_MILLISECONDS, "getMilliseconds", METHOD)

enum bl_function {
#define X(symbol, text, style) BL_FUNCTION_##symbol,
    BL_FUNCTION_MAP(X)
#undef X
        BL_FUNCTION_COUNT
};

const char *bl_function_name(enum bl_function function);
enum bl_function_style bl_function_style(enum bl_function function);
/* The function or method of that name, or -1. `nearest` is set to what may have been meant. */
int bl_function_find(struct bl_str name, bool is_method, struct bl_str *nearest);

/* What an expression yields, as far as is known before it runs. ABSENT = anything (dyn). */
struct bl_type {
    uint8_t kind; /* enum bl_value_type */
    uint8_t item; /* of a LIST: the items; of a MAP: the values */
    uint8_t key;  /* of a MAP */
};
#define BL_TYPE_DYN ((struct bl_type){BL_VALUE_ABSENT, BL_VALUE_ABSENT, BL_VALUE_ABSENT})
static inline struct bl_type bl_type_of(enum bl_value_type kind) {
    return (struct bl_type){(uint8_t)kind, BL_VALUE_ABSENT, BL_VALUE_ABSENT};
}

/* The type that `function` yields for arguments of these types; false if it takes no such ones. */
bool bl_function_check(enum bl_function function, const struct bl_type *arguments, size_t count,
                       struct bl_type *result);

/* Appends "int", "list(string)", "map(string, dyn)". */
void bl_type_write(struct bl_type type, struct bl_buf *buf);

#endif
