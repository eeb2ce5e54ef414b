/*
 * The table of operations: what a router can be asked, and by which names on each binding.
 *
 * One row says name, NATS subject, HTTP methods and paths, gRPC method, permission, caller and
 * limits. Bindings look up in it, the OpenAPI document is made from it, and Allow is too, so that no
 * two of them can disagree. Pure; any thread.
 */
#ifndef BL_API_OPERATION_H
#define BL_API_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Those that workers serve come first, then those of the control thread. */
enum bl_operation {
    BL_OPERATION_DECIDE,
    BL_OPERATION_GET_DECISION,
    BL_OPERATION_EXTENSION_HEALTH,
    BL_OPERATION_CIRCUIT_BREAKERS,
    BL_OPERATION_DRY_RUN,
    BL_OPERATION_COMPLEXITY,
    BL_OPERATION_OPENAPI,
    BL_OPERATION_WORKER_COUNT,
    BL_OPERATION_POLICY_LIST = BL_OPERATION_WORKER_COUNT,
    BL_OPERATION_POLICY_GET,
    BL_OPERATION_POLICY_PUT,
    BL_OPERATION_POLICY_DELETE,
    BL_OPERATION_POLICY_HISTORY,
    BL_OPERATION_POLICY_REVISION,
    BL_OPERATION_POLICY_DIFF,
    BL_OPERATION_POLICY_ROLLBACK,
    BL_OPERATION_POLICY_DRY_RUN,
    BL_OPERATION_POLICY_EXPLAIN,
    BL_OPERATION_POLICY_LINT,
    BL_OPERATION_POLICY_VALIDATE,
    BL_OPERATION_PROVIDERS,
    BL_OPERATION_STATS,
    BL_OPERATION_COUNT
};

enum bl_caller {
    BL_CALLER_ANYBODY,
    BL_CALLER_TENANT,
    BL_CALLER_READER,       /* the reads of the gateway's admin subjects */
    BL_CALLER_ADMINISTRATOR /* who may reach the listener of operators */
};

/* What a request brings in its body. */
enum bl_operation_body {
    BL_BODY_NONE,
    BL_BODY_REQUEST, /* a decide request, in any dialect */
    BL_BODY_POLICY,  /* a policy document, JSON or YAML */
    BL_BODY_TRIAL    /* {request, policy?} */
};

/* Names of query parameters; unknown ones are refused. */
#define BL_QUERY_MAP(X)                                                                            \
    X(TENANT, "tenant", "Only policies of this tenant; * or _shared for those of all tenants.")    \
    X(POLICY, "policy", "Only policies of this id.")                                               \
    X(LIMIT, "limit", "At most so many items, 1 to 1000; 100 if not given.")                       \
    X(AFTER, "after", "Items behind this one: `next` of the page before.")                         \
    X(BEFORE, "before", "Revisions below this one: `next` of the page before.")                    \
    X(FROM, "from", "The revision to compare from; if not given, what the source holds now.")      \
    X(TO, "to", "The revision to compare or go back to.")                                          \
    X(MESSAGE, "message", "Why: kept with the revision.")

enum bl_query {
#define X(symbol, name, doc) BL_QUERY_##symbol,
    BL_QUERY_MAP(X)
#undef X
        BL_QUERY_COUNT
};
const char *bl_query_name(enum bl_query query);
const char *bl_query_doc(enum bl_query query);

#define BL_OPERATION_ROUTES_MAX 2

struct bl_operation_route {
    const char *method; /* NULL = no more */
    const char *path;   /* segments of the form {tenant} stand for any */
};

struct bl_operation_info {
    enum bl_operation operation;
    const char *name;           /* metric label and log field */
    const char *subject;        /* default NATS subject, or NULL */
    const char *tenant_subject; /* tenant-scoped form with "*", or NULL */
    const char *grpc_method;    /* full name without the leading slash, or NULL */
    const char *permission;
    enum bl_caller caller;
    struct bl_operation_route routes[BL_OPERATION_ROUTES_MAX];
    enum bl_operation_body body; /* of POST and PUT */
    uint32_t max_body_bytes;     /* over HTTP; 0 = the listener's own bound */
    unsigned queries;            /* bits 1 << enum bl_query */
    const char *summary;         /* a sentence for the documentation */
};
const struct bl_operation_info *bl_operation_info(enum bl_operation operation);

/* The operation of that gRPC method ("beamline.flow.v1.Router/Decide"), or BL_OPERATION_COUNT. */
enum bl_operation bl_operation_of_grpc(struct bl_str method);

#define BL_OPERATION_PATH_MAX 1024
#define BL_OPERATION_ALLOW_MAX 64

/* What a path names. */
struct bl_operation_match {
    enum bl_operation operation;
    struct bl_str tenant_id, policy_id, revision, id; /* absent where the path has none */
    char allow[BL_OPERATION_ALLOW_MAX];  /* for OTHER_METHOD and OPTIONS: "GET, HEAD, OPTIONS" */
    char storage[BL_OPERATION_PATH_MAX]; /* of the segments */
};

enum bl_operation_found {
    BL_MATCH_FOUND,
    BL_MATCH_OPTIONS,      /* there is something, and OPTIONS asks what */
    BL_MATCH_OTHER_METHOD, /* there is something, but not by this method */
    BL_MATCH_NOTHING,
    BL_MATCH_MALFORMED /* a path that can be read in two ways */
};

/* Looks a request's method and path (as it was sent) up. HEAD stands for GET. Segments are
 * percent-decoded one by one; a broken escape, an escaped slash or NUL, an empty, "." or ".." segment
 * is MALFORMED, and a slash at the end names nothing. Views of `match` are into itself. */
enum bl_operation_found bl_operation_match(struct bl_str method, struct bl_str path,
                                           struct bl_operation_match *match);

#endif
