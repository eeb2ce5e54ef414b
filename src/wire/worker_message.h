/*
 * What workers say: results and acknowledgements of assignments.
 */
#ifndef BL_WIRE_WORKER_MESSAGE_H
#define BL_WIRE_WORKER_MESSAGE_H

#include "base/arena.h"
#include "flow/life.h"
#include "wire/message.h"

#define BL_WORKER_COST_MAX_NANO (INT64_C(1000) * BL_NANO_PER_UNIT) /* of one attempt */

enum bl_ack_status { BL_ACK_ACCEPTED, BL_ACK_REJECTED, BL_ACK_ERROR };

struct bl_worker_message {
    struct bl_str assignment_id; /* absent: by request_id */
    struct bl_str request_id;
    struct bl_str tenant_id; /* header, else body; absent = not named */
    struct bl_worker_result result;
    struct bl_str tokens;   /* JSON; absent = not given */
    bool cost_is_absurd;    /* negative, not finite or above the bound: not believed */
    enum bl_ack_status ack; /* of acknowledgements */
};

/* Decodes a result. Views into `message` and `arena`. Errors: INVALID_REQUEST with `diag` saying what
 * is wrong; RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_wire_decode_result(const struct bl_message *message,
                                            struct bl_arena *arena, struct bl_worker_message *out,
                                            struct bl_diag *diag);

/* Decodes an acknowledgement: status accepted, rejected or error. */
BL_MUST_USE bl_result bl_wire_decode_ack(const struct bl_message *message, struct bl_arena *arena,
                                         struct bl_worker_message *out, struct bl_diag *diag);

#endif
