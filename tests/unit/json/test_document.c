#include "unit/json/json_fixture.h"

#include "json/document.h"

static void test_told_apart_by_the_first_byte(void **state) {
    static const struct {
        struct bl_str text;
        struct bl_str written;
        bool is_yaml;
    } cases[] = {
        {BL_STR("{\"a\":[1]}"), BL_STR("{\"a\":[1]}"), false},
        {BL_STR(" \r\n\t[1]\n"), BL_STR("[1]"), false},
        {BL_STR("a: [1, {b: c}]\n"), BL_STR("{\"a\":[1,{\"b\":\"c\"}]}"), true},
        {BL_STR("# a comment\n{\"a\": 1}"), BL_STR("{\"a\":1}"), true},
        {BL_STR("---\n[a]"), BL_STR("[\"a\"]"), true},
        {BL_STR("\"a\""), BL_STR("\"a\""), true},
        {BL_STR("12"), BL_STR("12"), true},
    };
    struct json_fixture fixture;
    (void)state;
    json_fixture_init(&fixture);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(bl_is_ok(
            json_fixture_read(&fixture, bl_document_read, cases[i].text, &json_wide_limits)));
        assert_str(json_fixture_write(&fixture), cases[i].written);
        assert_int_equal(fixture.doc.lines != NULL, cases[i].is_yaml);
    }
    json_fixture_fini(&fixture);
}

static void test_no_second_try(void **state) {
    struct json_fixture fixture;
    (void)state;
    json_fixture_init(&fixture);
    /* YAML would take both. */
    assert_true(bl_is_error(
        json_fixture_read(&fixture, bl_document_read, BL_STR("{\"a\" 1}"), &json_wide_limits)));
    assert_string_equal(fixture.diag.message, "a colon should follow the key");
    assert_non_null(strstr(fixture.diag.hint, "begins with { is read as JSON"));
    assert_true(bl_is_error(
        json_fixture_read(&fixture, bl_document_read, BL_STR("[1,]"), &json_wide_limits)));
    assert_non_null(strstr(fixture.diag.hint, "remove the comma"));
    assert_true(bl_is_error(
        json_fixture_read(&fixture, bl_document_read, BL_STR(" \n"), &json_wide_limits)));
    assert_string_equal(fixture.diag.message, "the document is empty");
    json_fixture_fini(&fixture);
}

static void test_limits_hold_for_both(void **state) {
    const struct bl_json_limits limits = {.max_bytes = 20, .max_depth = 2, .max_nodes = 3};
    static const struct bl_str good[] = {BL_STR("[[1]]"), BL_STR("- - 1")};
    static const struct bl_str bad[] = {BL_STR("[[[]]]"),
                                        BL_STR("- - []"),
                                        BL_STR("[1,2,3]"),
                                        BL_STR("- 1\n- 2\n- 3"),
                                        BL_STR("[              123456]"),
                                        BL_STR("-              123456")};
    struct json_fixture fixture;
    (void)state;
    json_fixture_init(&fixture);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(bl_is_ok(json_fixture_read(&fixture, bl_document_read, good[i], &limits)));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(json_fixture_read(&fixture, bl_document_read, bad[i], &limits).error,
                         BL_E_INVALID_REQUEST);
        assert_non_null(strstr(fixture.diag.message, "limit"));
    }
    json_fixture_fini(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_told_apart_by_the_first_byte),
        cmocka_unit_test(test_no_second_try),
        cmocka_unit_test(test_limits_hold_for_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
