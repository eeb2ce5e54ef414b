/* What is needed of JetStream: streams made or checked, and then the consumers. */
#include <stdio.h>
#include <string.h>

#include "app/dispatcher_private.h"

#define MINUTE_MS UINT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define DUPLICATES_MS (10 * MINUTE_MS)
#define RESULTS_MAX 4096 /* deliveries under way, of all routers */
#define BATCH 256

static const char *keep(struct bl_dispatcher *dispatcher, const char *format, struct bl_str text) {
    char *out = dispatcher->texts[dispatcher->text_count++];

    (void)snprintf(out, sizeof(dispatcher->texts[0]), format, BL_STR_ARG(text));
    return out;
}

/* "caf.exec.assign.v1.p.{provider}" is stored as "caf.exec.assign.v1.p.*". */
static const char *stored_subject(struct bl_dispatcher *dispatcher, struct bl_str pattern) {
    static const char place[] = "{provider}";
    const char *at = memmem(pattern.data, pattern.len, place, sizeof(place) - 1);

    if (at == NULL) {
        return keep(dispatcher, "%.*s", pattern);
    }
    const char *text = keep(dispatcher, "%.*s*", bl_str_head(pattern, (size_t)(at - pattern.data)));
    return text;
}

static void describe(struct bl_dispatcher *dispatcher, enum bl_dispatch_stream which,
                     const char *name, const char *subject, uint64_t max_age_ms) {
    struct bl_stream_config *stream = &dispatcher->streams[which];

    dispatcher->wanted_streams++;
    dispatcher->subjects[which][0] = subject;
    *stream = (struct bl_stream_config){
        .name = name,
        .subjects = dispatcher->subjects[which],
        .subject_count = 1,
        .max_bytes = dispatcher->parts.config->push.stream_max_bytes,
        .max_age_ms = max_age_ms,
        .duplicates_ms = max_age_ms > 0 && max_age_ms < DUPLICATES_MS ? max_age_ms : DUPLICATES_MS,
        .last_per_subject = which == BL_STREAM_LIVES,
    };
}

void bl_dispatcher_describe_streams(struct bl_dispatcher *dispatcher) {
    const struct bl_config *config = dispatcher->parts.config;
    struct bl_str completed = config->push.completed_subject;

    describe(dispatcher, BL_STREAM_LIVES, keep(dispatcher, "KV_%.*s", config->push.bucket),
             keep(dispatcher, "$KV.%.*s.>", config->push.bucket), config->push.keep_ms);
    describe(dispatcher, BL_STREAM_ASSIGNMENTS, "BL_ASSIGNMENTS",
             stored_subject(dispatcher, config->push.assign_subject), DAY_MS);
    describe(dispatcher, BL_STREAM_ACKS, "BL_ACKS",
             keep(dispatcher, "%.*s", config->push.ack_subject), DAY_MS);
    describe(dispatcher, BL_STREAM_RESULTS, "BL_RESULTS",
             keep(dispatcher, "%.*s", config->push.result_subject), 7 * DAY_MS);
    describe(dispatcher, BL_STREAM_USAGE, "BL_USAGE",
             keep(dispatcher, "%.*s", config->push.usage_subject), 0);
    if (!bl_str_is_blank(completed)) {
        describe(dispatcher, BL_STREAM_COMPLETED, "BL_COMPLETED",
                 keep(dispatcher, "%.*s", completed), DAY_MS);
    }
    describe(dispatcher, BL_STREAM_DLQ, "BL_DLQ",
             keep(dispatcher, "%.*s.dlq", config->push.result_subject), 30 * DAY_MS);
    struct bl_stream_config *dlq = &dispatcher->streams[BL_STREAM_DLQ];
    dispatcher->subjects[BL_STREAM_DLQ][dlq->subject_count++] =
        keep(dispatcher, "%.*s.dlq", config->push.ack_subject);
}

void bl_dispatcher_settle_ready(struct bl_dispatcher *dispatcher) {
    bool is_ready = dispatcher->streams_are_good && dispatcher->has_caught_up &&
                    bl_bus_current_state(dispatcher->bus) == BL_BUS_CONNECTED;

    if (atomic_exchange(&dispatcher->is_ready, is_ready) == is_ready) {
        return;
    }
    bl_gauge_set(dispatcher->cells.ready, is_ready ? 1 : 0);
    struct bl_log_record *record =
        bl_log_start(dispatcher->log, is_ready ? BL_LOG_INFO : BL_LOG_WARN, "push",
                     is_ready ? "pushes are taken" : "pushes are not taken");
    bl_log_u64(record, "live", dispatcher->live_count);
    bl_log_finish(dispatcher->log);
    bl_waker_ring(dispatcher->parts.changed);
}

static bl_result open_pull(struct bl_dispatcher *dispatcher, enum bl_dispatch_stream stream,
                           const char *durable, const struct bl_pull_events *events,
                           struct bl_pull **out) {
    const struct bl_pull_config config = {
        .stream = dispatcher->streams[stream].name,
        .durable = durable,
        .filter = durable == NULL ? dispatcher->subjects[stream][0] : NULL,
        .batch = BATCH,
        .ack_wait_ms = dispatcher->parts.config->push.ack_wait_ms,
        .ack_pending = RESULTS_MAX,
    };
    struct bl_diag diag;

    bl_diag_clear(&diag);
    if (*out == NULL) {
        BL_TRY(bl_pull_create(dispatcher->jetstream, &config, events, dispatcher, out, &diag));
    }
    bl_pull_connect(*out);
    return BL_OK;
}

static void open_pulls(struct bl_dispatcher *dispatcher) {
    bl_result result = open_pull(dispatcher, BL_STREAM_LIVES, NULL, &bl_dispatcher_reader_events,
                                 &dispatcher->reader);
    if (bl_is_ok(result)) {
        result = open_pull(dispatcher, BL_STREAM_RESULTS, "router-results",
                           &bl_dispatcher_result_events, &dispatcher->results);
    }
    if (bl_is_ok(result)) {
        result = open_pull(dispatcher, BL_STREAM_ACKS, "router-acks", &bl_dispatcher_ack_events,
                           &dispatcher->acks);
    }
    if (bl_is_error(result)) {
        bl_log_line(dispatcher->log, BL_LOG_ERROR, "push", "no memory for consumers");
    }
}

static void on_ensured(void *user, bl_result result, struct bl_str problem) {
    struct bl_dispatcher *dispatcher = user;

    if (bl_is_ok(result)) {
        dispatcher->good_streams++;
    } else {
        char text[sizeof(dispatcher->problem)];
        (void)snprintf(text, sizeof(text), "%.*s", BL_STR_ARG(problem));
        if (strcmp(text, dispatcher->problem) != 0) {
            memcpy(dispatcher->problem, text, sizeof(text));
            struct bl_log_record *record =
                bl_log_start(dispatcher->log, BL_LOG_WARN, "push", "pushes are not taken");
            bl_log_str(record, "reason", problem);
            bl_log_finish(dispatcher->log);
        }
    }
    if (--dispatcher->ensuring > 0) {
        return;
    }
    dispatcher->streams_are_good = dispatcher->good_streams == dispatcher->wanted_streams;
    if (dispatcher->streams_are_good) {
        dispatcher->problem[0] = '\0';
        open_pulls(dispatcher);
    }
    bl_dispatcher_settle_ready(dispatcher);
}

void bl_dispatcher_ensure_streams(struct bl_dispatcher *dispatcher) {
    if (dispatcher->ensuring > 0) {
        return;
    }
    dispatcher->good_streams = 0;
    dispatcher->ensuring = dispatcher->wanted_streams;
    for (int i = 0; i < BL_STREAM_COUNT; i++) {
        if (dispatcher->streams[i].name != NULL) {
            bl_jetstream_ensure(dispatcher->jetstream, &dispatcher->streams[i], on_ensured,
                                dispatcher);
        }
    }
}
