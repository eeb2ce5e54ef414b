#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "support/expression_fixture.h"

#define MAX "9223372036854775807"
#define MIN "-9223372036854775808"
#define UMAX "18446744073709551615u"
#define NAN_ "double(\"NaN\")"
#define FAILS "(1 / zero == 1)"
#define NONE "error: no such overload"

static void numbers_compare_by_value(void **state) {
    static const struct expression_case cases[] = {
        {"1 == 1.0", "true"},
        {"1u == 1", "true"},
        {"1u == 1.0", "true"},
        {"1 != 1.5", "true"},
        {"1u < -1", "false"},
        {"-1 < 1u", "true"},
        {"-1 < 0u", "true"},
        {"9007199254740993 == 9007199254740992.0", "false"},
        {"9007199254740993 > 9007199254740992.0", "true"},
        {"9007199254740992.0 < 9007199254740993", "true"},
        {UMAX " > " MAX, "true"},
        {UMAX " < 1.8446744073709552e19", "true"},
        {MIN " == -9223372036854775808.0", "true"},
        {"dyn(" MAX ") < 9223372036854775808.0", "true"}, /* exact, where cel-go rounds */
        {"0.0 == -0.0", "true"},
        {"0 == -0.0", "true"},
        {NAN_ " == " NAN_, "false"},
        {NAN_ " != " NAN_, "true"},
        {NAN_ " < 1", "false"},
        {NAN_ " >= 1", "false"},
        {"1u <= " NAN_, "false"},
        {"[" NAN_ "] == [" NAN_ "]", "false"},
        {"1 in [" NAN_ "]", "false"},
        {"double(\"Infinity\") > " UMAX, "true"},
        {"double(\"-Infinity\") < " MIN, "true"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void comparisons_of_each_type(void **state) {
    static const struct expression_case cases[] = {
        {"1 < 2", "true"},
        {"2 <= 2", "true"},
        {"2 > 3", "false"},
        {"3 >= 3", "true"},
        {"1u < 2u", "true"},
        {"1.5 >= 1.5", "true"},
        {"\"a\" < \"b\"", "true"},
        {"\"b\" <= \"a\"", "false"},
        {"\"\" < \"a\"", "true"},
        {"\"Z\" < \"a\"", "true"},
        {"\"\\u00e9\" > \"z\"", "true"},
        {"false < true", "true"},
        {"true <= true", "true"},
        {"when > timestamp(0)", "true"},
        {"when == when", "true"},
        {"wait < duration(\"2m\")", "true"},
        {"duration(\"-0.5s\") > duration(\"-0.6s\")", "true"},
        {"null == null", "true"},
        {"null != null", "false"},
        {"[1, 2] == [1, 2.0]", "true"},
        {"[1] != [1, 2]", "true"},
        {"{\"a\": 1, \"b\": 2} == {\"b\": 2u, \"a\": 1.0}", "true"},
        {"{\"a\": 1} == {\"a\": 2}", "false"},
        {"items == [1, \"two\"]", "true"},
        {"labels == {\"tier\": \"gold\"}", "true"},
        {"text == \"hello\"", "true"},
        {"text == \"hellO\"", "false"},
        {"text == \"hell\"", "false"},
        {"any == 5", "true"},
        {"any == \"5\"", "false"},
        {"nothing == null", "true"},
        {"dyn(1) == \"1\"", "false"},
        {"dyn(1) != \"1\"", "true"},
        {"dyn([1]) == dyn({})", "false"},
        {"dyn(1) < \"1\"", NONE},
        {"dyn([]) < dyn([])", NONE},
        {"dyn(null) < dyn(null)", NONE},
        {"dyn(true) > 0", NONE},
        {"dyn(when) > wait", NONE},
        {"1 == \"1\"", "column 3: == does not take (int, string); values of these types are never "
                       "equal"},
        {"[] < []", "column 4: < does not take (list(dyn), list(dyn))"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void membership(void **state) {
    static const struct expression_case cases[] = {
        {"1 in [2, 1.0]", "true"},
        {"\"x\" in []", "false"},
        {"text in [\"hello\"]", "true"},
        {"\"two\" in items", "true"},
        {"2 in items", "false"},
        {"[1] in [[1], 2]", "true"},
        {"\"tier\" in labels", "true"},
        {"\"gold\" in labels", "false"},
        {"1 in {1.0 == 1: 2}", "false"},
        {"1u in {1: 2}", "true"},
        {"null in [null]", "true"},
        {"1 in any", NONE},
        {"1 in dyn(\"1\")", NONE},
        {"1 in \"1\"", "column 3: in does not take (int, string)"},
        {"(1 / zero) in [1]", "error: divide by zero"},
        {"1 in [1 / zero]", "error: divide by zero"},
        {"1 in gone.list", "error: no such key"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

/* One operand decides, wherever it stands; else the first error counts. */
static void logic_absorbs_errors(void **state) {
    static const struct expression_case cases[] = {
        {"true && true", "true"},
        {"true && false", "false"},
        {"false || false", "false"},
        {"false || true", "true"},
        {"!flag", "false"},
        {"!!flag", "true"},
        {"false && " FAILS, "false"},
        {FAILS " && false", "false"},
        {"true && " FAILS, "error: divide by zero"},
        {FAILS " && true", "error: divide by zero"},
        {"true || " FAILS, "true"},
        {FAILS " || true", "true"},
        {"false || " FAILS, "error: divide by zero"},
        {FAILS " || false", "error: divide by zero"},
        {FAILS " || " FAILS " || flag", "true"},
        {FAILS " && flag && " FAILS " && !flag", "false"},
        {FAILS " && flag && gone.x", "error: divide by zero"},
        {"gone.x && flag && " FAILS, "error: no such key"},
        {"!" FAILS, "error: divide by zero"},
        {"flag && any", NONE},
        {"any || !flag", NONE},
        {"any || flag", "true"},
        {"any && !flag", "false"},
        {"!any", NONE},
        {"flag && (" FAILS " || flag)", "true"},
        {"!(" FAILS " || flag) || false", "false"},
        {"gone.x || flag", "true"},
        {"gone.x == 1 || flag", "true"},
        {"!flag && gone.x", "false"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void a_long_chain_absorbs_too(void **state) {
    static char text[16384];
    size_t len = 0;
    (void)state;

    for (int i = 0; i < 500; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s || ",
                                i % 2 == 0 ? FAILS : "!flag");
    }
    (void)snprintf(text + len, sizeof(text) - len, "flag");
    assert_string_equal(expression_of(text), "true");
    (void)snprintf(text + len, sizeof(text) - len, "!flag");
    assert_string_equal(expression_of(text), "error: divide by zero");
}

static void conditionals(void **state) {
    static const struct expression_case cases[] = {
        {"flag ? 1 : 2", "1"},
        {"!flag ? 1 : 2", "2"},
        {"flag ? 1 : 1 / zero", "1"},
        {"!flag ? 1 / zero : 2", "2"},
        {"flag ? 1 / zero : 2", "error: divide by zero"},
        {FAILS " ? 1 : 2", "error: divide by zero"},
        {"any ? 1 : 2", NONE},
        {"number ? 1 : 2", "column 8: ?: does not take (int, int, int)"},
        {"flag ? false ? 1 : 2 : 3", "column 14: ? stands where \":\" of a ? b : c is expected"},
        {"!flag ? 1 : flag ? 2 : 3", "2"},
        {"flag ? 1 : \"a\"", "1"},
        {"(flag ? \"a\" : 1) == \"a\"", "true"},
        {"gone.x ? 1 : 2", "error: no such key"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void members(void **state) {
    static const struct expression_case cases[] = {
        {"labels.tier", "\"gold\""},
        {"labels[\"tier\"]", "\"gold\""},
        {"labels.none", "error: no such key"},
        {"gone", "{}"},
        {"deep.a.b.c", "1"},
        {"deep[\"a\"].b[\"c\"]", "1"},
        {"deep.a.x.c", "error: no such key"},
        {"deep[\"x.y\"]", "\"dotted\""},
        {"{\"a\": {\"b\": 2}}.a.b", "2"},
        {"{\"a\": 1}.b", "error: no such key"},
        {"{\"if\": 1}.if", "1"}, /* reserved words may be members */
        {"dyn(1).a", NONE},
        {"dyn([1]).a", NONE},
        {"dyn(null).a", NONE},
        {"[1].a", "column 5: list has no members, so no a"},
        {"has(labels.tier)", "true"},
        {"has(labels.none)", "false"},
        {"has(gone.x)", "false"}, /* of a variable: it is always there, and may be empty */
        {"has(gone.x.y)", "error: no such key"},
        {"has(deep.a.b.c)", "true"},
        {"has(deep.a.b.x)", "false"},
        {"has(deep.a.x.y)", "error: no such key"},
        {"has(deep.a.b.c.d)", NONE},
        {"has(deep[\"x.y\"].z)", NONE},
        {"has({\"a\": null}.a)", "true"},
        {"has({\"a\": 1}.b)", "false"},
        {"has({}.b)", "false"},
        {"has(dyn([]).b)", NONE},
        {"has({}.a.b)", "error: no such key"},
        {"has(deep.a.x.y) || flag", "true"},
        {"size(deep.none)", "error: no such key"},
        {"size(deep.a)", "1"},
        {"size(gone.x)", "error: no such key"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void containers(void **state) {
    static const struct expression_case cases[] = {
        {"[1, 1 + 1, flag]", "[1, 2, true]"},
        {"[1, 2,]", "[1, 2]"},
        {"[[], [[]]]", "[[], [[]]]"},
        {"{\"a\": number, \"b\": [1],}", "{\"a\": 12, \"b\": [1]}"},
        {"{}", "{}"},
        {"{1: 1, 2u: 2, true: 3, \"s\": 4}", "{1: 1, 2u: 2, true: 3, \"s\": 4}"},
        {"{\"a\": 1, \"a\": 2}", "error: a key stands twice in a map"},
        {"{1: 1, 1u: 2}", "error: a key stands twice in a map"},
        {"{text: 1, \"hello\": 2}", "error: a key stands twice in a map"},
        {"{1.0: 1}", "column 2: a map's key is a bool, int, uint or string, not double"},
        {"{null: 1}", "column 2: a map's key is a bool, int, uint or string, not null_type"},
        {"{dyn(1.0): 1}", NONE},
        {"{dyn([]): 1}", NONE},
        {"[1 / zero]", "error: divide by zero"},
        {"{1 / zero: 1}", "error: divide by zero"},
        {"{1: 1 / zero}", "error: divide by zero"},
        {"[gone.x]", "error: no such key"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void macros(void **state) {
    static const struct expression_case cases[] = {
        {"[1, 2, 3].all(x, x > 0)", "true"},
        {"[1, 2, 3].all(x, x > 1)", "false"},
        {"[].all(x, 1 / zero == 1)", "true"},
        {"[].exists(x, true)", "false"},
        {"[1, 2, 3].exists(x, x == 2)", "true"},
        {"[1, 2, 3].exists(x, x == 4)", "false"},
        {"[1, 2, 3].exists_one(x, x > 2)", "true"},
        {"[1, 2, 3].exists_one(x, x > 1)", "false"},
        {"[].exists_one(x, true)", "false"},
        {"[1, 2, 3].filter(x, x % 2 == 1)", "[1, 3]"},
        {"[1, 2, 3].map(x, x * 2)", "[2, 4, 6]"},
        {"[1, 2, 3].map(x, x > 1, x * 2)", "[4, 6]"},
        {"[].map(x, x)", "[]"},
        {"[].filter(x, x)", "[]"},
        {"[0, 2].all(x, 2 / x == 2)", "false"},
        {"[0, 1].all(x, 1 / x == 1)", "error: divide by zero"},
        {"[0, 1].exists(x, 1 / x == 1)", "true"},
        {"[0, 2].exists(x, 2 / x == 2)", "error: divide by zero"},
        {"[1, 0].exists_one(x, 1 / x == 1)", "error: divide by zero"},
        {"[1, 0].filter(x, 1 / x == 1)", "error: divide by zero"},
        {"[1, 0].map(x, 1 / x)", "error: divide by zero"},
        {"[1, 0].map(x, 1 / x == 1, x)", "error: divide by zero"},
        {"[1, 0].map(x, x != 0, 1 / x)", "[1]"},
        {"{\"a\": 1, \"b\": 2}.map(k, k + k)", "[\"aa\", \"bb\"]"},
        {"{\"a\": 1, \"b\": 2}.filter(k, k == \"b\")", "[\"b\"]"},
        {"{1: \"a\"}.all(k, k == 1)", "true"},
        {"labels.exists(k, labels[k] == \"gold\")", "true"},
        {"labels.exists_one(k, k == \"tier\")", "true"},
        {"items.map(x, type(x))", "[int, string]"},
        {"[[1, 2], [3]].map(x, x.map(y, y + size(x)))", "[[3, 4], [4]]"},
        {"[1, 2].map(x, [10, 20].map(x, x + 1))", "[[11, 21], [11, 21]]"},
        {"[1, 2].map(x, [x].map(x, x * 10)[0] + x)", "[11, 22]"},
        {"[5].map(text, text)", "[5]"}, /* a variable hides a fact */
        {"[{\"a\": 1}].map(text, text.a)", "[1]"},
        {"[{\"a\": 1}, {}].filter(m, has(m.a))", "[{\"a\": 1}]"},
        {"[{\"a\": 1}, {}].map(m, m.a)", "error: no such key"},
        {"[number].map(x, x) + [text.size()]", "[12, 5]"},
        {"[1, 2].filter(x, x > 1).map(x, string(x))[0]", "\"2\""},
        {"any.all(x, true)", NONE},
        {"gone.list.all(x, true)", "error: no such key"},
        {"[1].all(x, any)", NONE},
        {"[1, 2].all(x, x == 1 ? any : false)", "false"},
        {"number.all(x, true)", "column 8: all goes over a list or a map, not int"},
        {"[1].all(x, x + 1)", "column 14: all asks for a bool, not int"},
        {"[1].all(x, true) && x == 1", "column 21: there is no x..."},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static enum bl_truth truth_of(const char *text) {
    struct bl_value facts[EXPRESSION_MAX_FACTS] = {{0}};
    struct bl_evaluation evaluation;
    uint32_t index;

    assert_true(bl_is_ok(expression_compile(bl_str_from_c(text), &index)));
    const struct bl_program program = {.ops = expression.code.ops,
                                       .constants = expression.code.constants,
                                       .patterns = expression.code.patterns};
    bl_evaluation_init(&evaluation, &program, facts, BL_EVALUATION_COST_MAX);
    return bl_evaluate_truth(&evaluation, index);
}

static void conditions_are_bools(void **state) {
    static const struct {
        const char *text;
        enum bl_truth wanted;
    } cases[] = {
        {"1 < 2", BL_TRUTH_TRUE},
        {"1 > 2", BL_TRUTH_FALSE},
        {"1 + 1", BL_TRUTH_ERROR},
        {"dyn(\"true\")", BL_TRUTH_ERROR},
        {"null", BL_TRUTH_ERROR},
        {"any", BL_TRUTH_ERROR},
        {"!has(labels.tier) || true", BL_TRUTH_TRUE},
        {"[1, 2].map(x, x + 1) == [2, 3]", BL_TRUTH_TRUE},
        {"[1, 2].exists(x, x + 1 == 3)", BL_TRUTH_TRUE},
        {"any == 1", BL_TRUTH_ERROR}, /* absent */
        {"any == 1 || true", BL_TRUTH_TRUE},
        {"true ? false : true", BL_TRUTH_FALSE},
    };
    (void)state;

    for (int folds = 0; folds < 2; folds++) {
        expression.folds = folds != 0;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            if (truth_of(cases[i].text) != cases[i].wanted) {
                fail_msg("%s", cases[i].text);
            }
        }
    }
}

static void an_error_names_the_missing_fact_and_the_place(void **state) {
    uint32_t index;
    (void)state;

    assert_true(bl_is_ok(expression_compile(BL_STR("text == \"x\" || gone.y > 1"), &index)));
    struct bl_value error = expression_run(index);
    assert_int_equal(error.type, BL_VALUE_ERROR);
    assert_int_equal(bl_error_code(&error), BL_EVALUATION_NO_SUCH_KEY);
    assert_int_equal(error.count, 22);
    int slot = bl_error_slot(&error);
    assert_in_range(slot, 0, expression.read_count - 1);
    assert_true(bl_str_equal(expression.read[slot].path, BL_STR("gone.y")));

    assert_true(bl_is_ok(expression_compile(BL_STR("1 + number / zero"), &index)));
    error = expression_run(index);
    assert_int_equal(bl_error_code(&error), BL_EVALUATION_DIVIDE_BY_ZERO);
    assert_int_equal(error.count, 11);
    assert_int_equal(bl_error_slot(&error), -1);
}

static void every_error_has_a_text(void **state) {
    (void)state;
    for (int i = 0; i < BL_EVALUATION_ERROR_COUNT; i++) {
        assert_non_null(bl_evaluation_error_text((enum bl_evaluation_error)i));
    }
}

/* --- bounds -------------------------------------------------------------------------------- */

static void scratch_runs_out(void **state) {
    (void)state;
    expression.scratch_bytes = 64;
    assert_string_equal(expression_of("[text, text]"), "[\"hello\", \"hello\"]");
    assert_string_equal(expression_of("[text, text, text, text]"),
                        "error: makes more text or lists than there is room for");
    assert_string_equal(expression_of("text + text + text + text + text + text"),
                        "error: makes more text or lists than there is room for");
    assert_string_equal(expression_of("items.map(x, x) + items.map(x, x)"),
                        "error: makes more text or lists than there is room for");
    assert_string_equal(expression_of("string(number) + string(number + 1) + string(number + 2)"),
                        "error: makes more text or lists than there is room for");
    /* What a condition of a loop makes is given back after each turn. */
    expression.scratch_bytes = 32;
    assert_string_equal(expression_of("items.all(x, [x][0] != 0)"), "true");
    assert_string_equal(expression_of("[[number], [number]] == []"),
                        "error: makes more text or lists than there is room for");
    expression.scratch_bytes = 0;
    assert_string_equal(expression_of("text + text"),
                        "error: makes more text or lists than there is room for");
    assert_string_equal(expression_of("number + 1"), "13");
}

static void open_long_list(size_t items) {
    static char json[256 * 1024];
    size_t len = (size_t)snprintf(json, sizeof(json), "{\"long\": [1");

    for (size_t i = 1; i < items; i++) {
        len += (size_t)snprintf(json + len, sizeof(json) - len, ",1");
    }
    (void)snprintf(json + len, sizeof(json) - len, "], \"zero\": 0, \"flag\": true}");
    expression_facts(json);
}

static void cost_runs_out(void **state) {
    static const struct expression_case cases[] = {
        {"long.all(x, x == 1)", "true"},
        {"long.all(x, long.all(y, y == 1))", "error: costs too much"},
        {"long.exists(x, long.exists(y, y == 2))", "error: costs too much"},
        {"long.exists_one(x, long == long)", "error: costs too much"},
        {"long.all(x, x in long.filter(y, y == 2))", "error: makes more text..."},
        {"long == long", "error: costs too much"},
        {"2 in long", "false"},
        {"long.all(x, !(2 in long))", "error: costs too much"},
        {"long.all(x, long.all(y, long.all(z, true)))", "error: costs too much"},
        {"long.all(x, long.all(y, y == 1)) || flag", "error: costs too much"}, /* nothing runs */
    };
    (void)state;
    open_long_list(60000);
    EXPECT_EXPRESSIONS(cases);
}

/* Comparing and converting texts is paid by the byte: the same long pair in a loop runs dry. */
static void long_texts_cost(void **state) {
    static char facts[256 * 1024];
    static const struct expression_case cases[] = {
        {"a == b", "true"},
        {"a <= b", "true"},
        {"[a] == [b]", "true"},
        {"a in texts", "true"},
        {"long.all(x, a == \"gold\")", "false"},
        {"long.all(x, a != \"gold\")", "true"},
        {"long.all(x, a == b)", "error: costs too much"},
        {"long.all(x, a <= b)", "error: costs too much"},
        {"long.all(x, [a] == [b])", "error: costs too much"},
        {"long.all(x, texts == texts)", "error: costs too much"},
        {"long.all(x, a in texts)", "error: costs too much"},
        {"long.all(x, a in [b])", "error: costs too much"},
        {"long.all(x, int(zeros) == 0)", "error: costs too much"},
        {"int(zeros)", "0"},
    };
    size_t len = 0;
    (void)state;

    for (int i = 0; i < 4; i++) {
        static const char *const names[] = {"{\"a\": \"", "\", \"b\": \"", "\", \"texts\": [\"",
                                            "\"], \"zeros\": \""};
        len += (size_t)snprintf(facts + len, sizeof(facts) - len, "%s", names[i]);
        memset(facts + len, i == 3 ? '0' : 'a', 20000);
        len += 20000;
    }
    len += (size_t)snprintf(facts + len, sizeof(facts) - len, "\", \"long\": [1");
    for (int i = 0; i < 2000; i++) {
        len += (size_t)snprintf(facts + len, sizeof(facts) - len, ",1");
    }
    (void)snprintf(facts + len, sizeof(facts) - len, "]}");
    expression_facts(facts);
    EXPECT_EXPRESSIONS(cases);
}

static void cost_is_counted(void **state) {
    (void)state;
    assert_string_equal(expression_of("number + 1"), "13");
    uint32_t small = expression.cost;
    assert_string_equal(expression_of("[number, 2, 3].all(x, x > 0)"), "true");
    assert_true(small >= 1 && expression.cost >= small + 3);
    expression.cost_max = small - 1;
    assert_string_equal(expression_of("number + 1"), "error: costs too much");
}

/* Facts that are errors of their own: the size of what has none. */
static void facts_may_be_errors(void **state) {
    static const struct expression_case cases[] = {
        {"size(any) == 1", NONE},
        {"size(any) == 1 || flag", "true"},
        {"[1].all(x, size(any) == x)", NONE},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static int setup(void **state) {
    (void)state;
    expression_open("{\"flag\": true, \"number\": 12, \"zero\": 0, \"text\": \"hello\", "
                    "\"items\": [1, \"two\"], \"labels\": {\"tier\": \"gold\"}, \"any\": 5, "
                    "\"nothing\": null, \"gone\": {}, "
                    "\"deep\": {\"a\": {\"b\": {\"c\": 1}}, \"x.y\": \"dotted\"}}");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    expression_close();
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(numbers_compare_by_value),
        TEST(comparisons_of_each_type),
        TEST(membership),
        TEST(logic_absorbs_errors),
        TEST(a_long_chain_absorbs_too),
        TEST(conditionals),
        TEST(members),
        TEST(containers),
        TEST(macros),
        TEST(conditions_are_bools),
        TEST(an_error_names_the_missing_fact_and_the_place),
        TEST(every_error_has_a_text),
        TEST(scratch_runs_out),
        TEST(cost_runs_out),
        TEST(long_texts_cost),
        TEST(cost_is_counted),
        TEST(facts_may_be_errors),
    };
    return cmocka_run_group_tests_name("evaluate", tests, NULL, NULL);
}
