#include "api/http.h"

#include <string.h>
#include <strings.h>

#include "json/writer.h"

static void refuse(struct bl_buf *reply, struct bl_http_response *response, unsigned status,
                   const char *code, const char *message) {
    struct bl_json_writer writer;
    size_t from = reply->len;

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
    response->body = (struct bl_str){reply->data + from, reply->len - from};
}

static bool is_served(enum bl_caller caller, enum bl_api_door door) {
    return caller == BL_CALLER_ANYBODY || (caller == BL_CALLER_TENANT) == (door == BL_DOOR_TENANTS);
}

static void refuse_door(enum bl_api_door door, struct bl_buf *reply,
                        struct bl_http_response *response) {
    if (door == BL_DOOR_TENANTS) {
        refuse(reply, response, 403, "forbidden",
               "administration is not served here; ask where http.ops_listen listens");
    } else if (door == BL_DOOR_OUTSIDE) {
        refuse(reply, response, 403, "forbidden",
               "administration is served on this machine only, because no credential is asked "
               "for; add a loopback address or unix:/path to http.ops_listen");
    } else {
        refuse(reply, response, 404, "invalid_request",
               "decisions are not made here; ask where http.listen listens");
    }
}

/* The allowed methods stand before the body in `reply`: both live until the response is sent. */
static void tell_allowed(const struct bl_operation_match *match, struct bl_buf *reply,
                         struct bl_http_response *response) {
    response->allow = reply->data + reply->len;
    bl_buf_bytes(reply, match->allow, strlen(match->allow) + 1);
}

/* The media type without its parameters. */
static bool is_type(struct bl_str value, const char *type) {
    const char *end = value.len == 0 ? NULL : memchr(value.data, ';', value.len);
    size_t len = end == NULL ? value.len : (size_t)(end - value.data);
    struct bl_str name = bl_str_trim((struct bl_str){value.data, len});

    return name.len == strlen(type) && strncasecmp(name.data, type, name.len) == 0;
}

static bool is_yaml(struct bl_str value) {
    static const char *const types[] = {"application/yaml", "application/x-yaml", "text/yaml",
                                        "text/x-yaml"};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (is_type(value, types[i])) {
            return true;
        }
    }
    return false;
}

/* Only what no form of a foreign page can send, and what its author says it is. */
static bool check_body(const struct bl_http_request *request, const struct bl_operation_info *info,
                       struct bl_buf *reply, struct bl_http_response *response) {
    struct bl_str type = bl_headers_get(&request->headers, "content-type");
    bool has_body = info->body != BL_BODY_NONE && !bl_str_equal_c(request->method, "GET") &&
                    !bl_str_equal_c(request->method, "HEAD");

    if (info->caller == BL_CALLER_TENANT) {
        return true; /* older clients send any type */
    }
    if (!has_body) {
        if (request->body.len > 0) {
            refuse(reply, response, 400, "invalid_request", "this request takes no body");
        }
        return request->body.len == 0;
    }
    if (request->body.len > info->max_body_bytes) {
        refuse(reply, response, 413, "invalid_request", "the body is too large");
        return false;
    }
    if (is_type(type, "application/json") || (info->body == BL_BODY_POLICY && is_yaml(type))) {
        return true;
    }
    refuse(reply, response, 415, "invalid_request",
           info->body == BL_BODY_POLICY
               ? "say what the body is: Content-Type: application/yaml or application/json"
               : "say what the body is: Content-Type: application/json");
    return false;
}

bool bl_api_http_route(const struct bl_http_request *request, enum bl_api_door door,
                       struct bl_operation_match *match, struct bl_buf *reply,
                       struct bl_http_response *response) {
    enum bl_operation_found found = bl_operation_match(request->method, request->path, match);

    bl_buf_reset(reply);
    if (found == BL_MATCH_NOTHING) {
        refuse(reply, response, 404, "invalid_request",
               door == BL_DOOR_TENANTS
                   ? "there is no such path; POST /api/v1/routes/decide asks for a decision, GET "
                     "/api/v1/openapi.json for all there is"
                   : "there is no such path; GET /live, /ready, /health, /metrics or "
                     "/api/v1/openapi.json");
        return false;
    }
    if (found == BL_MATCH_MALFORMED) {
        refuse(reply, response, 400, "invalid_request",
               "the path holds an empty segment, a dot segment or a broken escape");
        return false;
    }
    const struct bl_operation_info *info = bl_operation_info(match->operation);
    if (!is_served(info->caller, door) ||
        (door == BL_DOOR_OUTSIDE && info->caller != BL_CALLER_ANYBODY)) {
        refuse_door(door, reply, response);
        return false;
    }
    if (found == BL_MATCH_FOUND) {
        return check_body(request, info, reply, response);
    }
    tell_allowed(match, reply, response);
    if (found == BL_MATCH_OTHER_METHOD) {
        refuse(reply, response, 405, "invalid_request", "this path takes another method");
    }
    return false;
}

void bl_api_http_finish(const struct bl_api_report *report, const struct bl_buf *reply,
                        struct bl_http_response *response) {
    bool created = bl_str_is_present(report->location);

    response->status = report->error != BL_E_NONE
                           ? (unsigned)bl_error_info(report->error)->http_status
                       : created ? 201
                                 : 200;
    response->retry_after_s = (report->retry_after_ms + 999) / 1000;
    response->body = bl_buf_view(reply);
    response->etag = report->etag;
    response->location = report->location;
    if (bl_str_is_present(report->content_type)) {
        response->content_type = report->content_type;
    }
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
