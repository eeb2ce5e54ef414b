/* Conversions between types, and what a calendar knows. */
#include <math.h>
#include <string.h>

#include "base/timestamp.h"
#include "expression/builtin.h"
#include "expression/time_value.h"

static struct bl_value bad(uint32_t at) {
    return bl_error_value(BL_EVALUATION_BAD_CONVERSION, at);
}

static struct bl_value no_overload(uint32_t at) {
    return bl_error_value(BL_EVALUATION_NO_SUCH_OVERLOAD, at);
}

/* Decimal digits with an optional sign, as a JSON number would have them but for leading zeros. */
static bool read_integer(struct bl_str text, bool *negative, uint64_t *magnitude) {
    *magnitude = 0;
    *negative = text.len > 0 && text.data[0] == '-';
    if (text.len > 0 && (*negative || text.data[0] == '+')) {
        text.data++;
        text.len--;
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)text.data[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(*magnitude, 10u, magnitude) ||
            __builtin_add_overflow(*magnitude, digit, magnitude)) {
            return false;
        }
    }
    return text.len > 0;
}

static struct bl_value to_int(const struct bl_value *value, uint32_t at) {
    bool negative;
    uint64_t magnitude;

    switch ((enum bl_value_type)value->type) {
    case BL_VALUE_INT:
        return *value;
    case BL_VALUE_UINT:
        return value->as.unsigned_integer > INT64_MAX
                   ? bl_error_value(BL_EVALUATION_OVERFLOW, at)
                   : bl_value_int((int64_t)value->as.unsigned_integer);
    case BL_VALUE_DOUBLE: /* towards zero; the ends of the range are excluded, as in cel-go */
        return value->as.number > -9223372036854775808.0 && value->as.number < 9223372036854775808.0
                   ? bl_value_int((int64_t)value->as.number)
                   : bl_error_value(BL_EVALUATION_OVERFLOW, at);
    case BL_VALUE_TIMESTAMP:
        return bl_value_int(value->as.integer);
    case BL_VALUE_STRING:
        if (!read_integer(bl_value_str(value), &negative, &magnitude) ||
            magnitude > (uint64_t)INT64_MAX + negative) {
            return bad(at);
        }
        return bl_value_int((int64_t)(negative ? -magnitude : magnitude));
    default:
        return no_overload(at);
    }
}

static struct bl_value to_uint(const struct bl_value *value, uint32_t at) {
    struct bl_value result = {.type = BL_VALUE_UINT};
    bool negative;

    switch ((enum bl_value_type)value->type) {
    case BL_VALUE_UINT:
        return *value;
    case BL_VALUE_INT:
        result.as.unsigned_integer = (uint64_t)value->as.integer;
        return value->as.integer < 0 ? bl_error_value(BL_EVALUATION_OVERFLOW, at) : result;
    case BL_VALUE_DOUBLE:
        if (!(value->as.number >= 0 && value->as.number < 18446744073709551616.0)) {
            return bl_error_value(BL_EVALUATION_OVERFLOW, at);
        }
        result.as.unsigned_integer = (uint64_t)value->as.number;
        return result;
    case BL_VALUE_STRING:
        return read_integer(bl_value_str(value), &negative, &result.as.unsigned_integer) &&
                       !negative
                   ? result
                   : bad(at);
    default:
        return no_overload(at);
    }
}

/* What a JSON number must not have: a plus, zeros in front, no digit before the point. */
static bool read_decimal(struct bl_str text, double *out) {
    char storage[128];
    struct bl_buf buf;
    bool is_negative = text.len > 0 && text.data[0] == '-';

    bl_buf_init(&buf, storage, sizeof(storage));
    if (text.len > 0 && (is_negative || text.data[0] == '+')) {
        text.data++;
        text.len--;
    }
    while (text.len > 1 && text.data[0] == '0' && text.data[1] >= '0' && text.data[1] <= '9') {
        text.data++;
        text.len--;
    }
    if (text.len == 0 || text.data[0] == '-') {
        return false;
    }
    bl_buf_str(&buf, is_negative ? BL_STR("-") : BL_STR(""));
    bl_buf_str(&buf, text.data[0] == '.' ? BL_STR("0") : BL_STR(""));
    bl_buf_str(&buf, text);
    return !buf.overflowed && bl_json_text_double(bl_buf_view(&buf), out);
}

/* The number of a text, and the words of IEEE 754. */
static bool read_double(struct bl_str text, double *out) {
    static const struct {
        struct bl_str word;
        double value;
    } words[] = {
        {BL_STR("NaN"), NAN},
        {BL_STR("Infinity"), INFINITY},
        {BL_STR("+Infinity"), INFINITY},
        {BL_STR("-Infinity"), -INFINITY},
        {BL_STR("inf"), INFINITY},
        {BL_STR("-inf"), -INFINITY},
        {BL_STR("+Inf"), INFINITY}, /* as string() writes them */
        {BL_STR("-Inf"), -INFINITY},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (bl_str_equal(words[i].word, text)) {
            *out = words[i].value;
            return true;
        }
    }
    return bl_json_text_double(text, out) || read_decimal(text, out);
}

static struct bl_value to_double(const struct bl_value *value, uint32_t at) {
    struct bl_value result = {.type = BL_VALUE_DOUBLE};

    switch ((enum bl_value_type)value->type) {
    case BL_VALUE_DOUBLE:
        return *value;
    case BL_VALUE_INT:
        result.as.number = (double)value->as.integer;
        return result;
    case BL_VALUE_UINT:
        result.as.number = (double)value->as.unsigned_integer;
        return result;
    case BL_VALUE_STRING:
        return read_double(bl_value_str(value), &result.as.number) ? result : bad(at);
    default:
        return no_overload(at);
    }
}

static struct bl_value to_bool(const struct bl_value *value, uint32_t at) {
    static const char *const yes[] = {"true", "TRUE", "True", "t", "1"};
    static const char *const no[] = {"false", "FALSE", "False", "f", "0"};

    if (value->type == BL_VALUE_BOOL) {
        return *value;
    }
    if (value->type != BL_VALUE_STRING) {
        return no_overload(at);
    }
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (bl_str_equal_c(bl_value_str(value), yes[i])) {
            return bl_value_bool(true);
        }
        if (bl_str_equal_c(bl_value_str(value), no[i])) {
            return bl_value_bool(false);
        }
    }
    return bad(at);
}

static struct bl_value to_text(struct bl_evaluation *evaluation, const struct bl_value *value,
                               uint32_t at) {
    char storage[64];
    struct bl_buf buf;

    bl_buf_init(&buf, storage, sizeof(storage));
    switch ((enum bl_value_type)value->type) {
    case BL_VALUE_STRING:
        return *value;
    case BL_VALUE_BOOL:
        return bl_value_text(value->as.boolean ? BL_STR("true") : BL_STR("false"));
    case BL_VALUE_INT:
        bl_buf_i64(&buf, value->as.integer);
        break;
    case BL_VALUE_UINT:
        bl_buf_u64(&buf, value->as.unsigned_integer);
        break;
    case BL_VALUE_DOUBLE:
        bl_buf_double(&buf, value->as.number);
        break;
    case BL_VALUE_TIMESTAMP:
        bl_timestamp_text(value, &buf);
        break;
    case BL_VALUE_DURATION:
        bl_duration_text(value, &buf);
        break;
    default:
        return no_overload(at);
    }
    char *text = bl_evaluation_scratch(evaluation, buf.len);
    if (text == NULL) {
        return bl_error_value(BL_EVALUATION_TOO_LARGE, at);
    }
    memcpy(text, buf.data, buf.len);
    return bl_value_text((struct bl_str){text, buf.len});
}

static struct bl_value to_duration(const struct bl_value *value, uint32_t at) {
    struct bl_value result;

    if (value->type == BL_VALUE_DURATION) {
        return *value;
    }
    if (value->type != BL_VALUE_STRING) {
        return no_overload(at);
    }
    return bl_duration_parse(bl_value_str(value), &result) ? result : bad(at);
}

static struct bl_value to_timestamp(const struct bl_value *value, uint32_t at) {
    struct bl_value result;

    switch ((enum bl_value_type)value->type) {
    case BL_VALUE_TIMESTAMP:
        return *value;
    case BL_VALUE_INT:
        return bl_timestamp_from_seconds(value->as.integer, &result)
                   ? result
                   : bl_error_value(BL_EVALUATION_OVERFLOW, at);
    case BL_VALUE_STRING:
        return bl_timestamp_parse(bl_value_str(value), &result) ? result : bad(at);
    default:
        return no_overload(at);
    }
}

struct bl_value bl_builtin_convert(struct bl_evaluation *evaluation, enum bl_function function,
                                   const struct bl_value *value, uint32_t at) {
    if (value->type == BL_VALUE_STRING &&
        !bl_evaluation_charge(evaluation, bl_cost_of_text(value->count))) {
        return bl_error_value(BL_EVALUATION_TOO_EXPENSIVE, at);
    }
    switch (function) {
    case BL_FUNCTION_BOOL:
        return to_bool(value, at);
    case BL_FUNCTION_INT:
        return to_int(value, at);
    case BL_FUNCTION_UINT:
        return to_uint(value, at);
    case BL_FUNCTION_DOUBLE:
        return to_double(value, at);
    case BL_FUNCTION_STRING:
        return to_text(evaluation, value, at);
    case BL_FUNCTION_DURATION:
        return to_duration(value, at);
    case BL_FUNCTION_TIMESTAMP:
        return to_timestamp(value, at);
    default:
        return no_overload(at);
    }
}

/* --- calendar ------------------------------------------------------------------------------ */

/* A length in whole units, towards zero. */
static int64_t whole_units(const struct bl_value *duration, int64_t unit_s) {
    int64_t seconds = duration->as.integer + (duration->as.integer < 0 && duration->count > 0);
    return seconds / unit_s;
}

static struct bl_value of_duration(enum bl_function function, const struct bl_value *duration,
                                   uint32_t at) {
    int64_t ns = duration->count;

    switch (function) {
    case BL_FUNCTION_GET_HOURS:
        return bl_value_int(whole_units(duration, 3600));
    case BL_FUNCTION_GET_MINUTES:
        return bl_value_int(whole_units(duration, 60));
    case BL_FUNCTION_GET_SECONDS:
        return bl_value_int(whole_units(duration, 1));
    case BL_FUNCTION_GET_MILLISECONDS: /* of the second, as the specification has it */
        ns = duration->as.integer < 0 && ns > 0 ? ns - INT64_C(1000000000) : ns;
        return bl_value_int(ns / BL_NS_PER_MS);
    default:
        return no_overload(at);
    }
}

struct bl_value bl_builtin_calendar(enum bl_function function, const struct bl_value *moment,
                                    const struct bl_value *zone, uint32_t at) {
    struct bl_calendar calendar;
    int minutes = 0;

    if (moment->type == BL_VALUE_DURATION && zone == NULL) {
        return of_duration(function, moment, at);
    }
    if (moment->type != BL_VALUE_TIMESTAMP || (zone != NULL && zone->type != BL_VALUE_STRING)) {
        return no_overload(at);
    }
    if (zone != NULL && !bl_zone_parse(bl_value_str(zone), &minutes)) {
        return bad(at);
    }
    bl_calendar_of(moment->as.integer + (int64_t)minutes * 60, &calendar);
    switch (function) {
    case BL_FUNCTION_GET_FULL_YEAR:
        return bl_value_int(calendar.year);
    case BL_FUNCTION_GET_MONTH: /* from 0, as in JavaScript */
        return bl_value_int(calendar.month - 1);
    case BL_FUNCTION_GET_DATE: /* from 1 */
        return bl_value_int(calendar.day);
    case BL_FUNCTION_GET_DAY_OF_MONTH: /* from 0 */
        return bl_value_int(calendar.day - 1);
    case BL_FUNCTION_GET_DAY_OF_WEEK: /* 0 = Sunday */
        return bl_value_int(calendar.day_of_week);
    case BL_FUNCTION_GET_DAY_OF_YEAR:
        return bl_value_int(calendar.day_of_year);
    case BL_FUNCTION_GET_HOURS:
        return bl_value_int(calendar.hour);
    case BL_FUNCTION_GET_MINUTES:
        return bl_value_int(calendar.minute);
    case BL_FUNCTION_GET_SECONDS:
        return bl_value_int(calendar.second);
    default:
        return bl_value_int(moment->count / BL_NS_PER_MS);
    }
}
