/*
 * What administration of policies needs of the router around it: the sources that policies come
 * from, the store that is written, and the switch to what was written.
 *
 * Policies of files are read here and changed where they are reviewed; policies of the store are
 * changed here. All functions belong to the control thread, and views live until the next call of
 * `go_live`.
 */
#ifndef BL_API_POLICY_ADMIN_H
#define BL_API_POLICY_ADMIN_H

#include "base/arena.h"
#include "base/diag.h"
#include "policy/policy.h"
#include "store/store.h"

/* One policy of one source. */
struct bl_policy_listing {
    struct bl_str tenant_id, policy_id;
    struct bl_policy *policy; /* the revision that would serve; NULL = none compiles */
    struct bl_str file;       /* its path; absent = it stands in the store */
    uint64_t revision;        /* of the store; 0 for files */
    bool broken;              /* what the source holds now is not what serves */
};

/* False ends the walk. */
typedef bool (*bl_policy_listing_fn)(void *user, const struct bl_policy_listing *listing);

struct bl_admin_stats {
    size_t files, stored; /* live policies, by source */
    size_t shadowed;      /* stored ones that a file wins over */
    size_t broken;
    bool has_store, store_unreadable;
    uint64_t store_revision; /* that serves */
    unsigned workers;
    bool ready;
    int64_t started_ms;
};

enum bl_store_use { BL_STORE_READ, BL_STORE_CHANGE, BL_STORE_PUT };

struct bl_policy_admin {
    void *user;
    bool warn_unknown_keys;

    /* Every policy of every source; one that both sources hold comes twice, the file first. */
    void (*each)(void *user, bl_policy_listing_fn visit, void *visitor);

    /* The store, kept by the callee; NULL when its file is not there yet, except for PUT, which
     * makes it. Errors: UNAVAILABLE when none is configured, and those of store/sqlite.h. */
    bl_result (*store)(void *user, enum bl_store_use use, struct bl_store **out,
                       struct bl_diag *diag);

    /* The text of a file that `each` named. Errors: UNAVAILABLE, RESOURCE_EXHAUSTED. */
    bl_result (*read_file)(void *user, struct bl_str path, struct bl_arena *arena,
                           struct bl_str *text, struct bl_diag *diag);

    /* Looks at the sources and gives what is new to every worker; whoever asks one from now on is
     * served by it. Whether the store's `revision` is among it. */
    bool (*go_live)(void *user, uint64_t revision);

    void (*stats)(void *user, struct bl_admin_stats *out);
};

#endif
