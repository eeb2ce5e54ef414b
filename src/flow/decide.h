/*
 * From a request to its decision: policy look-up, facts, session, extensions, decide, pin.
 *
 * A plain decide is a straight call that touches no store and takes nothing from the heap. What
 * needs parts that this router does not have at hand (a durable store for pushed and keyed
 * requests, a registered extension) is refused with the exact error, never silently downgraded.
 */
#ifndef BL_FLOW_DECIDE_H
#define BL_FLOW_DECIDE_H

#include <stdint.h>

#include "base/arena.h"
#include "flow/catalog.h"
#include "flow/request.h"
#include "flow/tenant_attributes.h"
#include "route/decide.h"
#include "route/pins.h"

/* What a worker decides with; everything is borrowed. */
struct bl_flow {
    const struct bl_catalog *catalog;
    struct bl_pins *pins;       /* NULL = sessions keep to rendezvous hashing alone */
    uint8_t key[16];            /* router key: seeds, session digests, decision ids */
    uint32_t min_payload_bytes; /* 0 = no minimum */
    bool can_push;              /* pushed requests are dispatched; else they are refused */
    struct bl_tenant_attributes attributes;
};

/* What the outside contributes to one request. */
struct bl_flow_moment {
    int64_t now_ns;           /* epoch */
    uint8_t admission_id[16]; /* from the CSPRNG */
};

struct bl_outcome_step { /* one extension that the policy names */
    const struct bl_step *step;
    const char *status; /* "error", "warn", "ignore", "skipped" */
};

/* A decision with what its reply needs. Views live as long as the request, the arena and the
 * catalog. */
struct bl_outcome {
    const struct bl_policy *policy; /* NULL if the request was refused before it was found */
    struct bl_str tenant_id;
    struct bl_decision_input input; /* for explain and for recording */
    struct bl_decision decision;
    bool decided; /* `decision` is filled, even if it names no provider */
    bool has_sticky_key;
    uint64_t sticky_key;       /* digest of the session value */
    const char *assignment_id; /* of what is pushed; NULL = nothing is */
    struct bl_outcome_step steps[3 * BL_POLICY_MAX_STEPS];
    uint8_t step_count;
};

/*
 * Decides `request` for `tenant_id` (from bl_tenant_resolve). Memory for facts comes from `arena`.
 * With request->dry_run no pin is written. On an error `refusal` says what to reply and `outcome`
 * holds as much as is known (explain works if outcome->decided).
 * Errors: those of the contract's table. Thread rule: one worker per flow and arena; the pins may
 * be shared.
 */
BL_MUST_USE bl_result bl_flow_decide(const struct bl_flow *flow, const struct bl_request *request,
                                     struct bl_str tenant_id, const struct bl_flow_moment *moment,
                                     struct bl_arena *arena, struct bl_outcome *outcome,
                                     struct bl_refusal *refusal);

/* POLICY_NOT_FOUND, with `refusal` filled: names tenant and policy, and no policy that exists. */
bl_result bl_flow_refuse_policy(struct bl_str tenant_id, struct bl_str policy_id,
                                struct bl_refusal *refusal);

/* What facts are taken from. */
struct bl_fact_source {
    const struct bl_request *request;
    struct bl_str tenant_id;
    const struct bl_tenant_attributes *attributes; /* NULL = none */
    uint32_t attempt;
    struct bl_str attempt_status; /* of the attempt that failed; absent outside fallbacks */
    struct bl_str attempt_provider;
    int64_t now_ns; /* epoch */
};

/* What a fact is. Views into the source. */
struct bl_value bl_flow_fact(const struct bl_fact *fact, const struct bl_fact_source *source);

/* Values of the policy's facts for a request: policy->fact_count values from `arena`. */
BL_MUST_USE bl_result bl_flow_facts(const struct bl_policy *policy,
                                    const struct bl_fact_source *source, struct bl_arena *arena,
                                    const struct bl_value **out);

/* Digest of the session value that `policy` finds in the request; false if it has none.
 * SipHash-2-4-128 under `key` of (tenant, policy id, type, value): 1 and "1" differ. */
bool bl_flow_session(const struct bl_policy *policy, const struct bl_request *request,
                     struct bl_str tenant_id, const uint8_t key[16], uint64_t out[2]);

#endif
