#include "api/handler.h"

#include <assert.h>
#include <string.h>

#include "api/administration.h"
#include "base/siphash.h"
#include "base/text.h"
#include "wire/recover.h"

#define LATER_RETRY_MS 2000

static bl_api_handler *handler_of(enum bl_operation operation) {
    static bl_api_handler *const handlers[BL_OPERATION_COUNT] = {
        [BL_OPERATION_DECIDE] = bl_api_decide,
        [BL_OPERATION_GET_DECISION] = bl_api_get_decision,
        [BL_OPERATION_EXTENSION_HEALTH] = bl_api_extension_health,
        [BL_OPERATION_CIRCUIT_BREAKERS] = bl_api_circuit_breakers,
        [BL_OPERATION_DRY_RUN] = bl_api_dry_run,
        [BL_OPERATION_COMPLEXITY] = bl_api_complexity,
        [BL_OPERATION_OPENAPI] = bl_api_openapi,
        [BL_OPERATION_POLICY_LIST] = bl_api_policy_list,
        [BL_OPERATION_POLICY_GET] = bl_api_policy_get,
        [BL_OPERATION_POLICY_PUT] = bl_api_policy_put,
        [BL_OPERATION_POLICY_DELETE] = bl_api_policy_delete,
        [BL_OPERATION_POLICY_HISTORY] = bl_api_policy_history,
        [BL_OPERATION_POLICY_REVISION] = bl_api_policy_revision,
        [BL_OPERATION_POLICY_DIFF] = bl_api_policy_diff,
        [BL_OPERATION_POLICY_ROLLBACK] = bl_api_policy_rollback,
        [BL_OPERATION_POLICY_DRY_RUN] = bl_api_policy_try,
        [BL_OPERATION_POLICY_EXPLAIN] = bl_api_policy_explain,
        [BL_OPERATION_POLICY_LINT] = bl_api_policy_lint,
        [BL_OPERATION_POLICY_VALIDATE] = bl_api_policy_validate,
        [BL_OPERATION_PROVIDERS] = bl_api_providers,
        [BL_OPERATION_STATS] = bl_api_stats,
    };
    return handlers[operation];
}

static struct bl_str generate_id(struct bl_api_work *work, const struct bl_flow_moment *moment) {
    struct bl_buf hex;

    bl_buf_init(&hex, work->generated_id, sizeof(work->generated_id));
    bl_hex_write(&hex, moment->admission_id, sizeof(moment->admission_id));
    return bl_buf_view(&hex);
}

/* The word that the predecessor's clients of the admin subjects know an error by. */
static const char *legacy_code_of(enum bl_operation operation, enum bl_error error) {
    if (bl_operation_info(operation)->caller != BL_CALLER_READER) {
        return NULL;
    }
    switch (error) {
    case BL_E_INVALID_REQUEST:
        return "INVALID_ARGUMENT";
    case BL_E_POLICY_NOT_FOUND:
        return "POLICY_NOT_FOUND";
    case BL_E_UNAUTHORIZED:
        return "UNAUTHORIZED";
    case BL_E_INTERNAL:
    case BL_E_RESOURCE_EXHAUSTED:
        return "INTERNAL_ERROR";
    default:
        return operation == BL_OPERATION_DRY_RUN ? "PIPELINE_ERROR" : "INTERNAL_ERROR";
    }
}

static const char *message_of(struct bl_api_work *work) {
    struct bl_buf text;

    bl_buf_init(&text, work->message, sizeof(work->message) - 1);
    bl_wire_refusal_text(&work->refusal, &text);
    work->message[text.len] = '\0';
    return work->message;
}

static void fill_report(const struct bl_api_exchange *exchange, bl_result result,
                        struct bl_api_report *report) {
    struct bl_api_work *work = &exchange->api->work;
    const struct bl_outcome *outcome = exchange->outcome;

    *report = (struct bl_api_report){
        .error = result.error,
        .dialect = work->decoded.request.dialect,
        .request_id = work->decoded.request.request_id,
        .trace_id = work->decoded.request.trace_id,
        .tenant_id = exchange->tenant_id,
        .policy = outcome != NULL ? outcome->policy : NULL,
        .decision = outcome != NULL && outcome->decided ? &outcome->decision : NULL,
        .content_type = exchange->content_type,
    };
    memcpy(report->span_id, exchange->moment->admission_id + 8, sizeof(report->span_id));
    if (bl_is_ok(result)) {
        report->etag = exchange->etag;
        report->location = exchange->location;
        report->push = exchange->push;
        report->find = exchange->find;
    }
    if (bl_is_error(result)) {
        report->intake_code = work->refusal.intake_code;
        report->retry_after_ms = work->refusal.retry_after_ms;
        report->message = message_of(work);
    }
}

static void write_refusal(struct bl_api_exchange *exchange, enum bl_operation operation,
                          const struct bl_outcome *outcome) {
    struct bl_api *api = exchange->api;
    bool is_decision = outcome != NULL || bl_operation_info(operation)->caller == BL_CALLER_TENANT;

    bl_buf_reset(exchange->reply);
    exchange->content_type = BL_STR_ABSENT;
    if (!is_decision && (api->call != NULL || operation >= BL_OPERATION_WORKER_COUNT)) {
        bl_api_write_refusal(exchange);
        return;
    }
    bl_wire_encode_refusal(&api->work.decoded.request, &api->work.refusal, outcome,
                           legacy_code_of(operation, api->work.refusal.error),
                           bl_api_reply_max_bytes(api), exchange->reply);
}

static bl_result refuse_too_large(struct bl_api_exchange *exchange, enum bl_operation operation) {
    size_t max_bytes = bl_api_reply_max_bytes(exchange->api);
    struct bl_diag *diag =
        bl_refusal_begin(&exchange->api->work.refusal, BL_E_RESOURCE_EXHAUSTED, BL_INTAKE_NONE);

    bl_diag_message(diag, "the reply of %zu bytes is larger than the %zu that the server takes",
                    exchange->reply->len, max_bytes);
    bl_diag_hint(diag, "raise max_payload of nats-server");
    write_refusal(exchange, operation, NULL);
    return BL_FAIL(RESOURCE_EXHAUSTED);
}

void bl_api_handle(struct bl_api *api, enum bl_operation operation,
                   const struct bl_message *message, struct bl_str subject_tenant,
                   const struct bl_flow_moment *moment, struct bl_buf *reply,
                   struct bl_api_report *report) {
    struct bl_api_exchange exchange = {
        .api = api,
        .message = message,
        .encoded = message->data,
        .subject_tenant = subject_tenant,
        .generated_id = generate_id(&api->work, moment),
        .moment = moment,
        .reply = reply,
    };
    struct bl_message decoded;

    assert(reply->capacity >= BL_WIRE_REPLY_MAX_BYTES);
    bl_arena_reset(api->arena);
    bl_buf_reset(reply);
    bl_result result = BL_OK;
    if (message->codec == BL_CODEC_PROTOBUF) {
        result = bl_api_decode(&exchange, operation, &decoded);
    }
    if (bl_is_ok(result)) {
        result = handler_of(operation)(&exchange);
    }
    if (bl_is_error(result)) {
        assert(api->work.refusal.error == result.error);
        write_refusal(&exchange, operation, exchange.outcome);
    }
    bool is_too_large = reply->overflowed || reply->len > bl_api_reply_max_bytes(api);
    if (is_too_large) {
        result = refuse_too_large(&exchange, operation);
    }
    if (message->reply_codec == BL_CODEC_PROTOBUF) {
        bl_api_encode(&exchange, operation);
    }
    for (size_t i = 0; i < sizeof(exchange.compiled) / sizeof(exchange.compiled[0]); i++) {
        bl_policy_unref(exchange.compiled[i]);
    }
    fill_report(&exchange, result, report);
    report->reply_was_too_large = is_too_large;
}

/* What the message said is gone; what its reply needs of it was kept. */
void bl_api_conclude(struct bl_api *api, enum bl_operation operation,
                     const struct bl_request *request, struct bl_str tenant_id,
                     enum bl_codec reply_codec, bl_result result, const struct bl_diag *diag,
                     struct bl_str outcome, struct bl_buf *reply, struct bl_api_report *report) {
    static const struct bl_flow_moment no_moment = {.now_ns = 0};
    struct bl_api_exchange exchange = {
        .api = api, .moment = &no_moment, .reply = reply, .tenant_id = tenant_id};
    bool is_push = bl_is_ok(result) && operation == BL_OPERATION_DECIDE;

    bl_arena_reset(api->arena);
    bl_buf_reset(reply);
    bl_request_init(&api->work.decoded.request);
    api->work.decoded.request.request_id = request->request_id;
    api->work.decoded.request.trace_id = request->trace_id;
    api->work.decoded.request.dialect = request->dialect;
    if (is_push) {
        bl_buf_str(reply, outcome); /* encoded already */
    } else if (bl_is_ok(result)) {
        result = bl_api_write_found(&exchange, outcome);
    } else {
        struct bl_diag *told = bl_refusal_begin(
            &api->work.refusal, result.error,
            result.error == BL_E_INVALID_REQUEST ? BL_INTAKE_PAYLOAD_TOO_LARGE : BL_INTAKE_NONE);
        *told = *diag;
        api->work.refusal.retry_after_ms =
            bl_error_info(result.error)->retryable ? LATER_RETRY_MS : 0;
    }
    if (bl_is_error(result)) {
        write_refusal(&exchange, operation, NULL);
    }
    if (reply_codec == BL_CODEC_PROTOBUF && !is_push) {
        bl_api_encode(&exchange, operation);
    }
    fill_report(&exchange, result, report);
}

/* An id for a message that names none, from the message alone: there is no admission yet. */
static struct bl_str id_of_text(struct bl_str text, char storage[32]) {
    static const uint8_t key[BL_SIPHASH_KEY_BYTES] = "refused-unread";
    uint64_t digest[2];
    struct bl_buf hex;

    bl_siphash128(key, text.data,
                  text.len < BL_WIRE_RECOVER_BYTES ? text.len : BL_WIRE_RECOVER_BYTES, digest);
    bl_buf_init(&hex, storage, 32);
    bl_hex_write(&hex, digest, sizeof(digest));
    return bl_buf_view(&hex);
}

void bl_api_refuse(enum bl_operation operation, const struct bl_message *message,
                   enum bl_error error, int64_t retry_after_ms, struct bl_buf *reply) {
    struct bl_request request;
    struct bl_refusal refusal;
    char storage[32];

    bl_wire_recover(message, BL_STR_ABSENT, &request);
    if (!bl_str_is_present(request.request_id)) {
        request.request_id = id_of_text(message->data, storage);
    }
    if (operation != BL_OPERATION_DECIDE) {
        request.dialect = BL_DIALECT_GATEWAY;
    }
    (void)bl_refusal_begin(&refusal, error, BL_INTAKE_NONE);
    refusal.retry_after_ms = retry_after_ms;
    bl_buf_reset(reply);
    bl_wire_encode_refusal(&request, &refusal, NULL, legacy_code_of(operation, error),
                           BL_WIRE_REPLY_MAX_BYTES, reply);
}
