/*
 * A session with a router: connect, ask, get the answer. For commands and tests, which wait; it
 * runs a loop of its own inside each call. Not thread-safe.
 */
#ifndef BL_CLIENT_SESSION_H
#define BL_CLIENT_SESSION_H

#include "base/buf.h"
#include "base/diag.h"
#include "base/result.h"
#include "client/link.h"

struct bl_session;

/* Connects to `target`, for at most `timeout_ms`. Errors: as bl_link_open. */
BL_MUST_USE bl_result bl_session_open(const struct bl_link_target *target, int timeout_ms,
                                      struct bl_session **out, struct bl_diag *diag);

void bl_session_close(struct bl_session *session); /* NULL is fine */

/* Sends `request` to `subject` and writes the reply into `reply`; `*took_ms` is the round trip.
 * Errors: UNAVAILABLE when nobody listens there, DEADLINE_EXCEEDED when no reply came in time,
 * RESOURCE_EXHAUSTED when the reply does not fit. */
BL_MUST_USE bl_result bl_session_request(struct bl_session *session, struct bl_str subject,
                                         struct bl_str request, int timeout_ms,
                                         struct bl_buf *reply, double *took_ms,
                                         struct bl_diag *diag);

#endif
