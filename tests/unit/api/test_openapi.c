#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "api/openapi.h"
#include "api/operation.h"
#include "api/schemas.h"
#include "support/generated_page.h"

#define PAGE_BYTES ((size_t)1024 * 1024)

static struct bl_arena arena;
static char storage[BL_OPENAPI_BYTES];
static struct bl_buf page;
static struct bl_json_doc doc;
static struct bl_json root;

static int set_up(void **state) {
    const struct bl_json_limits limits = {
        .max_bytes = PAGE_BYTES, .max_depth = 64, .max_nodes = 65536};
    struct bl_json_writer writer;
    struct bl_diag diag;
    (void)state;

    bl_arena_init(&arena, 65536, (size_t)16 * 1024 * 1024);
    bl_buf_init(&page, storage, sizeof(storage));
    bl_json_writer_init(&writer, &page);
    if (bl_is_error(bl_openapi_write(&arena, &writer)) ||
        bl_is_error(bl_json_read(bl_buf_view(&page), &limits, &arena, &doc, &diag))) {
        return -1;
    }
    root = bl_json_root(&doc);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    bl_arena_fini(&arena);
    return 0;
}

/* --- layout of the committed page: one line for each member, so that changes can be reviewed --- */

static void indent(struct bl_buf *buf, int depth) {
    bl_buf_char(buf, '\n');
    for (int i = 0; i < depth; i++) {
        bl_buf_literal(buf, "  ");
    }
}

static void lay_out(struct bl_buf *buf) {
    bool in_text = false;
    int depth = 0;

    for (size_t i = 0; i < page.len; i++) {
        char c = page.data[i];
        bool is_end = !in_text && (c == '}' || c == ']');
        bool was_begin = i > 0 && !in_text && strchr("{[", page.data[i - 1]) != NULL;
        depth -= is_end ? 1 : 0;
        if (is_end && !was_begin) {
            indent(buf, depth);
        }
        bl_buf_char(buf, c);
        if (c == '"' && page.data[i - 1] != '\\') {
            in_text = !in_text;
        }
        if (in_text) {
            continue;
        }
        depth += c == '{' || c == '[' ? 1 : 0;
        if (((c == '{' || c == '[') && strchr("}]", page.data[i + 1]) == NULL) || c == ',') {
            indent(buf, depth);
        } else if (c == ':') {
            bl_buf_char(buf, ' ');
        }
    }
    bl_buf_char(buf, '\n');
}

static void the_committed_document_is_current(void **state) {
    static char text[PAGE_BYTES];
    struct bl_buf buf;
    (void)state;

    bl_buf_init(&buf, text, sizeof(text));
    lay_out(&buf);
    assert_false(buf.overflowed);
    expect_page(BL_SOURCE_DIR "/schemas/openapi.json", bl_buf_view(&buf));
}

/* --- structure ------------------------------------------------------------------------------- */

/* "#/a/b" by its segments; absent if it leads nowhere. */
static struct bl_json resolve(struct bl_str reference) {
    struct bl_json at = root;
    struct bl_str rest = reference;

    assert_true(bl_str_starts_with(rest, BL_STR("#/")));
    rest.data += 2;
    rest.len -= 2;
    while (rest.len > 0) {
        const char *slash = memchr(rest.data, '/', rest.len);
        size_t len = slash == NULL ? rest.len : (size_t)(slash - rest.data);
        at = bl_json_get(at, (struct bl_str){rest.data, len});
        rest.data += slash == NULL ? len : len + 1;
        rest.len -= slash == NULL ? len : len + 1;
    }
    return at;
}

static unsigned check_references(struct bl_json value) {
    unsigned count = 0;

    for (struct bl_json_iter it = bl_json_iter(value); bl_json_next(&it);) {
        struct bl_str target;
        if (bl_str_equal_c(it.key, "$ref") && bl_json_string(it.value, &target)) {
            if (bl_json_is(resolve(target), BL_JSON_ABSENT)) {
                fail_msg("%.*s leads nowhere", BL_STR_ARG(target));
            }
            count++;
        }
        count += check_references(it.value);
    }
    return count;
}

static void every_reference_resolves(void **state) {
    (void)state;
    assert_true(check_references(root) > 100);
}

/* Whether the operation declares that parameter of the path. */
static bool declares(struct bl_json operation, struct bl_str name) {
    for (struct bl_json_iter it = bl_json_iter(bl_json_get(operation, BL_STR("parameters")));
         bl_json_next(&it);) {
        struct bl_str in, found;
        bool required = false;
        if (bl_json_string(bl_json_get(it.value, BL_STR("in")), &in) &&
            bl_json_string(bl_json_get(it.value, BL_STR("name")), &found) &&
            bl_str_equal_c(in, "path") && bl_str_equal(found, name)) {
            return bl_json_bool(bl_json_get(it.value, BL_STR("required")), &required) && required;
        }
    }
    return false;
}

static unsigned count_path_parameters(struct bl_json operation) {
    unsigned count = 0;

    for (struct bl_json_iter it = bl_json_iter(bl_json_get(operation, BL_STR("parameters")));
         bl_json_next(&it);) {
        struct bl_str in;
        assert_true(bl_json_string(bl_json_get(it.value, BL_STR("in")), &in));
        count += bl_str_equal_c(in, "path");
    }
    return count;
}

static void check_operation(struct bl_str path, struct bl_json operation, struct bl_str ids[],
                            size_t *id_count) {
    unsigned wanted = 0;

    for (size_t i = 0; i < path.len; i++) {
        if (path.data[i] == '{') {
            const char *end = memchr(path.data + i, '}', path.len - i);
            struct bl_str name = {path.data + i + 1, (size_t)(end - path.data) - i - 1};
            assert_true(declares(operation, name));
            wanted++;
        }
    }
    assert_int_equal(count_path_parameters(operation), wanted);
    struct bl_str id = BL_STR_ABSENT;
    assert_true(bl_json_string(bl_json_get(operation, BL_STR("operationId")), &id));
    for (size_t i = 0; i < *id_count; i++) {
        assert_false(bl_str_equal(ids[i], id));
    }
    ids[(*id_count)++] = id;
    struct bl_json responses = bl_json_get(operation, BL_STR("responses"));
    assert_true(bl_json_is(bl_json_get(responses, BL_STR("200")), BL_JSON_OBJECT));
    assert_true(bl_json_is(bl_json_get(responses, BL_STR("default")), BL_JSON_OBJECT));
}

static void operations_are_whole(void **state) {
    struct bl_str ids[BL_OPERATION_COUNT * BL_OPERATION_ROUTES_MAX];
    size_t id_count = 0;
    size_t routes = 0;
    (void)state;

    for (struct bl_json_iter path = bl_json_iter(bl_json_get(root, BL_STR("paths")));
         bl_json_next(&path);) {
        for (struct bl_json_iter method = bl_json_iter(path.value); bl_json_next(&method);) {
            check_operation(path.key, method.value, ids, &id_count);
        }
    }
    for (int o = 0; o < BL_OPERATION_COUNT; o++) {
        const struct bl_operation_route *all = bl_operation_info((enum bl_operation)o)->routes;
        for (int r = 0; r < BL_OPERATION_ROUTES_MAX && all[r].method != NULL; r++) {
            routes++;
        }
    }
    assert_int_equal(id_count, routes);
}

static void required_fields_are_properties(void **state) {
    struct bl_json schemas = bl_json_path(root, BL_STR("components.schemas"));
    (void)state;

    for (size_t i = 0; i < bl_schema_count; i++) {
        struct bl_json schema = bl_json_get(schemas, bl_str_from_c(bl_schemas[i].name));
        struct bl_json properties = bl_json_get(schema, BL_STR("properties"));
        assert_true(bl_json_is(properties, BL_JSON_OBJECT));
        for (struct bl_json_iter it = bl_json_iter(bl_json_get(schema, BL_STR("required")));
             bl_json_next(&it);) {
            struct bl_str name = BL_STR_ABSENT;
            assert_true(bl_json_string(it.value, &name));
            assert_false(bl_json_is(bl_json_get(properties, name), BL_JSON_ABSENT));
        }
    }
    struct bl_json codes = bl_json_path(schemas, BL_STR("ErrorCode.enum"));
    assert_int_equal(bl_json_count(codes), BL_ERROR_COUNT); /* all but none, and the one of v1 */
}

static void what_does_not_fit_is_told(void **state) {
    static char little[1000];
    struct bl_json_writer writer;
    struct bl_arena small;
    struct bl_buf buf;
    (void)state;

    bl_arena_init(&small, 4096, 65536);
    bl_buf_init(&buf, storage, sizeof(storage));
    bl_json_writer_init(&writer, &buf);
    assert_int_equal(bl_openapi_write(&small, &writer).error, BL_E_RESOURCE_EXHAUSTED);
    bl_arena_fini(&small);
    bl_buf_init(&buf, little, sizeof(little));
    bl_json_writer_init(&writer, &buf);
    assert_int_equal(bl_openapi_write(&arena, &writer).error, BL_E_RESOURCE_EXHAUSTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_committed_document_is_current),
        cmocka_unit_test(every_reference_resolves),
        cmocka_unit_test(operations_are_whole),
        cmocka_unit_test(required_fields_are_properties),
        cmocka_unit_test(what_does_not_fit_is_told),
    };
    return cmocka_run_group_tests_name("openapi", tests, set_up, tear_down);
}
