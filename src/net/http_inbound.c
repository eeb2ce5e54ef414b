/* A request while it comes in: header lines, body, and the memory that both take. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/clock.h"
#include "net/http_private.h"

#define POOL_MAX 64
#define BODY_FIRST_BYTES 4096
#define BODY_KEPT_BYTES 16384 /* of a pooled one */

bool bl_http_take(struct bl_http_server *server, size_t bytes) {
    if (server->counts.memory_bytes + bytes > server->config.max_memory_bytes) {
        bl_http_count(server, BL_HTTP_FAULT_MEMORY);
        return false;
    }
    server->counts.memory_bytes += bytes;
    return true;
}

void bl_http_give(struct bl_http_server *server, size_t bytes) {
    server->counts.memory_bytes -= bytes;
}

struct bl_http_inbound *bl_http_inbound_create(struct bl_http_server *server) {
    struct bl_http_inbound *inbound = server->pool;
    size_t kept = inbound == NULL ? 0 : inbound->body_capacity;

    if (!bl_http_take(server, sizeof(*inbound) + kept)) {
        return NULL;
    }
    if (inbound != NULL) {
        server->pool = inbound->next;
        server->pooled--;
    } else {
        inbound = malloc(sizeof(*inbound));
        if (inbound == NULL) {
            bl_http_give(server, sizeof(*inbound));
            return NULL;
        }
        inbound->body = NULL;
        inbound->body_capacity = 0;
    }
    inbound->header_count = 0;
    inbound->head_len = 0;
    inbound->body_len = 0;
    inbound->method = BL_STR_ABSENT;
    inbound->target = BL_STR_ABSENT;
    inbound->began_ns = bl_clock_monotonic_ns();
    return inbound;
}

void bl_http_inbound_destroy(struct bl_http_server *server, struct bl_http_inbound *inbound) {
    if (inbound == NULL) {
        return;
    }
    bl_http_give(server, sizeof(*inbound) + inbound->body_capacity);
    if (server->pooled < POOL_MAX && inbound->body_capacity <= BODY_KEPT_BYTES) {
        inbound->next = server->pool;
        server->pool = inbound;
        server->pooled++;
        return;
    }
    free(inbound->body);
    free(inbound);
}

enum bl_http_appended bl_http_inbound_append(struct bl_http_server *server,
                                             struct bl_http_inbound *inbound, struct bl_str bytes) {
    size_t limit = server->config.max_body_bytes;

    if (inbound->body_len > limit || bytes.len > limit - inbound->body_len) {
        return BL_HTTP_TOO_LARGE;
    }
    size_t needed = inbound->body_len + bytes.len;
    if (needed > inbound->body_capacity) {
        size_t capacity = inbound->body_capacity == 0 ? BODY_FIRST_BYTES : inbound->body_capacity;
        while (capacity < needed) {
            capacity *= 2;
        }
        size_t more = capacity - inbound->body_capacity;
        if (!bl_http_take(server, more)) {
            return BL_HTTP_NO_MEMORY;
        }
        char *body = realloc(inbound->body, capacity);
        if (body == NULL) {
            bl_http_give(server, more);
            return BL_HTTP_NO_MEMORY;
        }
        inbound->body = body;
        inbound->body_capacity = capacity;
    }
    memcpy(inbound->body + inbound->body_len, bytes.data, bytes.len);
    inbound->body_len = needed;
    return BL_HTTP_APPENDED;
}

/* --- headers --------------------------------------------------------------------------------- */

bool bl_http_is_named(struct bl_str found, const char *name) {
    size_t len = strlen(name);
    return found.len == len && strncasecmp(found.data, name, len) == 0;
}

static struct bl_str find_nth(const void *source, const char *name, size_t index) {
    const struct bl_http_inbound *inbound = source;
    size_t len = strlen(name);

    for (unsigned i = 0; i < inbound->header_count; i++) {
        struct bl_str found = inbound->headers[i].name;
        if (found.len == len && strncasecmp(found.data, name, len) == 0 && index-- == 0) {
            return inbound->headers[i].value;
        }
    }
    return BL_STR_ABSENT;
}

struct bl_str bl_http_inbound_find(const struct bl_http_inbound *inbound, const char *name) {
    return find_nth(inbound, name, 0);
}

unsigned bl_http_inbound_count(const struct bl_http_inbound *inbound, const char *name) {
    unsigned count = 0;

    for (unsigned i = 0; i < inbound->header_count; i++) {
        count += bl_http_is_named(inbound->headers[i].name, name) ? 1 : 0;
    }
    return count;
}

struct bl_http_request bl_http_inbound_request(const struct bl_http_inbound *inbound,
                                               const struct bl_http_connection *connection) {
    struct bl_str target = inbound->target;
    const char *mark = target.len == 0 ? NULL : memchr(target.data, '?', target.len);
    size_t path_len = mark == NULL ? target.len : (size_t)(mark - target.data);
    bool is_http2 = connection->protocol == &bl_http2;

    return (struct bl_http_request){
        .method = inbound->method,
        .path = {target.data, path_len},
        .query =
            mark == NULL ? BL_STR_ABSENT : (struct bl_str){mark + 1, target.len - path_len - 1},
        .headers = {find_nth, inbound},
        .body = {inbound->body == NULL ? "" : inbound->body, inbound->body_len},
        .peer = bl_stream_peer(connection->stream),
        .protocol = is_http2 ? "HTTP/2" : "HTTP/1.1",
        .is_http2 = is_http2,
        .began_ns = inbound->began_ns,
    };
}
