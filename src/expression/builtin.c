#include "expression/builtin.h"

#include <math.h>
#include <string.h>

#include "expression/pattern.h"
#include "expression/time_value.h"

/* A match takes up to 2000 steps and 8 for each byte (pattern.c); ten of them cost 1. */
#define MATCH_COST 200

static struct bl_value no_overload(uint32_t at) {
    return bl_error_value(BL_EVALUATION_NO_SUCH_OVERLOAD, at);
}

static struct bl_value overflow(uint32_t at) {
    return bl_error_value(BL_EVALUATION_OVERFLOW, at);
}

static struct bl_value uint_value(uint64_t value) {
    return (struct bl_value){.type = BL_VALUE_UINT, .as.unsigned_integer = value};
}

static struct bl_value double_value(double value) {
    return (struct bl_value){.type = BL_VALUE_DOUBLE, .as.number = value};
}

/* --- arithmetic: an overflow is an error, never a wrap (cel-spec, "Overflow") ----------------- */

static struct bl_value int_arithmetic(enum bl_function function, int64_t a, int64_t b,
                                      uint32_t at) {
    int64_t result = 0;
    bool overflows = false;

    switch (function) {
    case BL_FUNCTION_ADD:
        overflows = __builtin_add_overflow(a, b, &result);
        break;
    case BL_FUNCTION_SUBTRACT:
        overflows = __builtin_sub_overflow(a, b, &result);
        break;
    case BL_FUNCTION_MULTIPLY:
        overflows = __builtin_mul_overflow(a, b, &result);
        break;
    default: /* divide, modulo: towards zero */
        if (b == 0) {
            return bl_error_value(function == BL_FUNCTION_DIVIDE ? BL_EVALUATION_DIVIDE_BY_ZERO
                                                                 : BL_EVALUATION_MODULUS_BY_ZERO,
                                  at);
        }
        overflows = a == INT64_MIN && b == -1;
        if (!overflows) {
            result = function == BL_FUNCTION_DIVIDE ? a / b : a % b;
        }
        break;
    }
    return overflows ? overflow(at) : bl_value_int(result);
}

static struct bl_value uint_arithmetic(enum bl_function function, uint64_t a, uint64_t b,
                                       uint32_t at) {
    uint64_t result = 0;
    bool overflows = false;

    switch (function) {
    case BL_FUNCTION_ADD:
        overflows = __builtin_add_overflow(a, b, &result);
        break;
    case BL_FUNCTION_SUBTRACT:
        overflows = __builtin_sub_overflow(a, b, &result);
        break;
    case BL_FUNCTION_MULTIPLY:
        overflows = __builtin_mul_overflow(a, b, &result);
        break;
    default:
        if (b == 0) {
            return bl_error_value(function == BL_FUNCTION_DIVIDE ? BL_EVALUATION_DIVIDE_BY_ZERO
                                                                 : BL_EVALUATION_MODULUS_BY_ZERO,
                                  at);
        }
        result = function == BL_FUNCTION_DIVIDE ? a / b : a % b;
        break;
    }
    return overflows ? overflow(at) : uint_value(result);
}

static struct bl_value double_arithmetic(enum bl_function function, double a, double b,
                                         uint32_t at) {
    switch (function) {
    case BL_FUNCTION_ADD:
        return double_value(a + b);
    case BL_FUNCTION_SUBTRACT:
        return double_value(a - b);
    case BL_FUNCTION_MULTIPLY:
        return double_value(a * b);
    case BL_FUNCTION_DIVIDE: /* IEEE 754: by zero is infinity, or not a number */
        return double_value(a / b);
    default:
        return no_overload(at);
    }
}

static struct bl_value time_arithmetic(enum bl_function function, const struct bl_value *a,
                                       const struct bl_value *b, uint32_t at) {
    bool is_sum = function == BL_FUNCTION_ADD;
    bool both_moments = a->type == BL_VALUE_TIMESTAMP && b->type == BL_VALUE_TIMESTAMP;
    bool any_moment = a->type == BL_VALUE_TIMESTAMP || b->type == BL_VALUE_TIMESTAMP;
    struct bl_value result;

    bool exists =
        is_sum ? !both_moments
               : function == BL_FUNCTION_SUBTRACT && (a->type == BL_VALUE_TIMESTAMP || !any_moment);
    if (!exists) {
        return no_overload(at);
    }
    enum bl_value_type type = any_moment && !both_moments ? BL_VALUE_TIMESTAMP : BL_VALUE_DURATION;
    return bl_time_sum(type, a, b, is_sum ? 1 : -1, &result) ? result : overflow(at);
}

static struct bl_value join_texts(struct bl_evaluation *evaluation, const struct bl_value *a,
                                  const struct bl_value *b, uint32_t at) {
    size_t len = (size_t)a->count + b->count;
    char *text = bl_evaluation_scratch(evaluation, len + 1);

    if (text == NULL) {
        return bl_error_value(BL_EVALUATION_TOO_LARGE, at);
    }
    if (!bl_evaluation_charge(evaluation, bl_cost_of_text(len))) {
        return bl_error_value(BL_EVALUATION_TOO_EXPENSIVE, at);
    }
    if (a->count > 0) {
        memcpy(text, a->as.string, a->count);
    }
    if (b->count > 0) {
        memcpy(text + a->count, b->as.string, b->count);
    }
    return bl_value_text((struct bl_str){text, len});
}

static struct bl_value join_lists(struct bl_evaluation *evaluation, const struct bl_value *a,
                                  const struct bl_value *b, uint32_t at) {
    size_t count = (size_t)bl_value_size(a) + (size_t)bl_value_size(b);
    struct bl_value *items = bl_evaluation_scratch(evaluation, count * sizeof(*items) + 1);
    size_t filled = 0;

    if (items == NULL) {
        return bl_error_value(BL_EVALUATION_TOO_LARGE, at);
    }
    if (!bl_evaluation_charge(evaluation, count)) {
        return bl_error_value(BL_EVALUATION_TOO_EXPENSIVE, at);
    }
    for (struct bl_value_iter iter = bl_value_iter(a); bl_value_next(&iter);) {
        items[filled++] = iter.value;
    }
    for (struct bl_value_iter iter = bl_value_iter(b); bl_value_next(&iter);) {
        items[filled++] = iter.value;
    }
    return (struct bl_value){.type = BL_VALUE_LIST, .count = (uint32_t)count, .as.items = items};
}

static bool is_time(const struct bl_value *value) {
    return value->type == BL_VALUE_TIMESTAMP || value->type == BL_VALUE_DURATION;
}

static struct bl_value arithmetic(struct bl_evaluation *evaluation, enum bl_function function,
                                  const struct bl_value *a, const struct bl_value *b, uint32_t at) {
    if (is_time(a) && is_time(b)) {
        return time_arithmetic(function, a, b, at);
    }
    if (function == BL_FUNCTION_ADD && a->type == BL_VALUE_STRING && b->type == BL_VALUE_STRING) {
        return join_texts(evaluation, a, b, at);
    }
    if (function == BL_FUNCTION_ADD && bl_value_kind(a) == BL_VALUE_LIST &&
        bl_value_kind(b) == BL_VALUE_LIST) {
        return join_lists(evaluation, a, b, at);
    }
    if (a->type != b->type) {
        return no_overload(at);
    }
    switch ((enum bl_value_type)a->type) {
    case BL_VALUE_INT:
        return int_arithmetic(function, a->as.integer, b->as.integer, at);
    case BL_VALUE_UINT:
        return uint_arithmetic(function, a->as.unsigned_integer, b->as.unsigned_integer, at);
    case BL_VALUE_DOUBLE:
        return double_arithmetic(function, a->as.number, b->as.number, at);
    default:
        return no_overload(at);
    }
}

static struct bl_value negate(const struct bl_value *value, uint32_t at) {
    static const struct bl_value zero = {.type = BL_VALUE_DURATION};
    struct bl_value result;

    switch ((enum bl_value_type)value->type) {
    case BL_VALUE_INT:
        return int_arithmetic(BL_FUNCTION_SUBTRACT, 0, value->as.integer, at);
    case BL_VALUE_DOUBLE:
        return double_value(-value->as.number);
    case BL_VALUE_DURATION:
        return bl_time_sum(BL_VALUE_DURATION, &zero, value, -1, &result) ? result : overflow(at);
    default:
        return no_overload(at);
    }
}

/* --- texts and containers -------------------------------------------------------------------- */

static struct bl_value size_of(struct bl_evaluation *evaluation, const struct bl_value *value,
                               uint32_t at) {
    if (value->type == BL_VALUE_STRING &&
        !bl_evaluation_charge(evaluation, bl_cost_of_text(value->count))) {
        return bl_error_value(BL_EVALUATION_TOO_EXPENSIVE, at);
    }
    int64_t size = bl_value_size(value);
    return size < 0 ? no_overload(at) : bl_value_int(size);
}

static bool ends_with(struct bl_str text, struct bl_str end) {
    return text.len >= end.len &&
           (end.len == 0 || memcmp(text.data + text.len - end.len, end.data, end.len) == 0);
}

static struct bl_value compare_texts(struct bl_evaluation *evaluation, enum bl_function function,
                                     const struct bl_value *a, const struct bl_value *b,
                                     uint32_t at) {
    if (a->type != BL_VALUE_STRING || b->type != BL_VALUE_STRING) {
        return no_overload(at);
    }
    struct bl_str text = bl_value_str(a);
    struct bl_str part = bl_value_str(b);
    uint64_t read = function == BL_FUNCTION_CONTAINS ? text.len : part.len;
    if (!bl_evaluation_charge(evaluation, bl_cost_of_text(read))) {
        return bl_error_value(BL_EVALUATION_TOO_EXPENSIVE, at);
    }
    switch (function) {
    case BL_FUNCTION_STARTS_WITH:
        return bl_value_bool(bl_str_starts_with(text, part));
    case BL_FUNCTION_ENDS_WITH:
        return bl_value_bool(ends_with(text, part));
    default:
        return bl_value_bool(part.len == 0 ||
                             memmem(text.data, text.len, part.data, part.len) != NULL);
    }
}

/* `right` is the number of the pattern. */
static struct bl_value matches(struct bl_evaluation *evaluation, const struct bl_value *text,
                               const struct bl_value *right, uint32_t at) {
    if (text->type != BL_VALUE_STRING) {
        return no_overload(at);
    }
    if (!bl_evaluation_charge(evaluation, MATCH_COST + 2 * (uint64_t)text->count)) {
        return bl_error_value(BL_EVALUATION_TOO_EXPENSIVE, at);
    }
    switch (
        bl_pattern_match(evaluation->program->patterns[right->as.integer], bl_value_str(text))) {
    case BL_MATCH_NO:
        return bl_value_bool(false);
    case BL_MATCH_YES:
        return bl_value_bool(true);
    default: /* all the steps there are were taken */
        (void)bl_evaluation_charge(evaluation, 10 * (MATCH_COST + 2 * (uint64_t)text->count));
        return bl_error_value(BL_EVALUATION_TEXT_TOO_LONG, at);
    }
}

/* A number that stands for a place in a list; false for fractions and what is below 0. */
static bool to_index(const struct bl_value *key, uint64_t *index) {
    switch ((enum bl_value_type)key->type) {
    case BL_VALUE_INT:
        *index = (uint64_t)key->as.integer;
        return key->as.integer >= 0;
    case BL_VALUE_UINT:
        *index = key->as.unsigned_integer;
        return true;
    case BL_VALUE_DOUBLE:
        if (!(key->as.number >= 0 && key->as.number < 4294967296.0) ||
            key->as.number != floor(key->as.number)) {
            return false;
        }
        *index = (uint64_t)key->as.number;
        return true;
    default:
        return false;
    }
}

static struct bl_value index_of(struct bl_evaluation *evaluation, const struct bl_value *of,
                                const struct bl_value *key, uint32_t at) {
    struct bl_value found;
    uint64_t index;

    switch (bl_value_kind(of)) {
    case BL_VALUE_MAP:
        if (!bl_evaluation_charge(evaluation, (uint64_t)bl_value_size(of) / 4)) {
            return bl_error_value(BL_EVALUATION_TOO_EXPENSIVE, at);
        }
        return bl_value_get(of, key, &found) ? found
                                             : bl_error_value(BL_EVALUATION_NO_SUCH_KEY, at);
    case BL_VALUE_LIST:
        if (key->type != BL_VALUE_INT && key->type != BL_VALUE_UINT &&
            key->type != BL_VALUE_DOUBLE) {
            return no_overload(at);
        }
        if (!to_index(key, &index) || index >= (uint64_t)bl_value_size(of)) {
            return bl_error_value(BL_EVALUATION_INDEX_OUT_OF_RANGE, at);
        }
        if (!bl_evaluation_charge(evaluation, index / 4)) { /* JSON is walked to the item */
            return bl_error_value(BL_EVALUATION_TOO_EXPENSIVE, at);
        }
        (void)bl_value_at(of, index, &found);
        return found;
    default:
        return no_overload(at);
    }
}

struct bl_value bl_builtin_call(struct bl_evaluation *evaluation, enum bl_function function,
                                const struct bl_value *left, const struct bl_value *right,
                                uint32_t at) {
    switch (function) {
    case BL_FUNCTION_ADD:
    case BL_FUNCTION_SUBTRACT:
    case BL_FUNCTION_MULTIPLY:
    case BL_FUNCTION_DIVIDE:
    case BL_FUNCTION_MODULO:
        return arithmetic(evaluation, function, left, right, at);
    case BL_FUNCTION_NEGATE:
        return negate(left, at);
    case BL_FUNCTION_INDEX:
        return index_of(evaluation, left, right, at);
    case BL_FUNCTION_SIZE:
        return size_of(evaluation, left, at);
    case BL_FUNCTION_STARTS_WITH:
    case BL_FUNCTION_ENDS_WITH:
    case BL_FUNCTION_CONTAINS:
        return compare_texts(evaluation, function, left, right, at);
    case BL_FUNCTION_MATCHES:
        return matches(evaluation, left, right, at);
    case BL_FUNCTION_TYPE:
        return (struct bl_value){.type = BL_VALUE_TYPE, .as.integer = bl_value_kind(left)};
    case BL_FUNCTION_DYN:
        return *left;
    default:
        return function >= BL_FUNCTION_GET_FULL_YEAR
                   ? bl_builtin_calendar(function, left, right, at)
                   : bl_builtin_convert(evaluation, function, left, at);
    }
}
