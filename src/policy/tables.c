/* The policy language: every key, once. */
#include <stdint.h>

#include "policy/keys.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define IN(member) offsetof(struct bl_document, policy.member)
#define NOTED(member) offsetof(struct bl_document, notes.member)
#define UNLIMITED 9007199254740991.0 /* 2^53 - 1: whole numbers stay exact */
#define DAY_MS 86400000.0

static const char *const ttl_modes[] = {"fixed", "sliding", NULL};
static const char *const scopes[] = {"policy", "tenant", "user", "provider", NULL};
static const char *const periods[] = {"hour", "day", "week", "month", NULL};
static const char *const on_exceed[] = {"block", "last_resort", "warn", NULL};
static const char *const on_unknown[] = {"reserve", "release", NULL};
static const char *const on_outage[] = {"refuse", "allow", NULL};
static const char *const backoffs[] = {"exponential", "linear", "fixed", NULL};
static const char *const modes[] = {"optional", "required", NULL};
static const char *const on_fail[] = {"block", "warn", "ignore", NULL};

/* --- providers ----------------------------------------------------------------------------- */

#define PROVIDER(member) offsetof(struct bl_provider_item, provider.member)

static const struct bl_key expect_keys[] = {
    {.name = "latency_ms",
     .type = BL_KEY_I64,
     .offset = PROVIDER(expect_latency_ms),
     .max = DAY_MS,
     .doc = "Expected latency in milliseconds, until results have been measured."},
    {.name = "cost",
     .type = BL_KEY_MONEY,
     .offset = PROVIDER(expect_cost_nano),
     .max = 1e9,
     .doc = "Expected cost of one request, in the currency unit."},
};
static const struct bl_key_table expect_table = {"expect", expect_keys, COUNT(expect_keys), NULL};

static const struct bl_key provider_keys[] = {
    {.name = "name",
     .type = BL_KEY_NOTE,
     .offset = offsetof(struct bl_provider_item, name),
     .shape = "text",
     .doc = "The provider's id: 1 to 255 bytes of printable UTF-8 without space."},
    {.name = "id",
     .type = BL_KEY_NOTE,
     .offset = offsetof(struct bl_provider_item, id),
     .shape = "text",
     .doc = "The same as name."},
    {.name = "weight",
     .type = BL_KEY_NOTE,
     .offset = offsetof(struct bl_provider_item, weight),
     .shape = "number",
     .default_text = "1",
     .doc = "Share of the draw, in proportion to the others; 0 = never drawn."},
    {.name = "label",
     .type = BL_KEY_TEXT,
     .offset = PROVIDER(label),
     .min = 1,
     .max = 255,
     .doc = "Name for people, returned as provider_label."},
    {.name = "tags",
     .type = BL_KEY_NOTE,
     .offset = offsetof(struct bl_provider_item, tags),
     .shape = "object of texts",
     .doc = "What rules with require_tags match."},
    {.name = "priority",
     .type = BL_KEY_U8,
     .offset = PROVIDER(priority),
     .max = 100,
     .default_text = "0",
     .doc = "Higher first; for strategy: priority."},
    {.name = "last_resort",
     .type = BL_KEY_BOOL,
     .offset = PROVIDER(last_resort),
     .default_text = "false",
     .doc = "Chosen when nothing else is available."},
    {.name = "max_inflight",
     .type = BL_KEY_U32,
     .offset = PROVIDER(max_inflight),
     .max = 1e9,
     .default_text = "0",
     .doc = "Attempts under way at most; 0 = no limit."},
    {.name = "expect",
     .type = BL_KEY_OBJECT,
     .table = &expect_table,
     .doc = "What to expect before anything was measured."},
};
const struct bl_key_table bl_provider_keys = {"a provider", provider_keys, COUNT(provider_keys),
                                              NULL};

/* --- rules --------------------------------------------------------------------------------- */

#define RULE(member) offsetof(struct bl_rule_item, member)

static const struct bl_key rule_keys[] = {
    {.name = "when",
     .type = BL_KEY_NOTE,
     .offset = RULE(when),
     .shape = "condition",
     .default_text = "always",
     .doc = "When the rule applies; see Conditions."},
    {.name = "require_tags",
     .type = BL_KEY_NOTE,
     .offset = RULE(require_tags),
     .shape = "object of texts",
     .doc = "Only providers with all of these tags remain."},
    {.name = "allow",
     .type = BL_KEY_NOTE,
     .offset = RULE(allow),
     .shape = "list of providers",
     .doc = "Only these providers remain."},
    {.name = "deny",
     .type = BL_KEY_NOTE,
     .offset = RULE(deny),
     .shape = "list of providers",
     .doc = "These providers are excluded."},
    {.name = "prefer",
     .type = BL_KEY_NOTE,
     .offset = RULE(prefer),
     .shape = "list of providers",
     .doc = "The first available of these is chosen. Ends the reading of rules."},
    {.name = "stop",
     .type = BL_KEY_BOOL,
     .offset = RULE(stop),
     .default_text = "false",
     .doc = "Ends the reading of rules without preferring."},
};
const struct bl_key_table bl_rule_keys = {"a rule", rule_keys, COUNT(rule_keys), NULL};

/* --- fallbacks ----------------------------------------------------------------------------- */

#define FALLBACK(member) offsetof(struct bl_fallback_item, member)

static const struct bl_key backoff_keys[] = {
    {.name = "strategy",
     .type = BL_KEY_WORD,
     .offset = FALLBACK(backoff.strategy),
     .words = backoffs,
     .default_text = "exponential",
     .doc = "How the delay grows."},
    {.name = "base_ms",
     .type = BL_KEY_U32,
     .offset = FALLBACK(backoff.base_ms),
     .min = 1,
     .max = 10000,
     .default_text = "100",
     .doc = "First delay in milliseconds."},
    {.name = "max_ms",
     .type = BL_KEY_U32,
     .offset = FALLBACK(backoff.max_ms),
     .min = 1,
     .max = 60000,
     .default_text = "5000",
     .doc = "Longest delay in milliseconds."},
    {.name = "jitter",
     .type = BL_KEY_BOOL,
     .offset = FALLBACK(backoff.jitter),
     .default_text = "true",
     .doc = "Adds up to a tenth at random."},
};
static const struct bl_key_table backoff_table = {"backoff", backoff_keys, COUNT(backoff_keys),
                                                  NULL};

static const struct bl_key fallback_keys[] = {
    {.name = "when",
     .type = BL_KEY_NOTE,
     .offset = FALLBACK(when),
     .shape = "condition",
     .default_text = "always",
     .doc =
         "Which failed attempts it is for: {status: [timeout, 5xx]}, or a list of status words."},
    {.name = "retry",
     .type = BL_KEY_U8,
     .offset = FALLBACK(retry),
     .max = 10,
     .default_text = "1",
     .doc = "Further attempts at the provider that failed, before `to`."},
    {.name = "backoff",
     .type = BL_KEY_OBJECT,
     .table = &backoff_table,
     .doc = "Delay between those attempts."},
    {.name = "to",
     .type = BL_KEY_NOTE,
     .offset = FALLBACK(to),
     .shape = "text",
     .doc = "Provider of the next attempt."},
};
const struct bl_key_table bl_fallback_keys = {"a fallback", fallback_keys, COUNT(fallback_keys),
                                              NULL};

static const struct bl_key legacy_fallback_keys[] = {
    {.name = "provider",
     .type = BL_KEY_NOTE,
     .offset = offsetof(struct bl_legacy_fallback_item, provider),
     .shape = "text",
     .doc = "Last resort, and target of the one fallback rule."},
    {.name = "conditions",
     .type = BL_KEY_NOTE,
     .offset = offsetof(struct bl_legacy_fallback_item, conditions),
     .shape = "list of status words",
     .default_text = "[all_providers_failed]",
     .doc = "Status words of that rule."},
};
const struct bl_key_table bl_legacy_fallback_keys = {"fallback", legacy_fallback_keys,
                                                     COUNT(legacy_fallback_keys), NULL};

/* --- strategy ------------------------------------------------------------------------------ */

#define SCORE(member) offsetof(struct bl_score_weights, member)

static const struct bl_key score_keys[] = {
    {.name = "latency",
     .type = BL_KEY_DOUBLE,
     .offset = SCORE(latency),
     .max = 1e6,
     .default_text = "0",
     .doc = "Weight of the latency."},
    {.name = "cost",
     .type = BL_KEY_DOUBLE,
     .offset = SCORE(cost),
     .max = 1e6,
     .default_text = "0",
     .doc = "Weight of the cost."},
    {.name = "errors",
     .type = BL_KEY_DOUBLE,
     .offset = SCORE(errors),
     .max = 1e6,
     .default_text = "0",
     .doc = "Weight of the error rate."},
    {.name = "load",
     .type = BL_KEY_DOUBLE,
     .offset = SCORE(load),
     .max = 1e6,
     .default_text = "0",
     .doc = "Weight of the attempts under way."},
};
const struct bl_key_table bl_score_keys = {"score", score_keys, COUNT(score_keys), NULL};

/* --- sticky, breaker, limits --------------------------------------------------------------- */

static const struct bl_key sticky_keys[] = {
    {.name = "enabled",
     .type = BL_KEY_BOOL,
     .offset = IN(sticky.enabled),
     .default_text = "false",
     .doc = "Whether sessions stay with their provider."},
    {.name = "session_key",
     .type = BL_KEY_TEXT,
     .offset = IN(sticky.session_key),
     .min = 1,
     .max = 255,
     .default_text = "session_id",
     .doc = "Where the session's value is: a key of context, metadata or message metadata."},
    {.name = "key",
     .type = BL_KEY_TEXT,
     .offset = IN(sticky.session_key),
     .min = 1,
     .max = 255,
     .doc = "The same as session_key."},
    {.name = "ttl",
     .type = BL_KEY_DURATION,
     .offset = IN(sticky.ttl_ms),
     .min = 1000,
     .max = 30 * DAY_MS,
     .default_text = "1h",
     .doc = "How long a pin lives."},
    {.name = "ttl_seconds",
     .type = BL_KEY_SECONDS,
     .offset = IN(sticky.ttl_ms),
     .min = 1,
     .max = 2592000,
     .doc = "The same in whole seconds."},
    {.name = "ttl_sec",
     .type = BL_KEY_SECONDS,
     .offset = IN(sticky.ttl_ms),
     .min = 1,
     .max = 2592000,
     .doc = "The same as ttl_seconds."},
    {.name = "ttl_mode",
     .type = BL_KEY_WORD,
     .offset = offsetof(struct bl_document, notes.ttl_mode),
     .words = ttl_modes,
     .default_text = "sliding",
     .doc = "Whether use renews a pin."},
    {.name = "strategy",
     .type = BL_KEY_IGNORED,
     .doc = "Sessions use weighted rendezvous hashing."},
};
static const struct bl_key_table sticky_table = {"sticky", sticky_keys, COUNT(sticky_keys),
                                                 "sticky"};

#define BREAKER(member) IN(breaker.member)
static const struct bl_key breaker_keys[] = {
    {.name = "enabled",
     .type = BL_KEY_BOOL,
     .offset = BREAKER(enabled),
     .default_text = "false",
     .doc = "Whether failing providers are left out for a while."},
    {.name = "failure_threshold",
     .type = BL_KEY_U32,
     .offset = BREAKER(failure_threshold),
     .min = 1,
     .max = 100,
     .default_text = "5",
     .doc = "Consecutive failures that open it."},
    {.name = "error_rate_threshold",
     .type = BL_KEY_DOUBLE,
     .offset = BREAKER(error_rate_threshold),
     .max = 1000,
     .default_text = "0.5",
     .doc = "Share of failures in the window that opens it; above 1 = off."},
    {.name = "error_rate_window_seconds",
     .type = BL_KEY_U32,
     .offset = BREAKER(error_rate_window_seconds),
     .min = 1,
     .max = 3600,
     .default_text = "60",
     .doc = "Length of the window."},
    {.name = "min_requests",
     .type = BL_KEY_U32,
     .offset = BREAKER(min_requests),
     .max = 1000000,
     .default_text = "10",
     .doc = "Results in the window below which it never opens."},
    {.name = "timeout_ms",
     .type = BL_KEY_I64,
     .offset = BREAKER(timeout_ms),
     .min = 1000,
     .max = 300000,
     .default_text = "60000",
     .doc = "How long it stays open before probes."},
    {.name = "half_open_max_calls",
     .type = BL_KEY_U32,
     .offset = BREAKER(half_open_max_calls),
     .min = 1,
     .max = 100,
     .default_text = "3",
     .doc = "Probes under way at most."},
    {.name = "success_threshold",
     .type = BL_KEY_U32,
     .offset = BREAKER(success_threshold),
     .min = 1,
     .max = 10,
     .default_text = "2",
     .doc = "Successful probes that close it."},
    {.name = "latency_threshold_ms",
     .type = BL_KEY_I64,
     .offset = BREAKER(latency_threshold_ms),
     .min = 1,
     .max = DAY_MS,
     .default_text = "off",
     .doc = "95th percentile of the latency that opens it."},
    {.name = "keep_last",
     .type = BL_KEY_BOOL,
     .offset = BREAKER(keep_last),
     .default_text = "false",
     .doc = "Whether the last candidate is kept although its breaker is open."},
};
static const struct bl_key_table breaker_table = {"circuit_breaker", breaker_keys,
                                                  COUNT(breaker_keys), "circuit_breaker"};

static const struct bl_key ejection_keys[] = {
    {.name = "max_share",
     .type = BL_KEY_DOUBLE,
     .offset = IN(ejection_max_share),
     .max = 1,
     .default_text = "0.5",
     .doc = "Share of the providers that may be left out at a time."},
};
static const struct bl_key_table ejection_table = {"ejection", ejection_keys, COUNT(ejection_keys),
                                                   NULL};

static const struct bl_key rate_keys[] = {
    {.name = "enabled",
     .type = BL_KEY_BOOL,
     .offset = IN(limits.rate.enabled),
     .default_text = "false",
     .doc = "Whether requests are limited."},
    {.name = "requests_per_second",
     .type = BL_KEY_U32,
     .offset = IN(limits.rate.requests_per_second),
     .min = 1,
     .max = 1000000,
     .default_text = "100",
     .doc = "Sustained rate."},
    {.name = "burst",
     .type = BL_KEY_U32,
     .offset = IN(limits.rate.burst),
     .min = 1,
     .max = 1000000,
     .default_text = "50",
     .doc = "Requests that may come at once."},
    {.name = "scope",
     .type = BL_KEY_WORD,
     .offset = IN(limits.rate.scope),
     .words = scopes,
     .default_text = "policy",
     .doc = "What is counted together."},
};
static const struct bl_key_table rate_table = {"rate_limit", rate_keys, COUNT(rate_keys),
                                               "rate_limit"};

static const struct bl_key tokens_keys[] = {
    {.name = "per_minute",
     .type = BL_KEY_U64,
     .offset = IN(limits.tokens_per_minute),
     .min = 1,
     .max = UNLIMITED,
     .doc = "Tokens per minute."},
};
static const struct bl_key_table tokens_table = {"tokens", tokens_keys, COUNT(tokens_keys), NULL};

static const struct bl_key quota_keys[] = {
    {.name = "requests",
     .type = BL_KEY_U64,
     .offset = IN(limits.quota.requests),
     .min = 1,
     .max = UNLIMITED,
     .doc = "Requests per period."},
    {.name = "period",
     .type = BL_KEY_WORD,
     .offset = IN(limits.quota.period),
     .words = periods,
     .default_text = "day",
     .doc = "When the count begins anew."},
    {.name = "scope",
     .type = BL_KEY_WORD,
     .offset = IN(limits.quota.scope),
     .words = scopes,
     .default_text = "policy",
     .doc = "What is counted together."},
};
static const struct bl_key_table quota_table = {"quota", quota_keys, COUNT(quota_keys), NULL};

static const struct bl_key budget_keys[] = {
    {.name = "cost",
     .type = BL_KEY_MONEY,
     .offset = IN(limits.budget.cost_nano),
     .min = 1e-9,
     .max = 1e9,
     .doc = "Cost per period, in the currency unit."},
    {.name = "period",
     .type = BL_KEY_WORD,
     .offset = IN(limits.budget.period),
     .words = periods,
     .default_text = "day",
     .doc = "When the sum begins anew."},
    {.name = "timezone",
     .type = BL_KEY_TEXT,
     .offset = IN(limits.budget.timezone),
     .min = 1,
     .max = 64,
     .default_text = "UTC",
     .doc = "Whose midnight counts."},
    {.name = "scope",
     .type = BL_KEY_WORD,
     .offset = IN(limits.budget.scope),
     .words = scopes,
     .default_text = "policy",
     .doc = "What is summed together."},
    {.name = "on_exceed",
     .type = BL_KEY_WORD,
     .offset = IN(limits.budget.on_exceed),
     .words = on_exceed,
     .default_text = "block",
     .doc = "Refuse, use the last resort, or go on with a warning."},
    {.name = "on_unknown",
     .type = BL_KEY_WORD,
     .offset = IN(limits.budget.on_unknown),
     .words = on_unknown,
     .default_text = "reserve",
     .doc = "What a result without a cost counts as."},
    {.name = "reserve_max",
     .type = BL_KEY_MONEY,
     .offset = IN(limits.budget.reserve_max_nano),
     .max = 1e9,
     .doc = "Most that one attempt reserves."},
};
static const struct bl_key_table budget_table = {"budget", budget_keys, COUNT(budget_keys), NULL};

static const struct bl_key workers_keys[] = {
    {.name = "require_live",
     .type = BL_KEY_BOOL,
     .offset = IN(require_live_workers),
     .default_text = "false",
     .doc = "Only providers for which a worker was heard of."},
    {.name = "heartbeat_ttl",
     .type = BL_KEY_DURATION,
     .offset = IN(worker_heartbeat_ttl_ms),
     .min = 1000,
     .max = DAY_MS,
     .default_text = "15s",
     .doc = "How long a heartbeat counts."},
};
static const struct bl_key_table workers_table = {"workers", workers_keys, COUNT(workers_keys),
                                                  NULL};

static const struct bl_key push_keys[] = {
    {.name = "allowed",
     .type = BL_KEY_BOOL,
     .offset = IN(push_allowed),
     .default_text = "true",
     .doc = "Whether requests may ask to be dispatched."},
};
static const struct bl_key_table push_table = {"push", push_keys, COUNT(push_keys), NULL};

static const struct bl_key deadline_keys[] = {
    {.name = "max_ms",
     .type = BL_KEY_I64,
     .offset = IN(deadline_max_ms),
     .min = 1,
     .max = 3600000,
     .default_text = "60000",
     .doc = "Longest deadline of one attempt."},
};
static const struct bl_key_table deadline_table = {"deadline", deadline_keys, COUNT(deadline_keys),
                                                   NULL};

/* --- extensions ---------------------------------------------------------------------------- */

#define STEP(member) offsetof(struct bl_step_item, member)
#define STEP_KEYS                                                                                  \
    {.name = "id",                                                                                 \
     .type = BL_KEY_NOTE,                                                                          \
     .offset = STEP(id),                                                                           \
     .shape = "text",                                                                              \
     .doc = "The extension's id in the registry."},                                                \
        {.name = "config",                                                                         \
         .type = BL_KEY_NOTE,                                                                      \
         .offset = STEP(config),                                                                   \
         .shape = "object",                                                                        \
         .doc = "Sent to the extension."},                                                         \
        {.name = "when",                                                                           \
         .type = BL_KEY_NOTE,                                                                      \
         .offset = STEP(when),                                                                     \
         .shape = "condition",                                                                     \
         .default_text = "always",                                                                 \
         .doc = "When it runs."},                                                                  \
        {.name = "timeout_ms", .type = BL_KEY_IGNORED, .doc = "The registry sets the timeout."}, { \
        .name = "retry", .type = BL_KEY_IGNORED, .doc = "The registry sets the retries."           \
    }

static const struct bl_key extension_keys[] = {
    STEP_KEYS,
    {.name = "mode",
     .type = BL_KEY_WORD,
     .offset = STEP(step.mode),
     .words = modes,
     .default_text = "optional",
     .doc = "Whether its failure refuses the request."},
};
const struct bl_key_table bl_extension_keys = {"an extension", extension_keys,
                                               COUNT(extension_keys), NULL};

static const struct bl_key validator_keys[] = {
    STEP_KEYS,
    {.name = "on_fail",
     .type = BL_KEY_WORD,
     .offset = STEP(step.on_fail),
     .words = on_fail,
     .default_text = "block",
     .doc = "What a refusal or a failure of the validator does."},
};
const struct bl_key_table bl_validator_keys = {"a validator", validator_keys, COUNT(validator_keys),
                                               NULL};

static const struct bl_key extensions_keys[] = {
    {.name = "pre",
     .type = BL_KEY_NOTE,
     .offset = NOTED(pre),
     .table = &bl_extension_keys,
     .shape = "list",
     .doc = "As pre."},
    {.name = "validators",
     .type = BL_KEY_NOTE,
     .offset = NOTED(validators),
     .table = &bl_validator_keys,
     .shape = "list",
     .doc = "As validators."},
    {.name = "post",
     .type = BL_KEY_NOTE,
     .offset = NOTED(post),
     .table = &bl_extension_keys,
     .shape = "list",
     .doc = "As post."},
};
static const struct bl_key_table extensions_table = {"extensions", extensions_keys,
                                                     COUNT(extensions_keys), NULL};

/* --- the document -------------------------------------------------------------------------- */

static const struct bl_key document_keys[] = {
    {.name = "version",
     .type = BL_KEY_TEXT,
     .offset = IN(version),
     .min = 1,
     .max = 64,
     .default_text = "\"1.0\"",
     .doc = "Version of the document's format, kept as written."},
    {.name = "tenant_id",
     .type = BL_KEY_NOTE,
     .offset = NOTED(tenant_id),
     .shape = "text",
     .doc = "Must be the tenant that the policy is stored for."},
    {.name = "policy_id",
     .type = BL_KEY_NOTE,
     .offset = NOTED(policy_id),
     .shape = "text",
     .doc = "Must be the id that the policy is stored under."},
    {.name = "providers",
     .type = BL_KEY_NOTE,
     .offset = NOTED(providers),
     .table = &bl_provider_keys,
     .shape = "list",
     .doc = "Who can be chosen, 128 at most."},
    {.name = "weights",
     .type = BL_KEY_NOTE,
     .offset = NOTED(weights),
     .shape = "object of numbers",
     .doc = "Short form of providers: {openai: 70, anthropic: 30}. Not together with providers."},
    {.name = "strategy",
     .type = BL_KEY_NOTE,
     .offset = NOTED(strategy),
     .table = &bl_score_keys,
     .shape = "weighted, priority, latency, cost, least_busy, or {score: …}",
     .default_text = "weighted",
     .doc = "How one of the available providers is chosen."},
    {.name = "rules",
     .type = BL_KEY_NOTE,
     .offset = NOTED(rules),
     .table = &bl_rule_keys,
     .shape = "list",
     .doc = "What narrows or directs the choice, 1024 at most."},
    {.name = "fallbacks",
     .type = BL_KEY_NOTE,
     .offset = NOTED(fallbacks),
     .table = &bl_fallback_keys,
     .shape = "list",
     .doc = "What follows a failed attempt; the first that matches."},
    {.name = "fallback",
     .type = BL_KEY_NOTE,
     .offset = NOTED(fallback),
     .table = &bl_legacy_fallback_keys,
     .shape = "object",
     .doc = "Older form: one last resort and its conditions."},
    {.name = "max_attempts",
     .type = BL_KEY_U8,
     .offset = IN(max_attempts),
     .min = 1,
     .max = 10,
     .default_text = "4",
     .doc = "Attempts of a whole request."},
    {.name = "total_deadline_ms",
     .type = BL_KEY_I64,
     .offset = IN(total_deadline_ms),
     .min = 1,
     .max = DAY_MS,
     .default_text = "60000",
     .doc = "Time of a whole request."},
    {.name = "deadline",
     .type = BL_KEY_OBJECT,
     .table = &deadline_table,
     .doc = "Time of one attempt."},
    {.name = "ack_timeout_ms",
     .type = BL_KEY_I64,
     .offset = IN(ack_timeout_ms),
     .min = 1,
     .max = 3600000,
     .default_text = "off",
     .doc = "Ends an attempt that no worker acknowledged."},
    {.name = "sticky",
     .type = BL_KEY_OBJECT,
     .table = &sticky_table,
     .doc = "Sessions that stay with their provider."},
    {.name = "circuit_breaker",
     .type = BL_KEY_OBJECT,
     .table = &breaker_table,
     .doc = "When a failing provider is left out."},
    {.name = "ejection",
     .type = BL_KEY_OBJECT,
     .table = &ejection_table,
     .doc = "How many may be left out at a time."},
    {.name = "rate_limit",
     .type = BL_KEY_OBJECT,
     .table = &rate_table,
     .doc = "Requests per second."},
    {.name = "tokens", .type = BL_KEY_OBJECT, .table = &tokens_table, .doc = "Tokens per minute."},
    {.name = "quota", .type = BL_KEY_OBJECT, .table = &quota_table, .doc = "Requests per period."},
    {.name = "budget", .type = BL_KEY_OBJECT, .table = &budget_table, .doc = "Cost per period."},
    {.name = "workers",
     .type = BL_KEY_OBJECT,
     .table = &workers_table,
     .doc = "What is asked of the workers."},
    {.name = "push", .type = BL_KEY_OBJECT, .table = &push_table, .doc = "Dispatch to workers."},
    {.name = "pre",
     .type = BL_KEY_NOTE,
     .offset = NOTED(pre),
     .table = &bl_extension_keys,
     .shape = "list",
     .doc = "Extensions that change the request before the choice."},
    {.name = "validators",
     .type = BL_KEY_NOTE,
     .offset = NOTED(validators),
     .table = &bl_validator_keys,
     .shape = "list",
     .doc = "Extensions that may refuse it."},
    {.name = "post",
     .type = BL_KEY_NOTE,
     .offset = NOTED(post),
     .table = &bl_extension_keys,
     .shape = "list",
     .doc = "Extensions that change the decision's metadata."},
    {.name = "extensions",
     .type = BL_KEY_OBJECT,
     .table = &extensions_table,
     .doc = "Older place of pre, validators and post."},
    {.name = "on_store_outage",
     .type = BL_KEY_WORD,
     .offset = offsetof(struct bl_document, notes.on_outage),
     .words = on_outage,
     .default_text = "refuse",
     .doc = "What limits do when their store is away."},
    {.name = "metadata",
     .type = BL_KEY_NOTE,
     .offset = NOTED(metadata),
     .shape = "object",
     .doc = "Yours; kept and shown."},
    {.name = "defaults", .type = BL_KEY_IGNORED, .doc = "Remove it; nothing reads it."},
    {.name = "escalate_on", .type = BL_KEY_IGNORED, .doc = "Use fallbacks with when."},
    {.name = "allow_rules", .type = BL_KEY_IGNORED, .doc = "Use the permissions of the broker."},
    {.name = "timeout_ms", .type = BL_KEY_IGNORED, .doc = "Use total_deadline_ms."},
    {.name = "health_check", .type = BL_KEY_IGNORED, .doc = "Use circuit_breaker."},
};
const struct bl_key_table bl_document_keys = {"the policy", document_keys, COUNT(document_keys),
                                              NULL};
