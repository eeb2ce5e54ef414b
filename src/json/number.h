/* Numbers of RFC 8259. Private to this folder. */
#ifndef BL_JSON_NUMBER_H
#define BL_JSON_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

#include "json/json.h"

/* The one problem of a text that is a number by the grammar. */
#define BL_JSON_NUMBER_TOO_LARGE "the number is too large for a 64-bit double"

/*
 * Reads the number at the start of [text, end), which is not empty: sets type and value of `node`
 * and returns its length in bytes, or 0 when there is no number by the grammar or it is too large,
 * with `*problem` saying why. Integers that fit 64 bits are kept exactly; "-0", fractions,
 * exponents and larger integers become the nearest double, ties to even; what is too small becomes
 * 0. Takes no memory from the heap, and no locale plays a part. Any thread.
 */
size_t bl_json_number_read(const char *text, const char *end, struct bl_json_node *node,
                           const char **problem);

#endif
