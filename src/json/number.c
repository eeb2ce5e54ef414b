#include "json/number.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Digits of a number and what they say. */
struct scan {
    const char *at;
    const char *end;
    uint64_t digits; /* significant digits as an integer, as far as they fit 64 bits */
    int dropped;     /* digits after those */
    int exponent;    /* of ten, from fraction and exponent */
    bool is_integer;
};

static bool is_digit(const struct scan *scan) {
    return scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
}

static void take_digit(struct scan *scan) {
    unsigned digit = (unsigned)(*scan->at++ - '0');
    uint64_t wider;

    if (scan->dropped == 0 && !__builtin_mul_overflow(scan->digits, UINT64_C(10), &wider) &&
        !__builtin_add_overflow(wider, (uint64_t)digit, &wider)) {
        scan->digits = wider;
    } else {
        scan->dropped++;
    }
}

static bool scan_fraction(struct scan *scan) {
    scan->at++;
    scan->is_integer = false;
    if (!is_digit(scan)) {
        return false;
    }
    while (is_digit(scan)) {
        take_digit(scan);
        scan->exponent--;
    }
    return true;
}

/* Exponents beyond any double are clamped: the value is 0 or infinite all the same. */
static bool scan_exponent(struct scan *scan) {
    bool negative = false;
    int value = 0;

    scan->at++;
    scan->is_integer = false;
    if (scan->at < scan->end && (*scan->at == '+' || *scan->at == '-')) {
        negative = *scan->at++ == '-';
    }
    if (!is_digit(scan)) {
        return false;
    }
    while (is_digit(scan)) {
        int digit = *scan->at++ - '0';
        value = value > 99999 ? value : value * 10 + digit;
    }
    scan->exponent += negative ? -value : value;
    return true;
}

/* strtod on a bounded copy. The program never changes its locale, so the radix is '.'. */
static double convert_slowly(const char *text, size_t len) {
    char small[64];
    char *copy = len < sizeof(small) ? small : malloc(len + 1);

    if (copy == NULL) {
        return HUGE_VAL;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    double value = strtod(copy, NULL);
    if (copy != small) {
        free(copy);
    }
    return value;
}

/* W. D. Clinger, "How to Read Floating Point Numbers Accurately", 1990: with at most 53 bits of
 * digits and a power of ten that is exact, one rounding gives the nearest double. */
static double convert(const struct scan *scan, const char *text, size_t len, bool negative) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

    if (scan->dropped != 0 || scan->digits > UINT64_C(1) << 53 || scan->exponent < -22 ||
        scan->exponent > 22) {
        return convert_slowly(text, len);
    }
    double value = (double)scan->digits;
    value = scan->exponent < 0 ? value / powers[-scan->exponent] : value * powers[scan->exponent];
    return negative ? -value : value;
}

static void set_integer(struct bl_json_node *node, uint64_t digits, bool negative) {
    if (negative) {
        node->type = BL_JSON_INT;
        node->value.integer = (int64_t)(UINT64_C(0) - digits);
    } else if (digits <= INT64_MAX) {
        node->type = BL_JSON_INT;
        node->value.integer = (int64_t)digits;
    } else {
        node->type = BL_JSON_UINT;
        node->value.unsigned_integer = digits;
    }
}

size_t bl_json_number_read(const char *text, const char *end, struct bl_json_node *node,
                           const char **problem) {
    struct scan scan = {.at = text, .end = end, .is_integer = true};
    bool negative = *text == '-';

    scan.at += negative ? 1 : 0;
    if (!is_digit(&scan)) {
        *problem = "a number needs a digit after the minus sign";
        return 0;
    }
    if (*scan.at == '0') {
        scan.at++;
        if (is_digit(&scan)) {
            *problem = "a number may not begin with 0 and more digits";
            return 0;
        }
    }
    while (is_digit(&scan)) {
        take_digit(&scan);
    }
    if (scan.at < end && *scan.at == '.' && !scan_fraction(&scan)) {
        *problem = "a number needs a digit after the decimal point";
        return 0;
    }
    if (scan.at < end && (*scan.at | 0x20) == 'e' && !scan_exponent(&scan)) {
        *problem = "a number needs a digit in its exponent";
        return 0;
    }
    size_t len = (size_t)(scan.at - text);
    bool fits = scan.dropped == 0 && (!negative || scan.digits <= UINT64_C(1) << 63);
    if (scan.is_integer && fits && !(negative && scan.digits == 0)) {
        set_integer(node, scan.digits, negative);
        return len;
    }
    node->type = BL_JSON_DOUBLE;
    node->value.number = convert(&scan, text, len, negative);
    if (isinf(node->value.number)) {
        *problem = "the number is too large for a 64-bit double";
        return 0;
    }
    return len;
}
