/* Keys of limits: how much a tenant may use. */
#include "policy/keys.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LIMIT(member) offsetof(struct bl_document, policy.limits.member)
#define UNLIMITED 9007199254740991.0 /* 2^53 - 1: whole numbers stay exact */

static const char *const scopes[] = {"policy", "tenant", "user", "provider", NULL};
static const char *const periods[] = {"hour", "day", "week", "month", NULL};
static const char *const on_exceed[] = {"block", "last_resort", "warn", NULL};
static const char *const on_unknown[] = {"reserve", "release", NULL};

static const struct bl_key rate_keys[] = {
    {.name = "enabled",
     .type = BL_KEY_BOOL,
     .offset = LIMIT(rate.enabled),
     .default_json = "false",
     .doc = "Whether requests are limited."},
    {.name = "requests_per_second",
     .type = BL_KEY_U32,
     .offset = LIMIT(rate.requests_per_second),
     .min = 1,
     .max = 1000000,
     .default_json = "100",
     .doc = "Sustained rate."},
    {.name = "burst",
     .type = BL_KEY_U32,
     .offset = LIMIT(rate.burst),
     .min = 1,
     .max = 1000000,
     .default_json = "50",
     .doc = "Requests that may come at once."},
    {.name = "scope",
     .type = BL_KEY_WORD,
     .offset = LIMIT(rate.scope),
     .words = scopes,
     .default_json = "\"policy\"",
     .doc = "What is counted together."},
};
const struct bl_key_table bl_rate_keys = {"rate_limit", rate_keys, COUNT(rate_keys), true};

static const struct bl_key tokens_keys[] = {
    {.name = "per_minute",
     .type = BL_KEY_U64,
     .offset = LIMIT(tokens_per_minute),
     .min = 1,
     .max = UNLIMITED,
     .default_note = "no limit",
     .doc = "Tokens per minute."},
};
const struct bl_key_table bl_tokens_keys = {"tokens", tokens_keys, COUNT(tokens_keys), false};

static const struct bl_key quota_keys[] = {
    {.name = "requests",
     .type = BL_KEY_U64,
     .offset = LIMIT(quota.requests),
     .min = 1,
     .max = UNLIMITED,
     .default_note = "no limit",
     .doc = "Requests per period."},
    {.name = "period",
     .type = BL_KEY_WORD,
     .offset = LIMIT(quota.period),
     .words = periods,
     .default_json = "\"day\"",
     .doc = "When the count begins anew."},
    {.name = "scope",
     .type = BL_KEY_WORD,
     .offset = LIMIT(quota.scope),
     .words = scopes,
     .default_json = "\"policy\"",
     .doc = "What is counted together."},
};
const struct bl_key_table bl_quota_keys = {"quota", quota_keys, COUNT(quota_keys), false};

static const struct bl_key budget_keys[] = {
    {.name = "cost",
     .type = BL_KEY_MONEY,
     .offset = LIMIT(budget.cost_nano),
     .min = 1e-9,
     .max = 1e9,
     .default_note = "no limit",
     .doc = "Cost per period, in the currency unit."},
    {.name = "period",
     .type = BL_KEY_WORD,
     .offset = LIMIT(budget.period),
     .words = periods,
     .default_json = "\"day\"",
     .doc = "When the sum begins anew."},
    {.name = "timezone",
     .type = BL_KEY_TEXT,
     .offset = LIMIT(budget.timezone),
     .min = 1,
     .max = 64,
     .default_json = "\"UTC\"",
     .doc = "Whose midnight counts, as in the IANA time zone database."},
    {.name = "scope",
     .type = BL_KEY_WORD,
     .offset = LIMIT(budget.scope),
     .words = scopes,
     .default_json = "\"policy\"",
     .doc = "What is summed together."},
    {.name = "on_exceed",
     .type = BL_KEY_WORD,
     .offset = LIMIT(budget.on_exceed),
     .words = on_exceed,
     .default_json = "\"block\"",
     .doc = "Refuse, use the last resort, or go on with a warning."},
    {.name = "on_unknown",
     .type = BL_KEY_WORD,
     .offset = LIMIT(budget.on_unknown),
     .words = on_unknown,
     .default_json = "\"reserve\"",
     .doc = "What an attempt counts as whose cost never came: its reserve, or nothing."},
    {.name = "reserve_max",
     .type = BL_KEY_MONEY,
     .offset = LIMIT(budget.reserve_max_nano),
     .max = 1e9,
     .default_note = "the provider's own cost",
     .doc = "Most that one attempt reserves."},
};
const struct bl_key_table bl_budget_keys = {"budget", budget_keys, COUNT(budget_keys), false};
