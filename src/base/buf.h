/*
 * A bounded writer into caller storage.
 *
 * Text goes into a fixed block; what does not fit sets `overflowed` and is dropped whole, so a
 * caller checks once at the end instead of after every write. Used for replies, log lines, metrics
 * text and messages. No output depends on the locale. Not thread-safe.
 */
#ifndef BL_BASE_BUF_H
#define BL_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

struct bl_buf {
    char *data;
    size_t len;
    size_t capacity;
    bool overflowed;
};

static inline void bl_buf_init(struct bl_buf *buf, char *storage, size_t capacity) {
    *buf = (struct bl_buf){storage, 0, capacity, false};
}

static inline void bl_buf_reset(struct bl_buf *buf) {
    buf->len = 0;
    buf->overflowed = false;
}

/* Room for `n` more bytes, which the caller writes and then adds with `buf->len += written`;
 * NULL, and overflowed, if they do not fit. */
static inline char *bl_buf_reserve(struct bl_buf *buf, size_t n) {
    if (n > buf->capacity - buf->len) {
        buf->overflowed = true;
        return NULL;
    }
    return buf->data + buf->len;
}

static inline void bl_buf_bytes(struct bl_buf *buf, const void *bytes, size_t n) {
    char *room = bl_buf_reserve(buf, n);
    if (room != NULL && n != 0) {
        memcpy(room, bytes, n);
        buf->len += n;
    }
}

static inline void bl_buf_char(struct bl_buf *buf, char c) {
    bl_buf_bytes(buf, &c, 1);
}

static inline void bl_buf_str(struct bl_buf *buf, struct bl_str str) {
    bl_buf_bytes(buf, str.data, str.len);
}

#define bl_buf_literal(buf, literal) bl_buf_bytes((buf), "" literal, sizeof(literal) - 1)

/* Decimal digits. */
void bl_buf_u64(struct bl_buf *buf, uint64_t value);
void bl_buf_i64(struct bl_buf *buf, int64_t value);

/* The fewest digits that read back as the same double, the nearest to it among those, laid out as
 * ECMA-262 (and so RFC 8785) has it: "0.1", "1e+21", "1e-7"; but "-0" keeps its sign. "NaN", "+Inf"
 * and "-Inf" for what is not a number. About 15 ns for integers and for decimals of up to 9 places,
 * 250 ns for others near 1 (base/shortest.h). */
void bl_buf_double(struct bl_buf *buf, double value);

/* For texts and integers. %e, %f and %g follow the locale: use bl_buf_double. */
void bl_buf_printf(struct bl_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void bl_buf_vprintf(struct bl_buf *buf, const char *format, va_list args);

/* What was written so far; points into the storage. */
static inline struct bl_str bl_buf_view(const struct bl_buf *buf) {
    return (struct bl_str){buf->data, buf->len};
}

#endif
