#include "json/canonical.h"

#include "json/keys.h"

static bl_result write_object(struct bl_json_writer *writer, struct bl_json object,
                              struct bl_arena *arena) {
    const struct bl_json_node *nodes = object.doc->nodes;
    const uint32_t *keys = bl_json_keys_sorted(nodes, object.index, arena);

    if (keys == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    bl_json_write_object_begin(writer);
    for (uint32_t i = 0; i < nodes[object.index].length; i++) {
        const struct bl_json_node *key = &nodes[keys[i]];
        bl_json_write_key(writer, (struct bl_str){key->value.string, key->length});
        BL_TRY(bl_json_write_canonical(writer, (struct bl_json){object.doc, keys[i] + 1}, arena));
    }
    bl_json_write_object_end(writer);
    return BL_OK;
}

/* Doubles that an integer type holds exactly are written as that integer would be. */
static void write_double(struct bl_json_writer *writer, struct bl_json value) {
    int64_t integer;
    double number = 0;

    (void)bl_json_double(value, &number);
    if (bl_json_int64(value, &integer)) {
        bl_json_write_int64(writer, integer);
    } else if (number >= 0x1p63 && number < 0x1p64) {
        bl_json_write_uint64(writer, (uint64_t)number);
    } else {
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
