#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "support/compiled_policy.h"

static struct compiled compiled;

static void a_good_policy_has_no_warnings(void **state) {
    (void)state;
    expect_good(&compiled, "{providers: [{name: a, weight: 1}, {name: b, weight: 2}], rules: "
                           "[{when: {x: 1}, deny: [a]}], fallbacks: [{when: [timeout], to: b}], "
                           "sticky: {enabled: true}}");
    assert_int_equal(compiled.findings.count, 0);
}

static void providers_that_nobody_can_choose(void **state) {
    (void)state;
    expect_good(&compiled, "{providers: [{name: a, weight: 0}, {name: b, weight: 1}, {name: c, "
                           "weight: 0, last_resort: true}, {name: d, weight: 0}], rules: [{when: "
                           "{x: 1}, prefer: [d]}]}");
    assert_int_equal(compiled.findings.warnings, 1);
    expect_warning(&compiled, "providers[0]", "a is never chosen: its weight is 0", 1, 14);
    expect_good(&compiled, "{weights: {a: 0, b: 1}}");
    expect_warning(&compiled, "weights.a", "a is never chosen", 1, 15);
    expect_good(&compiled, "{weights: {a: 0, b: 0}}");
    expect_warning(&compiled, "", "no provider can ever be chosen", 1, 1);
    assert_int_equal(compiled.findings.warnings, 1);
    expect_good(&compiled, "{weights: {a: 0}, fallback: a}");
    assert_int_equal(compiled.findings.warnings, 0);
}

static void a_policy_without_providers_is_refused(void **state) {
    (void)state;
    expect_refused(&compiled, "{}", "", "the policy names no provider");
    expect_refused(&compiled, "{providers: []}", "", "the policy names no provider");
    expect_refused(&compiled, "{weights: {}}", "", "the policy names no provider");
    expect_good(&compiled, "{rules: [{prefer: [a]}]}");
}

static void rules_that_cannot_be_reached(void **state) {
    (void)state;
    expect_good(&compiled, "{weights: {a: 1}, rules: [{prefer: [a]}, {deny: [a]}, {deny: [a]}]}");
    expect_warning(&compiled, "rules[1]", "is never reached, as is all after it", 1, 42);
    assert_int_equal(compiled.findings.warnings, 1);
    expect_good(&compiled, "{weights: {a: 1}, rules: [{stop: true, when: {}}, {deny: [a]}]}");
    expect_warning(&compiled, "rules[1]", "is never reached", 0, 0);
    expect_good(&compiled, "{weights: {a: 1}, rules: [{deny: [b, a]}, {when: {x: 1}, prefer: [a]}, "
                           "{when: {y: 1}, stop: true}, {prefer: [a]}]}");
    expect_no_warning(&compiled, "is never reached");
    expect_good(&compiled, "{weights: {a: 1}, fallbacks: [{to: a}, {when: [timeout], to: a}]}");
    expect_warning(&compiled, "fallbacks[1]", "is never reached", 0, 0);
}

static void priorities_need_their_strategy(void **state) {
    (void)state;
    expect_good(&compiled, "{providers: [{name: a, priority: 0}, {name: b}]}");
    expect_warning(&compiled, "providers[0]", "the priority of a has no effect", 0, 0);
    expect_good(&compiled, "{providers: [{name: a, priority: 3}, {name: b}], strategy: priority}");
    assert_int_equal(compiled.findings.warnings, 0);
}

static void a_weight_among_weights_is_not_forgotten(void **state) {
    (void)state;
    expect_good(&compiled, "{providers: [{name: a, weight: 70}, {name: b, last_resort: true}]}");
    expect_warning(&compiled, "providers[1]", "b has no weight, while others have", 0, 0);
    expect_good(&compiled, "{providers: [{name: a}, {name: b}]}");
    assert_int_equal(compiled.findings.warnings, 0);
}

static void budgets_need_costs(void **state) {
    (void)state;
    expect_good(&compiled, "{providers: [{name: a, expect: {cost: 0.1}}, {name: b}], "
                           "budget: {cost: 5}}");
    expect_warning(&compiled, "providers[1]", "the budget reserves nothing for b", 0, 0);
    expect_good(&compiled, "{providers: [{name: a}], budget: {cost: 5, reserve_max: 1}}");
    expect_no_warning(&compiled, "reserves nothing");
}

static void what_is_not_counted_is_said(void **state) {
    static const char *const keys[] = {"rate_limit",      "tokens",   "quota",  "budget",
                                       "circuit_breaker", "ejection", "workers"};
    char text[128];
    (void)state;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        (void)snprintf(text, sizeof(text), "{weights: {a: 1}, %s: {}}", keys[i]);
        expect_good(&compiled, text);
        expect_warning(&compiled, keys[i],
                       i < 4 ? "this router does not count usage" : "not reported to this router",
                       1, 19);
    }
}

static int teardown(void **state) {
    (void)state;
    release(&compiled);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_policy_has_no_warnings),
        cmocka_unit_test(providers_that_nobody_can_choose),
        cmocka_unit_test(a_policy_without_providers_is_refused),
        cmocka_unit_test(rules_that_cannot_be_reached),
        cmocka_unit_test(priorities_need_their_strategy),
        cmocka_unit_test(a_weight_among_weights_is_not_forgotten),
        cmocka_unit_test(budgets_need_costs),
        cmocka_unit_test(what_is_not_counted_is_said),
    };
    return cmocka_run_group_tests_name("lint", tests, NULL, teardown);
}
