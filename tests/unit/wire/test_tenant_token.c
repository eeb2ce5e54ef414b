/* One spelling for each tenant, and no other. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "wire/tenant_token.h"

static char storage[256];
static struct bl_buf out;

static bool read_token(const char *token) {
    bl_buf_init(&out, storage, sizeof(storage));
    return bl_tenant_token_read(bl_str_from_c(token), &out);
}

static void expect(const char *token, const char *tenant) {
    assert_true(read_token(token));
    assert_true(bl_str_equal_c(bl_buf_view(&out), tenant));
}

static void canonical_tokens_are_read_back(void **state) {
    (void)state;
    expect("acme", "acme");
    expect("Az09_-", "Az09_-");
    expect("acme=2Eeu=3Aprod", "acme.eu:prod");
    expect("=3D", "=");
    expect("=C3=A4", "\xc3\xa4");
}

static void other_spellings_are_refused(void **state) {
    static const char *const bad[] = {
        "",     "=61cme", "acme=2e", "acme=3a", "acme:x", "a.b", "acme=",    "acme=2", "=ZZ",
        "=2 E", "a b",    "==",      "=2D",     "=5F",    "=30", "\xc3\xa4", "a%2Eb",  "=+1"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (read_token(bad[i])) {
            fail_msg("%s was read", bad[i]);
        }
    }
}

/* Each byte has one spelling: as it is, or escaped. */
static void every_byte_has_exactly_one_spelling(void **state) {
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        const char plain[2] = {(char)byte, '\0'};
        char escaped[8];
        (void)snprintf(escaped, sizeof(escaped), "=%02X", (unsigned)byte);
        assert_int_equal(read_token(plain) + read_token(escaped), 1);
    }
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    struct bl_buf small;
    bl_buf_init(&small, storage, 4);
    assert_true(bl_tenant_token_read(BL_STR("a=2Ebc"), &small));
    bl_buf_init(&small, storage, 4);
    assert_false(bl_tenant_token_read(BL_STR("a=2Ebcd"), &small));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_tokens_are_read_back),
        cmocka_unit_test(other_spellings_are_refused),
        cmocka_unit_test(every_byte_has_exactly_one_spelling),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
