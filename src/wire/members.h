/*
 * The outermost members of a decide request, found in one pass. Private to this folder.
 *
 * Looking up each of some thirty keys by itself would walk the object thirty times.
 */
#ifndef BL_WIRE_MEMBERS_H
#define BL_WIRE_MEMBERS_H

#include "json/json.h"

/* Every key that a dialect reads, grouped by length, which is how they are told apart. */
#define BL_WIRE_MEMBER_MAP(X)                                                                      \
    X(task, 4)                                                                                     \
    X(input, 5)                                                                                    \
    X(run_id, 6)                                                                                   \
    X(flow_id, 7)                                                                                  \
    X(step_id, 7)                                                                                  \
    X(version, 7)                                                                                  \
    X(message, 7)                                                                                  \
    X(payload, 7)                                                                                  \
    X(context, 7)                                                                                  \
    X(options, 7)                                                                                  \
    X(explain, 7)                                                                                  \
    X(dry_run, 7)                                                                                  \
    X(api_key, 7)                                                                                  \
    X(trace_id, 8)                                                                                 \
    X(metadata, 8)                                                                                 \
    X(tenant_id, 9)                                                                                \
    X(policy_id, 9)                                                                                \
    X(request_id, 10)                                                                              \
    X(message_id, 10)                                                                              \
    X(constraints, 11)                                                                             \
    X(payload_ref, 11)                                                                             \
    X(message_type, 12)                                                                            \
    X(notify_subject, 14)                                                                          \
    X(idempotency_key, 15)                                                                         \
    X(push_assignment, 15)                                                                         \
    X(assignment_subject, 18)

/* Absent where the object has no such member, or null. */
struct bl_wire_members {
#define X(name, length) struct bl_json name;
    BL_WIRE_MEMBER_MAP(X)
#undef X
};

/* Members that no dialect knows are passed over. */
void bl_wire_members_read(struct bl_json object, struct bl_wire_members *members);

#endif
