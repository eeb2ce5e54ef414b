#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "policy/keys.h"
#include "policy/schema.h"
#include "support/generated_page.h"

#define FILE_BYTES (4 * BL_POLICY_PAGE_BYTES) /* with indentation */

static char page_storage[FILE_BYTES];

/* JSON with a line for each member and item, so that changes can be read. */
static struct bl_str indent(struct bl_str json, char *storage, size_t capacity) {
    struct bl_buf buf;
    int depth = 0;
    bool is_text = false;

    bl_buf_init(&buf, storage, capacity);
    for (size_t i = 0; i < json.len; i++) {
        char c = json.data[i];
        bool is_escaped = i > 0 && json.data[i - 1] == '\\' && json.data[i - 2] != '\\';
        bool opens = !is_text && (c == '{' || c == '[');
        bool closes = !is_text && (c == '}' || c == ']');
        depth += opens ? 1 : closes ? -1 : 0;
        if (closes) {
            bl_buf_printf(&buf, "\n%*s", 2 * depth, "");
        }
        bl_buf_char(&buf, c);
        if (opens || (!is_text && c == ',')) {
            bl_buf_printf(&buf, "\n%*s", 2 * depth, "");
        } else if (!is_text && c == ':') {
            bl_buf_char(&buf, ' ');
        }
        is_text = c == '"' && !is_escaped ? !is_text : is_text;
    }
    bl_buf_char(&buf, '\n');
    assert_false(buf.overflowed);
    return bl_buf_view(&buf);
}

static struct bl_str schema_page(void) {
    static char storage[BL_POLICY_PAGE_BYTES];
    struct bl_json_writer writer;
    struct bl_buf buf;

    bl_buf_init(&buf, storage, sizeof(storage));
    bl_json_writer_init(&writer, &buf);
    bl_policy_schema_write(&writer);
    assert_true(bl_json_writer_ok(&writer));
    return indent(bl_buf_view(&buf), page_storage, sizeof(page_storage));
}

static void the_committed_schema_is_current(void **state) {
    (void)state;
    expect_page(BL_SOURCE_DIR "/schemas/policy.schema.json", schema_page());
}

static void check_properties(struct bl_json schema, const struct bl_key_table *table) {
    struct bl_json properties = bl_json_get(schema, BL_STR("properties"));
    bool additional = true;

    assert_int_equal(bl_json_count(properties), table->count);
    assert_true(bl_json_bool(bl_json_get(schema, BL_STR("additionalProperties")), &additional));
    assert_false(additional);
    for (size_t i = 0; i < table->count; i++) {
        const struct bl_key *key = &table->keys[i];
        struct bl_json property = bl_json_get(properties, bl_str_from_c(key->name));
        assert_true(bl_json_is(property, BL_JSON_OBJECT));
        assert_true(bl_json_is(bl_json_get(property, BL_STR("description")), BL_JSON_STRING));
        if (key->type == BL_KEY_OBJECT) {
            check_properties(property, key->table);
        } else if (key->type == BL_KEY_NOTE && key->shape == BL_SHAPE_ITEMS) {
            check_properties(bl_json_get(property, BL_STR("items")), key->table);
        }
    }
}

/* Every $ref leads to a definition. */
static void check_references(struct bl_json value, struct bl_json definitions, unsigned *count) {
    struct bl_json_iter it = bl_json_iter(value);
    static const struct bl_str prefix = {"#/$defs/", 8};

    while (bl_json_next(&it)) {
        struct bl_str target;
        if (bl_str_equal(it.key, BL_STR("$ref")) && bl_json_string(it.value, &target)) {
            assert_true(bl_str_starts_with(target, prefix));
            struct bl_str name = {target.data + prefix.len, target.len - prefix.len};
            assert_true(bl_json_is(bl_json_get(definitions, name), BL_JSON_OBJECT));
            (*count)++;
        }
        check_references(it.value, definitions, count);
    }
}

static void the_schema_holds_every_key(void **state) {
    const struct bl_json_limits limits = {
        .max_bytes = FILE_BYTES, .max_depth = 64, .max_nodes = 16384};
    struct bl_arena arena;
    struct bl_json_doc doc;
    struct bl_diag diag;
    unsigned references = 0;
    (void)state;

    bl_arena_init(&arena, 65536, 4 * 1024 * 1024);
    assert_true(bl_is_ok(bl_json_read(schema_page(), &limits, &arena, &doc, &diag)));
    struct bl_json root = bl_json_root(&doc);
    check_properties(root, &bl_document_keys);
    check_references(root, bl_json_get(root, BL_STR("$defs")), &references);
    assert_true(references > 20);
    bl_arena_fini(&arena);
}

static void a_short_buffer_is_reported(void **state) {
    char storage[100];
    struct bl_json_writer writer;
    struct bl_buf buf;
    (void)state;

    bl_buf_init(&buf, storage, sizeof(storage));
    bl_json_writer_init(&writer, &buf);
    bl_policy_schema_write(&writer);
    assert_false(bl_json_writer_ok(&writer));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_committed_schema_is_current),
        cmocka_unit_test(the_schema_holds_every_key),
        cmocka_unit_test(a_short_buffer_is_reported),
    };
    return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
