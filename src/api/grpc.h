/*
 * Operations over gRPC: which one a method names, its message, its deadline, and the status in the
 * trailers. The handlers are those of every other binding (api/handler.h): a protobuf message goes in
 * and comes out, what is refused is refused by the same code.
 */
#ifndef BL_API_GRPC_H
#define BL_API_GRPC_H

#include "api/handler.h"
#include "api/http.h"
#include "net/grpc.h"
#include "net/http.h"

/* One call. The texts of its trailers live here until it is answered. */
struct bl_api_grpc_call {
    enum bl_operation operation;
    struct bl_str message; /* unpacked, without its prefix */
    uint64_t deadline_ns;  /* monotonic; UINT64_MAX = none */
    char status[4];
    char text[3 * 1024];    /* grpc-message */
    char details[4 * 1024]; /* grpc-status-details-bin */
};

/* Whether the request speaks gRPC; then the functions below answer it. */
bool bl_api_is_grpc(const struct bl_http_request *request);

/* Reads a call. `unpacked` takes a message that came compressed. False: `response` is the refusal. */
bool bl_api_grpc_read(const struct bl_http_request *request, enum bl_api_door door,
                      uint32_t max_bytes, struct bl_buf *unpacked, struct bl_api_grpc_call *call,
                      struct bl_http_response *response);

/* Fills `response` for a reply that bl_api_handle has written behind BL_GRPC_PREFIX_BYTES of room, or
 * for its refusal. `framed` is that room with the reply. */
void bl_api_grpc_finish(struct bl_api_grpc_call *call, const struct bl_api *api,
                        const struct bl_api_report *report, struct bl_str framed,
                        struct bl_http_response *response);

/* A status without a message, for what no operation has seen. `text` is copied into the call. */
void bl_api_grpc_refuse(struct bl_api_grpc_call *call, unsigned status, const char *text,
                        struct bl_http_response *response);

#endif
