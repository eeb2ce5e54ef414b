#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/ring.h"

struct fixture {
    struct bl_ring ring;
    _Alignas(8) unsigned char storage[256];
};

static void set_up(struct fixture *fixture, size_t capacity) {
    bl_ring_init(&fixture->ring, fixture->storage, capacity);
}

static void assert_next(struct fixture *fixture, const char *expected) {
    struct bl_str record;
    assert_true(bl_ring_peek(&fixture->ring, &record));
    assert_true(bl_str_equal_c(record, expected));
    assert_int_equal((uintptr_t)record.data % 8, 0);
    bl_ring_release(&fixture->ring);
}

static void test_first_in_first_out(void **state) {
    (void)state;
    struct fixture fixture;
    struct bl_str record;
    set_up(&fixture, 256);
    assert_false(bl_ring_peek(&fixture.ring, &record));
    bl_ring_release(&fixture.ring); /* without a peek: nothing */
    assert_true(bl_ring_push(&fixture.ring, BL_STR("one")));
    assert_true(bl_ring_push(&fixture.ring, BL_STR("")));
    assert_true(bl_ring_push(&fixture.ring, BL_STR("three")));
    assert_int_equal(bl_ring_used(&fixture.ring), 16 + 8 + 16);
    assert_next(&fixture, "one");
    assert_next(&fixture, "");
    assert_next(&fixture, "three");
    assert_false(bl_ring_peek(&fixture.ring, &record));
    assert_int_equal(bl_ring_used(&fixture.ring), 0);
    assert_int_equal(bl_ring_dropped(&fixture.ring), 0);
}

static void test_peek_again_without_release(void **state) {
    (void)state;
    struct fixture fixture;
    struct bl_str record;
    set_up(&fixture, 64);
    assert_true(bl_ring_push(&fixture.ring, BL_STR("a")));
    assert_true(bl_ring_push(&fixture.ring, BL_STR("b")));
    assert_true(bl_ring_peek(&fixture.ring, &record));
    assert_next(&fixture, "a");
    bl_ring_release(&fixture.ring); /* only once for each peek */
    assert_next(&fixture, "b");
}

static void test_longest_record(void **state) {
    (void)state;
    char bytes[64];
    memset(bytes, 'x', sizeof(bytes));
    for (size_t start = 0; start < 16; start++) {
        struct fixture fixture;
        struct bl_str record;
        set_up(&fixture, 64);
        assert_int_equal(bl_ring_record_max(&fixture.ring), 24);
        /* Wherever the last record ended, the longest one fits the empty ring. */
        for (size_t i = 0; i < start; i++) {
            assert_true(bl_ring_push(&fixture.ring, BL_STR("")));
            assert_next(&fixture, "");
        }
        assert_true(bl_ring_push(&fixture.ring, (struct bl_str){bytes, 24}));
        assert_true(bl_ring_peek(&fixture.ring, &record));
        assert_true(bl_str_equal(record, (struct bl_str){bytes, 24}));
        bl_ring_release(&fixture.ring);
        assert_false(bl_ring_push(&fixture.ring, (struct bl_str){bytes, 25}));
        assert_int_equal(bl_ring_dropped(&fixture.ring), 1);
        assert_false(bl_ring_peek(&fixture.ring, &record));
    }
}

static void test_full_ring_drops_and_counts(void **state) {
    (void)state;
    struct fixture fixture;
    set_up(&fixture, 64);
    for (int i = 0; i < 4; i++) {
        assert_true(bl_ring_push(&fixture.ring, BL_STR("12345678")));
    }
    assert_int_equal(bl_ring_used(&fixture.ring), 64);
    assert_false(bl_ring_push(&fixture.ring, BL_STR("")));
    assert_false(bl_ring_push(&fixture.ring, BL_STR("12345678")));
    assert_int_equal(bl_ring_dropped(&fixture.ring), 2);
    assert_next(&fixture, "12345678");
    assert_true(bl_ring_push(&fixture.ring, BL_STR("again")));
    assert_false(bl_ring_push(&fixture.ring, BL_STR("")));
    for (int i = 0; i < 3; i++) {
        assert_next(&fixture, "12345678");
    }
    assert_next(&fixture, "again");
}

static void test_reserve_and_commit_less(void **state) {
    (void)state;
    struct fixture fixture;
    struct bl_str record;
    set_up(&fixture, 128);
    char *room = bl_ring_reserve(&fixture.ring, 50);
    assert_non_null(room);
    memcpy(room, "short", 5);
    assert_false(bl_ring_peek(&fixture.ring, &record)); /* not before the commit */
    bl_ring_commit(&fixture.ring, 5);
    assert_int_equal(bl_ring_used(&fixture.ring), 16);
    /* A reservation that is not committed leaves no trace. */
    assert_non_null(bl_ring_reserve(&fixture.ring, 8));
    assert_true(bl_ring_push(&fixture.ring, BL_STR("next")));
    assert_next(&fixture, "short");
    assert_next(&fixture, "next");
    assert_false(bl_ring_peek(&fixture.ring, &record));
}

static void test_wraps_many_times(void **state) {
    (void)state;
    struct fixture fixture;
    char bytes[56];
    size_t sent = 0;
    size_t received = 0;
    set_up(&fixture, 128);
    while (received < 10000) {
        while (sent < received + 3) {
            size_t len = sent * 7 % 57;
            memset(bytes, (int)(sent % 251), len);
            if (!bl_ring_push(&fixture.ring, (struct bl_str){bytes, len})) {
                break;
            }
            sent++;
        }
        struct bl_str record;
        assert_true(bl_ring_peek(&fixture.ring, &record));
        assert_int_equal(record.len, received * 7 % 57);
        for (size_t i = 0; i < record.len; i++) {
            assert_int_equal((unsigned char)record.data[i], received % 251);
        }
        bl_ring_release(&fixture.ring);
        received++;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_in_first_out),
        cmocka_unit_test(test_peek_again_without_release),
        cmocka_unit_test(test_longest_record),
        cmocka_unit_test(test_full_ring_drops_and_counts),
        cmocka_unit_test(test_reserve_and_commit_less),
        cmocka_unit_test(test_wraps_many_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
