#include <string.h>

#include "json/json.h"
#include "json/plain.h"

/* Behind the string whose opening quote is at `at`; NULL if it does not end. */
static const char *skip_string(const char *at, const char *end) {
    at++;
    for (;;) {
        at = bl_json_skip_plain(at, end);
        if (at == end) {
            return NULL;
        }
        if (*at == '"') {
            return at + 1;
        }
        if (*at == '\\' && end - at < 2) {
            return NULL;
        }
        at += *at == '\\' ? 2 : 1;
    }
}

static const char *skip_space(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) {
        at++;
    }
    return at;
}

/* The text of the string at [open, close), without its quotes; absent if it has escapes. */
static struct bl_str plain(const char *open, const char *close) {
    struct bl_str inner = {open + 1, (size_t)(close - open) - 2};

    return memchr(inner.data, '\\', inner.len) != NULL ? BL_STR_ABSENT : inner;
}

/* The string that begins at `at`, if there is one of at most `max_bytes`. */
static struct bl_str string_at(const char *at, const char *end, size_t max_bytes) {
    const char *close = at < end && *at == '"' ? skip_string(at, end) : NULL;
    struct bl_str value = close == NULL ? BL_STR_ABSENT : plain(at, close);

    return value.len <= max_bytes ? value : BL_STR_ABSENT;
}

struct bl_str bl_json_scan_string(struct bl_str text, struct bl_str key, size_t scan_bytes,
                                  size_t max_bytes) {
    size_t depth = 0;

    text.len = text.len < scan_bytes ? text.len : scan_bytes;
    if (text.len == 0) {
        return BL_STR_ABSENT;
    }
    const char *end = text.data + text.len;
    const char *at = skip_space(text.data, end);
    if (at == end || *at != '{') {
        return BL_STR_ABSENT;
    }
    while (at < end) {
        if (*at != '"') {
            depth += *at == '{' || *at == '[' ? 1 : 0;
            depth -= *at == '}' || *at == ']' ? 1 : 0;
            at++;
            if (depth == 0) {
                break;
            }
            continue;
        }
        const char *open = at;
        at = skip_string(at, end);
        if (at == NULL) {
            break;
        }
        const char *colon = skip_space(at, end);
        if (depth == 1 && colon < end && *colon == ':' && bl_str_equal(plain(open, at), key)) {
            return string_at(skip_space(colon + 1, end), end, max_bytes);
        }
    }
    return BL_STR_ABSENT;
}
