/*
 * Operations over HTTP: which one a request asks for, and which status and headers its reply has.
 * The handlers are those of every other binding (api/handler.h).
 */
#ifndef BL_API_HTTP_H
#define BL_API_HTTP_H

#include "api/handler.h"
#include "net/http.h"
#include "wire/trace_context.h"

/* Which listener a request came in by. */
enum bl_api_door {
    BL_DOOR_TENANTS,   /* http.listen: decisions */
    BL_DOOR_OPERATORS, /* http.ops_listen, on this machine: administration */
    BL_DOOR_OUTSIDE    /* http.ops_listen, where others reach it: no administration */
};

/* Finds the operation that a request asks for, and checks size and type of its body. False: `response`
 * is filled with the answer (404, 403, 405, 413, 415, or 200 to OPTIONS), which stands in `reply`. */
bool bl_api_http_route(const struct bl_http_request *request, enum bl_api_door door,
                       struct bl_operation_match *match, struct bl_buf *reply,
                       struct bl_http_response *response);

/* Status and headers for a reply that bl_api_handle has written. */
void bl_api_http_finish(const struct bl_api_report *report, const struct bl_buf *reply,
                        struct bl_http_response *response);

/* Adds the header traceparent to a reply whose request had one; it stands in `storage`. */
void bl_api_http_trace(const struct bl_http_request *request, const struct bl_api_report *report,
                       char storage[BL_TRACEPARENT_BYTES], struct bl_http_response *response);

#endif
