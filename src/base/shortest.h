/*
 * The shortest decimal digits that read back as a double.
 *
 * G. L. Steele, J. L. White, "How to print floating-point numbers accurately", 1990, with the
 * improvements of R. G. Burger, R. K. Dybvig, 1996: exact integer arithmetic, so the digits are the
 * fewest possible, and the nearest to the value among those. The C library has only printf with a
 * precision and strtod to try it: slower, and both follow the locale.
 */
#ifndef BL_BASE_SHORTEST_H
#define BL_BASE_SHORTEST_H

#include <stddef.h>

#define BL_SHORTEST_DIGITS_MAX 17

/* Digits of `value`, which is finite and > 0 (asserted): '0' to '9', not terminated, the first and
 * the last not '0'. value = 0.d1d2d3… × 10^*point. Returns how many. Pure, any thread; about 250 ns
 * for values near 1, at most 2 us at the ends of the range. */
size_t bl_shortest_digits(double value, char digits[BL_SHORTEST_DIGITS_MAX], int *point);

#endif
