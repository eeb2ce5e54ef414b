#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/decide.h"
#include "flow/example.h"
#include "flow/lint.h"
#include "support/compiled_policy.h"

#define PROVIDERS                                                                                  \
    "providers: [{name: a, weight: 1, tags: {r: eu}}, {name: b, weight: 1, tags: {r: us}}, "       \
    "{name: c, weight: 1}]"

static struct compiled compiled;
static struct bl_arena arena;
static struct bl_lint found;

static void lint(const char *rest) {
    static char text[65536];
    (void)snprintf(text, sizeof(text), "{%s, %s}", PROVIDERS, rest);
    expect_good(&compiled, text);
    bl_arena_reset(&arena);
    bl_lint_policy(compiled.policy, BL_LINT_EFFORT_THOROUGH, &arena, &found);
}

/* Exactly one finding, of that code, path and text. */
static const struct bl_lint_finding *expect(const char *rest, enum bl_lint_code code,
                                            const char *path, const char *part) {
    lint(rest);
    if (found.count != 1 || found.findings[0].code != code) {
        fail_msg("%s: %zu findings, the first: %s", rest, found.count,
                 found.count > 0 ? found.findings[0].diag.message : "none");
    }
    assert_string_equal(found.findings[0].diag.path, path);
    if (strstr(found.findings[0].diag.message, part) == NULL) {
        fail_msg("%s: %s", rest, found.findings[0].diag.message);
    }
    return &found.findings[0];
}

static void expect_nothing(const char *rest) {
    lint(rest);
    if (found.count > 0) {
        fail_msg("%s: %s", rest, found.findings[0].diag.message);
    }
}

static void rules_that_never_hold(void **state) {
    (void)state;
    (void)expect("rules: [{deny: [a], when: 'metadata.x == 1 && metadata.x == 2'}]",
                 BL_LINT_RULE_NEVER_HOLDS, "rules[0]", "no request can meet");
    expect_nothing("rules: [{deny: [a], when: 'metadata.x == 1 || metadata.x == 2'}]");
    expect_nothing("rules: [{deny: [a], when: 'metadata.x > 1 && metadata.x < 2'}]");
}

static void rules_in_the_shadow_of_others(void **state) {
    (void)state;
    const struct bl_lint_finding *finding =
        expect("rules: [{prefer: [a], when: {metadata.t: [gold, silver]}}, "
               "{prefer: [b], when: 'metadata.t == \"gold\" && metadata.n > 3'}]",
               BL_LINT_RULE_SHADOWED, "rules[1]", "is never reached");
    assert_true(bl_str_is_present(finding->example));
    (void)expect("rules: [{stop: true}, {deny: [a], when: {metadata.x: 1}}]", BL_LINT_RULE_SHADOWED,
                 "rules[1]", "is never reached");
    expect_nothing("rules: [{prefer: [b], when: 'metadata.t == \"gold\" && metadata.n > 3'}, "
                   "{prefer: [a], when: {metadata.t: [gold, silver]}}]");
    expect_nothing(
        "rules: [{deny: [a], when: {metadata.t: x}}, {deny: [b], when: {metadata.t: x}}]");
}

static void rules_that_leave_nobody(void **state) {
    (void)state;
    const struct bl_lint_finding *finding =
        expect("rules: [{require_tags: {r: eu}, when: {metadata.r: eu}}, "
               "{require_tags: {r: us}, when: 'metadata.n > 3'}]",
               BL_LINT_RULES_LEAVE_NOBODY, "rules[1]", "together with the rule in line ");
    assert_non_null(memmem(finding->example.data, finding->example.len, "\"r\":\"eu\"", 8));
    expect_nothing("rules: [{require_tags: {r: eu}, when: {metadata.r: eu}}, "
                   "{require_tags: {r: us}, when: {metadata.r: us}}]");
    expect_nothing("rules: [{require_tags: {r: eu}, when: {metadata.r: eu}}, {stop: true, when: "
                   "{metadata.r: eu}}, {require_tags: {r: us}, when: 'metadata.n > 3'}]");
}

static void providers_that_are_always_excluded(void **state) {
    (void)state;
    (void)expect("rules: [{deny: [c]}]", BL_LINT_PROVIDER_ALWAYS_EXCLUDED, "rules[0]",
                 "excludes c from every request");
    expect_nothing("rules: [{stop: true, when: {metadata.x: 1}}, {deny: [c]}]");
}

static void fallbacks_that_lead_back(void **state) {
    (void)state;
    (void)expect("fallbacks: [{when: {attempt.provider: a}, to: b}, {when: {attempt.provider: b}, "
                 "to: a}]",
                 BL_LINT_FALLBACK_LOOP, "fallbacks[1]",
                 "leads back to a, which has failed already");
    expect_nothing("fallbacks: [{when: {status: [timeout]}, to: b}]");
    expect_nothing(
        "fallbacks: [{when: {attempt.provider: a}, to: b}, {when: {attempt.provider: b}, "
        "to: c}]");
}

static void limits_that_nothing_meets(void **state) {
    (void)state;
    (void)expect("fallbacks: [{when: {status: [timeout]}, retry: 3}], max_attempts: 3",
                 BL_LINT_LIMIT_CANNOT_BE_MET, "fallbacks[0]", "asks for 3 retries");
    (void)expect(
        "fallbacks: [{when: {status: [timeout]}, retry: 1, backoff: {base_ms: 5000, max_ms: "
        "9000}}], total_deadline_ms: 4000",
        BL_LINT_LIMIT_CANNOT_BE_MET, "fallbacks[0]", "waits 5000 ms");
    (void)expect(
        "circuit_breaker: {enabled: true, min_requests: 500, error_rate_window_seconds: 1}, "
        "rate_limit: {enabled: true, requests_per_second: 10, burst: 5}",
        BL_LINT_LIMIT_CANNOT_BE_MET, "circuit_breaker.min_requests", "at most 15 requests");
    expect_good(&compiled,
                "{providers: [{name: a, weight: 1, expect: {cost: 0.5}}], budget: {cost: "
                "0.1, period: day}}");
    bl_arena_reset(&arena);
    bl_lint_policy(compiled.policy, BL_LINT_EFFORT_THOROUGH, &arena, &found);
    assert_int_equal(found.count, 1);
    assert_string_equal(found.findings[0].diag.path, "budget.cost");
}

static void more_than_fits_is_counted(void **state) {
    static char text[32768];
    size_t len = (size_t)snprintf(text, sizeof(text), "rules: [");
    (void)state;
    for (int i = 0; i < BL_LINT_MAX + 6; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "{deny: [a], when: 'metadata.x == %d && metadata.x == -1'},", i);
    }
    (void)snprintf(text + len, sizeof(text) - len, "]");
    lint(text);
    assert_int_equal(found.count, BL_LINT_MAX);
    assert_int_equal(found.left_out, 6);
}

/* --- every example shows what it is said to show --------------------------------------------- */

static uint64_t seed;

static unsigned draw(unsigned below) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((seed >> 33) % below);
}

static size_t put_rule(char *text, size_t room) {
    static const char *const effects[] = {"deny: [a]",
                                          "deny: [a, b]",
                                          "require_tags: {r: eu}",
                                          "require_tags: {r: us}",
                                          "prefer: [b]",
                                          "stop: true",
                                          "allow: [c]"};
    static const char *const conditions[] = {
        "'metadata.x == %u'",
        "'metadata.x > %u'",
        "'metadata.x <= %u && metadata.y == \"k\"'",
        "{metadata.x: [%u, 9]}",
        "'has(metadata.y) && metadata.x != %u'",
        "'size(task.payload.p) > %u'",
        "{any: [{metadata.y: k}, {metadata.x: %u}]}",
        "'!(metadata.x < %u)'",
    };
    char condition[100];
    (void)snprintf(condition, sizeof(condition), conditions[draw(8)], draw(4));
    return (size_t)snprintf(text, room, "{%s, when: %s},", effects[draw(7)], condition);
}

static bool has_bit(const uint64_t *words, unsigned bit) {
    return (words[bit / 64] >> (bit % 64) & 1) != 0;
}

static void check_example(const struct bl_lint_finding *finding, const char *text) {
    struct bl_json_doc doc;
    struct bl_request request;
    struct bl_decision decision;
    struct bl_decision_input input = {.policy = compiled.policy,
                                      .attempt = 1,
                                      .pin = BL_PROVIDER_NONE,
                                      .max_latency_ms = -1,
                                      .max_cost_nano = BL_MONEY_UNKNOWN};

    assert_true(bl_example_read(finding->example, &arena, &doc, &request));
    const struct bl_fact_source source = {
        .request = &request, .tenant_id = request.tenant_id, .attempt = 1};
    assert_true(bl_is_ok(bl_flow_facts(compiled.policy, &source, &arena, &input.facts)));
    bl_result result = bl_decide(&input, &decision);
    uint16_t rule = finding->rules[0];
    bool holds =
        bl_condition_holds(compiled.policy, compiled.policy->rules[rule].condition, input.facts);
    bool is_right = finding->code == BL_LINT_RULE_SHADOWED
                        ? holds && !has_bit(decision.rules_matched, rule)
                        : holds && result.error == BL_E_NO_PROVIDER_AVAILABLE;
    if (!is_right) {
        fail_msg("%s: %.*s: %s", finding->diag.message, BL_STR_ARG(finding->example), text);
    }
}

static void examples_show_what_is_said(void **state) {
    static char text[8192];
    const char *given = getenv("BL_TEST_SEED");
    unsigned examples = 0;
    (void)state;

    seed = given != NULL ? strtoull(given, NULL, 10) : 20261123;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (int round = 0; round < 150; round++) {
        size_t len = (size_t)snprintf(text, sizeof(text), "rules: [");
        for (unsigned i = 0, count = 2 + draw(6); i < count; i++) {
            len += put_rule(text + len, sizeof(text) - len);
        }
        (void)snprintf(text + len, sizeof(text) - len, "]");
        lint(text);
        for (size_t i = 0; i < found.count; i++) {
            if (bl_str_is_present(found.findings[i].example)) {
                check_example(&found.findings[i], text);
                examples++;
            }
        }
    }
    assert_true(examples > 50);
}

static int setup(void **state) {
    (void)state;
    bl_arena_init(&arena, 65536, 64 * 1024 * 1024);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    release(&compiled);
    bl_arena_fini(&arena);
    return 0;
}

/* The quick effort ends early and says so; what it has found is right. */
static void the_quick_effort_says_that_it_ended_early(void **state) {
    static char text[65536];
    int len = snprintf(text, sizeof(text), "{%s, rules: [", PROVIDERS);
    (void)state;

    for (int i = 0; i < 300; i++) {
        len += snprintf(text + len, sizeof(text) - (size_t)len,
                        "%s{when: 'metadata.x == %d && metadata.y == %d', prefer: [a]}",
                        i == 0 ? "" : ", ", i, i);
    }
    (void)snprintf(text + len, sizeof(text) - (size_t)len, "]}");
    expect_good(&compiled, text);
    bl_arena_reset(&arena);
    bl_lint_policy(compiled.policy, BL_LINT_EFFORT_QUICK, &arena, &found);
    assert_false(found.complete);
    assert_int_equal(found.count, 0);
    expect_good(&compiled, "{" PROVIDERS "}");
    bl_lint_policy(compiled.policy, BL_LINT_EFFORT_QUICK, &arena, &found);
    assert_true(found.complete);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_quick_effort_says_that_it_ended_early),
        cmocka_unit_test(rules_that_never_hold),
        cmocka_unit_test(rules_in_the_shadow_of_others),
        cmocka_unit_test(rules_that_leave_nobody),
        cmocka_unit_test(providers_that_are_always_excluded),
        cmocka_unit_test(fallbacks_that_lead_back),
        cmocka_unit_test(limits_that_nothing_meets),
        cmocka_unit_test(more_than_fits_is_counted),
        cmocka_unit_test(examples_show_what_is_said),
    };
    return cmocka_run_group_tests_name("lint", tests, setup, teardown);
}
