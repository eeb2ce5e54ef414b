/* Liveness, readiness and metrics, for orchestrators and Prometheus, and administration, on the
 * control thread. */
#include <stdlib.h>
#include <string.h>

#include "app/router_private.h"
#include "json/writer.h"
#include "observe/metrics.h"

#define MAX_CONNECTIONS 256
#define MAX_STREAMS 32
#define MAX_MEMORY_BYTES (64u << 20)
#define TIMEOUT_MS 10000
#define IDLE_MS 120000 /* longer than any scrape interval that people use */

static size_t live_policies(const struct bl_router *router) {
    struct bl_policy_sources_stats stats = bl_policy_sources_stats(router->policies);
    return stats.from_directory + stats.from_store;
}

static void write_components(const struct bl_router *router, struct bl_json_writer *writer) {
    bl_json_write_key(writer, BL_STR("components"));
    bl_json_write_object_begin(writer);
    for (unsigned i = 0; i < router->worker_count; i++) {
        struct bl_worker_status status = bl_worker_status(router->workers[i]);
        char storage[24];
        struct bl_buf name;
        bl_buf_init(&name, storage, sizeof(storage));
        bl_buf_printf(&name, "worker_%u", i);
        bl_json_write_key(writer, bl_buf_view(&name));
        bl_json_write_string(writer, status.stopped      ? BL_STR("stopped")
                                     : status.captured   ? BL_STR("a stream captures its subject")
                                     : !status.listening ? BL_STR("not subscribed at NATS")
                                                         : BL_STR("ok"));
    }
    bl_json_write_key(writer, BL_STR("policies"));
    bl_json_write_int64(writer, (int64_t)live_policies(router));
    bl_json_write_object_end(writer);
}

static void tell_health(struct bl_router *router, struct bl_http_response *response) {
    struct bl_json_writer writer;
    bool ready = router->ready && !router->stopping;

    bl_json_writer_init(&writer, &router->ops_text);
    bl_json_write_object_begin(&writer);
    bl_json_write_member(&writer, BL_STR("status"),
                         router->stopping ? BL_STR("stopping")
                         : ready          ? BL_STR("ready")
                                          : BL_STR("not_ready"));
    write_components(router, &writer);
    bl_json_write_object_end(&writer);
    response->status = ready ? 200 : 503;
}

static void count_administration(struct bl_router *router,
                                 const struct bl_administration_report *report) {
    const struct bl_str labels[3] = {
        bl_str_from_c(bl_operation_info(report->operation)->name),
        bl_str_from_c(bl_error_info(report->api.error)->code),
        bl_str_from_c(bl_dialect_name(report->api.dialect)),
    };

    bl_counter_add(bl_metric_counter(&router->metrics, BL_METRIC_REQUESTS, labels), 1);
}

static void log_administration(struct bl_router *router,
                               const struct bl_administration_report *report) {
    const struct bl_operation_info *info = bl_operation_info(report->operation);
    bool good = report->api.error == BL_E_NONE;
    bool writes = strcmp(info->permission, "policy.write") == 0;
    enum bl_log_level level = !good ? BL_LOG_WARN : writes ? BL_LOG_INFO : BL_LOG_DEBUG;

    if (!bl_log_wants(router->channel, level)) {
        return;
    }
    struct bl_log_record *record = bl_log_start(router->channel, level, "administration",
                                                good ? "request answered" : "request refused");
    bl_log_str(record, "operation", bl_str_from_c(info->name));
    bl_log_str(record, "code", bl_str_from_c(bl_error_info(report->api.error)->code));
    bl_log_str(record, "request_id", report->api.request_id);
    if (bl_str_is_present(report->api.tenant_id)) {
        bl_log_str(record, "tenant_id", report->api.tenant_id);
    }
    if (bl_str_is_present(report->api.etag)) {
        bl_log_str(record, "etag", report->api.etag);
    }
    if (report->api.message != NULL) {
        bl_log_str(record, "problem", bl_str_from_c(report->api.message));
    }
    bl_log_finish(router->channel);
}

static void administrate(struct bl_router_door *door, const struct bl_http_request *request,
                         struct bl_http_response *response) {
    struct bl_router *router = door->router;
    struct bl_administration_report report;

    if (!bl_administration_call(router->administration, request, door->door, response, &report)) {
        bl_administration_handle(router->administration, request, door->door, response, &report);
    }
    if (report.operation != BL_OPERATION_COUNT) {
        count_administration(router, &report);
        log_administration(router, &report);
    }
}

/* The paths of orchestrators and Prometheus. False: it is none of these. */
static bool answer_probe(struct bl_router *router, const struct bl_http_request *request,
                         struct bl_http_response *response) {
    bool reads = bl_str_equal_c(request->method, "GET") || bl_str_equal_c(request->method, "HEAD");
    bool is_live = bl_str_equal_c(request->path, "/live");
    bool is_health = bl_str_equal_c(request->path, "/ready") ||
                     bl_str_equal_c(request->path, "/health") ||
                     bl_str_equal_c(request->path, "/_health");
    bool is_metrics =
        bl_str_equal_c(request->path, "/metrics") || bl_str_equal_c(request->path, "/_metrics");

    if (!is_live && !is_health && !is_metrics) {
        return false;
    }
    bl_buf_reset(&router->ops_text);
    if (!reads) {
        response->status = 405;
        response->allow = "GET, HEAD";
        bl_buf_literal(&router->ops_text, "{\"ok\":false}");
    } else if (is_live) {
        bl_buf_literal(&router->ops_text, "{\"status\":\"live\"}");
    } else if (is_health) {
        tell_health(router, response);
    } else {
        response->content_type = BL_STR("text/plain; version=0.0.4; charset=utf-8");
        response->status = bl_router_metrics_text(router, &router->ops_text) ? 200 : 500;
    }
    response->body = bl_buf_view(&router->ops_text);
    return true;
}

static void on_request(void *user, struct bl_http_exchange *exchange,
                       const struct bl_http_request *request) {
    struct bl_http_response response = {.status = 200, .content_type = BL_STR("application/json")};
    struct bl_router_door *door = user;
    struct bl_router *router = door->router;

    bool is_health =
        bl_api_is_grpc(request) &&
        bl_grpc_services_answer(router->grpc, request, &router->health_call, &response);
    if (!is_health && !answer_probe(router, request, &response)) {
        administrate(door, request, &response);
    }
    bl_http_respond(exchange, &response);
}

static void on_head(void *user, struct bl_http_exchange *exchange,
                    const struct bl_http_request *request) {
    struct bl_router_door *door = user;
    bl_grpc_services_on_head(door->router->grpc, exchange, request);
}

static bool is_serving(void *user) {
    const struct bl_router *router = user;
    return router->ready && !router->stopping;
}

void bl_router_tell_health(struct bl_router *router) {
    if (router->grpc != NULL) {
        bl_grpc_services_look(router->grpc);
    }
}

void bl_router_count_ops(struct bl_router *router) {
    for (size_t i = 0; i < sizeof(router->ops) / sizeof(router->ops[0]); i++) {
        if (router->ops[i].server != NULL) {
            struct bl_http_counts counts = bl_http_server_counts(router->ops[i].server);
            bl_http_cells_set(&router->ops[i].cells, &counts);
        }
    }
}

/* --- administration's view of the router ----------------------------------------------------- */

static const struct bl_snapshot *current_snapshot(void *user) {
    const struct bl_router *router = user;
    return router->current;
}

static void add_stats(void *user, struct bl_admin_stats *stats) {
    struct bl_router *router = user;

    stats->workers = router->worker_count;
    stats->ready = router->ready && !router->stopping;
    stats->started_ms =
        1000 * (int64_t)bl_gauge_value(bl_metric_gauge(&router->metrics, BL_METRIC_STARTED, NULL));
}

static bl_result create_administration(struct bl_router *router) {
    const struct bl_config *config = bl_router_config(router);
    struct bl_administration_parts parts = {.sources = router->policies,
                                            .store_path = config->policies.store.data,
                                            .store_history = config->policies.store_history,
                                            .pins = router->pins,
                                            .user = router,
                                            .snapshot = current_snapshot,
                                            .reload = bl_router_reload_policies,
                                            .stats = add_stats};

    memcpy(parts.key, router->parts.key, sizeof(parts.key));
    bl_result result = bl_administration_create(&parts, &router->administration);
    bl_wipe(parts.key, sizeof(parts.key));
    return result;
}

/* --- listeners ------------------------------------------------------------------------------- */

static bl_result create_door(struct bl_router *router, enum bl_api_door door,
                             struct bl_router_door *out) {
    static const struct bl_http_handlers handlers = {on_request, on_head};
    const struct bl_http_config http = {
        .max_body_bytes =
            door == BL_DOOR_OPERATORS ? BL_ADMINISTRATION_BODY_MAX : BL_OUTSIDE_BODY_MAX,
        .max_connections = MAX_CONNECTIONS,
        .max_streams = MAX_STREAMS,
        .max_memory_bytes = MAX_MEMORY_BYTES,
        .header_timeout_ms = TIMEOUT_MS,
        .body_timeout_ms = TIMEOUT_MS,
        .idle_timeout_ms = IDLE_MS,
        .write_timeout_ms = TIMEOUT_MS,
    };

    out->router = router;
    out->door = door;
    return bl_http_server_create(router->loop, &http, &handlers, out, &out->server);
}

/* Which door it is depends on the address that the listener is bound to, not on how it was written. */
static void on_accept(void *user, struct bl_stream *stream) {
    struct bl_router_listener *listener = user;
    struct bl_router_door *door =
        &listener->router->ops[bl_listener_is_local(listener->listener) ? 0 : 1];

    bl_http_server_accept(door->server, stream);
}

static bl_result listen_on(struct bl_router *router, const struct bl_socket_set *set) {
    struct bl_router_listener *listener = &router->ops_listeners[router->ops_listener_count];

    if (router->ops_listener_count == BL_OPS_LISTENERS_MAX) {
        bl_diag_path(router->diag, "http.ops_listen");
        bl_diag_message(router->diag, "more than %d addresses", BL_OPS_LISTENERS_MAX);
        return BL_FAIL(INVALID_REQUEST);
    }
    listener->router = router;
    BL_TRY(bl_listener_create(router->loop, bl_socket_set_take(set, 0, 1, 0), set->address,
                              on_accept, listener, &listener->listener, router->diag));
    router->ops_listener_count++;
    struct bl_log_record *record =
        bl_log_start(router->channel, BL_LOG_INFO, "http", "serving operators");
    bl_log_str(record, "address", bl_str_from_c(bl_listener_address(listener->listener)));
    bl_log_str(record, "administration",
               bl_listener_is_local(listener->listener) ? BL_STR("served")
                                                        : BL_STR("refused: others reach it"));
    bl_log_finish(router->channel);
    return BL_OK;
}

bl_result bl_router_open_ops(struct bl_router *router) {
    if (bl_router_config(router)->http.ops_listen.count == 0) {
        return BL_OK;
    }
    char *storage = malloc(BL_METRICS_TEXT_BYTES);
    if (storage == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    bl_buf_init(&router->ops_text, storage, BL_METRICS_TEXT_BYTES);
    static const char *const services[] = {"beamline.flow.v1.RouterAdmin", NULL};
    BL_TRY(bl_grpc_services_create(services, is_serving, router, &router->grpc));
    BL_TRY(create_administration(router));
    BL_TRY(create_door(router, BL_DOOR_OPERATORS, &router->ops[0]));
    BL_TRY(create_door(router, BL_DOOR_OUTSIDE, &router->ops[1]));
    bl_http_cells_init(&router->ops[0].cells, &router->metrics, BL_STR("ops"));
    bl_http_cells_init(&router->ops[1].cells, &router->metrics, BL_STR("ops_outside"));
    for (unsigned i = 0; i < router->sockets.count; i++) {
        if (router->sockets.kinds[i] == BL_SOCKETS_OPERATORS) {
            BL_TRY(listen_on(router, &router->sockets.sets[i]));
        }
    }
    return BL_OK;
}

void bl_router_stop_accepting_ops(struct bl_router *router) {
    for (size_t i = 0; i < router->ops_listener_count; i++) {
        bl_listener_destroy(router->ops_listeners[i].listener);
    }
    router->ops_listener_count = 0;
}

void bl_router_close_ops(struct bl_router *router) {
    bl_router_stop_accepting_ops(router);
    if (router->grpc != NULL) {
        bl_grpc_services_stop(router->grpc);
    }
    for (size_t i = 0; i < sizeof(router->ops) / sizeof(router->ops[0]); i++) {
        bl_http_server_destroy(router->ops[i].server);
        router->ops[i].server = NULL;
    }
    bl_administration_destroy(router->administration);
    router->administration = NULL;
    free(router->ops_text.data);
    router->ops_text.data = NULL;
}
