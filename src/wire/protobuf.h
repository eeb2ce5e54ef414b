/*
 * Protobuf beside JSON: each message of proto/ is turned into the JSON that its operation takes, and
 * each reply into its message, field by field by their names. So one handler, one set of limits and
 * one set of errors serve both.
 *
 *   string                   a JSON string
 *   bytes                    the JSON that they are; other bytes a string, base64 where it is no text
 *   map<string, string>      an object; values that are JSON objects or lists are those
 *   numbers, bool            themselves; absent where the message has none, or 0
 *   repeated, message        lists and objects
 * and back: a string field takes the JSON of what is no string.
 *
 * Unknown fields are passed over. A field that stands twice without being repeated, a text that is not
 * UTF-8 or holds a NUL is refused: two readers might see two messages.
 */
#ifndef BL_WIRE_PROTOBUF_H
#define BL_WIRE_PROTOBUF_H

#include "base/arena.h"
#include "base/buf.h"
#include "flow/request.h"
#include "wire/message.h"

/* symbol, message of package beamline.flow.v1 in protobuf-c's spelling */
#define BL_PROTO_MAP(X)                                                                            \
    X(ROUTE_REQUEST, route_request)                                                                \
    X(ROUTE_DECISION, route_decision)                                                              \
    X(GET_DECISION_REQUEST, get_decision_request)                                                  \
    X(GET_DECISION_RESPONSE, get_decision_response)                                                \
    X(UPSERT_POLICY_REQUEST, upsert_policy_request)                                                \
    X(UPSERT_POLICY_RESPONSE, upsert_policy_response)                                              \
    X(DELETE_POLICY_REQUEST, delete_policy_request)                                                \
    X(DELETE_POLICY_RESPONSE, delete_policy_response)                                              \
    X(GET_POLICY_REQUEST, get_policy_request)                                                      \
    X(ADMIN_POLICY, admin_policy)                                                                  \
    X(GET_POLICY_RESPONSE, get_policy_response)                                                    \
    X(LIST_POLICIES_REQUEST, list_policies_request)                                                \
    X(LIST_POLICIES_RESPONSE, list_policies_response)                                              \
    X(EXTENSION_HEALTH_REQUEST, get_extension_health_request)                                      \
    X(EXTENSION_HEALTH_RESPONSE, get_extension_health_response)                                    \
    X(CIRCUIT_BREAKERS_REQUEST, get_circuit_breaker_states_request)                                \
    X(CIRCUIT_BREAKERS_RESPONSE, get_circuit_breaker_states_response)                              \
    X(DRY_RUN_REQUEST, dry_run_pipeline_request)                                                   \
    X(DRY_RUN_RESPONSE, dry_run_pipeline_response)                                                 \
    X(COMPLEXITY_REQUEST, get_pipeline_complexity_request)                                         \
    X(COMPLEXITY_RESPONSE, get_pipeline_complexity_response)

enum bl_proto {
#define X(symbol, name) BL_PROTO_##symbol,
    BL_PROTO_MAP(X)
#undef X
        BL_PROTO_COUNT
};

#define BL_PROTO_DECISION_ERROR 30 /* RouteDecision.error */

/* Sets the codecs of a message that came over a binding without content types of its own: by its
 * content-type header where it has one, else by its bytes. A line feed is white space of JSON and the
 * first byte of a RouteRequest; where both could be meant, what parses as JSON is JSON. `arena` is
 * scratch. */
void bl_proto_detect(struct bl_message *message, struct bl_arena *arena);

/* The JSON of a message, in the arena; members of `message` that requests in JSON have at their top
 * (tenant_id, trace_id) are put there. Errors, with `refusal` filled: INVALID_REQUEST naming the
 * field; RESOURCE_EXHAUSTED when the arena is full. */
BL_MUST_USE bl_result bl_proto_to_json(enum bl_proto type, struct bl_str message,
                                       struct bl_arena *arena, struct bl_str *json,
                                       struct bl_refusal *refusal);

/* Appends the message whose fields stand in `places`, objects that are looked into in turn. A field
 * that stands nowhere is left out. `buf` overflows if there is no room. */
void bl_proto_from_json(enum bl_proto type, const struct bl_json *places, size_t place_count,
                        struct bl_buf *buf);

/* google.rpc.Status with ErrorInfo (reason: the code of the error table) and, where there is a time to
 * wait, RetryInfo: what gRPC carries in grpc-status-details-bin. */
void bl_wire_encode_grpc_status(const struct bl_refusal *refusal, struct bl_buf *buf);

/* The descriptors of all files in proto/, a serialized FileDescriptorSet. Static. */
struct bl_str bl_proto_descriptors(void);

#endif
