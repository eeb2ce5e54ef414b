/* Fallbacks: what follows a failed attempt. */
#include "policy/draft.h"
#include "policy/keys.h"

static const struct bl_backoff default_backoff = {BL_BACKOFF_EXPONENTIAL, 100, 5000, true};

static void compile_item(struct bl_draft *draft, struct bl_json value, struct bl_fallback *out) {
    struct bl_fallback_item item = {.retry = 1, .backoff = default_backoff};
    uint32_t column;

    bl_keys_read(draft, value, &bl_fallback_keys, &item);
    *out = (struct bl_fallback){.retry = item.retry,
                                .backoff = item.backoff,
                                .to = BL_PROVIDER_NONE,
                                .condition = bl_compile_condition(draft, item.when, true)};
    bl_json_position(value, &out->line, &column);
    if (item.backoff.max_ms < item.backoff.base_ms) {
        bl_diag_message(bl_draft_error(draft, value), "backoff.max_ms is below backoff.base_ms");
    }
    if (item.to.doc != NULL) {
        size_t mark = bl_draft_enter(draft, BL_STR("to"));
        out->to = bl_draft_name_provider(draft, item.to);
        bl_draft_leave(draft, mark);
    } else if (item.retry == 0 && bl_json_type(value) == BL_JSON_OBJECT) {
        bl_diag_message(bl_draft_warning(draft, value), "neither retries nor names a provider");
    }
}

static struct bl_fallback *allocate(struct bl_draft *draft, struct bl_json list, uint32_t count) {
    if (count > BL_POLICY_MAX_FALLBACKS) {
        bl_diag_message(bl_draft_error(draft, list), "more than %d fallbacks",
                        BL_POLICY_MAX_FALLBACKS);
        return NULL;
    }
    struct bl_fallback *fallbacks = bl_draft_alloc(draft, count, sizeof(*fallbacks));
    draft->policy->fallbacks = fallbacks;
    draft->policy->fallback_count = fallbacks == NULL ? 0 : (uint16_t)count;
    return fallbacks;
}

static void compile_list(struct bl_draft *draft) {
    struct bl_json list = draft->notes->fallbacks;
    struct bl_json_iter it = bl_json_iter(list);
    size_t mark = bl_draft_enter(draft, BL_STR("fallbacks"));

    if (bl_json_type(list) != BL_JSON_ARRAY) {
        (void)bl_draft_wrong_type(draft, list, "a list");
    } else {
        struct bl_fallback *fallbacks = allocate(draft, list, bl_json_count(list));
        for (uint32_t i = 0; fallbacks != NULL && bl_json_next(&it); i++) {
            size_t item_mark = bl_draft_enter_item(draft, i);
            compile_item(draft, it.value, &fallbacks[i]);
            bl_draft_leave(draft, item_mark);
        }
    }
    bl_draft_leave(draft, mark);
}

/* The older form is a last resort, and, without a list of fallbacks, one rule as well. */
static void compile_legacy(struct bl_draft *draft) {
    struct bl_legacy_fallback_item item = {BL_JSON_NOTHING, BL_JSON_NOTHING};
    struct bl_json value = draft->notes->fallback;
    bl_provider_index to = BL_PROVIDER_NONE;
    size_t mark = bl_draft_enter(draft, BL_STR("fallback"));

    if (bl_json_type(value) == BL_JSON_STRING) {
        to = bl_draft_name_provider(draft, value);
    } else {
        bl_keys_read(draft, value, &bl_legacy_fallback_keys, &item);
        if (item.provider.doc != NULL) {
            to = bl_draft_name_provider(draft, item.provider);
        }
    }
    if (to != BL_PROVIDER_NONE) {
        draft->providers[to].last_resort = true;
    }
    if (to != BL_PROVIDER_NONE && draft->notes->fallbacks.doc == NULL) {
        struct bl_fallback *fallback = allocate(draft, value, 1);
        if (fallback != NULL) {
            *fallback = (struct bl_fallback){.retry = 1, .backoff = default_backoff, .to = to};
            fallback->condition = bl_compile_condition(draft, item.conditions, true);
        }
    }
    bl_draft_leave(draft, mark);
}

void bl_compile_fallbacks(struct bl_draft *draft) {
    if (draft->notes->fallbacks.doc != NULL) {
        compile_list(draft);
    }
    if (draft->notes->fallback.doc != NULL) {
        compile_legacy(draft);
    }
}
