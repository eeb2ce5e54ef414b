/* Trying policies without keeping anything: dry run, explain, lint, validate. */
#include <string.h>

#include "api/administration.h"
#include "flow/lint.h"
#include "wire/fields.h"
#include "wire/read.h"

/* The policy that serves under the path's name, not one that stands in for it. */
static bl_result find_live(struct bl_api_exchange *exchange, const struct bl_policy **out) {
    struct bl_policy_listing listing;

    if (!bl_api_find_listing(exchange, &listing) || listing.policy == NULL) {
        return bl_api_refuse_absent(exchange);
    }
    *out = listing.policy;
    return BL_OK;
}

/* --- dry run and explain --------------------------------------------------------------------- */

/* An object as it stands in the body, or a text (YAML, for example). */
static bl_result read_policy(struct bl_api_exchange *exchange, struct bl_json value,
                             const struct bl_policy **out) {
    struct bl_str text;

    if (bl_json_is(value, BL_JSON_ABSENT)) {
        return find_live(exchange, out);
    }
    if (!bl_json_string(value, &text)) {
        if (!bl_json_is(value, BL_JSON_OBJECT)) {
            return bl_wire_refuse_type(&exchange->api->work.refusal, value, "policy",
                                       "an object, or a text with YAML");
        }
        text = bl_json_source(value);
    }
    return bl_api_compile(exchange, text, out);
}

static bl_result read_request(struct bl_api_exchange *exchange, struct bl_str text, bool explain) {
    struct bl_api *api = exchange->api;
    struct bl_decide_request *decoded = &api->work.decoded;
    struct bl_refusal *refusal = &api->work.refusal;
    struct bl_request *request = &decoded->request;
    bool is_shared = bl_str_equal_c(exchange->tenant_id, "*");
    const struct bl_message message = {
        .subject = exchange->message->subject, .data = text, .headers = exchange->message->headers};
    const struct bl_tenant_rule believe = {.believe_all = true};
    struct bl_str tenant = BL_STR_ABSENT;

    BL_TRY(bl_wire_decode_decide(&message, exchange->generated_id, &api->limits, api->arena,
                                 decoded, refusal));
    if (decoded->operation != BL_WIRE_DECIDE) {
        return bl_api_refuse_field(exchange, "request", "asks for no decision", "");
    }
    BL_TRY(bl_tenant_resolve(&believe, is_shared ? BL_STR_ABSENT : exchange->tenant_id,
                             decoded->header_tenant, request->tenant_id, &tenant, refusal));
    if (!bl_str_is_blank(request->policy_id) &&
        !bl_str_equal(request->policy_id, exchange->policy_id)) {
        return bl_api_refuse_field(exchange, "request.policy_id", "is not that of the path",
                                   "leave it out");
    }
    exchange->tenant_id = tenant;
    request->policy_id = exchange->policy_id;
    request->dry_run = true;
    request->explain = request->explain || explain;
    request->push_assignment = false; /* nothing is pushed, nothing is kept */
    request->idempotency_key = BL_STR_ABSENT;
    return BL_OK;
}

static bl_result decide(struct bl_api_exchange *exchange, const struct bl_policy *policy) {
    struct bl_api *api = exchange->api;
    struct bl_policy *only = (struct bl_policy *)policy;
    struct bl_catalog *catalog;
    struct bl_flow flow = api->flow;

    if (bl_is_error(bl_catalog_create(&only, 1, 0, &catalog))) {
        return bl_api_refuse_memory(exchange);
    }
    flow.catalog = catalog;
    exchange->outcome = &api->work.outcome;
    bl_result result =
        bl_flow_decide(&flow, &api->work.decoded.request, exchange->tenant_id, exchange->moment,
                       api->arena, &api->work.outcome, &api->work.refusal);
    bl_catalog_destroy(catalog); /* the policy itself lives on with its owner */
    return result;
}

static bl_result try_policy(struct bl_api_exchange *exchange, bool explain) {
    struct bl_api *api = exchange->api;
    const struct bl_json_limits limits = {
        BL_POLICY_MAX_BYTES + api->limits.max_bytes + 65536, api->limits.max_depth,
        api->limits.max_nodes + bl_policy_document_limits.max_nodes};
    const struct bl_policy *policy = NULL;
    struct bl_request unused;
    struct bl_json_doc doc;
    uint64_t nonce;

    BL_TRY(bl_api_begin_administration(exchange));
    BL_TRY(bl_wire_read(exchange->message, exchange->generated_id, &limits, api->arena, &doc,
                        &unused, &api->work.refusal));
    struct bl_json body = bl_json_root(&doc);
    for (struct bl_json_iter it = bl_json_iter(body); bl_json_next(&it);) {
        if (!bl_str_equal_c(it.key, "request") && !bl_str_equal_c(it.key, "policy")) {
            return bl_api_refuse_field(exchange, "", "the body holds more than request and policy",
                                       "send {\"request\": {…}, \"policy\": {…}}");
        }
    }
    struct bl_json request = bl_json_get(body, BL_STR("request"));
    if (!bl_json_is(request, BL_JSON_OBJECT)) {
        return bl_wire_refuse_type(&api->work.refusal, request, "request", "a decide request");
    }
    BL_TRY(read_policy(exchange, bl_wire_member(body, BL_STR("policy")), &policy));
    BL_TRY(read_request(exchange, bl_json_source(request), explain));
    BL_TRY(decide(exchange, policy));
    memcpy(&nonce, exchange->moment->admission_id, sizeof(nonce));
    bl_wire_encode_decision(&api->work.decoded.request, exchange->outcome, api->flow.key, nonce,
                            BL_WIRE_REPLY_MAX_BYTES, exchange->reply);
    return BL_OK;
}

bl_result bl_api_policy_try(struct bl_api_exchange *exchange) {
    return try_policy(exchange, false);
}

bl_result bl_api_policy_explain(struct bl_api_exchange *exchange) {
    return try_policy(exchange, true);
}

/* --- lint and validate ----------------------------------------------------------------------- */

static void write_lint(const struct bl_lint_finding *finding, struct bl_json_writer *writer) {
    bl_json_write_object_begin(writer);
    bl_json_write_member(writer, BL_STR("code"), bl_str_from_c(bl_lint_word(finding->code)));
    if (finding->diag.line > 0) {
        bl_json_write_key(writer, BL_STR("line"));
        bl_json_write_int64(writer, finding->diag.line);
    }
    bl_json_write_member(writer, BL_STR("path"), bl_str_from_c(finding->diag.path));
    bl_json_write_member(writer, BL_STR("message"), bl_str_from_c(finding->diag.message));
    if (finding->diag.hint[0] != '\0') {
        bl_json_write_member(writer, BL_STR("hint"), bl_str_from_c(finding->diag.hint));
    }
    if (bl_str_is_present(finding->example)) {
        bl_json_write_key(writer, BL_STR("example"));
        bl_json_write_raw(writer, finding->example);
    }
    bl_json_write_object_end(writer);
}

static void write_warnings(struct bl_api_exchange *exchange, struct bl_json_writer *writer) {
    bl_json_write_key(writer, BL_STR("warnings"));
    bl_api_write_findings(exchange->findings, BL_SEVERITY_WARNING, writer);
}

bl_result bl_api_policy_lint(struct bl_api_exchange *exchange) {
    struct bl_lint *lint = NULL;
    const struct bl_policy *policy = NULL;
    struct bl_json_writer writer;
    struct bl_str text;

    BL_TRY(bl_api_begin_administration(exchange));
    if (bl_str_equal_c(exchange->api->call->method, "POST")) {
        BL_TRY(bl_api_read_document(exchange, &text));
        BL_TRY(bl_api_compile(exchange, text, &policy));
    } else {
        BL_TRY(find_live(exchange, &policy));
    }
    lint = bl_arena_calloc(exchange->api->arena, 1, sizeof(*lint));
    if (lint == NULL) {
        return bl_api_refuse_memory(exchange);
    }
    bl_lint_policy(policy, BL_LINT_EFFORT_QUICK, exchange->api->arena, lint);
    bl_api_begin_reply(exchange, &writer);
    bl_api_write_names(exchange, &writer);
    bl_json_write_key(&writer, BL_STR("findings"));
    bl_json_write_array_begin(&writer);
    for (size_t i = 0; i < lint->count; i++) {
        write_lint(&lint->findings[i], &writer);
    }
    bl_json_write_array_end(&writer);
    if (lint->left_out > 0) {
        bl_json_write_key(&writer, BL_STR("left_out"));
        bl_json_write_uint64(&writer, lint->left_out);
    }
    bl_json_write_key(&writer, BL_STR("complete"));
    bl_json_write_bool(&writer, lint->complete);
    write_warnings(exchange, &writer);
    return bl_api_end_reply(exchange, &writer);
}

bl_result bl_api_policy_validate(struct bl_api_exchange *exchange) {
    const struct bl_policy *policy = NULL;
    struct bl_json_writer writer;
    struct bl_str text;

    BL_TRY(bl_api_begin_administration(exchange));
    BL_TRY(bl_api_read_document(exchange, &text));
    BL_TRY(bl_api_compile(exchange, text, &policy));
    bl_api_begin_reply(exchange, &writer);
    bl_api_write_names(exchange, &writer);
    bl_json_write_member(&writer, BL_STR("content"), policy->revision);
    write_warnings(exchange, &writer);
    return bl_api_end_reply(exchange, &writer);
}
