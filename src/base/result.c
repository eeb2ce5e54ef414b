#include "base/result.h"

#include <assert.h>

static const struct bl_error_info table[BL_ERROR_COUNT] = {
    [BL_E_NONE] = {BL_E_NONE, "NONE", "ok", "ok", "ok", "ok", 200, 0, false},
#define X(symbol, code, v1_code, gateway, http, grpc, retryable, text)                             \
    [BL_E_##symbol] = {BL_E_##symbol, #symbol, code, v1_code, gateway, text, http, grpc, retryable},
    BL_ERROR_MAP(X)
#undef X
};

const struct bl_error_info *bl_error_info(enum bl_error error) {
    assert((unsigned)error < BL_ERROR_COUNT);
    return &table[error];
}

enum bl_error bl_error_from_code(struct bl_str code) {
    for (int i = BL_E_NONE + 1; i < BL_ERROR_COUNT; i++) {
        if (bl_str_equal_c(code, table[i].code)) {
            return (enum bl_error)i;
        }
    }
    return BL_E_NONE;
}
