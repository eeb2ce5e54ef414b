/* The lives that have not ended, by the subjects of their records and the ids of their assignments. */
#include <stdlib.h>
#include <string.h>

#include "app/dispatcher_private.h"
#include "base/siphash.h"
#include "base/text.h"
#include "net/clock.h"

int64_t bl_dispatcher_now_ms(void) {
    return (int64_t)(bl_clock_wall_ns() / 1000000);
}

void bl_life_digest(struct bl_str tenant_id, struct bl_str id, struct bl_buf *buf) {
    static const uint8_t key[BL_SIPHASH_KEY_BYTES] = "beamline.lives"; /* no secret: a short name */
    struct bl_siphash state;

    if (bl_str_is_blank(id)) {
        bl_buf_char(buf, '-');
        return;
    }
    bl_siphash_begin(&state, key);
    bl_siphash_add_piece(&state, tenant_id.data, tenant_id.len);
    bl_siphash_add_piece(&state, id.data, id.len);
    uint64_t digest = bl_siphash_end(&state);
    bl_hex_write(buf, &digest, sizeof(digest));
}

void bl_life_subject(const struct bl_dispatcher *dispatcher, const struct bl_life *life,
                     struct bl_buf *buf) {
    bl_buf_literal(buf, "$KV.");
    bl_buf_str(buf, dispatcher->parts.config->push.bucket);
    bl_buf_char(buf, '.');
    bl_hex_write(buf, life->admission_id, sizeof(life->admission_id));
    bl_buf_char(buf, '.');
    bl_buf_bytes(buf, life->attempts[0].assignment_id, BL_ASSIGNMENT_FAMILY_CHARS);
    bl_buf_char(buf, '.');
    bl_life_digest(life->tenant_id, life->request_id, buf);
    bl_buf_char(buf, '.');
    bl_life_digest(life->tenant_id, life->message_id, buf);
}

struct bl_live *bl_live_find(struct bl_dispatcher *dispatcher, struct bl_str subject) {
    union bl_map_value *value = bl_map_find(&dispatcher->by_subject, subject);
    return value == NULL ? NULL : value->pointer;
}

struct bl_live *bl_live_of_assignment(struct bl_dispatcher *dispatcher,
                                      struct bl_str assignment_id) {
    union bl_map_value *value = bl_map_find(&dispatcher->by_assignment, assignment_id);
    return value == NULL ? NULL : value->pointer;
}

bool bl_live_is_ours(const struct bl_live *live) {
    return strcmp(live->owner, live->dispatcher->instance) == 0;
}

static void copy_text(char *out, size_t capacity, struct bl_str text) {
    size_t len = text.len < capacity - 1 ? text.len : capacity - 1;

    memcpy(out, text.data, len);
    out[len] = '\0';
}

/* What is looked at often, from the record. */
static bool take_over(struct bl_live *live, const struct bl_life *life) {
    struct bl_dispatcher *dispatcher = live->dispatcher;

    if (life->attempt_count != live->attempt_count || life->state != live->state) {
        live->is_assigned = false;
        live->is_assigning = false;
        live->assign_failures = 0;
    }
    live->state = life->state;
    live->not_before_ms = life->not_before_ms;
    live->attempt_time_ms = life->attempt_time_ms;
    live->ends_at_ms = life->ends_at_ms;
    if (bl_str_is_present(life->owner)) {
        copy_text(live->owner, sizeof(live->owner), life->owner);
    }
    for (; live->attempt_count < life->attempt_count; live->attempt_count++) {
        char *id = live->assignment_ids[live->attempt_count];
        memcpy(id, life->attempts[live->attempt_count].assignment_id, BL_ASSIGNMENT_ID_CHARS + 1);
        if (bl_is_error(bl_map_put(&dispatcher->by_assignment, bl_str_from_c(id),
                                   (union bl_map_value){.pointer = live}))) {
            return false;
        }
    }
    return true;
}

static struct bl_live *create(struct bl_dispatcher *dispatcher, struct bl_str subject) {
    struct bl_live *live =
        dispatcher->live_count < dispatcher->by_subject.capacity ? calloc(1, sizeof(*live)) : NULL;

    if (live == NULL || subject.len >= sizeof(live->subject)) {
        free(live);
        return NULL;
    }
    live->dispatcher = dispatcher;
    copy_text(live->subject, sizeof(live->subject), subject);
    live->next = dispatcher->first;
    if (dispatcher->first != NULL) {
        dispatcher->first->previous = live;
    }
    dispatcher->first = live;
    dispatcher->live_count++;
    if (bl_is_error(bl_map_put(&dispatcher->by_subject, bl_str_from_c(live->subject),
                               (union bl_map_value){.pointer = live}))) {
        bl_live_drop(live);
        return NULL;
    }
    return live;
}

struct bl_live *bl_live_put(struct bl_dispatcher *dispatcher, struct bl_str subject,
                            struct bl_str record, uint64_t revision) {
    struct bl_live *live = bl_live_find(dispatcher, subject);
    bool is_new = live == NULL;
    struct bl_life life;
    struct bl_diag diag;

    bl_diag_clear(&diag);
    if (bl_is_error(bl_life_record_read(record, &dispatcher->scratch, &life, &diag))) {
        bl_log_diag(dispatcher->log, BL_LOG_ERROR, "push",
                    "a record cannot be read; it is left alone", NULL, &diag);
        return NULL;
    }
    char *copy = malloc(record.len);
    live = is_new && copy != NULL ? create(dispatcher, subject) : live;
    if (copy == NULL || live == NULL) {
        free(copy);
        return NULL;
    }
    memcpy(copy, record.data, record.len);
    free(live->record);
    live->record = copy;
    live->record_len = record.len;
    live->revision = revision;
    if (!take_over(live, &life) && is_new) {
        bl_live_drop(live);
        return NULL;
    }
    return live;
}

void bl_live_drop(struct bl_live *live) {
    struct bl_dispatcher *dispatcher = live->dispatcher;

    (void)bl_wheel_disarm(&dispatcher->wheel, &live->timer);
    for (unsigned i = 0; i < live->attempt_count; i++) {
        (void)bl_map_remove(&dispatcher->by_assignment, bl_str_from_c(live->assignment_ids[i]),
                            NULL);
    }
    (void)bl_map_remove(&dispatcher->by_subject, bl_str_from_c(live->subject), NULL);
    if (live->previous != NULL) {
        live->previous->next = live->next;
    } else {
        dispatcher->first = live->next;
    }
    if (live->next != NULL) {
        live->next->previous = live->previous;
    }
    dispatcher->live_count--;
    free(live->record);
    free(live->changed);
    free(live);
}

void bl_live_drop_if_over(struct bl_live *live) {
    if (bl_life_has_ended(live->state) && live->assigning == 0 && !live->is_busy) {
        bl_live_drop(live);
    }
}

/* --- time ------------------------------------------------------------------------------------ */

static void set_tick(struct bl_dispatcher *dispatcher) {
    int64_t due_ms = bl_wheel_next_due(&dispatcher->wheel);

    if (due_ms != INT64_MAX) {
        int64_t delay_ms = due_ms - (int64_t)(bl_clock_monotonic_ns() / 1000000);
        bl_timer_start(dispatcher->tick, delay_ms > 0 ? (uint64_t)delay_ms : 0, 0);
    }
}

/* Deadlines of records are the clock's on the wall; the wheel turns by the one that does not jump. */
void bl_live_arm(struct bl_live *live, int64_t at_ms) {
    struct bl_dispatcher *dispatcher = live->dispatcher;
    int64_t delay_ms = at_ms - bl_dispatcher_now_ms();

    bl_wheel_arm(&dispatcher->wheel, &live->timer,
                 (int64_t)(bl_clock_monotonic_ns() / 1000000) + (delay_ms > 0 ? delay_ms : 0));
    set_tick(dispatcher);
}

static struct bl_live *live_of(struct bl_wheel_entry *entry) {
    return (struct bl_live *)(void *)((char *)entry - offsetof(struct bl_live, timer));
}

static void come_due(struct bl_live *live) {
    struct bl_life_event event = {.kind = BL_EVENT_TIMEOUT, .attempt = live->attempt_count - 1};

    if (live->is_abandoned) {
        bl_live_check_abandoned(live);
        return;
    }
    if (!bl_live_is_ours(live) || bl_life_has_ended(live->state)) {
        return;
    }
    if (live->state == BL_LIFE_WAITING) {
        event.kind = BL_EVENT_DUE;
    } else if (!live->is_assigned && bl_dispatcher_now_ms() < live->ends_at_ms) {
        bl_dispatcher_assign(live);
        return;
    }
    if (!bl_live_apply(live, &event, NULL, NULL, NULL)) {
        bl_live_arm(live, bl_dispatcher_now_ms() + 100); /* a change is on its way */
    }
}

void bl_dispatcher_on_tick(void *user) {
    struct bl_dispatcher *dispatcher = user;
    struct bl_wheel_entry *entry;

    bl_wheel_advance(&dispatcher->wheel, (int64_t)(bl_clock_monotonic_ns() / 1000000));
    while ((entry = bl_wheel_pop(&dispatcher->wheel)) != NULL) {
        bl_arena_reset(&dispatcher->scratch);
        come_due(live_of(entry));
    }
    set_tick(dispatcher);
}
