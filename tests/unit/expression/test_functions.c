#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "expression/functions.h"

static const char letters[] = "-0biudslm-tny"; /* by enum bl_value_type; 0 is null */

static struct bl_type type_of(char letter) {
    const char *found = strchr(letters, letter);

    assert_non_null(found);
    return letter == '*' ? BL_TYPE_DYN : bl_type_of((enum bl_value_type)(found - letters));
}

static void every_name_is_found_by_its_style(void **state) {
    struct bl_str nearest;
    (void)state;

    for (int i = 0; i < BL_FUNCTION_COUNT; i++) {
        enum bl_function function = (enum bl_function)i;
        struct bl_str name = bl_str_from_c(bl_function_name(function));
        enum bl_function_style style = bl_function_style(function);
        bool is_function = style == BL_STYLE_FUNCTION || style == BL_STYLE_EITHER;
        bool is_method = style == BL_STYLE_METHOD || style == BL_STYLE_EITHER;
        assert_int_equal(bl_function_find(name, false, &nearest), is_function ? i : -1);
        assert_int_equal(bl_function_find(name, true, &nearest), is_method ? i : -1);
    }
}

static void the_nearest_name_is_offered(void **state) {
    struct bl_str nearest;
    (void)state;

    assert_int_equal(bl_function_find(BL_STR("startWith"), true, &nearest), -1);
    assert_true(bl_str_equal(nearest, BL_STR("startsWith")));
    assert_int_equal(bl_function_find(BL_STR("duratoin"), false, &nearest), -1);
    assert_true(bl_str_equal(nearest, BL_STR("duration")));
    assert_int_equal(bl_function_find(BL_STR("frobnicate"), true, &nearest), -1);
    assert_false(bl_str_is_present(nearest));
}

/* All overloads of operators and functions, and nothing else: each pair of types is tried. */
static void overloads(void **state) {
    static const struct {
        enum bl_function function;
        const char *taken; /* "ab=c": of a and b comes c; one letter before = is one argument */
    } cases[] = {
        {BL_FUNCTION_NOT, "b=b"},
        {BL_FUNCTION_NEGATE, "i=i d=d n=n"},
        {BL_FUNCTION_ADD, "ii=i uu=u dd=d ss=s ll=l tn=t nt=t nn=n"},
        {BL_FUNCTION_SUBTRACT, "ii=i uu=u dd=d tt=n tn=t nn=n"},
        {BL_FUNCTION_MULTIPLY, "ii=i uu=u dd=d"},
        {BL_FUNCTION_DIVIDE, "ii=i uu=u dd=d"},
        {BL_FUNCTION_MODULO, "ii=i uu=u"},
        {BL_FUNCTION_SIZE, "s=i l=i m=i"},
        {BL_FUNCTION_STARTS_WITH, "ss=b"},
        {BL_FUNCTION_ENDS_WITH, "ss=b"},
        {BL_FUNCTION_CONTAINS, "ss=b"},
        {BL_FUNCTION_MATCHES, "ss=b"},
        {BL_FUNCTION_BOOL, "b=b s=b"},
        {BL_FUNCTION_INT, "i=i u=i d=i s=i t=i"},
        {BL_FUNCTION_UINT, "i=u u=u d=u s=u"},
        {BL_FUNCTION_DOUBLE, "i=d u=d d=d s=d"},
        {BL_FUNCTION_STRING, "b=s i=s u=s d=s s=s t=s n=s"},
        {BL_FUNCTION_DURATION, "s=n n=n"},
        {BL_FUNCTION_TIMESTAMP, "s=t i=t t=t"},
        {BL_FUNCTION_GET_FULL_YEAR, "t=i ts=i"},
        {BL_FUNCTION_GET_DATE, "t=i ts=i"},
        {BL_FUNCTION_GET_HOURS, "t=i ts=i n=i"},
        {BL_FUNCTION_GET_MILLISECONDS, "t=i ts=i n=i"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (const char *a = letters + 1; *a != '\0'; a++) {
            for (const char *b = letters; *b != '\0'; b++) {
                if (*a == '-' || (*b == '-' && b != letters)) {
                    continue;
                }
                size_t count = b == letters ? 1 : 2; /* the first stands for no second argument */
                const char wanted[] = {*a, count == 1 ? '=' : *b, count == 1 ? '\0' : '=', '\0'};
                const char *entry = strstr(cases[i].taken, wanted);
                bool is_taken = entry != NULL && (entry == cases[i].taken || entry[-1] == ' ');
                struct bl_type types[2] = {type_of(*a), type_of(count == 2 ? *b : *a)};
                struct bl_type result;
                if (bl_function_check(cases[i].function, types, count, &result) != is_taken) {
                    fail_msg("%s(%s) %s", bl_function_name(cases[i].function), wanted,
                             is_taken ? "is refused" : "is taken");
                }
                if (is_taken) {
                    assert_int_equal(result.kind, type_of(entry[count + 1]).kind);
                }
            }
        }
    }
}

static void what_is_not_known_is_taken(void **state) {
    struct bl_type types[3] = {BL_TYPE_DYN, bl_type_of(BL_VALUE_INT), BL_TYPE_DYN};
    struct bl_type result;
    (void)state;

    assert_true(bl_function_check(BL_FUNCTION_ADD, types, 2, &result));
    assert_int_equal(result.kind, BL_VALUE_INT);
    types[1] = BL_TYPE_DYN;
    assert_true(bl_function_check(BL_FUNCTION_ADD, types, 2, &result));
    assert_int_equal(result.kind, BL_VALUE_ABSENT);
    assert_true(bl_function_check(BL_FUNCTION_MULTIPLY, types, 2, &result));
    assert_true(bl_function_check(BL_FUNCTION_INT, types, 1, &result));
    assert_int_equal(result.kind, BL_VALUE_INT);
    assert_true(bl_function_check(BL_FUNCTION_INDEX, types, 2, &result));
    assert_int_equal(result.kind, BL_VALUE_ABSENT);
    types[1] = bl_type_of(BL_VALUE_NULL);
    assert_false(bl_function_check(BL_FUNCTION_ADD, types, 2, &result));
}

static void equality_and_order(void **state) {
    static const char *const equal_groups[] = {"iud", "s", "b", "l", "m", "t", "n", "y"};
    (void)state;

    for (const char *a = "biudslmtny0"; *a != '\0'; a++) {
        for (const char *b = "biudslmtny0"; *b != '\0'; b++) {
            struct bl_type types[2] = {type_of(*a), type_of(*b)};
            struct bl_type result;
            bool is_equal = *a == '0' || *b == '0';
            for (size_t i = 0; i < sizeof(equal_groups) / sizeof(equal_groups[0]); i++) {
                is_equal |= strchr(equal_groups[i], *a) != NULL && strchr(equal_groups[i], *b);
            }
            bool has_order = is_equal && strchr("lmy0", *a) == NULL && strchr("lmy0", *b) == NULL;
            assert_int_equal(bl_function_check(BL_FUNCTION_EQUAL, types, 2, &result), is_equal);
            assert_int_equal(bl_function_check(BL_FUNCTION_NOT_EQUAL, types, 2, &result), is_equal);
            assert_int_equal(bl_function_check(BL_FUNCTION_LESS, types, 2, &result), has_order);
            assert_int_equal(bl_function_check(BL_FUNCTION_GREATER_EQUAL, types, 2, &result),
                             has_order);
            bool can_hold = *b == 'l' || *b == 'm';
            assert_int_equal(bl_function_check(BL_FUNCTION_IN, types, 2, &result), can_hold);
        }
    }
}

static void types_are_written(void **state) {
    static const struct {
        struct bl_type type;
        const char *text;
    } cases[] = {
        {{BL_VALUE_ABSENT, 0, 0}, "dyn"},
        {{BL_VALUE_INT, 0, 0}, "int"},
        {{BL_VALUE_LIST, BL_VALUE_STRING, 0}, "list(string)"},
        {{BL_VALUE_LIST, BL_VALUE_ABSENT, 0}, "list(dyn)"},
        {{BL_VALUE_MAP, BL_VALUE_ABSENT, BL_VALUE_STRING}, "map(string, dyn)"},
        {{BL_VALUE_TIMESTAMP, 0, 0}, "google.protobuf.Timestamp"},
    };
    char storage[64];
    struct bl_buf buf;
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bl_buf_init(&buf, storage, sizeof(storage));
        bl_type_write(cases[i].type, &buf);
        assert_true(bl_str_equal_c(bl_buf_view(&buf), cases[i].text));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_is_found_by_its_style),
        cmocka_unit_test(the_nearest_name_is_offered),
        cmocka_unit_test(overloads),
        cmocka_unit_test(what_is_not_known_is_taken),
        cmocka_unit_test(equality_and_order),
        cmocka_unit_test(types_are_written),
    };
    return cmocka_run_group_tests_name("functions", tests, NULL, NULL);
}
