/*
 * Decoding a decide request: every v1 JSON dialect into one canonical form.
 *
 *   canonical  {request_id, tenant_id, task{type, payload | payload_ref}, …}
 *   gateway    {request_id, tenant_id, message{message_id?, message_type?, payload?, metadata?}, context?}
 *   flat       {message_id, tenant_id, message_type, payload}
 *   contract   {request_id, tenant_id, message{type, payload}}
 *   bridge     {message_id, tenant_id, policy_id, input{type?, op?, …}}
 *
 * `task` wins over `message`, `message` over the flat keys, those over `input`.
 */
#ifndef BL_WIRE_DECIDE_REQUEST_H
#define BL_WIRE_DECIDE_REQUEST_H

#include "base/arena.h"
#include "flow/request.h"
#include "wire/message.h"

/* What the request asks for: the bridge form can also ask for a stored decision or a cancel. */
enum bl_wire_operation { BL_WIRE_DECIDE, BL_WIRE_GET_DECISION, BL_WIRE_CANCEL };

struct bl_decide_request {
    struct bl_request request;
    enum bl_wire_operation operation;
    struct bl_str header_tenant; /* as named by a header; absent = none */
    struct bl_json_doc doc;
};

/*
 * Decodes `message` into `out`. `generated_id` (kept by the caller until the reply has left) is
 * used as request id if no place names one. Even on an error request_id, trace_id and dialect of
 * `out` are set as far as they can be read, so that the refusal can be matched.
 * Errors, with `refusal` filled: INVALID_REQUEST with the intake code; RESOURCE_EXHAUSTED.
 */
BL_MUST_USE bl_result bl_wire_decode_decide(const struct bl_message *message,
                                            struct bl_str generated_id,
                                            const struct bl_json_limits *limits,
                                            struct bl_arena *arena, struct bl_decide_request *out,
                                            struct bl_refusal *refusal);

#endif
