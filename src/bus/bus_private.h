/*
 * What the files of src/bus share about a bus. Internal to src/bus.
 *
 *   bus.c           states, reconnecting, closing
 *   subscription.c  subscriptions over the connections
 *   drain.c         the pass after each wait that hands messages over
 *   message.c       one received message
 *   publish.c       publishing
 *   request.c       requests and the inbox
 */
#ifndef BL_BUS_BUS_PRIVATE_H
#define BL_BUS_BUS_PRIVATE_H

#include <pthread.h>

#include <nats/nats.h>

#include "bus/bus.h"
#include "bus/connection.h"
#include "bus/request_table.h"
#include "net/timer.h"

#define BL_BUS_REASON_MAX 384
#define BL_BUS_INBOX_MAX 192

enum bl_bus_close_phase {
    BL_BUS_CLOSE_NONE,
    BL_BUS_CLOSE_DRAINING, /* handing over what arrived, waiting for held messages */
    BL_BUS_CLOSE_CLOSING,  /* the connection closes */
    BL_BUS_CLOSE_DONE
};

struct bl_bus_subscription {
    struct bl_bus *bus;
    struct bl_bus_subscription *next;
    struct bl_bus_subscription *previous;
    bl_bus_message_fn handler;
    void *user;
    natsSubscription *native; /* of the present connection; NULL without one */
    uint32_t high_water_messages;
    uint32_t high_water_bytes;
    int limit_messages;
    int limit_bytes;
    int64_t dropped; /* by `native`, as far as counted */
    size_t backlog;  /* after the last pass */
    bool is_removed; /* by its own handler; freed after the pass */
    bool is_inbox;
    bool is_refused;   /* by the server, on the present connection */
    bool is_congested; /* reading pauses until the backlog is smaller */
    char *queue_group; /* NULL or behind the subject */
    char subject[];
};

struct bl_bus {
    struct bl_loop *loop;
    struct bl_bus_config config;
    struct bl_bus_callbacks callbacks;
    void *user;

    enum bl_bus_state state;
    struct bl_connection *connection; /* in use; NULL while there is none */
    struct bl_connection *opening;
    unsigned retired; /* connections that have not ended yet */
    size_t next_server;
    uint32_t attempt;
    uint64_t connected_at_ns;
    uint64_t random;
    char reason[BL_BUS_REASON_MAX]; /* why there is no connection */
    struct bl_timer *retry;
    struct bl_timer *stall;
    struct bl_turn_hook before_poll;
    struct bl_turn_hook after_poll;

    struct bl_waker close_waker;
    pthread_mutex_t close_mutex;
    bool close_requested;      /* under the mutex */
    uint32_t close_timeout_ms; /* under the mutex */
    enum bl_bus_close_phase close_phase;
    uint64_t close_deadline_ns;
    struct bl_timer *close_poll;

    struct bl_bus_subscription *first;
    struct bl_bus_subscription *last;
    struct bl_bus_subscription *inbox;
    bool is_in_pass;
    bool has_backlog;
    size_t buffered; /* estimate: the last flush's rest and what was published since */
    size_t max_payload;

    struct bl_request_table *requests;
    struct bl_timer *request_timer;
    uint64_t request_timer_ns; /* what it is set to; UINT64_MAX = stopped */
    uint64_t unanswered;       /* requests of this connection without an answer */
    uint64_t nobody_told;      /* of these, how many times it was told that nobody listens */
    uint64_t first_token;      /* of this connection; 0 = none yet */
    bool has_carried;          /* requests from before the counting are in the table */
    uint64_t marker;           /* the last one that was sent to the own inbox */
    uint64_t marker_awaited;   /* 0 = none */
    char inbox_prefix[BL_BUS_INBOX_MAX];
    size_t inbox_prefix_len;

    struct bl_incoming *free_messages;
    size_t free_message_count;
    struct bl_bus_stats stats;
};

/* subscription.c */
void bl_bus_attach_subscriptions(struct bl_bus *bus);
void bl_bus_detach_subscriptions(struct bl_bus *bus);
void bl_bus_free_subscription(struct bl_bus_subscription *subscription);
void bl_bus_start_draining(struct bl_bus *bus, uint32_t timeout_ms);
bool bl_bus_is_drained(const struct bl_bus *bus);
bool bl_bus_tell_refused(struct bl_bus *bus, struct bl_str text);
void bl_bus_count_dropped(struct bl_bus *bus);

/* drain.c: the AFTER_POLL hook. */
void bl_bus_pass(void *user);

/* message.c */
struct bl_bus_message *bl_bus_message_take(struct bl_bus *bus, natsMsg *native);
void bl_bus_message_done(struct bl_bus *bus, struct bl_bus_message *message);
void bl_bus_free_messages(struct bl_bus *bus);

/* request.c */
BL_MUST_USE bl_result bl_bus_requests_init(struct bl_bus *bus, struct bl_diag *diag);
void bl_bus_requests_fini(struct bl_bus *bus);
void bl_bus_fail_requests(struct bl_bus *bus);
void bl_bus_no_responders(struct bl_bus *bus);
void bl_bus_carry_requests(struct bl_bus *bus);

/* bus.c */
void bl_bus_report(struct bl_bus *bus, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
