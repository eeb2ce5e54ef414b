#include "net/http1.h"

#include <assert.h>
#include <llhttp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/buf.h"
#include "net/clock.h"
#include "net/timer.h"

#define SWEEP_MS 250
#define LINGER_MS 1000 /* how long the rest of a refused request is read and dropped */
#define RESPONSE_HEAD_BYTES 512

enum phase {
    PHASE_IDLE,    /* no byte of a request yet */
    PHASE_HEAD,    /* collecting headers */
    PHASE_BODY,    /* llhttp reads the body */
    PHASE_DISCARD, /* refused: what still comes is dropped */
};

struct header {
    struct bl_str name, value;
};

struct connection {
    struct bl_http_server *server;
    struct connection *next, **slot;
    struct bl_stream *stream;
    llhttp_t parser;
    enum phase phase;
    uint64_t phase_began_ms;
    char *head; /* BL_HTTP_HEAD_MAX, while a request is under way */
    size_t head_len;
    struct bl_str target;
    struct header headers[BL_HTTP_HEADERS_MAX];
    unsigned header_count;
    char *body;
    size_t body_len, body_capacity;
    size_t trailer_bytes;
    bool has_headers; /* what llhttp reports as a header from here on is a trailer */
    bool is_too_large;
    bool is_complete;
};

struct bl_http_server {
    struct bl_http_config config;
    bl_http_handler handler;
    void *user;
    struct bl_timer *sweep;
    struct connection *first;
    llhttp_settings_t settings;
    struct bl_http_counts counts;
    bool is_draining;
    bool is_destroyed;
};

static uint64_t now_ms(void) {
    return bl_clock_monotonic_ns() / 1000000;
}

static void enter(struct connection *connection, enum phase phase) {
    connection->phase = phase;
    connection->phase_began_ms = now_ms();
}

/* --- replies --------------------------------------------------------------------------------- */

const char *bl_http_status_text(unsigned status) {
    static const struct {
        unsigned status;
        const char *text;
    } texts[] = {
        {200, "OK"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
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

static void put_date(struct bl_buf *buf) {
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = (time_t)(bl_clock_wall_ns() / 1000000000);
    struct tm at;

    (void)gmtime_r(&now, &at);
    bl_buf_printf(buf, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[at.tm_wday],
                  at.tm_mday, months[at.tm_mon], at.tm_year + 1900, at.tm_hour, at.tm_min,
                  at.tm_sec);
}

static void send_response(struct connection *connection, const struct bl_http_response *response,
                          bool is_head, bool closes) {
    char storage[RESPONSE_HEAD_BYTES];
    struct bl_buf buf;

    bl_buf_init(&buf, storage, sizeof(storage));
    bl_buf_printf(&buf, "HTTP/1.1 %u %s\r\n", response->status,
                  bl_http_status_text(response->status));
    put_date(&buf);
    bl_buf_printf(&buf, "Content-Type: %.*s\r\nContent-Length: %zu\r\n",
                  BL_STR_ARG(response->content_type), response->body.len);
    if (response->retry_after_s > 0) {
        bl_buf_printf(&buf, "Retry-After: %lld\r\n", (long long)response->retry_after_s);
    }
    if (response->allow != NULL) {
        bl_buf_printf(&buf, "Allow: %s\r\n", response->allow);
    }
    if (closes) {
        bl_buf_literal(&buf, "Connection: close\r\n");
    }
    bl_buf_literal(&buf, "\r\n");
    assert(!buf.overflowed);
    bl_stream_write(connection->stream, bl_buf_view(&buf));
    if (!is_head) {
        bl_stream_write(connection->stream, response->body);
    }
}

/* Refuses what is being read, and everything behind it: nobody knows where the next request begins. */
static void refuse(struct connection *connection, unsigned status, const char *code,
                   const char *message) {
    char storage[400];
    struct bl_buf buf;

    if (connection->phase == PHASE_DISCARD) {
        return;
    }
    bl_buf_init(&buf, storage, sizeof(storage));
    bl_buf_printf(&buf, "{\"ok\":false,\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}", code,
                  message);
    const struct bl_http_response response = {
        .status = status, .content_type = BL_STR("application/json"), .body = bl_buf_view(&buf)};
    connection->server->counts.bad_requests++;
    send_response(connection, &response, false, true);
    enter(connection, PHASE_DISCARD);
}

/* --- headers --------------------------------------------------------------------------------- */

static bool is_named(struct bl_str found, const char *name) {
    size_t len = strlen(name);
    return found.len == len && strncasecmp(found.data, name, len) == 0;
}

static struct bl_str find_header(const void *source, const char *name, size_t index) {
    const struct connection *connection = source;

    for (unsigned i = 0; i < connection->header_count; i++) {
        if (is_named(connection->headers[i].name, name) && index-- == 0) {
            return connection->headers[i].value;
        }
    }
    return BL_STR_ABSENT;
}

static unsigned count_headers(const struct connection *connection, const char *name) {
    unsigned count = 0;

    for (unsigned i = 0; i < connection->header_count; i++) {
        count += is_named(connection->headers[i].name, name) ? 1 : 0;
    }
    return count;
}

/* Two spaces and no more: where a target ends is nobody's guess. */
static bool is_request_line(struct bl_str head) {
    unsigned spaces = 0;

    for (size_t i = 0; i < head.len && head.data[i] != '\r' && head.data[i] != '\n'; i++) {
        if (head.data[i] == '\t') {
            return false;
        }
        spaces += head.data[i] == ' ' ? 1 : 0;
    }
    return spaces == 2;
}

/* What llhttp lets through and intermediaries read in other ways. NULL = nothing. */
static const char *find_ambiguity(struct bl_str head) {
    if (!is_request_line(head)) {
        return "the first line is not a method, a target and a version";
    }
    for (size_t i = 0; i < head.len; i++) {
        char c = head.data[i];
        if (c == '\0') {
            return "a header holds a NUL";
        }
        if (c == '\n' && (i == 0 || head.data[i - 1] != '\r')) {
            return "a line ends without a carriage return";
        }
        if (c == '\r' && (i + 1 == head.len || head.data[i + 1] != '\n')) {
            return "a carriage return stands within a line";
        }
        bool starts_line = i > 0 && head.data[i - 1] == '\n';
        if (starts_line && (c == ' ' || c == '\t')) {
            return "a header is folded over two lines";
        }
        bool is_space = c == ' ' || c == '\t';
        if (is_space && i + 1 < head.len && head.data[i + 1] == ':') {
            const char *line = memrchr(head.data, '\n', i);
            bool in_name =
                line != NULL && memchr(line, ':', (size_t)(head.data + i - line)) == NULL;
            if (in_name) {
                return "a space stands before a colon";
            }
        }
    }
    return NULL;
}

static bool check_headers(struct connection *connection) {
    bool has_length = count_headers(connection, "content-length") > 0;
    bool has_coding = count_headers(connection, "transfer-encoding") > 0;
    bool is_11 = connection->parser.http_major == 1 && connection->parser.http_minor == 1;

    if (connection->parser.http_major != 1 || connection->parser.http_minor > 1) {
        refuse(connection, 505, "invalid_request", "only HTTP/1.0 and HTTP/1.1 are spoken here");
    } else if ((is_11 && count_headers(connection, "host") != 1) ||
               count_headers(connection, "host") > 1) {
        refuse(connection, 400, "invalid_request", "a request names its Host once");
    } else if (count_headers(connection, "content-length") > 1 || (has_length && has_coding)) {
        refuse(connection, 400, "invalid_request", "the length of the body is told twice");
    } else if (connection->parser.method == HTTP_CONNECT) {
        refuse(connection, 501, "invalid_request", "this is no proxy");
    } else if (has_length &&
               connection->parser.content_length > connection->server->config.max_body_bytes) {
        refuse(connection, 413, "invalid_request", "the body is too large");
    } else {
        return true;
    }
    return false;
}

/* --- llhttp's calls -------------------------------------------------------------------------- */

static int on_target(llhttp_t *parser, const char *at, size_t len) {
    struct connection *connection = parser->data;
    connection->target = (struct bl_str){at, len}; /* one span: the head is read at once */
    return 0;
}

/* Trailers are nobody's headers: they would get past whoever filters those, and they stand in the
 * buffer that the next read overwrites. */
static int skip_trailer(struct connection *connection, size_t len) {
    connection->trailer_bytes += len;
    return connection->trailer_bytes > BL_HTTP_HEAD_MAX ? HPE_USER : 0;
}

static int on_name(llhttp_t *parser, const char *at, size_t len) {
    struct connection *connection = parser->data;

    if (connection->has_headers) {
        return skip_trailer(connection, len);
    }
    if (connection->header_count == BL_HTTP_HEADERS_MAX) {
        return HPE_USER;
    }
    connection->headers[connection->header_count++] = (struct header){{at, len}, {at + len, 0}};
    return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t len) {
    struct connection *connection = parser->data;

    if (connection->has_headers) {
        return skip_trailer(connection, len);
    }
    if (connection->header_count > 0) {
        connection->headers[connection->header_count - 1].value =
            bl_str_trim((struct bl_str){at, len});
    }
    return 0;
}

static int on_headers_complete(llhttp_t *parser) {
    struct connection *connection = parser->data;

    connection->has_headers = true;
    if (!check_headers(connection)) {
        return -1;
    }
    struct bl_str expected = find_header(connection, "expect", 0);
    bool waits = expected.len == 12 && strncasecmp(expected.data, "100-continue", 12) == 0;
    if (waits && parser->http_minor == 1) {
        bl_stream_write(connection->stream, BL_STR("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len) {
    struct connection *connection = parser->data;

    if (len > connection->server->config.max_body_bytes - connection->body_len) {
        connection->is_too_large = true;
        return HPE_USER;
    }
    if (connection->body_len + len > connection->body_capacity) {
        size_t capacity = connection->body_capacity == 0 ? 4096 : connection->body_capacity;
        while (capacity < connection->body_len + len) {
            capacity *= 2;
        }
        char *body = realloc(connection->body, capacity);
        if (body == NULL) {
            return HPE_USER;
        }
        connection->body = body;
        connection->body_capacity = capacity;
    }
    memcpy(connection->body + connection->body_len, at, len);
    connection->body_len += len;
    return 0;
}

static int on_complete(llhttp_t *parser) {
    struct connection *connection = parser->data;
    connection->is_complete = true;
    return HPE_PAUSED;
}

static void init_settings(llhttp_settings_t *settings) {
    llhttp_settings_init(settings);
    settings->on_url = on_target;
    settings->on_header_field = on_name;
    settings->on_header_value = on_value;
    settings->on_headers_complete = on_headers_complete;
    settings->on_body = on_body;
    settings->on_message_complete = on_complete;
}

/* --- requests -------------------------------------------------------------------------------- */

static void begin_request(struct connection *connection) {
    llhttp_init(&connection->parser, HTTP_REQUEST, &connection->server->settings);
    connection->parser.data = connection;
    connection->head_len = 0;
    connection->header_count = 0;
    connection->body_len = 0;
    connection->is_complete = false;
    connection->is_too_large = false;
    connection->has_headers = false;
    connection->trailer_bytes = 0;
    connection->target = BL_STR_ABSENT;
}

/* A connection that waits holds no memory but its own. */
static void release_buffers(struct connection *connection) {
    free(connection->head);
    free(connection->body);
    connection->head = NULL;
    connection->body = NULL;
    connection->body_capacity = 0;
}

static void answer(struct connection *connection) {
    struct bl_http_server *server = connection->server;
    const char *mark = memchr(connection->target.data, '?', connection->target.len);
    size_t path_len =
        mark == NULL ? connection->target.len : (size_t)(mark - connection->target.data);
    bool is_head = connection->parser.method == HTTP_HEAD;
    const struct bl_http_request request = {
        .method = bl_str_from_c(llhttp_method_name((llhttp_method_t)connection->parser.method)),
        .path = {connection->target.data, path_len},
        .query = mark == NULL ? BL_STR_ABSENT
                              : (struct bl_str){mark + 1, connection->target.len - path_len - 1},
        .headers = {find_header, connection},
        .body = {connection->body == NULL ? "" : connection->body, connection->body_len},
        .peer = bl_stream_peer(connection->stream),
    };
    struct bl_http_response response = {.status = 200, .content_type = BL_STR("application/json")};

    server->counts.requests++;
    server->handler(server->user, &request, &response);
    bool closes =
        response.close || server->is_draining || llhttp_should_keep_alive(&connection->parser) == 0;
    send_response(connection, &response, is_head, closes);
    begin_request(connection);
    if (closes) {
        enter(connection, PHASE_DISCARD);
        bl_stream_finish(connection->stream);
    } else {
        enter(connection, PHASE_IDLE);
    }
}

/* Runs llhttp; returns how many bytes it took. */
static size_t run_parser(struct connection *connection, struct bl_str bytes) {
    llhttp_errno_t error = llhttp_execute(&connection->parser, bytes.data, bytes.len);

    if (error == HPE_OK) {
        return bytes.len;
    }
    if (connection->is_complete && (error == HPE_PAUSED || error == HPE_PAUSED_UPGRADE)) {
        return (size_t)(llhttp_get_error_pos(&connection->parser) - bytes.data);
    }
    if (connection->is_too_large) {
        refuse(connection, 413, "invalid_request", "the body is too large");
    } else if (connection->header_count == BL_HTTP_HEADERS_MAX) {
        refuse(connection, 431, "invalid_request", "there are too many headers");
    } else if (error == HPE_INVALID_VERSION) {
        refuse(connection, 505, "invalid_request", "only HTTP/1.0 and HTTP/1.1 are spoken here");
    } else {
        refuse(connection, 400, "invalid_request", "this is no HTTP/1.1 request");
    }
    return bytes.len;
}

/* Collects the head; returns how many bytes it took. */
static size_t take_head(struct connection *connection, struct bl_str bytes) {
    size_t room = BL_HTTP_HEAD_MAX - connection->head_len;
    size_t take = bytes.len < room ? bytes.len : room;
    size_t before = connection->head_len;

    memcpy(connection->head + before, bytes.data, take);
    connection->head_len += take;
    size_t from = before > 3 ? before - 3 : 0;
    const char *end = memmem(connection->head + from, connection->head_len - from, "\r\n\r\n", 4);
    if (end == NULL) {
        /* A line that ends without CR would otherwise be waited for until the time is over. */
        struct bl_str head = {connection->head, connection->head_len};
        if (memmem(head.data, head.len, "\n\n", 2) != NULL) {
            refuse(connection, 400, "invalid_request", "a line ends without a carriage return");
        } else if (connection->head_len == BL_HTTP_HEAD_MAX) {
            refuse(connection, 431, "invalid_request", "the headers are too large");
        }
        return take;
    }
    size_t len = (size_t)(end - connection->head) + 4;
    struct bl_str head = {connection->head, len};
    connection->head_len = len;
    const char *ambiguity = find_ambiguity(head);
    enter(connection, PHASE_BODY);
    if (ambiguity != NULL) {
        refuse(connection, 400, "invalid_request", ambiguity);
    } else {
        (void)run_parser(connection, head);
    }
    return len - before;
}

/* Empty lines before a request are passed over (RFC 9112, 2.2). */
static size_t skip_empty_lines(struct bl_str bytes) {
    size_t skipped = 0;

    while (skipped < bytes.len && (bytes.data[skipped] == '\r' || bytes.data[skipped] == '\n')) {
        skipped++;
    }
    return skipped;
}

static size_t take_some(struct connection *connection, struct bl_str bytes) {
    switch (connection->phase) {
    case PHASE_IDLE: {
        size_t skipped = skip_empty_lines(bytes);
        if (skipped < bytes.len) {
            connection->head =
                connection->head != NULL ? connection->head : malloc(BL_HTTP_HEAD_MAX);
            if (connection->head == NULL) {
                bl_stream_close(connection->stream);
                return bytes.len;
            }
            enter(connection, PHASE_HEAD);
        }
        return skipped;
    }
    case PHASE_HEAD:
        return take_head(connection, bytes);
    case PHASE_BODY:
        return run_parser(connection, bytes);
    case PHASE_DISCARD:
        break;
    }
    return bytes.len;
}

static void on_data(void *user, struct bl_str bytes) {
    struct connection *connection = user;

    while (bytes.len > 0) {
        size_t taken = take_some(connection, bytes);
        bytes.data += taken;
        bytes.len -= taken;
        if (connection->is_complete && connection->phase == PHASE_BODY) {
            answer(connection);
        }
    }
    if (connection->phase == PHASE_IDLE) {
        release_buffers(connection);
    }
}

static void on_end(void *user) {
    struct connection *connection = user;

    bl_stream_finish(connection->stream);
}

static void free_server(struct bl_http_server *server) {
    if (server->is_destroyed && server->first == NULL) {
        free(server);
    }
}

static void on_closed(void *user) {
    struct connection *connection = user;
    struct bl_http_server *server = connection->server;

    *connection->slot = connection->next;
    if (connection->next != NULL) {
        connection->next->slot = connection->slot;
    }
    server->counts.open--;
    release_buffers(connection);
    free(connection);
    free_server(server);
}

/* --- the server ------------------------------------------------------------------------------ */

static void sweep_one(struct connection *connection, uint64_t now) {
    const struct bl_http_config *config = &connection->server->config;
    uint64_t age_ms = now - connection->phase_began_ms;
    bool is_stalled = bl_stream_unsent(connection->stream) > 0 &&
                      bl_stream_idle_ms(connection->stream) > config->write_timeout_ms;

    if (is_stalled) {
        connection->server->counts.timeouts++;
        bl_stream_close(connection->stream);
        return;
    }
    switch (connection->phase) {
    case PHASE_IDLE:
        if (age_ms > config->idle_timeout_ms || connection->server->is_draining) {
            bl_stream_finish(connection->stream);
        }
        break;
    case PHASE_HEAD:
    case PHASE_BODY:
        if (age_ms > (connection->phase == PHASE_HEAD ? config->header_timeout_ms
                                                      : config->body_timeout_ms)) {
            connection->server->counts.timeouts++;
            refuse(connection, 408, "deadline_exceeded", "the request took too long to arrive");
        }
        break;
    case PHASE_DISCARD:
        if (age_ms > LINGER_MS) {
            bl_stream_finish(connection->stream);
        }
        break;
    }
}

static void on_sweep(void *user) {
    struct bl_http_server *server = user;
    uint64_t now = now_ms();

    for (struct connection *at = server->first; at != NULL; at = at->next) {
        sweep_one(at, now);
    }
}

bl_result bl_http_server_create(struct bl_loop *loop, const struct bl_http_config *config,
                                bl_http_handler handler, void *user, struct bl_http_server **out) {
    struct bl_http_server *server = calloc(1, sizeof(*server));

    if (server == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    server->config = *config;
    server->handler = handler;
    server->user = user;
    init_settings(&server->settings);
    bl_result result = bl_timer_create(loop, on_sweep, server, &server->sweep);
    if (bl_is_error(result)) {
        free(server);
        return result;
    }
    bl_timer_start(server->sweep, SWEEP_MS, SWEEP_MS);
    *out = server;
    return BL_OK;
}

void bl_http_server_accept(void *user, struct bl_stream *stream) {
    static const struct bl_stream_events events = {on_data, on_end, on_closed};
    struct bl_http_server *server = user;

    server->counts.accepted++;
    struct connection *connection =
        server->counts.open >= server->config.max_connections || server->is_draining
            ? NULL
            : calloc(1, sizeof(*connection));
    if (connection == NULL) {
        server->counts.refused++;
        bl_stream_close(stream);
        return;
    }
    connection->server = server;
    connection->stream = stream;
    connection->next = server->first;
    connection->slot = &server->first;
    if (server->first != NULL) {
        server->first->slot = &connection->next;
    }
    server->first = connection;
    server->counts.open++;
    begin_request(connection);
    enter(connection, PHASE_IDLE);
    bl_stream_listen(stream, &events, connection);
}

void bl_http_server_drain(struct bl_http_server *server) {
    server->is_draining = true;
    on_sweep(server);
}

void bl_http_server_destroy(struct bl_http_server *server) {
    if (server == NULL) {
        return;
    }
    bl_timer_destroy(server->sweep);
    server->is_destroyed = true;
    for (struct connection *at = server->first; at != NULL; at = at->next) {
        bl_stream_close(at->stream);
    }
    free_server(server);
}

struct bl_http_counts bl_http_server_counts(const struct bl_http_server *server) {
    return server->counts;
}
