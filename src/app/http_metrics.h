/* What an HTTP server counts, as metrics with the listener's name as label. */
#ifndef BL_APP_HTTP_METRICS_H
#define BL_APP_HTTP_METRICS_H

#include "base/metric.h"
#include "net/http.h"

struct bl_http_cells {
    struct bl_gauge *open, *accepted, *under_way, *memory, *resets, *bytes_in, *bytes_out;
    struct bl_gauge *requests[2]; /* HTTP/1.1, HTTP/2 */
    struct bl_gauge *faults[BL_HTTP_FAULT_COUNT];
};

/* Resolves the cells in a shard of the router's catalogue. `listener` is "api" or "ops". */
void bl_http_cells_init(struct bl_http_cells *cells, struct bl_metric_shard *shard,
                        struct bl_str listener);

void bl_http_cells_set(const struct bl_http_cells *cells, const struct bl_http_counts *counts);

#endif
