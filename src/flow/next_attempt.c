#include "flow/next_attempt.h"

#include <assert.h>

struct search {
    const struct bl_policy *policy;
    const struct bl_attempt_past *past;
    unsigned count;
    struct bl_str failed; /* the provider that failed */
    uint64_t seed;
};

/* Retries that a fallback has given the provider that failed. */
static uint32_t retries_used(const struct search *search, int16_t fallback) {
    uint32_t used = 0;

    for (unsigned i = 0; i < search->count; i++) {
        const struct bl_attempt_past *past = &search->past[i];
        used += past->reason == BL_REASON_RETRY && past->fallback == fallback &&
                bl_str_equal(past->provider_id, search->failed);
    }
    return used;
}

static bool was_tried(const struct search *search, bl_provider_index provider) {
    for (unsigned i = 0; i < search->count; i++) {
        if (bl_str_equal(search->past[i].provider_id, search->policy->providers[provider].id)) {
            return true;
        }
    }
    return false;
}

/* Jitter takes away up to half: so many that failed together do not come back together. */
static uint32_t delay_of(const struct bl_backoff *backoff, uint32_t used, uint64_t seed) {
    uint64_t delay = backoff->base_ms;

    if (backoff->strategy == BL_BACKOFF_EXPONENTIAL) {
        delay = used < 32 ? delay << used : backoff->max_ms;
    } else if (backoff->strategy == BL_BACKOFF_LINEAR) {
        delay *= used + 1;
    }
    delay = delay < backoff->max_ms ? delay : backoff->max_ms;
    return (uint32_t)(backoff->jitter ? delay - delay * (seed >> 32) / (UINT64_C(2) << 32) : delay);
}

/* What fallback `index` has left for the attempt that failed. */
static bool take(const struct search *search, int16_t index, bool may_retry,
                 struct bl_next_attempt *out) {
    const struct bl_fallback *fallback = &search->policy->fallbacks[index];
    uint32_t used = retries_used(search, index);

    *out = (struct bl_next_attempt){.is_there = true, .fallback = index};
    if (may_retry && used < fallback->retry) {
        out->provider = bl_policy_find_provider(search->policy, search->failed);
        out->reason = BL_REASON_RETRY;
        out->delay_ms = delay_of(&fallback->backoff, used, search->seed);
        if (out->provider != BL_PROVIDER_NONE) {
            return true;
        }
        out->delay_ms = 0; /* it has left the policy: what replaces it is there to be asked */
    }
    out->provider = fallback->to;
    out->reason = BL_REASON_FALLBACK;
    return fallback->to != BL_PROVIDER_NONE && !was_tried(search, fallback->to);
}

/* What conditions read of the attempt that failed with that word. False with a full arena. */
static bool read_facts(const struct search *search, const struct bl_fact_source *source,
                       enum bl_status status, struct bl_arena *arena, const struct bl_value **out) {
    struct bl_fact_source attempt = *source;

    attempt.attempt = search->count;
    attempt.attempt_status = bl_str_from_c(bl_status_word(status));
    attempt.attempt_provider = search->failed;
    return bl_is_ok(bl_flow_facts(search->policy, &attempt, arena, out));
}

/* The first fallback that matches one of the words, each of which may be none (STATUS_COUNT). */
static bool search_with(const struct search *search, const struct bl_fact_source *source,
                        const enum bl_status words[2], bool may_retry, struct bl_arena *arena,
                        struct bl_next_attempt *out) {
    const struct bl_value *facts[2];
    unsigned count = 0;

    for (int i = 0; i < 2; i++) {
        if (words[i] == BL_STATUS_COUNT) {
            continue;
        }
        if (!read_facts(search, source, words[i], arena, &facts[count])) {
            return false;
        }
        count++;
    }
    for (uint16_t i = 0; i < search->policy->fallback_count; i++) {
        uint32_t condition = search->policy->fallbacks[i].condition;
        bool matches = false;
        for (unsigned k = 0; k < count && !matches; k++) {
            matches = bl_condition_holds(search->policy, condition, facts[k]);
        }
        if (matches && take(search, (int16_t)i, may_retry, out)) {
            return true;
        }
    }
    return false;
}

struct bl_next_attempt bl_flow_next_attempt(const struct bl_policy *policy,
                                            const struct bl_fact_source *source,
                                            const struct bl_attempt_past *past, unsigned past_count,
                                            const struct bl_error_class *error, uint64_t seed,
                                            struct bl_arena *arena) {
    static const struct bl_next_attempt nothing = {.provider = BL_PROVIDER_NONE, .fallback = -1};
    static const enum bl_status all_failed[] = {BL_STATUS_ALL_PROVIDERS_FAILED, BL_STATUS_COUNT};
    const enum bl_status failed[] = {error->status, error->exact};
    struct bl_next_attempt next;

    assert(past_count > 0 && past_count <= BL_ATTEMPTS_MAX);
    const struct search search = {policy, past, past_count, past[past_count - 1].provider_id, seed};
    if (error->ends_request || past_count >= policy->max_attempts) {
        return nothing;
    }
    if (search_with(&search, source, failed, true, arena, &next) ||
        search_with(&search, source, all_failed, false, arena, &next)) {
        return next;
    }
    return nothing;
}
