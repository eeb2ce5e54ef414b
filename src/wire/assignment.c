#include "wire/assignment.h"

#include "base/text.h"
#include "json/writer.h"
#include "wire/fields.h"

#define ATTEMPT_TIME_MIN_MS 5000
#define ATTEMPT_TIME_FACTOR 5

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

static void admission_member(struct bl_json_writer *writer, const struct bl_life *life) {
    char storage[2 * sizeof(life->admission_id)];
    struct bl_buf hex;

    bl_buf_init(&hex, storage, sizeof(storage));
    bl_hex_write(&hex, life->admission_id, sizeof(life->admission_id));
    bl_json_write_member(writer, BL_STR("admission_id"), bl_buf_view(&hex));
}

static void money_member(struct bl_json_writer *writer, const char *key, int64_t nano) {
    char storage[32];
    struct bl_buf text;

    if (nano != BL_MONEY_UNKNOWN) {
        bl_buf_init(&text, storage, sizeof(storage));
        bl_money_write(&text, nano);
        raw_member(writer, key, bl_buf_view(&text));
    }
}

int64_t bl_attempt_time_ms(struct bl_json options, int64_t expected_latency_ms,
                           int64_t deadline_max_ms) {
    int64_t wanted = 0;

    if (!bl_json_int64(bl_json_get(options, BL_STR("deadline_ms")), &wanted) || wanted <= 0) {
        wanted = expected_latency_ms > deadline_max_ms / ATTEMPT_TIME_FACTOR
                     ? deadline_max_ms
                     : expected_latency_ms * ATTEMPT_TIME_FACTOR;
        wanted = wanted < ATTEMPT_TIME_MIN_MS ? ATTEMPT_TIME_MIN_MS : wanted;
    }
    return wanted < deadline_max_ms ? wanted : deadline_max_ms;
}

/* The request's own options, but for what the router says itself. */
static void write_options(const struct bl_life *life, struct bl_json options,
                          struct bl_json_writer *writer) {
    struct bl_json_iter iter = bl_json_iter(options);
    bool has_retry = !bl_json_is(bl_json_get(options, BL_STR("retry")), BL_JSON_ABSENT);
    bool has_priority = !bl_json_is(bl_json_get(options, BL_STR("priority")), BL_JSON_ABSENT);

    bl_json_write_key(writer, BL_STR("options"));
    bl_json_write_object_begin(writer);
    while (bl_json_next(&iter)) {
        if (!bl_str_equal_c(iter.key, "deadline_ms")) {
            bl_json_write_key(writer, iter.key);
            bl_json_write_raw(writer, bl_json_source(iter.value));
        }
    }
    if (!has_priority) {
        int_member(writer, "priority",
                   bl_reason_priority(life->attempts[life->attempt_count - 1].reason));
    }
    int_member(writer, "deadline_ms", life->attempt_time_ms);
    if (!has_retry) { /* the router owns retries */
        raw_member(writer, "retry", BL_STR("{\"max_attempts\":1,\"backoff_ms\":0}"));
    }
    bl_json_write_object_end(writer);
}

static void write_assignment(const struct bl_life *life, struct bl_json request,
                             int64_t expires_at_ms, struct bl_json_writer *writer) {
    const struct bl_attempt *attempt = &life->attempts[life->attempt_count - 1];

    bl_json_write_object_begin(writer);
    text_member(writer, "version", BL_STR("1"));
    text_member(writer, "assignment_id", bl_str_from_c(attempt->assignment_id));
    admission_member(writer, life);
    text_member(writer, "request_id", life->request_id);
    text_member(writer, "tenant_id", life->tenant_id);
    int_member(writer, "attempt", life->attempt_count);
    int_member(writer, "expires_at_ms", expires_at_ms);
    bl_json_write_key(writer, BL_STR("executor"));
    bl_json_write_object_begin(writer);
    text_member(writer, "provider_id", attempt->provider_id);
    text_member(writer, "channel", BL_STR("nats"));
    bl_json_write_object_end(writer);
    raw_member(writer, "job", bl_json_source(bl_json_get(request, BL_STR("task"))));
    write_options(life, bl_json_get(request, BL_STR("options")), writer);
    bl_json_write_key(writer, BL_STR("correlation"));
    bl_json_write_object_begin(writer);
    text_member(writer, "trace_id", life->trace_id);
    bl_json_write_object_end(writer);
    raw_member(writer, "decision", life->decision);
    raw_member(writer, "metadata", bl_json_source(bl_json_get(request, BL_STR("metadata"))));
    bl_json_write_object_end(writer);
}

bl_result bl_wire_encode_assignment(const struct bl_life *life, int64_t expires_at_ms,
                                    struct bl_arena *arena, struct bl_buf *buf) {
    static const struct bl_json_limits limits = {16 * 1024 * 1024, 128, 256 * 1024};
    struct bl_json_doc *doc = bl_arena_alloc(arena, sizeof(*doc));
    struct bl_json_writer writer;
    struct bl_diag diag;

    if (doc == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    BL_TRY(bl_json_read(life->request, &limits, arena, doc, &diag));
    bl_json_writer_init(&writer, buf);
    write_assignment(life, bl_json_root(doc), expires_at_ms, &writer);
    return bl_json_writer_ok(&writer) ? BL_OK : BL_FAIL(RESOURCE_EXHAUSTED);
}

static struct bl_str decision_id_of(const struct bl_life *life) {
    return bl_json_scan_string(life->decision, BL_STR("decision_id"), life->decision.len, 2048);
}

void bl_wire_encode_usage(const struct bl_life *life, unsigned attempt, bool is_late,
                          const struct bl_worker_message *message, int64_t now_ms,
                          struct bl_buf *buf) {
    const struct bl_attempt *metered = &life->attempts[attempt];
    struct bl_json_writer writer;

    bl_json_writer_init(&writer, buf);
    bl_json_write_object_begin(&writer);
    text_member(&writer, "version", BL_STR("1"));
    text_member(&writer, "tenant_id", life->tenant_id);
    text_member(&writer, "provider_id", metered->provider_id);
    text_member(&writer, "event_type", BL_STR("execution"));
    if (metered->latency_ms >= 0) {
        int_member(&writer, "latency_ms", metered->latency_ms);
    }
    money_member(&writer, "cost", metered->cost_nano);
    text_member(&writer, "cost_status",
                message->cost_is_absurd                  ? BL_STR("rejected")
                : metered->cost_nano == BL_MONEY_UNKNOWN ? BL_STR("unknown")
                                                         : BL_STR("reported"));
    text_member(&writer, "currency", BL_STR("USD"));
    raw_member(&writer, "tokens", message->tokens);
    text_member(&writer, "status", bl_str_from_c(bl_result_status_word(message->result.status)));
    text_member(&writer, "trace_id", life->trace_id);
    int_member(&writer, "timestamp", now_ms);
    text_member(&writer, "assignment_id", bl_str_from_c(metered->assignment_id));
    admission_member(&writer, life);
    text_member(&writer, "decision_id", decision_id_of(life));
    text_member(&writer, "request_id", life->request_id);
    int_member(&writer, "attempt", attempt + 1);
    text_member(&writer, "policy_id", life->policy_id);
    text_member(&writer, "policy_version", life->policy_version);
    if (is_late) {
        bl_json_write_key(&writer, BL_STR("late"));
        bl_json_write_bool(&writer, true);
    }
    bl_json_write_object_end(&writer);
}

void bl_wire_encode_completion(const struct bl_life *life, struct bl_buf *buf) {
    const struct bl_attempt *last = &life->attempts[life->attempt_count - 1];
    struct bl_json_writer writer;

    bl_json_writer_init(&writer, buf);
    bl_json_write_object_begin(&writer);
    text_member(&writer, "version", BL_STR("1"));
    text_member(&writer, "request_id", life->request_id);
    admission_member(&writer, life);
    text_member(&writer, "tenant_id", life->tenant_id);
    text_member(&writer, "state", bl_str_from_c(bl_life_state_word(life->state)));
    text_member(&writer, "provider_id", last->provider_id);
    int_member(&writer, "attempts", life->attempt_count);
    money_member(&writer, "cost", last->cost_nano);
    raw_member(&writer, "result", life->result);
    bl_json_write_object_end(&writer);
}
