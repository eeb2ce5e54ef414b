#include "json/string.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "json/plain.h"

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hexadecimal digits as a number; negative if they are anything else. */
static int hex4(const char *at, const char *end) {
    int value = 0;

    if (end - at < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        value = digit < 0 || value < 0 ? -1 : value << 4 | digit;
    }
    return value;
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
    static const char meanings[256] = {
        ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
        ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
    };

    if (end - *at < 2) {
        *problem = "the string is not closed";
        return 0;
    }
    (*at)++;
    if (**at == 'u') {
        return read_unicode(at, end, out, problem);
    }
    out[0] = meanings[(unsigned char)**at];
    if (out[0] == '\0') {
        *problem = "a backslash is followed by one of \" \\ / b f n r t u";
        return 0;
    }
    (*at)++;
    return 1;
}

static bool is_continuation(const char *at) {
    return ((unsigned char)*at & 0xC0) == 0x80;
}

/* Behind the characters of two and three bytes that follow each other from `at`. Those whose second
 * byte has a narrower range, and those of four bytes, are left to bl_utf8_char_len. */
static const char *skip_common_utf8(const char *at, const char *end) {
    while (end - at >= 3) {
        unsigned char first = (unsigned char)*at;
        if (first >= 0xC2 && first < 0xE0 && is_continuation(at + 1)) {
            at += 2;
        } else if (first > 0xE0 && first < 0xF0 && first != 0xED && is_continuation(at + 1) &&
                   is_continuation(at + 2)) {
            at += 3;
        } else {
            break;
        }
    }
    return at;
}

/* Behind the run of other characters at `at`; NULL with *problem set if there is none. */
static const char *skip_other(const char *at, const char *end, const char **problem) {
    if (at == end) {
        *problem = "the string is not closed";
        return NULL;
    }
    if (*at == '\n' || *at == '\r') {
        *problem = "the string is not closed on its line; a line break is written as \\n";
        return NULL;
    }
    if ((unsigned char)*at < 0x20) {
        *problem = "a control character has to be escaped in a string, a tab as \\t";
        return NULL;
    }
    const char *behind = skip_common_utf8(at, end);
    if (behind == at) {
        size_t len = bl_utf8_char_len(at, (size_t)(end - at));
        if (len == 0) {
            *problem = "this byte is not valid UTF-8";
            return NULL;
        }
        behind += len;
    }
    return behind;
}

/* Copies plain bytes from `*at` to `out`, and returns how many. `out` has room for what is left. */
static size_t copy_plain(const char **at, const char *end, char *out) {
    const char *from = *at;

    while (end - from >= 8) {
        uint64_t word;
        memcpy(&word, from, sizeof(word));
        memcpy(out, &word, sizeof(word));
        uint64_t found = bl_json_not_plain(word);
        int plain = found != 0 ? __builtin_ctzll(found) >> 3 : 8;
        from += plain;
        out += plain;
        if (found != 0) {
            break;
        }
    }
    while (from < end && bl_json_is_plain(*from)) {
        *out++ = *from++;
    }
    size_t len = (size_t)(from - *at);
    *at = from;
    return len;
}

/* The string that begins at `begin` and has its first escape at `*cursor`, decoded into `out`. */
static bl_result decode(const char *begin, const char **cursor, const char *end, char *out,
                        struct bl_str *value, const char **problem) {
    const char *at = *cursor;
    size_t len = (size_t)(at - begin);

    memcpy(out, begin, len);
    for (;;) {
        len += copy_plain(&at, end, out + len);
        const char *from = at;
        if (at < end && *at == '"') {
            *value = (struct bl_str){out, len};
            *cursor = at + 1;
            return BL_OK;
        }
        if (at < end && *at == '\\') {
            size_t step = read_escape(&at, end, out + len, problem);
            if (step == 0) {
                *cursor = from;
                return BL_FAIL(INVALID_REQUEST);
            }
            len += step;
            continue;
        }
        at = skip_other(at, end, problem);
        if (at == NULL) {
            *cursor = from;
            return BL_FAIL(INVALID_REQUEST);
        }
        memcpy(out + len, from, (size_t)(at - from));
        len += (size_t)(at - from);
    }
}

static bl_result read_escaped(const char *begin, const char **cursor, const char *end,
                              struct bl_json_decoding *decoding, struct bl_str *value,
                              const char **problem) {
    if (decoding->room == NULL) {
        /* An escape is never shorter than what it stands for, so what is left of the text bounds
         * what is left to decode. The rest is for a character that is written before its escape is
         * found broken. */
        decoding->room = bl_arena_alloc(decoding->arena, (size_t)(end - begin) + 4);
        if (decoding->room == NULL) {
            return BL_FAIL(RESOURCE_EXHAUSTED);
        }
    }
    BL_TRY(decode(begin, cursor, end, decoding->room, value, problem));
    decoding->room += value->len;
    return BL_OK;
}

bl_result bl_json_string_read(const char **cursor, const char *end,
                              struct bl_json_decoding *decoding, struct bl_str *value,
                              const char **problem) {
    const char *begin = *cursor + 1;
    const char *at = begin;

    for (;;) {
        at = bl_json_skip_plain(at, end);
        if (at < end && *at == '"') {
            *value = (struct bl_str){begin, (size_t)(at - begin)};
            *cursor = at + 1;
            return BL_OK;
        }
        *cursor = at;
        if (at < end && *at == '\\') {
            return read_escaped(begin, cursor, end, decoding, value, problem);
        }
        at = skip_other(at, end, problem);
        if (at == NULL) {
            return BL_FAIL(INVALID_REQUEST);
        }
    }
}
