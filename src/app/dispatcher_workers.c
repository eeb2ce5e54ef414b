/* What comes from streams: results and acknowledgements of workers, and changes of records. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/dispatcher_private.h"
#include "base/text.h"
#include "bus/jetstream.h"
#include "json/writer.h"

#define AGAIN_MS 500    /* a life that is busy, or not known yet */
#define UNKNOWN_AFTER 3 /* deliveries, after which an assignment that is nowhere is unknown */
#define DLQ_RETRY_MS 30000
#define PAYLOAD_MAX_BYTES 65536 /* of a message that is kept in the DLQ */

/* --- the dead letter queue ------------------------------------------------------------------- */

struct burial {
    struct bl_dispatcher *dispatcher;
    struct bl_pull *pull;
    struct bl_bus_message *message;
};

static void on_buried(void *user, const struct bl_jetstream_ack *ack) {
    struct burial *burial = user;
    struct bl_dispatcher *dispatcher = burial->dispatcher;

    if (bl_is_ok(ack->result)) {
        bl_counter_add(dispatcher->cells.dead, 1);
        bl_delivery_settle(burial->pull, burial->message, BL_DELIVERY_TERM, 0);
    } else {
        struct bl_log_record *record = bl_log_start(dispatcher->log, BL_LOG_ERROR, "push",
                                                    "the dead letter queue cannot be written");
        bl_log_str(record, "reason", ack->error);
        bl_log_finish(dispatcher->log);
        bl_delivery_settle(burial->pull, burial->message, BL_DELIVERY_NAK, DLQ_RETRY_MS);
    }
    bl_bus_message_release(dispatcher->bus, burial->message);
    free(burial);
}

static void write_envelope(const struct bl_bus_message *message, uint64_t deliveries,
                           const char *reason, const char *text, struct bl_buf *out) {
    struct bl_str data = message->content.data;
    struct bl_json_writer writer;

    bl_json_writer_init(&writer, out);
    bl_json_write_object_begin(&writer);
    bl_json_write_member(&writer, BL_STR("original_subject"), message->content.subject);
    bl_json_write_member(&writer, BL_STR("reason"), bl_str_from_c(reason));
    bl_json_write_member(&writer, BL_STR("message"), bl_str_from_c(text));
    bl_json_write_key(&writer, BL_STR("deliveries"));
    bl_json_write_uint64(&writer, deliveries);
    bl_json_write_key(&writer, BL_STR("first_seen_ms"));
    bl_json_write_int64(&writer, bl_dispatcher_now_ms());
    if (data.len <= PAYLOAD_MAX_BYTES) {
        bl_json_write_member(&writer, BL_STR("payload"), data);
    } else {
        bl_json_write_key(&writer, BL_STR("payload_omitted"));
        bl_json_write_bool(&writer, true);
    }
    bl_json_write_object_end(&writer);
}

void bl_dispatcher_bury(struct bl_dispatcher *dispatcher, struct bl_pull *pull,
                        struct bl_bus_message *message, uint64_t deliveries, const char *reason,
                        const char *text) {
    struct burial *burial = malloc(sizeof(*burial));
    char subject[BL_BUS_SUBJECT_MAX];
    struct bl_diag diag;
    struct bl_buf data;

    bl_diag_clear(&diag);
    bl_buf_init(&data, dispatcher->out, dispatcher->out_capacity);
    write_envelope(message, deliveries, reason, text, &data);
    int len = snprintf(subject, sizeof(subject), "%.*s.dlq", BL_STR_ARG(message->content.subject));
    const struct bl_bus_outgoing letter = {.subject = {subject, (size_t)len},
                                           .data = bl_buf_view(&data)};
    if (burial != NULL) {
        *burial = (struct burial){dispatcher, pull, message};
        bl_bus_message_hold(dispatcher->bus, message);
        if (bl_is_ok(bl_jetstream_publish(dispatcher->jetstream, &letter,
                                          dispatcher->parts.config->push.publish_timeout_ms,
                                          on_buried, burial, &diag))) {
            return;
        }
        bl_bus_message_release(dispatcher->bus, message);
        free(burial);
    }
    bl_delivery_settle(pull, message, BL_DELIVERY_NAK, DLQ_RETRY_MS);
}

/* --- results and acknowledgements ------------------------------------------------------------ */

static bool is_of_tenant(struct bl_live *live, const struct bl_worker_message *message) {
    struct bl_str tenant = bl_json_scan_string((struct bl_str){live->record, live->record_len},
                                               BL_STR("tenant_id"), live->record_len, 256);

    return bl_str_is_blank(message->tenant_id) || bl_str_equal(message->tenant_id, tenant);
}

/* Named by its request, it is the last one that has begun; -1: there is no such attempt. */
static int attempt_of(const struct bl_live *live, struct bl_str assignment_id) {
    for (unsigned i = 0; i < live->attempt_count; i++) {
        if (bl_str_equal_c(assignment_id, live->assignment_ids[i])) {
            return (int)i;
        }
    }
    if (bl_str_is_present(assignment_id)) {
        return -1;
    }
    return (int)live->attempt_count - (live->state == BL_LIFE_WAITING ? 2 : 1);
}

static void apply(struct bl_live *live, const struct bl_worker_message *message,
                  enum bl_life_event_kind kind, struct bl_pull *pull,
                  const struct bl_delivery *delivery) {
    struct bl_dispatcher *dispatcher = live->dispatcher;
    int attempt = attempt_of(live, message->assignment_id);
    const struct bl_life_event event = {
        .kind = kind, .attempt = (unsigned)attempt, .result = &message->result};

    if (attempt < 0) {
        bl_dispatcher_bury(dispatcher, pull, delivery->message, delivery->deliveries,
                           "assignment_unknown", "no attempt has this assignment");
    } else if (!is_of_tenant(live, message)) {
        bl_dispatcher_bury(dispatcher, pull, delivery->message, delivery->deliveries,
                           "tenant_mismatch", "the assignment is another tenant's");
    } else if (!bl_live_apply(live, &event, message, pull, delivery)) {
        bl_delivery_settle(pull, delivery->message, BL_DELIVERY_NAK, AGAIN_MS);
    }
}

/* The one live attempt of that tenant and request. */
static struct bl_live *find_by_request(struct bl_dispatcher *dispatcher,
                                       const struct bl_worker_message *message) {
    char storage[32];
    struct bl_buf digest;
    struct bl_live *found = NULL;

    bl_buf_init(&digest, storage, sizeof(storage) - 1);
    bl_life_digest(message->tenant_id, message->request_id, &digest);
    storage[digest.len] = '\0';
    for (struct bl_live *live = dispatcher->first; live != NULL; live = live->next) {
        if (strstr(live->subject, storage) != NULL) {
            if (found != NULL) {
                return NULL; /* two: it does not say which */
            }
            found = live;
        }
    }
    return found;
}

/* A record that has ended, read because somebody spoke of it. */
struct visit {
    struct bl_dispatcher *dispatcher;
    struct bl_pull *pull;
    struct bl_bus_message *message;
    uint64_t deliveries;
    uint64_t sequence;
};

static void on_visited(void *user, bl_result result, const struct bl_stored *found) {
    struct visit *visit = user;
    struct bl_dispatcher *dispatcher = visit->dispatcher;
    struct bl_worker_message message;
    struct bl_live *live = NULL;
    struct bl_diag diag;

    bl_diag_clear(&diag);
    bl_arena_reset(&dispatcher->scratch);
    if (bl_is_error(result)) {
        bl_delivery_settle(visit->pull, visit->message, BL_DELIVERY_NAK, AGAIN_MS);
    } else if (found == NULL) {
        bl_dispatcher_bury(dispatcher, visit->pull, visit->message, visit->deliveries,
                           "assignment_unknown", "no record has this assignment");
    } else {
        live = bl_live_put(dispatcher, found->subject, found->data, found->sequence);
        bool is_good =
            live != NULL && bl_is_ok(bl_wire_decode_result(&visit->message->content,
                                                           &dispatcher->scratch, &message, &diag));
        if (is_good) {
            const struct bl_delivery delivery = {.message = visit->message,
                                                 .deliveries = visit->deliveries};
            apply(live, &message, BL_EVENT_RESULT, visit->pull, &delivery);
            bl_live_drop_if_over(live);
        } else {
            bl_delivery_settle(visit->pull, visit->message, BL_DELIVERY_NAK, AGAIN_MS);
        }
    }
    bl_bus_message_release(dispatcher->bus, visit->message);
    free(visit);
}

/* It becomes a part of a subject: a wildcard in it would find somebody else's record. */
static bool is_assignment_id(struct bl_str id) {
    for (size_t i = 0; i < id.len; i++) {
        char c = id.data[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f') && c != '-') {
            return false;
        }
    }
    return id.len == BL_ASSIGNMENT_ID_CHARS;
}

/* Nobody knows it: it is new to this router, over, or was never assigned. The first time it is too
 * early to tell; then the table is asked. */
static void look_up(struct bl_dispatcher *dispatcher, const struct bl_worker_message *message,
                    struct bl_pull *pull, const struct bl_delivery *delivery) {
    char subject[BL_LIFE_SUBJECT_MAX];
    struct bl_diag diag;
    struct visit *visit = NULL;

    if (delivery->deliveries >= 2 && is_assignment_id(message->assignment_id)) {
        visit = malloc(sizeof(*visit));
    } else if (delivery->deliveries >= UNKNOWN_AFTER) {
        bl_dispatcher_bury(dispatcher, pull, delivery->message, delivery->deliveries,
                           "assignment_unknown", "no record has this assignment");
        return;
    }
    if (visit == NULL) {
        bl_delivery_settle(pull, delivery->message, BL_DELIVERY_NAK, AGAIN_MS);
        return;
    }
    int len = snprintf(subject, sizeof(subject), "$KV.%.*s.*.%.*s.*.*",
                       BL_STR_ARG(dispatcher->parts.config->push.bucket),
                       BL_STR_ARG(bl_str_head(message->assignment_id, BL_ASSIGNMENT_FAMILY_CHARS)));
    *visit = (struct visit){dispatcher, pull, delivery->message, delivery->deliveries,
                            delivery->sequence};
    bl_bus_message_hold(dispatcher->bus, delivery->message);
    bl_diag_clear(&diag);
    if (bl_is_error(bl_jetstream_get(
            dispatcher->jetstream, dispatcher->streams[BL_STREAM_LIVES].name,
            (struct bl_str){subject, (size_t)len},
            dispatcher->parts.config->push.publish_timeout_ms, on_visited, visit, &diag))) {
        bl_delivery_settle(pull, delivery->message, BL_DELIVERY_NAK, AGAIN_MS);
        bl_bus_message_release(dispatcher->bus, delivery->message);
        free(visit);
    }
}

static struct bl_live *find_live(struct bl_dispatcher *dispatcher,
                                 const struct bl_worker_message *message) {
    return bl_str_is_present(message->assignment_id)
               ? bl_live_of_assignment(dispatcher, message->assignment_id)
               : find_by_request(dispatcher, message);
}

static bool is_exhausted(struct bl_dispatcher *dispatcher, struct bl_pull *pull,
                         const struct bl_delivery *delivery) {
    if (delivery->deliveries <= dispatcher->parts.config->push.max_deliveries) {
        return false;
    }
    bl_dispatcher_bury(dispatcher, pull, delivery->message, delivery->deliveries,
                       "maxdeliver_exhausted",
                       "it was delivered too often without being done with");
    return true;
}

static void on_result(void *user, const struct bl_delivery *delivery) {
    struct bl_dispatcher *dispatcher = user;
    struct bl_worker_message message;
    struct bl_diag diag;

    bl_diag_clear(&diag);
    bl_arena_reset(&dispatcher->scratch);
    if (is_exhausted(dispatcher, dispatcher->results, delivery)) {
        return;
    }
    bl_counter_add(dispatcher->cells.results, 1);
    if (bl_is_error(bl_wire_decode_result(&delivery->message->content, &dispatcher->scratch,
                                          &message, &diag))) {
        bl_dispatcher_bury(dispatcher, dispatcher->results, delivery->message, delivery->deliveries,
                           "schema_validation_failed", diag.message);
        return;
    }
    struct bl_live *live = find_live(dispatcher, &message);
    if (live != NULL) {
        apply(live, &message, BL_EVENT_RESULT, dispatcher->results, delivery);
    } else {
        look_up(dispatcher, &message, dispatcher->results, delivery);
    }
}

/* What is accepted goes on as it is; what is not moves on at once. Too late, it says nothing. */
static void on_ack(void *user, const struct bl_delivery *delivery) {
    struct bl_dispatcher *dispatcher = user;
    struct bl_worker_message message;
    struct bl_diag diag;

    bl_diag_clear(&diag);
    bl_arena_reset(&dispatcher->scratch);
    if (is_exhausted(dispatcher, dispatcher->acks, delivery)) {
        return;
    }
    if (bl_is_error(bl_wire_decode_ack(&delivery->message->content, &dispatcher->scratch, &message,
                                       &diag))) {
        bl_dispatcher_bury(dispatcher, dispatcher->acks, delivery->message, delivery->deliveries,
                           "schema_validation_failed", diag.message);
        return;
    }
    struct bl_live *live = message.ack == BL_ACK_ACCEPTED ? NULL : find_live(dispatcher, &message);
    if (live != NULL) {
        apply(live, &message, BL_EVENT_REJECTED, dispatcher->acks, delivery);
    } else if (message.ack != BL_ACK_ACCEPTED && delivery->deliveries < UNKNOWN_AFTER) {
        bl_delivery_settle(dispatcher->acks, delivery->message, BL_DELIVERY_NAK, AGAIN_MS);
    } else {
        bl_delivery_settle(dispatcher->acks, delivery->message, BL_DELIVERY_ACK, 0);
    }
}

static void on_consumer(void *user, bl_result result, struct bl_str problem) {
    struct bl_dispatcher *dispatcher = user;

    if (bl_is_error(result) && dispatcher->streams_are_good) {
        struct bl_log_record *record =
            bl_log_start(dispatcher->log, BL_LOG_WARN, "push", "a consumer is not there");
        bl_log_str(record, "reason", problem);
        bl_log_finish(dispatcher->log);
    }
}

/* --- records --------------------------------------------------------------------------------- */

/* A record as somebody stored it, this router included. */
static void on_record(void *user, const struct bl_delivery *delivery) {
    struct bl_dispatcher *dispatcher = user;
    struct bl_str subject = delivery->message->content.subject;
    struct bl_live *live = bl_live_find(dispatcher, subject);
    bool has_ended =
        memmem(delivery->message->content.data.data,
               delivery->message->content.data.len < 64 ? delivery->message->content.data.len : 64,
               "\"state\":\"w", 10) == NULL; /* working, waiting */

    bl_arena_reset(&dispatcher->scratch);
    if (live == NULL && has_ended) {
        return;
    }
    if (live != NULL && live->errand != NULL) {
        live->seen = delivery->sequence;
        return; /* its answer is on its way, or was lost */
    }
    if (live != NULL && (live->is_busy || delivery->sequence <= live->revision)) {
        return; /* our own, or the answer of a change is on its way */
    }
    live = bl_live_put(dispatcher, subject, delivery->message->content.data, delivery->sequence);
    if (live == NULL) {
        return;
    }
    if (live->is_abandoned && !has_ended) {
        bl_live_abandon(live);
    } else if (has_ended) {
        bl_live_drop_if_over(live);
    }
}

static void on_caught_up(void *user) {
    struct bl_dispatcher *dispatcher = user;

    dispatcher->has_caught_up = true;
    bl_dispatcher_settle_ready(dispatcher);
}

const struct bl_pull_events bl_dispatcher_result_events = {on_result, on_consumer, NULL};
const struct bl_pull_events bl_dispatcher_ack_events = {on_ack, on_consumer, NULL};
const struct bl_pull_events bl_dispatcher_reader_events = {on_record, on_consumer, on_caught_up};
