/*
 * Texts as bytes: UTF-8, hexadecimal, base64url. Nothing here depends on a locale.
 */
#ifndef BL_BASE_TEXT_H
#define BL_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

/* Whether `str` is valid UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF).
 * Fast for ASCII. */
bool bl_utf8_valid(struct bl_str str);

/* Bytes of the valid character at the start of `data` (1 to 4), or 0 if there is none. */
size_t bl_utf8_char_len(const char *data, size_t len);

/* The longest prefix of at most `max_bytes` that does not end inside a character. */
struct bl_str bl_utf8_cut(struct bl_str str, size_t max_bytes);

/* Lower-case hexadecimal digits of `bytes`. */
void bl_hex_write(struct bl_buf *buf, const void *bytes, size_t len);
/* Reads exactly 2 × `len` digits of either case into `bytes`; false if `text` is anything else. */
bool bl_hex_read(struct bl_str text, void *bytes, size_t len);

/* base64url without padding (RFC 4648 §5). */
void bl_base64url_write(struct bl_buf *buf, const void *bytes, size_t len);
/* Decodes into `bytes` (room for `capacity`), setting `*len`; false for a character outside the
 * alphabet, an impossible length, stray bits, or too little room. */
bool bl_base64url_read(struct bl_str text, void *bytes, size_t capacity, size_t *len);

#endif
