/* Requests that are answered later. Private to this folder. */
#ifndef BL_APP_WORKER_LATER_H
#define BL_APP_WORKER_LATER_H

#include "app/worker_private.h"

/* Where the reply goes: to a subject, or to an exchange. */
struct bl_later_reply {
    struct bl_str subject;
    struct bl_http_exchange *exchange; /* NULL = over NATS */
    const struct bl_http_request *request;
    const struct bl_api_grpc_call *call; /* NULL = no gRPC */
};

/* Hands what `report` asks for to the dispatcher, with all that the reply will need. False: too much
 * is waited for, or there is no memory; then the reply, a refusal, stands in worker->reply, and
 * `report` tells of it. */
bool bl_worker_begin_later(struct bl_worker *worker, enum bl_operation operation,
                           enum bl_codec reply_codec, const struct bl_later_reply *to,
                           uint64_t began_ns, struct bl_api_report *report);

/* What has come back. */
void bl_worker_on_later(void *user);

#endif
