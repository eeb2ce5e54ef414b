/* Writing: revisions, compare-and-set, batches, bounded history. */
#include "support/store_fixture.h"

static const struct bl_store_note note = {{"ann", 3}, {"batch", 5}, 5};

static const char *history_of(const char *key) {
    store_shown[0] = '\0';
    must(bl_store_history(store, bl_str_from_c(key), BL_STORE_NEWEST, 1000, show, NULL,
                          &store_diag));
    return store_shown;
}

static void revisions_rise_over_all_keys_and_are_never_given_twice(void **state) {
    (void)state;
    assert_int_equal(put("a", "1"), 1);
    assert_int_equal(put("b", "1"), 2);
    assert_int_equal(put("a", "1"), 3); /* the same value is a revision too */
    must(change("b", NULL, BL_STORE_EXPECT_ANY, 0, NULL));
    must(open_with((struct bl_store_sqlite_options){0}));
    assert_int_equal(put("c", "1"), 5);
}

static void compare_and_set(void **state) {
    (void)state;
    uint64_t revision;
    must(change("k", "1", BL_STORE_EXPECT_ABSENT, 0, &revision));
    assert_int_equal(change("k", "2", BL_STORE_EXPECT_ABSENT, 0, NULL).error,
                     BL_E_PRECONDITION_FAILED);
    assert_says("'k' is there, at revision 1");
    must(change("k", "2", BL_STORE_EXPECT_REVISION, revision, &revision));
    assert_int_equal(revision, 2);
    assert_int_equal(change("k", "3", BL_STORE_EXPECT_REVISION, 1, NULL).error,
                     BL_E_PRECONDITION_FAILED);
    assert_non_null(strstr(store_diag.hint, "revision 1 was expected"));
    assert_int_equal(change("x", "3", BL_STORE_EXPECT_REVISION, 0, NULL).error,
                     BL_E_PRECONDITION_FAILED);
    assert_says("'x' does not exist");
    assert_string_equal(value_of("k", BL_STORE_NEWEST), "2");
}

static void deleting(void **state) {
    (void)state;
    uint64_t revision;
    assert_int_equal(change("k", NULL, BL_STORE_EXPECT_ANY, 0, NULL).error,
                     BL_E_PRECONDITION_FAILED);
    put("k", "1");
    assert_int_equal(change("k", NULL, BL_STORE_EXPECT_REVISION, 7, NULL).error,
                     BL_E_PRECONDITION_FAILED);
    must(change("k", NULL, BL_STORE_EXPECT_REVISION, 1, &revision));
    assert_int_equal(change("k", NULL, BL_STORE_EXPECT_ANY, 0, NULL).error,
                     BL_E_PRECONDITION_FAILED);
    assert_non_null(strstr(store_diag.hint, "nothing to delete"));
    assert_string_equal(history_of("k"), "k!@2 k=1@1 ");
    must(change("k", "2", BL_STORE_EXPECT_REVISION, revision, NULL)); /* upon its end */
    must(change("k", NULL, BL_STORE_EXPECT_ANY, 0, NULL));
    must(change("k", "3", BL_STORE_EXPECT_ABSENT, 0, NULL));
    assert_string_equal(history_of("k"), "k=3@5 k!@4 k=2@3 k!@2 k=1@1 ");
}

static void a_batch_is_written_whole_or_not_at_all(void **state) {
    (void)state;
    put("a", "1");
    struct bl_store_change batch[] = {{.key = BL_STR("a"),
                                       .value = BL_STR("2"),
                                       .expect = BL_STORE_EXPECT_REVISION,
                                       .expected_revision = 1},
                                      {.key = BL_STR("b"), .value = BL_STR("2")},
                                      {.key = BL_STR("c"),
                                       .value = BL_STR("2"),
                                       .expect = BL_STORE_EXPECT_REVISION,
                                       .expected_revision = 9}};
    assert_int_equal(bl_store_apply(store, batch, 3, &note, &store_diag).error,
                     BL_E_PRECONDITION_FAILED);
    assert_string_equal(value_of("a", BL_STORE_NEWEST), "1");
    assert_string_equal(value_of("b", BL_STORE_NEWEST), "");
    batch[2].expect = BL_STORE_EXPECT_ABSENT;
    must(bl_store_apply(store, batch, 3, &note, &store_diag));
    assert_int_equal(batch[0].revision, 2);
    assert_int_equal(batch[2].revision, 4);
    assert_string_equal(value_of("c", BL_STORE_NEWEST), "2");
}

static void history_is_bounded_and_its_newest_stay(void **state) {
    (void)state;
    must(open_with((struct bl_store_sqlite_options){.history_max = 3}));
    put("other", "x");
    for (int i = 0; i < 10; i++) {
        char text[16];
        (void)snprintf(text, sizeof(text), "%d", i);
        put("k", text);
    }
    assert_string_equal(history_of("k"), "k=9@11 k=8@10 k=7@9 ");
    must(change("k", NULL, BL_STORE_EXPECT_ANY, 0, NULL));
    assert_string_equal(history_of("k"), "k!@12 k=9@11 k=8@10 ");
    assert_string_equal(value_of("k", 9), ""); /* given up */
    assert_string_equal(value_of("k", 10), "8");
    assert_string_equal(history_of("other"), "other=x@1 ");
    must(open_with((struct bl_store_sqlite_options){.history_max = 1}));
    put("k", "z");
    assert_string_equal(history_of("k"), "k=z@13 ");
}

static void empty_and_binary_values(void **state) {
    (void)state;
    struct bl_store_change changes[] = {{.key = BL_STR("empty"), .value = BL_STR("")},
                                        {.key = BL_STR("zero"), .value = {"a\0\xff", 3}}};
    struct bl_store_entry entry;
    struct bl_arena arena;
    bool found;
    must(bl_store_apply(store, changes, 2, &note, &store_diag));
    bl_arena_init(&arena, 4096, 65536);
    must(
        bl_store_get(store, BL_STR("empty"), BL_STORE_NEWEST, &arena, &entry, &found, &store_diag));
    assert_true(found && !entry.deleted && bl_str_is_present(entry.value));
    assert_int_equal(entry.value.len, 0);
    must(bl_store_get(store, BL_STR("zero"), BL_STORE_NEWEST, &arena, &entry, &found, &store_diag));
    assert_int_equal(entry.value.len, 3);
    assert_memory_equal(entry.value.data, "a\0\xff", 3);
    bl_arena_fini(&arena);
}

/* Puts `count` keys "<prefix>000000", … in one batch. */
static bl_result put_many(const char *prefix, size_t count) {
    struct bl_store_change *changes = calloc(count, sizeof(*changes));
    char(*keys)[32] = calloc(count, sizeof(*keys));
    assert_non_null(changes);
    assert_non_null(keys);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "%s%06zu", prefix, i);
        changes[i] = (struct bl_store_change){.key = bl_str_from_c(keys[i]), .value = BL_STR("v")};
    }
    bl_result result = bl_store_apply(store, changes, count, &note, &store_diag);
    free(changes);
    free(keys);
    return result;
}

static void keys_are_bounded_and_the_oldest_deletion_is_forgotten_first(void **state) {
    (void)state;
    uint64_t now;
    must(put_many("k", BL_STORE_KEYS_MAX - 2));
    put("x", "1");
    put("y", "1");
    assert_int_equal(change("z", "1", BL_STORE_EXPECT_ANY, 0, NULL).error, BL_E_RESOURCE_EXHAUSTED);
    assert_says("100000 keys");
    put("x", "2"); /* a known key needs no room */
    uint64_t ended;
    must(change("y", NULL, BL_STORE_EXPECT_ANY, 0, &ended));
    must(change("x", NULL, BL_STORE_EXPECT_ANY, 0, NULL));
    put("z", "1");
    assert_string_equal(history_of("y"), "");
    assert_string_equal(value_of("x", BL_STORE_NEWEST), "!");
    store_shown[0] = '\0';
    must(bl_store_changes(store, ended, show, NULL, &now, &store_diag));
    assert_string_equal(store_shown, "x!@100003 z=1@100004 ");
    assert_int_equal(bl_store_changes(store, ended - 1, show, NULL, &now, &store_diag).error,
                     BL_E_PRECONDITION_FAILED); /* y's end would be missed */
}

static void a_full_store_says_so_and_stays_whole(void **state) {
    (void)state;
    static char value[100000];
    memset(value, 'v', sizeof(value) - 1);
    must(open_with((struct bl_store_sqlite_options){.max_bytes = 1000000}));
    bl_result result = BL_OK;
    int written = 0;
    for (; bl_is_ok(result) && written < 100; written++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "k%02d", written);
        result = change(key, value, BL_STORE_EXPECT_ANY, 0, NULL);
    }
    assert_int_equal(result.error, BL_E_RESOURCE_EXHAUSTED);
    assert_says("has reached its largest size; nothing was written");
    assert_in_range(written, 8, 11);
    put("small", "v");
    must(change("k00", NULL, BL_STORE_EXPECT_ANY, 0, NULL)); /* deleting still works */
    assert_string_equal(value_of("small", BL_STORE_NEWEST), "v");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_store, tear_down_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(revisions_rise_over_all_keys_and_are_never_given_twice),
        TEST(compare_and_set),
        TEST(deleting),
        TEST(a_batch_is_written_whole_or_not_at_all),
        TEST(history_is_bounded_and_its_newest_stay),
        TEST(empty_and_binary_values),
        TEST(keys_are_bounded_and_the_oldest_deletion_is_forgotten_first),
        TEST(a_full_store_says_so_and_stays_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
