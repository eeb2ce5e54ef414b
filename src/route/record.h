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

/* A fact that the policy does not read, recorded besides, so that other policies can be judged. */
struct bl_record_extra {
    struct bl_str path; /* with its projection, as in struct bl_fact */
    struct bl_value value;
};

struct bl_record_options {
    const uint8_t *redact_key; /* strings of facts are hashed; NULL = they are kept */
    /* Whether a fact's strings are kept all the same; NULL = none is. */
    bool (*is_clear)(void *user, struct bl_str path);
    void *user;
    const struct bl_record_extra *extras;
    uint16_t extra_count;
};
void bl_record_encode_with(const struct bl_decision_input *input,
                           const struct bl_record_options *options, struct bl_buf *buf);

/* Whether a string of a record is the hash of one, by its form: "~" and 16 hexadecimal digits. */
bool bl_record_is_redacted(const struct bl_value *value);

/* What a record says about its policy, without decoding the rest. Views into `bytes`. */
struct bl_record_policy {
    struct bl_str tenant_id; /* of the request; the policy may be shared */
    struct bl_str policy_id;
    uint64_t content_hash;
};
BL_MUST_USE bl_result bl_record_policy(struct bl_str bytes, struct bl_record_policy *out,
                                       struct bl_diag *diag);

/* Decodes for `policy`, whose content hash must be the recorded one unless `other_revision` is
 * true (then facts are matched by path and providers by id; a fact that the record lacks is an error
 * value, NOT_RECORDED, a state that it lacks is unknown). Strings stay views into `bytes`; arrays are taken from `arena`.
 * Errors: INVALID_REQUEST (damaged, unknown version, other policy), RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_record_decode(struct bl_str bytes, const struct bl_policy *policy,
                                       bool other_revision, struct bl_arena *arena,
                                       struct bl_decision_input *out, struct bl_diag *diag);

#endif
