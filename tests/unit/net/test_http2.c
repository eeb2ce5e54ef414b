/* What becomes of a connection, its streams, counters and memory, against a client of nghttp2. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/http2_client.h"

#define HUGE_MS 10000000 /* later than each limit */

static void answer_waiting(size_t body_len) {
    struct bl_http_exchange *exchange = waiting;
    assert_non_null(exchange);
    waiting = NULL;
    answer(exchange, body_len);
}

static struct bl_http_counts counts(void) {
    return bl_http_server_counts(server);
}

static void assert_nothing_is_held(void) {
    assert_int_equal(counts().under_way, 0);
    assert_int_equal(counts().memory_bytes, 0);
    assert_null(waiting);
    assert_false(is_conversing);
}

static void sweep(uint64_t later_ms) {
    server->first->protocol->sweep(server->first->state, bl_http_now_ms(server) + later_ms);
}

static void disconnect(void) {
    stream.events->on_closed(stream.user);
    nghttp2_session_del(client);
    assert_int_equal(counts().open, 0);
    assert_nothing_is_held();
}

static int set_up(void **state) {
    (void)state;
    begin();
    handled = 0;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    bl_http_server_destroy(server);
    server = NULL;
    return 0;
}

/* --- streams --------------------------------------------------------------------------------- */

static void streams_do_not_wait_for_each_other(void **state) {
    (void)state;
    connect_one(1 << 20);
    int32_t slow = get("/w"), quick = request("POST", "/a", 5000, true);
    talk();
    assert_int_equal(counts().under_way, 1);
    assert_false(streams[slow].is_closed);
    assert_true(streams[quick].is_closed);
    answer_waiting(50001);
    talk();
    assert_true(streams[slow].is_closed);
    assert_int_equal(streams[slow].body_len, 50001);
    assert_string_equal(streams[slow].status, "503");
    assert_nothing_is_held(); /* while it is open, too */
    int32_t head = request("HEAD", "/w", 0, true);
    talk();
    answer_waiting(5000);
    talk();
    assert_true(streams[head].is_closed && streams[head].body_len == 0);
    assert_int_equal(streams[head].error, NGHTTP2_NO_ERROR);
    assert_nothing_is_held();
    disconnect();
}

static void who_is_gone_is_told(void **state) {
    (void)state;
    connect_one(1 << 20);
    int32_t id = get("/w");
    talk();
    assert_non_null(waiting);
    (void)nghttp2_submit_rst_stream(client, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    talk();
    assert_nothing_is_held();
    assert_int_equal(counts().resets, 1);
    (void)get("/w"); /* and with the whole connection */
    (void)request("POST", "/w", 100, false);
    talk();
    assert_non_null(waiting);
    disconnect();
    assert_int_equal(counts().resets, 2);
}

/* A peer with a small window gets as much as it asks for, and is not kept for ever. */
static void windows(void **state) {
    (void)state;
    connect_one(100);
    int32_t id = get("/w"), other = request("POST", "/a", 400, true);
    talk();
    answer_waiting(60000);
    talk();
    assert_int_equal(streams[id].body_len, 100);
    assert_int_equal(counts().under_way, 0);
    assert_true(counts().memory_bytes >= 60000);
    sweep(599000);
    talk();
    assert_false(streams[id].is_closed);
    (void)nghttp2_submit_window_update(client, NGHTTP2_FLAG_NONE, id, 70000);
    talk();
    assert_true(streams[id].is_closed);
    assert_int_equal(streams[id].body_len, 60000);
    sweep(HUGE_MS); /* the other one never asks */
    talk();
    assert_true(streams[other].is_closed);
    assert_int_equal(streams[other].error, NGHTTP2_CANCEL);
    assert_int_equal(counts().faults[BL_HTTP_FAULT_SLOW], 1);
    assert_nothing_is_held();
    disconnect();
}

static void replies_that_are_not_taken(void **state) {
    (void)state;
    connect_one(1 << 20);
    talk();
    stream.takes_nothing = true;
    int32_t first = get("/w");
    talk();
    answer_waiting(99999);
    int32_t second = get("/w");
    (void)client_speaks();
    answer_waiting(99999);
    size_t unsent = stream.unsent;
    assert_in_range(unsent, BL_STREAM_OUT_MARK, 2 * BL_STREAM_OUT_MARK);
    while (client_speaks()) {
    }
    sweep(1000);
    assert_int_equal(stream.unsent, unsent);
    for (int i = 0; i < 10; i++) {
        (void)client_hears();
        stream.unsent = 0;
        stream.events->on_drained(stream.user);
    }
    talk();
    assert_int_equal(streams[first].body_len + streams[second].body_len, 2 * 99999);
    assert_true(streams[first].is_closed && streams[second].is_closed);
    assert_nothing_is_held();
    disconnect();
}

/* --- conversations --------------------------------------------------------------------------- */

static void conversations(void **state) {
    (void)state;
    connect_one(1 << 20);
    int32_t id = request("POST", "/t", 70000, false);
    talk();
    assert_int_equal(streams[id].body_len, 70000); /* they are echoes */
    assert_int_equal(counts().under_way, 1);
    streams[id].upload_left = 1000;
    streams[id].upload_ends = true;
    assert_int_equal(nghttp2_session_resume_data(client, id), 0);
    talk();
    assert_int_equal(streams[id].body_len, 71000);
    assert_true(streams[id].is_closed && streams[id].has_trailer);
    assert_int_equal(streams[id].error, NGHTTP2_NO_ERROR);
    assert_nothing_is_held();

    id = request("POST", "/t", 100, false); /* the peer gives up */
    talk();
    (void)nghttp2_submit_rst_stream(client, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    talk();
    assert_nothing_is_held();
    (void)request("POST", "/t", 100, false);
    talk();
    assert_true(is_conversing);
    disconnect();
}

/* Who does not read what it is told is told no more: 256 KiB wait for it. */
static void conversations_with_who_does_not_read(void **state) {
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        connect_one(0);
        int32_t id = request("POST", "/t", 256 * 1024 + over, true);
        talk();
        assert_int_equal(streams[id].is_closed, over == 1);
        assert_int_equal(streams[id].error, over == 1 ? NGHTTP2_ENHANCE_YOUR_CALM : 0);
        assert_int_equal(streams[id].body_len, 0);
        sweep(HUGE_MS);
        talk();
        assert_true(streams[id].is_closed);
        assert_nothing_is_held();
        disconnect();
    }
}

/* --- limits ---------------------------------------------------------------------------------- */

static void bodies(void **state) {
    (void)state;
    connect_one(1 << 20);
    int32_t at = request("POST", "/w", 20000, true);
    talk();
    answer_waiting(10);
    int32_t above = request("POST", "/w", 20001, true);
    int32_t endless = request("POST", "/w", 20001, false);
    talk();
    assert_true(streams[at].is_closed && streams[above].is_closed && !streams[endless].is_closed);
    assert_string_equal(streams[above].status, "400");
    assert_string_equal(streams[endless].status, "400");
    assert_int_equal(counts().faults[BL_HTTP_FAULT_TOO_LARGE], 2);
    assert_int_equal(handled, 1);
    assert_int_equal(counts().under_way, 0);
    sweep(BL_HTTP_LINGER_MS + 1000); /* it has its reply, and is told to stop */
    talk();
    assert_true(streams[endless].is_closed);
    assert_int_equal(streams[endless].error, NGHTTP2_NO_ERROR);
    assert_nothing_is_held();
    disconnect();
}

static void memory(void **state) {
    (void)state;
    struct bl_http_config config = server->config;
    /* one request with the first piece of a body, and the reply to it */
    config.max_memory_bytes = sizeof(struct bl_http_inbound) + 4096 + 4094;
    bl_http_server_configure(server, &config);
    connect_one(1 << 20);
    int32_t fits = request("POST", "/w", 4096, true), refused = get("/a");
    talk();
    assert_int_equal(streams[refused].error, NGHTTP2_REFUSED_STREAM);
    answer_waiting(4094);
    talk();
    assert_true(streams[fits].is_closed && streams[fits].body_len == 4094);
    int32_t large = request("POST", "/w", 4097, true);
    talk();
    assert_true(streams[large].is_closed);
    assert_string_equal(streams[large].status, "503");
    assert_int_equal(counts().faults[BL_HTTP_FAULT_MEMORY], 2);
    int32_t reply = get("/w");
    talk();
    answer_waiting(90001); /* there is no memory for it */
    talk();
    assert_int_equal(streams[reply].error, NGHTTP2_INTERNAL_ERROR);
    assert_nothing_is_held();
    int32_t again = get("/w");
    talk();
    answer_waiting(100);
    talk();
    assert_int_equal(streams[again].body_len, 100);
    disconnect();
}

static void many_streams(void **state) {
    int32_t ids[17];
    (void)state;
    connect_one(1 << 20);
    talk();
    for (int i = 0; i < 17; i++) {
        ids[i] = request("POST", "/a", 10, false);
    }
    talk();
    assert_int_equal(((struct bl_http2 *)server->first->state)->stream_count, 16);
    for (int i = 0; i < 17; i++) {
        streams[ids[i]].upload_ends = true;
        (void)nghttp2_session_resume_data(client, ids[i]);
    }
    talk(); /* the client's nghttp2 held the last one back */
    assert_int_equal(handled, 17);
    assert_nothing_is_held();
    disconnect();
}

static void resets_without_end(void **state) {
    (void)state;
    for (unsigned i = 0; i < 20 && counts().faults[BL_HTTP_FAULT_FLOOD] == 0; i++) {
        connect_one(1 << 20);
        talk();
        for (int j = 0; j < 90 && !stream.is_over; j++) {
            int32_t id = get("/a");
            (void)client_speaks();
            (void)nghttp2_submit_rst_stream(client, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
            talk();
        }
        assert_false(stream.is_over); /* a few hundred are fine */
        disconnect();
    }
    connect_one(1 << 20);
    talk();
    for (unsigned i = 0; i < 10500 && !stream.is_over; i++) {
        (void)nghttp2_submit_ping(client, NGHTTP2_FLAG_NONE, NULL);
        talk();
    }
    assert_true(stream.is_over);
    assert_int_equal(goaway_error, NGHTTP2_ENHANCE_YOUR_CALM);
    assert_int_equal(counts().faults[BL_HTTP_FAULT_FLOOD], 1);
    disconnect();
}

/* --- time ------------------------------------------------------------------------------------ */

static void time_limits(void **state) {
    (void)state;
    connect_one(1 << 20);
    int32_t slow = request("POST", "/w", 10, false), long_one = get("/w");
    talk();
    assert_non_null(waiting);
    sweep(HUGE_MS);
    talk();
    assert_string_equal(streams[slow].status, "408");
    assert_false(streams[long_one].is_closed); /* who handles it has a time limit of its own */
    sweep(HUGE_MS);
    talk();
    assert_true(streams[slow].is_closed);
    assert_false(stream.is_over);
    answer_waiting(10);
    talk();
    sweep(HUGE_MS); /* nothing is left: it is idle, and is told so twice */
    sweep(HUGE_MS);
    talk();
    assert_int_equal(goaways, 2);
    assert_int_equal(goaway_error, NGHTTP2_NO_ERROR);
    assert_true(stream.is_over);
    disconnect();
}

static void draining(void **state) {
    (void)state;
    connect_one(1 << 20);
    int32_t id = get("/w");
    talk();
    bl_http_server_drain(server);
    talk();
    assert_int_equal(goaways, 1);
    sweep(HUGE_MS);
    talk();
    sweep(HUGE_MS);
    talk();
    assert_int_equal(goaways, 2);
    assert_false(stream.is_over);
    answer_waiting(10);
    talk();
    assert_true(streams[id].is_closed && streams[id].body_len == 10);
    assert_true(stream.is_over);
    disconnect();
}

static void an_end_is_the_end(void **state) {
    (void)state;
    connect_one(1 << 20);
    (void)get("/w");
    talk();
    stream.events->on_end(stream.user);
    assert_true(stream.is_over);
    disconnect();
    connect_one(1 << 20); /* no HTTP/2 behind the preface */
    talk();
    static const char garbage[] = "\0\0\5\x09\0\0\0\0\1xxxxx";
    stream.events->on_data(stream.user, (struct bl_str){garbage, sizeof(garbage) - 1});
    (void)client_hears();
    assert_true(stream.is_over && goaways == 1);
    disconnect();
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(streams_do_not_wait_for_each_other),
        TEST(who_is_gone_is_told),
        TEST(windows),
        TEST(replies_that_are_not_taken),
        TEST(conversations),
        TEST(conversations_with_who_does_not_read),
        TEST(bodies),
        TEST(memory),
        TEST(many_streams),
        TEST(resets_without_end),
        TEST(time_limits),
        TEST(draining),
        TEST(an_end_is_the_end),
    };
    return cmocka_run_group_tests_name("net/http2", tests, NULL, NULL);
}
