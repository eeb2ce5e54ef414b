/* Which checks come first when several speak against a candidate. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "support/route_case.h"

static struct route_case c;

static int teardown(void **state) {
    (void)state;
    case_end(&c);
    return 0;
}

static void the_first_reason_is_told(void **state) {
    (void)state;
    case_begin(&c, "providers: [{name: a, max_inflight: 1, expect: {latency_ms: 9, cost: 9}}]\n"
                   "circuit_breaker: {enabled: true}\n"
                   "workers: {require_live: true}\n"
                   "rules: [{when: {k: v}, deny: [a]}]\n"
                   "budget: {cost: 1}\n");
    struct bl_provider_state *a = state_of(&c, "a");
    a->breaker = BL_BREAKER_OPEN;
    a->breaker_retry_at_ms = CASE_NOW_MS + 1;
    a->cooldown_until_ms = CASE_NOW_MS + 1;
    a->inflight = 1;
    a->rate_refused = true;
    c.input.max_latency_ms = 1;
    c.input.max_cost_nano = 1;
    set_fact(&c, "k", "v");
    assert_string_equal((chosen(&c), drop_of(&c, "a")), "denied_by_rule");
    set_fact(&c, "k", "w");
    assert_string_equal((chosen(&c), drop_of(&c, "a")), "constraint_latency");
    c.input.max_latency_ms = -1;
    assert_string_equal((chosen(&c), drop_of(&c, "a")), "constraint_cost");
    c.input.max_cost_nano = BL_MONEY_UNKNOWN;
    assert_string_equal((chosen(&c), drop_of(&c, "a")), "breaker_open");
    a->breaker = BL_BREAKER_CLOSED;
    assert_string_equal((chosen(&c), drop_of(&c, "a")), "cooldown");
    a->cooldown_until_ms = 0;
    assert_string_equal((chosen(&c), drop_of(&c, "a")), "no_live_worker");
    a->workers = BL_WORKERS_LIVE;
    assert_string_equal((chosen(&c), drop_of(&c, "a")), "inflight_full");
    a->inflight = 0;
    assert_string_equal((chosen(&c), drop_of(&c, "a")), "rate_refused");
    a->rate_refused = false;
    assert_string_equal((chosen(&c), drop_of(&c, "a")), "budget");
}

static void keep_last_needs_nothing_else_against_it(void **state) {
    (void)state;
    case_begin(&c, "providers: [{name: a}, {name: b}]\n"
                   "circuit_breaker: {enabled: true, keep_last: true}\n");
    for (int p = 0; p < 2; p++) {
        c.states[p].breaker = BL_BREAKER_OPEN;
        c.states[p].breaker_retry_at_ms = CASE_NOW_MS + 1000 + p;
    }
    c.states[0].cooldown_until_ms = CASE_NOW_MS + 1; /* closes first, but has asked for a pause */
    assert_string_equal(chosen(&c), "b");
}

static void every_provider_has_a_reason_up_to_the_last(void **state) {
    (void)state;
    char yaml[8192];
    size_t len = (size_t)snprintf(yaml, sizeof(yaml), "providers:\n");
    for (int p = 0; p < BL_POLICY_MAX_PROVIDERS; p++) {
        len += (size_t)snprintf(yaml + len, sizeof(yaml) - len, "  - {name: p%d, weight: %d}\n", p,
                                p == 127);
    }
    case_begin(&c, yaml);
    assert_string_equal(chosen(&c), "p127");
    for (int p = 0; p < 127; p++) {
        assert_int_equal(c.decision.drops[p], BL_DROP_NOT_OFFERED);
    }
    assert_int_equal(c.decision.drops[127], BL_DROP_NONE);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_first_reason_is_told),
        TEST(keep_last_needs_nothing_else_against_it),
        TEST(every_provider_has_a_reason_up_to_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
