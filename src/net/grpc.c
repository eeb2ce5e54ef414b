#include "net/grpc.h"

#include <string.h>
#include <strings.h>
#include <zlib.h>

#define GZIP_WINDOW_BITS (15 + 16) /* gzip only: what a raw deflate stream is, is anybody's guess */
#define TIMEOUT_DIGITS_MAX 8

bool bl_grpc_is_spoken(struct bl_str content_type) {
    static const struct bl_str name = {"application/grpc", 16};
    static const struct bl_str codec = {"+proto", 6};

    if (content_type.len < name.len || strncasecmp(content_type.data, name.data, name.len) != 0) {
        return false;
    }
    struct bl_str rest = {content_type.data + name.len, content_type.len - name.len};
    if (bl_str_starts_with(rest, codec)) {
        rest.data += codec.len;
        rest.len -= codec.len;
    }
    return rest.len == 0 || rest.data[0] == ';' || rest.data[0] == ' ';
}

enum bl_grpc_read bl_grpc_read_message(struct bl_str bytes, size_t max_bytes,
                                       struct bl_str *message, bool *is_compressed, size_t *taken) {
    const uint8_t *at = (const uint8_t *)bytes.data;

    if (bytes.len == 0) {
        return BL_GRPC_INCOMPLETE;
    }
    if (at[0] > 1) {
        return BL_GRPC_MALFORMED;
    }
    if (bytes.len < BL_GRPC_PREFIX_BYTES) {
        return BL_GRPC_INCOMPLETE;
    }
    uint32_t len = (uint32_t)at[1] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 8 | at[4];
    if (len > max_bytes) {
        return BL_GRPC_TOO_LARGE;
    }
    if (bytes.len - BL_GRPC_PREFIX_BYTES < len) {
        return BL_GRPC_INCOMPLETE;
    }
    *is_compressed = at[0] == 1;
    *message = (struct bl_str){bytes.data + BL_GRPC_PREFIX_BYTES, len};
    *taken = BL_GRPC_PREFIX_BYTES + (size_t)len;
    return BL_GRPC_READ;
}

void bl_grpc_write_prefix(uint8_t out[BL_GRPC_PREFIX_BYTES], size_t len) {
    out[0] = 0;
    out[1] = (uint8_t)(len >> 24);
    out[2] = (uint8_t)(len >> 16);
    out[3] = (uint8_t)(len >> 8);
    out[4] = (uint8_t)len;
}

bool bl_grpc_gunzip(struct bl_str packed, struct bl_buf *out) {
    z_stream stream = {
        .next_in = (Bytef *)(uintptr_t)packed.data,
        .avail_in = (uInt)packed.len,
        .next_out = (Bytef *)(out->data + out->len),
        .avail_out = (uInt)(out->capacity - out->len),
    };

    if (packed.len == 0 || inflateInit2(&stream, GZIP_WINDOW_BITS) != Z_OK) {
        return false;
    }
    int state = inflate(&stream, Z_FINISH);
    bool is_whole = state == Z_STREAM_END && stream.avail_in == 0;
    if (is_whole) {
        out->len += stream.total_out;
    }
    (void)inflateEnd(&stream);
    return is_whole;
}

bool bl_grpc_read_timeout(struct bl_str value, uint64_t *out_ns) {
    static const struct {
        char unit;
        uint64_t ns;
    } units[] = {{'H', 3600000000000u}, {'M', 60000000000u}, {'S', 1000000000u},
                 {'m', 1000000u},       {'u', 1000u},        {'n', 1u}};
    uint64_t number = 0;

    if (value.len < 2 || value.len > TIMEOUT_DIGITS_MAX + 1) {
        return false;
    }
    for (size_t i = 0; i + 1 < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') {
            return false;
        }
        number = number * 10 + (uint64_t)(value.data[i] - '0');
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (units[i].unit == value.data[value.len - 1]) {
            /* Above 584 years it is no deadline: 99999999H is the largest that can be written. */
            *out_ns = number > UINT64_MAX / units[i].ns ? UINT64_MAX : number * units[i].ns;
            return true;
        }
    }
    return false;
}

void bl_grpc_write_message(struct bl_str text, struct bl_buf *out) {
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool is_plain = c >= ' ' && c <= '~' && c != '%';
        if (out->capacity - out->len < (is_plain ? 1u : 3u)) {
            return;
        }
        if (is_plain) {
            bl_buf_char(out, (char)c);
        } else {
            bl_buf_char(out, '%');
            bl_buf_char(out, digits[c >> 4]);
            bl_buf_char(out, digits[c & 15]);
        }
    }
}

void bl_grpc_write_binary(struct bl_str bytes, struct bl_buf *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t group = 0;
        for (size_t b = 0; b < 3; b++) {
            group = group << 8 | (b < left ? (unsigned char)bytes.data[i + b] : 0u);
        }
        for (size_t d = 0; d <= left; d++) {
            bl_buf_char(out, digits[group >> (18 - 6 * d) & 63]);
        }
    }
}
