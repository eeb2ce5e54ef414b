#include "wire/read.h"

#include <inttypes.h>
#include <string.h>

#include "wire/fields.h"
#include "wire/recover.h"

static bl_result refuse_size(size_t bytes, uint32_t max_bytes, struct bl_refusal *refusal) {
    struct bl_diag *diag =
        bl_refusal_begin(refusal, BL_E_INVALID_REQUEST, BL_INTAKE_PAYLOAD_TOO_LARGE);

    bl_diag_message(diag, "the message has %zu bytes, at most %" PRIu32 " are allowed", bytes,
                    max_bytes);
    bl_diag_hint(diag, "store what is large elsewhere and send task.payload_ref");
    return BL_FAIL(INVALID_REQUEST);
}

/* The reader names the key that stands twice, which may be part of the sender's data. */
static void hide_key(struct bl_diag *diag) {
    static const char duplicate[] = "the key \"";

    if (strncmp(diag->message, duplicate, sizeof(duplicate) - 1) == 0) {
        bl_diag_message(diag, "a key stands twice in one object");
    }
}

static bl_result read_object(struct bl_str text, const struct bl_json_limits *limits,
                             struct bl_arena *arena, struct bl_json_doc *doc,
                             struct bl_refusal *refusal) {
    struct bl_diag problem;

    bl_diag_clear(&problem);
    bl_result result = bl_json_read(text, limits, arena, doc, &problem);
    if (result.error == BL_E_RESOURCE_EXHAUSTED) {
        struct bl_diag *diag = bl_refusal_begin(refusal, BL_E_RESOURCE_EXHAUSTED, BL_INTAKE_NONE);
        bl_diag_message(diag, "the request needs more memory than one request may have");
        return result;
    }
    if (bl_is_error(result)) {
        struct bl_diag *diag =
            bl_refusal_begin(refusal, BL_E_INVALID_REQUEST, BL_INTAKE_SCHEMA_VALIDATION_FAILED);
        hide_key(&problem);
        diag->line = problem.line;
        diag->column = problem.column;
        if (problem.line == 0) { /* there is no text to point into */
            bl_diag_message(diag, "the message is not valid JSON: %s", problem.message);
        } else {
            bl_diag_message(
                diag, "the message is not valid JSON: line %" PRIu32 ", column %" PRIu32 ": %s",
                problem.line, problem.column, problem.message);
        }
        return BL_FAIL(INVALID_REQUEST);
    }
    if (!bl_json_is(bl_json_root(doc), BL_JSON_OBJECT)) {
        return bl_wire_refuse_type(refusal, bl_json_root(doc), "", "an object");
    }
    return BL_OK;
}

bl_result bl_wire_read(const struct bl_message *message, struct bl_str generated_id,
                       const struct bl_json_limits *limits, struct bl_arena *arena,
                       struct bl_json_doc *doc, struct bl_request *request,
                       struct bl_refusal *refusal) {
    bl_result result = message->data.len > limits->max_bytes
                           ? refuse_size(message->data.len, limits->max_bytes, refusal)
                           : read_object(message->data, limits, arena, doc, refusal);

    if (bl_is_error(result)) {
        bl_wire_recover(message, generated_id, request);
    }
    return result;
}
