#include "base/fixed_log.h"

#include <assert.h>
#include <float.h>
#include <stdint.h>
#include <string.h>

_Static_assert(FLT_EVAL_METHOD == 0, "doubles must not be held in wider registers");
_Static_assert(DBL_MANT_DIG == 53 && DBL_MAX_EXP == 1024, "doubles must be IEEE 754 binary64");

/* ln 2 in two parts: the first has 20 trailing zero bits, so that its product with an exponent is
 * exact. */
#define LN2_HIGH 0x1.62e42fee00000p-1
#define LN2_LOW 0x1.a39ef35793c76p-33

double bl_fixed_log(double x) {
    assert(x > 0 && x <= 1);
    int exponent = 0;
    uint64_t bits;

    if (x < DBL_MIN) {
        x *= 0x1p54;
        exponent = -54;
    }
    memcpy(&bits, &x, sizeof(bits));
    /* Taking away the bits of sqrt(1/2) leaves in the exponent field which power of two brings x
     * into [sqrt(1/2), sqrt(2)). */
    int64_t steps = ((int64_t)bits - INT64_C(0x3FE6A09E667F3BCD)) >> 52;
    bits -= (uint64_t)steps << 52;
    exponent += (int)steps;
    double m;
    memcpy(&m, &bits, sizeof(m));

    double s = (m - 1.0) / (m + 1.0);
    double z = s * s;
    double z2 = z * z;
    double z4 = z2 * z2;
    /* Pairs instead of one chain: the order of operations is part of the result. */
    double low = (1.0 / 3 + z * (1.0 / 5)) + z2 * (1.0 / 7 + z * (1.0 / 9));
    double high = (1.0 / 11 + z * (1.0 / 13)) + z2 * (1.0 / 15 + z * (1.0 / 17));
    double top = 1.0 / 19 + z * (1.0 / 21);
    double tail = z * (low + z4 * (high + z4 * top));
    double e = exponent;
    return e * LN2_HIGH + (2.0 * s + (2.0 * s * tail + e * LN2_LOW));
}
