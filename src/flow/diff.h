/*
 * What changes from one policy to another, in meaning: providers and their shares, rules and
 * fallbacks and their order, and everything else by its key. Layout, comments and the order of keys
 * do not count. Pure.
 */
#ifndef BL_FLOW_DIFF_H
#define BL_FLOW_DIFF_H

#include "base/arena.h"
#include "json/json.h"
#include "policy/policy.h"

/* One side: compiled, and its document as it was written. Borrowed. */
struct bl_diff_side {
    const struct bl_policy *policy;
    struct bl_json document;
};

enum bl_diff_kind {
    BL_DIFF_SHARE, /* of the requests that no rule directs; before and after are numbers, 0 to 1 */
    BL_DIFF_PROVIDER,
    BL_DIFF_RULE,
    BL_DIFF_FALLBACK,
    BL_DIFF_ORDER, /* of what `name` names */
    BL_DIFF_KEY,
    BL_DIFF_KIND_COUNT
};
const char *bl_diff_kind_word(enum bl_diff_kind kind); /* "share", …, "order of", "key" */

/* One change. Views live until the arena is reset. */
struct bl_diff_change {
    enum bl_diff_kind kind;
    struct bl_str name;          /* provider id, number from 1, or key */
    struct bl_str before, after; /* canonical JSON; absent = not there */
    double shares[2];            /* of SHARE */
};

typedef void (*bl_diff_fn)(void *user, const struct bl_diff_change *change);

/* Tells every change to `visit`: shares, providers, rules, fallbacks, other keys. `arena` needs some 6
 * MiB, and room for the canonical text of both sides. Errors: RESOURCE_EXHAUSTED; some changes may
 * have been told then. Thread-safe. */
BL_MUST_USE bl_result bl_diff_policies(const struct bl_diff_side *before,
                                       const struct bl_diff_side *after, struct bl_arena *arena,
                                       bl_diff_fn visit, void *user);

#endif
