#include "app/snapshot.h"

#include <assert.h>
#include <stdlib.h>

static int by_bytes(const void *a, const void *b) {
    return bl_str_compare(*(const struct bl_str *)a, *(const struct bl_str *)b);
}

bl_result bl_snapshot_create(struct bl_catalog *catalog, struct bl_shared_config *shared,
                             struct bl_tls_context *tls, struct bl_snapshot **out) {
    const struct bl_config *config = shared->config;
    const struct bl_text_list *tenants = &config->nats.shared_subject_tenants;
    struct bl_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    const struct bl_text_list *said = &config->tenants.attributes;
    struct bl_str *listed = calloc(tenants->count + 1, sizeof(*listed));
    struct bl_tenant_attribute *attributes = calloc(said->count + 1, sizeof(*attributes));
    size_t attribute_count = 0;

    if (snapshot == NULL || listed == NULL || attributes == NULL) {
        free(snapshot);
        free(listed);
        free(attributes);
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    for (size_t i = 0; i < said->count; i++) { /* checked when they were read */
        attribute_count += bl_tenant_attribute_read(said->items[i], &attributes[attribute_count]);
    }
    for (size_t i = 0; i < tenants->count; i++) {
        listed[i] = tenants->items[i];
    }
    qsort(listed, tenants->count, sizeof(*listed), by_bytes);
    shared->users++;
    *snapshot = (struct bl_snapshot){
        .catalog = catalog,
        .shared = shared,
        .listed = listed,
        .attribute_items = attributes,
        .attributes = {attributes, bl_tenant_attributes_sort(attributes, attribute_count)},
        .tenants = {.believe_all = config->profile == BL_PROFILE_DEV,
                    .listed = listed,
                    .listed_count = tenants->count},
        .limits = {config->intake.max_request_bytes, config->intake.max_depth,
                   config->intake.max_nodes},
        .min_payload_bytes = config->intake.min_payload_bytes,
        .refusals_per_second = config->logs.refusals_per_second,
        .access_log = config->http.access_log,
        .tls = tls == NULL ? NULL : bl_tls_context_hold(tls),
        .anonymous_reads = bl_config_anonymous_reads(config),
    };
    *out = snapshot;
    return BL_OK;
}

void bl_shared_config_release(struct bl_shared_config *shared) {
    assert(shared->users > 0);
    if (--shared->users == 0) {
        bl_config_destroy(shared->config);
        free(shared);
    }
}

void bl_snapshot_destroy(struct bl_snapshot *snapshot) {
    assert(atomic_load(&snapshot->holders) == 0);
    bl_catalog_destroy(snapshot->catalog);
    bl_tls_context_release(snapshot->tls);
    bl_shared_config_release(snapshot->shared);
    free(snapshot->listed);
    free(snapshot->attribute_items);
    free(snapshot);
}
