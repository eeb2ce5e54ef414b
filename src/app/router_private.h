/* The inside of a router's control thread. Private to this folder. */
#ifndef BL_APP_ROUTER_PRIVATE_H
#define BL_APP_ROUTER_PRIVATE_H

#include "api/grpc_services.h"
#include "app/administration.h"
#include "app/http_metrics.h"
#include "app/policy_sources.h"
#include "app/router.h"
#include "app/snapshot.h"
#include "app/tls_files.h"
#include "app/worker.h"
#include "base/secret.h"
#include "net/file_watch.h"
#include "net/http.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/signal_watch.h"
#include "net/timer.h"

#define BL_WORKERS_MAX 64
#define BL_METRICS_TEXT_BYTES ((size_t)512 * 1024)
#define BL_OPS_LISTENERS_MAX 8

struct bl_router;

/* A server of operators' requests, and who can reach it. */
struct bl_router_door {
    struct bl_router *router;
    struct bl_http_server *server;
    enum bl_api_door door;
    struct bl_http_cells cells;
};

struct bl_router_listener {
    struct bl_router *router;
    struct bl_listener *listener;
};

struct bl_router {
    struct bl_router_options options;
    struct bl_shared_config *shared;  /* the one in force */
    struct bl_shared_config *initial; /* what was started with: its settings outlive reloads */
    struct bl_diag *diag;             /* of bl_router_run */

    struct bl_loop *loop;
    struct bl_waker changed; /* rung by workers */
    struct bl_signal_watch *signals[3];
    struct bl_file_watch *config_watch;
    struct bl_timer *metrics_timer;
    int metrics_error;           /* why the file could not be written last; 0 = it could */
    struct bl_findings *refused; /* of the configuration that was refused last; NULL = none was */
    struct bl_timer *rescan_timer;
    struct bl_timer *tls_timer;
    struct bl_sockets sockets;
    struct bl_inheritance inheritance; /* of a router that this one replaces */
    struct bl_handover *handover;      /* to one that replaces this; NULL = none is waited for */
    const struct bl_socket_set *offered[BL_HANDOVER_SETS_MAX];
    struct bl_tls_files *tls;     /* NULL = none */
    struct bl_router_door ops[2]; /* for this machine, and for others */
    struct bl_router_listener ops_listeners[BL_OPS_LISTENERS_MAX];
    size_t ops_listener_count;
    struct bl_buf ops_text; /* the reply under way */
    struct bl_administration *administration;
    struct bl_grpc_services *grpc; /* of operators */
    struct bl_api_grpc_call health_call;

    struct bl_log *log;
    struct bl_log_channel *channel;
    struct bl_log *recording;       /* NULL = none */
    struct bl_metric_shard metrics; /* the control thread's own */
    struct bl_policy_sources *policies;
    struct bl_pins *pins;
    uint64_t hash_seed;
    struct bl_snapshot *current;
    struct bl_snapshot *retired; /* still held by workers */

    struct bl_secret token, password;
    struct bl_bus_config bus;
    const char *servers[BL_BUS_SERVERS_MAX];
    struct bl_worker_parts parts;
    struct bl_dispatcher *dispatcher; /* NULL = nothing is pushed */
    struct bl_worker *workers[BL_WORKERS_MAX];
    unsigned worker_count;

    _Atomic bool ready; /* written here, read by workers */
    bool was_ready;
    bool stopping;
};

static inline const struct bl_config *bl_router_config(const struct bl_router *router) {
    return router->shared->config;
}

/* router_parts.c: secrets, key, bus settings; then all that the workers need. */
BL_MUST_USE bl_result bl_router_set_up(struct bl_router *router, struct bl_config *config);
void bl_router_tear_down(struct bl_router *router);

/* router_reload.c: changes of policies and settings. */
BL_MUST_USE bl_result bl_router_load_policies(struct bl_router *router);
void bl_router_reload_policies(void *user);
void bl_router_reload_config(struct bl_router *router); /* because somebody asked for it */
void bl_router_on_config_changed(void *user); /* says nothing that was said of the same text */
/* Hands what is known now to the workers. */
void bl_router_publish(struct bl_router *router);
/* Frees snapshots that nobody holds any more. */
void bl_router_free_retired(struct bl_router *router);

/* router_ops.c: liveness, readiness, metrics and administration over HTTP. */
BL_MUST_USE bl_result bl_router_open_ops(struct bl_router *router);
void bl_router_close_ops(struct bl_router *router);
void bl_router_count_ops(struct bl_router *router);
/* Tells who watches the health over gRPC. */
void bl_router_tell_health(struct bl_router *router);
void bl_router_stop_accepting_ops(struct bl_router *router);

/* router_handover.c: sockets. */
BL_MUST_USE bl_result bl_router_open_sockets(struct bl_router *router);
/* Once requests are served: whoever had the sockets may go, and whoever wants them may come. */
void bl_router_offer_sockets(struct bl_router *router);
void bl_router_close_sockets(struct bl_router *router);
/* router.c: stops, as a signal does; others have the sockets. */
void bl_router_leave_to_successor(struct bl_router *router);

/* router_tls.c: the certificate. */
BL_MUST_USE bl_result bl_router_load_tls(struct bl_router *router);
BL_MUST_USE bl_result bl_router_watch_tls(struct bl_router *router);
void bl_router_look_tls(void *user);

/* router_metrics.c */
/* The exposition as of now. False: it does not fit. */
bool bl_router_metrics_text(struct bl_router *router, struct bl_buf *buf);
void bl_router_write_metrics(void *user);
/* Tells the service manager, if there is one: "READY=1", "STOPPING=1". */
void bl_router_notify(const char *state);

#endif
