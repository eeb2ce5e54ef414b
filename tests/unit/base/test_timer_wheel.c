#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/timer_wheel.h"

static void assert_pops(struct bl_wheel *wheel, struct bl_wheel_entry *expected) {
    struct bl_wheel_entry *entry = bl_wheel_pop(wheel);
    assert_ptr_equal(entry, expected);
    if (entry != NULL) {
        assert_false(bl_wheel_is_armed(entry));
    }
}

static void test_due_at_its_deadline(void **state) {
    (void)state;
    /* Around each change of level, from a time that is not round. */
    const int64_t start_ms = 1700000000123;
    for (int bit = 0; bit < 62; bit++) {
        for (int64_t offset = -1; offset <= 1; offset++) {
            int64_t deadline_ms = start_ms + (INT64_C(1) << bit) + offset;
            struct bl_wheel wheel;
            struct bl_wheel_entry entry = {0};
            if (deadline_ms <= start_ms) {
                continue;
            }
            bl_wheel_init(&wheel, start_ms);
            bl_wheel_arm(&wheel, &entry, deadline_ms);
            assert_true(bl_wheel_next_due(&wheel) <= deadline_ms);
            bl_wheel_advance(&wheel, deadline_ms - 1);
            assert_pops(&wheel, NULL);
            assert_true(bl_wheel_next_due(&wheel) == deadline_ms);
            bl_wheel_advance(&wheel, deadline_ms);
            assert_true(bl_wheel_next_due(&wheel) == deadline_ms);
            assert_pops(&wheel, &entry);
            assert_pops(&wheel, NULL);
            assert_int_equal(wheel.armed, 0);
            assert_true(bl_wheel_next_due(&wheel) == INT64_MAX);
        }
    }
}

static void test_order(void **state) {
    (void)state;
    struct bl_wheel wheel;
    struct bl_wheel_entry entries[5] = {0};
    bl_wheel_init(&wheel, 0);
    bl_wheel_arm(&wheel, &entries[0], 5000000);
    bl_wheel_arm(&wheel, &entries[1], 70);
    bl_wheel_arm(&wheel, &entries[2], 5000000); /* the same deadline: in order of arming */
    bl_wheel_arm(&wheel, &entries[3], 3);
    bl_wheel_advance(&wheel, 4999999);
    bl_wheel_arm(&wheel, &entries[4], 5000000);
    bl_wheel_advance(&wheel, INT64_MAX);
    assert_pops(&wheel, &entries[3]);
    assert_pops(&wheel, &entries[1]);
    assert_pops(&wheel, &entries[0]);
    assert_pops(&wheel, &entries[2]);
    assert_pops(&wheel, &entries[4]);
    assert_pops(&wheel, NULL);
}

static void test_past_deadline_waits_for_time_to_move(void **state) {
    (void)state;
    struct bl_wheel wheel;
    struct bl_wheel_entry entry = {0};
    bl_wheel_init(&wheel, 1000);
    bl_wheel_arm(&wheel, &entry, INT64_MIN);
    bl_wheel_advance(&wheel, 1000);
    assert_pops(&wheel, NULL);
    assert_true(bl_wheel_next_due(&wheel) == 1001);
    bl_wheel_advance(&wheel, 2000);
    assert_pops(&wheel, &entry);
    bl_wheel_arm(&wheel, &entry, 2000); /* from its own callback */
    assert_pops(&wheel, NULL);
    bl_wheel_advance(&wheel, 2001);
    assert_pops(&wheel, &entry);
}

static void test_disarm(void **state) {
    (void)state;
    struct bl_wheel wheel;
    struct bl_wheel_entry entries[3] = {0};
    bl_wheel_init(&wheel, 0);
    assert_false(bl_wheel_disarm(&wheel, &entries[0]));
    bl_wheel_arm(&wheel, &entries[0], 10);
    bl_wheel_arm(&wheel, &entries[1], 10);
    bl_wheel_arm(&wheel, &entries[2], 20);
    assert_int_equal(wheel.armed, 3);
    assert_true(bl_wheel_disarm(&wheel, &entries[0]));
    assert_false(bl_wheel_disarm(&wheel, &entries[0]));
    assert_true(bl_wheel_next_due(&wheel) == 10);
    assert_true(bl_wheel_disarm(&wheel, &entries[1]));
    assert_true(bl_wheel_next_due(&wheel) == 20);
    bl_wheel_advance(&wheel, 30);
    assert_true(bl_wheel_disarm(&wheel, &entries[2])); /* due, not yet taken */
    assert_pops(&wheel, NULL);
    assert_int_equal(wheel.armed, 0);
}

static void test_arming_again_moves(void **state) {
    (void)state;
    struct bl_wheel wheel;
    struct bl_wheel_entry entry = {0};
    bl_wheel_init(&wheel, 0);
    bl_wheel_arm(&wheel, &entry, 10);
    bl_wheel_arm(&wheel, &entry, 1000000);
    assert_int_equal(wheel.armed, 1);
    bl_wheel_advance(&wheel, 999999);
    assert_pops(&wheel, NULL);
    bl_wheel_advance(&wheel, 1000000);
    bl_wheel_arm(&wheel, &entry, 1000005); /* out of the due list */
    assert_pops(&wheel, NULL);
    bl_wheel_advance(&wheel, 1000005);
    assert_pops(&wheel, &entry);
}

static void test_time_never_goes_back(void **state) {
    (void)state;
    struct bl_wheel wheel;
    struct bl_wheel_entry entry = {0};
    bl_wheel_init(&wheel, 5000);
    bl_wheel_arm(&wheel, &entry, 6000);
    bl_wheel_advance(&wheel, 10);
    bl_wheel_advance(&wheel, -10);
    assert_true(wheel.now_ms == 5000);
    bl_wheel_advance(&wheel, 6000);
    assert_pops(&wheel, &entry);
}

static void test_the_end_of_time(void **state) {
    (void)state;
    struct bl_wheel wheel;
    struct bl_wheel_entry entries[2] = {0};
    bl_wheel_init(&wheel, 0);
    bl_wheel_arm(&wheel, &entries[0], INT64_MAX);
    bl_wheel_arm(&wheel, &entries[1], INT64_MAX - 1);
    bl_wheel_advance(&wheel, INT64_MAX - 1);
    assert_pops(&wheel, &entries[1]);
    assert_pops(&wheel, NULL);
    bl_wheel_advance(&wheel, INT64_MAX);
    assert_pops(&wheel, &entries[0]);
}

/* A jump over a year takes as many steps as there are entries, not milliseconds: the test would
 * not end otherwise. Wake-ups by next_due stay few. */
static void test_few_wake_ups(void **state) {
    (void)state;
    struct bl_wheel wheel;
    struct bl_wheel_entry entry = {0};
    bl_wheel_init(&wheel, 1700000000000);
    bl_wheel_arm(&wheel, &entry, 1700000000000 + INT64_C(365) * 86400000);
    int wake_ups = 0;
    while (bl_wheel_pop(&wheel) == NULL) {
        bl_wheel_advance(&wheel, bl_wheel_next_due(&wheel));
        wake_ups++;
        assert_true(wake_ups <= BL_WHEEL_LEVELS);
    }
    assert_true(wheel.now_ms == entry.deadline_ms);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_due_at_its_deadline),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_past_deadline_waits_for_time_to_move),
        cmocka_unit_test(test_disarm),
        cmocka_unit_test(test_arming_again_moves),
        cmocka_unit_test(test_time_never_goes_back),
        cmocka_unit_test(test_the_end_of_time),
        cmocka_unit_test(test_few_wake_ups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
