/*
 * The pages made from the tables of keys. They are committed, and must be what the tables give:
 * BL_WRITE_PAGES=1 in the environment writes them anew instead of comparing.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/keys.h"
#include "policy/schema.h"

#define FILE_BYTES (4 * BL_POLICY_PAGE_BYTES) /* with indentation */

static char page_storage[FILE_BYTES];
static char file_storage[FILE_BYTES + 1];

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

static struct bl_str reference_page(void) {
    struct bl_buf buf;

    bl_buf_init(&buf, page_storage, sizeof(page_storage));
    bl_policy_reference_write(&buf);
    assert_false(buf.overflowed);
    return bl_buf_view(&buf);
}

static void compare_or_write(const char *path, struct bl_str page) {
    bool is_written = getenv("BL_WRITE_PAGES") != NULL;
    FILE *file = fopen(path, is_written ? "w" : "r");

    if (file == NULL) {
        fail_msg("%s cannot be opened; write it with BL_WRITE_PAGES=1", path);
    }
    if (is_written) {
        assert_int_equal(fwrite(page.data, 1, page.len, file), page.len);
        assert_int_equal(fclose(file), 0);
        return;
    }
    size_t len = fread(file_storage, 1, sizeof(file_storage), file);
    assert_int_equal(fclose(file), 0);
    if (len != page.len || memcmp(file_storage, page.data, len) != 0) {
        fail_msg("%s is not what the tables of keys give; write it anew with BL_WRITE_PAGES=1",
                 path);
    }
}

static void the_committed_schema_is_current(void **state) {
    (void)state;
    compare_or_write(BL_SOURCE_DIR "/schemas/policy.schema.json", schema_page());
}

static void the_committed_reference_is_current(void **state) {
    (void)state;
    compare_or_write(BL_SOURCE_DIR "/docs/policy-reference.md", reference_page());
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

/* A row of the table under its heading. */
static void check_rows(struct bl_str page, const struct bl_key_table *table) {
    char row[128];

    for (size_t i = 0; i < table->count; i++) {
        (void)snprintf(row, sizeof(row), "\n| `%s` | ", table->keys[i].name);
        assert_non_null(memmem(page.data, page.len, row, strlen(row)));
        if (table->keys[i].table != NULL) {
            (void)snprintf(row, sizeof(row), "\n## %s\n", table->keys[i].name);
            /* pre and post are the same table, met first as pre of extensions or of the policy */
            if (table->keys[i].table != &bl_extension_keys) {
                assert_non_null(memmem(page.data, page.len, row, strlen(row)));
            }
            check_rows(page, table->keys[i].table);
        }
    }
}

static void the_reference_holds_every_key(void **state) {
    (void)state;
    check_rows(reference_page(), &bl_document_keys);
}

static void a_short_buffer_is_reported(void **state) {
    char storage[100];
    struct bl_json_writer writer;
    struct bl_buf buf;
    (void)state;

    bl_buf_init(&buf, storage, sizeof(storage));
    bl_policy_reference_write(&buf);
    assert_true(buf.overflowed);
    bl_buf_init(&buf, storage, sizeof(storage));
    bl_json_writer_init(&writer, &buf);
    bl_policy_schema_write(&writer);
    assert_false(bl_json_writer_ok(&writer));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_committed_schema_is_current),
        cmocka_unit_test(the_committed_reference_is_current),
        cmocka_unit_test(the_schema_holds_every_key),
        cmocka_unit_test(the_reference_holds_every_key),
        cmocka_unit_test(a_short_buffer_is_reported),
    };
    return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
