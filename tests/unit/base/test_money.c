#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/money.h"

static void assert_written(int64_t nano, const char *expected) {
    char storage[32];
    struct bl_buf buf;
    bl_buf_init(&buf, storage, sizeof(storage));
    bl_money_write(&buf, nano);
    assert_true(bl_str_equal_c(bl_buf_view(&buf), expected));
}

static void test_writing(void **state) {
    (void)state;
    assert_written(0, "0");
    assert_written(1, "0.000000001");
    assert_written(-1, "-0.000000001");
    assert_written(12000000, "0.012");
    assert_written(50000000000, "50");
    assert_written(-1500000000, "-1.5");
    assert_written(INT64_MAX, "9223372036.854775807");
    assert_written(-INT64_MAX, "-9223372036.854775807");
}

static void assert_read(double units, int64_t expected) {
    int64_t nano = 77;
    assert_true(bl_money_from_double(units, &nano));
    assert_true(nano == expected);
}

static void test_reading(void **state) {
    (void)state;
    assert_read(0, 0);
    assert_read(-0.0, 0);
    assert_read(0.012, 12000000);
    assert_read(0.1, 100000000);
    assert_read(-2.5, -2500000000);
    assert_read(1e-9, 1);
    assert_read(1.5e-9, 2); /* half-even */
    assert_read(2.5e-9, 2);
    assert_read(4e-10, 0);
    assert_read(9.2e9, INT64_C(9200000000000000000));
}

static void test_out_of_range(void **state) {
    (void)state;
    static const double units[] = {NAN,
                                   INFINITY,
                                   -INFINITY,
                                   9.3e9,
                                   -9.3e9,
                                   1e300,
                                   9223372036.854775807,
                                   -9223372036.854775808};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        int64_t nano = 77;
        assert_false(bl_money_from_double(units[i], &nano));
        assert_int_equal(nano, 77);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writing),
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
