/* What a worker counts. */
#include "app/worker_private.h"

#define CHECK_SECONDS 60

static struct bl_counter *plain(struct bl_worker *worker, enum bl_metric_id metric) {
    return bl_metric_counter(&worker->metrics, metric, NULL);
}

static struct bl_gauge *gauge(struct bl_worker *worker, enum bl_metric_id metric) {
    return bl_metric_gauge(&worker->metrics, metric, NULL);
}

static void resolve_labelled(struct bl_worker *worker) {
    struct bl_worker_cells *cells = &worker->cells;
    struct bl_metric_shard *shard = &worker->metrics;

    for (int r = 0; r < BL_REASON_COUNT; r++) {
        struct bl_str label = bl_str_from_c(bl_reason_word((enum bl_reason)r));
        cells->reasons[r] = bl_metric_counter(shard, BL_METRIC_DECISIONS, &label);
    }
    for (int s = 0; s < BL_SHADOW_COUNT; s++) {
        struct bl_str label = bl_str_from_c(bl_shadow_outcome_word((enum bl_shadow_outcome)s));
        cells->shadow[s] = bl_metric_counter(shard, BL_METRIC_SHADOW, &label);
    }
    for (int d = BL_DROP_NONE + 1; d < BL_DROP_COUNT; d++) {
        struct bl_str label = bl_str_from_c(bl_drop_word((enum bl_drop)d));
        cells->drops[d] = bl_metric_counter(shard, BL_METRIC_DROPS, &label);
    }
    for (int o = 0; o < BL_OPERATION_WORKER_COUNT; o++) {
        struct bl_str labels[2] = {bl_str_from_c(bl_operation_info((enum bl_operation)o)->name)};
        for (int e = 0; e < 2; e++) {
            labels[1] = e == 0 ? BL_STR("ok") : BL_STR("error");
            cells->latency[o][e] = bl_metric_buckets(shard, BL_METRIC_LATENCY, labels);
        }
    }
}

bl_result bl_worker_metrics_init(struct bl_worker *worker) {
    struct bl_worker_cells *cells = &worker->cells;
    uint64_t seed;

    memcpy(&seed, worker->random, sizeof(seed));
    BL_TRY(bl_metric_shard_init(&worker->metrics, bl_metric_catalogue, bl_metric_limits, seed));
    cells->bytes_in = plain(worker, BL_METRIC_BYTES_IN);
    cells->bytes_out = plain(worker, BL_METRIC_BYTES_OUT);
    cells->refused = plain(worker, BL_METRIC_REFUSED);
    cells->replies_failed = plain(worker, BL_METRIC_REPLIES_FAILED);
    cells->rule_errors = plain(worker, BL_METRIC_RULE_ERRORS);
    cells->recorded = plain(worker, BL_METRIC_RECORDED);
    cells->records_dropped = plain(worker, BL_METRIC_RECORDS_DROPPED);
    cells->arena_peak = gauge(worker, BL_METRIC_ARENA_PEAK);
    cells->backpressure = gauge(worker, BL_METRIC_BACKPRESSURE);
    cells->connected = gauge(worker, BL_METRIC_NATS_CONNECTED);
    cells->connects = gauge(worker, BL_METRIC_NATS_CONNECTS);
    cells->losses = gauge(worker, BL_METRIC_NATS_LOSSES);
    cells->remakes = gauge(worker, BL_METRIC_NATS_REMAKES);
    cells->buffered = gauge(worker, BL_METRIC_NATS_BUFFERED);
    cells->dropped = gauge(worker, BL_METRIC_NATS_DROPPED);
    bl_http_cells_init(&cells->http, &worker->metrics, BL_STR("api"));
    resolve_labelled(worker);
    return BL_OK;
}

/* Outcomes are resolved as they occur: most combinations never do. */
static struct bl_counter *outcome(struct bl_worker *worker, enum bl_operation operation,
                                  enum bl_error error, enum bl_dialect dialect) {
    struct bl_counter **cell = &worker->cells.requests[operation][error][dialect];

    if (*cell == NULL) {
        struct bl_str labels[3] = {
            bl_str_from_c(bl_operation_info(operation)->name),
            bl_str_from_c(bl_error_info(error)->code),
            bl_str_from_c(bl_dialect_name(dialect)),
        };
        *cell = bl_metric_counter(&worker->metrics, BL_METRIC_REQUESTS, labels);
    }
    return *cell;
}

static void count_drops(struct bl_worker *worker, const struct bl_policy *policy,
                        const struct bl_decision *decision) {
    for (int p = 0; p < policy->provider_count; p++) {
        if (decision->drops[p] > BL_DROP_NOT_OFFERED) {
            bl_counter_add(worker->cells.drops[decision->drops[p]], 1);
        }
    }
}

void bl_worker_count(struct bl_worker *worker, enum bl_operation operation,
                     const struct bl_api_report *report, uint64_t took_ns) {
    size_t used = worker->arena.used_bytes;

    bl_counter_add(outcome(worker, operation, report->error, report->dialect), 1);
    bl_buckets_record(worker->cells.latency[operation][report->error == BL_E_NONE ? 0 : 1],
                      took_ns);
    worker->arena_peak = used > worker->arena_peak ? used : worker->arena_peak;
    if (report->decision != NULL && report->policy != NULL) {
        if (report->decision->error == BL_E_NONE) {
            bl_counter_add(worker->cells.reasons[report->decision->reason], 1);
        }
        if (report->decision->rules_failed_count > 0) {
            bl_counter_add(worker->cells.rule_errors, report->decision->rules_failed_count);
        }
        count_drops(worker, report->policy, report->decision);
    }
}

static void tell_unlogged_refusals(struct bl_worker *worker) {
    if (worker->refusals_unlogged > 0 && bl_log_wants(worker->log, BL_LOG_WARN)) {
        struct bl_log_record *record =
            bl_log_start(worker->log, BL_LOG_WARN, "api", "more requests were refused");
        bl_log_u64(record, "count", worker->refusals_unlogged);
        bl_log_finish(worker->log);
    }
    worker->refusals_logged = 0;
    worker->refusals_unlogged = 0;
}

void bl_worker_on_second(void *user) {
    struct bl_worker *worker = user;
    struct bl_worker_cells *cells = &worker->cells;
    struct bl_bus_stats stats = bl_bus_stats(worker->bus);

    bl_gauge_set(cells->arena_peak, (double)worker->arena_peak);
    bl_gauge_set(cells->backpressure, worker->refused_this_second > 0 ? 1 : 0);
    bl_gauge_set(cells->connected, atomic_load(&worker->connected) ? 1 : 0);
    bl_gauge_set(cells->connects, (double)stats.connects);
    bl_gauge_set(cells->losses, (double)stats.disconnects);
    bl_gauge_set(cells->remakes, (double)stats.remakes);
    bl_gauge_set(cells->buffered, (double)stats.buffered_bytes);
    bl_gauge_set(cells->dropped, (double)(stats.messages_dropped + stats.messages_lost));
    bl_worker_count_http(worker);
    worker->refused_this_second = 0;
    tell_unlogged_refusals(worker);
    if (++worker->seconds % CHECK_SECONDS == 0) {
        bl_bus_retry_refused(worker->bus);
        worker->is_refused = false;
        bl_worker_check_capture(worker);
    }
}
