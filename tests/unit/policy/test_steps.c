#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "support/compiled_policy.h"

static struct compiled compiled;

static void steps_stand_in_order_of_their_kinds(void **state) {
    (void)state;
    expect_good(&compiled,
                "{weights: {w: 1}, post: [{id: e, mode: required}], validators: [{id: c, "
                "on_fail: ignore}, {id: d}], pre: [{id: a, config: {k: [1, {x: null}]}, "
                "when: {t: 1}}, {id: b, mode: required}]}");
    const struct bl_policy *p = compiled.policy;
    static const char *const ids[] = {"a", "b", "c", "d", "e"};
    static const enum bl_step_kind kinds[] = {BL_STEP_PRE, BL_STEP_PRE, BL_STEP_VALIDATOR,
                                              BL_STEP_VALIDATOR, BL_STEP_POST};

    assert_int_equal(p->pre_count, 2);
    assert_int_equal(p->validator_count, 2);
    assert_int_equal(p->post_count, 1);
    for (int i = 0; i < 5; i++) {
        assert_true(bl_str_equal_c(p->steps[i].id, ids[i]));
        assert_int_equal(p->steps[i].kind, kinds[i]);
        assert_int_equal(p->steps[i].condition == BL_CONDITION_ALWAYS, i != 0);
    }
    assert_int_equal(p->steps[0].mode, BL_STEP_OPTIONAL);
    assert_int_equal(p->steps[1].mode, BL_STEP_REQUIRED);
    assert_int_equal(p->steps[2].on_fail, BL_STEP_IGNORE);
    assert_int_equal(p->steps[3].on_fail, BL_STEP_BLOCK);
    assert_int_equal(p->steps[4].mode, BL_STEP_REQUIRED);
    assert_true(bl_str_equal_c(p->steps[0].config, "{\"k\":[1,{\"x\":null}]}"));
    assert_false(bl_str_is_present(p->steps[1].config));
}

static void each_unregistered_step_is_warned_of(void **state) {
    (void)state;
    expect_good(&compiled, "{weights: {w: 1}, pre: [{id: a}, {id: b, mode: required}], validators: "
                           "[{id: c}]}");
    assert_non_null(
        strstr(expect_warning(&compiled, "pre[0]", "extension a is not registered", 1, 25)->hint,
               "skipped"));
    assert_non_null(
        strstr(expect_warning(&compiled, "pre[1]", "extension b is not registered", 0, 0)->hint,
               "refused"));
    assert_non_null(strstr(
        expect_warning(&compiled, "validators[0]", "extension c is not registered", 0, 0)->hint,
        "refused"));
}

static void the_older_place_is_read(void **state) {
    (void)state;
    expect_good(&compiled, "{weights: {w: 1}, extensions: {pre: [{id: a}], validators: [{id: b}], "
                           "post: [{id: c}]}}");
    assert_int_equal(compiled.policy->pre_count + compiled.policy->validator_count +
                         compiled.policy->post_count,
                     3);
    expect_refused(&compiled, "{weights: {w: 1}, extensions: {pre: [{id: \"a b\"}]}}",
                   "extensions.pre[0].id", "an extension's id has");
    expect_good(&compiled, "{weights: {w: 1}, extensions: {pre: [{id: a}]}, post: [{id: c}]}");
    assert_int_equal(compiled.policy->pre_count + compiled.policy->post_count, 2);
    /* A validator must not be lost because the list stands twice. */
    expect_refused(&compiled,
                   "{weights: {w: 1}, extensions: {validators: [{id: a}]}, validators: [{id: b}]}",
                   "extensions.validators", "stands here and at the top");
}

static void wrong_steps_are_refused(void **state) {
    (void)state;
    assert_non_null(strstr(expect_refused(&compiled,
                                          "{weights: {w: 1}, pre: [{id: a, mode: "
                                          "mandatory}]}",
                                          "pre[0].mode", "found \"mandatory\"")
                               ->hint,
                           "write required"));
    expect_refused(&compiled, "{weights: {w: 1}, pre: [{mode: required}]}", "pre[0]",
                   "needs an id");
    expect_refused(&compiled, "{weights: {w: 1}, pre: [{id: 7}]}", "pre[0].id", "id has 1 to 255");
    expect_refused(&compiled, "{weights: {w: 1}, pre: [a]}", "pre[0]", "must be an object");
    expect_refused(&compiled, "{weights: {w: 1}, pre: {id: a}}", "pre", "a list of extensions");
    expect_refused(&compiled, "{weights: {w: 1}, pre: [{id: a, config: 1}]}", "pre[0].config",
                   "must be an object");
    expect_refused(&compiled, "{weights: {w: 1}, pre: [{id: a, on_fail: block}]}", "pre[0].on_fail",
                   "unknown key");
    expect_refused(&compiled, "{weights: {w: 1}, validators: [{id: a, mode: required}]}",
                   "validators[0].mode", "unknown key");
    expect_refused(&compiled, "{weights: {w: 1}, metadata: [1]}", "metadata", "must be an object");
}

static void sizes_are_limited(void **state) {
    static char text[70000];
    (void)state;

    for (int extra = 0; extra < 2; extra++) { /* {"k":"xxx"} */
        (void)snprintf(text, sizeof(text),
                       "{weights: {w: 1}, pre: [{id: a, config: {k: \"%0*d\"}}]}",
                       16384 - 8 + extra, 1);
        compile_c(&compiled, text);
        assert_int_equal(compiled.findings.errors, extra);
        (void)snprintf(text, sizeof(text), "{weights: {w: 1}, metadata: {k: \"%0*d\"}}",
                       65536 - 8 + extra, 1);
        compile_c(&compiled, text);
        assert_int_equal(compiled.findings.errors, extra);
    }
    expect_error(&compiled, "metadata", "is larger than 65536 bytes", 0, 0);
}

static int teardown(void **state) {
    (void)state;
    release(&compiled);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_stand_in_order_of_their_kinds),
        cmocka_unit_test(each_unregistered_step_is_warned_of),
        cmocka_unit_test(the_older_place_is_read),
        cmocka_unit_test(wrong_steps_are_refused),
        cmocka_unit_test(sizes_are_limited),
    };
    return cmocka_run_group_tests_name("steps", tests, NULL, teardown);
}
