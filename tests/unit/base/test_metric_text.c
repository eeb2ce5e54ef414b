#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/metric_text.h"

enum { LEAD, REQUESTS, LATENCY, COST, SHARE, WORST, WAITED };

static const uint64_t bounds_ns[] = {5000000, 100000000, UINT64_C(2500000000)};

static const struct bl_metric_desc metrics[] = {
    [LEAD] = {.name = "backpressure_active",
              .help = "1 while intake refuses",
              .type = BL_METRIC_GAUGE,
              .merge = BL_METRIC_MAX,
              .series_max = 1},
    [REQUESTS] = {.name = "requests_total",
                  .help = "A backslash \\ and a\nline feed \"quoted\"",
                  .series_max = 2,
                  .labels = {"method", "status"}},
    [LATENCY] = {.name = "duration_seconds",
                 .help = "Time",
                 .type = BL_METRIC_HISTOGRAM,
                 .unit = BL_METRIC_SECONDS,
                 .series_max = 10,
                 .labels = {"method"},
                 .bounds = bounds_ns,
                 .bound_count = 3},
    [COST] = {.name = "cost_total", .help = "Cost", .unit = BL_METRIC_MONEY, .series_max = 1},
    [SHARE] = {.name = "share", .help = "Sum", .type = BL_METRIC_GAUGE, .series_max = 1},
    [WORST] = {.name = "worst",
               .help = "Max",
               .type = BL_METRIC_GAUGE,
               .merge = BL_METRIC_MAX,
               .series_max = 5,
               .labels = {"provider"}},
    [WAITED] = {.name = "waited_ms",
                .help = "Wait",
                .type = BL_METRIC_HISTOGRAM,
                .unit = BL_METRIC_MILLISECONDS,
                .series_max = 1,
                .bounds = bounds_ns,
                .bound_count = 1},
};
static const struct bl_metric_catalogue catalogue = {metrics, sizeof(metrics) / sizeof(metrics[0])};

struct fixture {
    struct bl_metric_shard shards[2];
    const struct bl_metric_shard *views[2];
    char storage[8192];
    struct bl_buf buf;
};

static void set_up(struct fixture *fixture) {
    const struct bl_metric_limits limits = {100, 65536};
    for (size_t i = 0; i < 2; i++) {
        assert_true(bl_is_ok(bl_metric_shard_init(&fixture->shards[i], catalogue, limits, i)));
        fixture->views[i] = &fixture->shards[i];
    }
    bl_buf_init(&fixture->buf, fixture->storage, sizeof(fixture->storage) - 1);
}

static void tear_down(struct fixture *fixture) {
    bl_metric_shard_fini(&fixture->shards[0]);
    bl_metric_shard_fini(&fixture->shards[1]);
}

static void count(struct bl_metric_shard *shard, const char *method, const char *status,
                  uint64_t n) {
    const struct bl_str values[] = {bl_str_from_c(method), bl_str_from_c(status)};
    bl_counter_add(bl_metric_counter(shard, REQUESTS, values), n);
}

static const char *body(struct fixture *fixture, size_t lead) {
    bl_buf_reset(&fixture->buf);
    assert_true(bl_is_ok(bl_metric_text_write(&fixture->buf, fixture->views, 2, lead)));
    fixture->storage[fixture->buf.len] = '\0';
    return fixture->storage;
}

static void test_whole_body(void **state) {
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    count(&fixture.shards[0], "decide", "ok", 3);
    count(&fixture.shards[1], "decide", "ok", 4);
    count(&fixture.shards[1], "decide", "error", 1);
    struct bl_str decide = BL_STR("decide");
    struct bl_buckets *buckets[] = {bl_metric_buckets(&fixture.shards[0], LATENCY, &decide),
                                    bl_metric_buckets(&fixture.shards[1], LATENCY, &decide)};
    bl_buckets_record(buckets[0], 5000000);   /* on the first bound */
    bl_buckets_record(buckets[0], 5000001);   /* in the second bucket */
    bl_buckets_record(buckets[1], 100000000); /* on the second */
    bl_buckets_record(buckets[1], UINT64_C(3000000000));
    bl_counter_add(bl_metric_counter(&fixture.shards[0], COST, NULL), 12000000);
    bl_gauge_set(bl_metric_gauge(&fixture.shards[0], SHARE, NULL), 0.25);
    bl_gauge_set(bl_metric_gauge(&fixture.shards[1], SHARE, NULL), 0.5);
    bl_buckets_record(bl_metric_buckets(&fixture.shards[0], WAITED, NULL), 1500000);
    struct bl_str provider = BL_STR("p1");
    bl_gauge_set(bl_metric_gauge(&fixture.shards[0], WORST, &provider), 2);
    bl_gauge_set(bl_metric_gauge(&fixture.shards[1], WORST, &provider), 1);
    assert_string_equal(body(&fixture, LEAD),
                        "backpressure_active 0\n"
                        "# HELP backpressure_active 1 while intake refuses\n"
                        "# HELP requests_total A backslash \\\\ and a\\nline feed \"quoted\"\n"
                        "# TYPE requests_total counter\n"
                        "requests_total{method=\"decide\",status=\"error\"} 1\n"
                        "requests_total{method=\"decide\",status=\"ok\"} 7\n"
                        "# HELP duration_seconds Time\n"
                        "# TYPE duration_seconds histogram\n"
                        "duration_seconds_bucket{method=\"decide\",le=\"0.005\"} 1\n"
                        "duration_seconds_bucket{method=\"decide\",le=\"0.1\"} 3\n"
                        "duration_seconds_bucket{method=\"decide\",le=\"2.5\"} 3\n"
                        "duration_seconds_bucket{method=\"decide\",le=\"+Inf\"} 4\n"
                        "duration_seconds_sum{method=\"decide\"} 3.110000001\n"
                        "duration_seconds_count{method=\"decide\"} 4\n"
                        "# HELP cost_total Cost\n"
                        "# TYPE cost_total counter\n"
                        "cost_total 0.012\n"
                        "# HELP share Sum\n"
                        "# TYPE share gauge\n"
                        "share 0.75\n"
                        "# HELP worst Max\n"
                        "# TYPE worst gauge\n"
                        "worst{provider=\"p1\"} 2\n"
                        "# HELP waited_ms Wait\n"
                        "# TYPE waited_ms histogram\n"
                        "waited_ms_bucket{le=\"5\"} 1\n"
                        "waited_ms_bucket{le=\"+Inf\"} 1\n"
                        "waited_ms_sum 1.5\n"
                        "waited_ms_count 1\n");
    tear_down(&fixture);
}

static void test_lead(void **state) {
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    bl_gauge_set(bl_metric_gauge(&fixture.shards[1], LEAD, NULL), 1);
    const char *text = body(&fixture, LEAD);
    const char *first =
        "backpressure_active 1\n# HELP backpressure_active 1 while intake refuses\n";
    assert_memory_equal(text, first, strlen(first));
    assert_null(strstr(text + strlen(first), "backpressure_active"));
    text = body(&fixture, BL_METRIC_NO_LEAD);
    assert_memory_equal(text, "# HELP backpressure_active", 26);
    assert_non_null(strstr(text, "# TYPE backpressure_active gauge\nbackpressure_active 1\n"));
    tear_down(&fixture);
}

static void test_label_escapes(void **state) {
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    count(&fixture.shards[0], "a\"b\\c", "\n", 1);
    assert_non_null(strstr(body(&fixture, BL_METRIC_NO_LEAD),
                           "\nrequests_total{method=\"a\\\"b\\\\c\",status=\"?\"} 1\n"));
    tear_down(&fixture);
}

static void test_overflow_is_one_series(void **state) {
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    assert_null(strstr(body(&fixture, BL_METRIC_NO_LEAD), "_other"));
    for (size_t i = 0; i < 2; i++) {
        count(&fixture.shards[i], "a", "", 1);
        /* Someone sends the name of the overflow series: still one line for both. */
        count(&fixture.shards[i], "_other", "_other", 10);
        count(&fixture.shards[i], "b", "", 100);
        count(&fixture.shards[i], "c", "", 1000);
    }
    const char *text = body(&fixture, BL_METRIC_NO_LEAD);
    const char *line = strstr(text, "requests_total{method=\"_other\"");
    assert_non_null(line);
    const char *expected = "requests_total{method=\"_other\",status=\"_other\"} 2220\n";
    assert_memory_equal(line, expected, strlen(expected));
    assert_null(strstr(line + strlen(expected), "_other\",status=\"_other\"} "));
    tear_down(&fixture);
}

static void test_every_smaller_buffer_is_refused(void **state) {
    (void)state;
    struct fixture fixture;
    set_up(&fixture);
    count(&fixture.shards[0], "decide", "ok", 3);
    size_t whole = strlen(body(&fixture, LEAD));
    for (size_t capacity = 0; capacity <= whole; capacity++) {
        bl_buf_init(&fixture.buf, fixture.storage, capacity);
        bl_result result = bl_metric_text_write(&fixture.buf, fixture.views, 2, LEAD);
        assert_int_equal(result.error, capacity < whole ? BL_E_RESOURCE_EXHAUSTED : BL_E_NONE);
        assert_true(fixture.buf.overflowed == (capacity < whole));
    }
    tear_down(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_body),
        cmocka_unit_test(test_lead),
        cmocka_unit_test(test_label_escapes),
        cmocka_unit_test(test_overflow_is_one_series),
        cmocka_unit_test(test_every_smaller_buffer_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
