#include "wire/decide_reply.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "route/explain.h"
#include "wire/decision_id.h"

/* A byte of text at its longest in JSON. */
#define ESCAPED_BYTES 6

/* The context object but for its ids. */
#define CONTEXT_KEYS_BYTES 60

/* What else has to stay free behind a list of candidates: the ends of what is open. */
#define TAIL_BYTES 100

/* One candidate but for its id: the word, the sentence, the keys. */
#define CANDIDATE_TEXT_BYTES 270

/* A label is free text of the policy's author; it is a decoration of each reply, so bounded. */
#define LABEL_MAX_BYTES 256

static void write_text(struct bl_json_writer *writer, struct bl_str key, const char *value) {
    bl_json_write_member(writer, key, bl_str_from_c(value));
}

void bl_wire_write_context(const struct bl_request *request, struct bl_json_writer *writer) {
    bl_json_write_object_begin(writer);
    bl_json_write_member(writer, BL_STR("request_id"), request->request_id);
    if (bl_str_is_present(request->trace_id)) {
        bl_json_write_member(writer, BL_STR("trace_id"), request->trace_id);
    }
    bl_json_write_object_end(writer);
}

void bl_wire_write_steps(const struct bl_outcome *outcome, struct bl_json_writer *writer) {
    static const char *const kinds[] = {
        [BL_STEP_PRE] = "pre", [BL_STEP_VALIDATOR] = "validator", [BL_STEP_POST] = "post"};

    bl_json_write_array_begin(writer);
    for (uint8_t i = 0; i < outcome->step_count; i++) {
        const struct bl_outcome_step *step = &outcome->steps[i];
        bl_json_write_object_begin(writer);
        write_text(writer, BL_STR("type"), kinds[step->step->kind]);
        bl_json_write_member(writer, BL_STR("id"), step->step->id);
        write_text(writer, BL_STR("status"), step->status);
        bl_json_write_object_end(writer);
    }
    bl_json_write_array_end(writer);
}

static void write_decision_id(const struct bl_outcome *outcome, const uint8_t key[16],
                              uint64_t nonce, struct bl_json_writer *writer) {
    const struct bl_policy *policy = outcome->policy;
    char storage[BL_DECISION_ID_MAX + 2];
    struct bl_buf id;

    bl_buf_init(&id, storage, sizeof(storage));
    bl_buf_char(&id, '"');
    bl_decision_id_write(
        &(struct bl_decision_facts){
            .time_ms = outcome->input.now_ns / 1000000,
            .nonce = nonce,
            .policy_content_hash = policy->content_hash,
            .reserve_nano = outcome->decision.reserve_nano,
            .tenant_id = outcome->tenant_id,
            .provider_id = policy->providers[outcome->decision.provider].id,
            .policy_id = policy->policy_id,
        },
        key, &id);
    bl_buf_char(&id, '"');
    bl_json_write_key(writer, BL_STR("decision_id"));
    bl_json_write_raw(writer, bl_buf_view(&id)); /* its alphabet needs no escapes */
}

static void write_estimates(const struct bl_decision *decision, struct bl_json_writer *writer) {
    char storage[32];
    struct bl_buf cost;

    bl_buf_init(&cost, storage, sizeof(storage));
    bl_money_write(&cost, decision->expected_cost_nano);
    bl_json_write_key(writer, BL_STR("expected_latency_ms"));
    bl_json_write_int64(writer, decision->expected_latency_ms);
    bl_json_write_key(writer, BL_STR("expected_cost"));
    bl_json_write_raw(writer, bl_buf_view(&cost));
    if (!decision->latency_known && !decision->cost_known) {
        write_text(writer, BL_STR("estimates"), "none");
    }
}

/* What clients read first; the HTTP reply has it at its top, too. */
static void write_core(const struct bl_outcome *outcome, const uint8_t key[16], uint64_t nonce,
                       struct bl_json_writer *writer) {
    const struct bl_decision *decision = &outcome->decision;

    write_decision_id(outcome, key, nonce, writer);
    bl_json_write_member(writer, BL_STR("provider_id"),
                         outcome->policy->providers[decision->provider].id);
    bl_json_write_key(writer, BL_STR("priority"));
    bl_json_write_int64(writer, bl_reason_priority(decision->reason));
    write_text(writer, BL_STR("reason"), bl_reason_word(decision->reason));
    write_estimates(decision, writer);
}

void bl_wire_write_decision(const struct bl_outcome *outcome, const uint8_t key[16], uint64_t nonce,
                            struct bl_json_writer *writer) {
    const struct bl_decision *decision = &outcome->decision;
    const struct bl_policy *policy = outcome->policy;

    assert(decision->provider >= 0 && decision->provider < policy->provider_count);
    const struct bl_provider *provider = &policy->providers[decision->provider];

    bl_json_write_object_begin(writer);
    write_core(outcome, key, nonce, writer);
    if (bl_str_is_present(provider->label)) {
        bl_json_write_member(writer, BL_STR("provider_label"),
                             bl_utf8_cut(provider->label, LABEL_MAX_BYTES));
    }
    bl_json_write_member(writer, BL_STR("policy_id"), policy->policy_id);
    bl_json_write_member(writer, BL_STR("policy_version"), policy->revision);
    if (decision->reason == BL_REASON_FALLBACK ||
        decision->reason == BL_REASON_CIRCUIT_BREAKER_FALLBACK) {
        bl_json_write_key(writer, BL_STR("fallback_used"));
        bl_json_write_bool(writer, true);
    }
    if (outcome->has_sticky_key) {
        char storage[16];
        struct bl_buf hex;
        bl_buf_init(&hex, storage, sizeof(storage));
        bl_hex_write(&hex, &outcome->sticky_key, sizeof(outcome->sticky_key));
        bl_json_write_member(writer, BL_STR("sticky_key"), bl_buf_view(&hex));
    }
    if (outcome->step_count > 0) {
        bl_json_write_key(writer, BL_STR("metadata"));
        bl_json_write_object_begin(writer);
        bl_json_write_key(writer, BL_STR("executed_extensions"));
        bl_wire_write_steps(outcome, writer);
        bl_json_write_object_end(writer);
    }
    bl_json_write_object_end(writer);
}

static size_t bounded(size_t max_bytes) {
    return max_bytes < BL_WIRE_REPLY_MAX_BYTES ? max_bytes : BL_WIRE_REPLY_MAX_BYTES;
}

/* Bytes that may still be written before what has to stand at the end of a reply. */
static size_t room(const struct bl_request *request, size_t max_bytes, const struct bl_buf *buf) {
    const size_t end = ESCAPED_BYTES * (request->request_id.len + request->trace_id.len) +
                       CONTEXT_KEYS_BYTES + TAIL_BYTES;

    return buf->len + end < max_bytes ? max_bytes - end - buf->len : 0;
}

enum explained { EXPLAIN_AS_FAR_AS_IT_FITS, EXPLAIN_MARK_ONLY, EXPLAIN_NOTHING };

/* The explanation, or only the mark that it was cut. */
static void write_explain(const struct bl_outcome *outcome, enum explained explained,
                          size_t room_bytes, struct bl_json_writer *writer) {
    if (explained == EXPLAIN_NOTHING) {
        return;
    }
    bl_json_write_key(writer, BL_STR("explain"));
    if (explained == EXPLAIN_AS_FAR_AS_IT_FITS) {
        bl_explain_json(&outcome->input, &outcome->decision, room_bytes, writer);
        return;
    }
    bl_json_write_object_begin(writer);
    bl_json_write_key(writer, BL_STR("truncated"));
    bl_json_write_bool(writer, true);
    bl_json_write_object_end(writer);
}

/* Ends a reply whose first part stands in `writer`. */
static void write_end(const struct bl_request *request, const struct bl_outcome *outcome,
                      size_t max_bytes, struct bl_json_writer *writer) {
    const struct bl_json_writer before = *writer;
    const size_t len = writer->buf->len;
    const size_t room_bytes = room(request, max_bytes, writer->buf);
    bool has_explain = request->explain && outcome != NULL && outcome->decided;
    enum explained explained = has_explain ? EXPLAIN_AS_FAR_AS_IT_FITS : EXPLAIN_NOTHING;

    for (;; explained++) {
        write_explain(outcome, explained, room_bytes, writer);
        bl_json_write_key(writer, BL_STR("context"));
        bl_wire_write_context(request, writer);
        bl_json_write_object_end(writer);
        bool fits = bl_json_writer_ok(writer) && writer->buf->len <= max_bytes;
        if (fits || explained == EXPLAIN_NOTHING) {
            break;
        }
        *writer = before;
        writer->buf->len = len;
        writer->buf->overflowed = false;
    }
    /* Without its explanation a reply is below the bound of all replies by construction. */
    assert(bl_json_writer_ok(writer) && writer->buf->len <= BL_WIRE_REPLY_MAX_BYTES);
}

void bl_wire_encode_decision(const struct bl_request *request, const struct bl_outcome *outcome,
                             const uint8_t key[16], uint64_t nonce, size_t max_bytes,
                             struct bl_buf *buf) {
    struct bl_json_writer writer;

    bl_json_writer_init(&writer, buf);
    bl_json_write_object_begin(&writer);
    bl_json_write_key(&writer, BL_STR("ok"));
    bl_json_write_bool(&writer, true);
    bl_json_write_key(&writer, BL_STR("decision"));
    bl_wire_write_decision(outcome, key, nonce, &writer);
    if (outcome->assignment_id != NULL) {
        bl_json_write_key(&writer, BL_STR("assignment"));
        bl_json_write_object_begin(&writer);
        write_text(&writer, BL_STR("assignment_id"), outcome->assignment_id);
        write_text(&writer, BL_STR("state"), "assigned");
        bl_json_write_object_end(&writer);
    }
    if (request->flat_reply) {
        write_core(outcome, key, nonce, &writer);
    }
    write_end(request, outcome, bounded(max_bytes), &writer);
}

/* The form with `message` and without `task` is the gateway's, whoever sends it. */
static bool is_gateway_form(const struct bl_request *request) {
    return request->dialect == BL_DIALECT_GATEWAY || request->dialect == BL_DIALECT_CONTRACT;
}

void bl_wire_refusal_text(const struct bl_refusal *refusal, struct bl_buf *buf) {
    const struct bl_diag *diag = &refusal->diag;
    const char *message =
        diag->message[0] != '\0' ? diag->message : bl_error_info(refusal->error)->text;

    if (diag->path[0] != '\0') {
        bl_buf_str(buf, bl_str_from_c(diag->path));
        bl_buf_literal(buf, ": ");
    }
    bl_buf_str(buf, bl_str_from_c(message));
    if (diag->hint[0] != '\0') {
        bl_buf_literal(buf, "; ");
        bl_buf_str(buf, bl_str_from_c(diag->hint));
    }
}

static void write_message(const struct bl_refusal *refusal, struct bl_json_writer *writer) {
    char storage[BL_WIRE_REFUSAL_TEXT_MAX];
    struct bl_buf text;

    bl_buf_init(&text, storage, sizeof(storage));
    bl_wire_refusal_text(refusal, &text);
    bl_json_write_member(writer, BL_STR("message"), bl_buf_view(&text));
}

static void write_candidates(const struct bl_request *request, const struct bl_outcome *outcome,
                             size_t max_bytes, struct bl_json_writer *writer) {
    const struct bl_policy *policy = outcome->policy;
    uint16_t i = 0;

    bl_json_write_key(writer, BL_STR("candidates"));
    bl_json_write_array_begin(writer);
    for (; i < policy->provider_count; i++) {
        enum bl_drop drop = (enum bl_drop)outcome->decision.drops[i];
        size_t most = ESCAPED_BYTES * policy->providers[i].id.len + CANDIDATE_TEXT_BYTES;
        if (room(request, max_bytes, writer->buf) <= most) {
            break;
        }
        bl_json_write_object_begin(writer);
        bl_json_write_member(writer, BL_STR("provider_id"), policy->providers[i].id);
        write_text(writer, BL_STR("dropped"), bl_drop_word(drop));
        write_text(writer, BL_STR("why"), bl_drop_text(drop));
        bl_json_write_object_end(writer);
    }
    bl_json_write_array_end(writer);
    if (i < policy->provider_count) {
        bl_json_write_key(writer, BL_STR("truncated"));
        bl_json_write_bool(writer, true);
    }
}

/* `code` is the exact one; it is left out where the error's own code is exact already. */
static void write_details(const struct bl_request *request, const struct bl_refusal *refusal,
                          const struct bl_outcome *outcome, bool with_code, size_t max_bytes,
                          struct bl_json_writer *writer) {
    bool with_candidates =
        refusal->error == BL_E_NO_PROVIDER_AVAILABLE && outcome != NULL && outcome->decided;

    if (!with_code && refusal->retry_after_ms == 0 && !with_candidates) {
        return;
    }
    bl_json_write_key(writer, BL_STR("details"));
    bl_json_write_object_begin(writer);
    if (with_code) {
        write_text(writer, BL_STR("code"), bl_error_info(refusal->error)->code);
    }
    if (refusal->retry_after_ms != 0) {
        bl_json_write_key(writer, BL_STR("retry_after_ms"));
        bl_json_write_int64(writer, refusal->retry_after_ms);
    }
    if (with_candidates) {
        write_candidates(request, outcome, max_bytes, writer);
    }
    bl_json_write_object_end(writer);
}

void bl_wire_encode_refusal(const struct bl_request *request, const struct bl_refusal *refusal,
                            const struct bl_outcome *outcome, const char *legacy_code,
                            size_t max_bytes, struct bl_buf *buf) {
    const struct bl_error_info *info = bl_error_info(refusal->error);
    bool gateway = is_gateway_form(request);
    const char *code = gateway ? info->gateway_code : info->v1_code;
    const char *intake_code = bl_intake_code_text(refusal->intake_code);
    struct bl_json_writer writer;

    if (gateway && intake_code == NULL) {
        /* The gateway needs a string here, or it rewrites the body and may cut it. */
        intake_code = info->symbol;
    }
    bl_json_writer_init(&writer, buf);
    bl_json_write_object_begin(&writer);
    bl_json_write_key(&writer, BL_STR("ok"));
    bl_json_write_bool(&writer, false);
    bl_json_write_key(&writer, BL_STR("error"));
    bl_json_write_object_begin(&writer);
    write_text(&writer, BL_STR("code"), code);
    write_message(refusal, &writer);
    if (intake_code != NULL) {
        write_text(&writer, BL_STR("intake_error_code"), intake_code);
    }
    if (legacy_code != NULL) {
        write_text(&writer, BL_STR("legacy_code"), legacy_code);
    }
    write_details(request, refusal, outcome, gateway || strcmp(code, info->code) != 0,
                  bounded(max_bytes), &writer);
    bl_json_write_object_end(&writer);
    write_end(request, outcome, bounded(max_bytes), &writer);
}
