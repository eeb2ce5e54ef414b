#include "base/histogram.h"

static uint64_t load(const _Atomic uint64_t *cell) {
    return atomic_load_explicit(cell, memory_order_relaxed);
}

static void store(_Atomic uint64_t *cell, uint64_t value) {
    atomic_store_explicit(cell, value, memory_order_relaxed);
}

void bl_histogram_init(struct bl_histogram *histogram) {
    store(&histogram->count, 0);
    store(&histogram->sum, 0);
    store(&histogram->min, UINT64_MAX);
    store(&histogram->max, 0);
    for (size_t i = 0; i < BL_HISTOGRAM_CELLS; i++) {
        store(&histogram->cells[i], 0);
    }
}

void bl_histogram_merge(struct bl_histogram *into, const struct bl_histogram *from) {
    uint64_t min = load(&from->min);
    uint64_t max = load(&from->max);

    for (size_t i = 0; i < BL_HISTOGRAM_CELLS; i++) {
        uint64_t n = load(&from->cells[i]);
        if (n != 0) {
            store(&into->cells[i], load(&into->cells[i]) + n);
        }
    }
    store(&into->count, load(&into->count) + load(&from->count));
    store(&into->sum, load(&into->sum) + load(&from->sum));
    if (min < load(&into->min)) {
        store(&into->min, min);
    }
    if (max > load(&into->max)) {
        store(&into->max, max);
    }
}

/* The middle of a cell, rounded down. */
static uint64_t middle(size_t cell) {
    const size_t cells_per_octave = (size_t)1 << BL_HISTOGRAM_SUB_BITS;
    size_t shift = cell < 2 * cells_per_octave ? 0 : cell / cells_per_octave - 1;
    uint64_t lowest = (uint64_t)(cell - shift * cells_per_octave) << shift;

    return lowest + (((UINT64_C(1) << shift) - 1) >> 1);
}

/* ceil(count * percentile / 100), at least 1. Percentiles such as 99.9 are not exact in binary:
 * an excess that small is not another rank. */
static uint64_t rank_of(double percentile, uint64_t count) {
    double exact = percentile / 100.0 * (double)count;
    uint64_t rank = (uint64_t)exact;

    if (exact - (double)rank > exact * 1e-12) {
        rank++;
    }
    return rank < 1 ? 1 : rank < count ? rank : count;
}

uint64_t bl_histogram_percentile(const struct bl_histogram *histogram, double percentile) {
    uint64_t count = 0;

    for (size_t i = 0; i < BL_HISTOGRAM_CELLS; i++) {
        count += load(&histogram->cells[i]);
    }
    if (count == 0) {
        return 0;
    }
    uint64_t min = bl_histogram_min(histogram);
    uint64_t max = bl_histogram_max(histogram);
    if (!(percentile > 0)) {
        return min;
    }
    if (percentile >= 100) {
        return max;
    }
    uint64_t rank = rank_of(percentile, count);
    uint64_t below = 0;
    size_t cell = 0;
    while (cell < BL_HISTOGRAM_CELLS - 1) {
        below += load(&histogram->cells[cell]);
        if (below >= rank) {
            break;
        }
        cell++;
    }
    uint64_t value = middle(cell);
    value = value < min ? min : value;
    return value > max ? max : value;
}

uint64_t bl_histogram_count(const struct bl_histogram *histogram) {
    return load(&histogram->count);
}

uint64_t bl_histogram_min(const struct bl_histogram *histogram) {
    uint64_t min = load(&histogram->min);

    return min > load(&histogram->max) ? 0 : min;
}

uint64_t bl_histogram_max(const struct bl_histogram *histogram) {
    return load(&histogram->max);
}

double bl_histogram_mean(const struct bl_histogram *histogram) {
    uint64_t count = load(&histogram->count);

    return count == 0 ? 0 : (double)load(&histogram->sum) / (double)count;
}
