#include "app/policy_sources.h"

#include <stdio.h>
#include <stdlib.h>

struct bl_policy_sources {
    struct bl_policy_directory *directory; /* NULL = none */
    struct bl_policy_store *store;         /* NULL = none */
    struct bl_policy_reports reports;
    char *store_path;
    size_t shadowed;
};

static bl_result fill(struct bl_policy_sources *sources, const char *directory, const char *store) {
    if (directory != NULL) {
        BL_TRY(bl_policy_directory_create(directory, sources->reports.finding,
                                          sources->reports.user, &sources->directory));
    }
    if (store != NULL) {
        sources->store_path = strdup(store);
        if (sources->store_path == NULL) {
            return BL_FAIL(RESOURCE_EXHAUSTED);
        }
        BL_TRY(bl_policy_store_create(store, &sources->reports, &sources->store));
    }
    return BL_OK;
}

bl_result bl_policy_sources_create(const char *directory, const char *store,
                                   const struct bl_policy_reports *reports,
                                   struct bl_policy_sources **out) {
    struct bl_policy_sources *sources = calloc(1, sizeof(*sources));

    if (sources == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    sources->reports = *reports;
    bl_result result = fill(sources, directory, store);
    if (bl_is_error(result)) {
        bl_policy_sources_destroy(sources);
        return result;
    }
    *out = sources;
    return BL_OK;
}

void bl_policy_sources_destroy(struct bl_policy_sources *sources) {
    if (sources != NULL) {
        bl_policy_directory_destroy(sources->directory);
        bl_policy_store_destroy(sources->store);
        free(sources->store_path);
        free(sources);
    }
}

bl_result bl_policy_sources_scan(struct bl_policy_sources *sources, bool warn_unknown_keys,
                                 bool *changed) {
    bool files = false;
    bool revisions = false;

    *changed = false;
    if (sources->directory != NULL) {
        BL_TRY(bl_policy_directory_scan(sources->directory, warn_unknown_keys, &files));
    }
    *changed = files;
    if (sources->store != NULL) {
        BL_TRY(bl_policy_store_look(sources->store, warn_unknown_keys, &revisions));
    }
    *changed = files || revisions;
    return BL_OK;
}

void bl_policy_sources_reopen(struct bl_policy_sources *sources) {
    if (sources->store != NULL) {
        bl_policy_store_reopen(sources->store);
    }
}

/* Policies on their way into a catalog. */
struct gathering {
    struct bl_policy_sources *sources;
    const struct bl_catalog *files;
    struct bl_policy **policies;
    size_t count;
};

static void report_shadowed(const struct bl_policy_sources *sources,
                            const struct bl_policy *policy) {
    struct bl_diag diag;
    char name[1024];

    (void)snprintf(name, sizeof(name), "%.300s: %.*s/%.*s", sources->store_path,
                   BL_STR_ARG(policy->tenant_id), BL_STR_ARG(policy->policy_id));
    bl_diag_clear(&diag);
    diag.severity = BL_SEVERITY_WARNING;
    bl_diag_message(&diag, "a file holds this policy too, and wins over the store");
    bl_diag_hint(&diag, "remove the file, or delete the policy from the store");
    sources->reports.finding(sources->reports.user, name, &diag);
}

static void take(void *user, struct bl_policy *policy, bool *told) {
    struct gathering *gathering = user;
    const struct bl_policy *file =
        bl_catalog_find(gathering->files, policy->tenant_id, policy->policy_id);

    /* Finding also looks among the shared tenant's policies, which shadow nothing. */
    bool shadowed = file != NULL && bl_str_equal(file->tenant_id, policy->tenant_id);
    if (shadowed && !*told) {
        report_shadowed(gathering->sources, policy);
    }
    *told = shadowed;
    if (shadowed) {
        gathering->sources->shadowed++;
    } else {
        gathering->policies[gathering->count++] = policy;
    }
}

static bl_result gather(struct bl_policy_sources *sources, const struct bl_catalog *files,
                        uint64_t hash_seed, struct bl_catalog **out) {
    size_t file_count = bl_catalog_count(files);
    size_t most = file_count + bl_policy_store_stats(sources->store).live + 1;
    struct gathering gathering = {
        .sources = sources, .files = files, .policies = calloc(most, sizeof(struct bl_policy *))};

    if (gathering.policies == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    for (; gathering.count < file_count; gathering.count++) {
        gathering.policies[gathering.count] = bl_catalog_at(files, gathering.count);
    }
    sources->shadowed = 0;
    bl_policy_store_each(sources->store, take, &gathering);
    bl_result result = bl_catalog_create(gathering.policies, gathering.count, hash_seed, out);
    free(gathering.policies);
    return result;
}

bl_result bl_policy_sources_catalog(struct bl_policy_sources *sources, uint64_t hash_seed,
                                    struct bl_catalog **out) {
    struct bl_catalog *files = NULL;

    if (sources->directory != NULL) {
        BL_TRY(bl_policy_directory_catalog(sources->directory, hash_seed, &files));
    } else {
        BL_TRY(bl_catalog_create(NULL, 0, hash_seed, &files));
    }
    if (sources->store == NULL) {
        *out = files;
        return BL_OK;
    }
    bl_result result = gather(sources, files, hash_seed, out);
    bl_catalog_destroy(files);
    return result;
}

struct walk {
    bl_policy_listing_fn visit;
    void *user;
    bool ended;
};

static void show(struct walk *walk, const struct bl_policy_listing *listing) {
    walk->ended = walk->ended || !walk->visit(walk->user, listing);
}

static void show_file(void *user, const struct bl_policy_file *file) {
    const struct bl_policy_listing listing = {.tenant_id = bl_str_from_c(file->tenant_id),
                                              .policy_id = bl_str_from_c(file->policy_id),
                                              .policy = file->policy,
                                              .file = bl_str_from_c(file->path),
                                              .broken = file->broken};
    show(user, &listing);
}

static void show_stored(void *user, const struct bl_policy_store_item *item) {
    const struct bl_policy_listing listing = {.tenant_id = item->tenant_id,
                                              .policy_id = item->policy_id,
                                              .policy = item->policy,
                                              .file = BL_STR_ABSENT,
                                              .revision = item->revision,
                                              .broken = item->broken};
    show(user, &listing);
}

void bl_policy_sources_each(const struct bl_policy_sources *sources, bl_policy_listing_fn visit,
                            void *user) {
    struct walk walk = {.visit = visit, .user = user};

    if (sources->directory != NULL) {
        bl_policy_directory_each(sources->directory, show_file, &walk);
    }
    if (sources->store != NULL) {
        bl_policy_store_items(sources->store, show_stored, &walk);
    }
}

struct bl_policy_sources_stats bl_policy_sources_stats(const struct bl_policy_sources *sources) {
    struct bl_policy_sources_stats stats = {.shadowed = sources->shadowed};

    if (sources->directory != NULL) {
        stats.from_directory = bl_policy_directory_live(sources->directory);
        stats.broken = bl_policy_directory_broken(sources->directory);
        stats.directory_unreadable = bl_policy_directory_is_unreadable(sources->directory);
    }
    if (sources->store != NULL) {
        struct bl_policy_store_stats store = bl_policy_store_stats(sources->store);
        stats.from_store = store.live - sources->shadowed;
        stats.broken += store.broken;
        stats.store_unreadable = store.unreadable;
        stats.store_revision = store.revision;
    }
    return stats;
}
