/*
 * Runs of plain characters, eight bytes at a time. Private to this folder.
 *
 * A plain byte is printable ASCII other than a quote and a backslash: what stands in most strings,
 * and means itself both in the text and in the value.
 */
#ifndef BL_JSON_PLAIN_H
#define BL_JSON_PLAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define BL_JSON_ONES UINT64_C(0x0101010101010101)
#define BL_JSON_HIGHS UINT64_C(0x8080808080808080)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte is the lowest one");

/*
 * High bit set in each byte of `word` that is not plain. A borrow can also mark bytes above a
 * marked one, so only the lowest mark counts. A. Mycroft's test for a zero byte, as in
 * H. S. Warren, "Hacker's Delight", chapter 6.
 */
static inline uint64_t bl_json_not_plain(uint64_t word) {
    uint64_t quote = word ^ (BL_JSON_ONES * '"');
    uint64_t backslash = word ^ (BL_JSON_ONES * '\\');
    uint64_t control = word - BL_JSON_ONES * 0x20;

    return ((quote - BL_JSON_ONES) | (backslash - BL_JSON_ONES) | control | word) & BL_JSON_HIGHS;
}

static inline bool bl_json_is_plain(char c) {
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* The first byte of [at, end) that is not plain; `end` if there is none. */
static inline const char *bl_json_skip_plain(const char *at, const char *end) {
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        uint64_t found = bl_json_not_plain(word);
        if (found != 0) {
            return at + (__builtin_ctzll(found) >> 3);
        }
        at += 8;
    }
    while (at < end && bl_json_is_plain(*at)) {
        at++;
    }
    return at;
}

#endif
