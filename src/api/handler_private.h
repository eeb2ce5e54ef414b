/* One exchange as the handlers of this folder see it. Private to this folder. */
#ifndef BL_API_HANDLER_PRIVATE_H
#define BL_API_HANDLER_PRIVATE_H

#include "api/handler.h"

struct bl_api_exchange {
    struct bl_api *api;
    const struct bl_message *message; /* JSON, whatever came */
    struct bl_str encoded;            /* what came */
    struct bl_str subject_tenant;
    struct bl_str generated_id;
    const struct bl_flow_moment *moment;
    struct bl_buf *reply;
    struct bl_str tenant_id;           /* set once it is believed */
    const struct bl_outcome *outcome;  /* set once there is one */
    const struct bl_life *push, *find; /* see struct bl_api_report */
    const char *legacy_code;           /* for refusals of the admin subjects */

    /* Administration; all absent before bl_api_begin_administration. */
    struct bl_str policy_id;                    /* of the path */
    struct bl_str query[BL_QUERY_COUNT];        /* decoded; absent = not given */
    struct bl_findings *findings;               /* of the document compiled last; NULL = none was */
    struct bl_policy *compiled[2];              /* released when the reply is written */
    struct bl_str etag, location, content_type; /* see struct bl_api_report */
};

static inline size_t bl_api_reply_max_bytes(const struct bl_api *api) {
    return api->reply_max_bytes != 0 ? api->reply_max_bytes : BL_WIRE_REPLY_MAX_BYTES;
}

/* A handler either writes its reply or fails with api->work.refusal filled; then the refusal is
 * written for it. */
typedef bl_result bl_api_handler(struct bl_api_exchange *exchange);

bl_api_handler bl_api_decide;
bl_api_handler bl_api_get_decision;
/* Writes what is told of a record, {} being none, or refuses. */
BL_MUST_USE bl_result bl_api_write_found(struct bl_api_exchange *exchange, struct bl_str record);
bl_api_handler bl_api_extension_health;
bl_api_handler bl_api_circuit_breakers;
bl_api_handler bl_api_dry_run;
bl_api_handler bl_api_complexity;
bl_api_handler bl_api_openapi;
bl_api_handler bl_api_policy_list;
bl_api_handler bl_api_policy_get;
bl_api_handler bl_api_policy_put;
bl_api_handler bl_api_policy_delete;
bl_api_handler bl_api_policy_history;
bl_api_handler bl_api_policy_revision;
bl_api_handler bl_api_policy_diff;
bl_api_handler bl_api_policy_rollback;
bl_api_handler bl_api_policy_try;
bl_api_handler bl_api_policy_explain;
bl_api_handler bl_api_policy_lint;
bl_api_handler bl_api_policy_validate;
bl_api_handler bl_api_providers;
bl_api_handler bl_api_stats;

/* Turns a protobuf message into the JSON that the handlers take, in the arena; `decoded` is what the
 * exchange has as its message from then on. */
BL_MUST_USE bl_result bl_api_decode(struct bl_api_exchange *exchange, enum bl_operation operation,
                                    struct bl_message *decoded);
/* Turns the reply, or the refusal, into its protobuf message. */
void bl_api_encode(struct bl_api_exchange *exchange, enum bl_operation operation);

/* Decodes a body that is no decide request: sets the work's doc, and its request's id and trace id
 * from the body, from X-Request-ID, or generated. Errors are told in the gateway's form, the only
 * client of these subjects. An empty message counts as {}. */
BL_MUST_USE bl_result bl_api_read_body(struct bl_api_exchange *exchange, struct bl_json *body);

/* The same for a read operation, which is refused unless anonymous callers may read. */
BL_MUST_USE bl_result bl_api_begin_read(struct bl_api_exchange *exchange, struct bl_json *body);

/* Tenant and policy that the body names. Whoever may read may name any tenant. */
BL_MUST_USE bl_result bl_api_read_names(struct bl_api_exchange *exchange, struct bl_json body);

#endif
