#include "expression/functions.h"

#include "base/diag.h"

static const struct {
    const char *name;
    enum bl_function_style style;
} functions[BL_FUNCTION_COUNT] = {
#define X(symbol, text, style) [BL_FUNCTION_##symbol] = {text, BL_STYLE_##style},
    BL_FUNCTION_MAP(X)
#undef X
};

const char *bl_function_name(enum bl_function function) {
    return functions[function].name;
}

enum bl_function_style bl_function_style(enum bl_function function) {
    return functions[function].style;
}

int bl_function_find(struct bl_str name, bool is_method, struct bl_str *nearest) {
    enum bl_function_style wanted = is_method ? BL_STYLE_METHOD : BL_STYLE_FUNCTION;
    struct bl_str names[BL_FUNCTION_COUNT];
    size_t count = 0;

    for (int i = 0; i < BL_FUNCTION_COUNT; i++) {
        if (functions[i].style == wanted || functions[i].style == BL_STYLE_EITHER) {
            names[count] = bl_str_from_c(functions[i].name);
            if (bl_str_equal(names[count++], name)) {
                return i;
            }
        }
    }
    *nearest = bl_nearest(name, names, count);
    return -1;
}

/*
 * Overloads (cel-spec, "List of Standard Definitions"), one letter a type:
 *   b bool  i int  u uint  d double  s string  l list  m map  t timestamp  n duration  y type
 *   * anything
 * Comparisons take every mix of numbers: ordering is by value across the three types.
 */
struct overload {
    enum bl_function function;
    const char *arguments;
    char result;
};

static const struct overload overloads[] = {
    {BL_FUNCTION_NOT, "b", 'b'},         {BL_FUNCTION_NEGATE, "i", 'i'},
    {BL_FUNCTION_NEGATE, "d", 'd'},      {BL_FUNCTION_NEGATE, "n", 'n'},
    {BL_FUNCTION_ADD, "ii", 'i'},        {BL_FUNCTION_ADD, "uu", 'u'},
    {BL_FUNCTION_ADD, "dd", 'd'},        {BL_FUNCTION_ADD, "ss", 's'},
    {BL_FUNCTION_ADD, "ll", 'l'},        {BL_FUNCTION_ADD, "tn", 't'},
    {BL_FUNCTION_ADD, "nt", 't'},        {BL_FUNCTION_ADD, "nn", 'n'},
    {BL_FUNCTION_SUBTRACT, "ii", 'i'},   {BL_FUNCTION_SUBTRACT, "uu", 'u'},
    {BL_FUNCTION_SUBTRACT, "dd", 'd'},   {BL_FUNCTION_SUBTRACT, "tt", 'n'},
    {BL_FUNCTION_SUBTRACT, "tn", 't'},   {BL_FUNCTION_SUBTRACT, "nn", 'n'},
    {BL_FUNCTION_MULTIPLY, "ii", 'i'},   {BL_FUNCTION_MULTIPLY, "uu", 'u'},
    {BL_FUNCTION_MULTIPLY, "dd", 'd'},   {BL_FUNCTION_DIVIDE, "ii", 'i'},
    {BL_FUNCTION_DIVIDE, "uu", 'u'},     {BL_FUNCTION_DIVIDE, "dd", 'd'},
    {BL_FUNCTION_MODULO, "ii", 'i'},     {BL_FUNCTION_MODULO, "uu", 'u'},
    {BL_FUNCTION_IN, "*l", 'b'},         {BL_FUNCTION_IN, "*m", 'b'},
    {BL_FUNCTION_SIZE, "s", 'i'},        {BL_FUNCTION_SIZE, "l", 'i'},
    {BL_FUNCTION_SIZE, "m", 'i'},        {BL_FUNCTION_STARTS_WITH, "ss", 'b'},
    {BL_FUNCTION_ENDS_WITH, "ss", 'b'},  {BL_FUNCTION_CONTAINS, "ss", 'b'},
    {BL_FUNCTION_MATCHES, "ss", 'b'},    {BL_FUNCTION_TYPE, "*", 'y'},
    {BL_FUNCTION_DYN, "*", '*'},         {BL_FUNCTION_BOOL, "b", 'b'},
    {BL_FUNCTION_BOOL, "s", 'b'},        {BL_FUNCTION_INT, "i", 'i'},
    {BL_FUNCTION_INT, "u", 'i'},         {BL_FUNCTION_INT, "d", 'i'},
    {BL_FUNCTION_INT, "s", 'i'},         {BL_FUNCTION_INT, "t", 'i'},
    {BL_FUNCTION_UINT, "i", 'u'},        {BL_FUNCTION_UINT, "u", 'u'},
    {BL_FUNCTION_UINT, "d", 'u'},        {BL_FUNCTION_UINT, "s", 'u'},
    {BL_FUNCTION_DOUBLE, "i", 'd'},      {BL_FUNCTION_DOUBLE, "u", 'd'},
    {BL_FUNCTION_DOUBLE, "d", 'd'},      {BL_FUNCTION_DOUBLE, "s", 'd'},
    {BL_FUNCTION_STRING, "b", 's'},      {BL_FUNCTION_STRING, "i", 's'},
    {BL_FUNCTION_STRING, "u", 's'},      {BL_FUNCTION_STRING, "d", 's'},
    {BL_FUNCTION_STRING, "s", 's'},      {BL_FUNCTION_STRING, "t", 's'},
    {BL_FUNCTION_STRING, "n", 's'},      {BL_FUNCTION_DURATION, "s", 'n'},
    {BL_FUNCTION_DURATION, "n", 'n'},    {BL_FUNCTION_TIMESTAMP, "s", 't'},
    {BL_FUNCTION_TIMESTAMP, "i", 't'},   {BL_FUNCTION_TIMESTAMP, "t", 't'},
    {BL_FUNCTION_GET_HOURS, "n", 'i'},   {BL_FUNCTION_GET_MINUTES, "n", 'i'},
    {BL_FUNCTION_GET_SECONDS, "n", 'i'}, {BL_FUNCTION_GET_MILLISECONDS, "n", 'i'},
};

static enum bl_value_type kind_of(char letter) {
    static const char letters[] = "biudslmtny";
    static const enum bl_value_type kinds[] = {
        BL_VALUE_BOOL, BL_VALUE_INT, BL_VALUE_UINT,      BL_VALUE_DOUBLE,   BL_VALUE_STRING,
        BL_VALUE_LIST, BL_VALUE_MAP, BL_VALUE_TIMESTAMP, BL_VALUE_DURATION, BL_VALUE_TYPE};
    const char *found = strchr(letters, letter);
    return found == NULL ? BL_VALUE_ABSENT : kinds[found - letters];
}

static bool accepts(char letter, struct bl_type type) {
    return letter == '*' || type.kind == BL_VALUE_ABSENT || kind_of(letter) == type.kind;
}

static bool is_number(struct bl_type type) {
    return type.kind == BL_VALUE_INT || type.kind == BL_VALUE_UINT || type.kind == BL_VALUE_DOUBLE;
}

static bool is_dyn(struct bl_type type) {
    return type.kind == BL_VALUE_ABSENT;
}

static bool can_equal(struct bl_type a, struct bl_type b) {
    return is_dyn(a) || is_dyn(b) || a.kind == b.kind || (is_number(a) && is_number(b)) ||
           a.kind == BL_VALUE_NULL || b.kind == BL_VALUE_NULL;
}

static bool has_order(struct bl_type type) {
    return is_dyn(type) || is_number(type) || type.kind == BL_VALUE_STRING ||
           type.kind == BL_VALUE_BOOL || type.kind == BL_VALUE_TIMESTAMP ||
           type.kind == BL_VALUE_DURATION;
}

static bool is_same_type(struct bl_type a, struct bl_type b) {
    return a.kind == b.kind && a.item == b.item && a.key == b.key;
}

static bool check_index(const struct bl_type *arguments, struct bl_type *result) {
    struct bl_type of = arguments[0];
    struct bl_type key = arguments[1];

    if (of.kind == BL_VALUE_LIST && (is_dyn(key) || is_number(key))) {
        *result = bl_type_of((enum bl_value_type)of.item);
        return true;
    }
    if (of.kind == BL_VALUE_MAP && can_equal(bl_type_of((enum bl_value_type)of.key), key)) {
        *result = bl_type_of((enum bl_value_type)of.item);
        return true;
    }
    *result = BL_TYPE_DYN;
    return is_dyn(of);
}

/* Timestamps have all of them, with an optional zone. */
static bool check_calendar(enum bl_function function, const struct bl_type *arguments, size_t count,
                           struct bl_type *result) {
    *result = bl_type_of(BL_VALUE_INT);
    return function >= BL_FUNCTION_GET_FULL_YEAR && count <= 2 && accepts('t', arguments[0]) &&
           (count == 1 || accepts('s', arguments[1]));
}

/* All overloads that the arguments allow; with more than one, their common type or dyn. */
static bool check_overloads(enum bl_function function, const struct bl_type *arguments,
                            size_t count, struct bl_type *result) {
    bool found = false;

    for (size_t i = 0; i < sizeof(overloads) / sizeof(overloads[0]); i++) {
        const struct overload *overload = &overloads[i];
        bool fits = overload->function == function && strlen(overload->arguments) == count;
        for (size_t a = 0; fits && a < count; a++) {
            fits = accepts(overload->arguments[a], arguments[a]);
        }
        if (fits) {
            struct bl_type type = bl_type_of(kind_of(overload->result));
            *result = !found || is_same_type(*result, type) ? type : BL_TYPE_DYN;
            found = true;
        }
    }
    return found;
}

bool bl_function_check(enum bl_function function, const struct bl_type *arguments, size_t count,
                       struct bl_type *result) {
    *result = bl_type_of(BL_VALUE_BOOL);
    switch (function) {
    case BL_FUNCTION_AND:
    case BL_FUNCTION_OR:
        for (size_t i = 0; i < count; i++) {
            if (!accepts('b', arguments[i])) {
                return false;
            }
        }
        return true;
    case BL_FUNCTION_EQUAL:
    case BL_FUNCTION_NOT_EQUAL:
        return can_equal(arguments[0], arguments[1]);
    case BL_FUNCTION_LESS:
    case BL_FUNCTION_LESS_EQUAL:
    case BL_FUNCTION_GREATER:
    case BL_FUNCTION_GREATER_EQUAL:
        return has_order(arguments[0]) && has_order(arguments[1]) &&
               arguments[0].kind != BL_VALUE_NULL && can_equal(arguments[0], arguments[1]);
    case BL_FUNCTION_CONDITIONAL:
        *result = is_same_type(arguments[1], arguments[2]) ? arguments[1] : BL_TYPE_DYN;
        return accepts('b', arguments[0]);
    case BL_FUNCTION_INDEX:
        return check_index(arguments, result);
    default:
        return check_calendar(function, arguments, count, result) ||
               check_overloads(function, arguments, count, result);
    }
}

void bl_type_write(struct bl_type type, struct bl_buf *buf) {
    bl_buf_str(buf, bl_str_from_c(bl_value_kind_name((enum bl_value_type)type.kind)));
    if (type.kind == BL_VALUE_LIST) {
        bl_buf_printf(buf, "(%s)", bl_value_kind_name((enum bl_value_type)type.item));
    } else if (type.kind == BL_VALUE_MAP) {
        bl_buf_printf(buf, "(%s, %s)", bl_value_kind_name((enum bl_value_type)type.key),
                      bl_value_kind_name((enum bl_value_type)type.item));
    }
}
