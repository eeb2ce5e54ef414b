#include "wire/life_record.h"

#include <string.h>

#include "base/text.h"
#include "json/writer.h"

#define VERSION 1

static void text_member(struct bl_json_writer *writer, const char *key, struct bl_str value) {
    if (bl_str_is_present(value)) {
        bl_json_write_member(writer, bl_str_from_c(key), value);
    }
}

static void raw_member(struct bl_json_writer *writer, const char *key, struct bl_str json) {
    if (bl_str_is_present(json)) {
        bl_json_write_key(writer, bl_str_from_c(key));
        bl_json_write_raw(writer, json);
    }
}

static void int_member(struct bl_json_writer *writer, const char *key, int64_t value) {
    bl_json_write_key(writer, bl_str_from_c(key));
    bl_json_write_int64(writer, value);
}

static void write_attempt(const struct bl_attempt *attempt, struct bl_json_writer *writer) {
    bl_json_write_object_begin(writer);
    bl_json_write_member(writer, BL_STR("provider_id"), attempt->provider_id);
    bl_json_write_member(writer, BL_STR("assignment_id"), bl_str_from_c(attempt->assignment_id));
    int_member(writer, "reason", attempt->reason);
    int_member(writer, "fallback", attempt->fallback);
    bl_json_write_member(writer, BL_STR("status"),
                         bl_str_from_c(bl_attempt_status_word(attempt->status)));
    text_member(writer, "error_code", attempt->error_code);
    if (attempt->latency_ms >= 0) {
        int_member(writer, "latency_ms", attempt->latency_ms);
    }
    if (attempt->cost_nano != BL_MONEY_UNKNOWN) {
        int_member(writer, "cost_nano", attempt->cost_nano);
    }
    if (attempt->is_metered) {
        bl_json_write_key(writer, BL_STR("metered"));
        bl_json_write_uint64(writer, attempt->result_digest);
    }
    bl_json_write_object_end(writer);
}

void bl_life_record_write(const struct bl_life *life, struct bl_buf *buf) {
    struct bl_json_writer writer;
    char storage[2 * sizeof(life->admission_id)];
    struct bl_buf hex;

    bl_buf_init(&hex, storage, sizeof(storage));
    bl_hex_write(&hex, life->admission_id, sizeof(life->admission_id));
    bl_json_writer_init(&writer, buf);
    bl_json_write_object_begin(&writer);
    int_member(&writer, "version", VERSION);
    bl_json_write_member(&writer, BL_STR("state"), bl_str_from_c(bl_life_state_word(life->state)));
    bl_json_write_member(&writer, BL_STR("admission_id"), bl_buf_view(&hex));
    text_member(&writer, "owner", life->owner);
    int_member(&writer, "created_ms", life->created_ms);
    int_member(&writer, "updated_ms", life->updated_ms);
    int_member(&writer, "not_before_ms", life->not_before_ms);
    int_member(&writer, "attempt_time_ms", life->attempt_time_ms);
    int_member(&writer, "ends_at_ms", life->ends_at_ms);
    text_member(&writer, "tenant_id", life->tenant_id);
    text_member(&writer, "request_id", life->request_id);
    text_member(&writer, "message_id", life->message_id);
    text_member(&writer, "trace_id", life->trace_id);
    text_member(&writer, "policy_id", life->policy_id);
    text_member(&writer, "policy_version", life->policy_version);
    text_member(&writer, "subject", life->subject);
    text_member(&writer, "notify", life->notify);
    bl_json_write_key(&writer, BL_STR("attempts"));
    bl_json_write_array_begin(&writer);
    for (unsigned i = 0; i < life->attempt_count; i++) {
        write_attempt(&life->attempts[i], &writer);
    }
    bl_json_write_array_end(&writer);
    raw_member(&writer, "decision", life->decision);
    raw_member(&writer, "request", life->request);
    raw_member(&writer, "result", life->result);
    bl_json_write_object_end(&writer);
}

/* --- reading --------------------------------------------------------------------------------- */

static struct bl_str read_text(struct bl_json object, const char *key) {
    struct bl_str value = BL_STR_ABSENT;

    (void)bl_json_string(bl_json_get(object, bl_str_from_c(key)), &value);
    return value;
}

static int64_t read_int(struct bl_json object, const char *key, int64_t otherwise) {
    int64_t value = otherwise;

    (void)bl_json_int64(bl_json_get(object, bl_str_from_c(key)), &value);
    return value;
}

static int read_word(struct bl_json object, const char *key, int count, const char *(*word)(int)) {
    struct bl_str text = read_text(object, key);

    for (int i = 0; i < count; i++) {
        if (bl_str_equal_c(text, word(i))) {
            return i;
        }
    }
    return -1;
}

static const char *state_word(int i) {
    return bl_life_state_word((enum bl_life_state)i);
}

static const char *status_word(int i) {
    return bl_attempt_status_word((enum bl_attempt_status)i);
}

static int digit_of(char digit) {
    return digit >= '0' && digit <= '9'   ? digit - '0'
           : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                                          : -1;
}

static bool read_hex(struct bl_str text, uint8_t out[16]) {
    if (text.len != 32) {
        return false;
    }
    for (size_t i = 0; i < 16; i++) {
        int high = digit_of(text.data[2 * i]);
        int low = digit_of(text.data[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* Absent, or a number of 64 bits. */
static bool read_digest(struct bl_json value, struct bl_attempt *out) {
    int64_t digest = 0;

    out->is_metered = !bl_json_is(value, BL_JSON_ABSENT);
    if (bl_json_is(value, BL_JSON_UINT)) {
        out->result_digest = value.doc->nodes[value.index].value.unsigned_integer;
        return true;
    }
    if (out->is_metered && (!bl_json_int64(value, &digest) || digest < 0)) {
        return false;
    }
    out->result_digest = (uint64_t)digest;
    return true;
}

static bool read_attempt(struct bl_json value, struct bl_attempt *out) {
    struct bl_str assignment_id = read_text(value, "assignment_id");
    int status = read_word(value, "status", BL_ATTEMPT_STATUS_COUNT, status_word);
    int64_t reason = read_int(value, "reason", -1);
    int64_t fallback = read_int(value, "fallback", -1);

    *out = (struct bl_attempt){
        .provider_id = read_text(value, "provider_id"),
        .reason = (enum bl_reason)reason,
        .fallback = (int16_t)fallback,
        .status = (enum bl_attempt_status)status,
        .error_code = read_text(value, "error_code"),
        .latency_ms = read_int(value, "latency_ms", -1),
        .cost_nano = read_int(value, "cost_nano", BL_MONEY_UNKNOWN),
    };
    if (!read_digest(bl_json_get(value, BL_STR("metered")), out) ||
        !bl_str_is_present(out->provider_id) || assignment_id.len != BL_ASSIGNMENT_ID_CHARS ||
        status < 0 || reason < 0 || reason >= BL_REASON_COUNT || fallback < -1 ||
        fallback >= BL_POLICY_MAX_FALLBACKS) {
        return false;
    }
    memcpy(out->assignment_id, assignment_id.data, BL_ASSIGNMENT_ID_CHARS);
    return true;
}

static const char *read_attempts(struct bl_json list, struct bl_life *out) {
    struct bl_json_iter iter = bl_json_iter(list);

    while (bl_json_next(&iter)) {
        if (out->attempt_count == BL_ATTEMPTS_MAX ||
            !read_attempt(iter.value, &out->attempts[out->attempt_count])) {
            return "attempts";
        }
        out->attempt_count++;
    }
    return out->attempt_count == 0 ? "attempts" : NULL;
}

/* The member that is not as it has to be, or NULL. */
static const char *read_record(struct bl_json root, struct bl_life *out) {
    int state = read_word(root, "state", BL_LIFE_STATE_COUNT, state_word);

    *out = (struct bl_life){
        .state = (enum bl_life_state)state,
        .owner = read_text(root, "owner"),
        .created_ms = read_int(root, "created_ms", 0),
        .updated_ms = read_int(root, "updated_ms", 0),
        .not_before_ms = read_int(root, "not_before_ms", 0),
        .attempt_time_ms = read_int(root, "attempt_time_ms", -1),
        .ends_at_ms = read_int(root, "ends_at_ms", -1),
        .tenant_id = read_text(root, "tenant_id"),
        .request_id = read_text(root, "request_id"),
        .message_id = read_text(root, "message_id"),
        .trace_id = read_text(root, "trace_id"),
        .policy_id = read_text(root, "policy_id"),
        .policy_version = read_text(root, "policy_version"),
        .subject = read_text(root, "subject"),
        .notify = read_text(root, "notify"),
        .decision = bl_json_source(bl_json_get(root, BL_STR("decision"))),
        .request = bl_json_source(bl_json_get(root, BL_STR("request"))),
        .result = bl_json_source(bl_json_get(root, BL_STR("result"))),
    };
    if (read_int(root, "version", 0) != VERSION) {
        return "version";
    }
    if (state < 0) {
        return "state";
    }
    if (!read_hex(read_text(root, "admission_id"), out->admission_id)) {
        return "admission_id";
    }
    if (out->attempt_time_ms < 0 || out->ends_at_ms < 0) {
        return "ends_at_ms";
    }
    if (!bl_str_is_present(out->tenant_id) || !bl_str_is_present(out->request_id) ||
        !bl_str_is_present(out->decision) || !bl_str_is_present(out->request)) {
        return "tenant_id, request_id, decision or request";
    }
    return read_attempts(bl_json_get(root, BL_STR("attempts")), out);
}

bl_result bl_life_record_read(struct bl_str text, struct bl_arena *arena, struct bl_life *out,
                              struct bl_diag *diag) {
    static const struct bl_json_limits limits = {16 * 1024 * 1024, 128, 256 * 1024};
    struct bl_json_doc *doc = bl_arena_alloc(arena, sizeof(*doc));

    if (doc == NULL) {
        bl_diag_message(diag, "out of memory");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    BL_TRY(bl_json_read(text, &limits, arena, doc, diag));
    const char *wrong = read_record(bl_json_root(doc), out);
    if (wrong != NULL) {
        bl_diag_message(diag, "a record whose %s is not as it has to be", wrong);
        return BL_FAIL(INVALID_REQUEST);
    }
    return BL_OK;
}

/* --- the request that is kept ---------------------------------------------------------------- */

static void json_member(struct bl_json_writer *writer, const char *key, struct bl_json value) {
    raw_member(writer, key, bl_json_source(value));
}

/* Both places of metadata as one object; what stands in the request's own counts. */
static void write_metadata(const struct bl_request *request, struct bl_json_writer *writer) {
    const struct bl_json places[] = {request->metadata, request->message_metadata};

    bl_json_write_key(writer, BL_STR("metadata"));
    bl_json_write_object_begin(writer);
    for (size_t i = 0; i < 2; i++) {
        struct bl_json_iter iter = bl_json_iter(places[i]);
        while (bl_json_next(&iter)) {
            bool is_hidden =
                i == 1 && !bl_json_is(bl_json_get(places[0], iter.key), BL_JSON_ABSENT);
            if (!is_hidden && bl_str_is_present(iter.key)) {
                bl_json_write_key(writer, iter.key);
                bl_json_write_raw(writer, bl_json_source(iter.value));
            }
        }
    }
    bl_json_write_object_end(writer);
}

static void write_context(const struct bl_request *request, struct bl_json_writer *writer) {
    struct bl_json_iter iter = bl_json_iter(request->context);
    bool has_user = false;

    bl_json_write_key(writer, BL_STR("context"));
    bl_json_write_object_begin(writer);
    while (bl_json_next(&iter)) {
        bool is_user = bl_str_equal_c(iter.key, "user_id");
        if (is_user && bl_str_is_present(request->user_id)) {
            continue; /* written below */
        }
        has_user = has_user || is_user;
        bl_json_write_key(writer, iter.key);
        bl_json_write_raw(writer, bl_json_source(iter.value));
    }
    if (!has_user) {
        text_member(writer, "user_id", request->user_id);
    }
    bl_json_write_object_end(writer);
}

void bl_wire_write_stored_request(const struct bl_request *request, struct bl_str tenant_id,
                                  struct bl_json_writer *writer) {
    bl_json_write_object_begin(writer);
    text_member(writer, "request_id", request->request_id);
    text_member(writer, "tenant_id", tenant_id);
    text_member(writer, "trace_id", request->trace_id);
    text_member(writer, "policy_id", request->policy_id);
    text_member(writer, "run_id", request->run_id);
    text_member(writer, "flow_id", request->flow_id);
    text_member(writer, "step_id", request->step_id);
    bl_json_write_key(writer, BL_STR("task"));
    bl_json_write_object_begin(writer);
    text_member(writer, "type", request->task_type);
    text_member(writer, "payload_ref", request->payload_ref);
    json_member(writer, "payload", request->payload);
    bl_json_write_object_end(writer);
    json_member(writer, "constraints", request->constraints);
    json_member(writer, "options", request->options);
    write_metadata(request, writer);
    write_context(request, writer);
    bl_json_write_object_end(writer);
}

/* --- what callers see ------------------------------------------------------------------------ */

static void write_attempt_told(const struct bl_attempt *attempt, unsigned number,
                               struct bl_json_writer *writer) {
    char storage[32];
    struct bl_buf cost;

    bl_json_write_object_begin(writer);
    int_member(writer, "n", number);
    bl_json_write_member(writer, BL_STR("provider_id"), attempt->provider_id);
    bl_json_write_member(writer, BL_STR("assignment_id"), bl_str_from_c(attempt->assignment_id));
    bl_json_write_member(writer, BL_STR("reason"), bl_str_from_c(bl_reason_word(attempt->reason)));
    bl_json_write_member(writer, BL_STR("status"),
                         bl_str_from_c(bl_attempt_status_word(attempt->status)));
    text_member(writer, "error_code", attempt->error_code);
    if (attempt->latency_ms >= 0) {
        int_member(writer, "latency_ms", attempt->latency_ms);
    }
    if (attempt->cost_nano != BL_MONEY_UNKNOWN) {
        bl_buf_init(&cost, storage, sizeof(storage));
        bl_money_write(&cost, attempt->cost_nano);
        raw_member(writer, "cost", bl_buf_view(&cost));
    }
    bl_json_write_object_end(writer);
}

void bl_wire_write_life_cycle(const struct bl_life *life, struct bl_json_writer *writer) {
    raw_member(writer, "decision", life->decision);
    bl_json_write_key(writer, BL_STR("life_cycle"));
    bl_json_write_object_begin(writer);
    bl_json_write_member(writer, BL_STR("state"), bl_str_from_c(bl_life_state_word(life->state)));
    bl_json_write_key(writer, BL_STR("attempts"));
    bl_json_write_array_begin(writer);
    for (unsigned i = 0; i < life->attempt_count; i++) {
        write_attempt_told(&life->attempts[i], i + 1, writer);
    }
    bl_json_write_array_end(writer);
    int_member(writer, "created_at_ms", life->created_ms);
    int_member(writer, "updated_at_ms", life->updated_ms);
    bl_json_write_object_end(writer);
    raw_member(writer, "result", life->result);
}
