#include "base/metric_text.h"

#include <assert.h>
#include <stdlib.h>

/* One of several series, in one of the shards. */
struct entry {
    const struct bl_metric_series *series;
};

/* One metric while it is written. */
struct writing {
    struct bl_buf *buf;
    const struct bl_metric_desc *desc;
};

/* Backslash and line feed, in label values also the quote. */
static void write_escaped(struct bl_buf *buf, struct bl_str text, bool in_quotes) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '\\') {
            bl_buf_literal(buf, "\\\\");
        } else if (c == '\n') {
            bl_buf_literal(buf, "\\n");
        } else if (c == '"' && in_quotes) {
            bl_buf_literal(buf, "\\\"");
        } else {
            bl_buf_char(buf, c);
        }
    }
}

static void write_help(struct bl_buf *buf, const struct bl_metric_desc *desc) {
    bl_buf_literal(buf, "# HELP ");
    bl_buf_str(buf, bl_str_from_c(desc->name));
    bl_buf_char(buf, ' ');
    write_escaped(buf, bl_str_from_c(desc->help), false);
    bl_buf_char(buf, '\n');
}

static void write_type(struct bl_buf *buf, const struct bl_metric_desc *desc) {
    static const char *const words[] = {
        [BL_METRIC_COUNTER] = "counter",
        [BL_METRIC_GAUGE] = "gauge",
        [BL_METRIC_HISTOGRAM] = "histogram",
    };

    bl_buf_literal(buf, "# TYPE ");
    bl_buf_str(buf, bl_str_from_c(desc->name));
    bl_buf_char(buf, ' ');
    bl_buf_str(buf, bl_str_from_c(words[desc->type]));
    bl_buf_char(buf, '\n');
}

/* A number as fed, in the unit that is shown. Powers of ten divide exactly rounded, so 5 ms is
 * 0.005 s and nothing longer. */
static void write_number(const struct writing *writing, uint64_t fed) {
    switch (writing->desc->unit) {
    case BL_METRIC_PLAIN:
        bl_buf_u64(writing->buf, fed);
        break;
    case BL_METRIC_MILLISECONDS:
        bl_buf_double(writing->buf, (double)fed / 1e6);
        break;
    case BL_METRIC_SECONDS:
    case BL_METRIC_MONEY:
        bl_buf_double(writing->buf, (double)fed / 1e9);
        break;
    }
}

/* name, suffix and labels; `bound` is the number of the bucket, or -1. */
static void write_name(const struct writing *writing, const struct bl_metric_series *series,
                       const char *suffix, int bound) {
    struct bl_buf *buf = writing->buf;
    const struct bl_metric_desc *desc = writing->desc;
    char separator = '{';

    bl_buf_str(buf, bl_str_from_c(desc->name));
    bl_buf_str(buf, bl_str_from_c(suffix));
    for (size_t i = 0; i < BL_METRIC_LABELS_MAX && desc->labels[i] != NULL; i++) {
        bl_buf_char(buf, separator);
        bl_buf_str(buf, bl_str_from_c(desc->labels[i]));
        bl_buf_literal(buf, "=\"");
        write_escaped(buf, series->labels[i], true);
        bl_buf_char(buf, '"');
        separator = ',';
    }
    if (bound >= 0) {
        bl_buf_char(buf, separator);
        bl_buf_literal(buf, "le=\"");
        if ((size_t)bound < desc->bound_count) {
            write_number(writing, desc->bounds[bound]);
        } else {
            bl_buf_literal(buf, "+Inf");
        }
        bl_buf_char(buf, '"');
        separator = ',';
    }
    bl_buf_str(buf, separator == ',' ? BL_STR("} ") : BL_STR(" "));
}

static uint64_t load(const _Atomic uint64_t *cell) {
    return atomic_load_explicit(cell, memory_order_relaxed);
}

static void write_counter(const struct writing *writing, const struct entry *same, size_t count) {
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum += load(&same[i].series->counter->value);
    }
    write_name(writing, same[0].series, "", -1);
    write_number(writing, sum);
    bl_buf_char(writing->buf, '\n');
}

static double merged_gauge(const struct bl_metric_desc *desc, const struct entry *same,
                           size_t count) {
    double merged = bl_gauge_value(same[0].series->gauge);

    for (size_t i = 1; i < count; i++) {
        double value = bl_gauge_value(same[i].series->gauge);
        if (desc->merge == BL_METRIC_SUM) {
            merged += value;
        } else if (value > merged) {
            merged = value;
        }
    }
    return merged;
}

static void write_gauge(const struct writing *writing, const struct entry *same, size_t count) {
    write_name(writing, same[0].series, "", -1);
    bl_buf_double(writing->buf, merged_gauge(writing->desc, same, count));
    bl_buf_char(writing->buf, '\n');
}

static void write_histogram(const struct writing *writing, const struct entry *same, size_t count) {
    struct bl_buf *buf = writing->buf;
    uint64_t below = 0;
    uint64_t sum = 0;

    for (size_t bound = 0; bound <= writing->desc->bound_count; bound++) {
        for (size_t i = 0; i < count; i++) {
            below += load(&same[i].series->buckets->counts[bound]);
        }
        write_name(writing, same[0].series, "_bucket", (int)bound);
        bl_buf_u64(buf, below);
        bl_buf_char(buf, '\n');
    }
    for (size_t i = 0; i < count; i++) {
        sum += load(&same[i].series->buckets->sum);
    }
    write_name(writing, same[0].series, "_sum", -1);
    write_number(writing, sum);
    bl_buf_char(buf, '\n');
    /* From the buckets, so that it equals the last of them whatever the writers do meanwhile. */
    write_name(writing, same[0].series, "_count", -1);
    bl_buf_u64(buf, below);
    bl_buf_char(buf, '\n');
}

static int compare_labels(const struct bl_metric_series *a, const struct bl_metric_series *b) {
    for (size_t i = 0; i < BL_METRIC_LABELS_MAX; i++) {
        int order = bl_str_compare(a->labels[i], b->labels[i]);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

static int compare_entries(const void *a, const void *b) {
    return compare_labels(((const struct entry *)a)->series, ((const struct entry *)b)->series);
}

/* The series of one metric in all shards, as of one moment. */
struct gathered {
    struct entry *entries;
    size_t count;
    size_t capacity;
};

static bool gather(struct gathered *gathered, const struct bl_metric_shard *const *shards,
                   size_t shard_count, size_t metric) {
    gathered->count = 0;
    for (size_t i = 0; i < shard_count; i++) {
        const struct bl_metric_series *series =
            atomic_load_explicit(&shards[i]->slots[metric].newest, memory_order_acquire);
        for (; series != NULL; series = series->next) {
            if (gathered->count == gathered->capacity) {
                size_t capacity = gathered->capacity * 2 + 64;
                void *larger = realloc(gathered->entries, capacity * sizeof(struct entry));
                if (larger == NULL) {
                    return false;
                }
                gathered->entries = larger;
                gathered->capacity = capacity;
            }
            gathered->entries[gathered->count++].series = series;
        }
    }
    return true;
}

/* Writes each run of series with equal labels as one. */
static void write_series(const struct writing *writing, const struct gathered *gathered) {
    size_t start = 0;

    while (start < gathered->count) {
        const struct entry *same = gathered->entries + start;
        size_t count = 1;
        while (start + count < gathered->count &&
               compare_labels(same[0].series, same[count].series) == 0) {
            count++;
        }
        switch (writing->desc->type) {
        case BL_METRIC_COUNTER:
            write_counter(writing, same, count);
            break;
        case BL_METRIC_GAUGE:
            write_gauge(writing, same, count);
            break;
        case BL_METRIC_HISTOGRAM:
            write_histogram(writing, same, count);
            break;
        }
        start += count;
    }
}

static bool write_metric(struct bl_buf *buf, struct gathered *gathered,
                         const struct bl_metric_shard *const *shards, size_t shard_count,
                         size_t metric, bool lead) {
    const struct writing writing = {buf, &shards[0]->catalogue.metrics[metric]};

    if (!gather(gathered, shards, shard_count, metric)) {
        return false;
    }
    if (lead) {
        assert(writing.desc->type == BL_METRIC_GAUGE && writing.desc->labels[0] == NULL);
        assert(gathered->entries != NULL && gathered->count >= 1);
        bl_metric_text_sample_first(buf, writing.desc,
                                    merged_gauge(writing.desc, gathered->entries, gathered->count));
        return true;
    }
    if (gathered->count > 1) {
        qsort(gathered->entries, gathered->count, sizeof(struct entry), compare_entries);
    }
    write_help(buf, writing.desc);
    write_type(buf, writing.desc);
    write_series(&writing, gathered);
    return true;
}

bl_result bl_metric_text_write(struct bl_buf *buf, const struct bl_metric_shard *const *shards,
                               size_t shard_count, size_t lead) {
    assert(shard_count >= 1);
    struct gathered gathered = {NULL, 0, 0};
    size_t metrics = shards[0]->catalogue.count;
    bool complete = true;

    if (lead != BL_METRIC_NO_LEAD) {
        assert(lead < metrics);
        complete = write_metric(buf, &gathered, shards, shard_count, lead, true);
    }
    for (size_t metric = 0; complete && !buf->overflowed && metric < metrics; metric++) {
        if (metric != lead) {
            complete = write_metric(buf, &gathered, shards, shard_count, metric, false);
        }
    }
    free(gathered.entries);
    return complete && !buf->overflowed ? BL_OK : BL_FAIL(RESOURCE_EXHAUSTED);
}

void bl_metric_text_sample_first(struct bl_buf *buf, const struct bl_metric_desc *desc,
                                 double value) {
    bl_buf_str(buf, bl_str_from_c(desc->name));
    bl_buf_char(buf, ' ');
    bl_buf_double(buf, value);
    bl_buf_char(buf, '\n');
    write_help(buf, desc);
}
