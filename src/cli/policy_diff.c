/* beamline policy diff: what changes from one policy to another, in meaning. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/offline.h"
#include "cli/policy_command.h"
#include "cli/policy_source.h"
#include "json/canonical.h"
#include "json/document.h"
#include "policy/compile.h"

#define TEXT_BYTES ((size_t)256 * 1024)

/* One side: compiled, and as it was written. */
struct side {
    const char *path;
    struct bl_policy *policy;
    struct bl_json_doc doc;
    char *text;
};

struct diff {
    struct side before, after;
    struct bl_arena arena;
    bool json;
    unsigned changes;
    struct bl_json_writer writer; /* of JSON */
};

static bool read_side(struct diff *diff, const char *path, const char *tenant, struct side *side) {
    const struct bl_json_limits limits = {
        .max_bytes = BL_POLICY_MAX_BYTES, .max_depth = 64, .max_nodes = 128 * 1024};
    struct bl_diag diag;
    size_t len;

    side->path = path;
    side->policy = bl_offline_policy(path, bl_str_from_c(tenant), BL_STR("diff"));
    return side->policy != NULL &&
           bl_policy_source_read(path, bl_str_from_c(tenant), &side->text, &len) &&
           bl_is_ok(bl_document_read((struct bl_str){side->text, len}, &limits, &diff->arena,
                                     &side->doc, &diag));
}

/* A value in its one canonical form; absent for what is not there. */
static struct bl_str canonical(struct diff *diff, struct bl_json value) {
    struct bl_json_writer writer;
    struct bl_buf buf;
    char *storage = bl_arena_alloc(&diff->arena, TEXT_BYTES);

    if (value.doc == NULL || storage == NULL) {
        return BL_STR_ABSENT;
    }
    bl_buf_init(&buf, storage, TEXT_BYTES);
    bl_json_writer_init(&writer, &buf);
    if (bl_is_error(bl_json_write_canonical(&writer, value, &diff->arena)) ||
        !bl_json_writer_ok(&writer)) {
        return BL_STR("a value too large to show");
    }
    struct bl_str kept;
    return bl_is_ok(bl_arena_copy(&diff->arena, bl_buf_view(&buf), &kept)) ? kept : BL_STR_ABSENT;
}

/* One change: what, and its text before and after, absent where there is none. */
static void tell(struct diff *diff, const char *kind, struct bl_str name, struct bl_str before,
                 struct bl_str after) {
    const char *sign = !bl_str_is_present(before) ? "+" : !bl_str_is_present(after) ? "-" : "~";

    diff->changes++;
    if (diff->json) {
        bl_json_write_object_begin(&diff->writer);
        bl_json_write_member(&diff->writer, BL_STR("kind"), bl_str_from_c(kind));
        bl_json_write_member(&diff->writer, BL_STR("name"), name);
        if (bl_str_is_present(before)) {
            bl_json_write_key(&diff->writer, BL_STR("before"));
            bl_json_write_raw(&diff->writer, before);
        }
        if (bl_str_is_present(after)) {
            bl_json_write_key(&diff->writer, BL_STR("after"));
            bl_json_write_raw(&diff->writer, after);
        }
        bl_json_write_object_end(&diff->writer);
        return;
    }
    printf("%s %s %.*s\n", sign, kind, BL_STR_ARG(name));
    if (bl_str_is_present(before)) {
        printf("    - %.*s\n", BL_STR_ARG(before));
    }
    if (bl_str_is_present(after)) {
        printf("    + %.*s\n", BL_STR_ARG(after));
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
    if (diff->json) {
        char storage[40];
        struct bl_buf buf;
        bl_buf_init(&buf, storage, sizeof(storage));
        bl_buf_double(&buf, before);
        struct bl_str old = {storage, buf.len};
        bl_buf_double(&buf, after);
        tell(diff, "share", id, old, (struct bl_str){storage + old.len, buf.len - old.len});
        return;
    }
    diff->changes++;
    printf("~ share of %.*s: %.1f %% -> %.1f %%\n", BL_STR_ARG(id), 100 * before, 100 * after);
}

/* What each provider gets of the requests that no rule directs, where that changes. */
static void diff_shares(struct diff *diff) {
    const struct bl_policy *before = diff->before.policy;
    const struct bl_policy *after = diff->after.policy;

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
            tell(diff, "provider", name, old, new);
        }
    }
    for (struct bl_json_iter it = bl_json_iter(after); bl_json_next(&it);) {
        if (find_provider(before, name_of(it.value)).doc == NULL) {
            tell(diff, "provider", name_of(it.value), BL_STR_ABSENT, canonical(diff, it.value));
        }
    }
}

/* --- rules and fallbacks: order matters ------------------------------------------------------ */

static bool holds(struct diff *diff, struct bl_json list, struct bl_str item) {
    for (struct bl_json_iter it = bl_json_iter(list); bl_json_next(&it);) {
        if (bl_str_equal(canonical(diff, it.value), item)) {
            return true;
        }
    }
    return false;
}

static struct bl_str numbered(struct diff *diff, uint32_t number) {
    char text[24];
    struct bl_str kept;
    int len = snprintf(text, sizeof(text), "%u", (unsigned)number + 1);

    return bl_is_ok(bl_arena_copy(&diff->arena, (struct bl_str){text, (size_t)len}, &kept))
               ? kept
               : BL_STR("?");
}

/* Items of both sides in the order of each: what is on one side only, and whether the rest moved. */
static void diff_list(struct diff *diff, const char *kind, struct bl_json before,
                      struct bl_json after) {
    uint32_t old_count = bl_json_count(before);
    uint32_t new_count = bl_json_count(after);
    uint32_t i = 0;
    uint32_t j = 0;
    bool moved = false;

    while (i < old_count || j < new_count) {
        struct bl_str old = canonical(diff, bl_json_at(before, i));
        struct bl_str new = canonical(diff, bl_json_at(after, j));
        bool old_is_kept = i < old_count && holds(diff, after, old);
        bool new_is_kept = j < new_count && holds(diff, before, new);
        if (old_is_kept && new_is_kept) {
            moved = moved || !bl_str_equal(old, new);
            i++;
            j++;
        } else if (i < old_count && j < new_count && !old_is_kept && !new_is_kept) {
            tell(diff, kind, numbered(diff, j), old, new);
            i++;
            j++;
        } else if (i < old_count && !old_is_kept) {
            tell(diff, kind, numbered(diff, i), old, BL_STR_ABSENT);
            i++;
        } else {
            tell(diff, kind, numbered(diff, j), BL_STR_ABSENT, new);
            j++;
        }
    }
    if (moved) {
        tell(diff, "order of", bl_str_from_c(kind), BL_STR("\"before\""), BL_STR("\"after\""));
    }
}

static void diff_rest(struct diff *diff, struct bl_json before, struct bl_json after) {
    static const char *const known[] = {"providers", "rules", "fallbacks"};
    struct bl_json sides[] = {before, after};

    for (int side = 0; side < 2; side++) {
        for (struct bl_json_iter it = bl_json_iter(sides[side]); bl_json_next(&it);) {
            bool is_known = false;
            for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
                is_known = is_known || bl_str_equal_c(it.key, known[i]);
            }
            struct bl_str old = canonical(diff, bl_json_get(before, it.key));
            struct bl_str new = canonical(diff, bl_json_get(after, it.key));
            bool is_seen = side == 1 && bl_str_is_present(old);
            if (!is_known && !is_seen && !bl_str_equal(old, new)) {
                tell(diff, "key", it.key, old, new);
            }
        }
    }
}

static void diff_sides(struct diff *diff) {
    struct bl_json before = bl_json_root(&diff->before.doc);
    struct bl_json after = bl_json_root(&diff->after.doc);

    diff_shares(diff);
    diff_providers(diff, bl_json_get(before, BL_STR("providers")),
                   bl_json_get(after, BL_STR("providers")));
    diff_list(diff, "rule", bl_json_get(before, BL_STR("rules")),
              bl_json_get(after, BL_STR("rules")));
    diff_list(diff, "fallback", bl_json_get(before, BL_STR("fallbacks")),
              bl_json_get(after, BL_STR("fallbacks")));
    diff_rest(diff, before, after);
}

static void show(struct diff *diff) {
    char *storage = diff->json ? malloc(4 * TEXT_BYTES) : NULL;
    struct bl_buf buf = {NULL, 0, 0, false};

    if (diff->json && storage == NULL) {
        return;
    }
    if (diff->json) {
        bl_buf_init(&buf, storage, 4 * TEXT_BYTES);
        bl_json_writer_init(&diff->writer, &buf);
        bl_json_write_array_begin(&diff->writer);
    }
    diff_sides(diff);
    if (diff->json) {
        bl_json_write_array_end(&diff->writer);
        printf("%.*s\n", BL_STR_ARG(bl_buf_view(&buf)));
    } else if (diff->changes == 0) {
        puts("no difference in meaning");
    } else {
        printf("\nshares are of requests that no rule directs; measure the rest with\n"
               "  beamline policy backtest %s --against %s --records FILE\n",
               diff->after.path, diff->before.path);
    }
    free(storage);
}

int bl_cli_policy_diff(int count, char **files, const struct bl_policy_command *command) {
    static struct diff diff;
    int code = BL_EXIT_FAILED;

    if (count != 2) {
        fputs("beamline policy diff: name two policy files. Try: beamline policy --help\n", stderr);
        return BL_EXIT_USAGE;
    }
    diff.json = command->json;
    bl_arena_init(&diff.arena, (size_t)1024 * 1024, (size_t)1024 * 1024 * 1024);
    if (read_side(&diff, files[0], command->tenant, &diff.before) &&
        read_side(&diff, files[1], command->tenant, &diff.after)) {
        show(&diff);
        code = BL_EXIT_OK;
    }
    bl_policy_unref(diff.before.policy);
    bl_policy_unref(diff.after.policy);
    free(diff.before.text);
    free(diff.after.text);
    bl_arena_fini(&diff.arena);
    return code;
}
