/* Requests over HTTP, on the worker's own loop. */
#include "api/http.h"
#include "app/worker_private.h"
#include "net/grpc.h"

static void on_request(void *user, struct bl_http_exchange *exchange,
                       const struct bl_http_request *request) {
    struct bl_worker *worker = user;
    const struct bl_message message = {
        .subject = request->path, .data = request->body, .headers = request->headers};
    struct bl_http_response response = {.status = 200, .content_type = BL_STR("application/json")};
    size_t nats_max_bytes = worker->api.reply_max_bytes;
    enum bl_operation operation;
    struct bl_api_report report;

    if (bl_api_http_route(request, &operation, &worker->reply, &response)) {
        worker->api.reply_max_bytes = 0;
        worker->api.flat_replies = true;
        bl_worker_handle(worker, operation, &message, BL_STR_ABSENT, &report);
        worker->api.reply_max_bytes = nats_max_bytes;
        worker->api.flat_replies = false;
        bl_api_http_finish(&report, &worker->reply, &response);
    }
    bl_http_respond(exchange, &response);
}

static bl_result listen_all(struct bl_worker *worker, struct bl_diag *diag) {
    const struct bl_text_list *addresses = &worker->parts.config->http.listen;

    for (size_t i = 0; i < addresses->count; i++) {
        /* One thread per address of these: they cannot be shared. */
        bool is_single = bl_str_starts_with(addresses->items[i], BL_STR("unix:")) ||
                         bl_str_starts_with(addresses->items[i], BL_STR("fd:"));
        if (is_single && worker->parts.number > 0) {
            continue;
        }
        bl_diag_path(diag, "http.listen[%zu]", i);
        if (worker->listener_count == BL_WORKER_LISTENERS_MAX) {
            bl_diag_message(diag, "more than %d addresses", BL_WORKER_LISTENERS_MAX);
            return BL_FAIL(INVALID_REQUEST);
        }
        BL_TRY(bl_listener_create(worker->loop, addresses->items[i].data, bl_http_server_accept,
                                  worker->http, &worker->listeners[worker->listener_count], diag));
        struct bl_log_record *record = bl_log_start(worker->log, BL_LOG_INFO, "http", "listening");
        bl_log_str(record, "address",
                   bl_str_from_c(bl_listener_address(worker->listeners[worker->listener_count])));
        bl_log_finish(worker->log);
        worker->listener_count++;
    }
    return BL_OK;
}

/* A message of gRPC stands behind its prefix. What is too large by less is refused where it is read. */
static struct bl_http_config config_of(const struct bl_worker *worker) {
    const struct bl_config *settings = worker->parts.config;

    return (struct bl_http_config){
        .max_body_bytes = worker->snapshot->limits.max_bytes + BL_GRPC_PREFIX_BYTES,
        .max_connections = settings->http.max_connections,
        .max_streams = settings->http.max_streams,
        .max_memory_bytes = settings->http.max_memory_bytes,
        .header_timeout_ms = settings->http.header_timeout_ms,
        .body_timeout_ms = settings->http.body_timeout_ms,
        .idle_timeout_ms = settings->http.idle_timeout_ms,
        .write_timeout_ms = settings->http.write_timeout_ms,
    };
}

bl_result bl_worker_open_http(struct bl_worker *worker, struct bl_diag *diag) {
    static const struct bl_http_handlers handlers = {.on_request = on_request};
    const struct bl_http_config config = config_of(worker);

    if (worker->parts.config->http.listen.count == 0) {
        return BL_OK;
    }
    BL_TRY(bl_http_server_create(worker->loop, &config, &handlers, worker, &worker->http));
    return listen_all(worker, diag);
}

void bl_worker_configure_http(struct bl_worker *worker) {
    if (worker->http != NULL) {
        const struct bl_http_config config = config_of(worker);
        bl_http_server_configure(worker->http, &config);
    }
}

void bl_worker_close_http(struct bl_worker *worker) {
    for (size_t i = 0; i < worker->listener_count; i++) {
        bl_listener_destroy(worker->listeners[i]);
    }
    worker->listener_count = 0;
    if (worker->http != NULL) {
        bl_http_server_drain(worker->http);
    }
}

void bl_worker_count_http(struct bl_worker *worker) {
    if (worker->http == NULL) {
        return;
    }
    struct bl_http_counts counts = bl_http_server_counts(worker->http);
    bl_gauge_set(worker->cells.http_open, (double)counts.open);
    bl_gauge_set(worker->cells.http_accepted, (double)counts.accepted);
    bl_gauge_set(worker->cells.http_under_way, (double)counts.under_way);
    bl_gauge_set(worker->cells.http_memory, (double)counts.memory_bytes);
    bl_gauge_set(worker->cells.http_resets, (double)counts.resets);
    bl_gauge_set(worker->cells.http_requests[0], (double)counts.requests_1);
    bl_gauge_set(worker->cells.http_requests[1], (double)counts.requests_2);
    for (int f = 0; f < BL_HTTP_FAULT_COUNT; f++) {
        bl_gauge_set(worker->cells.http_faults[f], (double)counts.faults[f]);
    }
}
