/* Any events in any order, against any fallbacks: what always holds of a pushed request. Its record
 * is written and read after each step, so what is held is held of what is stored. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/seed.h"
#include "support/policy_fixture.h"
#include "wire/life_record.h"

#define LIVES 1500
#define STEPS 40
#define NOW INT64_C(1764000000000)
#define WHOLE_MS 20000

static const uint8_t key[16] = {4, 2};
static struct bl_seed seed;
static struct bl_arena arena, records[2];
static struct bl_policy *policy;
static struct bl_life life;
static int64_t now_ms;
static unsigned meters[BL_ATTEMPTS_MAX];

static uint64_t below(uint64_t bound) {
    return bl_seed_below(&seed, bound);
}

static bool one_in(uint64_t count) {
    return below(count) == 0;
}

/* --- the surroundings ------------------------------------------------------------------------ */

static void draw_policy(void) {
    static const char *const words[] = {"timeout", "5xx",       "503",      "connection",
                                        "429",     "execution", "rejected", "all_providers_failed"};
    static const char *const strategies[] = {"exponential", "linear", "fixed"};
    char text[4096];
    struct bl_buf buf;

    bl_buf_init(&buf, text, sizeof(text) - 1);
    bl_buf_printf(&buf,
                  "{'providers':[{'name':'a','weight':1},{'name':'b','weight':1},"
                  "{'name':'c','weight':1}],'max_attempts':%u,'fallbacks':[",
                  1 + (unsigned)below(BL_ATTEMPTS_MAX));
    for (unsigned i = (unsigned)below(6), k = 0; k < i; k++) {
        bl_buf_printf(&buf,
                      "%s{'when':{'status':['%s','%s']},'retry':%u,'backoff':{'strategy':'%s',"
                      "'base_ms':%u,'jitter':%s}",
                      k > 0 ? "," : "", words[below(8)], words[below(8)], (unsigned)below(4),
                      strategies[below(3)], 1 + (unsigned)below(3000),
                      one_in(2) ? "true" : "false");
        if (!one_in(3)) {
            bl_buf_printf(&buf, ",'to':'%c'", 'a' + (char)below(3));
        }
        bl_buf_char(&buf, '}');
    }
    bl_buf_literal(&buf, "]}");
    text[buf.len] = '\0';
    bl_policy_unref(policy);
    policy = fixture_policy("acme", "default", text);
}

/* Now and then there is no delay to wait for. */
static struct bl_next_attempt next(void *user, const struct bl_life *of,
                                   const struct bl_error_class *error) {
    struct bl_attempt_past past[BL_ATTEMPTS_MAX];
    struct bl_request request;
    const struct bl_fact_source source = {.request = &request, .tenant_id = BL_STR("acme")};

    (void)user;
    bl_request_init(&request);
    for (unsigned i = 0; i < of->attempt_count; i++) {
        past[i] = (struct bl_attempt_past){of->attempts[i].provider_id, of->attempts[i].reason,
                                           of->attempts[i].fallback};
    }
    bl_arena_reset(&arena);
    struct bl_next_attempt found = bl_flow_next_attempt(policy, &source, past, of->attempt_count,
                                                        error, bl_seed_next(&seed), &arena);
    if (found.is_there && found.reason == BL_REASON_RETRY && one_in(3)) {
        found.delay_ms = 0;
    }
    return found;
}

static struct bl_str provider_id(void *user, bl_provider_index provider) {
    (void)user;
    assert_in_range(provider, 0, policy->provider_count - 1);
    return policy->providers[provider].id;
}

static void begin(void) {
    draw_policy();
    now_ms = NOW;
    memset(meters, 0, sizeof(meters));
    life = (struct bl_life){.created_ms = NOW,
                            .updated_ms = NOW,
                            .attempt_time_ms = 5000,
                            .ends_at_ms = NOW + WHOLE_MS,
                            .tenant_id = BL_STR("acme"),
                            .request_id = BL_STR("r"),
                            .decision = BL_STR("{}"),
                            .request = BL_STR("{}"),
                            .attempt_count = 1};
    for (size_t i = 0; i < 16; i++) {
        life.admission_id[i] = (uint8_t)below(256);
    }
    life.attempts[0] = (struct bl_attempt){.provider_id = BL_STR("a"),
                                           .reason = BL_REASON_WEIGHTED,
                                           .fallback = -1,
                                           .error_code = BL_STR_ABSENT,
                                           .latency_ms = -1,
                                           .cost_nano = BL_MONEY_UNKNOWN};
    bl_assignment_id(key, life.admission_id, 1, life.attempts[0].assignment_id);
}

/* --- what always holds ----------------------------------------------------------------------- */

static bool same_text(struct bl_str a, struct bl_str b) {
    return bl_str_is_present(a) == bl_str_is_present(b) && bl_str_equal(a, b);
}

static void hold_same_attempt(const struct bl_attempt *a, const struct bl_attempt *b) {
    assert_true(same_text(a->provider_id, b->provider_id));
    assert_string_equal(a->assignment_id, b->assignment_id);
    assert_int_equal(a->reason, b->reason);
    assert_int_equal(a->fallback, b->fallback);
    assert_int_equal(a->status, b->status);
    assert_true(same_text(a->error_code, b->error_code));
    assert_true(a->latency_ms == b->latency_ms && a->cost_nano == b->cost_nano);
    assert_int_equal(a->is_metered, b->is_metered);
    assert_true(a->result_digest == b->result_digest);
}

static void hold_same(const struct bl_life *a, const struct bl_life *b) {
    assert_memory_equal(a->admission_id, b->admission_id, 16);
    assert_int_equal(a->state, b->state);
    assert_true(a->created_ms == b->created_ms && a->updated_ms == b->updated_ms);
    assert_true(a->not_before_ms == b->not_before_ms && a->ends_at_ms == b->ends_at_ms);
    assert_true(a->attempt_time_ms == b->attempt_time_ms);
    assert_true(same_text(a->tenant_id, b->tenant_id) && same_text(a->request_id, b->request_id));
    assert_true(same_text(a->decision, b->decision) && same_text(a->request, b->request));
    assert_true(same_text(a->result, b->result));
    assert_int_equal(a->attempt_count, b->attempt_count);
    for (unsigned i = 0; i < a->attempt_count; i++) {
        hold_same_attempt(&a->attempts[i], &b->attempts[i]);
    }
}

/* Goes on with what was stored. */
static void store(void) {
    static unsigned turn;
    static char storage[2][65536];
    struct bl_life read;
    struct bl_diag diag;
    struct bl_buf buf;

    turn = 1 - turn; /* what `life` views is kept until it was compared */
    bl_arena_reset(&records[turn]);
    bl_buf_init(&buf, storage[turn], sizeof(storage[turn]));
    bl_life_record_write(&life, &buf);
    assert_false(buf.overflowed);
    if (bl_is_error(bl_life_record_read(bl_buf_view(&buf), &records[turn], &read, &diag))) {
        fail_msg("%s: %.*s", diag.message, (int)buf.len, buf.data);
    }
    hold_same(&life, &read);
    life = read;
}

static void hold_state(void) {
    unsigned pending = 0;

    assert_in_range(life.attempt_count, 1, policy->max_attempts);
    for (unsigned i = 0; i < life.attempt_count; i++) {
        pending += life.attempts[i].status == BL_ATTEMPT_PENDING ? 1 : 0;
        for (unsigned k = 0; k < i; k++) {
            assert_string_not_equal(life.attempts[i].assignment_id, life.attempts[k].assignment_id);
        }
    }
    const struct bl_attempt *last = &life.attempts[life.attempt_count - 1];
    assert_int_equal(pending, bl_life_has_ended(life.state) ? 0 : 1);
    assert_int_equal(last->status == BL_ATTEMPT_PENDING, !bl_life_has_ended(life.state));
    assert_int_equal(life.not_before_ms > 0 && !bl_life_has_ended(life.state),
                     life.state == BL_LIFE_WAITING);
    if (life.state == BL_LIFE_WAITING) {
        assert_true(life.not_before_ms < life.ends_at_ms);
    }
    assert_int_equal(last->status == BL_ATTEMPT_SUCCESS, life.state == BL_LIFE_DONE);
}

static void hold_step(const struct bl_life *before, const struct bl_life_event *event,
                      enum bl_life_verdict verdict, const struct bl_life_effects *effects) {
    bool had_ended = bl_life_has_ended(before->state);

    if (verdict != BL_LIFE_MOVED) {
        hold_same(before, &life);
        assert_false(effects->publish || effects->meter || effects->ended || effects->cancel);
        return;
    }
    if (had_ended) {
        assert_int_equal(life.state, before->state);
        assert_int_equal(life.attempt_count, before->attempt_count);
        assert_true(same_text(life.result, before->result));
        assert_true(effects->meter && effects->is_late);
    }
    assert_int_equal(effects->ended, !had_ended && bl_life_has_ended(life.state));
    assert_true(life.attempt_count - before->attempt_count <= 1);
    if (effects->publish) {
        assert_int_equal(life.state, BL_LIFE_WORKING);
        assert_true(now_ms < life.ends_at_ms);
    }
    if (effects->meter) {
        assert_int_equal(effects->metered, event->attempt);
        assert_int_equal(++meters[event->attempt], 1);
    }
    for (unsigned i = 0; i < before->attempt_count; i++) { /* what is over stays as it is */
        if (before->attempts[i].status != BL_ATTEMPT_PENDING) {
            assert_int_equal(life.attempts[i].status, before->attempts[i].status);
        }
        if (before->attempts[i].is_metered) {
            hold_same_attempt(&life.attempts[i], &before->attempts[i]);
        }
    }
}

/* --- events ---------------------------------------------------------------------------------- */

static void step(void) {
    static const char *const codes[] = {"503", "500",  "429",     "3001", "2001",
                                        "400", "5001", "TIMEOUT", "WHAT", "PROVIDER_UNAVAILABLE"};
    static const struct bl_life_policy asked = {next, provider_id, NULL};
    struct bl_worker_result result = {
        .status =
            one_in(6) ? (enum bl_result_status)below(BL_RESULT_STATUS_COUNT) : BL_RESULT_ERROR,
        .error_code = one_in(8) ? BL_STR_ABSENT : bl_str_from_c(codes[below(10)]),
        .error_type = one_in(2) ? BL_STR_ABSENT : BL_STR("5XX"),
        .latency_ms = (int64_t)below(1000) - 1,
        .cost_nano = one_in(2) ? BL_MONEY_UNKNOWN : (int64_t)below(1000000),
        .text = one_in(2) ? BL_STR("{\"a\":1}") : BL_STR("{\"truncated\":true}"),
        .digest = one_in(2) ? below(3) : UINT64_MAX - below(3)};
    uint64_t kind = below(20);
    struct bl_life_event event = {.kind = kind < 9    ? BL_EVENT_RESULT
                                          : kind < 12 ? BL_EVENT_REJECTED
                                          : kind < 14 ? BL_EVENT_TIMEOUT
                                          : kind < 19 ? BL_EVENT_DUE
                                                      : BL_EVENT_CANCEL};
    struct bl_life_effects effects;
    struct bl_life before = life;

    event.attempt = one_in(3) ? (unsigned)below(life.attempt_count) : life.attempt_count - 1;
    event.result = event.kind == BL_EVENT_RESULT || one_in(2) ? &result : NULL;
    if (event.kind == BL_EVENT_CANCEL && !one_in(4)) {
        event.kind = BL_EVENT_DUE;
    }
    now_ms += (int64_t)below(one_in(10) ? WHOLE_MS : 500);
    enum bl_life_verdict verdict = bl_life_step(&life, &event, now_ms, key, &asked, &effects);
    hold_step(&before, &event, verdict, &effects);
    hold_state();
    if (event.kind == BL_EVENT_RESULT && before.attempts[event.attempt].is_metered) {
        bool is_same = before.attempts[event.attempt].result_digest == result.digest;
        assert_int_equal(verdict, is_same ? BL_LIFE_DUPLICATE : BL_LIFE_CONFLICT);
    }
}

static void whatever_happens(void **state) {
    unsigned seen[BL_LIFE_STATE_COUNT] = {0}, most = 0;
    (void)state;
    for (int i = 0; i < LIVES; i++) {
        begin();
        for (int k = 0; k < STEPS; k++) {
            seen[life.state]++;
            step();
            store();
        }
        seen[life.state]++;
        most = life.attempt_count > most ? life.attempt_count : most;
    }
    for (int i = 0; i < BL_LIFE_STATE_COUNT; i++) { /* else it has held nothing of that state */
        assert_true(seen[i] > LIVES / 50);
    }
    assert_true(most > 4);
}

static int setup(void **state) {
    const char *given = getenv("BL_TEST_SEED");
    uint64_t start = given != NULL ? strtoull(given, NULL, 10) : 20261124;
    (void)state;
    print_message("seed %llu\n", (unsigned long long)start);
    bl_seed_init(&seed, start);
    bl_arena_init(&arena, 65536, 1 << 20);
    bl_arena_init(&records[0], 65536, 1 << 20);
    bl_arena_init(&records[1], 65536, 1 << 20);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    bl_policy_unref(policy);
    bl_arena_fini(&arena);
    bl_arena_fini(&records[0]);
    bl_arena_fini(&records[1]);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_happens),
    };
    return cmocka_run_group_tests_name("life", tests, setup, teardown);
}
