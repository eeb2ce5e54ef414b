#include "app/http_metrics.h"

#include "observe/metrics.h"

void bl_http_cells_init(struct bl_http_cells *cells, struct bl_metric_shard *shard,
                        struct bl_str listener) {
    const struct {
        struct bl_gauge **cell;
        enum bl_metric_id metric;
    } plain[] = {
        {&cells->open, BL_METRIC_HTTP_OPEN},           {&cells->accepted, BL_METRIC_HTTP_ACCEPTED},
        {&cells->under_way, BL_METRIC_HTTP_UNDER_WAY}, {&cells->memory, BL_METRIC_HTTP_MEMORY},
        {&cells->resets, BL_METRIC_HTTP_RESETS},       {&cells->bytes_in, BL_METRIC_HTTP_BYTES_IN},
        {&cells->bytes_out, BL_METRIC_HTTP_BYTES_OUT},
    };
    struct bl_str labels[2] = {listener, BL_STR_ABSENT};

    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        *plain[i].cell = bl_metric_gauge(shard, plain[i].metric, labels);
    }
    for (int p = 0; p < 2; p++) {
        labels[1] = p == 0 ? BL_STR("HTTP/1.1") : BL_STR("HTTP/2");
        cells->requests[p] = bl_metric_gauge(shard, BL_METRIC_HTTP_REQUESTS, labels);
    }
    for (int f = 0; f < BL_HTTP_FAULT_COUNT; f++) {
        labels[1] = bl_str_from_c(bl_http_fault_word((enum bl_http_fault)f));
        cells->faults[f] = bl_metric_gauge(shard, BL_METRIC_HTTP_FAULTS, labels);
    }
}

void bl_http_cells_set(const struct bl_http_cells *cells, const struct bl_http_counts *counts) {
    bl_gauge_set(cells->open, (double)counts->open);
    bl_gauge_set(cells->accepted, (double)counts->accepted);
    bl_gauge_set(cells->under_way, (double)counts->under_way);
    bl_gauge_set(cells->memory, (double)counts->memory_bytes);
    bl_gauge_set(cells->resets, (double)counts->resets);
    bl_gauge_set(cells->bytes_in, (double)counts->bytes_in);
    bl_gauge_set(cells->bytes_out, (double)counts->bytes_out);
    bl_gauge_set(cells->requests[0], (double)counts->requests_1);
    bl_gauge_set(cells->requests[1], (double)counts->requests_2);
    for (int f = 0; f < BL_HTTP_FAULT_COUNT; f++) {
        bl_gauge_set(cells->faults[f], (double)counts->faults[f]);
    }
}
