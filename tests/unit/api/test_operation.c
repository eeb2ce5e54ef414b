#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "api/handler.h"

static void each_operation_has_its_own_row(void **state) {
    (void)state;
    for (int i = 0; i < BL_OPERATION_COUNT; i++) {
        const struct bl_operation_info *info = bl_operation_info((enum bl_operation)i);
        assert_int_equal(info->operation, i);
        assert_true(strlen(info->name) > 0 && strlen(info->permission) > 0);
        assert_true(strlen(info->summary) > 0);
        assert_true(info->subject == NULL || memcmp(info->subject, "beamline.router.v1.", 19) == 0);
        assert_true(info->subject != NULL || info->routes[0].method != NULL);
        for (int k = 0; k < i; k++) {
            const struct bl_operation_info *other = bl_operation_info((enum bl_operation)k);
            assert_string_not_equal(info->name, other->name);
            assert_true(info->subject == NULL || other->subject == NULL ||
                        strcmp(info->subject, other->subject) != 0);
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
    for (int i = BL_OPERATION_EXTENSION_HEALTH; i < BL_OPERATION_OPENAPI; i++) {
        assert_int_equal(bl_operation_info((enum bl_operation)i)->caller, BL_CALLER_READER);
    }
    assert_int_equal(bl_operation_info(BL_OPERATION_OPENAPI)->caller, BL_CALLER_ANYBODY);
    for (int i = BL_OPERATION_WORKER_COUNT; i < BL_OPERATION_COUNT; i++) {
        assert_int_equal(bl_operation_info((enum bl_operation)i)->caller, BL_CALLER_ADMINISTRATOR);
    }
}

/* What a body may be is known for each method that has one, and bounded where administration reads
 * it; no two operations have one method and path. */
static void routes_are_whole_and_apart(void **state) {
    (void)state;
    for (int i = 0; i < BL_OPERATION_COUNT; i++) {
        const struct bl_operation_info *info = bl_operation_info((enum bl_operation)i);
        bool is_bounded = info->body == BL_BODY_NONE || info->body == BL_BODY_REQUEST;
        assert_true(is_bounded == (info->max_body_bytes == 0));
        for (int r = 0; r < BL_OPERATION_ROUTES_MAX && info->routes[r].method != NULL; r++) {
            struct bl_operation_match match;
            struct bl_str method = bl_str_from_c(info->routes[r].method);
            assert_int_equal(
                bl_operation_match(method, bl_str_from_c(info->routes[r].path), &match),
                BL_MATCH_FOUND);
            assert_int_equal(match.operation, i);
        }
    }
}

static void grpc_methods_are_found(void **state) {
    (void)state;
    assert_int_equal(bl_operation_of_grpc(BL_STR("beamline.flow.v1.Router/Decide")),
                     BL_OPERATION_DECIDE);
    assert_int_equal(bl_operation_of_grpc(BL_STR("beamline.flow.v1.RouterAdmin/UpsertPolicy")),
                     BL_OPERATION_POLICY_PUT);
    assert_int_equal(bl_operation_of_grpc(BL_STR("beamline.flow.v1.RouterAdmin/DryRunPipeline")),
                     BL_OPERATION_DRY_RUN);
    assert_int_equal(bl_operation_of_grpc(BL_STR("beamline.flow.v1.Router/decide")),
                     BL_OPERATION_COUNT);
    assert_int_equal(bl_operation_of_grpc(BL_STR_ABSENT), BL_OPERATION_COUNT);
}

static void query_parameters_are_told_apart(void **state) {
    (void)state;
    for (int i = 0; i < BL_QUERY_COUNT; i++) {
        assert_true(strlen(bl_query_doc((enum bl_query)i)) > 0);
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(bl_query_name((enum bl_query)i),
                                    bl_query_name((enum bl_query)k));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operation_has_its_own_row),
        cmocka_unit_test(the_subjects_are_those_that_clients_know),
        cmocka_unit_test(only_the_four_reads_are_for_readers),
        cmocka_unit_test(routes_are_whole_and_apart),
        cmocka_unit_test(grpc_methods_are_found),
        cmocka_unit_test(query_parameters_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
