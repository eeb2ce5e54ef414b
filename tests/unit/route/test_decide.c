/* The order of a decision: limits, rules, eligibility, pins, strategy, last resort. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "support/route_case.h"

static struct route_case c;

static const char three[] = "providers:\n"
                            "  - {name: a, weight: 70, tags: {region: us}}\n"
                            "  - {name: b, weight: 30, tags: {region: eu}}\n"
                            "  - {name: z, weight: 0, last_resort: true}\n";

static int teardown(void **state) {
    (void)state;
    case_end(&c);
    return 0;
}

#define BEGIN(...)                                                                                 \
    static const char yaml[] = __VA_ARGS__;                                                        \
    case_begin(&c, yaml)

static void weighted_draw_says_so(void **state) {
    (void)state;
    case_begin(&c, three);
    assert_string_not_equal(chosen(&c), "z");
    assert_int_equal(c.decision.reason, BL_REASON_WEIGHTED);
    assert_int_equal(c.decision.draw, BL_DRAW_WEIGHTED);
    assert_true(c.decision.draw_total == 100);
    assert_true(c.decision.draw_value >= 0 && c.decision.draw_value < 100);
    assert_int_equal(c.decision.rule, -1);
    assert_int_equal(c.decision.pin_action, BL_PIN_NONE);
    assert_false(c.decision.latency_known || c.decision.cost_known);
}

static void all_weights_zero_needs_a_name(void **state) {
    (void)state;
    BEGIN("providers: [{name: a, weight: 0}]\nrules: [{when: {k: v}, prefer: [a]}]\n");
    assert_string_equal(chosen(&c), "");
    assert_int_equal(c.decision.error, BL_E_NO_PROVIDER_AVAILABLE);
    assert_string_equal(drop_of(&c, "a"), "not_offered");
    set_fact(&c, "k", "v");
    assert_string_equal(chosen(&c), "a");
    assert_int_equal(c.decision.reason, BL_REASON_RULE);
    assert_int_equal(c.decision.rule, 0);
}

static void narrowing_accumulates(void **state) {
    (void)state;
    BEGIN("providers: [{name: a, tags: {r: eu, t: x}}, {name: b, tags: {r: eu}}, {name: d}]\n"
          "rules:\n"
          "  - {require_tags: {r: eu}}\n"
          "  - {deny: [b]}\n");
    for (uint64_t seed = 0; seed < 100; seed++) {
        c.input.seed = seed;
        assert_string_equal(chosen(&c), "a");
    }
    assert_string_equal(drop_of(&c, "b"), "denied_by_rule");
    assert_string_equal(drop_of(&c, "d"), "denied_by_rule");
}

static void rules_stop_at_the_first_prefer(void **state) {
    (void)state;
    BEGIN("providers: [{name: a}, {name: b}]\n"
          "rules:\n"
          "  - {when: {k: v}, prefer: [b]}\n"
          "  - {deny: [b]}\n"
          "  - {prefer: [a]}\n");
    set_fact(&c, "k", "v");
    assert_string_equal(chosen(&c), "b");
    assert_int_equal(c.decision.rule, 0);
    assert_int_equal(c.decision.rules_matched[0], 1);
    set_fact(&c, "k", "other");
    assert_string_equal(chosen(&c), "a");
    assert_int_equal(c.decision.rule, 2);
    assert_int_equal(c.decision.rules_matched[0], 6);
}

static void stop_ends_without_preferring(void **state) {
    (void)state;
    BEGIN("providers: [{name: a}, {name: b}]\n"
          "rules: [{when: {k: v}, deny: [a], stop: true}, {deny: [b]}]\n");
    set_fact(&c, "k", "v");
    assert_string_equal(chosen(&c), "b");
    assert_int_equal(c.decision.reason, BL_REASON_WEIGHTED);
    assert_int_equal(c.decision.rule, 0);
}

static void narrowing_binds_what_is_preferred(void **state) {
    (void)state;
    BEGIN("providers: [{name: a}, {name: b}]\n"
          "rules: [{deny: [a]}, {prefer: [a, b]}]\n");
    assert_string_equal(chosen(&c), "b");
    assert_int_equal(c.decision.reason, BL_REASON_RULE);
}

static void preferred_needs_no_listing(void **state) {
    (void)state;
    BEGIN("providers: [{name: a}]\nrules: [{prefer: [elsewhere]}]\n");
    assert_string_equal(chosen(&c), "elsewhere");
}

static void none_preferred_available_goes_on(void **state) {
    (void)state;
    BEGIN("providers: [{name: a}, {name: b, max_inflight: 1}]\nrules: [{prefer: [b]}]\n");
    state_of(&c, "b")->inflight = 1;
    assert_string_equal(chosen(&c), "a");
    assert_int_equal(c.decision.reason, BL_REASON_WEIGHTED);
    assert_string_equal(drop_of(&c, "b"), "inflight_full");
}

static void broken_preferred_is_told(void **state) {
    (void)state;
    BEGIN("providers: [{name: a}, {name: b}]\nrules: [{prefer: [b]}]\n"
          "circuit_breaker: {enabled: true}\n");
    state_of(&c, "b")->breaker = BL_BREAKER_OPEN;
    state_of(&c, "b")->breaker_retry_at_ms = CASE_NOW_MS + 1;
    assert_string_equal(chosen(&c), "a");
    assert_int_equal(c.decision.reason, BL_REASON_CIRCUIT_BREAKER_FALLBACK);
    assert_string_equal(drop_of(&c, "b"), "breaker_open");
}

static void breaker_is_ignored_when_off(void **state) {
    (void)state;
    BEGIN("providers: [{name: a}]\n");
    state_of(&c, "a")->breaker = BL_BREAKER_OPEN;
    state_of(&c, "a")->breaker_retry_at_ms = CASE_NOW_MS + 1000;
    assert_string_equal(chosen(&c), "a");
    assert_false(c.decision.probe);
}

static void open_breaker_lets_a_probe_through_in_time(void **state) {
    (void)state;
    BEGIN("providers: [{name: a}]\ncircuit_breaker: {enabled: true, half_open_max_calls: 2}\n");
    state_of(&c, "a")->breaker = BL_BREAKER_OPEN;
    state_of(&c, "a")->breaker_retry_at_ms = CASE_NOW_MS + 1;
    assert_string_equal(chosen(&c), "");
    state_of(&c, "a")->breaker_retry_at_ms = CASE_NOW_MS;
    assert_string_equal(chosen(&c), "a");
    assert_true(c.decision.probe);
    state_of(&c, "a")->breaker = BL_BREAKER_HALF_OPEN;
    state_of(&c, "a")->half_open_in_use = 1;
    assert_string_equal(chosen(&c), "a");
    state_of(&c, "a")->half_open_in_use = 2;
    assert_string_equal(chosen(&c), "");
    assert_string_equal(drop_of(&c, "a"), "probes_taken");
}

static void keep_last_keeps_the_one_that_closes_first(void **state) {
    (void)state;
    BEGIN("providers: [{name: a}, {name: b}]\n"
          "circuit_breaker: {enabled: true, keep_last: true}\n");
    state_of(&c, "a")->breaker = BL_BREAKER_OPEN;
    state_of(&c, "a")->breaker_retry_at_ms = CASE_NOW_MS + 2000;
    state_of(&c, "b")->breaker = BL_BREAKER_OPEN;
    state_of(&c, "b")->breaker_retry_at_ms = CASE_NOW_MS + 1000;
    assert_string_equal(chosen(&c), "b");
    assert_int_equal(c.decision.reason, BL_REASON_CIRCUIT_BREAKER_FALLBACK);
}

static void last_resort_serves_when_nobody_else_can(void **state) {
    (void)state;
    case_begin(&c, three);
    state_of(&c, "a")->cooldown_until_ms = CASE_NOW_MS + 1;
    state_of(&c, "b")->cooldown_until_ms = CASE_NOW_MS + 1;
    assert_string_equal(chosen(&c), "z");
    assert_int_equal(c.decision.reason, BL_REASON_FALLBACK);
    assert_string_equal(drop_of(&c, "a"), "cooldown");
    state_of(&c, "b")->cooldown_until_ms = CASE_NOW_MS;
    assert_string_equal(chosen(&c), "b");
}

static void last_resort_after_breakers_says_so(void **state) {
    (void)state;
    BEGIN("providers: [{name: a}, {name: z, weight: 0, last_resort: true}]\n"
          "circuit_breaker: {enabled: true}\n");
    state_of(&c, "a")->breaker = BL_BREAKER_OPEN;
    state_of(&c, "a")->breaker_retry_at_ms = CASE_NOW_MS + 1;
    assert_string_equal(chosen(&c), "z");
    assert_int_equal(c.decision.reason, BL_REASON_CIRCUIT_BREAKER_FALLBACK);
}

static void constraints_drop_what_is_known_to_miss_them(void **state) {
    (void)state;
    BEGIN("providers:\n"
          "  - {name: slow, expect: {latency_ms: 2000, cost: 0.01}}\n"
          "  - {name: dear, expect: {latency_ms: 10, cost: 5}}\n"
          "  - {name: unknown, weight: 0, last_resort: true}\n");
    c.input.max_latency_ms = 1999;
    c.input.max_cost_nano = 5 * BL_NANO_PER_UNIT - 1;
    assert_string_equal(chosen(&c), "unknown");
    assert_string_equal(drop_of(&c, "slow"), "constraint_latency");
    assert_string_equal(drop_of(&c, "dear"), "constraint_cost");
    c.input.max_latency_ms = 2000;
    assert_string_equal(chosen(&c), "slow");
    c.input.max_latency_ms = 1999;
    c.input.max_cost_nano = 5 * BL_NANO_PER_UNIT;
    assert_string_equal(chosen(&c), "dear");
}

static void measured_beats_declared(void **state) {
    (void)state;
    BEGIN("providers: [{name: a, expect: {latency_ms: 100, cost: 1}}]\n");
    assert_string_equal(chosen(&c), "a");
    assert_true(c.decision.latency_known || c.decision.cost_known);
    assert_int_equal(c.decision.expected_latency_ms, 100);
    assert_int_equal(c.decision.expected_cost_nano, BL_NANO_PER_UNIT);
    state_of(&c, "a")->latency_p50_ms = 0;
    state_of(&c, "a")->cost_mean_nano = 5;
    assert_string_equal(chosen(&c), "a");
    assert_int_equal(c.decision.expected_latency_ms, 0);
    assert_int_equal(c.decision.expected_cost_nano, 5);
}

static void workers_are_needed_when_asked_for(void **state) {
    (void)state;
    BEGIN("providers: [{name: a}]\nworkers: {require_live: true}\n");
    assert_string_equal(chosen(&c), "");
    assert_string_equal(drop_of(&c, "a"), "no_live_worker");
    state_of(&c, "a")->workers = BL_WORKERS_GONE;
    assert_string_equal(chosen(&c), "");
    state_of(&c, "a")->workers = BL_WORKERS_LIVE;
    assert_string_equal(chosen(&c), "a");
}

static void inflight_and_rate_drop(void **state) {
    (void)state;
    BEGIN("providers: [{name: a, max_inflight: 2}]\n");
    state_of(&c, "a")->inflight = 1;
    assert_string_equal(chosen(&c), "a");
    state_of(&c, "a")->inflight = 2;
    assert_string_equal(chosen(&c), "");
    assert_string_equal(drop_of(&c, "a"), "inflight_full");
    state_of(&c, "a")->inflight = 0;
    state_of(&c, "a")->rate_refused = true;
    assert_string_equal(chosen(&c), "");
    assert_string_equal(drop_of(&c, "a"), "rate_refused");
}

static void sessions_stay_without_a_pin(void **state) {
    (void)state;
    BEGIN("providers: [{name: a}, {name: b}]\nsticky: {enabled: true}\n");
    set_session(&c, 42);
    const char *first = chosen(&c);
    char id[256];
    (void)snprintf(id, sizeof(id), "%s", first);
    assert_int_equal(c.decision.draw, BL_DRAW_RENDEZVOUS);
    assert_int_equal(c.decision.pin_action, BL_PIN_NONE);
    for (uint64_t seed = 0; seed < 200; seed++) {
        c.input.seed = seed;
        assert_string_equal(chosen(&c), id);
    }
}

static void pin_is_written_when_the_own_provider_is_away(void **state) {
    (void)state;
    BEGIN("providers: [{name: a}, {name: b}]\nsticky: {enabled: true, ttl: 10m}\n");
    set_session(&c, 42);
    char own[256];
    (void)snprintf(own, sizeof(own), "%s", chosen(&c));
    state_of(&c, own)->cooldown_until_ms = CASE_NOW_MS + 1;
    assert_string_not_equal(chosen(&c), own);
    assert_int_equal(c.decision.pin_action, BL_PIN_WRITE);
    assert_int_equal(c.decision.pin_expires_ms, CASE_NOW_MS + 600000);
    assert_int_equal(c.decision.reason, BL_REASON_WEIGHTED);
    /* The pin holds after the own provider is back, and is renewed at most every ttl/10. */
    c.input.pin = c.decision.provider;
    c.input.pin_expires_ms = c.decision.pin_expires_ms;
    state_of(&c, own)->cooldown_until_ms = 0;
    assert_string_not_equal(chosen(&c), own);
    assert_int_equal(c.decision.reason, BL_REASON_STICKY);
    assert_int_equal(c.decision.pin_action, BL_PIN_NONE);
    c.input.now_ns += INT64_C(59999) * 1000000;
    assert_int_equal((chosen(&c), c.decision.pin_action), BL_PIN_NONE);
    c.input.now_ns += INT64_C(1) * 1000000;
    assert_int_equal((chosen(&c), c.decision.pin_action), BL_PIN_RENEW);
    assert_int_equal(c.decision.pin_expires_ms, CASE_NOW_MS + 60000 + 600000);
    /* It ends. */
    c.input.now_ns = c.input.pin_expires_ms * 1000000;
    assert_string_equal(chosen(&c), own);
    assert_int_equal(c.decision.reason, BL_REASON_WEIGHTED);
}

static void pin_of_an_unavailable_provider_stays(void **state) {
    (void)state;
    BEGIN("providers: [{name: a}, {name: b}]\nsticky: {enabled: true}\n");
    set_session(&c, 42);
    char own[256];
    (void)snprintf(own, sizeof(own), "%s", chosen(&c));
    const char *other = strcmp(own, "a") == 0 ? "b" : "a";
    c.input.pin = (bl_provider_index)provider_of(&c, other);
    c.input.pin_expires_ms = CASE_NOW_MS + 1000;
    state_of(&c, other)->cooldown_until_ms = CASE_NOW_MS + 500;
    assert_string_equal(chosen(&c), own);
    assert_int_equal(c.decision.pin_action, BL_PIN_NONE);
}

static void fixed_pins_are_not_renewed(void **state) {
    (void)state;
    BEGIN("providers: [{name: a}]\nsticky: {enabled: true, ttl_mode: fixed}\n");
    set_session(&c, 1);
    c.input.pin = 0;
    c.input.pin_expires_ms = CASE_NOW_MS + 1;
    assert_string_equal(chosen(&c), "a");
    assert_int_equal(c.decision.reason, BL_REASON_STICKY);
    assert_int_equal(c.decision.pin_action, BL_PIN_NONE);
}

static void rules_beat_pins(void **state) {
    (void)state;
    BEGIN("providers: [{name: a}, {name: b}]\nsticky: {enabled: true}\n"
          "rules: [{when: {k: prefer}, prefer: [b]}, {when: {k: deny}, deny: [a]}]\n");
    set_session(&c, 1);
    c.input.pin = (bl_provider_index)provider_of(&c, "a");
    c.input.pin_expires_ms = CASE_NOW_MS + 1000;
    assert_string_equal(chosen(&c), "a");
    set_fact(&c, "k", "prefer");
    assert_string_equal(chosen(&c), "b");
    assert_int_equal(c.decision.reason, BL_REASON_RULE);
    assert_int_equal(c.decision.pin_action, BL_PIN_NONE);
    set_fact(&c, "k", "deny");
    assert_string_equal(chosen(&c), "b");
    assert_int_equal(c.decision.reason, BL_REASON_WEIGHTED);
}

static void last_resort_makes_no_pin(void **state) {
    (void)state;
    BEGIN("providers: [{name: a}, {name: z, weight: 0, last_resort: true}]\n"
          "sticky: {enabled: true}\n");
    set_session(&c, 9);
    state_of(&c, "a")->cooldown_until_ms = CASE_NOW_MS + 1;
    assert_string_equal(chosen(&c), "z");
    assert_int_equal(c.decision.pin_action, BL_PIN_NONE);
}

static void budget_drops_and_refuses(void **state) {
    (void)state;
    BEGIN("providers: [{name: dear, weight: 9, expect: {cost: 3}}, {name: cheap, expect: {cost: "
          "1}}]\n"
          "budget: {cost: 10}\n");
    c.limits.budget_resets_ms = CASE_NOW_MS + 5000;
    c.limits.budget_used_nano = 8 * BL_NANO_PER_UNIT;
    assert_string_equal(chosen(&c), "cheap");
    assert_string_equal(drop_of(&c, "dear"), "budget");
    assert_int_equal(c.decision.reserve_nano, BL_NANO_PER_UNIT);
    c.limits.budget_used_nano = 9 * BL_NANO_PER_UNIT + 1;
    assert_string_equal(chosen(&c), "");
    assert_int_equal(c.decision.error, BL_E_BUDGET_EXCEEDED);
    assert_int_equal(c.decision.retry_after_ms, 5000);
    c.limits.budget_used_nano = 10 * BL_NANO_PER_UNIT;
    assert_string_equal(chosen(&c), "");
    assert_int_equal(c.decision.error, BL_E_BUDGET_EXCEEDED);
}

static void spent_budget_can_go_on(void **state) {
    (void)state;
    BEGIN("providers: [{name: a, expect: {cost: 3}}, {name: z, weight: 0, last_resort: true, "
          "expect: {cost: 1}}]\n"
          "budget: {cost: 10, on_exceed: last_resort}\n");
    c.limits.budget_used_nano = 10 * BL_NANO_PER_UNIT;
    assert_string_equal(chosen(&c), "z");
    assert_string_equal(drop_of(&c, "a"), "budget");
    case_end(&c);
    case_begin(&c,
               "providers: [{name: a, expect: {cost: 3}}]\nbudget: {cost: 10, on_exceed: warn}\n");
    c.limits.budget_used_nano = 100 * BL_NANO_PER_UNIT;
    assert_string_equal(chosen(&c), "a");
}

static void limits_come_first(void **state) {
    (void)state;
    BEGIN(
        "providers: [{name: a}]\nrate_limit: {enabled: true, requests_per_second: 10, burst: 1}\n");
    c.limits.rate_tat_ns = c.input.now_ns + 50000001;
    assert_string_equal(chosen(&c), "");
    assert_int_equal(c.decision.error, BL_E_RATE_LIMIT_EXCEEDED);
    assert_int_equal(c.decision.retry_after_ms, 51);
    assert_int_equal(c.decision.provider, BL_PROVIDER_NONE);
}

static void runner_up_is_who_would_have_been(void **state) {
    (void)state;
    case_begin(&c, three);
    const char *first = chosen(&c);
    assert_string_equal(first, c.decision.provider == provider_of(&c, "a") ? "a" : "b");
    bl_provider_index next = bl_decide_runner_up(&c.input, &c.decision);
    assert_int_equal(next, provider_of(&c, c.decision.provider == 0 ? "b" : "a"));
    state_of(&c, "b")->cooldown_until_ms = CASE_NOW_MS + 1;
    assert_string_equal(chosen(&c), "a");
    assert_int_equal(bl_decide_runner_up(&c.input, &c.decision), provider_of(&c, "z"));
    state_of(&c, "a")->cooldown_until_ms = CASE_NOW_MS + 1;
    assert_string_equal(chosen(&c), "z");
    assert_int_equal(bl_decide_runner_up(&c.input, &c.decision), BL_PROVIDER_NONE);
}

static void nothing_known_is_nothing_wrong(void **state) {
    (void)state;
    case_begin(&c, three);
    c.input.states = NULL;
    c.input.limits = NULL;
    assert_string_not_equal(chosen(&c), "");
}

static void words_and_priorities_are_the_contracts(void **state) {
    (void)state;
    case_begin(&c, three);
    assert_string_equal(bl_reason_word(BL_REASON_STICKY), "sticky");
    assert_int_equal(bl_reason_priority(BL_REASON_STICKY), 100);
    assert_int_equal(bl_reason_priority(BL_REASON_RULE), 75);
    assert_int_equal(bl_reason_priority(BL_REASON_WEIGHTED), 50);
    assert_int_equal(bl_reason_priority(BL_REASON_BEST_SCORE), 50);
    assert_int_equal(bl_reason_priority(BL_REASON_RETRY), 50);
    assert_int_equal(bl_reason_priority(BL_REASON_FALLBACK), 25);
    assert_int_equal(bl_reason_priority(BL_REASON_CIRCUIT_BREAKER_FALLBACK), 20);
    assert_string_equal(bl_reason_word(BL_REASON_CIRCUIT_BREAKER_FALLBACK),
                        "circuit_breaker_fallback");
    for (int drop = 0; drop < BL_DROP_COUNT; drop++) {
        assert_true(strlen(bl_drop_word((enum bl_drop)drop)) > 0);
        assert_true(strlen(bl_drop_text((enum bl_drop)drop)) > 0);
    }
}

static void seed_depends_on_all_it_is_made_of(void **state) {
    (void)state;
    uint8_t key[16] = {1};
    uint8_t id[16] = {2};
    case_begin(&c, three);
    uint64_t seed = bl_decision_seed(key, id, 3, 1);
    assert_int_equal(seed, bl_decision_seed(key, id, 3, 1));
    assert_int_not_equal(seed, bl_decision_seed(key, id, 3, 2));
    assert_int_not_equal(seed, bl_decision_seed(key, id, 4, 1));
    id[15] = 1;
    assert_int_not_equal(seed, bl_decision_seed(key, id, 3, 1));
    id[15] = 0;
    key[15] = 1;
    assert_int_not_equal(seed, bl_decision_seed(key, id, 3, 1));
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(weighted_draw_says_so),
        TEST(all_weights_zero_needs_a_name),
        TEST(narrowing_accumulates),
        TEST(rules_stop_at_the_first_prefer),
        TEST(stop_ends_without_preferring),
        TEST(narrowing_binds_what_is_preferred),
        TEST(preferred_needs_no_listing),
        TEST(none_preferred_available_goes_on),
        TEST(broken_preferred_is_told),
        TEST(breaker_is_ignored_when_off),
        TEST(open_breaker_lets_a_probe_through_in_time),
        TEST(keep_last_keeps_the_one_that_closes_first),
        TEST(last_resort_serves_when_nobody_else_can),
        TEST(last_resort_after_breakers_says_so),
        TEST(constraints_drop_what_is_known_to_miss_them),
        TEST(measured_beats_declared),
        TEST(workers_are_needed_when_asked_for),
        TEST(inflight_and_rate_drop),
        TEST(sessions_stay_without_a_pin),
        TEST(pin_is_written_when_the_own_provider_is_away),
        TEST(pin_of_an_unavailable_provider_stays),
        TEST(fixed_pins_are_not_renewed),
        TEST(rules_beat_pins),
        TEST(last_resort_makes_no_pin),
        TEST(budget_drops_and_refuses),
        TEST(spent_budget_can_go_on),
        TEST(limits_come_first),
        TEST(runner_up_is_who_would_have_been),
        TEST(nothing_known_is_nothing_wrong),
        TEST(words_and_priorities_are_the_contracts),
        TEST(seed_depends_on_all_it_is_made_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
