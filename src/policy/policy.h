/*
 * A compiled policy: what one (tenant, policy id) document says, in the shape decisions read.
 *
 * Built once from text (policy/compile.h), immutable afterwards, shared by all threads, freed when
 * the last catalog that lists it is gone. Providers are numbered; sets of them are bit sets, so a
 * rule that narrows the choice is one AND. Providers that only a rule or a fallback names are
 * numbered after the listed ones.
 */
#ifndef BL_POLICY_POLICY_H
#define BL_POLICY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/money.h"
#include "base/str.h"
#include "policy/condition.h"
#include "policy/provider_set.h"
#include "policy/rule_index.h"

#define BL_POLICY_MAX_RULES 1024
#define BL_POLICY_MAX_FACTS 256
#define BL_POLICY_MAX_PATTERNS 256
#define BL_POLICY_MAX_FALLBACKS 64
#define BL_POLICY_MAX_STEPS 16 /* extensions per kind */
#define BL_POLICY_MAX_BYTES 1048576

/* Index of a provider in its policy. */
typedef int16_t bl_provider_index;
#define BL_PROVIDER_NONE ((bl_provider_index)-1)

struct bl_tag {
    struct bl_str name;
    struct bl_str value;
};

struct bl_provider {
    struct bl_str id;
    struct bl_str label; /* absent = none */
    double weight;       /* ≥ 0, finite; used in proportion */
    uint64_t id_hash;    /* SipHash-2-4 of the id under a fixed key: the same on every router */
    int64_t expect_latency_ms; /* -1 = not declared */
    int64_t expect_cost_nano;  /* BL_MONEY_UNKNOWN = not declared */
    uint32_t max_inflight;     /* 0 = no limit */
    uint8_t priority;          /* 0..100, higher first; used by strategy `priority` only */
    bool listed;               /* in the document's providers */
    bool last_resort;
    bool named; /* by a `prefer`, a fallback's `to` or the legacy `fallback` */
    const struct bl_tag *tags;
    uint16_t tag_count;
};

struct bl_rule {
    uint32_t condition; /* index of its op, or BL_CONDITION_ALWAYS */
    bool narrows;       /* has require_tags, allow or deny */
    bool stop;
    struct bl_provider_set allowed; /* all set when it does not narrow */
    const bl_provider_index *prefer;
    uint16_t prefer_count;
    uint32_t line;         /* in the document, for messages */
    struct bl_str summary; /* its effect in words, for explain: `deny [a, b]` */
};

enum bl_strategy {
    BL_STRATEGY_WEIGHTED,
    BL_STRATEGY_PRIORITY,
    BL_STRATEGY_LATENCY,
    BL_STRATEGY_COST,
    BL_STRATEGY_LEAST_BUSY,
    BL_STRATEGY_SCORE,
};

struct bl_score_weights {
    double latency, cost, errors, load;
};

/* Status words of a failed attempt, as bits (BL_STATUS_BIT). The table gives the word. */
#define BL_STATUS_MAP(X)                                                                           \
    X(TIMEOUT, "timeout")                                                                          \
    X(CONNECTION, "connection")                                                                    \
    X(5XX, "5xx")                                                                                  \
    X(503, "503")                                                                                  \
    X(UNAVAILABLE, "unavailable")                                                                  \
    X(RATE_LIMITED, "rate_limited")                                                                \
    X(429, "429")                                                                                  \
    X(EXECUTION, "execution")                                                                      \
    X(REJECTED, "rejected")                                                                        \
    X(CIRCUIT_BREAKER_OPEN, "circuit_breaker_open")                                                \
    X(ALL_PROVIDERS_FAILED, "all_providers_failed")

enum bl_backoff_strategy { BL_BACKOFF_EXPONENTIAL, BL_BACKOFF_LINEAR, BL_BACKOFF_FIXED };

struct bl_backoff {
    enum bl_backoff_strategy strategy;
    uint32_t base_ms;
    uint32_t max_ms;
    bool jitter;
};

struct bl_fallback {
    uint32_t condition; /* reads attempt.status, attempt.provider and any other fact */
    uint8_t retry;      /* further attempts at the provider that failed */
    struct bl_backoff backoff;
    bl_provider_index to; /* BL_PROVIDER_NONE = no target */
    uint32_t line;
};

struct bl_sticky {
    bool enabled;
    bool sliding;
    struct bl_str session_key; /* looked up in context, metadata, message metadata */
    int64_t ttl_ms;
};

struct bl_breaker_config {
    bool enabled;
    bool keep_last;
    uint32_t failure_threshold;
    uint32_t success_threshold;
    uint32_t min_requests;
    uint32_t half_open_max_calls;
    uint32_t error_rate_window_seconds;
    double error_rate_threshold; /* 0..1; above 1 = off */
    int64_t timeout_ms;
    int64_t latency_threshold_ms; /* 0 = off */
};

enum bl_scope { BL_SCOPE_POLICY, BL_SCOPE_TENANT, BL_SCOPE_USER, BL_SCOPE_PROVIDER };
enum bl_period { BL_PERIOD_HOUR, BL_PERIOD_DAY, BL_PERIOD_WEEK, BL_PERIOD_MONTH };
enum bl_on_exceed { BL_ON_EXCEED_BLOCK, BL_ON_EXCEED_LAST_RESORT, BL_ON_EXCEED_WARN };
enum bl_on_unknown { BL_ON_UNKNOWN_RESERVE, BL_ON_UNKNOWN_RELEASE };

struct bl_limits_config {
    struct {
        bool enabled;
        uint32_t requests_per_second;
        uint32_t burst;
        enum bl_scope scope;
    } rate;
    uint64_t tokens_per_minute; /* 0 = none */
    struct {
        uint64_t requests; /* 0 = none */
        enum bl_period period;
        enum bl_scope scope;
    } quota;
    struct {
        int64_t cost_nano;        /* 0 = none */
        int64_t reserve_max_nano; /* BL_MONEY_UNKNOWN = none */
        enum bl_period period;
        enum bl_scope scope;
        enum bl_on_exceed on_exceed;
        enum bl_on_unknown on_unknown;
        struct bl_str timezone;
    } budget;
    bool allow_on_store_outage;
};

enum bl_step_kind { BL_STEP_PRE, BL_STEP_VALIDATOR, BL_STEP_POST };
enum bl_step_mode { BL_STEP_OPTIONAL, BL_STEP_REQUIRED };             /* pre and post */
enum bl_step_on_fail { BL_STEP_BLOCK, BL_STEP_WARN, BL_STEP_IGNORE }; /* validators */

/* One extension that the policy asks for. */
struct bl_step {
    struct bl_str id;
    enum bl_step_kind kind;
    enum bl_step_mode mode;
    enum bl_step_on_fail on_fail;
    uint32_t condition;
    struct bl_str config; /* JSON text, absent = none */
};

struct bl_policy {
    struct bl_str tenant_id; /* "*" = shared */
    struct bl_str policy_id;
    struct bl_str version;  /* the document's own `version` */
    struct bl_str revision; /* names these contents: the first 12 hex digits of content_hash */
    uint64_t content_hash;  /* SipHash-2-4 of the canonical document under a fixed key */

    const struct bl_provider *providers;
    uint16_t provider_count;
    uint16_t listed_count;
    struct bl_provider_set all;      /* every provider */
    struct bl_provider_set weighted; /* listed, weight > 0 */
    struct bl_provider_set last_resort;

    enum bl_strategy strategy;
    struct bl_score_weights score;

    const struct bl_rule *rules;
    uint16_t rule_count;
    struct bl_rule_index rule_index;
    const struct bl_fallback *fallbacks;
    uint16_t fallback_count;

    struct bl_program program; /* of all conditions */
    const struct bl_fact *facts;
    uint16_t fact_count;

    struct bl_sticky sticky;
    struct bl_breaker_config breaker;
    double ejection_max_share;
    struct {
        struct bl_str policy_id; /* absent = none */
        double share;            /* of the requests, 0..1 */
    } shadow;                    /* a candidate that decides beside this policy, without effect */
    struct bl_limits_config limits;

    const struct bl_step *steps; /* pre, then validators, then post, each in document order */
    uint8_t pre_count, validator_count, post_count;

    uint8_t max_attempts;
    int64_t total_deadline_ms;
    int64_t deadline_max_ms;
    int64_t ack_timeout_ms; /* 0 = off */
    bool require_live_workers;
    int64_t worker_heartbeat_ttl_ms;
    bool push_allowed;
    struct bl_str metadata; /* JSON text of the document's metadata, absent = none */

    struct bl_arena arena; /* owns everything above */
    int references;        /* see bl_policy_ref */
};

/* Sharing between catalogs. Control thread only; the count is not atomic. */
struct bl_policy *bl_policy_ref(struct bl_policy *policy);
void bl_policy_unref(struct bl_policy *policy); /* NULL is fine */

/* The provider of that id, or BL_PROVIDER_NONE. Linear. */
bl_provider_index bl_policy_find_provider(const struct bl_policy *policy, struct bl_str id);

/* The word of one status, and its look-up: -1 if unknown. */
enum bl_status {
#define X(symbol, word) BL_STATUS_##symbol,
    BL_STATUS_MAP(X)
#undef X
        BL_STATUS_COUNT
};
const char *bl_status_word(enum bl_status status);
int bl_status_from_word(struct bl_str word);

#endif
