#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"

static void test_absent_is_not_empty(void **state) {
    (void)state;
    assert_false(bl_str_is_present(BL_STR_ABSENT));
    assert_true(bl_str_is_present(BL_STR("")));
    assert_true(bl_str_is_blank(BL_STR_ABSENT));
    assert_true(bl_str_is_blank(BL_STR("")));
    assert_false(bl_str_is_blank(BL_STR(" ")));
    assert_false(bl_str_equal(BL_STR_ABSENT, BL_STR("")));
    assert_true(bl_str_equal(BL_STR_ABSENT, BL_STR_ABSENT));
    assert_true(bl_str_equal(BL_STR(""), BL_STR("")));
    assert_false(bl_str_is_present(bl_str_from_c(NULL)));
    assert_true(bl_str_equal_c(BL_STR_ABSENT, NULL));
    assert_false(bl_str_equal_c(BL_STR(""), NULL));
}

static void test_equal_by_bytes(void **state) {
    (void)state;
    assert_true(bl_str_equal(BL_STR("abc"), (struct bl_str){"abcd", 3}));
    assert_false(bl_str_equal(BL_STR("abc"), BL_STR("abd")));
    assert_false(bl_str_equal(BL_STR("abc"), BL_STR("ab")));
    assert_false(bl_str_equal((struct bl_str){"a\0b", 3}, (struct bl_str){"a\0c", 3}));
    assert_true(bl_str_equal_c(BL_STR("abc"), "abc"));
    assert_false(bl_str_equal_c(BL_STR("abc"), "abcd"));
}

static void test_starts_with(void **state) {
    (void)state;
    assert_true(bl_str_starts_with(BL_STR("abc"), BL_STR("ab")));
    assert_true(bl_str_starts_with(BL_STR("abc"), BL_STR("abc")));
    assert_false(bl_str_starts_with(BL_STR("abc"), BL_STR("abcd")));
    assert_false(bl_str_starts_with(BL_STR("abc"), BL_STR("b")));
    assert_true(bl_str_starts_with(BL_STR("abc"), BL_STR("")));
    assert_true(bl_str_starts_with(BL_STR_ABSENT, BL_STR_ABSENT));
    assert_false(bl_str_starts_with(BL_STR_ABSENT, BL_STR("a")));
}

/* A total order: each pair of this rising list compares as its positions do. */
static void test_compare(void **state) {
    (void)state;
    const struct bl_str rising[] = {BL_STR(""),   {"\0", 1},     BL_STR("a"), {"a\0", 2},
                                    BL_STR("ab"), BL_STR("abc"), BL_STR("b"), BL_STR("\xff")};
    const size_t count = sizeof(rising) / sizeof(rising[0]);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            int order = bl_str_compare(rising[i], rising[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }
    assert_int_equal(bl_str_compare(BL_STR_ABSENT, BL_STR("")), 0);
    assert_true(bl_str_compare(BL_STR_ABSENT, BL_STR("a")) < 0);
}

static void test_trim(void **state) {
    (void)state;
    assert_true(bl_str_equal_c(bl_str_trim(BL_STR(" \t\r\na b\n ")), "a b"));
    assert_true(bl_str_equal_c(bl_str_trim(BL_STR("a")), "a"));
    assert_true(bl_str_equal_c(bl_str_trim(BL_STR(" \t ")), ""));
    assert_true(bl_str_equal_c(bl_str_trim(BL_STR("\v\fa\xc2\xa0")), "\v\fa\xc2\xa0"));
    assert_false(bl_str_is_present(bl_str_trim(BL_STR_ABSENT)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent_is_not_empty),
        cmocka_unit_test(test_equal_by_bytes),
        cmocka_unit_test(test_starts_with),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_trim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
