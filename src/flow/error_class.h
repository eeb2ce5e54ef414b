/*
 * What a worker's result says of a failure: one table, from the status and the error code to the
 * status words that fallbacks match. No guessing from message texts.
 */
#ifndef BL_FLOW_ERROR_CLASS_H
#define BL_FLOW_ERROR_CLASS_H

#include <stdbool.h>

#include "base/str.h"
#include "policy/policy.h"

enum bl_result_status {
    BL_RESULT_SUCCESS,
    BL_RESULT_ERROR,
    BL_RESULT_TIMEOUT,
    BL_RESULT_CANCELLED
};
#define BL_RESULT_STATUS_COUNT 4
const char *bl_result_status_word(enum bl_result_status status);
/* False if it is none. */
bool bl_result_status_from_word(struct bl_str word, enum bl_result_status *out);

struct bl_error_class {
    const char *word;       /* for people and metrics: "timeout", "invalid", "cancelled", … */
    enum bl_status status;  /* what fallbacks match; STATUS_COUNT = none does */
    enum bl_status exact;   /* a narrower one beside it (503, 429), or STATUS_COUNT */
    bool ends_request;      /* another attempt could not succeed */
    bool counts_as_failure; /* of the provider, for its breaker */
    bool is_rate_limited;   /* the provider asks for a pause */
};

/* Of a result that is no success. `error_code` is used, else `error_type`; both may be absent. */
struct bl_error_class bl_error_class_of(enum bl_result_status status, struct bl_str error_code,
                                        struct bl_str error_type);

#endif
