#include <string.h>

#include "api/handler_private.h"
#include "wire/decide_reply.h"
#include "wire/fields.h"
#include "wire/request_headers.h"

static bl_result refuse_not_stored(struct bl_refusal *refusal) {
    struct bl_diag *diag = bl_refusal_begin(refusal, BL_E_DECISION_NOT_FOUND, BL_INTAKE_NONE);

    bl_diag_message(diag, "no decision is stored under this id");
    bl_diag_hint(diag, "plain decisions are answered once and not kept");
    return BL_FAIL(DECISION_NOT_FOUND);
}

static uint64_t nonce_of(const struct bl_flow_moment *moment) {
    uint64_t nonce;

    memcpy(&nonce, moment->admission_id, sizeof(nonce));
    return nonce;
}

bl_result bl_api_decide(struct bl_api_exchange *exchange) {
    struct bl_api *api = exchange->api;
    struct bl_decide_request *decoded = &api->work.decoded;
    struct bl_refusal *refusal = &api->work.refusal;

    BL_TRY(bl_wire_decode_decide(exchange->message, exchange->generated_id, &api->limits,
                                 api->arena, decoded, refusal));
    BL_TRY(bl_tenant_resolve(&api->tenants, exchange->subject_tenant, decoded->header_tenant,
                             decoded->request.tenant_id, &exchange->tenant_id, refusal));
    if (decoded->operation != BL_WIRE_DECIDE) {
        return refuse_not_stored(refusal);
    }
    decoded->request.flat_reply = api->flat_replies;
    exchange->outcome = &api->work.outcome;
    BL_TRY(bl_flow_decide(&api->flow, &decoded->request, exchange->tenant_id, exchange->moment,
                          api->arena, &api->work.outcome, refusal));
    bl_wire_encode_decision(&decoded->request, exchange->outcome, api->flow.key,
                            nonce_of(exchange->moment), bl_api_reply_max_bytes(api),
                            exchange->reply);
    return BL_OK;
}

bl_result bl_api_get_decision(struct bl_api_exchange *exchange) {
    static const char *const names[] = {"request_id", "message_id", "admission_id"};
    struct bl_api *api = exchange->api;
    struct bl_request *request = &api->work.decoded.request;
    struct bl_refusal *refusal = &api->work.refusal;
    struct bl_str asked = BL_STR_ABSENT;
    struct bl_str header_tenant = BL_STR_ABSENT;
    struct bl_json body;

    BL_TRY(bl_api_read_body(exchange, &body));
    BL_TRY(bl_wire_check_headers(&exchange->message->headers, refusal));
    BL_TRY(bl_wire_header_tenant(&exchange->message->headers, &header_tenant, refusal));
    for (size_t i = 0; i < 3; i++) {
        struct bl_str id = BL_STR_ABSENT;
        BL_TRY(bl_wire_id(refusal, bl_json_get(body, bl_str_from_c(names[i])), names[i],
                          BL_WIRE_ID_MAX, &id));
        asked = bl_str_is_present(asked) ? asked : id;
    }
    if (!bl_str_is_present(asked)) {
        struct bl_diag *diag =
            bl_refusal_begin(refusal, BL_E_INVALID_REQUEST, BL_INTAKE_CORRELATION_FIELDS_INVALID);
        bl_diag_message(diag, "no decision is named");
        bl_diag_hint(diag, "send message_id, request_id or admission_id");
        return BL_FAIL(INVALID_REQUEST);
    }
    request->request_id = asked;
    BL_TRY(bl_wire_string(refusal, bl_json_get(body, BL_STR("tenant_id")), "tenant_id",
                          &request->tenant_id));
    bool is_named = !bl_str_is_blank(request->tenant_id) || !bl_str_is_blank(header_tenant) ||
                    !bl_str_is_blank(exchange->subject_tenant);
    if (!is_named && api->anonymous_reads) {
        return refuse_not_stored(refusal);
    }
    BL_TRY(bl_tenant_resolve(&api->tenants, exchange->subject_tenant, header_tenant,
                             request->tenant_id, &exchange->tenant_id, refusal));
    return refuse_not_stored(refusal);
}
