/* Limits against given levels, at the limit. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "route/limit.h"

#define MS INT64_C(1000000)
#define NOW (INT64_C(1700000000000) * MS)

static struct bl_limits_config config;
static struct bl_limit_levels levels;

static int setup(void **state) {
    (void)state;
    config = (struct bl_limits_config){0};
    config.budget.reserve_max_nano = BL_MONEY_UNKNOWN;
    levels = (struct bl_limit_levels){0};
    return 0;
}

static enum bl_error verdict(uint64_t tokens) {
    return bl_limit_evaluate(&config, &levels, NOW, tokens).error;
}

static void nothing_set_never_refuses(void **state) {
    (void)state;
    levels.rate_tat_ns = INT64_MAX;
    levels.quota_used = UINT64_MAX;
    levels.budget_used_nano = INT64_MAX;
    assert_int_equal(verdict(UINT64_MAX), BL_E_NONE);
}

static void rate_lets_the_burst_through(void **state) {
    (void)state;
    config.rate.enabled = true;
    config.rate.requests_per_second = 10; /* one takes 100 ms */
    config.rate.burst = 3;                /* so 200 ms ahead still passes */
    levels.rate_tat_ns = NOW + 200 * MS;
    assert_int_equal(verdict(1), BL_E_NONE);
    levels.rate_tat_ns = NOW + 200 * MS + 1;
    struct bl_limit_verdict refused = bl_limit_evaluate(&config, &levels, NOW, 1);
    assert_int_equal(refused.error, BL_E_RATE_LIMIT_EXCEEDED);
    assert_int_equal(refused.retry_after_ms, 1); /* rounded up */
    levels.rate_tat_ns = NOW + 300 * MS;
    assert_int_equal(bl_limit_evaluate(&config, &levels, NOW, 1).retry_after_ms, 100);
    config.rate.scope = BL_SCOPE_PROVIDER;
    assert_int_equal(verdict(1), BL_E_NONE); /* looked at per provider */
}

static void waiting_as_told_is_enough(void **state) {
    (void)state;
    config.rate.enabled = true;
    config.rate.requests_per_second = 7;
    config.rate.burst = 2;
    for (int64_t ahead = 0; ahead < 2000 * MS; ahead += 1234567) {
        levels.rate_tat_ns = NOW + ahead;
        struct bl_limit_verdict now = bl_limit_evaluate(&config, &levels, NOW, 1);
        if (now.error != BL_E_NONE) {
            assert_true(now.retry_after_ms > 0);
            struct bl_limit_verdict then =
                bl_limit_evaluate(&config, &levels, NOW + now.retry_after_ms * MS, 1);
            assert_int_equal(then.error, BL_E_NONE);
            struct bl_limit_verdict early =
                bl_limit_evaluate(&config, &levels, NOW + (now.retry_after_ms - 1) * MS, 1);
            assert_int_equal(early.error, BL_E_RATE_LIMIT_EXCEEDED);
        }
    }
}

static void tokens_count_by_their_number(void **state) {
    (void)state;
    config.tokens_per_minute = 600; /* one takes 100 ms */
    levels.tokens_tat_ns = NOW + 30000 * MS;
    assert_int_equal(verdict(300), BL_E_NONE);
    assert_int_equal(verdict(301), BL_E_RATE_LIMIT_EXCEEDED);
    assert_int_equal(bl_limit_evaluate(&config, &levels, NOW, 301).retry_after_ms, 100);
    assert_int_equal(verdict(0), BL_E_NONE); /* unknown counts as one */
    levels.tokens_tat_ns = NOW + 59901 * MS;
    assert_int_equal(verdict(0), BL_E_RATE_LIMIT_EXCEEDED);
    levels.tokens_tat_ns = NOW;
    assert_int_equal(verdict(1000000), BL_E_NONE); /* more than a minute: when nothing is owed */
    levels.tokens_tat_ns = NOW + 1;
    assert_int_equal(verdict(1000000), BL_E_RATE_LIMIT_EXCEEDED);
}

static void quota_ends_at_its_number(void **state) {
    (void)state;
    config.quota.requests = 5;
    levels.quota_used = 4;
    levels.quota_resets_ms = NOW / MS + 7;
    assert_int_equal(verdict(1), BL_E_NONE);
    levels.quota_used = 5;
    struct bl_limit_verdict refused = bl_limit_evaluate(&config, &levels, NOW, 1);
    assert_int_equal(refused.error, BL_E_QUOTA_EXCEEDED);
    assert_int_equal(refused.retry_after_ms, 7);
    levels.quota_resets_ms = NOW / MS - 7; /* a clock that went back: soon, never at once */
    assert_int_equal(bl_limit_evaluate(&config, &levels, NOW, 1).retry_after_ms, 1);
}

static void budget_blocks_goes_on_or_warns(void **state) {
    (void)state;
    config.budget.cost_nano = 100;
    levels.budget_used_nano = 99;
    assert_int_equal(verdict(1), BL_E_NONE);
    levels.budget_used_nano = 100;
    assert_int_equal(verdict(1), BL_E_BUDGET_EXCEEDED);
    config.budget.on_exceed = BL_ON_EXCEED_LAST_RESORT;
    struct bl_limit_verdict last = bl_limit_evaluate(&config, &levels, NOW, 1);
    assert_int_equal(last.error, BL_E_NONE);
    assert_true(last.only_last_resort);
    config.budget.on_exceed = BL_ON_EXCEED_WARN;
    last = bl_limit_evaluate(&config, &levels, NOW, 1);
    assert_int_equal(last.error, BL_E_NONE);
    assert_false(last.only_last_resort);
}

static void reserve_takes_the_best_known(void **state) {
    (void)state;
    struct bl_provider provider = {.expect_cost_nano = 30};
    struct bl_provider_state known = BL_PROVIDER_STATE_UNKNOWN;
    assert_int_equal(bl_limit_reserve(&config, 5, &provider, &known), 0); /* no budget */
    config.budget.cost_nano = 1000;
    assert_int_equal(bl_limit_reserve(&config, BL_MONEY_UNKNOWN, &provider, NULL), 30);
    known.cost_p95_nano = 40;
    assert_int_equal(bl_limit_reserve(&config, BL_MONEY_UNKNOWN, &provider, &known), 40);
    assert_int_equal(bl_limit_reserve(&config, 50, &provider, &known), 50);
    config.budget.reserve_max_nano = 45;
    assert_int_equal(bl_limit_reserve(&config, 50, &provider, &known), 45);
    assert_int_equal(bl_limit_reserve(&config, 7, &provider, &known), 7);
    assert_int_equal(bl_limit_reserve(&config, BL_MONEY_UNKNOWN, &provider, &known), 45);
    config.budget.reserve_max_nano = BL_MONEY_UNKNOWN;
    provider.expect_cost_nano = BL_MONEY_UNKNOWN;
    assert_int_equal(bl_limit_reserve(&config, BL_MONEY_UNKNOWN, &provider, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(nothing_set_never_refuses),    TEST(rate_lets_the_burst_through),
        TEST(waiting_as_told_is_enough),    TEST(tokens_count_by_their_number),
        TEST(quota_ends_at_its_number),     TEST(budget_blocks_goes_on_or_warns),
        TEST(reserve_takes_the_best_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
