#include "flow/decide.h"

#include <inttypes.h>

#include "flow/steps.h"

/* When to ask again for something that needs a store: nothing will change before somebody has
 * configured one, so this is a pause that does no harm, the one that the gateway advises too. */
#define NO_STORE_RETRY_MS 30000

/* One request is decided once here: its attempts begin and end with the first. */
#define FIRST_ATTEMPT 1

static bl_result check_payload_size(const struct bl_flow *flow, const struct bl_request *request,
                                    struct bl_refusal *refusal) {
    size_t bytes = bl_json_source(request->payload).len;

    if (bytes >= flow->min_payload_bytes || !bl_str_is_blank(request->payload_ref)) {
        return BL_OK;
    }
    struct bl_diag *diag =
        bl_refusal_begin(refusal, BL_E_INVALID_REQUEST, BL_INTAKE_PAYLOAD_TOO_SMALL);
    bl_diag_path(diag, "payload");
    bl_diag_message(diag, "has %zu bytes, intake.min_payload_bytes asks for %" PRIu32, bytes,
                    flow->min_payload_bytes);
    return BL_FAIL(INVALID_REQUEST);
}

/* What has to survive this process is refused without a store, never done halfway. A dry run
 * promises nothing, so it needs none. */
static bl_result check_store_needs(const struct bl_flow *flow, const struct bl_request *request,
                                   struct bl_refusal *refusal) {
    const char *field = request->push_assignment && !flow->can_push   ? "push_assignment"
                        : bl_str_is_present(request->idempotency_key) ? "idempotency_key"
                                                                      : NULL;

    if (field == NULL || request->dry_run) {
        return BL_OK;
    }
    struct bl_diag *diag = bl_refusal_begin(refusal, BL_E_UNAVAILABLE, BL_INTAKE_NONE);
    refusal->retry_after_ms = NO_STORE_RETRY_MS;
    bl_diag_path(diag, "%s", field);
    bl_diag_message(diag, "needs a durable store, and this router has none configured");
    bl_diag_hint(diag, "leave %s out to get the decision alone", field);
    return BL_FAIL(UNAVAILABLE);
}

bl_result bl_flow_refuse_policy(struct bl_str tenant_id, struct bl_str policy_id,
                                struct bl_refusal *refusal) {
    struct bl_diag *diag = bl_refusal_begin(refusal, BL_E_POLICY_NOT_FOUND, BL_INTAKE_NONE);

    bl_diag_message(diag, "tenant \"%.*s\" has no policy \"%.*s\", and there is no shared one",
                    BL_STR_ARG(tenant_id), BL_STR_ARG(policy_id));
    bl_diag_hint(diag, "add the policy for this tenant, or send another policy_id");
    return BL_FAIL(POLICY_NOT_FOUND);
}

static bl_result check_push(const struct bl_request *request, const struct bl_policy *policy,
                            struct bl_refusal *refusal) {
    if (!request->push_assignment || policy->push_allowed) {
        return BL_OK;
    }
    struct bl_diag *diag = bl_refusal_begin(refusal, BL_E_FORBIDDEN, BL_INTAKE_NONE);
    bl_diag_path(diag, "push_assignment");
    bl_diag_message(diag, "policy \"%.*s\" does not allow requests to be pushed",
                    BL_STR_ARG(policy->policy_id));
    bl_diag_hint(diag, "leave push_assignment out, or set push: {allowed: true} in the policy");
    return BL_FAIL(FORBIDDEN);
}

static bl_result find_policy(const struct bl_flow *flow, const struct bl_request *request,
                             struct bl_outcome *outcome, struct bl_refusal *refusal) {
    struct bl_str policy_id =
        bl_str_is_blank(request->policy_id) ? BL_STR("default") : request->policy_id;

    outcome->policy = bl_catalog_find(flow->catalog, outcome->tenant_id, policy_id);
    return outcome->policy != NULL ? BL_OK
                                   : bl_flow_refuse_policy(outcome->tenant_id, policy_id, refusal);
}

/* The one provider of the policy with that tag. Tags have 32 bits: if two providers share one, the
 * pin does not say which of them is meant, and is as good as none. */
static bl_provider_index provider_of_tag(const struct bl_policy *policy, uint32_t tag) {
    bl_provider_index found = BL_PROVIDER_NONE;

    for (uint16_t i = 0; i < policy->provider_count; i++) {
        if ((uint32_t)policy->providers[i].id_hash != tag) {
            continue;
        }
        if (found != BL_PROVIDER_NONE) {
            return BL_PROVIDER_NONE;
        }
        found = (bl_provider_index)i;
    }
    return found;
}

static void read_session(const struct bl_flow *flow, const struct bl_request *request,
                         struct bl_outcome *outcome) {
    struct bl_decision_input *input = &outcome->input;
    uint32_t tag;

    input->has_session =
        bl_flow_session(outcome->policy, request, outcome->tenant_id, flow->key, input->session);
    outcome->has_sticky_key = input->has_session;
    outcome->sticky_key = input->session[0];
    if (input->has_session && flow->pins != NULL &&
        bl_pins_get(flow->pins, input->session, input->now_ns / 1000000, &tag,
                    &input->pin_expires_ms)) {
        input->pin = provider_of_tag(outcome->policy, tag);
    }
}

/* All that the decision may depend on. */
static bl_result gather_input(const struct bl_flow *flow, const struct bl_request *request,
                              const struct bl_flow_moment *moment, struct bl_arena *arena,
                              struct bl_outcome *outcome, struct bl_refusal *refusal) {
    const struct bl_policy *policy = outcome->policy;

    outcome->input = (struct bl_decision_input){
        .policy = policy,
        .tenant_id = outcome->tenant_id,
        .now_ns = moment->now_ns,
        .seed =
            bl_decision_seed(flow->key, moment->admission_id, policy->content_hash, FIRST_ATTEMPT),
        .attempt = FIRST_ATTEMPT,
        .pin = BL_PROVIDER_NONE,
        .max_latency_ms = request->max_latency_ms,
        .max_cost_nano = request->max_cost_nano,
    };
    const struct bl_fact_source source = {.request = request,
                                          .tenant_id = outcome->tenant_id,
                                          .attributes = &flow->attributes,
                                          .attempt = FIRST_ATTEMPT,
                                          .now_ns = moment->now_ns};
    if (bl_is_error(bl_flow_facts(policy, &source, arena, &outcome->input.facts))) {
        struct bl_diag *diag = bl_refusal_begin(refusal, BL_E_RESOURCE_EXHAUSTED, BL_INTAKE_NONE);
        bl_diag_message(diag, "the request needs more memory than one request may have");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    read_session(flow, request, outcome);
    return BL_OK;
}

static bl_result choose(struct bl_outcome *outcome, struct bl_refusal *refusal) {
    const struct bl_policy *policy = outcome->policy;
    bl_result result = bl_decide(&outcome->input, &outcome->decision);

    outcome->decided = true;
    if (bl_is_ok(result)) {
        return result;
    }
    struct bl_diag *diag = bl_refusal_begin(refusal, result.error, BL_INTAKE_NONE);
    refusal->retry_after_ms = outcome->decision.retry_after_ms;
    if (result.error == BL_E_NO_PROVIDER_AVAILABLE) {
        bl_diag_message(diag, "no provider of policy \"%.*s\" can take this request",
                        BL_STR_ARG(policy->policy_id));
        bl_diag_hint(diag, "details.candidates says why each was dropped");
    } else {
        bl_diag_message(diag, "policy \"%.*s\": %s", BL_STR_ARG(policy->policy_id),
                        bl_error_info(result.error)->text);
        bl_diag_hint(diag, "ask again in %" PRId64 " ms", refusal->retry_after_ms);
    }
    return result;
}

static void keep_pin(const struct bl_flow *flow, const struct bl_outcome *outcome) {
    const struct bl_decision *decision = &outcome->decision;
    const struct bl_policy *policy = outcome->policy;

    if (decision->pin_action == BL_PIN_NONE || flow->pins == NULL) {
        return;
    }
    uint32_t tag = (uint32_t)policy->providers[decision->provider].id_hash;
    if (provider_of_tag(policy, tag) == decision->provider) {
        bl_pins_put(flow->pins, outcome->input.session, tag, outcome->input.now_ns / 1000000,
                    decision->pin_expires_ms);
    }
}

bl_result bl_flow_decide(const struct bl_flow *flow, const struct bl_request *request,
                         struct bl_str tenant_id, const struct bl_flow_moment *moment,
                         struct bl_arena *arena, struct bl_outcome *outcome,
                         struct bl_refusal *refusal) {
    outcome->policy = NULL;
    outcome->tenant_id = tenant_id;
    outcome->decided = false;
    outcome->assignment_id = NULL;
    outcome->has_sticky_key = false;
    outcome->step_count = 0;

    BL_TRY(check_payload_size(flow, request, refusal));
    BL_TRY(check_store_needs(flow, request, refusal));
    BL_TRY(find_policy(flow, request, outcome, refusal));
    BL_TRY(check_push(request, outcome->policy, refusal));
    BL_TRY(gather_input(flow, request, moment, arena, outcome, refusal));
    BL_TRY(bl_flow_steps(BL_STEPS_BEFORE_DECISION, request->dry_run, outcome, refusal));
    BL_TRY(choose(outcome, refusal));
    BL_TRY(bl_flow_steps(BL_STEPS_AFTER_DECISION, request->dry_run, outcome, refusal));
    if (!request->dry_run) {
        keep_pin(flow, outcome);
    }
    return BL_OK;
}
