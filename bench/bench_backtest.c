/*
 * How fast recorded decisions are made again: a recording in memory, as a router writes it, judged by
 * the live policy and by a candidate. A record is two decisions.
 *
 *   build/release/bench_backtest
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/seed.h"
#include "flow/backtest.h"
#include "policy/compile.h"
#include "route/frame.h"
#include "route/record.h"

#define RECORDS 200000
#define ROUNDS 7
#define BYTES_PER_RECORD 512

static const char live_text[] =
    "providers:\n"
    "  - {name: openai/gpt-4o, weight: 70, expect: {latency_ms: 850, cost: 0.012}}\n"
    "  - {name: anthropic/sonnet, weight: 30, expect: {latency_ms: 900, cost: 0.010}}\n"
    "  - {name: local/llama, weight: 0, last_resort: true}\n"
    "rules:\n"
    "  - {when: 'metadata.region == \"eu\"', deny: [openai/gpt-4o]}\n"
    "  - {when: 'size(task.payload.prompt) > 40000', deny: [local/llama]}\n"
    "  - {when: 'task.type == \"text.embed\" && metadata.tier in [\"gold\", \"silver\"]', prefer: "
    "[local/llama]}\n"
    "sticky: {enabled: true, session_key: user_id, ttl: 10m}\n";

static struct bl_policy *compile(const char *text) {
    static struct bl_findings findings;
    struct bl_policy *policy = NULL;

    if (bl_is_error(bl_policy_compile(bl_str_from_c(text), BL_STR("acme"), BL_STR("default"), NULL,
                                      &policy, &findings))) {
        fprintf(stderr, "bench_backtest: %s\n", findings.items[0].message);
        exit(1);
    }
    return policy;
}

static struct bl_policy *candidate_of_live(void) {
    char text[sizeof(live_text)];
    memcpy(text, live_text, sizeof(text));
    memcpy(strstr(text, "weight: 70"), "weight: 50", 10);
    return compile(text);
}

static double now_s(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct bl_value fact_of(struct bl_str path, struct bl_seed *seed) {
    static const char *const regions[] = {"eu", "us", "ap"};
    static const char *const tiers[] = {"gold", "silver", "free"};
    static const char *const types[] = {"text.generate", "text.embed", "chat"};

    uint64_t drawn = bl_seed_next(seed);
    if (bl_str_equal(path, BL_STR("metadata.region"))) {
        return bl_value_text(bl_str_from_c(regions[drawn % 3]));
    }
    if (bl_str_equal(path, BL_STR("metadata.tier"))) {
        return bl_value_text(bl_str_from_c(tiers[drawn % 3]));
    }
    if (bl_str_equal(path, BL_STR("task.type"))) {
        return bl_value_text(bl_str_from_c(types[drawn % 3]));
    }
    return bl_value_int((int64_t)(drawn % 60000));
}

static void record(const struct bl_policy *policy, struct bl_buf *file) {
    struct bl_value facts[BL_POLICY_MAX_FACTS];
    struct bl_seed seed;

    bl_seed_init(&seed, 1);
    for (int i = 0; i < RECORDS; i++) {
        struct bl_decision_input input = {.policy = policy,
                                          .facts = facts,
                                          .now_ns = INT64_C(1764000000000000000) + i,
                                          .seed = bl_seed_next(&seed),
                                          .attempt = 1,
                                          .has_session = true,
                                          .session = {bl_seed_next(&seed), bl_seed_next(&seed)},
                                          .pin = BL_PROVIDER_NONE,
                                          .max_latency_ms = -1,
                                          .max_cost_nano = BL_MONEY_UNKNOWN};
        for (uint16_t f = 0; f < policy->fact_count; f++) {
            facts[f] = fact_of(policy->facts[f].path, &seed);
        }
        size_t began = bl_frame_begin(file);
        bl_record_encode(&input, NULL, file);
        if (!bl_frame_end(file, began)) {
            fprintf(stderr, "bench_backtest: the recording does not fit\n");
            exit(1);
        }
    }
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void) {
    static struct bl_backtest backtest;
    struct bl_policy *live = compile(live_text);
    struct bl_policy *candidate = candidate_of_live();
    char *storage = malloc((size_t)RECORDS * BYTES_PER_RECORD);
    struct bl_buf file;
    double rates[ROUNDS];

    if (storage == NULL) {
        return 1;
    }
    bl_buf_init(&file, storage, (size_t)RECORDS * BYTES_PER_RECORD);
    record(live, &file);
    for (int round = 0; round < ROUNDS; round++) {
        struct bl_frame_reader reader = bl_frame_reader(bl_buf_view(&file));
        struct bl_str bytes;
        bl_backtest_init(&backtest, live, candidate);
        double began_s = now_s();
        while (bl_frame_next(&reader, &bytes)) {
            if (bl_is_error(bl_backtest_add(&backtest, bytes))) {
                return 1;
            }
        }
        rates[round] = 2 * RECORDS / (now_s() - began_s);
        bl_backtest_fini(&backtest);
        if (backtest.judged != RECORDS || backtest.damaged != 0) {
            fprintf(stderr, "bench_backtest: not all records were judged\n");
            return 1;
        }
    }
    qsort(rates, ROUNDS, sizeof(rates[0]), by_value);
    double rate = rates[ROUNDS / 2];
    bool good = rate >= 1e6;
    printf("%d records of %zu bytes, %.1f %% change\n", RECORDS, file.len / RECORDS,
           100.0 * (double)backtest.changed / RECORDS);
    printf("decisions_per_second  %.0f   limit 1000000   %s\n", rate, good ? "good" : "FAIL");
    printf("RESULT {\"name\":\"bench-backtest\",\"figures\":{\"decisions_per_second\":%.0f,"
           "\"records_per_second\":%.0f,\"record_bytes\":%zu,\"slowest\":%.0f,\"fastest\":%.0f},"
           "\"verdict\":\"%s\"}\n",
           rate, rate / 2, file.len / RECORDS, rates[0], rates[ROUNDS - 1], good ? "pass" : "fail");
    free(storage);
    bl_policy_unref(live);
    bl_policy_unref(candidate);
    return good ? 0 : 1;
}
