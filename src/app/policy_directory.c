#include "app/policy_directory.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/policy_file.h"
#include "app/told_list.h"
#include "policy/compile.h"

#define FILES_MAX 100000
#define SHARED_FOLDER "_shared"

/* One policy file, as of the last scan. */
struct entry {
    char *path;
    char tenant[256];
    char policy_id[256];
    struct timespec modified;
    off_t size;
    ino_t inode;
    struct bl_policy *policy; /* last good revision, or NULL */
    bool broken;
    bool unreadable; /* looked at again in each scan: permissions change without a trace */
    bool is_new;     /* there is something to be compiled, in this scan */
};

struct entry_list {
    struct entry *items; /* sorted by path once a scan is done */
    size_t count;
    size_t capacity;
};

struct bl_policy_directory {
    char *path;
    bl_policy_report_fn report;
    void *user;
    struct entry_list entries;
    struct bl_told_list problems; /* of the last scan */
    size_t broken_folders;
    bool is_unreadable;          /* the folder itself, in the last scan */
    struct bl_findings findings; /* of the file being compiled */
};

/* A scan in progress. */
struct scan {
    struct bl_policy_directory *directory;
    struct entry_list found;
    struct bl_told_list problems;
    size_t broken_folders;
    bool warn_unknown_keys;
    bool changed;
    bool out_of_memory;
};

static void free_entry(struct entry *entry) {
    bl_policy_unref(entry->policy);
    free(entry->path);
}

static void free_list(struct entry_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        free_entry(&list->items[i]);
    }
    free(list->items);
}

bl_result bl_policy_directory_create(const char *path, bl_policy_report_fn report, void *user,
                                     struct bl_policy_directory **out) {
    struct bl_policy_directory *directory = calloc(1, sizeof(*directory));
    char *copy = strdup(path);

    if (directory == NULL || copy == NULL) {
        free(directory);
        free(copy);
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    directory->path = copy;
    directory->report = report;
    directory->user = user;
    *out = directory;
    return BL_OK;
}

void bl_policy_directory_destroy(struct bl_policy_directory *directory) {
    if (directory != NULL) {
        free_list(&directory->entries);
        bl_told_list_fini(&directory->problems);
        free(directory->path);
        free(directory);
    }
}

/* Tells a problem of a folder or file, once for as long as it lasts. */
static void tell_as(struct scan *scan, enum bl_severity severity, const char *path,
                    const char *message, const char *hint) {
    struct bl_diag diag;

    bl_told_list_add(&scan->problems, path, message);
    if (bl_told_list_has(&scan->directory->problems, path, message)) {
        return;
    }
    bl_diag_clear(&diag);
    diag.severity = severity;
    bl_diag_message(&diag, "%s", message);
    bl_diag_hint(&diag, "%s", hint);
    scan->directory->report(scan->directory->user, path, &diag);
}

static void tell(struct scan *scan, const char *path, const char *message, const char *hint) {
    tell_as(scan, BL_SEVERITY_ERROR, path, message, hint);
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static struct entry *find_old(const struct scan *scan, const char *path) {
    struct entry key = {.path = (char *)path};
    const struct entry_list *old = &scan->directory->entries;

    return old->count == 0 ? NULL : bsearch(&key, old->items, old->count, sizeof(key), by_path);
}

static struct entry *append(struct scan *scan) {
    struct entry_list *list = &scan->found;

    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        struct entry *items = realloc(list->items, capacity * sizeof(*items));
        if (items == NULL) {
            scan->out_of_memory = true;
            return NULL;
        }
        list->items = items;
        list->capacity = capacity;
    }
    struct entry *entry = &list->items[list->count];
    memset(entry, 0, sizeof(*entry));
    return entry;
}

/* Compiles the file; on failure the entry keeps what it had. */
static void compile(struct scan *scan, struct entry *entry) {
    struct bl_policy_directory *directory = scan->directory;
    struct bl_policy_options options = {.warn_unknown_keys = scan->warn_unknown_keys};
    struct bl_policy *policy = NULL;
    size_t len;
    char *text = bl_policy_file_read(entry->path, &len);

    entry->unreadable = text == NULL;
    if (text == NULL) {
        entry->broken = true;
        tell(scan, entry->path, strerror(errno), "check the file's permissions");
        return;
    }
    bl_result result =
        bl_policy_compile((struct bl_str){text, len}, bl_str_from_c(entry->tenant),
                          bl_str_from_c(entry->policy_id), &options, &policy, &directory->findings);
    free(text);
    for (size_t i = 0; i < directory->findings.count; i++) {
        directory->report(directory->user, entry->path, &directory->findings.items[i]);
    }
    entry->broken = bl_is_error(result);
    if (bl_is_error(result)) {
        scan->out_of_memory = scan->out_of_memory || result.error == BL_E_RESOURCE_EXHAUSTED;
        return;
    }
    bool same = entry->policy != NULL && entry->policy->content_hash == policy->content_hash;
    if (same) {
        bl_policy_unref(policy);
    } else {
        bl_policy_unref(entry->policy);
        entry->policy = policy;
        scan->changed = true;
    }
}

/* Of an entry that was never looked at: no. */
static bool is_unchanged(const struct entry *entry, const struct stat *status) {
    return entry->modified.tv_sec == status->st_mtim.tv_sec &&
           entry->modified.tv_nsec == status->st_mtim.tv_nsec && entry->size == status->st_size &&
           entry->inode == status->st_ino && entry->inode != 0;
}

/* An entry for the file, with what was live of it before. NULL: left out, which was told. */
static struct entry *add_entry(struct scan *scan, const char *tenant, const char *policy_id,
                               const char *path) {
    const struct entry *old = find_old(scan, path);

    if (scan->found.count >= FILES_MAX) {
        tell(scan, path, "is left out: there are too many policies", "100000 files at most");
        return NULL;
    }
    struct entry *entry = append(scan);
    if (entry == NULL) {
        return NULL; /* no memory: the scan fails as a whole */
    }
    (void)snprintf(entry->tenant, sizeof(entry->tenant), "%s", tenant);
    (void)snprintf(entry->policy_id, sizeof(entry->policy_id), "%s", policy_id);
    entry->path = strdup(path);
    if (entry->path == NULL) {
        scan->out_of_memory = true;
        return NULL;
    }
    scan->found.count++;
    if (old != NULL) {
        entry->policy = old->policy == NULL ? NULL : bl_policy_ref(old->policy);
        entry->broken = old->broken;
        entry->unreadable = old->unreadable;
        entry->modified = old->modified;
        entry->size = old->size;
        entry->inode = old->inode;
    }
    return entry;
}

/* What cannot be looked at keeps its last good revision. */
static void keep_broken(struct scan *scan, const char *tenant, const char *policy_id,
                        const char *path) {
    struct entry *entry = add_entry(scan, tenant, policy_id, path);

    if (entry != NULL) {
        entry->broken = true;
        entry->unreadable = true;
    }
}

static void visit_file(struct scan *scan, const char *tenant, const char *path, const char *name) {
    char policy_id[256];
    struct stat status, link;

    if (!bl_policy_file_id(name, policy_id, sizeof(policy_id)) || lstat(path, &link) != 0) {
        return; /* no policy, or gone since it was listed */
    }
    if (!bl_policy_file_has_small_ending(name)) {
        tell_as(scan, BL_SEVERITY_WARNING, path, "is not read: its ending is in capitals",
                "rename it to .yaml, .yml or .json");
        return;
    }
    if (!bl_policy_id_is_valid(bl_str_from_c(policy_id))) {
        tell(scan, path, "the file's name is no policy id", "use A-Z a-z 0-9 _ . : - only");
        return;
    }
    bool can_be_seen = stat(path, &status) == 0;
    if (!can_be_seen || !S_ISREG(status.st_mode)) {
        tell(scan, path, can_be_seen ? "is no regular file" : strerror(errno),
             "its last good revision, if there is one, stays live; remove it to end that");
        keep_broken(scan, tenant, policy_id, path);
        return;
    }
    struct entry *entry = add_entry(scan, tenant, policy_id, path);
    if (entry != NULL) {
        entry->is_new = entry->unreadable || !is_unchanged(entry, &status);
        entry->modified = status.st_mtim;
        entry->size = status.st_size;
        entry->inode = status.st_ino;
        entry->unreadable = false;
    }
}

typedef void (*visit_fn)(struct scan *scan, const char *tenant, const char *path, const char *name);

/* Visits the members of a folder that are not hidden; false if it cannot be read. */
static bool for_each(struct scan *scan, const char *folder, const char *tenant, visit_fn visit) {
    DIR *dir = opendir(folder);
    const struct dirent *member;
    char path[4096];

    if (dir == NULL) {
        tell(scan, folder, strerror(errno),
             tenant == NULL ? "policies.directory must name a readable folder"
                            : "its policies stay live as they were; check its permissions");
        return false;
    }
    while ((member = readdir(dir)) != NULL) {
        if (member->d_name[0] != '.' &&
            (size_t)snprintf(path, sizeof(path), "%s/%s", folder, member->d_name) < sizeof(path)) {
            visit(scan, tenant, path, member->d_name);
        }
    }
    (void)closedir(dir);
    return true;
}

/* The policies of a folder that cannot be read stay as they were. */
static void keep_folder(struct scan *scan, const char *folder) {
    const struct entry_list *old = &scan->directory->entries;
    size_t len = strlen(folder);

    scan->broken_folders++;
    for (size_t i = 0; i < old->count; i++) {
        const struct entry *entry = &old->items[i];
        if (strncmp(entry->path, folder, len) == 0 && entry->path[len] == '/') {
            keep_broken(scan, entry->tenant, entry->policy_id, entry->path);
        }
    }
}

static void visit_tenant(struct scan *scan, const char *unused, const char *path,
                         const char *name) {
    const char *tenant = strcmp(name, SHARED_FOLDER) == 0 ? "*" : name;
    struct stat status;
    char policy_id[256];

    (void)unused;
    if (stat(path, &status) != 0) {
        if (lstat(path, &status) == 0) { /* a link to nowhere; else it is gone */
            tell(scan, path, "leads nowhere", "its policies stay live; remove it to end that");
            keep_folder(scan, path);
        }
        return;
    }
    if (!S_ISDIR(status.st_mode)) {
        if (bl_policy_file_id(name, policy_id, sizeof(policy_id))) {
            tell_as(scan, BL_SEVERITY_WARNING, path,
                    "is not read: policies stand in the folder of their tenant",
                    "move it to _shared/ for all tenants, or to a folder named as its tenant");
        }
        return;
    }
    if (!bl_tenant_id_is_valid(bl_str_from_c(tenant), true)) {
        tell(scan, path, "the folder's name is no tenant id", "use A-Z a-z 0-9 _ . : - only");
        return;
    }
    if (!for_each(scan, path, tenant, visit_file)) {
        keep_folder(scan, path);
    }
}

static int by_policy(const void *a, const void *b) {
    const struct entry *one = *(struct entry *const *)a;
    const struct entry *other = *(struct entry *const *)b;
    int order = strcmp(one->tenant, other->tenant);

    order = order != 0 ? order : strcmp(one->policy_id, other->policy_id);
    return order != 0 ? order : by_path(one, other);
}

/* Neither of two files for one policy is read, whichever comes first: what was live stays. */
static void refuse_twins(struct scan *scan, struct entry *one, struct entry *other) {
    char message[110];
    struct entry *const twins[] = {one, other};

    for (size_t i = 0; i < 2; i++) {
        const char *name = strrchr(twins[1 - i]->path, '/');
        (void)snprintf(message, sizeof(message), "is not read: %.60s holds this policy, too",
                       name + 1);
        tell(scan, twins[i]->path, message,
             "keep one of the two; the revision that was live, if there is one, stays");
        twins[i]->broken = true;
        twins[i]->unreadable = true; /* looked at again: the other one may go */
        twins[i]->is_new = false;
    }
}

static void find_twins(struct scan *scan) {
    size_t count = scan->found.count;
    struct entry **sorted = calloc(count + 1, sizeof(struct entry *));

    if (sorted == NULL) {
        scan->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &scan->found.items[i];
    }
    qsort(sorted, count, sizeof(struct entry *), by_policy);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(sorted[i - 1]->tenant, sorted[i]->tenant) == 0 &&
            strcmp(sorted[i - 1]->policy_id, sorted[i]->policy_id) == 0) {
            refuse_twins(scan, sorted[i - 1], sorted[i]);
        }
    }
    free(sorted);
}

static void compile_new(struct scan *scan) {
    find_twins(scan);
    for (size_t i = 0; i < scan->found.count && !scan->out_of_memory; i++) {
        if (scan->found.items[i].is_new) {
            compile(scan, &scan->found.items[i]);
        }
    }
}

static void take_problems(struct scan *scan) {
    bl_told_list_fini(&scan->directory->problems);
    scan->directory->problems = scan->problems;
}

bl_result bl_policy_directory_scan(struct bl_policy_directory *directory, bool warn_unknown_keys,
                                   bool *changed) {
    struct scan scan = {.directory = directory, .warn_unknown_keys = warn_unknown_keys};

    *changed = false;
    directory->is_unreadable = !for_each(&scan, directory->path, NULL, visit_tenant);
    if (!directory->is_unreadable) {
        compile_new(&scan);
    }
    take_problems(&scan);
    if (directory->is_unreadable) {
        return BL_OK;
    }
    directory->broken_folders = scan.broken_folders;
    if (scan.out_of_memory) {
        free_list(&scan.found);
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    if (scan.found.count > 0) {
        qsort(scan.found.items, scan.found.count, sizeof(struct entry), by_path);
    }
    *changed = scan.changed || scan.found.count != directory->entries.count;
    for (size_t i = 0; !*changed && i < scan.found.count; i++) {
        *changed = by_path(&scan.found.items[i], &directory->entries.items[i]) != 0;
    }
    free_list(&directory->entries);
    directory->entries = scan.found;
    return BL_OK;
}

bl_result bl_policy_directory_catalog(const struct bl_policy_directory *directory,
                                      uint64_t hash_seed, struct bl_catalog **out) {
    size_t count = 0;
    struct bl_policy **policies = calloc(directory->entries.count + 1, sizeof(void *));

    if (policies == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    for (size_t i = 0; i < directory->entries.count; i++) {
        if (directory->entries.items[i].policy != NULL) {
            policies[count++] = directory->entries.items[i].policy;
        }
    }
    bl_result result = bl_catalog_create(policies, count, hash_seed, out);
    free(policies);
    return result;
}

size_t bl_policy_directory_live(const struct bl_policy_directory *directory) {
    size_t count = 0;

    for (size_t i = 0; i < directory->entries.count; i++) {
        count += directory->entries.items[i].policy != NULL;
    }
    return count;
}

bool bl_policy_directory_is_unreadable(const struct bl_policy_directory *directory) {
    return directory->is_unreadable;
}

size_t bl_policy_directory_broken(const struct bl_policy_directory *directory) {
    size_t count = directory->broken_folders + directory->is_unreadable;

    for (size_t i = 0; i < directory->entries.count; i++) {
        count += directory->entries.items[i].broken;
    }
    return count;
}

void bl_policy_directory_each(const struct bl_policy_directory *directory, bl_policy_file_fn visit,
                              void *user) {
    for (size_t i = 0; i < directory->entries.count; i++) {
        const struct entry *entry = &directory->entries.items[i];
        const struct bl_policy_file file = {.path = entry->path,
                                            .tenant_id = entry->tenant,
                                            .policy_id = entry->policy_id,
                                            .policy = entry->policy,
                                            .broken = entry->broken};
        visit(user, &file);
    }
}
