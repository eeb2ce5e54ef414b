#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/policy_fixture.h"
#include "wire/members.h"

static struct bl_arena arena;

static int set_up(void **state) {
    (void)state;
    bl_arena_init(&arena, 4096, 1 << 20);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    bl_arena_fini(&arena);
    return 0;
}

static void every_member_is_found_by_its_name(void **state) {
    char text[2048] = "{";
    struct bl_buf buf;
    struct bl_wire_members members;
    int64_t number, expected = 0;
    (void)state;
    bl_buf_init(&buf, text, sizeof(text) - 1);
    bl_buf_char(&buf, '{');
#define X(name, length)                                                                            \
    bl_buf_printf(&buf, "%s'" #name "':%d", buf.len == 1 ? "" : ",", (int)expected++);
    BL_WIRE_MEMBER_MAP(X)
#undef X
    bl_buf_char(&buf, '}');
    text[buf.len] = '\0';
    bl_wire_members_read(fixture_json(text, &arena), &members);
    expected = 0;
#define X(name, length)                                                                            \
    assert_true(bl_json_int64(members.name, &number));                                             \
    assert_int_equal(number, expected++);
    BL_WIRE_MEMBER_MAP(X)
#undef X
}

static void others_and_nulls_are_absent(void **state) {
    struct bl_wire_members members;
    (void)state;
    bl_wire_members_read(
        fixture_json("{'tasks':1,'Task':2,'version ':3,'':4,'task':null,'input':5}", &arena),
        &members);
    assert_int_equal(bl_json_type(members.task), BL_JSON_ABSENT);
    assert_int_equal(bl_json_type(members.version), BL_JSON_ABSENT);
    assert_int_equal(bl_json_type(members.input), BL_JSON_INT);
    bl_wire_members_read(fixture_json("[1,2]", &arena), &members);
    assert_int_equal(bl_json_type(members.input), BL_JSON_ABSENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_member_is_found_by_its_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(others_and_nulls_are_absent, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
