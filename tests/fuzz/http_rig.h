/*
 * An HTTP server whose connection is the fuzzer's or a test's bytes: streams that take what is written
 * and count it, in place of those over sockets. Included by one file of a program.
 */
#ifndef BL_TESTS_HTTP_RIG_H
#define BL_TESTS_HTTP_RIG_H

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "net/http.h"

struct bl_stream {
    const struct bl_stream_events *events;
    void *user;
    bool is_paused, is_over, takes_nothing;
    size_t unsent, written;
    struct bl_buf *heard; /* keeps what is written; NULL = nobody looks */
};

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

void bl_stream_listen(struct bl_stream *stream, const struct bl_stream_events *events, void *user) {
    stream->events = events;
    stream->user = user;
}

void bl_stream_write(struct bl_stream *stream, struct bl_str bytes) {
    static volatile char last; /* reads all of it, for the sanitizer */
    for (size_t i = 0; i < bytes.len; i++) {
        last = bytes.data[i];
    }
    (void)last;
    if (stream->heard != NULL) {
        bl_buf_str(stream->heard, bytes);
    }
    stream->written += bytes.len;
    stream->unsent += stream->takes_nothing ? bytes.len : 0;
    require(stream->unsent <= BL_STREAM_OUT_MAX);
}

size_t bl_stream_unsent(const struct bl_stream *stream) {
    return stream->unsent;
}

void bl_stream_pause(struct bl_stream *stream, bool paused) {
    stream->is_paused = paused;
}

void bl_stream_finish(struct bl_stream *stream) {
    stream->is_over = true;
}

void bl_stream_close(struct bl_stream *stream) {
    stream->is_over = true;
}

uint64_t bl_stream_idle_ms(const struct bl_stream *stream) {
    (void)stream;
    return 0;
}

bool bl_stream_is_shaking_hands(const struct bl_stream *stream) {
    (void)stream;
    return false;
}

const char *bl_stream_peer(const struct bl_stream *stream) {
    (void)stream;
    return "fuzzer";
}

/* --- the handler ----------------------------------------------------------------------------- */

static struct bl_http_server *server;
static struct bl_http_exchange *waiting; /* answered a piece later */
static uint64_t handled;
static bool is_conversing;

static void answer(struct bl_http_exchange *exchange, size_t body_len) {
    static char body[100000];
    struct bl_http_response response = {
        .status = body_len % 2 == 0 ? 200 : 503,
        .content_type = BL_STR("text/plain"),
        .body = {body, body_len},
        .retry_after_s = 1,
        .headers = {{BL_STR("x-one"), BL_STR("1")}},
        .header_count = 1,
        .trailers = {{BL_STR("grpc-status"), BL_STR("0")}},
        .trailer_count = body_len % 3 == 0 ? 1 : 0,
    };
    bl_http_respond(exchange, &response);
}

static void on_gone(void *user) {
    (void)user;
    waiting = NULL;
}

/* Reads all that the request shows; a path of one letter chooses how it is answered. */
static void on_request(void *user, struct bl_http_exchange *exchange,
                       const struct bl_http_request *request) {
    size_t sum = request->method.len + request->path.len + request->query.len;

    (void)user;
    handled++;
    for (size_t i = 0; i < request->body.len; i++) {
        sum += (unsigned char)request->body.data[i];
    }
    for (size_t i = 0;; i++) {
        struct bl_str value = request->headers.get(request->headers.source, "host", i);
        if (!bl_str_is_present(value)) {
            break;
        }
        sum += value.len;
    }
    if (waiting == NULL && bl_str_equal_c(request->path, "/w")) {
        waiting = exchange;
        bl_http_on_gone(exchange, on_gone, NULL);
    } else {
        answer(exchange, sum % 90000);
    }
}

static void on_talk(void *user, struct bl_http_exchange *exchange, struct bl_str bytes) {
    (void)user;
    if (is_conversing && !bl_http_send(exchange, bytes)) {
        is_conversing = false;
    }
}

static void on_talk_end(void *user, struct bl_http_exchange *exchange) {
    static const struct bl_http_header trailer = {{"grpc-status", 11}, {"0", 1}};
    (void)user;
    is_conversing = false;
    bl_http_end(exchange, &trailer, 1);
}

static void on_talk_gone(void *user) {
    (void)user;
    is_conversing = false;
}

static void on_head(void *user, struct bl_http_exchange *exchange,
                    const struct bl_http_request *request) {
    static const struct bl_http_listener listener = {on_talk, on_talk_end, on_talk_gone};
    (void)user;
    if (!is_conversing && bl_str_equal_c(request->path, "/t")) {
        is_conversing = true;
        bl_http_converse(exchange, &listener, NULL);
        bl_http_begin(exchange, BL_STR("application/grpc"));
    }
}

static void begin(void) {
    static const struct bl_http_handlers handlers = {on_request, on_head};
    static const struct bl_http_config config = {
        .max_body_bytes = 20000,
        .max_connections = 10,
        .max_streams = 16,
        .max_memory_bytes = 2 << 20,
        .header_timeout_ms = 600000,
        .body_timeout_ms = 600000,
        .idle_timeout_ms = 600000,
        .write_timeout_ms = 600000,
    };
    static struct bl_loop *loop;
    struct bl_diag diag;
    require(loop != NULL || bl_is_ok(bl_loop_create(4, &loop, &diag)));
    require(bl_is_ok(bl_http_server_create(loop, &config, &handlers, NULL, &server)));
}

static inline void feed(struct bl_stream *stream, struct bl_str bytes) {
    if (stream->is_over) {
        return;
    }
    if (!stream->is_paused) {
        stream->events->on_data(stream->user, bytes);
    }
    if (waiting != NULL && !stream->is_over) {
        struct bl_http_exchange *exchange = waiting;
        waiting = NULL;
        answer(exchange, 10);
    }
    if (stream->takes_nothing && stream->unsent > 3 * (size_t)BL_STREAM_OUT_MARK / 2) {
        stream->unsent = 0;
        stream->events->on_drained(stream->user);
    }
}

/* One connection: `prefix`, then the input. Its first byte says in which pieces it comes, and whether
 * replies are taken. */
static inline void connect_and_feed(struct bl_str prefix, struct bl_str bytes) {
    struct bl_stream stream = {.is_over = false};
    size_t piece = SIZE_MAX;

    if (server == NULL) {
        begin();
    }
    if (bytes.len > 0) {
        uint8_t how = (uint8_t)bytes.data[0];
        piece = (how & 127) == 0 ? SIZE_MAX : how & 127;
        stream.takes_nothing = (how & 128) != 0;
        bytes.data++;
        bytes.len--;
    }
    bl_http_server_accept(server, &stream);
    if (prefix.len > 0) {
        feed(&stream, prefix);
    }
    while (bytes.len > 0 && !stream.is_over) {
        struct bl_str some = bl_str_head(bytes, piece);
        /* A copy of its own: a view that outlives the call is found. */
        char *copy = malloc(some.len);
        require(copy != NULL);
        memcpy(copy, some.data, some.len);
        feed(&stream, (struct bl_str){copy, some.len});
        free(copy);
        bytes.data += some.len;
        bytes.len -= some.len;
    }
    if (!stream.is_over) {
        stream.events->on_end(stream.user);
    }
    stream.events->on_closed(stream.user);
    struct bl_http_counts counts = bl_http_server_counts(server);
    require(counts.open == 0 && counts.under_way == 0 && counts.memory_bytes == 0);
    require(waiting == NULL && !is_conversing);
}

#endif
