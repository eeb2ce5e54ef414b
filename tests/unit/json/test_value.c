#include "unit/json/json_fixture.h"

#include <math.h>

static struct json_fixture fixture;

static struct bl_json root_of(struct bl_str text) {
    return json_fixture_root(&fixture, text);
}

static int set_up(void **state) {
    (void)state;
    json_fixture_init(&fixture);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    json_fixture_fini(&fixture);
    return 0;
}

static bool is_absent(struct bl_json value) {
    return bl_json_is(value, BL_JSON_ABSENT);
}

static void test_absent_answers_everything(void **state) {
    struct bl_str text = BL_STR("untouched");
    bool boolean = true;
    int64_t integer = 7;
    double number = 7;
    uint32_t line = 9;
    uint32_t column = 9;
    struct bl_json_iter it = bl_json_iter(BL_JSON_NOTHING);
    (void)state;
    assert_true(is_absent(BL_JSON_NOTHING));
    assert_true(is_absent(bl_json_root(NULL)));
    assert_true(is_absent(bl_json_root(&(struct bl_json_doc){0})));
    assert_true(is_absent(bl_json_get(BL_JSON_NOTHING, BL_STR("a"))));
    assert_true(is_absent(bl_json_path(BL_JSON_NOTHING, BL_STR("a.b"))));
    assert_true(is_absent(bl_json_path(BL_JSON_NOTHING, BL_STR(""))));
    assert_true(is_absent(bl_json_at(BL_JSON_NOTHING, 0)));
    assert_int_equal(bl_json_count(BL_JSON_NOTHING), 0);
    assert_false(bl_json_next(&it));
    assert_false(bl_json_string(BL_JSON_NOTHING, &text));
    assert_false(bl_json_bool(BL_JSON_NOTHING, &boolean));
    assert_false(bl_json_int64(BL_JSON_NOTHING, &integer));
    assert_false(bl_json_double(BL_JSON_NOTHING, &number));
    assert_str(text, BL_STR("untouched"));
    assert_true(boolean && integer == 7 && number == 7);
    assert_false(bl_str_is_present(bl_json_source(BL_JSON_NOTHING)));
    bl_json_position(BL_JSON_NOTHING, &line, &column);
    assert_true(line == 0 && column == 0);
}

static void test_get(void **state) {
    struct bl_json root = root_of(BL_STR("{\"a\":1,\"ab\":{\"a\":2,\"\":3},\"c\":[4],\"d.e\":5}"));
    int64_t value = 0;
    (void)state;
    assert_true(bl_json_int64(bl_json_get(root, BL_STR("a")), &value) && value == 1);
    assert_true(bl_json_int64(bl_json_get(root, BL_STR("d.e")), &value) && value == 5);
    assert_true(is_absent(bl_json_get(root, BL_STR("b"))));
    assert_true(is_absent(bl_json_get(root, BL_STR(""))));
    assert_true(is_absent(bl_json_get(root, BL_STR_ABSENT)));
    assert_true(is_absent(bl_json_get(root, BL_STR("abc"))));
    assert_true(is_absent(bl_json_get(bl_json_get(root, BL_STR("a")), BL_STR("a"))));
    assert_true(is_absent(bl_json_get(bl_json_get(root, BL_STR("c")), BL_STR("a"))));
    assert_true(is_absent(bl_json_get(root_of(BL_STR("{}")), BL_STR("a"))));
}

static void test_path(void **state) {
    struct bl_json root = root_of(BL_STR("{\"a\":{\"b\":{\"c\":1},\"\":2},\"d\":[{\"e\":3}]}"));
    int64_t value = 0;
    (void)state;
    assert_true(bl_json_int64(bl_json_path(root, BL_STR("a.b.c")), &value) && value == 1);
    assert_true(bl_json_int64(bl_json_path(root, BL_STR("a.")), &value) && value == 2);
    assert_int_equal(bl_json_path(root, BL_STR("")).index, root.index);
    assert_int_equal(bl_json_type(bl_json_path(root, BL_STR("a.b"))), BL_JSON_OBJECT);
    assert_true(is_absent(bl_json_path(root, BL_STR("a.b.c.d"))));
    assert_true(is_absent(bl_json_path(root, BL_STR("a.c"))));
    assert_true(is_absent(bl_json_path(root, BL_STR(".a"))));
    assert_true(is_absent(bl_json_path(root, BL_STR("a..b"))));
    assert_true(is_absent(bl_json_path(root, BL_STR("d.e"))));
    assert_true(is_absent(bl_json_path(root, BL_STR("d.0"))));
}

static void test_at_and_count(void **state) {
    struct bl_json root = root_of(BL_STR("[[1,2],{\"a\":1,\"b\":[]},\"x\"]"));
    (void)state;
    assert_int_equal(bl_json_count(root), 3);
    assert_int_equal(bl_json_count(bl_json_at(root, 0)), 2);
    assert_int_equal(bl_json_count(bl_json_at(root, 1)), 2);
    assert_int_equal(bl_json_count(bl_json_at(root, 2)), 0);
    assert_true(bl_json_is(bl_json_at(root, 2), BL_JSON_STRING));
    assert_true(is_absent(bl_json_at(root, 3)));
    assert_true(is_absent(bl_json_at(root, UINT32_MAX)));
    assert_true(is_absent(bl_json_at(bl_json_at(root, 1), 0)));
}

static void test_iteration(void **state) {
    struct bl_json root = root_of(BL_STR("{\"a\":[1,[2],{}],\"b\":{\"c\":1},\"d\":\"x\"}"));
    static const struct bl_str keys[] = {BL_STR("a"), BL_STR("b"), BL_STR("d")};
    static const enum bl_json_type types[] = {BL_JSON_ARRAY, BL_JSON_OBJECT, BL_JSON_STRING};
    static const enum bl_json_type items[] = {BL_JSON_INT, BL_JSON_ARRAY, BL_JSON_OBJECT};
    size_t count = 0;
    (void)state;
    struct bl_json_iter it = bl_json_iter(root);
    for (; bl_json_next(&it); count++) {
        assert_true(count < 3);
        assert_str(it.key, keys[count]);
        assert_int_equal(bl_json_type(it.value), types[count]);
    }
    assert_int_equal(count, 3);
    assert_false(bl_json_next(&it));
    it = bl_json_iter(bl_json_get(root, BL_STR("a")));
    for (count = 0; bl_json_next(&it); count++) {
        assert_true(count < 3);
        assert_false(bl_str_is_present(it.key));
        assert_int_equal(bl_json_type(it.value), items[count]);
    }
    assert_int_equal(count, 3);
    it = bl_json_iter(bl_json_get(root, BL_STR("d")));
    assert_false(bl_json_next(&it));
}

static void test_int64(void **state) {
    static const struct {
        const char *text;
        bool fits;
        int64_t value;
    } cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"2.0", true, 2},
        {"1e3", true, 1000},
        {"-1.5e1", true, -15},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"-9.223372036854775808e18", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"9.223372036854775807e18", false, 0},
        {"18446744073709551615", false, 0},
        {"-9223372036854777856", false, 0},
        {"1.5", false, 0},
        {"-0.1", false, 0},
        {"5e-324", false, 0},
        {"1e300", false, 0},
        {"true", false, 0},
        {"null", false, 0},
        {"\"1\"", false, 0},
        {"[1]", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value = 77;
        bool fits = bl_json_int64(root_of(bl_str_from_c(cases[i].text)), &value);
        assert_int_equal(fits, cases[i].fits);
        assert_true(value == (fits ? cases[i].value : 77));
    }
}

static void test_double(void **state) {
    double number = 0;
    (void)state;
    assert_true(bl_json_double(root_of(BL_STR("1")), &number) && number == 1);
    assert_true(bl_json_double(root_of(BL_STR("9007199254740993")), &number) && number == 0x1p53);
    assert_true(bl_json_double(root_of(BL_STR("9007199254740995")), &number) &&
                number == 0x1p53 + 4);
    assert_true(bl_json_double(root_of(BL_STR("18446744073709551615")), &number) &&
                number == 0x1p64);
    assert_true(bl_json_double(root_of(BL_STR("0.5")), &number) && number == 0.5);
    assert_true(bl_json_double(root_of(BL_STR("-0")), &number) && number == 0 && signbit(number));
    number = 7;
    assert_false(bl_json_double(root_of(BL_STR("\"1\"")), &number));
    assert_false(bl_json_double(root_of(BL_STR("false")), &number));
    assert_true(number == 7);
}

static void test_string_and_bool(void **state) {
    struct bl_str text = BL_STR("untouched");
    bool boolean = false;
    (void)state;
    assert_true(bl_json_bool(root_of(BL_STR("true")), &boolean) && boolean);
    assert_true(bl_json_bool(root_of(BL_STR("false")), &boolean) && !boolean);
    assert_false(bl_json_bool(root_of(BL_STR("1")), &boolean));
    assert_false(bl_json_bool(root_of(BL_STR("\"true\"")), &boolean));
    assert_false(bl_json_string(root_of(BL_STR("1")), &text));
    assert_str(text, BL_STR("untouched"));
    assert_true(bl_json_string(root_of(BL_STR("\"\"")), &text));
    assert_str(text, BL_STR(""));
    assert_true(bl_json_string(root_of(BL_STR("\"a\\u0000b\"")), &text));
    assert_str(text, BL_STR("a\0b"));
}

static void test_source(void **state) {
    struct bl_json root = root_of(BL_STR(" { \"a\" : [ 1 , -2.50 ] , \"b\\\"\" : \"c\\\"d\\\\\" , "
                                         "\"e\":{ } ,\"f\":true,\"g\":null } "));
    struct bl_json a = bl_json_get(root, BL_STR("a"));
    (void)state;
    assert_str(bl_json_source(a), BL_STR("[ 1 , -2.50 ]"));
    assert_str(bl_json_source(bl_json_at(a, 0)), BL_STR("1"));
    assert_str(bl_json_source(bl_json_at(a, 1)), BL_STR("-2.50"));
    assert_str(bl_json_source(bl_json_get(root, BL_STR("b\""))), BL_STR("\"c\\\"d\\\\\""));
    assert_str(bl_json_source(bl_json_get(root, BL_STR("e"))), BL_STR("{ }"));
    assert_str(bl_json_source(bl_json_get(root, BL_STR("f"))), BL_STR("true"));
    assert_str(bl_json_source(bl_json_get(root, BL_STR("g"))), BL_STR("null"));
    struct bl_str all = bl_json_source(root);
    assert_ptr_equal(all.data, fixture.copy + 1);
    assert_int_equal(all.len, fixture.doc.text.len - 2);
    assert_str(bl_json_source(root_of(BL_STR("12"))), BL_STR("12"));
    assert_str(bl_json_source(root_of(BL_STR("\"\""))), BL_STR("\"\""));
}

static void test_position(void **state) {
    struct bl_json root = root_of(BL_STR("{\n  \"a\": 1,\r\n  \"\xC3\xA9\": [\n\n true]}"));
    uint32_t line = 0;
    uint32_t column = 0;
    (void)state;
    bl_json_position(root, &line, &column);
    assert_true(line == 1 && column == 1);
    bl_json_position(bl_json_get(root, BL_STR("a")), &line, &column);
    assert_true(line == 2 && column == 8);
    struct bl_json list = bl_json_get(root, BL_STR("\xC3\xA9"));
    bl_json_position(list, &line, &column);
    assert_true(line == 3 && column == 9); /* in bytes */
    bl_json_locate(bl_json_at(list, 0), &fixture.diag);
    assert_true(fixture.diag.line == 5 && fixture.diag.column == 2);
}

static void test_type_names(void **state) {
    (void)state;
    assert_string_equal(bl_json_type_name(BL_JSON_ABSENT), "nothing");
    assert_string_equal(bl_json_type_name(BL_JSON_OBJECT), "an object");
    for (int type = BL_JSON_ABSENT; type <= BL_JSON_OBJECT; type++) {
        assert_true(strlen(bl_json_type_name((enum bl_json_type)type)) > 3);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent_answers_everything),
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_at_and_count),
        cmocka_unit_test(test_iteration),
        cmocka_unit_test(test_int64),
        cmocka_unit_test(test_double),
        cmocka_unit_test(test_string_and_bool),
        cmocka_unit_test(test_source),
        cmocka_unit_test(test_position),
        cmocka_unit_test(test_type_names),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
