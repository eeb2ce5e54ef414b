/* The inside of a worker. Private to this folder. */
#ifndef BL_APP_WORKER_PRIVATE_H
#define BL_APP_WORKER_PRIVATE_H

#include <pthread.h>
#include <semaphore.h>

#include "api/handler.h"
#include "api/grpc_services.h"
#include "app/http_metrics.h"
#include "app/mailbox.h"
#include "app/recorder.h"
#include "app/worker.h"
#include "net/http.h"
#include "net/listener.h"
#include "net/timer.h"
#include "observe/metrics.h"
#include "wire/decide_reply.h"

#define BL_WORKER_LISTENERS_MAX 64
#define BL_WORKER_SUBSCRIPTIONS (BL_OPERATION_WORKER_COUNT + 1)

/* One subject that the worker listens on. */
struct bl_intake {
    struct bl_worker *worker;
    enum bl_operation operation;
    struct bl_str pattern; /* with a `*` where the tenant stands; absent on shared subjects */
    struct bl_str subject; /* absent: it listens on none */
    bool is_captured;      /* by a stream, as far as worker 0 knows */
};

/* Cells that every request touches, resolved once. */
struct bl_worker_cells {
    struct bl_counter *bytes_in, *bytes_out, *refused, *replies_failed, *rule_errors;
    struct bl_counter *recorded, *records_dropped;
    struct bl_counter *shadow[BL_SHADOW_COUNT];
    struct bl_counter *requests[BL_OPERATION_WORKER_COUNT][BL_ERROR_COUNT][BL_DIALECT_COUNT];
    struct bl_counter *reasons[BL_REASON_COUNT];
    struct bl_counter *drops[BL_DROP_COUNT];
    struct bl_buckets *latency[BL_OPERATION_WORKER_COUNT][2]; /* ok, error */
    struct bl_gauge *arena_peak, *backpressure;
    struct bl_gauge *connected, *connects, *losses, *remakes, *buffered, *dropped;
    struct bl_http_cells http;
};

struct bl_worker {
    struct bl_worker_parts parts;
    pthread_t thread;
    sem_t started;
    bl_result start_result;
    struct bl_diag *start_diag; /* of the control thread, until `started` */

    struct bl_loop *loop;
    struct bl_bus *bus;
    struct bl_timer *second;
    struct bl_timer *settle;
    struct bl_timer *leaving;
    _Atomic uint64_t drain_until_ns; /* monotonic; set before `stopper` is rung */
    bool is_refused;                 /* a subscription for decide requests, on this connection */
    unsigned captures_asked;         /* answers of JetStream that are still to come */
    struct bl_waker switcher;
    struct bl_waker stopper;
    struct bl_mailbox home;             /* errands that come back */
    unsigned later_count;               /* requests that are answered later */
    _Atomic(struct bl_snapshot *) next; /* handed over, not yet taken */
    struct bl_snapshot *snapshot;

    struct bl_intake intakes[BL_WORKER_SUBSCRIPTIONS];
    struct bl_arena arena;
    struct bl_api api;
    struct bl_recorder recorder;
    struct bl_http_server *http; /* NULL = none */
    struct bl_grpc_services *grpc;
    struct bl_api_grpc_call call; /* the one under way */
    struct bl_buf unpacked;       /* of a compressed message; memory with the first */
    struct bl_listener *listeners[BL_WORKER_LISTENERS_MAX];
    size_t listener_count;
    struct bl_log_channel *recording; /* NULL = none */
    struct bl_buf reply;
    uint8_t random[4096]; /* admission ids, taken from the end */
    size_t random_left;

    struct bl_metric_shard metrics;
    struct bl_worker_cells cells;
    struct bl_log_channel *log;
    size_t arena_peak;
    uint64_t refused_this_second;
    uint32_t refusals_logged; /* this second */
    uint64_t refusals_unlogged;
    unsigned seconds;

    _Atomic bool connected;
    _Atomic bool listening;
    _Atomic bool captured;
    _Atomic bool stopped;
    char reply_storage[BL_GRPC_PREFIX_BYTES + 2 * BL_WIRE_REPLY_MAX_BYTES];
};

/* worker.c: switches to the snapshot that was handed over, if one was. Before each request, so that
 * whoever was told of a change is served by it. */
void bl_worker_take_over(struct bl_worker *worker);

/* worker_request.c: one message, from taking over to its reply. */
void bl_worker_on_message(void *user, struct bl_bus_message *message);

struct bl_later_reply; /* app/worker_later.h */

/* Handles one message and keeps what is kept of it; the reply stands in worker->reply. False: the
 * reply comes later, to `to`. */
bool bl_worker_handle(struct bl_worker *worker, enum bl_operation operation,
                      const struct bl_message *message, struct bl_str tenant,
                      const struct bl_later_reply *to, struct bl_api_report *report);

/* Counts and logs a request that was answered. */
void bl_worker_finish(struct bl_worker *worker, enum bl_operation operation,
                      const struct bl_api_report *report, uint64_t took_ns);

void bl_worker_log_fields(struct bl_log_record *record, enum bl_operation operation,
                          const struct bl_api_report *report, uint64_t took_ns);

/* worker_http.c: listeners and requests over HTTP. */
BL_MUST_USE bl_result bl_worker_open_http(struct bl_worker *worker, struct bl_diag *diag);
void bl_worker_close_http(struct bl_worker *worker);     /* accepts no more, ends what is open */
void bl_worker_configure_http(struct bl_worker *worker); /* as the snapshot says */
void bl_worker_count_http(struct bl_worker *worker);

/* worker_metrics.c */
BL_MUST_USE bl_result bl_worker_metrics_init(struct bl_worker *worker);
void bl_worker_count(struct bl_worker *worker, enum bl_operation operation,
                     const struct bl_api_report *report, uint64_t took_ns);
/* Once a second: gauges, and the line about refusals that were not logged. */
void bl_worker_on_second(void *user);

/* worker.c: the server has answered something that was sent after the subscriptions, or will not. */
void bl_worker_subscriptions_known(struct bl_worker *worker);

/* capture_check.c: asks JetStream for streams that capture a subject that we answer. */
void bl_worker_check_capture(struct bl_worker *worker);

#endif
