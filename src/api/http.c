#include "api/http.h"

#include "json/writer.h"

static const struct {
    const char *method;
    const char *path;
    enum bl_operation operation;
} routes[] = {
    {"POST", "/api/v1/routes/decide", BL_OPERATION_DECIDE},
    {"POST", "/api/v1/messages", BL_OPERATION_DECIDE},
};

static void refuse(struct bl_buf *reply, struct bl_http_response *response, unsigned status,
                   const char *code, const char *message) {
    struct bl_json_writer writer;

    bl_buf_reset(reply);
    bl_json_writer_init(&writer, reply);
    bl_json_write_object_begin(&writer);
    bl_json_write_key(&writer, BL_STR("ok"));
    bl_json_write_bool(&writer, false);
    bl_json_write_key(&writer, BL_STR("error"));
    bl_json_write_object_begin(&writer);
    bl_json_write_member(&writer, BL_STR("code"), bl_str_from_c(code));
    bl_json_write_member(&writer, BL_STR("message"), bl_str_from_c(message));
    bl_json_write_object_end(&writer);
    bl_json_write_object_end(&writer);
    response->status = status;
    response->body = bl_buf_view(reply);
}

bool bl_api_http_route(const struct bl_http_request *request, enum bl_operation *operation,
                       struct bl_buf *reply, struct bl_http_response *response) {
    const char *allowed = NULL;

    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (!bl_str_equal_c(request->path, routes[i].path)) {
            continue;
        }
        if (bl_str_equal_c(request->method, routes[i].method)) {
            *operation = routes[i].operation;
            return true;
        }
        allowed = routes[i].method;
    }
    if (allowed != NULL) {
        response->allow = allowed;
        refuse(reply, response, 405, "invalid_request", "this path takes another method");
    } else {
        refuse(reply, response, 404, "invalid_request",
               "there is no such path; POST /api/v1/routes/decide asks for a decision");
    }
    return false;
}

void bl_api_http_finish(const struct bl_api_report *report, const struct bl_buf *reply,
                        struct bl_http_response *response) {
    response->status =
        report->error == BL_E_NONE ? 200 : (unsigned)bl_error_info(report->error)->http_status;
    response->retry_after_s = (report->retry_after_ms + 999) / 1000;
    response->body = bl_buf_view(reply);
}

void bl_api_http_trace(const struct bl_http_request *request, const struct bl_api_report *report,
                       char storage[BL_TRACEPARENT_BYTES], struct bl_http_response *response) {
    struct bl_trace_context context = bl_trace_context_read(&request->headers);

    if (bl_str_is_present(context.trace_id)) {
        bl_trace_context_write(&context, report->span_id, storage);
        response->headers[response->header_count++] =
            (struct bl_http_header){BL_STR("traceparent"), {storage, BL_TRACEPARENT_BYTES}};
    }
}
