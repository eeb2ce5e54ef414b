/*
 * A JetStream stream that captures a request-reply subject answers each request with its own
 * acknowledgement, before us: the client takes that for the reply. So we look for such a stream
 * when a connection comes up and once a minute, and are not ready while there is one.
 *
 * The answer also says that the server has seen the subscriptions, which were sent before. So every
 * worker asks, and worker 0 looks at what is answered.
 */
#include "app/worker_private.h"
#include "json/json.h"

#define TIMEOUT_MS 2000

static void report(struct bl_worker *worker, struct bl_str stream) {
    struct bl_log_record *record = bl_log_start(worker->log, BL_LOG_ERROR, "nats",
                                                "a stream captures the decide subject; not ready");
    bl_log_str(record, "stream", stream);
    bl_log_str(record, "subject", worker->parts.config->nats.decide_subject);
    bl_log_str(record, "hint",
               BL_STR("remove the subject from that stream: its acknowledgements would be taken "
                      "for our replies"));
    bl_log_finish(worker->log);
}

static void on_names(void *user, bl_result result, struct bl_bus_message *reply) {
    struct bl_worker *worker = user;
    struct bl_json_doc doc;
    struct bl_diag diag;
    struct bl_str first = BL_STR_ABSENT;

    bl_worker_subscriptions_known(worker);
    if (worker->parts.number != 0) {
        return;
    }
    /* No JetStream, no streams. An unreadable answer says nothing new. */
    if (bl_is_ok(result)) {
        bl_arena_reset(&worker->arena);
        if (bl_is_error(bl_json_read(reply->content.data, &bl_json_request_limits, &worker->arena,
                                     &doc, &diag))) {
            return;
        }
        struct bl_json streams = bl_json_get(bl_json_root(&doc), BL_STR("streams"));
        (void)bl_json_string(bl_json_at(streams, 0), &first);
    } else if (result.error != BL_E_UNAVAILABLE) {
        return;
    }
    bool captured = bl_str_is_present(first);
    if (captured && !atomic_load(&worker->captured)) {
        report(worker, first);
    }
    if (atomic_exchange(&worker->captured, captured) != captured) {
        bl_waker_ring(worker->parts.changed);
    }
}

void bl_worker_check_capture(struct bl_worker *worker) {
    char storage[1200];
    struct bl_buf body;
    struct bl_diag diag;

    bl_buf_init(&body, storage, sizeof(storage));
    bl_buf_literal(&body, "{\"subject\":\"");
    bl_buf_str(&body, worker->parts.config->nats.decide_subject);
    bl_buf_literal(&body, "\"}");
    const struct bl_bus_outgoing request = {.subject = BL_STR("$JS.API.STREAM.NAMES"),
                                            .data = bl_buf_view(&body)};
    if (bl_is_error(
            bl_bus_request(worker->bus, &request, TIMEOUT_MS, on_names, worker, NULL, &diag))) {
        bl_worker_subscriptions_known(
            worker); /* if not connected, the next connection asks again */
    }
}
