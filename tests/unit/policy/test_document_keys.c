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

static void document_keys_are_these(void **state) {
    (void)state;
    expect_keys(
        &bl_document_keys,
        "version tenant_id policy_id providers weights strategy rules fallbacks fallback "
        "max_attempts total_deadline_ms deadline ack_timeout_ms sticky circuit_breaker ejection "
        "shadow "
        "rate_limit tokens quota budget workers push pre validators post extensions "
        "on_store_outage metadata defaults escalate_on allow_rules timeout_ms health_check");
}

static void sticky_keys_are_these(void **state) {
    (void)state;
    expect_keys(&bl_sticky_keys,
                "enabled session_key key ttl ttl_seconds ttl_sec ttl_mode strategy");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document_keys_are_these),
        cmocka_unit_test(sticky_keys_are_these),
    };
    return cmocka_run_group_tests_name("document_keys", tests, NULL, NULL);
}
