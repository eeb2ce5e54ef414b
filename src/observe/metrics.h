/*
 * The metrics of a router: one table.
 *
 * Names, types, labels and help stand here once; the exposition and the documentation are made from
 * it. Labels have few values by design: operations, codes, dialects, reasons; never a tenant, a
 * policy or an id, so that no caller can grow the number of series. Each thread counts into a shard
 * of its own (base/metric.h).
 */
#ifndef BL_OBSERVE_METRICS_H
#define BL_OBSERVE_METRICS_H

#include "base/metric.h"

/* symbol, name, type, unit, merge, series, labels, help */
#define BL_METRIC_MAP(X)                                                                           \
    X(BACKPRESSURE, "router_intake_backpressure_active", GAUGE, PLAIN, MAX, 1, NO_LABELS,          \
      "1 while a worker refuses requests because of overload.")                                    \
    X(READY, "router_ready", GAUGE, PLAIN, MAX, 1, NO_LABELS, "1 while requests can be served.")   \
    X(REQUESTS, "router_requests_total", COUNTER, PLAIN, SUM, 600,                                 \
      LABELS("operation", "code", "dialect"), "Requests answered, by outcome.")                    \
    X(DECISIONS, "router_decisions_total", COUNTER, PLAIN, SUM, 16, LABELS("reason"),              \
      "Decisions made, by reason.")                                                                \
    X(DROPS, "router_candidates_dropped_total", COUNTER, PLAIN, SUM, 16, LABELS("reason"),         \
      "Candidates left out of decisions, by reason.")                                              \
    X(RULE_ERRORS, "router_rule_errors_total", COUNTER, PLAIN, SUM, 1, NO_LABELS,                  \
      "Rules that did not apply because their condition failed, a missing key for example.")       \
    X(HTTP_OPEN, "router_http_connections", GAUGE, PLAIN, SUM, 2, LABELS("listener"),              \
      "HTTP connections that are open.")                                                           \
    X(HTTP_ACCEPTED, "router_http_connections_total", GAUGE, PLAIN, SUM, 2, LABELS("listener"),    \
      "HTTP connections accepted.")                                                                \
    X(HTTP_REQUESTS, "router_http_requests_total", GAUGE, PLAIN, SUM, 4,                           \
      LABELS("listener", "protocol"), "Requests that came whole over HTTP.")                       \
    X(HTTP_UNDER_WAY, "router_http_requests_under_way", GAUGE, PLAIN, SUM, 2, LABELS("listener"),  \
      "Requests handed over and not yet answered, conversations included.")                        \
    X(HTTP_MEMORY, "router_http_memory_bytes", GAUGE, PLAIN, SUM, 2, LABELS("listener"),           \
      "Memory of requests and replies under way; http.max_memory_bytes is its limit per worker.")  \
    X(HTTP_RESETS, "router_http_resets_total", GAUGE, PLAIN, SUM, 2, LABELS("listener"),           \
      "Requests that their sender gave up before the reply.")                                      \
    X(HTTP_BYTES_IN, "router_http_received_bytes_total", GAUGE, PLAIN, SUM, 2, LABELS("listener"), \
      "Bytes received over HTTP.")                                                                 \
    X(HTTP_BYTES_OUT, "router_http_sent_bytes_total", GAUGE, PLAIN, SUM, 2, LABELS("listener"),    \
      "Bytes handed to connections for sending.")                                                  \
    X(HTTP_FAULTS, "router_http_faults_total", GAUGE, PLAIN, SUM, 16,                              \
      LABELS("listener", "reason"), "Requests and connections that were not served, by reason.")   \
    X(TLS_ENDS, "router_tls_certificate_end_seconds", GAUGE, PLAIN, MAX, 1, NO_LABELS,             \
      "Unix time at which the certificate for clients ends; 0 without TLS.")                       \
    X(PUSH_READY, "router_push_ready", GAUGE, PLAIN, MAX, 1, NO_LABELS,                            \
      "1 while pushed requests are taken: JetStream is there, with the streams that are needed.")  \
    X(PUSHED, "router_pushed_total", COUNTER, PLAIN, SUM, 1, NO_LABELS,                            \
      "Pushed requests whose intent is stored.")                                                   \
    X(LIVE, "router_push_live", GAUGE, PLAIN, SUM, 1, NO_LABELS,                                   \
      "Pushed requests that have not ended, of all routers; push.max_live is the limit.")          \
    X(RESULTS, "router_results_total", COUNTER, PLAIN, SUM, 1, NO_LABELS,                          \
      "Results delivered, repeats included.")                                                      \
    X(USAGE, "router_usage_records_total", COUNTER, PLAIN, SUM, 1, NO_LABELS,                      \
      "Usage records stored.")                                                                     \
    X(DEAD_LETTERS, "router_dead_letters_total", COUNTER, PLAIN, SUM, 1, NO_LABELS,                \
      "Messages of workers that went to the dead letter queue.")                                   \
    X(JETSTREAM_WRITES, "router_jetstream_writes_total", COUNTER, PLAIN, SUM, 1, NO_LABELS,        \
      "Messages sent to be stored.")                                                               \
    X(SHADOW, "router_shadow_decisions_total", COUNTER, PLAIN, SUM, 8, LABELS("outcome"),          \
      "Decisions of shadow policies, beside what the live one decided.")                           \
    X(RECORDED, "router_decisions_recorded_total", COUNTER, PLAIN, SUM, 1, NO_LABELS,              \
      "Decisions written to the recording.")                                                       \
    X(RECORDS_DROPPED, "router_records_dropped_total", COUNTER, PLAIN, SUM, 1, NO_LABELS,          \
      "Decisions that could not be recorded: too large, or the writer too slow.")                  \
    X(LATENCY, "router_request_seconds", HISTOGRAM, SECONDS, SUM, 96,                              \
      LABELS("operation", "outcome"),                                                              \
      "Time from taking a request over to having its reply: ok or error.")                         \
    X(REFUSED, "router_overload_refusals_total", COUNTER, PLAIN, SUM, 1, NO_LABELS,                \
      "Requests answered with service_overloaded.")                                                \
    X(BYTES_IN, "router_request_bytes_total", COUNTER, PLAIN, SUM, 1, NO_LABELS,                   \
      "Bytes of requests.")                                                                        \
    X(BYTES_OUT, "router_reply_bytes_total", COUNTER, PLAIN, SUM, 1, NO_LABELS,                    \
      "Bytes of replies.")                                                                         \
    X(REPLIES_FAILED, "router_replies_failed_total", COUNTER, PLAIN, SUM, 1, NO_LABELS,            \
      "Replies that could not be sent, or only as an error because they were too large.")          \
    X(ARENA_PEAK, "router_arena_peak_bytes", GAUGE, PLAIN, MAX, 1, NO_LABELS,                      \
      "Most memory that one request took.")                                                        \
    X(NATS_CONNECTED, "router_nats_connected", GAUGE, PLAIN, SUM, 1, NO_LABELS,                    \
      "Workers whose NATS connection is up.")                                                      \
    X(NATS_CONNECTS, "router_nats_connects_total", GAUGE, PLAIN, SUM, 1, NO_LABELS,                \
      "NATS connections made.")                                                                    \
    X(NATS_LOSSES, "router_nats_disconnects_total", GAUGE, PLAIN, SUM, 1, NO_LABELS,               \
      "NATS connections lost.")                                                                    \
    X(NATS_REMAKES, "router_nats_remakes_total", GAUGE, PLAIN, SUM, 1, NO_LABELS,                  \
      "NATS connections given up because the server did not read.")                                \
    X(NATS_BUFFERED, "router_nats_buffered_bytes", GAUGE, PLAIN, SUM, 1, NO_LABELS,                \
      "Bytes not yet taken by the kernel.")                                                        \
    X(NATS_DROPPED, "router_nats_messages_dropped_total", GAUGE, PLAIN, SUM, 1, NO_LABELS,         \
      "Messages that arrived but could not be handled or refused.")                                \
    X(POLICIES, "router_policies", GAUGE, PLAIN, SUM, 2, LABELS("source"),                         \
      "Live policies, by where they come from.")                                                   \
    X(POLICY_ERRORS, "router_policy_load_errors", GAUGE, PLAIN, SUM, 1, NO_LABELS,                 \
      "Policy files and stored policies that do not compile; their last good revision serves.")    \
    X(POLICIES_SHADOWED, "router_policies_shadowed", GAUGE, PLAIN, SUM, 1, NO_LABELS,              \
      "Stored policies that a file of the same tenant and id wins over.")                          \
    X(STORE_UNREADABLE, "router_policy_store_unreadable", GAUGE, PLAIN, MAX, 1, NO_LABELS,         \
      "1 while the policy store cannot be read; what was live stays live.")                        \
    X(STORE_REVISION, "router_policy_store_revision", GAUGE, PLAIN, MAX, 1, NO_LABELS,             \
      "Revision of the policy store as of the last look that could read it.")                      \
    X(POLICY_RELOADS, "router_policy_reloads_total", COUNTER, PLAIN, SUM, 1, NO_LABELS,            \
      "Times that a changed set of policies went live.")                                           \
    X(PINS_CAPACITY, "router_pins_capacity", GAUGE, PLAIN, SUM, 1, NO_LABELS,                      \
      "Session pins that fit.")                                                                    \
    X(PINS_USED, "router_pins_used", GAUGE, PLAIN, SUM, 1, NO_LABELS,                              \
      "Slots of the pin table in use, expired pins included.")                                     \
    X(PINS_EVICTED, "router_pins_evicted_total", GAUGE, PLAIN, SUM, 1, NO_LABELS,                  \
      "Live pins given up for new ones.")                                                          \
    X(LOG_DROPPED, "router_log_lines_dropped_total", GAUGE, PLAIN, SUM, 1, NO_LABELS,              \
      "Log lines dropped because the writer was behind.")                                          \
    X(RESIDENT, "process_resident_memory_bytes", GAUGE, PLAIN, SUM, 1, NO_LABELS,                  \
      "Resident memory of the process.")                                                           \
    X(STARTED, "process_start_time_seconds", GAUGE, PLAIN, SUM, 1, NO_LABELS,                      \
      "Unix time at which the process began.")                                                     \
    X(BUILD, "router_build_info", GAUGE, PLAIN, MAX, 1, LABELS("version", "source"),               \
      "1; version and source hash of the binary are its labels.")

enum bl_metric_id {
#define X(symbol, ...) BL_METRIC_##symbol,
    BL_METRIC_MAP(X)
#undef X
        BL_METRIC_ID_COUNT
};

extern const struct bl_metric_catalogue bl_metric_catalogue;

/* Limits of one thread's shard: what the whole catalogue can need. */
extern const struct bl_metric_limits bl_metric_limits;

#endif
