/*
 * A load of decide requests over one connection, with honest latencies.
 *
 * Two ways to load. Open loop (`rate` > 0): requests leave at fixed times whether or not earlier
 * ones were answered, and latency counts from the time a request should have left, so that a
 * router that stalls cannot hide it (no coordinated omission). Closed loop (`rate` = 0): a fixed
 * number of requests is kept outstanding, which finds the throughput.
 */
#ifndef BL_CLIENT_LOAD_H
#define BL_CLIENT_LOAD_H

#include <stdint.h>

#include "base/diag.h"
#include "base/histogram.h"
#include "base/result.h"
#include "base/str.h"
#include "client/link.h"

#define BL_LOAD_OUTSTANDING_MAX 65536

struct bl_load_result;

struct bl_load_config {
    struct bl_link_target target;
    struct bl_str subject;
    struct bl_str tenant_id;
    uint32_t rate;          /* requests per second; 0 = closed loop */
    uint32_t outstanding;   /* closed loop: kept in flight; open loop: at most in flight */
    uint32_t sessions;      /* distinct user_ids, drawn in turn; 0 = none is sent */
    uint32_t request_bytes; /* size of a request, padded in its prompt */
    bool pushes;            /* each request is handed to a worker, too */
    uint32_t duration_ms;
    uint32_t warmup_ms;  /* loaded, not counted */
    uint32_t timeout_ms; /* of one request */
    /* Called about once a second while the load runs; may be NULL. */
    void (*on_progress)(void *user, const struct bl_load_result *so_far, uint32_t elapsed_ms);
    void *user;
};

struct bl_load_result {
    uint64_t offered;  /* requests that were due while counting */
    uint64_t answered; /* replies to them, whatever they said */
    uint64_t ok;
    uint64_t errors; /* replies that say ok:false, or nothing readable */
    uint64_t timeouts;
    uint64_t unsent; /* due, but `outstanding` were in flight or the connection was away */
    double seconds;  /* counted */
    struct bl_histogram latency_ns;
    struct bl_histogram lag_ns; /* open loop: how late requests left */
    char first_error[240];      /* code and message of the first reply that was not ok */
};

/*
 * Runs the load and fills `result` (its histograms are initialised here). Blocks for warm-up +
 * duration + at most timeout_ms. Errors: UNAVAILABLE (no server, or nobody answers at all),
 * INVALID_REQUEST, RESOURCE_EXHAUSTED, each with cause and cure in `diag`.
 */
BL_MUST_USE bl_result bl_load_run(const struct bl_load_config *config,
                                  struct bl_load_result *result, struct bl_diag *diag);

#endif
