#include "observe/metrics.h"

#define NO_LABELS                                                                                  \
    { NULL }
#define LABELS(...)                                                                                \
    { __VA_ARGS__ }

/* Upper ends in nanoseconds: from a decision in memory to a machine that swaps. */
static const uint64_t latency_bounds[] = {
    2000,    5000,    10000,   20000,    50000,    100000,    200000,    500000,
    1000000, 2000000, 5000000, 10000000, 50000000, 100000000, 500000000, 1000000000};

#define BOUNDS_COUNTER NULL, 0
#define BOUNDS_GAUGE NULL, 0
#define BOUNDS_HISTOGRAM latency_bounds, sizeof(latency_bounds) / sizeof(latency_bounds[0])

static const struct bl_metric_desc metrics[BL_METRIC_ID_COUNT] = {
#define X(symbol, name, type, unit, merge, series, labels, help)                                   \
    [BL_METRIC_##symbol] = {name,   help,   BL_METRIC_##type, BL_METRIC_##unit, BL_METRIC_##merge, \
                            series, labels, BOUNDS_##type},
    BL_METRIC_MAP(X)
#undef X
};

const struct bl_metric_catalogue bl_metric_catalogue = {metrics, BL_METRIC_ID_COUNT};

const struct bl_metric_limits bl_metric_limits = {.series_max = 1024,
                                                  .bytes_max = (size_t)1024 * 1024};
