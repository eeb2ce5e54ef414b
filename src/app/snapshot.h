/*
 * Snapshots: what requests are decided with, immutable, switched between turns.
 *
 * The control thread makes one when policies or settings change, and gives it to each worker. A
 * worker that switches gives the old one back; when the last has, the control thread frees it. A
 * request never sees half of a change, and nothing waits.
 */
#ifndef BL_APP_SNAPSHOT_H
#define BL_APP_SNAPSHOT_H

#include <stdatomic.h>

#include "app/config.h"
#include "flow/catalog.h"
#include "flow/tenant.h"
#include "flow/tenant_attributes.h"
#include "json/json.h"
#include "net/tls.h"

/* A configuration with its users, all on the control thread. */
struct bl_shared_config {
    struct bl_config *config;
    unsigned users;
};

struct bl_snapshot {
    struct bl_catalog *catalog;
    struct bl_shared_config *shared;
    struct bl_tenant_rule tenants;
    struct bl_str *listed; /* the rule's tenants, sorted */
    struct bl_tenant_attributes attributes;
    struct bl_tenant_attribute *attribute_items; /* of the line above */
    struct bl_json_limits limits;
    uint32_t min_payload_bytes;
    uint32_t refusals_per_second;
    bool anonymous_reads;
    bool access_log;
    struct bl_tls_context *tls;  /* held; NULL = none */
    _Atomic unsigned holders;    /* workers that have it, or will be handed it */
    struct bl_snapshot *retired; /* next in the control thread's list */
};

/* A snapshot with no holder. Takes the catalog over, and a use of the configuration. Errors:
 * RESOURCE_EXHAUSTED; then the catalog is not taken over. Control thread. */
BL_MUST_USE bl_result bl_snapshot_create(struct bl_catalog *catalog,
                                         struct bl_shared_config *shared,
                                         struct bl_tls_context *tls, struct bl_snapshot **out);

/* Frees a snapshot without holders. Control thread. */
void bl_snapshot_destroy(struct bl_snapshot *snapshot);

/* Gives up a use of the configuration, freeing it with the last. Control thread. */
void bl_shared_config_release(struct bl_shared_config *shared);

#endif
