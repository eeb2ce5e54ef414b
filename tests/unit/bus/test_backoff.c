#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "bus/backoff.h"

static void test_bounds_at_each_attempt(void **state) {
    (void)state;
    const uint32_t base_ms = 100;
    const uint32_t max_ms = 5000;
    for (uint32_t attempt = 0; attempt < 100; attempt++) {
        uint64_t upper_ms = attempt < 6 ? (uint64_t)base_ms << attempt : max_ms;
        uint32_t least = UINT32_MAX;
        uint32_t most = 0;
        for (uint64_t random = 0; random < 20000; random++) {
            uint32_t delay_ms = bl_backoff_ms(attempt, base_ms, max_ms, random);
            least = delay_ms < least ? delay_ms : least;
            most = delay_ms > most ? delay_ms : most;
        }
        assert_int_equal(least, base_ms / 2);
        assert_int_equal(most, upper_ms);
    }
}

static void test_extremes(void **state) {
    (void)state;
    assert_true(bl_backoff_ms(0, 1, 1, UINT64_MAX) <= 1);
    assert_true(bl_backoff_ms(UINT32_MAX, 1, UINT32_MAX, UINT64_MAX) == UINT32_MAX);
    assert_true(bl_backoff_ms(31, UINT32_MAX, UINT32_MAX, 7) >= UINT32_MAX / 2);
    /* Never a busy loop: half of the base is the least. */
    assert_int_equal(bl_backoff_ms(0, 100, 100, 0), 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds_at_each_attempt),
        cmocka_unit_test(test_extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
