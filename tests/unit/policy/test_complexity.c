#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "policy/complexity.h"

static struct bl_complexity of(unsigned pre, unsigned validators, unsigned post) {
    struct bl_policy policy = {.pre_count = (uint8_t)pre,
                               .validator_count = (uint8_t)validators,
                               .post_count = (uint8_t)post};
    return bl_pipeline_complexity(&policy);
}

/* Worked by hand from the formula in the header. */
static void the_score_is_the_frozen_one(void **state) {
    static const struct {
        unsigned pre, validators, post, score;
        enum bl_complexity_level level;
    } cases[] = {
        {0, 0, 0, 0, BL_COMPLEXITY_LOW},         {1, 0, 0, 15, BL_COMPLEXITY_LOW},
        {1, 1, 0, 30, BL_COMPLEXITY_MEDIUM},     {1, 1, 1, 45, BL_COMPLEXITY_MEDIUM},
        {3, 0, 0, 50, BL_COMPLEXITY_MEDIUM},     {2, 1, 1, 60, BL_COMPLEXITY_HIGH},
        {4, 0, 0, 65, BL_COMPLEXITY_HIGH},       {2, 2, 1, 69, BL_COMPLEXITY_HIGH},
        {2, 2, 2, 78, BL_COMPLEXITY_HIGH},       {3, 2, 2, 92, BL_COMPLEXITY_VERY_HIGH},
        {3, 3, 2, 100, BL_COMPLEXITY_VERY_HIGH}, {16, 16, 16, 100, BL_COMPLEXITY_VERY_HIGH},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bl_complexity got = of(cases[i].pre, cases[i].validators, cases[i].post);
        assert_int_equal(got.score, cases[i].score);
        assert_int_equal(got.level, cases[i].level);
        assert_int_equal(got.total, cases[i].pre + cases[i].validators + cases[i].post);
        assert_int_equal(got.estimated_latency_ms, got.total * 30);
    }
}

static void remarks_come_with_what_is_over(void **state) {
    (void)state;
    assert_int_equal(of(2, 2, 0).warning_count, 0);
    assert_int_equal(of(2, 2, 0).recommendation_count, 0);
    struct bl_complexity five = of(2, 2, 1); /* 150 ms is not more than 150 ms */
    assert_int_equal(five.warning_count, 1);
    assert_string_equal(five.warnings[0], "more than 4 extensions");
    struct bl_complexity all = of(3, 3, 3);
    assert_int_equal(all.warning_count, BL_PIPELINE_REMARKS_MAX);
    assert_int_equal(all.recommendation_count, BL_PIPELINE_REMARKS_MAX);
    assert_non_null(strstr(all.warnings[0], "150 ms"));
}

static void levels_have_words(void **state) {
    (void)state;
    assert_string_equal(bl_complexity_level_word(BL_COMPLEXITY_LOW), "low");
    assert_string_equal(bl_complexity_level_word(BL_COMPLEXITY_VERY_HIGH), "very_high");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_score_is_the_frozen_one),
        cmocka_unit_test(remarks_come_with_what_is_over),
        cmocka_unit_test(levels_have_words),
    };
    return cmocka_run_group_tests_name("complexity", tests, NULL, NULL);
}
