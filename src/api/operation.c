#include "api/operation.h"

#include <assert.h>

#define POLICY "/api/v1/policies/{tenant}/{policy}"
#define ADMIN_SUBJECT "beamline.router.v1.admin."
#define ADMIN_GRPC "beamline.flow.v1.RouterAdmin/"
#define POLICY_BYTES 1048576u              /* BL_POLICY_MAX_BYTES */
#define TRIAL_BYTES (2 * 1048576u + 65536) /* a request and a policy */
#define Q(symbol) (1u << BL_QUERY_##symbol)

/* clang-format off */
static const struct bl_operation_info table[BL_OPERATION_COUNT] = {
    {BL_OPERATION_DECIDE, "decide",
     "beamline.router.v1.decide", "beamline.router.v1.t.*.decide", "beamline.flow.v1.Router/Decide",
     "decide", BL_CALLER_TENANT,
     {{"POST", "/api/v1/routes/decide"}, {"POST", "/api/v1/messages"}},
     BL_BODY_REQUEST, 0, 0, "Decides which provider a request goes to."},
    {BL_OPERATION_GET_DECISION, "get_decision",
     "beamline.router.v1.get_decision", NULL, "beamline.flow.v1.Router/GetDecision",
     "decision.read", BL_CALLER_TENANT, {{"GET", "/api/v1/routes/decide/{id}"}},
     BL_BODY_NONE, 0, 0,
     "A pushed request, by its request id or admission id: its decision, how far it is, its result."},
    {BL_OPERATION_EXTENSION_HEALTH, "get_extension_health",
     ADMIN_SUBJECT "get_extension_health", NULL, ADMIN_GRPC "GetExtensionHealth",
     "extension.read", BL_CALLER_READER, {{"GET", "/api/v1/extensions/health"}},
     BL_BODY_NONE, 0, 0, "How each extension is doing."},
    {BL_OPERATION_CIRCUIT_BREAKERS, "get_circuit_breaker_states",
     ADMIN_SUBJECT "get_circuit_breaker_states", NULL, ADMIN_GRPC "GetCircuitBreakerStates",
     "extension.read", BL_CALLER_READER, {{"GET", "/api/v1/extensions/circuit-breakers"}},
     BL_BODY_NONE, 0, 0, "The state of each extension's circuit breaker."},
    {BL_OPERATION_DRY_RUN, "dry_run_pipeline",
     ADMIN_SUBJECT "dry_run_pipeline", NULL, ADMIN_GRPC "DryRunPipeline",
     "policy.read", BL_CALLER_READER, {{NULL, NULL}},
     BL_BODY_NONE, 0, 0, "A decision without effect, in the gateway's form."},
    {BL_OPERATION_COMPLEXITY, "get_pipeline_complexity",
     ADMIN_SUBJECT "get_pipeline_complexity", NULL, ADMIN_GRPC "GetPipelineComplexity",
     "policy.read", BL_CALLER_READER, {{"GET", POLICY "/complexity"}},
     BL_BODY_NONE, 0, 0, "How much a policy's extensions ask of each request."},
    {BL_OPERATION_OPENAPI, "get_openapi", NULL, NULL, NULL,
     "none", BL_CALLER_ANYBODY, {{"GET", "/api/v1/openapi.json"}},
     BL_BODY_NONE, 0, 0, "This document."},

    {BL_OPERATION_POLICY_LIST, "list_policies", NULL, NULL, ADMIN_GRPC "ListPolicies",
     "policy.read", BL_CALLER_ADMINISTRATOR, {{"GET", "/api/v1/policies"}},
     BL_BODY_NONE, 0, Q(TENANT) | Q(LIMIT) | Q(AFTER),
     "Policies of files and store, in the order of tenant and id."},
    {BL_OPERATION_POLICY_GET, "get_policy", NULL, NULL, ADMIN_GRPC "GetPolicy",
     "policy.read", BL_CALLER_ADMINISTRATOR, {{"GET", POLICY}},
     BL_BODY_NONE, 0, 0,
     "A policy with its document; with Accept: application/yaml the document alone, as written."},
    {BL_OPERATION_POLICY_PUT, "put_policy", NULL, NULL, ADMIN_GRPC "UpsertPolicy",
     "policy.write", BL_CALLER_ADMINISTRATOR, {{"PUT", POLICY}},
     BL_BODY_POLICY, POLICY_BYTES, Q(MESSAGE), "Creates or replaces a policy of the store."},
    {BL_OPERATION_POLICY_DELETE, "delete_policy", NULL, NULL, ADMIN_GRPC "DeletePolicy",
     "policy.write", BL_CALLER_ADMINISTRATOR, {{"DELETE", POLICY}},
     BL_BODY_NONE, 0, Q(MESSAGE), "Ends a policy of the store; its history stays."},
    {BL_OPERATION_POLICY_HISTORY, "get_policy_history", NULL, NULL, NULL,
     "policy.read", BL_CALLER_ADMINISTRATOR, {{"GET", POLICY "/history"}},
     BL_BODY_NONE, 0, Q(LIMIT) | Q(BEFORE), "The revisions of a policy, newest first."},
    {BL_OPERATION_POLICY_REVISION, "get_policy_revision", NULL, NULL, NULL,
     "policy.read", BL_CALLER_ADMINISTRATOR, {{"GET", POLICY "/revisions/{revision}"}},
     BL_BODY_NONE, 0, 0, "One revision of a policy, with its document."},
    {BL_OPERATION_POLICY_DIFF, "diff_policy", NULL, NULL, NULL,
     "policy.read", BL_CALLER_ADMINISTRATOR, {{"GET", POLICY "/diff"}, {"POST", POLICY "/diff"}},
     BL_BODY_POLICY, POLICY_BYTES, Q(FROM) | Q(TO),
     "What changes in meaning between two revisions, or from one to the document in the body."},
    {BL_OPERATION_POLICY_ROLLBACK, "rollback_policy", NULL, NULL, NULL,
     "policy.write", BL_CALLER_ADMINISTRATOR, {{"POST", POLICY "/rollback"}},
     BL_BODY_NONE, 0, Q(TO) | Q(MESSAGE), "Writes an earlier revision again, as a new one."},
    {BL_OPERATION_POLICY_DRY_RUN, "dry_run_policy", NULL, NULL, NULL,
     "policy.read", BL_CALLER_ADMINISTRATOR, {{"POST", POLICY "/dry-run"}},
     BL_BODY_TRIAL, TRIAL_BYTES, 0,
     "Decides a request by the live policy, or by the one in the body; nothing is kept."},
    {BL_OPERATION_POLICY_EXPLAIN, "explain_policy", NULL, NULL, NULL,
     "policy.read", BL_CALLER_ADMINISTRATOR, {{"POST", POLICY "/explain"}},
     BL_BODY_TRIAL, TRIAL_BYTES, 0, "The same, with the explanation of the decision."},
    {BL_OPERATION_POLICY_LINT, "lint_policy", NULL, NULL, NULL,
     "policy.read", BL_CALLER_ADMINISTRATOR, {{"GET", POLICY "/lint"}, {"POST", POLICY "/lint"}},
     BL_BODY_POLICY, POLICY_BYTES, 0,
     "What compiles but cannot be meant, each with a request that shows it."},
    {BL_OPERATION_POLICY_VALIDATE, "validate_policy", NULL, NULL, NULL,
     "policy.read", BL_CALLER_ADMINISTRATOR, {{"POST", POLICY "/validate"}},
     BL_BODY_POLICY, POLICY_BYTES, 0, "Whether the document in the body is a policy; warnings too."},
    {BL_OPERATION_PROVIDERS, "list_providers", NULL, NULL, NULL,
     "policy.read", BL_CALLER_ADMINISTRATOR, {{"GET", "/api/v1/providers"}},
     BL_BODY_NONE, 0, Q(TENANT) | Q(POLICY) | Q(LIMIT) | Q(AFTER),
     "The providers that live policies name, policy by policy."},
    {BL_OPERATION_STATS, "get_stats", NULL, NULL, NULL,
     "stats.read", BL_CALLER_ADMINISTRATOR, {{"GET", "/api/v1/stats"}},
     BL_BODY_NONE, 0, 0, "A few figures of this router."},
};
/* clang-format on */

const struct bl_operation_info *bl_operation_info(enum bl_operation operation) {
    assert(operation < BL_OPERATION_COUNT);
    assert(table[operation].operation == operation);
    return &table[operation];
}

const char *bl_query_name(enum bl_query query) {
    static const char *const names[BL_QUERY_COUNT] = {
#define X(symbol, name, doc) [BL_QUERY_##symbol] = (name),
        BL_QUERY_MAP(X)
#undef X
    };
    return names[query];
}

const char *bl_query_doc(enum bl_query query) {
    static const char *const docs[BL_QUERY_COUNT] = {
#define X(symbol, name, doc) [BL_QUERY_##symbol] = (doc),
        BL_QUERY_MAP(X)
#undef X
    };
    return docs[query];
}

enum bl_operation bl_operation_of_grpc(struct bl_str method) {
    for (int i = 0; i < BL_OPERATION_COUNT; i++) {
        const char *name = table[i].grpc_method;
        if (name != NULL && bl_str_equal_c(method, name)) {
            return (enum bl_operation)i;
        }
    }
    return BL_OPERATION_COUNT;
}
