#include "app/policy_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/compile.h"
#include "store/policy_key.h"
#include "store/sqlite.h"

#define BUSY_TIMEOUT_MS 200 /* this thread also answers signals */
#define LAST_GOOD_TRIES 10

/* One policy of the store, as of the last look. */
struct entry {
    char *key;
    uint64_t revision;
    uint64_t hash[2];
    struct bl_policy *policy; /* last good revision, or NULL */
    bool broken;
    bool deleted; /* only on its way into the list */
    bool told;    /* see bl_policy_store_each */
};

struct entry_list {
    struct entry *items; /* sorted by key once a look is done */
    size_t count;
    size_t capacity;
};

struct bl_policy_store {
    char *path;
    struct bl_policy_reports reports;
    struct bl_store *store; /* NULL = to be opened */
    uint64_t revision;
    struct entry_list entries;
    struct bl_diag problem; /* empty message = the store can be read */
    struct bl_findings findings;
};

/* A look in progress. */
struct look {
    struct bl_policy_store *store;
    struct entry_list fresh;
    bool warn_unknown_keys;
    bool out_of_memory;
};

static void free_entry(struct entry *entry) {
    bl_policy_unref(entry->policy);
    free(entry->key);
}

static void free_list(struct entry_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        free_entry(&list->items[i]);
    }
    free(list->items);
    *list = (struct entry_list){0};
}

bl_result bl_policy_store_create(const char *path, const struct bl_policy_reports *reports,
                                 struct bl_policy_store **out) {
    struct bl_policy_store *store = calloc(1, sizeof(*store));
    char *copy = strdup(path);

    if (store == NULL || copy == NULL) {
        free(store);
        free(copy);
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    store->path = copy;
    store->reports = *reports;
    *out = store;
    return BL_OK;
}

void bl_policy_store_destroy(struct bl_policy_store *store) {
    if (store != NULL) {
        free_list(&store->entries);
        bl_store_close(store->store);
        free(store->path);
        free(store);
    }
}

void bl_policy_store_reopen(struct bl_policy_store *store) {
    bl_store_close(store->store);
    store->store = NULL;
}

static int by_key(const void *a, const void *b) {
    return strcmp(((const struct entry *)a)->key, ((const struct entry *)b)->key);
}

static struct entry *find_old(const struct look *look, const char *key) {
    struct entry wanted = {.key = (char *)key};
    const struct entry_list *old = &look->store->entries;

    return old->count == 0 ? NULL
                           : bsearch(&wanted, old->items, old->count, sizeof(wanted), by_key);
}

static bool reserve(struct entry_list *list, size_t count) {
    size_t capacity = list->capacity == 0 ? 64 : list->capacity;

    while (capacity < count) {
        capacity *= 2;
    }
    if (capacity != list->capacity) {
        struct entry *items = realloc(list->items, capacity * sizeof(*items));
        if (items == NULL) {
            return false;
        }
        list->items = items;
        list->capacity = capacity;
    }
    return true;
}

/* The entry's policy, or NULL if it does not compile; `findings` says why. */
static struct bl_policy *compile(struct look *look, const struct bl_store_entry *entry) {
    struct bl_policy_options options = {.warn_unknown_keys = look->warn_unknown_keys};
    struct bl_findings *findings = &look->store->findings;
    struct bl_str tenant, policy_id;
    struct bl_policy *policy = NULL;

    bl_findings_clear(findings);
    if (entry->damaged) {
        struct bl_diag *diag = bl_findings_add(findings, BL_SEVERITY_ERROR);
        bl_diag_message(diag, "the document is damaged");
        bl_diag_hint(diag, "put it anew, or roll back to an earlier revision");
        return NULL;
    }
    if (!bl_policy_key_read(entry->key, &tenant, &policy_id)) {
        struct bl_diag *diag = bl_findings_add(findings, BL_SEVERITY_ERROR);
        bl_diag_message(diag, "the key names no policy");
        bl_diag_hint(diag, "policy/<tenant>/<policy id>, of A-Z a-z 0-9 _ . : -");
        return NULL;
    }
    bl_result result =
        bl_policy_compile(entry->value, tenant, policy_id, &options, &policy, findings);
    look->out_of_memory = look->out_of_memory || result.error == BL_E_RESOURCE_EXHAUSTED;
    return bl_is_ok(result) ? policy : NULL;
}

static void report_findings(const struct look *look, const struct bl_store_entry *entry) {
    const struct bl_policy_store *store = look->store;
    size_t prefix = sizeof(BL_POLICY_KEY_PREFIX) - 1;
    char name[1024];

    (void)snprintf(name, sizeof(name), "%.300s: %.*s, revision %llu", store->path,
                   (int)(entry->key.len - prefix), entry->key.data + prefix,
                   (unsigned long long)entry->revision);
    for (size_t i = 0; i < store->findings.count; i++) {
        store->reports.finding(store->reports.user, name, &store->findings.items[i]);
    }
}

/* Takes over what an entry says; one that does not compile keeps what it had. */
static void take_over(struct look *look, const struct bl_store_entry *from, struct entry *entry) {
    struct entry *old = find_old(look, entry->key);
    struct bl_policy *kept = old == NULL ? NULL : old->policy;

    if (old != NULL && !from->damaged && memcmp(old->hash, from->hash, sizeof(old->hash)) == 0) {
        entry->policy = kept == NULL ? NULL : bl_policy_ref(kept);
        entry->broken = old->broken;
        entry->told = old->told;
        return;
    }
    entry->policy = compile(look, from);
    report_findings(look, from);
    entry->broken = entry->policy == NULL;
    if (entry->broken && kept != NULL) {
        entry->policy = bl_policy_ref(kept);
    } else if (kept != NULL && kept->content_hash == entry->policy->content_hash) {
        bl_policy_unref(entry->policy);
        entry->policy = bl_policy_ref(kept);
    }
    entry->told = old != NULL && old->told;
}

static bool on_entry(void *user, const struct bl_store_entry *from) {
    struct look *look = user;
    struct entry *entry;

    if (!bl_str_starts_with(from->key, BL_STR(BL_POLICY_KEY_PREFIX))) {
        return true; /* something else that lives in the store */
    }
    if (!reserve(&look->fresh, look->fresh.count + 1)) {
        look->out_of_memory = true;
        return false;
    }
    entry = &look->fresh.items[look->fresh.count];
    *entry = (struct entry){.key = strndup(from->key.data, from->key.len),
                            .revision = from->revision,
                            .deleted = from->deleted && !from->damaged};
    if (!from->damaged) { /* else the same document, put anew, would pass for the damaged one */
        memcpy(entry->hash, from->hash, sizeof(entry->hash));
    }
    if (entry->key == NULL) {
        look->out_of_memory = true;
        return false;
    }
    look->fresh.count++;
    if (!entry->deleted) {
        take_over(look, from, entry);
    }
    return !look->out_of_memory;
}

/* The search for the newest revision that compiles. */
struct last_good {
    struct look *look;
    struct bl_policy *policy;
};

static bool try_older(void *user, const struct bl_store_entry *entry) {
    struct last_good *search = user;

    if (entry->deleted && !entry->damaged) {
        return false;
    }
    search->policy = compile(search->look, entry);
    return search->policy == NULL;
}

/* After a start there is no policy yet that could stay; the history has it. */
static bl_result restore_last_good(struct look *look, struct bl_diag *diag) {
    for (size_t i = 0; i < look->fresh.count; i++) {
        struct entry *entry = &look->fresh.items[i];
        struct last_good search = {.look = look};
        if (entry->broken && entry->policy == NULL) {
            BL_TRY(bl_store_history(look->store->store, bl_str_from_c(entry->key), entry->revision,
                                    LAST_GOOD_TRIES, try_older, &search, diag));
            entry->policy = search.policy;
        }
    }
    return BL_OK;
}

/* Opens the store if need be, and reads what is new. `*whole`: that is everything. */
static bl_result read_store(struct look *look, bool *whole, uint64_t *revision,
                            struct bl_diag *diag) {
    struct bl_policy_store *store = look->store;
    const struct bl_store_sqlite_options options = {.read_only = true,
                                                    .busy_timeout_ms = BUSY_TIMEOUT_MS};
    bool news;

    if (store->store != NULL && !bl_store_sqlite_is_current(store->store)) {
        bl_policy_store_reopen(store);
    }
    *whole = store->store == NULL;
    *revision = store->revision;
    if (*whole) {
        BL_TRY(bl_store_sqlite_open(store->path, &options, &store->store, diag));
    }
    BL_TRY(bl_store_has_changed(store->store, &news, diag));
    if (!news) {
        return BL_OK;
    }
    bl_result result = bl_store_changes(store->store, *whole ? 0 : store->revision, on_entry, look,
                                        revision, diag);
    if (result.error == BL_E_PRECONDITION_FAILED) { /* restored from a backup, or much deleted */
        *whole = true;
        result = bl_store_changes(store->store, 0, on_entry, look, revision, diag);
    }
    BL_TRY(result);
    return look->out_of_memory ? BL_OK : restore_last_good(look, diag);
}

/* Brings what was read and what stays together, in the order of keys. */
static bool merge(struct look *look, bool whole, bool *changed) {
    struct entry_list *old = &look->store->entries;
    struct entry_list *fresh = &look->fresh;
    struct entry_list merged = {0};
    size_t o = 0;

    if (!reserve(&merged, old->count + fresh->count + 1)) {
        return false;
    }
    if (fresh->count > 0) {
        qsort(fresh->items, fresh->count, sizeof(struct entry), by_key);
    }
    for (size_t f = 0; f < fresh->count || o < old->count;) {
        int order = f == fresh->count ? -1
                    : o == old->count ? 1
                                      : by_key(&old->items[o], &fresh->items[f]);
        const struct bl_policy *before = order <= 0 ? old->items[o].policy : NULL;
        struct entry *next = order < 0 ? &old->items[o] : &fresh->items[f];
        bool stays = order < 0 ? !whole : !next->deleted;
        *changed = *changed || before != (stays ? next->policy : NULL);
        if (order == 0) {
            free_entry(&old->items[o]);
        }
        if (stays) {
            merged.items[merged.count++] = *next;
        } else {
            free_entry(next);
        }
        o += order <= 0;
        f += order >= 0;
    }
    free(old->items);
    free(fresh->items);
    *old = merged;
    *fresh = (struct entry_list){0};
    return true;
}

/* Tells each change of state once. */
static void note_state(struct bl_policy_store *store, const struct bl_diag *problem) {
    const struct bl_policy_reports *reports = &store->reports;
    bool was_readable = store->problem.message[0] == '\0';

    if (problem == NULL) {
        bl_diag_clear(&store->problem);
        if (!was_readable) {
            reports->state(reports->user, store->path, NULL);
        }
    } else if (was_readable || strcmp(store->problem.message, problem->message) != 0) {
        store->problem = *problem;
        reports->state(reports->user, store->path, &store->problem);
    }
}

bl_result bl_policy_store_look(struct bl_policy_store *store, bool warn_unknown_keys,
                               bool *changed) {
    struct look look = {.store = store, .warn_unknown_keys = warn_unknown_keys};
    struct bl_diag diag;
    uint64_t revision;
    bool whole;

    *changed = false;
    bl_diag_clear(&diag);
    bl_result result = read_store(&look, &whole, &revision, &diag);
    bool merged = bl_is_ok(result) && !look.out_of_memory && merge(&look, whole, changed);
    free_list(&look.fresh);
    if (merged) {
        store->revision = revision;
        note_state(store, NULL);
        return BL_OK;
    }
    bl_policy_store_reopen(store); /* next time everything is read */
    if (bl_is_ok(result)) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    note_state(store, &diag);
    return BL_OK;
}

void bl_policy_store_each(struct bl_policy_store *store, bl_policy_store_visit_fn visit,
                          void *user) {
    for (size_t i = 0; i < store->entries.count; i++) {
        struct entry *entry = &store->entries.items[i];
        if (entry->policy != NULL) {
            visit(user, entry->policy, &entry->told);
        }
    }
}

void bl_policy_store_items(const struct bl_policy_store *store, bl_policy_store_item_fn visit,
                           void *user) {
    for (size_t i = 0; i < store->entries.count; i++) {
        const struct entry *entry = &store->entries.items[i];
        struct bl_policy_store_item item = {
            .policy = entry->policy, .revision = entry->revision, .broken = entry->broken};
        if (bl_policy_key_read(bl_str_from_c(entry->key), &item.tenant_id, &item.policy_id)) {
            visit(user, &item);
        }
    }
}

struct bl_policy_store_stats bl_policy_store_stats(const struct bl_policy_store *store) {
    struct bl_policy_store_stats stats = {.revision = store->revision,
                                          .unreadable = store->problem.message[0] != '\0'};

    for (size_t i = 0; i < store->entries.count; i++) {
        stats.live += store->entries.items[i].policy != NULL;
        stats.broken += store->entries.items[i].broken;
    }
    return stats;
}
