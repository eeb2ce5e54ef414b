/* Rules: what narrows or directs the choice. */
#include "base/text.h"
#include "policy/draft.h"
#include "policy/keys.h"

#define SUMMARY_BYTES 200
#define SUMMARY_NAME_BYTES 60
#define QUOTE_BYTES 100

/* The effect of a rule in words, for explanations: "require_tags {region: eu}; deny [a, b]". */
static void say_part(struct bl_buf *summary, const char *key, const char *open) {
    bl_buf_str(summary, summary->len > 0 ? BL_STR("; ") : BL_STR(""));
    bl_buf_str(summary, bl_str_from_c(key));
    bl_buf_str(summary, bl_str_from_c(open));
}

static void say_list(struct bl_buf *summary, const char *key, struct bl_json list) {
    struct bl_json_iter it = bl_json_iter(list);
    struct bl_str separator = BL_STR("");

    say_part(summary, key, " [");
    while (bl_json_next(&it)) {
        struct bl_str text = BL_STR("?");
        (void)bl_json_string(it.value, &text);
        bl_buf_str(summary, separator);
        bl_buf_str(summary, bl_draft_quote(text, SUMMARY_NAME_BYTES));
        separator = BL_STR(", ");
    }
    bl_buf_char(summary, ']');
}

static void say_tags(struct bl_buf *summary, struct bl_json tags) {
    struct bl_json_iter it = bl_json_iter(tags);
    struct bl_str separator = BL_STR("");

    say_part(summary, "require_tags", " {");
    while (bl_json_next(&it)) {
        struct bl_str text = BL_STR("?");
        (void)bl_json_string(it.value, &text);
        bl_buf_str(summary, separator);
        bl_buf_str(summary, bl_draft_quote(it.key, SUMMARY_NAME_BYTES));
        bl_buf_str(summary, BL_STR(": "));
        bl_buf_str(summary, bl_draft_quote(text, SUMMARY_NAME_BYTES));
        separator = BL_STR(", ");
    }
    bl_buf_char(summary, '}');
}

static struct bl_str summarize(struct bl_draft *draft, const struct bl_rule_item *item) {
    char storage[SUMMARY_BYTES];
    struct bl_buf summary;

    bl_buf_init(&summary, storage, sizeof(storage) - 3); /* room for the dots */
    if (item->require_tags.doc != NULL) {
        say_tags(&summary, item->require_tags);
    }
    if (item->allow.doc != NULL) {
        say_list(&summary, "allow", item->allow);
    }
    if (item->deny.doc != NULL) {
        say_list(&summary, "deny", item->deny);
    }
    if (item->prefer.doc != NULL) {
        say_list(&summary, "prefer", item->prefer);
    }
    if (item->stop) {
        say_part(&summary, "stop", "");
    }
    if (summary.overflowed) {
        summary.capacity = sizeof(storage);
        bl_buf_literal(&summary, "...");
    }
    return bl_draft_copy(draft, bl_buf_view(&summary));
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

static void apply_tags(struct bl_draft *draft, struct bl_json tags, struct bl_rule *rule) {
    struct bl_json_iter it = bl_json_iter(tags);
    size_t mark = bl_draft_enter(draft, BL_STR("require_tags"));

    if (!bl_json_is(tags, BL_JSON_OBJECT)) {
        bl_draft_wrong_type(draft, tags, "an object of texts");
    } else if (bl_json_count(tags) == 0) {
        bl_diag_message(bl_draft_error(draft, tags), "names no tag");
    }
    while (it.keyed && bl_json_next(&it)) {
        struct bl_str value;
        size_t item_mark = bl_draft_enter(draft, it.key);
        if (!bl_json_string(it.value, &value)) {
            bl_draft_wrong_type(draft, it.value, "a text");
        } else {
            for (int i = 0; i < draft->policy->provider_count; i++) {
                if (!has_tag(&draft->providers[i], it.key, value)) {
                    bl_provider_set_remove(&rule->allowed, i);
                }
            }
        }
        bl_draft_leave(draft, item_mark);
    }
    if (bl_provider_set_is_empty(&rule->allowed)) {
        bl_diag_message(bl_draft_warning(draft, tags), "no provider has these tags");
    }
    bl_draft_leave(draft, mark);
}

/* A provider that must be there already: excluding an unknown one changes nothing. */
static bl_provider_index find_known(struct bl_draft *draft, struct bl_json value) {
    struct bl_str ids[BL_POLICY_MAX_PROVIDERS];
    struct bl_str id;

    if (!bl_json_string(value, &id)) {
        bl_draft_wrong_type(draft, value, "a provider id");
        return BL_PROVIDER_NONE;
    }
    bl_provider_index found = bl_draft_find_provider(draft, id);
    if (found != BL_PROVIDER_NONE) {
        return found;
    }
    struct bl_diag *diag = bl_draft_warning(draft, value);
    if (bl_draft_is_surplus(draft, diag)) {
        return BL_PROVIDER_NONE;
    }
    for (int i = 0; i < draft->policy->provider_count; i++) {
        ids[i] = draft->providers[i].id;
    }
    struct bl_str nearest = bl_nearest(id, ids, draft->policy->provider_count);
    struct bl_str shown = bl_draft_quote(id, QUOTE_BYTES);
    bl_diag_message(diag, "no provider is called \"%.*s\"", BL_STR_ARG(shown));
    if (bl_str_is_present(nearest)) {
        bl_diag_hint(diag, "did you mean %.*s?", BL_STR_ARG(nearest));
    }
    return BL_PROVIDER_NONE;
}

/* A list of ids that is not empty; reports what is none. */
static bool is_list(struct bl_draft *draft, struct bl_json value) {
    if (!bl_json_is(value, BL_JSON_ARRAY)) {
        struct bl_str text = BL_STR("openai");
        struct bl_diag *diag = bl_draft_error(draft, value);
        (void)bl_json_string(value, &text);
        text = bl_draft_quote(text, QUOTE_BYTES);
        bl_diag_message(diag, "must be a list of provider ids, found %s",
                        bl_json_type_name(bl_json_type(value)));
        bl_diag_hint(diag, "write [\"%.*s\"]", BL_STR_ARG(text));
        return false;
    }
    if (bl_json_count(value) == 0) {
        bl_diag_message(bl_draft_error(draft, value), "names no provider");
        return false;
    }
    return true;
}

/* The set of the providers that a list names. */
static struct bl_provider_set known_set(struct bl_draft *draft, struct bl_json list,
                                        const char *key) {
    struct bl_provider_set set = BL_PROVIDER_SET_EMPTY;
    struct bl_json_iter it = bl_json_iter(list);
    size_t mark = bl_draft_enter(draft, bl_str_from_c(key));

    if (is_list(draft, list)) {
        for (uint32_t i = 0; bl_json_next(&it); i++) {
            size_t item_mark = bl_draft_enter_item(draft, i);
            bl_provider_index provider = find_known(draft, it.value);
            if (provider != BL_PROVIDER_NONE) {
                bl_provider_set_add(&set, provider);
            }
            bl_draft_leave(draft, item_mark);
        }
    }
    bl_draft_leave(draft, mark);
    return set;
}

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

/* First pass: what rules prefer is numbered before any rule narrows. */
static void read_rule(struct bl_draft *draft, struct bl_json value, struct bl_rule_item *item,
                      struct bl_rule *rule) {
    bl_keys_set_defaults(draft, &bl_rule_keys, item);
    bl_keys_read(draft, value, &bl_rule_keys, item);
    rule->line = bl_draft_line(draft, value);
    rule->condition = bl_compile_condition(draft, item->when);
    rule->stop = item->stop;
    rule->narrows =
        item->require_tags.doc != NULL || item->allow.doc != NULL || item->deny.doc != NULL;
    if (item->prefer.doc != NULL) {
        compile_prefer(draft, item->prefer, rule);
    }
    if (bl_json_is(value, BL_JSON_OBJECT) && !rule->narrows && item->prefer.doc == NULL &&
        !item->stop) {
        struct bl_diag *diag = bl_draft_error(draft, value);
        bl_diag_message(diag, "the rule has no effect");
        bl_diag_hint(diag, "give it require_tags, allow, deny, prefer or stop: true");
    }
}

/* Second pass. */
static void compile_effects(struct bl_draft *draft, const struct bl_rule_item *item,
                            struct bl_rule *rule) {
    for (int i = 0; i < draft->policy->provider_count; i++) {
        bl_provider_set_add(&rule->allowed, i);
    }
    if (item->require_tags.doc != NULL) {
        apply_tags(draft, item->require_tags, rule);
    }
    if (item->allow.doc != NULL) {
        rule->allowed = bl_provider_set_and(rule->allowed, known_set(draft, item->allow, "allow"));
    }
    if (item->deny.doc != NULL) {
        rule->allowed =
            bl_provider_set_and_not(rule->allowed, known_set(draft, item->deny, "deny"));
    }
    rule->summary = summarize(draft, item);
}

static void compile_list(struct bl_draft *draft, struct bl_json list) {
    struct bl_json_iter it = bl_json_iter(list);
    uint32_t count = bl_json_count(list);

    if (!bl_json_is(list, BL_JSON_ARRAY)) {
        bl_draft_wrong_type(draft, list, "a list of rules");
        return;
    }
    if (count > BL_POLICY_MAX_RULES) {
        bl_diag_message(bl_draft_error(draft, list), "has %u rules, more than %d", (unsigned)count,
                        BL_POLICY_MAX_RULES);
        return;
    }
    struct bl_rule *rules = bl_draft_alloc(draft, count, sizeof(*rules));
    struct bl_rule_item *items = bl_arena_calloc(draft->scratch, count + 1, sizeof(*items));
    if (rules == NULL || items == NULL) {
        draft->out_of_memory = true;
        return;
    }
    for (uint32_t i = 0; bl_json_next(&it); i++) {
        size_t mark = bl_draft_enter_item(draft, i);
        read_rule(draft, it.value, &items[i], &rules[i]);
        bl_draft_leave(draft, mark);
    }
    for (uint32_t i = 0; i < count; i++) {
        size_t mark = bl_draft_enter_item(draft, i);
        compile_effects(draft, &items[i], &rules[i]);
        bl_draft_leave(draft, mark);
    }
    draft->policy->rules = rules;
    draft->policy->rule_count = (uint16_t)count;
}

void bl_compile_rules(struct bl_draft *draft) {
    if (draft->notes->rules.doc != NULL) {
        size_t mark = bl_draft_enter(draft, BL_STR("rules"));
        compile_list(draft, draft->notes->rules);
        bl_draft_leave(draft, mark);
    }
}
