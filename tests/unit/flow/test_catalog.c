#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "flow/catalog.h"
#include "support/policy_fixture.h"

static struct bl_policy *policy_named(const char *tenant_id, const char *policy_id) {
    return fixture_policy(tenant_id, policy_id, "{'providers':[{'name':'p','weight':1}]}");
}

static const struct bl_policy *find(const struct bl_catalog *catalog, const char *tenant_id,
                                    const char *policy_id) {
    return bl_catalog_find(catalog, bl_str_from_c(tenant_id), bl_str_from_c(policy_id));
}

static void own_before_shared_before_nothing(void **state) {
    struct bl_policy *policies[] = {policy_named("acme", "default"), policy_named("*", "default"),
                                    policy_named("*", "gold")};
    struct bl_catalog *catalog;
    (void)state;
    assert_true(bl_is_ok(bl_catalog_create(policies, 3, 7, &catalog)));
    assert_ptr_equal(find(catalog, "acme", "default"), policies[0]);
    assert_ptr_equal(find(catalog, "beta", "default"), policies[1]);
    assert_ptr_equal(find(catalog, "acme", "gold"), policies[2]);
    assert_null(find(catalog, "acme", "silver"));
    assert_null(find(catalog, "acm", "edefault"));
    bl_catalog_destroy(catalog);
    for (int i = 0; i < 3; i++) {
        bl_policy_unref(policies[i]);
    }
}

static void a_later_policy_replaces_an_earlier_one(void **state) {
    struct bl_policy *policies[] = {policy_named("acme", "default"),
                                    policy_named("acme", "default")};
    struct bl_catalog *catalog;
    (void)state;
    assert_true(bl_is_ok(bl_catalog_create(policies, 2, 7, &catalog)));
    assert_int_equal(bl_catalog_count(catalog), 1);
    assert_ptr_equal(find(catalog, "acme", "default"), policies[1]);
    assert_ptr_equal(bl_catalog_at(catalog, 0), policies[1]);
    assert_int_equal(policies[0]->references, 1);
    assert_int_equal(policies[1]->references, 2);
    bl_catalog_destroy(catalog);
    bl_policy_unref(policies[0]);
    bl_policy_unref(policies[1]);
}

static void a_policy_outlives_one_of_two_catalogs(void **state) {
    struct bl_policy *policy = policy_named("acme", "default");
    struct bl_catalog *first, *second;
    (void)state;
    assert_true(bl_is_ok(bl_catalog_create(&policy, 1, 1, &first)));
    assert_true(bl_is_ok(bl_catalog_create(&policy, 1, 2, &second)));
    bl_policy_unref(policy);
    bl_catalog_destroy(first);
    assert_true(bl_str_equal_c(find(second, "acme", "default")->policy_id, "default"));
    bl_catalog_destroy(second);
}

static void an_empty_catalog_finds_nothing(void **state) {
    struct bl_catalog *catalog;
    (void)state;
    assert_true(bl_is_ok(bl_catalog_create(NULL, 0, 1, &catalog)));
    assert_int_equal(bl_catalog_count(catalog), 0);
    assert_null(find(catalog, "acme", "default"));
    bl_catalog_destroy(catalog);
    bl_catalog_destroy(NULL);
}

static void every_one_of_many_is_found(void **state) {
    enum { COUNT = 500 };
    static struct bl_policy *policies[COUNT];
    struct bl_catalog *catalog;
    char tenant[16], id[16];
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        snprintf(tenant, sizeof(tenant), "t%d", i / 10);
        snprintf(id, sizeof(id), "p%d", i % 10);
        policies[i] = policy_named(tenant, id);
    }
    assert_true(bl_is_ok(bl_catalog_create(policies, COUNT, 99, &catalog)));
    assert_int_equal(bl_catalog_count(catalog), COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_ptr_equal(bl_catalog_find(catalog, policies[i]->tenant_id, policies[i]->policy_id),
                         policies[i]);
        bl_policy_unref(policies[i]);
    }
    assert_null(find(catalog, "t50", "p0"));
    bl_catalog_destroy(catalog);
}

static void ids_at_the_limit_are_found_and_longer_ones_are_not(void **state) {
    char longest[257];
    (void)state;
    memset(longest, 'x', sizeof(longest));
    longest[255] = '\0';
    struct bl_policy *policy = policy_named(longest, longest);
    struct bl_catalog *catalog;
    assert_true(bl_is_ok(bl_catalog_create(&policy, 1, 3, &catalog)));
    assert_ptr_equal(find(catalog, longest, longest), policy);
    longest[255] = 'x';
    longest[256] = '\0';
    assert_null(find(catalog, longest, longest));
    bl_catalog_destroy(catalog);
    bl_policy_unref(policy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_before_shared_before_nothing),
        cmocka_unit_test(a_later_policy_replaces_an_earlier_one),
        cmocka_unit_test(a_policy_outlives_one_of_two_catalogs),
        cmocka_unit_test(an_empty_catalog_finds_nothing),
        cmocka_unit_test(every_one_of_many_is_found),
        cmocka_unit_test(ids_at_the_limit_are_found_and_longer_ones_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
