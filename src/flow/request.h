/*
 * A request in its canonical form, whatever dialect it came in.
 *
 * All strings are views into the received message, and values point into its JSON document; both
 * live until the reply has left. Absent means absent: nothing is filled in with an empty text.
 */
#ifndef BL_FLOW_REQUEST_H
#define BL_FLOW_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/money.h"
#include "base/result.h"
#include "base/str.h"
#include "json/json.h"

/* The shapes of a decide request. What differs afterwards is only how errors are written. */
enum bl_dialect {
    BL_DIALECT_CANONICAL, /* task{type, payload | payload_ref} */
    BL_DIALECT_GATEWAY,   /* message{message_id, message_type, payload, metadata}, context{} */
    BL_DIALECT_FLAT,      /* message_id, message_type, payload at the top */
    BL_DIALECT_CONTRACT,  /* message{type, payload} */
    BL_DIALECT_BRIDGE,    /* input{type, op, …} */
    BL_DIALECT_COUNT
};
const char *bl_dialect_name(enum bl_dialect dialect); /* metric label */

/* More exact than the error code, for requests that did not get past intake. */
#define BL_INTAKE_MAP(X)                                                                           \
    X(SCHEMA_VALIDATION_FAILED)                                                                    \
    X(VERSION_UNSUPPORTED)                                                                         \
    X(CORRELATION_FIELDS_INVALID)                                                                  \
    X(TENANT_FORBIDDEN)                                                                            \
    X(IDEMPOTENCY_VIOLATION)                                                                       \
    X(PAYLOAD_TOO_SMALL)                                                                           \
    X(PAYLOAD_TOO_LARGE)                                                                           \
    X(INTERNAL_VALIDATION_ERROR)

enum bl_intake_code {
    BL_INTAKE_NONE = 0,
#define X(symbol) BL_INTAKE_##symbol,
    BL_INTAKE_MAP(X)
#undef X
        BL_INTAKE_COUNT
};
const char *
bl_intake_code_text(enum bl_intake_code code); /* "SCHEMA_VALIDATION_FAILED"; NONE → NULL */

struct bl_request {
    enum bl_dialect dialect;
    struct bl_str request_id; /* always present after decoding: taken, or generated */
    struct bl_str trace_id;
    struct bl_str message_id;
    struct bl_str tenant_id; /* as the body names it */
    struct bl_str policy_id; /* chosen by the request; absent = "default" */
    struct bl_str idempotency_key;
    struct bl_str run_id, flow_id, step_id;
    struct bl_str assignment_subject, notify_subject;
    struct bl_str api_key;
    struct bl_str user_id; /* header x-user-id, else context.user_id */

    struct bl_str task_type;   /* "unknown" if the dialect allows its absence */
    struct bl_str payload_ref; /* absent if the payload is in the message */
    struct bl_json payload;
    struct bl_json task; /* the object that holds it: task, message or input; may be absent */

    struct bl_json metadata;
    struct bl_json message_metadata;
    struct bl_json context;
    struct bl_json constraints;
    struct bl_json options;
    int64_t max_latency_ms; /* -1 = none */
    int64_t max_cost_nano;  /* BL_MONEY_UNKNOWN = none */

    bool flat_reply; /* HTTP: what matters of the decision also stands at the top of the reply */
    bool push_assignment;
    bool explain;
    bool dry_run;
};

/* A request that was refused: which error, and what to tell. */
struct bl_refusal {
    enum bl_error error;
    enum bl_intake_code intake_code;
    int64_t retry_after_ms; /* 0 = not given */
    struct bl_diag diag;
};

/* A request that asks for nothing yet: all absent, no constraint, task type "unknown". */
void bl_request_init(struct bl_request *request);

/* Begins a refusal: sets its codes, clears the rest, and returns its diagnostic for filling in. */
struct bl_diag *bl_refusal_begin(struct bl_refusal *refusal, enum bl_error error,
                                 enum bl_intake_code intake_code);

#endif
