#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/seed.h"
#include "base/timer_wheel.h"

#define ENTRIES 300
#define ROUNDS 40
#define STEPS 4000

/* From BL_TEST_SEED, or a fixed one; printed, so that a failure can be run again. */
static uint64_t test_seed(void) {
    const char *text = getenv("BL_TEST_SEED");
    uint64_t value = text != NULL ? strtoull(text, NULL, 0) : UINT64_C(20261123);
    print_message("BL_TEST_SEED=%" PRIu64 "\n", value);
    return value;
}

/* What the wheel should be: the plainest list of deadlines. */
struct model {
    bool armed[ENTRIES];
    int64_t deadline_ms[ENTRIES];
    uint64_t armed_as[ENTRIES]; /* running number: order of arming */
    uint64_t armings;
    int64_t now_ms;
};

/* The armed entry with the least (deadline, order of arming), or -1. */
static int earliest(const struct model *model) {
    int best = -1;
    for (int i = 0; i < ENTRIES; i++) {
        if (!model->armed[i]) {
            continue;
        }
        if (best < 0 || model->deadline_ms[i] < model->deadline_ms[best] ||
            (model->deadline_ms[i] == model->deadline_ms[best] &&
             model->armed_as[i] < model->armed_as[best])) {
            best = i;
        }
    }
    return best;
}

/* Lengths of all sizes, as many short as long ones. */
static int64_t random_length(struct bl_seed *seed) {
    unsigned bits = (unsigned)bl_seed_below(seed, bl_seed_below(seed, 4) == 0 ? 56 : 14);
    return (int64_t)bl_seed_below(seed, UINT64_C(1) << bits);
}

static void arm(struct bl_wheel *wheel, struct bl_wheel_entry *entries, struct model *model,
                struct bl_seed *seed) {
    size_t i = (size_t)bl_seed_below(seed, ENTRIES);
    int64_t length = random_length(seed);
    if (bl_seed_below(seed, 16) == 0) {
        length = -length;
    }
    int64_t deadline_ms = model->now_ms + length;
    bl_wheel_arm(wheel, &entries[i], deadline_ms);
    model->armed[i] = true;
    model->deadline_ms[i] = deadline_ms > model->now_ms ? deadline_ms : model->now_ms + 1;
    model->armed_as[i] = model->armings++;
    assert_true(entries[i].deadline_ms == model->deadline_ms[i]);
}

static void disarm(struct bl_wheel *wheel, struct bl_wheel_entry *entries, struct model *model,
                   struct bl_seed *seed) {
    size_t i = (size_t)bl_seed_below(seed, ENTRIES);
    assert_true(bl_wheel_disarm(wheel, &entries[i]) == model->armed[i]);
    model->armed[i] = false;
}

static void advance(struct bl_wheel *wheel, struct bl_wheel_entry *entries, struct model *model,
                    struct bl_seed *seed) {
    int64_t next_ms = bl_wheel_next_due(wheel);
    int first = earliest(model);
    assert_true(first < 0 ? next_ms == INT64_MAX : next_ms <= model->deadline_ms[first]);
    assert_true(first < 0 || next_ms > model->now_ms);

    int64_t to_ms = model->now_ms + random_length(seed);
    uint64_t kind = bl_seed_below(seed, 8);
    if (kind == 0) {
        to_ms = model->now_ms - random_length(seed); /* the clock steps back */
    } else if (kind <= 2 && first >= 0) {
        to_ms = model->deadline_ms[first] - (int64_t)bl_seed_below(seed, 2); /* at the limit */
    } else if (kind <= 4 && first >= 0) {
        to_ms = next_ms; /* what the loop does */
    }
    bl_wheel_advance(wheel, to_ms);
    model->now_ms = to_ms > model->now_ms ? to_ms : model->now_ms;
    for (;;) {
        struct bl_wheel_entry *entry = bl_wheel_pop(wheel);
        int expected = earliest(model);
        if (expected >= 0 && model->deadline_ms[expected] > model->now_ms) {
            expected = -1;
        }
        assert_ptr_equal(entry, expected < 0 ? NULL : &entries[expected]);
        if (entry == NULL) {
            break;
        }
        model->armed[expected] = false;
        if (bl_seed_below(seed, 8) == 0) {
            arm(wheel, entries, model, seed); /* as a callback would */
        }
        if (bl_seed_below(seed, 8) == 0) {
            disarm(wheel, entries, model, seed);
        }
    }
}

static void test_agrees_with_a_list(void **state) {
    (void)state;
    static struct bl_wheel wheel;
    static struct bl_wheel_entry entries[ENTRIES];
    static struct model model;
    struct bl_seed seed;
    bl_seed_init(&seed, test_seed());
    for (int round = 0; round < ROUNDS; round++) {
        memset(entries, 0, sizeof(entries));
        memset(&model, 0, sizeof(model));
        model.now_ms = random_length(&seed);
        bl_wheel_init(&wheel, model.now_ms);
        for (int step = 0; step < STEPS; step++) {
            uint64_t action = bl_seed_below(&seed, 10);
            if (action < 5) {
                arm(&wheel, entries, &model, &seed);
            } else if (action < 7) {
                disarm(&wheel, entries, &model, &seed);
            } else {
                advance(&wheel, entries, &model, &seed);
            }
            size_t armed = 0;
            for (size_t i = 0; i < ENTRIES; i++) {
                armed += model.armed[i] ? 1 : 0;
                assert_true(bl_wheel_is_armed(&entries[i]) == model.armed[i]);
            }
            assert_int_equal(wheel.armed, armed);
            if (model.now_ms > INT64_MAX / 4) {
                break;
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
