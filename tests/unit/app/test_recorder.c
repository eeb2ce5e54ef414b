#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "app/recorder.h"

static void fields_name_a_tenant_and_a_path(void **state) {
    struct bl_recorded_field field;
    (void)state;
    assert_true(bl_recorded_field_read(BL_STR("acme/metadata.tier"), &field));
    assert_true(bl_str_equal(field.tenant, BL_STR("acme")));
    assert_true(bl_str_equal(field.fact.path, BL_STR("metadata.tier")));
    assert_int_equal(field.fact.root, BL_FACT_METADATA);
    assert_true(bl_recorded_field_read(BL_STR("*/size(task.payload.prompt)"), &field));
    assert_int_equal(field.fact.projection, BL_PROJECTION_SIZE);
    assert_true(bl_str_equal(field.fact.rest, BL_STR("payload.prompt")));
    assert_true(bl_recorded_field_read(BL_STR("*/has(context.a.b)"), &field));
    assert_int_equal(field.fact.projection, BL_PROJECTION_HAS);
}

static void what_is_no_field_is_refused(void **state) {
    static const char *const bad[] = {
        "",        "metadata.tier", "/metadata.tier", "acme/",          "acme/tier",
        "a b/now", "acme/a..b",     "acme/size()",    "acme/request.x", "*/size(tier)",
    };
    struct bl_recorded_field field;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(bl_recorded_field_read(bl_str_from_c(bad[i]), &field));
    }
}

static void outcomes_have_words(void **state) {
    (void)state;
    for (int i = 0; i < BL_SHADOW_COUNT; i++) {
        assert_non_null(bl_shadow_outcome_word((enum bl_shadow_outcome)i));
    }
    assert_string_equal(bl_shadow_outcome_word(BL_SHADOW_OTHER_PROVIDER), "other_provider");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_name_a_tenant_and_a_path),
        cmocka_unit_test(what_is_no_field_is_refused),
        cmocka_unit_test(outcomes_have_words),
    };
    return cmocka_run_group_tests_name("recorder", tests, NULL, NULL);
}
