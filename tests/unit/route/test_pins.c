/* The pin table: bounded, lock-free, never a mix of two pins. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>

#include "route/pins.h"

#define NOW_MS INT64_C(1700000000000)

static void session(uint64_t n, uint64_t out[2]) {
    out[0] = n * UINT64_C(0x9E3779B97F4A7C15);
    out[1] = n * UINT64_C(0xBF58476D1CE4E5B9) + 1;
}

static void what_is_put_is_found_until_it_expires(void **state) {
    (void)state;
    struct bl_pins *pins;
    uint64_t key[2], other[2];
    uint32_t tag = 0;
    int64_t expires = 0;
    assert_true(bl_is_ok(bl_pins_create(64, &pins)));
    session(1, key);
    session(2, other);
    assert_false(bl_pins_get(pins, key, NOW_MS, &tag, &expires));
    bl_pins_put(pins, key, 7, NOW_MS, NOW_MS + 5000);
    assert_true(bl_pins_get(pins, key, NOW_MS, &tag, &expires));
    assert_int_equal(tag, 7);
    assert_int_equal(expires, NOW_MS + 5000);
    assert_false(bl_pins_get(pins, other, NOW_MS, &tag, &expires));
    assert_true(bl_pins_get(pins, key, NOW_MS + 4999, &tag, &expires));
    assert_false(bl_pins_get(pins, key, NOW_MS + 5000, &tag, &expires));
    bl_pins_put(pins, key, 0, NOW_MS, NOW_MS + 9000); /* a tag of 0 is a tag */
    assert_true(bl_pins_get(pins, key, NOW_MS + 8000, &tag, &expires));
    assert_int_equal(tag, 0);
    assert_int_equal(bl_pins_stats(pins).live, 1);
    bl_pins_destroy(pins);
}

static void capacity_is_a_bound(void **state) {
    (void)state;
    struct bl_pins *pins;
    assert_true(bl_is_ok(bl_pins_create(1000, &pins)));
    assert_int_equal(bl_pins_stats(pins).capacity, 1024);
    for (uint64_t n = 1; n <= 1000000; n++) {
        uint64_t key[2];
        session(n, key);
        bl_pins_put(pins, key, (uint32_t)n, NOW_MS, NOW_MS + 60000);
    }
    struct bl_pins_stats stats = bl_pins_stats(pins);
    assert_int_equal(stats.capacity, 1024);
    assert_true(stats.live <= 1024);
    assert_int_equal(stats.evictions, 1000000 - stats.live);
    bl_pins_destroy(pins);
    printf("FIGURE P5 distinct_ids_pins 1000000\n");
}

static void the_oldest_is_given_up(void **state) {
    (void)state;
    struct bl_pins *pins;
    uint32_t tag;
    int64_t expires;
    assert_true(bl_is_ok(bl_pins_create(64, &pins)));
    for (uint64_t i = 0; i < 5; i++) { /* the same bucket: equal low bits */
        uint64_t key[2] = {3, i + 1};
        bl_pins_put(pins, key, (uint32_t)i, NOW_MS, NOW_MS + 1000 * (int64_t)(10 + i));
    }
    uint64_t first[2] = {3, 1}, second[2] = {3, 2}, last[2] = {3, 5};
    assert_false(bl_pins_get(pins, first, NOW_MS, &tag, &expires));
    assert_true(bl_pins_get(pins, second, NOW_MS, &tag, &expires));
    assert_true(bl_pins_get(pins, last, NOW_MS, &tag, &expires));
    assert_int_equal(bl_pins_stats(pins).evictions, 1);
    uint64_t fresh[2] = {3, 9}; /* an expired pin is no loss */
    bl_pins_put(pins, fresh, 1, NOW_MS + 11000, NOW_MS + 99000);
    assert_int_equal(bl_pins_stats(pins).evictions, 1);
    bl_pins_destroy(pins);
}

#define THREADS 4
#define ROUNDS 50000

static struct bl_pins *shared;

/* Every pin says its own session: a mixed one would not. */
static void *hammer(void *argument) {
    uint64_t n = (uint64_t)(uintptr_t)argument;
    intptr_t mixed = 0;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t key[2], value;
        uint32_t tag;
        int64_t expires;
        n = n * 6364136223846793005u + 1442695040888963407u;
        value = (n >> 33) % 300;
        session(value + 1, key);
        if (bl_pins_get(shared, key, NOW_MS, &tag, &expires)) {
            mixed += tag != (uint32_t)value || expires != NOW_MS + 1000 * (int64_t)(value + 1);
        }
        bl_pins_put(shared, key, (uint32_t)value, NOW_MS, NOW_MS + 1000 * (int64_t)(value + 1));
    }
    return (void *)mixed;
}

static void threads_never_see_a_mixed_pin(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    assert_true(bl_is_ok(bl_pins_create(64, &shared)));
    for (uintptr_t t = 0; t < THREADS; t++) {
        assert_int_equal(pthread_create(&threads[t], NULL, hammer, (void *)(t + 1)), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        void *mixed;
        assert_int_equal(pthread_join(threads[t], &mixed), 0);
        assert_null(mixed);
    }
    bl_pins_destroy(shared);
}

static void absurd_capacity_is_refused(void **state) {
    (void)state;
    struct bl_pins *pins = NULL;
    assert_int_equal(bl_pins_create(SIZE_MAX, &pins).error, BL_E_RESOURCE_EXHAUSTED);
    assert_null(pins);
    bl_pins_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_found_until_it_expires),
        cmocka_unit_test(capacity_is_a_bound),
        cmocka_unit_test(the_oldest_is_given_up),
        cmocka_unit_test(threads_never_see_a_mixed_pin),
        cmocka_unit_test(absurd_capacity_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
