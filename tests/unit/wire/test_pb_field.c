#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/pb_field.h"

static void what_is_written_is_read(void **state) {
    static const uint64_t numbers[] = {0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX};
    char storage[256];
    struct bl_pb_field field;
    struct bl_buf buf;
    (void)state;
    bl_buf_init(&buf, storage, sizeof(storage));
    for (size_t i = 0; i < 7; i++) {
        bl_pb_write_number(&buf, 1, numbers[i]);
        bl_pb_write_bytes(&buf, 536870911, BL_STR("text"));
    }
    struct bl_str rest = bl_buf_view(&buf);
    for (size_t i = 0; i < 7; i++) {
        assert_true(bl_pb_next(&rest, &field));
        assert_true(field.number == 1 && field.value == numbers[i]);
        assert_false(bl_str_is_present(field.bytes));
        assert_true(bl_pb_next(&rest, &field));
        assert_true(field.number == 536870911 && bl_str_equal_c(field.bytes, "text"));
    }
    assert_false(bl_pb_next(&rest, &field));
    assert_int_equal(rest.len, 0);
    assert_true(bl_str_equal_c(bl_pb_find(bl_buf_view(&buf), 536870911), "text"));
    assert_false(bl_str_is_present(bl_pb_find(bl_buf_view(&buf), 2)));
}

static void what_is_no_field_stays(void **state) {
    static const struct bl_str bad[] = {
        {"\0", 1},                                                /* number 0 */
        {"\x0a\x05hell", 6},                                      /* a length past the end */
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x", 12},    /* a length of 2^64 - 1 */
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* a number without end */
        {"\x08", 1},
        {"\x0b", 1}, /* groups are none of ours */
        {"\x0d\1\2\3", 4},
        {"\x09\1\2\3\4\5\6\7", 8},
    };
    struct bl_pb_field field;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct bl_str rest = bad[i];
        assert_false(bl_pb_next(&rest, &field));
        assert_int_equal(rest.len, bad[i].len);
    }
    struct bl_str fixed = {"\x0d\1\2\3\4\x09\1\2\3\4\5\6\7\x8", 14};
    assert_true(bl_pb_next(&fixed, &field) && bl_pb_next(&fixed, &field));
    assert_int_equal(fixed.len, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_is_no_field_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
