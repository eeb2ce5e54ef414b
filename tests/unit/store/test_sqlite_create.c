/* Making a store: whole or not at all, and never over something else. */
#include "support/store_fixture.h"

#include <dirent.h>

#include "store/sqlite_private.h"

static int set_up_folder(void **state) {
    (void)state;
    make_store_folder();
    return 0;
}

static int files_in_folder(void) {
    DIR *dir = opendir(store_folder);
    int count = 0;
    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        count += entry->d_name[0] != '.';
    }
    assert_int_equal(closedir(dir), 0);
    return count;
}

static void a_new_store_is_one_file(void **state) {
    (void)state;
    must(bl_sqlite_create(store_path, &store_diag));
    assert_int_equal(files_in_folder(), 1);
    must(open_with((struct bl_store_sqlite_options){0}));
    put("k", "v");
}

static void one_that_is_there_is_left_as_it_is(void **state) {
    (void)state;
    must(open_with((struct bl_store_sqlite_options){.create = true}));
    put("k", "v");
    must(bl_sqlite_create(store_path, &store_diag)); /* as if another process was faster */
    assert_string_equal(value_of("k", BL_STORE_NEWEST), "v");
    must(open_with((struct bl_store_sqlite_options){.create = true}));
    assert_string_equal(value_of("k", BL_STORE_NEWEST), "v");
}

static void what_a_killed_attempt_left_is_cleared(void **state) {
    (void)state;
    char left[256];
    (void)snprintf(left, sizeof(left), "%s.new-%ld", store_path, (long)getpid());
    FILE *file = fopen(left, "w");
    assert_non_null(file);
    assert_true(fputs("half a store", file) >= 0);
    assert_int_equal(fclose(file), 0);
    must(bl_sqlite_create(store_path, &store_diag));
    assert_int_equal(files_in_folder(), 1);
}

static void the_log_of_a_removed_store_is_not_read_into_a_new_one(void **state) {
    (void)state;
    char log[256];
    (void)snprintf(log, sizeof(log), "%s-wal", store_path);
    FILE *file = fopen(log, "w");
    assert_non_null(file);
    assert_true(fputs("log", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(open_with((struct bl_store_sqlite_options){.create = true}).error,
                     BL_E_PRECONDITION_FAILED);
    assert_says("its log is there");
    assert_int_equal(unlink(log), 0);
    must(open_with((struct bl_store_sqlite_options){.create = true}));
}

static void a_folder_that_is_missing_is_told(void **state) {
    (void)state;
    assert_int_equal(bl_sqlite_create("/nonexistent/folder/p.db", &store_diag).error,
                     BL_E_UNAVAILABLE);
    assert_says("/nonexistent/folder/p.db");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_folder, tear_down_store)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_new_store_is_one_file),
        TEST(one_that_is_there_is_left_as_it_is),
        TEST(what_a_killed_attempt_left_is_cleared),
        TEST(the_log_of_a_removed_store_is_not_read_into_a_new_one),
        TEST(a_folder_that_is_missing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
