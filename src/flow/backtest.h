/*
 * Backtests: yesterday's decisions, made again by two policies.
 *
 * Each record is decided by the policy that is live and by the one that may become it, with the same
 * time, session, states, limits and draw; what differs is counted. Where a policy reads what a record
 * does not hold, because it was not recorded or only its hash was, the record is not judged, and the
 * path is told: nothing is guessed. Pure; takes no heap once the arena has grown.
 */
#ifndef BL_FLOW_BACKTEST_H
#define BL_FLOW_BACKTEST_H

#include "base/diag.h"
#include "route/decide.h"

#define BL_BACKTEST_PATHS_MAX 32
#define BL_BACKTEST_TENANTS_MAX 64
#define BL_BACKTEST_NAME_MAX 256

/* One policy's side. */
struct bl_backtest_side {
    uint64_t providers[BL_POLICY_MAX_PROVIDERS]; /* decisions, by index in its policy */
    uint64_t refusals[BL_ERROR_COUNT];
    uint64_t rules[BL_POLICY_MAX_RULES]; /* matches */
    uint64_t rules_failed;               /* conditions that ended in an error */
    double cost_nano; /* expected, summed over records where both sides know it */
    double latency_ms;
};

struct bl_backtest_path {
    char path[BL_BACKTEST_NAME_MAX];
    uint64_t records;
    bool redacted; /* recorded, but only as a hash */
};

struct bl_backtest_tenant {
    char id[BL_BACKTEST_NAME_MAX];
    uint64_t records, changed;
};

struct bl_backtest {
    const struct bl_policy *policies[2]; /* live, candidate */
    struct bl_arena arena;               /* of one record */

    uint64_t records, judged, changed;
    uint64_t damaged;        /* that could not be read */
    uint64_t of_others;      /* of another policy id */
    uint64_t other_revision; /* judged, though made by another revision of the live policy */
    uint64_t known_cost, known_latency;
    struct bl_backtest_side sides[2];
    /* Changes from a provider of the live policy to one of the candidate; the last row and column
     * are refusals. */
    uint32_t moves[BL_POLICY_MAX_PROVIDERS + 1][BL_POLICY_MAX_PROVIDERS + 1];
    struct bl_backtest_path unjudged[BL_BACKTEST_PATHS_MAX];
    size_t unjudged_count;
    uint64_t unjudged_records, unjudged_left_out; /* paths beyond the bound */
    struct bl_backtest_tenant tenants[BL_BACKTEST_TENANTS_MAX];
    size_t tenant_count;
    uint64_t tenants_left_out; /* records of tenants beyond the bound */
};

/* Zeroes `backtest` (about 100 KiB: heap or static). Both policies are borrowed. */
void bl_backtest_init(struct bl_backtest *backtest, const struct bl_policy *live,
                      const struct bl_policy *candidate);
void bl_backtest_fini(struct bl_backtest *backtest);

/* Judges one record. Errors: RESOURCE_EXHAUSTED; a record that cannot be read is counted. */
BL_MUST_USE bl_result bl_backtest_add(struct bl_backtest *backtest, struct bl_str record);

#endif
