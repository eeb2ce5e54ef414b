/*
 * Money as integers.
 *
 * Amounts are int64 counts of nano-units (1e-9 of the currency unit), so that adding, reserving
 * and comparing are exact. JSON numbers are rounded half-even on the way in and written as exact
 * decimals on the way out. Range ±9.2e9 units.
 */
#ifndef BL_BASE_MONEY_H
#define BL_BASE_MONEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define BL_NANO_PER_UNIT INT64_C(1000000000)

/* An amount that nobody knows; never written to the wire. */
#define BL_MONEY_UNKNOWN INT64_MIN

/* False, and `*out` untouched, when `units` is not finite or out of range. */
bool bl_money_from_double(double units, int64_t *out);

/* Exact decimal without trailing zeros: 12000000 → "0.012", 50000000000 → "50". */
void bl_money_write(struct bl_buf *buf, int64_t nano);

#endif
