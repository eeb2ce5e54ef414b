/*
 * How a bus gets its connection, and what it says when it does not.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/clock.h"
#include "support/bus_fixture.h"
#include "support/nats_server.h"

static bool has_failed_twice(void *user) {
    const struct test_bus *bus = user;
    return bus->failures >= 2;
}

struct received {
    unsigned count;
    unsigned expected;
};

static void count_message(void *user, struct bl_bus_message *message) {
    struct received *received = user;
    (void)message;
    received->count++;
}

static bool has_received(void *user) {
    const struct received *received = user;
    return received->count > 0;
}

static bool has_all(void *user) {
    const struct received *received = user;
    return received->count >= received->expected;
}

static void test_server_absent_at_start(void **state) {
    (void)state;
    struct nats_server server;
    struct test_loop loop;
    struct test_bus bus;
    struct received received = {0};
    nats_server_prepare(&server, NULL);
    test_loop_open(&loop);
    test_bus_open(&bus, &loop, server.url, NULL);
    test_bus_subscribe(&bus, "early", NULL, count_message, &received);
    test_loop_wait(&loop, has_failed_twice, &bus);
    assert_int_equal(bus.state, BL_BUS_CONNECTING);
    assert_non_null(strstr(bus.reason, server.url)); /* which server */
    assert_non_null(strstr(bus.reason, "no server answers there"));
    assert_null(strstr(bus.reason, ".c:"));

    struct bl_diag diag;
    bl_diag_clear(&diag);
    struct bl_bus_outgoing message = {.subject = BL_STR("early"), .data = BL_STR("x")};
    assert_int_equal(bl_bus_publish(bus.bus, &message, &diag).error, BL_E_UNAVAILABLE);
    assert_non_null(strstr(diag.message, "not connected"));

    nats_server_start(&server);
    test_bus_wait_connected(&bus);
    test_bus_publish(&bus, BL_STR("early"), BL_STR_ABSENT, BL_STR("x"));
    test_loop_wait(&loop, has_received, &received);
    struct bl_bus_stats stats = bl_bus_stats(bus.bus);
    assert_int_equal(stats.connects, 1);
    assert_true(stats.connect_failures >= 2);
    assert_int_equal(stats.publishes_refused, 1);
    test_bus_close(&bus);
    test_loop_close(&loop);
    nats_server_remove(&server);
}

static void test_the_next_server_is_tried(void **state) {
    (void)state;
    struct nats_server absent;
    struct nats_server present;
    struct test_loop loop;
    struct test_bus bus;
    nats_server_prepare(&absent, NULL);
    nats_server_launch(&present, NULL);
    const char *const urls[] = {absent.url, present.url};
    struct bl_bus_config config = test_bus_config(urls);
    config.server_count = 2;
    test_loop_open(&loop);
    for (int i = 0; i < 4; i++) { /* the first to be tried is chosen at random */
        test_bus_open(&bus, &loop, NULL, &config);
        test_bus_wait_connected(&bus);
        test_bus_close(&bus);
    }
    test_loop_close(&loop);
    nats_server_remove(&absent);
    nats_server_remove(&present);
}

static void test_a_wrong_token_is_told_and_a_right_one_works(void **state) {
    (void)state;
    struct nats_server server;
    struct test_loop loop;
    struct test_bus bus;
    nats_server_launch(&server, "authorization { token: \"right-token\" }");
    const char *url = server.url;
    struct bl_bus_config config = test_bus_config(&url);
    config.token = "wrong-token";
    test_loop_open(&loop);
    test_bus_open(&bus, &loop, NULL, &config);
    test_loop_wait(&loop, has_failed_twice, &bus);
    assert_int_equal(bus.state, BL_BUS_CONNECTING);
    assert_non_null(strstr(bus.reason, BL_BUS_LOGIN_REFUSED " (Authorization Violation)"));
    assert_null(strstr(bus.reason, "wrong-token"));
    test_bus_close(&bus);

    config.token = "right-token";
    test_bus_open(&bus, &loop, NULL, &config);
    test_bus_wait_connected(&bus);
    test_bus_close(&bus);
    test_loop_close(&loop);
    nats_server_remove(&server);
}

static bool has_error(void *user) {
    const struct test_bus *bus = user;
    return bus->errors > 0;
}

static void test_a_missing_permission_is_told(void **state) {
    (void)state;
    struct nats_server server;
    struct test_loop loop;
    struct test_bus bus;
    nats_server_launch(&server, "authorization { users: [ { user: u, password: p, permissions: { "
                                "publish: \"allowed\" } } ] }");
    const char *url = server.url;
    struct bl_bus_config config = test_bus_config(&url);
    config.user = "u";
    config.password = "p";
    test_loop_open(&loop);
    test_bus_open(&bus, &loop, NULL, &config);
    test_bus_wait_connected(&bus);
    test_bus_publish(&bus, BL_STR("forbidden"), BL_STR_ABSENT, BL_STR("x"));
    test_loop_wait(&loop, has_error, &bus);
    assert_non_null(strstr(bus.error, "forbidden"));
    assert_int_equal(bus.state, BL_BUS_CONNECTED);
    test_bus_close(&bus);
    test_loop_close(&loop);
    nats_server_remove(&server);
}

static bool has_two_refusals(void *user) {
    const struct test_bus *bus = user;
    const char *blank = strchr(bus->refused, ' ');
    return blank != NULL && strchr(blank + 1, ' ') != NULL;
}

static void deny(struct nats_server *server, const char *subjects) {
    snprintf(server->config, sizeof(server->config),
             "authorization { users: [ { user: u, password: p, permissions: { "
             "publish: \">\", subscribe: { allow: \">\", deny: [%s] } } } ] }",
             subjects);
}

/* Each refusal is told with its own subject, also when they come at once; what is granted later
 * works after a reconnect. */
static void test_refused_subscriptions_are_named(void **state) {
    (void)state;
    struct nats_server server;
    struct test_loop loop;
    struct test_bus bus;
    struct received received = {0};
    nats_server_prepare(&server, NULL);
    deny(&server, "first, second");
    nats_server_start(&server);
    const char *url = server.url;
    struct bl_bus_config config = test_bus_config(&url);
    config.user = "u";
    config.password = "p";
    test_loop_open(&loop);
    test_bus_open(&bus, &loop, NULL, &config);
    test_bus_subscribe(&bus, "first", "group", count_message, &received);
    test_bus_subscribe(&bus, "allowed", "group", count_message, &received);
    test_bus_subscribe(&bus, "second", NULL, count_message, &received);
    test_loop_wait(&loop, has_two_refusals, &bus);
    assert_string_equal(bus.refused, "first second ");
    assert_int_equal(bus.errors, 0);

    bus.refused[0] = '\0';
    bl_bus_retry_refused(bus.bus); /* only these are asked for again */
    test_loop_wait(&loop, has_two_refusals, &bus);
    assert_string_equal(bus.refused, "first second ");
    test_bus_publish(&bus, BL_STR("allowed"), BL_STR_ABSENT, BL_STR("x"));
    test_loop_wait(&loop, has_received, &received);

    nats_server_kill(&server);
    test_loop_wait(&loop, test_bus_is_away, &bus);
    deny(&server, "second");
    bus.refused[0] = '\0';
    received.count = 0;
    nats_server_start(&server);
    test_bus_wait_connected(&bus);
    test_bus_publish(&bus, BL_STR("first"), BL_STR_ABSENT, BL_STR("x"));
    test_loop_wait(&loop, has_received, &received);
    assert_null(strstr(bus.refused, "first"));
    test_bus_close(&bus);
    test_loop_close(&loop);
    nats_server_remove(&server);
}

static void test_a_bad_url_is_refused_at_once(void **state) {
    (void)state;
    struct test_loop loop;
    struct bl_bus *bus = NULL;
    struct bl_diag diag;
    const char *url = "nats://host:port";
    struct bl_bus_config config = test_bus_config(&url);
    struct bl_bus_callbacks callbacks = {0};
    bl_diag_clear(&diag);
    test_loop_open(&loop);
    bl_result result = bl_bus_create(loop.loop, &config, &callbacks, NULL, &bus, &diag);
    assert_int_equal(result.error, BL_E_INVALID_REQUEST);
    assert_string_equal(diag.path, "nats.url[0]");
    assert_non_null(strstr(diag.message, "port"));
    assert_null(bus);
    test_loop_close(&loop);
}

static void on_due(void *user) {
    bool *is_due = user;
    *is_due = true;
}

static bool is_true(void *user) {
    return *(bool *)user;
}

/* A frozen server is connected to by the kernel, and says nothing. */
static void test_close_while_connecting_does_not_hold_the_loop(void **state) {
    (void)state;
    struct nats_server server;
    struct test_loop loop;
    struct test_bus bus;
    bool is_due = false;
    struct bl_timer *timer = NULL;
    nats_server_launch(&server, NULL);
    nats_server_freeze(&server);
    const char *url = server.url;
    struct bl_bus_config config = test_bus_config(&url);
    config.connect_timeout_ms = 2000;
    test_loop_open(&loop);
    test_bus_open(&bus, &loop, NULL, &config);
    assert_true(bl_is_ok(bl_timer_create(loop.loop, on_due, &is_due, &timer)));
    bl_timer_start(timer, 100, 0);
    test_loop_wait(&loop, is_true, &is_due); /* the attempt is under way by now */
    uint64_t start_ns = bl_clock_monotonic_ns();
    test_bus_close(&bus);
    uint64_t took_ms = (bl_clock_monotonic_ns() - start_ns) / 1000000U;
    assert_true(took_ms < config.connect_timeout_ms + 1000);
    assert_true(loop.longest_gap_ns < 1000000000U);
    bl_timer_destroy(timer);
    test_loop_close(&loop);
    nats_server_thaw(&server);
    nats_server_remove(&server);
}

static void test_close_before_the_first_turn(void **state) {
    (void)state;
    struct test_loop loop;
    struct test_bus bus;
    test_loop_open(&loop);
    test_bus_open(&bus, &loop, "nats://127.0.0.1:1", NULL);
    bl_bus_close(bus.bus, 0); /* the second one, below, has no effect */
    test_bus_close(&bus);
    assert_int_equal(bus.connects, 0);
    test_loop_close(&loop);
}

/* --- TLS ----------------------------------------------------------------------------------- */

static void make_certificate(struct nats_server *server, char *certificate, size_t len) {
    char key[128];
    pid_t pid = 0;
    int status = 0;
    snprintf(certificate, len, "%s/cert.pem", server->folder);
    snprintf(key, sizeof(key), "%s/key.pem", server->folder);
    char *const arguments[] = {"openssl",
                               "req",
                               "-x509",
                               "-newkey",
                               "ec",
                               "-pkeyopt",
                               "ec_paramgen_curve:P-256",
                               "-nodes",
                               "-days",
                               "2",
                               "-subj",
                               "/CN=localhost",
                               "-addext",
                               "subjectAltName=DNS:localhost",
                               "-keyout",
                               key,
                               "-out",
                               certificate,
                               NULL};
    assert_int_equal(posix_spawnp(&pid, "openssl", NULL, NULL, arguments, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    snprintf(server->config, sizeof(server->config), "tls { cert_file: \"%s\", key_file: \"%s\" }",
             certificate, key);
}

static void test_tls_carries_large_messages_and_an_unknown_certificate_is_refused(void **state) {
    (void)state;
    struct nats_server server;
    struct test_loop loop;
    struct test_bus bus;
    struct received received = {0};
    char certificate[128];
    char url[64];
    const char *urls[] = {url};
    nats_server_prepare(&server, NULL);
    make_certificate(&server, certificate, sizeof(certificate));
    nats_server_start(&server);
    snprintf(url, sizeof(url), "tls://localhost:%u", server.port);
    struct bl_bus_config config = test_bus_config(urls);
    test_loop_open(&loop);
    test_bus_open(&bus, &loop, NULL, &config); /* no CA is configured that knows the server */
    test_loop_wait(&loop, has_failed_twice, &bus);
    assert_int_equal(bus.connects, 0);
    assert_non_null(strstr(bus.reason, "SSL"));
    test_bus_close(&bus);

    config.tls_ca_file = certificate;
    test_bus_open(&bus, &loop, NULL, &config);
    test_bus_wait_connected(&bus);
    test_bus_subscribe(&bus, "large", NULL, count_message, &received);
    struct bl_str data = {calloc(1, 1000000), 1000000}; /* many TLS records, in parts */
    for (unsigned i = 1; i <= 20; i++) {
        test_bus_publish(&bus, BL_STR("large"), BL_STR_ABSENT, data);
        received.expected = i;
        test_loop_wait(&loop, has_all, &received);
    }
    assert_true(loop.longest_gap_ns < 1000000000U);
    test_bus_close(&bus);
    test_loop_close(&loop);
    nats_server_remove(&server);
    free((void *)(uintptr_t)data.data);
}

static int close_library(void **state) {
    (void)state;
    bl_bus_library_close();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_absent_at_start),
        cmocka_unit_test(test_the_next_server_is_tried),
        cmocka_unit_test(test_a_wrong_token_is_told_and_a_right_one_works),
        cmocka_unit_test(test_a_missing_permission_is_told),
        cmocka_unit_test(test_refused_subscriptions_are_named),
        cmocka_unit_test(test_a_bad_url_is_refused_at_once),
        cmocka_unit_test(test_close_while_connecting_does_not_hold_the_loop),
        cmocka_unit_test(test_close_before_the_first_turn),
        cmocka_unit_test(test_tls_carries_large_messages_and_an_unknown_certificate_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, close_library);
}
