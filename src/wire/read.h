/* The first step of every message: its text as a JSON object. */
#ifndef BL_WIRE_READ_H
#define BL_WIRE_READ_H

#include "base/arena.h"
#include "flow/request.h"
#include "wire/message.h"

/*
 * Reads `message` into `doc`, whose root is an object afterwards. On an error `request` is what can
 * be recovered (wire/recover.h); else it is left alone.
 * Errors, with `refusal` filled: INVALID_REQUEST, with PAYLOAD_TOO_LARGE above limits->max_bytes and
 * SCHEMA_VALIDATION_FAILED otherwise; RESOURCE_EXHAUSTED.
 */
BL_MUST_USE bl_result bl_wire_read(const struct bl_message *message, struct bl_str generated_id,
                                   const struct bl_json_limits *limits, struct bl_arena *arena,
                                   struct bl_json_doc *doc, struct bl_request *request,
                                   struct bl_refusal *refusal);

#endif
