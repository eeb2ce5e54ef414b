#include "route/limit.h"

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MINUTE INT64_C(60000000000)
#define NS_PER_MS INT64_C(1000000)

int64_t bl_gcra_wait_ns(int64_t tat_ns, int64_t now_ns, int64_t interval_ns, uint64_t burst,
                        uint64_t cost) {
    int64_t ahead_ns = tat_ns > now_ns ? tat_ns - now_ns : 0;

    if (cost >= burst) {
        return ahead_ns;
    }
    int64_t tolerance_ns = (int64_t)(burst - cost) * interval_ns;
    return ahead_ns > tolerance_ns ? ahead_ns - tolerance_ns : 0;
}

static int64_t to_ms_up(int64_t ns) {
    return (ns + NS_PER_MS - 1) / NS_PER_MS;
}

static int64_t until_ms(int64_t when_ms, int64_t now_ns) {
    int64_t now_ms = now_ns / NS_PER_MS;
    return when_ms > now_ms ? when_ms - now_ms : 1;
}

static int64_t rate_wait_ns(const struct bl_limits_config *limits,
                            const struct bl_limit_levels *levels, int64_t now_ns) {
    if (!limits->rate.enabled || limits->rate.scope == BL_SCOPE_PROVIDER) {
        return 0;
    }
    return bl_gcra_wait_ns(levels->rate_tat_ns, now_ns,
                           NS_PER_SECOND / limits->rate.requests_per_second, limits->rate.burst, 1);
}

/* A minute's worth may come at once. */
static int64_t tokens_wait_ns(const struct bl_limits_config *limits,
                              const struct bl_limit_levels *levels, int64_t now_ns,
                              uint64_t tokens) {
    if (limits->tokens_per_minute == 0) {
        return 0;
    }
    int64_t ahead_ns = levels->tokens_tat_ns > now_ns ? levels->tokens_tat_ns - now_ns : 0;
    if (tokens >= limits->tokens_per_minute) {
        return ahead_ns;
    }
    /* tokens < per_minute: the product fits 128 bits, the quotient a minute. */
    __int128 minutes_ns = (__int128)tokens * (__int128)NS_PER_MINUTE;
    __int128 cost_ns = minutes_ns / (__int128)limits->tokens_per_minute;
    int64_t tolerance_ns = NS_PER_MINUTE - (int64_t)cost_ns;
    return ahead_ns > tolerance_ns ? ahead_ns - tolerance_ns : 0;
}

struct bl_limit_verdict bl_limit_evaluate(const struct bl_limits_config *limits,
                                          const struct bl_limit_levels *levels, int64_t now_ns,
                                          uint64_t tokens) {
    int64_t wait_ns = rate_wait_ns(limits, levels, now_ns);

    if (wait_ns == 0) {
        wait_ns = tokens_wait_ns(limits, levels, now_ns, tokens == 0 ? 1 : tokens);
    }
    if (wait_ns > 0) {
        return (struct bl_limit_verdict){BL_E_RATE_LIMIT_EXCEEDED, to_ms_up(wait_ns), false};
    }
    if (limits->quota.requests != 0 && levels->quota_used >= limits->quota.requests) {
        return (struct bl_limit_verdict){BL_E_QUOTA_EXCEEDED,
                                         until_ms(levels->quota_resets_ms, now_ns), false};
    }
    if (limits->budget.cost_nano != 0 && levels->budget_used_nano >= limits->budget.cost_nano) {
        if (limits->budget.on_exceed == BL_ON_EXCEED_BLOCK) {
            return (struct bl_limit_verdict){BL_E_BUDGET_EXCEEDED,
                                             until_ms(levels->budget_resets_ms, now_ns), false};
        }
        return (struct bl_limit_verdict){BL_E_NONE, 0,
                                         limits->budget.on_exceed == BL_ON_EXCEED_LAST_RESORT};
    }
    return (struct bl_limit_verdict){BL_E_NONE, 0, false};
}

int64_t bl_limit_reserve(const struct bl_limits_config *limits, int64_t max_cost_nano,
                         const struct bl_provider *provider,
                         const struct bl_provider_state *state) {
    int64_t cap = limits->budget.reserve_max_nano;

    if (limits->budget.cost_nano == 0) {
        return 0;
    }
    if (max_cost_nano != BL_MONEY_UNKNOWN && (cap == BL_MONEY_UNKNOWN || max_cost_nano < cap)) {
        cap = max_cost_nano;
    }
    if (cap != BL_MONEY_UNKNOWN) {
        return cap;
    }
    if (state != NULL && state->cost_p95_nano != BL_MONEY_UNKNOWN) {
        return state->cost_p95_nano;
    }
    return provider->expect_cost_nano == BL_MONEY_UNKNOWN ? 0 : provider->expect_cost_nano;
}
