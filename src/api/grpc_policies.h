/*
 * The methods of RouterAdmin that change and show policies, as the requests over HTTP that they stand
 * for: the same handlers answer them. What HTTP says in path, query and If-Match, a message says in its
 * fields.
 */
#ifndef BL_API_GRPC_POLICIES_H
#define BL_API_GRPC_POLICIES_H

#include "api/grpc.h"

/* One request; what `call` and `message` point to. */
struct bl_api_grpc_policy {
    struct bl_api_call call;   /* for bl_api.call */
    struct bl_message message; /* for bl_api_handle */
    struct bl_operation_match match;
    struct bl_headers metadata;
    char query[1024];
    char if_match[24];
    bool creates;
};

/* Whether the call's operation is one of these; then `out` is what bl_api_handle takes. Views into the
 * call. */
bool bl_api_grpc_policy_read(const struct bl_api_grpc_call *call,
                             const struct bl_http_request *request, struct bl_api_grpc_policy *out);

#endif
