#include "base/buf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/shortest.h"

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

/* Integers that every double near them can tell apart. */
static bool write_integer(struct bl_buf *buf, double value) {
    if (!(value > -0x1p53 && value < 0x1p53)) {
        return false;
    }
    int64_t integer = (int64_t)value;
    if ((double)integer != value) {
        return false;
    }
    bl_buf_i64(buf, integer);
    return true;
}

/* Decimals that are exactly what `value` reads back from: prices, seconds, shares. At most 15
 * significant digits go in (9 places below 1e6, 6 below 1e9), and the division is correctly
 * rounded, so equality means that the text round-trips. No other text of up to 15 digits reads as
 * this double (DBL_DIG), so there is no shorter one. Below 1e-6 an exponent is written. */
static bool write_decimal(struct bl_buf *buf, double value) {
    bool small = value > -1e6 && value < 1e6;
    double scale = small ? 1e9 : 1e6;
    int places = small ? 9 : 6;

    if (!(fabs(value) >= 1e-6 && fabs(value) < 1e9)) {
        return false;
    }
    double scaled = value * scale;
    int64_t units = (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    if ((double)units / scale != value) {
        return false;
    }
    uint64_t amount = units < 0 ? UINT64_C(0) - (uint64_t)units : (uint64_t)units;
    uint64_t fraction = amount % (uint64_t)scale;
    char digits[10] = {'.'};
    size_t len = (size_t)places + 1;
    for (int i = places; i > 0; i--) {
        digits[i] = (char)('0' + fraction % 10);
        fraction /= 10;
    }
    while (digits[len - 1] == '0') {
        len--;
    }
    if (units < 0) {
        bl_buf_char(buf, '-');
    }
    bl_buf_u64(buf, amount / (uint64_t)scale);
    bl_buf_bytes(buf, digits, len);
    return true;
}

static void write_zeros(struct bl_buf *buf, int count) {
    for (int i = 0; i < count; i++) {
        bl_buf_char(buf, '0');
    }
}

/* Any finite value but 0, laid out as ECMA-262 (Number::toString) has it. */
static void write_general(struct bl_buf *buf, double value) {
    char digits[BL_SHORTEST_DIGITS_MAX];
    int point;
    size_t len = bl_shortest_digits(fabs(value), digits, &point);

    if (value < 0) {
        bl_buf_char(buf, '-');
    }
    if (point > 0 && point <= 21) {
        size_t whole = len < (size_t)point ? len : (size_t)point;
        bl_buf_bytes(buf, digits, whole);
        write_zeros(buf, point - (int)whole);
        if (len > whole) {
            bl_buf_char(buf, '.');
            bl_buf_bytes(buf, digits + whole, len - whole);
        }
    } else if (point > -6 && point <= 0) {
        bl_buf_literal(buf, "0.");
        write_zeros(buf, -point);
        bl_buf_bytes(buf, digits, len);
    } else {
        bl_buf_char(buf, digits[0]);
        if (len > 1) {
            bl_buf_char(buf, '.');
            bl_buf_bytes(buf, digits + 1, len - 1);
        }
        bl_buf_str(buf, point > 0 ? BL_STR("e+") : BL_STR("e-"));
        bl_buf_u64(buf, (uint64_t)(point > 0 ? point - 1 : 1 - point));
    }
}

void bl_buf_double(struct bl_buf *buf, double value) {
    if (isnan(value)) {
        bl_buf_literal(buf, "NaN");
    } else if (isinf(value)) {
        bl_buf_str(buf, value > 0 ? BL_STR("+Inf") : BL_STR("-Inf"));
    } else if (value == 0) {
        bl_buf_str(buf, signbit(value) ? BL_STR("-0") : BL_STR("0"));
    } else if (!write_integer(buf, value) && !write_decimal(buf, value)) {
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
