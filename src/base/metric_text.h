/*
 * The Prometheus text format, version 0.0.4, from the shards of all threads.
 *
 * Every metric of the catalogue has its HELP and TYPE once, then its series in order of their label
 * values, each summed over the shards that have it. Text is escaped as the format asks. Served as
 * "text/plain; version=0.0.4; charset=utf-8".
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/
 */
#ifndef BL_BASE_METRIC_TEXT_H
#define BL_BASE_METRIC_TEXT_H

#include "base/buf.h"
#include "base/metric.h"

#define BL_METRIC_NO_LEAD ((size_t)-1)

/*
 * Appends the whole body. All shards are of the same catalogue; their writers may go on writing.
 * `lead` is the index of a gauge without labels that goes first, sample before HELP (for clients
 * that look for it at the very start), or BL_METRIC_NO_LEAD.
 * Fails with RESOURCE_EXHAUSTED when the body does not fit into `buf` (then `buf` is overflowed and
 * holds a part: a larger one is needed) or there is no memory. Takes heap for one pointer per series
 * while it runs. Any thread.
 */
BL_MUST_USE bl_result bl_metric_text_write(struct bl_buf *buf,
                                           const struct bl_metric_shard *const *shards,
                                           size_t shard_count, size_t lead);

/* Appends "name value" and then the HELP line of a gauge without labels. There is no TYPE line: the
 * format forbids one after a sample. */
void bl_metric_text_sample_first(struct bl_buf *buf, const struct bl_metric_desc *desc,
                                 double value);

#endif
