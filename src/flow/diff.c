#include "flow/diff.h"

#include <stdlib.h>
#include <string.h>

#include "json/canonical.h"

/* Canonical texts have at worst six bytes for one. */
#define SCRATCH_BYTES ((size_t)6 * BL_POLICY_MAX_BYTES)
#define SHARE_BYTES 40

struct diff {
    const struct bl_diff_side *sides[2];
    struct bl_arena *arena;
    struct bl_buf scratch; /* of one canonical text, before it is kept */
    bl_diff_fn visit;
    void *user;
    bool out_of_memory;
};

/* The items of one side's list in canonical form. */
struct items {
    struct bl_str *texts;
    struct bl_str *sorted;
    bool *is_kept; /* the other side has it, too */
    uint32_t count;
};

const char *bl_diff_kind_word(enum bl_diff_kind kind) {
    static const char *const words[BL_DIFF_KIND_COUNT] = {
        [BL_DIFF_SHARE] = "share",       [BL_DIFF_PROVIDER] = "provider", [BL_DIFF_RULE] = "rule",
        [BL_DIFF_FALLBACK] = "fallback", [BL_DIFF_ORDER] = "order of",    [BL_DIFF_KEY] = "key",
    };
    return words[kind];
}

static void *allocate(struct diff *diff, size_t count, size_t size) {
    void *room = bl_arena_calloc(diff->arena, count + 1, size);

    diff->out_of_memory = diff->out_of_memory || room == NULL;
    return room;
}

static struct bl_str copy(struct diff *diff, struct bl_str text) {
    struct bl_str kept;

    if (bl_is_error(bl_arena_copy(diff->arena, text, &kept))) {
        diff->out_of_memory = true;
        return BL_STR_ABSENT;
    }
    return kept;
}

/* A value in its one canonical form; absent for what is not there. */
static struct bl_str canonical(struct diff *diff, struct bl_json value) {
    struct bl_json_writer writer;

    if (value.doc == NULL || diff->out_of_memory) {
        return BL_STR_ABSENT;
    }
    bl_buf_reset(&diff->scratch);
    bl_json_writer_init(&writer, &diff->scratch);
    if (bl_is_error(bl_json_write_canonical(&writer, value, diff->arena)) ||
        !bl_json_writer_ok(&writer)) {
        diff->out_of_memory = true;
        return BL_STR_ABSENT;
    }
    return copy(diff, bl_buf_view(&diff->scratch));
}

static void tell(struct diff *diff, enum bl_diff_kind kind, struct bl_str name,
                 struct bl_str before, struct bl_str after) {
    const struct bl_diff_change change = {kind, name, before, after, {0, 0}};

    if (!diff->out_of_memory) {
        diff->visit(diff->user, &change);
    }
}

/* --- providers ------------------------------------------------------------------------------- */

static double share_of(const struct bl_policy *policy, bl_provider_index provider) {
    double sum = 0;

    for (uint16_t i = 0; i < policy->provider_count; i++) {
        sum += bl_provider_set_has(&policy->weighted, i) ? policy->providers[i].weight : 0;
    }
    bool counts = provider != BL_PROVIDER_NONE && bl_provider_set_has(&policy->weighted, provider);
    return counts && sum > 0 ? policy->providers[provider].weight / sum : 0;
}

static void tell_share(struct diff *diff, struct bl_str id, double before, double after) {
    struct bl_diff_change change = {.kind = BL_DIFF_SHARE, .name = id, .shares = {before, after}};
    char storage[2 * SHARE_BYTES];
    struct bl_buf buf;

    bl_buf_init(&buf, storage, sizeof(storage));
    bl_buf_double(&buf, before);
    change.before = (struct bl_str){storage, buf.len};
    bl_buf_double(&buf, after);
    change.after = (struct bl_str){storage + change.before.len, buf.len - change.before.len};
    diff->visit(diff->user, &change);
}

/* What each provider gets of the requests that no rule directs, where that changes. */
static void diff_shares(struct diff *diff) {
    const struct bl_policy *before = diff->sides[0]->policy;
    const struct bl_policy *after = diff->sides[1]->policy;

    for (uint16_t i = 0; i < before->provider_count; i++) {
        struct bl_str id = before->providers[i].id;
        double old = share_of(before, (bl_provider_index)i);
        double new = share_of(after, bl_policy_find_provider(after, id));
        if (old - new > 1e-9 || new - old > 1e-9) {
            tell_share(diff, id, old, new);
        }
    }
    for (uint16_t i = 0; i < after->provider_count; i++) {
        struct bl_str id = after->providers[i].id;
        double new = share_of(after, (bl_provider_index)i);
        if (bl_policy_find_provider(before, id) == BL_PROVIDER_NONE && new > 0) {
            tell_share(diff, id, 0, new);
        }
    }
}

static struct bl_str name_of(struct bl_json provider) {
    struct bl_str name = BL_STR("?");

    if (!bl_json_string(bl_json_get(provider, BL_STR("name")), &name)) {
        (void)bl_json_string(bl_json_get(provider, BL_STR("id")), &name);
    }
    return name;
}

static struct bl_json find_provider(struct bl_json providers, struct bl_str name) {
    for (struct bl_json_iter it = bl_json_iter(providers); bl_json_next(&it);) {
        if (bl_str_equal(name_of(it.value), name)) {
            return it.value;
        }
    }
    return BL_JSON_NOTHING;
}

static void diff_providers(struct diff *diff, struct bl_json before, struct bl_json after) {
    for (struct bl_json_iter it = bl_json_iter(before); bl_json_next(&it);) {
        struct bl_str name = name_of(it.value);
        struct bl_str old = canonical(diff, it.value);
        struct bl_str new = canonical(diff, find_provider(after, name));
        if (!bl_str_equal(old, new)) {
            tell(diff, BL_DIFF_PROVIDER, name, old, new);
        }
    }
    for (struct bl_json_iter it = bl_json_iter(after); bl_json_next(&it);) {
        if (find_provider(before, name_of(it.value)).doc == NULL) {
            tell(diff, BL_DIFF_PROVIDER, name_of(it.value), BL_STR_ABSENT,
                 canonical(diff, it.value));
        }
    }
}

/* --- rules and fallbacks: order matters ------------------------------------------------------ */

static int by_bytes(const void *a, const void *b) {
    return bl_str_compare(*(const struct bl_str *)a, *(const struct bl_str *)b);
}

static bool read_items(struct diff *diff, struct bl_json list, struct items *out) {
    uint32_t i = 0;

    *out = (struct items){.count = bl_json_count(list)};
    out->texts = allocate(diff, out->count, sizeof(*out->texts));
    out->sorted = allocate(diff, out->count, sizeof(*out->sorted));
    out->is_kept = allocate(diff, out->count, sizeof(*out->is_kept));
    if (diff->out_of_memory) {
        return false;
    }
    for (struct bl_json_iter it = bl_json_iter(list); bl_json_next(&it);) {
        out->texts[i++] = canonical(diff, it.value);
    }
    memcpy(out->sorted, out->texts, out->count * sizeof(*out->texts));
    if (!diff->out_of_memory) {
        qsort(out->sorted, out->count, sizeof(*out->sorted), by_bytes);
    }
    return !diff->out_of_memory;
}

static void mark_kept(struct items *items, const struct items *other) {
    for (uint32_t i = 0; i < items->count; i++) {
        items->is_kept[i] =
            other->count > 0 && bsearch(&items->texts[i], other->sorted, other->count,
                                        sizeof(*other->sorted), by_bytes) != NULL;
    }
}

static struct bl_str numbered(struct diff *diff, uint32_t number) {
    char text[24];
    struct bl_buf buf;

    bl_buf_init(&buf, text, sizeof(text));
    bl_buf_u64(&buf, (uint64_t)number + 1);
    return copy(diff, bl_buf_view(&buf));
}

/* Items of both sides in the order of each: what is on one side only, and whether the rest moved. */
static void diff_list(struct diff *diff, enum bl_diff_kind kind, struct bl_json before,
                      struct bl_json after) {
    struct items old, new;
    uint32_t i = 0;
    uint32_t j = 0;
    bool moved = false;

    if (!read_items(diff, before, &old) || !read_items(diff, after, &new)) {
        return;
    }
    mark_kept(&old, &new);
    mark_kept(&new, &old);
    while (i < old.count || j < new.count) {
        bool old_is_gone = i < old.count && !old.is_kept[i];
        bool new_is_fresh = j < new.count && !new.is_kept[j];
        if (old_is_gone && new_is_fresh) {
            tell(diff, kind, numbered(diff, j), old.texts[i], new.texts[j]);
            i++;
            j++;
        } else if (old_is_gone) {
            tell(diff, kind, numbered(diff, i), old.texts[i], BL_STR_ABSENT);
            i++;
        } else if (new_is_fresh) {
            tell(diff, kind, numbered(diff, j), BL_STR_ABSENT, new.texts[j]);
            j++;
        } else {
            moved = moved || i >= old.count || j >= new.count ||
                    !bl_str_equal(old.texts[i], new.texts[j]);
            i += i < old.count ? 1 : 0;
            j += j < new.count ? 1 : 0;
        }
    }
    if (moved) {
        tell(diff, BL_DIFF_ORDER, bl_str_from_c(bl_diff_kind_word(kind)), BL_STR("\"before\""),
             BL_STR("\"after\""));
    }
}

static bool is_told_already(struct bl_str key) {
    static const char *const known[] = {"providers", "rules", "fallbacks"};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (bl_str_equal_c(key, known[i])) {
            return true;
        }
    }
    return false;
}

static void diff_keys(struct diff *diff, struct bl_json before, struct bl_json after) {
    for (struct bl_json_iter it = bl_json_iter(before); bl_json_next(&it);) {
        if (is_told_already(it.key)) {
            continue;
        }
        struct bl_str old = canonical(diff, it.value);
        struct bl_str new = canonical(diff, bl_json_get(after, it.key));
        if (!bl_str_equal(old, new)) {
            tell(diff, BL_DIFF_KEY, it.key, old, new);
        }
    }
    for (struct bl_json_iter it = bl_json_iter(after); bl_json_next(&it);) {
        if (!is_told_already(it.key) && bl_json_get(before, it.key).doc == NULL) {
            tell(diff, BL_DIFF_KEY, it.key, BL_STR_ABSENT, canonical(diff, it.value));
        }
    }
}

bl_result bl_diff_policies(const struct bl_diff_side *before, const struct bl_diff_side *after,
                           struct bl_arena *arena, bl_diff_fn visit, void *user) {
    struct diff diff = {.sides = {before, after}, .arena = arena, .visit = visit, .user = user};
    struct bl_json old = before->document;
    struct bl_json new = after->document;
    char *storage = bl_arena_alloc(arena, SCRATCH_BYTES);

    if (storage == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    bl_buf_init(&diff.scratch, storage, SCRATCH_BYTES);
    diff_shares(&diff);
    diff_providers(&diff, bl_json_get(old, BL_STR("providers")),
                   bl_json_get(new, BL_STR("providers")));
    diff_list(&diff, BL_DIFF_RULE, bl_json_get(old, BL_STR("rules")),
              bl_json_get(new, BL_STR("rules")));
    diff_list(&diff, BL_DIFF_FALLBACK, bl_json_get(old, BL_STR("fallbacks")),
              bl_json_get(new, BL_STR("fallbacks")));
    diff_keys(&diff, old, new);
    return diff.out_of_memory ? BL_FAIL(RESOURCE_EXHAUSTED) : BL_OK;
}
