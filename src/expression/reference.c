#include "expression/reference.h"

#include "expression/evaluate.h"
#include "expression/functions.h"
#include "expression/pattern.h"
#include "expression/syntax.h"

static const enum bl_value_type kinds[] = {
    BL_VALUE_BOOL, BL_VALUE_INT, BL_VALUE_UINT,      BL_VALUE_DOUBLE,   BL_VALUE_STRING,
    BL_VALUE_LIST, BL_VALUE_MAP, BL_VALUE_TIMESTAMP, BL_VALUE_DURATION,
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Short, as people say it. */
static const char *name_of(enum bl_value_type kind) {
    switch (kind) {
    case BL_VALUE_TIMESTAMP:
        return "timestamp";
    case BL_VALUE_DURATION:
        return "duration";
    default:
        return bl_value_kind_name(kind);
    }
}

static bool takes(enum bl_function function, enum bl_value_type left, enum bl_value_type right,
                  size_t count, struct bl_type *result) {
    const struct bl_type arguments[2] = {bl_type_of(left), bl_type_of(right)};
    return bl_function_check(function, arguments, count, result);
}

static void write_form(struct bl_buf *buf, enum bl_function function, const char *left,
                       const char *right, struct bl_type result, bool *is_first) {
    const char *name = bl_function_name(function);
    enum bl_function_style style = bl_function_style(function);
    const char *between = right == NULL ? "" : right;

    bl_buf_str(buf, *is_first ? BL_STR("`") : BL_STR(", `"));
    *is_first = false;
    if (style == BL_STYLE_OPERATOR) {
        bl_buf_printf(buf, right == NULL ? "%s%s" : "%s %s", right == NULL ? name : left,
                      right == NULL ? left : name);
        bl_buf_printf(buf, "%s%s", right == NULL ? "" : " ", between);
    } else if (style == BL_STYLE_METHOD || (style == BL_STYLE_EITHER && right != NULL)) {
        bl_buf_printf(buf, "%s.%s(%s)", left, name, between);
    } else {
        bl_buf_printf(buf, "%s(%s%s%s)", name, left, right == NULL ? "" : ", ", between);
    }
    bl_buf_printf(buf, "` → %s", name_of((enum bl_value_type)result.kind));
}

/* All that the function takes, as far as types of arguments tell. */
static void write_function(struct bl_buf *buf, enum bl_function function) {
    struct bl_type result;
    bool is_first = true;

    bl_buf_printf(buf, "| `%s` | ", bl_function_name(function));
    if (takes(function, BL_VALUE_TYPE, BL_VALUE_ABSENT, 1, &result)) { /* takes anything */
        write_form(buf, function, "any", NULL, result, &is_first);
        bl_buf_literal(buf, " |\n");
        return;
    }
    for (size_t l = 0; l < KINDS; l++) {
        if (takes(function, kinds[l], BL_VALUE_ABSENT, 1, &result)) {
            write_form(buf, function, name_of(kinds[l]), NULL, result, &is_first);
        }
        for (size_t r = 0; r < KINDS; r++) {
            if (takes(function, kinds[l], kinds[r], 2, &result)) {
                write_form(buf, function, name_of(kinds[l]), name_of(kinds[r]), result, &is_first);
            }
        }
    }
    bl_buf_literal(buf, " |\n");
}

static void write_operators(struct bl_buf *buf) {
    bl_buf_literal(
        buf,
        "Operators, those that bind tightest last:\n\n"
        "| operator | meaning |\n|---|---|\n"
        "| `a ? b : c` | `b` if `a` holds, else `c` |\n"
        "| `a \\|\\| b` | one of them holds; if one does, an error in the other does not matter |\n"
        "| `a && b` | both hold; if one does not, an error in the other does not matter |\n"
        "| `==` `!=` | numbers by value across the three types, lists and maps part by part |\n"
        "| `<` `<=` `>` `>=` | numbers by value, texts by bytes, booleans, timestamps, durations "
        "|\n"
        "| `a in b` | `b` is a list that holds `a`, or a map with that key |\n"
        "| `!` | of a bool |\n"
        "| `a.b` `a[b]` | a member of a map, an item of a list (from 0) |\n\n"
        "Arithmetic does not mix types, and an overflow is an error:\n\n"
        "| operator | forms |\n|---|---|\n");
    for (int f = BL_FUNCTION_ADD; f <= BL_FUNCTION_NEGATE; f++) {
        if (f != BL_FUNCTION_NOT) {
            write_function(buf, (enum bl_function)f);
        }
    }
}

static void write_macros(struct bl_buf *buf) {
    bl_buf_literal(buf, "\nMacros go over the items of a list, or the keys of a map:\n\n"
                        "| macro | yields |\n|---|---|\n"
                        "| `has(a.b)` | whether `a` has a member `b` |\n"
                        "| `list.all(x, condition)` | whether it holds for all |\n"
                        "| `list.exists(x, condition)` | whether it holds for one at least |\n"
                        "| `list.exists_one(x, condition)` | whether it holds for exactly one |\n"
                        "| `list.filter(x, condition)` | those for which it holds |\n"
                        "| `list.map(x, expression)` | what the expression yields for each; "
                        "`list.map(x, condition, expression)` for those that it holds for |\n\n");
}

static void write_limits(struct bl_buf *buf) {
    bl_buf_printf(
        buf,
        "\nLiterals are `12`, `0x1f`, `12u`, `1.5`, `1e9`, `true`, `false`, `null`, `\"text\"`, "
        "`'text'`, `\"\"\"text of several lines\"\"\"`, `r\"nothing \\escaped\"`, `[a, b]` and "
        "`{key: value}`; `// a comment` ends with its line. A pattern of `matches` has the syntax "
        "of RE2 and is written out; it may backtrack, and one that takes too many steps on a text "
        "fails. A policy has at most 256 patterns. Numbers of a request are int where they have "
        "neither fraction nor exponent and fit (above that uint), else double. Durations reach "
        "some 292 years. Zones are `UTC` or an offset, `+02:00`. Not part of the "
        "language are bytes and messages.\n\n"
        "An expression has at most %d bytes, %d parts and %d levels, a pattern at most %d bytes, "
        "and a text that is matched at most %d. All conditions of one decision together may cost "
        "%u, where most operations cost 1, a tenth of the bytes of a text that is gone through, "
        "each turn of a macro 1 more, and a pattern 200 and 2 a byte; what they make may take %d "
        "bytes.\n",
        BL_EXPRESSION_MAX_BYTES, BL_EXPRESSION_MAX_NODES, BL_EXPRESSION_MAX_DEPTH,
        BL_PATTERN_MAX_BYTES, BL_PATTERN_TEXT_MAX_BYTES, BL_EVALUATION_COST_MAX,
        BL_EVALUATION_SCRATCH_BYTES);
}

void bl_expression_reference_write(struct bl_buf *buf) {
    write_operators(buf);
    write_macros(buf);
    bl_buf_literal(buf, "| function | forms |\n|---|---|\n");
    for (int f = BL_FUNCTION_SIZE; f < BL_FUNCTION_COUNT; f++) {
        write_function(buf, (enum bl_function)f);
    }
    write_limits(buf);
}
