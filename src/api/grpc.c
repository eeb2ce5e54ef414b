#include "api/grpc.h"

#include <string.h>

#include "wire/protobuf.h"

bool bl_api_is_grpc(const struct bl_http_request *request) {
    return bl_grpc_is_spoken(bl_headers_get(&request->headers, "content-type"));
}

/* --- statuses -------------------------------------------------------------------------------- */

static void add_trailer(struct bl_http_response *response, const char *name, struct bl_str value) {
    response->trailers[response->trailer_count++] =
        (struct bl_http_header){bl_str_from_c(name), value};
}

static void add_status(struct bl_api_grpc_call *call, unsigned status,
                       struct bl_http_response *response) {
    struct bl_buf digits;

    bl_buf_init(&digits, call->status, sizeof(call->status));
    bl_buf_u64(&digits, status);
    add_trailer(response, "grpc-status", bl_buf_view(&digits));
}

static void add_text(struct bl_api_grpc_call *call, const char *text,
                     struct bl_http_response *response) {
    struct bl_buf encoded;

    bl_buf_init(&encoded, call->text, sizeof(call->text));
    bl_grpc_write_message(bl_str_from_c(text), &encoded);
    add_trailer(response, "grpc-message", bl_buf_view(&encoded));
}

static void begin(struct bl_http_response *response) {
    *response =
        (struct bl_http_response){.status = 200, .content_type = BL_STR("application/grpc")};
}

void bl_api_grpc_refuse(struct bl_api_grpc_call *call, unsigned status, const char *text,
                        struct bl_http_response *response) {
    begin(response);
    add_status(call, status, response);
    add_text(call, text, response);
}

void bl_api_grpc_finish(struct bl_api_grpc_call *call, const struct bl_api *api,
                        const struct bl_api_report *report, struct bl_str framed,
                        struct bl_http_response *response) {
    char storage[3 * 1024]; /* what fits into `details` as base64 */
    struct bl_buf status, details;

    begin(response);
    add_status(call, bl_error_info(report->error)->grpc_status, response);
    if (report->error == BL_E_NONE) {
        bl_grpc_write_prefix((uint8_t *)(uintptr_t)framed.data, framed.len - BL_GRPC_PREFIX_BYTES);
        response->body = framed;
        return;
    }
    add_text(call, report->message, response);
    bl_buf_init(&status, storage, sizeof(storage));
    bl_wire_encode_grpc_status(&api->work.refusal, &status);
    if (!status.overflowed) {
        bl_buf_init(&details, call->details, sizeof(call->details));
        bl_grpc_write_binary(bl_buf_view(&status), &details);
        add_trailer(response, "grpc-status-details-bin", bl_buf_view(&details));
    }
}

/* --- calls ----------------------------------------------------------------------------------- */

/* Tenants' methods are for everybody who reaches the listener; the others are administration. */
static bool find_operation(struct bl_str path, enum bl_api_door door,
                           enum bl_operation *operation) {
    if (path.len == 0 || path.data[0] != '/') {
        return false;
    }
    *operation = bl_operation_of_grpc((struct bl_str){path.data + 1, path.len - 1});
    return *operation != BL_OPERATION_COUNT &&
           (bl_operation_info(*operation)->caller == BL_CALLER_TENANT) == (door == BL_DOOR_TENANTS);
}

static bool read_deadline(const struct bl_http_request *request, struct bl_api_grpc_call *call) {
    struct bl_str value = bl_headers_get(&request->headers, "grpc-timeout");
    uint64_t timeout_ns;

    call->deadline_ns = UINT64_MAX;
    if (!bl_str_is_present(value)) {
        return true;
    }
    if (!bl_grpc_read_timeout(value, &timeout_ns)) {
        return false;
    }
    if (timeout_ns < UINT64_MAX - request->began_ns) {
        call->deadline_ns = request->began_ns + timeout_ns;
    }
    return true;
}

/* Unpacks the one message that the body holds. NULL, or what is wrong with it. */
static const char *read_message(const struct bl_http_request *request, uint32_t max_bytes,
                                struct bl_buf *unpacked, struct bl_api_grpc_call *call) {
    struct bl_str encoding = bl_headers_get(&request->headers, "grpc-encoding");
    bool is_compressed;
    size_t taken;

    switch (
        bl_grpc_read_message(request->body, max_bytes, &call->message, &is_compressed, &taken)) {
    case BL_GRPC_READ:
        break;
    case BL_GRPC_TOO_LARGE:
        return "the message is larger than intake.max_request_bytes allows";
    case BL_GRPC_INCOMPLETE:
        return request->body.len == 0 ? "the call carries no message"
                                      : "the message ends before its length";
    case BL_GRPC_MALFORMED:
        return "the message has no prefix of gRPC";
    }
    if (taken != request->body.len) {
        return "the call carries more than one message";
    }
    if (!is_compressed) {
        return NULL;
    }
    if (!bl_str_equal_c(encoding, "gzip")) {
        return "the message is compressed, and grpc-encoding does not say gzip";
    }
    bl_buf_reset(unpacked);
    if (!bl_grpc_gunzip(call->message, unpacked)) {
        return "the message is no gzip, or larger than intake.max_request_bytes allows";
    }
    call->message = bl_buf_view(unpacked);
    return NULL;
}

static bool is_known_encoding(struct bl_str encoding) {
    return !bl_str_is_present(encoding) || bl_str_equal_c(encoding, "identity") ||
           bl_str_equal_c(encoding, "gzip");
}

bool bl_api_grpc_read(const struct bl_http_request *request, enum bl_api_door door,
                      uint32_t max_bytes, struct bl_buf *unpacked, struct bl_api_grpc_call *call,
                      struct bl_http_response *response) {
    if (!request->is_http2 || !bl_str_equal_c(request->method, "POST")) {
        bl_api_grpc_refuse(call, BL_GRPC_UNIMPLEMENTED, "gRPC is POST over HTTP/2", response);
        return false;
    }
    if (!find_operation(request->path, door, &call->operation)) {
        bl_api_grpc_refuse(call, BL_GRPC_UNIMPLEMENTED,
                           "there is no such method here; reflection lists those that there are",
                           response);
        return false;
    }
    if (!is_known_encoding(bl_headers_get(&request->headers, "grpc-encoding"))) {
        bl_api_grpc_refuse(call, BL_GRPC_UNIMPLEMENTED, "only identity and gzip are spoken here",
                           response);
        response->headers[response->header_count++] =
            (struct bl_http_header){BL_STR("grpc-accept-encoding"), BL_STR("identity, gzip")};
        return false;
    }
    const char *problem = read_deadline(request, call)
                              ? read_message(request, max_bytes, unpacked, call)
                              : "grpc-timeout is no timeout: up to 8 digits and one of H M S m u n";
    if (problem != NULL) {
        bl_api_grpc_refuse(call, BL_GRPC_INVALID_ARGUMENT, problem, response);
    }
    return problem == NULL;
}
