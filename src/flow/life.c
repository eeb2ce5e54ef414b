#include "flow/life.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "base/siphash.h"

static const char *const state_words[BL_LIFE_STATE_COUNT] = {"working", "waiting", "done", "failed",
                                                             "cancelled"};
static const char *const status_words[BL_ATTEMPT_STATUS_COUNT] = {
    "pending", "success", "error", "rejected", "timeout", "cancelled"};

/* The drawing in life.h as a table: which state may follow which. */
static const uint8_t may_follow[BL_LIFE_STATE_COUNT] = {
    [BL_LIFE_WORKING] = 1 << BL_LIFE_WORKING | 1 << BL_LIFE_WAITING | 1 << BL_LIFE_DONE |
                        1 << BL_LIFE_FAILED | 1 << BL_LIFE_CANCELLED,
    [BL_LIFE_WAITING] = 1 << BL_LIFE_WORKING | 1 << BL_LIFE_FAILED | 1 << BL_LIFE_CANCELLED,
};

const char *bl_life_state_word(enum bl_life_state state) {
    return state_words[state];
}

const char *bl_attempt_status_word(enum bl_attempt_status status) {
    return status_words[status];
}

static void digest_named(const uint8_t key[16], const uint8_t admission_id[16], unsigned attempt,
                         uint8_t out[16]) {
    uint8_t named[18] = "a";
    uint64_t digest[2];

    memcpy(named + 1, admission_id, 16);
    named[17] = (uint8_t)attempt;
    bl_siphash128(key, named, sizeof(named), digest);
    memcpy(out, digest, 16);
}

/* The last two bytes of an attempt's id: drawn, and moved on past those of the attempts before. */
static uint16_t tail_of(const uint8_t key[16], const uint8_t admission_id[16], unsigned attempt) {
    uint16_t tails[BL_ATTEMPTS_MAX];
    uint8_t own[16];

    assert(attempt > 0 && attempt <= BL_ATTEMPTS_MAX);
    for (unsigned i = 0; i < attempt; i++) {
        digest_named(key, admission_id, i + 1, own);
        tails[i] = (uint16_t)(own[14] << 8 | own[15]);
        for (unsigned k = 0; k < i; k++) {
            if (tails[k] == tails[i]) {
                tails[i]++;
                k = UINT_MAX; /* from the first again */
            }
        }
    }
    return tails[attempt - 1];
}

void bl_assignment_id(const uint8_t key[16], const uint8_t admission_id[16], unsigned attempt,
                      char out[BL_ASSIGNMENT_ID_CHARS + 1]) {
    static const char digits[] = "0123456789abcdef";
    uint16_t tail = tail_of(key, admission_id, attempt);
    uint8_t family[16];
    char *at = out;

    digest_named(key, admission_id, 0, family);
    family[14] = (uint8_t)(tail >> 8);
    family[15] = (uint8_t)tail;
    family[6] = (uint8_t)((family[6] & 0x0f) | 0x40); /* version 4 */
    family[8] = (uint8_t)((family[8] & 0x3f) | 0x80); /* variant of RFC 4122 */
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *at++ = '-';
        }
        *at++ = digits[family[i] >> 4];
        *at++ = digits[family[i] & 15];
    }
    *at = '\0';
}

int bl_life_find_attempt(const struct bl_life *life, struct bl_str assignment_id) {
    for (unsigned i = 0; i < life->attempt_count; i++) {
        if (bl_str_equal_c(assignment_id, life->attempts[i].assignment_id)) {
            return (int)i;
        }
    }
    return -1;
}

/* --- moves ----------------------------------------------------------------------------------- */

static void move_to(struct bl_life *life, enum bl_life_state state,
                    struct bl_life_effects *effects) {
    assert((may_follow[life->state] & 1 << state) != 0);
    life->state = state;
    effects->ended = bl_life_has_ended(state);
}

static void begin_attempt(struct bl_life *life, const struct bl_next_attempt *next,
                          const uint8_t key[16], const struct bl_life_policy *policy,
                          struct bl_life_effects *effects, int64_t now_ms) {
    struct bl_attempt *attempt = &life->attempts[life->attempt_count++];

    *attempt = (struct bl_attempt){
        .provider_id = policy->provider_id(policy->user, next->provider),
        .reason = next->reason,
        .fallback = next->fallback,
        .status = BL_ATTEMPT_PENDING,
        .error_code = BL_STR_ABSENT,
        .latency_ms = -1,
        .cost_nano = BL_MONEY_UNKNOWN,
    };
    bl_assignment_id(key, life->admission_id, life->attempt_count, attempt->assignment_id);
    life->result = BL_STR_ABSENT; /* of the attempt before, which did not end it */
    effects->publish = next->delay_ms == 0;
    life->not_before_ms = effects->publish ? 0 : now_ms + next->delay_ms;
    move_to(life, effects->publish ? BL_LIFE_WORKING : BL_LIFE_WAITING, effects);
}

/* The live attempt has failed: another one, or the end. */
static void fail_attempt(struct bl_life *life, const struct bl_error_class *error, int64_t now_ms,
                         const uint8_t key[16], const struct bl_life_policy *policy,
                         struct bl_life_effects *effects) {
    struct bl_next_attempt next = {.is_there = false};

    if (life->attempt_count < BL_ATTEMPTS_MAX && now_ms < life->ends_at_ms) {
        next = policy->next(policy->user, life, error);
    }
    if (next.is_there && now_ms + next.delay_ms < life->ends_at_ms) {
        begin_attempt(life, &next, key, policy, effects, now_ms);
    } else {
        move_to(life, BL_LIFE_FAILED, effects);
    }
}

static enum bl_attempt_status status_of(enum bl_result_status status) {
    switch (status) {
    case BL_RESULT_SUCCESS:
        return BL_ATTEMPT_SUCCESS;
    case BL_RESULT_TIMEOUT:
        return BL_ATTEMPT_TIMED_OUT;
    case BL_RESULT_CANCELLED:
        return BL_ATTEMPT_CANCELLED;
    default:
        return BL_ATTEMPT_ERROR;
    }
}

static void note(struct bl_attempt *attempt, const struct bl_worker_result *result) {
    attempt->latency_ms = result->latency_ms;
    attempt->cost_nano = result->cost_nano;
    attempt->error_code =
        bl_str_is_blank(result->error_code) ? result->error_type : result->error_code;
    attempt->is_metered = true;
    attempt->result_digest = result->digest;
}

static bool is_last(const struct bl_life *life, unsigned attempt) {
    return attempt + 1 == life->attempt_count;
}

/* One that waits is not: it has not begun. */
static bool is_live(const struct bl_life *life, unsigned attempt) {
    return life->state == BL_LIFE_WORKING && is_last(life, attempt) &&
           life->attempts[attempt].status == BL_ATTEMPT_PENDING;
}

static enum bl_life_verdict step_result(struct bl_life *life, const struct bl_life_event *event,
                                        int64_t now_ms, const uint8_t key[16],
                                        const struct bl_life_policy *policy,
                                        struct bl_life_effects *effects) {
    struct bl_attempt *attempt = &life->attempts[event->attempt];
    const struct bl_worker_result *result = event->result;
    bool was_live = is_live(life, event->attempt);

    if (life->state == BL_LIFE_WAITING && is_last(life, event->attempt)) {
        return BL_LIFE_STALE; /* it has not begun: nobody can have done it */
    }
    if (attempt->is_metered) {
        return attempt->result_digest == result->digest ? BL_LIFE_DUPLICATE : BL_LIFE_CONFLICT;
    }
    note(attempt, result);
    effects->meter = true;
    effects->metered = event->attempt;
    effects->is_late = !was_live;
    if (!was_live) {
        return BL_LIFE_MOVED; /* counted; the state stays */
    }
    attempt->status = status_of(result->status);
    life->result = result->text;
    if (result->status == BL_RESULT_SUCCESS) {
        move_to(life, BL_LIFE_DONE, effects);
        return BL_LIFE_MOVED;
    }
    struct bl_error_class error =
        bl_error_class_of(result->status, result->error_code, result->error_type);
    fail_attempt(life, &error, now_ms, key, policy, effects);
    return BL_LIFE_MOVED;
}

/* Ends the live attempt for a reason that no worker's result gives. */
static enum bl_life_verdict step_without_result(struct bl_life *life,
                                                const struct bl_life_event *event, int64_t now_ms,
                                                const uint8_t key[16],
                                                const struct bl_life_policy *policy,
                                                struct bl_life_effects *effects) {
    static const struct bl_error_class rejected = {
        .word = "rejected", .status = BL_STATUS_REJECTED, .exact = BL_STATUS_COUNT};
    struct bl_error_class timeout =
        bl_error_class_of(BL_RESULT_TIMEOUT, BL_STR_ABSENT, BL_STR_ABSENT);
    bool is_rejected = event->kind == BL_EVENT_REJECTED;
    bool is_out_of_time = !is_rejected && life->state == BL_LIFE_WAITING &&
                          is_last(life, event->attempt) && now_ms >= life->ends_at_ms;

    if (!is_live(life, event->attempt) && !is_out_of_time) {
        return BL_LIFE_STALE;
    }
    struct bl_attempt *attempt = &life->attempts[event->attempt];
    attempt->status = is_rejected ? BL_ATTEMPT_REJECTED : BL_ATTEMPT_TIMED_OUT;
    if (is_rejected && event->result != NULL) {
        attempt->error_code = event->result->error_code;
    }
    fail_attempt(life, is_rejected ? &rejected : &timeout, now_ms, key, policy, effects);
    return BL_LIFE_MOVED;
}

/* The wait is over; so may be the time of the whole, when nobody was there to see it pass. */
static enum bl_life_verdict step_due(struct bl_life *life, int64_t now_ms,
                                     struct bl_life_effects *effects) {
    if (life->state != BL_LIFE_WAITING) {
        return BL_LIFE_STALE;
    }
    life->not_before_ms = 0;
    if (now_ms >= life->ends_at_ms) {
        life->attempts[life->attempt_count - 1].status = BL_ATTEMPT_TIMED_OUT;
        move_to(life, BL_LIFE_FAILED, effects);
        return BL_LIFE_MOVED;
    }
    effects->publish = true;
    move_to(life, BL_LIFE_WORKING, effects);
    return BL_LIFE_MOVED;
}

enum bl_life_verdict bl_life_step(struct bl_life *life, const struct bl_life_event *event,
                                  int64_t now_ms, const uint8_t key[16],
                                  const struct bl_life_policy *policy,
                                  struct bl_life_effects *effects) {
    enum bl_life_verdict verdict = BL_LIFE_STALE;

    assert(life->attempt_count > 0 && event->attempt < life->attempt_count);
    *effects = (struct bl_life_effects){.publish = false};
    switch (event->kind) {
    case BL_EVENT_RESULT:
        verdict = step_result(life, event, now_ms, key, policy, effects);
        break;
    case BL_EVENT_REJECTED:
    case BL_EVENT_TIMEOUT:
        verdict = step_without_result(life, event, now_ms, key, policy, effects);
        break;
    case BL_EVENT_DUE:
        verdict = step_due(life, now_ms, effects);
        break;
    case BL_EVENT_CANCEL:
        if (!bl_life_has_ended(life->state)) {
            struct bl_attempt *last = &life->attempts[life->attempt_count - 1];
            last->status = BL_ATTEMPT_CANCELLED;
            effects->cancel = true;
            move_to(life, BL_LIFE_CANCELLED, effects);
            verdict = BL_LIFE_MOVED;
        }
        break;
    }
    if (verdict == BL_LIFE_MOVED) {
        life->updated_ms = now_ms;
    }
    return verdict;
}
