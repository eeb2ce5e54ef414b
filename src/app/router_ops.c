/* Liveness, readiness and metrics, for orchestrators and Prometheus, on the control thread. */
#include <stdlib.h>

#include "app/router_private.h"
#include "json/writer.h"

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

static void answer(struct bl_router *router, const struct bl_http_request *request,
                   struct bl_http_response *response) {
    bool reads = bl_str_equal_c(request->method, "GET") || bl_str_equal_c(request->method, "HEAD");

    bl_buf_reset(&router->ops_text);
    if (!reads) {
        response->status = 405;
        response->allow = "GET, HEAD";
        bl_buf_literal(&router->ops_text, "{\"ok\":false}");
    } else if (bl_str_equal_c(request->path, "/live")) {
        bl_buf_literal(&router->ops_text, "{\"status\":\"live\"}");
    } else if (bl_str_equal_c(request->path, "/ready") ||
               bl_str_equal_c(request->path, "/health") ||
               bl_str_equal_c(request->path, "/_health")) {
        tell_health(router, response);
    } else if (bl_str_equal_c(request->path, "/metrics") ||
               bl_str_equal_c(request->path, "/_metrics")) {
        response->content_type = BL_STR("text/plain; version=0.0.4; charset=utf-8");
        response->status = bl_router_metrics_text(router, &router->ops_text) ? 200 : 500;
    } else {
        response->status = 404;
        bl_buf_literal(&router->ops_text, "{\"ok\":false,\"paths\":[\"/live\",\"/ready\","
                                          "\"/health\",\"/metrics\"]}");
    }
    response->body = bl_buf_view(&router->ops_text);
}

static void on_request(void *user, struct bl_http_exchange *exchange,
                       const struct bl_http_request *request) {
    struct bl_http_response response = {.status = 200, .content_type = BL_STR("application/json")};

    answer(user, request, &response);
    bl_http_respond(exchange, &response);
}

void bl_router_count_ops(struct bl_router *router) {
    if (router->ops != NULL) {
        struct bl_http_counts counts = bl_http_server_counts(router->ops);
        bl_http_cells_set(&router->ops_cells, &counts);
    }
}

bl_result bl_router_open_ops(struct bl_router *router) {
    static const struct bl_http_handlers handlers = {.on_request = on_request};
    const struct bl_config *config = bl_router_config(router);
    const struct bl_http_config http = {
        .max_body_bytes = 0,
        .max_connections = MAX_CONNECTIONS,
        .max_streams = MAX_STREAMS,
        .max_memory_bytes = MAX_MEMORY_BYTES,
        .header_timeout_ms = TIMEOUT_MS,
        .body_timeout_ms = TIMEOUT_MS,
        .idle_timeout_ms = IDLE_MS,
        .write_timeout_ms = TIMEOUT_MS,
    };

    if (!bl_str_is_present(config->http.ops_listen)) {
        return BL_OK;
    }
    char *storage = malloc(BL_METRICS_TEXT_BYTES);
    if (storage == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    bl_buf_init(&router->ops_text, storage, BL_METRICS_TEXT_BYTES);
    bl_http_cells_init(&router->ops_cells, &router->metrics, BL_STR("ops"));
    bl_diag_path(router->diag, "http.ops_listen");
    BL_TRY(bl_http_server_create(router->loop, &http, &handlers, router, &router->ops));
    BL_TRY(bl_listener_create(router->loop, config->http.ops_listen.data, bl_http_server_accept,
                              router->ops, &router->ops_listener, router->diag));
    bl_diag_path(router->diag, "%s", "");
    struct bl_log_record *record =
        bl_log_start(router->channel, BL_LOG_INFO, "http", "serving operators");
    bl_log_str(record, "address", bl_str_from_c(bl_listener_address(router->ops_listener)));
    bl_log_finish(router->channel);
    return BL_OK;
}

void bl_router_close_ops(struct bl_router *router) {
    bl_listener_destroy(router->ops_listener);
    bl_http_server_destroy(router->ops);
    free(router->ops_text.data);
    router->ops_listener = NULL;
    router->ops = NULL;
    router->ops_text.data = NULL;
}
