/* Numbers of RFC 8259. Private to this folder. */
#ifndef BL_JSON_NUMBER_H
#define BL_JSON_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

#include "json/json.h"

/*
 * Reads the number at the start of [text, end): sets type and value of `node` and returns its
 * length in bytes, or 0 when there is no number by the grammar, with `*problem` saying why.
 * Integers that fit 64 bits are kept exactly; "-0", fractions, exponents and larger integers become
 * the nearest double; a number too large for a double is refused.
 */
size_t bl_json_number_read(const char *text, const char *end, struct bl_json_node *node,
                           const char **problem);

#endif
