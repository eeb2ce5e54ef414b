#include "json/number.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* More digits than this can only tip a tie, which one more digit stands for: the number half way
 * between two doubles has at most 767 (R. Regan, "Number of decimal digits in a binary number"). */
#define DIGITS_KEPT 768
/* Exponents beyond this give 0 or infinity whatever the digits are, as the text is below 4 GiB. */
#define EXPONENT_MAX INT64_C(100000000000)
#define EXACT_DIGITS 19 /* any number of so many digits fits 64 bits */

struct scan {
    uint64_t digits;  /* of the number without its point, wrapped if there are too many */
    int64_t exponent; /* of ten, that makes `digits` the number */
    int64_t count;    /* of digits without leading zeros */
    bool negative;
    bool is_integer;
};

static bool is_digit(const char *at, const char *end) {
    return at < end && (unsigned char)(*at - '0') <= 9;
}

static const char *scan_digits(const char *at, const char *end, uint64_t *digits) {
    uint64_t value = *digits;

    for (; is_digit(at, end); at++) {
        value = value * 10 + (uint64_t)(*at - '0');
    }
    *digits = value;
    return at;
}

/* From the point on; NULL if no digit follows it. */
static const char *scan_fraction(const char *at, const char *end, struct scan *scan) {
    const char *first = at + 1;

    at = first;
    if (scan->count == 0) { /* 0.000… */
        while (at < end && *at == '0') {
            at++;
        }
    }
    const char *significant = at;
    at = scan_digits(at, end, &scan->digits);
    scan->is_integer = false;
    scan->count += at - significant;
    scan->exponent = first - at;
    return at == first ? NULL : at;
}

/* From the e on; NULL if no digit follows it and its sign. */
static const char *scan_exponent(const char *at, const char *end, struct scan *scan) {
    bool negative = false;
    int64_t value = 0;

    at++;
    if (at < end && (*at == '+' || *at == '-')) {
        negative = *at++ == '-';
    }
    if (!is_digit(at, end)) {
        return NULL;
    }
    for (; is_digit(at, end); at++) {
        value = value > EXPONENT_MAX ? value : value * 10 + (*at - '0');
    }
    scan->is_integer = false;
    scan->exponent += negative ? -value : value;
    return at;
}

/*
 * Any number: its digits, at most DIGITS_KEPT and one for the rest, for the C library. They are
 * passed as an integer with an exponent, so that no locale's radix character plays a part.
 */
static double convert_any(const char *text, const char *end, int64_t exponent) {
    char copy[DIGITS_KEPT + 24];
    size_t len = 0;
    int64_t dropped = 0;
    bool rest = false;

    for (const char *at = text; at < end && (*at | 0x20) != 'e'; at++) {
        if (*at == '.' || *at == '-' || (len == 0 && *at == '0')) {
            continue;
        }
        if (len < DIGITS_KEPT) {
            copy[len++] = *at;
        } else {
            rest = rest || *at != '0';
            dropped++;
        }
    }
    if (len == 0) {
        return 0;
    }
    exponent += dropped;
    if (rest) {
        copy[len++] = '1';
        exponent--;
    }
    /* Up to 769 digits: from e+310 on infinite, below e-1100 zero. */
    exponent = exponent > 9999 ? 9999 : exponent < -9999 ? -9999 : exponent;
    copy[len++] = 'e';
    copy[len++] = exponent < 0 ? '-' : '+';
    int64_t magnitude = exponent < 0 ? -exponent : exponent;
    for (int64_t place = 1000; place > 0; place /= 10) {
        copy[len++] = (char)('0' + magnitude / place % 10);
    }
    copy[len] = '\0';
    return strtod(copy, NULL);
}

/* value × 2^exponent, to the nearest double, ties to even. `value` has more than 53 bits; `sticky`
 * says that a little more than it is meant. The result is far from the ends of the range. */
static double round_to_double(unsigned __int128 value, bool sticky, int exponent) {
    uint64_t high = (uint64_t)(value >> 64);
    int bits = high != 0 ? 128 - __builtin_clzll(high) : 64 - __builtin_clzll((uint64_t)value);
    int shift = bits - 53;
    uint64_t mantissa = (uint64_t)(value >> shift);
    unsigned __int128 half = (unsigned __int128)1 << (shift - 1);
    unsigned __int128 rest = value & ((half << 1) - 1);

    if (rest > half || (rest == half && (sticky || (mantissa & 1) != 0))) {
        mantissa++;
    }
    uint64_t power_bits = (uint64_t)(1023 + shift + exponent) << 52;
    double power;
    memcpy(&power, &power_bits, sizeof(power));
    return (double)mantissa * power;
}

/* digits × 10^exponent for digits > 2^53 and |exponent| ≤ 19, in integers of 128 bits. */
static double convert_wide(uint64_t digits, int exponent) {
    uint64_t power = 1;

    for (int i = exponent < 0 ? -exponent : exponent; i > 0; i--) {
        power *= 10;
    }
    if (exponent >= 0) {
        return round_to_double((unsigned __int128)digits * power, false, 0);
    }
    /* Both with their highest bit set, so that the quotient has 63 or 64 bits. */
    int digits_shift = __builtin_clzll(digits);
    int power_shift = __builtin_clzll(power);
    unsigned __int128 dividend = (unsigned __int128)(digits << digits_shift) << 63;
    uint64_t divisor = power << power_shift;
    uint64_t quotient = (uint64_t)(dividend / divisor);
    bool sticky = (unsigned __int128)quotient * divisor != dividend;
    return round_to_double(quotient, sticky, power_shift - digits_shift - 63);
}

/* With digits of at most 53 bits and a power of ten that is exact, one rounding gives the nearest
 * double: W. D. Clinger, "How to Read Floating Point Numbers Accurately", 1990. */
static double convert(const struct scan *scan, const char *text, const char *end) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    bool exact = scan->count <= EXACT_DIGITS; /* all digits are in `digits` */
    bool narrow = scan->digits <= UINT64_C(1) << 53;
    double value;

    if (exact && narrow && scan->exponent >= -22 && scan->exponent <= 22) {
        value = (double)scan->digits;
        value =
            scan->exponent < 0 ? value / powers[-scan->exponent] : value * powers[scan->exponent];
    } else if (exact && !narrow && scan->exponent >= -19 && scan->exponent <= 19) {
        value = convert_wide(scan->digits, (int)scan->exponent);
    } else {
        value = convert_any(text, end, scan->exponent);
    }
    return scan->negative ? -value : value;
}

/* Sets an integer that 64 bits hold; false if none do, or for -0, which only a double has. */
static bool set_integer(const struct scan *scan, const char *text, struct bl_json_node *node) {
    if (!scan->is_integer || scan->count > EXACT_DIGITS + 1) {
        return false;
    }
    if (scan->count == EXACT_DIGITS + 1) {
        /* 20 digits: below 2 × 10^19, what wrapped around 2^64 has become less than 10^19. */
        char first = scan->negative ? text[1] : text[0];
        if (first != '1' || scan->digits < UINT64_C(10000000000000000000)) {
            return false;
        }
    }
    if (scan->negative) {
        if (scan->digits == 0 || scan->digits > UINT64_C(1) << 63) {
            return false;
        }
        node->type = BL_JSON_INT;
        node->value.integer = (int64_t)(UINT64_C(0) - scan->digits);
    } else if (scan->digits <= INT64_MAX) {
        node->type = BL_JSON_INT;
        node->value.integer = (int64_t)scan->digits;
    } else {
        node->type = BL_JSON_UINT;
        node->value.unsigned_integer = scan->digits;
    }
    return true;
}

static size_t refuse(const char *message, const char **problem) {
    *problem = message;
    return 0;
}

size_t bl_json_number_read(const char *text, const char *end, struct bl_json_node *node,
                           const char **problem) {
    struct scan scan = {.negative = *text == '-', .is_integer = true};
    const char *first = text + (scan.negative ? 1 : 0);

    if (!is_digit(first, end)) {
        return refuse("a number needs a digit after the minus sign", problem);
    }
    const char *at = scan_digits(first, end, &scan.digits);
    if (*first == '0' && at - first > 1) {
        return refuse("a number may not begin with 0 and more digits", problem);
    }
    scan.count = *first == '0' ? 0 : at - first;
    if (at < end && *at == '.') {
        at = scan_fraction(at, end, &scan);
        if (at == NULL) {
            return refuse("a number needs a digit after the decimal point", problem);
        }
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at = scan_exponent(at, end, &scan);
        if (at == NULL) {
            return refuse("a number needs a digit in its exponent", problem);
        }
    }
    if (!set_integer(&scan, text, node)) {
        node->type = BL_JSON_DOUBLE;
        node->value.number = convert(&scan, text, at);
        if (isinf(node->value.number)) {
            return refuse(BL_JSON_NUMBER_TOO_LARGE, problem);
        }
    }
    return (size_t)(at - text);
}

bool bl_json_text_double(struct bl_str text, double *out) {
    struct bl_json_node node;
    const char *problem;

    if (text.len == 0 ||
        bl_json_number_read(text.data, text.data + text.len, &node, &problem) != text.len) {
        return false;
    }
    *out = node.type == BL_JSON_INT    ? (double)node.value.integer
           : node.type == BL_JSON_UINT ? (double)node.value.unsigned_integer
                                       : node.value.number;
    return true;
}
