#include "api/handler_private.h"
#include "wire/fields.h"
#include "wire/read.h"
#include "wire/trace_context.h"

/* A usable header value, else absent. */
static struct bl_str header_id(const struct bl_message *message, const char *name,
                               size_t max_bytes) {
    struct bl_str id = bl_headers_get(&message->headers, name);

    return bl_str_is_blank(id) || id.len > max_bytes ? BL_STR_ABSENT : id;
}

static struct bl_str first_of(struct bl_str a, struct bl_str b) {
    return bl_str_is_present(a) ? a : b;
}

bl_result bl_api_read_body(struct bl_api_exchange *exchange, struct bl_json *body) {
    struct bl_message nothing = *exchange->message;
    const struct bl_message *message =
        bl_str_is_blank(exchange->message->data) ? &nothing : exchange->message;
    struct bl_api *api = exchange->api;

    nothing.data = BL_STR("{}");
    struct bl_decide_request *decoded = &api->work.decoded;
    struct bl_request *request = &decoded->request;

    bl_result result = bl_wire_read(message, exchange->generated_id, &api->limits, api->arena,
                                    &decoded->doc, request, &api->work.refusal);
    if (bl_is_error(result)) {
        request->dialect = BL_DIALECT_GATEWAY;
        return result;
    }
    *body = bl_json_root(&decoded->doc);
    bl_request_init(request);
    request->dialect = BL_DIALECT_GATEWAY;
    request->request_id = bl_wire_peek_id(bl_json_get(*body, BL_STR("request_id")), BL_WIRE_ID_MAX);
    request->request_id =
        first_of(request->request_id, first_of(header_id(message, "X-Request-ID", BL_WIRE_ID_MAX),
                                               exchange->generated_id));
    request->trace_id =
        bl_wire_trace_id(&message->headers, bl_wire_peek_id(bl_json_get(*body, BL_STR("trace_id")),
                                                            BL_WIRE_TRACE_ID_MAX));
    return BL_OK;
}
