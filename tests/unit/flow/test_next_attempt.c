/* What follows a failed attempt. A fallback that says nothing of `retry` has one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "flow/next_attempt.h"
#include "support/policy_fixture.h"

#define PROVIDERS "'providers':[{'name':'a','weight':1},{'name':'b','weight':1},{'name':'c'}]"
#define WHEN(words) "'when':{'status':[" words "]}"

static struct {
    struct bl_policy *policy;
    struct bl_arena arena;
    struct bl_request request;
    struct bl_attempt_past past[BL_ATTEMPTS_MAX];
    unsigned count;
    uint64_t seed;
} rig;

static int set_up(void **state) {
    (void)state;
    memset(&rig, 0, sizeof(rig));
    bl_arena_init(&rig.arena, 4096, 1 << 20);
    bl_request_init(&rig.request);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    bl_policy_unref(rig.policy);
    bl_arena_fini(&rig.arena);
    return 0;
}

/* The policy, and a first attempt at `provider` by weight. */
static void begin(const char *policy, const char *provider) {
    bl_policy_unref(rig.policy);
    rig.policy = fixture_policy("acme", "default", policy);
    rig.past[0] =
        (struct bl_attempt_past){bl_str_from_c(provider), BL_REASON_WEIGHTED, .fallback = -1};
    rig.count = 1;
}

static struct bl_next_attempt next(const char *error_code) {
    const struct bl_fact_source source = {.request = &rig.request, .tenant_id = BL_STR("acme")};
    struct bl_error_class error =
        bl_error_class_of(BL_RESULT_ERROR, bl_str_from_c(error_code), BL_STR_ABSENT);

    bl_arena_reset(&rig.arena);
    return bl_flow_next_attempt(rig.policy, &source, rig.past, rig.count, &error, rig.seed,
                                &rig.arena);
}

static void expect_nothing(const char *error_code) {
    struct bl_next_attempt found = next(error_code);
    assert_false(found.is_there);
    assert_int_equal(found.provider, BL_PROVIDER_NONE);
    assert_int_equal(found.fallback, -1);
}

/* What follows, which is then the next attempt of the past. Its delay. */
static uint32_t expect(const char *error_code, enum bl_reason reason, const char *provider,
                       int fallback) {
    struct bl_next_attempt found = next(error_code);
    assert_true(found.is_there);
    assert_int_equal(found.reason, reason);
    assert_int_equal(found.fallback, fallback);
    assert_true(bl_str_equal_c(rig.policy->providers[found.provider].id, provider));
    rig.past[rig.count++] =
        (struct bl_attempt_past){bl_str_from_c(provider), reason, .fallback = (int16_t)fallback};
    return found.delay_ms;
}

#define RETRY(code, provider, fallback) expect(code, BL_REASON_RETRY, provider, fallback)
#define FALLBACK(code, provider, fallback) expect(code, BL_REASON_FALLBACK, provider, fallback)

static void without_fallbacks_nothing_follows(void **state) {
    (void)state;
    begin("{" PROVIDERS "}", "a");
    expect_nothing("TIMEOUT");
}

static void retries_then_another_then_nothing(void **state) {
    (void)state;
    begin("{" PROVIDERS ",'max_attempts':10,"
          "'fallbacks':[{" WHEN("'timeout'") ",'retry':2,'to':'b'}]}",
          "a");
    (void)RETRY("TIMEOUT", "a", 0);
    (void)RETRY("TIMEOUT", "a", 0);
    assert_int_equal(FALLBACK("TIMEOUT", "b", 0), 0); /* elsewhere, there is nothing to wait for */
    (void)RETRY("TIMEOUT", "b", 0);                   /* counted per provider */
    (void)RETRY("TIMEOUT", "b", 0);
    expect_nothing("TIMEOUT"); /* b was tried */
}

static void one_retry_is_the_default(void **state) {
    (void)state;
    begin("{" PROVIDERS ",'max_attempts':10,'fallbacks':[{" WHEN("'timeout'") ",'to':'b'}]}", "a");
    (void)RETRY("TIMEOUT", "a", 0);
    (void)FALLBACK("TIMEOUT", "b", 0);
    (void)RETRY("TIMEOUT", "b", 0);
    expect_nothing("TIMEOUT");
}

static void without_retry_the_other_is_next(void **state) {
    (void)state;
    begin("{" PROVIDERS ",'fallbacks':[{" WHEN("'timeout'") ",'retry':0,'to':'b'}]}", "a");
    (void)FALLBACK("TIMEOUT", "b", 0);
    expect_nothing("TIMEOUT");
}

static void each_fallback_counts_its_own_retries(void **state) {
    (void)state;
    begin("{" PROVIDERS ",'max_attempts':10,'fallbacks':[{" WHEN(
              "'timeout'") ",'retry':1},"
                           "{" WHEN("'connection'") ",'retry':2}]}",
          "a");
    (void)RETRY("TIMEOUT", "a", 0);
    (void)RETRY("CONNECTION_ERROR", "a", 1);
    expect_nothing("TIMEOUT");
    (void)RETRY("CONNECTION_ERROR", "a", 1);
    expect_nothing("CONNECTION_ERROR");
}

static void a_fallback_with_nothing_left_is_passed_over(void **state) {
    (void)state;
    begin("{" PROVIDERS ",'max_attempts':10,'fallbacks':[{" WHEN(
              "'timeout'") ",'retry':0,"
                           "'to':'b'},{" WHEN("'timeout'") ",'retry':0,'to':'c'}]}",
          "a");
    (void)FALLBACK("TIMEOUT", "b", 0);
    (void)FALLBACK("TIMEOUT", "c", 1);
    expect_nothing("TIMEOUT");
}

static void a_provider_that_was_left_is_not_chosen_again(void **state) {
    (void)state;
    begin("{" PROVIDERS ",'max_attempts':10,'fallbacks':[{" WHEN(
              "'timeout'") ",'retry':0,"
                           "'to':'b'},{" WHEN("'timeout'") ",'retry':0,'to':'a'}]}",
          "a");
    (void)FALLBACK("TIMEOUT", "b", 0);
    expect_nothing("TIMEOUT");
}

static void other_failures_do_not_match(void **state) {
    (void)state;
    begin("{" PROVIDERS ",'fallbacks':[{" WHEN("'timeout'") ",'to':'b'}]}", "a");
    expect_nothing("CONNECTION_ERROR");
    expect_nothing("2001");
    expect_nothing("503");
}

static void without_a_condition_it_is_for_all(void **state) {
    (void)state;
    begin("{" PROVIDERS ",'fallbacks':[{'retry':0,'to':'b'}]}", "a");
    (void)FALLBACK("2001", "b", 0);
    begin("{" PROVIDERS ",'fallbacks':[{'when':{},'retry':0,'to':'b'}]}", "a");
    (void)FALLBACK("503", "b", 0);
}

static void exact_statuses_match_beside_their_class(void **state) {
    static const struct {
        const char *word, *code;
        bool matches;
    } rows[] = {{"5xx", "503", true},          {"503", "503", true},  {"503", "500", false},
                {"5xx", "500", true},          {"503", "5XX", false}, {"429", "429", true},
                {"rate_limited", "429", true}, {"429", "503", false}, {"429", "RATE_LIMITED", true},
                {"unavailable", "503", false}};
    char policy[512];
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void)snprintf(policy, sizeof(policy),
                       "{" PROVIDERS ",'fallbacks':[{" WHEN("'%s'") ",'retry':0,'to':'b'}]}",
                       rows[i].word);
        begin(policy, "a");
        assert_int_equal(next(rows[i].code).is_there, rows[i].matches);
    }
}

/* The narrower word is not asked after all others: the first that matches is taken. */
static void the_first_in_order_is_taken_by_either_word(void **state) {
    (void)state;
    begin("{" PROVIDERS ",'fallbacks':[{" WHEN("'503'") ",'retry':0,'to':'b'},"
                                                        "{" WHEN("'5xx'") ",'retry':0,'to':'c'}]}",
          "a");
    (void)FALLBACK("503", "b", 0);
    (void)FALLBACK("503", "c", 1);
    begin("{" PROVIDERS ",'fallbacks':[{" WHEN("'503'") ",'retry':0,'to':'b'},"
                                                        "{" WHEN("'5xx'") ",'retry':0,'to':'c'}]}",
          "a");
    (void)FALLBACK("500", "c", 1);
}

static void when_nothing_is_left_all_have_failed(void **state) {
    (void)state;
    begin("{" PROVIDERS ",'max_attempts':10,'fallbacks':["
          "{" WHEN("'all_providers_failed'") ",'retry':3,'to':'c'},"
                                             "{" WHEN("'timeout'") ",'retry':1,'to':'b'}]}",
          "a");
    (void)RETRY("TIMEOUT", "a", 1);
    (void)FALLBACK("TIMEOUT", "b", 1);
    (void)RETRY("TIMEOUT", "b", 1);
    (void)FALLBACK("TIMEOUT", "c", 0); /* its retry is for no attempt: none failed so */
    (void)RETRY("TIMEOUT", "c", 1);
    expect_nothing("TIMEOUT");
    begin("{" PROVIDERS ",'fallbacks':[{" WHEN("'all_providers_failed'") ",'to':'c'}]}", "a");
    (void)FALLBACK("2001", "c", 0);
    expect_nothing("2001");
}

static void invalid_and_cancelled_end_the_request(void **state) {
    (void)state;
    begin("{" PROVIDERS ",'fallbacks':[{" WHEN("'all_providers_failed'") ",'to':'c'},"
                                                                         "{'when':{},'to':'b'}]}",
          "a");
    expect_nothing("400");
    expect_nothing("1001");
    expect_nothing("5001");
}

static void attempts_are_bounded_by_the_policy(void **state) {
    (void)state;
    for (unsigned max = 1; max <= BL_ATTEMPTS_MAX; max++) {
        char policy[512];
        (void)snprintf(policy, sizeof(policy),
                       "{" PROVIDERS
                       ",'max_attempts':%u,'fallbacks':[{" WHEN("'timeout'") ",'retry':10}]}",
                       max);
        begin(policy, "a");
        while (rig.count < max) {
            (void)RETRY("TIMEOUT", "a", 0);
        }
        expect_nothing("TIMEOUT");
    }
}

/* --- waiting --------------------------------------------------------------------------------- */

static void expect_delays(const char *backoff, const uint32_t *delays, unsigned count) {
    char policy[512];
    (void)snprintf(policy, sizeof(policy),
                   "{" PROVIDERS ",'max_attempts':10,'fallbacks':[{" WHEN(
                       "'timeout'") ",'retry':9,'backoff':{%s}}]}",
                   backoff);
    begin(policy, "a");
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(RETRY("TIMEOUT", "a", 0), delays[i]);
    }
}

static void delays_grow_as_their_strategy_says(void **state) {
    static const uint32_t doubling[] = {100, 200, 400, 800, 1600, 2000, 2000, 2000, 2000};
    static const uint32_t growing[] = {100, 200, 300, 400, 450, 450};
    static const uint32_t fixed[] = {70, 70, 70, 70};
    static const uint32_t usual[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};
    (void)state;
    expect_delays("'strategy':'exponential','base_ms':100,'max_ms':2000,'jitter':false", doubling,
                  9);
    expect_delays("'strategy':'linear','base_ms':100,'max_ms':450,'jitter':false", growing, 6);
    expect_delays("'strategy':'fixed','base_ms':70,'jitter':false", fixed, 4);
    expect_delays("'jitter':false", usual, 8);
}

static void jitter_takes_away_up_to_half(void **state) {
    static const uint64_t seeds[] = {0, UINT64_MAX / 2, UINT64_MAX};
    static const uint32_t first[] = {100, 76, 51}, fifth[] = {1000, 751, 501};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        rig.seed = seeds[i];
        begin("{" PROVIDERS ",'max_attempts':10,'fallbacks':[{" WHEN(
                  "'timeout'") ",'retry':9,'backoff':{'base_ms':100,'max_ms':1000}}]}",
              "a");
        uint32_t delay = RETRY("TIMEOUT", "a", 0);
        assert_in_range(delay, first[i] - 1, first[i]);
        for (int k = 0; k < 3; k++) {
            (void)RETRY("TIMEOUT", "a", 0);
        }
        delay = RETRY("TIMEOUT", "a", 0);
        assert_in_range(delay, fifth[i] - 1, fifth[i]);
    }
}

/* --- what has changed meanwhile -------------------------------------------------------------- */

static void a_provider_that_left_the_policy_is_not_tried_again(void **state) {
    (void)state;
    begin("{" PROVIDERS ",'fallbacks':[{" WHEN("'timeout'") ",'retry':2}]}", "gone");
    expect_nothing("TIMEOUT");
}

static void what_replaces_a_provider_that_left_is_tried(void **state) {
    (void)state;
    begin("{" PROVIDERS ",'fallbacks':[{" WHEN("'timeout'") ",'retry':2,'to':'b'}]}", "gone");
    (void)FALLBACK("TIMEOUT", "b", 0);
    (void)RETRY("TIMEOUT", "b", 0);
}

static void a_full_arena_ends_it(void **state) {
    const struct bl_fact_source source = {.request = &rig.request, .tenant_id = BL_STR("acme")};
    struct bl_error_class error =
        bl_error_class_of(BL_RESULT_TIMEOUT, BL_STR_ABSENT, BL_STR_ABSENT);
    struct bl_arena full;
    (void)state;
    begin("{" PROVIDERS ",'fallbacks':[{" WHEN("'timeout'") ",'to':'b'}]}", "a");
    bl_arena_init(&full, 256, 256);
    while (bl_arena_alloc(&full, 8) != NULL) {
    }
    assert_false(bl_flow_next_attempt(rig.policy, &source, rig.past, 1, &error, 0, &full).is_there);
    bl_arena_fini(&full);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(without_fallbacks_nothing_follows),
        TEST(retries_then_another_then_nothing),
        TEST(one_retry_is_the_default),
        TEST(without_retry_the_other_is_next),
        TEST(each_fallback_counts_its_own_retries),
        TEST(a_fallback_with_nothing_left_is_passed_over),
        TEST(a_provider_that_was_left_is_not_chosen_again),
        TEST(other_failures_do_not_match),
        TEST(without_a_condition_it_is_for_all),
        TEST(exact_statuses_match_beside_their_class),
        TEST(the_first_in_order_is_taken_by_either_word),
        TEST(when_nothing_is_left_all_have_failed),
        TEST(invalid_and_cancelled_end_the_request),
        TEST(attempts_are_bounded_by_the_policy),
        TEST(delays_grow_as_their_strategy_says),
        TEST(jitter_takes_away_up_to_half),
        TEST(a_provider_that_left_the_policy_is_not_tried_again),
        TEST(what_replaces_a_provider_that_left_is_tried),
        TEST(a_full_arena_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
