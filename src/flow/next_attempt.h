/*
 * What follows a failed attempt: by the policy's fallbacks, another one at the same provider, one
 * elsewhere, or nothing.
 *
 * The first fallback that matches the failed attempt and has something left is taken: a retry at the
 * provider that failed while it has some, then its `to`. A provider that was left is not chosen
 * again in this request. When nothing is left, the fallbacks for all_providers_failed are asked.
 */
#ifndef BL_FLOW_NEXT_ATTEMPT_H
#define BL_FLOW_NEXT_ATTEMPT_H

#include "base/arena.h"
#include "flow/decide.h"
#include "flow/error_class.h"

#define BL_ATTEMPTS_MAX 10 /* a policy's max_attempts at most */

/* One attempt of the past, in order. */
struct bl_attempt_past {
    struct bl_str provider_id;
    enum bl_reason reason; /* RETRY and FALLBACK: by `fallback` */
    int16_t fallback;      /* index in the policy; -1 = none */
};

struct bl_next_attempt {
    bool is_there;
    bl_provider_index provider;
    enum bl_reason reason; /* BL_REASON_RETRY or BL_REASON_FALLBACK */
    int16_t fallback;
    uint32_t delay_ms; /* before it begins */
};

/*
 * `past` holds all attempts so far, the failed one last; `error` says how it failed. `source` is
 * what conditions read; its attempt is filled in here. `seed` draws the jitter. Facts come from
 * `arena`. Pure. With a full arena nothing follows.
 */
struct bl_next_attempt bl_flow_next_attempt(const struct bl_policy *policy,
                                            const struct bl_fact_source *source,
                                            const struct bl_attempt_past *past, unsigned past_count,
                                            const struct bl_error_class *error, uint64_t seed,
                                            struct bl_arena *arena);

#endif
