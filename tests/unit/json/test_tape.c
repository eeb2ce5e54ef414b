#include "unit/json/json_fixture.h"

#include "json/tape.h"

static const struct bl_json_limits limits = {.max_bytes = 1000, .max_depth = 2, .max_nodes = 40};

static void begin(struct bl_json_tape *tape, struct bl_arena *arena, struct bl_diag *diag,
                  bool positioned) {
    bl_arena_init(arena, 256, 1024 * 1024);
    bl_diag_clear(diag);
    bl_json_tape_init(tape, &limits, arena, diag);
    tape->positioned = positioned;
    assert_true(bl_is_ok(bl_json_tape_begin(tape, BL_STR("x"))));
}

/* Nodes keep what they hold, and their positions, while the tape grows to its limit. */
static void test_grows_to_its_limit(void **state) {
    struct bl_json_tape tape;
    struct bl_arena arena;
    struct bl_diag diag;
    struct bl_json_node *node = NULL;
    (void)state;
    for (int positioned = 0; positioned < 2; positioned++) {
        begin(&tape, &arena, &diag, positioned != 0);
        assert_true(tape.capacity < limits.max_nodes);
        for (uint32_t i = 0; i < limits.max_nodes; i++) {
            assert_true(bl_is_ok(bl_json_tape_add(&tape, BL_JSON_INT, i, &node)));
            node->value.integer = (int64_t)i * 7;
            if (positioned != 0) {
                tape.lines[i] = i + 1;
                tape.columns[i] = i + 2;
            }
        }
        assert_int_equal(bl_json_tape_add(&tape, BL_JSON_INT, 0, &node).error,
                         BL_E_INVALID_REQUEST);
        assert_non_null(strstr(diag.message, "limit of 40"));
        assert_int_equal(tape.count, limits.max_nodes);
        for (uint32_t i = 0; i < tape.count; i++) {
            assert_int_equal(tape.nodes[i].offset, i);
            assert_int_equal(tape.nodes[i].next, i + 1);
            assert_int_equal(tape.nodes[i].value.integer, i * 7);
            if (positioned != 0) {
                assert_int_equal(tape.lines[i], i + 1);
                assert_int_equal(tape.columns[i], i + 2);
            }
        }
        assert_int_equal(tape.lines != NULL, positioned);
        bl_arena_fini(&arena);
    }
}

static void test_open_and_close(void **state) {
    struct bl_json_duplicate duplicate = {0, 0};
    struct bl_json_tape tape;
    struct bl_arena arena;
    struct bl_diag diag;
    (void)state;
    begin(&tape, &arena, &diag, false);
    assert_true(bl_is_ok(bl_json_tape_open(&tape, BL_JSON_ARRAY, 0)));
    assert_true(bl_is_ok(bl_json_tape_open(&tape, BL_JSON_ARRAY, 1)));
    assert_int_equal(tape.parent, 1);
    assert_int_equal(bl_json_tape_open(&tape, BL_JSON_ARRAY, 2).error, BL_E_INVALID_REQUEST);
    assert_non_null(strstr(diag.message, "limit of 2"));
    assert_true(bl_is_ok(bl_json_tape_close(&tape, 3, &duplicate)));
    assert_int_equal(tape.parent, 0);
    assert_true(bl_is_ok(bl_json_tape_open(&tape, BL_JSON_OBJECT, 4)));
    assert_true(bl_is_ok(bl_json_tape_close(&tape, 5, &duplicate)));
    assert_true(bl_is_ok(bl_json_tape_close(&tape, 6, &duplicate)));
    assert_int_equal(tape.parent, BL_JSON_NO_PARENT);
    assert_int_equal(tape.depth, 0);
    assert_int_equal(tape.nodes[0].next, 3);
    assert_int_equal(tape.nodes[1].next, 2);
    assert_int_equal(tape.nodes[2].value.end, 5);
    bl_arena_fini(&arena);
}

/* A long key is shown in part, and never cut inside a character. */
static void test_shows_part_of_a_long_key(void **state) {
    char key[300];
    struct bl_json_tape tape;
    struct bl_diag diag;
    struct bl_arena arena;
    (void)state;
    begin(&tape, &arena, &diag, false);
    memset(key, 'k', sizeof(key));
    memcpy(key + 99, "\xC3\xA9", 2);
    bl_json_tape_duplicate(&tape, (struct bl_str){key, sizeof(key)}, 12, 34);
    assert_non_null(strstr(diag.message, "kkk\"... stands twice in one object, first in line 12, "
                                         "column 34"));
    assert_null(strchr(diag.message, '?'));
    bl_arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_to_its_limit),
        cmocka_unit_test(test_open_and_close),
        cmocka_unit_test(test_shows_part_of_a_long_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
