/* Providers: who can be chosen, and by which weight. */
#include "base/siphash.h"
#include "base/text.h"
#include "policy/draft.h"
#include "policy/keys.h"

#define WEIGHT_MAX 1e12 /* sums of 128 stay far from overflow */
#define TAGS_MAX 64
#define QUOTE_BYTES 100

/* Ids hash the same on every router: the key is public, and only spreads. */
static const uint8_t id_key[BL_SIPHASH_KEY_BYTES] = "beamline.ids.v1";

/* Characters beyond ASCII that show nothing or look like a space: two ids that differ in one of
 * them could not be told apart. */
static bool is_invisible(const unsigned char *c, size_t len) {
    if (len == 2) {
        return c[0] == 0xC2 && c[1] <= 0xA0; /* C1 controls, no-break space */
    }
    if (len != 3) {
        return false;
    }
    unsigned code = (c[0] & 0x0Fu) << 12 | (c[1] & 0x3Fu) << 6 | (c[2] & 0x3Fu);
    return (code >= 0x2000 && code <= 0x200F) || (code >= 0x2028 && code <= 0x202F) ||
           (code >= 0x205F && code <= 0x206F) || code == 0x3000 || code == 0xFEFF;
}

bool bl_draft_is_provider_id(struct bl_str id) {
    size_t step;

    if (id.len < 1 || id.len > 255) {
        return false;
    }
    for (size_t i = 0; i < id.len; i += step) {
        const unsigned char *c = (const unsigned char *)id.data + i;
        step = bl_utf8_char_len(id.data + i, id.len - i);
        if (step == 0 || *c <= 0x20 || *c == 0x7f || is_invisible(c, step)) {
            return false;
        }
    }
    return true;
}

static void report_id(struct bl_draft *draft, struct bl_json value) {
    bl_diag_message(bl_draft_error(draft, value),
                    "a provider id has 1 to 255 bytes of printable UTF-8 without space");
}

/* Reads an id at `value`; reports what is wrong with it. */
static bool read_id(struct bl_draft *draft, struct bl_json value, struct bl_str *id) {
    if (!bl_json_string(value, id)) {
        return bl_draft_wrong_type(draft, value, "a provider id");
    }
    if (!bl_draft_is_provider_id(*id)) {
        report_id(draft, value);
        return false;
    }
    return true;
}

bl_provider_index bl_draft_find_provider(const struct bl_draft *draft, struct bl_str id) {
    for (int i = 0; i < draft->policy->provider_count; i++) {
        if (bl_str_equal(draft->providers[i].id, id)) {
            return (bl_provider_index)i;
        }
    }
    return BL_PROVIDER_NONE;
}

static bl_provider_index append(struct bl_draft *draft, struct bl_json value, struct bl_str id,
                                const struct bl_provider *provider) {
    uint16_t index = draft->policy->provider_count;

    if (index == BL_POLICY_MAX_PROVIDERS) {
        if (!draft->too_many_providers) {
            bl_diag_message(bl_draft_error(draft, value), "more than %d providers",
                            BL_POLICY_MAX_PROVIDERS);
        }
        draft->too_many_providers = true;
        return BL_PROVIDER_NONE;
    }
    draft->providers[index] = *provider;
    draft->providers[index].id = bl_draft_copy(draft, id);
    draft->providers[index].id_hash = bl_siphash64(id_key, id.data, id.len);
    draft->provider_sources[index] = value;
    draft->policy->provider_count++;
    return (bl_provider_index)index;
}

static const struct bl_provider nothing_known = {.expect_latency_ms = -1,
                                                 .expect_cost_nano = BL_MONEY_UNKNOWN};

bl_provider_index bl_draft_name_provider(struct bl_draft *draft, struct bl_json value) {
    struct bl_str id;

    if (!read_id(draft, value, &id)) {
        return BL_PROVIDER_NONE;
    }
    bl_provider_index index = bl_draft_find_provider(draft, id);
    if (index == BL_PROVIDER_NONE) {
        index = append(draft, value, id, &nothing_known);
    }
    if (index != BL_PROVIDER_NONE) {
        draft->providers[index].named = true;
    }
    return index;
}

/*
 * Whole numbers and fractions in one document: the older router read {a: 70, b: 0.3} as 0.7 : 0.3,
 * and {a: 1, b: 1.0} as 0.01 : 1. What counts is how a weight is written, because that is what it
 * went by; 0 is 0 in every reading.
 */
struct weight_kinds {
    struct bl_json first_whole;
    struct bl_json first_fraction;
    char path[2][96]; /* of the two */
};

static void note_kind(struct bl_draft *draft, struct bl_json value, double weight,
                      struct weight_kinds *kinds) {
    bool is_fraction = bl_json_is(value, BL_JSON_DOUBLE);
    struct bl_json *first = is_fraction ? &kinds->first_fraction : &kinds->first_whole;

    if (weight != 0 && first->doc == NULL) {
        *first = value;
        memcpy(kinds->path[is_fraction ? 1 : 0], draft->path, sizeof(kinds->path[0]));
    }
}

static bool read_weight(struct bl_draft *draft, struct bl_json value, struct weight_kinds *kinds,
                        double *weight) {
    if (!bl_json_double(value, weight)) {
        return bl_draft_wrong_type(draft, value, "a number");
    }
    if (!(*weight >= 0 && *weight <= WEIGHT_MAX)) {
        bl_diag_message(bl_draft_error(draft, value), "a weight is between 0 and %s, found %s",
                        bl_draft_number(WEIGHT_MAX).text, bl_draft_number(*weight).text);
        return false;
    }
    note_kind(draft, value, *weight, kinds);
    *weight += 0.0; /* -0 becomes 0 */
    return true;
}

static void report_mixed_weights(struct bl_draft *draft, const struct weight_kinds *kinds) {
    double whole = 0;
    double fraction = 0;

    if (kinds->first_whole.doc == NULL || kinds->first_fraction.doc == NULL) {
        return;
    }
    (void)bl_json_double(kinds->first_whole, &whole);
    (void)bl_json_double(kinds->first_fraction, &fraction);
    struct bl_diag *diag = bl_draft_error(draft, kinds->first_fraction);
    bl_diag_path(diag, "%s", kinds->path[1]);
    bl_diag_message(diag,
                    "whole and fractional weights are mixed (%s at %s): %s : %s as written, or "
                    "%s : %s if whole numbers are percent",
                    bl_draft_number(whole).text, kinds->path[0], bl_draft_number(whole).text,
                    bl_draft_number(fraction).text, bl_draft_number(whole / 100).text,
                    bl_draft_number(fraction).text);
    bl_diag_hint(diag, "write all weights as whole numbers, or all with a decimal point");
}

static void read_tags(struct bl_draft *draft, struct bl_json tags, struct bl_provider *provider) {
    struct bl_json_iter it = bl_json_iter(tags);
    uint32_t count = bl_json_count(tags);
    size_t tags_mark = bl_draft_enter(draft, BL_STR("tags"));

    if (!bl_json_is(tags, BL_JSON_OBJECT)) {
        bl_draft_wrong_type(draft, tags, "an object of texts");
        count = 0;
    } else if (count > TAGS_MAX) {
        bl_diag_message(bl_draft_error(draft, tags), "a provider has %d tags at most, found %u",
                        TAGS_MAX, (unsigned)count);
        count = 0;
    }
    struct bl_tag *list = bl_draft_alloc(draft, count, sizeof(*list));
    uint16_t filled = 0;
    while (list != NULL && count > 0 && bl_json_next(&it)) {
        struct bl_str text;
        size_t mark = bl_draft_enter(draft, it.key);
        if (bl_json_string(it.value, &text)) {
            list[filled].name = bl_draft_copy(draft, it.key);
            list[filled++].value = bl_draft_copy(draft, text);
        } else {
            bl_draft_wrong_type(draft, it.value, "a text");
        }
        bl_draft_leave(draft, mark);
    }
    provider->tags = list;
    provider->tag_count = filled;
    bl_draft_leave(draft, tags_mark);
}

static void refuse_text(struct bl_draft *draft, struct bl_json value) {
    struct bl_str text = BL_STR("");
    struct bl_diag *diag = bl_draft_error(draft, value);

    (void)bl_json_string(value, &text);
    text = bl_draft_quote(text, QUOTE_BYTES);
    bl_diag_message(diag, "must be an object, found a string");
    bl_diag_hint(diag,
                 "write {name: \"%.*s\", weight: 1}; for an order, add priority and "
                 "strategy: priority",
                 BL_STR_ARG(text));
}

/* The members of an item, under their keys' paths. False: there is no provider to keep. */
static bool read_item(struct bl_draft *draft, struct bl_json value, struct bl_provider_item *item,
                      struct weight_kinds *kinds, struct bl_str *id) {
    size_t errors = draft->findings->errors;

    bl_keys_set_defaults(draft, &bl_provider_keys, item);
    bl_keys_read(draft, value, &bl_provider_keys, item);
    item->provider.listed = true;
    item->provider.weight = 1;
    bool good = true;
    if (item->weight.doc != NULL) {
        size_t mark = bl_draft_enter(draft, BL_STR("weight"));
        good = read_weight(draft, item->weight, kinds, &item->provider.weight);
        bl_draft_leave(draft, mark);
    }
    if (item->tags.doc != NULL) {
        read_tags(draft, item->tags, &item->provider);
    }
    struct bl_json name = item->name.doc != NULL ? item->name : item->id;
    if (name.doc == NULL) {
        if (draft->findings->errors == errors) { /* else it may be there, misspelt */
            struct bl_diag *diag = bl_draft_error(draft, value);
            bl_diag_message(diag, "a provider needs a name");
            bl_diag_hint(diag, "write {name: openai, weight: 1}");
        }
        return false;
    }
    size_t mark = bl_draft_enter(draft, item->name.doc != NULL ? BL_STR("name") : BL_STR("id"));
    good = read_id(draft, name, id) && good;
    if (good && bl_draft_find_provider(draft, *id) != BL_PROVIDER_NONE) {
        struct bl_str shown = bl_draft_quote(*id, QUOTE_BYTES);
        bl_diag_message(bl_draft_error(draft, name), "the provider \"%.*s\" is listed twice",
                        BL_STR_ARG(shown));
        good = false;
    }
    bl_draft_leave(draft, mark);
    return good;
}

static void compile_list(struct bl_draft *draft, struct weight_kinds *kinds) {
    struct bl_json_iter it = bl_json_iter(draft->notes->providers);
    size_t mark = bl_draft_enter(draft, BL_STR("providers"));

    if (!bl_json_is(draft->notes->providers, BL_JSON_ARRAY)) {
        bl_draft_wrong_type(draft, draft->notes->providers, "a list");
    }
    for (uint32_t i = 0; !it.keyed && bl_json_next(&it); i++) {
        struct bl_provider_item item = {.provider = nothing_known};
        struct bl_str id;
        size_t item_mark = bl_draft_enter_item(draft, i);
        if (bl_json_is(it.value, BL_JSON_STRING)) {
            refuse_text(draft, it.value);
        } else if (read_item(draft, it.value, &item, kinds, &id)) {
            (void)append(draft, it.value, id, &item.provider);
        }
        bl_draft_leave(draft, item_mark);
    }
    bl_draft_leave(draft, mark);
}

static void compile_weights(struct bl_draft *draft, struct weight_kinds *kinds) {
    struct bl_json_iter it = bl_json_iter(draft->notes->weights);
    size_t mark = bl_draft_enter(draft, BL_STR("weights"));

    if (!bl_json_is(draft->notes->weights, BL_JSON_OBJECT)) {
        bl_draft_wrong_type(draft, draft->notes->weights, "an object of numbers");
    }
    while (it.keyed && bl_json_next(&it)) {
        struct bl_provider provider = nothing_known;
        size_t item_mark = bl_draft_enter(draft, it.key);
        provider.listed = true;
        if (!bl_draft_is_provider_id(it.key)) {
            report_id(draft, bl_draft_key_of(it.value));
        } else if (read_weight(draft, it.value, kinds, &provider.weight)) {
            (void)append(draft, it.value, it.key, &provider);
        }
        bl_draft_leave(draft, item_mark);
    }
    bl_draft_leave(draft, mark);
}

void bl_compile_providers(struct bl_draft *draft) {
    struct weight_kinds kinds = {BL_JSON_NOTHING, BL_JSON_NOTHING, {"", ""}};

    if (draft->notes->providers.doc != NULL) {
        compile_list(draft, &kinds);
    } else if (draft->notes->weights.doc != NULL) {
        compile_weights(draft, &kinds);
    }
    report_mixed_weights(draft, &kinds);
    draft->policy->listed_count = draft->policy->provider_count;
}
