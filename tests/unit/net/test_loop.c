#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "net/clock.h"
#include "net/loop.h"
#include "net/timer.h"

static struct bl_loop *new_loop(size_t capacity) {
    struct bl_loop *loop = NULL;
    struct bl_diag diag;
    bl_diag_clear(&diag);
    assert_true(bl_is_ok(bl_loop_create(capacity, &loop, &diag)));
    return loop;
}

struct trace {
    struct bl_loop *loop;
    int calls[16];
    size_t count;
    size_t stop_at;
};

static void note(struct trace *trace, int what) {
    assert_true(trace->count < 16);
    trace->calls[trace->count++] = what;
    if (trace->count == trace->stop_at) {
        bl_loop_stop(trace->loop);
    }
}

static void post_one(void *user) {
    note(user, 1);
}

static void post_two(void *user) {
    note(user, 2);
}

static void post_three(void *user) {
    note(user, 3);
}

static void test_posts_run_in_order_and_the_mailbox_is_bounded(void **state) {
    (void)state;
    struct trace trace = {.loop = new_loop(3), .stop_at = 3};
    assert_true(bl_is_ok(bl_loop_post(trace.loop, post_one, &trace)));
    assert_true(bl_is_ok(bl_loop_post(trace.loop, post_two, &trace)));
    assert_true(bl_is_ok(bl_loop_post(trace.loop, post_three, &trace)));
    bl_result full = bl_loop_post(trace.loop, post_one, &trace);
    assert_int_equal(full.error, BL_E_SERVICE_OVERLOADED);
    bl_loop_run(trace.loop);
    assert_int_equal(trace.count, 3);
    assert_int_equal(trace.calls[0], 1);
    assert_int_equal(trace.calls[1], 2);
    assert_int_equal(trace.calls[2], 3);
    /* Room again after they ran; what is left at the end still runs, so that it can free. */
    assert_true(bl_is_ok(bl_loop_post(trace.loop, post_one, &trace)));
    bl_loop_destroy(trace.loop);
    assert_int_equal(trace.count, 4);
}

static void ring_self(void *user) {
    struct trace *trace = user;
    note(trace, 7);
}

static void test_rings_before_the_call_are_one_call(void **state) {
    (void)state;
    struct trace trace = {.loop = new_loop(4), .stop_at = 3};
    struct bl_waker first;
    struct bl_waker second;
    struct bl_waker taken_back;
    bl_waker_init(&first, trace.loop, ring_self, &trace);
    bl_waker_init(&second, trace.loop, post_two, &trace);
    bl_waker_init(&taken_back, trace.loop, post_three, &trace);
    for (int i = 0; i < 100; i++) {
        bl_waker_ring(&first);
        bl_waker_ring(&taken_back);
        bl_waker_ring(&second);
    }
    bl_waker_fini(&taken_back);
    assert_true(bl_is_ok(bl_loop_post(trace.loop, post_one, &trace)));
    bl_loop_run(trace.loop);
    assert_int_equal(trace.count, 3);
    assert_int_equal(trace.calls[0], 7);
    assert_int_equal(trace.calls[1], 2);
    assert_int_equal(trace.calls[2], 1);
    bl_waker_fini(&first);
    bl_waker_fini(&second);
    bl_loop_destroy(trace.loop);
}

struct hooked {
    struct bl_loop *loop;
    struct bl_turn_hook before;
    struct bl_turn_hook after;
    struct bl_turn_hook extra;
    int turns;
    int extra_calls;
    bool poll_seen;
};

static void before_poll(void *user) {
    struct hooked *hooked = user;
    hooked->poll_seen = false;
    hooked->turns++;
    if (hooked->turns == 1) {
        bl_loop_remove_hook(hooked->loop, BL_TURN_BEFORE_POLL, &hooked->extra);
    }
}

static void after_poll(void *user) {
    struct hooked *hooked = user;
    hooked->poll_seen = true;
    if (hooked->turns == 5) {
        bl_loop_stop(hooked->loop);
    } else {
        bl_loop_again(hooked->loop);
    }
}

static void extra_hook(void *user) {
    struct hooked *hooked = user;
    hooked->extra_calls++;
}

static void test_again_keeps_the_loop_turning_without_a_descriptor(void **state) {
    (void)state;
    struct hooked hooked = {.loop = new_loop(1)};
    struct bl_loop *loop = hooked.loop;
    bl_loop_add_hook(loop, BL_TURN_BEFORE_POLL, &hooked.before, before_poll, &hooked);
    bl_loop_add_hook(loop, BL_TURN_BEFORE_POLL, &hooked.extra, extra_hook, &hooked);
    bl_loop_add_hook(loop, BL_TURN_AFTER_POLL, &hooked.after, after_poll, &hooked);
    bl_loop_again(loop);
    bl_loop_run(loop);
    assert_true(hooked.turns >= 5);
    assert_true(hooked.poll_seen);
    assert_int_equal(hooked.extra_calls, 0); /* removed by the hook before it, in the same pass */
    bl_loop_remove_hook(loop, BL_TURN_BEFORE_POLL, &hooked.before);
    bl_loop_remove_hook(loop, BL_TURN_AFTER_POLL, &hooked.after);
    bl_loop_destroy(loop);
}

struct count_turns {
    struct bl_loop *loop;
    struct bl_turn_hook hook;
    int turns;
};

static void count_turn(void *user) {
    struct count_turns *count = user;
    count->turns++;
}

static void stop_loop(void *user) {
    bl_loop_stop(user);
}

static void test_an_idle_loop_sleeps(void **state) {
    (void)state;
    struct count_turns count = {.loop = new_loop(1)};
    struct bl_timer *timer = NULL;
    assert_true(bl_is_ok(bl_timer_create(count.loop, stop_loop, count.loop, &timer)));
    bl_loop_add_hook(count.loop, BL_TURN_AFTER_POLL, &count.hook, count_turn, &count);
    bl_loop_again(count.loop); /* holds for one turn only */
    bl_timer_start(timer, 100, 0);
    bl_loop_run(count.loop);
    assert_true(count.turns < 10);
    bl_loop_remove_hook(count.loop, BL_TURN_AFTER_POLL, &count.hook);
    bl_timer_destroy(timer);
    bl_loop_destroy(count.loop);
}

#define SENDERS 4
#define SENDS 20000

struct flood {
    struct bl_loop *loop;
    struct bl_waker waker;
    atomic_ulong accepted;
    unsigned long received;
    unsigned long woken;
    atomic_int senders_left;
    bool off_thread;
};

static void flood_call(void *user) {
    struct flood *flood = user;
    flood->received++;
    flood->off_thread |= !bl_loop_is_current(flood->loop);
}

static void flood_wake(void *user) {
    struct flood *flood = user;
    flood->woken++;
    if (atomic_load(&flood->senders_left) == 0) {
        bl_loop_stop(flood->loop);
    }
}

static void *send_flood(void *user) {
    struct flood *flood = user;
    for (int i = 0; i < SENDS; i++) {
        if (bl_is_ok(bl_loop_post(flood->loop, flood_call, flood))) {
            atomic_fetch_add(&flood->accepted, 1);
        }
        bl_waker_ring(&flood->waker);
    }
    atomic_fetch_sub(&flood->senders_left, 1);
    bl_waker_ring(&flood->waker);
    return NULL;
}

static void test_every_accepted_post_arrives_from_many_threads(void **state) {
    (void)state;
    struct flood flood = {.loop = new_loop(64), .senders_left = SENDERS};
    bl_waker_init(&flood.waker, flood.loop, flood_wake, &flood);
    pthread_t threads[SENDERS];
    for (int i = 0; i < SENDERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, send_flood, &flood), 0);
    }
    bl_loop_run(flood.loop);
    for (int i = 0; i < SENDERS; i++) {
        pthread_join(threads[i], NULL);
    }
    bl_waker_fini(&flood.waker);
    bl_loop_destroy(flood.loop); /* delivers what came after the stop */
    assert_int_equal(flood.received, atomic_load(&flood.accepted));
    assert_true(flood.received > 0);
    assert_true(flood.woken <= (unsigned long)SENDERS * SENDS + SENDERS);
    assert_false(flood.off_thread);
}

static void *run_loop(void *user) {
    bl_loop_run(user);
    return NULL;
}

static void test_stop_before_and_during_a_run(void **state) {
    (void)state;
    struct bl_loop *loop = new_loop(1);
    bl_loop_stop(loop);
    bl_loop_run(loop); /* returns at once, and uses the stop up */
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_loop, loop), 0);
    bl_loop_stop(loop);
    pthread_join(thread, NULL);
    assert_false(bl_loop_is_current(loop)); /* the other thread ran it last */
    bl_loop_destroy(loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_posts_run_in_order_and_the_mailbox_is_bounded),
        cmocka_unit_test(test_rings_before_the_call_are_one_call),
        cmocka_unit_test(test_again_keeps_the_loop_turning_without_a_descriptor),
        cmocka_unit_test(test_an_idle_loop_sleeps),
        cmocka_unit_test(test_every_accepted_post_arrives_from_many_threads),
        cmocka_unit_test(test_stop_before_and_during_a_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
