#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "flow/request.h"

static void names_of_dialects_differ(void **state) {
    (void)state;
    for (int i = 0; i < BL_DIALECT_COUNT; i++) {
        const char *name = bl_dialect_name((enum bl_dialect)i);
        assert_true(strlen(name) > 0);
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(name, bl_dialect_name((enum bl_dialect)k));
        }
    }
    assert_string_equal(bl_dialect_name(BL_DIALECT_GATEWAY), "gateway");
    assert_string_equal(bl_dialect_name(BL_DIALECT_BRIDGE), "bridge");
}

static void intake_codes_are_the_words_of_the_wire(void **state) {
    (void)state;
    assert_null(bl_intake_code_text(BL_INTAKE_NONE));
    assert_string_equal(bl_intake_code_text(BL_INTAKE_SCHEMA_VALIDATION_FAILED),
                        "SCHEMA_VALIDATION_FAILED");
    assert_string_equal(bl_intake_code_text(BL_INTAKE_TENANT_FORBIDDEN), "TENANT_FORBIDDEN");
    assert_string_equal(bl_intake_code_text(BL_INTAKE_INTERNAL_VALIDATION_ERROR),
                        "INTERNAL_VALIDATION_ERROR");
}

static void a_new_request_asks_for_nothing(void **state) {
    struct bl_request request;
    (void)state;
    memset(&request, 0xff, sizeof(request));
    bl_request_init(&request);
    assert_true(bl_str_equal_c(request.task_type, "unknown"));
    assert_int_equal(request.max_latency_ms, -1);
    assert_true(request.max_cost_nano == BL_MONEY_UNKNOWN);
    assert_false(bl_str_is_present(request.policy_id));
    assert_false(request.push_assignment || request.explain || request.dry_run);
    assert_int_equal(bl_json_type(request.context), BL_JSON_ABSENT);
}

static void a_refusal_begins_clean(void **state) {
    struct bl_refusal refusal;
    (void)state;
    memset(&refusal, 0x55, sizeof(refusal));
    struct bl_diag *diag = bl_refusal_begin(&refusal, BL_E_FORBIDDEN, BL_INTAKE_TENANT_FORBIDDEN);
    assert_ptr_equal(diag, &refusal.diag);
    assert_int_equal(refusal.error, BL_E_FORBIDDEN);
    assert_int_equal(refusal.intake_code, BL_INTAKE_TENANT_FORBIDDEN);
    assert_int_equal(refusal.retry_after_ms, 0);
    assert_string_equal(diag->path, "");
    assert_string_equal(diag->message, "");
    assert_string_equal(diag->hint, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_dialects_differ),
        cmocka_unit_test(intake_codes_are_the_words_of_the_wire),
        cmocka_unit_test(a_new_request_asks_for_nothing),
        cmocka_unit_test(a_refusal_begins_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
