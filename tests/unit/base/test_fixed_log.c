#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/fixed_log.h"
#include "base/seed.h"

static uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static void assert_near_libm(double x) {
    double expected = log(x);
    double error = fabs(bl_fixed_log(x) - expected);
    if (!(error <= 1e-15 * fabs(expected))) {
        fail_msg("ln %a: %a instead of %a", x, bl_fixed_log(x), expected);
    }
}

static void test_against_libm(void **state) {
    (void)state;
    struct bl_seed seed;
    bl_seed_init(&seed, 11);
    for (int i = 0; i < 1000000; i++) {
        double unit = bl_seed_unit(&seed);
        assert_near_libm(1.0 - unit);                         /* what a draw gives */
        assert_near_libm(ldexp(1.0 - unit / 2, -(i % 1074))); /* every exponent */
        assert_near_libm(1.0 - unit * 0x1p-30);               /* next to 1 */
    }
}

static void test_edges(void **state) {
    (void)state;
    assert_int_equal(bits_of(bl_fixed_log(1.0)), bits_of(0.0));
    const double edges[] = {DBL_TRUE_MIN,
                            DBL_MIN,
                            0x1p-53,
                            0.5,
                            0.70710678118654746,
                            0.70710678118654757,
                            1 - 0x1p-53,
                            DBL_MIN - DBL_TRUE_MIN};
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        assert_near_libm(edges[i]);
    }
}

static void test_never_decreases(void **state) {
    (void)state;
    /* An order that rounding turned round would move sessions between providers. */
    const double starts[] = {0.70710678118654746, 0.35355339059327373, 0.5, 0.25, 0.999999, 1e-9};
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        double x = starts[i];
        for (int step = 0; step < 1000; step++) {
            double next = nextafter(x, 1);
            assert_true(bl_fixed_log(next) >= bl_fixed_log(x) - 0x1p-52 * fabs(bl_fixed_log(x)));
            x = next;
        }
    }
}

/* What other machines have to give, to the bit. */
static void test_golden(void **state) {
    (void)state;
    static const struct {
        double x;
        double ln;
    } golden[] = {
        {0x0.0000000000001p-1022, -0x1.74385446d71c3p+9},
        {0x1p-1022, -0x1.6232bdd7abcd2p+9},
        {0x1p-53, -0x1.25e4f7b2737fap+5},
        {0x1p-1, -0x1.62e42fefa39efp-1},
        {0x1.999999999999ap-4, -0x1.26bb1bbb55515p+1},
        {0x1.ccccccccccccdp-1, -0x1.af8e8210a415cp-4},
        {0x1.ff7ced916872bp-1, -0x1.064670d979b73p-10},
        {0x1.fffffffffffffp-1, -0x1p-53},
        {0x1.8p-1, -0x1.269621134db92p-2},
        {0x1.56e1fc2f8f359p-997, -0x1.5963447f87fb5p+9},
        {0x1.66b1f5ee9df2ep-1, -0x1.6c6465d0c4431p-2},
        {0x1.1d70f6593d20ap-2, -0x1.47060412e1c7ap+0},
        {0x1.ade3a6932a58fp-1, -0x1.65fbf5f531a7fp-3},
        {0x1.f65270e63d00ep-1, -0x1.38a8c51727183p-6},
        {0x1.fb5209d8fca8p-1, -0x1.2cde0e89dda6ep-7},
        {0x1.bedc39c76c431p-1, -0x1.16b06e845b596p-3},
        {0x1.f1ae5852bd8bp-5, -0x1.6685a8daf6p+1},
        {0x1.abc4dcb546f6p-4, -0x1.212ce75b9aaf2p+1},
        {0x1.9d653e5b2b22p-2, -0x1.d06b18d743698p-1},
        {0x1.36eb5d000c7p-3, -0x1.e294f36fc0a3bp+0},
        {0x1.152e2245ac3ecp-1, -0x1.3a3137ba39b9dp-1},
        {0x1.76b61e7123e53p-1, -0x1.3fa918bdac194p-2},
        {0x1.e0c019551aeb1p-1, -0x1.01f3947514e09p-4},
        {0x1.c2fedefd1598fp-1, -0x1.03d2e10ed2b7bp-3},
    };
    for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
        double ln = bl_fixed_log(golden[i].x);
        if (bits_of(ln) != bits_of(golden[i].ln)) {
            fail_msg("ln %a: %a instead of %a", golden[i].x, ln, golden[i].ln);
        }
    }
    uint64_t digest = 0;
    struct bl_seed seed;
    bl_seed_init(&seed, 12);
    for (int i = 0; i < 100000; i++) {
        digest = (digest ^ bits_of(bl_fixed_log(1.0 - bl_seed_unit(&seed)))) * 0x100000001b3;
    }
    assert_int_equal(digest, UINT64_C(0xf5ac0ebc32ffd10d));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_libm),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_never_decreases),
        cmocka_unit_test(test_golden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
