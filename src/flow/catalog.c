#include "flow/catalog.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"

/*
 * Open addressing with linear probing, at most half full. The hash is keyed because tenants and
 * policy ids come from outside.
 */
struct slot {
    uint64_t hash;
    struct bl_policy *policy; /* NULL = free */
};

struct bl_catalog {
    uint8_t key[BL_SIPHASH_KEY_BYTES];
    size_t count;
    size_t mask;
    struct slot *slots;
    struct bl_policy **policies; /* `count`, each once */
};

static uint64_t hash_of(const struct bl_catalog *catalog, struct bl_str tenant_id,
                        struct bl_str policy_id) {
    struct bl_siphash state;

    bl_siphash_begin(&state, catalog->key);
    bl_siphash_add_piece(&state, tenant_id.data, tenant_id.len);
    bl_siphash_add(&state, policy_id.data, policy_id.len);
    return bl_siphash_end(&state);
}

/* The slot of that policy, or the free one where it would be. Only reads: workers share it. */
static struct slot *slot_of(const struct bl_catalog *catalog, uint64_t hash,
                            struct bl_str tenant_id, struct bl_str policy_id) {
    size_t at = (size_t)hash & catalog->mask;

    for (;; at = (at + 1) & catalog->mask) {
        struct slot *slot = &catalog->slots[at];
        if (slot->policy == NULL ||
            (slot->hash == hash && bl_str_equal(slot->policy->policy_id, policy_id) &&
             bl_str_equal(slot->policy->tenant_id, tenant_id))) {
            return slot;
        }
    }
}

/* A later policy takes the slot of an earlier one with its name. */
static void insert(struct bl_catalog *catalog, struct bl_policy *policy) {
    uint64_t hash = hash_of(catalog, policy->tenant_id, policy->policy_id);
    struct slot *slot = slot_of(catalog, hash, policy->tenant_id, policy->policy_id);

    if (slot->policy != NULL) {
        bl_policy_unref(slot->policy);
    }
    *slot = (struct slot){hash, bl_policy_ref(policy)};
}

bl_result bl_catalog_create(struct bl_policy *const *policies, size_t count, uint64_t hash_seed,
                            struct bl_catalog **out) {
    struct bl_catalog *catalog = calloc(1, sizeof(*catalog));
    size_t slots = 4;

    if (catalog == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    while (slots < count * 2) {
        slots *= 2;
    }
    memcpy(catalog->key, &hash_seed, sizeof(hash_seed));
    catalog->mask = slots - 1;
    catalog->slots = calloc(slots, sizeof(*catalog->slots));
    catalog->policies = calloc(count + 1, sizeof(struct bl_policy *)); /* never of size 0 */
    if (catalog->slots == NULL || catalog->policies == NULL) {
        bl_catalog_destroy(catalog);
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    for (size_t i = 0; i < count; i++) {
        insert(catalog, policies[i]);
    }
    for (size_t i = 0; i < slots; i++) {
        if (catalog->slots[i].policy != NULL) {
            catalog->policies[catalog->count++] = catalog->slots[i].policy;
        }
    }
    *out = catalog;
    return BL_OK;
}

void bl_catalog_destroy(struct bl_catalog *catalog) {
    if (catalog == NULL) {
        return;
    }
    for (size_t i = 0; i < catalog->count; i++) {
        bl_policy_unref(catalog->policies[i]);
    }
    free(catalog->policies);
    free(catalog->slots);
    free(catalog);
}

size_t bl_catalog_count(const struct bl_catalog *catalog) {
    return catalog->count;
}

struct bl_policy *bl_catalog_at(const struct bl_catalog *catalog, size_t index) {
    assert(index < catalog->count);
    return catalog->policies[index];
}

static const struct bl_policy *find(const struct bl_catalog *catalog, struct bl_str tenant_id,
                                    struct bl_str policy_id) {
    return slot_of(catalog, hash_of(catalog, tenant_id, policy_id), tenant_id, policy_id)->policy;
}

const struct bl_policy *bl_catalog_find(const struct bl_catalog *catalog, struct bl_str tenant_id,
                                        struct bl_str policy_id) {
    const struct bl_policy *own = find(catalog, tenant_id, policy_id);

    return own != NULL ? own : find(catalog, BL_STR("*"), policy_id);
}
