#include "client/session.h"

#include <stdlib.h>

#include "net/clock.h"

struct bl_session {
    struct bl_link link;
    struct bl_buf *reply; /* of the request under way */
    bl_result result;
    bool answered;
};

bl_result bl_session_open(const struct bl_link_target *target, int timeout_ms,
                          struct bl_session **out, struct bl_diag *diag) {
    struct bl_session *session = calloc(1, sizeof(*session));

    if (session == NULL) {
        bl_diag_message(diag, "out of memory");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    bl_result result = bl_link_open(&session->link, target, timeout_ms, 1, diag);
    if (bl_is_error(result)) {
        free(session);
        return result;
    }
    *out = session;
    return BL_OK;
}

void bl_session_close(struct bl_session *session) {
    if (session != NULL) {
        bl_link_close(&session->link);
        bl_bus_library_close();
        free(session);
    }
}

static void on_reply(void *user, bl_result result, struct bl_bus_message *reply) {
    struct bl_session *session = user;

    session->answered = true;
    session->result = result;
    if (bl_is_ok(result)) {
        bl_buf_reset(session->reply);
        bl_buf_str(session->reply, reply->content.data);
    }
    bl_loop_stop(session->link.loop);
}

static void explain_silence(bl_result result, struct bl_str subject, int timeout_ms,
                            struct bl_diag *diag) {
    if (result.error == BL_E_DEADLINE_EXCEEDED) {
        bl_diag_message(diag, "no reply on %.*s within %d ms", BL_STR_ARG(subject), timeout_ms);
        bl_diag_hint(diag, "the router may be stopped or overloaded; its log and metrics tell");
    } else {
        bl_diag_message(diag, "the NATS server is there, but no router listens on %.*s",
                        BL_STR_ARG(subject));
        bl_diag_hint(diag, "start one: beamline serve, or beamline dev to try it");
    }
}

bl_result bl_session_request(struct bl_session *session, struct bl_str subject,
                             struct bl_str request, int timeout_ms, struct bl_buf *reply,
                             double *took_ms, struct bl_diag *diag) {
    const struct bl_bus_outgoing outgoing = {.subject = subject, .data = request};

    session->reply = reply;
    session->answered = false;
    uint64_t began_ns = bl_clock_monotonic_ns();
    BL_TRY(bl_bus_request(session->link.bus, &outgoing, (uint32_t)timeout_ms, on_reply, session,
                          NULL, diag));
    while (!session->answered) {
        bl_loop_run(session->link.loop);
    }
    *took_ms = (double)(bl_clock_monotonic_ns() - began_ns) / 1e6;
    if (bl_is_error(session->result)) {
        explain_silence(session->result, subject, timeout_ms, diag);
        return session->result;
    }
    if (reply->overflowed) {
        bl_diag_message(diag, "the reply is larger than %zu bytes", reply->capacity);
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    return BL_OK;
}
