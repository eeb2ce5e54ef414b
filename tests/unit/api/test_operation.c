#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/handler.h"

static void each_operation_has_its_own_row(void **state) {
    (void)state;
    for (int i = 0; i < BL_OPERATION_COUNT; i++) {
        const struct bl_operation_info *info = bl_operation_info((enum bl_operation)i);
        assert_int_equal(info->operation, i);
        assert_true(strlen(info->name) > 0 && strlen(info->permission) > 0);
        assert_memory_equal(info->subject, "beamline.router.v1.", 19);
        for (int k = 0; k < i; k++) {
            const struct bl_operation_info *other = bl_operation_info((enum bl_operation)k);
            assert_string_not_equal(info->name, other->name);
            assert_string_not_equal(info->subject, other->subject);
        }
    }
}

static void the_subjects_are_those_that_clients_know(void **state) {
    (void)state;
    assert_string_equal(bl_operation_info(BL_OPERATION_DECIDE)->subject,
                        "beamline.router.v1.decide");
    assert_string_equal(bl_operation_info(BL_OPERATION_DECIDE)->tenant_subject,
                        "beamline.router.v1.t.*.decide");
    assert_string_equal(bl_operation_info(BL_OPERATION_GET_DECISION)->subject,
                        "beamline.router.v1.get_decision");
    assert_string_equal(bl_operation_info(BL_OPERATION_EXTENSION_HEALTH)->subject,
                        "beamline.router.v1.admin.get_extension_health");
    assert_string_equal(bl_operation_info(BL_OPERATION_CIRCUIT_BREAKERS)->subject,
                        "beamline.router.v1.admin.get_circuit_breaker_states");
    assert_string_equal(bl_operation_info(BL_OPERATION_DRY_RUN)->subject,
                        "beamline.router.v1.admin.dry_run_pipeline");
    assert_string_equal(bl_operation_info(BL_OPERATION_COMPLEXITY)->subject,
                        "beamline.router.v1.admin.get_pipeline_complexity");
}

static void only_the_four_reads_are_for_readers(void **state) {
    (void)state;
    assert_int_equal(bl_operation_info(BL_OPERATION_DECIDE)->caller, BL_CALLER_TENANT);
    assert_int_equal(bl_operation_info(BL_OPERATION_GET_DECISION)->caller, BL_CALLER_TENANT);
    for (int i = BL_OPERATION_EXTENSION_HEALTH; i < BL_OPERATION_COUNT; i++) {
        assert_int_equal(bl_operation_info((enum bl_operation)i)->caller, BL_CALLER_READER);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operation_has_its_own_row),
        cmocka_unit_test(the_subjects_are_those_that_clients_know),
        cmocka_unit_test(only_the_four_reads_are_for_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
