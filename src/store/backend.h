/*
 * What a backend of the store provides. Private to this folder.
 *
 * A backend's handle begins with a `struct bl_store`. Arguments were checked by store.c. The
 * functions are those of store.h, whose promises they keep.
 */
#ifndef BL_STORE_BACKEND_H
#define BL_STORE_BACKEND_H

#include "store/store.h"

struct bl_store_backend {
    void (*close)(struct bl_store *store);
    bl_result (*apply)(struct bl_store *store, struct bl_store_change *changes, size_t count,
                       const struct bl_store_note *note, struct bl_diag *diag);
    /* The newest revision of the key at or below `at`; visits nothing if there is none. */
    bl_result (*get)(struct bl_store *store, struct bl_str key, uint64_t at,
                     bl_store_visit_fn visit, void *user, struct bl_diag *diag);
    bl_result (*list)(struct bl_store *store, struct bl_str prefix, struct bl_str after,
                      size_t limit, bl_store_visit_fn visit, void *user, struct bl_diag *diag);
    bl_result (*history)(struct bl_store *store, struct bl_str key, uint64_t before, size_t limit,
                         bl_store_visit_fn visit, void *user, struct bl_diag *diag);
    bl_result (*changes)(struct bl_store *store, uint64_t since, bl_store_visit_fn visit,
                         void *user, uint64_t *revision, struct bl_diag *diag);
    bl_result (*has_changed)(struct bl_store *store, bool *changed, struct bl_diag *diag);
};

struct bl_store {
    const struct bl_store_backend *backend;
};

/* What entries carry, and what reading compares: SipHash-128 of key and value, so that a value can
 * neither change nor get under another key unseen. An absent value differs from an empty one. */
void bl_store_hash(struct bl_str key, struct bl_str value, uint64_t out[2]);

#endif
