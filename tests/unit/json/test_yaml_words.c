#include "unit/json/json_fixture.h"

#include "json/yaml_words.h"

static struct bl_diag explain(const char *problem, const char *context, struct bl_str rest) {
    struct bl_diag diag;

    bl_diag_clear(&diag);
    bl_yaml_explain(problem, context, rest, &diag);
    assert_true(diag.message[0] != '\0' && diag.hint[0] != '\0');
    return diag;
}

static void test_known_problems_are_put_plainly(void **state) {
    (void)state;
    struct bl_diag diag =
        explain("mapping values are not allowed in this context", NULL, BL_STR(": c"));
    assert_string_equal(diag.message, "a colon cannot stand here");
}

static void test_unknown_problems_are_passed_on(void **state) {
    (void)state;
    struct bl_diag diag = explain("something new", "while testing", BL_STR("x"));
    assert_string_equal(diag.message, "not valid YAML: something new, while testing");
    diag = explain("something new", NULL, BL_STR(""));
    assert_string_equal(diag.message, "not valid YAML: something new");
    diag = explain(NULL, NULL, BL_STR(""));
    assert_string_equal(diag.message, "not valid YAML: unreadable");
}

static void test_character_that_begins_nothing(void **state) {
    static const char problem[] = "found character that cannot start any token";
    (void)state;
    struct bl_diag diag = explain(problem, NULL, BL_STR("\tx"));
    assert_string_equal(diag.hint, "indent with spaces");
    diag = explain(problem, NULL, BL_STR("@x"));
    assert_string_equal(diag.message, "a text without quotes cannot begin with @");
    diag = explain(problem, NULL, BL_STR(""));
    assert_non_null(strstr(diag.message, "cannot start any token"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_problems_are_put_plainly),
        cmocka_unit_test(test_unknown_problems_are_passed_on),
        cmocka_unit_test(test_character_that_begins_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
