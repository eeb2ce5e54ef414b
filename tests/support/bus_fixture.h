/*
 * Buses on one loop for a test, and waiting for a condition with a deadline instead of sleeping.
 *
 *   struct test_loop loop;               test_loop_open(&loop);
 *   struct test_bus client;              test_bus_open(&client, &loop, server.url, NULL);
 *   test_loop_wait(&loop, is_done, &x);  runs the loop until is_done(&x), fails the test if never
 *   test_bus_close(&client);             test_loop_close(&loop);
 */
#ifndef BL_TESTS_SUPPORT_BUS_FIXTURE_H
#define BL_TESTS_SUPPORT_BUS_FIXTURE_H

#include "bus/bus.h"
#include "net/loop.h"
#include "net/timer.h"

#define TEST_WAIT_MS 30000

struct test_loop {
    struct bl_loop *loop;
    struct bl_timer *deadline;
    struct bl_timer *tick; /* every 5 ms: conditions over time are seen, and stalls measured */
    struct bl_turn_hook hook;
    bool (*is_done)(void *user);
    void *user;
    bool is_late;
    uint64_t last_tick_ns;
    uint64_t longest_gap_ns; /* between two ticks: how long the loop was held at most */
};

void test_loop_open(struct test_loop *loop);
void test_loop_close(struct test_loop *loop);

/* Runs the loop until the condition holds; false if it does not within `timeout_ms`. */
bool test_loop_wait_for(struct test_loop *loop, bool (*is_done)(void *user), void *user,
                        uint64_t timeout_ms);

/* The same with TEST_WAIT_MS; fails the test when it does not hold by then. */
void test_loop_wait(struct test_loop *loop, bool (*is_done)(void *user), void *user);

struct test_bus {
    struct test_loop *loop;
    struct bl_bus *bus;
    enum bl_bus_state state;
    unsigned connects;
    unsigned failures; /* states told with a reason */
    unsigned errors;
    char reason[512]; /* the last one */
    char error[512];
    char refused[512]; /* subjects that the server refused to us, each followed by a blank */
};

/* A configuration for tests: short backoff and timeouts. `url` is borrowed by the returned value. */
struct bl_bus_config test_bus_config(const char *const *url);

/* `config` NULL = test_bus_config. Does not wait for a connection. */
void test_bus_open(struct test_bus *bus, struct test_loop *loop, const char *url,
                   const struct bl_bus_config *config);
void test_bus_wait_connected(struct test_bus *bus);

/* Closes, waits for CLOSED, destroys. */
void test_bus_close(struct test_bus *bus);

/* When connected, returns once the server knows the subscription. */
void test_bus_subscribe(struct test_bus *bus, const char *subject, const char *queue_group,
                        bl_bus_message_fn handler, void *user);

/* Publishes or fails the test. */
void test_bus_publish(struct test_bus *bus, struct bl_str subject, struct bl_str reply,
                      struct bl_str data);

/* Waits until the server has handled all that this bus has sent so far. */
void test_bus_settle(struct test_bus *bus);

/* Conditions; `user` is a struct test_bus. */
bool test_bus_is_connected(void *user);
bool test_bus_is_away(void *user);
bool test_bus_is_closed(void *user);

#endif
