#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/header_list.h"
#include "support/json_text.h"
#include "wire/read.h"

static struct bl_arena arena;
static struct bl_json_doc doc;
static struct bl_request request;
static struct bl_refusal refusal;

static int set_up(void **state) {
    (void)state;
    bl_arena_init(&arena, 4096, 1 << 20);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    bl_arena_fini(&arena);
    return 0;
}

static bl_result read_text(struct bl_str text, const struct bl_json_limits *limits) {
    struct bl_message message = message_of(text, NULL);
    return bl_wire_read(&message, BL_STR("generated"), limits, &arena, &doc, &request, &refusal);
}

static void expect_refused(struct bl_str text, enum bl_intake_code code, const char *message) {
    assert_int_equal(read_text(text, &bl_json_request_limits).error, BL_E_INVALID_REQUEST);
    assert_int_equal(refusal.error, BL_E_INVALID_REQUEST);
    assert_int_equal(refusal.intake_code, code);
    assert_non_null(strstr(refusal.diag.message, message));
}

static void an_object_is_read(void **state) {
    (void)state;
    assert_true(bl_is_ok(read_text(json_text("{'a':1}"), &bl_json_request_limits)));
    assert_int_equal(bl_json_count(bl_json_root(&doc)), 1);
}

static void broken_text_is_told_with_its_place(void **state) {
    (void)state;
    expect_refused(json_text("{'request_id':'r-7',\n 'a':tru}"), BL_INTAKE_SCHEMA_VALIDATION_FAILED,
                   "line 2, column 6");
    assert_true(bl_str_equal_c(request.request_id, "r-7"));
    assert_int_equal(refusal.diag.line, 2);
    expect_refused(BL_STR(""), BL_INTAKE_SCHEMA_VALIDATION_FAILED, "empty");
    assert_null(strstr(refusal.diag.message, "line 0"));
    expect_refused(BL_STR("{\"a\":\"\xff\"}"), BL_INTAKE_SCHEMA_VALIDATION_FAILED, "UTF-8");
}

static void a_key_that_stands_twice_is_not_shown(void **state) {
    (void)state;
    expect_refused(json_text("{'metadata':{'private-key':1,'private-key':2}}"),
                   BL_INTAKE_SCHEMA_VALIDATION_FAILED, "a key stands twice");
    assert_null(strstr(refusal.diag.message, "private"));
}

static void only_an_object_is_a_message(void **state) {
    static const char *const others[] = {"[]", "1", "'x'", "null", "true"};
    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        expect_refused(json_text(others[i]), BL_INTAKE_SCHEMA_VALIDATION_FAILED,
                       "must be an object, found");
    }
}

static void size_depth_and_nodes_end_at_their_limits(void **state) {
    struct bl_json_limits limits = {.max_bytes = 19, .max_depth = 3, .max_nodes = 64};
    struct bl_str text = json_text("{'a':{'b':{'c':1}}}");
    (void)state;
    assert_int_equal(text.len, 19);
    assert_true(bl_is_ok(read_text(text, &limits)));
    limits.max_bytes = 18;
    assert_int_equal(read_text(text, &limits).error, BL_E_INVALID_REQUEST);
    assert_int_equal(refusal.intake_code, BL_INTAKE_PAYLOAD_TOO_LARGE);
    assert_non_null(strstr(refusal.diag.message, "19 bytes"));
    limits.max_bytes = 20;
    limits.max_depth = 2;
    assert_int_equal(read_text(text, &limits).error, BL_E_INVALID_REQUEST);
    assert_int_equal(refusal.intake_code, BL_INTAKE_SCHEMA_VALIDATION_FAILED);
    limits.max_depth = 3;
    limits.max_nodes = 6;
    assert_int_equal(read_text(text, &limits).error, BL_E_INVALID_REQUEST);
    limits.max_nodes = 7;
    assert_true(bl_is_ok(read_text(text, &limits)));
}

static void a_full_arena_is_told(void **state) {
    (void)state;
    while (bl_arena_alloc(&arena, 64) != NULL) {
    }
    assert_int_equal(read_text(json_text("{'request_id':'r'}"), &bl_json_request_limits).error,
                     BL_E_RESOURCE_EXHAUSTED);
    assert_int_equal(refusal.error, BL_E_RESOURCE_EXHAUSTED);
    assert_true(bl_str_equal_c(request.request_id, "r"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(an_object_is_read),
        TEST(broken_text_is_told_with_its_place),
        TEST(a_key_that_stands_twice_is_not_shown),
        TEST(only_an_object_is_a_message),
        TEST(size_depth_and_nodes_end_at_their_limits),
        TEST(a_full_arena_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
