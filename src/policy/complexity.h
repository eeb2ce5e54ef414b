/*
 * How much a policy's pipeline of extensions asks of each request: a score for dashboards and
 * admin reads. The formula is frozen, because dashboards of older versions show the same figure.
 */
#ifndef BL_POLICY_COMPLEXITY_H
#define BL_POLICY_COMPLEXITY_H

#include "policy/policy.h"

#define BL_PIPELINE_RECOMMENDED_TOTAL 4
#define BL_PIPELINE_RECOMMENDED_PER_KIND 2
#define BL_PIPELINE_LATENCY_PER_STEP_MS 30
#define BL_PIPELINE_LATENCY_WARNING_MS 150
#define BL_PIPELINE_REMARKS_MAX 5

enum bl_complexity_level {
    BL_COMPLEXITY_LOW,       /* score below 30 */
    BL_COMPLEXITY_MEDIUM,    /* below 60 */
    BL_COMPLEXITY_HIGH,      /* below 80 */
    BL_COMPLEXITY_VERY_HIGH, /* 80 to 100 */
};

struct bl_complexity {
    unsigned total, pre, validators, post; /* extensions */
    unsigned score;                        /* 0..100 */
    enum bl_complexity_level level;
    unsigned estimated_latency_ms; /* if they run one after the other */
    /* Static texts; what is over the recommendation, and what to do about it. */
    const char *warnings[BL_PIPELINE_REMARKS_MAX];
    unsigned warning_count;
    const char *recommendations[BL_PIPELINE_REMARKS_MAX];
    unsigned recommendation_count;
};

/*
 * With N extensions, R recommended: score = min(100, base + 5 for each kind with more than two +
 * min(20, 4 (N - R)) above R), where base is floor(60 N / R) up to R and 60 + min(20, 5 (N - R))
 * above. Pure; thread-safe.
 */
struct bl_complexity bl_pipeline_complexity(const struct bl_policy *policy);

/* "low", "medium", "high", "very_high". */
const char *bl_complexity_level_word(enum bl_complexity_level level);

#endif
