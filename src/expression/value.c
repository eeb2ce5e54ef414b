#include "expression/value.h"

#include <assert.h>
#include <string.h>

#include "expression/time_value.h"

struct bl_value bl_value_from_json(struct bl_json json) {
    struct bl_value value = {.type = BL_VALUE_ABSENT};
    struct bl_str text;

    switch (bl_json_type(json)) {
    case BL_JSON_ABSENT:
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
        assert(json.doc != NULL);
        value.type = BL_VALUE_UINT;
        value.as.unsigned_integer = json.doc->nodes[json.index].value.unsigned_integer;
        break;
    case BL_JSON_DOUBLE:
        value.type = BL_VALUE_DOUBLE;
        (void)bl_json_double(json, &value.as.number);
        break;
    case BL_JSON_STRING:
        (void)bl_json_string(json, &text);
        value = bl_value_text(text);
        break;
    case BL_JSON_ARRAY:
    case BL_JSON_OBJECT:
        value.type = BL_VALUE_JSON;
        value.count = json.index;
        value.as.document = json.doc;
        break;
    }
    return value;
}

static inline struct bl_json json_of(const struct bl_value *value) {
    return (struct bl_json){value->as.document, value->count};
}

enum bl_value_type bl_value_kind(const struct bl_value *value) {
    if (value->type != BL_VALUE_JSON) {
        return (enum bl_value_type)value->type;
    }
    return bl_json_is(json_of(value), BL_JSON_OBJECT) ? BL_VALUE_MAP : BL_VALUE_LIST;
}

const char *bl_value_kind_name(enum bl_value_type kind) {
    static const char *const names[BL_VALUE_TYPE_COUNT] = {
        [BL_VALUE_ABSENT] = "dyn",
        [BL_VALUE_NULL] = "null_type",
        [BL_VALUE_BOOL] = "bool",
        [BL_VALUE_INT] = "int",
        [BL_VALUE_UINT] = "uint",
        [BL_VALUE_DOUBLE] = "double",
        [BL_VALUE_STRING] = "string",
        [BL_VALUE_LIST] = "list",
        [BL_VALUE_MAP] = "map",
        [BL_VALUE_JSON] = "dyn",
        [BL_VALUE_TIMESTAMP] = "google.protobuf.Timestamp",
        [BL_VALUE_DURATION] = "google.protobuf.Duration",
        [BL_VALUE_TYPE] = "type",
        [BL_VALUE_ERROR] = "error",
    };
    return names[kind];
}

static int64_t code_points(struct bl_str text) {
    int64_t count = 0;

    for (size_t i = 0; i < text.len; i++) {
        count += ((unsigned char)text.data[i] & 0xC0u) != 0x80u; /* not a continuation byte */
    }
    return count;
}

int64_t bl_value_size(const struct bl_value *value) {
    switch ((enum bl_value_type)value->type) {
    case BL_VALUE_STRING:
        return code_points(bl_value_str(value));
    case BL_VALUE_LIST:
    case BL_VALUE_MAP:
        return value->count;
    case BL_VALUE_JSON:
        return bl_json_count(json_of(value));
    default:
        return -1;
    }
}

bool bl_value_at(const struct bl_value *list, uint64_t index, struct bl_value *out) {
    if (bl_value_kind(list) != BL_VALUE_LIST || index >= (uint64_t)bl_value_size(list)) {
        return false;
    }
    *out = list->type == BL_VALUE_LIST
               ? list->as.items[index]
               : bl_value_from_json(bl_json_at(json_of(list), (uint32_t)index));
    return true;
}

bool bl_value_get(const struct bl_value *map, const struct bl_value *key, struct bl_value *out) {
    if (map->type == BL_VALUE_JSON) {
        struct bl_json found = BL_JSON_NOTHING;
        if (key->type == BL_VALUE_STRING) {
            found = bl_json_get(json_of(map), bl_value_str(key));
        }
        *out = bl_value_from_json(found);
        return out->type != BL_VALUE_ABSENT;
    }
    for (uint32_t i = 0; map->type == BL_VALUE_MAP && i < map->count; i++) {
        if (bl_value_equal(&map->as.items[(size_t)2 * i], key)) {
            *out = map->as.items[(size_t)2 * i + 1];
            return true;
        }
    }
    return false;
}

struct bl_value_iter bl_value_iter(const struct bl_value *container) {
    struct bl_value_iter iter = {.of = *container};

    if (container->type == BL_VALUE_JSON) {
        iter.json = bl_json_iter(json_of(container));
    } else if (container->type != BL_VALUE_LIST && container->type != BL_VALUE_MAP) {
        iter.of.count = 0;
    }
    return iter;
}

bool bl_value_next(struct bl_value_iter *iter) {
    if (iter->of.type == BL_VALUE_JSON) {
        bool more = bl_json_next(&iter->json);
        if (more) {
            iter->key = bl_value_text(iter->json.key);
            iter->value = bl_value_from_json(iter->json.value);
        }
        return more;
    }
    if (iter->index == iter->of.count) {
        return false;
    }
    if (iter->of.type == BL_VALUE_MAP) {
        iter->key = iter->of.as.items[(size_t)2 * iter->index];
        iter->value = iter->of.as.items[(size_t)2 * iter->index + 1];
    } else {
        iter->value = iter->of.as.items[iter->index];
    }
    iter->index++;
    return true;
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
        if (number < 0 || number >= 18446744073709551616.0) {
            *order = number < 0 ? 1 : -1;
            return true;
        }
        uint64_t whole = (uint64_t)number; /* towards zero */
        *order = (integer->as.unsigned_integer > whole) - (integer->as.unsigned_integer < whole);
        if (*order == 0 && number > (double)whole) {
            *order = -1;
        }
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
    if (a->type != b->type) {
        const struct bl_value *signed_one = a->type == BL_VALUE_INT ? a : b;
        const struct bl_value *unsigned_one = a->type == BL_VALUE_INT ? b : a;
        uint64_t whole = (uint64_t)signed_one->as.integer;
        bool is_below = signed_one->as.integer < 0 || whole < unsigned_one->as.unsigned_integer;
        *order = is_below ? -1 : whole > unsigned_one->as.unsigned_integer;
        *order = a->type == BL_VALUE_INT ? *order : -*order;
    } else if (a->type == BL_VALUE_UINT) {
        *order = (a->as.unsigned_integer > b->as.unsigned_integer) -
                 (a->as.unsigned_integer < b->as.unsigned_integer);
    } else {
        *order = (a->as.integer > b->as.integer) - (a->as.integer < b->as.integer);
    }
    return true;
}

static int order_of_times(const struct bl_value *a, const struct bl_value *b) {
    if (a->as.integer != b->as.integer) {
        return a->as.integer < b->as.integer ? -1 : 1;
    }
    return (a->count > b->count) - (a->count < b->count);
}

bool bl_value_is_ordered(const struct bl_value *a, const struct bl_value *b) {
    return (is_number(a) && is_number(b)) ||
           (a->type == b->type && (a->type == BL_VALUE_STRING || a->type == BL_VALUE_BOOL ||
                                   a->type == BL_VALUE_TIMESTAMP || a->type == BL_VALUE_DURATION));
}

bool bl_value_order(const struct bl_value *a, const struct bl_value *b, int *order) {
    if (!bl_value_is_ordered(a, b)) {
        return false;
    }
    if (a->type == BL_VALUE_STRING) {
        *order = bl_str_compare(bl_value_str(a), bl_value_str(b));
    } else if (a->type == BL_VALUE_BOOL) {
        *order = a->as.boolean - b->as.boolean;
    } else if (is_number(a)) {
        int found;
        if (!order_numbers(a, b, &found)) {
            return false;
        }
        *order = found;
    } else {
        *order = order_of_times(a, b);
    }
    return true;
}

static bool lists_equal(const struct bl_value *a, const struct bl_value *b) {
    struct bl_value_iter left = bl_value_iter(a);
    struct bl_value_iter right = bl_value_iter(b);

    while (bl_value_next(&left)) {
        if (!bl_value_next(&right) || !bl_value_equal(&left.value, &right.value)) {
            return false;
        }
    }
    return !bl_value_next(&right);
}

/* Both have as many entries, and keys are distinct: one direction is enough. */
static bool maps_equal(const struct bl_value *a, const struct bl_value *b) {
    struct bl_value_iter left = bl_value_iter(a);
    struct bl_value other;

    if (bl_value_size(a) != bl_value_size(b)) {
        return false;
    }
    while (bl_value_next(&left)) {
        if (!bl_value_get(b, &left.key, &other) || !bl_value_equal(&left.value, &other)) {
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
    enum bl_value_type kind = bl_value_kind(a);
    if (kind != bl_value_kind(b)) {
        return false;
    }
    switch (kind) {
    case BL_VALUE_NULL:
        return true;
    case BL_VALUE_BOOL:
        return a->as.boolean == b->as.boolean;
    case BL_VALUE_LIST:
        return lists_equal(a, b);
    case BL_VALUE_MAP:
        return maps_equal(a, b);
    case BL_VALUE_TIMESTAMP:
    case BL_VALUE_DURATION:
        return order_of_times(a, b) == 0;
    case BL_VALUE_TYPE:
        return a->as.integer == b->as.integer;
    default:
        return false;
    }
}

bool bl_value_in(const struct bl_value *item, const struct bl_value *list) {
    struct bl_value ignored;

    if (bl_value_kind(list) == BL_VALUE_MAP) {
        return bl_value_get(list, item, &ignored);
    }
    if (list->type == BL_VALUE_LIST) {
        for (uint32_t i = 0; i < list->count; i++) {
            if (bl_value_equal(item, &list->as.items[i])) {
                return true;
            }
        }
        return false;
    }
    struct bl_value_iter iter = bl_value_iter(list);
    while (bl_value_next(&iter)) {
        if (bl_value_equal(item, &iter.value)) {
            return true;
        }
    }
    return false;
}

static bl_result copy_items(const struct bl_value *value, struct bl_arena *arena,
                            struct bl_value *out) {
    bool is_map = bl_value_kind(value) == BL_VALUE_MAP;
    uint32_t count = (uint32_t)bl_value_size(value);
    struct bl_value_iter iter = bl_value_iter(value);
    struct bl_value *items =
        bl_arena_calloc(arena, (size_t)count * (is_map ? 2 : 1) + 1, sizeof(*items));

    if (items == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    *out = (struct bl_value){
        .type = is_map ? BL_VALUE_MAP : BL_VALUE_LIST, .count = count, .as.items = items};
    while (bl_value_next(&iter)) {
        if (is_map) {
            BL_TRY(bl_value_copy(&iter.key, arena, items++));
        }
        BL_TRY(bl_value_copy(&iter.value, arena, items++));
    }
    return BL_OK;
}

bl_result bl_value_copy(const struct bl_value *value, struct bl_arena *arena,
                        struct bl_value *out) {
    struct bl_str copy;

    switch ((enum bl_value_type)value->type) {
    case BL_VALUE_STRING:
        BL_TRY(bl_arena_copy(arena, bl_value_str(value), &copy));
        *out = bl_value_text(copy);
        return BL_OK;
    case BL_VALUE_LIST:
    case BL_VALUE_MAP:
    case BL_VALUE_JSON:
        return copy_items(value, arena, out);
    default:
        *out = *value;
        return BL_OK;
    }
}

void bl_value_write_text(struct bl_str text, struct bl_buf *buf) {
    bl_buf_char(buf, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '"' || c == '\\') {
            bl_buf_char(buf, '\\');
            bl_buf_char(buf, (char)c);
        } else if (c == '\n') {
            bl_buf_literal(buf, "\\n");
        } else if (c < 0x20 || c == 0x7F) {
            bl_buf_printf(buf, "\\x%02x", c);
        } else {
            bl_buf_char(buf, (char)c);
        }
    }
    bl_buf_char(buf, '"');
}

static void write_double(double number, struct bl_buf *buf) {
    size_t start = buf->len;

    if (number != number || number - number != 0) { /* CEL has no literal for these */
        bl_buf_printf(buf, "double(\"%s\")",
                      number != number ? "NaN"
                      : number > 0     ? "Infinity"
                                       : "-Infinity");
        return;
    }
    bl_buf_double(buf, number);
    for (size_t i = start; i < buf->len; i++) {
        if (buf->data[i] == '.' || buf->data[i] == 'e') {
            return;
        }
    }
    bl_buf_literal(buf, ".0"); /* a double, not an int */
}

static void write_container(const struct bl_value *value, bool is_map, struct bl_buf *buf) {
    struct bl_value_iter iter = bl_value_iter(value);
    struct bl_str separator = BL_STR("");

    bl_buf_char(buf, is_map ? '{' : '[');
    while (bl_value_next(&iter)) {
        bl_buf_str(buf, separator);
        if (is_map) {
            bl_value_write(&iter.key, buf);
            bl_buf_literal(buf, ": ");
        }
        bl_value_write(&iter.value, buf);
        separator = BL_STR(", ");
    }
    bl_buf_char(buf, is_map ? '}' : ']');
}

void bl_value_write(const struct bl_value *value, struct bl_buf *buf) {
    enum bl_value_type kind = bl_value_kind(value);

    switch (kind) {
    case BL_VALUE_BOOL:
        bl_buf_str(buf, value->as.boolean ? BL_STR("true") : BL_STR("false"));
        break;
    case BL_VALUE_INT:
        bl_buf_i64(buf, value->as.integer);
        break;
    case BL_VALUE_UINT:
        bl_buf_u64(buf, value->as.unsigned_integer);
        bl_buf_char(buf, 'u');
        break;
    case BL_VALUE_DOUBLE:
        write_double(value->as.number, buf);
        break;
    case BL_VALUE_STRING:
        bl_value_write_text(bl_value_str(value), buf);
        break;
    case BL_VALUE_LIST:
    case BL_VALUE_MAP:
        write_container(value, kind == BL_VALUE_MAP, buf);
        break;
    case BL_VALUE_TIMESTAMP:
        bl_buf_literal(buf, "timestamp(\"");
        bl_timestamp_text(value, buf);
        bl_buf_literal(buf, "\")");
        break;
    case BL_VALUE_DURATION:
        bl_buf_literal(buf, "duration(\"");
        bl_duration_text(value, buf);
        bl_buf_literal(buf, "\")");
        break;
    case BL_VALUE_TYPE:
        bl_buf_str(buf, bl_str_from_c(bl_value_kind_name((enum bl_value_type)value->as.integer)));
        break;
    default:
        bl_buf_str(buf, kind == BL_VALUE_NULL ? BL_STR("null") : BL_STR("absent"));
        break;
    }
}
