/*
 * More arrives than is handled: the excess is handed over marked, and nothing is dropped.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "support/bus_fixture.h"
#include "support/nats_server.h"

#define BURST 20000
#define HIGH_WATER 200

struct world {
    struct nats_server server;
    struct test_loop loop;
    struct test_bus client;
    struct test_bus responder;
    unsigned worked;
    unsigned refused;
    unsigned answered;
    unsigned answered_work;
    unsigned failed;
    unsigned largest_batch;
    unsigned batch;
    struct bl_turn_hook turn;
};

static void on_turn(void *user) {
    struct world *world = user;
    world->batch = 0;
}

static int setup(void **state) {
    struct world *world = calloc(1, sizeof(*world));
    nats_server_launch(&world->server, NULL);
    test_loop_open(&world->loop);
    bl_loop_add_hook(world->loop.loop, BL_TURN_BEFORE_POLL, &world->turn, on_turn, world);
    const char *url = world->server.url;
    struct bl_bus_config config = test_bus_config(&url);
    config.requests_max = BURST;
    config.drain_batch = 50;
    test_bus_open(&world->client, &world->loop, NULL, &config);
    test_bus_open(&world->responder, &world->loop, NULL, &config);
    test_bus_wait_connected(&world->client);
    test_bus_wait_connected(&world->responder);
    *state = world;
    return 0;
}

static int teardown(void **state) {
    struct world *world = *state;
    test_bus_close(&world->client);
    test_bus_close(&world->responder);
    bl_loop_remove_hook(world->loop.loop, BL_TURN_BEFORE_POLL, &world->turn);
    test_loop_close(&world->loop);
    nats_server_remove(&world->server);
    free(world);
    return 0;
}

/* Work takes a tenth of a millisecond, a refusal nothing. */
static void work_or_refuse(void *user, struct bl_bus_message *message) {
    struct world *world = user;
    world->batch++;
    world->largest_batch =
        world->batch > world->largest_batch ? world->batch : world->largest_batch;
    if (message->overloaded) {
        world->refused++;
        test_bus_publish(&world->responder, message->reply, BL_STR_ABSENT, BL_STR("overloaded"));
        return;
    }
    uint64_t end_ns = bl_clock_monotonic_ns() + 100000U;
    while (bl_clock_monotonic_ns() < end_ns) {
    }
    world->worked++;
    test_bus_publish(&world->responder, message->reply, BL_STR_ABSENT, BL_STR("done"));
}

static void on_answer(void *user, bl_result result, struct bl_bus_message *reply) {
    struct world *world = user;
    world->answered++;
    world->failed += bl_is_error(result) ? 1 : 0;
    if (reply != NULL) {
        world->answered_work += bl_str_equal_c(reply->content.data, "done") ? 1 : 0;
    }
}

static bool all_are_answered(void *user) {
    const struct world *world = user;
    return world->answered == BURST;
}

static void burst(struct world *world) {
    for (unsigned i = 0; i < BURST; i++) {
        struct bl_diag diag;
        bl_diag_clear(&diag);
        struct bl_bus_outgoing message = {.subject = BL_STR("work"), .data = BL_STR("some work")};
        assert_true(bl_is_ok(
            bl_bus_request(world->client.bus, &message, 60000, on_answer, world, NULL, &diag)));
    }
}

static void subscribe(struct world *world, uint32_t high_water, uint32_t limit) {
    struct bl_bus_subscription_config config = {.subject = "work",
                                                .queue_group = "group",
                                                .high_water_messages = high_water,
                                                .pending_limit_messages = limit};
    struct bl_diag diag;
    bl_diag_clear(&diag);
    assert_true(bl_is_ok(
        bl_bus_subscribe(world->responder.bus, &config, work_or_refuse, world, NULL, &diag)));
    test_bus_settle(&world->responder);
}

static void test_a_slow_reader_answers_all_and_drops_nothing(void **state) {
    struct world *world = *state;
    subscribe(world, HIGH_WATER, 0);
    burst(world);
    test_loop_wait(&world->loop, all_are_answered, world);
    assert_int_equal(world->failed, 0);
    assert_int_equal(world->worked + world->refused, BURST);
    assert_int_equal(world->answered_work, world->worked);
    assert_true(world->refused > 0 && world->worked >= HIGH_WATER);
    struct bl_bus_stats stats = bl_bus_stats(world->responder.bus);
    assert_int_equal(stats.messages_dropped, 0);
    assert_int_equal(stats.messages_marked, world->refused);
    assert_int_equal(stats.disconnects, 0);
    assert_int_equal(world->responder.errors, 0);
    /* B per turn is work; four refusals cost as much as one piece of work. */
    assert_true(world->largest_batch <= 4 * 50);
}

static void test_below_the_high_water_mark_nothing_is_refused(void **state) {
    struct world *world = *state;
    subscribe(world, BURST, 0);
    burst(world);
    test_loop_wait(&world->loop, all_are_answered, world);
    assert_int_equal(world->refused, 0);
    assert_int_equal(world->worked, BURST);
    assert_true(world->largest_batch <= 50 + 1);
}

static bool has_error(void *user) {
    const struct world *world = user;
    return world->responder.errors > 0 && bl_bus_stats(world->responder.bus).messages_dropped > 0;
}

static void test_past_the_pending_limit_drops_are_counted_and_told(void **state) {
    struct world *world = *state;
    subscribe(world, 1000, 10); /* a limit below the mark, as nobody should set it */
    burst(world);
    test_loop_wait(&world->loop, has_error, world);
    assert_true(bl_bus_stats(world->responder.bus).messages_dropped > 0);
}

static void test_above_the_soft_cap_messages_are_marked(void **state) {
    struct world *world = *state;
    struct test_bus small;
    const char *url = world->server.url;
    struct bl_bus_config config = test_bus_config(&url);
    config.soft_cap_bytes = 1;
    config.hard_cap_bytes = 1 << 20;
    test_bus_open(&small, &world->loop, NULL, &config);
    test_bus_wait_connected(&small);
    /* Same subject, no group: each message comes here too. The first one in a turn finds an empty
     * write buffer, its answer is above the cap, so the next ones are marked. */
    struct test_bus *responder = &world->responder;
    struct test_bus swapped = *responder;
    struct bl_bus_subscription_config subscription = {.subject = "work"};
    struct bl_diag diag;
    bl_diag_clear(&diag);
    responder->bus = small.bus;
    assert_true(
        bl_is_ok(bl_bus_subscribe(small.bus, &subscription, work_or_refuse, world, NULL, &diag)));
    test_bus_settle(&small);
    burst(world);
    test_loop_wait(&world->loop, all_are_answered, world);
    assert_int_equal(world->failed, 0);
    assert_true(world->refused > 0 && world->worked > 0);
    responder->bus = swapped.bus;
    test_bus_close(&small);
}

static int close_library(void **state) {
    (void)state;
    bl_bus_library_close();
    return 0;
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_a_slow_reader_answers_all_and_drops_nothing),
        WITH_WORLD(test_below_the_high_water_mark_nothing_is_refused),
        WITH_WORLD(test_past_the_pending_limit_drops_are_counted_and_told),
        WITH_WORLD(test_above_the_soft_cap_messages_are_marked),
    };
    return cmocka_run_group_tests(tests, NULL, close_library);
}
