#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/ring.h"
#include "base/seed.h"

#define RECORDS 200000

/* From BL_TEST_SEED, or a fixed one; printed, so that a failure can be run again. */
static uint64_t test_seed(void) {
    const char *text = getenv("BL_TEST_SEED");
    uint64_t value = text != NULL ? strtoull(text, NULL, 0) : UINT64_C(20261123);
    print_message("BL_TEST_SEED=%" PRIu64 "\n", value);
    return value;
}

struct shared {
    struct bl_ring ring;
    uint64_t seed;
    _Atomic bool done;
    uint64_t sent; /* by the producer, read after the join */
    uint64_t dropped;
};

/* A record is its number and bytes derived from it. */
static void fill(unsigned char *bytes, size_t len, uint64_t number) {
    memcpy(bytes, &number, sizeof(number));
    for (size_t i = sizeof(number); i < len; i++) {
        bytes[i] = (unsigned char)(number + i);
    }
}

static void *produce(void *argument) {
    struct shared *shared = argument;
    struct bl_seed seed;
    bl_seed_init(&seed, shared->seed);
    for (uint64_t number = 0; number < RECORDS; number++) {
        size_t len = 8 + (size_t)bl_seed_below(&seed, bl_ring_record_max(&shared->ring) - 7);
        unsigned char *room = bl_ring_reserve(&shared->ring, len);
        if (room == NULL) {
            shared->dropped++;
            (void)sched_yield();
            continue;
        }
        size_t kept = 8 + (size_t)bl_seed_below(&seed, len - 7);
        fill(room, kept, number);
        bl_ring_commit(&shared->ring, kept);
        shared->sent++;
    }
    atomic_store(&shared->done, true);
    return NULL;
}

/* The next record, or false when the producer has ended and nothing is left. */
static bool take(struct shared *shared, struct bl_str *record) {
    for (;;) {
        bool done = atomic_load(&shared->done);
        if (bl_ring_peek(&shared->ring, record)) {
            return true;
        }
        if (done) {
            return false;
        }
        (void)sched_yield();
    }
}

static void test_every_record_arrives_once_and_whole(void **state) {
    (void)state;
    uint64_t seed = test_seed();
    static _Alignas(8) unsigned char storage[4096];
    for (size_t capacity = 64; capacity <= sizeof(storage); capacity *= 8) {
        struct shared shared = {.seed = seed};
        pthread_t producer;
        struct bl_str record;
        uint64_t received = 0;
        uint64_t last = UINT64_MAX;
        bl_ring_init(&shared.ring, storage, capacity);
        assert_int_equal(pthread_create(&producer, NULL, produce, &shared), 0);
        while (take(&shared, &record)) {
            uint64_t number;
            unsigned char expected[4096];
            assert_in_range(record.len, 8, bl_ring_record_max(&shared.ring));
            memcpy(&number, record.data, sizeof(number));
            assert_true(last == UINT64_MAX || number > last); /* in order, none twice */
            fill(expected, record.len, number);
            assert_memory_equal(record.data, expected, record.len);
            bl_ring_release(&shared.ring);
            assert_true(bl_ring_used(&shared.ring) <= capacity);
            last = number;
            received++;
        }
        assert_int_equal(pthread_join(producer, NULL), 0);
        assert_int_equal(received, shared.sent);
        assert_int_equal(bl_ring_dropped(&shared.ring), shared.dropped);
        assert_int_equal(shared.sent + shared.dropped, RECORDS);
        assert_int_equal(bl_ring_used(&shared.ring), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_record_arrives_once_and_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
