/*
 * A worker for pushed requests: pulls assignments, executes them with a built-in executor, reports
 * results, says that it lives, and finishes what it has begun when it is told to stop.
 *
 * An assignment is acknowledged after its result is stored; so one whose worker dies is given to
 * another. What has expired is not begun, and reported as EXPIRED.
 */
#ifndef BL_WORKER_REFERENCE_WORKER_H
#define BL_WORKER_REFERENCE_WORKER_H

#include "bus/bus.h"

#define BL_REFERENCE_PROVIDERS_MAX 64

struct bl_reference_worker_options {
    struct bl_bus_config bus;
    const char *stream;  /* of assignments */
    const char *durable; /* workers of one name share the work */
    const char *filter;  /* subject of its assignments; NULL = all of the stream */
    struct bl_str result_subject, ack_subject, heartbeat_subject;
    const char *const *providers; /* whose work it takes; other work is left to others */
    size_t provider_count;        /* 0 = all */
    uint32_t capacity;            /* assignments at a time */
    uint32_t delay_ms;            /* of each execution */
    double fail_share;            /* of executions that end with error_code, 0..1 */
    const char *error_code;
    int64_t cost_nano; /* of each execution; BL_MONEY_UNKNOWN = not told */
    bool accepts;      /* acknowledges each assignment when it begins */

    /* Called once a second and at the end; may be NULL. */
    void (*on_progress)(void *user, uint64_t done, uint64_t failed, uint32_t under_way);
    void *user;
};

/* Runs until SIGTERM or SIGINT; a second one ends at once. Errors, with `diag`: INVALID_REQUEST for
 * options that NATS refuses; RESOURCE_EXHAUSTED. No server needs to be there. */
BL_MUST_USE bl_result bl_reference_worker_run(const struct bl_reference_worker_options *options,
                                              struct bl_diag *diag);

#endif
