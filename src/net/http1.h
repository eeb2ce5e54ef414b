/*
 * An HTTP/1.1 server (RFC 9112) on streams: llhttp reads, this decides.
 *
 * Requests of a connection are handled one after another, each whole, by a handler that answers at
 * once. What can be read in two ways is refused rather than guessed: folded headers, bare line ends,
 * a space before a colon, no Host or two, a length beside chunks, two lengths. Header, body and idle
 * times are bounded, so are header and body bytes and connections; a connection that waits for its
 * next request holds no buffer. All functions belong to the loop's thread.
 */
#ifndef BL_NET_HTTP1_H
#define BL_NET_HTTP1_H

#include <stdbool.h>
#include <stdint.h>

#include "net/stream.h"
#include "wire/message.h"

#define BL_HTTP_HEADERS_MAX 100
#define BL_HTTP_HEAD_MAX 16384

struct bl_http_config {
    uint32_t max_body_bytes;
    uint32_t max_connections;
    uint32_t header_timeout_ms; /* from the first byte of a request to the end of its headers */
    uint32_t body_timeout_ms;   /* from there to the end of its body */
    uint32_t idle_timeout_ms;   /* between requests */
    uint32_t write_timeout_ms;  /* for a peer that takes nothing */
};

/* Views live during the handler's call. */
struct bl_http_request {
    struct bl_str method; /* "GET" */
    struct bl_str path;   /* up to the question mark, as it was sent */
    struct bl_str query;  /* behind it; absent = none */
    struct bl_headers headers;
    struct bl_str body;
    const char *peer;
};

struct bl_http_response {
    unsigned status;
    struct bl_str content_type;
    struct bl_str body;    /* copied when the handler has returned */
    int64_t retry_after_s; /* Retry-After; 0 = none */
    const char *allow;     /* Allow, for 405; NULL = none */
    bool close;            /* the connection ends with this reply */
};

/* Fills `response`, which begins as an empty 200 of application/json. */
typedef void (*bl_http_handler)(void *user, const struct bl_http_request *request,
                                struct bl_http_response *response);

/* Counted since the server began. */
struct bl_http_counts {
    uint64_t accepted, refused; /* connections; refused above max_connections */
    uint64_t requests, bad_requests, timeouts;
    uint32_t open;
};

struct bl_http_server;

BL_MUST_USE bl_result bl_http_server_create(struct bl_loop *loop,
                                            const struct bl_http_config *config,
                                            bl_http_handler handler, void *user,
                                            struct bl_http_server **out);

/* For bl_listener_create: `user` is the server. */
void bl_http_server_accept(void *user, struct bl_stream *stream);

/* Each reply from now on ends its connection, and those that wait for a request end at once. */
void bl_http_server_drain(struct bl_http_server *server);

/* Closes what is open. The server is freed when the last connection is gone, for which the loop has
 * to turn. NULL is fine. */
void bl_http_server_destroy(struct bl_http_server *server);

struct bl_http_counts bl_http_server_counts(const struct bl_http_server *server);

/* "Not Found" */
const char *bl_http_status_text(unsigned status);

#endif
