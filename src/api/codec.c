/* Messages that are not JSON, on their way in and out of the handlers. */
#include <string.h>

#include "api/handler_private.h"
#include "wire/pb_field.h"
#include "wire/recover.h"

static const struct {
    enum bl_proto request, response;
} messages[BL_OPERATION_COUNT] = {
    [BL_OPERATION_DECIDE] = {BL_PROTO_ROUTE_REQUEST, BL_PROTO_ROUTE_DECISION},
    [BL_OPERATION_GET_DECISION] = {BL_PROTO_GET_DECISION_REQUEST, BL_PROTO_GET_DECISION_RESPONSE},
    [BL_OPERATION_EXTENSION_HEALTH] = {BL_PROTO_EXTENSION_HEALTH_REQUEST,
                                       BL_PROTO_EXTENSION_HEALTH_RESPONSE},
    [BL_OPERATION_CIRCUIT_BREAKERS] = {BL_PROTO_CIRCUIT_BREAKERS_REQUEST,
                                       BL_PROTO_CIRCUIT_BREAKERS_RESPONSE},
    [BL_OPERATION_DRY_RUN] = {BL_PROTO_DRY_RUN_REQUEST, BL_PROTO_DRY_RUN_RESPONSE},
    [BL_OPERATION_COMPLEXITY] = {BL_PROTO_COMPLEXITY_REQUEST, BL_PROTO_COMPLEXITY_RESPONSE},
    [BL_OPERATION_POLICY_LIST] = {BL_PROTO_LIST_POLICIES_REQUEST, BL_PROTO_LIST_POLICIES_RESPONSE},
    [BL_OPERATION_POLICY_GET] = {BL_PROTO_GET_POLICY_REQUEST, BL_PROTO_ADMIN_POLICY},
    [BL_OPERATION_POLICY_PUT] = {BL_PROTO_UPSERT_POLICY_REQUEST, BL_PROTO_UPSERT_POLICY_RESPONSE},
    [BL_OPERATION_POLICY_DELETE] = {BL_PROTO_DELETE_POLICY_REQUEST,
                                    BL_PROTO_DELETE_POLICY_RESPONSE},
};

bl_result bl_api_decode(struct bl_api_exchange *exchange, enum bl_operation operation,
                        struct bl_message *decoded) {
    struct bl_api *api = exchange->api;

    *decoded = *exchange->message;
    decoded->data = BL_STR("");
    exchange->message = decoded;
    bl_result result = bl_proto_to_json(messages[operation].request, exchange->encoded, api->arena,
                                        &decoded->data, &api->work.refusal);
    if (bl_is_error(result)) { /* the headers may tell what the reply is matched by */
        bl_wire_recover(decoded, exchange->generated_id, &api->work.decoded.request);
    }
    return result;
}

/* Documents of policies are larger than requests. */
static const struct bl_json_limits reply_limits = {8u << 20, 128, 512 * 1024};

/* The error alone: there is no memory for more. */
static void write_exhausted(struct bl_buf *reply) {
    const struct bl_error_info *info = bl_error_info(BL_E_RESOURCE_EXHAUSTED);

    bl_pb_write_bytes(reply, 1, bl_str_from_c(info->code));
    bl_pb_write_bytes(reply, 2, bl_str_from_c(info->text));
    bl_pb_wrap(reply, BL_PROTO_DECISION_ERROR, 0);
}

void bl_api_encode(struct bl_api_exchange *exchange, enum bl_operation operation) {
    enum bl_proto response = messages[operation].response;
    struct bl_api *api = exchange->api;
    struct bl_str text = bl_buf_view(exchange->reply);
    char *copy = bl_arena_alloc(api->arena, text.len);
    struct bl_json_doc doc;
    struct bl_diag diag;

    if (copy != NULL) {
        memcpy(copy, text.data, text.len);
        text.data = copy;
    }
    bool is_read =
        copy != NULL && bl_is_ok(bl_json_read(text, &reply_limits, api->arena, &doc, &diag));
    bl_buf_reset(exchange->reply);
    if (!is_read) {
        write_exhausted(exchange->reply);
        return;
    }
    struct bl_json root = bl_json_root(&doc);
    const struct bl_json places[] = {bl_json_get(root, BL_STR("decision")), root,
                                     bl_json_get(root, BL_STR("context"))};
    if (response == BL_PROTO_ROUTE_DECISION) {
        bl_proto_from_json(response, places, 3, exchange->reply);
    } else {
        bl_proto_from_json(response, &root, 1, exchange->reply);
    }
    if (operation == BL_OPERATION_POLICY_GET) { /* GetPolicyResponse{1: policy} */
        bl_pb_wrap(exchange->reply, 1, 0);
    }
}
