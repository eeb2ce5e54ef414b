/*
 * Decisions as recorded inputs.
 *
 * An input encodes to a compact, versioned, self-describing byte string that names its policy
 * (tenant, id, content hash) instead of holding it. Decoding with that policy gives an input that
 * decides the same, and encodes to the same bytes. The facts of the request can be redacted.
 */
#ifndef BL_ROUTE_RECORD_H
#define BL_ROUTE_RECORD_H

#include "base/buf.h"
#include "base/diag.h"
#include "route/decide.h"

/* Appends the encoding. With `redact`, strings among the facts are replaced by their SipHash under
 * `redact_key`, so equal values stay equal while the values are gone; NULL = keep them. */
void bl_record_encode(const struct bl_decision_input *input, const uint8_t *redact_key,
                      struct bl_buf *buf);

/* What a record says about its policy, without decoding the rest. Views into `bytes`. */
struct bl_record_policy {
    struct bl_str tenant_id;
    struct bl_str policy_id;
    uint64_t content_hash;
};
BL_MUST_USE bl_result bl_record_policy(struct bl_str bytes, struct bl_record_policy *out,
                                       struct bl_diag *diag);

/* Decodes for `policy`, whose content hash must be the recorded one unless `other_revision` is
 * true (then facts are matched by path and providers by id; what the record lacks is absent or
 * unknown). Strings stay views into `bytes`; arrays are taken from `arena`.
 * Errors: INVALID_REQUEST (damaged, unknown version, other policy), RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_record_decode(struct bl_str bytes, const struct bl_policy *policy,
                                       bool other_revision, struct bl_arena *arena,
                                       struct bl_decision_input *out, struct bl_diag *diag);

#endif
