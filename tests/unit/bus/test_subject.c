#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "bus/bus.h"
#include "bus/subject.h"

static bool publishable(const char *subject) {
    return bl_subject_is_valid(bl_str_from_c(subject), false);
}

static bool subscribable(const char *subject) {
    return bl_subject_is_valid(bl_str_from_c(subject), true);
}

static void test_ordinary_subjects(void **state) {
    (void)state;
    const char *const good[] = {"a",         "a.b.c", "$JS.API.INFO", "_INBOX.x9",
                                "a-b_c.d:e", "a*b",   "x>",           "\xc3\xa9.b"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(publishable(good[i]));
        assert_true(subscribable(good[i]));
    }
}

static void test_wildcards_only_to_subscribe(void **state) {
    (void)state;
    const char *const wild[] = {"*", ">", "a.*", "a.>", "*.a.*", "*.>"};
    for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
        assert_false(publishable(wild[i]));
        assert_true(subscribable(wild[i]));
    }
    assert_false(subscribable(">.a"));
    assert_false(subscribable("a.>.b"));
}

static void test_what_would_break_the_protocol(void **state) {
    (void)state;
    const char *const bad[] = {"",   ".",   "a.",    ".a",         "a..b",  "a b",
                               " a", "a\t", "a\r\n", "a\nPUB x 0", "a\x7f", "a.\x01"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(publishable(bad[i]));
        assert_false(subscribable(bad[i]));
    }
    assert_false(bl_subject_is_valid((struct bl_str){"a\0b", 3}, false));
    assert_false(bl_subject_is_valid(BL_STR_ABSENT, true));
}

static void test_length_at_the_limit(void **state) {
    (void)state;
    char text[BL_BUS_SUBJECT_MAX + 1];
    memset(text, 'a', sizeof(text));
    assert_true(bl_subject_is_valid((struct bl_str){text, BL_BUS_SUBJECT_MAX - 1}, false));
    assert_true(bl_subject_is_valid((struct bl_str){text, BL_BUS_SUBJECT_MAX}, false));
    assert_false(bl_subject_is_valid((struct bl_str){text, BL_BUS_SUBJECT_MAX + 1}, false));
    assert_true(bl_queue_group_is_valid((struct bl_str){text, 256}));
    assert_false(bl_queue_group_is_valid((struct bl_str){text, 257}));
    assert_true(bl_header_name_is_valid((struct bl_str){text, BL_BUS_HEADER_NAME_MAX}));
    assert_false(bl_header_name_is_valid((struct bl_str){text, BL_BUS_HEADER_NAME_MAX + 1}));
}

static void test_queue_groups(void **state) {
    (void)state;
    assert_true(bl_queue_group_is_valid(BL_STR("router-decide-group")));
    assert_false(bl_queue_group_is_valid(BL_STR("")));
    assert_false(bl_queue_group_is_valid(BL_STR("two words")));
}

static void test_headers(void **state) {
    (void)state;
    assert_true(bl_header_name_is_valid(BL_STR("X-Tenant-ID")));
    assert_false(bl_header_name_is_valid(BL_STR("")));
    assert_false(bl_header_name_is_valid(BL_STR("a:b")));
    assert_false(bl_header_name_is_valid(BL_STR("a b")));
    assert_false(bl_header_name_is_valid(BL_STR("a\r")));
    assert_false(bl_header_name_is_valid(BL_STR("\xc3\xa9")));
    assert_true(bl_header_value_is_valid(BL_STR("")));
    assert_true(bl_header_value_is_valid(BL_STR("any text: \xc3\xa9\t")));
    assert_false(bl_header_value_is_valid(BL_STR("a\r\nInjected: b")));
    assert_false(bl_header_value_is_valid(BL_STR("a\nb")));
    assert_false(bl_header_value_is_valid((struct bl_str){"a\0b", 3}));
    static char value[BL_BUS_HEADER_VALUE_MAX + 1];
    memset(value, 'v', sizeof(value));
    assert_true(bl_header_value_is_valid((struct bl_str){value, BL_BUS_HEADER_VALUE_MAX}));
    assert_false(bl_header_value_is_valid((struct bl_str){value, BL_BUS_HEADER_VALUE_MAX + 1}));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordinary_subjects),
        cmocka_unit_test(test_wildcards_only_to_subscribe),
        cmocka_unit_test(test_what_would_break_the_protocol),
        cmocka_unit_test(test_length_at_the_limit),
        cmocka_unit_test(test_queue_groups),
        cmocka_unit_test(test_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
