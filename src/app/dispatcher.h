/*
 * The dispatcher: a thread that cares for pushed requests, from the durable intent to the end.
 *
 * Workers decide and hand over; the dispatcher stores the life-cycle record (a message in a JetStream
 * table, created and changed by compare-and-set), says so, publishes the assignment, listens for what
 * workers say, meters it, and moves the record on by flow/life.h. Every router reads the whole table,
 * so each knows all lives that have not ended, and any of them may apply any event. Routers announce
 * themselves once a second; the lives of one that is not heard any more are taken over by another.
 *
 * Why the records are in the broker: docs/decisions/0012.
 */
#ifndef BL_APP_DISPATCHER_H
#define BL_APP_DISPATCHER_H

#include "app/mailbox.h"
#include "app/snapshot.h"
#include "base/metric.h"
#include "bus/bus.h"
#include "flow/life.h"
#include "observe/log.h"

struct bl_dispatcher;

struct bl_dispatcher_parts {
    const struct bl_config *config; /* settings that need a restart */
    const struct bl_bus_config *bus;
    uint8_t key[16];
    struct bl_log *log;
    struct bl_waker *changed; /* rung when its state changes */
};

enum bl_errand_kind { BL_ERRAND_PUSH, BL_ERRAND_FIND };

/* Something for the dispatcher to do, in memory of the one who sends it: it comes back to `home` when
 * it is done, with its outcome. */
struct bl_errand {
    struct bl_mail mail; /* first */
    enum bl_errand_kind kind;
    struct bl_mailbox *home;
    const struct bl_life *life;  /* PUSH: what begins; FIND: whose ids are looked for */
    struct bl_str reply_subject; /* PUSH: who is told over NATS; absent = told by `home` */
    struct bl_str reply;         /* PUSH: what is said when the intent is durable */

    bl_result result;
    struct bl_diag diag;
    struct bl_str found; /* FIND: the record, from malloc, now the errand's; absent = none */
};

/* Starts the thread, with `snapshot`, of which it becomes a holder. Control thread. */
BL_MUST_USE bl_result bl_dispatcher_start(const struct bl_dispatcher_parts *parts,
                                          struct bl_snapshot *snapshot, struct bl_dispatcher **out,
                                          struct bl_diag *diag);

/* As bl_worker_switch. Control thread. */
void bl_dispatcher_switch(struct bl_dispatcher *dispatcher, struct bl_snapshot *snapshot);

/* Any thread, before bl_dispatcher_stop. */
void bl_dispatcher_send(struct bl_dispatcher *dispatcher, struct bl_errand *errand);

/* Finishes what is being stored, and ends. No errand may be sent any more; those that were are
 * answered before. Control thread. */
void bl_dispatcher_stop(struct bl_dispatcher *dispatcher, uint32_t drain_ms);
bool bl_dispatcher_has_stopped(const struct bl_dispatcher *dispatcher);
void bl_dispatcher_destroy(struct bl_dispatcher *dispatcher); /* joins; NULL is fine */

/* Whether pushes are taken; else why not. Any thread. */
bool bl_dispatcher_is_ready(const struct bl_dispatcher *dispatcher);

const struct bl_metric_shard *bl_dispatcher_metrics(const struct bl_dispatcher *dispatcher);

/* Bytes of the broker's largest message; 0 = not known yet. Any thread. */
size_t bl_dispatcher_max_payload(const struct bl_dispatcher *dispatcher);

#endif
