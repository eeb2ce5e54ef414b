#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/clock.h"
#include "net/timer.h"

struct ticking {
    struct bl_loop *loop;
    struct bl_timer *timer;
    int ticks;
    int stop_at;
    uint64_t last_ns;
};

static void on_tick(void *user) {
    struct ticking *ticking = user;
    ticking->last_ns = bl_clock_monotonic_ns();
    ticking->ticks++;
    if (ticking->ticks == ticking->stop_at) {
        bl_loop_stop(ticking->loop);
    }
}

static void destroy_itself(void *user) {
    struct ticking *ticking = user;
    ticking->ticks++;
    bl_timer_destroy(ticking->timer);
    ticking->timer = NULL;
    bl_loop_stop(ticking->loop);
}

static void setup(struct ticking *ticking, bl_loop_fn fn, int stop_at) {
    struct bl_diag diag;
    bl_diag_clear(&diag);
    *ticking = (struct ticking){.stop_at = stop_at};
    assert_true(bl_is_ok(bl_loop_create(1, &ticking->loop, &diag)));
    assert_true(bl_is_ok(bl_timer_create(ticking->loop, fn, ticking, &ticking->timer)));
    assert_false(bl_timer_is_running(ticking->timer));
}

static void test_once_never_early(void **state) {
    (void)state;
    struct ticking ticking;
    setup(&ticking, on_tick, 1);
    uint64_t start_ns = bl_clock_monotonic_ns();
    bl_timer_start(ticking.timer, 30, 0);
    assert_true(bl_timer_is_running(ticking.timer));
    bl_loop_run(ticking.loop);
    /* libuv counts whole milliseconds, so one of them may have begun before the start. */
    assert_true(ticking.last_ns - start_ns >= 29000000U);
    assert_false(bl_timer_is_running(ticking.timer));
    bl_timer_destroy(ticking.timer);
    bl_loop_destroy(ticking.loop);
}

static void test_repeats_until_stopped(void **state) {
    (void)state;
    struct ticking ticking;
    setup(&ticking, on_tick, 4);
    bl_timer_start(ticking.timer, 1, 2);
    bl_loop_run(ticking.loop);
    assert_int_equal(ticking.ticks, 4);
    assert_true(bl_timer_is_running(ticking.timer));
    bl_timer_stop(ticking.timer);
    assert_false(bl_timer_is_running(ticking.timer));
    bl_timer_destroy(ticking.timer);
    bl_loop_destroy(ticking.loop);
}

static void test_destroyed_in_its_own_call(void **state) {
    (void)state;
    struct ticking ticking;
    setup(&ticking, destroy_itself, 1);
    bl_timer_start(ticking.timer, 0, 1);
    bl_loop_run(ticking.loop);
    assert_int_equal(ticking.ticks, 1);
    bl_timer_destroy(NULL);
    bl_loop_destroy(ticking.loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once_never_early),
        cmocka_unit_test(test_repeats_until_stopped),
        cmocka_unit_test(test_destroyed_in_its_own_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
