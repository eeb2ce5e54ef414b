#include "policy/value.h"

#include <string.h>

static struct bl_value scalar_from_json(struct bl_json json) {
    struct bl_value value = {.type = BL_VALUE_OPAQUE};
    struct bl_str text;

    switch (bl_json_type(json)) {
    case BL_JSON_ABSENT:
        value.type = BL_VALUE_ABSENT;
        break;
    case BL_JSON_NULL:
        value.type = BL_VALUE_NULL;
        break;
    case BL_JSON_BOOL:
        value.type = BL_VALUE_BOOL;
        (void)bl_json_bool(json, &value.as.boolean);
        break;
    case BL_JSON_INT:
        value.type = BL_VALUE_INT;
        (void)bl_json_int64(json, &value.as.integer);
        break;
    case BL_JSON_UINT:
        value.type = BL_VALUE_UINT;
        value.as.unsigned_integer = json.doc->nodes[json.index].value.unsigned_integer;
        break;
    case BL_JSON_DOUBLE:
        value.type = BL_VALUE_DOUBLE;
        (void)bl_json_double(json, &value.as.number);
        break;
    case BL_JSON_STRING:
        (void)bl_json_string(json, &text);
        value.type = BL_VALUE_STRING;
        value.count = (uint32_t)text.len;
        value.as.string = text.data;
        break;
    case BL_JSON_ARRAY:
    case BL_JSON_OBJECT:
        break;
    }
    return value;
}

bl_result bl_value_from_json(struct bl_json json, struct bl_arena *arena, struct bl_value *out) {
    struct bl_json_iter it = bl_json_iter(json);

    if (bl_json_type(json) != BL_JSON_ARRAY) {
        *out = scalar_from_json(json);
        return BL_OK;
    }
    uint32_t count = bl_json_count(json);
    struct bl_value *items = bl_arena_calloc(arena, count + 1, sizeof(*items));
    if (items == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    for (uint32_t i = 0; bl_json_next(&it); i++) {
        items[i] = scalar_from_json(it.value);
    }
    *out = (struct bl_value){.type = BL_VALUE_LIST, .count = count, .as.items = items};
    return BL_OK;
}

static bool is_number(const struct bl_value *value) {
    return value->type == BL_VALUE_INT || value->type == BL_VALUE_UINT ||
           value->type == BL_VALUE_DOUBLE;
}

/* Order of an integer and a double without rounding the integer: 2^53 + 1 > 2^53. NaN: false. */
static bool order_with_double(const struct bl_value *integer, double number, int *order) {
    if (number != number) {
        return false;
    }
    if (integer->type == BL_VALUE_UINT) {
        if (number < 9223372036854775808.0 || number >= 18446744073709551616.0) {
            *order = number < 9223372036854775808.0 ? 1 : -1;
            return true;
        }
        uint64_t whole = (uint64_t)number; /* exact: doubles of this size are integers */
        *order = (integer->as.unsigned_integer > whole) - (integer->as.unsigned_integer < whole);
        return true;
    }
    if (number < -9223372036854775808.0 || number >= 9223372036854775808.0) {
        *order = number < 0 ? 1 : -1;
        return true;
    }
    int64_t whole = (int64_t)number; /* towards zero */
    double fraction = number - (double)whole;
    *order = (integer->as.integer > whole) - (integer->as.integer < whole);
    if (*order == 0) {
        *order = (fraction < 0) - (fraction > 0);
    }
    return true;
}

static bool order_numbers(const struct bl_value *a, const struct bl_value *b, int *order) {
    if (a->type == BL_VALUE_DOUBLE && b->type == BL_VALUE_DOUBLE) {
        double x = a->as.number;
        double y = b->as.number;
        *order = (x > y) - (x < y);
        return x == x && y == y;
    }
    if (b->type == BL_VALUE_DOUBLE) {
        return order_with_double(a, b->as.number, order);
    }
    if (a->type == BL_VALUE_DOUBLE) {
        if (!order_with_double(b, a->as.number, order)) {
            return false;
        }
        *order = -*order;
        return true;
    }
    if (a->type != b->type) { /* UINT is above INT64_MAX, so above every INT */
        *order = a->type == BL_VALUE_UINT ? 1 : -1;
    } else if (a->type == BL_VALUE_UINT) {
        *order = (a->as.unsigned_integer > b->as.unsigned_integer) -
                 (a->as.unsigned_integer < b->as.unsigned_integer);
    } else {
        *order = (a->as.integer > b->as.integer) - (a->as.integer < b->as.integer);
    }
    return true;
}

bool bl_value_order(const struct bl_value *a, const struct bl_value *b, int *order) {
    int result = 0;
    bool ordered = false;

    if (is_number(a) && is_number(b)) {
        ordered = order_numbers(a, b, &result);
    } else if (a->type == BL_VALUE_STRING && b->type == BL_VALUE_STRING) {
        result = bl_str_compare((struct bl_str){a->as.string, a->count},
                                (struct bl_str){b->as.string, b->count});
        ordered = true;
    }
    if (ordered) {
        *order = result;
    }
    return ordered;
}

static bool lists_equal(const struct bl_value *a, const struct bl_value *b) {
    for (uint32_t i = 0; i < a->count; i++) {
        if (!bl_value_equal(&a->as.items[i], &b->as.items[i])) {
            return false;
        }
    }
    return true;
}

bool bl_value_equal(const struct bl_value *a, const struct bl_value *b) {
    int order;

    if (a->type == BL_VALUE_STRING) {
        return b->type == BL_VALUE_STRING && a->count == b->count &&
               (a->count == 0 || memcmp(a->as.string, b->as.string, a->count) == 0);
    }
    if (is_number(a)) {
        return is_number(b) && order_numbers(a, b, &order) && order == 0;
    }
    if (a->type != b->type) {
        return false;
    }
    switch ((enum bl_value_type)a->type) {
    case BL_VALUE_NULL:
        return true;
    case BL_VALUE_BOOL:
        return a->as.boolean == b->as.boolean;
    case BL_VALUE_LIST:
        return a->count == b->count && lists_equal(a, b);
    default:
        return false;
    }
}

bool bl_value_in(const struct bl_value *item, const struct bl_value *list) {
    if (list->type != BL_VALUE_LIST) {
        return false;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        if (bl_value_equal(item, &list->as.items[i])) {
            return true;
        }
    }
    return false;
}
