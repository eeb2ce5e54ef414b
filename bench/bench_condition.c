/*
 * Conditions: what 64 rules with one equality each cost per decision.
 *
 * Prints a line per case and the RESULT line. "last" is the usual worst case: 63 conditions on one
 * fact fail and the last holds. "same_length" makes every comparison look at the bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/compile.h"

#define RULES 64
#define ROUNDS 201
#define PASSES 2000
#define TARGET_NS 250

static struct bl_findings findings;

static double now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A policy of RULES rules, each `metadata.tier == <prefix><number>`. */
static struct bl_policy *make_policy(const char *format) {
    static char text[RULES * 128 + 256];
    struct bl_policy *policy = NULL;
    size_t len = (size_t)snprintf(text, sizeof(text), "{\"weights\":{\"a\":1},\"rules\":[");

    for (int i = 0; i < RULES; i++) {
        char value[64];
        (void)snprintf(value, sizeof(value), format, i);
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "%s{\"when\":{\"metadata.tier\":\"%s\"},\"prefer\":[\"a\"]}",
                                i == 0 ? "" : ",", value);
    }
    len += (size_t)snprintf(text + len, sizeof(text) - len, "]}");
    if (bl_is_error(bl_policy_compile((struct bl_str){text, len}, BL_STR("t"), BL_STR("p"), NULL,
                                      &policy, &findings))) {
        fprintf(stderr, "the policy did not compile: %s\n", findings.items[0].message);
        exit(1);
    }
    return policy;
}

/* Median time of evaluating all rules up to the one that holds. */
static double measure(const char *name, const char *format) {
    struct bl_policy *policy = make_policy(format);
    double samples[ROUNDS];
    unsigned long matches = 0;
    char text[64];
    (void)snprintf(text, sizeof(text), format, RULES - 1);
    struct bl_value fact = {
        .type = BL_VALUE_STRING, .count = (uint32_t)strlen(text), .as.string = text};

    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (int pass = 0; pass < PASSES; pass++) {
            for (int rule = 0; rule < policy->rule_count; rule++) {
                if (bl_condition_holds(policy, policy->rules[rule].condition, &fact)) {
                    matches++;
                    break;
                }
            }
        }
        samples[round] = (now_ns() - start) / PASSES;
    }
    if (matches != (unsigned long)ROUNDS * PASSES) {
        fprintf(stderr, "%s: %lu matches\n", name, matches);
        exit(1);
    }
    bl_policy_unref(policy);
    qsort(samples, ROUNDS, sizeof(samples[0]), compare_doubles);
    printf("%-12s %d rules  p50 %6.1f ns  p90 %6.1f ns\n", name, RULES, samples[ROUNDS / 2],
           samples[ROUNDS * 9 / 10]);
    return samples[ROUNDS / 2];
}

int main(void) {
    double last = measure("last", "tier-%d");
    double same_length = measure("same_length", "tier-number-%03d");
    bool good = last <= TARGET_NS && same_length <= TARGET_NS;

    printf("RESULT {\"figures\":{\"conditions_64_p50_ns\":%.1f,"
           "\"conditions_64_same_length_p50_ns\":%.1f},\"verdict\":\"%s\"}\n",
           last, same_length, good ? "pass" : "fail");
    return good ? 0 : 1;
}
