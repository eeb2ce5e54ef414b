#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/metric.h"

enum { PLAIN, BY_TENANT, BY_TWO, LEVEL, LATENCY };

static const uint64_t bounds[] = {10, 100, 1000};

static const struct bl_metric_desc metrics[] = {
    [PLAIN] = {.name = "plain_total", .help = "h", .series_max = 1},
    [BY_TENANT] = {.name = "tenant_total", .help = "h", .series_max = 3, .labels = {"tenant"}},
    [BY_TWO] = {.name = "two_total", .help = "h", .series_max = 1000, .labels = {"a", "b"}},
    [LEVEL] = {.name = "level", .help = "h", .type = BL_METRIC_GAUGE, .series_max = 1},
    [LATENCY] = {.name = "latency",
                 .help = "h",
                 .type = BL_METRIC_HISTOGRAM,
                 .series_max = 2,
                 .labels = {"method"},
                 .bounds = bounds,
                 .bound_count = 3},
};
static const struct bl_metric_catalogue catalogue = {metrics, sizeof(metrics) / sizeof(metrics[0])};

static void set_up(struct bl_metric_shard *shard, size_t series_max, size_t bytes_max) {
    struct bl_metric_limits limits = {series_max, bytes_max};
    assert_true(bl_is_ok(bl_metric_shard_init(shard, catalogue, limits, 1)));
}

static struct bl_counter *tenant(struct bl_metric_shard *shard, const char *name) {
    struct bl_str value = bl_str_from_c(name);
    return bl_metric_counter(shard, BY_TENANT, &value);
}

static uint64_t value_of(const struct bl_counter *counter) {
    return atomic_load(&counter->value);
}

static void test_same_labels_same_cell(void **state) {
    (void)state;
    struct bl_metric_shard shard;
    set_up(&shard, 100, 65536);
    struct bl_counter *plain = bl_metric_counter(&shard, PLAIN, NULL);
    assert_ptr_equal(plain, bl_metric_counter(&shard, PLAIN, NULL));
    assert_int_equal(value_of(plain), 0);
    char name[] = "acme"; /* not needed after the call */
    struct bl_counter *acme = tenant(&shard, name);
    memset(name, 'x', 4);
    assert_ptr_equal(tenant(&shard, "acme"), acme);
    assert_ptr_not_equal(tenant(&shard, "other"), acme);
    bl_counter_add(acme, 2);
    bl_counter_add(acme, 3);
    assert_int_equal(value_of(tenant(&shard, "acme")), 5);
    bl_metric_shard_fini(&shard);
}

static void test_label_boundaries_are_kept(void **state) {
    (void)state;
    struct bl_metric_shard shard;
    set_up(&shard, 100, 65536);
    const struct bl_str first[] = {BL_STR("ab"), BL_STR("c")};
    const struct bl_str second[] = {BL_STR("a"), BL_STR("bc")};
    const struct bl_str absent[] = {BL_STR_ABSENT, BL_STR("c")};
    const struct bl_str empty[] = {BL_STR(""), BL_STR("c")};
    assert_ptr_not_equal(bl_metric_counter(&shard, BY_TWO, first),
                         bl_metric_counter(&shard, BY_TWO, second));
    assert_ptr_equal(bl_metric_counter(&shard, BY_TWO, absent),
                     bl_metric_counter(&shard, BY_TWO, empty));
    bl_metric_shard_fini(&shard);
}

static void test_cap_of_a_metric(void **state) {
    (void)state;
    struct bl_metric_shard shard;
    set_up(&shard, 100, 65536);
    struct bl_counter *cells[3] = {tenant(&shard, "a"), tenant(&shard, "b"), tenant(&shard, "c")};
    assert_int_equal(bl_metric_overflowed(&shard, BY_TENANT), 0);
    struct bl_counter *other = tenant(&shard, "d");
    assert_ptr_equal(tenant(&shard, "e"), other);
    assert_int_equal(bl_metric_overflowed(&shard, BY_TENANT), 2);
    assert_ptr_equal(tenant(&shard, "a"), cells[0]); /* those that are there stay */
    assert_ptr_equal(tenant(&shard, "c"), cells[2]);
    assert_ptr_not_equal(cells[1], other);
    assert_int_equal(bl_metric_overflowed(&shard, BY_TENANT), 2);
    assert_int_equal(bl_metric_overflowed(&shard, BY_TWO), 0);
    bl_metric_shard_fini(&shard);
}

static struct bl_counter *two(struct bl_metric_shard *shard, size_t i) {
    char text[16];
    (void)snprintf(text, sizeof(text), "%zu", i);
    const struct bl_str values[] = {bl_str_from_c(text), BL_STR("x")};
    return bl_metric_counter(shard, BY_TWO, values);
}

static void test_cap_of_the_shard(void **state) {
    (void)state;
    struct bl_metric_shard shard;
    set_up(&shard, 10, 65536);
    for (size_t i = 0; i < 10; i++) {
        (void)two(&shard, i);
        assert_int_equal(bl_metric_overflowed(&shard, BY_TWO), 0);
    }
    assert_ptr_equal(two(&shard, 10), two(&shard, 11));
    assert_int_equal(bl_metric_overflowed(&shard, BY_TWO), 2);
    bl_metric_shard_fini(&shard);
}

static void test_cap_of_memory(void **state) {
    (void)state;
    struct bl_metric_shard shard;
    set_up(&shard, 1000, 32768);
    for (size_t i = 0; i < 1000; i++) {
        bl_counter_add(two(&shard, i), 1);
    }
    assert_in_range(bl_metric_overflowed(&shard, BY_TWO), 1, 999);
    assert_true(shard.arena.held_bytes <= 32768);
    assert_int_equal(value_of(two(&shard, 0)), 1);
    assert_true(value_of(two(&shard, 999)) > 1); /* shared by those that found no room */
    bl_metric_shard_fini(&shard);
}

static void test_hostile_values(void **state) {
    (void)state;
    struct bl_metric_shard shard;
    char text[2 * BL_METRIC_LABEL_VALUE_MAX];
    memset(text, 'x', sizeof(text));
    set_up(&shard, 100, 65536);
    struct bl_str longest = {text, BL_METRIC_LABEL_VALUE_MAX};
    struct bl_str longer = {text, BL_METRIC_LABEL_VALUE_MAX + 1};
    struct bl_str shorter = {text, BL_METRIC_LABEL_VALUE_MAX - 1};
    assert_ptr_equal(bl_metric_counter(&shard, BY_TENANT, &longest),
                     bl_metric_counter(&shard, BY_TENANT, &longer));
    assert_ptr_not_equal(bl_metric_counter(&shard, BY_TENANT, &longest),
                         bl_metric_counter(&shard, BY_TENANT, &shorter));
    struct bl_str broken = {"a\xff\0\n\x7f", 5};
    assert_ptr_equal(bl_metric_counter(&shard, BY_TENANT, &broken), tenant(&shard, "a????"));
    bl_metric_shard_fini(&shard);
}

static void test_values_in_any_script(void **state) {
    (void)state;
    struct bl_metric_shard shard;
    const char *name = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80";
    set_up(&shard, 100, 65536);
    struct bl_counter *cell = tenant(&shard, name);
    assert_ptr_equal(tenant(&shard, name), cell);
    const struct bl_metric_series *series = atomic_load(&shard.slots[BY_TENANT].newest);
    assert_ptr_equal(series->counter, cell);
    assert_true(bl_str_equal_c(series->labels[0], name));
    bl_metric_shard_fini(&shard);
}

static void test_gauge(void **state) {
    (void)state;
    struct bl_metric_shard shard;
    set_up(&shard, 1, 65536);
    struct bl_gauge *gauge = bl_metric_gauge(&shard, LEVEL, NULL);
    assert_true(bl_gauge_value(gauge) == 0.0);
    bl_gauge_set(gauge, 2.5);
    bl_gauge_add(gauge, -4);
    assert_true(bl_gauge_value(gauge) == -1.5);
    bl_gauge_set(gauge, NAN);
    assert_true(isnan(bl_gauge_value(gauge)));
    bl_metric_shard_fini(&shard);
}

static void test_buckets(void **state) {
    (void)state;
    struct bl_metric_shard shard;
    static const uint64_t fed[] = {0, 10, 11, 100, 101, 1000, 1001, UINT64_MAX - 3000};
    static const uint64_t expected[] = {2, 2, 2, 2};
    uint64_t sum = 0;
    set_up(&shard, 10, 65536);
    struct bl_str method = BL_STR("decide");
    struct bl_buckets *buckets = bl_metric_buckets(&shard, LATENCY, &method);
    for (size_t i = 0; i < sizeof(fed) / sizeof(fed[0]); i++) {
        bl_buckets_record(buckets, fed[i]);
        sum += fed[i];
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(atomic_load(&buckets->counts[i]), expected[i]);
    }
    assert_true(atomic_load(&buckets->sum) == sum);
    bl_metric_shard_fini(&shard);
}

static void test_catalogue_that_does_not_fit(void **state) {
    (void)state;
    static struct bl_metric_desc many[2000];
    struct bl_metric_shard shard;
    for (size_t i = 0; i < 2000; i++) {
        many[i] = metrics[LATENCY];
    }
    const struct bl_metric_catalogue large = {many, 2000};
    const struct bl_metric_limits limits = {10, 65536};
    bl_result result = bl_metric_shard_init(&shard, large, limits, 1);
    assert_int_equal(result.error, BL_E_RESOURCE_EXHAUSTED);
}

/* A reader walks while the writer adds series: under TSan this is the proof that it may. */
struct race {
    struct bl_metric_shard shard;
    _Atomic bool done;
};

static void *write_series(void *argument) {
    struct race *race = argument;
    for (size_t round = 0; round < 20; round++) {
        for (size_t i = 0; i < 1000; i++) {
            bl_counter_add(two(&race->shard, i), 1);
        }
    }
    atomic_store(&race->done, true);
    return NULL;
}

static void test_reading_while_writing(void **state) {
    (void)state;
    struct race race = {.done = false};
    pthread_t writer;
    set_up(&race.shard, 500, 1 << 20);
    assert_int_equal(pthread_create(&writer, NULL, write_series, &race), 0);
    uint64_t last = 0;
    bool done;
    do {
        done = atomic_load(&race.done);
        uint64_t sum = 0;
        const struct bl_metric_series *series = atomic_load(&race.shard.slots[BY_TWO].newest);
        for (; series != NULL; series = series->next) {
            assert_true(series->labels[1].len == 1 || series->labels[1].len == 6);
            sum += value_of(series->counter);
        }
        assert_true(sum >= last); /* counters only grow */
        last = sum;
    } while (!done);
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_int_equal(last, 20 * 1000);
    bl_metric_shard_fini(&race.shard);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_labels_same_cell),
        cmocka_unit_test(test_label_boundaries_are_kept),
        cmocka_unit_test(test_cap_of_a_metric),
        cmocka_unit_test(test_cap_of_the_shard),
        cmocka_unit_test(test_cap_of_memory),
        cmocka_unit_test(test_hostile_values),
        cmocka_unit_test(test_values_in_any_script),
        cmocka_unit_test(test_gauge),
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_catalogue_that_does_not_fit),
        cmocka_unit_test(test_reading_while_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
