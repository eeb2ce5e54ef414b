/*
 * JetStream over the bus, with a real server: streams made and checked, messages stored once, tables
 * with compare-and-set, deliveries settled, and all of it again after the server was killed.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "bus/jetstream.h"
#include "support/bus_fixture.h"
#include "support/nats_server.h"

#define CONFIG NULL

static const char *const work_subjects[] = {"work.a", "work.b"};
static const char *const table_subjects[] = {"table.>"};
static const struct bl_stream_config work = {.name = "WORK",
                                             .subjects = work_subjects,
                                             .subject_count = 2,
                                             .max_bytes = 1 << 20,
                                             .duplicates_ms = 60000};
static const struct bl_stream_config table = {.name = "TABLE",
                                              .subjects = table_subjects,
                                              .subject_count = 1,
                                              .max_bytes = 1 << 20,
                                              .duplicates_ms = 60000,
                                              .last_per_subject = true};

struct world {
    struct nats_server server;
    struct test_loop loop;
    struct test_bus bus;
    struct bl_jetstream *jetstream;
    struct bl_pull *pull; /* NULL = none */
    unsigned connects;
    bool is_done;
    bl_result result;
    char text[256];
    uint64_t sequence;
    bool is_duplicate;
    bool is_found;
};

static void begin(struct world *world, const char *config) {
    memset(world, 0, sizeof(*world));
    nats_server_launch(&world->server, config);
    test_loop_open(&world->loop);
    test_bus_open(&world->bus, &world->loop, world->server.url, NULL);
    test_bus_wait_connected(&world->bus);
    assert_true(bl_is_ok(bl_jetstream_create(world->bus.bus, &world->jetstream)));
}

static void end(struct world *world) {
    test_bus_close(&world->bus);
    bl_pull_destroy(world->pull);
    bl_jetstream_destroy(world->jetstream);
    test_loop_close(&world->loop);
    nats_server_remove(&world->server);
}

static bool has_reconnected(void *user) {
    const struct world *world = user;
    return world->bus.connects > world->connects && world->bus.state == BL_BUS_CONNECTED;
}

static void restart(struct world *world) {
    world->connects = world->bus.connects;
    nats_server_kill(&world->server);
    nats_server_start(&world->server);
    test_loop_wait(&world->loop, has_reconnected, world);
}

static bool is_done(void *user) {
    struct world *world = user;
    return world->is_done;
}

static void keep(struct world *world, bl_result result, struct bl_str text) {
    world->is_done = true;
    world->result = result;
    (void)snprintf(world->text, sizeof(world->text), "%.*s", BL_STR_ARG(text));
}

static void on_done(void *user, bl_result result, struct bl_str problem) {
    keep(user, result, problem);
}

static void on_ack(void *user, const struct bl_jetstream_ack *ack) {
    struct world *world = user;
    keep(world, ack->result, ack->error);
    world->sequence = ack->sequence;
    world->is_duplicate = ack->is_duplicate;
}

static void on_found(void *user, bl_result result, const struct bl_stored *found) {
    struct world *world = user;
    keep(world, result, found == NULL ? BL_STR("") : found->data);
    world->is_found = found != NULL;
    world->sequence = found == NULL ? 0 : found->sequence;
}

static bl_result ensure(struct world *world, const struct bl_stream_config *config) {
    world->is_done = false;
    bl_jetstream_ensure(world->jetstream, config, on_done, world);
    test_loop_wait(&world->loop, is_done, world);
    return world->result;
}

static bl_result store(struct world *world, const char *subject, const char *data,
                       const char *header, const char *value) {
    const struct bl_bus_header headers[] = {{bl_str_from_c(header), bl_str_from_c(value)}};
    const struct bl_bus_outgoing message = {.subject = bl_str_from_c(subject),
                                            .headers = headers,
                                            .header_count = header[0] == '\0' ? 0 : 1,
                                            .data = bl_str_from_c(data)};
    struct bl_diag diag;

    world->is_done = false;
    assert_true(
        bl_is_ok(bl_jetstream_publish(world->jetstream, &message, 5000, on_ack, world, &diag)));
    test_loop_wait(&world->loop, is_done, world);
    return world->result;
}

static void find(struct world *world, const char *subject) {
    struct bl_diag diag;

    world->is_done = false;
    assert_true(bl_is_ok(bl_jetstream_get(world->jetstream, "TABLE", bl_str_from_c(subject), 5000,
                                          on_found, world, &diag)));
    test_loop_wait(&world->loop, is_done, world);
    assert_true(bl_is_ok(world->result));
}

static void test_streams_are_made_and_checked(void **state) {
    (void)state;
    struct world world;
    struct bl_stream_config other = work;

    begin(&world, CONFIG);
    assert_true(bl_is_ok(ensure(&world, &work)));
    assert_true(bl_is_ok(ensure(&world, &work)));
    assert_true(bl_is_ok(ensure(&world, &table)));

    other.duplicates_ms = 120000;
    assert_int_equal(ensure(&world, &other).error, BL_E_INVALID_REQUEST);
    assert_non_null(strstr(world.text, "stream WORK has a duplicate window of less than 120 s"));
    other = work;
    other.subjects = (const char *const[]){"work.a", "work.c"};
    assert_int_equal(ensure(&world, &other).error, BL_E_INVALID_REQUEST);
    assert_non_null(strstr(world.text, "stream WORK does not take subject work.c"));
    other = work;
    other.last_per_subject = true;
    assert_int_equal(ensure(&world, &other).error, BL_E_INVALID_REQUEST);
    other = table;
    other.last_per_subject = false;
    assert_int_equal(ensure(&world, &other).error, BL_E_INVALID_REQUEST);

    other.name = "OTHER"; /* its subject is the table's */
    assert_true(bl_is_error(ensure(&world, &other)));
    assert_non_null(strstr(world.text, "overlap"));
    end(&world);
}

static void test_without_jetstream(void **state) {
    (void)state;
    struct world world;

    begin(&world, "jetstream: false\n");
    assert_int_equal(ensure(&world, &work).error, BL_E_UNAVAILABLE);
    assert_int_equal(store(&world, "work.a", "x", "", "").error, BL_E_UNAVAILABLE);
    end(&world);
}

static void test_messages_are_stored_once(void **state) {
    (void)state;
    struct world world;

    begin(&world, CONFIG);
    assert_true(bl_is_ok(ensure(&world, &work)));
    assert_true(bl_is_ok(store(&world, "work.a", "one", "Nats-Msg-Id", "1")));
    assert_int_equal(world.sequence, 1);
    assert_false(world.is_duplicate);
    assert_true(bl_is_ok(store(&world, "work.a", "one", "Nats-Msg-Id", "1")));
    assert_int_equal(world.sequence, 1);
    assert_true(world.is_duplicate);
    restart(&world);
    assert_true(bl_is_ok(store(&world, "work.a", "one", "Nats-Msg-Id", "1")));
    assert_true(world.is_duplicate);
    assert_int_equal(store(&world, "nobody.listens", "x", "", "").error, BL_E_UNAVAILABLE);
    end(&world);
}

static void test_a_full_stream_says_so(void **state) {
    (void)state;
    struct world world;
    struct bl_stream_config small = work;
    bl_result result = BL_OK;

    begin(&world, CONFIG);
    small.max_bytes = 1000;
    assert_true(bl_is_ok(ensure(&world, &small)));
    for (int i = 0; i < 100 && bl_is_ok(result); i++) {
        result = store(&world, "work.a", "0123456789012345678901234567890123456789", "", "");
    }
    assert_int_equal(result.error, BL_E_RESOURCE_EXHAUSTED);
    end(&world);
}

static void test_a_table_compares_before_it_sets(void **state) {
    (void)state;
    struct world world;

    begin(&world, CONFIG);
    assert_true(bl_is_ok(ensure(&world, &table)));
    const char *expected = "Nats-Expected-Last-Subject-Sequence";
    assert_true(bl_is_ok(store(&world, "table.a.x", "one", expected, "0")));
    assert_int_equal(store(&world, "table.a.x", "two", expected, "0").error,
                     BL_E_PRECONDITION_FAILED);
    assert_true(bl_is_ok(store(&world, "table.b.y", "other", expected, "0")));
    assert_true(bl_is_ok(store(&world, "table.a.x", "three", expected, "1")));
    find(&world, "table.a.x");
    assert_true(world.is_found);
    assert_string_equal(world.text, "three");
    assert_int_equal(world.sequence, 3);
    find(&world, "table.*.y");
    assert_string_equal(world.text, "other");
    find(&world, "table.c.>");
    assert_false(world.is_found);
    end(&world);
}

/* --- pulling --------------------------------------------------------------------------------- */

struct taker {
    struct world *world;
    struct bl_pull *pull;
    unsigned taken;
    unsigned wanted;
    unsigned seen[400];
    uint64_t deliveries;
    bool is_caught_up;
    bool naks;
    char last[64];
};

static void on_delivery(void *user, const struct bl_delivery *delivery) {
    struct taker *taker = user;
    struct bl_str data = delivery->message->content.data;
    unsigned number = 0;

    (void)snprintf(taker->last, sizeof(taker->last), "%.*s", BL_STR_ARG(data));
    (void)sscanf(taker->last, "%u", &number);
    assert_true(number < 400);
    assert_true(delivery->stored_ms > 1700000000000);
    taker->deliveries = delivery->deliveries;
    if (taker->naks && delivery->deliveries == 1) {
        bl_delivery_settle(taker->pull, delivery->message, BL_DELIVERY_NAK, 50);
        return;
    }
    taker->seen[number]++;
    taker->taken++;
    bl_delivery_settle(taker->pull, delivery->message, BL_DELIVERY_ACK, 0);
}

static void on_state(void *user, bl_result result, struct bl_str problem) {
    struct taker *taker = user;
    keep(taker->world, result, problem);
}

static void on_caught_up(void *user) {
    struct taker *taker = user;
    taker->is_caught_up = true;
}

static bool has_taken(void *user) {
    struct taker *taker = user;
    return taker->taken >= taker->wanted;
}

static bool is_caught_up(void *user) {
    struct taker *taker = user;
    return taker->is_caught_up;
}

static void open_taker(struct taker *taker, struct world *world, const char *stream,
                       const char *durable) {
    static const struct bl_pull_events events = {on_delivery, on_state, on_caught_up};
    const struct bl_pull_config config = {.stream = stream,
                                          .durable = durable,
                                          .filter = durable == NULL ? "table.>" : NULL,
                                          .batch = 16,
                                          .ack_wait_ms = 2000,
                                          .ack_pending = 1000};
    struct bl_diag diag;

    *taker = (struct taker){.world = world};
    assert_true(
        bl_is_ok(bl_pull_create(world->jetstream, &config, &events, taker, &taker->pull, &diag)));
    world->pull = taker->pull;
    bl_pull_connect(taker->pull);
}

static void publish_numbers(struct world *world, const char *subject, unsigned from, unsigned to) {
    for (unsigned i = from; i < to; i++) {
        char data[16];
        (void)snprintf(data, sizeof(data), "%u", i);
        assert_true(bl_is_ok(store(world, subject, data, "", "")));
    }
}

static void test_deliveries_come_once_when_they_are_acknowledged(void **state) {
    (void)state;
    struct world world;
    struct taker taker;

    begin(&world, CONFIG);
    assert_true(bl_is_ok(ensure(&world, &work)));
    publish_numbers(&world, "work.a", 0, 100);
    open_taker(&taker, &world, "WORK", "takers");
    publish_numbers(&world, "work.b", 100, 150);
    taker.wanted = 150;
    test_loop_wait(&world.loop, has_taken, &taker);

    restart(&world);
    bl_pull_connect(taker.pull);
    publish_numbers(&world, "work.a", 150, 200);
    taker.wanted = 200;
    test_loop_wait(&world.loop, has_taken, &taker);
    for (unsigned i = 100; i < 200; i++) {
        assert_true(taker.seen[i] >= 1); /* an ack that the kill swallowed lets one come again */
    }
    end(&world);
}

static void test_what_is_refused_comes_again(void **state) {
    (void)state;
    struct world world;
    struct taker taker;

    begin(&world, CONFIG);
    assert_true(bl_is_ok(ensure(&world, &work)));
    open_taker(&taker, &world, "WORK", "takers");
    taker.naks = true;
    publish_numbers(&world, "work.a", 0, 1);
    taker.wanted = 1;
    test_loop_wait(&world.loop, has_taken, &taker);
    assert_int_equal(taker.deliveries, 2);
    end(&world);
}

static void test_a_consumer_waits_for_its_stream(void **state) {
    (void)state;
    struct world world;
    struct taker taker;

    begin(&world, CONFIG);
    open_taker(&taker, &world, "WORK", "takers");
    world.is_done = false;
    test_loop_wait(&world.loop, is_done, &world);
    assert_true(bl_is_error(world.result));
    assert_non_null(strstr(world.text, "stream not found"));
    assert_true(bl_is_ok(ensure(&world, &work)));
    publish_numbers(&world, "work.a", 0, 1);
    taker.wanted = 1;
    test_loop_wait(&world.loop, has_taken, &taker);
    end(&world);
}

static void test_a_reader_sees_the_newest_and_then_all(void **state) {
    (void)state;
    struct world world;
    struct taker taker;

    begin(&world, CONFIG);
    assert_true(bl_is_ok(ensure(&world, &table)));
    publish_numbers(&world, "table.a", 0, 10);
    publish_numbers(&world, "table.b", 10, 12);
    open_taker(&taker, &world, "TABLE", NULL);
    test_loop_wait(&world.loop, is_caught_up, &taker);
    assert_int_equal(taker.taken, 2);
    assert_int_equal(taker.seen[9], 1);
    assert_int_equal(taker.seen[11], 1);
    publish_numbers(&world, "table.a", 12, 14);
    taker.wanted = 4;
    test_loop_wait(&world.loop, has_taken, &taker);

    restart(&world);
    bl_pull_connect(taker.pull);
    publish_numbers(&world, "table.c", 14, 15);
    taker.wanted = 5;
    test_loop_wait(&world.loop, has_taken, &taker);
    assert_int_equal(taker.taken, 5); /* it went on where it was */
    end(&world);
}

static void test_a_reader_of_nothing_has_caught_up(void **state) {
    (void)state;
    struct world world;
    struct taker taker;

    begin(&world, CONFIG);
    assert_true(bl_is_ok(ensure(&world, &table)));
    open_taker(&taker, &world, "TABLE", NULL);
    test_loop_wait(&world.loop, is_caught_up, &taker);
    assert_int_equal(taker.taken, 0);
    end(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams_are_made_and_checked),
        cmocka_unit_test(test_without_jetstream),
        cmocka_unit_test(test_messages_are_stored_once),
        cmocka_unit_test(test_a_full_stream_says_so),
        cmocka_unit_test(test_a_table_compares_before_it_sets),
        cmocka_unit_test(test_deliveries_come_once_when_they_are_acknowledged),
        cmocka_unit_test(test_what_is_refused_comes_again),
        cmocka_unit_test(test_a_consumer_waits_for_its_stream),
        cmocka_unit_test(test_a_reader_sees_the_newest_and_then_all),
        cmocka_unit_test(test_a_reader_of_nothing_has_caught_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
