#include <assert.h>

#include "api/handler.h"

const struct bl_operation_info *bl_operation_info(enum bl_operation operation) {
    static const struct bl_operation_info table[BL_OPERATION_COUNT] = {
        {BL_OPERATION_DECIDE, "decide", "beamline.router.v1.decide",
         "beamline.router.v1.t.*.decide", "decide", BL_CALLER_TENANT},
        {BL_OPERATION_GET_DECISION, "get_decision", "beamline.router.v1.get_decision", NULL,
         "decision.read", BL_CALLER_TENANT},
        {BL_OPERATION_EXTENSION_HEALTH, "get_extension_health",
         "beamline.router.v1.admin.get_extension_health", NULL, "extension.read", BL_CALLER_READER},
        {BL_OPERATION_CIRCUIT_BREAKERS, "get_circuit_breaker_states",
         "beamline.router.v1.admin.get_circuit_breaker_states", NULL, "extension.read",
         BL_CALLER_READER},
        {BL_OPERATION_DRY_RUN, "dry_run_pipeline", "beamline.router.v1.admin.dry_run_pipeline",
         NULL, "policy.read", BL_CALLER_READER},
        {BL_OPERATION_COMPLEXITY, "get_pipeline_complexity",
         "beamline.router.v1.admin.get_pipeline_complexity", NULL, "policy.read", BL_CALLER_READER},
    };
    assert(operation < BL_OPERATION_COUNT);
    assert(table[operation].operation == operation);
    return &table[operation];
}
