/* What is legal but cannot be what was meant. */
#include "policy/draft.h"

/* A warning at a listed provider. */
static struct bl_diag *warn_of(struct bl_draft *draft, uint16_t index) {
    struct bl_json source = draft->provider_sources[index];
    struct bl_diag *diag = bl_draft_warning(draft, source);

    if (!bl_json_is(source, BL_JSON_OBJECT)) {
        bl_diag_path(diag, "weights.%.*s", BL_STR_ARG(draft->providers[index].id));
    } else if (draft->findings->errors == 0) {
        bl_diag_path(diag, "providers[%u]", (unsigned)index);
    } else { /* items with errors were left out, so the numbers differ */
        bl_diag_path(diag, "providers");
    }
    return diag;
}

/* Keys whose state has to be counted or reported over time. A router that is given such a state
 * decides by it; this one keeps none of its own. */
static void warn_uncounted(struct bl_draft *draft, struct bl_json root) {
    static const struct {
        const char *key;
        const char *message;
    } keys[] = {
        {"rate_limit", "is checked when a decision is given limit levels (offline, backtest); this "
                       "router does not count usage"},
        {"tokens", "is checked when a decision is given limit levels (offline, backtest); this "
                   "router does not count usage"},
        {"quota", "is checked when a decision is given limit levels (offline, backtest); this "
                  "router does not count usage"},
        {"budget", "is checked when a decision is given limit levels (offline, backtest); this "
                   "router does not count usage"},
        {"circuit_breaker", "never opens: outcomes are not reported to this router"},
        {"ejection", "has no effect: outcomes are not reported to this router"},
        {"workers", "has no effect: outcomes and heartbeats are not reported to this router"},
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct bl_json value = bl_json_get(root, bl_str_from_c(keys[i].key));
        if (value.doc != NULL) {
            struct bl_diag *diag = bl_draft_warning(draft, bl_draft_key_of(value));
            bl_diag_path(diag, "%s", keys[i].key);
            bl_diag_message(diag, "%s", keys[i].message);
        }
    }
}

static bool is_decided(const struct bl_draft *draft, uint32_t condition, enum bl_opcode op) {
    return condition != BL_CONDITION_ALWAYS && draft->code.ops[condition].op == op;
}

/* A list whose items are read until one ends the reading. */
struct reading {
    const char *key;
    struct bl_json list;
    uint32_t ended_by; /* index of the item that always does; UINT32_MAX = none yet */
    uint32_t line;     /* of that item */
    bool reported;
};

static void check_reading(struct bl_draft *draft, struct reading *reading, uint32_t index,
                          uint32_t condition, bool ends, uint32_t line) {
    /* A condition that could not be read counts as false; that was reported. */
    bool is_never = draft->findings->errors == 0 && is_decided(draft, condition, BL_OP_FALSE);

    if (reading->ended_by == UINT32_MAX && ends && condition == BL_CONDITION_ALWAYS) {
        reading->ended_by = index;
        reading->line = line;
        return;
    }
    if (!is_never && (reading->ended_by == UINT32_MAX || reading->reported)) {
        return;
    }
    struct bl_diag *diag = bl_draft_warning(draft, bl_json_at(reading->list, index));
    bl_diag_path(diag, "%s[%u]", reading->key, (unsigned)index);
    if (is_never) {
        bl_diag_message(diag, "never applies: its condition is always false");
    } else {
        bl_diag_message(diag,
                        "is never reached, as is all after it: the one in line %u always "
                        "ends the reading",
                        (unsigned)reading->line);
        bl_diag_hint(diag, "move it up, or give the one in line %u a condition",
                     (unsigned)reading->line);
        reading->reported = true;
    }
}

static void warn_unreachable(struct bl_draft *draft) {
    const struct bl_policy *policy = draft->policy;
    struct reading rules = {.key = "rules", .list = draft->notes->rules, .ended_by = UINT32_MAX};
    struct reading fallbacks = {
        .key = "fallbacks", .list = draft->notes->fallbacks, .ended_by = UINT32_MAX};

    for (uint16_t i = 0; i < policy->rule_count; i++) {
        const struct bl_rule *rule = &policy->rules[i];
        check_reading(draft, &rules, i, rule->condition, rule->stop || rule->prefer_count > 0,
                      rule->line);
    }
    for (uint16_t i = 0; fallbacks.list.doc != NULL && i < policy->fallback_count; i++) {
        const struct bl_fallback *fallback = &policy->fallbacks[i];
        check_reading(draft, &fallbacks, i, fallback->condition, true, fallback->line);
    }
}

static bool can_be_chosen(const struct bl_provider *provider) {
    return (provider->listed && provider->weight > 0) || provider->last_resort || provider->named;
}

static void warn_provider(struct bl_draft *draft, uint16_t index) {
    const struct bl_provider *provider = &draft->providers[index];
    struct bl_json source = draft->provider_sources[index];
    bool is_item = bl_json_is(source, BL_JSON_OBJECT);
    struct bl_str id = bl_draft_quote(provider->id, 100);

    if (!can_be_chosen(provider)) {
        struct bl_diag *diag = warn_of(draft, index);
        bl_diag_message(diag, "%.*s is never chosen: its weight is 0 and no rule names it",
                        BL_STR_ARG(id));
        bl_diag_hint(diag, "give it a weight, or last_resort: true");
    }
    if (is_item && bl_json_get(source, BL_STR("priority")).doc != NULL &&
        draft->policy->strategy != BL_STRATEGY_PRIORITY) {
        struct bl_diag *diag = warn_of(draft, index);
        bl_diag_message(diag, "the priority of %.*s has no effect", BL_STR_ARG(id));
        bl_diag_hint(diag, "add strategy: priority");
    }
    if (draft->policy->limits.budget.cost_nano > 0 &&
        draft->policy->limits.budget.reserve_max_nano == BL_MONEY_UNKNOWN &&
        provider->expect_cost_nano == BL_MONEY_UNKNOWN) {
        struct bl_diag *diag = warn_of(draft, index);
        bl_diag_message(diag, "the budget reserves nothing for %.*s until its cost was measured",
                        BL_STR_ARG(id));
        bl_diag_hint(diag, "give it expect: {cost: ...}, or the budget a reserve_max");
    }
}

/* One weight that was forgotten counts as 1, which is nothing beside 70 and all beside 0.3. */
static void warn_forgotten_weights(struct bl_draft *draft) {
    bool any_given = false;

    for (uint16_t i = 0; i < draft->policy->listed_count; i++) {
        any_given =
            any_given || bl_json_get(draft->provider_sources[i], BL_STR("weight")).doc != NULL;
    }
    for (uint16_t i = 0; any_given && i < draft->policy->listed_count; i++) {
        struct bl_json source = draft->provider_sources[i];
        if (bl_json_is(source, BL_JSON_OBJECT) &&
            bl_json_get(source, BL_STR("weight")).doc == NULL) {
            struct bl_str id = bl_draft_quote(draft->providers[i].id, 100);
            struct bl_diag *diag = warn_of(draft, i);
            bl_diag_message(diag, "%.*s has no weight, while others have: it counts as 1",
                            BL_STR_ARG(id));
            bl_diag_hint(diag, "say weight: 1, or weight: 0 if it is only to be named");
        }
    }
}

static void check_providers(struct bl_draft *draft, struct bl_json root) {
    const struct bl_policy *policy = draft->policy;
    bool any = false;

    for (uint16_t i = 0; i < policy->provider_count; i++) {
        any = any || can_be_chosen(&draft->providers[i]);
    }
    if (policy->provider_count == 0) {
        if (draft->findings->errors == 0) { /* else they may be there, but wrong */
            struct bl_diag *diag = bl_draft_error(draft, root);
            bl_diag_message(diag, "the policy names no provider");
            bl_diag_hint(diag, "add providers: [{name: openai, weight: 1}]");
        }
        return;
    }
    if (!any) {
        struct bl_diag *diag = bl_draft_warning(draft, root);
        bl_diag_message(diag, "no provider can ever be chosen: all weights are 0");
        bl_diag_hint(diag, "give one a weight above 0, or last_resort: true");
        return;
    }
    for (uint16_t i = 0; i < policy->listed_count; i++) {
        warn_provider(draft, i);
    }
    warn_forgotten_weights(draft);
}

void bl_lint(struct bl_draft *draft, struct bl_json root) {
    check_providers(draft, root);
    warn_unreachable(draft);
    warn_uncounted(draft, root);
}
