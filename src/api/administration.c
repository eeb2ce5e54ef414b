#include "api/administration.h"

#include <inttypes.h>

#include "api/query.h"
#include "base/text.h"
#include "policy/compile.h"
#include "store/policy_key.h"
#include "wire/fields.h"

#define DIGITS_MAX 18

const struct bl_json_limits bl_policy_document_limits = {
    .max_bytes = BL_POLICY_MAX_BYTES, .max_depth = 64, .max_nodes = 128 * 1024};

bl_result bl_api_refuse_with(struct bl_api_exchange *exchange, bl_result result,
                             const struct bl_diag *diag) {
    struct bl_refusal *refusal = &exchange->api->work.refusal;

    *bl_refusal_begin(refusal, result.error, BL_INTAKE_NONE) = *diag;
    if (bl_error_info(result.error)->retryable) {
        refusal->retry_after_ms = 1000;
    }
    return result;
}

bl_result bl_api_refuse_memory(struct bl_api_exchange *exchange) {
    bl_diag_message(
        bl_refusal_begin(&exchange->api->work.refusal, BL_E_RESOURCE_EXHAUSTED, BL_INTAKE_NONE),
        "out of memory");
    return BL_FAIL(RESOURCE_EXHAUSTED);
}

bl_result bl_api_refuse_field(struct bl_api_exchange *exchange, const char *path,
                              const char *message, const char *hint) {
    struct bl_diag *diag = bl_refusal_begin(&exchange->api->work.refusal, BL_E_INVALID_REQUEST,
                                            BL_INTAKE_SCHEMA_VALIDATION_FAILED);

    bl_diag_path(diag, "%s", path);
    bl_diag_message(diag, "%s", message);
    bl_diag_hint(diag, "%s", hint);
    return BL_FAIL(INVALID_REQUEST);
}

static bool is_shared_word(struct bl_str tenant) {
    return bl_str_equal_c(tenant, BL_POLICY_KEY_SHARED);
}

static bl_result read_path(struct bl_api_exchange *exchange) {
    static const char *const grammar =
        "must be 1 to 255 bytes of [A-Za-z0-9_.:-], not \".\" or \"..\"";
    const struct bl_operation_match *match = exchange->api->call->match;

    exchange->tenant_id = is_shared_word(match->tenant_id) ? BL_STR("*") : match->tenant_id;
    exchange->policy_id = match->policy_id;
    if (bl_str_is_present(exchange->tenant_id) &&
        !bl_tenant_id_is_valid(exchange->tenant_id, true)) {
        return bl_api_refuse_field(exchange, "tenant", grammar, "* or _shared stands for all");
    }
    if (bl_str_is_present(exchange->policy_id) && !bl_policy_id_is_valid(exchange->policy_id)) {
        return bl_api_refuse_field(exchange, "policy", grammar, "");
    }
    return BL_OK;
}

static bl_result read_query(struct bl_api_exchange *exchange) {
    const struct bl_api_call *call = exchange->api->call;
    const struct bl_operation_info *info = bl_operation_info(call->match->operation);
    struct bl_diag diag;
    bl_result result =
        bl_query_read(call->query, info->queries, exchange->api->arena, exchange->query, &diag);

    if (bl_is_error(result)) {
        return bl_api_refuse_with(exchange, result, &diag);
    }
    if (is_shared_word(exchange->query[BL_QUERY_TENANT])) {
        exchange->query[BL_QUERY_TENANT] = BL_STR("*");
    }
    return BL_OK;
}

bl_result bl_api_begin_administration(struct bl_api_exchange *exchange) {
    struct bl_api *api = exchange->api;
    struct bl_request *request = &api->work.decoded.request;
    struct bl_str id = bl_headers_get(&exchange->message->headers, "X-Request-ID");

    bl_request_init(request);
    request->dialect = BL_DIALECT_CANONICAL;
    request->request_id = bl_str_is_blank(id) || id.len > BL_WIRE_ID_MAX || !bl_utf8_valid(id)
                              ? exchange->generated_id
                              : id;
    if (api->policies == NULL || api->call == NULL) {
        bl_diag_message(bl_refusal_begin(&api->work.refusal, BL_E_FORBIDDEN, BL_INTAKE_NONE),
                        "administration is not served here");
        return BL_FAIL(FORBIDDEN);
    }
    BL_TRY(read_path(exchange));
    return read_query(exchange);
}

static bl_result read_number(struct bl_api_exchange *exchange, const char *name, struct bl_str text,
                             uint64_t min, uint64_t max, uint64_t *out) {
    uint64_t value = 0;
    bool good = text.len > 0 && text.len <= DIGITS_MAX;

    for (size_t i = 0; i < text.len && good; i++) {
        good = text.data[i] >= '0' && text.data[i] <= '9';
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    if (!good || value < min || value > max) {
        struct bl_diag *diag = bl_refusal_begin(&exchange->api->work.refusal, BL_E_INVALID_REQUEST,
                                                BL_INTAKE_SCHEMA_VALIDATION_FAILED);
        bl_diag_path(diag, "%s", name);
        bl_diag_message(diag, "must be a whole number from %" PRIu64 " to %" PRIu64, min, max);
        return BL_FAIL(INVALID_REQUEST);
    }
    *out = value;
    return BL_OK;
}

bl_result bl_api_query_number(struct bl_api_exchange *exchange, enum bl_query query, uint64_t min,
                              uint64_t max, uint64_t *out) {
    struct bl_str text = exchange->query[query];

    return bl_str_is_present(text)
               ? read_number(exchange, bl_query_name(query), text, min, max, out)
               : BL_OK;
}

bl_result bl_api_path_revision(struct bl_api_exchange *exchange, uint64_t *out) {
    return read_number(exchange, "revision", exchange->api->call->match->revision, 1,
                       BL_REVISION_MAX, out);
}

/* --- replies --------------------------------------------------------------------------------- */

void bl_api_begin_reply(struct bl_api_exchange *exchange, struct bl_json_writer *writer) {
    bl_json_writer_init(writer, exchange->reply);
    bl_json_write_object_begin(writer);
    bl_json_write_key(writer, BL_STR("ok"));
    bl_json_write_bool(writer, true);
}

bl_result bl_api_end_reply(struct bl_api_exchange *exchange, struct bl_json_writer *writer) {
    bl_json_write_key(writer, BL_STR("context"));
    bl_wire_write_context(&exchange->api->work.decoded.request, writer);
    bl_json_write_object_end(writer);
    if (bl_json_writer_ok(writer)) {
        return BL_OK;
    }
    struct bl_diag *diag =
        bl_refusal_begin(&exchange->api->work.refusal, BL_E_RESOURCE_EXHAUSTED, BL_INTAKE_NONE);
    bl_diag_message(diag, "the reply is larger than %zu bytes", exchange->reply->capacity);
    bl_diag_hint(diag, "ask for less at a time, with limit");
    return BL_FAIL(RESOURCE_EXHAUSTED);
}

void bl_api_write_names(const struct bl_api_exchange *exchange, struct bl_json_writer *writer) {
    bl_json_write_member(writer, BL_STR("tenant_id"), exchange->tenant_id);
    bl_json_write_member(writer, BL_STR("policy_id"), exchange->policy_id);
}

void bl_api_write_findings(const struct bl_findings *findings, enum bl_severity severity,
                           struct bl_json_writer *writer) {
    bl_json_write_array_begin(writer);
    for (size_t i = 0; findings != NULL && i < findings->count; i++) {
        const struct bl_diag *diag = &findings->items[i];
        if (diag->severity != severity) {
            continue;
        }
        bl_json_write_object_begin(writer);
        if (diag->line > 0) {
            bl_json_write_key(writer, BL_STR("line"));
            bl_json_write_int64(writer, diag->line);
            bl_json_write_key(writer, BL_STR("column"));
            bl_json_write_int64(writer, diag->column);
        }
        bl_json_write_member(writer, BL_STR("path"), bl_str_from_c(diag->path));
        bl_json_write_member(writer, BL_STR("message"), bl_str_from_c(diag->message));
        if (diag->hint[0] != '\0') {
            bl_json_write_member(writer, BL_STR("hint"), bl_str_from_c(diag->hint));
        }
        bl_json_write_object_end(writer);
    }
    bl_json_write_array_end(writer);
}

void bl_api_write_entry(const struct bl_store_entry *entry, struct bl_json_writer *writer) {
    char storage[2 * sizeof(entry->hash)];
    struct bl_buf hash;

    bl_buf_init(&hash, storage, sizeof(storage));
    bl_hex_write(&hash, entry->hash, sizeof(entry->hash));
    bl_json_write_key(writer, BL_STR("revision"));
    bl_json_write_uint64(writer, entry->revision);
    bl_json_write_key(writer, BL_STR("time_ms"));
    bl_json_write_int64(writer, entry->time_ms);
    bl_json_write_member(writer, BL_STR("author"), entry->author);
    bl_json_write_member(writer, BL_STR("message"), entry->message);
    if (entry->deleted) {
        bl_json_write_key(writer, BL_STR("deleted"));
        bl_json_write_bool(writer, true);
    }
    if (entry->damaged) {
        bl_json_write_key(writer, BL_STR("damaged"));
        bl_json_write_bool(writer, true);
    }
    bl_json_write_member(writer, BL_STR("hash"), bl_buf_view(&hash));
}

void bl_api_write_source(const struct bl_policy_listing *listing, struct bl_json_writer *writer) {
    if (bl_str_is_present(listing->file)) {
        bl_json_write_member(writer, BL_STR("source"), BL_STR("file"));
        bl_json_write_member(writer, BL_STR("file"), listing->file);
    } else {
        bl_json_write_member(writer, BL_STR("source"), BL_STR("store"));
    }
    if (listing->policy != NULL) {
        bl_json_write_member(writer, BL_STR("content"), listing->policy->revision);
    }
    bl_json_write_key(writer, BL_STR("live"));
    bl_json_write_bool(writer, listing->policy != NULL && !listing->broken);
}

void bl_api_write_refusal(struct bl_api_exchange *exchange) {
    const struct bl_refusal *refusal = &exchange->api->work.refusal;
    const char *intake_code = bl_intake_code_text(refusal->intake_code);
    char storage[BL_WIRE_REFUSAL_TEXT_MAX];
    struct bl_json_writer writer;
    struct bl_buf text;

    bl_buf_init(&text, storage, sizeof(storage));
    bl_wire_refusal_text(refusal, &text);
    bl_json_writer_init(&writer, exchange->reply);
    bl_json_write_object_begin(&writer);
    bl_json_write_key(&writer, BL_STR("ok"));
    bl_json_write_bool(&writer, false);
    bl_json_write_key(&writer, BL_STR("error"));
    bl_json_write_object_begin(&writer);
    bl_json_write_member(&writer, BL_STR("code"),
                         bl_str_from_c(bl_error_info(refusal->error)->code));
    bl_json_write_member(&writer, BL_STR("message"), bl_buf_view(&text));
    if (intake_code != NULL) {
        bl_json_write_member(&writer, BL_STR("intake_error_code"), bl_str_from_c(intake_code));
    }
    if (refusal->error == BL_E_INVALID_POLICY) {
        bl_json_write_key(&writer, BL_STR("details"));
        bl_api_write_findings(exchange->findings, BL_SEVERITY_ERROR, &writer);
    } else if (refusal->retry_after_ms > 0) {
        bl_json_write_key(&writer, BL_STR("details"));
        bl_json_write_object_begin(&writer);
        bl_json_write_key(&writer, BL_STR("retry_after_ms"));
        bl_json_write_int64(&writer, refusal->retry_after_ms);
        bl_json_write_object_end(&writer);
    }
    bl_json_write_object_end(&writer);
    bl_json_write_key(&writer, BL_STR("context"));
    bl_wire_write_context(&exchange->api->work.decoded.request, &writer);
    bl_json_write_object_end(&writer);
}
