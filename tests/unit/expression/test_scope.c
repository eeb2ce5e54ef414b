#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "expression/evaluate.h"
#include "expression/scope.h"

static const struct bl_value absent = {.type = BL_VALUE_ABSENT};
static const struct bl_value null = {.type = BL_VALUE_NULL};
static const struct bl_value map = {.type = BL_VALUE_MAP};

static void a_value_is_itself(void **state) {
    const struct bl_value five = bl_value_int(5);
    (void)state;
    assert_int_equal(bl_project(BL_PROJECTION_VALUE, &five, NULL).as.integer, 5);
    assert_int_equal(bl_project(BL_PROJECTION_VALUE, &absent, &map).type, BL_VALUE_ABSENT);
}

static void sizes(void **state) {
    const struct bl_value five = bl_value_int(5);
    const struct bl_value text = bl_value_text(BL_STR("h\xc3\xa9llo"));
    const struct bl_value items[] = {five, five};
    const struct bl_value list = {.type = BL_VALUE_LIST, .count = 2, .as.items = items};
    (void)state;

    assert_int_equal(bl_project(BL_PROJECTION_SIZE, &text, &map).as.integer, 5);
    assert_int_equal(bl_project(BL_PROJECTION_SIZE, &list, NULL).as.integer, 2);
    assert_int_equal(bl_project(BL_PROJECTION_SIZE, &map, NULL).type, BL_VALUE_INT);
    assert_int_equal(bl_project(BL_PROJECTION_SIZE, &absent, NULL).type, BL_VALUE_ABSENT);
    struct bl_value error = bl_project(BL_PROJECTION_SIZE, &five, NULL);
    assert_int_equal(error.type, BL_VALUE_ERROR);
    assert_int_equal(bl_error_code(&error), BL_EVALUATION_NO_SUCH_OVERLOAD);
    assert_int_equal(bl_project(BL_PROJECTION_SIZE, &null, NULL).type, BL_VALUE_ERROR);
}

static void presence(void **state) {
    const struct bl_value five = bl_value_int(5);
    struct bl_value found;
    (void)state;

    found = bl_project(BL_PROJECTION_HAS, &five, &map);
    assert_true(found.type == BL_VALUE_BOOL && found.as.boolean);
    found = bl_project(BL_PROJECTION_HAS, &null, &map); /* null is a value */
    assert_true(found.type == BL_VALUE_BOOL && found.as.boolean);
    found = bl_project(BL_PROJECTION_HAS, &absent, &map);
    assert_true(found.type == BL_VALUE_BOOL && !found.as.boolean);
    found = bl_project(BL_PROJECTION_HAS, &absent, NULL); /* of a variable */
    assert_true(found.type == BL_VALUE_BOOL && !found.as.boolean);
    found = bl_project(BL_PROJECTION_HAS, &absent, &absent);
    assert_int_equal(found.type, BL_VALUE_ABSENT);
    found = bl_project(BL_PROJECTION_HAS, &absent, &five);
    assert_int_equal(found.type, BL_VALUE_ERROR);
    assert_int_equal(bl_error_code(&found), BL_EVALUATION_NO_SUCH_OVERLOAD);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_itself),
        cmocka_unit_test(sizes),
        cmocka_unit_test(presence),
    };
    return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}
