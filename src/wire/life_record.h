/*
 * The life-cycle record as it is stored: JSON, so that an operator can read it where it lies.
 */
#ifndef BL_WIRE_LIFE_RECORD_H
#define BL_WIRE_LIFE_RECORD_H

#include "base/arena.h"
#include "base/buf.h"
#include "flow/life.h"
#include "flow/request.h"
#include "json/writer.h"

/* What the record may have at most; a request that is larger cannot be pushed. */
#define BL_LIFE_RECORD_OVERHEAD 16384
#define BL_LIFE_RESULT_MAX_BYTES 32768 /* of a kept result; a larger payload is left out */

/* Appends the record. `buf` overflows if there is no room. */
void bl_life_record_write(const struct bl_life *life, struct bl_buf *buf);

/* Reads what bl_life_record_write wrote. Views point into `text` and `arena`. Errors: INVALID_REQUEST
 * with `diag`, it is damaged or of a later version; RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_life_record_read(struct bl_str text, struct bl_arena *arena,
                                          struct bl_life *out, struct bl_diag *diag);

/* The request as it is kept for further attempts: canonical form, without ids of this connection and
 * without credentials. */
void bl_wire_write_stored_request(const struct bl_request *request, struct bl_str tenant_id,
                                  struct bl_json_writer *writer);

/* The answer to get_decision, but for its context: {"ok":true,"decision":…,"life_cycle":…,"result":…. */
void bl_wire_write_life_cycle(const struct bl_life *life, struct bl_json_writer *writer);

#endif
