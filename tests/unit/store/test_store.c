/* The interface: limits of what may be written, copies that outlive their walk. */
#include "support/store_fixture.h"

static const struct bl_store_note note = {{"", 0}, {"", 0}, 0};

static bl_result apply(struct bl_store_change *changes, size_t count) {
    return bl_store_apply(store, changes, count, &note, &store_diag);
}

static bl_result put_sizes(size_t key_len, size_t value_len) {
    static char key[BL_STORE_KEY_MAX + 1], value[BL_STORE_VALUE_MAX + 1];
    memset(key, 'k', sizeof(key));
    memset(value, 'v', sizeof(value));
    struct bl_store_change one = {.key = {key, key_len}, .value = {value, value_len}};
    return apply(&one, 1);
}

static void sizes_are_held_at_the_limit(void **state) {
    (void)state;
    must(put_sizes(1, 0));
    must(put_sizes(BL_STORE_KEY_MAX, BL_STORE_VALUE_MAX));
    assert_int_equal(put_sizes(0, 1).error, BL_E_INVALID_REQUEST);
    assert_int_equal(put_sizes(BL_STORE_KEY_MAX + 1, 1).error, BL_E_INVALID_REQUEST);
    assert_says("not a key");
    assert_int_equal(put_sizes(1, BL_STORE_VALUE_MAX + 1).error, BL_E_INVALID_REQUEST);
    assert_says("1048577 bytes");
}

static void keys_are_visible_ascii(void **state) {
    (void)state;
    static const char *const bad[] = {" a", "a b", "\x7f", "\xc3\xa4", "a\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(change(bad[i], "v", BL_STORE_EXPECT_ANY, 0, NULL).error,
                         BL_E_INVALID_REQUEST);
    }
    must(change("!~policy/*:/", "v", BL_STORE_EXPECT_ANY, 0, NULL));
}

static void notes_are_bounded_utf8(void **state) {
    (void)state;
    static char text[BL_STORE_MESSAGE_MAX + 1];
    memset(text, 'm', sizeof(text));
    struct bl_store_change one = {.key = BL_STR("k"), .value = BL_STR("v")};
    struct bl_store_note most = {{text, BL_STORE_AUTHOR_MAX}, {text, BL_STORE_MESSAGE_MAX}, 0};
    must(bl_store_apply(store, &one, 1, &most, &store_diag));
    struct bl_store_note more = {{text, BL_STORE_AUTHOR_MAX + 1}, {text, 1}, 0};
    assert_int_equal(bl_store_apply(store, &one, 1, &more, &store_diag).error,
                     BL_E_INVALID_REQUEST);
    more = (struct bl_store_note){{text, 1}, {text, BL_STORE_MESSAGE_MAX + 1}, 0};
    assert_int_equal(bl_store_apply(store, &one, 1, &more, &store_diag).error,
                     BL_E_INVALID_REQUEST);
    more = (struct bl_store_note){{"\xff", 1}, {text, 1}, 0};
    assert_int_equal(bl_store_apply(store, &one, 1, &more, &store_diag).error,
                     BL_E_INVALID_REQUEST);
    more = (struct bl_store_note){{"a\0b", 3}, {text, 1}, 0};
    assert_int_equal(bl_store_apply(store, &one, 1, &more, &store_diag).error,
                     BL_E_INVALID_REQUEST);
}

static void a_key_stands_once_in_a_batch(void **state) {
    (void)state;
    struct bl_store_change twice[] = {{.key = BL_STR("a"), .value = BL_STR("1")},
                                      {.key = BL_STR("b"), .value = BL_STR("1")},
                                      {.key = BL_STR("a"), .value = BL_STR("2")}};
    assert_int_equal(apply(twice, 3).error, BL_E_INVALID_REQUEST);
    assert_string_equal(value_of("b", BL_STORE_NEWEST), "");
    must(apply(twice, 2));
    must(apply(twice, 0));
    assert_int_equal(apply(twice, BL_STORE_BATCH_MAX + 1).error, BL_E_INVALID_REQUEST);
}

static void what_is_got_is_a_copy(void **state) {
    (void)state;
    struct bl_store_entry entry;
    struct bl_arena arena, small;
    bool found;
    put("k", "value");
    bl_arena_init(&arena, 4096, 65536);
    must(bl_store_get(store, BL_STR("k"), BL_STORE_NEWEST, &arena, &entry, &found, &store_diag));
    put("k", "other");
    assert_true(found);
    assert_memory_equal(entry.value.data, "value", 6);
    assert_memory_equal(entry.key.data, "k", 2);
    assert_true(bl_str_equal_c(entry.author, "ann"));
    assert_true(bl_str_equal_c(entry.message, "why"));
    assert_int_equal(entry.time_ms, 1700000000000);
    bl_arena_fini(&arena);

    must(put_sizes(1, 100000));
    bl_arena_init(&small, 1024, 2048);
    assert_int_equal(
        bl_store_get(store, BL_STR("k"), BL_STORE_NEWEST, &small, &entry, &found, &store_diag)
            .error,
        BL_E_RESOURCE_EXHAUSTED);
    bl_arena_fini(&small);
}

static void walks_check_their_keys(void **state) {
    (void)state;
    assert_int_equal(
        bl_store_list(store, BL_STR("a b"), BL_STR_ABSENT, 9, show, NULL, &store_diag).error,
        BL_E_INVALID_REQUEST);
    assert_int_equal(
        bl_store_list(store, BL_STR(""), BL_STR("\n"), 9, show, NULL, &store_diag).error,
        BL_E_INVALID_REQUEST);
    assert_int_equal(
        bl_store_history(store, BL_STR(""), BL_STORE_NEWEST, 9, show, NULL, &store_diag).error,
        BL_E_INVALID_REQUEST);
    bl_store_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_store, tear_down_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(sizes_are_held_at_the_limit), TEST(keys_are_visible_ascii),
        TEST(notes_are_bounded_utf8),      TEST(a_key_stands_once_in_a_batch),
        TEST(what_is_got_is_a_copy),       TEST(walks_check_their_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
