/*
 * The stop sequence: what has arrived is still answered, and what was answered has arrived.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

#include "net/clock.h"
#include "support/bus_fixture.h"
#include "support/nats_server.h"

#define WORKERS 2
#define REQUESTS 4000
#define WINDOW 128
#define HELD_MAX 4096

struct world;

/* A responder that answers each message only some turns later. */
struct late_responder {
    struct test_bus bus;
    struct bl_timer *timer;
    struct bl_bus_message *held[HELD_MAX];
    size_t held_count;
    unsigned taken;
};

struct world {
    struct nats_server server;
    struct test_loop loop;
    struct test_bus client;
    struct late_responder responders[WORKERS];
    unsigned sent;
    unsigned answered;
    unsigned failed;
    unsigned close_at;
    bool is_over;
};

static void hold(void *user, struct bl_bus_message *message) {
    struct late_responder *responder = user;
    assert_true(responder->held_count < HELD_MAX);
    bl_bus_message_hold(responder->bus.bus, message);
    responder->held[responder->held_count++] = message;
    responder->taken++;
}

static void answer_held(void *user) {
    struct late_responder *responder = user;
    for (size_t i = 0; i < responder->held_count; i++) {
        struct bl_bus_message *message = responder->held[i];
        test_bus_publish(&responder->bus, message->reply, BL_STR_ABSENT, BL_STR("late"));
        bl_bus_message_release(responder->bus.bus, message);
    }
    responder->held_count = 0;
}

static void open_responder(struct world *world, struct late_responder *responder) {
    test_bus_open(&responder->bus, &world->loop, world->server.url, NULL);
    test_bus_wait_connected(&responder->bus);
    test_bus_subscribe(&responder->bus, "late", "group", hold, responder);
    assert_true(
        bl_is_ok(bl_timer_create(world->loop.loop, answer_held, responder, &responder->timer)));
    bl_timer_start(responder->timer, 3, 3);
}

static int setup(void **state) {
    struct world *world = calloc(1, sizeof(*world));
    nats_server_launch(&world->server, NULL);
    test_loop_open(&world->loop);
    test_bus_open(&world->client, &world->loop, world->server.url, NULL);
    test_bus_wait_connected(&world->client);
    for (size_t i = 0; i < WORKERS; i++) {
        open_responder(world, &world->responders[i]);
    }
    *state = world;
    return 0;
}

static int teardown(void **state) {
    struct world *world = *state;
    world->is_over = true;
    test_bus_close(&world->client);
    for (size_t i = 0; i < WORKERS; i++) {
        if (world->responders[i].bus.bus != NULL) {
            test_bus_close(&world->responders[i].bus);
        }
        bl_timer_destroy(world->responders[i].timer);
    }
    test_loop_close(&world->loop);
    nats_server_remove(&world->server);
    free(world);
    return 0;
}

static void send_more(struct world *world);

static void on_reply(void *user, bl_result result, struct bl_bus_message *reply) {
    struct world *world = user;
    (void)reply;
    world->answered += bl_is_ok(result) ? 1 : 0;
    world->failed += bl_is_error(result) ? 1 : 0;
    if (world->close_at != 0 && world->answered == world->close_at) {
        bl_bus_close(world->responders[0].bus.bus, 10000);
    }
    send_more(world);
}

static void send_more(struct world *world) {
    while (!world->is_over && world->sent < REQUESTS &&
           world->sent - world->answered - world->failed < WINDOW) {
        struct bl_diag diag;
        bl_diag_clear(&diag);
        struct bl_bus_outgoing message = {.subject = BL_STR("late"), .data = BL_STR("x")};
        assert_true(bl_is_ok(
            bl_bus_request(world->client.bus, &message, 20000, on_reply, world, NULL, &diag)));
        world->sent++;
    }
}

static bool all_are_done(void *user) {
    const struct world *world = user;
    return world->answered + world->failed == REQUESTS;
}

/* One of two closes in the middle of the load: not one request is lost. */
static void test_closing_under_load_loses_no_reply(void **state) {
    struct world *world = *state;
    world->close_at = REQUESTS / 4;
    send_more(world);
    test_loop_wait(&world->loop, all_are_done, world);
    assert_int_equal(world->failed, 0);
    assert_int_equal(world->answered, REQUESTS);
    test_loop_wait(&world->loop, test_bus_is_closed, &world->responders[0].bus);
    unsigned first = world->responders[0].taken;
    assert_true(first > 0 && first < REQUESTS / 2);
    assert_int_equal(first + world->responders[1].taken, REQUESTS);
    struct bl_bus_stats stats = bl_bus_stats(world->responders[0].bus.bus);
    assert_int_equal(stats.messages_lost, 0);
    assert_int_equal(stats.messages_held, 0);
    assert_int_equal(stats.messages_out, first + 1); /* and the one that settled it */
    bl_bus_destroy(world->responders[0].bus.bus);
    world->responders[0].bus.bus = NULL;
}

static void test_a_held_message_is_waited_for_only_so_long(void **state) {
    struct world *world = *state;
    struct late_responder *responder = &world->responders[0];
    for (size_t i = 0; i < WORKERS; i++) {
        bl_timer_stop(world->responders[i].timer); /* nobody answers */
    }
    send_more(world);
    while (responder->taken == 0) {
        test_loop_wait_for(&world->loop, all_are_done, world, 5);
    }
    uint64_t start_ns = bl_clock_monotonic_ns();
    bl_bus_close(responder->bus.bus, 300);
    test_loop_wait(&world->loop, test_bus_is_closed, &responder->bus);
    uint64_t took_ms = (bl_clock_monotonic_ns() - start_ns) / 1000000U;
    assert_true(took_ms >= 250 && took_ms < 5000);
    for (size_t i = 0; i < responder->held_count; i++) { /* still good after the close */
        assert_true(bl_str_equal_c(responder->held[i]->content.subject, "late"));
        bl_bus_message_release(responder->bus.bus, responder->held[i]);
    }
    responder->held_count = 0;
    bl_bus_destroy(responder->bus.bus);
    responder->bus.bus = NULL;
    answer_held(&world->responders[1]);
}

static void *close_from_elsewhere(void *user) {
    bl_bus_close(user, 2000);
    return NULL;
}

static void test_closed_from_other_threads(void **state) {
    struct world *world = *state;
    for (int round = 0; round < 10; round++) {
        struct test_bus bus;
        pthread_t threads[2];
        test_bus_open(&bus, &world->loop, world->server.url, NULL);
        if (round % 2 == 0) {
            test_bus_wait_connected(&bus); /* else: while it connects */
        }
        send_more(world);
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, close_from_elsewhere, bus.bus), 0);
        }
        test_loop_wait(&world->loop, test_bus_is_closed, &bus);
        for (size_t i = 0; i < 2; i++) {
            pthread_join(threads[i], NULL);
        }
        bl_bus_destroy(bus.bus);
    }
    test_loop_wait(&world->loop, all_are_done, world);
    assert_int_equal(world->failed, 0);
}

static void test_nothing_new_while_closing(void **state) {
    struct world *world = *state;
    struct test_bus bus;
    struct bl_diag diag;
    bl_diag_clear(&diag);
    test_bus_open(&bus, &world->loop, world->server.url, NULL);
    test_bus_wait_connected(&bus);
    bl_bus_close(bus.bus, 1000);
    test_loop_wait(&world->loop, test_bus_is_closed, &bus);
    struct bl_bus_subscription_config config = {.subject = "x"};
    struct bl_bus_outgoing message = {.subject = BL_STR("x")};
    assert_int_equal(bl_bus_subscribe(bus.bus, &config, hold, NULL, NULL, &diag).error,
                     BL_E_UNAVAILABLE);
    assert_int_equal(bl_bus_publish(bus.bus, &message, &diag).error, BL_E_UNAVAILABLE);
    assert_int_equal(bl_bus_request(bus.bus, &message, 10, on_reply, NULL, NULL, &diag).error,
                     BL_E_UNAVAILABLE);
    bl_bus_destroy(bus.bus);
    bl_bus_destroy(NULL);
}

static int close_library(void **state) {
    (void)state;
    bl_bus_library_close();
    return 0;
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_closing_under_load_loses_no_reply),
        WITH_WORLD(test_a_held_message_is_waited_for_only_so_long),
        WITH_WORLD(test_closed_from_other_threads),
        WITH_WORLD(test_nothing_new_while_closing),
    };
    return cmocka_run_group_tests(tests, NULL, close_library);
}
