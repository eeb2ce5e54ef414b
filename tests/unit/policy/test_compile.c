#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "policy/compile.h"
#include "support/compiled_policy.h"

static struct compiled compiled;

/* Every key of the language in one document. */
static const char full_yaml[] =
    "version: \"1.2\"\n"
    "providers:\n"
    "  - {name: \"openai/gpt-4o\", weight: 70, label: GPT-4o, tags: {region: us}, max_inflight: "
    "200,\n"
    "     expect: {latency_ms: 850, cost: 0.012}}\n"
    "  - {name: \"anthropic/sonnet\", weight: 30, tags: {region: eu}, expect: {cost: 0.01}}\n"
    "  - {name: \"local/llama\", weight: 0, last_resort: true, priority: 7, expect: {cost: 0}}\n"
    "strategy: {score: {latency: 0.5, cost: 1, errors: 2, load: 3}}\n"
    "rules:\n"
    "  - {when: {metadata.region: eu}, require_tags: {region: eu}}\n"
    "  - {when: {\">\": [{var: task.payload.size}, 40000]}, deny: [\"local/llama\"]}\n"
    "  - {when: {task.type: text.embed, metadata.tier: [gold, silver]},\n"
    "     prefer: [\"local/llama\", \"openai/gpt-4o\", \"other/one\"]}\n"
    "  - {allow: [\"local/llama\"], stop: true, when: {a: 1}}\n"
    "fallbacks:\n"
    "  - {when: {status: [timeout, 5xx]}, retry: 2, to: \"anthropic/sonnet\",\n"
    "     backoff: {strategy: linear, base_ms: 50, max_ms: 2000, jitter: false}}\n"
    "  - {when: [rate_limited], to: \"far/away\"}\n"
    "max_attempts: 5\n"
    "total_deadline_ms: 61000\n"
    "deadline: {max_ms: 62000}\n"
    "ack_timeout_ms: 900\n"
    "sticky: {enabled: true, session_key: user_id, ttl: 10m, ttl_mode: fixed}\n"
    "circuit_breaker: {enabled: true, failure_threshold: 6, error_rate_threshold: 0.25,\n"
    "  error_rate_window_seconds: 61, min_requests: 11, timeout_ms: 60001, half_open_max_calls: "
    "4,\n"
    "  success_threshold: 3, latency_threshold_ms: 5000, keep_last: true}\n"
    "ejection: {max_share: 0.75}\n"
    "rate_limit: {enabled: true, requests_per_second: 101, burst: 51, scope: tenant}\n"
    "tokens: {per_minute: 200000}\n"
    "quota: {requests: 100000, period: week, scope: user}\n"
    "budget: {cost: 50.25, period: month, timezone: Europe/Berlin, scope: provider,\n"
    "  on_exceed: last_resort, on_unknown: release, reserve_max: 0.5}\n"
    "workers: {require_live: true, heartbeat_ttl: 20s}\n"
    "push: {allowed: false}\n"
    "pre: [{id: normalize_text, mode: required, config: {lowercase: true}, when: {a: 1}}]\n"
    "validators: [{id: pii_guard, on_fail: warn}]\n"
    "post: [{id: mask_pii}]\n"
    "on_store_outage: allow\n"
    "metadata: {owner: team-a}\n";

static bool is_text(struct bl_str text, const char *expected) {
    return bl_str_equal_c(text, expected);
}

static void every_key_reaches_its_field(void **state) {
    (void)state;
    expect_good(&compiled, full_yaml);
    const struct bl_policy *p = compiled.policy;

    assert_true(is_text(p->tenant_id, "t") && is_text(p->policy_id, "p"));
    assert_true(is_text(p->version, "1.2"));
    assert_int_equal(p->provider_count, 5);
    assert_int_equal(p->listed_count, 3);
    assert_true(is_text(p->providers[0].id, "openai/gpt-4o"));
    assert_true(is_text(p->providers[0].label, "GPT-4o"));
    assert_true(p->providers[0].weight == 70 && p->providers[0].max_inflight == 200);
    assert_int_equal(p->providers[0].expect_latency_ms, 850);
    assert_int_equal(p->providers[0].expect_cost_nano, 12000000);
    assert_int_equal(p->providers[1].expect_latency_ms, -1);
    assert_int_equal(p->providers[2].priority, 7);
    assert_int_equal(p->providers[2].expect_cost_nano, 0);
    assert_true(p->providers[2].last_resort && p->providers[2].named && p->providers[2].listed);
    assert_false(p->providers[3].listed || bl_str_is_present(p->providers[3].label));
    assert_int_equal(p->providers[3].expect_cost_nano, BL_MONEY_UNKNOWN);
    assert_int_equal(p->strategy, BL_STRATEGY_SCORE);
    assert_true(p->score.latency == 0.5 && p->score.cost == 1 && p->score.errors == 2 &&
                p->score.load == 3);
    assert_int_equal(p->rule_count, 4);
    assert_int_equal(p->rules[0].line, 9);
    assert_int_equal(p->rules[3].line, 13);
    assert_true(p->rules[3].stop && p->rules[3].narrows && !p->rules[2].narrows);
    assert_int_equal(p->fallback_count, 2);
    assert_int_equal(p->fallbacks[0].line, 15);
    assert_int_equal(p->fallbacks[0].retry, 2);
    assert_int_equal(p->fallbacks[0].to, 1);
    assert_int_equal(p->fallbacks[0].backoff.strategy, BL_BACKOFF_LINEAR);
    assert_int_equal(p->fallbacks[0].backoff.base_ms, 50);
    assert_int_equal(p->fallbacks[0].backoff.max_ms, 2000);
    assert_false(p->fallbacks[0].backoff.jitter);
    assert_true(is_text(p->providers[p->fallbacks[1].to].id, "far/away"));
    assert_int_equal(p->max_attempts, 5);
    assert_int_equal(p->total_deadline_ms, 61000);
    assert_int_equal(p->deadline_max_ms, 62000);
    assert_int_equal(p->ack_timeout_ms, 900);
    assert_true(p->sticky.enabled && !p->sticky.sliding);
    assert_true(is_text(p->sticky.session_key, "user_id"));
    assert_int_equal(p->sticky.ttl_ms, 600000);
    assert_true(p->breaker.enabled && p->breaker.keep_last);
    assert_int_equal(p->breaker.failure_threshold, 6);
    assert_true(p->breaker.error_rate_threshold == 0.25);
    assert_int_equal(p->breaker.error_rate_window_seconds, 61);
    assert_int_equal(p->breaker.min_requests, 11);
    assert_int_equal(p->breaker.timeout_ms, 60001);
    assert_int_equal(p->breaker.half_open_max_calls, 4);
    assert_int_equal(p->breaker.success_threshold, 3);
    assert_int_equal(p->breaker.latency_threshold_ms, 5000);
    assert_true(p->ejection_max_share == 0.75);
    assert_true(p->limits.rate.enabled);
    assert_int_equal(p->limits.rate.requests_per_second, 101);
    assert_int_equal(p->limits.rate.burst, 51);
    assert_int_equal(p->limits.rate.scope, BL_SCOPE_TENANT);
    assert_int_equal(p->limits.tokens_per_minute, 200000);
    assert_int_equal(p->limits.quota.requests, 100000);
    assert_int_equal(p->limits.quota.period, BL_PERIOD_WEEK);
    assert_int_equal(p->limits.quota.scope, BL_SCOPE_USER);
    assert_true(p->limits.budget.cost_nano == INT64_C(50250000000));
    assert_int_equal(p->limits.budget.period, BL_PERIOD_MONTH);
    assert_true(is_text(p->limits.budget.timezone, "Europe/Berlin"));
    assert_int_equal(p->limits.budget.scope, BL_SCOPE_PROVIDER);
    assert_int_equal(p->limits.budget.on_exceed, BL_ON_EXCEED_LAST_RESORT);
    assert_int_equal(p->limits.budget.on_unknown, BL_ON_UNKNOWN_RELEASE);
    assert_int_equal(p->limits.budget.reserve_max_nano, 500000000);
    assert_true(p->limits.allow_on_store_outage);
    assert_true(p->require_live_workers);
    assert_int_equal(p->worker_heartbeat_ttl_ms, 20000);
    assert_false(p->push_allowed);
    assert_int_equal(p->pre_count, 1);
    assert_int_equal(p->validator_count, 1);
    assert_int_equal(p->post_count, 1);
    assert_true(is_text(p->metadata, "{\"owner\":\"team-a\"}"));
}

static void defaults_are_the_documented_ones(void **state) {
    (void)state;
    expect_good(&compiled, "{weights: {a: 1}}");
    const struct bl_policy *p = compiled.policy;

    assert_true(is_text(p->version, "1.0"));
    assert_int_equal(p->strategy, BL_STRATEGY_WEIGHTED);
    assert_int_equal(p->max_attempts, 4);
    assert_int_equal(p->total_deadline_ms, 60000);
    assert_int_equal(p->deadline_max_ms, 60000);
    assert_int_equal(p->ack_timeout_ms, 0);
    assert_true(!p->sticky.enabled && p->sticky.sliding && p->sticky.ttl_ms == 3600000);
    assert_true(is_text(p->sticky.session_key, "session_id"));
    assert_false(p->breaker.enabled || p->breaker.keep_last);
    assert_int_equal(p->breaker.failure_threshold, 5);
    assert_int_equal(p->breaker.success_threshold, 2);
    assert_int_equal(p->breaker.min_requests, 10);
    assert_int_equal(p->breaker.half_open_max_calls, 3);
    assert_int_equal(p->breaker.error_rate_window_seconds, 60);
    assert_true(p->breaker.error_rate_threshold == 0.5);
    assert_int_equal(p->breaker.timeout_ms, 60000);
    assert_int_equal(p->breaker.latency_threshold_ms, 0);
    assert_true(p->ejection_max_share == 0.5);
    assert_false(p->limits.rate.enabled || p->limits.allow_on_store_outage);
    assert_int_equal(p->limits.rate.requests_per_second, 100);
    assert_int_equal(p->limits.rate.burst, 50);
    assert_int_equal(p->limits.rate.scope, BL_SCOPE_POLICY);
    assert_int_equal(p->limits.tokens_per_minute, 0);
    assert_int_equal(p->limits.quota.requests, 0);
    assert_int_equal(p->limits.quota.period, BL_PERIOD_DAY);
    assert_int_equal(p->limits.budget.cost_nano, 0);
    assert_int_equal(p->limits.budget.reserve_max_nano, BL_MONEY_UNKNOWN);
    assert_int_equal(p->limits.budget.period, BL_PERIOD_DAY);
    assert_int_equal(p->limits.budget.on_exceed, BL_ON_EXCEED_BLOCK);
    assert_int_equal(p->limits.budget.on_unknown, BL_ON_UNKNOWN_RESERVE);
    assert_true(is_text(p->limits.budget.timezone, "UTC"));
    assert_false(p->require_live_workers);
    assert_int_equal(p->worker_heartbeat_ttl_ms, 15000);
    assert_true(p->push_allowed);
    assert_false(bl_str_is_present(p->metadata));
    assert_int_equal(p->rule_count + p->fallback_count + p->pre_count + p->fact_count, 0);
}

static uint64_t hash_of(const char *text) {
    expect_good(&compiled, text);
    char hex[17];
    (void)snprintf(hex, sizeof(hex), "%016llx", (unsigned long long)compiled.policy->content_hash);
    assert_true(bl_str_equal(compiled.policy->revision, (struct bl_str){hex, 12}));
    return compiled.policy->content_hash;
}

static void the_hash_names_the_contents_alone(void **state) {
    (void)state;
    uint64_t hash = hash_of("{\"weights\": {\"a\": 1, \"b\": 2}, \"version\": \"1\"}");
    assert_true(hash == hash_of("{\"version\":\"1\",\"weights\":{\"b\":2.0,\"a\":1e0}}"));
    assert_true(hash == hash_of("# YAML\nversion: '1'\nweights:\n  b: 2\n  a: 1\n"));
    assert_true(hash == hash_of("{weights: {a: 1, b: 2}, version: \"1\"}"));
    assert_true(hash != hash_of("{weights: {a: 1, b: 3}, version: \"1\"}"));
    assert_true(hash != hash_of("{weights: {a: 1, c: 2}, version: \"1\"}"));
    /* Frozen: decision ids and records name it. */
    assert_true(hash_of("{weights: {a: 1}}") == UINT64_C(0xbe62d98139a68a2a));
}

static void names_inside_must_agree(void **state) {
    (void)state;
    expect_good(&compiled, "{weights: {a: 1}, tenant_id: t, policy_id: p}");
    expect_refused(&compiled, "{weights: {a: 1}, tenant_id: u}", "tenant_id",
                   "says \"u\", but the policy is stored as \"t\"");
    expect_refused(&compiled, "{weights: {a: 1}, policy_id: q}", "policy_id", "says \"q\"");
    expect_refused(&compiled, "{weights: {a: 1}, policy_id: 1}", "policy_id", "must be a text");
}

static void positions_are_those_of_the_document(void **state) {
    (void)state;
    compile_c(&compiled, "{\n  \"weights\": {\"a\": -1},\n\t\"max_attempts\": \"4\"\n}");
    expect_error(&compiled, "weights.a", "between 0 and", 2, 20);
    expect_error(&compiled, "max_attempts", "whole number, found a string", 3, 18);
    compile_c(&compiled, "weights:\n  a: -1\nmax_attempts: x\nrules:\n  - when:\n      any:\n"
                         "        - a: {b: 1}\n    stop: true\n");
    expect_error(&compiled, "weights.a", "between 0 and", 2, 6);
    expect_error(&compiled, "max_attempts", "whole number, found a string", 3, 15);
    expect_error(&compiled, "rules[0].when.any[0].a", "must be a value", 7, 14);
}

static void syntax_is_reported_with_its_place(void **state) {
    (void)state;
    compile_c(&compiled, "{\n\"weights\": {\"a\": 1]}");
    assert_int_equal(compiled.findings.errors, 1);
    assert_int_equal(compiled.findings.items[0].line, 2);
    compile_c(&compiled, "weights:\n  a: 1\n  a: 2\n");
    expect_error(&compiled, "", "stands twice", 3, 3);
    compile_c(&compiled, "a: &x 1\n");
    assert_int_equal(compiled.findings.items[0].line, 1);
    compile_c(&compiled, "");
    assert_true(compiled.findings.errors > 0);
    compile_c(&compiled, "[1]");
    expect_error(&compiled, "", "must be an object, found an array", 1, 1);
    compile_text(&compiled, (struct bl_str){"{\"weights\": {\"\xff\": 1}}", 21});
    assert_true(compiled.findings.errors > 0);
}

static void all_problems_come_at_once_in_order(void **state) {
    (void)state;
    compile_c(&compiled, "max_attempts: 0\nstrategy: wieghted\nweights: {a: -1}\n"
                         "rules: [{deny: [b]}, {prefer: 1}]\nsticky: {ttl: x}\nzz: 1\n");
    assert_int_equal(compiled.findings.errors, 6);
    expect_error(&compiled, "max_attempts", "between 1 and 10, found 0", 1, 15);
    assert_string_equal(expect_error(&compiled, "strategy", "wieghted", 2, 11)->hint,
                        "did you mean weighted?");
    expect_error(&compiled, "rules[1].prefer", "must be a list", 4, 31);
    for (size_t i = 1; i < compiled.findings.count; i++) {
        assert_true(compiled.findings.items[i - 1].line <= compiled.findings.items[i].line);
    }
}

/* `count` copies of `item`, in which %u is the number of the copy. */
static char *repeat(const char *before, const char *item, unsigned count, const char *after) {
    size_t capacity = strlen(before) + (strlen(item) + 12) * (size_t)count + strlen(after) + 1;
    char *text = malloc(capacity);
    assert_non_null(text);
    size_t len = (size_t)snprintf(text, capacity, "%s", before);
    const char *number = strstr(item, "%u");

    for (unsigned i = 0; i < count; i++) {
        int cut = number == NULL ? (int)strlen(item) : (int)(number - item);
        len += (size_t)snprintf(text + len, capacity - len, "%s%.*s", i == 0 ? "" : ",", cut, item);
        if (number != NULL) {
            len += (size_t)snprintf(text + len, capacity - len, "%u%s", i, number + 2);
        }
    }
    (void)snprintf(text + len, capacity - len, "%s", after);
    return text;
}

/* n compiles, n + 1 is refused. */
static void check_limit(const char *before, const char *item, unsigned limit, const char *after,
                        const char *path, const char *part) {
    char *good = repeat(before, item, limit, after);
    char *bad = repeat(before, item, limit + 1, after);

    expect_good(&compiled, good);
    expect_refused(&compiled, bad, path, part);
    free(good);
    free(bad);
}

static void limits_hold_at_the_limit(void **state) {
    (void)state;
    check_limit("{providers: [", "{name: p%u}", 128, "]}", "providers[128]", "more than 128");
    check_limit("{weights: {", "p%u: 1", 128, "}}", "weights.p128", "more than 128");
    check_limit("{providers: [{name: a}], rules: [{prefer: [", "p%u", 127, "]}]}",
                "rules[0].prefer[127]", "more than 128");
    check_limit("{weights: {a: 1}, rules: [", "{deny: [a], when: {x: %u}}", 1024, "]}", "rules",
                "has 1025 rules, more than 1024");
    check_limit("{weights: {a: 1}, fallbacks: [", "{to: a, when: {x: %u}}", 64, "]}", "fallbacks",
                "has 65 fallbacks, more than 64");
    check_limit("{weights: {a: 1}, pre: [", "{id: e%u}", 16, "]}", "pre", "has 17 extensions");
    check_limit("{weights: {a: 1}, rules: [{stop: true, when: {", "f%u: 1", 256, "}}]}",
                "rules[0].when.f256", "more than 256 different values");
    check_limit("{providers: [{name: a, tags: {", "t%u: x", 64, "}}]}", "providers[0].tags",
                "64 tags at most, found 65");
}

static void depth_is_limited(void **state) {
    (void)state;
    for (unsigned depth = 15; depth <= 17; depth++) {
        char text[512];
        struct bl_buf buf;
        bl_buf_init(&buf, text, sizeof(text));
        bl_buf_literal(&buf, "{weights: {a: 1}, rules: [{stop: true, when: ");
        for (unsigned i = 1; i < depth; i++) {
            bl_buf_literal(&buf, "{not: ");
        }
        bl_buf_literal(&buf, "{a: 1}");
        for (unsigned i = 1; i < depth; i++) {
            bl_buf_char(&buf, '}');
        }
        bl_buf_bytes(&buf, "}]}", 4); /* with its NUL */
        compile_c(&compiled, text);
        assert_int_equal(compiled.findings.errors, depth > BL_CONDITION_MAX_DEPTH ? 1 : 0);
    }
    assert_non_null(strstr(compiled.findings.items[0].message, "nested deeper than 16"));
}

static void size_is_limited(void **state) {
    static char text[BL_POLICY_MAX_BYTES + 2];
    static const char document[] = "{\"weights\":{\"a\":1}}";
    (void)state;

    memset(text, ' ', sizeof(text));
    memcpy(text, document, sizeof(document) - 1);
    compile_text(&compiled, (struct bl_str){text, BL_POLICY_MAX_BYTES});
    assert_non_null(compiled.policy);
    compile_text(&compiled, (struct bl_str){text, BL_POLICY_MAX_BYTES + 1});
    assert_int_equal(compiled.findings.errors, 1);
}

static void ids_follow_the_grammar(void **state) {
    char long_id[257];
    (void)state;

    memset(long_id, 'x', sizeof(long_id));
    assert_true(bl_policy_id_is_valid((struct bl_str){long_id, 255}));
    assert_false(bl_policy_id_is_valid((struct bl_str){long_id, 256}));
    assert_true(bl_policy_id_is_valid(BL_STR("a-Z_0.9:x")));
    assert_true(bl_policy_id_is_valid(BL_STR("...")));
    assert_false(bl_policy_id_is_valid(BL_STR("")));
    assert_false(bl_policy_id_is_valid(BL_STR_ABSENT));
    assert_false(bl_policy_id_is_valid(BL_STR(".")));
    assert_false(bl_policy_id_is_valid(BL_STR("..")));
    assert_false(bl_policy_id_is_valid(BL_STR("a/b")));
    assert_false(bl_policy_id_is_valid(BL_STR("a b")));
    assert_false(bl_policy_id_is_valid(BL_STR("\xc3\xa9")));
    assert_false(bl_policy_id_is_valid(BL_STR("*")));
    assert_false(bl_policy_id_is_valid(BL_STR("a\0b")));
    assert_true(bl_tenant_id_is_valid(BL_STR("acme"), false));
    assert_false(bl_tenant_id_is_valid(BL_STR("*"), false));
    assert_true(bl_tenant_id_is_valid(BL_STR("*"), true));
    assert_false(bl_tenant_id_is_valid(BL_STR("**"), true));
}

static int teardown(void **state) {
    (void)state;
    release(&compiled);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_reaches_its_field),
        cmocka_unit_test(defaults_are_the_documented_ones),
        cmocka_unit_test(the_hash_names_the_contents_alone),
        cmocka_unit_test(names_inside_must_agree),
        cmocka_unit_test(positions_are_those_of_the_document),
        cmocka_unit_test(syntax_is_reported_with_its_place),
        cmocka_unit_test(all_problems_come_at_once_in_order),
        cmocka_unit_test(limits_hold_at_the_limit),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(size_is_limited),
        cmocka_unit_test(ids_follow_the_grammar),
    };
    return cmocka_run_group_tests_name("compile", tests, NULL, teardown);
}
