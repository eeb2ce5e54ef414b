/*
 * An HTTP server on streams: HTTP/1.1 (RFC 9112) and HTTP/2 (RFC 9113) behind one handler.
 *
 * A connection speaks HTTP/2 if TLS agreed on it or if its first bytes are the preface of HTTP/2, else
 * HTTP/1.1. Requests reach the handler whole, as an exchange that is answered at once or later. Of
 * HTTP/2 an exchange can also be a conversation, with messages in both directions as they come.
 *
 * What can be read in two ways is refused rather than guessed. Bounded are: connections, the times
 * for headers, body, idleness and a peer that takes nothing, header and body bytes, streams of a
 * connection, and the memory that all requests and replies under way take together. A connection
 * that waits for its next request holds next to nothing. All functions belong to the loop's thread.
 */
#ifndef BL_NET_HTTP_H
#define BL_NET_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "net/stream.h"
#include "wire/message.h"

#define BL_HTTP_HEADERS_MAX 100 /* header lines of a request */
#define BL_HTTP_HEAD_MAX 16384  /* bytes of them, with the first line */
#define BL_HTTP_EXTRA_HEADERS 8 /* of a reply, beside those that the server writes */

struct bl_http_config {
    uint32_t max_body_bytes;
    uint32_t max_connections;
    uint32_t max_streams;       /* of one HTTP/2 connection at a time */
    uint64_t max_memory_bytes;  /* of requests and replies under way, all connections together */
    uint32_t header_timeout_ms; /* from the first byte of a request to the end of its headers */
    uint32_t body_timeout_ms;   /* from there to the end of its body */
    uint32_t idle_timeout_ms;   /* between requests */
    uint32_t write_timeout_ms;  /* for a peer that takes nothing */
};

/* Views live until the exchange is answered; in a conversation, during the call. */
struct bl_http_request {
    struct bl_str method; /* "GET" */
    struct bl_str path;   /* up to the question mark, as it was sent */
    struct bl_str query;  /* behind it; absent = none */
    struct bl_headers headers;
    struct bl_str body;
    const char *peer;
    const char *protocol; /* "HTTP/1.1" */
    bool is_http2;
    uint64_t began_ns; /* monotonic: when its headers were there */
};

struct bl_http_header {
    struct bl_str name; /* lower case */
    struct bl_str value;
};

/* Everything is copied by bl_http_respond. */
struct bl_http_response {
    unsigned status;
    struct bl_str content_type;
    struct bl_str body;
    int64_t retry_after_s; /* Retry-After; 0 = none */
    const char *allow;     /* Allow, for 405 and OPTIONS; NULL = none */
    struct bl_str etag;    /* ETag, with its quotes; absent = none */
    struct bl_str location;
    bool close; /* the connection ends with this reply; HTTP/1.1 */
    struct bl_http_header headers[BL_HTTP_EXTRA_HEADERS];
    unsigned header_count;
    struct bl_http_header
        trailers[BL_HTTP_EXTRA_HEADERS]; /* HTTP/2; without a body they are headers */
    unsigned trailer_count;
};

/* One request and its reply. */
struct bl_http_exchange;

/* Answers. The exchange is over with it, and its views are gone. */
void bl_http_respond(struct bl_http_exchange *exchange, const struct bl_http_response *response);

/* Has `fn(user)` called if the peer gives the exchange up before it is over; the exchange is gone
 * after the call. */
void bl_http_on_gone(struct bl_http_exchange *exchange, void (*fn)(void *user), void *user);

/* --- conversations: HTTP/2 only -------------------------------------------------------------- */

struct bl_http_listener {
    /* A piece of the body has come. */
    void (*on_data)(void *user, struct bl_http_exchange *exchange, struct bl_str bytes);
    /* The peer has said all; what it is owed may still be sent. */
    void (*on_end)(void *user, struct bl_http_exchange *exchange);
    /* The peer is gone, or the connection; the exchange with it. Not called after bl_http_end. */
    void (*on_gone)(void *user);
};

/* Within bl_http_handlers.on_head: the exchange is a conversation from here on. */
void bl_http_converse(struct bl_http_exchange *exchange, const struct bl_http_listener *listener,
                      void *user);

/* Sends headers with status 200, then pieces of a body, then trailers, which end the exchange. Pieces
 * are copied. False: too much waits for a peer that does not read; the exchange was reset and is
 * gone, on_gone was not called. */
void bl_http_begin(struct bl_http_exchange *exchange, struct bl_str content_type);
BL_MUST_USE bool bl_http_send(struct bl_http_exchange *exchange, struct bl_str bytes);
void bl_http_end(struct bl_http_exchange *exchange, const struct bl_http_header *trailers,
                 unsigned trailer_count);

/* --- the server ------------------------------------------------------------------------------ */

struct bl_http_handlers {
    /* A whole request has come. */
    void (*on_request)(void *user, struct bl_http_exchange *exchange,
                       const struct bl_http_request *request);
    /* The headers of an HTTP/2 request have come; may call bl_http_converse, else on_request
     * follows. NULL = there are no conversations. */
    void (*on_head)(void *user, struct bl_http_exchange *exchange,
                    const struct bl_http_request *request);
};

/* Why requests or connections were not served. */
enum bl_http_fault {
    BL_HTTP_FAULT_MALFORMED,   /* no good HTTP, or HTTP that can be read in two ways */
    BL_HTTP_FAULT_TOO_LARGE,   /* headers or body above their limits */
    BL_HTTP_FAULT_SLOW,        /* a request or a reply that took too long */
    BL_HTTP_FAULT_CONNECTIONS, /* above max_connections */
    BL_HTTP_FAULT_MEMORY,      /* above max_memory_bytes */
    BL_HTTP_FAULT_FLOOD,       /* resets, pings, settings or empty frames without end */
    BL_HTTP_FAULT_HANDSHAKE,   /* TLS that was not agreed on */
    BL_HTTP_FAULT_COUNT
};
const char *bl_http_fault_word(enum bl_http_fault fault); /* metric label */

/* Counted since the server began. */
struct bl_http_counts {
    uint64_t accepted;
    uint64_t requests_1, requests_2; /* by protocol */
    uint64_t resets;                 /* exchanges that the peer gave up */
    uint64_t faults[BL_HTTP_FAULT_COUNT];
    uint32_t open;         /* connections */
    uint32_t under_way;    /* exchanges */
    uint64_t memory_bytes; /* of what is under way */
    uint64_t bytes_in, bytes_out;
};

struct bl_http_server;

BL_MUST_USE bl_result bl_http_server_create(struct bl_loop *loop,
                                            const struct bl_http_config *config,
                                            const struct bl_http_handlers *handlers, void *user,
                                            struct bl_http_server **out);

/* Takes other limits over, for what begins from now on. */
void bl_http_server_configure(struct bl_http_server *server, const struct bl_http_config *config);

/* For bl_listener_create: `user` is the server. */
void bl_http_server_accept(void *user, struct bl_stream *stream);

/* Ends what waits for a request at once, and each other connection with what it is doing: HTTP/1.1
 * says so in its next reply, HTTP/2 by GOAWAY, first without and a moment later with a last stream. */
void bl_http_server_drain(struct bl_http_server *server);

/* Closes what is open. The server is freed when the last connection is gone, for which the loop has
 * to turn. NULL is fine. */
void bl_http_server_destroy(struct bl_http_server *server);

struct bl_http_counts bl_http_server_counts(const struct bl_http_server *server);

/* "Not Found" */
const char *bl_http_status_text(unsigned status);

#endif
