/*
 * The catalog: every policy that is live, as one immutable snapshot.
 *
 * The control thread builds a catalog and posts it to each worker; a worker reads it without a
 * lock and switches between turns. A policy that did not change is shared between catalogs.
 */
#ifndef BL_FLOW_CATALOG_H
#define BL_FLOW_CATALOG_H

#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

struct bl_catalog;

/* A catalog of `count` policies. Takes a reference to each policy; at most one per (tenant,
 * policy id): a later one replaces an earlier one. `hash_seed` keys the look-up table.
 * Errors: RESOURCE_EXHAUSTED. Control thread. */
BL_MUST_USE bl_result bl_catalog_create(struct bl_policy *const *policies, size_t count,
                                        uint64_t hash_seed, struct bl_catalog **out);

/* Releases the policies. Control thread, once no worker reads the catalog. NULL is fine. */
void bl_catalog_destroy(struct bl_catalog *catalog);

size_t bl_catalog_count(const struct bl_catalog *catalog);
struct bl_policy *bl_catalog_at(const struct bl_catalog *catalog, size_t index);

/* The tenant's policy of that id, else the shared tenant's ("*"), else NULL. Any thread;
 * allocates nothing. */
const struct bl_policy *bl_catalog_find(const struct bl_catalog *catalog, struct bl_str tenant_id,
                                        struct bl_str policy_id);

#endif
