/* Reading: as of a revision, lists in pages, history, changes, damage. */
#include "support/store_fixture.h"

static const char *list(const char *prefix, const char *after, size_t limit) {
    store_shown[0] = '\0';
    must(bl_store_list(store, bl_str_from_c(prefix), bl_str_from_c(after), limit, show, NULL,
                       &store_diag));
    return store_shown;
}

static const char *history(const char *key, uint64_t before, size_t limit) {
    store_shown[0] = '\0';
    must(bl_store_history(store, bl_str_from_c(key), before, limit, show, NULL, &store_diag));
    return store_shown;
}

static const char *changes(uint64_t since, uint64_t *revision) {
    store_shown[0] = '\0';
    must(bl_store_changes(store, since, show, NULL, revision, &store_diag));
    return store_shown;
}

static void a_key_as_it_was(void **state) {
    (void)state;
    put("k", "1");
    put("other", "x");
    put("k", "2");
    must(change("k", NULL, BL_STORE_EXPECT_ANY, 0, NULL));
    assert_string_equal(value_of("k", 0), "");
    assert_string_equal(value_of("k", 1), "1");
    assert_string_equal(value_of("k", 2), "1");
    assert_string_equal(value_of("k", 3), "2");
    assert_string_equal(value_of("k", 4), "!");
    assert_string_equal(value_of("k", BL_STORE_NEWEST), "!");
    assert_string_equal(value_of("nothing", BL_STORE_NEWEST), "");
}

static void lists_have_prefix_order_and_pages(void **state) {
    (void)state;
    put("policy/b/1", "1");
    put("policy/a/2", "2");
    put("policy/a/1", "3");
    put("policy/ab/1", "4");
    put("policz", "5");
    put("policy/a/gone", "6");
    must(change("policy/a/gone", NULL, BL_STORE_EXPECT_ANY, 0, NULL));
    assert_string_equal(list("policy/a/", NULL, 9), "policy/a/1=3@3 policy/a/2=2@2 ");
    assert_string_equal(list("policy/", NULL, 2), "policy/a/1=3@3 policy/a/2=2@2 ");
    assert_string_equal(list("policy/", "policy/a/2", 2), "policy/ab/1=4@4 policy/b/1=1@1 ");
    assert_string_equal(list("policy/", "policy/b/1", 2), "");
    assert_string_equal(list("", "policy/b/1", 9), "policz=5@5 ");
    assert_string_equal(list("nothing", NULL, 9), "");
}

static void history_has_pages(void **state) {
    (void)state;
    put("k", "1");
    put("k", "2");
    put("k", "3");
    assert_string_equal(history("k", BL_STORE_NEWEST, 2), "k=3@3 k=2@2 ");
    assert_string_equal(history("k", 2, 2), "k=1@1 ");
    assert_string_equal(history("nothing", BL_STORE_NEWEST, 2), "");
}

static bool stop_at_once(void *user, const struct bl_store_entry *entry) {
    (void)entry;
    (*(int *)user)++;
    return false;
}

static void a_visitor_may_end_a_walk(void **state) {
    (void)state;
    uint64_t revision;
    int calls = 0;
    put("a", "1");
    put("b", "1");
    must(bl_store_list(store, BL_STR(""), BL_STR_ABSENT, 9, stop_at_once, &calls, &store_diag));
    must(bl_store_changes(store, 0, stop_at_once, &calls, &revision, &store_diag));
    assert_int_equal(calls, 2);
    put("c", "1"); /* nothing is left open */
}

static void changes_show_the_newest_of_each_key(void **state) {
    (void)state;
    uint64_t revision;
    assert_string_equal(changes(0, &revision), "");
    assert_int_equal(revision, 0);
    put("a", "1");
    put("b", "1");
    put("a", "2");
    must(change("b", NULL, BL_STORE_EXPECT_ANY, 0, NULL));
    assert_string_equal(changes(0, &revision), "a=2@3 b!@4 ");
    assert_int_equal(revision, 4);
    assert_string_equal(changes(3, &revision), "b!@4 ");
    assert_string_equal(changes(4, &revision), "");
    assert_int_equal(bl_store_changes(store, 5, show, NULL, &revision, &store_diag).error,
                     BL_E_PRECONDITION_FAILED); /* the store is behind: another one */
    assert_says("is at 4");
}

static void asking_for_news(void **state) {
    (void)state;
    struct bl_store *watcher;
    struct bl_diag diag;
    bool changed;
    const struct bl_store_sqlite_options options = {.read_only = true};
    must(bl_store_sqlite_open(store_path, &options, &watcher, &diag));
    must(bl_store_has_changed(watcher, &changed, &diag));
    assert_true(changed); /* the first time */
    must(bl_store_has_changed(watcher, &changed, &diag));
    assert_false(changed);
    put("k", "1");
    must(bl_store_has_changed(watcher, &changed, &diag));
    assert_true(changed);
    must(bl_store_has_changed(watcher, &changed, &diag));
    assert_false(changed);
    bl_store_close(watcher);
}

static void damage_is_told_and_not_served(void **state) {
    (void)state;
    struct bl_store_entry entry;
    struct bl_arena arena;
    bool found;
    put("good", "1");
    put("bad", "1");
    put("odd", "1");
    bl_store_close(store);
    store = NULL;
    run_sql("UPDATE entry SET value = x'32' WHERE key = 'bad';"
            "UPDATE entry SET hash = x'00' WHERE key = 'odd'");
    must(open_with((struct bl_store_sqlite_options){0}));
    assert_string_equal(list("", NULL, 9), "bad=@2 good=1@1 odd=@3 ");
    bl_arena_init(&arena, 4096, 65536);
    assert_int_equal(
        bl_store_get(store, BL_STR("bad"), BL_STORE_NEWEST, &arena, &entry, &found, &store_diag)
            .error,
        BL_E_INTERNAL);
    assert_says("revision 2 of 'bad' is damaged");
    assert_false(found);
    bl_arena_fini(&arena);
    put("bad", "2");
    assert_string_equal(value_of("bad", BL_STORE_NEWEST), "2");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_store, tear_down_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_key_as_it_was),
        TEST(lists_have_prefix_order_and_pages),
        TEST(history_has_pages),
        TEST(a_visitor_may_end_a_walk),
        TEST(changes_show_the_newest_of_each_key),
        TEST(asking_for_news),
        TEST(damage_is_told_and_not_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
