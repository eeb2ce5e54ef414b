/*
 * Limits, evaluated against given levels. Pure: nothing is counted here.
 *
 * Rates are GCRA (ITU-T I.371, generic cell rate algorithm): one number per limit, the theoretical
 * arrival time (TAT), says how far ahead of its rate a source is.
 */
#ifndef BL_ROUTE_LIMIT_H
#define BL_ROUTE_LIMIT_H

#include "route/decide.h"

struct bl_limit_verdict {
    enum bl_error error;    /* NONE, RATE_LIMIT_EXCEEDED, QUOTA_EXCEEDED, BUDGET_EXCEEDED */
    int64_t retry_after_ms; /* when the same request would pass, rounded up; 0 if it passes */
    bool only_last_resort;  /* the budget is spent, and the policy goes on with the last resort */
};

/* Rate, tokens, quota and budget of the request as a whole, in this order; the first that refuses
 * counts. Limits of scope `provider` are looked at per provider instead. */
struct bl_limit_verdict bl_limit_evaluate(const struct bl_limits_config *limits,
                                          const struct bl_limit_levels *levels, int64_t now_ns,
                                          uint64_t tokens);

/* How long until a source with this TAT may send `cost` more, 0 = now. `interval_ns` is the time
 * one unit takes at the sustained rate, `burst` how many units may come at once (≥ cost, else the
 * answer is the time until the bucket is empty, which lets the excess pass). */
int64_t bl_gcra_wait_ns(int64_t tat_ns, int64_t now_ns, int64_t interval_ns, uint64_t burst,
                        uint64_t cost);

/* What an attempt at a provider reserves in the budget; 0 when nothing is known or there is no
 * budget. */
int64_t bl_limit_reserve(const struct bl_limits_config *limits, int64_t max_cost_nano,
                         const struct bl_provider *provider, const struct bl_provider_state *state);

#endif
