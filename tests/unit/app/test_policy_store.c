/* Policies from a store: what is taken over, what stays, what is told. */
#include "support/store_fixture.h"

#include "app/policy_store.h"

static struct bl_policy_store *policies;
static char told[8192];

static void tell(const char *kind, const char *path, const char *message) {
    size_t len = strlen(told);
    (void)snprintf(told + len, sizeof(told) - len, "%s %s: %s\n", kind,
                   path + strlen(store_folder) + 1, message);
}

static void on_finding(void *user, const char *path, const struct bl_diag *finding) {
    (void)user;
    tell(finding->severity == BL_SEVERITY_ERROR ? "error" : "warning", path, finding->message);
}

static void on_state(void *user, const char *path, const struct bl_diag *problem) {
    (void)user;
    tell("state", path, problem == NULL ? "readable" : problem->message);
}

static int setup(void **state) {
    static const struct bl_policy_reports reports = {on_finding, on_state, NULL};
    (void)set_up_store(state);
    told[0] = '\0';
    assert_true(bl_is_ok(bl_policy_store_create(store_path, &reports, &policies)));
    return 0;
}

static int teardown(void **state) {
    bl_policy_store_destroy(policies);
    return tear_down_store(state);
}

static bool look(void) {
    bool changed;
    told[0] = '\0';
    assert_true(bl_is_ok(bl_policy_store_look(policies, false, &changed)));
    return changed;
}

static char live[1024];

static void note_policy(void *user, struct bl_policy *policy, bool *was_told) {
    size_t len = strlen(live);
    (void)user;
    (void)was_told;
    (void)snprintf(live + len, sizeof(live) - len, "%.*s/%.*s=%.*s ", BL_STR_ARG(policy->tenant_id),
                   BL_STR_ARG(policy->policy_id), BL_STR_ARG(policy->providers[0].id));
}

/* "tenant/id=first provider " each. */
static const char *all(void) {
    live[0] = '\0';
    bl_policy_store_each(policies, note_policy, NULL);
    return live;
}

static void find_policy(void *user, struct bl_policy *policy, bool *was_told) {
    (void)was_told;
    *(struct bl_policy **)user = policy;
}

#define OF(name) "providers: [{name: " name "}]\n"

static void close_writer(void) {
    bl_store_close(store);
    store = NULL;
}

static void changes_are_taken_over(void **state) {
    (void)state;
    assert_false(look()); /* an empty store */
    assert_string_equal(told, "");
    put("policy/t/b", OF("one"));
    put("policy/_shared/a", OF("shared"));
    put("something/else", "not a policy");
    assert_true(look());
    assert_string_equal(told, "");
    assert_string_equal(all(), "*/a=shared t/b=one ");
    assert_int_equal(bl_policy_store_stats(policies).revision, 3);
    assert_false(look());
    put("policy/t/b", OF("two"));
    put("policy/t/c", OF("three"));
    must(change("policy/_shared/a", NULL, BL_STORE_EXPECT_ANY, 0, NULL));
    assert_true(look());
    assert_string_equal(all(), "t/b=two t/c=three ");
    put("policy/t/b", "# only a comment\n" OF("two"));
    assert_false(look()); /* says the same */
    must(change("policy/t/b", NULL, BL_STORE_EXPECT_ANY, 0, NULL));
    must(change("policy/t/c", NULL, BL_STORE_EXPECT_ANY, 0, NULL));
    assert_true(look());
    assert_int_equal(bl_policy_store_stats(policies).live, 0);
}

static void what_did_not_change_is_shared(void **state) {
    (void)state;
    struct bl_policy *before, *after;
    put("policy/t/a", OF("one"));
    assert_true(look());
    bl_policy_store_each(policies, find_policy, &before);
    bl_policy_store_reopen(policies);
    assert_false(look()); /* all is read anew */
    bl_policy_store_each(policies, find_policy, &after);
    assert_ptr_equal(before, after);
}

static void a_revision_that_does_not_compile_keeps_the_last_good_one(void **state) {
    (void)state;
    put("policy/t/a", OF("good"));
    assert_true(look());
    put("policy/t/a", "providers: [{nam: x}]\n");
    assert_false(look());
    assert_non_null(strstr(told, "error policies.db: t/a, revision 2: unknown key"));
    assert_string_equal(all(), "t/a=good ");
    assert_int_equal(bl_policy_store_stats(policies).broken, 1);
    assert_false(look());
    assert_string_equal(told, "");
    put("policy/t/a", OF("mended"));
    assert_true(look());
    assert_int_equal(bl_policy_store_stats(policies).broken, 0);
    assert_string_equal(all(), "t/a=mended ");
}

static void after_a_start_the_history_has_the_last_good_one(void **state) {
    (void)state;
    put("policy/t/a", OF("older"));
    put("policy/t/a", OF("good"));
    put("policy/t/a", "broken: [");
    put("policy/t/a", "broken: {");
    put("policy/t/gone", OF("gone"));
    must(change("policy/t/gone", NULL, BL_STORE_EXPECT_ANY, 0, NULL));
    put("policy/t/gone", "broken: [");
    assert_true(look());
    assert_string_equal(all(), "t/a=good "); /* what was deleted does not come back */
    assert_int_equal(bl_policy_store_stats(policies).broken, 2);
}

static void a_damaged_document_keeps_the_last_good_one(void **state) {
    (void)state;
    put("policy/t/a", OF("good"));
    assert_true(look());
    put("policy/t/a", OF("better"));
    close_writer();
    run_sql("UPDATE entry SET value = x'61' WHERE revision = 2");
    assert_false(look());
    assert_non_null(strstr(told, "the document is damaged"));
    assert_string_equal(all(), "t/a=good ");
    must(open_with((struct bl_store_sqlite_options){0}));
    put("policy/t/a", OF("better")); /* the same text as the damaged one */
    assert_true(look());
    assert_string_equal(all(), "t/a=better ");
}

static void keys_that_name_no_policy_are_told(void **state) {
    (void)state;
    put("policy/t", OF("x"));
    put("policy/t/a/b", OF("x"));
    (void)look();
    assert_non_null(strstr(told, "the key names no policy"));
    assert_int_equal(bl_policy_store_stats(policies).live, 0);
}

static void an_unreadable_store_keeps_what_was_live_and_is_told_once(void **state) {
    (void)state;
    char aside[256];
    (void)snprintf(aside, sizeof(aside), "%s.aside", store_path);
    put("policy/t/a", OF("good"));
    assert_true(look());
    close_writer();
    assert_int_equal(rename(store_path, aside), 0);
    assert_false(look());
    assert_non_null(strstr(told, "state policies.db: there is no store"));
    assert_string_equal(all(), "t/a=good ");
    assert_true(bl_policy_store_stats(policies).unreadable);
    assert_false(look());
    assert_string_equal(told, "");
    FILE *file = fopen(store_path, "w"); /* another reason is told */
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_false(look());
    assert_non_null(strstr(told, "empty file"));
    assert_int_equal(rename(aside, store_path), 0);
    assert_false(look());
    assert_string_equal(told, "state policies.db: readable\n");
    assert_false(bl_policy_store_stats(policies).unreadable);
}

static void a_store_that_takes_its_place_is_read_whole(void **state) {
    (void)state;
    put("policy/t/a", OF("a"));
    put("policy/t/b", OF("b"));
    assert_true(look());
    close_writer();
    assert_int_equal(unlink(store_path), 0);
    char log[256];
    (void)snprintf(log, sizeof(log), "%s-wal", store_path);
    (void)unlink(log);
    must(open_with((struct bl_store_sqlite_options){.create = true}));
    put("policy/t/b", OF("b2"));
    assert_true(look());
    assert_string_equal(all(), "t/b=b2 ");
    close_writer();
    run_sql("DELETE FROM entry; DELETE FROM head; UPDATE state SET revision = 0"); /* in place */
    assert_true(look());
    assert_string_equal(all(), "");
}

static void a_locked_store_costs_a_bounded_time(void **state) {
    (void)state;
    sqlite3 *other;
    put("policy/t/a", OF("a"));
    close_writer();
    assert_int_equal(sqlite3_open(store_path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other,
                                  "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;"
                                  "UPDATE state SET revision = revision; COMMIT",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_false(look());
    assert_non_null(strstr(told, "locked by another process, waited 200 ms"));
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    assert_true(look());
    assert_string_equal(all(), "t/a=a ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(changes_are_taken_over),
        TEST(what_did_not_change_is_shared),
        TEST(a_revision_that_does_not_compile_keeps_the_last_good_one),
        TEST(after_a_start_the_history_has_the_last_good_one),
        TEST(a_damaged_document_keeps_the_last_good_one),
        TEST(keys_that_name_no_policy_are_told),
        TEST(an_unreadable_store_keeps_what_was_live_and_is_told_once),
        TEST(a_store_that_takes_its_place_is_read_whole),
        TEST(a_locked_store_costs_a_bounded_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
