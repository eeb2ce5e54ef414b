#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "expression/value.h"

#define INT(x) ((struct bl_value){.type = BL_VALUE_INT, .as.integer = (x)})
#define UINT(x) ((struct bl_value){.type = BL_VALUE_UINT, .as.unsigned_integer = (x)})
#define DOUBLE(x) ((struct bl_value){.type = BL_VALUE_DOUBLE, .as.number = (x)})

static struct bl_arena arena;

static struct bl_value read_value(const char *json) {
    struct bl_json_doc *doc = bl_arena_alloc(&arena, sizeof(*doc));
    struct bl_diag diag;

    assert_non_null(doc);
    assert_true(
        bl_is_ok(bl_json_read(bl_str_from_c(json), &bl_json_request_limits, &arena, doc, &diag)));
    return bl_value_from_json(bl_json_root(doc));
}

static void json_values_keep_their_types(void **state) {
    static const struct {
        const char *json;
        enum bl_value_type type;
        uint32_t count;
    } cases[] = {
        {"null", BL_VALUE_NULL, 0},      {"true", BL_VALUE_BOOL, 0},
        {"-7", BL_VALUE_INT, 0},         {"7.5", BL_VALUE_DOUBLE, 0},
        {"\"abc\"", BL_VALUE_STRING, 3}, {"\"\"", BL_VALUE_STRING, 0},
        {"[]", BL_VALUE_JSON, 0},        {"[1,\"a\"]", BL_VALUE_JSON, 0},
        {"{}", BL_VALUE_JSON, 0},        {"9223372036854775808", BL_VALUE_UINT, 0},
    };
    struct bl_value item;
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bl_value value = read_value(cases[i].json);
        assert_int_equal(value.type, cases[i].type);
        assert_int_equal(value.count, cases[i].count);
    }
    struct bl_value list = read_value("[1, [2], {}]");
    assert_int_equal(bl_value_kind(&list), BL_VALUE_LIST);
    assert_int_equal(bl_value_size(&list), 3);
    assert_true(bl_value_at(&list, 1, &item));
    assert_int_equal(bl_value_kind(&item), BL_VALUE_LIST);
    assert_true(bl_value_at(&list, 2, &item));
    assert_int_equal(bl_value_kind(&item), BL_VALUE_MAP);
    assert_false(bl_value_at(&list, 3, &item));
    assert_int_equal(bl_value_from_json(BL_JSON_NOTHING).type, BL_VALUE_ABSENT);
    assert_int_equal(sizeof(struct bl_value), 16);
}

static void a_full_arena_is_reported(void **state) {
    static char text[4097]; /* [1,1,…,1] */
    struct bl_arena small;
    struct bl_value copy;
    struct bl_json_doc doc;
    struct bl_diag diag;
    (void)state;

    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = i % 2 == 0 ? ',' : '1';
    }
    text[0] = '[';
    text[sizeof(text) - 1] = ']';
    assert_true(bl_is_ok(bl_json_read((struct bl_str){text, sizeof(text)}, &bl_json_request_limits,
                                      &arena, &doc, &diag)));
    bl_arena_init(&small, 256, 512);
    struct bl_value value = bl_value_from_json(bl_json_root(&doc));
    assert_int_equal(bl_value_copy(&value, &small, &copy).error, BL_E_RESOURCE_EXHAUSTED);
    bl_arena_fini(&small);
}

/* In order; each is below all that follow. */
static void numbers_are_ordered_by_value(void **state) {
    const struct bl_value numbers[] = {
        DOUBLE(-1e300),
        INT(INT64_MIN),
        DOUBLE(-9007199254740993.5),
        INT(-1),
        DOUBLE(-0.5),
        INT(0),
        DOUBLE(0.5),
        INT(1),
        DOUBLE(9007199254740992.0),
        INT(INT64_C(9007199254740993)),
        INT(INT64_MAX),
        UINT(UINT64_C(9223372036854775808)),
        UINT(UINT64_MAX),
        DOUBLE(18446744073709551616.0),
        DOUBLE(1e300),
    };
    const size_t count = sizeof(numbers) / sizeof(numbers[0]);
    (void)state;

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            int order = 99;
            assert_true(bl_value_order(&numbers[i], &numbers[j], &order));
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
            assert_int_equal(bl_value_equal(&numbers[i], &numbers[j]), i == j);
        }
    }
}

static void equal_numbers_of_different_types(void **state) {
    const struct bl_value one = INT(1), one_point = DOUBLE(1.0), zero = INT(0),
                          minus = DOUBLE(-0.0);
    const struct bl_value big = UINT(UINT64_C(9223372036854775808));
    const struct bl_value big_point = DOUBLE(9223372036854775808.0);
    (void)state;
    assert_true(bl_value_equal(&one, &one_point) && bl_value_equal(&one_point, &one));
    assert_true(bl_value_equal(&zero, &minus));
    assert_true(bl_value_equal(&big, &big_point) && bl_value_equal(&big_point, &big));
}

static void not_a_number_is_equal_to_nothing(void **state) {
    const struct bl_value nan = DOUBLE(__builtin_nan("")), one = INT(1);
    int order = 99;
    (void)state;
    assert_false(bl_value_equal(&nan, &nan) || bl_value_equal(&nan, &one));
    assert_false(bl_value_order(&nan, &one, &order) || bl_value_order(&one, &nan, &order));
    assert_false(bl_value_order(&nan, &nan, &order));
    assert_int_equal(order, 99); /* untouched */
}

static void different_kinds_have_no_order(void **state) {
    static const char *const kinds[] = {"null", "true", "1", "\"1\"", "[1]", "{}"};
    int order = 99;
    (void)state;

    for (size_t i = 0; i < 6; i++) {
        for (size_t j = 0; j < 6; j++) {
            struct bl_value a = read_value(kinds[i]), b = read_value(kinds[j]);
            assert_int_equal(bl_value_equal(&a, &b), i == j);
            assert_int_equal(bl_value_order(&a, &b, &order), i == j && i >= 1 && i <= 3);
        }
    }
}

static void absent_equals_nothing(void **state) {
    const struct bl_value absent = {.type = BL_VALUE_ABSENT};
    struct bl_value list = read_value("[null, {}]");
    (void)state;
    assert_false(bl_value_equal(&absent, &absent));
    assert_false(bl_value_in(&absent, &list) || bl_value_in(&list, &absent));
}

static void containers_are_equal_part_by_part(void **state) {
    static const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {
        {"[]", "[]", true},
        {"{}", "{}", true},
        {"[]", "{}", false},
        {"[1, [2, {\"a\": 3}]]", "[1.0, [2, {\"a\": 3.0}]]", true},
        {"[1, 2]", "[1]", false},
        {"[1]", "[1, 2]", false},
        {"{\"a\": 1, \"b\": 2}", "{\"b\": 2, \"a\": 1}", true},
        {"{\"a\": 1, \"b\": 2}", "{\"a\": 1, \"c\": 2}", false},
        {"{\"a\": 1}", "{\"a\": 1, \"b\": 2}", false},
        {"{\"a\": null}", "{\"a\": false}", false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bl_value a = read_value(cases[i].a), b = read_value(cases[i].b), copy;
        assert_int_equal(bl_value_equal(&a, &b), cases[i].equal);
        assert_int_equal(bl_value_equal(&b, &a), cases[i].equal);
        assert_true(bl_is_ok(bl_value_copy(&a, &arena, &copy)));
        assert_true(bl_value_equal(&copy, &a));
        assert_int_equal(bl_value_equal(&copy, &b), cases[i].equal);
    }
}

static void maps_are_looked_up_by_key(void **state) {
    struct bl_value map = read_value("{\"a\": 1, \"b\": [2]}"), copy, found;
    const struct bl_value a = bl_value_text(BL_STR("a")), one = bl_value_int(1);
    (void)state;

    assert_true(bl_is_ok(bl_value_copy(&map, &arena, &copy)));
    const struct bl_value *both[] = {&map, &copy};
    for (int i = 0; i < 2; i++) {
        assert_true(bl_value_get(both[i], &a, &found));
        assert_int_equal(found.as.integer, 1);
        assert_false(bl_value_get(both[i], &one, &found));
        assert_true(bl_value_in(&a, both[i]));
        assert_false(bl_value_in(&one, both[i]));
        assert_int_equal(bl_value_size(both[i]), 2);
    }
    assert_int_equal(bl_value_size(&one), -1);
}

static void sizes_of_texts_are_characters(void **state) {
    struct bl_value text = read_value("\"\\u00e9\\u20ac\\ud83d\\ude00x\"");
    (void)state;
    assert_int_equal(text.count, 10);
    assert_int_equal(bl_value_size(&text), 4);
}

static void values_are_written_as_literals(void **state) {
    static const struct {
        const char *json, *literal;
    } cases[] = {
        {"null", "null"},
        {"-3", "-3"},
        {"9223372036854775808", "9223372036854775808u"},
        {"2.0", "2.0"},
        {"1e300", "1e+300"},
        {"\"a\\\"b\\n\\u0001\"", "\"a\\\"b\\n\\x01\""},
        {"[1, {\"k\": true}]", "[1, {\"k\": true}]"},
    };
    char storage[128];
    struct bl_buf buf;
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bl_value value = read_value(cases[i].json);
        bl_buf_init(&buf, storage, sizeof(storage) - 1);
        bl_value_write(&value, &buf);
        storage[buf.len] = '\0';
        assert_string_equal(storage, cases[i].literal);
    }
}

static int setup(void **state) {
    (void)state;
    bl_arena_init(&arena, 16384, 4 * 1024 * 1024);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    bl_arena_fini(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_values_keep_their_types),
        cmocka_unit_test(a_full_arena_is_reported),
        cmocka_unit_test(numbers_are_ordered_by_value),
        cmocka_unit_test(equal_numbers_of_different_types),
        cmocka_unit_test(not_a_number_is_equal_to_nothing),
        cmocka_unit_test(different_kinds_have_no_order),
        cmocka_unit_test(absent_equals_nothing),
        cmocka_unit_test(containers_are_equal_part_by_part),
        cmocka_unit_test(maps_are_looked_up_by_key),
        cmocka_unit_test(sizes_of_texts_are_characters),
        cmocka_unit_test(values_are_written_as_literals),
    };
    return cmocka_run_group_tests_name("value", tests, setup, teardown);
}
