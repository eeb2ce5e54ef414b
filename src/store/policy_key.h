/*
 * Under which key a policy stands in a store: policy/<tenant>/<policy id>, the shared tenant ("*")
 * as `_shared`, as in a folder of policies. Pure.
 */
#ifndef BL_STORE_POLICY_KEY_H
#define BL_STORE_POLICY_KEY_H

#include <stdbool.h>

#include "base/str.h"
#include "store/store.h"

#define BL_POLICY_KEY_PREFIX "policy/"
#define BL_POLICY_KEY_SHARED "_shared"

/* A key with storage of its own. */
struct bl_policy_key {
    char data[BL_STORE_KEY_MAX];
    size_t len;
};

/* The key of a policy; ids are valid ones (policy/compile.h), asserted. An absent id gives the
 * prefix of all policies of the tenant. */
struct bl_str bl_policy_key_make(struct bl_policy_key *key, struct bl_str tenant_id,
                                 struct bl_str policy_id);

/* Tenant and id of a key, as views into it; "*" for the shared tenant. False if it is no policy's. */
bool bl_policy_key_read(struct bl_str key, struct bl_str *tenant_id, struct bl_str *policy_id);

#endif
