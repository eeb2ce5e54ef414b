/*
 * Administration over HTTP, on the control thread: policies of the store are changed, those of both
 * sources read and tried.
 *
 * One request at a time, with memory of its own that is given back in between. What one request costs
 * the control thread is bounded: two compilations of documents of 1 MiB at most (some 100 ms each), a
 * quick lint (some 100 ms), waiting for the store's lock (200 ms), and one look at the sources after a
 * change. All functions belong to the control thread.
 */
#ifndef BL_APP_ADMINISTRATION_H
#define BL_APP_ADMINISTRATION_H

#include "api/http.h"
#include "api/policy_admin.h"
#include "app/policy_sources.h"
#include "app/snapshot.h"
#include "route/pins.h"

/* Bytes that a request may bring where administration is served, and where it is not. */
#define BL_ADMINISTRATION_BODY_MAX (2 * 1048576u + 65536)
#define BL_OUTSIDE_BODY_MAX 65536u

struct bl_administration;

/* The router around it; everything is borrowed. */
struct bl_administration_parts {
    struct bl_policy_sources *sources;
    const char *store_path; /* NULL = none */
    uint32_t store_history;
    struct bl_pins *pins;
    uint8_t key[16]; /* of the router */

    void *user;
    const struct bl_snapshot *(*snapshot)(void *user); /* that serves */
    void (*reload)(void *user); /* looks at the sources, and hands what is new to the workers */
    void (*stats)(void *user, struct bl_admin_stats *stats); /* what the sources do not know */
};

/* Errors: RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_administration_create(const struct bl_administration_parts *parts,
                                               struct bl_administration **out);
void bl_administration_destroy(struct bl_administration *administration); /* NULL is fine */

/* Answers a request to the listener of operators that is none of its own paths. What `response`
 * points to lives until the next call. `*report` tells what was done, for the log; its error is NONE
 * and its `operation` BL_OPERATION_COUNT when no operation was found. */
struct bl_administration_report {
    enum bl_operation operation;
    struct bl_api_report api;
};
void bl_administration_handle(struct bl_administration *administration,
                              const struct bl_http_request *request, enum bl_api_door door,
                              struct bl_http_response *response,
                              struct bl_administration_report *report);

/* Whether the request is gRPC and answered here; as bl_administration_handle. */
bool bl_administration_call(struct bl_administration *administration,
                            const struct bl_http_request *request, enum bl_api_door door,
                            struct bl_http_response *response,
                            struct bl_administration_report *report);

#endif
