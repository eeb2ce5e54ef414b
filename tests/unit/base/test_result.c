#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/result.h"

static void test_table_is_sound(void **state) {
    (void)state;
    for (int i = 0; i < BL_ERROR_COUNT; i++) {
        const struct bl_error_info *info = bl_error_info((enum bl_error)i);
        assert_int_equal(info->error, i);
        assert_true(strlen(info->code) > 0 && strlen(info->text) > 0);
        assert_true(strlen(info->v1_code) > 0 && strlen(info->gateway_code) > 0);
        if (i != BL_E_NONE) {
            assert_in_range(info->http_status, 400, 599);
            assert_in_range(info->grpc_status, 1, 16);
        }
        /* What may succeed later says so by its status, too. */
        bool temporary = info->http_status == 429 || info->http_status >= 503;
        assert_true(info->retryable == temporary);
    }
}

static void test_codes_are_unique_and_found(void **state) {
    (void)state;
    for (int i = BL_E_NONE + 1; i < BL_ERROR_COUNT; i++) {
        const char *code = bl_error_info((enum bl_error)i)->code;
        assert_int_equal(bl_error_from_code(bl_str_from_c(code)), i);
    }
    assert_int_equal(bl_error_from_code(BL_STR("ok")), BL_E_NONE);
    assert_int_equal(bl_error_from_code(BL_STR("")), BL_E_NONE);
    assert_int_equal(bl_error_from_code(BL_STR_ABSENT), BL_E_NONE);
    assert_int_equal(bl_error_from_code(BL_STR("INTERNAL")), BL_E_NONE);
}

static void test_known_rows(void **state) {
    (void)state;
    const struct bl_error_info *ok = bl_error_info(BL_E_NONE);
    assert_string_equal(ok->code, "ok");
    assert_int_equal(ok->http_status, 200);
    assert_int_equal(ok->grpc_status, 0);
    const struct bl_error_info *away = bl_error_info(BL_E_NO_PROVIDER_AVAILABLE);
    assert_string_equal(away->symbol, "NO_PROVIDER_AVAILABLE");
    assert_string_equal(away->code, "no_provider_available");
    assert_string_equal(away->v1_code, "decision_failed");
    assert_string_equal(away->gateway_code, "decision_failed");
    assert_int_equal(away->http_status, 503);
    assert_int_equal(away->grpc_status, 14);
    assert_true(away->retryable);
}

/* An older client knows only these codes; the gateway maps only some of them. */
static void test_old_codes_stay_within_the_old_set(void **state) {
    (void)state;
    for (int i = BL_E_NONE + 1; i < BL_ERROR_COUNT; i++) {
        const struct bl_error_info *info = bl_error_info((enum bl_error)i);
        bool renamed = strcmp(info->code, info->v1_code) != 0;
        bool known = bl_error_from_code(bl_str_from_c(info->v1_code)) != BL_E_NONE ||
                     strcmp(info->v1_code, "decision_failed") == 0;
        assert_true(known || !renamed);
    }
}

static bl_result fail_if(bool fails) {
    return fails ? BL_FAIL(UNAUTHORIZED) : BL_OK;
}

static bl_result try_twice(bool first, bool second, int *reached) {
    *reached = 0;
    BL_TRY(fail_if(first));
    *reached = 1;
    BL_TRY(fail_if(second));
    *reached = 2;
    return BL_OK;
}

static void test_try_returns_the_error(void **state) {
    (void)state;
    int reached;
    assert_int_equal(try_twice(true, false, &reached).error, BL_E_UNAUTHORIZED);
    assert_int_equal(reached, 0);
    assert_true(bl_is_error(try_twice(false, true, &reached)));
    assert_int_equal(reached, 1);
    assert_true(bl_is_ok(try_twice(false, false, &reached)));
    assert_int_equal(reached, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_sound),
        cmocka_unit_test(test_codes_are_unique_and_found),
        cmocka_unit_test(test_known_rows),
        cmocka_unit_test(test_old_codes_stay_within_the_old_set),
        cmocka_unit_test(test_try_returns_the_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
