#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "support/policy_fixture.h"
#include "wire/fields.h"

static struct bl_arena arena;
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

static struct bl_json json(const char *text) {
    return fixture_json(text, &arena);
}

static void expect_refused(bl_result result, enum bl_intake_code code, const char *message) {
    assert_int_equal(result.error, BL_E_INVALID_REQUEST);
    assert_int_equal(refusal.error, BL_E_INVALID_REQUEST);
    assert_int_equal(refusal.intake_code, code);
    assert_string_equal(refusal.diag.path, "a.b");
    assert_non_null(strstr(refusal.diag.message, message));
}

static void absent_and_null_change_nothing(void **state) {
    struct bl_json nothing[] = {BL_JSON_NOTHING, json("null")};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct bl_str text = BL_STR("kept");
        struct bl_json object = json("{}");
        int64_t number = 42;
        bool flag = true;
        assert_true(bl_is_ok(bl_wire_string(&refusal, nothing[i], "a.b", &text)));
        assert_true(bl_is_ok(bl_wire_id(&refusal, nothing[i], "a.b", 4, &text)));
        assert_true(bl_is_ok(bl_wire_bool(&refusal, nothing[i], "a.b", &flag)));
        assert_true(bl_is_ok(bl_wire_loose_bool(&refusal, nothing[i], "a.b", &flag)));
        assert_true(bl_is_ok(bl_wire_object(&refusal, nothing[i], "a.b", &object)));
        assert_true(bl_is_ok(bl_wire_metadata(&refusal, nothing[i], "a.b", &object)));
        assert_true(bl_is_ok(bl_wire_duration_ms(&refusal, nothing[i], "a.b", &number)));
        assert_true(bl_is_ok(bl_wire_money(&refusal, nothing[i], "a.b", &number)));
        assert_true(bl_str_equal_c(text, "kept") && flag && number == 42);
        assert_int_equal(bl_json_type(object), BL_JSON_OBJECT);
    }
}

static void another_type_is_named_but_not_shown(void **state) {
    struct bl_str text;
    struct bl_json object;
    int64_t number;
    bool flag;
    (void)state;
    expect_refused(bl_wire_string(&refusal, json("987654"), "a.b", &text),
                   BL_INTAKE_SCHEMA_VALIDATION_FAILED, "must be a string, found a number");
    assert_null(strstr(refusal.diag.message, "987654"));
    expect_refused(bl_wire_bool(&refusal, json("'secret'"), "a.b", &flag),
                   BL_INTAKE_SCHEMA_VALIDATION_FAILED, "must be true or false, found a string");
    assert_null(strstr(refusal.diag.message, "secret"));
    expect_refused(bl_wire_object(&refusal, json("[]"), "a.b", &object),
                   BL_INTAKE_SCHEMA_VALIDATION_FAILED, "must be an object, found an array");
    expect_refused(bl_wire_duration_ms(&refusal, json("'5'"), "a.b", &number),
                   BL_INTAKE_SCHEMA_VALIDATION_FAILED, "must be a number, found a string");
    expect_refused(bl_wire_money(&refusal, json("true"), "a.b", &number),
                   BL_INTAKE_SCHEMA_VALIDATION_FAILED, "must be a number, found");
}

static void ids_end_at_their_bound(void **state) {
    char text[64];
    struct bl_str id = BL_STR_ABSENT;
    (void)state;
    snprintf(text, sizeof(text), "'%s'", "12345678");
    assert_true(bl_is_ok(bl_wire_id(&refusal, json(text), "a.b", 9, &id)));
    assert_true(bl_is_ok(bl_wire_id(&refusal, json(text), "a.b", 8, &id)));
    assert_true(bl_str_equal_c(id, "12345678"));
    expect_refused(bl_wire_id(&refusal, json(text), "a.b", 7, &id),
                   BL_INTAKE_CORRELATION_FIELDS_INVALID, "8 bytes, at most 7");
    id = BL_STR_ABSENT;
    assert_true(bl_is_ok(bl_wire_id(&refusal, json("''"), "a.b", 8, &id)));
    assert_false(bl_str_is_present(id));
    assert_true(bl_str_is_present(bl_wire_peek_id(json(text), 8)));
    assert_false(bl_str_is_present(bl_wire_peek_id(json(text), 7)));
    assert_false(bl_str_is_present(bl_wire_peek_id(json("''"), 7)));
    assert_false(bl_str_is_present(bl_wire_peek_id(json("5"), 7)));
}

static void metadata_ends_at_64_kib(void **state) {
    enum { FRAME = 8 }; /* {"m":""} */
    static char text[BL_WIRE_METADATA_MAX + 16];
    struct bl_json_doc doc;
    struct bl_diag diag;
    struct bl_json object;
    (void)state;
    for (int over = -1; over <= 1; over++) {
        size_t len = (size_t)(BL_WIRE_METADATA_MAX + over);
        memset(text, 'x', sizeof(text));
        memcpy(text, "{\"m\":\"", 6);
        memcpy(text + len - 2, "\"}", 2);
        assert_true(len > FRAME);
        assert_true(bl_is_ok(bl_json_read((struct bl_str){text, len}, &bl_json_request_limits,
                                          &arena, &doc, &diag)));
        bl_result result = bl_wire_metadata(&refusal, bl_json_root(&doc), "a.b", &object);
        if (over <= 0) {
            assert_true(bl_is_ok(result));
        } else {
            expect_refused(result, BL_INTAKE_PAYLOAD_TOO_LARGE, "65537 bytes");
        }
    }
}

static void loose_flags_have_six_forms(void **state) {
    static const struct {
        const char *text;
        bool value;
    } forms[] = {{"true", true},     {"false", false}, {"'true'", true},
                 {"'false'", false}, {"1", true},      {"0", false}};
    static const char *const others[] = {"2", "-1", "'yes'", "'TRUE'", "''", "{}", "0.5"};
    bool flag;
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        flag = !forms[i].value;
        assert_true(bl_is_ok(bl_wire_loose_bool(&refusal, json(forms[i].text), "a.b", &flag)));
        assert_int_equal(flag, forms[i].value);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        expect_refused(bl_wire_loose_bool(&refusal, json(others[i]), "a.b", &flag),
                       BL_INTAKE_SCHEMA_VALIDATION_FAILED, "must be true or false");
    }
}

static void amounts_are_not_negative_and_do_not_overflow(void **state) {
    int64_t number = -1;
    (void)state;
    assert_true(bl_is_ok(bl_wire_duration_ms(&refusal, json("1500.9"), "a.b", &number)));
    assert_int_equal(number, 1500);
    assert_true(bl_is_ok(bl_wire_duration_ms(&refusal, json("0"), "a.b", &number)));
    assert_int_equal(number, 0);
    assert_true(
        bl_is_ok(bl_wire_duration_ms(&refusal, json("9223372036854775807"), "a.b", &number)));
    assert_true(number == INT64_MAX);
    assert_true(bl_is_ok(bl_wire_duration_ms(&refusal, json("1e300"), "a.b", &number)));
    assert_true(number == INT64_MAX);
    assert_true(bl_is_ok(bl_wire_money(&refusal, json("0.05"), "a.b", &number)));
    assert_int_equal(number, 50000000);
    assert_true(bl_is_ok(bl_wire_money(&refusal, json("1e300"), "a.b", &number)));
    assert_true(number == INT64_MAX);
    expect_refused(bl_wire_duration_ms(&refusal, json("-1"), "a.b", &number),
                   BL_INTAKE_SCHEMA_VALIDATION_FAILED, "negative");
    expect_refused(bl_wire_money(&refusal, json("-0.001"), "a.b", &number),
                   BL_INTAKE_SCHEMA_VALIDATION_FAILED, "negative");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(absent_and_null_change_nothing), TEST(another_type_is_named_but_not_shown),
        TEST(ids_end_at_their_bound),         TEST(metadata_ends_at_64_kib),
        TEST(loose_flags_have_six_forms),     TEST(amounts_are_not_negative_and_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
