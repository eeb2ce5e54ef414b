#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "net/clock.h"

static void test_monotonic_never_goes_back(void **state) {
    (void)state;
    uint64_t last_ns = bl_clock_monotonic_ns();
    assert_true(last_ns > 0);
    for (int i = 0; i < 100000; i++) {
        uint64_t now_ns = bl_clock_monotonic_ns();
        assert_true(now_ns >= last_ns);
        last_ns = now_ns;
    }
}

static void test_wall_agrees_with_the_system_in_both_units(void **state) {
    (void)state;
    time_t before_s = time(NULL);
    uint64_t now_ns = bl_clock_wall_ns();
    uint64_t now_ms = bl_clock_wall_ms();
    time_t after_s = time(NULL);
    /* time() reads a coarse clock, which may lag by a tick. */
    assert_true(now_ns / 1000000000U + 1 >= (uint64_t)before_s);
    assert_true(now_ms / 1000U <= (uint64_t)after_s + 1);
    assert_true(now_ms >= now_ns / 1000000U);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_monotonic_never_goes_back),
        cmocka_unit_test(test_wall_agrees_with_the_system_in_both_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
