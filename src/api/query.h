/* Query strings. Private to this folder. */
#ifndef BL_API_QUERY_H
#define BL_API_QUERY_H

#include "api/operation.h"
#include "base/arena.h"
#include "base/diag.h"
#include "base/result.h"

/* Reads "a=1&b=2" into values by parameter, percent-decoded into `arena` ('+' is a space); absent
 * ones stay absent. `allowed` are bits 1 << enum bl_query. Errors: INVALID_REQUEST with name, cure
 * and the nearest parameter for one that is unknown here, stands twice, has a broken escape, a
 * control character or no UTF-8; RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_query_read(struct bl_str query, unsigned allowed, struct bl_arena *arena,
                                    struct bl_str values[BL_QUERY_COUNT], struct bl_diag *diag);

#endif
