/*
 * Events, and what they come to: read the record, step, meter, commit by compare-and-set, then do
 * what the step asks for. A life has one change on its way at a time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/dispatcher_private.h"
#include "base/siphash.h"
#include "wire/assignment.h"
#include "wire/decide_request.h"

#define AGAIN_MS 1000 /* after something was away */
#define ABANDONED_MS 3000

/* --- which attempt follows ------------------------------------------------------------------- */

struct chooser {
    struct bl_dispatcher *dispatcher;
    const struct bl_policy *policy;
    struct bl_decide_request decoded;
};

static struct bl_str provider_id(void *user, bl_provider_index provider) {
    const struct chooser *chooser = user;
    return chooser->policy->providers[provider].id;
}

static struct bl_next_attempt next_attempt(void *user, const struct bl_life *life,
                                           const struct bl_error_class *error) {
    static const struct bl_next_attempt nothing = {.provider = BL_PROVIDER_NONE, .fallback = -1};
    struct chooser *chooser = user;
    struct bl_dispatcher *dispatcher = chooser->dispatcher;
    const struct bl_snapshot *snapshot = dispatcher->snapshot;
    const struct bl_message message = {.subject = BL_STR(""), .data = life->request};
    struct bl_attempt_past past[BL_ATTEMPTS_MAX];
    struct bl_refusal refusal;

    chooser->policy = bl_catalog_find(snapshot->catalog, life->tenant_id, life->policy_id);
    if (chooser->policy == NULL ||
        bl_is_error(bl_wire_decode_decide(&message, life->request_id, &snapshot->limits,
                                          &dispatcher->scratch, &chooser->decoded, &refusal))) {
        return nothing; /* the policy is gone */
    }
    for (unsigned i = 0; i < life->attempt_count; i++) {
        past[i] = (struct bl_attempt_past){life->attempts[i].provider_id, life->attempts[i].reason,
                                           life->attempts[i].fallback};
    }
    const struct bl_fact_source source = {.request = &chooser->decoded.request,
                                          .tenant_id = life->tenant_id,
                                          .attributes = &snapshot->attributes,
                                          .now_ns = bl_dispatcher_now_ms() * 1000000};
    uint64_t seed = bl_decision_seed(dispatcher->parts.key, life->admission_id,
                                     chooser->policy->content_hash, life->attempt_count + 1);
    return bl_flow_next_attempt(chooser->policy, &source, past, life->attempt_count, error, seed,
                                &dispatcher->scratch);
}

/* --- the end of a change --------------------------------------------------------------------- */

static void release_message(struct bl_live *live) {
    if (live->message != NULL) {
        bl_bus_message_release(live->dispatcher->bus, live->message);
        live->message = NULL;
        live->pull = NULL;
    }
}

static void forget_change(struct bl_live *live) {
    free(live->changed);
    live->changed = NULL;
    live->is_busy = false;
    release_message(live);
}

/* What caused it comes again: the delivery by the broker, what was due by its timer. */
static void give_up(struct bl_live *live) {
    if (live->message != NULL) {
        bl_delivery_settle(live->pull, live->message, BL_DELIVERY_NAK, AGAIN_MS);
    } else {
        bl_live_arm(live, bl_dispatcher_now_ms() + AGAIN_MS);
    }
    forget_change(live);
}

static bool publish_stored(struct bl_dispatcher *dispatcher, struct bl_str subject,
                           struct bl_str id, struct bl_str data, bl_jetstream_ack_fn on_ack,
                           void *user) {
    const struct bl_bus_header headers[] = {{BL_STR("Nats-Msg-Id"), id}};
    const struct bl_bus_outgoing message = {
        .subject = subject, .headers = headers, .header_count = 1, .data = data};
    struct bl_diag diag;

    bl_diag_clear(&diag);
    bl_counter_add(dispatcher->cells.writes, 1);
    return bl_is_ok(bl_jetstream_publish(dispatcher->jetstream, &message,
                                         dispatcher->parts.config->push.publish_timeout_ms, on_ack,
                                         user, &diag));
}

static void on_told(void *user, const struct bl_jetstream_ack *ack) {
    struct bl_dispatcher *dispatcher = user;

    if (bl_is_error(ack->result) && bl_log_wants(dispatcher->log, BL_LOG_WARN)) {
        struct bl_log_record *record = bl_log_start(dispatcher->log, BL_LOG_WARN, "push",
                                                    "an end could not be told; it is stored");
        bl_log_str(record, "reason", ack->error);
        bl_log_finish(dispatcher->log);
    }
}

/* The end, to who listens: if they asked to be told, and where the operator wants all of them. */
static void tell_end(struct bl_live *live) {
    struct bl_dispatcher *dispatcher = live->dispatcher;
    struct bl_str everyone = dispatcher->parts.config->push.completed_subject;
    char id[BL_LIFE_SUBJECT_MAX];
    struct bl_life life;
    struct bl_diag diag;
    struct bl_buf data;

    bl_diag_clear(&diag);
    if ((bl_str_is_blank(everyone) && !live->has_notify) ||
        bl_is_error(bl_life_record_read((struct bl_str){live->record, live->record_len},
                                        &dispatcher->scratch, &life, &diag))) {
        return;
    }
    bl_buf_init(&data, dispatcher->out, dispatcher->out_capacity);
    bl_wire_encode_completion(&life, &data);
    (void)snprintf(id, sizeof(id), "done-%s", live->assignment_ids[0]);
    if (!bl_str_is_blank(everyone)) {
        (void)publish_stored(dispatcher, everyone, bl_str_from_c(id), bl_buf_view(&data), on_told,
                             dispatcher);
    }
    if (!bl_str_is_blank(life.notify)) {
        const struct bl_bus_outgoing message = {.subject = life.notify, .data = bl_buf_view(&data)};
        if (bl_is_error(bl_bus_publish(dispatcher->bus, &message, &diag))) {
            bl_log_diag(dispatcher->log, BL_LOG_WARN, "push", "an end could not be told", NULL,
                        &diag);
        }
    }
}

static void tell_cancel(struct bl_live *live) {
    struct bl_dispatcher *dispatcher = live->dispatcher;
    char text[96];
    int len = snprintf(text, sizeof(text), "{\"version\":\"1\",\"assignment_id\":\"%s\"}",
                       live->assignment_ids[live->attempt_count - 1]);
    const struct bl_bus_outgoing message = {
        .subject = dispatcher->parts.config->push.cancel_subject, .data = {text, (size_t)len}};
    struct bl_diag diag;

    bl_diag_clear(&diag);
    if (bl_is_error(bl_bus_publish(dispatcher->bus, &message, &diag))) {
        bl_log_diag(dispatcher->log, BL_LOG_WARN, "push", "a cancel could not be sent", NULL,
                    &diag);
    }
}

/* After the commit. */
static void carry_out(struct bl_live *live, struct bl_life_effects effects) {
    if (effects.cancel) {
        tell_cancel(live);
    }
    if (effects.ended) {
        tell_end(live);
    }
    if (bl_life_has_ended(live->state)) {
        bl_live_drop_if_over(live);
        return;
    }
    if (live->state == BL_LIFE_WAITING) {
        bl_live_arm(live, live->not_before_ms);
    } else if (effects.publish) {
        bl_dispatcher_assign(live);
    }
}

/* --- the commit ------------------------------------------------------------------------------ */

static void on_committed(void *user, const struct bl_jetstream_ack *ack);

static void commit(struct bl_live *live) {
    struct bl_dispatcher *dispatcher = live->dispatcher;
    char text[24];
    int len = snprintf(text, sizeof(text), "%" PRIu64, live->revision);
    const struct bl_bus_header headers[] = {
        {BL_STR("Nats-Expected-Last-Subject-Sequence"), {text, (size_t)len}}};
    const struct bl_bus_outgoing message = {.subject = bl_str_from_c(live->subject),
                                            .headers = headers,
                                            .header_count = 1,
                                            .data = {live->changed, live->changed_len}};
    struct bl_diag diag;

    bl_diag_clear(&diag);
    bl_counter_add(dispatcher->cells.writes, 1);
    if (bl_is_error(bl_jetstream_publish(dispatcher->jetstream, &message,
                                         dispatcher->parts.config->push.publish_timeout_ms,
                                         on_committed, live, &diag))) {
        give_up(live);
    }
}

/* Somebody else has moved it: what is stored counts, and what caused this change is looked at anew. */
static void on_reread(void *user, bl_result result, const struct bl_stored *found) {
    struct bl_live *live = user;
    struct bl_dispatcher *dispatcher = live->dispatcher;

    bl_arena_reset(&dispatcher->scratch);
    if (bl_is_ok(result) && found != NULL) {
        (void)bl_live_put(dispatcher, found->subject, found->data, found->sequence);
    }
    give_up(live);
    bl_live_drop_if_over(live);
}

static void reread(struct bl_live *live) {
    struct bl_dispatcher *dispatcher = live->dispatcher;
    struct bl_diag diag;

    bl_diag_clear(&diag);
    if (bl_is_error(bl_jetstream_get(
            dispatcher->jetstream, dispatcher->streams[BL_STREAM_LIVES].name,
            bl_str_from_c(live->subject), dispatcher->parts.config->push.publish_timeout_ms,
            on_reread, live, &diag))) {
        give_up(live);
    }
}

static void on_committed(void *user, const struct bl_jetstream_ack *ack) {
    struct bl_live *live = user;
    struct bl_dispatcher *dispatcher = live->dispatcher;
    struct bl_life_effects effects = live->effects;

    bl_arena_reset(&dispatcher->scratch);
    if (ack->result.error == BL_E_PRECONDITION_FAILED) {
        reread(live);
        return;
    }
    if (bl_is_error(ack->result)) {
        give_up(live);
        return;
    }
    struct bl_str changed = {live->changed, live->changed_len};
    if (effects.ended) {
        live->state = live->next_state; /* nobody asks more of it than to be told */
        free(live->record);
        live->record = live->changed;
        live->record_len = live->changed_len;
        live->changed = NULL;
    } else if (bl_live_put(dispatcher, bl_str_from_c(live->subject), changed, ack->sequence) ==
               NULL) {
        give_up(live);
        return;
    }
    if (live->message != NULL) {
        bl_delivery_settle(live->pull, live->message, BL_DELIVERY_ACK, 0);
    }
    forget_change(live);
    carry_out(live, effects);
}

static void on_metered(void *user, const struct bl_jetstream_ack *ack) {
    struct bl_live *live = user;

    if (bl_is_error(ack->result)) {
        give_up(live);
        return;
    }
    if (!ack->is_duplicate) {
        bl_counter_add(live->dispatcher->cells.usage, 1);
    }
    commit(live);
}

static void meter(struct bl_live *live, const struct bl_life *life,
                  const struct bl_worker_message *message) {
    struct bl_dispatcher *dispatcher = live->dispatcher;
    unsigned attempt = live->effects.metered;
    char id[BL_ASSIGNMENT_ID_CHARS + 8];
    struct bl_buf data;

    bl_buf_init(&data, dispatcher->out, dispatcher->out_capacity);
    bl_wire_encode_usage(life, attempt, live->effects.is_late, message, bl_dispatcher_now_ms(),
                         &data);
    (void)snprintf(id, sizeof(id), "usage-%s", life->attempts[attempt].assignment_id);
    if (!publish_stored(dispatcher, dispatcher->parts.config->push.usage_subject, bl_str_from_c(id),
                        bl_buf_view(&data), on_metered, live)) {
        give_up(live);
    }
}

/* --- events ---------------------------------------------------------------------------------- */

/* Nothing changes: what was delivered is done with. */
static void settle_unchanged(struct bl_live *live, enum bl_life_verdict verdict,
                             struct bl_pull *pull, const struct bl_delivery *delivery) {
    if (delivery == NULL) {
        return;
    }
    if (verdict == BL_LIFE_CONFLICT) {
        bl_dispatcher_bury(live->dispatcher, pull, delivery->message, delivery->deliveries,
                           "result_conflict",
                           "another result of this assignment was counted before");
        return;
    }
    bl_delivery_settle(pull, delivery->message, BL_DELIVERY_ACK, 0);
}

static bool begin_change(struct bl_live *live, const struct bl_life *life, struct bl_pull *pull,
                         const struct bl_delivery *delivery) {
    struct bl_dispatcher *dispatcher = live->dispatcher;
    struct bl_buf record;

    bl_buf_init(&record, dispatcher->out, dispatcher->out_capacity);
    bl_life_record_write(life, &record);
    live->changed = record.overflowed ? NULL : malloc(record.len);
    if (live->changed == NULL) {
        return false;
    }
    memcpy(live->changed, record.data, record.len);
    live->changed_len = record.len;
    live->next_state = life->state;
    live->has_notify = !bl_str_is_blank(life->notify);
    live->is_busy = true;
    if (delivery != NULL) {
        bl_bus_message_hold(dispatcher->bus, delivery->message);
        live->message = delivery->message;
        live->pull = pull;
        live->deliveries = delivery->deliveries;
    }
    return true;
}

bool bl_live_apply(struct bl_live *live, const struct bl_life_event *event,
                   const struct bl_worker_message *message, struct bl_pull *pull,
                   const struct bl_delivery *delivery) {
    struct bl_dispatcher *dispatcher = live->dispatcher;
    struct chooser chooser = {.dispatcher = dispatcher};
    const struct bl_life_policy policy = {next_attempt, provider_id, &chooser};
    struct bl_life_effects effects;
    struct bl_life life;
    struct bl_diag diag;

    bl_diag_clear(&diag);
    if (live->is_busy || live->revision == 0 ||
        bl_is_error(bl_life_record_read((struct bl_str){live->record, live->record_len},
                                        &dispatcher->scratch, &life, &diag))) {
        return false;
    }
    enum bl_life_verdict verdict = bl_life_step(&life, event, bl_dispatcher_now_ms(),
                                                dispatcher->parts.key, &policy, &effects);
    if (verdict != BL_LIFE_MOVED) {
        settle_unchanged(live, verdict, pull, delivery);
        return true;
    }
    if (!begin_change(live, &life, pull, delivery)) {
        return false;
    }
    live->effects = effects;
    if (effects.meter) {
        meter(live, &life, message);
    } else {
        commit(live);
    }
    return true;
}

/* A change of the record that is no event of its life. */
static void rewrite(struct bl_live *live, bool is_cancelled) {
    struct bl_dispatcher *dispatcher = live->dispatcher;
    struct bl_life life;
    struct bl_diag diag;

    bl_diag_clear(&diag);
    if (live->is_busy ||
        bl_is_error(bl_life_record_read((struct bl_str){live->record, live->record_len},
                                        &dispatcher->scratch, &life, &diag))) {
        return;
    }
    life.owner = bl_str_from_c(dispatcher->instance);
    life.updated_ms = bl_dispatcher_now_ms();
    if (is_cancelled) {
        life.state = BL_LIFE_CANCELLED;
        life.attempts[life.attempt_count - 1].status = BL_ATTEMPT_CANCELLED;
    }
    if (begin_change(live, &life, NULL, NULL)) {
        live->effects = (struct bl_life_effects){.publish = life.state == BL_LIFE_WORKING};
        commit(live);
    }
}

void bl_live_adopt(struct bl_live *live) {
    rewrite(live, false);
}

/* Its sender was told that nothing was assigned: so nothing must be, should the intent be there after
 * all. The reader tells when it is. */
void bl_live_abandon(struct bl_live *live) {
    live->is_abandoned = true;
    bl_live_arm(live, bl_dispatcher_now_ms() + ABANDONED_MS); /* whether this works or not */
    if (live->revision > 0) {
        rewrite(live, true);
    }
}

static void on_checked(void *user, bl_result result, const struct bl_stored *found) {
    struct bl_live *live = user;
    struct bl_dispatcher *dispatcher = live->dispatcher;

    live->is_busy = false;
    bl_arena_reset(&dispatcher->scratch);
    if (bl_is_ok(result) && found == NULL) {
        bl_live_drop(live); /* it was not stored, and its message is gone with the connection */
        return;
    }
    if (bl_is_ok(result)) {
        (void)bl_live_put(dispatcher, found->subject, found->data, found->sequence);
    }
    if (bl_life_has_ended(live->state)) {
        bl_live_drop_if_over(live);
    } else {
        bl_live_abandon(live);
    }
}

void bl_live_check_abandoned(struct bl_live *live) {
    struct bl_dispatcher *dispatcher = live->dispatcher;
    struct bl_diag diag;

    bl_diag_clear(&diag);
    live->is_busy =
        live->is_busy ||
        bl_is_ok(bl_jetstream_get(dispatcher->jetstream, dispatcher->streams[BL_STREAM_LIVES].name,
                                  bl_str_from_c(live->subject),
                                  dispatcher->parts.config->push.publish_timeout_ms, on_checked,
                                  live, &diag));
    bl_live_arm(live, bl_dispatcher_now_ms() + ABANDONED_MS);
}
