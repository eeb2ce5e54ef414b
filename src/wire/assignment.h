/*
 * What goes to workers, and what is told of the end: assignments, usage, completion.
 */
#ifndef BL_WIRE_ASSIGNMENT_H
#define BL_WIRE_ASSIGNMENT_H

#include "base/arena.h"
#include "base/buf.h"
#include "flow/life.h"
#include "wire/worker_message.h"

/* Time of one attempt: what the request asks for, else five times the latency that is expected, 5 s at
 * least; never above the policy's bound. */
int64_t bl_attempt_time_ms(struct bl_json options, int64_t expected_latency_ms,
                           int64_t deadline_max_ms);

/* The assignment of the life's last attempt, which expires at `expires_at_ms`. `arena` is scratch.
 * Errors: INVALID_REQUEST when the record's own texts are damaged; RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_wire_encode_assignment(const struct bl_life *life, int64_t expires_at_ms,
                                                struct bl_arena *arena, struct bl_buf *buf);

/* The usage record of an attempt with a result: ids and names from the life, never from the worker. */
void bl_wire_encode_usage(const struct bl_life *life, unsigned attempt, bool is_late,
                          const struct bl_worker_message *message, int64_t now_ms,
                          struct bl_buf *buf);

/* What is told of a life that has ended. */
void bl_wire_encode_completion(const struct bl_life *life, struct bl_buf *buf);

#endif
