#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "expression/builtin.h"
#include "support/expression_fixture.h"

static struct bl_value at(const char *name) {
    struct bl_value key = bl_value_text(bl_str_from_c(name)), found;

    assert_true(bl_value_get(&expression.facts, &key, &found));
    return found;
}

/* What comparing the two takes off a budget. */
static uint32_t cost_of(struct bl_value left, struct bl_value right) {
    struct bl_evaluation evaluation;

    bl_evaluation_init(&evaluation, NULL, NULL, 1000000);
    assert_true(bl_charge_comparison(&evaluation, &left, &right));
    return 1000000 - evaluation.cost_left;
}

static void what_is_short_is_free(void **state) {
    (void)state;
    assert_int_equal(cost_of(bl_value_int(1), bl_value_int(1)), 0);
    assert_int_equal(cost_of(at("short"), at("short")), 0);
    assert_int_equal(cost_of(at("long"), at("short")), 0);
    assert_int_equal(cost_of(at("short"), at("long")), 0);
    assert_int_equal(cost_of(at("long"), bl_value_int(1)), 0);
}

static void long_texts_cost_a_tenth_of_their_bytes(void **state) {
    (void)state;
    assert_int_equal(cost_of(at("long"), at("long")), 8);
}

static void containers_cost_their_parts(void **state) {
    struct bl_value list = at("list"), map = at("map"), copy;
    (void)state;

    assert_int_equal(cost_of(bl_value_int(1), list), 5); /* four items and the list */
    assert_int_equal(cost_of(at("short"), list), 5);
    assert_true(cost_of(at("long"), list) > 5); /* one of the items is a text */
    assert_true(cost_of(list, list) > cost_of(bl_value_int(1), list));
    assert_true(cost_of(map, map) >= 8); /* a long text is in it */
    assert_true(bl_is_ok(bl_value_copy(&map, &expression.arena, &copy)));
    assert_true(cost_of(copy, copy) >= 8);
}

static void what_is_left_may_be_too_little(void **state) {
    struct bl_value list = at("list"), text = at("long");
    struct bl_evaluation evaluation;
    (void)state;

    bl_evaluation_init(&evaluation, NULL, NULL, 4);
    assert_false(bl_charge_comparison(&evaluation, &text, &list));
    assert_int_equal(evaluation.cost_left, 0); /* and nothing more may run */
    bl_evaluation_init(&evaluation, NULL, NULL, 7);
    assert_false(bl_charge_comparison(&evaluation, &text, &text));
}

static int setup(void **state) {
    (void)state;
    expression_open("{\"short\": \"gold\", \"long\": \"0123456789012345678901234567890123456789"
                    "01234567890123456789012345678901\", \"list\": [1, 2, 3, \"x\"], \"map\": "
                    "{\"a\": \"0123456789012345678901234567890123456789012345678901234567890123"
                    "4567890123456789\"}}");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    expression_close();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_short_is_free),
        cmocka_unit_test(long_texts_cost_a_tenth_of_their_bytes),
        cmocka_unit_test(containers_cost_their_parts),
        cmocka_unit_test(what_is_left_may_be_too_little),
    };
    return cmocka_run_group_tests_name("cost", tests, setup, teardown);
}
