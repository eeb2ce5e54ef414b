#include <string.h>

#include "json/json.h"

/* Behind the string whose opening quote is at `at`; NULL if it does not end. */
static const char *skip_string(const char *at, const char *end) {
    for (at++; at < end; at++) {
        if (*at == '"') {
            return at + 1;
        }
        at += *at == '\\' ? 1 : 0;
    }
    return NULL;
}

static const char *skip_space(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) {
        at++;
    }
    return at;
}

/* The text between the quotes at [open, close), if it is short and has no escapes. */
static struct bl_str plain(const char *open, const char *close, size_t max_bytes) {
    struct bl_str inner = {open + 1, (size_t)(close - open) - 2};

    if (inner.len > max_bytes || memchr(inner.data, '\\', inner.len) != NULL) {
        return BL_STR_ABSENT;
    }
    return inner;
}

struct bl_str bl_json_scan_string(struct bl_str text, struct bl_str key, size_t scan_bytes,
                                  size_t max_bytes) {
    const char *at = text.data;
    const char *end = text.data + (text.len < scan_bytes ? text.len : scan_bytes);
    int depth = 0;

    while (at < end) {
        if (*at == '{' || *at == '[') {
            depth++;
        } else if (*at == '}' || *at == ']') {
            depth--;
        } else if (*at == '"') {
            const char *open = at;
            at = skip_string(at, end);
            if (at == NULL) {
                break;
            }
            const char *colon = skip_space(at, end);
            bool is_key = colon < end && *colon == ':' && depth == 1;
            if (is_key && bl_str_equal(plain(open, at, key.len), key)) {
                open = skip_space(colon + 1, end);
                const char *close = open < end && *open == '"' ? skip_string(open, end) : NULL;
                return close == NULL ? BL_STR_ABSENT : plain(open, close, max_bytes);
            }
            continue;
        }
        at++;
    }
    return BL_STR_ABSENT;
}
