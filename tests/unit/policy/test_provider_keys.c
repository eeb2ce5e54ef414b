#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "policy/keys.h"

/* The names of a table in order, so that none is lost or renamed unseen: documents are full of
 * them. */
static void expect_keys(const struct bl_key_table *table, const char *names) {
    char found[1024];
    size_t len = 0;

    for (size_t i = 0; i < table->count; i++) {
        const struct bl_key *key = &table->keys[i];
        len += (size_t)snprintf(found + len, sizeof(found) - len, "%s%s", i == 0 ? "" : " ",
                                key->name);
        assert_true(len < sizeof(found));
        assert_true(key->min <= key->max);
        assert_true(key->type != BL_KEY_OBJECT || key->table != NULL);
        assert_true(key->type != BL_KEY_WORD || key->words != NULL);
    }
    assert_true(table->count <= BL_KEY_TABLE_MAX);
    assert_string_equal(found, names);
}

static void provider_keys_are_these(void **state) {
    (void)state;
    expect_keys(&bl_provider_keys,
                "name id weight label tags priority last_resort max_inflight expect");
}

static void score_keys_are_these(void **state) {
    (void)state;
    expect_keys(&bl_score_keys, "latency cost errors load");
}

static void breaker_keys_are_these(void **state) {
    (void)state;
    expect_keys(
        &bl_breaker_keys,
        "enabled failure_threshold error_rate_threshold error_rate_window_seconds min_requests "
        "timeout_ms half_open_max_calls success_threshold latency_threshold_ms keep_last");
}

static void ejection_keys_are_these(void **state) {
    (void)state;
    expect_keys(&bl_ejection_keys, "max_share");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(provider_keys_are_these),
        cmocka_unit_test(score_keys_are_these),
        cmocka_unit_test(breaker_keys_are_these),
        cmocka_unit_test(ejection_keys_are_these),
    };
    return cmocka_run_group_tests_name("provider_keys", tests, NULL, NULL);
}
