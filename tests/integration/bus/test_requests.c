/*
 * Publish, subscribe and request against a real server.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/bus_fixture.h"
#include "support/nats_server.h"

struct world {
    struct nats_server server;
    struct test_loop loop;
    struct test_bus client;
    struct test_bus responder;
};

static int setup(void **state) {
    struct world *world = calloc(1, sizeof(*world));
    nats_server_launch(&world->server, "max_payload: 1MB");
    test_loop_open(&world->loop);
    test_bus_open(&world->client, &world->loop, world->server.url, NULL);
    test_bus_open(&world->responder, &world->loop, world->server.url, NULL);
    test_bus_wait_connected(&world->client);
    test_bus_wait_connected(&world->responder);
    *state = world;
    return 0;
}

static int teardown(void **state) {
    struct world *world = *state;
    test_bus_close(&world->client);
    test_bus_close(&world->responder);
    test_loop_close(&world->loop);
    nats_server_remove(&world->server);
    free(world);
    return 0;
}

/* --- Load ---------------------------------------------------------------------------------- */

struct echo {
    struct test_bus *bus;
    unsigned count;
};

static void answer_echo(void *user, struct bl_bus_message *message) {
    struct echo *echo = user;
    echo->count++;
    test_bus_publish(echo->bus, message->reply, BL_STR_ABSENT, message->content.data);
}

struct load {
    struct test_bus *bus;
    unsigned total;
    unsigned window;
    unsigned sent;
    unsigned done;
    unsigned failed;
    unsigned wrong;
    unsigned char *answers; /* per request: how many */
};

struct ticket {
    struct load *load;
    unsigned number;
};

static void send_more(struct load *load);

static void on_reply(void *user, bl_result result, struct bl_bus_message *reply) {
    struct ticket *ticket = user;
    struct load *load = ticket->load;
    load->done++;
    load->answers[ticket->number]++;
    load->failed += bl_is_error(result) ? 1 : 0;
    if (reply != NULL) {
        char expected[16];
        int len = snprintf(expected, sizeof(expected), "%u", ticket->number);
        load->wrong +=
            bl_str_equal(reply->content.data, (struct bl_str){expected, (size_t)len}) ? 0 : 1;
    }
    free(ticket);
    send_more(load);
}

static void send_more(struct load *load) {
    while (load->sent < load->total && load->sent - load->done < load->window) {
        struct ticket *ticket = malloc(sizeof(*ticket));
        char data[16];
        struct bl_diag diag;
        bl_diag_clear(&diag);
        *ticket = (struct ticket){load, load->sent++};
        int len = snprintf(data, sizeof(data), "%u", ticket->number);
        struct bl_bus_outgoing message = {.subject = BL_STR("echo"), .data = {data, (size_t)len}};
        assert_true(bl_is_ok(
            bl_bus_request(load->bus->bus, &message, 20000, on_reply, ticket, NULL, &diag)));
    }
}

static bool load_is_done(void *user) {
    const struct load *load = user;
    return load->done == load->total;
}

static void run_load(struct load *load) {
    load->answers = calloc(load->total, 1);
    send_more(load);
    test_loop_wait(load->bus->loop, load_is_done, load);
    for (unsigned i = 0; i < load->total; i++) {
        assert_int_equal(load->answers[i], 1);
    }
    free(load->answers);
    assert_int_equal(load->failed, 0);
    assert_int_equal(load->wrong, 0);
}

static void test_each_of_20000_requests_is_answered_once(void **state) {
    struct world *world = *state;
    struct echo echo = {.bus = &world->responder};
    struct load load = {.bus = &world->client, .total = 20000, .window = 256};
    test_bus_subscribe(&world->responder, "echo", "group", answer_echo, &echo);
    run_load(&load);
    assert_int_equal(echo.count, 20000);
    struct bl_bus_stats stats = bl_bus_stats(world->client.bus);
    assert_int_equal(stats.requests_in_flight, 0);
    assert_int_equal(stats.replies_unknown, 0);
    assert_int_equal(stats.messages_out, 20000);
    assert_int_equal(stats.messages_in, 20000);
    assert_int_equal(stats.bytes_in, stats.bytes_out); /* an echo */
}

static void test_two_responders_share_a_queue_group(void **state) {
    struct world *world = *state;
    struct test_bus second;
    test_bus_open(&second, &world->loop, world->server.url, NULL);
    test_bus_wait_connected(&second);
    struct echo one = {.bus = &world->responder};
    struct echo two = {.bus = &second};
    struct load load = {.bus = &world->client, .total = 4000, .window = 64};
    test_bus_subscribe(&world->responder, "echo", "group", answer_echo, &one);
    test_bus_subscribe(&second, "echo", "group", answer_echo, &two);
    run_load(&load);
    assert_int_equal(one.count + two.count, 4000);
    assert_true(one.count > 400 && two.count > 400);
    test_bus_close(&second);
}

/* --- Held messages ------------------------------------------------------------------------ */

struct kept {
    struct bl_bus_message *message;
    unsigned count;
    struct test_bus *bus;
};

static void keep(void *user, struct bl_bus_message *message) {
    struct kept *kept = user;
    kept->count++;
    if (kept->message != NULL) {
        bl_bus_message_release(kept->bus->bus, kept->message);
    }
    bl_bus_message_hold(kept->bus->bus, message);
    kept->message = message;
}

static bool is_kept(void *user) {
    const struct kept *kept = user;
    return kept->count > 0;
}

static void drop(struct kept *kept) {
    bl_bus_message_release(kept->bus->bus, kept->message);
    kept->message = NULL;
    kept->count = 0;
}

/* --- One request --------------------------------------------------------------------------- */

struct outcome {
    unsigned calls;
    bl_result result;
    char data[64];
};

static void note_outcome(void *user, bl_result result, struct bl_bus_message *reply) {
    struct outcome *outcome = user;
    outcome->calls++;
    outcome->result = result;
    if (reply != NULL) {
        snprintf(outcome->data, sizeof(outcome->data), "%.*s", BL_STR_ARG(reply->content.data));
    }
}

static bool has_outcome(void *user) {
    const struct outcome *outcome = user;
    return outcome->calls > 0;
}

static uint64_t ask(struct test_bus *bus, const char *subject, uint32_t timeout_ms,
                    struct outcome *outcome) {
    uint64_t id = 0;
    struct bl_diag diag;
    bl_diag_clear(&diag);
    struct bl_bus_outgoing message = {.subject = bl_str_from_c(subject), .data = BL_STR("?")};
    assert_true(bl_is_ok(
        bl_bus_request(bus->bus, &message, timeout_ms, note_outcome, outcome, &id, &diag)));
    return id;
}

static void keep_silent(void *user, struct bl_bus_message *message) {
    struct echo *echo = user;
    (void)message;
    echo->count++;
}

static void answer_twice(void *user, struct bl_bus_message *message) {
    struct echo *echo = user;
    test_bus_publish(echo->bus, message->reply, BL_STR_ABSENT, BL_STR("first"));
    test_bus_publish(echo->bus, message->reply, BL_STR_ABSENT, BL_STR("second"));
}

static bool unknown_reply_came(void *user) {
    struct test_bus *bus = user;
    return bl_bus_stats(bus->bus).replies_unknown > 0;
}

static void test_timeout_cancel_and_repeated_replies(void **state) {
    struct world *world = *state;
    struct echo echo = {.bus = &world->responder};
    test_bus_subscribe(&world->responder, "silent", NULL, keep_silent, &echo);
    test_bus_subscribe(&world->responder, "twice", NULL, answer_twice, &echo);
    struct outcome cancelled = {0};
    struct outcome late = {0};
    struct outcome twice = {0};
    uint64_t id = ask(&world->client, "silent", 30, &cancelled);
    ask(&world->client, "silent", 60, &late);
    assert_true(bl_bus_request_cancel(world->client.bus, id));
    assert_false(bl_bus_request_cancel(world->client.bus, id));
    test_loop_wait(&world->loop, has_outcome, &late);
    assert_int_equal(late.result.error, BL_E_DEADLINE_EXCEEDED);
    assert_int_equal(cancelled.calls, 0);
    assert_int_equal(bl_bus_stats(world->client.bus).requests_expired, 1);

    ask(&world->client, "twice", 10000, &twice);
    test_loop_wait(&world->loop, unknown_reply_came, &world->client);
    assert_int_equal(twice.calls, 1);
    assert_string_equal(twice.data, "first");
}

static void test_nobody_subscribed_is_told_before_the_deadline(void **state) {
    struct world *world = *state;
    struct outcome outcome = {0};
    ask(&world->client, "nobody.home", 3600000, &outcome);
    test_loop_wait(&world->loop, has_outcome, &outcome);
    assert_int_equal(outcome.result.error, BL_E_UNAVAILABLE);
}

/* Not while another request may still be answered, for it is not told whose nobody it was. */
static void test_nobody_subscribed_waits_for_the_others(void **state) {
    struct world *world = *state;
    struct kept kept = {.bus = &world->responder};
    struct outcome answered = {0};
    struct outcome nobody[3] = {{0}};
    test_bus_subscribe(&world->responder, "slow", NULL, keep, &kept);
    ask(&world->client, "slow", 3600000, &answered);
    for (size_t i = 0; i < 3; i++) {
        ask(&world->client, "nobody.home", 3600000, &nobody[i]);
    }
    test_loop_wait(&world->loop, is_kept, &kept);
    test_bus_settle(&world->client);
    assert_int_equal(nobody[0].calls + nobody[1].calls + nobody[2].calls, 0);
    assert_int_equal(answered.calls, 0);
    test_bus_publish(&world->responder, kept.message->reply, BL_STR_ABSENT, BL_STR("late"));
    drop(&kept);
    test_loop_wait(&world->loop, has_outcome, &answered);
    assert_string_equal(answered.data, "late");
    ask(&world->client, "nobody.home", 3600000, &nobody[0]); /* makes the count complete */
    test_loop_wait(&world->loop, has_outcome, &nobody[2]);
    assert_int_equal(nobody[0].calls, 2);
    assert_int_equal(nobody[1].calls, 1);
    assert_int_equal(nobody[2].result.error, BL_E_UNAVAILABLE);
}

/* Giving up on one request says nothing about those that follow. */
static void test_nobody_subscribed_is_told_after_requests_were_given_up(void **state) {
    struct world *world = *state;
    struct echo echo = {.bus = &world->responder};
    struct outcome silent = {0};
    struct outcome cancelled = {0};
    struct outcome nobody[3] = {{0}};
    test_bus_subscribe(&world->responder, "silent", NULL, keep_silent, &echo);
    ask(&world->client, "silent", 30, &silent);
    test_loop_wait(&world->loop, has_outcome, &silent);
    assert_int_equal(silent.result.error, BL_E_DEADLINE_EXCEEDED);
    ask(&world->client, "nobody.home", 3600000, &nobody[0]);
    test_loop_wait(&world->loop, has_outcome, &nobody[0]);
    assert_int_equal(nobody[0].result.error, BL_E_UNAVAILABLE);

    uint64_t id = ask(&world->client, "silent", 3600000, &cancelled);
    assert_true(bl_bus_request_cancel(world->client.bus, id));
    ask(&world->client, "nobody.home", 3600000, &nobody[1]);
    test_loop_wait(&world->loop, has_outcome, &nobody[1]);
    assert_int_equal(nobody[1].result.error, BL_E_UNAVAILABLE);
}

/* Nor may the "nobody" of one that was given up be taken for that of a request that is answered. */
static void test_a_late_nobody_fails_no_other_request(void **state) {
    struct world *world = *state;
    struct kept kept = {.bus = &world->responder};
    struct outcome cancelled = {0};
    struct outcome answered = {0};
    test_bus_subscribe(&world->responder, "slow", NULL, keep, &kept);
    test_bus_settle(&world->responder);
    uint64_t id = ask(&world->client, "nobody.home", 3600000, &cancelled);
    assert_true(bl_bus_request_cancel(world->client.bus, id)); /* before the server has seen it */
    ask(&world->client, "slow", 3600000, &answered);
    test_loop_wait(&world->loop, is_kept, &kept);
    test_bus_settle(&world->client);
    assert_int_equal(answered.calls, 0);
    test_bus_publish(&world->responder, kept.message->reply, BL_STR_ABSENT, BL_STR("late"));
    drop(&kept);
    test_loop_wait(&world->loop, has_outcome, &answered);
    assert_string_equal(answered.data, "late");
}

static void test_requests_in_flight_are_bounded(void **state) {
    struct world *world = *state;
    struct test_bus bounded;
    struct outcome outcome = {0};
    struct echo echo = {0};
    const char *url = world->server.url;
    struct bl_bus_config config = test_bus_config(&url);
    config.requests_max = 2;
    test_bus_open(&bounded, &world->loop, NULL, &config);
    test_bus_wait_connected(&bounded);
    test_bus_subscribe(&world->responder, "silent", NULL, keep_silent, &echo);
    ask(&bounded, "silent", 60000, &outcome);
    ask(&bounded, "silent", 60000, &outcome);
    struct bl_diag diag;
    bl_diag_clear(&diag);
    struct bl_bus_outgoing message = {.subject = BL_STR("silent")};
    bl_result full =
        bl_bus_request(bounded.bus, &message, 1000, note_outcome, &outcome, NULL, &diag);
    assert_int_equal(full.error, BL_E_SERVICE_OVERLOADED);
    assert_int_equal(outcome.calls, 0);
    test_bus_close(&bounded); /* ends both */
    assert_int_equal(outcome.calls, 2);
    assert_int_equal(outcome.result.error, BL_E_UNAVAILABLE);
}

/* --- Messages ------------------------------------------------------------------------------ */

static void test_headers_survive_the_trip(void **state) {
    struct world *world = *state;
    struct kept kept = {.bus = &world->responder};
    test_bus_subscribe(&world->responder, "with.headers", NULL, keep, &kept);
    static char long_value[BL_BUS_HEADER_VALUE_MAX];
    memset(long_value, 'v', sizeof(long_value));
    const struct bl_bus_header headers[] = {
        {BL_STR("X-Tenant-ID"), BL_STR("tenant one")},
        {BL_STR("traceparent"), BL_STR("00-abc-def-01")},
        {BL_STR("Empty"), BL_STR("")},
        {BL_STR("Long"), {long_value, sizeof(long_value)}},
        {BL_STR("Twice"), BL_STR("one")},
        {BL_STR("Twice"), BL_STR("two")},
        {BL_STR("Equal"), BL_STR("one")},
        {BL_STR("equal"), BL_STR("one")},
    };
    struct bl_bus_outgoing message = {.subject = BL_STR("with.headers"),
                                      .reply = BL_STR("answer.here"),
                                      .headers = headers,
                                      .header_count = 8,
                                      .data = BL_STR("{\"a\":1}")};
    struct bl_diag diag;
    bl_diag_clear(&diag);
    assert_true(bl_is_ok(bl_bus_publish(world->client.bus, &message, &diag)));
    test_loop_wait(&world->loop, is_kept, &kept);
    const struct bl_bus_message *got = kept.message;
    assert_true(bl_str_equal_c(got->content.subject, "with.headers"));
    assert_true(bl_str_equal_c(got->reply, "answer.here"));
    assert_true(bl_str_equal_c(got->content.data, "{\"a\":1}"));
    assert_true(bl_str_equal_c(bl_headers_get(&got->content.headers, "x-tenant-id"), "tenant one"));
    assert_true(
        bl_str_equal_c(bl_headers_get(&got->content.headers, "TRACEPARENT"), "00-abc-def-01"));
    assert_false(bl_str_is_present(bl_headers_get(&got->content.headers, "empty"))); /* not sent */
    assert_int_equal(bl_headers_get(&got->content.headers, "Long").len, sizeof(long_value));
    assert_false(bl_str_is_present(bl_headers_get(&got->content.headers, "absent")));
    assert_true(bl_str_equal_c(bl_headers_get(&got->content.headers, "twice"), "one"));
    assert_true(bl_headers_conflict(&got->content.headers, "twice"));
    assert_false(bl_headers_conflict(&got->content.headers, "equal"));
    assert_false(bl_headers_conflict(&got->content.headers, "absent"));
    size_t count = 0;
    struct bl_str name;
    struct bl_str value;
    while (bl_bus_message_header(got, count, &name, &value)) {
        count++;
    }
    assert_int_equal(count, 7);
    drop(&kept);

    test_bus_publish(&world->client, BL_STR("with.headers"), BL_STR_ABSENT, BL_STR(""));
    test_loop_wait(&world->loop, is_kept, &kept);
    assert_false(bl_str_is_present(bl_headers_get(&kept.message->content.headers, "any")));
    assert_false(bl_str_is_present(kept.message->reply));
    assert_int_equal(kept.message->content.data.len, 0);
    drop(&kept);
}

static void test_payload_at_the_limit_of_the_server(void **state) {
    struct world *world = *state;
    struct kept kept = {.bus = &world->responder};
    test_bus_subscribe(&world->responder, "large", NULL, keep, &kept);
    size_t max = bl_bus_max_payload(world->client.bus);
    assert_int_equal(max, 1048576); /* how the server reads the 1MB above */
    char *data = malloc(max + 1);
    for (size_t i = 0; i <= max; i++) {
        data[i] = (char)(i % 251);
    }
    test_bus_publish(&world->client, BL_STR("large"), BL_STR_ABSENT, (struct bl_str){data, max});
    test_loop_wait(&world->loop, is_kept, &kept);
    assert_true(bl_str_equal(kept.message->content.data, (struct bl_str){data, max}));
    drop(&kept);

    struct bl_diag diag;
    bl_diag_clear(&diag);
    struct bl_bus_outgoing too_large = {.subject = BL_STR("large"), .data = {data, max + 1}};
    assert_int_equal(bl_bus_publish(world->client.bus, &too_large, &diag).error,
                     BL_E_INVALID_REQUEST);
    assert_non_null(strstr(diag.message, "1048577"));
    const struct bl_bus_header header = {BL_STR("a"), BL_STR("b")};
    struct bl_bus_outgoing with_header = {
        .subject = BL_STR("large"), .headers = &header, .header_count = 1, .data = {data, max}};
    assert_int_equal(bl_bus_publish(world->client.bus, &with_header, &diag).error,
                     BL_E_INVALID_REQUEST);
    assert_true(test_bus_is_connected(&world->client));
    free(data);
}

static void test_broken_subjects_never_reach_the_server(void **state) {
    struct world *world = *state;
    const char *const broken[] = {"a b", "*", "a.>", "a..b", "x\r\nPUB y 0\r\n"};
    struct bl_diag diag;
    bl_diag_clear(&diag);
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct bl_bus_outgoing as_subject = {.subject = bl_str_from_c(broken[i])};
        struct bl_bus_outgoing as_reply = {.subject = BL_STR("fine"),
                                           .reply = bl_str_from_c(broken[i])};
        assert_int_equal(bl_bus_publish(world->client.bus, &as_subject, &diag).error,
                         BL_E_INVALID_REQUEST);
        assert_int_equal(bl_bus_publish(world->client.bus, &as_reply, &diag).error,
                         BL_E_INVALID_REQUEST);
    }
    struct bl_bus_outgoing empty = {.subject = BL_STR("")};
    assert_int_equal(bl_bus_publish(world->client.bus, &empty, &diag).error, BL_E_INVALID_REQUEST);
    assert_int_equal(bl_bus_stats(world->client.bus).messages_out, 0);
    /* A blank reply is none, and the connection still works. */
    struct kept kept = {.bus = &world->responder};
    test_bus_subscribe(&world->responder, "fine", NULL, keep, &kept);
    test_bus_publish(&world->client, BL_STR("fine"), BL_STR(""), BL_STR("x"));
    test_loop_wait(&world->loop, is_kept, &kept);
    assert_false(bl_str_is_present(kept.message->reply));
    drop(&kept);
    struct bl_bus_subscription_config bad = {.subject = "a b"};
    assert_int_equal(bl_bus_subscribe(world->client.bus, &bad, keep, NULL, NULL, &diag).error,
                     BL_E_INVALID_REQUEST);
}

/* --- Unsubscribing ------------------------------------------------------------------------- */

struct once {
    struct bl_bus_subscription *subscription;
    unsigned count;
};

static void unsubscribe_itself(void *user, struct bl_bus_message *message) {
    struct once *once = user;
    (void)message;
    once->count++;
    bl_bus_unsubscribe(once->subscription);
}

static void test_a_handler_may_unsubscribe_itself(void **state) {
    struct world *world = *state;
    struct once once = {0};
    struct kept kept = {.bus = &world->responder};
    struct bl_bus_subscription_config config = {.subject = "once"};
    struct bl_diag diag;
    bl_diag_clear(&diag);
    assert_true(bl_is_ok(bl_bus_subscribe(world->responder.bus, &config, unsubscribe_itself, &once,
                                          &once.subscription, &diag)));
    test_bus_subscribe(&world->responder, "marker", NULL, keep, &kept);
    for (int i = 0; i < 10; i++) {
        test_bus_publish(&world->responder, BL_STR("once"), BL_STR_ABSENT, BL_STR("x"));
    }
    test_bus_publish(&world->responder, BL_STR("marker"), BL_STR_ABSENT, BL_STR("x"));
    test_loop_wait(&world->loop, is_kept, &kept);
    assert_int_equal(once.count, 1);
    drop(&kept);
}

static int close_library(void **state) {
    (void)state;
    bl_bus_library_close();
    return 0;
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_each_of_20000_requests_is_answered_once),
        WITH_WORLD(test_two_responders_share_a_queue_group),
        WITH_WORLD(test_timeout_cancel_and_repeated_replies),
        WITH_WORLD(test_nobody_subscribed_is_told_before_the_deadline),
        WITH_WORLD(test_nobody_subscribed_waits_for_the_others),
        WITH_WORLD(test_nobody_subscribed_is_told_after_requests_were_given_up),
        WITH_WORLD(test_a_late_nobody_fails_no_other_request),
        WITH_WORLD(test_requests_in_flight_are_bounded),
        WITH_WORLD(test_headers_survive_the_trip),
        WITH_WORLD(test_payload_at_the_limit_of_the_server),
        WITH_WORLD(test_broken_subjects_never_reach_the_server),
        WITH_WORLD(test_a_handler_may_unsubscribe_itself),
    };
    return cmocka_run_group_tests(tests, NULL, close_library);
}
