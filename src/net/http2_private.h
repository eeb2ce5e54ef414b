/* One HTTP/2 connection and its streams. Private to this folder. */
#ifndef BL_NET_HTTP2_PRIVATE_H
#define BL_NET_HTTP2_PRIVATE_H

#include <nghttp2/nghttp2.h>

#include "net/http_private.h"

/*
 *   HEAD ──end of headers──▶ BODY ──end──▶ HANDLING ──reply──▶ ANSWERED ──all sent──▶ closed
 *                   └──▶ CONVERSING ───────────end──────────────▶ ANSWERED
 * A reset by either side closes from anywhere.
 */
enum bl_http2_phase {
    BL_HTTP2_HEAD,
    BL_HTTP2_BODY,
    BL_HTTP2_HANDLING,
    BL_HTTP2_CONVERSING,
    BL_HTTP2_ANSWERED,
};

struct bl_http2_stream {
    struct bl_http_exchange exchange; /* first: the handler's view */
    struct bl_http2 *http;
    struct bl_http2_stream *next, **slot;
    int32_t id;
    enum bl_http2_phase phase;
    uint64_t moved_ms; /* when something last came or went */
    struct bl_http_inbound *inbound;
    const struct bl_http_listener *listener; /* of a conversation */
    void *listener_user;
    bool is_head_too_large;
    bool is_head;   /* the method: a reply without its body */
    bool has_begun; /* a conversation's headers were sent */
    bool out_has_ended;
    char *out; /* body on its way, then the texts of the trailers */
    size_t out_len, out_sent, out_capacity;
    struct bl_http_header trailers[BL_HTTP_EXTRA_HEADERS];
    char *trailer_text;
    size_t trailer_bytes;
    unsigned trailer_count;
};

struct bl_http2 {
    struct bl_http_connection *connection;
    struct bl_http_server *server;
    nghttp2_session *session;
    struct bl_http2_stream *first;
    unsigned stream_count;
    uint64_t idle_since_ms;
    uint64_t drain_began_ms; /* 0 = not draining */
    uint32_t idle_frames;    /* frames that carry no request, lately */
    bool has_said_last;      /* GOAWAY with the last stream */
    bool is_busy;            /* in the middle of something: what is to be sent waits for its end */
    bool is_flooded;
};

extern const struct bl_http_answering bl_http2_answering;

/* Sends what the session wants to send, as far as the stream takes it. */
void bl_http2_pump(struct bl_http2 *http);

/* Answers for the server itself: with an error object, or in gRPC's way where gRPC is spoken. */
void bl_http2_refuse(struct bl_http2_stream *stream, enum bl_http_fault fault,
                     const struct bl_http_refusal *refusal);

#endif
