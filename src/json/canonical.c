#include "json/canonical.h"

#include <stdlib.h>

struct member {
    struct bl_str key;
    struct bl_json value;
};

static int by_key(const void *a, const void *b) {
    return bl_str_compare(((const struct member *)a)->key, ((const struct member *)b)->key);
}

static bl_result write_object(struct bl_json_writer *writer, struct bl_json object,
                              struct bl_arena *arena) {
    uint32_t count = bl_json_count(object);
    struct member *members = bl_arena_calloc(arena, count + 1, sizeof(*members));
    struct bl_json_iter it = bl_json_iter(object);

    if (members == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    for (uint32_t i = 0; bl_json_next(&it); i++) {
        members[i] = (struct member){it.key, it.value};
    }
    qsort(members, count, sizeof(*members), by_key);
    bl_json_write_object_begin(writer);
    for (uint32_t i = 0; i < count; i++) {
        bl_json_write_key(writer, members[i].key);
        BL_TRY(bl_json_write_canonical(writer, members[i].value, arena));
    }
    bl_json_write_object_end(writer);
    return BL_OK;
}

static void write_double(struct bl_json_writer *writer, struct bl_json value) {
    int64_t integer;
    double number = 0;

    if (bl_json_int64(value, &integer)) {
        bl_json_write_int64(writer, integer);
    } else {
        (void)bl_json_double(value, &number);
        bl_json_write_double(writer, number);
    }
}

/* Recursion is bounded by the depth that the reader allowed. */
bl_result bl_json_write_canonical(struct bl_json_writer *writer, struct bl_json value,
                                  struct bl_arena *arena) {
    struct bl_json_iter it = bl_json_iter(value);

    switch (bl_json_type(value)) {
    case BL_JSON_OBJECT:
        return write_object(writer, value, arena);
    case BL_JSON_ARRAY:
        bl_json_write_array_begin(writer);
        while (bl_json_next(&it)) {
            BL_TRY(bl_json_write_canonical(writer, it.value, arena));
        }
        bl_json_write_array_end(writer);
        return BL_OK;
    case BL_JSON_DOUBLE:
        write_double(writer, value);
        return BL_OK;
    default:
        bl_json_write_value(writer, value);
        return BL_OK;
    }
}
