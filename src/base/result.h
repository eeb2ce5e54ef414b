/*
 * Results and the error table.
 *
 * Every function that can fail returns a `bl_result`, a struct so that it cannot be mixed up with
 * an int or a bool, and is marked BL_MUST_USE. What went wrong in detail (path, value, position)
 * goes into the caller's `struct bl_diag` (base/diag.h), never into a global.
 *
 * One table drives the JSON error object, HTTP, gRPC, metric labels and the documentation. Columns:
 *   symbol     BL_E_<symbol>
 *   code       the exact code of the error, as v2, HTTP and gRPC see it
 *   v1 code    what a v1 JSON client sees
 *   gateway    what a request in the C gateway's form sees (it maps only these to an HTTP status)
 *   http,grpc  status on those bindings
 *   retryable  whether the same request may succeed later
 *   text       the default message, when the diagnostic has none
 */
#ifndef BL_BASE_RESULT_H
#define BL_BASE_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* clang-format off */
#define BL_ERROR_MAP(X)                                                                                                                                              \
    /* symbol, code, v1 code, gateway, http, grpc, retryable, text */                                                                                                \
    X(INVALID_REQUEST,       "invalid_request",       "invalid_request",       "invalid_request",       400,  3, false, "the request is not valid")                  \
    X(INVALID_POLICY,        "invalid_policy",        "invalid_policy",        "invalid_request",       400,  3, false, "the policy is not valid")                   \
    X(IDEMPOTENCY_VIOLATION, "idempotency_violation", "idempotency_violation", "invalid_request",       409,  6, false, "the key was used with other content")       \
    X(PRECONDITION_FAILED,   "precondition_failed",   "precondition_failed",   "invalid_request",       412, 10, false, "the stored revision is another one")        \
    X(UNAUTHORIZED,          "unauthorized",          "unauthorized",          "unauthorized",          401, 16, false, "the credential is missing or wrong")        \
    X(FORBIDDEN,             "forbidden",             "unauthorized",          "unauthorized",          403,  7, false, "the caller may not do this")                \
    X(POLICY_NOT_FOUND,      "policy_not_found",      "policy_not_found",      "policy_not_found",      404,  5, false, "no such policy")                            \
    X(EXTENSION_NOT_FOUND,   "extension_not_found",   "extension_not_found",   "extension_not_found",   404,  5, false, "no such extension")                         \
    X(DECISION_NOT_FOUND,    "decision_not_found",    "decision_not_found",    "policy_not_found",      404,  5, false, "no such decision")                          \
    X(VALIDATOR_BLOCKED,     "validator_blocked",     "validator_blocked",     "invalid_request",       403,  9, false, "a validator refused the request")           \
    X(RATE_LIMIT_EXCEEDED,   "rate_limit_exceeded",   "rate_limit_exceeded",   "extension_unavailable", 429,  8, true,  "the rate limit is used up")                 \
    X(QUOTA_EXCEEDED,        "quota_exceeded",        "quota_exceeded",        "extension_unavailable", 429,  8, true,  "the quota is used up")                      \
    X(BUDGET_EXCEEDED,       "budget_exceeded",       "budget_exceeded",       "extension_unavailable", 429,  8, true,  "the budget is used up")                     \
    X(SERVICE_OVERLOADED,    "service_overloaded",    "service_overloaded",    "extension_unavailable", 503,  8, true,  "the router is overloaded")                  \
    X(RESOURCE_EXHAUSTED,    "resource_exhausted",    "resource_exhausted",    "extension_unavailable", 503,  8, true,  "a limit of the router was reached")         \
    X(NO_PROVIDER_AVAILABLE, "no_provider_available", "decision_failed",       "decision_failed",       503, 14, true,  "no provider is available")                  \
    X(DEADLINE_EXCEEDED,     "deadline_exceeded",     "deadline_exceeded",     "extension_unavailable", 504,  4, true,  "the deadline has passed")                   \
    X(EXTENSION_TIMEOUT,     "extension_timeout",     "extension_timeout",     "extension_unavailable", 504,  4, true,  "an extension did not answer in time")       \
    X(EXTENSION_UNAVAILABLE, "extension_unavailable", "extension_unavailable", "extension_unavailable", 503, 14, true,  "an extension cannot be reached")            \
    X(UNAVAILABLE,           "unavailable",           "unavailable",           "extension_unavailable", 503, 14, true,  "a dependency of the router is away")        \
    X(EXTENSION_ERROR,       "extension_error",       "extension_error",       "extension_error",       500, 13, false, "an extension failed")                       \
    X(POST_PROCESSOR_FAILED, "post_processor_failed", "post_processor_failed", "post_processor_failed", 500, 13, false, "a post-processor failed")                   \
    X(INTERNAL,              "internal",              "internal",              "internal",              500, 13, false, "the router failed")
/* clang-format on */

enum bl_error {
    BL_E_NONE = 0,
#define X(symbol, ...) BL_E_##symbol,
    BL_ERROR_MAP(X)
#undef X
        BL_ERROR_COUNT
};

/* Facts of one error, from the table. Static storage. */
struct bl_error_info {
    enum bl_error error;
    const char *symbol;
    const char *code;
    const char *v1_code;
    const char *gateway_code;
    const char *text;
    uint16_t http_status;
    uint8_t grpc_status;
    bool retryable;
};

/* Never NULL; asserts on a value outside the table. BL_E_NONE has code "ok" and HTTP 200. */
const struct bl_error_info *bl_error_info(enum bl_error error);

/* Looks a code of the `code` column up; BL_E_NONE if there is none. */
enum bl_error bl_error_from_code(struct bl_str code);

typedef struct {
    enum bl_error error;
} bl_result;

#define BL_MUST_USE __attribute__((warn_unused_result))

#define BL_OK ((bl_result){BL_E_NONE})
#define BL_FAIL(symbol) ((bl_result){BL_E_##symbol})

static inline bool bl_is_ok(bl_result result) {
    return result.error == BL_E_NONE;
}

static inline bool bl_is_error(bl_result result) {
    return result.error != BL_E_NONE;
}

/* Returns from the calling function if `expr` failed. The one macro here that hides control flow. */
#define BL_TRY(expr)                                                                               \
    do {                                                                                           \
        bl_result bl_try_result = (expr);                                                          \
        if (bl_is_error(bl_try_result)) {                                                          \
            return bl_try_result;                                                                  \
        }                                                                                          \
    } while (0)

#endif
