/* Rules: what narrows or directs the choice. */
#include <stdio.h>

#include "policy/draft.h"
#include "policy/keys.h"

#define SUMMARY_BYTES 200

/* The effect of a rule in words, for explanations. */
struct summary {
    char text[SUMMARY_BYTES];
    size_t len;
};

static void say(struct summary *summary, const char *text, struct bl_str detail) {
    size_t room = sizeof(summary->text) - summary->len;
    int len =
        snprintf(summary->text + summary->len, room, "%s%.*s", text,
                 (int)(detail.len < 60 ? detail.len : 60), detail.data != NULL ? detail.data : "");
    summary->len += len < 0 ? 0 : (size_t)len < room ? (size_t)len : room - 1;
}

static void say_list(struct summary *summary, const char *verb, struct bl_json list) {
    struct bl_json_iter it = bl_json_iter(list);
    struct bl_str text = BL_STR_ABSENT;
    const char *separator = "";

    say(summary, summary->len > 0 ? "; " : "", BL_STR_ABSENT);
    say(summary, verb, BL_STR(" ["));
    while (bl_json_next(&it)) {
        (void)bl_json_string(it.value, &text);
        say(summary, separator, text);
        separator = ", ";
    }
    say(summary, "]", BL_STR_ABSENT);
}

static bool has_tag(const struct bl_provider *provider, struct bl_str name, struct bl_str value) {
    for (uint16_t i = 0; i < provider->tag_count; i++) {
        if (bl_str_equal(provider->tags[i].name, name) &&
            bl_str_equal(provider->tags[i].value, value)) {
            return true;
        }
    }
    return false;
}

static void apply_tags(struct bl_draft *draft, struct bl_json tags, struct bl_rule *rule,
                       struct summary *summary) {
    struct bl_json_iter it = bl_json_iter(tags);
    size_t mark = bl_draft_enter(draft, BL_STR("require_tags"));
    const char *separator = "{";

    if (bl_json_type(tags) != BL_JSON_OBJECT) {
        (void)bl_draft_wrong_type(draft, tags, "an object of texts");
    }
    say(summary, summary->len > 0 ? "; " : "", BL_STR("require_tags "));
    while (it.keyed && bl_json_next(&it)) {
        struct bl_str value;
        if (!bl_json_string(it.value, &value)) {
            (void)bl_draft_wrong_type(draft, it.value, "a text");
            continue;
        }
        say(summary, separator, it.key);
        say(summary, ": ", value);
        separator = ", ";
        for (int i = 0; i < draft->policy->provider_count; i++) {
            if (!has_tag(&draft->providers[i], it.key, value)) {
                bl_provider_set_remove(&rule->allowed, i);
            }
        }
    }
    say(summary, "}", BL_STR_ABSENT);
    if (bl_provider_set_is_empty(&rule->allowed)) {
        bl_diag_message(bl_draft_warning(draft, tags), "no provider has these tags");
    }
    bl_draft_leave(draft, mark);
}

static bl_provider_index find_listed(struct bl_draft *draft, struct bl_json value) {
    struct bl_str id;

    if (!bl_json_string(value, &id)) {
        (void)bl_draft_wrong_type(draft, value, "a provider id");
        return BL_PROVIDER_NONE;
    }
    for (int i = 0; i < draft->policy->provider_count; i++) {
        if (bl_str_equal(draft->providers[i].id, id)) {
            return (bl_provider_index)i;
        }
    }
    struct bl_str ids[BL_POLICY_MAX_PROVIDERS];
    for (int i = 0; i < draft->policy->provider_count; i++) {
        ids[i] = draft->providers[i].id;
    }
    struct bl_str nearest = bl_nearest(id, ids, draft->policy->provider_count);
    struct bl_diag *diag = bl_draft_warning(draft, value);
    bl_diag_message(diag, "no provider is called \"%.*s\"", (int)(id.len < 100 ? id.len : 100),
                    id.data);
    if (bl_str_is_present(nearest)) {
        bl_diag_hint(diag, "did you mean %.*s?", BL_STR_ARG(nearest));
    }
    return BL_PROVIDER_NONE;
}

static bool is_list(struct bl_draft *draft, struct bl_json value) {
    return bl_json_type(value) == BL_JSON_ARRAY ||
           bl_draft_wrong_type(draft, value, "a list of provider ids");
}

/* The set of the providers that a list names. */
static struct bl_provider_set named_set(struct bl_draft *draft, struct bl_json list,
                                        const char *key) {
    struct bl_provider_set set = BL_PROVIDER_SET_EMPTY;
    struct bl_json_iter it = bl_json_iter(list);
    size_t mark = bl_draft_enter(draft, bl_str_from_c(key));

    for (uint32_t i = 0; is_list(draft, list) && bl_json_next(&it); i++) {
        size_t item_mark = bl_draft_enter_item(draft, i);
        bl_provider_index provider = find_listed(draft, it.value);
        if (provider != BL_PROVIDER_NONE) {
            bl_provider_set_add(&set, provider);
        }
        bl_draft_leave(draft, item_mark);
    }
    bl_draft_leave(draft, mark);
    return set;
}

/* First pass: what rules prefer is numbered before any rule narrows. */
static void compile_prefer(struct bl_draft *draft, struct bl_json list, struct bl_rule *rule) {
    struct bl_json_iter it = bl_json_iter(list);
    size_t mark = bl_draft_enter(draft, BL_STR("prefer"));
    uint32_t count = is_list(draft, list) ? bl_json_count(list) : 0;

    if (count > BL_POLICY_MAX_PROVIDERS) {
        bl_diag_message(bl_draft_error(draft, list), "more than %d providers",
                        BL_POLICY_MAX_PROVIDERS);
        count = 0;
    }
    bl_provider_index *prefer = bl_draft_alloc(draft, count, sizeof(*prefer));
    uint16_t filled = 0;
    for (uint32_t i = 0; prefer != NULL && i < count && bl_json_next(&it); i++) {
        size_t item_mark = bl_draft_enter_item(draft, i);
        bl_provider_index provider = bl_draft_name_provider(draft, it.value);
        if (provider != BL_PROVIDER_NONE) {
            prefer[filled++] = provider;
        }
        bl_draft_leave(draft, item_mark);
    }
    rule->prefer = prefer;
    rule->prefer_count = filled;
    bl_draft_leave(draft, mark);
}

static void compile_effects(struct bl_draft *draft, const struct bl_rule_item *item,
                            struct bl_rule *rule) {
    struct summary summary = {.len = 0};

    for (int i = 0; i < draft->policy->provider_count; i++) {
        bl_provider_set_add(&rule->allowed, i);
    }
    if (item->require_tags.doc != NULL) {
        apply_tags(draft, item->require_tags, rule, &summary);
    }
    if (item->allow.doc != NULL) {
        rule->allowed = bl_provider_set_and(rule->allowed, named_set(draft, item->allow, "allow"));
        say_list(&summary, "allow", item->allow);
    }
    if (item->deny.doc != NULL) {
        rule->allowed =
            bl_provider_set_and_not(rule->allowed, named_set(draft, item->deny, "deny"));
        say_list(&summary, "deny", item->deny);
    }
    if (item->prefer.doc != NULL) {
        say_list(&summary, "prefer", item->prefer);
    }
    if (item->stop) {
        say(&summary, summary.len > 0 ? "; stop" : "stop", BL_STR_ABSENT);
    }
    rule->narrows =
        item->require_tags.doc != NULL || item->allow.doc != NULL || item->deny.doc != NULL;
    rule->summary = bl_draft_copy(draft, (struct bl_str){summary.text, summary.len});
}

static void read_rule(struct bl_draft *draft, struct bl_json value, struct bl_rule_item *item,
                      struct bl_rule *rule) {
    uint32_t column;

    bl_keys_read(draft, value, &bl_rule_keys, item);
    bl_json_position(value, &rule->line, &column);
    rule->condition = bl_compile_condition(draft, item->when, false);
    rule->stop = item->stop;
    if (item->prefer.doc != NULL) {
        compile_prefer(draft, item->prefer, rule);
    }
    if (bl_json_type(value) == BL_JSON_OBJECT && item->require_tags.doc == NULL &&
        item->allow.doc == NULL && item->deny.doc == NULL && item->prefer.doc == NULL &&
        !item->stop) {
        struct bl_diag *diag = bl_draft_error(draft, value);
        bl_diag_message(diag, "the rule has no effect");
        bl_diag_hint(diag, "give it require_tags, allow, deny, prefer or stop: true");
    }
}

void bl_compile_rules(struct bl_draft *draft) {
    struct bl_json list = draft->notes->rules;
    uint32_t count = bl_json_count(list);
    size_t mark = bl_draft_enter(draft, BL_STR("rules"));

    if (list.doc == NULL) {
        bl_draft_leave(draft, mark);
        return;
    }
    if (bl_json_type(list) != BL_JSON_ARRAY || count > BL_POLICY_MAX_RULES) {
        (void)bl_draft_wrong_type(draft, list, "a list of at most 1024 rules");
        bl_draft_leave(draft, mark);
        return;
    }
    struct bl_rule *rules = bl_draft_alloc(draft, count, sizeof(*rules));
    struct bl_rule_item *items = bl_arena_calloc(draft->scratch, count + 1, sizeof(*items));
    struct bl_json_iter it = bl_json_iter(list);
    if (rules == NULL || items == NULL) {
        draft->out_of_memory = true;
        return;
    }
    for (uint32_t i = 0; bl_json_next(&it); i++) {
        size_t item_mark = bl_draft_enter_item(draft, i);
        read_rule(draft, it.value, &items[i], &rules[i]);
        bl_draft_leave(draft, item_mark);
    }
    for (uint32_t i = 0; i < count; i++) {
        size_t item_mark = bl_draft_enter_item(draft, i);
        compile_effects(draft, &items[i], &rules[i]);
        bl_draft_leave(draft, item_mark);
    }
    draft->policy->rules = rules;
    draft->policy->rule_count = (uint16_t)count;
    bl_draft_leave(draft, mark);
}
