#include "flow/request.h"

#include <assert.h>

const char *bl_dialect_name(enum bl_dialect dialect) {
    static const char *const names[BL_DIALECT_COUNT] = {
        [BL_DIALECT_CANONICAL] = "canonical", [BL_DIALECT_GATEWAY] = "gateway",
        [BL_DIALECT_FLAT] = "flat",           [BL_DIALECT_CONTRACT] = "contract",
        [BL_DIALECT_BRIDGE] = "bridge",
    };
    assert(dialect < BL_DIALECT_COUNT);
    return names[dialect];
}

const char *bl_intake_code_text(enum bl_intake_code code) {
    static const char *const texts[BL_INTAKE_COUNT] = {NULL,
#define X(symbol) #symbol,
                                                       BL_INTAKE_MAP(X)
#undef X
    };
    assert(code < BL_INTAKE_COUNT);
    return texts[code];
}

void bl_request_init(struct bl_request *request) {
    *request = (struct bl_request){
        .task_type = BL_STR("unknown"),
        .max_latency_ms = -1,
        .max_cost_nano = BL_MONEY_UNKNOWN,
    };
}

struct bl_diag *bl_refusal_begin(struct bl_refusal *refusal, enum bl_error error,
                                 enum bl_intake_code intake_code) {
    refusal->error = error;
    refusal->intake_code = intake_code;
    refusal->retry_after_ms = 0;
    bl_diag_clear(&refusal->diag);
    return &refusal->diag;
}
