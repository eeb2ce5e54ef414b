/* Headers that say whose request it is and which one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/header_list.h"
#include "wire/request_headers.h"

static struct bl_refusal refusal;

static enum bl_error check(const char *const *list) {
    const struct bl_headers headers = {header_list_get, list};
    return bl_wire_check_headers(&headers, &refusal).error;
}

static void one_value_may_stand_twice_two_may_not(void **state) {
    (void)state;
    static const char *const names[] = {"version",         "tenant_id",       "X-Tenant-ID",
                                        "X-Request-ID",    "trace_id",        "X-Trace-Id",
                                        "idempotency_key", "idempotency-key", "x-user-id"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *const same[] = {names[i], "a", names[i], "a", names[i], "", NULL};
        const char *const differ[] = {names[i], "a", names[i], "b", NULL};
        assert_int_equal(check(same), BL_E_NONE);
        bool is_tenant = strcasestr(names[i], "tenant") != NULL;
        assert_int_equal(check(differ), is_tenant ? BL_E_FORBIDDEN : BL_E_INVALID_REQUEST);
        assert_non_null(strstr(refusal.diag.path, names[i]));
    }
    static const char *const other[] = {"x-other", "a", "x-other", "b", NULL};
    assert_int_equal(check(other), BL_E_NONE);
    assert_int_equal(check(NULL), BL_E_NONE);
}

static void the_tenant_stands_in_either_header(void **state) {
    (void)state;
    static const char *const lists[][5] = {{"tenant_id", "acme", NULL},
                                           {"x-tenant-id", "acme", NULL},
                                           {"tenant_id", "acme", "X-Tenant-ID", "acme", NULL},
                                           {"tenant_id", "", "X-Tenant-ID", "acme", NULL}};
    struct bl_str tenant;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        const struct bl_headers headers = {header_list_get, lists[i]};
        assert_true(bl_is_ok(bl_wire_header_tenant(&headers, &tenant, &refusal)));
        assert_true(bl_str_equal_c(tenant, "acme"));
    }
    static const char *const differ[] = {"tenant_id", "acme", "X-Tenant-ID", "beta", NULL};
    const struct bl_headers headers = {header_list_get, differ};
    assert_int_equal(bl_wire_header_tenant(&headers, &tenant, &refusal).error, BL_E_FORBIDDEN);
    assert_int_equal(refusal.intake_code, BL_INTAKE_TENANT_FORBIDDEN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_value_may_stand_twice_two_may_not),
        cmocka_unit_test(the_tenant_stands_in_either_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
