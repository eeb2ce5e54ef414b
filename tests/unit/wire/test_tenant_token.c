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

static void expect_written(const char *id, const char *token) {
    bl_buf_init(&out, storage, sizeof(storage));
    bl_tenant_token_write(bl_str_from_c(id), &out);
    assert_true(bl_str_equal_c(bl_buf_view(&out), token));
}

static void tokens_are_written_in_their_one_spelling(void **state) {
    (void)state;
    expect_written("acme", "acme");
    expect_written("Az09_-", "Az09_-");
    expect_written("acme.eu:prod", "acme=2Eeu=3Aprod");
    expect_written("=", "=3D");
    expect_written("*", "=2A");
    expect_written("> ", "=3E=20");
    expect_written("\xc3\xa4", "=C3=A4");
    expect_written("", "");
}

static void every_byte_that_is_written_is_read_back(void **state) {
    char token[8];
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        const char id[2] = {'x', (char)byte};
        bl_buf_init(&out, token, sizeof(token));
        bl_tenant_token_write((struct bl_str){id, 2}, &out);
        assert_false(out.overflowed);
        struct bl_str written = bl_buf_view(&out);
        bl_buf_init(&out, storage, sizeof(storage));
        assert_true(bl_tenant_token_read(written, &out));
        assert_int_equal(out.len, 2);
        assert_memory_equal(out.data, id, 2);
    }
}

static void what_does_not_fit_is_not_written(void **state) {
    struct bl_buf small;
    (void)state;
    bl_buf_init(&small, storage, 5);
    bl_tenant_token_write(BL_STR("a.b"), &small);
    assert_false(small.overflowed);
    bl_buf_init(&small, storage, 4);
    bl_tenant_token_write(BL_STR("a.b"), &small);
    assert_true(small.overflowed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_tokens_are_read_back),
        cmocka_unit_test(other_spellings_are_refused),
        cmocka_unit_test(every_byte_has_exactly_one_spelling),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(tokens_are_written_in_their_one_spelling),
        cmocka_unit_test(every_byte_that_is_written_is_read_back),
        cmocka_unit_test(what_does_not_fit_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
