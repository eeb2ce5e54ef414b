/* Requests over HTTP, on the worker's own loop. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/http.h"
#include "app/worker_later.h"
#include "net/clock.h"

#define LOGGED_PATH_BYTES 256

/* One line per request, for who wants them all; refusals have lines of their own besides. */
static void log_access(struct bl_worker *worker, const struct bl_http_request *request,
                       const struct bl_http_response *response, enum bl_operation operation,
                       const struct bl_api_report *report) {
    if (!worker->snapshot->access_log) {
        return;
    }
    struct bl_log_record *record = bl_log_start(worker->log, BL_LOG_INFO, "http", "request");
    bl_log_str(record, "method", request->method);
    bl_log_str(record, "path", bl_str_head(request->path, LOGGED_PATH_BYTES));
    bl_log_str(record, "protocol", bl_str_from_c(request->protocol));
    bl_log_str(record, "peer", bl_str_from_c(request->peer));
    bl_log_u64(record, "status", response->status);
    bl_log_u64(record, "bytes_in", request->body.len);
    bl_log_u64(record, "bytes_out", response->body.len);
    uint64_t took_ns = bl_clock_monotonic_ns() - request->began_ns;
    if (report != NULL) {
        bl_worker_log_fields(record, operation, report, took_ns);
    } else {
        bl_log_u64(record, "took_us", took_ns / 1000);
    }
    bl_log_finish(worker->log);
}

/* Handles a message that came over HTTP: what limits replies over NATS does not limit these. */
static bool handle(struct bl_worker *worker, enum bl_operation operation,
                   const struct bl_message *message, const struct bl_api_call *call,
                   const struct bl_later_reply *to, struct bl_api_report *report) {
    size_t nats_max_bytes = worker->api.reply_max_bytes;

    worker->api.reply_max_bytes = 0;
    worker->api.flat_replies = message->reply_codec == BL_CODEC_JSON;
    worker->api.call = call;
    bool is_answered = bl_worker_handle(worker, operation, message, BL_STR_ABSENT, to, report);
    worker->api.reply_max_bytes = nats_max_bytes;
    worker->api.flat_replies = false;
    worker->api.call = NULL;
    return is_answered;
}

static void on_http(struct bl_worker *worker, struct bl_http_exchange *exchange,
                    const struct bl_http_request *request) {
    const struct bl_message message = {
        .subject = request->path, .data = request->body, .headers = request->headers};
    struct bl_http_response response = {.status = 200, .content_type = BL_STR("application/json")};
    char traceparent[BL_TRACEPARENT_BYTES];
    struct bl_operation_match match;
    struct bl_api_report report;

    bool is_known = bl_api_http_route(request, BL_DOOR_TENANTS, &match, &worker->reply, &response);
    if (is_known) {
        const struct bl_api_call call = {&match, request->method, request->query};
        const struct bl_later_reply to = {.exchange = exchange, .request = request};
        if (!handle(worker, match.operation, &message, &call, &to, &report)) {
            return;
        }
        bl_api_http_finish(&report, &worker->reply, &response);
        bl_api_http_trace(request, &report, traceparent, &response);
    }
    log_access(worker, request, &response, match.operation, is_known ? &report : NULL);
    bl_http_respond(exchange, &response);
}

/* What a call that came too late is told, in the same words as everything else. */
static void refuse_late(struct bl_worker *worker, const struct bl_message *message,
                        struct bl_api_report *report) {
    (void)message;
    *report = (struct bl_api_report){.error = BL_E_DEADLINE_EXCEEDED,
                                     .dialect = BL_DIALECT_GATEWAY,
                                     .request_id = BL_STR("-"),
                                     .trace_id = BL_STR_ABSENT,
                                     .tenant_id = BL_STR_ABSENT,
                                     .message = "the deadline of the call has passed"};
    (void)bl_refusal_begin(&worker->api.work.refusal, BL_E_DEADLINE_EXCEEDED, BL_INTAKE_NONE);
    bl_worker_count(worker, worker->call.operation, report, 0);
}

static void on_grpc(struct bl_worker *worker, struct bl_http_exchange *exchange,
                    const struct bl_http_request *request) {
    struct bl_api_grpc_call *call = &worker->call;
    struct bl_http_response response;
    char traceparent[BL_TRACEPARENT_BYTES];
    struct bl_api_report report;

    bool is_call = !bl_grpc_services_answer(worker->grpc, request, call, &response) &&
                   bl_api_grpc_read(request, BL_DOOR_TENANTS, worker->snapshot->limits.max_bytes,
                                    &worker->unpacked, call, &response);
    if (is_call) {
        const struct bl_message message = {.subject = request->path,
                                           .data = call->message,
                                           .headers = request->headers,
                                           .codec = BL_CODEC_PROTOBUF,
                                           .reply_codec = BL_CODEC_PROTOBUF};
        if (bl_clock_monotonic_ns() >= call->deadline_ns) {
            refuse_late(worker, &message, &report);
        } else {
            const struct bl_later_reply to = {
                .exchange = exchange, .request = request, .call = call};
            if (!handle(worker, call->operation, &message, NULL, &to, &report)) {
                return;
            }
        }
        const struct bl_str framed = {worker->reply_storage,
                                      BL_GRPC_PREFIX_BYTES + worker->reply.len};
        bl_api_grpc_finish(call, &worker->api, &report, framed, &response);
        bl_api_http_trace(request, &report, traceparent, &response);
    }
    log_access(worker, request, &response, call->operation, is_call ? &report : NULL);
    bl_http_respond(exchange, &response);
}

static void on_request(void *user, struct bl_http_exchange *exchange,
                       const struct bl_http_request *request) {
    if (bl_api_is_grpc(request)) {
        on_grpc(user, exchange, request);
    } else {
        on_http(user, exchange, request);
    }
}

static void on_head(void *user, struct bl_http_exchange *exchange,
                    const struct bl_http_request *request) {
    struct bl_worker *worker = user;
    bl_grpc_services_on_head(worker->grpc, exchange, request);
}

static bool is_serving(void *user) {
    const struct bl_worker *worker = user;
    return atomic_load(worker->parts.ready);
}

static void accept_plain(void *user, struct bl_stream *stream) {
    struct bl_worker *worker = user;
    bl_http_server_accept(worker->http, stream);
}

static void accept_tls(void *user, struct bl_stream *stream) {
    struct bl_worker *worker = user;

    if (bl_stream_encrypt(stream, worker->snapshot->tls)) {
        bl_http_server_accept(worker->http, stream);
    } else {
        bl_stream_close(stream);
    }
}

static bl_result listen_on(struct bl_worker *worker, const struct bl_socket_set *set, int fd,
                           bool is_tls, struct bl_diag *diag) {
    struct bl_listener **slot = &worker->listeners[worker->listener_count];

    if (worker->listener_count == BL_WORKER_LISTENERS_MAX) {
        (void)close(fd);
        bl_diag_message(diag, "more than %d listening sockets for one worker",
                        BL_WORKER_LISTENERS_MAX);
        return BL_FAIL(INVALID_REQUEST);
    }
    BL_TRY(bl_listener_create(worker->loop, fd, set->address, is_tls ? accept_tls : accept_plain,
                              worker, slot, diag));
    worker->listener_count++;
    struct bl_log_record *record =
        bl_log_start(worker->log, BL_LOG_INFO, "http", is_tls ? "listening with TLS" : "listening");
    bl_log_str(record, "address", bl_str_from_c(bl_listener_address(*slot)));
    bl_log_finish(worker->log);
    return BL_OK;
}

static bl_result listen_all(struct bl_worker *worker, struct bl_diag *diag) {
    const struct bl_sockets *sockets = worker->parts.sockets;

    for (unsigned i = 0; i < sockets->count; i++) {
        const struct bl_socket_set *set = &sockets->sets[i];
        if (sockets->kinds[i] == BL_SOCKETS_OPERATORS) {
            continue;
        }
        for (unsigned index = 0;; index++) {
            int fd =
                bl_socket_set_take(set, worker->parts.number, worker->parts.worker_count, index);
            if (fd < 0 && index > 0) {
                break;
            }
            if (fd < 0) {
                bl_diag_message(diag, "%s: %s", set->address, strerror(errno));
                return BL_FAIL(RESOURCE_EXHAUSTED);
            }
            BL_TRY(listen_on(worker, set, fd, sockets->kinds[i] == BL_SOCKETS_TLS, diag));
        }
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
    static const struct bl_http_handlers handlers = {on_request, on_head};
    static const char *const services[] = {"beamline.flow.v1.Router", NULL};
    const struct bl_http_config config = config_of(worker);

    if (worker->parts.config->http.listen.count + worker->parts.config->http.tls_listen.count ==
        0) {
        return BL_OK;
    }
    char *unpacked = malloc(config.max_body_bytes);
    if (unpacked == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    bl_buf_init(&worker->unpacked, unpacked, config.max_body_bytes);
    BL_TRY(bl_grpc_services_create(services, is_serving, worker, &worker->grpc));
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
        bl_grpc_services_stop(worker->grpc);
        bl_http_server_drain(worker->http);
    }
}

void bl_worker_count_http(struct bl_worker *worker) {
    if (worker->http == NULL) {
        return;
    }
    struct bl_http_counts counts = bl_http_server_counts(worker->http);
    bl_http_cells_set(&worker->cells.http, &counts);
    bl_grpc_services_look(worker->grpc);
}
