#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "flow/tenant_attributes.h"

static void an_attribute_has_tenant_name_and_value(void **state) {
    struct bl_tenant_attribute read;
    (void)state;
    assert_true(bl_tenant_attribute_read(BL_STR("acme.eu:1/region=eu=west"), &read));
    assert_true(bl_str_equal(read.tenant, BL_STR("acme.eu:1")));
    assert_true(bl_str_equal(read.name, BL_STR("region")));
    assert_true(bl_str_equal(read.value, BL_STR("eu=west")));
    assert_true(bl_tenant_attribute_read(BL_STR("a/b="), &read));
    assert_int_equal(read.value.len, 0);
}

static void what_is_malformed_is_refused(void **state) {
    static const char *const bad[] = {"",      "a",      "a/b",     "/b=c",  "a/=c",
                                      "*/b=c", "a/1b=c", "a/b-c=d", "a=b/c", "a b/c=d"};
    struct bl_tenant_attribute read;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(bl_tenant_attribute_read(bl_str_from_c(bad[i]), &read));
    }
}

static void the_last_of_two_counts(void **state) {
    static const char *const texts[] = {"b/x=1", "a/y=2", "a/x=3", "b/x=4", "a/x=5", "c/x=6"};
    struct bl_tenant_attribute items[6];
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        assert_true(bl_tenant_attribute_read(bl_str_from_c(texts[i]), &items[i]));
    }
    struct bl_tenant_attributes attributes = {items, bl_tenant_attributes_sort(items, 6)};
    assert_int_equal(attributes.count, 4);
    static const char *const wanted[][3] = {
        {"a", "x", "5"}, {"a", "y", "2"}, {"b", "x", "4"}, {"c", "x", "6"}};
    for (size_t i = 0; i < 4; i++) {
        assert_true(
            bl_str_equal_c(bl_tenant_attribute_find(&attributes, bl_str_from_c(wanted[i][0]),
                                                    bl_str_from_c(wanted[i][1])),
                           wanted[i][2]));
    }
    assert_false(
        bl_str_is_present(bl_tenant_attribute_find(&attributes, BL_STR("c"), BL_STR("y"))));
    assert_false(bl_str_is_present(bl_tenant_attribute_find(NULL, BL_STR("a"), BL_STR("x"))));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_attribute_has_tenant_name_and_value),
        cmocka_unit_test(what_is_malformed_is_refused),
        cmocka_unit_test(the_last_of_two_counts),
    };
    return cmocka_run_group_tests_name("tenant_attributes", tests, NULL, NULL);
}
