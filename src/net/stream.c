#include "net/stream.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "net/stream_private.h"
#include "net/tls_private.h"

#define READ_BYTES 65536
#define KEEPALIVE_S 60 /* a peer that is gone without a word is found out */

/* Bytes on their way out. */
struct out {
    char *data;
    size_t len, capacity;
};

struct bl_stream {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    uv_write_t write;
    const struct bl_stream_events *events;
    void *user;
    struct out queued;  /* not yet handed to libuv */
    struct out sending; /* libuv has a view of it */
    uint64_t moved_ms;  /* when something last moved */
    bool is_sending;
    bool is_reading;
    bool is_paused;    /* by the caller */
    bool has_ended;    /* there is nothing left to read */
    bool is_full;      /* too much is unsent */
    bool in_callback;  /* what is written is flushed when it returns */
    bool is_finishing; /* closes when all is sent */
    bool is_closing;
    struct bl_tls *tls; /* NULL = in the clear */
    char peer[64];
};

static void flush(struct bl_stream *stream);
static void settle_reading(struct bl_stream *stream);

static bool append(struct out *out, struct bl_str bytes) {
    if (bytes.len > out->capacity - out->len) {
        size_t capacity = out->capacity == 0 ? 4096 : out->capacity;
        while (capacity - out->len < bytes.len) {
            capacity *= 2;
        }
        char *data = realloc(out->data, capacity);
        if (data == NULL) {
            return false;
        }
        out->data = data;
        out->capacity = capacity;
    }
    memcpy(out->data + out->len, bytes.data, bytes.len);
    out->len += bytes.len;
    return true;
}

/* A large buffer is not kept for the small replies that follow. */
static void clear(struct out *out) {
    out->len = 0;
    if (out->capacity > BL_STREAM_OUT_MARK) {
        free(out->data);
        *out = (struct out){NULL, 0, 0};
    }
}

static void touch(struct bl_stream *stream) {
    stream->moved_ms = uv_now(stream->uv.handle.loop);
}

/* --- reading --------------------------------------------------------------------------------- */

/* One turn reads into one buffer of the thread: what is read is used up within the callback. */
static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    static _Thread_local char storage[READ_BYTES];

    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(storage, sizeof(storage));
}

static void tell_end(struct bl_stream *stream) {
    stream->has_ended = true;
    settle_reading(stream);
    stream->events->on_end(stream->user);
}

/* What came, in the clear: to who listens. */
static void tell_data(struct bl_stream *stream, struct bl_str bytes) {
    static _Thread_local char plain[BL_TLS_PLAIN_BYTES];
    size_t len;

    if (stream->tls == NULL) {
        stream->events->on_data(stream->user, bytes);
        return;
    }
    enum bl_tls_state state = bl_tls_read(stream->tls, bytes, plain, &len);
    if (len > 0) {
        stream->events->on_data(stream->user, (struct bl_str){plain, len});
    }
    if (state == BL_TLS_ENDED && !stream->has_ended) {
        tell_end(stream);
    } else if (state == BL_TLS_FAILED) {
        stream->is_finishing = true; /* with the alert that tells the peer why */
    }
}

static void on_read(uv_stream_t *uv, ssize_t count, const uv_buf_t *buf) {
    struct bl_stream *stream = uv->data;

    if (count == 0 || stream->is_closing) {
        return;
    }
    touch(stream);
    stream->in_callback = true;
    if (count > 0) {
        tell_data(stream, (struct bl_str){buf->base, (size_t)count});
    } else if (count == UV_EOF && !stream->has_ended) {
        tell_end(stream);
    }
    stream->in_callback = false;
    if (count < 0 && count != UV_EOF) {
        bl_stream_close(stream);
    } else {
        flush(stream);
    }
}

static void settle_reading(struct bl_stream *stream) {
    bool wanted = !stream->is_paused && !stream->is_full && !stream->has_ended &&
                  !stream->is_finishing && !stream->is_closing;

    if (wanted && !stream->is_reading) {
        stream->is_reading = uv_read_start(&stream->uv.stream, give_buffer, on_read) == 0;
    } else if (!wanted && stream->is_reading) {
        uv_read_stop(&stream->uv.stream);
        stream->is_reading = false;
    }
}

void bl_stream_listen(struct bl_stream *stream, const struct bl_stream_events *events, void *user) {
    stream->events = events;
    stream->user = user;
    settle_reading(stream);
}

void bl_stream_pause(struct bl_stream *stream, bool paused) {
    stream->is_paused = paused;
    settle_reading(stream);
}

/* --- writing --------------------------------------------------------------------------------- */

size_t bl_stream_unsent(const struct bl_stream *stream) {
    return stream->queued.len + stream->sending.len;
}

static void on_written(uv_write_t *write, int status) {
    struct bl_stream *stream = write->data;

    stream->is_sending = false;
    clear(&stream->sending);
    if (status != 0) {
        bl_stream_close(stream);
        return;
    }
    touch(stream);
    flush(stream);
}

/* What the kernel takes at once goes at once; the rest is libuv's until it has gone. */
static void send_queued(struct bl_stream *stream) {
    uv_buf_t whole = uv_buf_init(stream->queued.data, (unsigned)stream->queued.len);
    int sent = uv_try_write(&stream->uv.stream, &whole, 1);

    if (sent < 0 && sent != UV_EAGAIN) {
        bl_stream_close(stream);
        return;
    }
    size_t gone = sent > 0 ? (size_t)sent : 0;
    if (gone > 0) {
        touch(stream);
    }
    if (gone == stream->queued.len) {
        clear(&stream->queued);
        return;
    }
    struct out empty = stream->sending;
    stream->sending = stream->queued;
    stream->queued = empty;
    uv_buf_t rest =
        uv_buf_init(stream->sending.data + gone, (unsigned)(stream->sending.len - gone));
    stream->is_sending = uv_write(&stream->write, &stream->uv.stream, &rest, 1, on_written) == 0;
    if (!stream->is_sending) {
        bl_stream_close(stream);
    }
}

/* Whether there is room again for who waited for it. */
static bool settle_fullness(struct bl_stream *stream) {
    bool was_full = stream->is_full;

    stream->is_full = bl_stream_unsent(stream) > BL_STREAM_OUT_MARK;
    settle_reading(stream);
    return was_full && !stream->is_full;
}

static void flush(struct bl_stream *stream) {
    bool has_drained = true;

    while (has_drained && !stream->is_closing) {
        if (!stream->is_sending && stream->queued.len > 0) {
            send_queued(stream);
        }
        if (stream->is_closing) {
            return;
        }
        has_drained = settle_fullness(stream) && stream->events->on_drained != NULL;
        if (has_drained) {
            stream->in_callback = true;
            stream->events->on_drained(stream->user);
            stream->in_callback = false;
        }
    }
    if (!stream->is_closing && stream->is_finishing && bl_stream_unsent(stream) == 0) {
        bl_stream_close(stream);
    }
}

/* Towards the socket: what was written, or what TLS made of it. */
static bool put(void *user, struct bl_str bytes) {
    struct bl_stream *stream = user;

    return bl_stream_unsent(stream) + bytes.len <= BL_STREAM_OUT_MAX &&
           append(&stream->queued, bytes);
}

void bl_stream_write(struct bl_stream *stream, struct bl_str bytes) {
    if (stream->is_closing || bytes.len == 0) {
        return;
    }
    if (stream->tls != NULL ? !bl_tls_write(stream->tls, bytes) : !put(stream, bytes)) {
        bl_stream_close(stream);
        return;
    }
    if (!stream->in_callback || stream->queued.len > BL_STREAM_OUT_MARK) {
        flush(stream);
    }
}

/* --- ending ---------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle) {
    struct bl_stream *stream = handle->data;

    if (stream->events != NULL) {
        stream->events->on_closed(stream->user);
    }
    bl_tls_destroy(stream->tls);
    free(stream->queued.data);
    free(stream->sending.data);
    free(stream);
}

void bl_stream_close(struct bl_stream *stream) {
    if (!stream->is_closing) {
        stream->is_closing = true;
        uv_close(&stream->uv.handle, on_closed);
    }
}

void bl_stream_finish(struct bl_stream *stream) {
    if (stream->tls != NULL && !stream->is_finishing && !stream->is_closing) {
        bl_tls_finish(stream->tls);
    }
    stream->is_finishing = true;
    if (!stream->in_callback) {
        flush(stream);
    }
}

bool bl_stream_encrypt(struct bl_stream *stream, struct bl_tls_context *context) {
    stream->tls = bl_tls_create(context, put, stream);
    return stream->tls != NULL;
}

bool bl_stream_is_shaking_hands(const struct bl_stream *stream) {
    return stream->tls != NULL && !bl_tls_is_established(stream->tls);
}

uint64_t bl_stream_idle_ms(const struct bl_stream *stream) {
    return uv_now(stream->uv.handle.loop) - stream->moved_ms;
}

const char *bl_stream_peer(const struct bl_stream *stream) {
    return stream->peer;
}

/* --- making ---------------------------------------------------------------------------------- */

static void name_peer(struct bl_stream *stream, bool is_unix) {
    struct sockaddr_storage address;
    int len = sizeof(address);
    char host[INET6_ADDRSTRLEN] = "?";
    unsigned port = 0;

    if (is_unix) {
        (void)snprintf(stream->peer, sizeof(stream->peer), "unix");
        return;
    }
    if (uv_tcp_getpeername(&stream->uv.tcp, (struct sockaddr *)&address, &len) == 0) {
        if (address.ss_family == AF_INET6) {
            const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&address;
            (void)inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof(host));
            port = ntohs(six->sin6_port);
        } else {
            const struct sockaddr_in *four = (const struct sockaddr_in *)&address;
            (void)inet_ntop(AF_INET, &four->sin_addr, host, sizeof(host));
            port = ntohs(four->sin_port);
        }
    }
    (void)snprintf(stream->peer, sizeof(stream->peer), "%s:%u", host, port);
}

struct bl_stream *bl_stream_accept(uv_stream_t *server, bool is_unix) {
    struct bl_stream *stream = calloc(1, sizeof(*stream));

    if (stream == NULL) {
        return NULL;
    }
    if (is_unix) {
        (void)uv_pipe_init(server->loop, &stream->uv.pipe, 0);
    } else {
        (void)uv_tcp_init(server->loop, &stream->uv.tcp);
    }
    stream->uv.handle.data = stream;
    stream->write.data = stream;
    touch(stream);
    if (uv_accept(server, &stream->uv.stream) != 0) {
        bl_stream_close(stream);
        return NULL;
    }
    if (!is_unix) {
        (void)uv_tcp_nodelay(&stream->uv.tcp, 1);
        (void)uv_tcp_keepalive(&stream->uv.tcp, 1, KEEPALIVE_S);
    }
    name_peer(stream, is_unix);
    return stream;
}
