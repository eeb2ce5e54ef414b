/* Keys of what stands in lists: rules, fallbacks, extensions. */
#include "policy/keys.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define RULE(member) offsetof(struct bl_rule_item, member)

static const struct bl_key rule_keys[] = {
    {.name = "when",
     .type = BL_KEY_NOTE,
     .shape = BL_SHAPE_CONDITION,
     .offset = RULE(when),
     .default_note = "always",
     .doc = "When the rule applies."},
    {.name = "require_tags",
     .type = BL_KEY_NOTE,
     .shape = BL_SHAPE_TEXTS,
     .offset = RULE(require_tags),
     .max = 64,
     .doc = "Only providers with all of these tags remain."},
    {.name = "allow",
     .type = BL_KEY_NOTE,
     .shape = BL_SHAPE_PROVIDERS,
     .offset = RULE(allow),
     .doc = "Only these providers remain."},
    {.name = "deny",
     .type = BL_KEY_NOTE,
     .shape = BL_SHAPE_PROVIDERS,
     .offset = RULE(deny),
     .doc = "These providers are excluded."},
    {.name = "prefer",
     .type = BL_KEY_NOTE,
     .shape = BL_SHAPE_PROVIDERS,
     .offset = RULE(prefer),
     .doc = "The first available of these is chosen; they need no weight and need not be listed. "
            "Ends the reading of rules."},
    {.name = "stop",
     .type = BL_KEY_BOOL,
     .offset = RULE(stop),
     .default_json = "false",
     .doc = "Ends the reading of rules without preferring."},
};
const struct bl_key_table bl_rule_keys = {"a rule", rule_keys, COUNT(rule_keys), false};

#define FALLBACK(member) offsetof(struct bl_fallback_item, member)

static const char *const backoffs[] = {"exponential", "linear", "fixed", NULL};

static const struct bl_key backoff_keys[] = {
    {.name = "strategy",
     .type = BL_KEY_WORD,
     .offset = FALLBACK(backoff.strategy),
     .words = backoffs,
     .default_json = "\"exponential\"",
     .doc = "How the delay grows."},
    {.name = "base_ms",
     .type = BL_KEY_U32,
     .offset = FALLBACK(backoff.base_ms),
     .min = 1,
     .max = 10000,
     .default_json = "100",
     .doc = "First delay in milliseconds; max_ms if that is less."},
    {.name = "max_ms",
     .type = BL_KEY_U32,
     .offset = FALLBACK(backoff.max_ms),
     .min = 1,
     .max = 60000,
     .default_note = "5000, or base_ms if that is more",
     .doc = "Longest delay in milliseconds."},
    {.name = "jitter",
     .type = BL_KEY_BOOL,
     .offset = FALLBACK(backoff.jitter),
     .default_json = "true",
     .doc = "Adds up to a tenth at random."},
};
static const struct bl_key_table backoff_table = {"backoff", backoff_keys, COUNT(backoff_keys),
                                                  false};

static const struct bl_key fallback_keys[] = {
    {.name = "when",
     .type = BL_KEY_NOTE,
     .shape = BL_SHAPE_CONDITION_OR_STATUSES,
     .offset = FALLBACK(when),
     .default_note = "always",
     .doc = "Which failed attempts it is for: {status: [timeout, 5xx]}, or just the list of status "
            "words."},
    {.name = "retry",
     .type = BL_KEY_U8,
     .offset = FALLBACK(retry),
     .max = 10,
     .default_json = "1",
     .doc = "Further attempts at the provider that failed, before `to`."},
    {.name = "backoff",
     .type = BL_KEY_OBJECT,
     .table = &backoff_table,
     .doc = "Delay between those attempts."},
    {.name = "to",
     .type = BL_KEY_NOTE,
     .shape = BL_SHAPE_PROVIDER,
     .offset = FALLBACK(to),
     .default_note = "none",
     .doc = "Provider of the next attempt; it needs no weight and need not be listed."},
};
const struct bl_key_table bl_fallback_keys = {"a fallback", fallback_keys, COUNT(fallback_keys),
                                              false};

#define LEGACY(member) offsetof(struct bl_legacy_fallback_item, member)

static const struct bl_key legacy_fallback_keys[] = {
    {.name = "provider",
     .type = BL_KEY_NOTE,
     .shape = BL_SHAPE_PROVIDER,
     .offset = LEGACY(provider),
     .doc = "Last resort, and target of the one fallback rule."},
    {.name = "conditions",
     .type = BL_KEY_NOTE,
     .shape = BL_SHAPE_STATUSES,
     .offset = LEGACY(conditions),
     .default_json = "[\"all_providers_failed\"]",
     .doc = "Status words of that rule. There is none when the policy has fallbacks."},
};
const struct bl_key_table bl_legacy_fallback_keys = {"fallback", legacy_fallback_keys,
                                                     COUNT(legacy_fallback_keys), false};

#define STEP(member) offsetof(struct bl_step_item, member)
#define STEP_KEYS                                                                                  \
    {.name = "id",                                                                                 \
     .type = BL_KEY_NOTE,                                                                          \
     .shape = BL_SHAPE_TEXT,                                                                       \
     .offset = STEP(id),                                                                           \
     .min = 1,                                                                                     \
     .max = 255,                                                                                   \
     .doc = "The extension's id in the registry."},                                                \
        {.name = "config",                                                                         \
         .type = BL_KEY_NOTE,                                                                      \
         .shape = BL_SHAPE_OBJECT,                                                                 \
         .offset = STEP(config),                                                                   \
         .doc = "Sent to the extension; 16 KiB at most."},                                         \
        {.name = "when",                                                                           \
         .type = BL_KEY_NOTE,                                                                      \
         .shape = BL_SHAPE_CONDITION,                                                              \
         .offset = STEP(when),                                                                     \
         .default_note = "always",                                                                 \
         .doc = "When it runs."},                                                                  \
        {.name = "timeout_ms", .type = BL_KEY_IGNORED, .doc = "The registry sets the timeout."}, { \
        .name = "retry", .type = BL_KEY_IGNORED, .doc = "The registry sets the retries."           \
    }

static const char *const modes[] = {"optional", "required", NULL};
static const char *const on_fail[] = {"block", "warn", "ignore", NULL};

static const struct bl_key extension_keys[] = {
    STEP_KEYS,
    {.name = "mode",
     .type = BL_KEY_WORD,
     .offset = STEP(step.mode),
     .words = modes,
     .word_hint = "write required if its failure is to refuse the request",
     .default_json = "\"optional\"",
     .doc = "Whether its failure refuses the request."},
};
const struct bl_key_table bl_extension_keys = {"an extension", extension_keys,
                                               COUNT(extension_keys), false};

static const struct bl_key validator_keys[] = {
    STEP_KEYS,
    {.name = "on_fail",
     .type = BL_KEY_WORD,
     .offset = STEP(step.on_fail),
     .words = on_fail,
     .default_json = "\"block\"",
     .doc = "What a refusal or a failure of the validator does."},
};
const struct bl_key_table bl_validator_keys = {"a validator", validator_keys, COUNT(validator_keys),
                                               false};
