/* What becomes of a connection, of its counters and of its memory, whatever order things come in. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "net/http_private.h"

#include "fuzz/http_rig.h"

#define HOST "Host: a\r\n\r\n"
#define HUGE_MS 10000000 /* later than each limit */

static struct bl_stream stream;
static struct bl_buf heard;
static char heard_storage[1u << 20];

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

static void connect_one(void) {
    bl_buf_init(&heard, heard_storage, sizeof(heard_storage));
    stream = (struct bl_stream){.heard = &heard};
    bl_http_server_accept(server, &stream);
}

/* From memory that is gone after the call. */
static void say_bytes(const char *bytes, size_t len) {
    char *copy = malloc(len + 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    assert_false(stream.is_paused);
    stream.events->on_data(stream.user, (struct bl_str){copy, len});
    free(copy);
}

static void say(const char *text) {
    say_bytes(text, strlen(text));
}

static void answer_waiting(size_t body_len) {
    struct bl_http_exchange *exchange = waiting;
    assert_non_null(exchange);
    waiting = NULL;
    answer(exchange, body_len);
}

/* How often the peer heard the text. */
static int count(const char *text) {
    struct bl_str rest = bl_buf_view(&heard);
    size_t len = strlen(text);
    int found = 0;

    assert_false(heard.overflowed);
    for (const char *at; (at = memmem(rest.data, rest.len, text, len)) != NULL; found++) {
        rest.len -= (size_t)(at - rest.data) + len;
        rest.data = at + len;
    }
    return found;
}

static void sweep(uint64_t later_ms) {
    server->first->protocol->sweep(server->first->state, bl_http_now_ms(server) + later_ms);
}

static void disconnect(void) {
    stream.events->on_closed(stream.user);
    struct bl_http_counts counts = bl_http_server_counts(server);
    assert_int_equal(counts.open, 0);
    assert_int_equal(counts.under_way, 0);
    assert_int_equal(counts.memory_bytes, 0);
    assert_null(waiting);
}

static uint64_t faults(enum bl_http_fault fault) {
    return bl_http_server_counts(server).faults[fault];
}

static uint32_t under_way(void) {
    return bl_http_server_counts(server).under_way;
}

/* --- one after another ----------------------------------------------------------------------- */

static void what_is_pipelined_waits_for_its_turn(void **state) {
    (void)state;
    connect_one();
    say("GET /w HTTP/1.1\r\n" HOST "GET /a HTTP/1.1\r\n" HOST "GET /w HTTP/1.1\r\n" HOST "GET /");
    assert_true(stream.is_paused);
    assert_int_equal(handled, 1);
    assert_int_equal(under_way(), 1);
    answer_waiting(10);
    assert_int_equal(handled, 3);
    assert_int_equal(count("\r\nDate: "), 2);
    assert_int_equal(under_way(), 1);
    assert_true(stream.is_paused);
    answer_waiting(12);
    assert_false(stream.is_paused);
    assert_false(stream.is_over);
    say("b HTTP/1.1\r\n" HOST);
    assert_int_equal(handled, 4);
    assert_int_equal(count("\r\nDate: "), 4);
    assert_int_equal(bl_http_server_counts(server).memory_bytes, 0); /* while it is open, too */
    disconnect();
}

static void an_end_waits_for_what_is_owed(void **state) {
    (void)state;
    connect_one();
    say("GET /w HTTP/1.1\r\n" HOST "GET /a HTTP/1.1\r\n" HOST "GET /w HTTP/1.1\r\n" HOST);
    stream.events->on_end(stream.user);
    assert_false(stream.is_over);
    answer_waiting(10);
    assert_int_equal(handled, 3);
    assert_false(stream.is_over);
    answer_waiting(10);
    assert_true(stream.is_over);
    assert_int_equal(count("\r\nDate: "), 3);
    disconnect();

    connect_one(); /* in the middle of a request */
    say("POST /a HTTP/1.1\r\nContent-Length: 5\r\n" HOST "12");
    stream.events->on_end(stream.user);
    assert_true(stream.is_over);
    disconnect();

    connect_one(); /* half a request behind the one that is handled */
    say("GET /w HTTP/1.1\r\n" HOST "GET /a HT");
    stream.events->on_end(stream.user);
    answer_waiting(10);
    assert_true(stream.is_over);
    assert_int_equal(count("\r\nDate: "), 1);
    disconnect();
}

static void who_is_gone_is_told(void **state) {
    (void)state;
    connect_one();
    say("GET /w HTTP/1.1\r\n" HOST "GET /w HTTP/1.1\r\n" HOST);
    assert_non_null(waiting);
    disconnect(); /* asserts that nobody waits */
    assert_int_equal(bl_http_server_counts(server).resets, 1);
    assert_int_equal(handled, 1);
}

/* A peer that does not read has the replies of one turn at most, and goes on when it does. */
static void replies_that_are_not_taken(void **state) {
    static char requests[40 * 64];
    size_t len = 0;
    (void)state;
    char body[400];
    memset(body, 'z', sizeof(body)); /* a reply of some 48000 bytes */
    connect_one();
    stream.takes_nothing = true;
    for (int i = 0; i < 4; i++) {
        len += (size_t)snprintf(requests + len, sizeof(requests) - len,
                                "POST /a HTTP/1.1\r\nContent-Length: 400\r\n" HOST "%.400s", body);
    }
    say_bytes(requests, len);
    assert_true(stream.is_paused);
    assert_true(handled < 4);
    assert_true(stream.unsent > BL_STREAM_OUT_MARK && stream.unsent < 3 * BL_STREAM_OUT_MARK);
    sweep(HUGE_MS); /* it is no idle one */
    assert_false(stream.is_over);
    stream.events->on_end(stream.user);
    assert_false(stream.is_over);
    while (handled < 4) {
        uint64_t before = handled;
        stream.unsent = 0;
        stream.events->on_drained(stream.user);
        assert_true(handled > before);
    }
    assert_int_equal(count("\r\nDate: "), 4);
    assert_true(stream.is_over);
    disconnect();
}

static void heads_have_no_body(void **state) {
    (void)state;
    connect_one();
    say("HEAD /w HTTP/1.1\r\n" HOST "HEAD /a HTTP/1.1\r\n" HOST);
    answer_waiting(5000);
    assert_int_equal(count("Content-Length: 5000\r\n"), 1);
    assert_true(heard.len < 1000);
    say("GET /w HTTP/1.1\r\n" HOST);
    answer_waiting(5000);
    assert_true(heard.len > 5000);
    disconnect();
}

static void expectations(void **state) {
    (void)state;
    connect_one();
    say("POST /w HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n" HOST);
    assert_int_equal(count("HTTP/1.1 100 Continue\r\n\r\n"), 1);
    assert_null(waiting);
    say("abc");
    answer_waiting(10);
    say("POST /w HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc");
    answer_waiting(10);
    assert_int_equal(count("100 Continue"), 1);
    assert_true(stream.is_over); /* 1.0 */
    disconnect();

    connect_one();
    say("POST /w HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 20001\r\n" HOST);
    assert_int_equal(count("100 Continue"), 0);
    assert_int_equal(count("PAYLOAD_TOO_LARGE"), 1);
    disconnect();
}

/* --- limits ---------------------------------------------------------------------------------- */

static void post(size_t body_len, bool is_chunked) {
    static char text[32768];
    int len = is_chunked
                  ? snprintf(text, sizeof(text),
                             "POST /w HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" HOST "%zx\r\n",
                             body_len)
                  : snprintf(text, sizeof(text), "POST /w HTTP/1.1\r\nContent-Length: %zu\r\n" HOST,
                             body_len);
    memset(text + len, 'b', body_len);
    memcpy(text + (size_t)len + body_len, "\r\n0\r\n\r\n", 7);
    for (size_t at = 0, end = (size_t)len + body_len + (is_chunked ? 7 : 0); at < end; at += 1000) {
        say_bytes(text + at, end - at < 1000 ? end - at : 1000);
    }
}

static void bodies(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        connect_one();
        post(20000, i == 1);
        answer_waiting(10);
        say("POST /w HTTP/1.1\r\nContent-Length: 0\r\n" HOST);
        answer_waiting(10);
        assert_false(stream.is_over);
        post(20001, i == 1);
        assert_null(waiting);
        assert_int_equal(count("PAYLOAD_TOO_LARGE"), 1);
        assert_int_equal(faults(BL_HTTP_FAULT_TOO_LARGE), i + 1);
        disconnect();
    }
}

static void heads(void **state) {
    static char storage[BL_HTTP_HEAD_MAX + 64], filler[BL_HTTP_HEAD_MAX];
    struct bl_buf text;
    (void)state;
    memset(filler, 'y', sizeof(filler));
    for (int more = 0; more < 2; more++) {
        for (int by_bytes = 0; by_bytes < 2; by_bytes++) {
            bl_buf_init(&text, storage, sizeof(storage));
            bl_buf_literal(&text, "GET /w HTTP/1.1\r\n");
            for (int i = 0; by_bytes == 0 && i < BL_HTTP_HEADERS_MAX - 1 + more; i++) {
                bl_buf_literal(&text, "x: y\r\n");
            }
            if (by_bytes == 1) {
                bl_buf_literal(&text, "x: ");
                size_t rest = sizeof("\r\n" HOST) - 1;
                bl_buf_bytes(&text, filler, BL_HTTP_HEAD_MAX + (size_t)more - text.len - rest);
                bl_buf_literal(&text, "\r\n");
            }
            bl_buf_literal(&text, HOST);
            assert_false(text.overflowed);
            connect_one();
            say_bytes(text.data, text.len);
            if (more == 0) {
                answer_waiting(10);
            }
            assert_int_equal(count("HTTP/1.1 431"), more);
            disconnect();
        }
    }
    assert_int_equal(faults(BL_HTTP_FAULT_TOO_LARGE), 2);
}

static void memory(void **state) {
    (void)state;
    struct bl_http_config config = server->config;
    connect_one();
    config.max_memory_bytes = sizeof(struct bl_http_inbound) - 1; /* not for one request */
    bl_http_server_configure(server, &config);
    say("GET /w HTTP/1.1\r\n" HOST);
    assert_int_equal(count("HTTP/1.1 503"), 1);
    assert_int_equal(faults(BL_HTTP_FAULT_MEMORY), 1);
    sweep(BL_HTTP_LINGER_MS + 1000);
    assert_true(stream.is_over);
    disconnect();

    connect_one(); /* for one, and the first piece of its body */
    config.max_memory_bytes = sizeof(struct bl_http_inbound) + 4096;
    bl_http_server_configure(server, &config);
    post(4096, false);
    answer_waiting(10);
    post(4097, false);
    assert_null(waiting);
    assert_int_equal(count("too many large requests"), 1);
    assert_int_equal(faults(BL_HTTP_FAULT_MEMORY), 2);
    disconnect();
}

/* --- time ------------------------------------------------------------------------------------ */

static void time_limits(void **state) {
    static const char *const halves[] = {"GET /w HT",
                                         "POST /w HTTP/1.1\r\nContent-Length: 9\r\n" HOST "1"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        connect_one();
        say(halves[i]);
        sweep(599000);
        assert_int_equal(heard.len, 0);
        sweep(HUGE_MS);
        assert_int_equal(count("HTTP/1.1 408"), 1);
        sweep(0);
        assert_false(stream.is_over); /* what is on its way is dropped for a moment */
        say("more of it");
        sweep(HUGE_MS);
        assert_true(stream.is_over);
        assert_int_equal(count("\r\nDate: "), 1);
        disconnect();
    }
    assert_int_equal(faults(BL_HTTP_FAULT_SLOW), 2);

    connect_one();
    say("GET /w HTTP/1.1\r\n" HOST);
    sweep(HUGE_MS); /* who handles it has a time limit of its own */
    assert_false(stream.is_over);
    answer_waiting(10);
    sweep(599000);
    assert_false(stream.is_over);
    sweep(HUGE_MS);
    assert_true(stream.is_over);
    disconnect();
}

static void draining(void **state) {
    (void)state;
    connect_one();
    say("GET /w HTTP/1.1\r\n" HOST "GET /a HTTP/1.1\r\n" HOST);
    bl_http_server_drain(server);
    sweep(HUGE_MS);
    assert_false(stream.is_over);
    answer_waiting(10);
    assert_int_equal(count("Connection: close\r\n"), 1);
    assert_int_equal(count("\r\nDate: "), 1); /* the peer knows that the other was not taken */
    assert_true(stream.is_over);
    disconnect();
    struct bl_stream late = {.is_over = false};
    bl_http_server_accept(server, &late);
    assert_true(late.is_over);
}

/* --- refusals -------------------------------------------------------------------------------- */

/* Once it is unclear where requests begin, none is handled, and one reply is the last. */
static void nothing_behind_a_refusal(void **state) {
    static const char *const cases[] = {
        "GET / HTTP/2.0\r\n" HOST,
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: b\r\n" HOST,
        "CONNECT a:1 HTTP/1.1\r\n" HOST,
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n" HOST,
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" HOST "zz\r\n",
        "PRI * HTTP/2.0\r\n\r\nSN",
        "GET / HTTP/1.1\nHost: a\n\n",
        "\x80\x81\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t piece = 1; piece < 1000; piece += 998) {
            connect_one();
            for (size_t at = 0; at < strlen(cases[i]); at += piece) {
                size_t left = strlen(cases[i]) - at;
                say_bytes(cases[i] + at, left < piece ? left : piece);
            }
            say("GET /w HTTP/1.1\r\n" HOST);
            assert_int_equal(count("\r\nDate: "), 1);
            assert_int_equal(count("\"ok\":false"), 1);
            assert_int_equal(count("Connection: close\r\n"), 1);
            assert_int_equal(handled, 0);
            sweep(HUGE_MS);
            assert_true(stream.is_over);
            disconnect();
        }
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_pipelined_waits_for_its_turn),
        TEST(an_end_waits_for_what_is_owed),
        TEST(who_is_gone_is_told),
        TEST(replies_that_are_not_taken),
        TEST(heads_have_no_body),
        TEST(expectations),
        TEST(bodies),
        TEST(heads),
        TEST(memory),
        TEST(time_limits),
        TEST(draining),
        TEST(nothing_behind_a_refusal),
    };
    return cmocka_run_group_tests_name("net/http1", tests, NULL, NULL);
}
