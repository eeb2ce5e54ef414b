/* Fallbacks: what follows a failed attempt. */
#include "policy/draft.h"
#include "policy/keys.h"

#define BACKOFF_MAX_MS 5000 /* unless the policy says otherwise */

/* What a policy that says nothing of backoff gets. */
static struct bl_fallback_item default_item(struct bl_draft *draft) {
    struct bl_fallback_item item = {.retry = 0};

    bl_keys_set_defaults(draft, &bl_fallback_keys, &item);
    return item;
}

/* A delay that the policy does not give follows the one that it gives. */
static void settle_backoff(struct bl_draft *draft, struct bl_json value,
                           struct bl_backoff *backoff) {
    struct bl_json given = bl_json_get(value, BL_STR("backoff"));

    if (backoff->max_ms == 0) {
        backoff->max_ms = backoff->base_ms > BACKOFF_MAX_MS ? backoff->base_ms : BACKOFF_MAX_MS;
    } else if (backoff->max_ms >= backoff->base_ms) {
        return;
    } else if (bl_json_get(given, BL_STR("base_ms")).doc == NULL) {
        backoff->base_ms = backoff->max_ms;
    } else {
        size_t mark = bl_draft_enter(draft, BL_STR("backoff"));
        bl_diag_message(bl_draft_error(draft, given), "max_ms (%u) is below base_ms (%u)",
                        (unsigned)backoff->max_ms, (unsigned)backoff->base_ms);
        bl_draft_leave(draft, mark);
    }
}

static void compile_item(struct bl_draft *draft, struct bl_json value, struct bl_fallback *out) {
    struct bl_fallback_item item = default_item(draft);

    bl_keys_read(draft, value, &bl_fallback_keys, &item);
    settle_backoff(draft, value, &item.backoff);
    *out =
        (struct bl_fallback){.retry = item.retry,
                             .backoff = item.backoff,
                             .to = BL_PROVIDER_NONE,
                             .line = bl_draft_line(draft, value),
                             .condition = bl_compile_attempt_condition(draft, item.when, "when")};
    if (item.to.doc != NULL) {
        size_t mark = bl_draft_enter(draft, BL_STR("to"));
        out->to = bl_draft_name_provider(draft, item.to);
        bl_draft_leave(draft, mark);
    } else if (item.retry == 0 && bl_json_is(value, BL_JSON_OBJECT)) {
        struct bl_diag *diag = bl_draft_warning(draft, value);
        bl_diag_message(diag, "neither retries nor names a provider");
        bl_diag_hint(diag, "give it retry: 1, or to: and a provider");
    }
}

static struct bl_fallback *allocate(struct bl_draft *draft, uint32_t count) {
    struct bl_fallback *fallbacks = bl_draft_alloc(draft, count, sizeof(*fallbacks));

    draft->policy->fallbacks = fallbacks;
    draft->policy->fallback_count = fallbacks == NULL ? 0 : (uint16_t)count;
    return fallbacks;
}

static void compile_list(struct bl_draft *draft, struct bl_json list) {
    struct bl_json_iter it = bl_json_iter(list);
    uint32_t count = bl_json_count(list);

    if (!bl_json_is(list, BL_JSON_ARRAY)) {
        bl_draft_wrong_type(draft, list, "a list of fallbacks");
        return;
    }
    if (count > BL_POLICY_MAX_FALLBACKS) {
        bl_diag_message(bl_draft_error(draft, list), "has %u fallbacks, more than %d",
                        (unsigned)count, BL_POLICY_MAX_FALLBACKS);
        return;
    }
    struct bl_fallback *fallbacks = allocate(draft, count);
    for (uint32_t i = 0; fallbacks != NULL && bl_json_next(&it); i++) {
        size_t mark = bl_draft_enter_item(draft, i);
        compile_item(draft, it.value, &fallbacks[i]);
        bl_draft_leave(draft, mark);
    }
}

/* Its status words; without any, it is for the time when all others have failed. */
static uint32_t legacy_condition(struct bl_draft *draft, struct bl_json value,
                                 struct bl_json words) {
    bool is_list = bl_json_is(words, BL_JSON_ARRAY);

    if (words.doc != NULL && !is_list) {
        size_t mark = bl_draft_enter(draft, BL_STR("conditions"));
        bl_draft_wrong_type(draft, words, "a list of status words");
        bl_draft_leave(draft, mark);
    } else if (is_list && bl_json_count(words) > 0) {
        return bl_compile_attempt_condition(draft, words, "conditions");
    }
    return bl_compile_status(draft, value, BL_STATUS_ALL_PROVIDERS_FAILED);
}

/* The older form is a last resort, and, without a list of fallbacks, one rule as well. */
static void compile_legacy(struct bl_draft *draft, struct bl_json value) {
    struct bl_legacy_fallback_item item = {BL_JSON_NOTHING, BL_JSON_NOTHING};
    struct bl_fallback_item defaults = default_item(draft);
    bl_provider_index to = BL_PROVIDER_NONE;

    settle_backoff(draft, value, &defaults.backoff);
    if (bl_json_is(value, BL_JSON_STRING)) {
        to = bl_draft_name_provider(draft, value);
    } else {
        bl_keys_read(draft, value, &bl_legacy_fallback_keys, &item);
        if (item.provider.doc != NULL) {
            size_t mark = bl_draft_enter(draft, BL_STR("provider"));
            to = bl_draft_name_provider(draft, item.provider);
            bl_draft_leave(draft, mark);
        } else if (bl_json_is(value, BL_JSON_OBJECT)) {
            struct bl_diag *diag = bl_draft_warning(draft, value);
            bl_diag_message(diag, "has no effect, because it names no provider");
            bl_diag_hint(diag, "add provider, or remove fallback");
        }
    }
    uint32_t condition = legacy_condition(draft, value, item.conditions);
    if (to == BL_PROVIDER_NONE) {
        return;
    }
    draft->providers[to].last_resort = true;
    if (draft->notes->fallbacks.doc == NULL) {
        struct bl_fallback *fallback = allocate(draft, 1);
        if (fallback != NULL) {
            *fallback = (struct bl_fallback){.condition = condition,
                                             .retry = defaults.retry,
                                             .backoff = defaults.backoff,
                                             .to = to,
                                             .line = bl_draft_line(draft, value)};
        }
    }
}

void bl_compile_fallbacks(struct bl_draft *draft) {
    if (draft->notes->fallbacks.doc != NULL) {
        size_t mark = bl_draft_enter(draft, BL_STR("fallbacks"));
        compile_list(draft, draft->notes->fallbacks);
        bl_draft_leave(draft, mark);
    }
    if (draft->notes->fallback.doc != NULL) {
        size_t mark = bl_draft_enter(draft, BL_STR("fallback"));
        compile_legacy(draft, draft->notes->fallback);
        bl_draft_leave(draft, mark);
    }
}
