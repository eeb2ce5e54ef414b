/*
 * How long one decision takes, in process: percentiles of single decisions, the timer's own cost
 * taken off, and proof that none of them allocates.
 *
 *   build/release/bench_core [--no-gate]
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/seed.h"
#include "policy/compile.h"
#include "route/decide.h"

#define ROUNDS 400000
#define NOW_NS (INT64_C(1700000000000) * 1000000)

/* Every allocation of this process comes by here. */
static size_t allocations;

void *malloc(size_t size) {
    static void *(*real)(size_t);
    if (real == NULL) {
        real = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    }
    allocations++;
    return real(size);
}

static uint64_t now_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t samples[ROUNDS];

static double percentile(double share) {
    return samples[(size_t)(share * (ROUNDS - 1))];
}

/* The cost of asking the time twice: its median is taken off every sample. */
static uint32_t timer_cost_ns(void) {
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t began = now_ns();
        samples[i] = (uint32_t)(now_ns() - began);
    }
    qsort(samples, ROUNDS, sizeof(samples[0]), by_value);
    return (uint32_t)percentile(0.5);
}

static struct bl_policy *compile(const char *yaml) {
    static struct bl_findings findings;
    struct bl_policy_options options = {0};
    struct bl_policy *policy = NULL;
    if (bl_is_error(bl_policy_compile(bl_str_from_c(yaml), BL_STR("bench"), BL_STR("bench"),
                                      &options, &policy, &findings))) {
        fprintf(stderr, "bench_core: %s: %s\n", findings.items[0].path, findings.items[0].message);
        exit(1);
    }
    return policy;
}

/* Three providers, sessions and breakers on: sessions differ from decision to decision. */
static struct bl_policy *small_policy(void) {
    return compile("providers:\n"
                   "  - {name: openai/gpt-4o, weight: 70}\n"
                   "  - {name: anthropic/sonnet, weight: 30}\n"
                   "  - {name: local/llama, weight: 10}\n"
                   "sticky: {enabled: true}\n"
                   "circuit_breaker: {enabled: true}\n");
}

/* 32 providers and `rules` rules, of which the last matches tier t<rules - 1>. `when` has places for
 * the rule's number, twice. */
static struct bl_policy *large_policy(int rules, const char *when) {
    static char yaml[32768];
    size_t len = (size_t)snprintf(yaml, sizeof(yaml), "providers:\n");
    for (int p = 0; p < 32; p++) {
        len += (size_t)snprintf(yaml + len, sizeof(yaml) - len, "  - {name: p%d, weight: %d}\n", p,
                                1 + p % 7);
    }
    len += (size_t)snprintf(yaml + len, sizeof(yaml) - len, "rules:\n");
    for (int r = 0; r < rules; r++) {
        char condition[200];
        (void)snprintf(condition, sizeof(condition), when, r, r);
        len += (size_t)snprintf(yaml + len, sizeof(yaml) - len, "  - {when: %s, prefer: [p%d]}\n",
                                condition, r % 32);
    }
    (void)snprintf(yaml + len, sizeof(yaml) - len,
                   "sticky: {enabled: true}\ncircuit_breaker: {enabled: true}\n");
    return compile(yaml);
}

#define OBJECTS "{metadata.tier: t%d}"
#define EXPRESSIONS "'metadata.tier == \"t%d\" && size(task.payload.prompt) < 40000'"
#define METHODS "'metadata.tier.endsWith(\"t%d\")'"

struct figures {
    double p50, p99, p999, allocations;
};

static struct figures measure(struct bl_policy *policy, const char *tier, uint32_t timer_ns) {
    static struct bl_value facts[BL_POLICY_MAX_FACTS];
    static struct bl_provider_state states[BL_POLICY_MAX_PROVIDERS];
    struct bl_decision_input input = {.policy = policy, .facts = facts, .states = states};
    struct bl_decision decision;
    struct bl_seed seed;

    bl_seed_init(&seed, 1);
    for (int p = 0; p < BL_POLICY_MAX_PROVIDERS; p++) {
        states[p] = BL_PROVIDER_STATE_UNKNOWN;
    }
    facts[0] = bl_value_text(bl_str_from_c(tier));
    facts[1] = bl_value_int(1200); /* size(task.payload.prompt), where it is asked for */
    input.now_ns = NOW_NS;
    input.attempt = 1;
    input.pin = BL_PROVIDER_NONE;
    input.max_latency_ms = -1;
    input.max_cost_nano = BL_MONEY_UNKNOWN;
    input.has_session = true;
    size_t before = allocations;
    for (int i = 0; i < ROUNDS; i++) {
        input.seed = bl_seed_next(&seed);
        input.session[0] = bl_seed_next(&seed);
        input.session[1] = bl_seed_next(&seed);
        uint64_t began = now_ns();
        bl_result result = bl_decide(&input, &decision);
        uint32_t took = (uint32_t)(now_ns() - began);
        samples[i] = took > timer_ns ? took - timer_ns : 0;
        if (bl_is_error(result)) {
            fprintf(stderr, "bench_core: a decision was refused\n");
            exit(1);
        }
    }
    double made = (double)(allocations - before) / ROUNDS;
    qsort(samples, ROUNDS, sizeof(samples[0]), by_value);
    return (struct figures){percentile(0.5), percentile(0.99), percentile(0.999), made};
}

static bool show(const char *name, double value, double goal, double limit) {
    bool good = value <= limit;
    printf("%-26s %8.0f   goal %6.0f   limit %6.0f   %s\n", name, value, goal, limit,
           !good           ? "FAIL"
           : value <= goal ? "meets the goal"
                           : "within the limit");
    return good;
}

int main(int argc, char **argv) {
    bool gate = argc < 2 || strcmp(argv[1], "--no-gate") != 0;
    uint32_t timer_ns = timer_cost_ns();
    struct bl_policy *small = small_policy();
    struct bl_policy *large = large_policy(64, OBJECTS);
    struct bl_policy *typed = large_policy(64, EXPRESSIONS);
    struct bl_policy *five = large_policy(5, EXPRESSIONS);
    struct bl_policy *methods = large_policy(64, METHODS);

    (void)measure(small, "none", timer_ns); /* warm-up */
    struct figures few = measure(small, "none", timer_ns);
    struct figures many = measure(large, "t63", timer_ns);
    struct figures expressions = measure(typed, "t63", timer_ns);
    struct figures of_five = measure(five, "t4", timer_ns);
    struct figures unindexed = measure(methods, "t63", timer_ns);
    double allocated = few.allocations + many.allocations + expressions.allocations +
                       of_five.allocations + unindexed.allocations;
    printf("one decision, %d times; the timer's %u ns are taken off\n", ROUNDS, timer_ns);
    bool good = show("decide_p50_ns", few.p50, 200, 500);
    good = show("decide_rules_p50_ns", many.p50, 500, 1500) && good;
    good = show("decide_rules_p99_ns", many.p99, 1500, 3000) && good;
    good = show("decide_expressions_p50_ns", expressions.p50, 500, 1500) && good;
    good = show("decide_expressions_p99_ns", expressions.p99, 1500, 3000) && good;
    printf("%-26s %8.0f   beside 64 rules: %.2f\n", "decide_five_rules_p50_ns", of_five.p50,
           of_five.p50 > 0 ? expressions.p50 / of_five.p50 : 0);
    printf("%-26s %8.0f   64 tests that no index helps\n", "decide_methods_p50_ns", unindexed.p50);
    good = show("allocations_per_decision", allocated, 0, 0) && good;
    printf("RESULT "
           "{\"name\":\"bench-core\",\"figures\":{\"decide_p50_ns\":%.0f,\"decide_p99_ns\":%.0f,"
           "\"decide_p999_ns\":%.0f,\"decide_rules_p50_ns\":%.0f,\"decide_rules_p99_ns\":%.0f,"
           "\"decide_rules_p999_ns\":%.0f,\"decide_expressions_p50_ns\":%.0f,"
           "\"decide_expressions_p99_ns\":%.0f,\"decide_five_rules_p50_ns\":%.0f,"
           "\"decide_methods_p50_ns\":%.0f,\"allocations_per_decision\":%.0f,\"timer_ns\":%u},"
           "\"verdict\":\"%s\"}\n",
           few.p50, few.p99, few.p999, many.p50, many.p99, many.p999, expressions.p50,
           expressions.p99, of_five.p50, unindexed.p50, allocated, timer_ns,
           good ? "pass" : "fail");
    bl_policy_unref(small);
    bl_policy_unref(large);
    bl_policy_unref(typed);
    bl_policy_unref(five);
    bl_policy_unref(methods);
    return good || !gate ? 0 : 1;
}
