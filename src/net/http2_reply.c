/* Replies over HTTP/2, and how they leave. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "net/grpc.h"
#include "net/http2_private.h"

#define CONVERSATION_MAX_BYTES ((size_t)256 * 1024) /* unsent of one conversation */
#define REPLY_HEADERS (8 + 2 * BL_HTTP_EXTRA_HEADERS)

/* --- leaving --------------------------------------------------------------------------------- */

void bl_http2_pump(struct bl_http2 *http) {
    struct bl_stream *stream = http->connection->stream;
    const uint8_t *data;
    ssize_t len = 1;

    if (http->is_busy) {
        return;
    }
    while (len > 0 && bl_stream_unsent(stream) <= BL_STREAM_OUT_MARK) {
        len = nghttp2_session_mem_send(http->session, &data);
        if (len > 0) {
            bl_http_write(http->connection, (struct bl_str){(const char *)data, (size_t)len});
        }
    }
    if (len < 0) {
        bl_stream_close(stream);
    } else if (nghttp2_session_want_read(http->session) == 0 &&
               nghttp2_session_want_write(http->session) == 0) {
        bl_stream_finish(stream);
    }
}

static nghttp2_nv pair(struct bl_str name, struct bl_str value) {
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name.data, (uint8_t *)(uintptr_t)value.data, name.len,
                        value.len, NGHTTP2_NV_FLAG_NONE};
}

static unsigned add_all(nghttp2_nv *pairs, unsigned count, const struct bl_http_header *headers,
                        unsigned header_count) {
    for (unsigned i = 0; i < header_count; i++) {
        pairs[count++] = pair(headers[i].name, headers[i].value);
    }
    return count;
}

static ssize_t read_out(nghttp2_session *session, int32_t id, uint8_t *buf, size_t capacity,
                        uint32_t *flags, nghttp2_data_source *source, void *user) {
    struct bl_http2_stream *stream = source->ptr;
    size_t left = stream->out_len - stream->out_sent;
    size_t take = left < capacity ? left : capacity;

    (void)id;
    (void)user;
    if (take == 0 && !stream->out_has_ended) {
        return NGHTTP2_ERR_DEFERRED;
    }
    if (take > 0) {
        memcpy(buf, stream->out + stream->out_sent, take);
        stream->out_sent += take;
        stream->moved_ms = bl_http_now_ms(stream->http->server);
    }
    if (stream->out_has_ended && stream->out_sent == stream->out_len) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (stream->trailer_count > 0) {
            nghttp2_nv pairs[BL_HTTP_EXTRA_HEADERS];
            unsigned count = add_all(pairs, 0, stream->trailers, stream->trailer_count);
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            if (nghttp2_submit_trailer(session, stream->id, pairs, count) != 0) {
                return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
            }
        }
    }
    return (ssize_t)take;
}

/* --- keeping --------------------------------------------------------------------------------- */

static bool append_out(struct bl_http2_stream *stream, struct bl_str bytes) {
    size_t needed = stream->out_len + bytes.len;

    if (needed > stream->out_capacity) {
        size_t more = needed - stream->out_capacity;
        if (!bl_http_take(stream->http->server, more)) {
            return false;
        }
        char *out = realloc(stream->out, needed);
        if (out == NULL) {
            bl_http_give(stream->http->server, more);
            return false;
        }
        stream->out = out;
        stream->out_capacity = needed;
    }
    if (bytes.len > 0) {
        memcpy(stream->out + stream->out_len, bytes.data, bytes.len);
    }
    stream->out_len = needed;
    return true;
}

static bool keep_trailers(struct bl_http2_stream *stream, const struct bl_http_header *trailers,
                          unsigned count) {
    size_t bytes = 0;

    assert(count <= BL_HTTP_EXTRA_HEADERS);
    for (unsigned i = 0; i < count; i++) {
        bytes += trailers[i].name.len + trailers[i].value.len;
    }
    if (bytes == 0) {
        return true;
    }
    if (!bl_http_take(stream->http->server, bytes)) {
        return false;
    }
    stream->trailer_text = malloc(bytes);
    if (stream->trailer_text == NULL) {
        bl_http_give(stream->http->server, bytes);
        return false;
    }
    stream->trailer_bytes = bytes;
    char *at = stream->trailer_text;
    for (unsigned i = 0; i < count; i++) {
        struct bl_str name = trailers[i].name, value = trailers[i].value;
        memcpy(at, name.data, name.len);
        if (value.len > 0) {
            memcpy(at + name.len, value.data, value.len);
        }
        stream->trailers[i] = (struct bl_http_header){{at, name.len}, {at + name.len, value.len}};
        at += name.len + value.len;
    }
    stream->trailer_count = count;
    return true;
}

static void reset(struct bl_http2_stream *stream, uint32_t error) {
    (void)nghttp2_submit_rst_stream(stream->http->session, NGHTTP2_FLAG_NONE, stream->id, error);
}

/* --- answering ------------------------------------------------------------------------------- */

static unsigned reply_headers(struct bl_http2_stream *stream,
                              const struct bl_http_response *response, bool has_trailers_only,
                              struct bl_buf *numbers, nghttp2_nv *pairs) {
    bool is_plain = response->trailer_count == 0;
    unsigned count = 0;

    bl_buf_u64(numbers, response->status);
    pairs[count++] = pair(BL_STR(":status"), bl_buf_view(numbers));
    if (bl_str_is_present(response->content_type)) {
        pairs[count++] = pair(BL_STR("content-type"), response->content_type);
    }
    if (is_plain) {
        size_t before = numbers->len;
        bl_buf_u64(numbers, response->body.len);
        struct bl_str length = {numbers->data + before, numbers->len - before};
        pairs[count++] = pair(BL_STR("content-length"), length);
        pairs[count++] = pair(BL_STR("date"), bl_http_date(stream->http->server));
    }
    if (response->retry_after_s > 0) {
        size_t before = numbers->len;
        bl_buf_u64(numbers, (uint64_t)response->retry_after_s);
        struct bl_str seconds = {numbers->data + before, numbers->len - before};
        pairs[count++] = pair(BL_STR("retry-after"), seconds);
    }
    if (response->allow != NULL) {
        pairs[count++] = pair(BL_STR("allow"), bl_str_from_c(response->allow));
    }
    if (bl_str_is_present(response->etag)) {
        pairs[count++] = pair(BL_STR("etag"), response->etag);
    }
    if (bl_str_is_present(response->location)) {
        pairs[count++] = pair(BL_STR("location"), response->location);
    }
    count = add_all(pairs, count, response->headers, response->header_count);
    if (has_trailers_only) {
        count = add_all(pairs, count, response->trailers, response->trailer_count);
    }
    return count;
}

/* Hands the reply to nghttp2. False: there is no memory for it. */
static bool submit(struct bl_http2_stream *stream, const struct bl_http_response *response) {
    bool has_body = response->body.len > 0 && !stream->is_head;
    nghttp2_data_provider provider = {.source = {.ptr = stream}, .read_callback = read_out};
    nghttp2_nv pairs[REPLY_HEADERS];
    char storage[64];
    struct bl_buf numbers;

    bl_buf_init(&numbers, storage, sizeof(storage));
    unsigned count = reply_headers(stream, response, !has_body, &numbers, pairs);
    if (has_body) {
        if (!append_out(stream, response->body) ||
            !keep_trailers(stream, response->trailers, response->trailer_count)) {
            return false;
        }
    }
    stream->out_has_ended = true;
    return nghttp2_submit_response(stream->http->session, stream->id, pairs, count,
                                   has_body ? &provider : NULL) == 0;
}

static void answer(struct bl_http2_stream *stream, const struct bl_http_response *response) {
    stream->phase = BL_HTTP2_ANSWERED;
    stream->moved_ms = bl_http_now_ms(stream->http->server);
    if (!submit(stream, response)) {
        reset(stream, NGHTTP2_INTERNAL_ERROR);
    }
    bl_http_inbound_destroy(stream->http->server, stream->inbound);
    stream->inbound = NULL;
    bl_http2_pump(stream->http);
}

static void respond(struct bl_http_exchange *exchange, const struct bl_http_response *response) {
    struct bl_http2_stream *stream = (struct bl_http2_stream *)exchange;

    assert(stream->phase == BL_HTTP2_HANDLING);
    stream->http->server->counts.under_way--;
    answer(stream, response);
}

void bl_http2_refuse(struct bl_http2_stream *stream, enum bl_http_fault fault,
                     const struct bl_http_refusal *refusal) {
    char storage[BL_HTTP_REFUSAL_BYTES], number[4];
    struct bl_http_response response;
    struct bl_buf text, status;

    if (fault != BL_HTTP_FAULT_MEMORY) { /* counted where it was found */
        bl_http_count(stream->http->server, fault);
    }
    if (bl_grpc_is_spoken(bl_http_inbound_find(stream->inbound, "content-type"))) {
        bl_buf_init(&text, storage, sizeof(storage));
        bl_buf_init(&status, number, sizeof(number));
        bl_grpc_write_message(bl_str_from_c(refusal->message), &text);
        bl_buf_u64(&status, bl_error_info(refusal->error)->grpc_status);
        response = (struct bl_http_response){
            .status = 200,
            .content_type = BL_STR("application/grpc"),
            .trailers = {{BL_STR("grpc-status"), bl_buf_view(&status)},
                         {BL_STR("grpc-message"), bl_buf_view(&text)}},
            .trailer_count = 2,
        };
    } else {
        bl_http_refusal_write(refusal, storage, &response);
    }
    answer(stream, &response);
}

/* --- conversations --------------------------------------------------------------------------- */

static void converse(struct bl_http_exchange *exchange, const struct bl_http_listener *listener,
                     void *user) {
    struct bl_http2_stream *stream = (struct bl_http2_stream *)exchange;

    assert(stream->phase == BL_HTTP2_BODY);
    stream->phase = BL_HTTP2_CONVERSING;
    stream->listener = listener;
    stream->listener_user = user;
    stream->http->server->counts.requests_2++;
    stream->http->server->counts.under_way++;
}

static void begin(struct bl_http_exchange *exchange, struct bl_str content_type) {
    struct bl_http2_stream *stream = (struct bl_http2_stream *)exchange;
    nghttp2_data_provider provider = {.source = {.ptr = stream}, .read_callback = read_out};
    const nghttp2_nv pairs[] = {pair(BL_STR(":status"), BL_STR("200")),
                                pair(BL_STR("content-type"), content_type)};

    stream->has_begun = true;
    if (nghttp2_submit_response(stream->http->session, stream->id, pairs, 2, &provider) != 0) {
        reset(stream, NGHTTP2_INTERNAL_ERROR);
    }
    bl_http2_pump(stream->http);
}

/* What was sent makes room for what comes. */
static void compact(struct bl_http2_stream *stream) {
    size_t left = stream->out_len - stream->out_sent;

    if (stream->out_sent > 0 && left > 0) {
        memmove(stream->out, stream->out + stream->out_sent, left);
    }
    stream->out_len = left;
    stream->out_sent = 0;
}

static void leave_conversation(struct bl_http2_stream *stream) {
    stream->phase = BL_HTTP2_ANSWERED;
    stream->http->server->counts.under_way--;
}

static bool send_some(struct bl_http_exchange *exchange, struct bl_str bytes) {
    struct bl_http2_stream *stream = (struct bl_http2_stream *)exchange;

    assert(stream->phase == BL_HTTP2_CONVERSING && stream->has_begun);
    compact(stream);
    if (stream->out_len + bytes.len > CONVERSATION_MAX_BYTES || !append_out(stream, bytes)) {
        leave_conversation(stream);
        reset(stream, NGHTTP2_ENHANCE_YOUR_CALM);
        bl_http2_pump(stream->http);
        return false;
    }
    (void)nghttp2_session_resume_data(stream->http->session, stream->id);
    bl_http2_pump(stream->http);
    return true;
}

static void end(struct bl_http_exchange *exchange, const struct bl_http_header *trailers,
                unsigned trailer_count) {
    struct bl_http2_stream *stream = (struct bl_http2_stream *)exchange;

    assert(stream->phase == BL_HTTP2_CONVERSING);
    leave_conversation(stream);
    stream->out_has_ended = true;
    if (!keep_trailers(stream, trailers, trailer_count)) {
        reset(stream, NGHTTP2_INTERNAL_ERROR);
    }
    (void)nghttp2_session_resume_data(stream->http->session, stream->id);
    bl_http2_pump(stream->http);
}

const struct bl_http_answering bl_http2_answering = {respond, converse, begin, send_some, end};
