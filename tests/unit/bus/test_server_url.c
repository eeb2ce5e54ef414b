#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "bus/server_url.h"

static bool accepts(const char *url, bool *is_tls) {
    struct bl_diag diag;
    bl_diag_clear(&diag);
    bool accepted = bl_is_ok(bl_server_url_check(bl_str_from_c(url), is_tls, &diag));
    assert_true(accepted == (diag.message[0] == '\0')); /* a refusal says why */
    return accepted;
}

static void test_good_urls(void **state) {
    (void)state;
    const char *const good[] = {
        "nats://localhost:4222", "nats://10.0.0.1",          "host", "host:1",
        "nats://[::1]:4222",     "tls://a.b-c.example:65535"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        bool is_tls = false;
        assert_true(accepts(good[i], &is_tls));
        assert_true(is_tls == (good[i][0] == 't'));
    }
    assert_true(accepts("host", NULL));
}

static void test_bad_urls(void **state) {
    (void)state;
    const char *const bad[] = {"",
                               "nats://",
                               "http://host:4222",
                               "nats://host:",
                               "nats://host:0",
                               "nats://host:65536",
                               "nats://host:4222x",
                               "nats://host:123456",
                               "nats://host/path",
                               "nats://ho st",
                               "nats://[::1",
                               "nats://[]:4222",
                               "nats://host:4222,nats://other:4222",
                               "nats://host:42\r\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(accepts(bad[i], NULL));
    }
}

static void test_a_secret_in_the_url_is_refused_and_not_shown(void **state) {
    (void)state;
    struct bl_diag diag;
    bl_diag_clear(&diag);
    bl_result result = bl_server_url_check(BL_STR("nats://me:hunter2@host:4222"), NULL, &diag);
    assert_int_equal(result.error, BL_E_INVALID_REQUEST);
    assert_null(strstr(diag.message, "hunter2"));
    assert_non_null(strstr(diag.hint, "reference"));
}

static void test_length_at_the_limit(void **state) {
    (void)state;
    char url[513];
    memset(url, 'h', sizeof(url));
    struct bl_diag diag;
    bl_diag_clear(&diag);
    assert_true(bl_is_ok(bl_server_url_check((struct bl_str){url, 512}, NULL, &diag)));
    assert_true(bl_is_error(bl_server_url_check((struct bl_str){url, 513}, NULL, &diag)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_urls),
        cmocka_unit_test(test_bad_urls),
        cmocka_unit_test(test_a_secret_in_the_url_is_refused_and_not_shown),
        cmocka_unit_test(test_length_at_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
