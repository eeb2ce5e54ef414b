#include "wire/trace_context.h"

#include <string.h>

#include "base/text.h"
#include "wire/fields.h"

enum {
    TRACE_AT = 3,
    PARENT_AT = 36,
    FLAGS_AT = 53,
    TRACE_LEN = 32,
    PARENT_LEN = 16,
    FLAGS_LEN = 2
};

static bool is_hex(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        bool good = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (!good) {
            return false;
        }
    }
    return true;
}

static bool is_all_zero(const char *text, size_t len) {
    return strspn(text, "0") >= len;
}

struct bl_trace_context bl_trace_context_read(const struct bl_headers *headers) {
    struct bl_trace_context none = {BL_STR_ABSENT, BL_STR_ABSENT, BL_STR_ABSENT};
    struct bl_str value = bl_headers_get(headers, "traceparent");
    const char *at = value.data;

    if (value.len < BL_TRACEPARENT_BYTES || bl_headers_conflict(headers, "traceparent")) {
        return none;
    }
    bool is_first_version = at[0] == '0' && at[1] == '0';
    bool has_more = value.len > BL_TRACEPARENT_BYTES;
    if (!is_hex(at, 2) || (at[0] == 'f' && at[1] == 'f') || (is_first_version && has_more) ||
        (has_more && at[BL_TRACEPARENT_BYTES] != '-')) {
        return none;
    }
    if (at[TRACE_AT - 1] != '-' || at[PARENT_AT - 1] != '-' || at[FLAGS_AT - 1] != '-' ||
        !is_hex(at + TRACE_AT, TRACE_LEN) || !is_hex(at + PARENT_AT, PARENT_LEN) ||
        !is_hex(at + FLAGS_AT, FLAGS_LEN) || is_all_zero(at + TRACE_AT, TRACE_LEN) ||
        is_all_zero(at + PARENT_AT, PARENT_LEN)) {
        return none;
    }
    return (struct bl_trace_context){
        {at + TRACE_AT, TRACE_LEN}, {at + PARENT_AT, PARENT_LEN}, {at + FLAGS_AT, FLAGS_LEN}};
}

void bl_trace_context_write(const struct bl_trace_context *context, const uint8_t span_id[8],
                            char out[BL_TRACEPARENT_BYTES]) {
    static const uint8_t zero[8], one[8] = {0, 0, 0, 0, 0, 0, 0, 1};
    struct bl_buf buf;

    bl_buf_init(&buf, out, BL_TRACEPARENT_BYTES);
    bl_buf_literal(&buf, "00-");
    bl_buf_str(&buf, context->trace_id);
    bl_buf_char(&buf, '-');
    bl_hex_write(&buf, memcmp(span_id, zero, 8) == 0 ? one : span_id, 8);
    bl_buf_char(&buf, '-');
    bl_buf_str(&buf, context->flags);
}

struct bl_str bl_wire_trace_id(const struct bl_headers *headers, struct bl_str from_body) {
    const struct bl_str candidates[] = {
        bl_headers_get(headers, "trace_id"),
        bl_headers_get(headers, "X-Trace-Id"),
        bl_headers_get(headers, "x-correlation-id"),
        from_body,
    };

    for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
        if (!bl_str_is_blank(candidates[i]) && candidates[i].len <= BL_WIRE_TRACE_ID_MAX) {
            return candidates[i];
        }
    }
    return bl_trace_context_read(headers).trace_id;
}
