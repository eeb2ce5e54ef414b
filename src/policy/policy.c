#include "policy/policy.h"

#include <assert.h>

struct bl_policy *bl_policy_ref(struct bl_policy *policy) {
    policy->references++;
    return policy;
}

void bl_policy_unref(struct bl_policy *policy) {
    if (policy == NULL) {
        return;
    }
    assert(policy->references > 0);
    if (--policy->references == 0) {
        struct bl_arena arena = policy->arena; /* the policy itself lives in it */
        bl_arena_fini(&arena);
    }
}

bl_provider_index bl_policy_find_provider(const struct bl_policy *policy, struct bl_str id) {
    for (int i = 0; i < policy->provider_count; i++) {
        if (bl_str_equal(policy->providers[i].id, id)) {
            return (bl_provider_index)i;
        }
    }
    return BL_PROVIDER_NONE;
}

static const char *const status_words[BL_STATUS_COUNT] = {
#define X(symbol, word) [BL_STATUS_##symbol] = (word),
    BL_STATUS_MAP(X)
#undef X
};

const char *bl_status_word(enum bl_status status) {
    assert((unsigned)status < BL_STATUS_COUNT);
    return status_words[status];
}

int bl_status_from_word(struct bl_str word) {
    for (int i = 0; i < BL_STATUS_COUNT; i++) {
        if (bl_str_equal_c(word, status_words[i])) {
            return i;
        }
    }
    return -1;
}
