/* What workers send: requests that begin, and records that are looked for. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/dispatcher_private.h"
#include "wire/assignment.h"
#include "wire/tenant_token.h"

#define HEADERS_BYTES 1024 /* of an assignment, and of a record */
#define ASSIGN_RETRY_MS 100
#define ASSIGN_RETRY_MAX_MS 5000
#define UNAVAILABLE_RETRY_MS 2000

static void go_home(struct bl_errand *errand, bl_result result) {
    errand->result = result;
    bl_mailbox_put(errand->home, &errand->mail);
}

static void refuse(struct bl_errand *errand, bl_result result, const char *message,
                   const char *hint) {
    bl_diag_clear(&errand->diag);
    bl_diag_message(&errand->diag, "%s", message);
    bl_diag_hint(&errand->diag, "%s", hint);
    go_home(errand, result);
}

/* --- assignments ----------------------------------------------------------------------------- */

static void on_assigned(void *user, const struct bl_jetstream_ack *ack) {
    struct bl_live *live = user;
    struct bl_dispatcher *dispatcher = live->dispatcher;

    live->assigning--;
    if (bl_life_has_ended(live->state)) {
        bl_live_drop_if_over(live);
        return;
    }
    if (live->assigning > 0) {
        return; /* of an attempt before this one */
    }
    live->is_assigning = false;
    if (bl_is_ok(ack->result)) {
        live->is_assigned = true;
        live->assign_failures = 0;
        bl_live_arm(live, bl_dispatcher_now_ms() + live->attempt_time_ms);
        return;
    }
    if (live->assign_failures++ == 0 && bl_log_wants(dispatcher->log, BL_LOG_WARN)) {
        struct bl_log_record *record = bl_log_start(
            dispatcher->log, BL_LOG_WARN, "push", "an assignment is not stored; it is tried again");
        bl_log_str(record, "reason", ack->error);
        bl_log_finish(dispatcher->log);
    }
    unsigned shift = live->assign_failures < 8 ? live->assign_failures - 1 : 7;
    int64_t delay_ms = (int64_t)ASSIGN_RETRY_MS << shift;
    bl_live_arm(live, bl_dispatcher_now_ms() +
                          (delay_ms < ASSIGN_RETRY_MAX_MS ? delay_ms : ASSIGN_RETRY_MAX_MS));
}

/* The configured subject, with the provider in its place, or the request's own. */
static bool write_subject(const struct bl_dispatcher *dispatcher, const struct bl_life *life,
                          struct bl_buf *out) {
    static const char place[] = "{provider}";
    struct bl_str pattern = bl_str_is_blank(life->subject)
                                ? dispatcher->parts.config->push.assign_subject
                                : life->subject;
    const char *at = memmem(pattern.data, pattern.len, place, sizeof(place) - 1);

    if (at == NULL) {
        bl_buf_str(out, pattern);
    } else {
        size_t before = (size_t)(at - pattern.data);
        bl_buf_bytes(out, pattern.data, before);
        bl_tenant_token_write(life->attempts[life->attempt_count - 1].provider_id, out);
        bl_buf_bytes(out, at + sizeof(place) - 1, pattern.len - before - (sizeof(place) - 1));
    }
    return !out->overflowed;
}

static bl_result encode(struct bl_dispatcher *dispatcher, const struct bl_life *life,
                        struct bl_buf *out) {
    bl_buf_init(out, dispatcher->out, dispatcher->out_capacity);
    return bl_wire_encode_assignment(life, bl_dispatcher_now_ms() + life->attempt_time_ms,
                                     &dispatcher->scratch, out);
}

static bl_result publish_assignment(struct bl_live *live, struct bl_diag *diag) {
    struct bl_dispatcher *dispatcher = live->dispatcher;
    char storage[BL_BUS_SUBJECT_MAX];
    struct bl_buf subject, data;
    struct bl_life life;

    BL_TRY(bl_life_record_read((struct bl_str){live->record, live->record_len},
                               &dispatcher->scratch, &life, diag));
    bl_buf_init(&subject, storage, sizeof(storage));
    BL_TRY(encode(dispatcher, &life, &data));
    if (!write_subject(dispatcher, &life, &subject)) {
        return BL_FAIL(INVALID_REQUEST);
    }
    const struct bl_bus_header headers[] = {
        {BL_STR("Nats-Msg-Id"), bl_str_from_c(life.attempts[life.attempt_count - 1].assignment_id)},
        {BL_STR("tenant_id"), life.tenant_id},
        {BL_STR("version"), BL_STR("1")},
        {BL_STR("trace_id"), life.trace_id},
        {BL_STR("X-Trace-Id"), life.trace_id},
    };
    const struct bl_bus_outgoing message = {.subject = bl_buf_view(&subject),
                                            .headers = headers,
                                            .header_count =
                                                bl_str_is_present(life.trace_id) ? 5 : 3,
                                            .data = bl_buf_view(&data)};
    return bl_jetstream_publish(dispatcher->jetstream, &message,
                                dispatcher->parts.config->push.publish_timeout_ms, on_assigned,
                                live, diag);
}

void bl_dispatcher_assign(struct bl_live *live) {
    struct bl_diag diag;

    if (live->is_assigning) {
        return;
    }
    bl_diag_clear(&diag);
    live->is_assigning = bl_is_ok(publish_assignment(live, &diag));
    if (live->is_assigning) {
        live->assigning++;
        bl_counter_add(live->dispatcher->cells.writes, 1);
    } else {
        live->assign_failures++;
        bl_live_arm(live, bl_dispatcher_now_ms() + ASSIGN_RETRY_MAX_MS);
    }
}

/* --- intents --------------------------------------------------------------------------------- */

static void tell_over_nats(struct bl_dispatcher *dispatcher, const struct bl_errand *errand) {
    const struct bl_bus_outgoing reply = {.subject = errand->reply_subject, .data = errand->reply};
    struct bl_diag diag;

    bl_diag_clear(&diag);
    if (bl_str_is_present(errand->reply_subject) &&
        bl_is_error(bl_bus_publish(dispatcher->bus, &reply, &diag))) {
        bl_log_diag(dispatcher->log, BL_LOG_WARN, "push",
                    "a reply could not be sent; its intent is stored", NULL, &diag);
    }
}

static void on_intent(void *user, const struct bl_jetstream_ack *ack) {
    struct bl_live *live = user;
    struct bl_dispatcher *dispatcher = live->dispatcher;
    struct bl_errand *errand = live->errand;
    bool may_be_stored =
        ack->result.error == BL_E_DEADLINE_EXCEEDED || ack->result.error == BL_E_UNAVAILABLE;

    dispatcher->storing--;
    live->errand = NULL;
    bl_arena_reset(&dispatcher->scratch);
    if (bl_is_ok(ack->result) || live->seen > 0) { /* read back, it is stored */
        live->revision = bl_is_ok(ack->result) ? ack->sequence : live->seen;
        bl_counter_add(dispatcher->cells.pushed, 1);
        tell_over_nats(dispatcher, errand); /* before the assignment, on the same connection */
        go_home(errand, BL_OK);
        bl_dispatcher_assign(live);
        return;
    }
    char text[256];
    (void)snprintf(text, sizeof(text), "the intent could not be stored: %.*s",
                   BL_STR_ARG(ack->error));
    refuse(errand, BL_FAIL(UNAVAILABLE), text, "ask again; nothing was assigned");
    if (may_be_stored) {
        bl_live_abandon(live);
    } else {
        bl_live_drop(live);
    }
}

/* The record with its headers has to fit a message, also with a result in it. The assignment then does:
 * all it says is in the record. */
static bool check_size(struct bl_dispatcher *dispatcher, struct bl_errand *errand,
                       const struct bl_buf *record) {
    size_t max = bl_bus_max_payload(dispatcher->bus);

    if (!record->overflowed &&
        record->len + BL_LIFE_RECORD_OVERHEAD + BL_LIFE_RESULT_MAX_BYTES + HEADERS_BYTES <= max) {
        return true;
    }
    bl_diag_clear(&errand->diag);
    bl_diag_message(&errand->diag,
                    "the request is too large to be pushed: the NATS server takes messages of %zu "
                    "bytes",
                    max);
    bl_diag_hint(&errand->diag, "store the payload elsewhere and send payload_ref");
    go_home(errand, BL_FAIL(INVALID_REQUEST));
    return false;
}

static bl_result store(struct bl_live *live, struct bl_diag *diag) {
    const struct bl_bus_header headers[] = {
        {BL_STR("Nats-Expected-Last-Subject-Sequence"), BL_STR("0")}};
    const struct bl_bus_outgoing message = {.subject = bl_str_from_c(live->subject),
                                            .headers = headers,
                                            .header_count = 1,
                                            .data = {live->record, live->record_len}};
    return bl_jetstream_publish(live->dispatcher->jetstream, &message,
                                live->dispatcher->parts.config->push.publish_timeout_ms, on_intent,
                                live, diag);
}

static void push(struct bl_dispatcher *dispatcher, struct bl_errand *errand) {
    char storage[BL_LIFE_SUBJECT_MAX];
    struct bl_life life = *errand->life;
    struct bl_buf subject, record;
    struct bl_diag diag;

    if (!atomic_load(&dispatcher->is_ready)) {
        refuse(errand, BL_FAIL(UNAVAILABLE),
               dispatcher->problem[0] != '\0' ? dispatcher->problem
                                              : "the router is not connected to JetStream yet",
               "ask again, or leave push_assignment out to get the decision alone");
        return;
    }
    if (dispatcher->live_count >= dispatcher->parts.config->push.max_live) {
        refuse(errand, BL_FAIL(SERVICE_OVERLOADED), "too many pushed requests are under way",
               "ask again later; push.max_live is the limit");
        return;
    }
    life.owner = bl_str_from_c(dispatcher->instance);
    bl_buf_init(&record, dispatcher->record_out, dispatcher->out_capacity);
    bl_life_record_write(&life, &record);
    if (!check_size(dispatcher, errand, &record)) {
        return;
    }
    bl_buf_init(&subject, storage, sizeof(storage));
    bl_life_subject(dispatcher, &life, &subject);
    struct bl_live *live = bl_live_put(dispatcher, bl_buf_view(&subject), bl_buf_view(&record), 0);
    bl_diag_clear(&diag);
    bl_result result = live == NULL ? BL_FAIL(RESOURCE_EXHAUSTED) : store(live, &diag);
    if (bl_is_error(result)) {
        if (live != NULL) {
            bl_live_drop(live);
        }
        refuse(errand, BL_FAIL(UNAVAILABLE),
               diag.message[0] != '\0' ? diag.message : "no memory for another pushed request",
               "ask again");
        return;
    }
    live->errand = errand;
    dispatcher->storing++;
    bl_counter_add(dispatcher->cells.writes, 1);
}

/* --- looking --------------------------------------------------------------------------------- */

static void keep_found(struct bl_errand *errand, struct bl_str record) {
    char *copy = malloc(record.len + 1);

    if (copy == NULL) {
        refuse(errand, BL_FAIL(RESOURCE_EXHAUSTED), "out of memory", "ask again");
        return;
    }
    memcpy(copy, record.data, record.len);
    errand->found = (struct bl_str){copy, record.len};
    go_home(errand, BL_OK);
}

static void on_found(void *user, bl_result result, const struct bl_stored *found) {
    struct bl_errand *errand = user;

    if (bl_is_error(result)) {
        refuse(errand, BL_FAIL(UNAVAILABLE), "the records cannot be read", "ask again");
    } else if (found == NULL) {
        errand->found = BL_STR_ABSENT;
        go_home(errand, BL_OK);
    } else {
        keep_found(errand, found->data);
    }
}

/* By admission id where there is one; else by the digests that stand in the subject. */
static void write_pattern(const struct bl_dispatcher *dispatcher, const struct bl_life *life,
                          bool by_admission, struct bl_buf *buf) {
    bl_buf_literal(buf, "$KV.");
    bl_buf_str(buf, dispatcher->parts.config->push.bucket);
    if (by_admission) {
        bl_buf_char(buf, '.');
        bl_buf_str(buf, life->decision); /* the id as it was sent */
        bl_buf_literal(buf, ".*.*.*");
    } else {
        bl_buf_literal(buf, ".*.*.");
        bool by_message = bl_str_is_present(life->message_id);
        if (by_message) {
            bl_buf_literal(buf, "*.");
        }
        bl_life_digest(life->tenant_id, by_message ? life->message_id : life->request_id, buf);
        if (!by_message) {
            bl_buf_literal(buf, ".*");
        }
    }
}

static void find(struct bl_dispatcher *dispatcher, struct bl_errand *errand) {
    char storage[BL_LIFE_SUBJECT_MAX];
    struct bl_buf pattern;
    struct bl_diag diag;

    bl_diag_clear(&diag);
    bl_buf_init(&pattern, storage, sizeof(storage));
    write_pattern(dispatcher, errand->life, bl_str_is_present(errand->life->decision), &pattern);
    if (pattern.overflowed ||
        bl_is_error(bl_jetstream_get(
            dispatcher->jetstream, dispatcher->streams[BL_STREAM_LIVES].name, bl_buf_view(&pattern),
            dispatcher->parts.config->push.publish_timeout_ms, on_found, errand, &diag))) {
        refuse(errand, BL_FAIL(UNAVAILABLE), "the records cannot be read", "ask again");
    }
}

void bl_dispatcher_on_mail(void *user) {
    struct bl_dispatcher *dispatcher = user;
    struct bl_mail *next;

    for (struct bl_mail *mail = bl_mailbox_take(&dispatcher->mailbox); mail != NULL; mail = next) {
        struct bl_errand *errand = (struct bl_errand *)(void *)mail;
        next = mail->next;
        bl_arena_reset(&dispatcher->scratch);
        if (errand->kind == BL_ERRAND_PUSH) {
            push(dispatcher, errand);
        } else {
            find(dispatcher, errand);
        }
    }
}
