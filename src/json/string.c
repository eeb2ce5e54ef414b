#include "json/string.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* High bit set in each byte of `word` that is below 0x20, a quote, or a backslash; bytes above
 * 0x7F are found by their own high bit. False positives only above a true one, which is enough to
 * find the first. A. Mycroft's zero-byte test, as in H. S. Warren, "Hacker's Delight", §6-1. */
static uint64_t special_bytes(uint64_t word) {
    uint64_t quote = word ^ (ONES * '"');
    uint64_t backslash = word ^ (ONES * '\\');
    uint64_t control = word - ONES * 0x20;

    return ((quote - ONES) | (backslash - ONES) | control | word) & HIGHS;
}

/* The first byte from `at` that is not a plain ASCII character of a string. */
static const char *skip_plain(const char *at, const char *end) {
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        uint64_t found = special_bytes(word);
        if (found != 0) {
            return at + (__builtin_ctzll(found) >> 3);
        }
        at += 8;
    }
    while (at < end && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80 && *at != '"' &&
           *at != '\\') {
        at++;
    }
    return at;
}

static int hex4(const char *at, const char *end) {
    unsigned char bytes[2];

    if (end - at < 4 || !bl_hex_read((struct bl_str){at, 4}, bytes, 2)) {
        return -1;
    }
    return bytes[0] << 8 | bytes[1];
}

static size_t encode_utf8(uint32_t code, char *out) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

/* The \uXXXX at `*at` (which points at the u), with its second half if it is a surrogate pair. */
static size_t read_unicode(const char **at, const char *end, char *out, const char **problem) {
    int code = hex4(*at + 1, end);

    if (code < 0) {
        *problem = "\\u needs four hexadecimal digits";
        return 0;
    }
    *at += 5;
    if (code < 0xD800 || code > 0xDFFF) {
        return encode_utf8((uint32_t)code, out);
    }
    int low = end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u' ? hex4(*at + 2, end) : -1;
    if (code > 0xDBFF || low < 0xDC00 || low > 0xDFFF) {
        *problem = "half of a surrogate pair stands alone";
        return 0;
    }
    *at += 6;
    return encode_utf8(0x10000 + ((uint32_t)(code - 0xD800) << 10) + (uint32_t)(low - 0xDC00), out);
}

/* The escape at `*at` (a backslash): writes its character and moves on; 0 with *problem set. */
static size_t read_escape(const char **at, const char *end, char *out, const char **problem) {
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";

    if (end - *at < 2) {
        *problem = "the string is not closed";
        return 0;
    }
    (*at)++;
    if (**at == 'u') {
        return read_unicode(at, end, out, problem);
    }
    const char *letter = **at == '\0' ? NULL : strchr(from, **at);
    if (letter == NULL) {
        *problem = "a backslash is followed by one of \" \\ / b f n r t u";
        return 0;
    }
    out[0] = to[letter - from];
    (*at)++;
    return 1;
}

/* One character beyond ASCII, or what is wrong with the byte at `at`. */
static size_t check_other(const char *at, const char *end, const char **problem) {
    if (at == end) {
        *problem = "the string is not closed";
        return 0;
    }
    if ((unsigned char)*at < 0x20) {
        *problem = "a control character has to be escaped in a string";
        return 0;
    }
    size_t len = bl_utf8_char_len(at, (size_t)(end - at));
    if (len == 0) {
        *problem = "this is not valid UTF-8";
    }
    return len;
}

/* The string whose first escape is at `at`, its text begun at `begin`. */
static bl_result read_escaped(const char *begin, const char **cursor, const char *end,
                              struct bl_arena *arena, struct bl_str *value, const char **problem) {
    const char *at = *cursor;
    const char *close = at;

    /* An escape is never shorter than what it stands for, so the source bounds the value. */
    while (close < end && *close != '"') {
        close += *close == '\\' && end - close > 1 ? 2 : 1;
    }
    char *out = bl_arena_alloc(arena, (size_t)(close - begin) + 4);
    if (out == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    size_t len = (size_t)(at - begin);
    memcpy(out, begin, len);
    for (;;) {
        const char *from = at;
        at = skip_plain(at, end);
        memcpy(out + len, from, (size_t)(at - from));
        len += (size_t)(at - from);
        if (at < end && *at == '"') {
            break;
        }
        from = at;
        size_t step = at < end && *at == '\\' ? read_escape(&at, end, out + len, problem)
                                              : check_other(at, end, problem);
        if (step == 0) {
            *cursor = from;
            return BL_FAIL(INVALID_REQUEST);
        }
        if (at == from) {
            memcpy(out + len, at, step);
            at += step;
        }
        len += step;
    }
    *value = (struct bl_str){out, len};
    *cursor = at + 1;
    return BL_OK;
}

bl_result bl_json_string_read(const char **cursor, const char *end, struct bl_arena *arena,
                              struct bl_str *value, const char **problem) {
    const char *begin = *cursor + 1;
    const char *at = begin;

    for (;;) {
        at = skip_plain(at, end);
        if (at < end && *at == '"') {
            *value = (struct bl_str){begin, (size_t)(at - begin)};
            *cursor = at + 1;
            return BL_OK;
        }
        if (at < end && *at == '\\') {
            *cursor = at;
            return read_escaped(begin, cursor, end, arena, value, problem);
        }
        size_t step = check_other(at, end, problem);
        if (step == 0) {
            *cursor = at;
            return BL_FAIL(INVALID_REQUEST);
        }
        at += step;
    }
}
