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

static void rule_keys_are_these(void **state) {
    (void)state;
    expect_keys(&bl_rule_keys, "when require_tags allow deny prefer stop");
}

static void fallback_keys_are_these(void **state) {
    (void)state;
    expect_keys(&bl_fallback_keys, "when retry backoff to");
}

static void legacy_fallback_keys_are_these(void **state) {
    (void)state;
    expect_keys(&bl_legacy_fallback_keys, "provider conditions");
}

static void extension_keys_are_these(void **state) {
    (void)state;
    expect_keys(&bl_extension_keys, "id config when timeout_ms retry mode");
}

static void validator_keys_are_these(void **state) {
    (void)state;
    expect_keys(&bl_validator_keys, "id config when timeout_ms retry on_fail");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_keys_are_these),
        cmocka_unit_test(fallback_keys_are_these),
        cmocka_unit_test(legacy_fallback_keys_are_these),
        cmocka_unit_test(extension_keys_are_these),
        cmocka_unit_test(validator_keys_are_these),
    };
    return cmocka_run_group_tests_name("rule_keys", tests, NULL, NULL);
}
