/*
 * Histograms of times, sizes and counts, in fixed memory.
 *
 * Log-linear: values up to 127 have a cell each, and every octave [2^k, 2^(k+1)) above is divided
 * into 64 cells of equal width. A percentile answers with the middle of a cell, so it is off by at
 * most half a cell: 1/128 = 0.78 % of the value, at any size up to 2^47 - 1 (39 hours in
 * nanoseconds). Larger values are counted in the last cell; minimum, maximum, sum and count stay
 * exact. The unit is the caller's. With shift = max(0, floor(log2(value)) - 6):
 *
 *   cell  = 64 * shift + (value >> shift)
 *   least = (cell - 64 * shift) << shift, with shift = max(0, cell / 64 - 1)
 *   most  = least + 2^shift - 1
 *
 * Source of the idea: G. Tene, HdrHistogram. 21 KiB each: for latencies that people read. Metrics
 * with many series use buckets (base/metric.h).
 *
 * Threads: one writes; any may read at any time without a lock and sees each cell as of some
 * recent moment. A percentile is taken from the cells alone, so it belongs to values that were
 * recorded, even if count and sum are a moment behind.
 */
#ifndef BL_BASE_HISTOGRAM_H
#define BL_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define BL_HISTOGRAM_SUB_BITS 6 /* 64 cells an octave */
#define BL_HISTOGRAM_VALUE_BITS 47
#define BL_HISTOGRAM_CELLS                                                                         \
    ((size_t)(BL_HISTOGRAM_VALUE_BITS - BL_HISTOGRAM_SUB_BITS + 1) << BL_HISTOGRAM_SUB_BITS)

struct bl_histogram {
    _Atomic uint64_t count;
    _Atomic uint64_t sum; /* wraps at 2^64 */
    _Atomic uint64_t min; /* UINT64_MAX while empty */
    _Atomic uint64_t max;
    _Atomic uint64_t cells[BL_HISTOGRAM_CELLS];
};

/* Makes it empty. Writer only, before others read, or to start anew. */
void bl_histogram_init(struct bl_histogram *histogram);

/* The cell that counts `value`. */
static inline size_t bl_histogram_cell(uint64_t value) {
    const uint64_t largest = (UINT64_C(1) << BL_HISTOGRAM_VALUE_BITS) - 1;
    uint64_t bounded = value < largest ? value : largest;
    unsigned octave = 63u - (unsigned)__builtin_clzll(bounded | 1);
    unsigned shift = octave > BL_HISTOGRAM_SUB_BITS ? octave - BL_HISTOGRAM_SUB_BITS : 0;

    return ((size_t)shift << BL_HISTOGRAM_SUB_BITS) + (size_t)(bounded >> shift);
}

/* Adds one value. Writer only: plain loads and stores, no locked instruction. About 3 ns. */
static inline void bl_histogram_record(struct bl_histogram *histogram, uint64_t value) {
#define BL_LOAD(cell) atomic_load_explicit(&(cell), memory_order_relaxed)
#define BL_STORE(cell, content) atomic_store_explicit(&(cell), (content), memory_order_relaxed)
    _Atomic uint64_t *cell = &histogram->cells[bl_histogram_cell(value)];

    if (value < BL_LOAD(histogram->min)) {
        BL_STORE(histogram->min, value);
    }
    if (value > BL_LOAD(histogram->max)) {
        BL_STORE(histogram->max, value);
    }
    BL_STORE(*cell, BL_LOAD(*cell) + 1);
    BL_STORE(histogram->count, BL_LOAD(histogram->count) + 1);
    BL_STORE(histogram->sum, BL_LOAD(histogram->sum) + value);
#undef BL_LOAD
#undef BL_STORE
}

/* Adds what `from` holds to `into`. The caller is the writer of `into`. */
void bl_histogram_merge(struct bl_histogram *into, const struct bl_histogram *from);

/* The value that `percentile` (0 to 100; what is outside is taken as the nearer end) of all values
 * do not exceed, by nearest rank, within 0.78 %. 0 gives the least value, 100 the largest, both
 * exact. An empty histogram gives 0. */
uint64_t bl_histogram_percentile(const struct bl_histogram *histogram, double percentile);

uint64_t bl_histogram_count(const struct bl_histogram *histogram);
uint64_t bl_histogram_min(const struct bl_histogram *histogram); /* 0 when empty */
uint64_t bl_histogram_max(const struct bl_histogram *histogram);
double bl_histogram_mean(const struct bl_histogram *histogram); /* 0 when empty */

#endif
