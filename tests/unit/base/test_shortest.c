#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <string.h>

#include "base/shortest.h"

static void assert_digits(double value, const char *expected, int expected_point) {
    char digits[BL_SHORTEST_DIGITS_MAX];
    int point = 0;
    size_t len = bl_shortest_digits(value, digits, &point);
    if (len != strlen(expected) || memcmp(digits, expected, len) != 0 || point != expected_point) {
        fail_msg("%a: 0.%.*se%d instead of 0.%se%d", value, (int)len, digits, point, expected,
                 expected_point);
    }
}

static void test_powers_of_10(void **state) {
    (void)state;
    double power = 1;
    for (int exponent = 0; exponent <= 22; exponent++) {
        assert_digits(power, "1", exponent + 1);
        assert_digits(9 * power, "9", exponent + 1);
        power *= 10; /* exact up to 1e22 */
    }
    assert_digits(1e23, "1", 24);
    assert_digits(1e-323, "1", -322);
}

static void test_ends_of_the_range(void **state) {
    (void)state;
    assert_digits(DBL_MAX, "17976931348623157", 309);
    assert_digits(DBL_MIN, "22250738585072014", -307);
    assert_digits(DBL_TRUE_MIN, "5", -323);
    assert_digits(DBL_MIN - DBL_TRUE_MIN, "2225073858507201", -307);
}

/* Where the double below is half as far away as the one above. */
static void test_powers_of_2(void **state) {
    (void)state;
    assert_digits(1.0, "1", 1);
    assert_digits(0x1p-44, "5684341886080802", -13); /* 16 digits are enough only upwards */
    assert_digits(0x1p53, "9007199254740992", 16);
    assert_digits(0x1p-25, "29802322387695312", -7); /* a tie: the even digit */
    assert_digits(0x1p1023, "898846567431158", 308);
}

static void test_neighbours_differ(void **state) {
    (void)state;
    assert_digits(0.1, "1", 0);
    assert_digits(0.10000000000000002, "10000000000000002", 0);
    assert_digits(0.09999999999999999, "9999999999999999", -1);
    assert_digits(4.35, "435", 1);
    assert_digits(5e-324, "5", -323);
    assert_digits(1e-322, "1", -321);
    assert_digits(2.0 / 3, "6666666666666666", 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_powers_of_10),
        cmocka_unit_test(test_ends_of_the_range),
        cmocka_unit_test(test_powers_of_2),
        cmocka_unit_test(test_neighbours_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
