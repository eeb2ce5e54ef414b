/* Opening: what is no store, what is one of another time, what may only be read. */
#include "support/store_fixture.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <time.h>

static void write_file(const char *text, size_t len) {
    int fd = open(store_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    assert_int_equal(close(fd), 0);
}

static void close_all(void) {
    bl_store_close(store);
    store = NULL;
}

static void refuses(enum bl_error error, const char *says) {
    for (int read_only = 0; read_only < 2; read_only++) {
        assert_int_equal(
            open_with((struct bl_store_sqlite_options){.read_only = read_only == 1, .create = true})
                .error,
            error);
        assert_says(says);
        assert_null(store);
    }
}

static void a_missing_file(void **state) {
    (void)state;
    close_all();
    assert_int_equal(unlink(store_path), 0);
    assert_int_equal(open_with((struct bl_store_sqlite_options){0}).error, BL_E_POLICY_NOT_FOUND);
    assert_says("there is no store");
    assert_int_equal(
        open_with((struct bl_store_sqlite_options){.read_only = true, .create = true}).error,
        BL_E_POLICY_NOT_FOUND);
    assert_int_equal(access(store_path, F_OK), -1);
}

static void files_that_are_no_store(void **state) {
    (void)state;
    close_all();
    write_file("", 0);
    refuses(BL_E_INVALID_REQUEST, "empty file");
    static char text[20000];
    memset(text, 'x', sizeof(text));
    write_file(text, sizeof(text));
    refuses(BL_E_INVALID_REQUEST, "not a SQLite database");
    write_file("SQLite format 3", 15);
    refuses(BL_E_INVALID_REQUEST, "not a SQLite database");
    assert_int_equal(unlink(store_path), 0);
    run_sql("CREATE TABLE t (x)");
    refuses(BL_E_INVALID_REQUEST, "another program's database");
    assert_int_equal(unlink(store_path), 0);
    assert_int_equal(mkdir(store_path, 0755), 0);
    refuses(BL_E_INVALID_REQUEST, "no file");
}

static void one_of_a_newer_version(void **state) {
    (void)state;
    put("k", "v");
    close_all();
    run_sql("PRAGMA user_version = 2");
    refuses(BL_E_INVALID_REQUEST, "format 2, this program knows up to 1");
    run_sql("PRAGMA user_version = 0");
    refuses(BL_E_INTERNAL, "damaged");
    run_sql("PRAGMA user_version = 1");
    must(open_with((struct bl_store_sqlite_options){0}));
    assert_string_equal(value_of("k", BL_STORE_NEWEST), "v");
}

static void one_whose_tables_are_gone(void **state) {
    (void)state;
    close_all();
    run_sql("DELETE FROM state");
    refuses(BL_E_INTERNAL, "damaged");
    run_sql("DROP TABLE state");
    refuses(BL_E_INTERNAL, "damaged");
}

static char large[50000];

/* Counts entries that are neither whole nor told to be damaged. */
static bool count_wrong(void *user, const struct bl_store_entry *entry) {
    bool whole = bl_str_equal_c(entry->value, large);
    *(int *)user += !whole && !entry->damaged;
    return true;
}

static void one_that_is_cut_at_any_length(void **state) {
    (void)state;
    static char bytes[200000];
    int refused = 0, cuts = 0, wrong = 0;
    memset(large, 'v', sizeof(large) - 1);
    put("k", large);
    put("l", large);
    close_all();
    int fd = open(store_path, O_RDONLY);
    ssize_t len = read(fd, bytes, sizeof(bytes));
    assert_int_equal(close(fd), 0);
    assert_in_range(len, 100000, sizeof(bytes) - 1);
    for (size_t cut = 1; cut < (size_t)len; cut += 499, cuts++) {
        write_file(bytes, cut);
        uint64_t revision;
        bl_result result = open_with((struct bl_store_sqlite_options){.read_only = true});
        if (bl_is_ok(result)) {
            result = bl_store_changes(store, 0, count_wrong, &wrong, &revision, &store_diag);
        }
        if (bl_is_error(result)) {
            assert_true(store_diag.message[0] != '\0' && store_diag.hint[0] != '\0');
            refused++;
        }
        close_all();
    }
    assert_int_equal(wrong, 0);
    assert_true(refused >= cuts - 9); /* within the last page values tell */
}

static void opened_for_reading_it_refuses_writes(void **state) {
    (void)state;
    put("k", "v");
    must(open_with((struct bl_store_sqlite_options){.read_only = true}));
    assert_string_equal(value_of("k", BL_STORE_NEWEST), "v");
    assert_int_equal(change("k", "w", BL_STORE_EXPECT_ANY, 0, NULL).error, BL_E_FORBIDDEN);
    assert_says("read-only");
}

/* Exit code of `work` done by a user who owns nothing. */
static int as_nobody(int (*work)(void)) {
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
            _exit(99);
        }
        _exit(work());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int read_and_try_to_write(void) {
    struct bl_store *mine;
    struct bl_diag diag;
    const struct bl_store_sqlite_options reading = {.read_only = true}, writing = {.create = true};
    uint64_t revision;

    if (bl_is_error(bl_store_sqlite_open(store_path, &reading, &mine, &diag))) {
        return 1;
    }
    store_shown[0] = '\0';
    if (bl_is_error(bl_store_changes(mine, 0, show, NULL, &revision, &diag)) ||
        strcmp(store_shown, "k=v@1 ") != 0 || !bl_store_sqlite_is_current(mine)) {
        return 2;
    }
    bl_store_close(mine);
    bl_result result = bl_store_sqlite_open(store_path, &writing, &mine, &diag);
    if (bl_is_ok(result)) {
        const struct bl_store_note note = {{"", 0}, {"", 0}, 0};
        struct bl_store_change one = {.key = BL_STR("k"), .value = BL_STR("w")};
        result = bl_store_apply(mine, &one, 1, &note, &diag);
        bl_store_close(mine);
    }
    if (bl_is_ok(result)) {
        return 3;
    }
    return strstr(diag.message, "read-only") != NULL || strstr(diag.message, "cannot be opened")
               ? 0
               : 4;
}

static void a_file_and_folder_without_rights_can_still_be_read(void **state) {
    (void)state;
    put("k", "v");
    close_all();
    assert_int_equal(chmod(store_path, 0444), 0);
    assert_int_equal(chmod(store_folder, 0555), 0);
    assert_int_equal(as_nobody(read_and_try_to_write), 0);
    assert_int_equal(chmod(store_folder, 0755), 0);
}

static int64_t now_ms(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void a_lock_is_waited_for_a_bounded_time(void **state) {
    (void)state;
    sqlite3 *other;
    put("k", "v");
    must(open_with((struct bl_store_sqlite_options){.busy_timeout_ms = 200}));
    assert_int_equal(sqlite3_open(store_path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    int64_t began = now_ms();
    assert_int_equal(change("k", "w", BL_STORE_EXPECT_ANY, 0, NULL).error, BL_E_UNAVAILABLE);
    assert_in_range(now_ms() - began, 150, 2000);
    assert_says("locked by another process, waited 200 ms");
    assert_string_equal(value_of("k", BL_STORE_NEWEST), "v"); /* readers do not wait */
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    put("k", "w");
}

static void a_lock_on_everything_is_waited_for_a_bounded_time(void **state) {
    (void)state;
    sqlite3 *other;
    put("k", "v");
    close_all();
    assert_int_equal(sqlite3_open(store_path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other,
                                  "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;"
                                  "UPDATE state SET revision = revision; COMMIT",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    int64_t began = now_ms();
    assert_int_equal(
        open_with((struct bl_store_sqlite_options){.read_only = true, .busy_timeout_ms = 200})
            .error,
        BL_E_UNAVAILABLE);
    assert_in_range(now_ms() - began, 150, 3000);
    assert_says("locked");
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    must(open_with((struct bl_store_sqlite_options){0}));
}

static void a_file_that_was_replaced_is_not_current(void **state) {
    (void)state;
    char aside[256];
    put("k", "v");
    assert_true(bl_store_sqlite_is_current(store));
    (void)snprintf(aside, sizeof(aside), "%s.aside", store_path);
    assert_int_equal(rename(store_path, aside), 0);
    assert_false(bl_store_sqlite_is_current(store));
    write_file("x", 1);
    assert_false(bl_store_sqlite_is_current(store));
    assert_int_equal(rename(aside, store_path), 0);
    assert_true(bl_store_sqlite_is_current(store));
}

static void names_that_mean_something_to_sqlite_are_files(void **state) {
    (void)state;
    static const char *const names[] = {":memory:", "file:x?mode=ro", "a b%20#?.db"};
    char back[1024];
    close_all();
    assert_non_null(getcwd(back, sizeof(back)));
    assert_int_equal(chdir(store_folder), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(store_path, sizeof(store_path), "%s", names[i]);
        must(open_with((struct bl_store_sqlite_options){.create = true}));
        put("k", "v");
        close_all();
        assert_int_equal(access(names[i], F_OK), 0);
        assert_int_equal(chmod(names[i], 0444), 0);
        assert_int_equal(chmod(store_folder, 0555), 0);
        assert_int_equal(as_nobody(read_and_try_to_write), 0);
        assert_int_equal(chmod(store_folder, 0755), 0);
    }
    assert_int_equal(chdir(back), 0);
    store_path[0] = '\0';
    assert_int_equal(open_with((struct bl_store_sqlite_options){.create = true}).error,
                     BL_E_INVALID_REQUEST);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_store, tear_down_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_missing_file),
        TEST(files_that_are_no_store),
        TEST(one_of_a_newer_version),
        TEST(one_whose_tables_are_gone),
        TEST(one_that_is_cut_at_any_length),
        TEST(opened_for_reading_it_refuses_writes),
        TEST(a_file_and_folder_without_rights_can_still_be_read),
        TEST(a_lock_is_waited_for_a_bounded_time),
        TEST(a_lock_on_everything_is_waited_for_a_bounded_time),
        TEST(a_file_that_was_replaced_is_not_current),
        TEST(names_that_mean_something_to_sqlite_are_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
