#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/seed.h"

/* The authors' reference output for seed 1234567. */
static void test_splitmix64_reference(void **state) {
    (void)state;
    static const uint64_t expected[] = {
        UINT64_C(6457827717110365317),  UINT64_C(3203168211198807973),
        UINT64_C(9817491932198370423),  UINT64_C(4593380528125082431),
        UINT64_C(16408922859458223821),
    };
    uint64_t value = 1234567;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_true(bl_splitmix64(&value) == expected[i]);
    }
}

/* The authors' reference output from the state {1, 2, 3, 4}. */
static void test_xoshiro_reference(void **state) {
    (void)state;
    static const uint64_t expected[] = {
        UINT64_C(11520),
        UINT64_C(0),
        UINT64_C(1509978240),
        UINT64_C(1215971899390074240),
        UINT64_C(1216172134540287360),
        UINT64_C(607988272756665600),
        UINT64_C(16172922978634559625),
        UINT64_C(8476171486693032832),
        UINT64_C(10595114339597558777),
        UINT64_C(2904607092377533576),
    };
    struct bl_seed seed = {{1, 2, 3, 4}};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_true(bl_seed_next(&seed) == expected[i]);
    }
}

static void test_same_seed_same_numbers(void **state) {
    (void)state;
    struct bl_seed a;
    struct bl_seed b;
    struct bl_seed other;
    int equal_to_other = 0;
    bl_seed_init(&a, 0);
    bl_seed_init(&b, 0);
    bl_seed_init(&other, 1);
    for (int i = 0; i < 1000; i++) {
        uint64_t next = bl_seed_next(&a);
        assert_true(next == bl_seed_next(&b));
        equal_to_other += next == bl_seed_next(&other) ? 1 : 0;
    }
    assert_int_equal(equal_to_other, 0);
}

static void test_unit_bounds(void **state) {
    (void)state;
    assert_true(bl_unit_from_bits(0) == 0.0);
    assert_true(bl_unit_from_bits(UINT64_MAX) == 1.0 - 0x1p-53);
    assert_true(bl_unit_from_bits(UINT64_C(1) << 63) == 0.5);
    assert_true(bl_unit_from_bits(2047) == 0.0);
    assert_true(bl_unit_from_bits(2048) == 0x1p-53);
}

/* Pearson's chi-square over `cells` cells, 9 standard deviations above its mean at most. */
static void assert_even(const uint64_t *counts, size_t cells, double expected) {
    double chi_square = 0;
    for (size_t i = 0; i < cells; i++) {
        double difference = (double)counts[i] - expected;
        chi_square += difference * difference / expected;
    }
    double degrees = (double)(cells - 1);
    assert_true(fabs(chi_square - degrees) < 9 * sqrt(2 * degrees));
}

static void test_even_distribution(void **state) {
    (void)state;
    struct bl_seed seed;
    uint64_t units[64] = {0};
    uint64_t below[7] = {0};
    bl_seed_init(&seed, 3);
    for (int i = 0; i < 700000; i++) {
        units[(size_t)(bl_seed_unit(&seed) * 64)]++;
        uint64_t value = bl_seed_below(&seed, 7);
        assert_true(value < 7);
        below[value]++;
    }
    assert_even(units, 64, 700000.0 / 64);
    assert_even(below, 7, 100000);
}

static void test_below_at_the_ends(void **state) {
    (void)state;
    struct bl_seed seed;
    uint64_t even = 0;
    bl_seed_init(&seed, 4);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(bl_seed_below(&seed, 1), 0);
        assert_true(bl_seed_below(&seed, UINT64_MAX) < UINT64_MAX);
        /* Without rejection, 2^64 inputs on 2/3 * 2^64 outputs would give every even output
         * twice as often as an odd one. */
        even += bl_seed_below(&seed, UINT64_C(0xAAAAAAAAAAAAAAAA)) % 2 == 0 ? 1 : 0;
    }
    assert_in_range(even, 400, 600);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splitmix64_reference),   cmocka_unit_test(test_xoshiro_reference),
        cmocka_unit_test(test_same_seed_same_numbers), cmocka_unit_test(test_unit_bounds),
        cmocka_unit_test(test_even_distribution),      cmocka_unit_test(test_below_at_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
