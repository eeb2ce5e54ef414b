#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/origin.h"
#include "support/header_list.h"

static bool passes(bool is_unix, const char *const *list) {
    const struct bl_headers headers = {header_list_get, list};
    return bl_api_check_origin(&headers, is_unix) == NULL;
}

static bool host_passes(const char *host) {
    const char *const list[] = {"Host", host, NULL};
    return passes(false, list);
}

static bool origin_passes(const char *host, const char *origin) {
    const char *const list[] = {"Host", host, "Origin", origin, NULL};
    return passes(false, list);
}

static bool site_passes(const char *site) {
    const char *const list[] = {"Host", "127.0.0.1", "Sec-Fetch-Site", site, NULL};
    return passes(false, list);
}

static void addresses_are_hosts(void **state) {
    static const char *const good[] = {"127.0.0.1",    "127.0.0.1:9001", "localhost",
                                       "LocalHost:1",  "[::1]:9001",     "[::1]",
                                       "10.1.2.3:9001"};
    static const char *const bad[] = {"evil.example",
                                      "evil.example:9001",
                                      "localhost.evil.example",
                                      "127.0.0.1.evil.example",
                                      "",
                                      "[::1",
                                      "::1",
                                      "[evil]:1",
                                      "localhost@evil",
                                      "[]",
                                      "0x7f.1",
                                      "2130706433",
                                      "127.1",
                                      "127.0.0.1 ",
                                      "localhost."};
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(host_passes(good[i]));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (host_passes(bad[i])) {
            fail_msg("%s", bad[i]);
        }
    }
    assert_false(passes(false, NULL)); /* HTTP/1.0 without a Host */
}

static void origins_have_to_be_the_host(void **state) {
    (void)state;
    assert_true(origin_passes("127.0.0.1:9001", "http://127.0.0.1:9001"));
    assert_true(origin_passes("localhost:9001", "https://LOCALHOST:9001"));
    assert_false(origin_passes("127.0.0.1:9001", "http://127.0.0.1:9000"));
    assert_false(origin_passes("127.0.0.1:9001", "http://127.0.0.1"));
    assert_false(origin_passes("127.0.0.1:9001", "http://evil.example"));
    assert_false(origin_passes("127.0.0.1", "http://127.0.0.1.evil.example"));
    assert_false(origin_passes("127.0.0.1:9001", "null"));
    assert_false(origin_passes("127.0.0.1:9001", ""));
}

static void sites_have_to_be_the_same(void **state) {
    (void)state;
    assert_true(site_passes("same-origin") && site_passes("none"));
    assert_false(site_passes("cross-site") || site_passes("same-site") || site_passes(""));
}

/* No browser opens a Unix socket, but what says that it is a foreign page is believed. */
static void unix_sockets_have_any_host(void **state) {
    static const char *const any[] = {"Host", "anything", NULL};
    static const char *const foreign[] = {"Host", "anything", "Origin", "http://evil.example",
                                          NULL};
    (void)state;
    assert_true(passes(true, any) && passes(true, NULL));
    assert_false(passes(true, foreign));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_hosts),
        cmocka_unit_test(origins_have_to_be_the_host),
        cmocka_unit_test(sites_have_to_be_the_same),
        cmocka_unit_test(unix_sockets_have_any_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
