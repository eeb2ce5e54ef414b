/*
 * The decision: which provider gets this attempt.
 *
 * bl_decide is a pure function of one argument. Everything it may depend on is in the input:
 * the policy, the facts its conditions read, the state of each provider, the limits, the session's
 * pin, the time and the seed. So a recorded input decides the same again, on every router, to the
 * byte (route/record.h). It allocates nothing, takes no lock and cannot fail half way.
 *
 * Order: admission limits → rules → eligibility → pin → strategy → last resort. See
 * route/README.md for the drawing.
 */
#ifndef BL_ROUTE_DECIDE_H
#define BL_ROUTE_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "policy/policy.h"

enum bl_breaker_state { BL_BREAKER_CLOSED, BL_BREAKER_OPEN, BL_BREAKER_HALF_OPEN };
enum bl_worker_state { BL_WORKERS_UNKNOWN, BL_WORKERS_LIVE, BL_WORKERS_GONE };

/* What is known of one provider at this moment. A zeroed struct with the three measured values
 * set to unknown (bl_provider_state_unknown) means: nothing known, nothing wrong. */
struct bl_provider_state {
    uint8_t breaker;             /* enum bl_breaker_state */
    uint8_t workers;             /* enum bl_worker_state */
    bool rate_refused;           /* its request or token rate has nothing left */
    uint32_t half_open_in_use;   /* probes out */
    uint32_t inflight;           /* attempts under way */
    float error_rate;            /* 0..1 over the window */
    int64_t breaker_retry_at_ms; /* when an open breaker lets a probe through; epoch ms */
    int64_t cooldown_until_ms;   /* epoch ms; 0 = none */
    int64_t latency_p50_ms;      /* -1 = not measured */
    int64_t cost_mean_nano;      /* BL_MONEY_UNKNOWN = not measured */
    int64_t cost_p95_nano;       /* BL_MONEY_UNKNOWN = not measured */
};

#define BL_PROVIDER_STATE_UNKNOWN                                                                  \
    ((struct bl_provider_state){.latency_p50_ms = -1,                                              \
                                .cost_mean_nano = BL_MONEY_UNKNOWN,                                \
                                .cost_p95_nano = BL_MONEY_UNKNOWN})

/* Levels of the limits that this request is counted against, as read from the ledger. A limit
 * that the policy does not set is not looked at. */
struct bl_limit_levels {
    int64_t rate_tat_ns;      /* GCRA theoretical arrival time, epoch ns; 0 = never used */
    int64_t tokens_tat_ns;    /* the same for tokens */
    uint64_t quota_used;      /* requests counted in this period */
    int64_t quota_resets_ms;  /* epoch ms when the period ends */
    int64_t budget_used_nano; /* settled + reserved in this period */
    int64_t budget_resets_ms;
};

struct bl_decision_input {
    const struct bl_policy *policy;
    struct bl_str tenant_id;                /* whose request it is; absent = the policy's. Not read
                                             * by the decision, kept by records */
    const struct bl_value *facts;           /* policy->fact_count */
    const struct bl_provider_state *states; /* policy->provider_count; NULL = nothing known */
    const struct bl_limit_levels *limits;   /* NULL = no limit has been used */
    int64_t now_ns;                         /* epoch */
    uint64_t seed;                          /* see bl_decision_seed */
    uint32_t attempt;                       /* from 1 */
    bool has_session;
    uint64_t session[2];   /* digest of the session value */
    bl_provider_index pin; /* provider of the session's live pin, or NONE */
    int64_t pin_expires_ms;
    int64_t max_latency_ms;    /* constraint; -1 = none */
    int64_t max_cost_nano;     /* constraint; BL_MONEY_UNKNOWN = none */
    uint64_t estimated_tokens; /* tokens this request is expected to use; 0 = unknown */
};

/* Reasons of a choice, with the word and the priority on the wire. */
#define BL_REASON_MAP(X)                                                                           \
    X(STICKY, "sticky", 100)                                                                       \
    X(RULE, "rule", 75)                                                                            \
    X(WEIGHTED, "weighted", 50)                                                                    \
    X(BEST_SCORE, "best_score", 50)                                                                \
    X(RETRY, "retry", 50)                                                                          \
    X(FALLBACK, "fallback", 25)                                                                    \
    X(CIRCUIT_BREAKER_FALLBACK, "circuit_breaker_fallback", 20)

enum bl_reason {
#define X(symbol, word, priority) BL_REASON_##symbol,
    BL_REASON_MAP(X)
#undef X
        BL_REASON_COUNT
};
const char *bl_reason_word(enum bl_reason reason);
int bl_reason_priority(enum bl_reason reason);

/* Why a candidate was not available, in order of the checks: word for the wire and for metrics,
 * sentence for people. */
#define BL_DROP_MAP(X)                                                                             \
    X(NONE, "none", "was available")                                                               \
    X(NOT_OFFERED, "not_offered", "has weight 0 and no rule or last resort names it")              \
    X(DENIED_BY_RULE, "denied_by_rule", "a rule excludes it")                                      \
    X(CONSTRAINT_LATENCY, "constraint_latency", "is slower than the request's max_latency_ms")     \
    X(CONSTRAINT_COST, "constraint_cost", "costs more than the request's max_cost")                \
    X(BREAKER_OPEN, "breaker_open", "its circuit breaker is open")                                 \
    X(PROBES_TAKEN, "probes_taken", "its breaker is half-open and all probes are out")             \
    X(COOLDOWN, "cooldown", "it asked for a pause (rate limited)")                                 \
    X(NO_LIVE_WORKER, "no_live_worker", "no worker for it has been heard of")                      \
    X(INFLIGHT_FULL, "inflight_full", "it has max_inflight attempts under way")                    \
    X(RATE_REFUSED, "rate_refused", "its rate limit has nothing left")                             \
    X(BUDGET, "budget", "its reserve does not fit into the budget")

enum bl_drop {
#define X(symbol, word, text) BL_DROP_##symbol,
    BL_DROP_MAP(X)
#undef X
        BL_DROP_COUNT
};
const char *bl_drop_word(enum bl_drop drop);
const char *bl_drop_text(enum bl_drop drop);

enum bl_draw_kind {
    BL_DRAW_NONE,       /* one candidate, a rule, or a pin: nothing was drawn */
    BL_DRAW_WEIGHTED,   /* by seed */
    BL_DRAW_RENDEZVOUS, /* by session */
    BL_DRAW_SCORE,      /* best score, ties by seed */
};

enum bl_pin_action { BL_PIN_NONE, BL_PIN_WRITE, BL_PIN_RENEW };

struct bl_decision {
    enum bl_error
        error; /* NONE, NO_PROVIDER_AVAILABLE, RATE_LIMIT_EXCEEDED, QUOTA_…, BUDGET_EXCEEDED */
    int64_t retry_after_ms; /* with the three limit errors; else 0 */
    bl_provider_index provider;
    enum bl_reason reason;
    enum bl_draw_kind draw;
    double
        draw_value; /* WEIGHTED: point in [0, draw_total); RENDEZVOUS, SCORE: the winner's score */
    double draw_total; /* WEIGHTED: sum of the weights drawn from */
    enum bl_pin_action pin_action;
    int64_t pin_expires_ms; /* for WRITE and RENEW */
    bool probe;             /* takes a half-open slot of the provider */
    bool latency_known;     /* expected_* come from measurement or the policy */
    bool cost_known;
    int64_t expected_latency_ms; /* 0 when unknown */
    int64_t expected_cost_nano;  /* 0 when unknown */
    int64_t reserve_nano;        /* to reserve in the budget; 0 without one */
    int16_t rule;                /* the `prefer` or `stop` rule that ended the evaluation, or -1 */
    uint16_t rules_failed_count;
    uint64_t rules_matched[BL_POLICY_MAX_RULES / 64]; /* only the policy's words are written */
    uint64_t rules_failed[BL_POLICY_MAX_RULES / 64];  /* their condition ended in an error */
    uint8_t drops[BL_POLICY_MAX_PROVIDERS];           /* enum bl_drop per provider of the policy */
};

/*
 * Decides. `out` is caller storage and fully defined afterwards, for explaining also on an error.
 * Returns out->error as a result. Thread-safe, about 100–500 ns.
 */
BL_MUST_USE bl_result bl_decide(const struct bl_decision_input *input, struct bl_decision *out);

/* Who would have been chosen without the chosen provider, or NONE: the same decision again with
 * that one left out. For explanations. */
bl_provider_index bl_decide_runner_up(const struct bl_decision_input *input,
                                      const struct bl_decision *decision);

/* Seed of an attempt: SipHash-2-4 of admission id (16 bytes), policy content hash and attempt
 * under the router's key, so that no caller can steer the draw and any decision can be replayed. */
uint64_t bl_decision_seed(const uint8_t key[16], const uint8_t admission_id[16],
                          uint64_t policy_content_hash, uint32_t attempt);

#endif
