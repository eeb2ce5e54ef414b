/*
 * What every gRPC server has beside its own services: grpc.health.v1.Health (Check, Watch) and
 * reflection (grpc.reflection.v1 and v1alpha). No credentials, no operation of the table. One per
 * HTTP server, on its thread.
 */
#ifndef BL_API_GRPC_SERVICES_H
#define BL_API_GRPC_SERVICES_H

#include "api/grpc.h"

#define BL_GRPC_CONVERSATIONS_MAX 1024 /* watchers and reflection streams at a time */

struct bl_grpc_services;

/* `services` are the full names of the owner's services, ended by NULL, static; `is_serving(user)`
 * is their health. Errors: RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_grpc_services_create(const char *const *services,
                                              bool (*is_serving)(void *user), void *user,
                                              struct bl_grpc_services **out);
void bl_grpc_services_destroy(struct bl_grpc_services *services); /* NULL is fine */

/* For bl_http_handlers.on_head: takes the streams of Watch and of reflection over. */
void bl_grpc_services_on_head(struct bl_grpc_services *services, struct bl_http_exchange *exchange,
                              const struct bl_http_request *request);

/* Answers Check. False: the path is another one. */
bool bl_grpc_services_answer(struct bl_grpc_services *services,
                             const struct bl_http_request *request, struct bl_api_grpc_call *call,
                             struct bl_http_response *response);

/* Tells watchers if the health has changed since they were told. */
void bl_grpc_services_look(struct bl_grpc_services *services);

/* Tells watchers that nothing is served any more, and ends all conversations. */
void bl_grpc_services_stop(struct bl_grpc_services *services);

#endif
