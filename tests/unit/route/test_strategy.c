/* The scoring strategies. The weighted draw and rendezvous hashing: tests/property/route. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/route_case.h"

static struct route_case c;

static int teardown(void **state) {
    (void)state;
    case_end(&c);
    return 0;
}

static void priority_takes_the_highest(void **state) {
    (void)state;
    case_begin(&c, "strategy: priority\n"
                   "providers: [{name: a, priority: 10}, {name: b, priority: 90}, {name: d}]\n");
    assert_string_equal(chosen(&c), "b");
    assert_int_equal(c.decision.reason, BL_REASON_BEST_SCORE);
    assert_int_equal(c.decision.draw, BL_DRAW_SCORE);
    state_of(&c, "b")->cooldown_until_ms = CASE_NOW_MS + 1;
    assert_string_equal(chosen(&c), "a");
}

static void latency_takes_the_lowest_known(void **state) {
    (void)state;
    case_begin(&c, "strategy: latency\n"
                   "providers: [{name: a, expect: {latency_ms: 100}}, {name: b}, {name: d}]\n");
    assert_string_equal(chosen(&c), "a"); /* the others are unknown, which ranks behind */
    state_of(&c, "d")->latency_p50_ms = 99;
    assert_string_equal(chosen(&c), "d");
    state_of(&c, "a")->latency_p50_ms = 5;
    assert_string_equal(chosen(&c), "a");
}

static void cost_takes_the_cheapest(void **state) {
    (void)state;
    case_begin(&c, "strategy: cost\n"
                   "providers: [{name: a, expect: {cost: 2}}, {name: b, expect: {cost: 1}}]\n");
    assert_string_equal(chosen(&c), "b");
    state_of(&c, "b")->cost_mean_nano = 3 * BL_NANO_PER_UNIT;
    assert_string_equal(chosen(&c), "a");
}

static void least_busy_is_relative_to_capacity(void **state) {
    (void)state;
    case_begin(&c, "strategy: least_busy\n"
                   "providers: [{name: a, max_inflight: 100}, {name: b, max_inflight: 10}]\n");
    state_of(&c, "a")->inflight = 50;
    state_of(&c, "b")->inflight = 4;
    assert_string_equal(chosen(&c), "b");
    state_of(&c, "b")->inflight = 6;
    assert_string_equal(chosen(&c), "a");
}

static void score_weighs_what_it_is_told(void **state) {
    (void)state;
    case_begin(&c, "strategy: {score: {latency: 1, cost: 1}}\n"
                   "providers:\n"
                   "  - {name: fast, expect: {latency_ms: 100, cost: 4}}\n"
                   "  - {name: cheap, expect: {latency_ms: 400, cost: 1}}\n"
                   "  - {name: even, expect: {latency_ms: 200, cost: 2.2}}\n");
    /* fast 0.25 + 1, cheap 1 + 0.25, even 0.5 + 0.55 */
    assert_string_equal(chosen(&c), "even");
    assert_true(c.decision.draw_value > 1.04 && c.decision.draw_value < 1.06);
}

static void errors_and_load_count(void **state) {
    (void)state;
    case_begin(&c, "strategy: {score: {errors: 1}}\nproviders: [{name: a}, {name: b}]\n");
    state_of(&c, "a")->error_rate = 0.5f;
    assert_string_equal(chosen(&c), "b");
    case_end(&c);
    case_begin(&c, "strategy: {score: {load: 2}}\nproviders: [{name: a}, {name: b}]\n");
    state_of(&c, "b")->inflight = 3;
    assert_string_equal(chosen(&c), "a");
}

static void unknown_counts_as_the_worst(void **state) {
    (void)state;
    case_begin(&c, "strategy: {score: {latency: 1}}\n"
                   "providers: [{name: a}, {name: b, expect: {latency_ms: 10}},\n"
                   "            {name: d, expect: {latency_ms: 20}}]\n");
    assert_string_equal(chosen(&c), "b");
    state_of(&c, "b")->cooldown_until_ms = CASE_NOW_MS + 1;
    int seen_a = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        c.input.seed = seed;
        seen_a += strcmp(chosen(&c), "a") == 0;
    }
    assert_in_range(seen_a, 50, 150); /* equal to the worst known: they share */
}

static void equals_share_by_weight(void **state) {
    (void)state;
    case_begin(&c,
               "strategy: priority\n"
               "providers: [{name: a, weight: 3, priority: 5}, {name: b, weight: 1, priority: 5},\n"
               "            {name: d, weight: 9, priority: 1}]\n");
    int a = 0;
    for (uint64_t seed = 0; seed < 4000; seed++) {
        c.input.seed = seed;
        assert_string_not_equal(chosen(&c), "d");
        a += strcmp(chosen(&c), "a") == 0;
    }
    assert_in_range(a, 2850, 3150);
}

static void scored_session_gets_a_pin(void **state) {
    (void)state;
    case_begin(&c, "strategy: priority\nsticky: {enabled: true}\n"
                   "providers: [{name: a, priority: 9}, {name: b}]\n");
    int pinned = 0;
    for (uint64_t session = 0; session < 100; session++) {
        set_session(&c, session);
        assert_string_equal(chosen(&c), "a");
        pinned += c.decision.pin_action == BL_PIN_WRITE;
    }
    assert_int_equal(pinned, 100); /* the next score may choose otherwise, whoever is its own */
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(priority_takes_the_highest),   TEST(latency_takes_the_lowest_known),
        TEST(cost_takes_the_cheapest),      TEST(least_busy_is_relative_to_capacity),
        TEST(score_weighs_what_it_is_told), TEST(errors_and_load_count),
        TEST(unknown_counts_as_the_worst),  TEST(equals_share_by_weight),
        TEST(scored_session_gets_a_pin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
