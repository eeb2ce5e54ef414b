#include "cli/policy_source.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/offline.h"
#include "policy/compile.h"
#include "store/policy_key.h"
#include "store/sqlite.h"
#include "store/store.h"

static const char *chosen_store;

void bl_policy_source_use_store(const char *path) {
    chosen_store = path;
}

/* "default@7" or "default@latest": true, with its parts. */
static bool is_revision(const char *name, struct bl_str *policy_id, uint64_t *revision) {
    const char *at = strrchr(name, '@');
    struct stat status;
    char *end;

    if (at == NULL || at == name || at[1] == '\0' || stat(name, &status) == 0) {
        return false;
    }
    *policy_id = (struct bl_str){name, (size_t)(at - name)};
    *revision = BL_STORE_NEWEST;
    if (strcmp(at + 1, "latest") == 0) {
        return bl_policy_id_is_valid(*policy_id);
    }
    errno = 0;
    *revision = strtoull(at + 1, &end, 10);
    if (errno != 0 || *revision == BL_STORE_NEWEST) {
        *revision = BL_STORE_NEWEST - 1; /* no store has come so far: it is told as missing */
    }
    return *end == '\0' && at[1] >= '0' && at[1] <= '9' && bl_policy_id_is_valid(*policy_id);
}

static void fail(const char *name, const struct bl_diag *diag) {
    fprintf(stderr, "beamline policy: %s: %s\n", name, diag->message);
    if (diag->hint[0] != '\0') {
        fprintf(stderr, "  hint: %s\n", diag->hint);
    }
}

static bool copy(struct bl_str text, char **data, size_t *len) {
    *data = malloc(text.len + 1);
    if (*data == NULL) {
        return false;
    }
    memcpy(*data, text.data, text.len);
    *len = text.len;
    return true;
}

static bool read_revision(struct bl_store *store, const char *name, struct bl_str tenant,
                          struct bl_str policy_id, uint64_t revision, char **data, size_t *len) {
    struct bl_store_entry entry;
    struct bl_policy_key key;
    struct bl_arena arena;
    struct bl_diag diag;
    bool found = false;
    bool good = false;

    bl_diag_clear(&diag);
    bl_arena_init(&arena, 65536, (size_t)8 * 1024 * 1024);
    bl_result result = bl_store_get(store, bl_policy_key_make(&key, tenant, policy_id), revision,
                                    &arena, &entry, &found, &diag);
    found = found && (revision == BL_STORE_NEWEST || entry.revision == revision);
    if (bl_is_ok(result) && found && !entry.deleted) {
        good = copy(entry.value, data, len);
    } else {
        if (bl_is_ok(result)) {
            bl_diag_message(&diag, "tenant %.*s has no such revision", BL_STR_ARG(tenant));
            bl_diag_hint(&diag, "beamline policy history %.*s --tenant %.*s", BL_STR_ARG(policy_id),
                         BL_STR_ARG(tenant));
        }
        fail(name, &diag);
    }
    bl_arena_fini(&arena);
    return good;
}

bool bl_policy_source_read(const char *name, struct bl_str tenant, char **data, size_t *len) {
    const struct bl_store_sqlite_options options = {.read_only = true};
    const char *path = chosen_store != NULL ? chosen_store : getenv("BEAMLINE_POLICIES_STORE");
    struct bl_store *store = NULL;
    struct bl_str policy_id;
    struct bl_diag diag;
    uint64_t revision;

    if (!is_revision(name, &policy_id, &revision)) {
        return bl_read_file(name, BL_POLICY_MAX_BYTES, data, len);
    }
    bl_diag_clear(&diag);
    if (path == NULL || path[0] == '\0') {
        bl_diag_message(&diag, "is a revision, and no store is named");
        bl_diag_hint(&diag, "add --store FILE, or set BEAMLINE_POLICIES_STORE");
        fail(name, &diag);
        return false;
    }
    if (bl_is_error(bl_store_sqlite_open(path, &options, &store, &diag))) {
        fail(path, &diag);
        return false;
    }
    bool good = read_revision(store, name, tenant, policy_id, revision, data, len);
    bl_store_close(store);
    return good;
}
