#include "app/policy_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/compile.h"

#define FILES_MAX 100000
#define SHARED_FOLDER "_shared"
#define PROBLEMS_MAX 1000

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
};

/* What was told of a folder or file, so that it is told once and not with each scan. */
struct problem {
    char *path;
    char message[120];
};

struct problem_list {
    struct problem *items;
    size_t count;
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
    struct problem_list problems; /* of the last scan */
    size_t broken_folders;
    struct bl_findings findings; /* of the file being compiled */
};

/* A scan in progress. */
struct scan {
    struct bl_policy_directory *directory;
    struct entry_list found;
    struct problem_list problems;
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

static void free_problems(struct problem_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].path);
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
        free_problems(&directory->problems);
        free(directory->path);
        free(directory);
    }
}

static bool is_told(const struct problem_list *list, const char *path, const char *message) {
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].path, path) == 0 &&
            strncmp(list->items[i].message, message, sizeof(list->items[i].message) - 1) == 0) {
            return true;
        }
    }
    return false;
}

/* False: there are too many to remember, or no memory; then it is told again. */
static bool remember(struct problem_list *list, const char *path, const char *message) {
    struct problem *items = list->count >= PROBLEMS_MAX
                                ? NULL
                                : realloc(list->items, (list->count + 1) * sizeof(*items));

    if (items == NULL) {
        return false;
    }
    list->items = items;
    items[list->count].path = strdup(path);
    if (items[list->count].path == NULL) {
        return false;
    }
    (void)snprintf(items[list->count].message, sizeof(items[list->count].message), "%s", message);
    list->count++;
    return true;
}

/* Tells a problem of a folder or file, once for as long as it lasts. */
static void tell_as(struct scan *scan, enum bl_severity severity, const char *path,
                    const char *message, const char *hint) {
    struct bl_diag diag;

    (void)remember(&scan->problems, path, message);
    if (is_told(&scan->directory->problems, path, message)) {
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

/* The file's text; NULL with errno set. */
static char *read_text(const char *path, size_t *len) {
    char *text = malloc(BL_POLICY_MAX_BYTES + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = -1;

    *len = 0;
    while (fd >= 0 && text != NULL &&
           (got = read(fd, text + *len, BL_POLICY_MAX_BYTES + 1 - *len)) > 0) {
        *len += (size_t)got;
    }
    int error = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (got < 0) {
        free(text);
        errno = error;
        return NULL;
    }
    return text;
}

/* Compiles the file; on failure the entry keeps what it had. */
static void compile(struct scan *scan, struct entry *entry) {
    struct bl_policy_directory *directory = scan->directory;
    struct bl_policy_options options = {.warn_unknown_keys = scan->warn_unknown_keys};
    struct bl_policy *policy = NULL;
    size_t len;
    char *text = read_text(entry->path, &len);

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

static bool is_unchanged(const struct entry *old, const struct stat *status) {
    return old->modified.tv_sec == status->st_mtim.tv_sec &&
           old->modified.tv_nsec == status->st_mtim.tv_nsec && old->size == status->st_size &&
           old->inode == status->st_ino;
}

/* "default.yaml" → "default"; false for other files. */
static bool policy_id_of(const char *name, char *out, size_t capacity) {
    static const char *const endings[] = {".yaml", ".yml", ".json"};
    size_t len = strlen(name);

    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t ending = strlen(endings[i]);
        if (len > ending && len - ending < capacity &&
            strcasecmp(name + len - ending, endings[i]) == 0) {
            memcpy(out, name, len - ending);
            out[len - ending] = '\0';
            return true;
        }
    }
    return false;
}

static bool has_small_ending(const char *name) {
    const char *dot = strrchr(name, '.');

    return strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 || strcmp(dot, ".json") == 0;
}

static bool is_listed_twice(const struct scan *scan, const char *tenant, const char *policy_id) {
    for (size_t i = scan->found.count; i-- > 0;) {
        const struct entry *other = &scan->found.items[i];
        if (strcmp(other->tenant, tenant) != 0) {
            return false; /* a tenant's files stand together */
        }
        if (strcmp(other->policy_id, policy_id) == 0) {
            return true;
        }
    }
    return false;
}

/* An entry for the file, with what was live of it before. NULL: left out, which was told. */
static struct entry *add_entry(struct scan *scan, const char *tenant, const char *policy_id,
                               const char *path) {
    struct entry *old = find_old(scan, path);
    struct entry *entry = scan->found.count >= FILES_MAX ? NULL : append(scan);

    if (entry == NULL) {
        tell(scan, path, "is left out: there are too many policies", "100000 files at most");
        return NULL;
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

    if (!policy_id_of(name, policy_id, sizeof(policy_id)) || lstat(path, &link) != 0) {
        return; /* no policy, or gone since it was listed */
    }
    if (!has_small_ending(name)) {
        tell_as(scan, BL_SEVERITY_WARNING, path, "is not read: its ending is in capitals",
                "rename it to .yaml, .yml or .json");
        return;
    }
    if (!bl_policy_id_is_valid(bl_str_from_c(policy_id))) {
        tell(scan, path, "the file's name is no policy id", "use A-Z a-z 0-9 _ . : - only");
        return;
    }
    if (is_listed_twice(scan, tenant, policy_id)) {
        tell(scan, path, "another file holds this policy already", "keep one of the two");
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
    if (entry == NULL) {
        return;
    }
    const struct entry *old = find_old(scan, path);
    entry->modified = status.st_mtim;
    entry->size = status.st_size;
    entry->inode = status.st_ino;
    if (old == NULL || old->unreadable || !is_unchanged(old, &status)) {
        compile(scan, entry);
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
        if (policy_id_of(name, policy_id, sizeof(policy_id))) {
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

static void take_problems(struct scan *scan) {
    free_problems(&scan->directory->problems);
    scan->directory->problems = scan->problems;
}

bl_result bl_policy_directory_scan(struct bl_policy_directory *directory, bool warn_unknown_keys,
                                   bool *changed) {
    struct scan scan = {.directory = directory, .warn_unknown_keys = warn_unknown_keys};

    *changed = false;
    bool is_read = for_each(&scan, directory->path, NULL, visit_tenant);
    take_problems(&scan);
    if (!is_read) {
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

size_t bl_policy_directory_broken(const struct bl_policy_directory *directory) {
    size_t count = directory->broken_folders;

    for (size_t i = 0; i < directory->entries.count; i++) {
        count += directory->entries.items[i].broken;
    }
    return count;
}

void bl_policy_directory_each(const struct bl_policy_directory *directory, bl_policy_file_fn visit,
                              void *user) {
    for (size_t i = 0; i < directory->entries.count; i++) {
        if (directory->entries.items[i].policy != NULL) {
            visit(user, directory->entries.items[i].path, directory->entries.items[i].policy);
        }
    }
}
