#include "base/text.h"

#include <stdint.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

static bool is_continuation(unsigned char c) {
    return (c & 0xC0) == 0x80;
}

size_t bl_utf8_char_len(const char *data, size_t len) {
    const unsigned char *c = (const unsigned char *)data;

    if (len == 0) {
        return 0;
    }
    if (c[0] < 0x80) {
        return 1;
    }
    if (c[0] < 0xC2) { /* a continuation byte, or an overlong form of ASCII */
        return 0;
    }
    if (c[0] < 0xE0) {
        return len >= 2 && is_continuation(c[1]) ? 2 : 0;
    }
    if (c[0] < 0xF0) {
        if (len < 3 || !is_continuation(c[1]) || !is_continuation(c[2])) {
            return 0;
        }
        bool overlong = c[0] == 0xE0 && c[1] < 0xA0;
        bool surrogate = c[0] == 0xED && c[1] > 0x9F;
        return overlong || surrogate ? 0 : 3;
    }
    if (c[0] > 0xF4 || len < 4 || !is_continuation(c[1]) || !is_continuation(c[2]) ||
        !is_continuation(c[3])) {
        return 0;
    }
    bool overlong = c[0] == 0xF0 && c[1] < 0x90;
    bool too_large = c[0] == 0xF4 && c[1] > 0x8F;
    return overlong || too_large ? 0 : 4;
}

bool bl_utf8_valid(struct bl_str str) {
    size_t i = 0;

    while (i < str.len) {
        uint64_t word;
        while (str.len - i >= sizeof(word)) {
            memcpy(&word, str.data + i, sizeof(word));
            if ((word & HIGH_BITS) != 0) {
                break;
            }
            i += sizeof(word);
        }
        if (i == str.len) {
            break;
        }
        size_t step = bl_utf8_char_len(str.data + i, str.len - i);
        if (step == 0) {
            return false;
        }
        i += step;
    }
    return true;
}

struct bl_str bl_utf8_cut(struct bl_str str, size_t max_bytes) {
    if (str.len <= max_bytes && (str.len == 0 || (unsigned char)str.data[str.len - 1] < 0x80)) {
        return str;
    }
    size_t len = str.len < max_bytes ? str.len : max_bytes;
    /* Step back over the last, perhaps broken, character: at most 3 continuation bytes. */
    size_t start = len;
    while (start > 0 && len - start < 3 && is_continuation((unsigned char)str.data[start - 1])) {
        start--;
    }
    if (start > 0 && bl_utf8_char_len(str.data + start - 1, len - start + 1) != len - start + 1) {
        len = start - 1;
    } else if (start == 0) {
        len = 0;
    }
    return (struct bl_str){str.data, len};
}

void bl_hex_write(struct bl_buf *buf, const void *bytes, size_t len) {
    static const char digits[] = "0123456789abcdef";
    const unsigned char *in = bytes;
    char *out = bl_buf_reserve(buf, 2 * len);

    for (size_t i = 0; out != NULL && i < len; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
    buf->len += out != NULL ? 2 * len : 0;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool bl_hex_read(struct bl_str text, void *bytes, size_t len) {
    unsigned char *out = bytes;

    if (text.len != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int high = hex_value(text.data[2 * i]);
        int low = hex_value(text.data[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void bl_base64url_write(struct bl_buf *buf, const void *bytes, size_t len) {
    const unsigned char *in = bytes;
    char *out = bl_buf_reserve(buf, len / 3 * 4 + (len % 3 * 4 + 2) / 3);

    if (out == NULL) {
        return;
    }
    char *at = out;
    for (size_t i = 0; i < len; i += 3) {
        uint32_t group = (uint32_t)in[i] << 16;
        group |= i + 1 < len ? (uint32_t)in[i + 1] << 8 : 0;
        group |= i + 2 < len ? (uint32_t)in[i + 2] : 0;
        size_t digits = len - i >= 3 ? 4 : len - i + 1;
        for (size_t d = 0; d < digits; d++) {
            *at++ = alphabet[(group >> (18 - 6 * d)) & 63];
        }
    }
    buf->len += (size_t)(at - out);
}

static int base64url_value(char c) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool bl_base64url_read(struct bl_str text, void *bytes, size_t capacity, size_t *len) {
    unsigned char *out = bytes;
    uint32_t bits = 0;
    unsigned held = 0;
    size_t count = 0;

    if (text.len % 4 == 1 || text.len / 4 * 3 + (text.len % 4 * 3) / 4 > capacity) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        int value = base64url_value(text.data[i]);
        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[count++] = (unsigned char)(bits >> held);
            bits &= (1u << held) - 1;
        }
    }
    *len = count;
    return bits == 0;
}
