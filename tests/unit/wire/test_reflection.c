#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "wire/pb_field.h"
#include "wire/reflection.h"

static char set_storage[1024], reply_storage[4096], request_storage[256];
static struct bl_buf reply;

/* name = 1, then whatever is appended */
static void named(struct bl_buf *buf, uint32_t number, const char *name, struct bl_str rest) {
    char storage[512];
    struct bl_buf inner;
    bl_buf_init(&inner, storage, sizeof(storage));
    bl_pb_write_bytes(&inner, 1, bl_str_from_c(name));
    bl_buf_str(&inner, rest);
    bl_pb_write_bytes(buf, number, bl_buf_view(&inner));
}

/* file a.b: message M { message N { enum E } }, enum F, service S { method T } */
static struct bl_str descriptors(void) {
    char one[512], two[512], three[512];
    struct bl_buf set, file, message, nested;

    bl_buf_init(&set, set_storage, sizeof(set_storage));
    bl_buf_init(&file, one, sizeof(one));
    bl_buf_init(&message, two, sizeof(two));
    bl_buf_init(&nested, three, sizeof(three));
    named(&nested, 4, "E", BL_STR(""));
    named(&message, 3, "N", bl_buf_view(&nested));
    bl_pb_write_bytes(&file, 2, BL_STR("a.b"));
    named(&file, 4, "M", bl_buf_view(&message));
    named(&file, 5, "F", BL_STR(""));
    bl_buf_reset(&message);
    named(&message, 2, "T", BL_STR(""));
    named(&file, 6, "S", bl_buf_view(&message));
    named(&set, 1, "a/b.proto", bl_buf_view(&file));
    return bl_buf_view(&set);
}

static struct bl_str ask(uint32_t number, const char *text) {
    static const char *const services[] = {"a.b.S", "grpc.health.v1.Health", NULL};
    struct bl_reflection reflection = {descriptors(), services};
    struct bl_buf request;

    bl_buf_init(&request, request_storage, sizeof(request_storage));
    bl_pb_write_bytes(&request, 1, BL_STR("host"));
    bl_pb_write_bytes(&request, number, bl_str_from_c(text));
    bl_buf_init(&reply, reply_storage, sizeof(reply_storage));
    assert_true(bl_reflection_answer(&reflection, bl_buf_view(&request), &reply));
    assert_true(bl_str_equal_c(bl_pb_find(bl_buf_view(&reply), 1), "host"));
    assert_true(bl_str_equal(bl_pb_find(bl_buf_view(&reply), 2), bl_buf_view(&request)));
    return bl_buf_view(&reply);
}

static void symbols_are_found_where_they_are_declared(void **state) {
    static const char *const known[] = {"a.b.M", "a.b.M.N", "a.b.M.N.E",
                                        "a.b.F", "a.b.S",   "a.b.S.T"};
    static const char *const unknown[] = {"a.b",    "a.b.X", "a.b.M.X", "a.b.S.X",
                                          "a.b.MN", "M",     "",        "a.b."};
    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct bl_str file = bl_pb_find(bl_pb_find(ask(4, known[i]), 4), 1);
        assert_true(bl_str_equal_c(bl_pb_find(file, 1), "a/b.proto"));
    }
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        struct bl_pb_field field;
        struct bl_str error = bl_pb_find(ask(4, unknown[i]), 7);
        assert_true(bl_pb_next(&error, &field) && field.value == 5);
    }
    assert_true(bl_str_is_present(bl_pb_find(ask(3, "a/b.proto"), 4)));
    assert_true(bl_str_is_present(bl_pb_find(ask(3, "a/c.proto"), 7)));
    assert_true(bl_str_is_present(bl_pb_find(ask(5, "x"), 7)));
    assert_true(bl_str_is_present(bl_pb_find(ask(9, "x"), 7)));
}

static void services_are_listed(void **state) {
    struct bl_pb_field field;
    (void)state;
    struct bl_str list = bl_pb_find(ask(7, ""), 6);
    assert_true(bl_pb_next(&list, &field));
    assert_true(bl_str_equal_c(bl_pb_find(field.bytes, 1), "a.b.S"));
    assert_true(bl_pb_next(&list, &field));
    assert_true(bl_str_equal_c(bl_pb_find(field.bytes, 1), "grpc.health.v1.Health"));
    assert_false(bl_pb_next(&list, &field));
}

static void no_protobuf_and_no_room(void **state) {
    static const char *const services[] = {NULL};
    struct bl_reflection reflection = {descriptors(), services};
    (void)state;
    bl_buf_init(&reply, reply_storage, sizeof(reply_storage));
    assert_false(bl_reflection_answer(&reflection, BL_STR("\xff"), &reply));
    bl_buf_init(&reply, reply_storage, 16);
    assert_false(bl_reflection_answer(&reflection,
                                      BL_STR("\x1a\x09"
                                             "a/b.proto"),
                                      &reply));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbols_are_found_where_they_are_declared),
        cmocka_unit_test(services_are_listed),
        cmocka_unit_test(no_protobuf_and_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
