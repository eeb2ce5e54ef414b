/*
 * Decision ids: compact, signed, self-contained.
 *
 * An id names key id, time, tenant, provider, policy revision and reserve, so that a later report
 * about the decision needs no stored decision. It is signed with SipHash-2-4-128 under the router
 * key: it guards accounting, not access. Text is base64url without padding, at most
 * BL_DECISION_ID_MAX bytes, readable by any router with the same key.
 */
#ifndef BL_WIRE_DECISION_ID_H
#define BL_WIRE_DECISION_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/result.h"

#define BL_DECISION_ID_MAX 1100

struct bl_decision_facts {
    int64_t time_ms;
    uint64_t nonce; /* low half of the admission id: distinct ids for equal decisions */
    uint64_t policy_content_hash;
    int64_t reserve_nano;
    struct bl_str tenant_id;
    struct bl_str provider_id;
    struct bl_str policy_id;
};

/* Appends the text. */
void bl_decision_id_write(const struct bl_decision_facts *facts, const uint8_t key[16],
                          struct bl_buf *buf);

/* Reads an id; views point into `scratch` (at least BL_DECISION_ID_MAX bytes).
 * Errors: INVALID_REQUEST when it is damaged, or signed with another key. */
BL_MUST_USE bl_result bl_decision_id_read(struct bl_str text, const uint8_t key[16], char *scratch,
                                          struct bl_decision_facts *out);

#endif
