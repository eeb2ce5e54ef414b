#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "support/compiled_policy.h"

static struct compiled compiled;

#define PROVIDERS                                                                                  \
    "providers: [{name: us, tags: {region: us, tier: x}}, {name: eu, tags: {region: eu}}, "        \
    "{name: none}], "

static bool is_allowed(int rule, int provider) {
    return bl_provider_set_has(&compiled.policy->rules[rule].allowed, provider);
}

static void narrowing_rules_become_sets(void **state) {
    (void)state;
    expect_good(&compiled, "{" PROVIDERS "rules: [{require_tags: {region: us}}, "
                           "{require_tags: {region: us, tier: y}}, {allow: [eu, none]}, "
                           "{deny: [eu]}, {allow: [us, eu], deny: [us]}, {stop: true}]}");
    static const char expected[][4] = {"100", "000", "011", "101", "010", "111"};
    for (int rule = 0; rule < 6; rule++) {
        for (int provider = 0; provider < 3; provider++) {
            assert_int_equal(is_allowed(rule, provider), expected[rule][provider] == '1');
        }
        assert_int_equal(compiled.policy->rules[rule].narrows, rule != 5);
    }
    assert_true(compiled.policy->rules[5].stop);
    expect_warning(&compiled, "rules[1].require_tags", "no provider has these tags", 0, 0);
}

static void summaries_say_the_effect(void **state) {
    (void)state;
    expect_good(&compiled, "{" PROVIDERS "rules: [{require_tags: {region: us, tier: x}}, "
                           "{deny: [eu], allow: [us, eu], when: {a: 1}}, "
                           "{prefer: [us, other], stop: true, when: {a: 1}}, {stop: true}]}");
    static const char *const expected[] = {"require_tags {region: us, tier: x}",
                                           "allow [us, eu]; deny [eu]", "prefer [us, other]; stop",
                                           "stop"};
    for (int i = 0; i < 4; i++) {
        assert_true(bl_str_equal_c(compiled.policy->rules[i].summary, expected[i]));
    }
}

static void a_long_summary_is_cut(void **state) {
    char text[2048];
    struct bl_buf buf;
    (void)state;

    bl_buf_init(&buf, text, sizeof(text));
    bl_buf_literal(&buf, "{weights: {a: 1}, rules: [{prefer: [");
    for (int i = 0; i < 20; i++) {
        bl_buf_str(&buf, i == 0 ? BL_STR("") : BL_STR(","));
        bl_buf_literal(&buf, "\"provider-with-a-long-name\"");
    }
    bl_buf_bytes(&buf, "]}]}", 5); /* with its NUL */
    expect_good(&compiled, text);
    struct bl_str summary = compiled.policy->rules[0].summary;
    assert_in_range(summary.len, 150, 200);
    assert_memory_equal(summary.data + summary.len - 3, "...", 3);
    assert_int_equal(compiled.policy->rules[0].prefer_count, 20);
}

static void unknown_providers_are_warned_of(void **state) {
    (void)state;
    expect_good(&compiled, "{weights: {openai: 1}, rules: [{deny: [opneai]}, {allow: [zz]}]}");
    assert_string_equal(
        expect_warning(&compiled, "rules[0].deny[0]", "no provider is called \"opneai\"", 1, 40)
            ->hint,
        "did you mean openai?");
    expect_warning(&compiled, "rules[1].allow[0]", "no provider is called \"zz\"", 0, 0);
    assert_true(bl_provider_set_is_empty(&compiled.policy->rules[1].allowed));
}

static void rules_that_say_nothing_are_refused(void **state) {
    (void)state;
    expect_refused(&compiled, "{weights: {a: 1}, rules: [{when: {a: 1}}]}", "rules[0]",
                   "the rule has no effect");
    expect_refused(&compiled, "{weights: {a: 1}, rules: [{}]}", "rules[0]", "has no effect");
    expect_refused(&compiled, "{weights: {a: 1}, rules: [{deny: []}]}", "rules[0].deny",
                   "names no provider");
    expect_refused(&compiled, "{weights: {a: 1}, rules: [{prefer: []}]}", "rules[0].prefer",
                   "names no provider");
    expect_refused(&compiled, "{weights: {a: 1}, rules: [{require_tags: {}}]}",
                   "rules[0].require_tags", "names no tag");
    expect_refused(&compiled, "{weights: {a: 1}, rules: [1]}", "rules[0]", "must be an object");
    expect_refused(&compiled, "{weights: {a: 1}, rules: {a: 1}}", "rules", "a list of rules");
}

static void lists_of_providers_are_lists_of_texts(void **state) {
    (void)state;
    assert_string_equal(expect_refused(&compiled, "{weights: {a: 1}, rules: [{prefer: a}]}",
                                       "rules[0].prefer", "must be a list of provider ids")
                            ->hint,
                        "write [\"a\"]");
    expect_refused(&compiled, "{weights: {a: 1}, rules: [{deny: [1]}]}", "rules[0].deny[0]",
                   "must be a provider id, found a number");
    expect_refused(&compiled, "{weights: {a: 1}, rules: [{prefer: [1]}]}", "rules[0].prefer[0]",
                   "must be a provider id, found a number");
    expect_refused(&compiled, "{weights: {a: 1}, rules: [{prefer: [\"b c\"]}]}",
                   "rules[0].prefer[0]", "without space");
    expect_refused(&compiled, "{weights: {a: 1}, rules: [{require_tags: {a: 1}}]}",
                   "rules[0].require_tags.a", "must be a text");
}

static int teardown(void **state) {
    (void)state;
    release(&compiled);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(narrowing_rules_become_sets),
        cmocka_unit_test(summaries_say_the_effect),
        cmocka_unit_test(a_long_summary_is_cut),
        cmocka_unit_test(unknown_providers_are_warned_of),
        cmocka_unit_test(rules_that_say_nothing_are_refused),
        cmocka_unit_test(lists_of_providers_are_lists_of_texts),
    };
    return cmocka_run_group_tests_name("rules", tests, NULL, teardown);
}
