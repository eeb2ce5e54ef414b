#include <string.h>

#include "api/administration.h"
#include "api/handler_private.h"
#include "wire/decide_reply.h"
#include "wire/assignment.h"
#include "wire/fields.h"
#include "wire/life_record.h"
#include "wire/request_headers.h"

#define STORED_REQUEST_BYTES 4096 /* keys, and ids that came in headers */

static bl_result refuse_not_stored(struct bl_refusal *refusal) {
    struct bl_diag *diag = bl_refusal_begin(refusal, BL_E_DECISION_NOT_FOUND, BL_INTAKE_NONE);

    bl_diag_message(diag, "no decision is stored under this id");
    bl_diag_hint(diag, "only pushed requests are stored; plain decisions are answered once");
    return BL_FAIL(DECISION_NOT_FOUND);
}

static uint64_t nonce_of(const struct bl_flow_moment *moment) {
    uint64_t nonce;

    memcpy(&nonce, moment->admission_id, sizeof(nonce));
    return nonce;
}

static bool may_notify(const struct bl_api *api, struct bl_str subject) {
    for (size_t i = 0; i < api->notify_subject_count; i++) {
        if (bl_str_equal(api->notify_subjects[i], subject)) {
            return true;
        }
    }
    return bl_str_is_blank(subject);
}

static bl_result refuse_subject(struct bl_refusal *refusal, const char *field, const char *hint) {
    struct bl_diag *diag = bl_refusal_begin(refusal, BL_E_FORBIDDEN, BL_INTAKE_NONE);

    bl_diag_path(diag, "%s", field);
    bl_diag_message(diag, "names a subject that requests may not choose");
    bl_diag_hint(diag, "%s", hint);
    return BL_FAIL(FORBIDDEN);
}

/* The life that begins: what further attempts will need of the request, and the first attempt. */
static bl_result begin_life(struct bl_api_exchange *exchange) {
    struct bl_api *api = exchange->api;
    const struct bl_request *request = &api->work.decoded.request;
    const struct bl_outcome *outcome = exchange->outcome;
    const struct bl_policy *policy = outcome->policy;
    int64_t now_ms = exchange->moment->now_ns / 1000000;
    size_t room = exchange->message->data.len + request->user_id.len + STORED_REQUEST_BYTES;
    char *storage = bl_arena_alloc(api->arena, room);
    struct bl_life *life = &api->work.life;
    struct bl_json_writer writer;
    struct bl_str decision;
    struct bl_buf kept;

    if (!may_notify(api, request->notify_subject)) {
        return refuse_subject(&api->work.refusal, "notify_subject",
                              "leave it out, or have push.notify_subjects list it");
    }
    if (!bl_str_is_blank(request->assignment_subject)) {
        return refuse_subject(&api->work.refusal, "assignment_subject",
                              "leave it out: push.assign_subject is where assignments go");
    }
    if (storage == NULL) {
        return bl_api_refuse_memory(exchange);
    }
    bl_buf_init(&kept, storage, room);
    bl_json_writer_init(&writer, &kept);
    bl_wire_write_stored_request(request, exchange->tenant_id, &writer);
    bl_json_writer_init(&writer, exchange->reply); /* which is not written yet */
    bl_wire_write_decision(outcome, api->flow.key, nonce_of(exchange->moment), &writer);
    bool is_kept = !kept.overflowed && !exchange->reply->overflowed &&
                   bl_is_ok(bl_arena_copy(api->arena, bl_buf_view(exchange->reply), &decision));
    bl_buf_reset(exchange->reply);
    if (!is_kept) {
        return bl_api_refuse_memory(exchange);
    }
    *life = (struct bl_life){
        .state = BL_LIFE_WORKING,
        .created_ms = now_ms,
        .updated_ms = now_ms,
        .attempt_time_ms = bl_attempt_time_ms(
            request->options, outcome->decision.expected_latency_ms, policy->deadline_max_ms),
        .ends_at_ms = now_ms + policy->total_deadline_ms,
        .tenant_id = exchange->tenant_id,
        .request_id = request->request_id,
        .message_id = request->message_id,
        .trace_id = request->trace_id,
        .policy_id = policy->policy_id,
        .policy_version = policy->revision,
        .decision = decision,
        .request = bl_buf_view(&kept),
        .notify = request->notify_subject,
        .attempt_count = 1,
    };
    memcpy(life->admission_id, exchange->moment->admission_id, sizeof(life->admission_id));
    life->attempts[0] = (struct bl_attempt){
        .provider_id = policy->providers[outcome->decision.provider].id,
        .reason = outcome->decision.reason,
        .fallback = -1,
        .latency_ms = -1,
        .cost_nano = BL_MONEY_UNKNOWN,
    };
    bl_assignment_id(api->flow.key, life->admission_id, 1, life->attempts[0].assignment_id);
    api->work.outcome.assignment_id = life->attempts[0].assignment_id;
    exchange->push = life;
    return BL_OK;
}

bl_result bl_api_decide(struct bl_api_exchange *exchange) {
    struct bl_api *api = exchange->api;
    struct bl_decide_request *decoded = &api->work.decoded;
    struct bl_refusal *refusal = &api->work.refusal;

    BL_TRY(bl_wire_decode_decide(exchange->message, exchange->generated_id, &api->limits,
                                 api->arena, decoded, refusal));
    BL_TRY(bl_tenant_resolve(&api->tenants, exchange->subject_tenant, decoded->header_tenant,
                             decoded->request.tenant_id, &exchange->tenant_id, refusal));
    if (decoded->operation != BL_WIRE_DECIDE) {
        return refuse_not_stored(refusal);
    }
    decoded->request.flat_reply = api->flat_replies;
    exchange->outcome = &api->work.outcome;
    BL_TRY(bl_flow_decide(&api->flow, &decoded->request, exchange->tenant_id, exchange->moment,
                          api->arena, &api->work.outcome, refusal));
    if (decoded->request.push_assignment && !decoded->request.dry_run) {
        BL_TRY(begin_life(exchange));
    }
    bl_wire_encode_decision(&decoded->request, exchange->outcome, api->flow.key,
                            nonce_of(exchange->moment), bl_api_reply_max_bytes(api),
                            exchange->reply);
    return BL_OK;
}

enum by { BY_REQUEST, BY_MESSAGE, BY_ADMISSION };

/* It becomes a part of a subject. */
static bool is_admission_id(struct bl_str id) {
    for (size_t i = 0; i < id.len; i++) {
        if (!(id.data[i] >= '0' && id.data[i] <= '9') &&
            !(id.data[i] >= 'a' && id.data[i] <= 'f')) {
            return false;
        }
    }
    return id.len == 32;
}

bl_result bl_api_get_decision(struct bl_api_exchange *exchange) {
    static const char *const names[] = {"request_id", "message_id", "admission_id"};
    enum by by = BY_REQUEST;
    struct bl_api *api = exchange->api;
    struct bl_request *request = &api->work.decoded.request;
    struct bl_refusal *refusal = &api->work.refusal;
    struct bl_str asked = BL_STR_ABSENT;
    struct bl_str header_tenant = BL_STR_ABSENT;
    struct bl_json body;

    BL_TRY(bl_api_read_body(exchange, &body));
    BL_TRY(bl_wire_check_headers(&exchange->message->headers, refusal));
    BL_TRY(bl_wire_header_tenant(&exchange->message->headers, &header_tenant, refusal));
    for (size_t i = 0; i < 3; i++) {
        struct bl_str id = BL_STR_ABSENT;
        BL_TRY(bl_wire_id(refusal, bl_json_get(body, bl_str_from_c(names[i])), names[i],
                          BL_WIRE_ID_MAX, &id));
        if (!bl_str_is_present(asked) && bl_str_is_present(id)) {
            asked = id;
            by = (enum by)i;
        }
    }
    if (api->call != NULL && bl_str_is_present(api->call->match->id)) {
        asked = api->call->match->id;
        by = is_admission_id(asked) ? BY_ADMISSION : BY_REQUEST;
        BL_TRY(bl_wire_check_id(refusal, asked, "id", BL_WIRE_ID_MAX));
    }
    if (!bl_str_is_present(asked)) {
        struct bl_diag *diag =
            bl_refusal_begin(refusal, BL_E_INVALID_REQUEST, BL_INTAKE_CORRELATION_FIELDS_INVALID);
        bl_diag_message(diag, "no decision is named");
        bl_diag_hint(diag, "send message_id, request_id or admission_id");
        return BL_FAIL(INVALID_REQUEST);
    }
    request->request_id = asked;
    BL_TRY(bl_wire_string(refusal, bl_json_get(body, BL_STR("tenant_id")), "tenant_id",
                          &request->tenant_id));
    bool is_named = !bl_str_is_blank(request->tenant_id) || !bl_str_is_blank(header_tenant) ||
                    !bl_str_is_blank(exchange->subject_tenant);
    if (is_named || !api->anonymous_reads) {
        BL_TRY(bl_tenant_resolve(&api->tenants, exchange->subject_tenant, header_tenant,
                                 request->tenant_id, &exchange->tenant_id, refusal));
    }
    if (!api->flow.can_push || (!is_named && by != BY_ADMISSION)) {
        return refuse_not_stored(refusal);
    }
    if (by == BY_ADMISSION && !is_admission_id(asked)) {
        return refuse_not_stored(refusal);
    }
    struct bl_life *life = &api->work.life;
    *life = (struct bl_life){
        .tenant_id = exchange->tenant_id,
        .request_id = by == BY_REQUEST ? asked : BL_STR_ABSENT,
        .message_id = by == BY_MESSAGE ? asked : BL_STR_ABSENT,
        .decision = by == BY_ADMISSION ? asked : BL_STR_ABSENT,
    };
    exchange->find = life;
    return BL_OK;
}

bl_result bl_api_write_found(struct bl_api_exchange *exchange, struct bl_str record) {
    struct bl_api *api = exchange->api;
    struct bl_refusal *refusal = &api->work.refusal;
    struct bl_json_writer writer;
    struct bl_life life;
    struct bl_diag diag;

    bl_diag_clear(&diag);
    if (!bl_str_is_present(record) ||
        bl_is_error(bl_life_record_read(record, api->arena, &life, &diag)) ||
        (bl_str_is_present(exchange->tenant_id) &&
         !bl_str_equal(life.tenant_id, exchange->tenant_id))) {
        return refuse_not_stored(refusal);
    }
    for (int with_result = 1; with_result >= 0; with_result--) {
        bl_buf_reset(exchange->reply);
        bl_json_writer_init(&writer, exchange->reply);
        bl_json_write_object_begin(&writer);
        bl_json_write_key(&writer, BL_STR("ok"));
        bl_json_write_bool(&writer, true);
        bl_wire_write_life_cycle(&life, &writer);
        if (with_result == 0) {
            bl_json_write_key(&writer, BL_STR("truncated"));
            bl_json_write_bool(&writer, true);
        }
        bl_json_write_key(&writer, BL_STR("context"));
        bl_wire_write_context(&api->work.decoded.request, &writer);
        bl_json_write_object_end(&writer);
        if (!exchange->reply->overflowed && exchange->reply->len <= bl_api_reply_max_bytes(api)) {
            break;
        }
        life.result = BL_STR_ABSENT;
    }
    return BL_OK;
}
