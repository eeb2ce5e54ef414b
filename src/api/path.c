/* Which operation a method and a path name. */
#include <string.h>

#include "api/operation.h"
#include "base/buf.h"
#include "base/text.h"

#define SEGMENTS_MAX 8

struct segments {
    struct bl_str items[SEGMENTS_MAX];
    size_t count;
};

/* The next segment of what is left behind a slash; takes it off. */
static struct bl_str next_segment(struct bl_str *rest) {
    const char *slash = memchr(rest->data, '/', rest->len);
    size_t len = slash == NULL ? rest->len : (size_t)(slash - rest->data);
    struct bl_str segment = {rest->data, len};

    *rest = slash == NULL ? BL_STR_ABSENT : (struct bl_str){slash + 1, rest->len - len - 1};
    return segment;
}

/* False: a broken escape, or one of a byte that no segment has. */
static bool decode(struct bl_str segment, struct bl_buf *out) {
    for (size_t i = 0; i < segment.len; i++) {
        unsigned char byte = (unsigned char)segment.data[i];
        if (byte == '%') {
            if (segment.len - i < 3 ||
                !bl_hex_read((struct bl_str){segment.data + i + 1, 2}, &byte, 1)) {
                return false;
            }
            i += 2;
            if (byte == '/' || byte == '\\') {
                return false;
            }
        }
        if (byte < 0x20 || byte == 0x7f) {
            return false;
        }
        bl_buf_char(out, (char)byte);
    }
    return true;
}

static enum bl_operation_found split(struct bl_str path, char *storage, struct segments *out) {
    struct bl_buf buf;

    out->count = 0;
    if (bl_str_is_blank(path) || path.data[0] != '/' || path.len >= BL_OPERATION_PATH_MAX) {
        return BL_MATCH_NOTHING;
    }
    bl_buf_init(&buf, storage, BL_OPERATION_PATH_MAX);
    struct bl_str rest = {path.data + 1, path.len - 1};
    while (bl_str_is_present(rest)) {
        size_t from = buf.len;
        struct bl_str segment = next_segment(&rest);
        if (segment.len == 0) { /* at the end: a trailing slash, or the root itself */
            return bl_str_is_present(rest) ? BL_MATCH_MALFORMED : BL_MATCH_NOTHING;
        }
        if (!decode(segment, &buf)) {
            return BL_MATCH_MALFORMED;
        }
        struct bl_str decoded = {storage + from, buf.len - from};
        if (bl_str_equal_c(decoded, ".") || bl_str_equal_c(decoded, "..")) {
            return BL_MATCH_MALFORMED;
        }
        if (out->count < SEGMENTS_MAX) {
            out->items[out->count] = decoded;
        }
        out->count++;
    }
    return out->count <= SEGMENTS_MAX ? BL_MATCH_FOUND : BL_MATCH_NOTHING;
}

static void keep(struct bl_operation_match *match, struct bl_str name, struct bl_str value) {
    if (bl_str_equal_c(name, "{tenant}")) {
        match->tenant_id = value;
    } else if (bl_str_equal_c(name, "{policy}")) {
        match->policy_id = value;
    } else if (bl_str_equal_c(name, "{id}")) {
        match->id = value;
    } else {
        match->revision = value;
    }
}

static bool is_like(const char *path, const struct segments *segments,
                    struct bl_operation_match *match) {
    struct bl_str rest = bl_str_from_c(path + 1);
    size_t i = 0;

    match->tenant_id = match->policy_id = match->revision = match->id = BL_STR_ABSENT;
    for (; bl_str_is_present(rest); i++) {
        struct bl_str wanted = next_segment(&rest);
        if (i == segments->count) {
            return false;
        }
        if (wanted.data[0] == '{') {
            keep(match, wanted, segments->items[i]);
        } else if (!bl_str_equal(wanted, segments->items[i])) {
            return false;
        }
    }
    return i == segments->count;
}

static void allow(struct bl_buf *buf, const char *method) {
    if (memmem(buf->data, buf->len, method, strlen(method)) == NULL) {
        bl_buf_printf(buf, "%s%s", buf->len == 0 ? "" : ", ", method);
    }
}

static void allow_route(struct bl_buf *buf, const char *method) {
    allow(buf, method);
    if (strcmp(method, "GET") == 0) {
        allow(buf, "HEAD");
    }
}

enum bl_operation_found bl_operation_match(struct bl_str method, struct bl_str path,
                                           struct bl_operation_match *match) {
    bool is_head = bl_str_equal_c(method, "HEAD");
    struct segments segments;
    struct bl_buf allowed;

    match->tenant_id = match->policy_id = match->revision = match->id = BL_STR_ABSENT;
    match->operation = BL_OPERATION_COUNT;
    bl_buf_init(&allowed, match->allow, sizeof(match->allow) - 1);
    enum bl_operation_found found = split(path, match->storage, &segments);
    if (found != BL_MATCH_FOUND) {
        return found;
    }
    for (int o = 0; o < BL_OPERATION_COUNT; o++) {
        const struct bl_operation_route *routes = bl_operation_info((enum bl_operation)o)->routes;
        for (int r = 0; r < BL_OPERATION_ROUTES_MAX && routes[r].method != NULL; r++) {
            if (!is_like(routes[r].path, &segments, match)) {
                continue;
            }
            match->operation = (enum bl_operation)o; /* for OPTIONS: whose path it is */
            if (bl_str_equal_c(is_head ? BL_STR("GET") : method, routes[r].method)) {
                return BL_MATCH_FOUND;
            }
            allow_route(&allowed, routes[r].method);
        }
    }
    if (allowed.len == 0) {
        return BL_MATCH_NOTHING;
    }
    allow(&allowed, "OPTIONS");
    match->allow[allowed.len] = '\0';
    return bl_str_equal_c(method, "OPTIONS") ? BL_MATCH_OPTIONS : BL_MATCH_OTHER_METHOD;
}
