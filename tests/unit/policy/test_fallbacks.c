#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "support/compiled_policy.h"

static struct compiled compiled;

/* Whether the first fallback applies after an attempt that ended with `status`. */
static bool applies(const char *status) {
    struct bl_value fact = {
        .type = BL_VALUE_STRING, .count = (uint32_t)strlen(status), .as.string = status};
    assert_int_equal(compiled.policy->fact_count, 1);
    assert_int_equal(compiled.policy->facts[0].root, BL_FACT_ATTEMPT);
    assert_true(bl_str_equal(compiled.policy->facts[0].rest, BL_STR("status")));
    return bl_condition_holds(compiled.policy, compiled.policy->fallbacks[0].condition, &fact);
}

static void an_empty_item_has_the_defaults(void **state) {
    (void)state;
    expect_good(&compiled, "{weights: {a: 1}, fallbacks: [{}]}");
    const struct bl_fallback *f = &compiled.policy->fallbacks[0];
    assert_int_equal(f->condition, BL_CONDITION_ALWAYS);
    assert_int_equal(f->retry, 1);
    assert_int_equal(f->to, BL_PROVIDER_NONE);
    assert_int_equal(f->backoff.strategy, BL_BACKOFF_EXPONENTIAL);
    assert_int_equal(f->backoff.base_ms, 100);
    assert_int_equal(f->backoff.max_ms, 5000);
    assert_true(f->backoff.jitter);
}

static void conditions_are_objects_or_lists_of_status_words(void **state) {
    (void)state;
    expect_good(&compiled, "{weights: {a: 1}, fallbacks: [{when: {status: [timeout, 5xx]}}]}");
    assert_true(applies("timeout") && applies("5xx") && !applies("503"));
    expect_good(&compiled, "{weights: {a: 1}, fallbacks: [{when: [timeout, 5xx]}]}");
    assert_true(applies("timeout") && applies("5xx") && !applies("503"));
    expect_good(&compiled, "{weights: {a: 1}, fallbacks: [{when: {attempt.status: timeout}}]}");
    assert_true(applies("timeout") && !applies("5xx"));
    expect_good(&compiled, "{weights: {a: 1}, fallbacks: [{when: []}]}");
    expect_warning(&compiled, "fallbacks[0]", "never applies", 0, 0);
    expect_good(&compiled, "{weights: {a: 1}, fallbacks: [{when: {status: [429, timeout]}}]}");
    assert_true(applies("429") && applies("timeout") && !applies("503"));
    expect_good(&compiled, "{weights: {a: 1}, fallbacks: [{when: {status: 503}}]}");
    assert_true(applies("503") && !applies("429"));
    expect_refused(&compiled, "{weights: {a: 1}, fallbacks: [{when: [timeout, 500]}]}",
                   "fallbacks[0].when[1]", "a status is a word, found a number");
    assert_string_equal(expect_refused(&compiled,
                                       "{weights: {a: 1}, fallbacks: [{when: [tiemout]}]}",
                                       "fallbacks[0].when[0]", "\"tiemout\" is no status")
                            ->hint,
                        "did you mean timeout?");
    assert_string_equal(
        expect_refused(&compiled, "{weights: {a: 1}, fallbacks: [{when: timeout}]}",
                       "fallbacks[0].when", "there is no variable timeout")
            ->hint,
        "a status is written {status: [timeout]}, or attempt.status == \"timeout\"");
}

static void delays_follow_each_other(void **state) {
    (void)state;
    expect_good(&compiled, "{weights: {a: 1}, fallbacks: [{backoff: {base_ms: 8000}}, "
                           "{backoff: {max_ms: 10}, when: {a: 1}}]}");
    assert_int_equal(compiled.policy->fallbacks[0].backoff.max_ms, 8000);
    assert_int_equal(compiled.policy->fallbacks[1].backoff.base_ms, 10);
    expect_refused(&compiled, "{weights: {a: 1}, fallbacks: [{backoff: {base_ms: 9, max_ms: 8}}]}",
                   "fallbacks[0].backoff", "max_ms (8) is below base_ms (9)");
}

static void the_older_form_is_a_last_resort_and_a_rule(void **state) {
    (void)state;
    expect_good(&compiled, "{weights: {a: 1}, fallback: {provider: z, conditions: [timeout]}}");
    bl_provider_index z = bl_policy_find_provider(compiled.policy, BL_STR("z"));
    assert_true(compiled.policy->providers[z].last_resort && compiled.policy->providers[z].named);
    assert_true(bl_provider_set_has(&compiled.policy->last_resort, z));
    assert_int_equal(compiled.policy->fallback_count, 1);
    assert_int_equal(compiled.policy->fallbacks[0].to, z);
    assert_int_equal(compiled.policy->fallbacks[0].retry, 1);
    assert_true(applies("timeout") && !applies("all_providers_failed"));
}

static void without_conditions_it_waits_for_all_to_fail(void **state) {
    static const char *const forms[] = {
        "{weights: {a: 1}, fallback: {provider: z}}",
        "{weights: {a: 1}, fallback: {provider: z, conditions: []}}",
        "{weights: {a: 1}, fallback: z}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        expect_good(&compiled, forms[i]);
        assert_true(applies("all_providers_failed") && !applies("timeout"));
        assert_int_equal(bl_provider_set_count(&compiled.policy->last_resort), 1);
    }
}

static void beside_fallbacks_it_is_a_last_resort_only(void **state) {
    (void)state;
    expect_good(&compiled, "{weights: {a: 1}, fallback: {provider: z}, fallbacks: [{to: a}]}");
    assert_int_equal(compiled.policy->fallback_count, 1);
    assert_int_equal(compiled.policy->fallbacks[0].to, 0);
    assert_int_equal(bl_provider_set_count(&compiled.policy->last_resort), 1);
    expect_good(&compiled, "{weights: {a: 1}, fallback: {provider: z}, fallbacks: []}");
    assert_int_equal(compiled.policy->fallback_count, 0);
    assert_int_equal(bl_provider_set_count(&compiled.policy->last_resort), 1);
}

static void wrong_older_forms_are_refused(void **state) {
    (void)state;
    expect_refused(&compiled, "{weights: {a: 1}, fallback: {provider: z, conditions: timeout}}",
                   "fallback.conditions", "a list of status words");
    expect_refused(&compiled, "{weights: {a: 1}, fallback: {provider: z, conditions: [timeuot]}}",
                   "fallback.conditions[0]", "is no status");
    expect_refused(&compiled, "{weights: {a: 1}, fallback: {provider: \"z z\"}}",
                   "fallback.provider", "without space");
    expect_refused(&compiled, "{weights: {a: 1}, fallback: [z]}", "fallback", "must be an object");
    expect_good(&compiled, "{weights: {a: 1}, fallback: {}}");
    expect_warning(&compiled, "fallback", "names no provider", 0, 0);
}

static void an_item_without_effect_is_warned_of(void **state) {
    (void)state;
    expect_good(&compiled, "{weights: {a: 1}, fallbacks: [{retry: 0}]}");
    expect_warning(&compiled, "fallbacks[0]", "neither retries nor names a provider", 0, 0);
    expect_refused(&compiled, "{weights: {a: 1}, fallbacks: {a: 1}}", "fallbacks",
                   "must be a list");
}

static int teardown(void **state) {
    (void)state;
    release(&compiled);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_item_has_the_defaults),
        cmocka_unit_test(conditions_are_objects_or_lists_of_status_words),
        cmocka_unit_test(delays_follow_each_other),
        cmocka_unit_test(the_older_form_is_a_last_resort_and_a_rule),
        cmocka_unit_test(without_conditions_it_waits_for_all_to_fail),
        cmocka_unit_test(beside_fallbacks_it_is_a_last_resort_only),
        cmocka_unit_test(wrong_older_forms_are_refused),
        cmocka_unit_test(an_item_without_effect_is_warned_of),
    };
    return cmocka_run_group_tests_name("fallbacks", tests, NULL, teardown);
}
