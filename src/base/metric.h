/*
 * Metrics: cells that one thread writes and any thread reads.
 *
 * A catalogue is a constant array of descriptions, made from one table elsewhere. Each thread that
 * counts has a shard: its own cells for every metric of the catalogue, so counting is a plain load
 * and store, without locks or shared cache lines. A reader adds the shards up (base/metric_text.h).
 *
 * A series is one metric with one set of label values. It comes into being when it is first asked
 * for, and stays until the shard ends, so the pointer to its cell can be kept and used for good.
 * Label values come from outside, and a caller who invents them must not make us grow: each metric
 * has a cap of series, each shard a cap of series and of memory. Past a cap the cell of the series
 * whose label values are all "_other" is handed out, and that is counted.
 *
 * Threads: one writer per shard (init, fini, resolving and changing cells). Any thread may read
 * while the writer writes.
 */
#ifndef BL_BASE_METRIC_H
#define BL_BASE_METRIC_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/result.h"
#include "base/str.h"

#define BL_METRIC_LABELS_MAX 3
#define BL_METRIC_LABEL_VALUE_MAX ((size_t)128) /* bytes; longer values are cut */
#define BL_METRIC_BOUNDS_MAX 32
#define BL_METRIC_OTHER "_other"

enum bl_metric_type { BL_METRIC_COUNTER, BL_METRIC_GAUGE, BL_METRIC_HISTOGRAM };

/* What counters and histograms are fed, and what is shown. Gauges hold what is shown. */
enum bl_metric_unit {
    BL_METRIC_PLAIN,        /* a number of things or bytes, shown as it is */
    BL_METRIC_SECONDS,      /* fed nanoseconds, shown as seconds */
    BL_METRIC_MILLISECONDS, /* fed nanoseconds, shown as milliseconds */
    BL_METRIC_MONEY,        /* fed nano-units (base/money.h), shown as units */
};

/* How the gauges of several shards become one. Counters and histograms are always added. */
enum bl_metric_merge { BL_METRIC_SUM, BL_METRIC_MAX };

struct bl_metric_desc {
    const char *name; /* [a-zA-Z_:][a-zA-Z0-9_:]* */
    const char *help;
    enum bl_metric_type type;
    enum bl_metric_unit unit;
    enum bl_metric_merge merge;
    uint32_t series_max;                      /* per shard, "_other" not counted; ≥ 1 */
    const char *labels[BL_METRIC_LABELS_MAX]; /* names; the first NULL ends them */
    const uint64_t *bounds;                   /* of a histogram: upper ends, as fed, rising */
    size_t bound_count; /* 1 to BL_METRIC_BOUNDS_MAX; "+Inf" comes by itself */
};

struct bl_metric_catalogue {
    const struct bl_metric_desc *metrics;
    size_t count;
};

struct bl_counter {
    _Atomic uint64_t value;
};

struct bl_gauge {
    _Atomic uint64_t bits; /* of a double */
};

struct bl_buckets {
    const uint64_t *bounds;
    size_t bound_count;
    _Atomic uint64_t sum;
    _Atomic uint64_t counts[]; /* bound_count + 1, each for its own interval */
};

struct bl_metric_series {
    struct bl_metric_series *next; /* older series of the same metric */
    struct bl_str labels[BL_METRIC_LABELS_MAX];
    union {
        struct bl_counter *counter;
        struct bl_gauge *gauge;
        struct bl_buckets *buckets;
    };
};

/* The series of one metric in one shard. */
struct bl_metric_slot {
    _Atomic(struct bl_metric_series *) newest;
    struct bl_metric_series *other; /* NULL without labels */
    _Atomic uint64_t overflowed;    /* how often `other` was handed out */
    uint32_t count;
};

struct bl_metric_shard {
    struct bl_metric_catalogue catalogue;
    struct bl_metric_slot *slots; /* one per metric */
    struct bl_map by_labels;
    struct bl_arena arena;
};

struct bl_metric_limits {
    size_t series_max; /* of all metrics with labels together */
    size_t bytes_max;  /* for series, cells and label values */
};

/* A shard with all metrics without labels at 0. The catalogue must outlive it; `seed` is drawn
 * anew at each start. Ended by bl_metric_shard_fini, when nobody reads any more. Fails with
 * RESOURCE_EXHAUSTED when there is no memory or `limits` cannot hold the catalogue. */
BL_MUST_USE bl_result bl_metric_shard_init(struct bl_metric_shard *shard,
                                           struct bl_metric_catalogue catalogue,
                                           struct bl_metric_limits limits, uint64_t seed);
void bl_metric_shard_fini(struct bl_metric_shard *shard);

/* The cell of a series; never NULL, good until the shard ends. `metric` is an index of the
 * catalogue and must be of that type; `values` has one value for each label name and may be NULL
 * without labels. An absent value is the empty one; control characters and bytes that are not
 * UTF-8 become '?'. About 50 ns: resolve once, keep the pointer. Writer only. */
struct bl_counter *bl_metric_counter(struct bl_metric_shard *shard, size_t metric,
                                     const struct bl_str *values);
struct bl_gauge *bl_metric_gauge(struct bl_metric_shard *shard, size_t metric,
                                 const struct bl_str *values);
struct bl_buckets *bl_metric_buckets(struct bl_metric_shard *shard, size_t metric,
                                     const struct bl_str *values);

/* How often a metric's "_other" series was handed out. Any thread. */
uint64_t bl_metric_overflowed(const struct bl_metric_shard *shard, size_t metric);

/* Changing cells: writer only. */
static inline void bl_counter_add(struct bl_counter *counter, uint64_t n) {
    uint64_t value = atomic_load_explicit(&counter->value, memory_order_relaxed);

    atomic_store_explicit(&counter->value, value + n, memory_order_relaxed);
}

static inline void bl_gauge_set(struct bl_gauge *gauge, double value) {
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    atomic_store_explicit(&gauge->bits, bits, memory_order_relaxed);
}

static inline double bl_gauge_value(const struct bl_gauge *gauge) {
    uint64_t bits = atomic_load_explicit(&gauge->bits, memory_order_relaxed);
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline void bl_gauge_add(struct bl_gauge *gauge, double change) {
    bl_gauge_set(gauge, bl_gauge_value(gauge) + change);
}

/* Counts `value` in the first bucket whose bound is not below it. */
void bl_buckets_record(struct bl_buckets *buckets, uint64_t value);

#endif
