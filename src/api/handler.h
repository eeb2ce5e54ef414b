/*
 * Operations: one handler each, whatever way the request came in.
 *
 * A binding (NATS subject, HTTP path, gRPC method) finds the operation in the table and
 * calls its handler with the message; the handler always writes exactly one reply. bl_api_handle
 * is the whole path from request bytes to reply bytes.
 */
#ifndef BL_API_HANDLER_H
#define BL_API_HANDLER_H

#include <stdbool.h>
#include <stdint.h>

#include "api/operation.h"
#include "base/arena.h"
#include "base/buf.h"
#include "flow/decide.h"
#include "flow/life.h"
#include "flow/tenant.h"
#include "json/json.h"
#include "wire/decide_reply.h"
#include "wire/decide_request.h"
#include "wire/message.h"
#include "wire/protobuf.h"

struct bl_policy_admin;

/* What an HTTP request says besides its body and headers. */
struct bl_api_call {
    const struct bl_operation_match *match;
    struct bl_str method;
    struct bl_str query; /* as it was sent; absent = none */
};

/* What one worker handles requests with. Not shared between threads. Everything but `work` is set
 * by its owner. */
struct bl_api {
    struct bl_flow flow;
    struct bl_tenant_rule tenants;
    bool anonymous_reads; /* the four read operations answer without a credential */
    struct bl_json_limits limits;
    bool flat_replies;      /* see struct bl_request */
    size_t reply_max_bytes; /* what the way back takes; 0 = no less than BL_WIRE_REPLY_MAX_BYTES */
    struct bl_arena *arena; /* reset by bl_api_handle at its start */
    const struct bl_api_call *call;       /* set for requests over HTTP, else NULL */
    const struct bl_str *notify_subjects; /* that requests may name */
    size_t notify_subject_count;
    const struct bl_policy_admin *policies; /* api/policy_admin.h; NULL = none is done here */

    /* The request under way; what a report points to. */
    struct bl_api_work {
        struct bl_decide_request decoded;
        struct bl_outcome outcome;
        struct bl_refusal refusal;
        struct bl_life life;   /* see struct bl_api_report */
        char generated_id[32]; /* hexadecimal digits of the admission id */
        char message[BL_WIRE_REFUSAL_TEXT_MAX + 1];
        char etag[48];
        char location[600];
    } work;
};

/* What happened, for metrics and logs. Views live until the next request. */
struct bl_api_report {
    enum bl_error error;
    enum bl_intake_code intake_code;
    enum bl_dialect dialect;
    struct bl_str request_id;
    struct bl_str trace_id;
    uint8_t span_id[8];      /* of what was done here, for W3C Trace Context; random */
    struct bl_str tenant_id; /* only once it is believed */
    const struct bl_policy *policy;
    const struct bl_decision *decision; /* NULL if there was none */
    bool reply_was_too_large;           /* for reply_max_bytes: `error` is what was said instead */
    int64_t retry_after_ms;             /* 0 = not given */
    const char *message;                /* of the error, with place and cure; NULL if none */
    struct bl_str etag;                 /* with its quotes; absent = none */
    struct bl_str location;             /* of what was created; absent = nothing was */
    struct bl_str content_type;         /* absent = application/json */

    /* What has to be done before the reply may leave, else NULL. Then the owner does it, and calls
     * bl_api_conclude when it is done or has failed.
     *   push: this life begins; the reply that was written is for when its intent is stored.
     *   find: a record is read: by tenant and request_id or message_id, or by the admission id that
     *         stands, as text, in `decision`. */
    const struct bl_life *push, *find;
};

/* Handles one message; `reply` (reset first; BL_WIRE_REPLY_MAX_BYTES of room at least) holds
 * exactly one JSON reply afterwards, whatever the message was. A reply that the way back does not
 * take becomes a refusal with resource_exhausted. `subject_tenant` is the tenant of a
 * tenant-scoped subject, absent on shared ones. */
void bl_api_handle(struct bl_api *api, enum bl_operation operation,
                   const struct bl_message *message, struct bl_str subject_tenant,
                   const struct bl_flow_moment *moment, struct bl_buf *reply,
                   struct bl_api_report *report);

/*
 * The reply of a request whose later work is done. `request` is what it said, as far as replies need
 * it (ids and dialect); `tenant_id` the one that is believed. `result` and `diag`: how the work went.
 * `outcome` is the reply that was written before, for a push, or the record that was found; absent:
 * there is none.
 */
void bl_api_conclude(struct bl_api *api, enum bl_operation operation,
                     const struct bl_request *request, struct bl_str tenant_id,
                     enum bl_codec reply_codec, bl_result result, const struct bl_diag *diag,
                     struct bl_str outcome, struct bl_buf *reply, struct bl_api_report *report);

/* The refusal of a request that is not processed at all (overload, shutting down): reads only as
 * much of the message as is needed to match the reply. */
void bl_api_refuse(enum bl_operation operation, const struct bl_message *message,
                   enum bl_error error, int64_t retry_after_ms, struct bl_buf *reply);

#endif
