/*
 * A logarithm that is equal to the bit everywhere.
 *
 * Weighted rendezvous orders providers by -ln(u) / weight, and all routers of a fleet have to
 * agree on the order. libm chooses its code by what the processor can do, so two machines may
 * differ in the last bit. This one uses only +, -, *, / on IEEE 754 doubles, which are exactly
 * defined, and moves of bits. It needs round-to-nearest and code without fused multiply-add
 * (-ffp-contract=off, which the build sets).
 *
 * x = 2^e * m with m in [sqrt(1/2), sqrt(2)), s = (m - 1) / (m + 1), and
 *
 *   ln x = e * ln 2 + 2 * (s + s^3/3 + s^5/5 + ... + s^21/21)
 *
 * |s| < 0.1716, so the first term left out is below 2e-19. The relative error stays below 1e-15
 * also near 1, where e = 0 and m - 1 is exact.
 */
#ifndef BL_BASE_FIXED_LOG_H
#define BL_BASE_FIXED_LOG_H

/* Natural logarithm of `x` in (0, 1], subnormals included; 0 for 1. Asserts the range. Pure, any
 * thread, about 10 ns. */
double bl_fixed_log(double x);

#endif
