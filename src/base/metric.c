#include "base/metric.h"

#include <assert.h>
#include <stdlib.h>

#include "base/text.h"

/* A series is looked up by its metric and its label values, each with its length before it. */
#define KEY_MAX (2 + BL_METRIC_LABELS_MAX * (1 + BL_METRIC_LABEL_VALUE_MAX))
_Static_assert(BL_METRIC_LABEL_VALUE_MAX <= UINT8_MAX, "the length is one byte");

struct key {
    size_t len;
    char bytes[KEY_MAX];
};

#define CHUNK_BYTES ((size_t)16384)

static size_t label_count(const struct bl_metric_desc *desc) {
    size_t count = 0;

    while (count < BL_METRIC_LABELS_MAX && desc->labels[count] != NULL) {
        count++;
    }
    return count;
}

/* Appends one value with its length: valid UTF-8 without control characters (some readers of the
 * text format take a NUL for its end), cut to the limit. */
static void add_value(struct key *key, struct bl_str value) {
    struct bl_str kept = bl_utf8_cut(value, BL_METRIC_LABEL_VALUE_MAX);
    char *out = key->bytes + key->len;

    *out++ = (char)(unsigned char)kept.len;
    for (size_t i = 0; i < kept.len;) {
        char c = kept.data[i];
        if (c >= 0x20 && c < 0x7f) { /* nearly always */
            *out++ = c;
            i++;
            continue;
        }
        size_t step = bl_utf8_char_len(kept.data + i, kept.len - i);
        if (step <= 1) { /* not UTF-8, or a control character */
            *out++ = '?';
            i++;
        } else {
            memcpy(out, kept.data + i, step);
            out += step;
            i += step;
        }
    }
    key->len += 1 + kept.len;
}

/* The label values of a key, as views into it. */
static void split_key(struct bl_str key, size_t count, struct bl_str *labels) {
    const char *in = key.data + 2;

    for (size_t i = 0; i < count; i++) {
        size_t len = (unsigned char)*in++;
        labels[i] = (struct bl_str){in, len};
        in += len;
    }
}

/* Cells for one series, all 0; false when the arena is exhausted. */
static bool add_cells(struct bl_metric_shard *shard, const struct bl_metric_desc *desc,
                      struct bl_metric_series *series) {
    if (desc->type == BL_METRIC_COUNTER) {
        series->counter = bl_arena_calloc(&shard->arena, 1, sizeof(*series->counter));
        return series->counter != NULL;
    }
    if (desc->type == BL_METRIC_GAUGE) {
        series->gauge = bl_arena_calloc(&shard->arena, 1, sizeof(*series->gauge));
        return series->gauge != NULL;
    }
    size_t size = sizeof(struct bl_buckets) + (desc->bound_count + 1) * sizeof(_Atomic uint64_t);
    series->buckets = bl_arena_calloc(&shard->arena, 1, size);
    if (series->buckets == NULL) {
        return false;
    }
    series->buckets->bounds = desc->bounds;
    series->buckets->bound_count = desc->bound_count;
    return true;
}

/* A series outside of any list, or NULL. */
static struct bl_metric_series *new_series(struct bl_metric_shard *shard,
                                           const struct bl_metric_desc *desc) {
    struct bl_metric_series *series = bl_arena_calloc(&shard->arena, 1, sizeof(*series));

    return series != NULL && add_cells(shard, desc, series) ? series : NULL;
}

/* From here on readers see it. */
static void publish(struct bl_metric_slot *slot, struct bl_metric_series *series) {
    series->next = atomic_load_explicit(&slot->newest, memory_order_relaxed);
    atomic_store_explicit(&slot->newest, series, memory_order_release);
}

/* The only series of a metric without labels, or the "_other" series of one with labels. The
 * latter is published when it is first used. */
static bool init_slot(struct bl_metric_shard *shard, const struct bl_metric_desc *desc,
                      struct bl_metric_slot *slot) {
    struct bl_metric_series *series = new_series(shard, desc);
    size_t labels = label_count(desc);

    if (series == NULL) {
        return false;
    }
    for (size_t i = 0; i < labels; i++) {
        series->labels[i] = BL_STR(BL_METRIC_OTHER);
    }
    if (labels > 0) {
        slot->other = series;
    } else {
        publish(slot, series);
    }
    return true;
}

static void check(const struct bl_metric_desc *desc) {
    assert(desc->series_max >= 1);
    if (desc->type == BL_METRIC_HISTOGRAM) {
        assert(desc->bound_count >= 1 && desc->bound_count <= BL_METRIC_BOUNDS_MAX);
        for (size_t i = 1; i < desc->bound_count; i++) {
            assert(desc->bounds[i - 1] < desc->bounds[i]);
        }
    }
}

bl_result bl_metric_shard_init(struct bl_metric_shard *shard, struct bl_metric_catalogue catalogue,
                               struct bl_metric_limits limits, uint64_t seed) {
    assert(catalogue.count <= UINT16_MAX);
    *shard = (struct bl_metric_shard){.catalogue = catalogue};
    size_t bytes_max = limits.bytes_max < CHUNK_BYTES ? CHUNK_BYTES : limits.bytes_max;
    bl_arena_init(&shard->arena, CHUNK_BYTES, bytes_max);
    bl_result result = bl_map_init(&shard->by_labels, limits.series_max, seed, NULL);
    shard->slots = calloc(catalogue.count + 1, sizeof(*shard->slots));
    bool complete = bl_is_ok(result) && shard->slots != NULL;
    for (size_t i = 0; complete && i < catalogue.count; i++) {
        check(&catalogue.metrics[i]);
        complete = init_slot(shard, &catalogue.metrics[i], &shard->slots[i]);
    }
    if (!complete) {
        bl_metric_shard_fini(shard);
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    return BL_OK;
}

void bl_metric_shard_fini(struct bl_metric_shard *shard) {
    bl_map_fini(&shard->by_labels);
    bl_arena_fini(&shard->arena);
    free(shard->slots);
    shard->slots = NULL;
    shard->catalogue = (struct bl_metric_catalogue){NULL, 0};
}

/* A new series under `key`, or NULL when a cap is reached. */
static struct bl_metric_series *add_series(struct bl_metric_shard *shard, size_t metric,
                                           const struct key *key) {
    const struct bl_metric_desc *desc = &shard->catalogue.metrics[metric];
    struct bl_metric_slot *slot = &shard->slots[metric];
    struct bl_str kept;

    if (slot->count >= desc->series_max || shard->by_labels.count == shard->by_labels.capacity ||
        bl_is_error(bl_arena_copy(&shard->arena, (struct bl_str){key->bytes, key->len}, &kept))) {
        return NULL;
    }
    struct bl_metric_series *series = new_series(shard, desc);
    if (series == NULL ||
        bl_is_error(bl_map_put(&shard->by_labels, kept, (union bl_map_value){.pointer = series}))) {
        return NULL;
    }
    split_key(kept, label_count(desc), series->labels);
    slot->count++;
    publish(slot, series);
    return series;
}

static struct bl_metric_series *other_series(struct bl_metric_slot *slot) {
    uint64_t overflowed = atomic_load_explicit(&slot->overflowed, memory_order_relaxed);

    atomic_store_explicit(&slot->overflowed, overflowed + 1, memory_order_relaxed);
    if (overflowed == 0) {
        publish(slot, slot->other);
    }
    return slot->other;
}

static struct bl_metric_series *resolve(struct bl_metric_shard *shard, size_t metric,
                                        enum bl_metric_type type, const struct bl_str *values) {
    assert(metric < shard->catalogue.count && shard->catalogue.metrics[metric].type == type);
    struct bl_metric_slot *slot = &shard->slots[metric];
    size_t labels = label_count(&shard->catalogue.metrics[metric]);
    struct key key;

    if (labels == 0) {
        return atomic_load_explicit(&slot->newest, memory_order_relaxed);
    }
    key.bytes[0] = (char)(metric & 0xff);
    key.bytes[1] = (char)(metric >> 8);
    key.len = 2;
    for (size_t i = 0; i < labels; i++) {
        add_value(&key, values[i]);
    }
    const union bl_map_value *found =
        bl_map_find(&shard->by_labels, (struct bl_str){key.bytes, key.len});
    if (found != NULL) {
        return found->pointer;
    }
    struct bl_metric_series *series = add_series(shard, metric, &key);
    return series != NULL ? series : other_series(slot);
}

struct bl_counter *bl_metric_counter(struct bl_metric_shard *shard, size_t metric,
                                     const struct bl_str *values) {
    return resolve(shard, metric, BL_METRIC_COUNTER, values)->counter;
}

struct bl_gauge *bl_metric_gauge(struct bl_metric_shard *shard, size_t metric,
                                 const struct bl_str *values) {
    return resolve(shard, metric, BL_METRIC_GAUGE, values)->gauge;
}

struct bl_buckets *bl_metric_buckets(struct bl_metric_shard *shard, size_t metric,
                                     const struct bl_str *values) {
    return resolve(shard, metric, BL_METRIC_HISTOGRAM, values)->buckets;
}

uint64_t bl_metric_overflowed(const struct bl_metric_shard *shard, size_t metric) {
    assert(metric < shard->catalogue.count);
    return atomic_load_explicit(&shard->slots[metric].overflowed, memory_order_relaxed);
}

static void add(_Atomic uint64_t *cell, uint64_t n) {
    uint64_t value = atomic_load_explicit(cell, memory_order_relaxed);

    atomic_store_explicit(cell, value + n, memory_order_relaxed);
}

void bl_buckets_record(struct bl_buckets *buckets, uint64_t value) {
    size_t i = 0;

    while (i < buckets->bound_count && value > buckets->bounds[i]) {
        i++;
    }
    add(&buckets->counts[i], 1);
    add(&buckets->sum, value);
}
