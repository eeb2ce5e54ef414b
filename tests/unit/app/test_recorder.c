#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>
#include <stdlib.h>
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

/* Recordings are appended, so a path that names something else must not be written to. */
static void only_recordings_are_added_to(void **state) {
    static const struct {
        const char *content;
        bool good;
    } cases[] = {{"", true}, {"BLF1 and more", true}, {"BL", true}, {"{\"level\":1}", false}};
    char path[] = "/tmp/bl-recording-XXXXXX";
    struct bl_diag diag;
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t len = strlen(cases[i].content);
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, cases[i].content, len, 0), (ssize_t)len);
        bl_diag_clear(&diag);
        assert_int_equal(bl_is_ok(bl_recording_check(path, &diag)), cases[i].good);
        assert_int_equal(diag.message[0] == '\0', cases[i].good);
    }
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    assert_true(bl_is_ok(bl_recording_check(path, &diag)));
    assert_true(bl_is_error(bl_recording_check("/tmp", &diag)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_recordings_are_added_to),
        cmocka_unit_test(fields_name_a_tenant_and_a_path),
        cmocka_unit_test(what_is_no_field_is_refused),
        cmocka_unit_test(outcomes_have_words),
    };
    return cmocka_run_group_tests_name("recorder", tests, NULL, NULL);
}
