#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "support/compiled_policy.h"

static struct compiled compiled;

static void weights_are_kept_as_written(void **state) {
    (void)state;
    expect_good(&compiled, "{providers: [{name: a, weight: 0.7}, {name: b, weight: 0.0001}, "
                           "{id: c, weight: 0}, {name: d, weight: -0.0, last_resort: true}]}");
    assert_true(compiled.policy->providers[0].weight == 0.7);
    assert_true(compiled.policy->providers[1].weight == 0.0001);
    assert_int_equal(bl_provider_set_count(&compiled.policy->weighted), 2);
    assert_int_equal(bl_provider_set_count(&compiled.policy->last_resort), 1);
    assert_true(bl_provider_set_has(&compiled.policy->last_resort, 3));
    assert_true(1 / compiled.policy->providers[3].weight > 0); /* not -0 */
    assert_true(bl_str_equal(compiled.policy->providers[2].id, BL_STR("c")));
}

static void a_map_of_weights_is_a_list_of_providers(void **state) {
    (void)state;
    expect_good(&compiled, "{weights: {openai: 70, anthropic: 30}}");
    assert_int_equal(compiled.policy->listed_count, 2);
    assert_true(compiled.policy->providers[1].weight == 30);
    assert_true(compiled.policy->providers[1].listed);
    expect_good(&compiled, "{weights: {x: 1}, providers: [{name: a, weight: 1}]}");
    expect_warning(&compiled, "weights", "is ignored, because providers", 1, 2);
    assert_int_equal(compiled.policy->provider_count, 1);
    expect_refused(&compiled, "{weights: [a]}", "weights", "must be an object of numbers");
    expect_refused(&compiled, "{weights: {a: x}}", "weights.a", "must be a number");
}

static void mixed_weights_are_refused_with_both_readings(void **state) {
    (void)state;
    const struct bl_diag *diag =
        expect_refused(&compiled, "{weights: {a: 70, b: 0.3}}", "weights.b",
                       "(70 at weights.a): 70 : 0.3 as written, or 0.7 : 0.3");
    assert_int_equal(diag->column, 22);
    assert_non_null(strstr(diag->hint, "write all weights as whole numbers"));
    /* 1.0 was a whole share where 1 was one percent. */
    expect_refused(&compiled, "{providers: [{name: a, weight: 1.0}, {name: b, weight: 70}]}",
                   "providers[0].weight", "70 : 1 as written, or 0.7 : 1");
    expect_good(&compiled, "{weights: {a: 1.0, b: 0.5}}");
    expect_good(&compiled, "{weights: {a: 0, b: 0.5}}");
    expect_good(&compiled, "{weights: {a: 0.0, b: 5}}");
}

static void weights_out_of_range_are_refused(void **state) {
    (void)state;
    expect_refused(&compiled, "{weights: {a: -1}}", "weights.a",
                   "between 0 and 1000000000000, found -1");
    expect_refused(&compiled, "{weights: {a: 1e13}}", "weights.a", "between");
    expect_refused(&compiled, "{weights: {a: -0.5}}", "weights.a", "between");
    expect_good(&compiled, "{weights: {a: 1e12}}");
    /* What YAML calls not a number and infinity is text here. */
    expect_refused(&compiled, "weights: {a: .nan}", "weights.a", "must be a number");
    expect_refused(&compiled, "weights: {a: .inf}", "weights.a", "must be a number");
    compile_c(&compiled, "{\"weights\": {\"a\": 1e999}}");
    assert_int_equal(compiled.findings.errors, 1);
}

static void ids_are_printable_without_space(void **state) {
    static const char *const bad[] = {
        "a b",     " ",        "a\\tb",   "a\\u0000b", "\\u007f",  "\\u00a0",
        "\\u0085", "x\\u200b", "\\u2028", "\\u3000",   "\\ufeffa", "",
    };
    static const char *const good[] = {
        "openai/gpt-4o@eu", "a", "*", "\\u00e9", "\\u4e2d\\u6587", "a:b.c_d-e", "\\ud83d\\ude00"};
    char text[700];
    (void)state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void)snprintf(text, sizeof(text), "{\"providers\": [{\"name\": \"%s\"}]}", bad[i]);
        expect_refused(&compiled, text, "providers[0].name", "printable UTF-8 without space");
        (void)snprintf(text, sizeof(text), "{\"weights\": {\"%s\": 1}}", bad[i]);
        compile_c(&compiled, text);
        assert_int_equal(compiled.findings.errors, 1);
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        (void)snprintf(text, sizeof(text), "{\"providers\": [{\"name\": \"%s\"}]}", good[i]);
        expect_good(&compiled, text);
    }
    for (int len = 254; len <= 256; len++) {
        (void)snprintf(text, sizeof(text), "{\"weights\": {\"%0*d\": 1}}", len, 1);
        compile_c(&compiled, text);
        assert_int_equal(compiled.findings.errors, len > 255 ? 1 : 0);
    }
}

static void a_provider_is_listed_once_and_has_a_name(void **state) {
    (void)state;
    expect_refused(&compiled, "{providers: [{name: a}, {id: a}]}", "providers[1].id",
                   "\"a\" is listed twice");
    expect_refused(&compiled, "{providers: [{weight: 1}]}", "providers[0]", "needs a name");
    expect_refused(&compiled, "{providers: [{nmae: a}]}", "providers[0].nmae", "unknown key");
    expect_good(&compiled, "{providers: [{name: a, id: b}]}");
    expect_warning(&compiled, "providers[0].id", "is ignored, because name", 1, 24);
    assert_true(bl_str_equal(compiled.policy->providers[0].id, BL_STR("a")));
}

static void a_list_of_texts_is_refused_with_the_way_to_write_it(void **state) {
    (void)state;
    const struct bl_diag *diag =
        expect_refused(&compiled, "{providers: [\"openai:gpt-4o\"]}", "providers[0]",
                       "must be an object, found a string");
    assert_non_null(strstr(diag->hint, "{name: \"openai:gpt-4o\", weight: 1}"));
    assert_non_null(strstr(diag->hint, "strategy: priority"));
    expect_refused(&compiled, "{providers: openai}", "providers", "must be a list");
    expect_refused(&compiled, "{providers: [1]}", "providers[0]", "must be an object");
}

static void tags_are_texts(void **state) {
    (void)state;
    expect_good(&compiled, "{providers: [{name: a, tags: {region: eu, tier: \"1\"}}]}");
    assert_int_equal(compiled.policy->providers[0].tag_count, 2);
    assert_true(bl_str_equal(compiled.policy->providers[0].tags[1].value, BL_STR("1")));
    expect_refused(&compiled, "{providers: [{name: a, tags: {tier: 1}}]}", "providers[0].tags.tier",
                   "must be a text");
    expect_refused(&compiled, "{providers: [{name: a, tags: [eu]}]}", "providers[0].tags",
                   "must be an object of texts");
}

static void who_is_only_named_is_numbered_after_the_listed(void **state) {
    (void)state;
    expect_good(&compiled, "{providers: [{name: a}], fallbacks: [{to: f}], fallback: l, "
                           "rules: [{prefer: [r, a]}, {deny: [r]}]}");
    const struct bl_policy *p = compiled.policy;
    assert_int_equal(p->provider_count, 4);
    assert_int_equal(p->listed_count, 1);
    for (int i = 1; i < 4; i++) {
        assert_true(p->providers[i].named && !p->providers[i].listed);
        assert_true(p->providers[i].weight == 0);
        assert_false(bl_provider_set_has(&p->weighted, i));
    }
    assert_true(p->providers[0].named);
    bl_provider_index r = bl_policy_find_provider(p, BL_STR("r"));
    assert_int_equal(p->rules[0].prefer[0], r);
    assert_int_equal(p->rules[0].prefer[1], 0);
    assert_false(bl_provider_set_has(&p->rules[1].allowed, r));
    assert_true(bl_provider_set_has(&p->rules[1].allowed, 0));
    assert_int_equal(bl_policy_find_provider(p, BL_STR("x")), BL_PROVIDER_NONE);
}

static void the_hash_of_an_id_is_the_same_everywhere(void **state) {
    (void)state;
    expect_good(&compiled, "{weights: {a: 1, b: 1}}");
    uint64_t hash = compiled.policy->providers[0].id_hash;
    assert_true(hash != compiled.policy->providers[1].id_hash);
    expect_good(&compiled, "{weights: {b: 1, a: 1}}");
    assert_true(hash == compiled.policy->providers[1].id_hash);
}

static int teardown(void **state) {
    (void)state;
    release(&compiled);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_kept_as_written),
        cmocka_unit_test(a_map_of_weights_is_a_list_of_providers),
        cmocka_unit_test(mixed_weights_are_refused_with_both_readings),
        cmocka_unit_test(weights_out_of_range_are_refused),
        cmocka_unit_test(ids_are_printable_without_space),
        cmocka_unit_test(a_provider_is_listed_once_and_has_a_name),
        cmocka_unit_test(a_list_of_texts_is_refused_with_the_way_to_write_it),
        cmocka_unit_test(tags_are_texts),
        cmocka_unit_test(who_is_only_named_is_numbered_after_the_listed),
        cmocka_unit_test(the_hash_of_an_id_is_the_same_everywhere),
    };
    return cmocka_run_group_tests_name("providers", tests, NULL, teardown);
}
