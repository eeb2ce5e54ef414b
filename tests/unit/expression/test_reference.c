#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "expression/functions.h"
#include "expression/reference.h"

static char page[32768];

static int setup(void **state) {
    struct bl_buf buf;
    (void)state;
    bl_buf_init(&buf, page, sizeof(page) - 1);
    bl_expression_reference_write(&buf);
    page[buf.len] = '\0';
    return buf.overflowed ? 1 : 0;
}

static void every_function_has_its_row(void **state) {
    char row[64];
    (void)state;
    for (int f = BL_FUNCTION_ADD; f < BL_FUNCTION_COUNT; f++) {
        if (f != BL_FUNCTION_NOT && f != BL_FUNCTION_INDEX) {
            struct bl_buf buf;
            bl_buf_init(&buf, row, sizeof(row) - 1);
            bl_buf_printf(&buf, "\n| `%s` | `", bl_function_name((enum bl_function)f));
            row[buf.len] = '\0';
            assert_non_null(strstr(page, row));
        }
    }
}

static void forms_are_those_of_the_table(void **state) {
    (void)state;
    assert_non_null(strstr(page, "`string.startsWith(string)` → bool"));
    assert_non_null(strstr(page, "`timestamp - timestamp` → duration"));
    assert_non_null(strstr(page, "`timestamp.getHours()` → int"));
    assert_non_null(strstr(page, "`timestamp.getHours(string)` → int"));
    assert_non_null(strstr(page, "`-int` → int"));
    assert_non_null(strstr(page, "`type(any)` → type"));
    assert_null(strstr(page, "int + double"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_function_has_its_row),
        cmocka_unit_test(forms_are_those_of_the_table),
    };
    return cmocka_run_group_tests_name("reference", tests, setup, NULL);
}
