/* Each event in each state, and what every step leaves behind. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "flow/life.h"

#define NOW INT64_C(1764000000000)
#define END (NOW + 60000)

static const uint8_t key[16] = {1, 2, 3};
static const uint8_t other_key[16] = {1, 2, 4};
static const uint8_t admission[16] = {9, 8, 7};

/* What the policy answers, and what it was asked. */
static struct {
    struct bl_next_attempt next;
    unsigned asked;
    struct bl_error_class error;
} script;

static struct bl_next_attempt scripted_next(void *user, const struct bl_life *life,
                                            const struct bl_error_class *error) {
    (void)user;
    assert_true(life->attempt_count > 0);
    script.asked++;
    script.error = *error;
    return script.next;
}

static struct bl_str scripted_provider(void *user, bl_provider_index provider) {
    (void)user;
    return provider == 0 ? BL_STR("first") : BL_STR("second");
}

static const struct bl_life_policy policy = {scripted_next, scripted_provider, NULL};
static struct bl_life life;
static struct bl_life_effects effects;

static void nothing_follows(void) {
    script.next = (struct bl_next_attempt){.provider = BL_PROVIDER_NONE, .fallback = -1};
}

static void follows(enum bl_reason reason, bl_provider_index provider, uint32_t delay_ms) {
    script.next = (struct bl_next_attempt){.is_there = true,
                                           .provider = provider,
                                           .reason = reason,
                                           .fallback = 3,
                                           .delay_ms = delay_ms};
}

static int begin(void **state) {
    (void)state;
    memset(&script, 0, sizeof(script));
    nothing_follows();
    life = (struct bl_life){.state = BL_LIFE_WORKING,
                            .created_ms = NOW - 1,
                            .updated_ms = NOW - 1,
                            .ends_at_ms = END,
                            .result = BL_STR_ABSENT,
                            .attempt_count = 1};
    memcpy(life.admission_id, admission, sizeof(admission));
    life.attempts[0] = (struct bl_attempt){.provider_id = BL_STR("first"),
                                           .reason = BL_REASON_WEIGHTED,
                                           .fallback = -1,
                                           .status = BL_ATTEMPT_PENDING,
                                           .error_code = BL_STR_ABSENT,
                                           .latency_ms = -1,
                                           .cost_nano = BL_MONEY_UNKNOWN};
    bl_assignment_id(key, admission, 1, life.attempts[0].assignment_id);
    return 0;
}

static struct bl_worker_result result_of(enum bl_result_status status, uint64_t digest) {
    return (struct bl_worker_result){.status = status,
                                     .error_code = BL_STR_ABSENT,
                                     .error_type = BL_STR_ABSENT,
                                     .latency_ms = 12,
                                     .cost_nano = 34,
                                     .text = BL_STR("{\"told\":true}"),
                                     .digest = digest};
}

/* A step; when nothing moves, nothing at all may have changed. */
static enum bl_life_verdict step_at(enum bl_life_event_kind kind, unsigned attempt,
                                    const struct bl_worker_result *result, int64_t now_ms) {
    static const struct bl_life_effects none = {.publish = false};
    const struct bl_life_event event = {kind, attempt, result};
    struct bl_life before = life;
    enum bl_life_verdict verdict = bl_life_step(&life, &event, now_ms, key, &policy, &effects);

    if (verdict == BL_LIFE_MOVED) {
        assert_int_equal(life.updated_ms, now_ms);
    } else {
        assert_memory_equal(&before, &life, sizeof(life));
        assert_int_equal(effects.publish, none.publish);
        assert_false(effects.meter || effects.is_late || effects.ended || effects.cancel);
    }
    return verdict;
}

static enum bl_life_verdict step(enum bl_life_event_kind kind, unsigned attempt) {
    return step_at(kind, attempt, NULL, NOW);
}

static enum bl_life_verdict result(unsigned attempt, enum bl_result_status status,
                                   uint64_t digest) {
    struct bl_worker_result said = result_of(status, digest);
    return step_at(BL_EVENT_RESULT, attempt, &said, NOW);
}

/* --- words ----------------------------------------------------------------------------------- */

static void words_differ(void **state) {
    (void)state;
    for (int i = 0; i < BL_LIFE_STATE_COUNT; i++) {
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(bl_life_state_word((enum bl_life_state)i),
                                    bl_life_state_word((enum bl_life_state)k));
        }
    }
    for (int i = 0; i < BL_ATTEMPT_STATUS_COUNT; i++) {
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(bl_attempt_status_word((enum bl_attempt_status)i),
                                    bl_attempt_status_word((enum bl_attempt_status)k));
        }
    }
    assert_string_equal(bl_life_state_word(BL_LIFE_CANCELLED), "cancelled");
    assert_string_equal(bl_attempt_status_word(BL_ATTEMPT_TIMED_OUT), "timeout");
}

/* --- results --------------------------------------------------------------------------------- */

static void success_is_the_end(void **state) {
    (void)state;
    assert_int_equal(result(0, BL_RESULT_SUCCESS, 5), BL_LIFE_MOVED);
    assert_int_equal(life.state, BL_LIFE_DONE);
    assert_int_equal(life.attempts[0].status, BL_ATTEMPT_SUCCESS);
    assert_true(life.attempts[0].is_metered);
    assert_int_equal(life.attempts[0].result_digest, 5);
    assert_int_equal(life.attempts[0].latency_ms, 12);
    assert_int_equal(life.attempts[0].cost_nano, 34);
    assert_true(bl_str_equal_c(life.result, "{\"told\":true}"));
    assert_true(effects.meter && effects.ended);
    assert_false(effects.publish || effects.is_late || effects.cancel);
    assert_int_equal(effects.metered, 0);
    assert_int_equal(script.asked, 0); /* it does not matter what would follow */
}

static void a_failure_that_nothing_follows_is_the_end(void **state) {
    (void)state;
    assert_int_equal(result(0, BL_RESULT_ERROR, 5), BL_LIFE_MOVED);
    assert_int_equal(life.state, BL_LIFE_FAILED);
    assert_int_equal(life.attempts[0].status, BL_ATTEMPT_ERROR);
    assert_true(effects.meter && effects.ended);
    assert_false(effects.publish);
    assert_int_equal(script.asked, 1);
    assert_string_equal(script.error.word, "execution");
    assert_true(bl_str_equal_c(life.result, "{\"told\":true}"));
}

static void a_worker_may_say_timeout_or_cancelled(void **state) {
    (void)state;
    assert_int_equal(result(0, BL_RESULT_TIMEOUT, 5), BL_LIFE_MOVED);
    assert_int_equal(life.attempts[0].status, BL_ATTEMPT_TIMED_OUT);
    assert_string_equal(script.error.word, "timeout");
    (void)begin(state);
    assert_int_equal(result(0, BL_RESULT_CANCELLED, 5), BL_LIFE_MOVED);
    assert_int_equal(life.attempts[0].status, BL_ATTEMPT_CANCELLED);
    assert_true(script.error.ends_request);
    assert_int_equal(life.state, BL_LIFE_FAILED);
}

static void the_error_code_is_noted_else_its_type(void **state) {
    struct bl_worker_result said = result_of(BL_RESULT_ERROR, 5);
    (void)state;
    said.error_code = BL_STR("503");
    said.error_type = BL_STR("5XX");
    assert_int_equal(step_at(BL_EVENT_RESULT, 0, &said, NOW), BL_LIFE_MOVED);
    assert_true(bl_str_equal_c(life.attempts[0].error_code, "503"));
    assert_int_equal(script.error.exact, BL_STATUS_503);
    (void)begin(state);
    said.error_code = BL_STR_ABSENT;
    assert_int_equal(step_at(BL_EVENT_RESULT, 0, &said, NOW), BL_LIFE_MOVED);
    assert_true(bl_str_equal_c(life.attempts[0].error_code, "5XX"));
    assert_string_equal(script.error.word, "5xx");
}

static void the_first_result_of_an_attempt_counts(void **state) {
    static const enum bl_result_status all[] = {BL_RESULT_SUCCESS, BL_RESULT_ERROR,
                                                BL_RESULT_TIMEOUT, BL_RESULT_CANCELLED};
    (void)state;
    for (size_t i = 0; i < 4; i++) { /* ended: done and failed */
        (void)begin(state);
        assert_int_equal(result(0, all[i], 5), BL_LIFE_MOVED);
        assert_int_equal(result(0, all[i], 5), BL_LIFE_DUPLICATE);
        assert_int_equal(result(0, BL_RESULT_SUCCESS, 6), BL_LIFE_CONFLICT);
    }
    (void)begin(state); /* working again */
    follows(BL_REASON_RETRY, 0, 0);
    assert_int_equal(result(0, BL_RESULT_ERROR, 5), BL_LIFE_MOVED);
    assert_int_equal(result(0, BL_RESULT_ERROR, 5), BL_LIFE_DUPLICATE);
    assert_int_equal(result(0, BL_RESULT_SUCCESS, 6), BL_LIFE_CONFLICT);
    (void)begin(state); /* waiting */
    follows(BL_REASON_RETRY, 0, 100);
    assert_int_equal(result(0, BL_RESULT_ERROR, 5), BL_LIFE_MOVED);
    assert_int_equal(result(0, BL_RESULT_ERROR, 5), BL_LIFE_DUPLICATE);
    assert_int_equal(result(0, BL_RESULT_SUCCESS, 6), BL_LIFE_CONFLICT);
}

static void late_results_are_counted_and_change_nothing_else(void **state) {
    (void)state;
    follows(BL_REASON_FALLBACK, 1, 0);
    assert_int_equal(step(BL_EVENT_TIMEOUT, 0), BL_LIFE_MOVED);
    unsigned asked = script.asked;
    assert_int_equal(result(0, BL_RESULT_SUCCESS, 5), BL_LIFE_MOVED); /* the second is at work */
    assert_true(effects.meter && effects.is_late);
    assert_false(effects.ended || effects.publish || effects.cancel);
    assert_int_equal(effects.metered, 0);
    assert_int_equal(life.state, BL_LIFE_WORKING);
    assert_int_equal(life.attempts[0].status, BL_ATTEMPT_TIMED_OUT);
    assert_int_equal(life.attempts[1].status, BL_ATTEMPT_PENDING);
    assert_int_equal(life.attempts[0].cost_nano, 34);
    assert_false(bl_str_is_present(life.result));
    assert_int_equal(script.asked, asked);
    assert_int_equal(result(0, BL_RESULT_SUCCESS, 5), BL_LIFE_DUPLICATE);
}

static void results_after_the_end_are_counted_once(void **state) {
    static const enum bl_life_event_kind ends[] = {BL_EVENT_TIMEOUT, BL_EVENT_REJECTED,
                                                   BL_EVENT_CANCEL};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        (void)begin(state);
        assert_int_equal(step(ends[i], 0), BL_LIFE_MOVED);
        enum bl_life_state ended = life.state;
        enum bl_attempt_status status = life.attempts[0].status;
        assert_true(bl_life_has_ended(ended));
        assert_int_equal(result(0, BL_RESULT_SUCCESS, 5), BL_LIFE_MOVED);
        assert_true(effects.meter && effects.is_late);
        assert_false(effects.ended || effects.publish || effects.cancel);
        assert_int_equal(life.state, ended);
        assert_int_equal(life.attempts[0].status, status);
        assert_false(bl_str_is_present(life.result));
        assert_int_equal(result(0, BL_RESULT_SUCCESS, 5), BL_LIFE_DUPLICATE);
        assert_int_equal(result(0, BL_RESULT_SUCCESS, 6), BL_LIFE_CONFLICT);
    }
}

/* The result is that of the attempt which ended it, and not of one before. */
static void the_result_of_an_attempt_that_was_followed_is_dropped(void **state) {
    (void)state;
    follows(BL_REASON_RETRY, 0, 0);
    assert_int_equal(result(0, BL_RESULT_ERROR, 5), BL_LIFE_MOVED);
    assert_false(bl_str_is_present(life.result));
    nothing_follows();
    assert_int_equal(step(BL_EVENT_TIMEOUT, 1), BL_LIFE_MOVED);
    assert_int_equal(life.state, BL_LIFE_FAILED);
    assert_false(bl_str_is_present(life.result));
}

/* --- moves ----------------------------------------------------------------------------------- */

static void another_attempt_begins_at_once(void **state) {
    char id[BL_ASSIGNMENT_ID_CHARS + 1];
    (void)state;
    follows(BL_REASON_FALLBACK, 1, 0);
    assert_int_equal(result(0, BL_RESULT_ERROR, 5), BL_LIFE_MOVED);
    assert_int_equal(life.state, BL_LIFE_WORKING);
    assert_int_equal(life.attempt_count, 2);
    assert_true(effects.publish && effects.meter);
    assert_false(effects.ended || effects.is_late);
    assert_int_equal(life.not_before_ms, 0);
    const struct bl_attempt *attempt = &life.attempts[1];
    assert_true(bl_str_equal_c(attempt->provider_id, "second"));
    assert_int_equal(attempt->reason, BL_REASON_FALLBACK);
    assert_int_equal(attempt->fallback, 3);
    assert_int_equal(attempt->status, BL_ATTEMPT_PENDING);
    assert_int_equal(attempt->latency_ms, -1);
    assert_true(attempt->cost_nano == BL_MONEY_UNKNOWN);
    assert_false(attempt->is_metered || bl_str_is_present(attempt->error_code));
    bl_assignment_id(key, admission, 2, id);
    assert_string_equal(attempt->assignment_id, id);
    assert_int_equal(result(1, BL_RESULT_SUCCESS, 6), BL_LIFE_MOVED);
    assert_int_equal(life.state, BL_LIFE_DONE);
    assert_int_equal(effects.metered, 1);
}

static void another_attempt_waits_until_it_is_due(void **state) {
    (void)state;
    follows(BL_REASON_RETRY, 0, 250);
    assert_int_equal(step(BL_EVENT_TIMEOUT, 0), BL_LIFE_MOVED);
    assert_int_equal(life.state, BL_LIFE_WAITING);
    assert_int_equal(life.not_before_ms, NOW + 250);
    assert_false(effects.publish || effects.ended || effects.meter);
    assert_int_equal(life.attempt_count, 2);
    assert_int_equal(step_at(BL_EVENT_DUE, 1, NULL, NOW + 250), BL_LIFE_MOVED);
    assert_int_equal(life.state, BL_LIFE_WORKING);
    assert_int_equal(life.not_before_ms, 0);
    assert_int_equal(life.attempt_count, 2);
    assert_true(effects.publish);
    assert_int_equal(step_at(BL_EVENT_DUE, 1, NULL, NOW + 250), BL_LIFE_STALE);
}

/* It has not begun, so nobody can say anything of it. A worker that names the request alone could. */
static void nothing_is_said_of_an_attempt_that_waits(void **state) {
    (void)state;
    follows(BL_REASON_RETRY, 0, 250);
    assert_int_equal(result(0, BL_RESULT_ERROR, 5), BL_LIFE_MOVED);
    assert_int_equal(life.state, BL_LIFE_WAITING);
    assert_int_equal(result(1, BL_RESULT_ERROR, 5), BL_LIFE_STALE);
    assert_int_equal(result(1, BL_RESULT_SUCCESS, 6), BL_LIFE_STALE);
    assert_int_equal(step(BL_EVENT_REJECTED, 1), BL_LIFE_STALE);
    assert_int_equal(step(BL_EVENT_TIMEOUT, 1), BL_LIFE_STALE);
}

static void a_late_result_while_waiting_is_counted(void **state) {
    (void)state;
    follows(BL_REASON_RETRY, 0, 250);
    assert_int_equal(step(BL_EVENT_TIMEOUT, 0), BL_LIFE_MOVED);
    assert_int_equal(result(0, BL_RESULT_SUCCESS, 5), BL_LIFE_MOVED);
    assert_true(effects.meter && effects.is_late);
    assert_int_equal(life.state, BL_LIFE_WAITING);
    assert_int_equal(life.not_before_ms, NOW + 250);
}

static void a_rejection_moves_on(void **state) {
    struct bl_worker_result said = result_of(BL_RESULT_SUCCESS, 5);
    (void)state;
    said.error_code = BL_STR("BUSY");
    follows(BL_REASON_FALLBACK, 1, 0);
    assert_int_equal(step_at(BL_EVENT_REJECTED, 0, &said, NOW), BL_LIFE_MOVED);
    assert_int_equal(life.attempts[0].status, BL_ATTEMPT_REJECTED);
    assert_true(bl_str_equal_c(life.attempts[0].error_code, "BUSY"));
    assert_false(life.attempts[0].is_metered || effects.meter);
    assert_true(effects.publish);
    assert_int_equal(script.error.status, BL_STATUS_REJECTED);
    assert_int_equal(script.error.exact, BL_STATUS_COUNT);
    assert_false(script.error.counts_as_failure || script.error.ends_request);
    assert_int_equal(step(BL_EVENT_REJECTED, 0), BL_LIFE_STALE); /* again */
    nothing_follows();
    assert_int_equal(step(BL_EVENT_REJECTED, 1), BL_LIFE_MOVED);
    assert_int_equal(life.state, BL_LIFE_FAILED);
    assert_true(effects.ended);
}

static void a_timeout_moves_on(void **state) {
    (void)state;
    follows(BL_REASON_RETRY, 0, 0);
    assert_int_equal(step(BL_EVENT_TIMEOUT, 0), BL_LIFE_MOVED);
    assert_int_equal(life.attempts[0].status, BL_ATTEMPT_TIMED_OUT);
    assert_int_equal(script.error.status, BL_STATUS_TIMEOUT);
    assert_true(script.error.counts_as_failure);
    assert_int_equal(step(BL_EVENT_TIMEOUT, 0), BL_LIFE_STALE); /* of the one before */
    assert_int_equal(step(BL_EVENT_REJECTED, 0), BL_LIFE_STALE);
    assert_int_equal(life.attempt_count, 2);
}

/* --- bounds ---------------------------------------------------------------------------------- */

static void nothing_begins_when_the_whole_is_over(void **state) {
    (void)state;
    follows(BL_REASON_RETRY, 0, 0);
    assert_int_equal(step_at(BL_EVENT_TIMEOUT, 0, NULL, END - 1), BL_LIFE_MOVED);
    assert_int_equal(life.state, BL_LIFE_WORKING);
    (void)begin(state);
    follows(BL_REASON_RETRY, 0, 0);
    assert_int_equal(step_at(BL_EVENT_TIMEOUT, 0, NULL, END), BL_LIFE_MOVED);
    assert_int_equal(life.state, BL_LIFE_FAILED);
    assert_int_equal(script.asked, 0);
    assert_int_equal(life.attempt_count, 1);
}

static void no_wait_reaches_the_end_of_the_whole(void **state) {
    (void)state;
    follows(BL_REASON_RETRY, 0, 100);
    assert_int_equal(step_at(BL_EVENT_TIMEOUT, 0, NULL, END - 101), BL_LIFE_MOVED);
    assert_int_equal(life.state, BL_LIFE_WAITING);
    (void)begin(state);
    follows(BL_REASON_RETRY, 0, 100);
    assert_int_equal(step_at(BL_EVENT_TIMEOUT, 0, NULL, END - 100), BL_LIFE_MOVED);
    assert_int_equal(life.state, BL_LIFE_FAILED);
    assert_int_equal(life.attempt_count, 1);
}

/* A router that takes it over late does not begin what cannot end in time. */
static void a_wait_that_is_over_too_late_fails(void **state) {
    static const enum bl_life_event_kind kinds[] = {BL_EVENT_DUE, BL_EVENT_TIMEOUT};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        (void)begin(state);
        follows(BL_REASON_RETRY, 0, 100);
        assert_int_equal(step(BL_EVENT_TIMEOUT, 0), BL_LIFE_MOVED);
        assert_int_equal(step_at(kinds[i], 1, NULL, END), BL_LIFE_MOVED);
        assert_int_equal(life.state, BL_LIFE_FAILED);
        assert_int_equal(life.attempts[1].status, BL_ATTEMPT_TIMED_OUT);
        assert_true(effects.ended);
        assert_false(effects.publish);
    }
}

static void success_counts_after_the_end_of_the_whole(void **state) {
    struct bl_worker_result said = result_of(BL_RESULT_SUCCESS, 5);
    (void)state;
    assert_int_equal(step_at(BL_EVENT_RESULT, 0, &said, END + 5), BL_LIFE_MOVED);
    assert_int_equal(life.state, BL_LIFE_DONE); /* nobody has given it up before */
}

static void attempts_are_bounded(void **state) {
    (void)state;
    follows(BL_REASON_RETRY, 0, 0);
    for (unsigned i = 0; i + 1 < BL_ATTEMPTS_MAX; i++) {
        assert_int_equal(step(BL_EVENT_TIMEOUT, i), BL_LIFE_MOVED);
        assert_int_equal(life.attempt_count, i + 2);
    }
    assert_int_equal(step(BL_EVENT_TIMEOUT, BL_ATTEMPTS_MAX - 1), BL_LIFE_MOVED);
    assert_int_equal(life.state, BL_LIFE_FAILED);
    assert_int_equal(life.attempt_count, BL_ATTEMPTS_MAX);
    assert_int_equal(script.asked, BL_ATTEMPTS_MAX - 1);
}

/* --- cancel ---------------------------------------------------------------------------------- */

static void a_cancel_ends_what_works_or_waits(void **state) {
    (void)state;
    assert_int_equal(step(BL_EVENT_CANCEL, 0), BL_LIFE_MOVED);
    assert_int_equal(life.state, BL_LIFE_CANCELLED);
    assert_int_equal(life.attempts[0].status, BL_ATTEMPT_CANCELLED);
    assert_true(effects.cancel && effects.ended);
    assert_false(effects.publish || effects.meter);
    (void)begin(state);
    follows(BL_REASON_RETRY, 0, 100);
    assert_int_equal(step(BL_EVENT_TIMEOUT, 0), BL_LIFE_MOVED);
    assert_int_equal(step(BL_EVENT_CANCEL, 0), BL_LIFE_MOVED); /* of the whole, any attempt */
    assert_int_equal(life.state, BL_LIFE_CANCELLED);
    assert_int_equal(life.attempts[0].status, BL_ATTEMPT_TIMED_OUT);
    assert_int_equal(life.attempts[1].status, BL_ATTEMPT_CANCELLED);
}

static void nothing_moves_out_of_an_end(void **state) {
    static const enum bl_life_state ends[] = {BL_LIFE_DONE, BL_LIFE_FAILED, BL_LIFE_CANCELLED};
    static const enum bl_life_event_kind kinds[] = {BL_EVENT_REJECTED, BL_EVENT_TIMEOUT,
                                                    BL_EVENT_DUE, BL_EVENT_CANCEL};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        (void)begin(state);
        follows(BL_REASON_RETRY, 0, 0);
        life.state = ends[i];
        for (size_t k = 0; k < 4; k++) {
            assert_int_equal(step(kinds[k], 0), BL_LIFE_STALE);
        }
        assert_int_equal(script.asked, 0);
    }
}

static void what_works_is_not_due(void **state) {
    (void)state;
    assert_int_equal(step(BL_EVENT_DUE, 0), BL_LIFE_STALE);
}

/* --- assignment ids -------------------------------------------------------------------------- */

static void ids_are_uuids_of_version_4(void **state) {
    char id[BL_ASSIGNMENT_ID_CHARS + 1];
    (void)state;
    for (unsigned n = 0; n < 200; n++) {
        uint8_t of[16] = {(uint8_t)n, 1};
        bl_assignment_id(key, of, 1 + n % BL_ATTEMPTS_MAX, id);
        assert_int_equal(strlen(id), BL_ASSIGNMENT_ID_CHARS);
        for (size_t i = 0; i < BL_ASSIGNMENT_ID_CHARS; i++) {
            bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
            assert_non_null(strchr(is_dash ? "-" : "0123456789abcdef", id[i]));
        }
        assert_int_equal(id[14], '4');
        assert_non_null(strchr("89ab", id[19]));
    }
}

static void ids_are_told_apart_by_key_admission_and_attempt(void **state) {
    static const uint8_t other_admission[16] = {9, 8, 6};
    char id[BL_ASSIGNMENT_ID_CHARS + 1], other[BL_ASSIGNMENT_ID_CHARS + 1];
    (void)state;
    bl_assignment_id(key, admission, 1, id);
    bl_assignment_id(key, admission, 1, other);
    assert_string_equal(id, other);
    bl_assignment_id(key, admission, 2, other);
    assert_string_not_equal(id, other);
    assert_memory_equal(id, other, BL_ASSIGNMENT_FAMILY_CHARS);
    bl_assignment_id(other_key, admission, 1, other);
    assert_memory_not_equal(id, other, BL_ASSIGNMENT_FAMILY_CHARS);
    bl_assignment_id(key, other_admission, 1, other);
    assert_memory_not_equal(id, other, BL_ASSIGNMENT_FAMILY_CHARS);
}

/* They differ in 16 bits alone: by luck, some of so many would be equal. */
static void no_two_attempts_of_a_request_share_an_id(void **state) {
    char ids[BL_ATTEMPTS_MAX][BL_ASSIGNMENT_ID_CHARS + 1];
    (void)state;
    for (unsigned n = 0; n < 20000; n++) {
        uint8_t of[16] = {(uint8_t)n, (uint8_t)(n >> 8), 77};
        for (unsigned i = 0; i < BL_ATTEMPTS_MAX; i++) {
            bl_assignment_id(key, of, i + 1, ids[i]);
            for (unsigned k = 0; k < i; k++) {
                assert_string_not_equal(ids[i], ids[k]);
            }
        }
    }
}

static void attempts_are_found_by_their_ids(void **state) {
    char unknown[BL_ASSIGNMENT_ID_CHARS + 1];
    (void)state;
    follows(BL_REASON_RETRY, 0, 0);
    assert_int_equal(step(BL_EVENT_TIMEOUT, 0), BL_LIFE_MOVED);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(bl_life_find_attempt(&life, bl_str_from_c(life.attempts[i].assignment_id)),
                         i);
    }
    bl_assignment_id(key, admission, 3, unknown);
    assert_int_equal(bl_life_find_attempt(&life, bl_str_from_c(unknown)), -1);
    assert_int_equal(bl_life_find_attempt(&life, BL_STR("")), -1);
    assert_int_equal(bl_life_find_attempt(&life, BL_STR_ABSENT), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(words_differ, begin),
        cmocka_unit_test_setup(success_is_the_end, begin),
        cmocka_unit_test_setup(a_failure_that_nothing_follows_is_the_end, begin),
        cmocka_unit_test_setup(a_worker_may_say_timeout_or_cancelled, begin),
        cmocka_unit_test_setup(the_error_code_is_noted_else_its_type, begin),
        cmocka_unit_test_setup(the_first_result_of_an_attempt_counts, begin),
        cmocka_unit_test_setup(late_results_are_counted_and_change_nothing_else, begin),
        cmocka_unit_test_setup(results_after_the_end_are_counted_once, begin),
        cmocka_unit_test_setup(the_result_of_an_attempt_that_was_followed_is_dropped, begin),
        cmocka_unit_test_setup(another_attempt_begins_at_once, begin),
        cmocka_unit_test_setup(another_attempt_waits_until_it_is_due, begin),
        cmocka_unit_test_setup(nothing_is_said_of_an_attempt_that_waits, begin),
        cmocka_unit_test_setup(a_late_result_while_waiting_is_counted, begin),
        cmocka_unit_test_setup(a_rejection_moves_on, begin),
        cmocka_unit_test_setup(a_timeout_moves_on, begin),
        cmocka_unit_test_setup(nothing_begins_when_the_whole_is_over, begin),
        cmocka_unit_test_setup(no_wait_reaches_the_end_of_the_whole, begin),
        cmocka_unit_test_setup(a_wait_that_is_over_too_late_fails, begin),
        cmocka_unit_test_setup(success_counts_after_the_end_of_the_whole, begin),
        cmocka_unit_test_setup(attempts_are_bounded, begin),
        cmocka_unit_test_setup(a_cancel_ends_what_works_or_waits, begin),
        cmocka_unit_test_setup(nothing_moves_out_of_an_end, begin),
        cmocka_unit_test_setup(what_works_is_not_due, begin),
        cmocka_unit_test_setup(ids_are_uuids_of_version_4, begin),
        cmocka_unit_test_setup(ids_are_told_apart_by_key_admission_and_attempt, begin),
        cmocka_unit_test_setup(no_two_attempts_of_a_request_share_an_id, begin),
        cmocka_unit_test_setup(attempts_are_found_by_their_ids, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
