/*
 * A worker: a thread with its own loop, NATS connection, arena, metric shard and log channel, that
 * answers requests. It shares nothing that is written with other workers but the pin table.
 */
#ifndef BL_APP_WORKER_H
#define BL_APP_WORKER_H

#include "app/dispatcher.h"
#include "app/snapshot.h"
#include "app/sockets.h"
#include "base/metric.h"
#include "bus/bus.h"
#include "net/loop.h"
#include "observe/log.h"
#include "route/pins.h"

struct bl_worker;

/* What workers are made with; borrowed for their whole life. */
struct bl_worker_parts {
    const struct bl_config *config; /* settings that need a restart */
    const struct bl_bus_config *bus;
    struct bl_pins *pins;
    uint8_t key[16];
    struct bl_log *log;
    struct bl_log *recording;         /* NULL = none */
    const _Atomic bool *ready;        /* of the whole router */
    struct bl_waker *changed;         /* rung when state or holders of a snapshot change */
    struct bl_dispatcher *dispatcher; /* NULL = nothing is pushed */
    const struct bl_sockets *sockets; /* where requests come in over HTTP */
    unsigned number;
    unsigned worker_count;
};

/* What the control thread may know of a worker at any time. */
struct bl_worker_status {
    bool listening; /* the server has taken the subscriptions for decide requests */
    bool captured;  /* a stream takes decide requests away from us; worker 0 looks */
    bool stopped;
};

/* Starts the thread, serving with `snapshot`, of which it becomes a holder. Errors: INVALID_REQUEST
 * for settings that NATS refuses, RESOURCE_EXHAUSTED; with `diag`. Control thread. */
BL_MUST_USE bl_result bl_worker_start(const struct bl_worker_parts *parts,
                                      struct bl_snapshot *snapshot, struct bl_worker **out,
                                      struct bl_diag *diag);

/* Has the worker switch between turns; it becomes a holder of `snapshot`, and gives up the old one.
 * Control thread. */
void bl_worker_switch(struct bl_worker *worker, struct bl_snapshot *snapshot);

/* Begins the stop sequence: unsubscribe, finish, close. `changed` is rung when it is through. */
void bl_worker_stop(struct bl_worker *worker, uint32_t drain_ms);

/* Joins and frees a stopped worker. Control thread. */
void bl_worker_destroy(struct bl_worker *worker);

struct bl_worker_status bl_worker_status(const struct bl_worker *worker);
const struct bl_metric_shard *bl_worker_metrics(const struct bl_worker *worker);

#endif
