#include "flow/error_class.h"

#include <string.h>
#include <strings.h>

static const char *const words[BL_RESULT_STATUS_COUNT] = {"success", "error", "timeout",
                                                          "cancelled"};

const char *bl_result_status_word(enum bl_result_status status) {
    return words[status];
}

bool bl_result_status_from_word(struct bl_str word, enum bl_result_status *out) {
    for (int i = 0; i < BL_RESULT_STATUS_COUNT; i++) {
        if (bl_str_equal_c(word, words[i])) {
            *out = (enum bl_result_status)i;
            return true;
        }
    }
    return false;
}

#define NONE BL_STATUS_COUNT

static const struct bl_error_class timed_out = {"timeout", BL_STATUS_TIMEOUT, NONE, false, true,
                                                false};
static const struct bl_error_class connection = {
    "connection", BL_STATUS_CONNECTION, NONE, false, true, false};
static const struct bl_error_class server = {"5xx", BL_STATUS_5XX, NONE, false, true, false};
static const struct bl_error_class busy_server = {"5xx", BL_STATUS_5XX, BL_STATUS_503,
                                                  false, true,          false};
static const struct bl_error_class unavailable = {
    "unavailable", BL_STATUS_UNAVAILABLE, NONE, false, true, false};
static const struct bl_error_class rate_limited = {
    "rate_limited", BL_STATUS_RATE_LIMITED, BL_STATUS_429, false, false, true};
static const struct bl_error_class invalid = {"invalid", NONE, NONE, true, false, false};
static const struct bl_error_class execution = {
    "execution", BL_STATUS_EXECUTION, NONE, false, false, false};
static const struct bl_error_class cancelled = {"cancelled", NONE, NONE, true, false, false};

/* Codes by name, and workers' own numbers; numbers of three digits are HTTP's, below. */
static const struct {
    const char *code;
    const struct bl_error_class *class;
} codes[] = {
    {"TIMEOUT", &timed_out},
    {"CONNECTION_ERROR", &connection},
    {"3001", &connection},
    {"3002", &connection},
    {"3003", &connection},
    {"5XX", &server},
    {"HTTP_5XX", &server},
    {"SERVER_ERROR", &server},
    {"4001", &server},
    {"4002", &server},
    {"PROVIDER_UNAVAILABLE", &unavailable},
    {"RATE_LIMITED", &rate_limited},
    {"1001", &invalid},
    {"1002", &invalid},
    {"1003", &invalid},
    {"2001", &execution},
    {"2002", &execution},
    {"2003", &execution},
    {"2004", &execution},
    {"5001", &cancelled},
    {"5002", &cancelled},
    {"CANCELLED", &cancelled},
    {"EXPIRED", &timed_out},
};

/* 429, HTTP_429; 0 if it is none. */
static unsigned http_status(struct bl_str code) {
    unsigned value = 0;

    if (code.len == 8 && strncasecmp(code.data, "HTTP_", 5) == 0) {
        code = (struct bl_str){code.data + 5, 3};
    }
    for (size_t i = 0; i < code.len && code.len == 3; i++) {
        if (code.data[i] < '0' || code.data[i] > '9') {
            return 0;
        }
        value = value * 10 + (unsigned)(code.data[i] - '0');
    }
    return value;
}

static const struct bl_error_class *class_of_http(unsigned status) {
    if (status == 429) {
        return &rate_limited;
    }
    if (status == 503) {
        return &busy_server;
    }
    if (status >= 500 && status <= 599) {
        return &server;
    }
    return status >= 400 && status <= 499 ? &invalid : &execution;
}

static const struct bl_error_class *class_of_code(struct bl_str code) {
    unsigned status = http_status(code);

    if (status != 0) {
        return class_of_http(status);
    }
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (code.len == strlen(codes[i].code) &&
            strncasecmp(code.data, codes[i].code, code.len) == 0) {
            return codes[i].class;
        }
    }
    return &execution;
}

struct bl_error_class bl_error_class_of(enum bl_result_status status, struct bl_str error_code,
                                        struct bl_str error_type) {
    if (status == BL_RESULT_TIMEOUT) {
        return timed_out;
    }
    if (status == BL_RESULT_CANCELLED) {
        return cancelled;
    }
    return *class_of_code(bl_str_is_blank(error_code) ? error_type : error_code);
}
