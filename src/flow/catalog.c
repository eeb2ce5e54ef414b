#include "flow/catalog.h"

#include <assert.h>
#include <stdlib.h>

#include "base/map.h"

/* Ids have at most 255 bytes and no NUL, so this is one key for each pair of them. */
#define ID_MAX 255
#define KEY_MAX (ID_MAX + 1 + ID_MAX)

struct bl_catalog {
    struct bl_arena arena; /* keys and slots of the map */
    struct bl_map map;
    struct bl_policy **policies; /* `count`, each once */
    size_t count;
};

/* "<tenant>\0<policy id>" in `storage`; absent when either is longer than any id. */
static struct bl_str key_of(char storage[KEY_MAX], struct bl_str tenant_id,
                            struct bl_str policy_id) {
    struct bl_buf key;

    if (tenant_id.len > ID_MAX || policy_id.len > ID_MAX) {
        return BL_STR_ABSENT;
    }
    bl_buf_init(&key, storage, KEY_MAX);
    bl_buf_str(&key, tenant_id);
    bl_buf_char(&key, '\0');
    bl_buf_str(&key, policy_id);
    return bl_buf_view(&key);
}

/* A later policy takes the place of an earlier one with its name. */
static bl_result add(struct bl_catalog *catalog, struct bl_policy *policy) {
    char storage[KEY_MAX];
    struct bl_str key = key_of(storage, policy->tenant_id, policy->policy_id);
    union bl_map_value *known;

    assert(bl_str_is_present(key));
    known = bl_map_find(&catalog->map, key);
    if (known != NULL) {
        bl_policy_unref(catalog->policies[known->number]);
        catalog->policies[known->number] = bl_policy_ref(policy);
        return BL_OK;
    }
    BL_TRY(bl_arena_copy(&catalog->arena, key, &key));
    BL_TRY(bl_map_put(&catalog->map, key, (union bl_map_value){.number = catalog->count}));
    catalog->policies[catalog->count++] = bl_policy_ref(policy);
    return BL_OK;
}

static bl_result fill(struct bl_catalog *catalog, struct bl_policy *const *policies, size_t count,
                      uint64_t hash_seed) {
    BL_TRY(bl_map_init(&catalog->map, count, hash_seed, &catalog->arena));
    catalog->policies = bl_arena_calloc(&catalog->arena, count + 1, sizeof(struct bl_policy *));
    if (catalog->policies == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    for (size_t i = 0; i < count; i++) {
        BL_TRY(add(catalog, policies[i]));
    }
    return BL_OK;
}

bl_result bl_catalog_create(struct bl_policy *const *policies, size_t count, uint64_t hash_seed,
                            struct bl_catalog **out) {
    struct bl_catalog *catalog = calloc(1, sizeof(*catalog));

    if (catalog == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    bl_arena_init(&catalog->arena, 16384, SIZE_MAX / 2);
    bl_result result = fill(catalog, policies, count, hash_seed);
    if (bl_is_error(result)) {
        bl_catalog_destroy(catalog);
        return result;
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
    bl_arena_fini(&catalog->arena);
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
    char storage[KEY_MAX];
    struct bl_str key = key_of(storage, tenant_id, policy_id);
    const union bl_map_value *found = NULL;

    if (bl_str_is_present(key)) {
        found = bl_map_find(&catalog->map, key);
    }
    return found == NULL ? NULL : catalog->policies[found->number];
}

const struct bl_policy *bl_catalog_find(const struct bl_catalog *catalog, struct bl_str tenant_id,
                                        struct bl_str policy_id) {
    const struct bl_policy *own = find(catalog, tenant_id, policy_id);

    return own != NULL ? own : find(catalog, BL_STR("*"), policy_id);
}
