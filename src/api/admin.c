/* The four read operations of the admin subjects, in the shapes that the gateway passes on. Over HTTP
 * the path names tenant and policy. */
#include "api/administration.h"
#include "policy/compile.h"
#include "wire/decide_reply.h"
#include "wire/fields.h"

bl_result bl_api_begin_read(struct bl_api_exchange *exchange, struct bl_json *body) {
    struct bl_api *api = exchange->api;

    if (api->call != NULL) { /* who may reach this listener may read */
        *body = BL_JSON_NOTHING;
        return bl_api_begin_administration(exchange);
    }
    BL_TRY(bl_api_read_body(exchange, body));
    if (api->anonymous_reads) {
        return BL_OK;
    }
    struct bl_diag *diag = bl_refusal_begin(&api->work.refusal, BL_E_UNAUTHORIZED, BL_INTAKE_NONE);
    bl_diag_message(diag, "this operation is not open to anonymous callers");
    bl_diag_hint(diag, "admin.nats_anonymous_reads opens the read operations");
    return BL_FAIL(UNAUTHORIZED);
}

static bl_result write_empty(struct bl_api_exchange *exchange, struct bl_str key) {
    struct bl_json_writer writer;
    struct bl_json body;

    BL_TRY(bl_api_begin_read(exchange, &body));
    bl_json_writer_init(&writer, exchange->reply);
    bl_json_write_object_begin(&writer);
    bl_json_write_key(&writer, key);
    bl_json_write_object_begin(&writer);
    bl_json_write_object_end(&writer);
    bl_json_write_object_end(&writer);
    return BL_OK;
}

/* No extension is registered in this router, so none has a health or a breaker. */
bl_result bl_api_extension_health(struct bl_api_exchange *exchange) {
    return write_empty(exchange, BL_STR("health"));
}

bl_result bl_api_circuit_breakers(struct bl_api_exchange *exchange) {
    return write_empty(exchange, BL_STR("states"));
}

static bl_result read_id(struct bl_refusal *refusal, struct bl_json body, const char *key,
                         struct bl_str *out) {
    struct bl_diag *diag;

    BL_TRY(bl_wire_string(refusal, bl_json_get(body, bl_str_from_c(key)), key, out));
    if (!bl_str_is_blank(*out) && bl_policy_id_is_valid(*out)) {
        return BL_OK;
    }
    diag = bl_refusal_begin(refusal, BL_E_INVALID_REQUEST, BL_INTAKE_CORRELATION_FIELDS_INVALID);
    bl_diag_path(diag, "%s", key);
    bl_diag_message(diag, bl_str_is_blank(*out)
                              ? "is missing"
                              : "must be 1 to 255 bytes of [A-Za-z0-9_.:-], not \".\" or \"..\"");
    return BL_FAIL(INVALID_REQUEST);
}

bl_result bl_api_read_names(struct bl_api_exchange *exchange, struct bl_json body) {
    struct bl_request *request = &exchange->api->work.decoded.request;
    struct bl_refusal *refusal = &exchange->api->work.refusal;

    if (exchange->api->call != NULL) {
        request->tenant_id = exchange->tenant_id;
        request->policy_id = exchange->policy_id;
        return BL_OK;
    }
    BL_TRY(read_id(refusal, body, "tenant_id", &request->tenant_id));
    exchange->tenant_id = request->tenant_id;
    return read_id(refusal, body, "policy_id", &request->policy_id);
}

/* `payload` is the message as a caller would send it: its type, payload and metadata count. */
static bl_result read_payload(struct bl_request *request, struct bl_refusal *refusal,
                              struct bl_json body, struct bl_json *payload) {
    *payload = bl_wire_member(body, BL_STR("payload"));
    if (bl_json_is(*payload, BL_JSON_ABSENT)) {
        struct bl_diag *diag =
            bl_refusal_begin(refusal, BL_E_INVALID_REQUEST, BL_INTAKE_SCHEMA_VALIDATION_FAILED);
        bl_diag_path(diag, "payload");
        bl_diag_message(diag, "is missing");
        return BL_FAIL(INVALID_REQUEST);
    }
    BL_TRY(bl_wire_object(refusal, *payload, "payload", &request->task));
    struct bl_json inner = bl_wire_member(*payload, BL_STR("payload"));
    request->payload = bl_json_is(inner, BL_JSON_ABSENT) ? *payload : inner;
    BL_TRY(bl_wire_string(refusal, bl_json_get(*payload, BL_STR("message_type")),
                          "payload.message_type", &request->task_type));
    BL_TRY(bl_wire_metadata(refusal, bl_json_get(*payload, BL_STR("metadata")), "payload.metadata",
                            &request->metadata));
    return bl_wire_object(refusal, bl_json_get(body, BL_STR("context")), "context",
                          &request->context);
}

static void write_result(const struct bl_outcome *outcome, struct bl_json payload,
                         struct bl_json_writer *writer) {
    const struct bl_decision *decision = &outcome->decision;
    struct bl_str text = bl_json_source(payload);

    bl_json_write_object_begin(writer);
    bl_json_write_key(writer, BL_STR("decision"));
    bl_json_write_object_begin(writer);
    bl_json_write_member(writer, BL_STR("provider_id"),
                         outcome->policy->providers[decision->provider].id);
    bl_json_write_member(writer, BL_STR("reason"), bl_str_from_c(bl_reason_word(decision->reason)));
    bl_json_write_key(writer, BL_STR("priority"));
    bl_json_write_int64(writer, bl_reason_priority(decision->reason));
    bl_json_write_object_end(writer);
    bl_json_write_key(writer, BL_STR("executed_extensions"));
    bl_wire_write_steps(outcome, writer);
    if (writer->buf->len + text.len + 100 <= BL_WIRE_REPLY_MAX_BYTES) {
        bl_json_write_key(writer, BL_STR("final_payload"));
        bl_json_write_raw(writer, text);
    } else {
        bl_json_write_key(writer, BL_STR("truncated"));
        bl_json_write_bool(writer, true);
    }
    bl_json_write_object_end(writer);
}

bl_result bl_api_dry_run(struct bl_api_exchange *exchange) {
    struct bl_api *api = exchange->api;
    struct bl_request *request = &api->work.decoded.request;
    struct bl_json_writer writer;
    struct bl_json body, payload;

    BL_TRY(bl_api_begin_read(exchange, &body));
    BL_TRY(bl_api_read_names(exchange, body));
    BL_TRY(read_payload(request, &api->work.refusal, body, &payload));
    request->dry_run = true;
    exchange->outcome = &api->work.outcome;
    BL_TRY(bl_flow_decide(&api->flow, request, exchange->tenant_id, exchange->moment, api->arena,
                          &api->work.outcome, &api->work.refusal));
    bl_json_writer_init(&writer, exchange->reply);
    bl_json_write_object_begin(&writer);
    bl_json_write_key(&writer, BL_STR("ok"));
    bl_json_write_bool(&writer, true);
    bl_json_write_key(&writer, BL_STR("result"));
    write_result(exchange->outcome, payload, &writer);
    bl_json_write_object_end(&writer);
    return BL_OK;
}
