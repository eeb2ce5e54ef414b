/*
 * HTTP/1.1 on a connection: llhttp reads, this decides.
 *
 *   IDLE ──first byte──▶ HEAD ──end of headers──▶ BODY ──end──▶ HANDLING ──reply──▶ IDLE
 *                          └────────── no good, too large, too slow ──▶ DISCARD ──▶ closed
 *
 * Requests of a connection are handled one after another. What comes while one is handled, or while
 * too much of earlier replies waits for the peer, is kept, and no more is read.
 */
#include <assert.h>
#include <llhttp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/http_private.h"

#define RESPONSE_HEAD_BYTES 4096

enum phase {
    PHASE_IDLE,     /* no byte of a request yet */
    PHASE_HEAD,     /* collecting headers */
    PHASE_BODY,     /* llhttp reads the body */
    PHASE_HANDLING, /* the handler has it */
    PHASE_DISCARD,  /* refused: what still comes is dropped */
};

struct http1 {
    struct bl_http_exchange exchange; /* first: the handler's view */
    struct bl_http_connection *connection;
    struct bl_http_server *server;
    llhttp_t parser;
    enum phase phase;
    uint64_t phase_began_ms;
    struct bl_http_inbound *inbound; /* while a request is under way */
    size_t trailer_bytes;
    char *kept; /* bytes behind the request that is handled */
    size_t kept_len;
    bool has_headers; /* what llhttp reports as a header from here on is a trailer */
    bool is_complete;
    bool is_consuming;
    bool peer_has_ended;
    enum bl_http_appended body_state;
};

static const struct bl_http_refusal malformed = {
    400, BL_E_INVALID_REQUEST, "SCHEMA_VALIDATION_FAILED", "this is no HTTP/1.1 request"};

static void enter(struct http1 *http, enum phase phase) {
    http->phase = phase;
    http->phase_began_ms = bl_http_now_ms(http->server);
}

/* --- replies --------------------------------------------------------------------------------- */

static void send_response(struct http1 *http, const struct bl_http_response *response, bool is_head,
                          bool closes) {
    char storage[RESPONSE_HEAD_BYTES];
    struct bl_buf buf;

    bl_buf_init(&buf, storage, sizeof(storage));
    bl_buf_literal(&buf, "HTTP/1.1 ");
    bl_buf_u64(&buf, response->status);
    bl_buf_char(&buf, ' ');
    bl_buf_str(&buf, bl_str_from_c(bl_http_status_text(response->status)));
    bl_buf_literal(&buf, "\r\nDate: ");
    bl_buf_str(&buf, bl_http_date(http->server));
    if (bl_str_is_present(response->content_type)) {
        bl_buf_literal(&buf, "\r\nContent-Type: ");
        bl_buf_str(&buf, response->content_type);
    }
    bl_buf_literal(&buf, "\r\nContent-Length: ");
    bl_buf_u64(&buf, response->body.len);
    if (response->retry_after_s > 0) {
        bl_buf_literal(&buf, "\r\nRetry-After: ");
        bl_buf_u64(&buf, (uint64_t)response->retry_after_s);
    }
    if (response->allow != NULL) {
        bl_buf_literal(&buf, "\r\nAllow: ");
        bl_buf_str(&buf, bl_str_from_c(response->allow));
    }
    if (bl_str_is_present(response->etag)) {
        bl_buf_literal(&buf, "\r\nETag: ");
        bl_buf_str(&buf, response->etag);
    }
    if (bl_str_is_present(response->location)) {
        bl_buf_literal(&buf, "\r\nLocation: ");
        bl_buf_str(&buf, response->location);
    }
    for (unsigned i = 0; i < response->header_count; i++) {
        bl_buf_literal(&buf, "\r\n");
        bl_buf_str(&buf, response->headers[i].name);
        bl_buf_literal(&buf, ": ");
        bl_buf_str(&buf, response->headers[i].value);
    }
    if (closes) {
        bl_buf_literal(&buf, "\r\nConnection: close");
    }
    bl_buf_literal(&buf, "\r\n\r\n");
    assert(!buf.overflowed);
    bl_http_write(http->connection, bl_buf_view(&buf));
    if (!is_head) {
        bl_http_write(http->connection, response->body);
    }
}

static void end_request(struct http1 *http) {
    bl_http_inbound_destroy(http->server, http->inbound);
    http->inbound = NULL;
}

/* Refuses what is being read, and everything behind it: nobody knows where the next request begins. */
static void refuse(struct http1 *http, enum bl_http_fault fault,
                   const struct bl_http_refusal *refusal) {
    char storage[BL_HTTP_REFUSAL_BYTES];
    struct bl_http_response response;

    if (http->phase == PHASE_DISCARD) {
        return;
    }
    if (fault != BL_HTTP_FAULT_MEMORY) { /* counted where it was found */
        bl_http_count(http->server, fault);
    }
    bl_http_refusal_write(refusal, storage, &response);
    send_response(http, &response, false, true);
    enter(http, PHASE_DISCARD);
}

static void refuse_malformed(struct http1 *http, const char *message) {
    struct bl_http_refusal refusal = malformed;

    refusal.message = message;
    refuse(http, BL_HTTP_FAULT_MALFORMED, &refusal);
}

static void refuse_body(struct http1 *http, enum bl_http_appended why) {
    static const struct bl_http_refusal too_large = {
        400, BL_E_INVALID_REQUEST, "PAYLOAD_TOO_LARGE",
        "the body is larger than intake.max_request_bytes allows"};
    static const struct bl_http_refusal no_memory = {
        503, BL_E_RESOURCE_EXHAUSTED, NULL, "too many large requests are under way; try again"};

    if (why == BL_HTTP_NO_MEMORY) {
        refuse(http, BL_HTTP_FAULT_MEMORY, &no_memory);
    } else {
        refuse(http, BL_HTTP_FAULT_TOO_LARGE, &too_large);
    }
}

static void refuse_head_size(struct http1 *http) {
    static const struct bl_http_refusal too_large = {
        431, BL_E_INVALID_REQUEST, "SCHEMA_VALIDATION_FAILED",
        "the headers are too large: 16384 bytes and 100 lines fit"};

    refuse(http, BL_HTTP_FAULT_TOO_LARGE, &too_large);
}

static void refuse_version(struct http1 *http) {
    static const struct bl_http_refusal version = {505, BL_E_INVALID_REQUEST,
                                                   "SCHEMA_VALIDATION_FAILED",
                                                   "HTTP/1.0, HTTP/1.1 and HTTP/2 are spoken here"};

    refuse(http, BL_HTTP_FAULT_MALFORMED, &version);
}

/* --- llhttp's calls -------------------------------------------------------------------------- */

static bool check_headers(struct http1 *http) {
    static const struct bl_http_refusal no_proxy = {501, BL_E_INVALID_REQUEST,
                                                    "SCHEMA_VALIDATION_FAILED", "this is no proxy"};
    const struct bl_http_inbound *inbound = http->inbound;
    unsigned lengths = bl_http_inbound_count(inbound, "content-length");
    unsigned hosts = bl_http_inbound_count(inbound, "host");
    bool has_coding = bl_http_inbound_count(inbound, "transfer-encoding") > 0;
    bool is_11 = http->parser.http_major == 1 && http->parser.http_minor == 1;

    if (http->parser.http_major != 1 || http->parser.http_minor > 1) {
        refuse_version(http);
    } else if ((is_11 && hosts != 1) || hosts > 1) {
        refuse_malformed(http, "a request names its Host once");
    } else if (lengths > 1 || (lengths == 1 && has_coding)) {
        refuse_malformed(http, "the length of the body is told twice");
    } else if (http->parser.method == HTTP_CONNECT) {
        refuse(http, BL_HTTP_FAULT_MALFORMED, &no_proxy);
    } else if (lengths == 1 && http->parser.content_length > http->server->config.max_body_bytes) {
        refuse_body(http, BL_HTTP_TOO_LARGE);
    } else {
        return true;
    }
    return false;
}

static int on_target(llhttp_t *parser, const char *at, size_t len) {
    struct http1 *http = parser->data;
    http->inbound->target = (struct bl_str){at, len}; /* one span: the head is read at once */
    return 0;
}

/* Trailers are nobody's headers: they would get past whoever filters those, and they stand in the
 * buffer that the next read overwrites. */
static int skip_trailer(struct http1 *http, size_t len) {
    http->trailer_bytes += len;
    return http->trailer_bytes > BL_HTTP_HEAD_MAX ? HPE_USER : 0;
}

static int on_name(llhttp_t *parser, const char *at, size_t len) {
    struct http1 *http = parser->data;
    struct bl_http_inbound *inbound = http->inbound;

    if (http->has_headers) {
        return skip_trailer(http, len);
    }
    if (inbound->header_count == BL_HTTP_HEADERS_MAX) {
        refuse_head_size(http);
        return HPE_USER;
    }
    inbound->headers[inbound->header_count++] = (struct bl_http_header){{at, len}, {at + len, 0}};
    return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t len) {
    struct http1 *http = parser->data;
    struct bl_http_inbound *inbound = http->inbound;

    if (http->has_headers) {
        return skip_trailer(http, len);
    }
    if (inbound->header_count > 0) {
        inbound->headers[inbound->header_count - 1].value = bl_str_trim((struct bl_str){at, len});
    }
    return 0;
}

static int on_headers_complete(llhttp_t *parser) {
    struct http1 *http = parser->data;

    http->has_headers = true;
    if (!check_headers(http)) {
        return -1;
    }
    http->inbound->method = bl_str_from_c(llhttp_method_name((llhttp_method_t)http->parser.method));
    struct bl_str expected = bl_http_inbound_find(http->inbound, "expect");
    bool waits = expected.len == 12 && strncasecmp(expected.data, "100-continue", 12) == 0;
    if (waits && parser->http_minor == 1) {
        bl_http_write(http->connection, BL_STR("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len) {
    struct http1 *http = parser->data;

    http->body_state =
        bl_http_inbound_append(http->server, http->inbound, (struct bl_str){at, len});
    return http->body_state == BL_HTTP_APPENDED ? 0 : HPE_USER;
}

static int on_complete(llhttp_t *parser) {
    struct http1 *http = parser->data;
    http->is_complete = true;
    return HPE_PAUSED;
}

/* llhttp keeps the address, and does not write to it. */
static llhttp_settings_t *settings(void) {
    static llhttp_settings_t calls = {
        .on_url = on_target,
        .on_header_field = on_name,
        .on_header_value = on_value,
        .on_headers_complete = on_headers_complete,
        .on_body = on_body,
        .on_message_complete = on_complete,
    };
    return &calls;
}

/* --- requests -------------------------------------------------------------------------------- */

static void resume(struct http1 *http);

/* A peer that said that it sends no more gets what it is owed, then the end. */
static void settle_end(struct http1 *http) {
    if (http->peer_has_ended && http->phase != PHASE_HANDLING && http->kept_len == 0) {
        bl_stream_finish(http->connection->stream);
    }
}

static void begin_request(struct http1 *http) {
    llhttp_init(&http->parser, HTTP_REQUEST, settings());
    http->parser.data = http;
    http->is_complete = false;
    http->has_headers = false;
    http->body_state = BL_HTTP_APPENDED;
    http->trailer_bytes = 0;
}

static void handle(struct http1 *http) {
    const struct bl_http_request request = bl_http_inbound_request(http->inbound, http->connection);

    enter(http, PHASE_HANDLING);
    http->server->counts.requests_1++;
    http->server->counts.under_way++;
    http->exchange.on_gone = NULL;
    http->server->handlers.on_request(http->server->user, &http->exchange, &request);
}

static void respond(struct bl_http_exchange *exchange, const struct bl_http_response *response) {
    struct http1 *http = (struct http1 *)exchange;
    bool is_head = http->parser.method == HTTP_HEAD;
    bool closes = response->close || http->server->is_draining ||
                  llhttp_should_keep_alive(&http->parser) == 0;

    assert(http->phase == PHASE_HANDLING);
    http->server->counts.under_way--;
    send_response(http, response, is_head, closes);
    begin_request(http);
    end_request(http);
    if (closes) {
        enter(http, PHASE_DISCARD);
        bl_stream_finish(http->connection->stream);
    } else {
        enter(http, PHASE_IDLE);
    }
    if (!http->is_consuming) {
        resume(http);
        settle_end(http);
    }
}

/* Runs llhttp; returns how many bytes it took. */
static size_t run_parser(struct http1 *http, struct bl_str bytes) {
    llhttp_errno_t error = llhttp_execute(&http->parser, bytes.data, bytes.len);

    if (error == HPE_OK) {
        return bytes.len;
    }
    if (http->is_complete && (error == HPE_PAUSED || error == HPE_PAUSED_UPGRADE)) {
        return (size_t)(llhttp_get_error_pos(&http->parser) - bytes.data);
    }
    if (http->body_state != BL_HTTP_APPENDED) {
        refuse_body(http, http->body_state);
    } else if (error == HPE_INVALID_VERSION) {
        refuse_version(http);
    } else {
        refuse(http, BL_HTTP_FAULT_MALFORMED, &malformed);
    }
    return bytes.len;
}

/* Collects the head; returns how many bytes it took. */
static size_t take_head(struct http1 *http, struct bl_str bytes) {
    struct bl_http_inbound *inbound = http->inbound;
    size_t before = inbound->head_len;
    size_t room = BL_HTTP_HEAD_MAX - before;
    size_t take = bytes.len < room ? bytes.len : room;

    memcpy(inbound->head + before, bytes.data, take);
    inbound->head_len += take;
    size_t from = before > 3 ? before - 3 : 0;
    const char *end = memmem(inbound->head + from, inbound->head_len - from, "\r\n\r\n", 4);
    if (end == NULL) {
        /* A line that ends without CR would otherwise be waited for until the time is over. */
        if (memmem(inbound->head, inbound->head_len, "\n\n", 2) != NULL) {
            refuse_malformed(http, "a line ends without a carriage return");
        } else if (inbound->head_len == BL_HTTP_HEAD_MAX) {
            refuse_head_size(http);
        }
        return take;
    }
    size_t len = (size_t)(end - inbound->head) + 4;
    struct bl_str head = {inbound->head, len};
    inbound->head_len = len;
    const char *ambiguity = bl_http1_find_ambiguity(head);
    enter(http, PHASE_BODY);
    if (ambiguity != NULL) {
        refuse_malformed(http, ambiguity);
    } else {
        (void)run_parser(http, head);
    }
    return len - before;
}

/* Empty lines before a request are passed over (RFC 9112, 2.2). */
static size_t begin_head(struct http1 *http, struct bl_str bytes) {
    static const struct bl_http_refusal no_memory = {503, BL_E_RESOURCE_EXHAUSTED, NULL,
                                                     "too many requests are under way; try again"};
    size_t skipped = 0;

    while (skipped < bytes.len && (bytes.data[skipped] == '\r' || bytes.data[skipped] == '\n')) {
        skipped++;
    }
    if (skipped < bytes.len) {
        http->inbound = bl_http_inbound_create(http->server);
        if (http->inbound == NULL) {
            refuse(http, BL_HTTP_FAULT_MEMORY, &no_memory);
        } else {
            enter(http, PHASE_HEAD);
        }
    }
    return skipped;
}

static size_t take_some(struct http1 *http, struct bl_str bytes) {
    switch (http->phase) {
    case PHASE_IDLE:
        return begin_head(http, bytes);
    case PHASE_HEAD:
        return take_head(http, bytes);
    case PHASE_BODY:
        return run_parser(http, bytes);
    default:
        return bytes.len; /* DISCARD */
    }
}

/* Whether the next byte has to wait. */
static bool has_to_wait(const struct http1 *http) {
    return http->phase == PHASE_HANDLING ||
           (http->phase == PHASE_IDLE &&
            bl_stream_unsent(http->connection->stream) > BL_STREAM_OUT_MARK);
}

/* Bounded by what one turn reads: nothing more is read while something is kept. */
static void keep(struct http1 *http, struct bl_str bytes) {
    char *kept = malloc(bytes.len);

    if (kept == NULL) {
        bl_stream_close(http->connection->stream);
        return;
    }
    memcpy(kept, bytes.data, bytes.len);
    http->kept = kept;
    http->kept_len = bytes.len;
    bl_stream_pause(http->connection->stream, true);
}

static void consume(struct http1 *http, struct bl_str bytes) {
    http->is_consuming = true;
    while (bytes.len > 0 && !has_to_wait(http)) {
        size_t taken = take_some(http, bytes);
        bytes.data += taken;
        bytes.len -= taken;
        if (http->is_complete && http->phase == PHASE_BODY) {
            handle(http);
        }
    }
    http->is_consuming = false;
    if (bytes.len > 0) {
        keep(http, bytes);
    }
}

static void resume(struct http1 *http) {
    struct bl_str bytes = {http->kept, http->kept_len};

    if (bytes.len == 0 || has_to_wait(http)) {
        return;
    }
    http->kept = NULL;
    http->kept_len = 0;
    bl_stream_pause(http->connection->stream, false);
    consume(http, bytes);
    free((void *)(uintptr_t)bytes.data);
}

/* --- the protocol ---------------------------------------------------------------------------- */

static void *http1_open(struct bl_http_connection *connection) {
    static const struct bl_http_answering answering = {.respond = respond};
    struct http1 *http = calloc(1, sizeof(*http));

    if (http != NULL) {
        http->exchange.answering = &answering;
        http->connection = connection;
        http->server = connection->server;
        begin_request(http);
        enter(http, PHASE_IDLE);
    }
    return http;
}

static void http1_on_data(void *state, struct bl_str bytes) {
    consume(state, bytes);
}

static void http1_on_drained(void *state) {
    resume(state);
    settle_end(state);
}

static void http1_on_end(void *state) {
    struct http1 *http = state;

    http->peer_has_ended = true;
    settle_end(http);
}

static void http1_sweep(void *state, uint64_t now_ms) {
    static const struct bl_http_refusal slow = {408, BL_E_DEADLINE_EXCEEDED, NULL,
                                                "the request took too long to arrive"};
    struct http1 *http = state;
    const struct bl_http_config *config = &http->server->config;
    uint64_t age_ms = now_ms - http->phase_began_ms;

    switch (http->phase) {
    case PHASE_IDLE:
        if (http->kept_len == 0 &&
            (age_ms > config->idle_timeout_ms ||
             (http->server->is_draining && age_ms > BL_HTTP_DRAIN_IDLE_MS))) {
            bl_stream_finish(http->connection->stream);
        }
        break;
    case PHASE_HEAD:
    case PHASE_BODY:
        if (age_ms >
            (http->phase == PHASE_HEAD ? config->header_timeout_ms : config->body_timeout_ms)) {
            refuse(http, BL_HTTP_FAULT_SLOW, &slow);
        }
        break;
    case PHASE_HANDLING:
        break; /* the handler has deadlines of its own */
    case PHASE_DISCARD:
        if (age_ms > BL_HTTP_LINGER_MS) {
            bl_stream_finish(http->connection->stream);
        }
        break;
    }
}

static void http1_drain(void *state) {
    (void)state; /* the sweep ends what waits; replies say that the connection closes */
}

static void http1_close(void *state) {
    struct http1 *http = state;

    if (http->phase == PHASE_HANDLING) {
        http->server->counts.under_way--;
        http->server->counts.resets++;
        if (http->exchange.on_gone != NULL) {
            http->exchange.on_gone(http->exchange.gone_user);
        }
    }
    end_request(http);
    free(http->kept);
    free(http);
}

const struct bl_http_protocol bl_http1 = {
    http1_open,  http1_on_data, http1_on_drained, http1_on_end,
    http1_sweep, http1_drain,   http1_close,
};
