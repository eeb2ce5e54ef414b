/*
 * A client of nghttp2 whose connection ends at the server of fuzz/http_rig.h. It opens windows only when
 * it is told to. Included by one file of a program, after cmocka.
 */
#ifndef BL_TESTS_HTTP2_CLIENT_H
#define BL_TESTS_HTTP2_CLIENT_H

#include "net/http2_private.h"

#include "fuzz/http_rig.h"

#define STREAMS 200

static struct bl_stream stream;
static struct bl_buf heard;
static char heard_storage[4u << 20];
static nghttp2_session *client;

static struct {
    char status[4];
    size_t body_len;
    uint32_t error; /* of its end */
    bool is_closed, has_trailer;
    size_t upload_left;
    bool upload_ends;
} streams[STREAMS];
static unsigned goaways;
static uint32_t goaway_error;

static int client_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                         size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                         void *user) {
    int32_t id = frame->hd.stream_id;
    (void)session;
    (void)flags;
    (void)user;
    if (name_len == 7 && memcmp(name, ":status", 7) == 0 && value_len == 3) {
        memcpy(streams[id].status, value, 3);
    }
    streams[id].has_trailer |= name_len == 11 && memcmp(name, "grpc-status", 11) == 0;
    return 0;
}

static int client_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                        size_t len, void *user) {
    (void)session;
    (void)flags;
    (void)data;
    (void)user;
    streams[id].body_len += len;
    return 0;
}

static int client_close(nghttp2_session *session, int32_t id, uint32_t error, void *user) {
    (void)session;
    (void)user;
    streams[id].is_closed = true;
    streams[id].error = error;
    return 0;
}

static int client_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    (void)session;
    (void)user;
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        goaways++;
        goaway_error = frame->goaway.error_code;
    }
    return 0;
}

static ssize_t upload(nghttp2_session *session, int32_t id, uint8_t *buf, size_t capacity,
                      uint32_t *flags, nghttp2_data_source *source, void *user) {
    size_t take = streams[id].upload_left < capacity ? streams[id].upload_left : capacity;
    (void)session;
    (void)source;
    (void)user;
    if (take == 0 && !streams[id].upload_ends) {
        return NGHTTP2_ERR_DEFERRED;
    }
    memset(buf, 'u', take);
    streams[id].upload_left -= take;
    if (streams[id].upload_left == 0 && streams[id].upload_ends) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)take;
}

static void connect_one(uint32_t window_bytes) {
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window_bytes}};
    nghttp2_session_callbacks *calls;
    nghttp2_option *option;

    memset(streams, 0, sizeof(streams));
    goaways = 0;
    goaway_error = 0;
    assert_int_equal(nghttp2_session_callbacks_new(&calls), 0);
    assert_int_equal(nghttp2_option_new(&option), 0);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_session_callbacks_set_on_header_callback(calls, client_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, client_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, client_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, client_frame);
    assert_int_equal(nghttp2_session_client_new2(&client, calls, NULL, option), 0);
    nghttp2_session_callbacks_del(calls);
    nghttp2_option_del(option);
    assert_int_equal(nghttp2_submit_settings(client, NGHTTP2_FLAG_NONE, settings, 1), 0);
    assert_int_equal(nghttp2_session_set_local_window_size(client, NGHTTP2_FLAG_NONE, 0, 64 << 20),
                     0);
    bl_buf_init(&heard, heard_storage, sizeof(heard_storage));
    stream = (struct bl_stream){.heard = &heard};
    bl_http_server_accept(server, &stream);
}

/* To the server, from memory that is gone after the call. */
static bool client_speaks(void) {
    const uint8_t *bytes;
    ssize_t len = nghttp2_session_mem_send(client, &bytes);

    assert_true(len >= 0);
    if (len == 0 || stream.is_over) {
        return false;
    }
    char *copy = malloc((size_t)len);
    assert_non_null(copy);
    memcpy(copy, bytes, (size_t)len);
    stream.events->on_data(stream.user, (struct bl_str){copy, (size_t)len});
    free(copy);
    return true;
}

static bool client_hears(void) {
    assert_false(heard.overflowed);
    if (heard.len == 0) {
        return false;
    }
    assert_int_equal(nghttp2_session_mem_recv(client, (const uint8_t *)heard.data, heard.len),
                     heard.len);
    bl_buf_reset(&heard);
    return true;
}

/* Until neither has more to say. */
static void talk(void) {
    bool speaks, hears;
    do {
        speaks = client_speaks();
        hears = client_hears();
    } while (speaks || hears);
}

#define NV(name, value)                                                                            \
    {                                                                                              \
        (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), strlen(name), strlen(value),  \
            NGHTTP2_NV_FLAG_NONE                                                                   \
    }

/* `body_len` 0 and `ends`: without a body. */
static int32_t request(const char *method, const char *path, size_t body_len, bool ends) {
    const nghttp2_nv headers[] = {NV(":method", method), NV(":path", path), NV(":scheme", "http"),
                                  NV(":authority", "a")};
    nghttp2_data_provider provider = {.read_callback = upload};
    bool has_body = body_len > 0 || !ends;
    int32_t id =
        nghttp2_submit_request(client, NULL, headers, 4, has_body ? &provider : NULL, NULL);

    assert_true(id > 0 && id < STREAMS);
    streams[id].upload_left = body_len;
    streams[id].upload_ends = ends;
    return id;
}

static int32_t get(const char *path) {
    return request("GET", path, 0, true);
}

#endif
