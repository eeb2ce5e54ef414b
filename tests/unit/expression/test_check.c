#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "support/expression_fixture.h"

static void every_expression_has_a_type(void **state) {
    static const struct {
        const char *text, *type;
    } cases[] = {
        {"1", "int"},
        {"1u + 2u", "uint"},
        {"1.5 * real", "double"},
        {"text + \"a\"", "string"},
        {"any + 1", "int"},
        {"any + any", "dyn"},
        {"any * 1.0", "double"},
        {"-any", "dyn"},
        {"any == 1", "bool"},
        {"any && flag", "bool"},
        {"!any", "bool"},
        {"flag ? 1 : 2", "int"},
        {"flag ? 1 : \"a\"", "dyn"},
        {"[1, 2]", "list(int)"},
        {"[1, \"a\"]", "list(dyn)"},
        {"[]", "list(dyn)"},
        {"[1][0]", "int"},
        {"items[0]", "dyn"},
        {"[[1]]", "list(list)"},
        {"{\"a\": 1}", "map(string, int)"},
        {"{\"a\": 1, 2: 3}", "map(dyn, int)"},
        {"{\"a\": 1, \"b\": \"c\"}", "map(string, dyn)"},
        {"{\"a\": 1}[\"a\"]", "int"},
        {"{\"a\": 1}.a", "int"},
        {"labels.tier", "dyn"},
        {"has(labels.tier)", "bool"},
        {"[1, 2].map(x, string(x))", "list(string)"},
        {"[1, 2].filter(x, x > 1)", "list(int)"},
        {"{\"a\": 1}.filter(k, true)", "list(string)"},
        {"{\"a\": 1}.map(k, k)", "list(string)"},
        {"[1].all(x, true)", "bool"},
        {"[1].exists_one(x, true)", "bool"},
        {"any.map(x, x)", "list(dyn)"},
        {"type(1)", "type"},
        {"int", "type"},
        {"when - when", "google.protobuf.Duration"},
        {"when - wait", "google.protobuf.Timestamp"},
        {"any - when", "google.protobuf.Duration"},
        {"any - wait", "dyn"},
        {"dyn(1)", "dyn"},
        {"int(any)", "int"},
        {"when.getHours()", "int"},
        {"null", "null_type"},
        {"text.size()", "int"},
        {"text.matches(\"a\")", "bool"},
    };
    char storage[64];
    struct bl_buf buf;
    uint32_t index;
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (bl_is_error(expression_compile(bl_str_from_c(cases[i].text), &index))) {
            fail_msg("%s: %s", cases[i].text, expression.diag.message);
        }
        bl_buf_init(&buf, storage, sizeof(storage) - 1);
        bl_type_write(expression.type, &buf);
        storage[buf.len] = '\0';
        if (strcmp(storage, cases[i].type) != 0) {
            fail_msg("%s is %s, wanted %s", cases[i].text, storage, cases[i].type);
        }
    }
}

static void wrong_types_are_refused_where_they_stand(void **state) {
    static const struct expression_case cases[] = {
        {"1 + \"a\"", "column 3: + does not take (int, string); arithmetic does not mix types: "
                      "convert with int(), uint(), double() or string()"},
        {"(1 + 2) + (3 + 4.0)", "column 14: + does not take (int, double)..."},
        {"1 == \"a\"", "column 3: == does not take (int, string); values of these types are never "
                       "equal"},
        {"flag != 1", "column 6: != does not take (bool, int); values of these types..."},
        {"flag && 1", "column 6: && does not take (int)"},
        {"flag && text && flag", "column 6: && does not take (string)"},
        {"!number", "column 1: ! does not take (int)"},
        {"-text", "column 1: - does not take (string)"},
        {"text < 1", "column 6: < does not take (string, int)"},
        {"null < null", "column 6: < does not take (null_type, null_type)"},
        {"[1] > [2]", "column 5: > does not take (list(int), list(int))"},
        {"1 in 2", "column 3: in does not take (int, int)"},
        {"text ? 1 : 2", "column 6: ?: does not take (string, int, int)"},
        {"size(1)", "column 1: size does not take (int)"},
        {"size()", "column 1: size does not take ()"},
        {"size(text, text)", "column 1: size does not take (string, string)"},
        {"int(1, 2, 3, 4)", "column 1: int does not take (int, int, int)"},
        {"text[0]", "column 5: [] does not take (string, int)"},
        {"{\"a\": 1}[1]", "column 9: [] does not take (map(string, int), int)"},
        {"(text + \"a\").x", "column 14: string has no members, so no x"},
        {"(1).x", "column 5: int has no members, so no x"},
        {"has((1).x)", "column 9: int has no members, so no x"},
        {"{1.5: 1}", "column 2: a map's key is a bool, int, uint or string, not double"},
        {"{[]: 1}", "column 2: a map's key is a bool, int, uint or string, not list"},
        {"text.all(x, true)", "column 6: all goes over a list or a map, not string"},
        {"[1].filter(x, x)", "column 15: filter asks for a bool, not int"},
        {"[1].map(x, x, x)", "column 12: map asks for a bool, not int"},
        {"[1].exists(x, x == \"a\")", "column 17: == does not take (int, string)..."},
        {"{\"a\": 1}.all(k, k == 1)", "column 19: == does not take (string, int)..."},
        {"text.matches(text)", "column 14: a pattern is written out, so that it is compiled once; "
                               "for example metadata.model.matches(\"^gpt-[45]\")"},
        {"text.matches(\"a\" + \"b\")", "column 18: a pattern is written out..."},
        {"text.matches(1)", "column 6: matches does not take (string, int)"},
        {"when + 1", "column 6: + does not take (google.protobuf.Timestamp, int); arithmetic..."},
        {"unknown", "column 1: there is no unknown; text, number, flag"},
        {"1 + unknown.a.b", "column 15: there is no unknown..."},
        {"has(unknown.a)", "column 13: there is no unknown..."},
        {"[1].all(x, y == 1)", "column 12: there is no y..."},
        {"[1].all(x, true) && x", "column 21: there is no x..."},
        {"google.protobuf.Nothing", "column 17: there is no google..."},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static void paths(void **state) {
    static const struct {
        const char *text, *path; /* NULL: none */
    } cases[] = {
        {"a", "a"},
        {"a.b.c", "a.b.c"},
        {"a[\"b\"].c", "a.b.c"},
        {"a[\"b\"][\"c d\"]", "a.b.c d"},
        {"a[\"b.c\"]", NULL},
        {"a[\"\"]", NULL},
        {"a[0]", NULL},
        {"a[b]", NULL},
        {"a.b[0].c", NULL},
        {"size(a)", NULL},
        {"(a).b", "a.b"},
        {"(a ? b : c).d", NULL},
        {"{}.a", NULL},
        {"has(a.b)", "a.b"},
        {"\"a\"", NULL},
    };
    char storage[BL_PATH_MAX_BYTES];
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bl_str path =
            bl_expression_path(expression_tree(bl_str_from_c(cases[i].text)), storage);
        if (cases[i].path == NULL ? bl_str_is_present(path)
                                  : !bl_str_equal_c(path, cases[i].path)) {
            fail_msg("%s: %.*s", cases[i].text, BL_STR_ARG(path));
        }
    }
}

static void paths_are_bounded(void **state) {
    char text[400];
    (void)state;

    memset(text, 'a', sizeof(text));
    memcpy(text, "labels.", 7);
    assert_string_equal(expression_of_bytes((struct bl_str){text, 255}), "error: no such key");
    /* A longer one is looked up member by member. */
    assert_string_equal(expression_of_bytes((struct bl_str){text, 256}), "error: no such key");
    memset(text, 'a', 7);
    assert_string_equal(expression_of_bytes((struct bl_str){text, 300}),
                        "column 1: a path has at most 255 bytes");
}

static void variables_of_macros_hide_names(void **state) {
    static const struct expression_case cases[] = {
        {"[1].map(number, number + 1)", "[2]"},
        {"[1].map(number, number + 1) == [number + 1]", "false"},
        {"[\"a\"].map(number, number + \"b\")", "[\"ab\"]"},
        {"[{\"tier\": 1}].map(labels, labels.tier)", "[1]"},
        {"[{\"tier\": 1}].map(labels, labels[\"tier\"])", "[1]"},
        {"[{}].map(labels, has(labels.tier))", "[false]"},
        {"[[1, 2]].map(labels, size(labels))", "[2]"},
        {"[1].map(int, int)", "[1]"},
        {"[1].map(x, [2].map(y, x + y)[0] + x)", "[4]"},
        {"[number].map(number, [number].map(number, number))", "[[12]]"},
        {"[[1]].map(items, items.map(items, items))", "[[1]]"},
    };
    (void)state;
    EXPECT_EXPRESSIONS(cases);
}

static int setup(void **state) {
    (void)state;
    expression_open("{\"flag\": true, \"number\": 12, \"real\": 2.5, \"text\": \"hello\", "
                    "\"items\": [1], \"labels\": {\"tier\": \"gold\"}, \"any\": 5}");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    expression_close();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_expression_has_a_type),
        cmocka_unit_test(wrong_types_are_refused_where_they_stand),
        cmocka_unit_test(paths),
        cmocka_unit_test(paths_are_bounded),
        cmocka_unit_test(variables_of_macros_hide_names),
    };
    return cmocka_run_group_tests_name("check", tests, setup, teardown);
}
