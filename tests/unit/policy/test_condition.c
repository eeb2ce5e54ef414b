#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "support/compiled_policy.h"

static struct compiled compiled;

/* Given facts a, b and c of the request, as JSON; NULL or an empty text is an absent fact. */
static bool holds(const char *when, const char *const given[3]) {
    static const char *const names[] = {"a", "b", "c"};
    struct bl_value values[8] = {{0}};
    struct bl_json_doc docs[3];
    struct bl_arena arena;
    struct bl_diag diag;
    char text[1024];

    (void)snprintf(text, sizeof(text), "{weights: {w: 1}, rules: [{stop: true, when: %s}]}", when);
    expect_good(&compiled, text);
    assert_true(compiled.policy->fact_count <= 8);
    bl_arena_init(&arena, 4096, 65536);
    for (int i = 0; i < compiled.policy->fact_count; i++) {
        for (int j = 0; j < 3; j++) {
            if (bl_str_equal_c(compiled.policy->facts[i].path, names[j]) && given[j] != NULL &&
                given[j][0] != '\0') {
                assert_true(bl_is_ok(bl_json_read(bl_str_from_c(given[j]), &bl_json_request_limits,
                                                  &arena, &docs[j], &diag)));
                values[i] = bl_value_from_json(bl_json_root(&docs[j]));
            }
        }
    }
    bool result = bl_condition_holds(compiled.policy, compiled.policy->rules[0].condition, values);
    bl_arena_fini(&arena);
    return result;
}

#define HOLDS(when, ...) assert_true(holds(when, (const char *const[3]){__VA_ARGS__}))
#define FAILS(when, ...) assert_false(holds(when, (const char *const[3]){__VA_ARGS__}))

static void equality_is_of_value_and_kind(void **state) {
    (void)state;
    HOLDS("{a: 1}", "1");
    HOLDS("{a: 1}", "1.0");
    HOLDS("{a: 1.0}", "1");
    FAILS("{a: 1}", "\"1\"");
    FAILS("{a: 1}", "true");
    FAILS("{a: 1}", "2");
    HOLDS("{a: \"1\"}", "\"1\"");
    FAILS("{a: \"1\"}", "1");
    HOLDS("{a: true}", "true");
    FAILS("{a: true}", "false");
    FAILS("{a: false}", "null");
    HOLDS("{a: null}", "null");
    FAILS("{a: null}", "");
    HOLDS("{a: \"\"}", "\"\"");
    FAILS("{a: \"\"}", "");
    HOLDS("{a: 9007199254740993}", "9007199254740993");
    FAILS("{a: 9007199254740993}", "9007199254740992.0");
    HOLDS("{a: 18446744073709551615}", "18446744073709551615");
    FAILS("{a: -1}", "18446744073709551615");
}

static void texts_of_every_length_compare_whole(void **state) {
    char when[128];
    char fact[128];
    (void)state;

    for (int len = 1; len <= 40; len++) {
        (void)snprintf(when, sizeof(when), "{a: \"%0*d\"}", len, 7);
        (void)snprintf(fact, sizeof(fact), "\"%0*d\"", len, 7);
        HOLDS(when, fact);
        for (int i = 1; i <= len; i++) { /* one byte differs, wherever it stands */
            char kept = fact[i];
            fact[i] = 'x';
            FAILS(when, fact);
            fact[i] = kept;
        }
        (void)snprintf(fact, sizeof(fact), "\"%0*d\"", len + 1, 7);
        FAILS(when, fact);
    }
}

static void an_absent_fact_compares_false_with_everything(void **state) {
    static const char *const words[] = {"==", "!=", "<", "<=", ">", ">="};
    char when[64];
    (void)state;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        (void)snprintf(when, sizeof(when), "{\"%s\": [{var: a}, 1]}", words[i]);
        FAILS(when, "");
        (void)snprintf(when, sizeof(when), "{\"%s\": [1, {var: a}]}", words[i]);
        FAILS(when, "");
        (void)snprintf(when, sizeof(when), "{\"%s\": [{var: a}, {var: b}]}", words[i]);
        FAILS(when, "", "");
    }
    FAILS("{in: [{var: a}, [1]]}", "");
    FAILS("{in: [1, {var: a}]}", "");
    FAILS("{a: [1, null]}", "");
    HOLDS("{not: {a: 1}}", "");
}

static void inequality_needs_both_sides(void **state) {
    (void)state;
    HOLDS("{\"!=\": [{var: a}, 1]}", "2");
    HOLDS("{\"!=\": [{var: a}, 1]}", "\"1\"");
    HOLDS("{\"!=\": [{var: a}, 1]}", "null");
    FAILS("{\"!=\": [{var: a}, 1]}", "1.0");
    HOLDS("{\"!=\": [{var: a}, 1]}", "{\"x\": 1}");
    FAILS("{a: 1}", "{\"x\": 1}");
}

static void order_is_of_numbers_and_of_texts(void **state) {
    (void)state;
    HOLDS("{\"<\": [{var: a}, 2]}", "1.5");
    FAILS("{\"<\": [{var: a}, 2]}", "2");
    HOLDS("{\"<=\": [{var: a}, 2]}", "2.0");
    HOLDS("{\">\": [{var: a}, 2]}", "3");
    HOLDS("{\">=\": [{var: a}, -2]}", "-2");
    FAILS("{\">=\": [{var: a}, -2]}", "-3");
    HOLDS("{\"<\": [{var: a}, b]}", "\"a\"");
    HOLDS("{\"<\": [{var: a}, ab]}", "\"a\"");
    FAILS("{\"<\": [{var: a}, 2]}", "\"1\"");
    FAILS("{\">\": [{var: a}, 2]}", "\"1\"");
    FAILS("{\"<\": [{var: a}, true]}", "false");
    FAILS("{\"<=\": [{var: a}, null]}", "null");
    FAILS("{\"<=\": [{var: a}, {var: b}]}", "[1]", "[1]");
    HOLDS("{\">\": [{var: a}, 9007199254740992.0]}", "9007199254740993");
    HOLDS("{\">\": [{var: a}, 9223372036854775807]}", "9223372036854775808");
    HOLDS("{\"<\": [{var: a}, {var: b}]}", "1", "2");
}

static void membership_looks_into_lists_only(void **state) {
    (void)state;
    HOLDS("{a: [x, 1, null]}", "\"x\"");
    HOLDS("{a: [x, 1, null]}", "1.0");
    HOLDS("{a: [x, 1, null]}", "null");
    FAILS("{a: [x, 1, null]}", "\"1\"");
    HOLDS("{in: [x, {var: a}]}", "[\"y\", \"x\"]");
    FAILS("{in: [x, {var: a}]}", "\"x\"");
    FAILS("{in: [x, {var: a}]}", "[[\"x\"]]");
    FAILS("{in: [{var: a}, [x]]}", "[\"x\"]");
    HOLDS("{\"==\": [{var: a}, [1, x]]}", "[1.0, \"x\"]");
    FAILS("{\"==\": [{var: a}, [1, x]]}", "[\"x\", 1]");
    FAILS("{\"==\": [{var: a}, [1, x]]}", "[1]");
}

static void entries_are_joined_by_and(void **state) {
    (void)state;
    HOLDS("{a: 1, b: 2}", "1", "2");
    FAILS("{a: 1, b: 2}", "1", "3");
    FAILS("{a: 1, b: 2}", "1");
    HOLDS("{all: [{a: 1}, {b: 2}]}", "1", "2");
    FAILS("{all: [{a: 1}, {b: 2}]}", "2", "2");
    HOLDS("{any: [{a: 1}, {b: 2}]}", "2", "2");
    FAILS("{any: [{a: 1}, {b: 2}]}", "2", "1");
}

static void not_turns_the_whole_of_its_operands(void **state) {
    (void)state;
    FAILS("{not: {a: 1}}", "1");
    HOLDS("{not: {a: 1}}", "2");
    HOLDS("{not: {a: 1, b: 2}}", "1", "3"); /* not both */
    FAILS("{not: {a: 1, b: 2}}", "1", "2");
    HOLDS("{not: [{a: 1}, {b: 2}]}", "1", "3");
    FAILS("{not: [{a: 1}, {b: 2}]}", "1", "2");
    HOLDS("{not: {not: {a: 1}}}", "1");
    FAILS("{not: {not: {not: {a: 1}}}}", "1");
    HOLDS("{not: {any: [{a: 1}, {b: 2}]}, c: 3}", "0", "0", "3");
    FAILS("{not: {any: [{a: 1}, {all: [{b: 2}, {not: {c: 3}}]}]}}", "0", "2", "4");
    HOLDS("{not: {any: [{a: 1}, {all: [{b: 2}, {not: {c: 3}}]}]}}", "0", "2", "3");
}

static void always_needs_no_facts(void **state) {
    (void)state;
    expect_good(&compiled, "{weights: {w: 1}, rules: [{stop: true}]}");
    assert_true(bl_condition_holds(compiled.policy, BL_CONDITION_ALWAYS, NULL));
    assert_int_equal(compiled.policy->rules[0].condition, BL_CONDITION_ALWAYS);
}

static int teardown(void **state) {
    (void)state;
    release(&compiled);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equality_is_of_value_and_kind),
        cmocka_unit_test(texts_of_every_length_compare_whole),
        cmocka_unit_test(an_absent_fact_compares_false_with_everything),
        cmocka_unit_test(inequality_needs_both_sides),
        cmocka_unit_test(order_is_of_numbers_and_of_texts),
        cmocka_unit_test(membership_looks_into_lists_only),
        cmocka_unit_test(entries_are_joined_by_and),
        cmocka_unit_test(not_turns_the_whole_of_its_operands),
        cmocka_unit_test(always_needs_no_facts),
    };
    return cmocka_run_group_tests_name("condition", tests, NULL, teardown);
}
