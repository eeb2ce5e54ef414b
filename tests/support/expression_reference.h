/*
 * CEL as its specification reads, the slow and obvious way: a walk over the tree as it was parsed,
 * unchecked and unfolded, with arithmetic of its own (128 bits, long double, libc's calendar and
 * regular expressions). The property test holds the compiled form to it.
 *
 * Not known here: zones, the text of doubles, and all texts of times but "12s".
 */
#ifndef BL_TESTS_SUPPORT_EXPRESSION_REFERENCE_H
#define BL_TESTS_SUPPORT_EXPRESSION_REFERENCE_H

#include "expression/syntax.h"
#include "expression/value.h"

/* The value of the tree; BL_VALUE_ERROR for every kind of error. Names are looked up in `variables`,
 * a map; what is made stands in `arena`. `*is_unknown`: something was asked that is not known here. */
struct bl_value reference_evaluate(const struct bl_node *node, const struct bl_value *variables,
                                   struct bl_arena *arena, bool *is_unknown);

#endif
