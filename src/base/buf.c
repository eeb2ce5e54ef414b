#include "base/buf.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void bl_buf_u64(struct bl_buf *buf, uint64_t value) {
    char digits[20];
    size_t start = sizeof(digits);

    do {
        digits[--start] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    bl_buf_bytes(buf, digits + start, sizeof(digits) - start);
}

void bl_buf_i64(struct bl_buf *buf, int64_t value) {
    if (value < 0) {
        bl_buf_char(buf, '-');
        bl_buf_u64(buf, UINT64_C(0) - (uint64_t)value);
    } else {
        bl_buf_u64(buf, (uint64_t)value);
    }
}

/* Decimals of up to 6 places that are exactly what `value` reads back from: prices, seconds,
 * shares. The division is correctly rounded, so equality means that the text round-trips; with at
 * most 15 significant digits no shorter text does. */
static bool write_short_decimal(struct bl_buf *buf, double value) {
    if (!(value < 1e9 && value > -1e9)) {
        return false;
    }
    double scaled = value * 1e6;
    int64_t micros = (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    if ((double)micros / 1e6 != value || (micros == 0 && signbit(value))) {
        return false;
    }
    if (micros < 0) {
        bl_buf_char(buf, '-');
        micros = -micros;
    }
    bl_buf_u64(buf, (uint64_t)micros / 1000000);
    uint32_t fraction = (uint32_t)(micros % 1000000);
    if (fraction != 0) {
        char digits[7] = {'.'};
        size_t len = 7;
        for (int i = 6; i > 0; i--) {
            digits[i] = (char)('0' + fraction % 10);
            fraction /= 10;
        }
        while (digits[len - 1] == '0') {
            len--;
        }
        bl_buf_bytes(buf, digits, len);
    }
    return true;
}

/* printf's %g in the C locale's form whatever the locale is: any radix becomes '.'. */
static void write_general(struct bl_buf *buf, double value) {
    char text[40];
    int len = 0;

    for (int digits = DBL_DIG; digits <= 17; digits++) {
        len = snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    for (int i = 0; i < len; i++) {
        char c = text[i];
        bool plain = (c >= '0' && c <= '9') || c == '-' || c == '+' || c == 'e';
        bl_buf_char(buf, plain ? c : '.');
    }
}

void bl_buf_double(struct bl_buf *buf, double value) {
    if (isnan(value)) {
        bl_buf_literal(buf, "NaN");
    } else if (isinf(value)) {
        bl_buf_str(buf, value > 0 ? BL_STR("+Inf") : BL_STR("-Inf"));
    } else if (!write_short_decimal(buf, value)) {
        write_general(buf, value);
    }
}

void bl_buf_vprintf(struct bl_buf *buf, const char *format, va_list args) {
    size_t room = buf->capacity - buf->len;
    /* vsnprintf wants a byte for its NUL, which is not part of the text. */
    char *start = buf->data + buf->len;
    va_list again;

    va_copy(again, args);
    int wanted = vsnprintf(start, room, format, args);
    if (wanted >= 0 && (size_t)wanted < room) {
        buf->len += (size_t)wanted;
    } else if (wanted >= 0 && (size_t)wanted == room) {
        char *text = malloc((size_t)wanted + 1);
        if (text != NULL && vsnprintf(text, (size_t)wanted + 1, format, again) == wanted) {
            bl_buf_bytes(buf, text, (size_t)wanted);
        } else {
            buf->overflowed = true;
        }
        free(text);
    } else {
        buf->overflowed = true;
    }
    va_end(again);
}

void bl_buf_printf(struct bl_buf *buf, const char *format, ...) {
    va_list args;

    va_start(args, format);
    bl_buf_vprintf(buf, format, args);
    va_end(args);
}
