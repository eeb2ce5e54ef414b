#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/histogram.h"
#include "base/seed.h"

#define LARGEST ((UINT64_C(1) << BL_HISTOGRAM_VALUE_BITS) - 1)

static struct bl_histogram histogram;
static struct bl_histogram second;

static void test_empty(void **state) {
    (void)state;
    bl_histogram_init(&histogram);
    assert_int_equal(bl_histogram_count(&histogram), 0);
    assert_int_equal(bl_histogram_percentile(&histogram, 50), 0);
    assert_int_equal(bl_histogram_percentile(&histogram, 100), 0);
    assert_int_equal(bl_histogram_min(&histogram), 0);
    assert_int_equal(bl_histogram_max(&histogram), 0);
    assert_true(bl_histogram_mean(&histogram) == 0);
}

static void test_cells_cover_all_values_in_order(void **state) {
    (void)state;
    assert_int_equal(bl_histogram_cell(0), 0);
    assert_int_equal(bl_histogram_cell(127), 127);
    assert_int_equal(bl_histogram_cell(128), 128);
    assert_int_equal(bl_histogram_cell(129), 128);
    assert_int_equal(bl_histogram_cell(130), 129);
    assert_int_equal(bl_histogram_cell(LARGEST), BL_HISTOGRAM_CELLS - 1);
    assert_int_equal(bl_histogram_cell(LARGEST + 1), BL_HISTOGRAM_CELLS - 1);
    assert_int_equal(bl_histogram_cell(UINT64_MAX), BL_HISTOGRAM_CELLS - 1);
    /* Next values are in the same cell or the next one: no gap, no overlap. */
    for (unsigned bit = 0; bit < BL_HISTOGRAM_VALUE_BITS; bit++) {
        uint64_t start = UINT64_C(1) << bit;
        for (uint64_t step = 0; step < 1000; step++) {
            uint64_t value = start + step * (start / 1000 + 1);
            size_t cell = bl_histogram_cell(value);
            size_t next = bl_histogram_cell(value + 1);
            assert_true(next == cell || next == cell + 1 || cell == BL_HISTOGRAM_CELLS - 1);
        }
    }
}

static void test_relative_error(void **state) {
    (void)state;
    struct bl_seed seed;
    bl_seed_init(&seed, 41);
    for (int i = 0; i < 2000; i++) {
        uint64_t value = bl_seed_next(&seed) >> (64 - BL_HISTOGRAM_VALUE_BITS + i % 46);
        bl_histogram_init(&histogram);
        /* One on either side, so that minimum and maximum do not give the value away. */
        bl_histogram_record(&histogram, 0);
        bl_histogram_record(&histogram, value);
        bl_histogram_record(&histogram, LARGEST);
        double answer = (double)bl_histogram_percentile(&histogram, 50);
        assert_true(fabs(answer - (double)value) <= (double)value / 128);
    }
}

static void test_percentiles_by_nearest_rank(void **state) {
    (void)state;
    static const struct {
        double percentile;
        uint64_t expected;
    } cases[] = {
        {-1, 1},  {0, 1},      {0.001, 1}, {1, 1},      {1.01, 2}, {50, 50},
        {99, 99}, {99.1, 100}, {100, 100}, {1000, 100}, {NAN, 1},
    };
    bl_histogram_init(&histogram);
    for (uint64_t value = 100; value >= 1; value--) {
        bl_histogram_record(&histogram, value);
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(bl_histogram_percentile(&histogram, cases[i].percentile),
                         cases[i].expected);
    }
    assert_true(bl_histogram_mean(&histogram) == 50.5);
    /* 99.9 of 1000 is the 999th, though 99.9 / 100 * 1000 may come out above 999. */
    bl_histogram_init(&histogram);
    for (int i = 0; i < 999; i++) {
        bl_histogram_record(&histogram, 5);
    }
    bl_histogram_record(&histogram, 100);
    assert_int_equal(bl_histogram_percentile(&histogram, 99.9), 5);
    assert_int_equal(bl_histogram_percentile(&histogram, 99.91), 100);
}

static void test_values_beyond_the_last_cell(void **state) {
    (void)state;
    bl_histogram_init(&histogram);
    bl_histogram_record(&histogram, UINT64_MAX);
    assert_true(bl_histogram_max(&histogram) == UINT64_MAX);
    assert_true(bl_histogram_percentile(&histogram, 50) == UINT64_MAX); /* the only value */
    assert_int_equal(bl_histogram_count(&histogram), 1);
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void test_merge_is_recording_both(void **state) {
    (void)state;
    static uint64_t values[20000];
    struct bl_seed seed;
    uint64_t sum = 0;
    bl_seed_init(&seed, 42);
    bl_histogram_init(&histogram);
    bl_histogram_init(&second);
    for (size_t i = 0; i < 20000; i++) {
        values[i] = bl_seed_next(&seed) >> (20 + bl_seed_below(&seed, 40));
        sum += values[i];
        bl_histogram_record(i % 3 == 0 ? &histogram : &second, values[i]);
    }
    bl_histogram_merge(&histogram, &second);
    qsort(values, 20000, sizeof(values[0]), compare);
    assert_int_equal(bl_histogram_count(&histogram), 20000);
    assert_true(bl_histogram_min(&histogram) == values[0]);
    assert_true(bl_histogram_max(&histogram) == values[19999]);
    assert_true(bl_histogram_mean(&histogram) == (double)sum / 20000);
    for (size_t rank = 1; rank < 20000; rank += 7) {
        double exact = (double)values[rank - 1];
        double answer = (double)bl_histogram_percentile(&histogram, (double)rank / 200);
        assert_true(fabs(answer - exact) <= exact / 128);
    }
    bl_histogram_init(&second);
    bl_histogram_merge(&second, &histogram); /* into an empty one: the same */
    assert_true(bl_histogram_min(&second) == values[0]);
    assert_true(bl_histogram_max(&second) == values[19999]);
    bl_histogram_init(&second);
    bl_histogram_merge(&histogram, &second); /* an empty one changes nothing */
    assert_true(bl_histogram_min(&histogram) == values[0]);
    assert_int_equal(bl_histogram_count(&histogram), 20000);
}

static _Atomic bool done;

static void *record_many(void *argument) {
    (void)argument;
    for (uint64_t i = 0; i < 300000; i++) {
        bl_histogram_record(&histogram, 1000 + i % 1000);
    }
    atomic_store(&done, true);
    return NULL;
}

/* A reader at any time gets a value that was recorded, within the error. */
static void test_reading_while_writing(void **state) {
    (void)state;
    pthread_t writer;
    uint64_t last = 0;
    bl_histogram_init(&histogram);
    atomic_store(&done, false);
    assert_int_equal(pthread_create(&writer, NULL, record_many, NULL), 0);
    while (!atomic_load(&done)) {
        uint64_t count = bl_histogram_count(&histogram);
        uint64_t median = bl_histogram_percentile(&histogram, 50);
        assert_true(count >= last);
        assert_true(median == 0 || (median >= 992 && median <= 2016));
        last = count;
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_int_equal(bl_histogram_count(&histogram), 300000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_cells_cover_all_values_in_order),
        cmocka_unit_test(test_relative_error),
        cmocka_unit_test(test_percentiles_by_nearest_rank),
        cmocka_unit_test(test_values_beyond_the_last_cell),
        cmocka_unit_test(test_merge_is_recording_both),
        cmocka_unit_test(test_reading_while_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
