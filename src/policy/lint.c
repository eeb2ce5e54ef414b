/* What is legal but cannot be what was meant. */
#include "policy/draft.h"

static void warn(struct bl_draft *draft, struct bl_json value, const char *key, const char *message,
                 const char *hint) {
    size_t mark = bl_draft_enter(draft, bl_str_from_c(key));
    struct bl_diag *diag = bl_draft_warning(draft, value);

    bl_diag_message(diag, "%s", message);
    bl_diag_hint(diag, "%s", hint);
    bl_draft_leave(draft, mark);
}

/* Keys whose state has to be counted or reported over time: this router decides on what it is
 * given, and keeps no counts of its own. */
static void warn_uncounted(struct bl_draft *draft, struct bl_json root) {
    static const struct {
        const char *key;
        const char *message;
    } keys[] = {
        {"rate_limit", "is not enforced: this router does not count requests"},
        {"tokens", "is not enforced: this router does not count tokens"},
        {"quota", "is not enforced: this router does not count requests"},
        {"budget", "is not enforced: this router does not add up costs"},
        {"circuit_breaker", "never opens: results are not reported to this router"},
        {"workers", "has no effect: this router does not listen to heartbeats"},
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct bl_json value = bl_json_get(root, bl_str_from_c(keys[i].key));
        if (value.doc != NULL) {
            warn(draft, value, keys[i].key, keys[i].message,
                 "it is read, checked, and decided on when its state is part of the input");
        }
    }
}

static void warn_unreachable_rules(struct bl_draft *draft) {
    const struct bl_policy *policy = draft->policy;

    for (uint16_t i = 0; i + 1 < policy->rule_count; i++) {
        const struct bl_rule *rule = &policy->rules[i];
        bool ends = rule->stop || rule->prefer_count > 0;
        if (ends && rule->condition == BL_CONDITION_ALWAYS) {
            size_t mark = bl_draft_enter(draft, BL_STR("rules"));
            size_t item = bl_draft_enter_item(draft, i + 1u);
            bl_diag_message(bl_draft_warning(draft, bl_json_at(draft->notes->rules, i + 1u)),
                            "is never reached: the rule in line %u always ends the reading",
                            rule->line);
            bl_draft_leave(draft, item);
            bl_draft_leave(draft, mark);
            return;
        }
    }
}

static void warn_unused_providers(struct bl_draft *draft, struct bl_json root) {
    const struct bl_policy *policy = draft->policy;
    bool any = false;

    for (uint16_t i = 0; i < policy->listed_count; i++) {
        const struct bl_provider *provider = &draft->providers[i];
        bool used = provider->weight > 0 || provider->last_resort || provider->named;
        any = any || used;
        if (!used) {
            struct bl_diag *diag = bl_draft_warning(draft, draft->notes->providers);
            bl_diag_path(diag, "providers");
            bl_diag_message(diag, "%.*s is never chosen: its weight is 0 and no rule names it",
                            BL_STR_ARG(provider->id));
        }
        if (provider->priority > 0 && policy->strategy != BL_STRATEGY_PRIORITY) {
            struct bl_diag *diag = bl_draft_warning(draft, draft->notes->providers);
            bl_diag_path(diag, "providers");
            bl_diag_message(diag, "priority of %.*s has no effect", BL_STR_ARG(provider->id));
            bl_diag_hint(diag, "add strategy: priority");
        }
    }
    if (policy->provider_count == 0) {
        bl_diag_message(bl_draft_error(draft, root), "the policy names no provider");
        bl_diag_hint(&draft->findings->items[draft->findings->count - 1],
                     "add providers: [{name: openai, weight: 1}]");
    } else if (!any && policy->listed_count == policy->provider_count) {
        warn(draft, root, "providers", "no provider can ever be chosen",
             "give one a weight above 0, or last_resort: true");
    }
}

static void warn_unregistered(struct bl_draft *draft, struct bl_json root) {
    const struct bl_policy *policy = draft->policy;
    int count = policy->pre_count + policy->validator_count + policy->post_count;

    for (int i = 0; i < count; i++) {
        struct bl_diag *diag = bl_draft_warning(draft, root);
        bl_diag_message(diag, "the extension %.*s is not registered",
                        BL_STR_ARG(policy->steps[i].id));
        bl_diag_hint(diag, "optional steps are skipped; required ones refuse the request");
    }
}

void bl_lint(struct bl_draft *draft, struct bl_json root) {
    warn_unused_providers(draft, root);
    warn_unreachable_rules(draft);
    warn_unregistered(draft, root);
    warn_uncounted(draft, root);
}
