/*
 * Servers that die, stop and come back, under load. A request ends exactly once, whatever happens,
 * and the loop is never held.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bus/poller.h"
#include "net/clock.h"
#include "support/bus_fixture.h"
#include "support/nats_server.h"

#define WINDOW 64
#define LOOP_HELD_MAX_NS 1000000000U /* half of the connect timeout */

struct world {
    struct nats_server server;
    struct test_loop loop;
    struct test_bus client;
    struct test_bus responder;
    struct bl_timer *pump;
    bool is_pumping;
    unsigned in_flight;
    unsigned sent;
    unsigned answered;
    unsigned expired;
    unsigned unavailable;
    unsigned refused;
    unsigned twice;
    unsigned reply_failures;
    unsigned target;
};

struct ticket {
    struct world *world;
    bool is_done;
};

static void answer(void *user, struct bl_bus_message *message) {
    struct world *world = user;
    struct bl_bus_outgoing reply = {.subject = message->reply, .data = message->content.data};
    struct bl_diag diag;
    bl_diag_clear(&diag);
    /* Fails while the connection is away; then the request ends by its deadline. */
    bl_result sent = bl_bus_publish(world->responder.bus, &reply, &diag);
    world->reply_failures += bl_is_error(sent) ? 1 : 0;
}

static void on_outcome(void *user, bl_result result, struct bl_bus_message *reply) {
    struct ticket *ticket = user;
    struct world *world = ticket->world;
    (void)reply;
    world->twice += ticket->is_done ? 1 : 0;
    ticket->is_done = true;
    world->in_flight--;
    world->answered += bl_is_ok(result) ? 1 : 0;
    world->expired += result.error == BL_E_DEADLINE_EXCEEDED ? 1 : 0;
    world->unavailable += result.error == BL_E_UNAVAILABLE ? 1 : 0;
    free(ticket);
}

/* Keeps the window full; runs every millisecond. */
static void pump(void *user) {
    struct world *world = user;
    static char data[1000];
    while (world->is_pumping && world->in_flight < WINDOW) {
        struct ticket *ticket = malloc(sizeof(*ticket));
        struct bl_diag diag;
        struct bl_bus_outgoing message = {.subject = BL_STR("work"), .data = {data, sizeof(data)}};
        *ticket = (struct ticket){world, false};
        bl_diag_clear(&diag);
        if (bl_is_error(bl_bus_request(world->client.bus, &message, 500, on_outcome, ticket, NULL,
                                       &diag))) {
            free(ticket);
            world->refused++;
            return;
        }
        world->in_flight++;
        world->sent++;
    }
}

static int setup(void **state) {
    struct world *world = calloc(1, sizeof(*world));
    nats_server_launch(&world->server, NULL);
    test_loop_open(&world->loop);
    const char *url = world->server.url;
    struct bl_bus_config config = test_bus_config(&url);
    config.connect_timeout_ms = 2000;
    config.ping_interval_ms = 200;
    config.ping_max_out = 2;
    config.write_stall_ms = 500;
    test_bus_open(&world->client, &world->loop, NULL, &config);
    test_bus_open(&world->responder, &world->loop, NULL, &config);
    test_bus_wait_connected(&world->client);
    test_bus_wait_connected(&world->responder);
    test_bus_subscribe(&world->responder, "work", "group", answer, world);
    assert_true(bl_is_ok(bl_timer_create(world->loop.loop, pump, world, &world->pump)));
    bl_timer_start(world->pump, 1, 1);
    world->is_pumping = true;
    world->loop.longest_gap_ns = 0;
    *state = world;
    return 0;
}

static bool is_idle(void *user) {
    const struct world *world = user;
    return world->in_flight == 0;
}

static int teardown(void **state) {
    struct world *world = *state;
    world->is_pumping = false;
    test_loop_wait(&world->loop, is_idle, world);
    test_bus_close(&world->client);
    test_bus_close(&world->responder);
    bl_timer_destroy(world->pump);
    test_loop_close(&world->loop);
    nats_server_remove(&world->server);
    free(world);
    return 0;
}

static bool is_answered_up_to_target(void *user) {
    const struct world *world = user;
    return world->answered >= world->target;
}

static void wait_for_answers(struct world *world, unsigned more) {
    world->target = world->answered + more;
    test_loop_wait(&world->loop, is_answered_up_to_target, world);
}

static bool both_are_away(void *user) {
    struct world *world = user;
    return test_bus_is_away(&world->client) && test_bus_is_away(&world->responder);
}

static void stop_load_and_check(struct world *world) {
    world->is_pumping = false;
    test_loop_wait(&world->loop, is_idle, world);
    assert_int_equal(world->answered + world->expired + world->unavailable, world->sent);
    assert_int_equal(world->twice, 0);
    assert_true(world->loop.longest_gap_ns < LOOP_HELD_MAX_NS);
}

static void test_killed_and_restarted_under_load(void **state) {
    struct world *world = *state;
    for (int round = 0; round < 3; round++) {
        wait_for_answers(world, 2000);
        nats_server_kill(&world->server);
        test_loop_wait(&world->loop, both_are_away, world);
        nats_server_start(&world->server);
        wait_for_answers(world, 2000); /* the subscription is back as well */
    }
    stop_load_and_check(world);
    assert_int_equal(world->client.connects, 4);
    struct bl_bus_stats stats = bl_bus_stats(world->client.bus);
    assert_int_equal(stats.disconnects, 3);
    assert_int_equal(stats.publishes_refused, world->refused);
}

static bool is_later(void *user) {
    return bl_clock_monotonic_ns() >= *(uint64_t *)user;
}

static void test_a_short_freeze_loses_nothing(void **state) {
    struct world *world = *state;
    wait_for_answers(world, 1000);
    for (int round = 0; round < 5; round++) {
        nats_server_freeze(&world->server);
        uint64_t until_ns = bl_clock_monotonic_ns() + 50000000U; /* how long it is frozen */
        test_loop_wait(&world->loop, is_later, &until_ns);
        nats_server_thaw(&world->server);
        wait_for_answers(world, 1000);
    }
    stop_load_and_check(world);
    assert_int_equal(world->sent, world->answered);
    assert_int_equal(world->client.connects, 1);
}

static void test_a_long_freeze_ends_in_a_new_connection(void **state) {
    struct world *world = *state;
    wait_for_answers(world, 1000);
    nats_server_freeze(&world->server);
    test_loop_wait(&world->loop, both_are_away, world);        /* pings without pongs */
    uint64_t until_ns = bl_clock_monotonic_ns() + 2500000000U; /* over one connect timeout */
    test_loop_wait(&world->loop, is_later, &until_ns);
    nats_server_thaw(&world->server);
    wait_for_answers(world, 1000);
    stop_load_and_check(world);
}

static bool is_remade(void *user) {
    struct world *world = user;
    return bl_bus_stats(world->client.bus).remakes > 0;
}

/* Fills the buffers towards a frozen server until publishing is refused or the bus gives up. */
static size_t flood(struct world *world, struct bl_str data, size_t most) {
    size_t highest = 0;
    for (size_t sent = 0; sent < most; sent += data.len) {
        struct bl_diag diag;
        bl_diag_clear(&diag);
        struct bl_bus_outgoing message = {.subject = BL_STR("flood"), .data = data};
        if (bl_is_error(bl_bus_publish(world->client.bus, &message, &diag))) {
            assert_non_null(strstr(diag.message, "does not read"));
            break;
        }
        size_t buffered = bl_bus_stats(world->client.bus).buffered_bytes;
        highest = buffered > highest ? buffered : highest;
    }
    return highest;
}

static void test_past_the_hard_cap_publishing_is_refused_and_the_connection_remade(void **state) {
    struct world *world = *state;
    world->is_pumping = false;
    test_loop_wait(&world->loop, is_idle, world);
    nats_server_freeze(&world->server);
    size_t hard_cap = bl_bus_config_default().hard_cap_bytes;
    struct bl_str data = {calloc(1, 500000), 500000};
    size_t highest = flood(world, data, 1U << 30);
    assert_true(highest > hard_cap);
    assert_true(highest < hard_cap + 2 * data.len); /* at most one message over */
    /* The kernel takes some of it; the second time it takes nothing. */
    for (int round = 0; round < 50 && !is_remade(world); round++) {
        if (world->client.state == BL_BUS_CONNECTED) {
            (void)flood(world, data, 1U << 30);
        }
        test_loop_wait_for(&world->loop, is_remade, world, 20);
    }
    assert_true(is_remade(world));
    assert_int_equal(bl_bus_stats(world->client.bus).buffered_bytes, 0);
    nats_server_thaw(&world->server);
    world->is_pumping = true;
    wait_for_answers(world, 1000);
    stop_load_and_check(world);
    free((void *)(uintptr_t)data.data);
}

static void test_no_progress_for_write_stall_ms_remakes(void **state) {
    struct world *world = *state;
    struct test_bus quiet; /* without pings, so that only the stall is left to notice */
    const char *url = world->server.url;
    struct bl_bus_config config = test_bus_config(&url);
    config.write_stall_ms = 300;
    world->is_pumping = false;
    test_loop_wait(&world->loop, is_idle, world);
    test_bus_open(&quiet, &world->loop, NULL, &config);
    test_bus_wait_connected(&quiet);
    nats_server_freeze(&world->server);
    struct bl_str data = {calloc(1, 500000), 500000};
    for (int i = 0; i < 24; i++) { /* 12 MB: more than the kernel holds, less than the cap */
        test_bus_publish(&quiet, BL_STR("flood"), BL_STR_ABSENT, data);
    }
    test_loop_wait(&world->loop, test_bus_is_away, &quiet);
    struct bl_bus_stats stats = bl_bus_stats(quiet.bus);
    assert_int_equal(stats.remakes, 1);
    assert_int_equal(stats.disconnects, 1);
    assert_non_null(strstr(quiet.reason, "stopped reading"));
    nats_server_thaw(&world->server);
    test_bus_wait_connected(&quiet);
    test_bus_settle(&quiet);
    test_bus_close(&quiet);
    free((void *)(uintptr_t)data.data);
    assert_true(world->loop.longest_gap_ns < LOOP_HELD_MAX_NS);
}

/* --- Descriptors --------------------------------------------------------------------------- */

struct pair {
    struct bl_poller *poller;
    int poll_fd;
    int write_fd;
    bool was_seen;
};

static void on_pair(void *user, bool is_readable, bool is_writable) {
    struct pair *pair = user;
    char byte;
    (void)is_writable;
    if (is_readable && recv(pair->poll_fd, &byte, 1, MSG_DONTWAIT) == 1) {
        pair->was_seen = true;
    }
}

static bool pair_was_seen(void *user) {
    const struct pair *pair = user;
    return pair->was_seen;
}

/* libnats closes sockets on threads of its own, and the kernel gives their numbers out again. New
 * descriptors on the loop must get their events all the same. */
static void test_reconnecting_steals_no_events_from_new_descriptors(void **state) {
    struct world *world = *state;
    for (int round = 0; round < 20; round++) {
        nats_server_kill(&world->server);
        struct pair pairs[32];
        for (size_t i = 0; i < 32; i++) {
            int ends[2];
            assert_int_equal(
                socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
            pairs[i] = (struct pair){.poll_fd = ends[0], .write_fd = ends[1]};
            assert_true(bl_is_ok(
                bl_poller_create(world->loop.loop, ends[0], on_pair, &pairs[i], &pairs[i].poller)));
            bl_poller_want(pairs[i].poller, true, false);
            if (i == 16) {
                test_loop_wait(&world->loop, both_are_away, world);
                nats_server_start(&world->server);
            }
        }
        test_bus_wait_connected(&world->client);
        test_bus_wait_connected(&world->responder);
        for (size_t i = 0; i < 32; i++) {
            assert_int_equal(write(pairs[i].write_fd, "x", 1), 1);
            test_loop_wait(&world->loop, pair_was_seen, &pairs[i]);
            bl_poller_destroy(pairs[i].poller);
            close(pairs[i].write_fd);
        }
    }
    stop_load_and_check(world);
}

static int close_library(void **state) {
    (void)state;
    bl_bus_library_close();
    return 0;
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_killed_and_restarted_under_load),
        WITH_WORLD(test_a_short_freeze_loses_nothing),
        WITH_WORLD(test_a_long_freeze_ends_in_a_new_connection),
        WITH_WORLD(test_past_the_hard_cap_publishing_is_refused_and_the_connection_remade),
        WITH_WORLD(test_no_progress_for_write_stall_ms_remakes),
        WITH_WORLD(test_reconnecting_steals_no_events_from_new_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, close_library);
}
