#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/clock.h"
#include "net/http_private.h"
#include "net/timer.h"

#define SWEEP_MS 250

static const char preface[BL_HTTP_PREFACE_BYTES + 1] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static void look_at_clock(struct bl_http_server *server) {
    server->now_ms = bl_clock_monotonic_ns() / 1000000;
}

const char *bl_http_fault_word(enum bl_http_fault fault) {
    static const char *const words[BL_HTTP_FAULT_COUNT] = {
        [BL_HTTP_FAULT_MALFORMED] = "malformed", [BL_HTTP_FAULT_TOO_LARGE] = "too_large",
        [BL_HTTP_FAULT_SLOW] = "slow",           [BL_HTTP_FAULT_CONNECTIONS] = "connections",
        [BL_HTTP_FAULT_MEMORY] = "memory",       [BL_HTTP_FAULT_FLOOD] = "flood",
        [BL_HTTP_FAULT_HANDSHAKE] = "handshake",
    };
    return words[fault];
}

/* --- replies --------------------------------------------------------------------------------- */

const char *bl_http_status_text(unsigned status) {
    static const struct {
        unsigned status;
        const char *text;
    } texts[] = {
        {200, "OK"},
        {201, "Created"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {412, "Precondition Failed"},
        {415, "Unsupported Media Type"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].status == status) {
            return texts[i].text;
        }
    }
    return "Unknown";
}

struct bl_str bl_http_date(struct bl_http_server *server) {
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = (time_t)(bl_clock_wall_ns() / 1000000000);
    struct tm at;
    struct bl_buf buf;

    if (now != server->date_s) {
        (void)gmtime_r(&now, &at);
        bl_buf_init(&buf, server->date, sizeof(server->date));
        bl_buf_printf(&buf, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[at.tm_wday], at.tm_mday,
                      months[at.tm_mon], at.tm_year + 1900, at.tm_hour, at.tm_min, at.tm_sec);
        server->date[buf.len] = '\0';
        server->date_s = now;
    }
    return bl_str_from_c(server->date);
}

void bl_http_refusal_write(const struct bl_http_refusal *refusal, char *storage,
                           struct bl_http_response *response) {
    struct bl_buf buf;

    bl_buf_init(&buf, storage, BL_HTTP_REFUSAL_BYTES);
    bl_buf_printf(&buf, "{\"ok\":false,\"error\":{\"code\":\"%s\",\"message\":\"%s\"",
                  bl_error_info(refusal->error)->code, refusal->message);
    if (refusal->intake_code != NULL) {
        bl_buf_printf(&buf, ",\"intake_error_code\":\"%s\"", refusal->intake_code);
    }
    bl_buf_literal(&buf, "}}");
    *response = (struct bl_http_response){.status = refusal->status,
                                          .content_type = BL_STR("application/json"),
                                          .body = bl_buf_view(&buf),
                                          .close = true};
}

void bl_http_respond(struct bl_http_exchange *exchange, const struct bl_http_response *response) {
    exchange->answering->respond(exchange, response);
}

void bl_http_on_gone(struct bl_http_exchange *exchange, void (*fn)(void *user), void *user) {
    exchange->on_gone = fn;
    exchange->gone_user = user;
}

void bl_http_converse(struct bl_http_exchange *exchange, const struct bl_http_listener *listener,
                      void *user) {
    exchange->answering->converse(exchange, listener, user);
}

void bl_http_begin(struct bl_http_exchange *exchange, struct bl_str content_type) {
    exchange->answering->begin(exchange, content_type);
}

bool bl_http_send(struct bl_http_exchange *exchange, struct bl_str bytes) {
    return exchange->answering->send(exchange, bytes);
}

void bl_http_end(struct bl_http_exchange *exchange, const struct bl_http_header *trailers,
                 unsigned trailer_count) {
    exchange->answering->end(exchange, trailers, trailer_count);
}

/* --- connections ----------------------------------------------------------------------------- */

/* The protocol, and what was read while it was not known. */
static bool speak(struct bl_http_connection *connection, const struct bl_http_protocol *protocol) {
    connection->protocol = protocol;
    connection->state = protocol->open(connection);
    if (connection->state == NULL) {
        connection->protocol = NULL;
        bl_stream_close(connection->stream);
        return false;
    }
    if (connection->server->is_draining) {
        protocol->drain(connection->state);
    }
    if (connection->preface_len > 0) {
        protocol->on_data(connection->state,
                          (struct bl_str){connection->preface, connection->preface_len});
    }
    return true;
}

/* Takes bytes until it is certain whether they are the preface of HTTP/2; returns how many. */
static size_t sniff(struct bl_http_connection *connection, struct bl_str bytes) {
    size_t taken = 0;

    if (connection->preface_len == 0) {
        connection->began_ms = bl_http_now_ms(connection->server);
    }
    while (taken < bytes.len) {
        char byte = bytes.data[taken];
        if (byte != preface[connection->preface_len]) {
            (void)speak(connection, &bl_http1);
            return taken;
        }
        connection->preface[connection->preface_len++] = byte;
        taken++;
        if (connection->preface_len == BL_HTTP_PREFACE_BYTES) {
            (void)speak(connection, &bl_http2);
            return taken;
        }
    }
    return taken;
}

static void on_data(void *user, struct bl_str bytes) {
    struct bl_http_connection *connection = user;

    look_at_clock(connection->server);
    connection->server->counts.bytes_in += bytes.len;
    if (connection->protocol == NULL) {
        size_t taken = sniff(connection, bytes);
        bytes.data += taken;
        bytes.len -= taken;
    }
    if (connection->protocol != NULL && bytes.len > 0) {
        connection->protocol->on_data(connection->state, bytes);
    }
}

static void on_drained(void *user) {
    struct bl_http_connection *connection = user;

    if (connection->protocol != NULL) {
        connection->protocol->on_drained(connection->state);
    }
}

static void on_end(void *user) {
    struct bl_http_connection *connection = user;

    if (connection->protocol != NULL) {
        connection->protocol->on_end(connection->state);
    } else {
        bl_stream_finish(connection->stream);
    }
}

static void free_server(struct bl_http_server *server) {
    if (!server->is_destroyed || server->first != NULL) {
        return;
    }
    while (server->pool != NULL) {
        struct bl_http_inbound *inbound = server->pool;
        server->pool = inbound->next;
        free(inbound->body);
        free(inbound);
    }
    free(server);
}

static void on_closed(void *user) {
    struct bl_http_connection *connection = user;
    struct bl_http_server *server = connection->server;

    if (connection->protocol != NULL) {
        connection->protocol->close(connection->state);
    } else if (bl_stream_is_shaking_hands(connection->stream)) {
        bl_http_count(server, BL_HTTP_FAULT_HANDSHAKE);
    }
    *connection->slot = connection->next;
    if (connection->next != NULL) {
        connection->next->slot = connection->slot;
    }
    server->counts.open--;
    free(connection);
    free_server(server);
}

/* --- the server ------------------------------------------------------------------------------ */

/* Before the first bytes told a protocol. */
static void sweep_unknown(struct bl_http_connection *connection, uint64_t now_ms) {
    const struct bl_http_config *config = &connection->server->config;
    bool has_begun = connection->preface_len > 0 || bl_stream_is_shaking_hands(connection->stream);
    uint64_t limit_ms = has_begun ? config->header_timeout_ms : config->idle_timeout_ms;

    uint64_t age_ms = now_ms - connection->began_ms;

    if (age_ms > limit_ms ||
        (connection->server->is_draining && !has_begun && age_ms > BL_HTTP_DRAIN_IDLE_MS)) {
        if (has_begun) {
            bl_http_count(connection->server, BL_HTTP_FAULT_SLOW);
        }
        bl_stream_close(connection->stream);
    }
}

static void sweep_one(struct bl_http_connection *connection, uint64_t now_ms) {
    bool is_stalled =
        bl_stream_unsent(connection->stream) > 0 &&
        bl_stream_idle_ms(connection->stream) > connection->server->config.write_timeout_ms;

    if (is_stalled) {
        bl_http_count(connection->server, BL_HTTP_FAULT_SLOW);
        bl_stream_close(connection->stream);
    } else if (connection->protocol == NULL) {
        sweep_unknown(connection, now_ms);
    } else {
        connection->protocol->sweep(connection->state, now_ms);
    }
}

static void on_sweep(void *user) {
    struct bl_http_server *server = user;

    look_at_clock(server);
    uint64_t now_ms = bl_http_now_ms(server);
    for (struct bl_http_connection *at = server->first; at != NULL; at = at->next) {
        sweep_one(at, now_ms);
    }
}

bl_result bl_http_server_create(struct bl_loop *loop, const struct bl_http_config *config,
                                const struct bl_http_handlers *handlers, void *user,
                                struct bl_http_server **out) {
    struct bl_http_server *server = calloc(1, sizeof(*server));

    if (server == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    server->config = *config;
    server->handlers = *handlers;
    server->user = user;
    bl_result result = bl_timer_create(loop, on_sweep, server, &server->sweep);
    if (bl_is_error(result)) {
        free(server);
        return result;
    }
    bl_timer_start(server->sweep, SWEEP_MS, SWEEP_MS);
    *out = server;
    return BL_OK;
}

void bl_http_server_configure(struct bl_http_server *server, const struct bl_http_config *config) {
    server->config = *config;
}

void bl_http_server_accept(void *user, struct bl_stream *stream) {
    static const struct bl_stream_events events = {on_data, on_end, on_closed, on_drained};
    struct bl_http_server *server = user;

    look_at_clock(server);
    server->counts.accepted++;
    struct bl_http_connection *connection =
        server->counts.open >= server->config.max_connections || server->is_draining
            ? NULL
            : calloc(1, sizeof(*connection));
    if (connection == NULL) {
        bl_http_count(server, BL_HTTP_FAULT_CONNECTIONS);
        bl_stream_close(stream);
        return;
    }
    connection->server = server;
    connection->stream = stream;
    connection->began_ms = bl_http_now_ms(server);
    connection->next = server->first;
    connection->slot = &server->first;
    if (server->first != NULL) {
        server->first->slot = &connection->next;
    }
    server->first = connection;
    server->counts.open++;
    bl_stream_listen(stream, &events, connection);
}

void bl_http_server_drain(struct bl_http_server *server) {
    if (server->is_draining) {
        return;
    }
    server->is_draining = true;
    for (struct bl_http_connection *at = server->first; at != NULL; at = at->next) {
        if (at->protocol != NULL) {
            at->protocol->drain(at->state);
        }
    }
    on_sweep(server);
}

void bl_http_server_destroy(struct bl_http_server *server) {
    if (server == NULL) {
        return;
    }
    bl_timer_destroy(server->sweep);
    server->is_destroyed = true;
    for (struct bl_http_connection *at = server->first; at != NULL; at = at->next) {
        bl_stream_close(at->stream);
    }
    free_server(server);
}

struct bl_http_counts bl_http_server_counts(const struct bl_http_server *server) {
    return server->counts;
}
