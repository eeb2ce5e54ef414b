/* Eligibility: who can be chosen, and what speaks against the others. */
#include "route/choice.h"
#include "route/limit.h"

int64_t bl_choice_latency_ms(const struct bl_choice *choice, int provider) {
    const struct bl_provider_state *state = bl_choice_state(choice, provider);

    return state != NULL && state->latency_p50_ms >= 0
               ? state->latency_p50_ms
               : choice->policy->providers[provider].expect_latency_ms;
}

int64_t bl_choice_cost_nano(const struct bl_choice *choice, int provider) {
    const struct bl_provider_state *state = bl_choice_state(choice, provider);

    return state != NULL && state->cost_mean_nano != BL_MONEY_UNKNOWN
               ? state->cost_mean_nano
               : choice->policy->providers[provider].expect_cost_nano;
}

static enum bl_drop check_constraints(const struct bl_choice *choice, int provider) {
    const struct bl_decision_input *input = choice->input;

    if (input->max_latency_ms >= 0 &&
        bl_choice_latency_ms(choice, provider) > input->max_latency_ms) {
        return BL_DROP_CONSTRAINT_LATENCY;
    }
    if (input->max_cost_nano != BL_MONEY_UNKNOWN &&
        bl_choice_cost_nano(choice, provider) > input->max_cost_nano) {
        return BL_DROP_CONSTRAINT_COST;
    }
    return BL_DROP_NONE;
}

static enum bl_drop check_breaker(const struct bl_choice *choice,
                                  const struct bl_provider_state *state) {
    const struct bl_breaker_config *breaker = &choice->policy->breaker;

    if (!breaker->enabled || state->breaker == BL_BREAKER_CLOSED) {
        return BL_DROP_NONE;
    }
    if (state->breaker == BL_BREAKER_OPEN) {
        bool may_probe = state->breaker_retry_at_ms <= choice->input->now_ns / 1000000;
        return may_probe ? BL_DROP_NONE : BL_DROP_BREAKER_OPEN;
    }
    return state->half_open_in_use < breaker->half_open_max_calls ? BL_DROP_NONE
                                                                  : BL_DROP_PROBES_TAKEN;
}

/* What the provider's own state says, except its breaker. */
static enum bl_drop check_state(const struct bl_choice *choice, int provider,
                                const struct bl_provider_state *state) {
    const struct bl_policy *policy = choice->policy;
    uint32_t max_inflight = policy->providers[provider].max_inflight;

    if (state->cooldown_until_ms > choice->input->now_ns / 1000000) {
        return BL_DROP_COOLDOWN;
    }
    if (policy->require_live_workers && state->workers != BL_WORKERS_LIVE) {
        return BL_DROP_NO_LIVE_WORKER;
    }
    if (max_inflight != 0 && state->inflight >= max_inflight) {
        return BL_DROP_INFLIGHT_FULL;
    }
    return state->rate_refused ? BL_DROP_RATE_REFUSED : BL_DROP_NONE;
}

/* Whether the provider's reserve fits. The last resort is what a spent budget goes on with. */
static enum bl_drop check_budget(const struct bl_choice *choice, int provider,
                                 const struct bl_provider_state *state) {
    const struct bl_limits_config *limits = &choice->policy->limits;
    const struct bl_limit_levels *levels = choice->input->limits;

    if (limits->budget.cost_nano == 0 || levels == NULL ||
        limits->budget.on_exceed == BL_ON_EXCEED_WARN) {
        return BL_DROP_NONE;
    }
    if (limits->budget.on_exceed == BL_ON_EXCEED_LAST_RESORT &&
        bl_provider_set_has(&choice->policy->last_resort, provider)) {
        return BL_DROP_NONE;
    }
    int64_t left = limits->budget.cost_nano - levels->budget_used_nano;
    int64_t reserve = bl_limit_reserve(limits, choice->input->max_cost_nano,
                                       &choice->policy->providers[provider], state);
    return choice->only_last_resort || reserve > left ? BL_DROP_BUDGET : BL_DROP_NONE;
}

static enum bl_drop check(struct bl_choice *choice, int provider) {
    const struct bl_provider_state *state = bl_choice_state(choice, provider);
    enum bl_drop drop = check_constraints(choice, provider);

    if (drop == BL_DROP_NONE && state != NULL) {
        drop = check_breaker(choice, state);
        if (drop == BL_DROP_NONE) {
            drop = check_state(choice, provider, state);
        } else if (check_state(choice, provider, state) == BL_DROP_NONE &&
                   check_budget(choice, provider, state) == BL_DROP_NONE) {
            bl_provider_set_add(&choice->broken, provider);
        }
    }
    return drop == BL_DROP_NONE ? check_budget(choice, provider, state) : drop;
}

/* Weighted, last resort, or named by the rule that ended the reading. */
static struct bl_provider_set offered(const struct bl_choice *choice) {
    struct bl_provider_set set =
        bl_provider_set_or(choice->policy->weighted, choice->policy->last_resort);

    for (uint16_t i = 0; choice->ending != NULL && i < choice->ending->prefer_count; i++) {
        bl_provider_set_add(&set, choice->ending->prefer[i]);
    }
    return set;
}

void bl_choice_check(struct bl_choice *choice) {
    struct bl_provider_set candidates = offered(choice);
    uint8_t *drops = choice->out->drops;

    choice->available = BL_PROVIDER_SET_EMPTY;
    choice->broken = BL_PROVIDER_SET_EMPTY;
    for (int p = 0; p < choice->policy->provider_count; p++) {
        enum bl_drop drop = !bl_provider_set_has(&candidates, p)        ? BL_DROP_NOT_OFFERED
                            : !bl_provider_set_has(&choice->allowed, p) ? BL_DROP_DENIED_BY_RULE
                                                                        : check(choice, p);
        drops[p] = (uint8_t)drop;
        if (drop == BL_DROP_NONE) {
            bl_provider_set_add(&choice->available, p);
        }
    }
}
