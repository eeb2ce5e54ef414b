/*
 * Operations over HTTP: which one a path names, and which status a reply has. The handlers are those
 * of every other binding (api/handler.h).
 */
#ifndef BL_API_HTTP_H
#define BL_API_HTTP_H

#include "api/handler.h"
#include "net/http.h"
#include "wire/trace_context.h"

/* Finds the operation that a request asks for. False: `response` is filled with the refusal, 404 or
 * 405, whose body stands in `reply`. */
bool bl_api_http_route(const struct bl_http_request *request, enum bl_operation *operation,
                       struct bl_buf *reply, struct bl_http_response *response);

/* Status and headers for a reply that bl_api_handle has written. */
void bl_api_http_finish(const struct bl_api_report *report, const struct bl_buf *reply,
                        struct bl_http_response *response);

/* Adds the header traceparent to a reply whose request had one; it stands in `storage`. */
void bl_api_http_trace(const struct bl_http_request *request, const struct bl_api_report *report,
                       char storage[BL_TRACEPARENT_BYTES], struct bl_http_response *response);

#endif
