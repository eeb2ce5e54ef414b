#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/seed.h"
#include "flow/backtest.h"
#include "route/record.h"
#include "support/compiled_policy.h"

#define RECORDS 2000

static struct compiled live, candidate;
static struct bl_backtest backtest;
static char storage[65536];
static struct bl_seed seed;

static const char base_text[] =
    "{providers: [{name: a, weight: 60, expect: {latency_ms: 100, cost: 0.02}}, "
    "{name: b, weight: 40, expect: {latency_ms: 300, cost: 0.01}}], "
    "rules: [{when: 'metadata.tier == \"gold\"', prefer: [a]}]}";

static void compile(const char *live_text, const char *candidate_text) {
    expect_good(&live, live_text);
    expect_good(&candidate, candidate_text);
    bl_backtest_fini(&backtest);
    bl_backtest_init(&backtest, live.policy, candidate.policy);
}

/* One record of the live policy, whose facts are all `tier`. */
static struct bl_str record_of(const char *tier, const char *tenant, const uint8_t *redact_key) {
    struct bl_value facts[BL_POLICY_MAX_FACTS];
    struct bl_decision_input input = {.policy = live.policy,
                                      .tenant_id = bl_str_from_c(tenant),
                                      .facts = facts,
                                      .now_ns = INT64_C(1764000000000000000),
                                      .seed = bl_seed_next(&seed),
                                      .attempt = 1,
                                      .pin = BL_PROVIDER_NONE,
                                      .max_latency_ms = -1,
                                      .max_cost_nano = BL_MONEY_UNKNOWN};
    struct bl_buf buf;

    for (uint16_t i = 0; i < live.policy->fact_count; i++) {
        facts[i] = bl_value_text(bl_str_from_c(tier));
    }
    bl_buf_init(&buf, storage, sizeof(storage));
    bl_record_encode(&input, redact_key, &buf);
    return bl_buf_view(&buf);
}

static void add(const char *tier, const char *tenant) {
    assert_true(bl_is_ok(bl_backtest_add(&backtest, record_of(tier, tenant, NULL))));
}

static void a_policy_does_not_differ_from_itself(void **state) {
    (void)state;
    compile(base_text, base_text);
    for (int i = 0; i < RECORDS; i++) {
        add(i % 3 == 0 ? "gold" : "free", "acme");
    }
    assert_int_equal(backtest.judged, RECORDS);
    assert_int_equal(backtest.changed, 0);
    assert_int_equal(backtest.other_revision, 0);
    assert_memory_equal(&backtest.sides[0], &backtest.sides[1], sizeof(backtest.sides[0]));
    assert_int_equal(backtest.sides[0].rules[0], (RECORDS + 2) / 3);
}

static void changes_are_counted_by_provider_rule_and_tenant(void **state) {
    (void)state;
    compile(base_text, "{providers: [{name: b, weight: 40, expect: {latency_ms: 300, cost: 0.01}}, "
                       "{name: a, weight: 60, expect: {latency_ms: 100, cost: 0.02}}], "
                       "rules: [{when: 'metadata.tier == \"gold\"', prefer: [b]}]}");
    for (int i = 0; i < 100; i++) {
        add("gold", i % 2 == 0 ? "acme" : "globex");
    }
    assert_int_equal(backtest.changed, 100);
    assert_int_equal(backtest.moves[0][0], 100); /* from a to b: each first in its own policy */
    assert_int_equal(backtest.tenant_count, 2);
    assert_int_equal(backtest.tenants[1].changed, 50);
    assert_int_equal(backtest.known_cost, 100);
    assert_true(backtest.sides[0].cost_nano > 1.99e9 && backtest.sides[0].cost_nano < 2.01e9);
    assert_true(backtest.sides[1].latency_ms == 30000);
}

static void refusals_are_moves_too(void **state) {
    (void)state;
    compile(base_text, "{providers: [{name: a, weight: 1}], rules: [{deny: [a]}]}");
    for (int i = 0; i < 10; i++) {
        add("gold", "acme");
    }
    assert_int_equal(backtest.changed, 10);
    assert_int_equal(backtest.sides[1].refusals[BL_E_NO_PROVIDER_AVAILABLE], 10);
    assert_int_equal(backtest.moves[0][BL_POLICY_MAX_PROVIDERS], 10);
}

static void what_was_not_recorded_is_not_guessed(void **state) {
    static const uint8_t key[16] = {7};
    (void)state;
    compile(base_text,
            "{weights: {a: 1}, rules: [{when: 'metadata.region == \"eu\"', deny: [b]}]}");
    add("gold", "acme");
    assert_int_equal(backtest.judged, 0);
    assert_int_equal(backtest.unjudged_records, 1);
    assert_string_equal(backtest.unjudged[0].path, "metadata.region");
    assert_false(backtest.unjudged[0].redacted);
    compile(base_text, base_text);
    assert_true(bl_is_ok(bl_backtest_add(&backtest, record_of("gold", "acme", key))));
    assert_int_equal(backtest.unjudged_records, 1);
    assert_true(backtest.unjudged[0].redacted);
    /* A policy that reads nothing of it can be judged. */
    compile(base_text, "{weights: {a: 1}}");
    add("gold", "acme");
    assert_int_equal(backtest.judged, 1);
}

static void a_session_by_another_key_is_not_guessed(void **state) {
    (void)state;
    compile("{weights: {a: 1, b: 1}, sticky: {enabled: true, session_key: user_id}}",
            "{weights: {a: 1, b: 1}, sticky: {enabled: true, session_key: chat_id}}");
    add("x", "acme");
    assert_int_equal(backtest.unjudged_records, 1);
    compile("{weights: {a: 1, b: 1}}", "{weights: {a: 1, b: 1}, sticky: {enabled: true}}");
    add("x", "acme");
    assert_int_equal(backtest.unjudged_records, 1);
    compile("{weights: {a: 1, b: 1}, sticky: {enabled: true, session_key: user_id}}",
            "{weights: {a: 3, b: 1}, sticky: {enabled: true, session_key: user_id}}");
    add("x", "acme");
    assert_int_equal(backtest.judged, 1);
}

static void what_cannot_be_read_is_counted(void **state) {
    (void)state;
    compile(base_text, base_text);
    struct bl_str record = record_of("gold", "acme", NULL);
    record.len -= 3;
    assert_true(bl_is_ok(bl_backtest_add(&backtest, record)));
    assert_true(bl_is_ok(bl_backtest_add(&backtest, BL_STR("nonsense"))));
    assert_int_equal(backtest.damaged, 2);
    assert_int_equal(backtest.judged, 0);
}

static void more_tenants_than_fit_are_counted(void **state) {
    (void)state;
    compile(base_text, base_text);
    for (int i = 0; i < BL_BACKTEST_TENANTS_MAX + 5; i++) {
        char tenant[16];
        (void)snprintf(tenant, sizeof(tenant), "t%d", i);
        add("gold", tenant);
    }
    assert_int_equal(backtest.tenant_count, BL_BACKTEST_TENANTS_MAX);
    assert_int_equal(backtest.tenants_left_out, 5);
}

/* Two providers and a draw: what moves is what lies between the two boundaries of the weights. */
static void shares_follow_the_weights(void **state) {
    (void)state;
    compile("{weights: {a: 60, b: 40}}", "{weights: {a: 50, b: 50}}");
    for (int i = 0; i < 20000; i++) {
        add("free", "acme");
    }
    double changed = (double)backtest.changed / 20000;
    assert_true(changed > 0.09 && changed < 0.11);
    assert_int_equal(backtest.moves[0][1], backtest.changed);
}

static int setup(void **state) {
    (void)state;
    bl_seed_init(&seed, 7);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    bl_backtest_fini(&backtest);
    release(&live);
    release(&candidate);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_does_not_differ_from_itself),
        cmocka_unit_test(changes_are_counted_by_provider_rule_and_tenant),
        cmocka_unit_test(refusals_are_moves_too),
        cmocka_unit_test(what_was_not_recorded_is_not_guessed),
        cmocka_unit_test(a_session_by_another_key_is_not_guessed),
        cmocka_unit_test(what_cannot_be_read_is_counted),
        cmocka_unit_test(more_tenants_than_fit_are_counted),
        cmocka_unit_test(shares_follow_the_weights),
    };
    return cmocka_run_group_tests_name("backtest", tests, setup, teardown);
}
