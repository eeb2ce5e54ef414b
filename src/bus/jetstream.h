/*
 * JetStream over a bus: streams and consumers made or checked, messages stored with an
 * acknowledgement, and pulled.
 *
 * libnats' own calls for this block, or have threads of their own; so what they would send is sent
 * here, as requests over the bus. A stream that exists is never altered: what it lacks is told.
 *
 * A pull consumer asks for batches and asks again as they are used up; what it hands over stays the
 * broker's until it is acknowledged. After a reconnect it goes on by itself.
 *
 * All functions belong to the loop's thread.
 */
#ifndef BL_BUS_JETSTREAM_H
#define BL_BUS_JETSTREAM_H

#include "bus/bus.h"

#define BL_STREAM_NAME_MAX 128
#define BL_STREAM_SUBJECTS_MAX 16

struct bl_jetstream;

/* For `bus`, which has to live longer. Fails with RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_jetstream_create(struct bl_bus *bus, struct bl_jetstream **out);
/* After its bus is closed, when each call has been answered. NULL is fine. */
void bl_jetstream_destroy(struct bl_jetstream *jetstream);

/* --- storing --------------------------------------------------------------------------------- */

struct bl_jetstream_ack {
    bl_result result; /* BL_OK, or: PRECONDITION_FAILED, the expected sequence is not the last one;
                       * RESOURCE_EXHAUSTED, the stream is full; UNAVAILABLE, there is no stream for
                       * it or no JetStream; DEADLINE_EXCEEDED, it may be stored or not */
    uint64_t sequence;
    bool is_duplicate;   /* its Nats-Msg-Id is stored already */
    struct bl_str error; /* the broker's words; absent = none */
};
/* Views live during the call. */
typedef void (*bl_jetstream_ack_fn)(void *user, const struct bl_jetstream_ack *ack);

/* Stores a message; `on_ack` is called exactly once, never before this function returns. Fails like
 * bl_bus_request; then there is no call. */
BL_MUST_USE bl_result bl_jetstream_publish(struct bl_jetstream *jetstream,
                                           const struct bl_bus_outgoing *message,
                                           uint32_t timeout_ms, bl_jetstream_ack_fn on_ack,
                                           void *user, struct bl_diag *diag);

/* --- streams and consumers ------------------------------------------------------------------- */

struct bl_stream_config {
    const char *name;
    const char *const *subjects;
    size_t subject_count; /* ≤ BL_STREAM_SUBJECTS_MAX */
    uint64_t max_bytes;
    uint64_t max_age_ms;    /* 0 = none */
    uint64_t duplicates_ms; /* how long message ids are remembered */
    bool last_per_subject;  /* a table: one message per subject, the newest, read by subject */
};

/* `problem` is blank when the stream is as wanted; else it says what is wrong, naming the stream.
 * `result`: BL_OK; INVALID_REQUEST, it exists and is weaker; or why it is not known. */
typedef void (*bl_jetstream_done_fn)(void *user, bl_result result, struct bl_str problem);

/* Makes the stream, or checks the one that is there: file storage, limits retention, its subjects
 * among those it has, at least as long a duplicate window and age. Views of `config` are borrowed
 * until `on_done`, which is called exactly once; also, later, if nothing could be sent. */
void bl_jetstream_ensure(struct bl_jetstream *jetstream, const struct bl_stream_config *config,
                         bl_jetstream_done_fn on_done, void *user);

/* The newest message of a stream whose subject matches `subject`, which may hold wildcards: read from
 * its leader. `found` is NULL if there is none. */
struct bl_stored {
    struct bl_str subject;
    uint64_t sequence;
    struct bl_str data;
};
typedef void (*bl_jetstream_get_fn)(void *user, bl_result result, const struct bl_stored *found);
BL_MUST_USE bl_result bl_jetstream_get(struct bl_jetstream *jetstream, const char *stream,
                                       struct bl_str subject, uint32_t timeout_ms,
                                       bl_jetstream_get_fn on_found, void *user,
                                       struct bl_diag *diag);

/* --- pulling --------------------------------------------------------------------------------- */

struct bl_pull;

struct bl_pull_config {
    const char *stream;
    const char *durable;  /* NULL = a reader of its own, which acknowledges nothing and begins with
                            * the newest message of each subject, or where it was interrupted */
    const char *filter;   /* NULL = all; a reader needs one */
    uint32_t batch;       /* messages asked for at a time */
    uint32_t ack_wait_ms; /* after which what was not acknowledged comes again */
    uint32_t ack_pending; /* most that may be under way, of all routers */
};

struct bl_delivery {
    struct bl_bus_message *message;
    uint64_t sequence;   /* in the stream */
    uint64_t deliveries; /* of this message, from 1, as the broker counts */
    uint64_t pending;    /* messages behind this one */
    int64_t stored_ms;   /* when it was stored; epoch */
};

struct bl_pull_events {
    /* To be acknowledged, now or later (hold the message), with bl_delivery_*. */
    void (*on_delivery)(void *user, const struct bl_delivery *delivery);
    /* The consumer is there (blank), or why not; told anew with each attempt. */
    void (*on_state)(void *user, bl_result result, struct bl_str problem);
    /* A reader: all that was stored before it began has been handed over. May be NULL. */
    void (*on_caught_up)(void *user);
};

/* Begins with bl_pull_connect. Fails with RESOURCE_EXHAUSTED. Strings are borrowed for its life. */
BL_MUST_USE bl_result bl_pull_create(struct bl_jetstream *jetstream,
                                     const struct bl_pull_config *config,
                                     const struct bl_pull_events *events, void *user,
                                     struct bl_pull **out, struct bl_diag *diag);
/* After the bus has connected, or again after its consumer was not there. */
void bl_pull_connect(struct bl_pull *pull);
/* Asks for no more. Destroyed after its bus is closed; the bus after it. */
void bl_pull_stop(struct bl_pull *pull);
void bl_pull_destroy(struct bl_pull *pull); /* NULL is fine */

enum bl_delivery_end {
    BL_DELIVERY_ACK,
    BL_DELIVERY_NAK,      /* comes again, after the delay */
    BL_DELIVERY_TERM,     /* never comes again */
    BL_DELIVERY_PROGRESS, /* ack_wait_ms begins anew */
};
/* What becomes of a delivery. That it was sent is all that is known; else it comes again. */
void bl_delivery_settle(struct bl_pull *pull, const struct bl_bus_message *message,
                        enum bl_delivery_end end, uint32_t delay_ms);

#endif
