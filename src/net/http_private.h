/* What the protocols of an HTTP server share. Private to this folder. */
#ifndef BL_NET_HTTP_PRIVATE_H
#define BL_NET_HTTP_PRIVATE_H

#include "base/buf.h"
#include "net/http.h"

#define BL_HTTP_LINGER_MS 1000 /* how long the rest of a refused request is read and dropped */

/* A connection that was in use so lately is likely to send its next request while the server drains: it
 * is told in that reply, rather than cut while the request is on its way. */
#define BL_HTTP_DRAIN_IDLE_MS 1000

struct bl_http_connection;

/* A request while it comes in: its header lines and its body. From the server's pool. */
struct bl_http_inbound {
    struct bl_http_inbound *next; /* in the pool */
    struct bl_http_header headers[BL_HTTP_HEADERS_MAX];
    unsigned header_count;
    struct bl_str method, target;
    uint64_t began_ns;
    char *body;
    size_t body_len, body_capacity;
    size_t head_len;
    char head[BL_HTTP_HEAD_MAX]; /* what the headers are views of */
};

/* Answering, as the protocol does it. */
struct bl_http_exchange {
    const struct bl_http_answering *answering;
    void (*on_gone)(void *user);
    void *gone_user;
};

struct bl_http_answering {
    void (*respond)(struct bl_http_exchange *exchange, const struct bl_http_response *response);
    /* NULL where there are no conversations. */
    void (*converse)(struct bl_http_exchange *exchange, const struct bl_http_listener *listener,
                     void *user);
    void (*begin)(struct bl_http_exchange *exchange, struct bl_str content_type);
    bool (*send)(struct bl_http_exchange *exchange, struct bl_str bytes);
    void (*end)(struct bl_http_exchange *exchange, const struct bl_http_header *trailers,
                unsigned trailer_count);
};

/* A protocol on a connection. `state` is what open returned. */
struct bl_http_protocol {
    void *(*open)(struct bl_http_connection *connection); /* NULL: no memory */
    void (*on_data)(void *state, struct bl_str bytes);
    void (*on_drained)(void *state); /* little is left of what could not be sent */
    void (*on_end)(void *state);
    void (*sweep)(void *state, uint64_t now_ms);
    void (*drain)(void *state);
    void (*close)(void *state); /* the stream is over; frees the state */
};

extern const struct bl_http_protocol bl_http1;
extern const struct bl_http_protocol bl_http2;

struct bl_http_server {
    struct bl_http_config config;
    struct bl_http_handlers handlers;
    void *user;
    struct bl_timer *sweep;
    struct bl_http_connection *first;
    struct bl_http_inbound *pool;
    unsigned pooled;
    struct bl_http_counts counts;
    char date[40]; /* "Mon, 23 Nov 2026 16:00:00 GMT", of this second */
    int64_t date_s;
    uint64_t now_ms; /* monotonic */
    bool is_draining;
    bool is_destroyed;
};

#define BL_HTTP_PREFACE_BYTES 24

struct bl_http_connection {
    struct bl_http_server *server;
    struct bl_http_connection *next, **slot;
    struct bl_stream *stream;
    const struct bl_http_protocol *protocol; /* NULL until the first bytes tell */
    void *state;
    uint64_t began_ms;
    uint8_t preface_len;
    char preface[BL_HTTP_PREFACE_BYTES];
};

/* The time, as of the last time that something came or was swept: near enough for time limits, and asked
 * for several times in each request. */
static inline uint64_t bl_http_now_ms(const struct bl_http_server *server) {
    return server->now_ms;
}

/* The Date header's value, made once a second. */
struct bl_str bl_http_date(struct bl_http_server *server);

static inline void bl_http_write(struct bl_http_connection *connection, struct bl_str bytes) {
    connection->server->counts.bytes_out += bytes.len;
    bl_stream_write(connection->stream, bytes);
}

static inline void bl_http_count(struct bl_http_server *server, enum bl_http_fault fault) {
    server->counts.faults[fault]++;
}

/* Memory of what is under way. False, and counted: there is no more. */
BL_MUST_USE bool bl_http_take(struct bl_http_server *server, size_t bytes);
void bl_http_give(struct bl_http_server *server, size_t bytes);

/* One from the pool, empty; NULL when there is no memory for it. */
struct bl_http_inbound *bl_http_inbound_create(struct bl_http_server *server);
void bl_http_inbound_destroy(struct bl_http_server *server, struct bl_http_inbound *inbound);

enum bl_http_appended { BL_HTTP_APPENDED, BL_HTTP_TOO_LARGE, BL_HTTP_NO_MEMORY };
enum bl_http_appended bl_http_inbound_append(struct bl_http_server *server,
                                             struct bl_http_inbound *inbound, struct bl_str bytes);

bool bl_http_is_named(struct bl_str found, const char *name);
struct bl_str bl_http_inbound_find(const struct bl_http_inbound *inbound, const char *name);
unsigned bl_http_inbound_count(const struct bl_http_inbound *inbound, const char *name);

/* The request as the handler sees it. */
struct bl_http_request bl_http_inbound_request(const struct bl_http_inbound *inbound,
                                               const struct bl_http_connection *connection);

/* A refusal of the server's own: the error object of the contract, with the text of `message`, as
 * the body of `response`; `storage` holds it. */
struct bl_http_refusal {
    unsigned status;
    enum bl_error error;
    const char *intake_code; /* NULL = none */
    const char *message;
};
#define BL_HTTP_REFUSAL_BYTES 512
void bl_http_refusal_write(const struct bl_http_refusal *refusal, char *storage,
                           struct bl_http_response *response);

/* What intermediaries read in other ways than llhttp; NULL = nothing. */
const char *bl_http1_find_ambiguity(struct bl_str head);

#endif
