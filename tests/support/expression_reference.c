#include "support/expression_reference.h"

#include <errno.h>
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_ITEMS 1024
#define NS INT64_C(1000000000)

struct frame {
    struct bl_str name;
    struct bl_value value;
    const struct frame *outer;
};

struct walk {
    const struct bl_value *variables;
    struct bl_arena *arena;
    bool *is_unknown;
};

static struct bl_value eval(const struct walk *walk, const struct bl_node *node,
                            const struct frame *frame);

static const struct bl_value error = {.type = BL_VALUE_ERROR};

static bool failed(struct bl_value value) {
    return value.type == BL_VALUE_ERROR;
}

static bool is_true(struct bl_value value) {
    return value.type == BL_VALUE_BOOL && value.as.boolean;
}

static bool is_false(struct bl_value value) {
    return value.type == BL_VALUE_BOOL && !value.as.boolean;
}

/* --- making values ------------------------------------------------------------------------- */

static struct bl_value make_int(__int128 value) {
    return value < INT64_MIN || value > INT64_MAX ? error : bl_value_int((int64_t)value);
}

static struct bl_value make_uint(__int128 value) {
    return value < 0 || value > UINT64_MAX
               ? error
               : (struct bl_value){.type = BL_VALUE_UINT, .as.unsigned_integer = (uint64_t)value};
}

static struct bl_value make_double(double value) {
    return (struct bl_value){.type = BL_VALUE_DOUBLE, .as.number = value};
}

static struct bl_value make_text(const struct walk *walk, const char *data, size_t len) {
    struct bl_str copy;

    if (bl_is_error(bl_arena_copy(walk->arena, (struct bl_str){data, len}, &copy))) {
        abort();
    }
    return bl_value_text(copy);
}

static struct bl_value make_list(const struct walk *walk, const struct bl_value *items,
                                 size_t count, enum bl_value_type type) {
    struct bl_value *copy = bl_arena_calloc(walk->arena, count + 1, sizeof(*copy));

    if (copy == NULL) {
        abort();
    }
    memcpy(copy, items, count * sizeof(*copy));
    return (struct bl_value){.type = (uint8_t)type,
                             .count = (uint32_t)(type == BL_VALUE_MAP ? count / 2 : count),
                             .as.items = copy};
}

static struct bl_value make_time(enum bl_value_type type, __int128 ns) {
    __int128 first = type == BL_VALUE_DURATION ? INT64_MIN : (__int128)-62135596800 * NS;
    __int128 last = type == BL_VALUE_DURATION ? INT64_MAX : (__int128)253402300800 * NS - 1;
    __int128 rest = ((ns % NS) + NS) % NS;

    return ns < first || ns > last ? error
                                   : (struct bl_value){.type = (uint8_t)type,
                                                       .count = (uint32_t)rest,
                                                       .as.integer = (int64_t)((ns - rest) / NS)};
}

static __int128 nanoseconds(struct bl_value value) {
    return (__int128)value.as.integer * NS + value.count;
}

/* JSON as lists and maps, so that nothing below knows of it. */
static struct bl_value plain(const struct walk *walk, struct bl_value value) {
    struct bl_value copy = value;

    if (value.type == BL_VALUE_JSON && bl_is_error(bl_value_copy(&value, walk->arena, &copy))) {
        abort();
    }
    return copy;
}

/* --- equality and order -------------------------------------------------------------------- */

static bool is_number(struct bl_value value) {
    return value.type == BL_VALUE_INT || value.type == BL_VALUE_UINT ||
           value.type == BL_VALUE_DOUBLE;
}

/* Exact: 64 bits of mantissa hold every int, uint and double. */
static long double number_of(struct bl_value value) {
    return value.type == BL_VALUE_INT    ? (long double)value.as.integer
           : value.type == BL_VALUE_UINT ? (long double)value.as.unsigned_integer
                                         : (long double)value.as.number;
}

static bool equal(struct bl_value a, struct bl_value b);

static const struct bl_value *member(const struct bl_value *map, struct bl_value key) {
    for (uint32_t i = 0; i < map->count; i++) {
        if (equal(map->as.items[2 * i], key)) {
            return &map->as.items[2 * i + 1];
        }
    }
    return NULL;
}

static bool equal(struct bl_value a, struct bl_value b) {
    bool same = true;

    if (is_number(a) && is_number(b)) {
        return number_of(a) == number_of(b);
    }
    if (a.type != b.type) {
        return false;
    }
    switch ((enum bl_value_type)a.type) {
    case BL_VALUE_NULL:
        return true;
    case BL_VALUE_BOOL:
        return a.as.boolean == b.as.boolean;
    case BL_VALUE_STRING:
        return a.count == b.count && memcmp(a.as.string, b.as.string, a.count) == 0;
    case BL_VALUE_TIMESTAMP:
    case BL_VALUE_DURATION:
        return nanoseconds(a) == nanoseconds(b);
    case BL_VALUE_TYPE:
        return a.as.integer == b.as.integer;
    case BL_VALUE_LIST:
        for (uint32_t i = 0; a.count == b.count && i < a.count; i++) {
            same = same && equal(a.as.items[i], b.as.items[i]);
        }
        return same && a.count == b.count;
    case BL_VALUE_MAP:
        for (uint32_t i = 0; i < a.count; i++) {
            const struct bl_value *other = member(&b, a.as.items[2 * i]);
            same = same && other != NULL && equal(a.as.items[2 * i + 1], *other);
        }
        return same && a.count == b.count;
    default:
        return false;
    }
}

static struct bl_value compare(enum bl_function function, struct bl_value a, struct bl_value b) {
    bool less = false, more = false;

    if (is_number(a) && is_number(b)) {
        less = number_of(a) < number_of(b);
        more = number_of(a) > number_of(b);
        if (!less && !more && number_of(a) != number_of(b)) {
            return bl_value_bool(false); /* not a number */
        }
    } else if (a.type != b.type) {
        return error;
    } else if (a.type == BL_VALUE_STRING) {
        size_t shorter = a.count < b.count ? a.count : b.count;
        int found = memcmp(a.as.string, b.as.string, shorter);
        less = found < 0 || (found == 0 && a.count < b.count);
        more = found > 0 || (found == 0 && a.count > b.count);
    } else if (a.type == BL_VALUE_BOOL) {
        less = !a.as.boolean && b.as.boolean;
        more = a.as.boolean && !b.as.boolean;
    } else if (a.type == BL_VALUE_TIMESTAMP || a.type == BL_VALUE_DURATION) {
        less = nanoseconds(a) < nanoseconds(b);
        more = nanoseconds(a) > nanoseconds(b);
    } else {
        return error;
    }
    return bl_value_bool(function == BL_FUNCTION_LESS         ? less
                         : function == BL_FUNCTION_LESS_EQUAL ? !more
                         : function == BL_FUNCTION_GREATER    ? more
                                                              : !less);
}

static struct bl_value contains(struct bl_value item, struct bl_value container) {
    if (container.type == BL_VALUE_MAP) {
        return bl_value_bool(member(&container, item) != NULL);
    }
    if (container.type != BL_VALUE_LIST) {
        return error;
    }
    for (uint32_t i = 0; i < container.count; i++) {
        if (equal(item, container.as.items[i])) {
            return bl_value_bool(true);
        }
    }
    return bl_value_bool(false);
}

/* --- arithmetic ---------------------------------------------------------------------------- */

static struct bl_value whole(enum bl_function function, __int128 a, __int128 b, bool is_signed) {
    __int128 result = 0;

    if (b == 0 && (function == BL_FUNCTION_DIVIDE || function == BL_FUNCTION_MODULO)) {
        return error;
    }
    switch (function) {
    case BL_FUNCTION_ADD:
        result = a + b;
        break;
    case BL_FUNCTION_SUBTRACT:
        result = a - b;
        break;
    case BL_FUNCTION_MULTIPLY:
        if (__builtin_mul_overflow(a, b, &result)) { /* of two uints */
            return error;
        }
        break;
    case BL_FUNCTION_DIVIDE:
        result = a / b;
        break;
    default: /* an error where the division is one */
        return is_signed && failed(make_int(a / b)) ? error
               : is_signed                          ? make_int(a % b)
                                                    : make_uint(a % b);
    }
    return is_signed ? make_int(result) : make_uint(result);
}

static struct bl_value times(enum bl_function function, struct bl_value a, struct bl_value b) {
    bool moment_a = a.type == BL_VALUE_TIMESTAMP, moment_b = b.type == BL_VALUE_TIMESTAMP;
    __int128 x = nanoseconds(a), y = nanoseconds(b);

    if (function == BL_FUNCTION_ADD && !(moment_a && moment_b)) {
        return make_time(moment_a || moment_b ? BL_VALUE_TIMESTAMP : BL_VALUE_DURATION, x + y);
    }
    if (function == BL_FUNCTION_SUBTRACT && (moment_a || !moment_b)) {
        return make_time(moment_a && !moment_b ? BL_VALUE_TIMESTAMP : BL_VALUE_DURATION, x - y);
    }
    return error;
}

static struct bl_value arithmetic(const struct walk *walk, enum bl_function function,
                                  struct bl_value a, struct bl_value b) {
    bool is_time_a = a.type == BL_VALUE_TIMESTAMP || a.type == BL_VALUE_DURATION;
    bool is_time_b = b.type == BL_VALUE_TIMESTAMP || b.type == BL_VALUE_DURATION;
    struct bl_value items[MAX_ITEMS];
    char *text;

    if (is_time_a && is_time_b) {
        return times(function, a, b);
    }
    if (a.type != b.type) {
        return error;
    }
    switch ((enum bl_value_type)a.type) {
    case BL_VALUE_INT:
        return whole(function, a.as.integer, b.as.integer, true);
    case BL_VALUE_UINT:
        return whole(function, a.as.unsigned_integer, b.as.unsigned_integer, false);
    case BL_VALUE_DOUBLE:
        return function == BL_FUNCTION_ADD        ? make_double(a.as.number + b.as.number)
               : function == BL_FUNCTION_SUBTRACT ? make_double(a.as.number - b.as.number)
               : function == BL_FUNCTION_MULTIPLY ? make_double(a.as.number * b.as.number)
               : function == BL_FUNCTION_DIVIDE   ? make_double(a.as.number / b.as.number)
                                                  : error;
    case BL_VALUE_STRING:
        text = bl_arena_alloc(walk->arena, (size_t)a.count + b.count + 1);
        memcpy(text, a.as.string, a.count);
        memcpy(text + a.count, b.as.string, b.count);
        return function == BL_FUNCTION_ADD ? make_text(walk, text, (size_t)a.count + b.count)
                                           : error;
    case BL_VALUE_LIST:
        if (function != BL_FUNCTION_ADD || a.count + b.count > MAX_ITEMS) {
            return error;
        }
        memcpy(items, a.as.items, a.count * sizeof(items[0]));
        memcpy(items + a.count, b.as.items, b.count * sizeof(items[0]));
        return make_list(walk, items, (size_t)a.count + b.count, BL_VALUE_LIST);
    default:
        return error;
    }
}

static struct bl_value negate(struct bl_value a) {
    return a.type == BL_VALUE_INT        ? make_int(-(__int128)a.as.integer)
           : a.type == BL_VALUE_DOUBLE   ? make_double(-a.as.number)
           : a.type == BL_VALUE_DURATION ? make_time(BL_VALUE_DURATION, -nanoseconds(a))
                                         : error;
}

/* --- functions ----------------------------------------------------------------------------- */

static struct bl_value index_of(struct bl_value of, struct bl_value key) {
    if (of.type == BL_VALUE_MAP) {
        const struct bl_value *found = member(&of, key);
        return found == NULL ? error : *found;
    }
    if (of.type != BL_VALUE_LIST || !is_number(key)) {
        return error;
    }
    long double at = number_of(key);
    return at >= 0 && at < of.count && at == floorl(at) ? of.as.items[(size_t)at] : error;
}

static struct bl_value size_of(struct bl_value a) {
    int64_t characters = 0;

    for (uint32_t i = 0; a.type == BL_VALUE_STRING && i < a.count; i++) {
        characters += ((unsigned char)a.as.string[i] >> 6) != 2;
    }
    return a.type == BL_VALUE_STRING                           ? bl_value_int(characters)
           : a.type == BL_VALUE_LIST || a.type == BL_VALUE_MAP ? bl_value_int(a.count)
                                                               : error;
}

static const char *c_text(const struct walk *walk, struct bl_value text) {
    char *copy = bl_arena_calloc(walk->arena, 1, (size_t)text.count + 1);
    memcpy(copy, text.as.string, text.count);
    return copy;
}

static struct bl_value of_texts(const struct walk *walk, enum bl_function function,
                                struct bl_value a, struct bl_value b) {
    regex_t regex;

    if (a.type != BL_VALUE_STRING || b.type != BL_VALUE_STRING) {
        return error;
    }
    const char *text = c_text(walk, a), *part = c_text(walk, b);
    switch (function) {
    case BL_FUNCTION_STARTS_WITH:
        return bl_value_bool(strncmp(text, part, b.count) == 0);
    case BL_FUNCTION_ENDS_WITH:
        return bl_value_bool(a.count >= b.count && strcmp(text + a.count - b.count, part) == 0);
    case BL_FUNCTION_CONTAINS:
        return bl_value_bool(strstr(text, part) != NULL);
    default:
        if (regcomp(&regex, part, REG_EXTENDED | REG_NOSUB) != 0) {
            abort();
        }
        bool found = regexec(&regex, text, 0, NULL, 0) == 0;
        regfree(&regex);
        return bl_value_bool(found);
    }
}

static struct bl_value from_text(enum bl_function function, const char *text) {
    static const char *const yes[] = {"true", "TRUE", "True", "t", "1"};
    static const char *const no[] = {"false", "FALSE", "False", "f", "0"};
    char *end = NULL;
    bool is_digits = text[0] != '\0' && strspn(text, "0123456789-+") == strlen(text);

    errno = 0;
    switch (function) {
    case BL_FUNCTION_INT: {
        long long value = strtoll(text, &end, 10);
        return is_digits && *end == '\0' && errno == 0 ? bl_value_int(value) : error;
    }
    case BL_FUNCTION_UINT: {
        unsigned long long value = strtoull(text, &end, 10);
        return is_digits && text[0] != '-' && *end == '\0' && errno == 0 ? make_uint(value) : error;
    }
    case BL_FUNCTION_DOUBLE: {
        double value = strtod(text, &end);
        return text[0] != '\0' && *end == '\0' ? make_double(value) : error;
    }
    case BL_FUNCTION_BOOL:
        for (int i = 0; i < 5; i++) {
            if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
                return bl_value_bool(strcmp(text, yes[i]) == 0);
            }
        }
        return error;
    case BL_FUNCTION_DURATION: { /* "12s" only */
        long long value = strtoll(text, &end, 10);
        return end != text && strcmp(end, "s") == 0
                   ? make_time(BL_VALUE_DURATION, (__int128)value * NS)
                   : error;
    }
    default:
        return error;
    }
}

/* ".25" for 250000000, nothing for 0. */
static size_t put_fraction(char *out, size_t size, uint32_t ns) {
    size_t len = ns == 0 ? 0 : (size_t)snprintf(out, size, ".%09u", ns);

    while (len > 0 && out[len - 1] == '0') {
        len--;
    }
    out[len] = '\0';
    return len;
}

static struct bl_value time_to_text(const struct walk *walk, struct bl_value a) {
    __int128 ns = nanoseconds(a);
    __int128 magnitude = ns < 0 ? -ns : ns;
    time_t seconds = (time_t)a.as.integer;
    char text[64], fraction[16];
    struct tm at;
    int len;

    if (a.type == BL_VALUE_DURATION) {
        (void)put_fraction(fraction, sizeof(fraction), (uint32_t)(magnitude % NS));
        len = snprintf(text, sizeof(text), "%s%lld%ss", ns < 0 ? "-" : "",
                       (long long)(magnitude / NS), fraction);
    } else {
        (void)put_fraction(fraction, sizeof(fraction), a.count);
        if (gmtime_r(&seconds, &at) == NULL) {
            abort();
        }
        len = snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d%sZ", at.tm_year + 1900,
                       at.tm_mon + 1, at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec, fraction);
    }
    return make_text(walk, text, (size_t)len);
}

static struct bl_value to_text(const struct walk *walk, struct bl_value a) {
    char text[32];
    int len;

    switch ((enum bl_value_type)a.type) {
    case BL_VALUE_STRING:
        return a;
    case BL_VALUE_BOOL:
        return bl_value_text(a.as.boolean ? BL_STR("true") : BL_STR("false"));
    case BL_VALUE_INT:
        len = snprintf(text, sizeof(text), "%lld", (long long)a.as.integer);
        return make_text(walk, text, (size_t)len);
    case BL_VALUE_UINT:
        len = snprintf(text, sizeof(text), "%llu", (unsigned long long)a.as.unsigned_integer);
        return make_text(walk, text, (size_t)len);
    case BL_VALUE_DOUBLE:
        *walk->is_unknown = true;
        return error;
    case BL_VALUE_TIMESTAMP:
    case BL_VALUE_DURATION:
        return time_to_text(walk, a);
    default:
        return error;
    }
}

static struct bl_value convert(const struct walk *walk, enum bl_function function,
                               struct bl_value a) {
    if (function == BL_FUNCTION_STRING) {
        return to_text(walk, a);
    }
    if (a.type == BL_VALUE_STRING) {
        return from_text(function, c_text(walk, a));
    }
    switch (function) {
    case BL_FUNCTION_INT:
        return a.type == BL_VALUE_TIMESTAMP ? bl_value_int(a.as.integer)
               : a.type == BL_VALUE_DOUBLE
                   ? fabs(a.as.number) < 0x1p63 ? make_int((__int128)truncl(number_of(a))) : error
               : is_number(a) ? make_int((__int128)number_of(a))
                              : error;
    case BL_FUNCTION_UINT:
        return is_number(a) && number_of(a) >= 0 && number_of(a) < 0x1p64L
                   ? make_uint((__int128)truncl(number_of(a)))
                   : error;
    case BL_FUNCTION_DOUBLE:
        return is_number(a) ? make_double((double)number_of(a)) : error;
    case BL_FUNCTION_BOOL:
        return a.type == BL_VALUE_BOOL ? a : error;
    case BL_FUNCTION_DURATION:
        return a.type == BL_VALUE_DURATION ? a : error;
    default:
        return a.type == BL_VALUE_TIMESTAMP ? a
               : a.type == BL_VALUE_INT ? make_time(BL_VALUE_TIMESTAMP, (__int128)a.as.integer * NS)
                                        : error;
    }
}

static struct bl_value calendar(enum bl_function function, struct bl_value a) {
    time_t seconds = (time_t)a.as.integer;
    struct tm at;

    if (a.type == BL_VALUE_DURATION) {
        __int128 ns = nanoseconds(a);
        return function == BL_FUNCTION_GET_HOURS          ? make_int(ns / NS / 3600)
               : function == BL_FUNCTION_GET_MINUTES      ? make_int(ns / NS / 60)
               : function == BL_FUNCTION_GET_SECONDS      ? make_int(ns / NS)
               : function == BL_FUNCTION_GET_MILLISECONDS ? make_int(ns % NS / 1000000)
                                                          : error;
    }
    if (a.type != BL_VALUE_TIMESTAMP || gmtime_r(&seconds, &at) == NULL) {
        return error;
    }
    switch (function) {
    case BL_FUNCTION_GET_FULL_YEAR:
        return bl_value_int(at.tm_year + 1900);
    case BL_FUNCTION_GET_MONTH:
        return bl_value_int(at.tm_mon);
    case BL_FUNCTION_GET_DATE:
        return bl_value_int(at.tm_mday);
    case BL_FUNCTION_GET_DAY_OF_MONTH:
        return bl_value_int(at.tm_mday - 1);
    case BL_FUNCTION_GET_DAY_OF_WEEK:
        return bl_value_int(at.tm_wday);
    case BL_FUNCTION_GET_DAY_OF_YEAR:
        return bl_value_int(at.tm_yday);
    case BL_FUNCTION_GET_HOURS:
        return bl_value_int(at.tm_hour);
    case BL_FUNCTION_GET_MINUTES:
        return bl_value_int(at.tm_min);
    case BL_FUNCTION_GET_SECONDS:
        return bl_value_int(at.tm_sec);
    default:
        return bl_value_int(a.count / 1000000);
    }
}

static struct bl_value apply(const struct walk *walk, enum bl_function function, struct bl_value a,
                             struct bl_value b) {
    switch (function) {
    case BL_FUNCTION_EQUAL:
        return bl_value_bool(equal(a, b));
    case BL_FUNCTION_NOT_EQUAL:
        return bl_value_bool(!equal(a, b));
    case BL_FUNCTION_LESS:
    case BL_FUNCTION_LESS_EQUAL:
    case BL_FUNCTION_GREATER:
    case BL_FUNCTION_GREATER_EQUAL:
        return compare(function, a, b);
    case BL_FUNCTION_IN:
        return contains(a, b);
    case BL_FUNCTION_ADD:
    case BL_FUNCTION_SUBTRACT:
    case BL_FUNCTION_MULTIPLY:
    case BL_FUNCTION_DIVIDE:
    case BL_FUNCTION_MODULO:
        return arithmetic(walk, function, a, b);
    case BL_FUNCTION_NOT:
        return a.type == BL_VALUE_BOOL ? bl_value_bool(!a.as.boolean) : error;
    case BL_FUNCTION_NEGATE:
        return negate(a);
    case BL_FUNCTION_INDEX:
        return index_of(a, b);
    case BL_FUNCTION_SIZE:
        return size_of(a);
    case BL_FUNCTION_STARTS_WITH:
    case BL_FUNCTION_ENDS_WITH:
    case BL_FUNCTION_CONTAINS:
    case BL_FUNCTION_MATCHES:
        return of_texts(walk, function, a, b);
    case BL_FUNCTION_TYPE:
        return (struct bl_value){.type = BL_VALUE_TYPE, .as.integer = a.type};
    case BL_FUNCTION_DYN:
        return a;
    default:
        return function >= BL_FUNCTION_GET_FULL_YEAR ? calendar(function, a)
                                                     : convert(walk, function, a);
    }
}

/* --- the walk ------------------------------------------------------------------------------ */

static struct bl_value eval_call(const struct walk *walk, const struct bl_node *node,
                                 const struct frame *frame) {
    enum bl_function function = (enum bl_function)node->function;
    struct bl_value a = eval(walk, node->first, frame);
    struct bl_value b = {.type = BL_VALUE_ABSENT};

    if (function == BL_FUNCTION_AND || function == BL_FUNCTION_OR) {
        bool all_decided = true;
        for (const struct bl_node *child = node->first; child != NULL; child = child->next) {
            struct bl_value value = eval(walk, child, frame);
            if (function == BL_FUNCTION_AND ? is_false(value) : is_true(value)) {
                return value;
            }
            all_decided = all_decided && value.type == BL_VALUE_BOOL;
        }
        return all_decided ? bl_value_bool(function == BL_FUNCTION_AND) : error;
    }
    if (function == BL_FUNCTION_CONDITIONAL) {
        return is_true(a)    ? eval(walk, node->first->next, frame)
               : is_false(a) ? eval(walk, node->last, frame)
                             : error;
    }
    if (node->count == 2) {
        b = eval(walk, node->last, frame);
    }
    return failed(a) || failed(b) ? error : apply(walk, function, a, b);
}

static struct bl_value eval_items(const struct walk *walk, const struct bl_node *node,
                                  const struct frame *frame) {
    struct bl_value items[MAX_ITEMS];
    bool is_map = node->kind == BL_NODE_MAP;
    size_t count = 0;

    for (const struct bl_node *child = node->first; child != NULL; child = child->next) {
        struct bl_value value = eval(walk, child, frame);
        bool is_key = is_map && count % 2 == 0;
        bool can_be_key = value.type == BL_VALUE_BOOL || value.type == BL_VALUE_STRING ||
                          value.type == BL_VALUE_INT || value.type == BL_VALUE_UINT;
        if (failed(value) || (is_key && !can_be_key)) {
            return error;
        }
        for (size_t i = 0; is_key && i < count; i += 2) {
            if (equal(items[i], value)) {
                return error;
            }
        }
        items[count++] = value;
    }
    return make_list(walk, items, count, is_map ? BL_VALUE_MAP : BL_VALUE_LIST);
}

/* Turn by turn; what the answers make together is said by the specification of each macro. */
static struct bl_value eval_loop(const struct walk *walk, const struct bl_node *node,
                                 const struct frame *outer) {
    struct bl_value range = eval(walk, node->first, outer);
    struct bl_value kept[MAX_ITEMS];
    struct frame frame = {.name = node->name, .outer = outer};
    size_t kept_count = 0, yes = 0, no = 0, errors = 0;
    bool is_map = node->function == BL_MACRO_MAP;
    const struct bl_node *condition = node->first->next;

    if (range.type != BL_VALUE_LIST && range.type != BL_VALUE_MAP) {
        return error;
    }
    for (uint32_t i = 0; i < range.count; i++) {
        frame.value = range.as.items[range.type == BL_VALUE_MAP ? 2 * i : i];
        struct bl_value answer = bl_value_bool(true);
        if (!is_map || condition != node->last) {
            answer = eval(walk, condition, &frame);
        }
        if (is_map && is_true(answer)) {
            kept[kept_count] = eval(walk, node->last, &frame);
            errors += failed(kept[kept_count++]);
        } else if (is_true(answer)) {
            kept[kept_count++] = frame.value;
        }
        yes += is_true(answer);
        no += is_false(answer);
        errors += answer.type != BL_VALUE_BOOL;
    }
    switch ((enum bl_macro)node->function) {
    case BL_MACRO_ALL:
        return no > 0 ? bl_value_bool(false) : errors > 0 ? error : bl_value_bool(true);
    case BL_MACRO_EXISTS:
        return yes > 0 ? bl_value_bool(true) : errors > 0 ? error : bl_value_bool(false);
    case BL_MACRO_EXISTS_ONE:
        return errors > 0 ? error : bl_value_bool(yes == 1);
    default:
        return errors > 0 ? error : make_list(walk, kept, kept_count, BL_VALUE_LIST);
    }
}

static struct bl_value eval_name(const struct walk *walk, struct bl_str name,
                                 const struct frame *frame) {
    struct bl_value key = bl_value_text(name), found;

    for (; frame != NULL; frame = frame->outer) {
        if (bl_str_equal(frame->name, name)) {
            return frame->value;
        }
    }
    return bl_value_get(walk->variables, &key, &found) ? plain(walk, found) : error;
}

static struct bl_value eval(const struct walk *walk, const struct bl_node *node,
                            const struct frame *frame) {
    switch ((enum bl_node_kind)node->kind) {
    case BL_NODE_LITERAL:
        return node->value;
    case BL_NODE_NAME:
        return eval_name(walk, node->name, frame);
    case BL_NODE_SELECT:
    case BL_NODE_HAS: {
        struct bl_value of = eval(walk, node->first, frame);
        if (of.type != BL_VALUE_MAP) {
            return error;
        }
        const struct bl_value *found = member(&of, bl_value_text(node->name));
        return node->kind == BL_NODE_HAS ? bl_value_bool(found != NULL)
               : found == NULL           ? error
                                         : *found;
    }
    case BL_NODE_CALL:
        return eval_call(walk, node, frame);
    case BL_NODE_LOOP:
        return eval_loop(walk, node, frame);
    default:
        return eval_items(walk, node, frame);
    }
}

struct bl_value reference_evaluate(const struct bl_node *node, const struct bl_value *variables,
                                   struct bl_arena *arena, bool *is_unknown) {
    const struct walk walk = {.variables = variables, .arena = arena, .is_unknown = is_unknown};

    *is_unknown = false;
    return eval(&walk, node, NULL);
}
