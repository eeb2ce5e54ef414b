/* Providers: who can be chosen, and by which weight. */
#include <math.h>

#include "base/siphash.h"
#include "base/text.h"
#include "policy/draft.h"
#include "policy/keys.h"

#define WEIGHT_MAX 1e12 /* sums of 128 stay far from overflow */

/* Ids hash the same on every router: the key is public, and only spreads. */
static const uint8_t id_key[BL_SIPHASH_KEY_BYTES] = "beamline.ids.v1";

static bool id_is_valid(struct bl_str id) {
    if (id.len < 1 || id.len > 255 || !bl_utf8_valid(id)) {
        return false;
    }
    for (size_t i = 0; i < id.len; i++) {
        unsigned char c = (unsigned char)id.data[i];
        if (c <= 0x20 || c == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Reads an id at `value`; reports what is wrong with it. */
static bool read_id(struct bl_draft *draft, struct bl_json value, struct bl_str *id) {
    if (!bl_json_string(value, id)) {
        return bl_draft_wrong_type(draft, value, "a provider id");
    }
    if (!id_is_valid(*id)) {
        bl_diag_message(bl_draft_error(draft, value),
                        "a provider id has 1 to 255 bytes of printable UTF-8 without space");
        return false;
    }
    return true;
}

static bl_provider_index find(const struct bl_draft *draft, struct bl_str id) {
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
        bl_diag_message(bl_draft_error(draft, value), "more than %d providers",
                        BL_POLICY_MAX_PROVIDERS);
        return BL_PROVIDER_NONE;
    }
    draft->providers[index] = *provider;
    draft->providers[index].id = bl_draft_copy(draft, id);
    draft->providers[index].id_hash = bl_siphash64(id_key, id.data, id.len);
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
    bl_provider_index index = find(draft, id);
    if (index == BL_PROVIDER_NONE) {
        index = append(draft, value, id, &nothing_known);
    }
    if (index != BL_PROVIDER_NONE) {
        draft->providers[index].named = true;
    }
    return index;
}

/* What the weights of a document look like, to find a mix of whole numbers and fractions. */
struct weight_kinds {
    struct bl_json first_whole;
    struct bl_json first_fraction;
};

static bool read_weight(struct bl_draft *draft, struct bl_json value, struct weight_kinds *kinds,
                        double *weight) {
    if (!bl_json_double(value, weight)) {
        return bl_draft_wrong_type(draft, value, "a number");
    }
    if (!(*weight >= 0 && *weight <= WEIGHT_MAX)) {
        bl_diag_message(bl_draft_error(draft, value), "a weight is between 0 and %g", WEIGHT_MAX);
        return false;
    }
    bool is_fraction = trunc(*weight) != *weight;
    if (is_fraction && kinds->first_fraction.doc == NULL) {
        kinds->first_fraction = value;
    } else if (!is_fraction && *weight != 0 && kinds->first_whole.doc == NULL) {
        kinds->first_whole = value;
    }
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
    bl_diag_message(diag,
                    "weights mix whole numbers and fractions: %g : %g can mean %g : %g as written, "
                    "or %g : %g if whole numbers are percent",
                    whole, fraction, whole, fraction, whole / 100, fraction);
    bl_diag_hint(diag, "write all weights as whole numbers, or all as fractions");
}

static void read_tags(struct bl_draft *draft, struct bl_json tags, struct bl_provider *provider) {
    struct bl_json_iter it = bl_json_iter(tags);
    uint32_t count = bl_json_count(tags);

    if (tags.doc == NULL) {
        return;
    }
    if (bl_json_type(tags) != BL_JSON_OBJECT) {
        (void)bl_draft_wrong_type(draft, tags, "an object of texts");
        return;
    }
    struct bl_tag *list = bl_draft_alloc(draft, count, sizeof(*list));
    uint16_t filled = 0;
    while (list != NULL && filled < 256 && bl_json_next(&it)) {
        struct bl_str text;
        size_t mark = bl_draft_enter(draft, it.key);
        if (bl_json_string(it.value, &text)) {
            list[filled].name = bl_draft_copy(draft, it.key);
            list[filled++].value = bl_draft_copy(draft, text);
        } else {
            (void)bl_draft_wrong_type(draft, it.value, "a text");
        }
        bl_draft_leave(draft, mark);
    }
    provider->tags = list;
    provider->tag_count = filled;
}

static void compile_item(struct bl_draft *draft, struct bl_json value, struct weight_kinds *kinds) {
    struct bl_provider_item item = {.provider = nothing_known};
    struct bl_str id;

    if (bl_json_type(value) == BL_JSON_STRING) {
        struct bl_diag *diag = bl_draft_error(draft, value);
        bl_diag_message(diag, "must be an object, found a string");
        bl_diag_hint(diag, "write {name: %.*s, weight: 1}",
                     (int)(value.doc->nodes[value.index].length < 60
                               ? value.doc->nodes[value.index].length
                               : 60),
                     value.doc->nodes[value.index].value.string);
        return;
    }
    size_t errors = draft->findings->errors;
    bl_keys_read(draft, value, &bl_provider_keys, &item);
    struct bl_json name = item.name.doc != NULL ? item.name : item.id;
    if (name.doc == NULL) {
        if (draft->findings->errors == errors) {
            bl_diag_message(bl_draft_error(draft, value), "a provider needs a name");
        }
        return;
    }
    if (!read_id(draft, name, &id)) {
        return;
    }
    if (find(draft, id) != BL_PROVIDER_NONE) {
        bl_diag_message(bl_draft_error(draft, name), "the provider \"%.*s\" is listed twice",
                        (int)(id.len < 100 ? id.len : 100), id.data);
        return;
    }
    item.provider.listed = true;
    item.provider.weight = 1;
    if (item.weight.doc != NULL && !read_weight(draft, item.weight, kinds, &item.provider.weight)) {
        return;
    }
    read_tags(draft, item.tags, &item.provider);
    (void)append(draft, value, id, &item.provider);
}

static void compile_list(struct bl_draft *draft, struct weight_kinds *kinds) {
    struct bl_json_iter it = bl_json_iter(draft->notes->providers);
    size_t mark = bl_draft_enter(draft, BL_STR("providers"));

    if (bl_json_type(draft->notes->providers) != BL_JSON_ARRAY) {
        (void)bl_draft_wrong_type(draft, draft->notes->providers, "a list");
    }
    for (uint32_t i = 0; !it.keyed && bl_json_next(&it); i++) {
        size_t item_mark = bl_draft_enter_item(draft, i);
        compile_item(draft, it.value, kinds);
        bl_draft_leave(draft, item_mark);
    }
    bl_draft_leave(draft, mark);
}

static void compile_weights(struct bl_draft *draft, struct weight_kinds *kinds) {
    struct bl_json_iter it = bl_json_iter(draft->notes->weights);
    size_t mark = bl_draft_enter(draft, BL_STR("weights"));

    if (bl_json_type(draft->notes->weights) != BL_JSON_OBJECT) {
        (void)bl_draft_wrong_type(draft, draft->notes->weights, "an object of numbers");
    }
    while (it.keyed && bl_json_next(&it)) {
        struct bl_provider provider = nothing_known;
        size_t item_mark = bl_draft_enter(draft, it.key);
        provider.listed = true;
        if (!id_is_valid(it.key)) {
            bl_diag_message(bl_draft_error(draft, it.value),
                            "a provider id has 1 to 255 bytes of printable UTF-8 without space");
        } else if (read_weight(draft, it.value, kinds, &provider.weight)) {
            (void)append(draft, it.value, it.key, &provider);
        }
        bl_draft_leave(draft, item_mark);
    }
    bl_draft_leave(draft, mark);
}

void bl_compile_providers(struct bl_draft *draft) {
    struct weight_kinds kinds = {BL_JSON_NOTHING, BL_JSON_NOTHING};

    if (draft->notes->providers.doc != NULL) {
        compile_list(draft, &kinds);
        if (draft->notes->weights.doc != NULL) {
            struct bl_diag *diag = bl_draft_error(draft, draft->notes->weights);
            bl_diag_path(diag, "weights");
            bl_diag_message(diag, "stands beside providers, which say the same");
            bl_diag_hint(diag, "give each provider its weight, and remove weights");
        }
    } else if (draft->notes->weights.doc != NULL) {
        compile_weights(draft, &kinds);
    }
    report_mixed_weights(draft, &kinds);
    draft->policy->listed_count = draft->policy->provider_count;
}
