#include "support/bus_fixture.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "net/clock.h"

#define TICK_MS 5

static void on_turn(void *user) {
    struct test_loop *loop = user;
    if (loop->is_done != NULL && loop->is_done(loop->user)) {
        bl_loop_stop(loop->loop);
    }
}

static void on_deadline(void *user) {
    struct test_loop *loop = user;
    loop->is_late = true;
    bl_loop_stop(loop->loop);
}

static void on_tick(void *user) {
    struct test_loop *loop = user;
    uint64_t now_ns = bl_clock_monotonic_ns();
    uint64_t gap_ns = now_ns - loop->last_tick_ns;
    loop->longest_gap_ns = gap_ns > loop->longest_gap_ns ? gap_ns : loop->longest_gap_ns;
    loop->last_tick_ns = now_ns;
}

void test_loop_open(struct test_loop *loop) {
    struct bl_diag diag;
    bl_diag_clear(&diag);
    *loop = (struct test_loop){0};
    assert_true(bl_is_ok(bl_loop_create(64, &loop->loop, &diag)));
    assert_true(bl_is_ok(bl_timer_create(loop->loop, on_deadline, loop, &loop->deadline)));
    assert_true(bl_is_ok(bl_timer_create(loop->loop, on_tick, loop, &loop->tick)));
    bl_loop_add_hook(loop->loop, BL_TURN_BEFORE_POLL, &loop->hook, on_turn, loop);
}

void test_loop_close(struct test_loop *loop) {
    bl_loop_remove_hook(loop->loop, BL_TURN_BEFORE_POLL, &loop->hook);
    bl_timer_destroy(loop->deadline);
    bl_timer_destroy(loop->tick);
    bl_loop_destroy(loop->loop);
}

bool test_loop_wait_for(struct test_loop *loop, bool (*is_done)(void *user), void *user,
                        uint64_t timeout_ms) {
    loop->is_done = is_done;
    loop->user = user;
    loop->is_late = false;
    loop->last_tick_ns = bl_clock_monotonic_ns();
    bl_timer_start(loop->tick, TICK_MS, TICK_MS);
    bl_timer_start(loop->deadline, timeout_ms, 0);
    while (!is_done(user) && !loop->is_late) {
        bl_loop_run(loop->loop);
    }
    bl_timer_stop(loop->deadline);
    bl_timer_stop(loop->tick);
    loop->is_done = NULL;
    return !loop->is_late;
}

void test_loop_wait(struct test_loop *loop, bool (*is_done)(void *user), void *user) {
    assert_true(test_loop_wait_for(loop, is_done, user, TEST_WAIT_MS));
}

static void on_state(void *user, enum bl_bus_state state, struct bl_str reason) {
    struct test_bus *bus = user;
    bus->state = state;
    bus->connects += state == BL_BUS_CONNECTED ? 1 : 0;
    if (!bl_str_is_blank(reason)) {
        bus->failures++;
        snprintf(bus->reason, sizeof(bus->reason), "%.*s", BL_STR_ARG(reason));
    }
}

static void on_error(void *user, struct bl_str text) {
    struct test_bus *bus = user;
    bus->errors++;
    snprintf(bus->error, sizeof(bus->error), "%.*s", BL_STR_ARG(text));
}

static void on_refused(void *user, struct bl_str subject) {
    struct test_bus *bus = user;
    size_t len = strlen(bus->refused);
    snprintf(bus->refused + len, sizeof(bus->refused) - len, "%.*s ", BL_STR_ARG(subject));
}

struct bl_bus_config test_bus_config(const char *const *url) {
    struct bl_bus_config config = bl_bus_config_default();
    config.servers = url;
    config.server_count = 1;
    config.reconnect_base_ms = 10;
    config.reconnect_max_ms = 100;
    return config;
}

void test_bus_open(struct test_bus *bus, struct test_loop *loop, const char *url,
                   const struct bl_bus_config *config) {
    struct bl_bus_config defaults = test_bus_config(&url);
    struct bl_bus_callbacks callbacks = {on_state, on_error, on_refused};
    struct bl_diag diag;
    bl_diag_clear(&diag);
    *bus = (struct test_bus){.loop = loop, .state = BL_BUS_CONNECTING};
    assert_true(bl_is_ok(bl_bus_create(loop->loop, config != NULL ? config : &defaults, &callbacks,
                                       bus, &bus->bus, &diag)));
}

bool test_bus_is_connected(void *user) {
    const struct test_bus *bus = user;
    return bus->state == BL_BUS_CONNECTED;
}

bool test_bus_is_away(void *user) {
    const struct test_bus *bus = user;
    return bus->state == BL_BUS_RECONNECTING;
}

bool test_bus_is_closed(void *user) {
    const struct test_bus *bus = user;
    return bus->state == BL_BUS_CLOSED;
}

void test_bus_wait_connected(struct test_bus *bus) {
    test_loop_wait(bus->loop, test_bus_is_connected, bus);
}

void test_bus_close(struct test_bus *bus) {
    bl_bus_close(bus->bus, 5000);
    test_loop_wait(bus->loop, test_bus_is_closed, bus);
    bl_bus_destroy(bus->bus);
    bus->bus = NULL;
}

static void note_arrival(void *user, struct bl_bus_message *message) {
    bool *has_arrived = user;
    (void)message;
    *has_arrived = true;
}

static bool is_true(void *user) {
    return *(bool *)user;
}

void test_bus_settle(struct test_bus *bus) {
    static unsigned serial;
    char subject[64];
    int len = snprintf(subject, sizeof(subject), "test.settle.%d.%u", (int)getpid(), serial++);
    bool has_arrived = false;
    struct bl_bus_subscription_config config = {.subject = subject};
    struct bl_bus_subscription *subscription = NULL;
    struct bl_diag diag;
    bl_diag_clear(&diag);
    assert_true(bl_is_ok(
        bl_bus_subscribe(bus->bus, &config, note_arrival, &has_arrived, &subscription, &diag)));
    test_bus_publish(bus, (struct bl_str){subject, (size_t)len}, BL_STR_ABSENT, BL_STR(""));
    test_loop_wait(bus->loop, is_true, &has_arrived);
    bl_bus_unsubscribe(subscription);
}

void test_bus_subscribe(struct test_bus *bus, const char *subject, const char *queue_group,
                        bl_bus_message_fn handler, void *user) {
    struct bl_bus_subscription_config config = {.subject = subject, .queue_group = queue_group};
    struct bl_diag diag;
    bl_diag_clear(&diag);
    assert_true(bl_is_ok(bl_bus_subscribe(bus->bus, &config, handler, user, NULL, &diag)));
    if (bus->state == BL_BUS_CONNECTED) {
        test_bus_settle(bus);
    }
}

void test_bus_publish(struct test_bus *bus, struct bl_str subject, struct bl_str reply,
                      struct bl_str data) {
    struct bl_bus_outgoing message = {.subject = subject, .reply = reply, .data = data};
    struct bl_diag diag;
    bl_diag_clear(&diag);
    bl_result result = bl_bus_publish(bus->bus, &message, &diag);
    if (bl_is_error(result)) {
        print_error("publish: %s\n", diag.message);
    }
    assert_true(bl_is_ok(result));
}
