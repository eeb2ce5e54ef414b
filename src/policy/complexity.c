#include "policy/complexity.h"

#include <assert.h>

static unsigned at_most(unsigned limit, unsigned value) {
    return value < limit ? value : limit;
}

static unsigned score_of(const struct bl_complexity *pipeline) {
    const unsigned recommended = BL_PIPELINE_RECOMMENDED_TOTAL;
    unsigned over = pipeline->total > recommended ? pipeline->total - recommended : 0;
    unsigned score = over == 0 ? pipeline->total * 60 / recommended : 60 + at_most(20, 5 * over);

    score += pipeline->pre > BL_PIPELINE_RECOMMENDED_PER_KIND ? 5 : 0;
    score += pipeline->validators > BL_PIPELINE_RECOMMENDED_PER_KIND ? 5 : 0;
    score += pipeline->post > BL_PIPELINE_RECOMMENDED_PER_KIND ? 5 : 0;
    return at_most(100, score + at_most(20, 4 * over));
}

static enum bl_complexity_level level_of(unsigned score) {
    return score < 30   ? BL_COMPLEXITY_LOW
           : score < 60 ? BL_COMPLEXITY_MEDIUM
           : score < 80 ? BL_COMPLEXITY_HIGH
                        : BL_COMPLEXITY_VERY_HIGH;
}

static void remark(struct bl_complexity *pipeline, bool applies, const char *warning,
                   const char *recommendation) {
    if (applies) {
        assert(pipeline->warning_count < BL_PIPELINE_REMARKS_MAX);
        pipeline->warnings[pipeline->warning_count++] = warning;
        pipeline->recommendations[pipeline->recommendation_count++] = recommendation;
    }
}

struct bl_complexity bl_pipeline_complexity(const struct bl_policy *policy) {
    const unsigned per_kind = BL_PIPELINE_RECOMMENDED_PER_KIND;
    struct bl_complexity pipeline = {.pre = policy->pre_count,
                                     .validators = policy->validator_count,
                                     .post = policy->post_count};

    pipeline.total = pipeline.pre + pipeline.validators + pipeline.post;
    pipeline.score = score_of(&pipeline);
    pipeline.level = level_of(pipeline.score);
    pipeline.estimated_latency_ms = pipeline.total * BL_PIPELINE_LATENCY_PER_STEP_MS;
    remark(&pipeline, pipeline.estimated_latency_ms > BL_PIPELINE_LATENCY_WARNING_MS,
           "the extensions are expected to take more than 150 ms",
           "give extensions a `when`, so that requests skip what they do not need");
    remark(&pipeline, pipeline.post > per_kind, "more than 2 post-processors",
           "join post-processors into one extension");
    remark(&pipeline, pipeline.validators > per_kind, "more than 2 validators",
           "join validators into one extension");
    remark(&pipeline, pipeline.pre > per_kind, "more than 2 pre-processors",
           "join pre-processors into one extension");
    remark(&pipeline, pipeline.total > BL_PIPELINE_RECOMMENDED_TOTAL, "more than 4 extensions",
           "move work that does not decide about routing into the workers");
    return pipeline;
}

const char *bl_complexity_level_word(enum bl_complexity_level level) {
    static const char *const words[] = {"low", "medium", "high", "very_high"};

    assert((unsigned)level < sizeof(words) / sizeof(words[0]));
    return words[level];
}
