#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/secret.h"

static void test_owns_its_bytes(void **state) {
    (void)state;
    struct bl_secret secret;
    char text[] = "correct horse";
    assert_true(bl_is_ok(bl_secret_init(&secret, bl_str_from_c(text))));
    bl_wipe(text, sizeof(text));
    assert_int_equal(text[0], 0);
    assert_true(bl_secret_is_present(&secret));
    assert_true(bl_str_equal_c(bl_secret_bytes(&secret), "correct horse"));
    assert_int_equal(bl_secret_bytes(&secret).data[13], '\0');
    bl_secret_fini(&secret);
    assert_false(bl_secret_is_present(&secret));
    bl_secret_fini(&secret);
}

static void test_equal(void **state) {
    (void)state;
    struct bl_secret secret;
    assert_true(bl_is_ok(bl_secret_init(&secret, BL_STR("abc"))));
    assert_true(bl_secret_equal(&secret, BL_STR("abc")));
    assert_false(bl_secret_equal(&secret, BL_STR("abd")));
    assert_false(bl_secret_equal(&secret, BL_STR("Xbc")));
    assert_false(bl_secret_equal(&secret, (struct bl_str){"abc", 2})); /* a prefix */
    assert_false(bl_secret_equal(&secret, BL_STR("abcd")));
    assert_false(bl_secret_equal(&secret, BL_STR("")));
    assert_false(bl_secret_equal(&secret, BL_STR_ABSENT));
    bl_secret_fini(&secret);
    /* No secret equals nothing, least of all nothing. */
    assert_false(bl_secret_equal(&secret, BL_STR_ABSENT));
    assert_false(bl_secret_equal(&secret, BL_STR("")));
}

static void test_absent_and_empty(void **state) {
    (void)state;
    struct bl_secret secret;
    assert_true(bl_is_ok(bl_secret_init(&secret, BL_STR_ABSENT)));
    assert_false(bl_secret_is_present(&secret));
    assert_false(bl_str_is_present(bl_secret_bytes(&secret)));
    assert_true(bl_is_ok(bl_secret_init(&secret, BL_STR(""))));
    assert_true(bl_secret_is_present(&secret));
    assert_true(bl_secret_equal(&secret, BL_STR("")));
    bl_secret_fini(&secret);
}

static void test_size_limit(void **state) {
    (void)state;
    static char large[BL_SECRET_MAX_BYTES + 1];
    struct bl_secret secret;
    for (size_t len = BL_SECRET_MAX_BYTES - 1; len <= BL_SECRET_MAX_BYTES; len++) {
        assert_true(bl_is_ok(bl_secret_init(&secret, (struct bl_str){large, len})));
        assert_int_equal(bl_secret_bytes(&secret).len, len);
        bl_secret_fini(&secret);
    }
    bl_result refused = bl_secret_init(&secret, (struct bl_str){large, sizeof(large)});
    assert_int_equal(refused.error, BL_E_RESOURCE_EXHAUSTED);
    assert_false(bl_secret_is_present(&secret));
}

static void test_move(void **state) {
    (void)state;
    struct bl_secret from;
    struct bl_secret into = BL_SECRET_NONE;
    assert_true(bl_is_ok(bl_secret_init(&from, BL_STR("key"))));
    bl_secret_move(&into, &from);
    assert_false(bl_secret_is_present(&from));
    assert_true(bl_secret_equal(&into, BL_STR("key")));
    bl_secret_fini(&into);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owns_its_bytes),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_absent_and_empty),
        cmocka_unit_test(test_size_limit),
        cmocka_unit_test(test_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
