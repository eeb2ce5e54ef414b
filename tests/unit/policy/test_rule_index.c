#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rule_index.h"
#include "support/compiled_policy.h"

static struct compiled compiled;

/* The rules worth evaluating when the policy's facts have these values, in the order of facts. */
static uint64_t worth(const struct bl_value *facts) {
    uint64_t rules[BL_POLICY_MAX_RULES / 64] = {0};
    bl_rule_index_find(&compiled.policy->rule_index, compiled.policy->rule_count, facts, rules);
    return rules[0];
}

static void compile(const char *rules) {
    char text[2048];
    (void)snprintf(text, sizeof(text), "{weights: {a: 1}, rules: [%s]}", rules);
    expect_good(&compiled, text);
}

static const struct bl_value absent = {.type = BL_VALUE_ABSENT};

static void a_text_finds_the_rules_that_ask_for_it(void **state) {
    struct bl_value gold = bl_value_text(BL_STR("gold")), tin = bl_value_text(BL_STR("tin"));
    const struct bl_value number = bl_value_int(3);
    (void)state;
    compile("{stop: true, when: 'metadata.t == \"gold\"'}, {stop: true, when: {metadata.t: gold}},"
            "{stop: true, when: 'metadata.t in [\"gold\", \"silver\"] && 1 < 2'},"
            "{stop: true, when: 'metadata.t == \"bronze\"'},"
            "{stop: true, when: 'metadata.t != \"gold\"'}");
    assert_int_equal(compiled.policy->rule_index.fact_count, 1);
    assert_int_equal(worth(&gold), 0x17);
    assert_int_equal(worth(&tin), 0x10);
    assert_int_equal(worth(&number), 0x10);
    assert_int_equal(worth(&absent), 0x1D); /* expressions fail without it, the object does not */
}

static void few_tests_of_one_fact_are_not_worth_it(void **state) {
    (void)state;
    compile("{stop: true, when: {a: x}}, {stop: true, when: {a: y}}, {stop: true, when: {a: z}}");
    assert_int_equal(compiled.policy->rule_index.fact_count, 0);
    assert_int_equal(worth(&absent), 7);
}

static void alternatives_and_negations_are_no_tests(void **state) {
    (void)state;
    compile("{stop: true, when: {any: [{a: x}, {b: 1}]}}, {stop: true, when: {not: {a: x}}},"
            "{stop: true, when: 'metadata.a == \"x\" || true'}, {stop: true, when: {a: 3}},"
            "{stop: true, when: {a: [x, 3]}}, {stop: true, when: 'metadata.a == metadata.b'}");
    assert_int_equal(compiled.policy->rule_index.fact_count, 0);
}

/* --- with and without the index, the same rules match and the same fail ------------------------ */

static uint64_t seed;

static uint64_t draw(uint64_t below) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (seed >> 33) % below;
}

static void put_rule(struct bl_buf *buf) {
    static const char *const forms[] = {
        "{stop: false, deny: [z], when: 'metadata.a == \"%c\"'},",
        "{deny: [z], when: {metadata.a: %c}},",
        "{deny: [z], when: 'metadata.b == \"%c\" && metadata.a != \"c\"'},",
        "{deny: [z], when: 'metadata.c > 2 && metadata.b in [\"%c\", \"b\"]'},",
        "{deny: [z], when: {metadata.b: [%c, a]}},",
        "{deny: [z], when: 'metadata.c == 1 || metadata.a == \"%c\"'},",
        "{deny: [z], when: '!(metadata.a == \"%c\")'},",
    };
    char rule[128];
    (void)snprintf(rule, sizeof(rule), forms[draw(sizeof(forms) / sizeof(forms[0]))],
                   (int)('a' + draw(6)));
    bl_buf_str(buf, bl_str_from_c(rule));
}

static struct bl_value random_fact(void) {
    static const char letters[] = "abcdefgh";
    switch (draw(4)) {
    case 0:
        return absent;
    case 1:
        return bl_value_int((int64_t)draw(4));
    default:
        return bl_value_text((struct bl_str){letters + draw(8), 1});
    }
}

static void the_index_leaves_out_only_what_cannot_match(void **state) {
    static char text[32768];
    const char *given = getenv("BL_TEST_SEED");
    struct bl_buf buf;
    unsigned left_out = 0;
    (void)state;

    seed = given != NULL ? strtoull(given, NULL, 10) : 20261123;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (int round = 0; round < 200; round++) {
        bl_buf_init(&buf, text, sizeof(text) - 1);
        bl_buf_literal(&buf, "{weights: {a: 1}, rules: [");
        for (uint64_t i = 0, count = 1 + draw(100); i < count; i++) {
            put_rule(&buf);
        }
        bl_buf_literal(&buf, "]}");
        text[buf.len] = '\0';
        expect_good(&compiled, text);
        for (int i = 0; i < 8; i++) {
            struct bl_value facts[8];
            uint64_t rules[BL_POLICY_MAX_RULES / 64];
            struct bl_evaluation evaluation;
            for (int f = 0; f < 8; f++) {
                facts[f] = random_fact();
            }
            bl_rule_index_find(&compiled.policy->rule_index, compiled.policy->rule_count, facts,
                               rules);
            bl_conditions_begin(compiled.policy, facts, &evaluation);
            for (uint16_t r = 0; r < compiled.policy->rule_count; r++) {
                bool is_worth = (rules[r / 64] >> (r % 64) & 1) != 0;
                enum bl_truth truth =
                    bl_condition_truth(&evaluation, compiled.policy->rules[r].condition);
                left_out += is_worth ? 0 : 1;
                if (!is_worth && truth != BL_TRUTH_FALSE) {
                    fail_msg("round %d: rule %d was left out: %s", round, r, text);
                }
            }
        }
    }
    assert_true(left_out > 10000); /* the index is at work */
}

static int teardown(void **state) {
    (void)state;
    release(&compiled);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_finds_the_rules_that_ask_for_it),
        cmocka_unit_test(few_tests_of_one_fact_are_not_worth_it),
        cmocka_unit_test(alternatives_and_negations_are_no_tests),
        cmocka_unit_test(the_index_leaves_out_only_what_cannot_match),
    };
    return cmocka_run_group_tests_name("rule_index", tests, NULL, teardown);
}
