/*
 * From text to a compiled policy.
 *
 * One document, JSON or YAML, is read once; every problem is reported with line, column, path and
 * the nearest known key, all of them at once. A policy is produced only when there is no error;
 * warnings do not prevent it.
 */
#ifndef BL_POLICY_COMPILE_H
#define BL_POLICY_COMPILE_H

#include "base/diag.h"
#include "policy/policy.h"

struct bl_policy_options {
    bool warn_unknown_keys; /* unknown keys are warnings instead of errors (migration) */
};

/*
 * Compiles `text` as the policy (tenant_id, policy_id); the same fields inside the document are
 * accepted and must agree if present. `*out` gets a policy with one reference, to be released with
 * bl_policy_unref. `text` is not needed afterwards. `options` may be NULL. Findings stand in the
 * order of the document; above the bound, errors are kept rather than warnings. Up to some 100 ms
 * for the largest documents: for the control thread and tools. Thread-safe.
 * Errors: INVALID_POLICY, with at least one error in `findings` (which is cleared first);
 * RESOURCE_EXHAUSTED when memory is short.
 */
BL_MUST_USE bl_result bl_policy_compile(struct bl_str text, struct bl_str tenant_id,
                                        struct bl_str policy_id,
                                        const struct bl_policy_options *options,
                                        struct bl_policy **out, struct bl_findings *findings);

/* Grammar of ids: 1–255 bytes of [A-Za-z0-9_.:-], not "." or "..". `shared` also allows "*". */
bool bl_policy_id_is_valid(struct bl_str id);
bool bl_tenant_id_is_valid(struct bl_str id, bool shared);

#endif
