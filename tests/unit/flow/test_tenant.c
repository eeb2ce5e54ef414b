#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "flow/tenant.h"

static const struct bl_str listed[] = {{"acme", 4}, {"beta", 4}, {"delta", 5}};
static const struct bl_tenant_rule production = {false, listed, 3};
static const struct bl_tenant_rule dev = {true, NULL, 0};

static struct bl_refusal refusal;
static struct bl_str tenant;

static bl_result resolve(const struct bl_tenant_rule *rule, const char *subject, const char *header,
                         const char *body) {
    tenant = BL_STR_ABSENT;
    return bl_tenant_resolve(rule, bl_str_from_c(subject), bl_str_from_c(header),
                             bl_str_from_c(body), &tenant, &refusal);
}

static void expect_refused(enum bl_error error, enum bl_intake_code code, bl_result result) {
    assert_int_equal(result.error, error);
    assert_int_equal(refusal.error, error);
    assert_int_equal(refusal.intake_code, code);
    assert_string_equal(refusal.diag.path, "tenant_id");
    assert_true(strlen(refusal.diag.message) > 0);
    assert_false(bl_str_is_present(tenant));
}

static void one_place_is_enough(void **state) {
    (void)state;
    assert_true(bl_is_ok(resolve(&dev, "acme", NULL, NULL)));
    assert_true(bl_str_equal_c(tenant, "acme"));
    assert_true(bl_is_ok(resolve(&dev, NULL, "acme", NULL)));
    assert_true(bl_str_equal_c(tenant, "acme"));
    assert_true(bl_is_ok(resolve(&dev, NULL, NULL, "acme")));
    assert_true(bl_str_equal_c(tenant, "acme"));
}

static void equal_names_and_empty_ones_agree(void **state) {
    (void)state;
    assert_true(bl_is_ok(resolve(&dev, "acme", "acme", "acme")));
    assert_true(bl_is_ok(resolve(&dev, "", "acme", "")));
    assert_true(bl_str_equal_c(tenant, "acme"));
}

static void two_names_are_forbidden_wherever_they_stand(void **state) {
    (void)state;
    expect_refused(BL_E_FORBIDDEN, BL_INTAKE_TENANT_FORBIDDEN, resolve(&dev, "a", "b", NULL));
    expect_refused(BL_E_FORBIDDEN, BL_INTAKE_TENANT_FORBIDDEN, resolve(&dev, "a", NULL, "b"));
    expect_refused(BL_E_FORBIDDEN, BL_INTAKE_TENANT_FORBIDDEN, resolve(&dev, NULL, "a", "b"));
    expect_refused(BL_E_FORBIDDEN, BL_INTAKE_TENANT_FORBIDDEN, resolve(&dev, "a", "a", "A"));
}

/* Whatever header and body say: that subject is nobody's. */
static void a_subject_that_spells_no_tenant_is_invalid(void **state) {
    (void)state;
    expect_refused(BL_E_INVALID_REQUEST, BL_INTAKE_CORRELATION_FIELDS_INVALID,
                   resolve(&dev, "=", NULL, NULL));
    expect_refused(BL_E_INVALID_REQUEST, BL_INTAKE_CORRELATION_FIELDS_INVALID,
                   resolve(&dev, "=", "acme", "acme"));
}

static void no_name_is_invalid(void **state) {
    (void)state;
    expect_refused(BL_E_INVALID_REQUEST, BL_INTAKE_CORRELATION_FIELDS_INVALID,
                   resolve(&dev, NULL, "", NULL));
}

static void a_name_outside_the_grammar_is_invalid(void **state) {
    char longest[257];
    static const char *const bad[] = {"a b", "*", ".", "..", "akm\xc3\xa9", "a/b"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect_refused(BL_E_INVALID_REQUEST, BL_INTAKE_CORRELATION_FIELDS_INVALID,
                       resolve(&dev, NULL, NULL, bad[i]));
    }
    memset(longest, 'a', sizeof(longest));
    longest[255] = '\0';
    assert_true(bl_is_ok(resolve(&dev, NULL, NULL, longest)));
    longest[255] = 'a';
    longest[256] = '\0';
    expect_refused(BL_E_INVALID_REQUEST, BL_INTAKE_CORRELATION_FIELDS_INVALID,
                   resolve(&dev, NULL, NULL, longest));
}

static void a_shared_subject_is_believed_only_for_listed_tenants(void **state) {
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_true(bl_is_ok(resolve(&production, NULL, NULL, listed[i].data)));
        assert_true(bl_is_ok(resolve(&production, NULL, listed[i].data, NULL)));
    }
    static const char *const others[] = {"aaaa", "acm", "acmee", "charlie", "zeta"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        expect_refused(BL_E_UNAUTHORIZED, BL_INTAKE_TENANT_FORBIDDEN,
                       resolve(&production, NULL, NULL, others[i]));
    }
    assert_non_null(strstr(refusal.diag.hint, "nats.shared_subject_tenants"));
}

static void a_tenants_own_subject_needs_no_list(void **state) {
    (void)state;
    assert_true(bl_is_ok(resolve(&production, "zeta", NULL, "zeta")));
    assert_true(bl_str_equal_c(tenant, "zeta"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_place_is_enough),
        cmocka_unit_test(equal_names_and_empty_ones_agree),
        cmocka_unit_test(two_names_are_forbidden_wherever_they_stand),
        cmocka_unit_test(a_subject_that_spells_no_tenant_is_invalid),
        cmocka_unit_test(no_name_is_invalid),
        cmocka_unit_test(a_name_outside_the_grammar_is_invalid),
        cmocka_unit_test(a_shared_subject_is_believed_only_for_listed_tenants),
        cmocka_unit_test(a_tenants_own_subject_needs_no_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
