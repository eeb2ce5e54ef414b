/*
 * One NATS connection on one loop: subscribe, publish, request.
 *
 * A bus connects by itself, for ever: with jittered backoff while no server answers, again after a
 * loss, and anew when the server stops reading. Subscriptions, the inbox and requests in flight
 * outlive all of that. Nothing here blocks the loop: connecting and closing, which libnats can only
 * do by blocking, happen on a short-lived thread.
 *
 * Messages are taken over after each wait of the loop, at most a batch per turn; what is published
 * leaves in one write before the next wait. When more arrives than is handled, the excess is still
 * handed over, but marked `overloaded`: the owner answers it with service_overloaded instead of
 * working on it. So overload is answered and not dropped.
 *
 * All functions belong to the loop's thread, except where "any thread" is said.
 */
#ifndef BL_BUS_BUS_H
#define BL_BUS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/result.h"
#include "base/str.h"
#include "net/loop.h"
#include "wire/message.h"

struct bl_bus;
struct bl_bus_subscription;

#define BL_BUS_SERVERS_MAX 16
#define BL_BUS_SUBJECT_MAX 1024 /* bytes of a subject; the server's line limit holds two of them */
#define BL_BUS_HEADERS_MAX 64   /* of one message */
#define BL_BUS_HEADER_NAME_MAX 256
#define BL_BUS_HEADER_VALUE_MAX 4096

/* All strings are borrowed for bl_bus_create, which copies them; the copies of secrets are wiped
 * on free. NULL = not used. */
struct bl_bus_config {
    const char *const *servers; /* "nats://host:port" or "tls://host:port", tried in turn */
    size_t server_count;        /* 1..BL_BUS_SERVERS_MAX */
    const char *name;           /* of the connection, in the server's monitoring */
    const char *inbox_prefix;   /* default "_INBOX" */

    const char *token;
    const char *user;
    const char *password;
    const char *credentials_file; /* JWT and seed, as `nsc` writes it */
    const char *nkey_public;      /* goes with nkey_seed_file */
    const char *nkey_seed_file;

    bool tls; /* implied by a "tls://" server */
    const char *tls_ca_file;
    const char *tls_certificate_file;
    const char *tls_key_file;
    const char *tls_host; /* expected in the certificate; NULL = the host of the URL */
    bool tls_skip_verify; /* development only */

    uint32_t connect_timeout_ms;
    uint32_t reconnect_base_ms; /* bounds of the backoff: see bus/backoff.h */
    uint32_t reconnect_max_ms;
    uint32_t ping_interval_ms;
    uint32_t ping_max_out; /* pings without an answer after which the connection is lost */

    size_t soft_cap_bytes;   /* of unsent bytes, above which messages are marked overloaded */
    size_t hard_cap_bytes;   /* above which publishing is refused and the connection remade */
    uint32_t write_stall_ms; /* without progress while bytes wait: the connection is remade */
    uint32_t drain_batch;    /* messages handed over per turn (B) */
    uint32_t requests_max;   /* in flight; ≤ 1048576 */
};

/* The defaults: everything but `servers`. */
struct bl_bus_config bl_bus_config_default(void);

/* `problem.path` names the setting, as `nats.<key>`. Lives during the call. */
typedef void (*bl_bus_problem_fn)(void *user, const struct bl_diag *problem);

/* Tells each reason for which bl_bus_create would refuse the configuration, but for files that
 * cannot be read: none is opened. True: there is none. Any thread. */
bool bl_bus_config_check(const struct bl_bus_config *config, bl_bus_problem_fn tell, void *user);

enum bl_bus_state { BL_BUS_CONNECTING, BL_BUS_CONNECTED, BL_BUS_RECONNECTING, BL_BUS_CLOSED };

/* "connecting", "connected", "reconnecting", "closed". */
const char *bl_bus_state_text(enum bl_bus_state state);

/* Stands in the reason of an attempt that failed because user, password, token or credentials are
 * missing or wrong. */
#define BL_BUS_LOGIN_REFUSED "the server refuses the login"

/* Called on the loop's thread. The views live during the call. */
struct bl_bus_callbacks {
    /* Each change of state, and each failed attempt to connect again with its reason. Blank
     * reason: nothing went wrong. May be NULL. */
    void (*on_state)(void *user, enum bl_bus_state state, struct bl_str reason);
    /* Faults that leave the connection up: a missing permission, dropped messages. May be NULL. */
    void (*on_error)(void *user, struct bl_str text);
    /* The server refuses a subscription, for lack of permission. Nothing arrives for it until the
     * next connection, or bl_bus_retry_refused, has asked again with success. May be NULL; then on_error is told. */
    void (*on_refused)(void *user, struct bl_str subject);
};

/* Starts to connect; no server needs to be there. Fails with INVALID_REQUEST (`diag.path` names
 * the setting) or RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_bus_create(struct bl_loop *loop, const struct bl_bus_config *config,
                                    const struct bl_bus_callbacks *callbacks, void *user,
                                    struct bl_bus **out, struct bl_diag *diag);

/* The stop sequence: unsubscribe → hand over what has arrived → wait until no message is held →
 * make sure that the server has everything (PING, PONG) → close. on_state(CLOSED) is the last call
 * of this bus. After `timeout_ms` the wait for messages ends; the whole takes at most
 * `timeout_ms` + connect_timeout_ms + 1 s. Requests in flight end with UNAVAILABLE before the
 * connection closes. Idempotent. Any thread. */
void bl_bus_close(struct bl_bus *bus, uint32_t timeout_ms);

/* Frees a bus in state CLOSED, with its subscriptions; NULL is allowed. No message may be held.
 * Not from a callback of this bus. */
void bl_bus_destroy(struct bl_bus *bus);

/* Ends libnats' own threads, once per process after the last bus; waits for them. Any thread that
 * runs no bus. */
void bl_bus_library_close(void);

/* --- Receiving ----------------------------------------------------------------------------- */

struct bl_bus_message {
    struct bl_message content; /* subject, data, headers by name ignoring case */
    struct bl_str reply;       /* subject to answer to; absent if none */
    bool overloaded;           /* answer with service_overloaded, do no work */
};

/* `message` and its views live during the call, unless it is held. */
typedef void (*bl_bus_message_fn)(void *user, struct bl_bus_message *message);

/* Keeps a message beyond its handler's return, until it was released as often as it was held.
 * bl_bus_close waits for held messages. */
void bl_bus_message_hold(struct bl_bus *bus, struct bl_bus_message *message);
void bl_bus_message_release(struct bl_bus *bus, struct bl_bus_message *message);

/* The headers one by one: false when `index` is past the last. At most BL_BUS_HEADERS_MAX; order
 * is unspecified, but for several values of a name. */
bool bl_bus_message_header(const struct bl_bus_message *message, size_t index, struct bl_str *name,
                           struct bl_str *value);

struct bl_bus_subscription_config {
    const char *subject;          /* may hold wildcards */
    const char *queue_group;      /* NULL = every message to every subscriber */
    uint32_t high_water_messages; /* backlog above which messages are marked; 0 = 8192 */
    uint32_t high_water_bytes;    /* 0 = 32 MiB */
    /* Above these libnats drops. 0 = so far above the mark that it never comes to that: reading
     * pauses at twice the mark. */
    uint32_t pending_limit_messages;
    uint32_t pending_limit_bytes;
};

/* Subscribes now, and again after each reconnect. `handler(user, …)` is called for each message.
 * Fails with INVALID_REQUEST for a subject or queue group that NATS would refuse, UNAVAILABLE when
 * closing, RESOURCE_EXHAUSTED. `out` may be NULL; the bus owns the subscription. */
BL_MUST_USE bl_result bl_bus_subscribe(struct bl_bus *bus,
                                       const struct bl_bus_subscription_config *config,
                                       bl_bus_message_fn handler, void *user,
                                       struct bl_bus_subscription **out, struct bl_diag *diag);

/* Subscribes anew to what the server has refused on this connection: permissions change while it
 * lasts. */
void bl_bus_retry_refused(struct bl_bus *bus);

/* Ends and frees a subscription at once; what arrived for it and was not handed over is
 * discarded and counted. Allowed from its handler. */
void bl_bus_unsubscribe(struct bl_bus_subscription *subscription);

/* --- Sending ------------------------------------------------------------------------------- */

/* One with a blank value is not sent: libnats 3.4.1 reads the header after an empty one as its
 * value. */
struct bl_bus_header {
    struct bl_str name;
    struct bl_str value;
};

struct bl_bus_outgoing {
    struct bl_str subject;
    struct bl_str reply; /* absent or blank = none */
    const struct bl_bus_header *headers;
    size_t header_count;
    struct bl_str data;
};

/* Puts a message into the write buffer; it leaves before the next wait of the loop. BL_OK says no
 * more than that. Fails with INVALID_REQUEST (subject, reply or header that would break the
 * protocol; larger than the server takes), UNAVAILABLE (not connected, or the server does not
 * read), RESOURCE_EXHAUSTED or INTERNAL. Nothing is kept of the views. */
BL_MUST_USE bl_result bl_bus_publish(struct bl_bus *bus, const struct bl_bus_outgoing *message,
                                     struct bl_diag *diag);

/* `result` is BL_OK with a `reply` that lives during the call (or is held); DEADLINE_EXCEEDED;
 * or UNAVAILABLE: the bus closes, or nobody is subscribed. libnats says that nobody is subscribed,
 * but not to whose request; so it is told early when it is true of all requests of this connection
 * that are unanswered, and else by the deadline. */
typedef void (*bl_bus_reply_fn)(void *user, bl_result result, struct bl_bus_message *reply);

/* Publishes with a reply subject of its own and calls `on_reply` exactly once, never before this
 * function returns. `message->reply` is ignored. `out_id` may be NULL. Fails like bl_bus_publish,
 * and with SERVICE_OVERLOADED when `requests_max` are in flight; then there is no call. */
BL_MUST_USE bl_result bl_bus_request(struct bl_bus *bus, const struct bl_bus_outgoing *message,
                                     uint32_t timeout_ms, bl_bus_reply_fn on_reply, void *user,
                                     uint64_t *out_id, struct bl_diag *diag);

/* Forgets a request: no call any more. False if it was answered before. */
bool bl_bus_request_cancel(struct bl_bus *bus, uint64_t id);

/* --- State --------------------------------------------------------------------------------- */

enum bl_bus_state bl_bus_current_state(const struct bl_bus *bus);

/* Largest payload, headers included, that the server takes; 1 MiB until the first connect. */
size_t bl_bus_max_payload(const struct bl_bus *bus);

struct bl_bus_stats {
    uint64_t connects;         /* connections made */
    uint64_t connect_failures; /* attempts */
    uint64_t disconnects;      /* connections lost, remakes included */
    uint64_t remakes;          /* connections given up because the server did not read */
    uint64_t messages_in;
    uint64_t messages_out;
    uint64_t bytes_in;         /* payloads */
    uint64_t bytes_out;        /* payloads */
    uint64_t messages_marked;  /* handed over as overloaded */
    uint64_t messages_dropped; /* by libnats, past the pending limit */
    uint64_t messages_lost;    /* arrived, but not handed over before a loss or an unsubscribe */
    uint64_t replies_unknown;  /* late or repeated replies */
    uint64_t requests_expired;
    uint64_t publishes_refused; /* not connected or past the hard cap */
    size_t buffered_bytes;      /* not yet taken by the kernel */
    size_t requests_in_flight;
    size_t messages_held;
};

struct bl_bus_stats bl_bus_stats(const struct bl_bus *bus);

#endif
