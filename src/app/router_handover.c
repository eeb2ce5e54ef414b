/* Sockets: opened or taken over at the start, offered to a successor while serving. */
#include "app/router_private.h"

bl_result bl_router_open_sockets(struct bl_router *router) {
    const struct bl_config *config = bl_router_config(router);
    struct bl_str path = config->http.upgrade_socket;

    router->inheritance.connection = -1;
    if (bl_str_is_present(path)) {
        bl_diag_path(router->diag, "http.upgrade_socket");
        BL_TRY(bl_handover_ask(path.data, &router->inheritance, router->diag));
    }
    if (router->inheritance.connection >= 0) {
        struct bl_log_record *record = bl_log_start(router->channel, BL_LOG_INFO, "upgrade",
                                                    "taking over from a running router");
        bl_log_u64(record, "addresses", router->inheritance.count);
        bl_log_finish(router->channel);
    }
    return bl_sockets_open(config, router->parts.worker_count, &router->inheritance,
                           &router->sockets, router->diag);
}

static void log_successor(struct bl_router *router, enum bl_log_level level, const char *message,
                          long pid) {
    struct bl_log_record *record = bl_log_start(router->channel, level, "upgrade", message);

    bl_log_u64(record, "pid", (uint64_t)pid);
    bl_log_finish(router->channel);
}

static void on_asked(void *user, long pid) {
    log_successor(user, BL_LOG_INFO, "a successor has the sockets, and is starting", pid);
}

static void on_ready(void *user, long pid) {
    struct bl_router *router = user;

    log_successor(router, BL_LOG_INFO, "the successor is ready", pid);
    bl_router_leave_to_successor(router);
}

static void on_failed(void *user, long pid) {
    log_successor(user, BL_LOG_WARN, "the successor went away before it was ready; serving on",
                  pid);
}

void bl_router_offer_sockets(struct bl_router *router) {
    static const struct bl_handover_calls calls = {on_asked, on_ready, on_failed};
    struct bl_str path = bl_router_config(router)->http.upgrade_socket;
    struct bl_diag diag;

    bl_inheritance_ready(&router->inheritance);
    if (!bl_str_is_present(path) || router->handover != NULL) {
        return;
    }
    for (unsigned i = 0; i < router->sockets.count; i++) {
        router->offered[i] = &router->sockets.sets[i];
    }
    bl_diag_clear(&diag);
    if (bl_is_error(bl_handover_serve(router->loop, path.data, router->offered,
                                      router->sockets.count, &calls, router, &router->handover,
                                      &diag))) {
        bl_log_diag(router->channel, BL_LOG_ERROR, "upgrade",
                    "an upgrade will have to stop this router first", NULL, &diag);
    }
}

void bl_router_close_sockets(struct bl_router *router) {
    bl_handover_destroy(router->handover);
    router->handover = NULL;
    bl_inheritance_close(&router->inheritance);
    bl_sockets_close(&router->sockets);
}
