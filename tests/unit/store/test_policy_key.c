/* Policies' keys, there and back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/policy_key.h"

static struct bl_policy_key key;

static void ids_come_back(void **state) {
    (void)state;
    char longest[255];
    memset(longest, 'x', sizeof(longest));
    const struct bl_str cases[][2] = {{BL_STR("acme"), BL_STR("default")},
                                      {BL_STR("*"), BL_STR("default")},
                                      {BL_STR("a.b:c_d-e"), BL_STR("x:y")},
                                      {{longest, 255}, {longest, 255}}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bl_str tenant, policy_id;
        struct bl_str made = bl_policy_key_make(&key, cases[i][0], cases[i][1]);
        assert_true(made.len <= BL_STORE_KEY_MAX);
        assert_true(bl_policy_key_read(made, &tenant, &policy_id));
        assert_true(bl_str_equal(tenant, cases[i][0]));
        assert_true(bl_str_equal(policy_id, cases[i][1]));
    }
}

static void the_shared_tenant_is_named_as_its_folder(void **state) {
    (void)state;
    assert_true(
        bl_str_equal_c(bl_policy_key_make(&key, BL_STR("*"), BL_STR("p")), "policy/_shared/p"));
    assert_true(bl_str_equal_c(bl_policy_key_make(&key, BL_STR("t"), BL_STR_ABSENT), "policy/t/"));
}

static void other_keys_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"",          "policy/",      "policy/a",   "policy//p",
                                      "policy/a/", "policy/a/b/c", "policy/*/p", "policy/a/..",
                                      "other/a/b", "policy/a b/c", "POLICY/a/b"};
    struct bl_str tenant, policy_id;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (bl_policy_key_read(bl_str_from_c(bad[i]), &tenant, &policy_id)) {
            fail_msg("'%s' was read", bad[i]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_come_back),
        cmocka_unit_test(the_shared_tenant_is_named_as_its_folder),
        cmocka_unit_test(other_keys_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
