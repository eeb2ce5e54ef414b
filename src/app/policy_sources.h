/*
 * Where a router's policies come from: a folder, a store, or both, brought together into one
 * catalog. A file wins over a store's policy of the same tenant and id, because what is reviewed and
 * deployed as files shall not be changed behind its back; that is reported once. Control thread only.
 */
#ifndef BL_APP_POLICY_SOURCES_H
#define BL_APP_POLICY_SOURCES_H

#include "api/policy_admin.h"
#include "app/policy_store.h"

struct bl_policy_sources;

/* Paths are copied; NULL = not used. Errors: RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_policy_sources_create(const char *directory, const char *store,
                                               const struct bl_policy_reports *reports,
                                               struct bl_policy_sources **out);
void bl_policy_sources_destroy(struct bl_policy_sources *sources); /* NULL is fine */

/* Looks at both; `*changed` says whether the set of live policies did. What cannot be read is
 * reported, and what was live stays. Errors: RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_policy_sources_scan(struct bl_policy_sources *sources,
                                             bool warn_unknown_keys, bool *changed);

/* The next scan trusts nothing that it remembers of the store. */
void bl_policy_sources_reopen(struct bl_policy_sources *sources);

/* The live policies as a catalog. */
BL_MUST_USE bl_result bl_policy_sources_catalog(struct bl_policy_sources *sources,
                                                uint64_t hash_seed, struct bl_catalog **out);

/* Shows every policy of both, files first. */
void bl_policy_sources_each(const struct bl_policy_sources *sources, bl_policy_listing_fn visit,
                            void *user);

/* As of the last catalog. */
struct bl_policy_sources_stats {
    size_t from_directory, from_store; /* live; their sum is the catalog's size */
    size_t shadowed;                   /* in the store, but a file wins */
    size_t broken;                     /* files and newest revisions that are not taken over */
    bool store_unreadable;
    bool directory_unreadable;
    uint64_t store_revision;
};
struct bl_policy_sources_stats bl_policy_sources_stats(const struct bl_policy_sources *sources);

#endif
