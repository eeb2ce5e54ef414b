#include <assert.h>

#include "api/handler.h"

const struct bl_operation_info *bl_operation_info(enum bl_operation operation) {
    static const struct bl_operation_info table[BL_OPERATION_COUNT] = {
        {BL_OPERATION_DECIDE, "decide", "beamline.router.v1.decide",
         "beamline.router.v1.t.*.decide", "/beamline.flow.v1.Router/Decide", BL_PROTO_ROUTE_REQUEST,
         BL_PROTO_ROUTE_DECISION, "decide", BL_CALLER_TENANT},
        {BL_OPERATION_GET_DECISION, "get_decision", "beamline.router.v1.get_decision", NULL,
         "/beamline.flow.v1.Router/GetDecision", BL_PROTO_GET_DECISION_REQUEST,
         BL_PROTO_GET_DECISION_RESPONSE, "decision.read", BL_CALLER_TENANT},
        {BL_OPERATION_EXTENSION_HEALTH, "get_extension_health",
         "beamline.router.v1.admin.get_extension_health", NULL,
         "/beamline.flow.v1.RouterAdmin/GetExtensionHealth", BL_PROTO_EXTENSION_HEALTH_REQUEST,
         BL_PROTO_EXTENSION_HEALTH_RESPONSE, "extension.read", BL_CALLER_READER},
        {BL_OPERATION_CIRCUIT_BREAKERS, "get_circuit_breaker_states",
         "beamline.router.v1.admin.get_circuit_breaker_states", NULL,
         "/beamline.flow.v1.RouterAdmin/GetCircuitBreakerStates", BL_PROTO_CIRCUIT_BREAKERS_REQUEST,
         BL_PROTO_CIRCUIT_BREAKERS_RESPONSE, "extension.read", BL_CALLER_READER},
        {BL_OPERATION_DRY_RUN, "dry_run_pipeline", "beamline.router.v1.admin.dry_run_pipeline",
         NULL, "/beamline.flow.v1.RouterAdmin/DryRunPipeline", BL_PROTO_DRY_RUN_REQUEST,
         BL_PROTO_DRY_RUN_RESPONSE, "policy.read", BL_CALLER_READER},
        {BL_OPERATION_COMPLEXITY, "get_pipeline_complexity",
         "beamline.router.v1.admin.get_pipeline_complexity", NULL,
         "/beamline.flow.v1.RouterAdmin/GetPipelineComplexity", BL_PROTO_COMPLEXITY_REQUEST,
         BL_PROTO_COMPLEXITY_RESPONSE, "policy.read", BL_CALLER_READER},
    };
    assert(operation < BL_OPERATION_COUNT);
    assert(table[operation].operation == operation);
    return &table[operation];
}
