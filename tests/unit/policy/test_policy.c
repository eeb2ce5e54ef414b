#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "support/compiled_policy.h"

static void references_keep_it_alive(void **state) {
    struct compiled compiled = {.policy = NULL};
    (void)state;

    expect_good(&compiled, "{weights: {a: 1, b: 2}, rules: [{when: {x: [y, z]}, deny: [a]}]}");
    struct bl_policy *policy = bl_policy_ref(compiled.policy);
    assert_ptr_equal(policy, compiled.policy);
    assert_int_equal(policy->references, 2);
    release(&compiled);
    assert_int_equal(policy->references, 1);
    assert_int_equal(bl_policy_find_provider(policy, BL_STR("b")), 1);
    assert_int_equal(bl_policy_find_provider(policy, BL_STR("c")), BL_PROVIDER_NONE);
    assert_int_equal(bl_policy_find_provider(policy, BL_STR_ABSENT), BL_PROVIDER_NONE);
    bl_policy_unref(policy); /* AddressSanitizer sees whether all of it is gone */
    bl_policy_unref(NULL);
}

static void status_words_are_found(void **state) {
    (void)state;
    for (int i = 0; i < BL_STATUS_COUNT; i++) {
        const char *word = bl_status_word((enum bl_status)i);
        assert_int_equal(bl_status_from_word(bl_str_from_c(word)), i);
    }
    assert_int_equal(bl_status_from_word(BL_STR("timeout")), BL_STATUS_TIMEOUT);
    assert_int_equal(bl_status_from_word(BL_STR("Timeout")), -1);
    assert_int_equal(bl_status_from_word(BL_STR("")), -1);
    assert_int_equal(bl_status_from_word(BL_STR_ABSENT), -1);
}

static void sets_hold_all_128(void **state) {
    struct bl_provider_set set = BL_PROVIDER_SET_EMPTY;
    static const int members[] = {0, 1, 63, 64, 127};
    (void)state;

    assert_true(bl_provider_set_is_empty(&set));
    assert_int_equal(bl_provider_set_next(&set, 0), -1);
    for (size_t i = 0; i < 5; i++) {
        bl_provider_set_add(&set, members[i]);
    }
    assert_int_equal(bl_provider_set_count(&set), 5);
    size_t seen = 0;
    for (int p = -1; (p = bl_provider_set_next(&set, p + 1)) >= 0; seen++) {
        assert_int_equal(p, members[seen]);
    }
    assert_int_equal(seen, 5);
    struct bl_provider_set other = BL_PROVIDER_SET_EMPTY;
    bl_provider_set_add(&other, 64);
    bl_provider_set_add(&other, 65);
    assert_int_equal(bl_provider_set_next(&(struct bl_provider_set){{0, 1}}, 0), 64);
    struct bl_provider_set both = bl_provider_set_and(set, other);
    assert_true(bl_provider_set_has(&both, 64) && bl_provider_set_count(&both) == 1);
    struct bl_provider_set without = bl_provider_set_and_not(set, other);
    assert_true(!bl_provider_set_has(&without, 64) && bl_provider_set_count(&without) == 4);
    struct bl_provider_set either = bl_provider_set_or(set, other);
    assert_int_equal(bl_provider_set_count(&either), 6);
    bl_provider_set_remove(&set, 127);
    assert_false(bl_provider_set_has(&set, 127));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_keep_it_alive),
        cmocka_unit_test(status_words_are_found),
        cmocka_unit_test(sets_hold_all_128),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
