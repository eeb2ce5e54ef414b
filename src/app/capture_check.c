/*
 * A JetStream stream that captures a request-reply subject answers each request with its own
 * acknowledgement, before us: the client takes that for the reply. So we look for streams that
 * capture any subject that we listen on when a connection comes up and once a minute, and are not
 * ready while there is one.
 *
 * The answers also say that the server has seen the subscriptions, which were sent before. So every
 * worker asks about one subject, and worker 0, which looks at what is answered, about all.
 */
#include "app/worker_private.h"
#include "json/writer.h"

#define TIMEOUT_MS 2000
#define BODY_BYTES (2 * BL_BUS_SUBJECT_MAX + 32) /* a subject may consist of quotes */

static void report(struct bl_worker *worker, struct bl_str subject, struct bl_str stream) {
    struct bl_log_record *record =
        bl_log_start(worker->log, BL_LOG_ERROR, "nats",
                     "a stream captures a subject that the router answers; not ready");
    bl_log_str(record, "stream", stream);
    bl_log_str(record, "subject", subject);
    bl_log_str(record, "hint",
               BL_STR("remove the subject from that stream: its acknowledgements would be taken "
                      "for our replies"));
    bl_log_finish(worker->log);
}

/* The first stream that the answer names. False: it is unreadable, which says nothing new. */
static bool read_answer(struct bl_worker *worker, struct bl_str answer, struct bl_str *stream) {
    struct bl_json_doc doc;
    struct bl_diag diag;

    bl_arena_reset(&worker->arena);
    if (bl_is_error(bl_json_read(answer, &bl_json_request_limits, &worker->arena, &doc, &diag))) {
        return false;
    }
    struct bl_json streams = bl_json_get(bl_json_root(&doc), BL_STR("streams"));
    (void)bl_json_string(bl_json_at(streams, 0), stream);
    return true;
}

static void tell_whether_captured(struct bl_worker *worker) {
    bool captured = false;

    for (size_t i = 0; i < BL_WORKER_SUBSCRIPTIONS; i++) {
        captured = captured || worker->intakes[i].is_captured;
    }
    if (atomic_exchange(&worker->captured, captured) != captured) {
        bl_waker_ring(worker->parts.changed);
    }
}

static void on_names(void *user, bl_result result, struct bl_bus_message *reply) {
    struct bl_intake *intake = user;
    struct bl_worker *worker = intake->worker;
    struct bl_str stream = BL_STR_ABSENT;

    if (--worker->captures_asked == 0) {
        bl_worker_subscriptions_known(worker);
    }
    /* Nobody who answers is no JetStream, so no streams. Too late an answer says nothing. */
    bool is_known = bl_is_ok(result) ? read_answer(worker, reply->content.data, &stream)
                                     : result.error == BL_E_UNAVAILABLE;
    if (worker->parts.number != 0 || !is_known) {
        return;
    }
    bool captured = bl_str_is_present(stream);
    if (captured && !intake->is_captured) {
        report(worker, intake->subject, stream);
    }
    intake->is_captured = captured;
    tell_whether_captured(worker);
}

static bool ask(struct bl_worker *worker, struct bl_intake *intake) {
    char storage[BODY_BYTES];
    struct bl_json_writer writer;
    struct bl_buf body;
    struct bl_diag diag;

    bl_buf_init(&body, storage, sizeof(storage));
    bl_json_writer_init(&writer, &body);
    bl_json_write_object_begin(&writer);
    bl_json_write_member(&writer, BL_STR("subject"), intake->subject);
    bl_json_write_object_end(&writer);
    const struct bl_bus_outgoing request = {.subject = BL_STR("$JS.API.STREAM.NAMES"),
                                            .data = bl_buf_view(&body)};
    return bl_is_ok(
        bl_bus_request(worker->bus, &request, TIMEOUT_MS, on_names, intake, NULL, &diag));
}

void bl_worker_check_capture(struct bl_worker *worker) {
    for (size_t i = 0; i < BL_WORKER_SUBSCRIPTIONS; i++) {
        struct bl_intake *intake = &worker->intakes[i];
        bool is_asked = i == BL_OPERATION_DECIDE || worker->parts.number == 0;
        if (is_asked && bl_str_is_present(intake->subject) && ask(worker, intake)) {
            worker->captures_asked++;
        }
    }
    if (worker->captures_asked == 0) {
        bl_worker_subscriptions_known(
            worker); /* if not connected, the next connection asks again */
    }
}
