#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "bus/bus.h"
#include "bus/bus_config.h"

static const char *const one_server[] = {"nats://127.0.0.1:4222"};

static struct bl_bus_config good(void) {
    struct bl_bus_config config = bl_bus_config_default();
    config.servers = one_server;
    config.server_count = 1;
    return config;
}

/* Checks that it is refused at `path` and says so. */
static void refused(const struct bl_bus_config *config, const char *path) {
    struct bl_bus_config copy;
    struct bl_diag diag;
    bl_diag_clear(&diag);
    bl_result result = bl_bus_config_copy(config, &copy, &diag);
    assert_int_equal(result.error, BL_E_INVALID_REQUEST);
    assert_string_equal(diag.path, path);
    assert_true(diag.message[0] != '\0');
}

static void accepted(const struct bl_bus_config *config) {
    struct bl_bus_config copy;
    struct bl_diag diag;
    bl_diag_clear(&diag);
    assert_true(bl_is_ok(bl_bus_config_copy(config, &copy, &diag)));
    bl_bus_config_free(&copy);
    assert_null(copy.servers);
    bl_bus_config_free(&copy); /* a freed one is empty */
}

static void test_defaults_are_valid_with_a_server(void **state) {
    (void)state;
    struct bl_bus_config config = good();
    accepted(&config);
    config.server_count = 0;
    refused(&config, "nats.url");
    const char *const many[BL_BUS_SERVERS_MAX + 1] = {"a", "b", "c", "d", "e", "f", "g", "h", "i",
                                                      "j", "k", "l", "m", "n", "o", "p", "q"};
    config.servers = many;
    config.server_count = BL_BUS_SERVERS_MAX;
    accepted(&config);
    config.server_count = BL_BUS_SERVERS_MAX + 1;
    refused(&config, "nats.url");
    const char *const second_is_bad[] = {"nats://a", "ftp://b"};
    config.servers = second_is_bad;
    config.server_count = 2;
    refused(&config, "nats.url[1]");
}

static void test_numbers_at_their_limits(void **state) {
    (void)state;
    struct bl_bus_config config = good();
    config.connect_timeout_ms = 0;
    refused(&config, "nats.connect_timeout_ms");
    config.connect_timeout_ms = 60000;
    accepted(&config);
    config.connect_timeout_ms = 60001;
    refused(&config, "nats.connect_timeout_ms");
    config = good();
    config.reconnect_max_ms = config.reconnect_base_ms;
    accepted(&config);
    config.reconnect_max_ms = config.reconnect_base_ms - 1;
    refused(&config, "nats.reconnect_max_ms");
    config = good();
    config.hard_cap_bytes = config.soft_cap_bytes + 1;
    accepted(&config);
    config.hard_cap_bytes = config.soft_cap_bytes;
    refused(&config, "nats.write_hard_cap_bytes");
    config = good();
    config.requests_max = 1U << 20;
    accepted(&config);
    config.requests_max = (1U << 20) + 1;
    refused(&config, "nats.requests_max");
    config = good();
    config.drain_batch = 0;
    refused(&config, "nats.drain_batch");
    config = good();
    config.write_stall_ms = 9;
    refused(&config, "nats.write_stall_ms");
    config = good();
    config.ping_max_out = 0;
    refused(&config, "nats.ping_interval_ms");
    config = good();
    config.inbox_prefix = "a b";
    refused(&config, "nats.inbox_prefix");
    config.inbox_prefix = NULL;
    refused(&config, "nats.inbox_prefix");
}

static void test_secrets_come_in_pairs_and_one_way(void **state) {
    (void)state;
    struct bl_bus_config config = good();
    config.user = "u";
    refused(&config, "nats.user");
    config.password = "p";
    accepted(&config);
    config.token = "t";
    refused(&config, "nats.token");
    config = good();
    config.tls_certificate_file = "/etc/hostname";
    refused(&config, "nats.tls_certificate_file");
    config = good();
    config.nkey_public = "U";
    refused(&config, "nats.nkey_public");
    config = good();
    config.tls_ca_file = "/nonexistent/ca.pem";
    refused(&config, "nats.tls_ca_file");
}

static void count_problems(void *user, const struct bl_diag *problem) {
    size_t *count = user;
    assert_true(problem->path[0] != '\0' && problem->message[0] != '\0');
    ++*count;
}

static void test_all_problems_are_told_and_no_file_is_opened(void **state) {
    (void)state;
    struct bl_bus_config config = good();
    size_t count = 0;
    config.tls_ca_file = "/nonexistent/ca.pem";
    assert_true(bl_bus_config_check(&config, count_problems, &count));
    assert_int_equal(count, 0);
    config.server_count = 0;
    config.user = "u";
    config.hard_cap_bytes = config.soft_cap_bytes;
    assert_false(bl_bus_config_check(&config, count_problems, &count));
    assert_int_equal(count, 3);
}

static void test_a_bad_file_is_told_with_the_reason(void **state) {
    (void)state;
    struct bl_bus_config config = good();
    struct bl_bus_config copy;
    struct bl_diag diag;
    natsOptions *options = NULL;
    bl_diag_clear(&diag);
    config.tls = true;
    config.tls_ca_file = "/etc/hostname"; /* there, but no certificate */
    assert_true(bl_is_ok(bl_bus_config_copy(&config, &copy, &diag)));
    assert_true(bl_bus_config_is_tls(&copy, 0));
    bl_result result = bl_bus_config_options(&copy, 0, &options, &diag);
    assert_int_equal(result.error, BL_E_INVALID_REQUEST);
    assert_true(diag.message[0] != '\0');
    assert_null(options);
    bl_bus_config_free(&copy);
}

static int close_library(void **state) {
    (void)state;
    bl_bus_library_close();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_valid_with_a_server),
        cmocka_unit_test(test_numbers_at_their_limits),
        cmocka_unit_test(test_secrets_come_in_pairs_and_one_way),
        cmocka_unit_test(test_all_problems_are_told_and_no_file_is_opened),
        cmocka_unit_test(test_a_bad_file_is_told_with_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, close_library);
}
