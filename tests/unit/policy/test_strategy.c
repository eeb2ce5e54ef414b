#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "support/compiled_policy.h"

static struct compiled compiled;

static void every_word_is_a_strategy(void **state) {
    static const struct {
        const char *word;
        enum bl_strategy strategy;
    } cases[] = {{"weighted", BL_STRATEGY_WEIGHTED},
                 {"priority", BL_STRATEGY_PRIORITY},
                 {"latency", BL_STRATEGY_LATENCY},
                 {"cost", BL_STRATEGY_COST},
                 {"least_busy", BL_STRATEGY_LEAST_BUSY}};
    char text[64];
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(text, sizeof(text), "{weights: {a: 1}, strategy: %s}", cases[i].word);
        expect_good(&compiled, text);
        assert_int_equal(compiled.policy->strategy, cases[i].strategy);
    }
}

static void a_score_has_weights(void **state) {
    (void)state;
    expect_good(&compiled, "{weights: {a: 1}, strategy: {score: {latency: 0.7, load: 2}}}");
    assert_int_equal(compiled.policy->strategy, BL_STRATEGY_SCORE);
    assert_true(compiled.policy->score.latency == 0.7 && compiled.policy->score.load == 2 &&
                compiled.policy->score.cost == 0 && compiled.policy->score.errors == 0);
    expect_refused(&compiled, "{weights: {a: 1}, strategy: {score: {}}}", "strategy.score",
                   "needs a weight above 0");
    expect_refused(&compiled, "{weights: {a: 1}, strategy: {score: {cost: -1}}}",
                   "strategy.score.cost", "between");
    expect_refused(&compiled, "{weights: {a: 1}, strategy: {score: 1}}", "strategy.score",
                   "must be an object");
}

static void anything_else_is_refused(void **state) {
    (void)state;
    assert_string_equal(expect_refused(&compiled, "{weights: {a: 1}, strategy: prioirty}",
                                       "strategy", "there is no strategy \"prioirty\"")
                            ->hint,
                        "did you mean priority?");
    assert_non_null(strstr(expect_refused(&compiled, "{weights: {a: 1}, strategy: best_score}",
                                          "strategy", "there is no strategy")
                               ->hint,
                           "least_busy, or {score:"));
    expect_refused(&compiled, "{weights: {a: 1}, strategy: {cost: 1}}", "strategy",
                   "must be a strategy, found an object");
    expect_refused(&compiled, "{weights: {a: 1}, strategy: 1}", "strategy", "found a number");
    expect_refused(&compiled, "{weights: {a: 1}, strategy: {score: {cost: 1}, x: 1}}", "strategy",
                   "must be a strategy");
}

static int teardown(void **state) {
    (void)state;
    release(&compiled);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_is_a_strategy),
        cmocka_unit_test(a_score_has_weights),
        cmocka_unit_test(anything_else_is_refused),
    };
    return cmocka_run_group_tests_name("strategy", tests, NULL, teardown);
}
