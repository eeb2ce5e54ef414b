/*
 * Policies from a store (store/store.h), as a router sees them.
 *
 * A look asks the store whether there is something new, reads what changed as of one moment, and
 * compiles that; so a batch goes live whole. A revision that does not compile, or is damaged, is
 * reported, and the last good one stays. A store that cannot be read (locked, damaged, gone, of a
 * newer version) changes nothing: what was live stays live, and each look tries again. Control
 * thread only.
 */
#ifndef BL_APP_POLICY_STORE_H
#define BL_APP_POLICY_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "app/policy_directory.h"

struct bl_policy_store;

/* Whom to tell what. `finding` as for a folder; its path names store, policy and revision. `state`
 * is called when the store becomes unreadable, or does so for another reason, and with NULL when it
 * can be read again. */
struct bl_policy_reports {
    bl_policy_report_fn finding;
    void (*state)(void *user, const char *path, const struct bl_diag *problem);
    void *user;
};

/* `path` is copied; the store may be made later. Errors: RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_policy_store_create(const char *path,
                                             const struct bl_policy_reports *reports,
                                             struct bl_policy_store **out);
void bl_policy_store_destroy(struct bl_policy_store *store); /* NULL is fine */

/* `*changed` says whether the set of live policies did. Takes at most half a second when others
 * lock the store. Errors: RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_policy_store_look(struct bl_policy_store *store, bool warn_unknown_keys,
                                           bool *changed);

/* The next look opens the store anew and reads everything. */
void bl_policy_store_reopen(struct bl_policy_store *store);

/* Shows every live policy. `*told` is the visitor's: false for a new one, and kept. */
typedef void (*bl_policy_store_visit_fn)(void *user, struct bl_policy *policy, bool *told);
void bl_policy_store_each(struct bl_policy_store *store, bl_policy_store_visit_fn visit,
                          void *user);

/* One policy of the store, as of the last look. */
struct bl_policy_store_item {
    struct bl_str tenant_id, policy_id;
    struct bl_policy *policy; /* its last good revision; NULL = none yet */
    uint64_t revision;        /* the newest */
    bool broken;              /* that one does not compile */
};

/* Shows every policy that is there. */
typedef void (*bl_policy_store_item_fn)(void *user, const struct bl_policy_store_item *item);
void bl_policy_store_items(const struct bl_policy_store *store, bl_policy_store_item_fn visit,
                           void *user);

struct bl_policy_store_stats {
    size_t live;
    size_t broken;     /* newest revisions that are not taken over */
    uint64_t revision; /* of the store, as of the last look that could read it */
    bool unreadable;
};
struct bl_policy_store_stats bl_policy_store_stats(const struct bl_policy_store *store);

#endif
