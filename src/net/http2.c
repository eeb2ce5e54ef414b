/* HTTP/2 on a connection: nghttp2 reads frames, this makes requests of them. Replies: http2_reply.c. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "net/http2_private.h"

#define WINDOW_BYTES (256 * 1024)         /* of a stream */
#define CONNECTION_WINDOW_BYTES (1 << 20) /* of all streams together */
#define RESETS_BURST 1000                 /* by the peer, and how many come back a second */
#define RESETS_PER_SECOND 100
#define ACKS_MAX 1000         /* of pings and settings, not yet taken by the peer */
#define IDLE_FRAMES_MAX 10000 /* that carry no request; as many are forgiven within some seconds */
#define IDLE_FRAMES_FORGIVEN 500
#define DRAIN_NOTICE_MS 200 /* from the first GOAWAY to the one with the last stream */

/* --- streams --------------------------------------------------------------------------------- */

static struct bl_http2_stream *create_stream(struct bl_http2 *http, int32_t id) {
    struct bl_http2_stream *stream = calloc(1, sizeof(*stream));

    if (stream == NULL) {
        return NULL;
    }
    stream->inbound = bl_http_inbound_create(http->server);
    if (stream->inbound == NULL) {
        free(stream);
        return NULL;
    }
    stream->exchange.answering = &bl_http2_answering;
    stream->http = http;
    stream->id = id;
    stream->moved_ms = bl_http_now_ms(stream->http->server);
    stream->next = http->first;
    stream->slot = &http->first;
    if (http->first != NULL) {
        http->first->slot = &stream->next;
    }
    http->first = stream;
    http->stream_count++;
    return stream;
}

/* Tells who still had something to do with it. */
static void tell_gone(struct bl_http2_stream *stream) {
    struct bl_http_server *server = stream->http->server;
    enum bl_http2_phase phase = stream->phase;

    if (phase == BL_HTTP2_HANDLING || phase == BL_HTTP2_CONVERSING) {
        server->counts.under_way--;
        server->counts.resets++;
    }
    if (phase == BL_HTTP2_CONVERSING) {
        stream->listener->on_gone(stream->listener_user);
    } else if (phase == BL_HTTP2_HANDLING && stream->exchange.on_gone != NULL) {
        stream->exchange.on_gone(stream->exchange.gone_user);
    }
}

static void destroy_stream(struct bl_http2_stream *stream) {
    struct bl_http2 *http = stream->http;

    tell_gone(stream);
    *stream->slot = stream->next;
    if (stream->next != NULL) {
        stream->next->slot = stream->slot;
    }
    http->stream_count--;
    http->idle_since_ms = bl_http_now_ms(http->server);
    bl_http_inbound_destroy(http->server, stream->inbound);
    bl_http_give(http->server, stream->out_capacity + stream->trailer_bytes);
    free(stream->out);
    free(stream->trailer_text);
    free(stream);
}

static struct bl_http2_stream *stream_of(struct bl_http2 *http, int32_t id) {
    return nghttp2_session_get_stream_user_data(http->session, id);
}

/* --- requests -------------------------------------------------------------------------------- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    struct bl_http2 *http = user;

    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        return 0;
    }
    struct bl_http2_stream *stream = create_stream(http, frame->hd.stream_id);
    if (stream == NULL) { /* a stream that was refused may be tried again elsewhere */
        return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                         NGHTTP2_REFUSED_STREAM);
    }
    return nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
}

static struct bl_str copy_text(struct bl_http_inbound *inbound, const uint8_t *text, size_t len) {
    char *at = inbound->head + inbound->head_len;

    memcpy(at, text, len);
    inbound->head_len += len;
    return (struct bl_str){at, len};
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user) {
    struct bl_http2_stream *stream = stream_of(user, frame->hd.stream_id);
    struct bl_str key = {(const char *)name, name_len};

    (void)session;
    (void)flags;
    if (stream == NULL || stream->phase != BL_HTTP2_HEAD) {
        return 0; /* trailers are nobody's headers */
    }
    struct bl_http_inbound *inbound = stream->inbound;
    if (name_len + value_len > BL_HTTP_HEAD_MAX - inbound->head_len ||
        inbound->header_count == BL_HTTP_HEADERS_MAX) {
        stream->is_head_too_large = true;
        return 0;
    }
    struct bl_str text = copy_text(inbound, value, value_len);
    if (bl_str_equal_c(key, ":method")) {
        inbound->method = text;
    } else if (bl_str_equal_c(key, ":path")) {
        inbound->target = text;
    } else if (bl_str_equal_c(key, ":authority")) {
        inbound->headers[inbound->header_count++] = (struct bl_http_header){BL_STR("host"), text};
    } else if (name_len > 0 && name[0] != ':') {
        struct bl_str copied = copy_text(inbound, name, name_len);
        inbound->headers[inbound->header_count++] = (struct bl_http_header){copied, text};
    }
    return 0;
}

static void handle(struct bl_http2_stream *stream) {
    struct bl_http_server *server = stream->http->server;
    const struct bl_http_request request =
        bl_http_inbound_request(stream->inbound, stream->http->connection);

    stream->phase = BL_HTTP2_HANDLING;
    server->counts.requests_2++;
    server->counts.under_way++;
    server->handlers.on_request(server->user, &stream->exchange, &request);
}

/* What nghttp2 lets through, and nobody here answers. False: it was refused. */
static bool check_head(struct bl_http2_stream *stream) {
    static const struct bl_http_refusal too_large = {
        431, BL_E_INVALID_REQUEST, "SCHEMA_VALIDATION_FAILED",
        "the headers are too large: 16384 bytes and 100 lines fit"};
    static const struct bl_http_refusal no_proxy = {501, BL_E_INVALID_REQUEST,
                                                    "SCHEMA_VALIDATION_FAILED", "this is no proxy"};
    static const struct bl_http_refusal hosts = {
        400, BL_E_INVALID_REQUEST, "SCHEMA_VALIDATION_FAILED", "a request names its host once"};

    if (stream->is_head_too_large) {
        bl_http2_refuse(stream, BL_HTTP_FAULT_TOO_LARGE, &too_large);
    } else if (bl_str_equal_c(stream->inbound->method, "CONNECT")) {
        bl_http2_refuse(stream, BL_HTTP_FAULT_MALFORMED, &no_proxy);
    } else if (bl_http_inbound_count(stream->inbound, "host") > 1) {
        bl_http2_refuse(stream, BL_HTTP_FAULT_MALFORMED, &hosts);
    } else {
        return true;
    }
    return false;
}

static void head_is_there(struct bl_http2_stream *stream) {
    struct bl_http_server *server = stream->http->server;

    stream->phase = BL_HTTP2_BODY;
    stream->is_head = bl_str_equal_c(stream->inbound->method, "HEAD");
    if (!check_head(stream) || server->handlers.on_head == NULL) {
        return;
    }
    const struct bl_http_request request =
        bl_http_inbound_request(stream->inbound, stream->http->connection);
    server->handlers.on_head(server->user, &stream->exchange, &request);
}

static void body_is_there(struct bl_http2_stream *stream) {
    if (stream->phase == BL_HTTP2_BODY) {
        handle(stream);
    } else if (stream->phase == BL_HTTP2_CONVERSING) {
        stream->listener->on_end(stream->listener_user, &stream->exchange);
    }
}

/* Frames that carry no request: a few are keep-alive, without end they are a flood. */
static int count_idle_frame(struct bl_http2 *http) {
    if (++http->idle_frames <= IDLE_FRAMES_MAX) {
        return 0;
    }
    http->is_flooded = true;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *head, void *user) {
    bool has_end = (head->flags & NGHTTP2_FLAG_END_STREAM) != 0;
    bool carries = head->type == NGHTTP2_HEADERS ||
                   (head->type == NGHTTP2_DATA && (has_end || head->length > 0));

    (void)session;
    return carries ? 0 : count_idle_frame(user);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    struct bl_http2 *http = user;
    bool has_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

    (void)session;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) {
        return 0;
    }
    struct bl_http2_stream *stream = stream_of(http, frame->hd.stream_id);
    if (stream == NULL) {
        return 0;
    }
    if (stream->phase != BL_HTTP2_ANSWERED) {
        stream->moved_ms = bl_http_now_ms(stream->http->server);
    }
    if (frame->hd.type == NGHTTP2_HEADERS && stream->phase == BL_HTTP2_HEAD) {
        head_is_there(stream);
    }
    if (has_end) {
        body_is_there(stream);
    }
    return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                         size_t len, void *user) {
    static const struct bl_http_refusal too_large = {
        400, BL_E_INVALID_REQUEST, "PAYLOAD_TOO_LARGE",
        "the body is larger than intake.max_request_bytes allows"};
    static const struct bl_http_refusal no_memory = {
        503, BL_E_RESOURCE_EXHAUSTED, NULL, "too many large requests are under way; try again"};
    struct bl_http2_stream *stream = stream_of(user, id);
    struct bl_str bytes = {(const char *)data, len};

    (void)session;
    (void)flags;
    if (stream != NULL && stream->phase == BL_HTTP2_CONVERSING) {
        stream->moved_ms = bl_http_now_ms(stream->http->server);
        stream->listener->on_data(stream->listener_user, &stream->exchange, bytes);
    } else if (stream != NULL && stream->phase == BL_HTTP2_BODY) {
        switch (bl_http_inbound_append(stream->http->server, stream->inbound, bytes)) {
        case BL_HTTP_APPENDED:
            break;
        case BL_HTTP_TOO_LARGE:
            bl_http2_refuse(stream, BL_HTTP_FAULT_TOO_LARGE, &too_large);
            break;
        case BL_HTTP_NO_MEMORY:
            bl_http2_refuse(stream, BL_HTTP_FAULT_MEMORY, &no_memory);
            break;
        }
    }
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *user) {
    struct bl_http2_stream *stream = stream_of(user, id);

    (void)session;
    (void)error;
    if (stream != NULL) {
        destroy_stream(stream);
    }
    return 0;
}

static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error,
                            void *user) {
    struct bl_http2 *http = user;

    (void)session;
    (void)frame;
    (void)error;
    bl_http_count(http->server, BL_HTTP_FAULT_MALFORMED);
    return 0;
}

/* --- the connection -------------------------------------------------------------------------- */

static int open_session(struct bl_http2 *http) {
    nghttp2_session_callbacks *calls;
    nghttp2_option *option;

    if (nghttp2_session_callbacks_new(&calls) != 0) {
        return -1;
    }
    if (nghttp2_option_new(&option) != 0) {
        nghttp2_session_callbacks_del(calls);
        return -1;
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(calls, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    nghttp2_session_callbacks_set_on_begin_frame_callback(calls, on_begin_frame);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_stream_close);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(calls, on_invalid_frame);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_outbound_ack(option, ACKS_MAX);
    nghttp2_option_set_stream_reset_rate_limit(option, RESETS_BURST, RESETS_PER_SECOND);
    nghttp2_option_set_server_fallback_rfc7540_priorities(option, 0);
    int error = nghttp2_session_server_new2(&http->session, calls, http, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(calls);
    return error;
}

static int send_settings(struct bl_http2 *http) {
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, http->server->config.max_streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_BYTES},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, BL_HTTP_HEAD_MAX},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    int error = nghttp2_submit_settings(http->session, NGHTTP2_FLAG_NONE, settings,
                                        sizeof(settings) / sizeof(settings[0]));

    return error != 0 ? error
                      : nghttp2_session_set_local_window_size(http->session, NGHTTP2_FLAG_NONE, 0,
                                                              CONNECTION_WINDOW_BYTES);
}

static void *http2_open(struct bl_http_connection *connection) {
    struct bl_http2 *http = calloc(1, sizeof(*http));

    if (http == NULL) {
        return NULL;
    }
    http->connection = connection;
    http->server = connection->server;
    http->idle_since_ms = bl_http_now_ms(http->server);
    if (open_session(http) != 0 || send_settings(http) != 0) {
        nghttp2_session_del(http->session);
        free(http);
        return NULL;
    }
    return http;
}

static void http2_on_data(void *state, struct bl_str bytes) {
    struct bl_http2 *http = state;

    http->is_busy = true;
    ssize_t taken = nghttp2_session_mem_recv(http->session, (const uint8_t *)bytes.data, bytes.len);
    http->is_busy = false;
    if (taken >= 0) {
        bl_http2_pump(http);
        return;
    }
    bool is_flood = http->is_flooded || taken == NGHTTP2_ERR_FLOODED;
    bl_http_count(http->server, is_flood ? BL_HTTP_FAULT_FLOOD : BL_HTTP_FAULT_MALFORMED);
    (void)nghttp2_session_terminate_session(http->session, is_flood ? NGHTTP2_ENHANCE_YOUR_CALM
                                                                    : NGHTTP2_PROTOCOL_ERROR);
    bl_http2_pump(http);
    bl_stream_finish(http->connection->stream);
}

static void http2_on_drained(void *state) {
    bl_http2_pump(state);
}

/* A peer that sends no more is not waited for: HTTP/2 needs both directions. */
static void http2_on_end(void *state) {
    struct bl_http2 *http = state;
    bl_stream_finish(http->connection->stream);
}

/* Returns false if the connection cannot live on. */
static bool sweep_stream(struct bl_http2_stream *stream, uint64_t now_ms) {
    static const struct bl_http_refusal slow = {408, BL_E_DEADLINE_EXCEEDED, NULL,
                                                "the request took too long to arrive"};
    const struct bl_http_config *config = &stream->http->server->config;
    uint64_t age_ms = now_ms - stream->moved_ms;
    bool owes = stream->out_sent < stream->out_len;

    switch (stream->phase) {
    case BL_HTTP2_HEAD:
        if (age_ms > config->header_timeout_ms) {
            bl_http_count(stream->http->server, BL_HTTP_FAULT_SLOW);
            return false;
        }
        break;
    case BL_HTTP2_BODY:
        if (now_ms - stream->inbound->began_ns / 1000000 > config->body_timeout_ms) {
            bl_http2_refuse(stream, BL_HTTP_FAULT_SLOW, &slow);
        }
        break;
    case BL_HTTP2_HANDLING:
        break; /* the handler has deadlines of its own */
    case BL_HTTP2_CONVERSING:
    case BL_HTTP2_ANSWERED:
        if (!owes && stream->phase == BL_HTTP2_ANSWERED && age_ms > BL_HTTP_LINGER_MS) {
            /* The peer has the reply and still sends: it is not wanted (RFC 9113, 8.1). */
            (void)nghttp2_submit_rst_stream(stream->http->session, NGHTTP2_FLAG_NONE, stream->id,
                                            NGHTTP2_NO_ERROR);
        }
        if (owes && age_ms > config->write_timeout_ms) {
            bl_http_count(stream->http->server, BL_HTTP_FAULT_SLOW);
            (void)nghttp2_submit_rst_stream(stream->http->session, NGHTTP2_FLAG_NONE, stream->id,
                                            NGHTTP2_CANCEL);
        }
        break;
    }
    return true;
}

static void sweep_drain(struct bl_http2 *http, uint64_t now_ms) {
    if (!http->has_said_last && now_ms - http->drain_began_ms >= DRAIN_NOTICE_MS) {
        http->has_said_last = true;
        (void)nghttp2_submit_goaway(http->session, NGHTTP2_FLAG_NONE,
                                    nghttp2_session_get_last_proc_stream_id(http->session),
                                    NGHTTP2_NO_ERROR, NULL, 0);
    }
}

static void http2_drain(void *state) {
    struct bl_http2 *http = state;

    if (http->drain_began_ms == 0) {
        http->drain_began_ms = bl_http_now_ms(http->server);
        (void)nghttp2_submit_shutdown_notice(http->session);
        bl_http2_pump(http);
    }
}

static void http2_sweep(void *state, uint64_t now_ms) {
    struct bl_http2 *http = state;
    bool is_alive = true;

    http->idle_frames -=
        http->idle_frames < IDLE_FRAMES_FORGIVEN ? http->idle_frames : IDLE_FRAMES_FORGIVEN;
    http->is_busy = true;
    for (struct bl_http2_stream *at = http->first; at != NULL && is_alive; at = at->next) {
        is_alive = sweep_stream(at, now_ms);
    }
    http->is_busy = false;
    if (!is_alive) {
        bl_stream_close(http->connection->stream);
        return;
    }
    if (http->drain_began_ms != 0) {
        sweep_drain(http, now_ms);
    } else if (http->stream_count == 0 &&
               now_ms - http->idle_since_ms > http->server->config.idle_timeout_ms) {
        http2_drain(http);
    }
    bl_http2_pump(http);
}

static void http2_close(void *state) {
    struct bl_http2 *http = state;
    struct bl_http2_stream *next;

    for (struct bl_http2_stream *at = http->first; at != NULL; at = next) {
        next = at->next;
        destroy_stream(at);
    }
    nghttp2_session_del(http->session);
    free(http);
}

const struct bl_http_protocol bl_http2 = {
    http2_open,  http2_on_data, http2_on_drained, http2_on_end,
    http2_sweep, http2_drain,   http2_close,
};
