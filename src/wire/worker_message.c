#include "wire/worker_message.h"

#include <string.h>

#include "base/siphash.h"
#include "json/canonical.h"
#include "json/keys.h"
#include "json/writer.h"
#include "wire/fields.h"
#include "wire/life_record.h"

#define ERROR_CODE_MAX 128

static struct bl_str text_of(struct bl_json body, const char *key, size_t max_bytes) {
    struct bl_str value = BL_STR_ABSENT;
    struct bl_json found = bl_json_get(body, bl_str_from_c(key));

    if (!bl_json_string(found, &value) && bl_json_is(found, BL_JSON_INT)) {
        value = bl_json_source(found); /* codes are sent as numbers, too */
    }
    return bl_str_is_blank(value) || value.len > max_bytes ? BL_STR_ABSENT : value;
}

static bl_result read_body(const struct bl_message *message, struct bl_arena *arena,
                           struct bl_json *body, struct bl_worker_message *out,
                           struct bl_diag *diag) {
    struct bl_json_doc *doc = bl_arena_alloc(arena, sizeof(*doc));

    if (doc == NULL) {
        bl_diag_message(diag, "out of memory");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    BL_TRY(bl_json_read(message->data, &bl_json_request_limits, arena, doc, diag));
    *body = bl_json_root(doc);
    if (!bl_json_is(*body, BL_JSON_OBJECT)) {
        bl_diag_message(diag, "must be an object, found %s",
                        bl_json_type_name(bl_json_type(*body)));
        return BL_FAIL(INVALID_REQUEST);
    }
    *out = (struct bl_worker_message){
        .assignment_id = text_of(*body, "assignment_id", BL_WIRE_ID_MAX),
        .request_id = text_of(*body, "request_id", BL_WIRE_ID_MAX),
        .tenant_id = bl_headers_get(&message->headers, "tenant_id"),
        .tokens = BL_STR_ABSENT,
        .result = {.error_code = text_of(*body, "error_code", ERROR_CODE_MAX),
                   .error_type = text_of(*body, "error_type", ERROR_CODE_MAX),
                   .latency_ms = -1,
                   .cost_nano = BL_MONEY_UNKNOWN,
                   .text = BL_STR_ABSENT},
    };
    if (bl_str_is_blank(out->tenant_id)) {
        out->tenant_id = text_of(*body, "tenant_id", BL_WIRE_ID_MAX);
    }
    if (!bl_str_is_present(out->assignment_id) && !bl_str_is_present(out->request_id)) {
        bl_diag_message(diag, "names neither an assignment_id nor a request_id");
        return BL_FAIL(INVALID_REQUEST);
    }
    return BL_OK;
}

/* The numbers and tokens, where they are believable. */
static void read_measures(struct bl_json body, struct bl_worker_message *out) {
    struct bl_json cost = bl_json_get(body, BL_STR("cost"));
    struct bl_json tokens = bl_json_get(body, BL_STR("tokens"));
    double units = 0;
    int64_t nano = 0;
    double latency = -1;

    if (bl_json_double(bl_json_get(body, BL_STR("latency_ms")), &latency) && latency >= 0 &&
        latency < 1e15) {
        out->result.latency_ms = (int64_t)latency;
    }
    if (bl_json_double(cost, &units)) {
        bool is_good =
            bl_money_from_double(units, &nano) && nano >= 0 && nano <= BL_WORKER_COST_MAX_NANO;
        out->cost_is_absurd = !is_good;
        out->result.cost_nano = is_good ? nano : BL_MONEY_UNKNOWN;
    } else {
        out->cost_is_absurd = !bl_json_is(cost, BL_JSON_ABSENT) && !bl_json_is(cost, BL_JSON_NULL);
    }
    if (bl_json_is(tokens, BL_JSON_OBJECT)) {
        out->tokens = bl_json_source(tokens);
    }
}

static void copy_member(struct bl_json_writer *writer, struct bl_json body, const char *key) {
    struct bl_str source = bl_json_source(bl_json_get(body, bl_str_from_c(key)));

    if (bl_str_is_present(source)) {
        bl_json_write_key(writer, bl_str_from_c(key));
        bl_json_write_raw(writer, source);
    }
}

/* What is kept of it; without its payload if that is too large. */
static bl_result keep(struct bl_json body, size_t source_bytes, struct bl_arena *arena,
                      struct bl_worker_message *out) {
    static const char *const kept[] = {"status",     "error_code",  "error_type", "error_message",
                                       "latency_ms", "payload_ref", "tokens"};
    size_t capacity = source_bytes + 256;
    char *storage = bl_arena_alloc(arena, capacity);
    struct bl_json_writer writer;
    struct bl_buf buf;

    if (storage == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    bl_buf_init(&buf, storage, capacity);
    for (int with_payload = 1; with_payload >= 0; with_payload--) {
        bl_buf_reset(&buf);
        bl_json_writer_init(&writer, &buf);
        bl_json_write_object_begin(&writer);
        for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
            copy_member(&writer, body, kept[i]);
        }
        if (with_payload != 0) {
            copy_member(&writer, body, "payload");
        } else {
            bl_json_write_key(&writer, BL_STR("truncated"));
            bl_json_write_bool(&writer, true);
        }
        bl_json_write_object_end(&writer);
        if (bl_json_writer_ok(&writer) && buf.len <= BL_LIFE_RESULT_MAX_BYTES) {
            break;
        }
    }
    if (buf.len > BL_LIFE_RESULT_MAX_BYTES) { /* its other texts alone are too large */
        buf.len = 0;
        bl_buf_literal(&buf, "{\"truncated\":true}");
    }
    out->result.text = bl_buf_view(&buf);
    return BL_OK;
}

static bl_result digest_value(struct bl_siphash *state, struct bl_json value,
                              struct bl_arena *arena);

static bl_result digest_object(struct bl_siphash *state, struct bl_json object,
                               struct bl_arena *arena) {
    const struct bl_json_node *nodes = object.doc->nodes;
    const uint32_t *keys = bl_json_keys_sorted(nodes, object.index, arena);

    if (keys == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    for (uint32_t i = 0; i < bl_json_count(object); i++) {
        const struct bl_json_node *key = &nodes[keys[i]];
        bl_siphash_add_piece(state, key->value.string, key->length);
        BL_TRY(digest_value(state, (struct bl_json){object.doc, keys[i] + 1}, arena));
    }
    return BL_OK;
}

/* Numbers by their canonical text, whatever type holds them. */
static bl_result digest_number(struct bl_siphash *state, struct bl_json value,
                               struct bl_arena *arena) {
    char storage[40];
    struct bl_json_writer writer;
    struct bl_buf text;

    bl_buf_init(&text, storage, sizeof(storage));
    bl_json_writer_init(&writer, &text);
    BL_TRY(bl_json_write_canonical(&writer, value, arena));
    bl_siphash_add_piece(state, text.data, text.len);
    return BL_OK;
}

/* As the canonical text would have it, without the room that it would take. Recursion is bounded by
 * the depth that the reader allowed. */
static bl_result digest_value(struct bl_siphash *state, struct bl_json value,
                              struct bl_arena *arena) {
    enum bl_json_type type = bl_json_type(value);
    bool is_number = type == BL_JSON_INT || type == BL_JSON_UINT || type == BL_JSON_DOUBLE;
    struct bl_json_iter it = bl_json_iter(value);
    struct bl_str text = BL_STR_ABSENT;
    bool truth = false;
    uint32_t told[2] = {is_number ? BL_JSON_DOUBLE : (uint32_t)type, 0};

    if (bl_json_bool(value, &truth)) {
        told[1] = truth ? 1 : 0;
    } else if (type == BL_JSON_ARRAY || type == BL_JSON_OBJECT) {
        told[1] = bl_json_count(value);
    }
    bl_siphash_add(state, told, sizeof(told));
    if (is_number) {
        return digest_number(state, value, arena);
    }
    if (type == BL_JSON_OBJECT) {
        return digest_object(state, value, arena);
    }
    while (type == BL_JSON_ARRAY && bl_json_next(&it)) {
        BL_TRY(digest_value(state, it.value, arena));
    }
    if (bl_json_string(value, &text)) {
        bl_siphash_add_piece(state, text.data, text.len);
    }
    return BL_OK;
}

/* Two results that say the same have the same digest, however they are written. */
static bl_result digest_of(struct bl_json body, struct bl_arena *arena, uint64_t *out) {
    static const uint8_t key[BL_SIPHASH_KEY_BYTES] = "beamline.result";
    static const char *const told[] = {"status", "error_code", "error_type", "latency_ms",
                                       "cost",   "tokens",     "payload",    "payload_ref"};
    struct bl_siphash state;

    bl_siphash_begin(&state, key);
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        BL_TRY(digest_value(&state, bl_json_get(body, bl_str_from_c(told[i])), arena));
    }
    *out = bl_siphash_end(&state);
    return BL_OK;
}

bl_result bl_wire_decode_result(const struct bl_message *message, struct bl_arena *arena,
                                struct bl_worker_message *out, struct bl_diag *diag) {
    struct bl_json body;

    BL_TRY(read_body(message, arena, &body, out, diag));
    struct bl_str status = text_of(body, "status", 32);
    if (!bl_str_is_present(status)) {
        bl_diag_message(diag, "status is missing");
        return BL_FAIL(INVALID_REQUEST);
    }
    if (!bl_result_status_from_word(status, &out->result.status)) {
        bl_diag_message(diag, "status is none of success, error, timeout, cancelled");
        return BL_FAIL(INVALID_REQUEST);
    }
    read_measures(body, out);
    BL_TRY(digest_of(body, arena, &out->result.digest));
    return keep(body, message->data.len, arena, out);
}

bl_result bl_wire_decode_ack(const struct bl_message *message, struct bl_arena *arena,
                             struct bl_worker_message *out, struct bl_diag *diag) {
    static const char *const words[] = {"accepted", "rejected", "error"};
    struct bl_json body;

    BL_TRY(read_body(message, arena, &body, out, diag));
    struct bl_str status = text_of(body, "status", 32);
    for (int i = 0; i < 3; i++) {
        if (bl_str_equal_c(status, words[i])) {
            out->ack = (enum bl_ack_status)i;
            return BL_OK;
        }
    }
    bl_diag_message(diag, "status is none of accepted, rejected, error");
    return BL_FAIL(INVALID_REQUEST);
}
