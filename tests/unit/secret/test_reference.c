/* Where secrets come from, and what is told when they do not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "secret/reference.h"

static char folder[64];
static struct bl_secret secret;
static struct bl_diag diag;

static int setup(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/bl-secret-XXXXXX");
    assert_non_null(mkdtemp(folder));
    secret = BL_SECRET_NONE;
    bl_diag_clear(&diag);
    return 0;
}

static int teardown(void **state) {
    static const char *const names[] = {"key", "empty", "router-key"};
    char path[128];
    (void)state;
    bl_secret_fini(&secret);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

static void put(const char *name, const char *text) {
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static bl_result resolve(const char *format, bool environment) {
    char reference[256];
    (void)snprintf(reference, sizeof(reference), format, folder);
    return bl_secret_resolve(bl_str_from_c(reference), environment, &secret, &diag);
}

/* Opening a pipe would wait for its writer, and reading a device may never end. */
static void what_is_no_regular_file_is_refused(void **state) {
    char path[128];
    (void)state;
    (void)snprintf(path, sizeof(path), "%s/key", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_true(bl_is_error(resolve("file:%s/key", false)));
    assert_non_null(strstr(diag.message, "no regular file"));
    assert_true(bl_is_error(resolve("file:%s", false)));
    assert_non_null(strstr(diag.message, "no regular file"));
    assert_true(bl_is_error(bl_secret_resolve(BL_STR("file:/dev/zero"), false, &secret, &diag)));
    assert_non_null(strstr(diag.message, "no regular file"));
}

static void a_file_without_its_newline(void **state) {
    (void)state;
    put("key", "s3cret value\n");
    assert_true(bl_is_ok(resolve("file:%s/key", false)));
    assert_true(bl_secret_equal(&secret, BL_STR("s3cret value")));
}

static void missing_and_empty_files(void **state) {
    (void)state;
    assert_int_equal(resolve("file:%s/none", false).error, BL_E_INVALID_REQUEST);
    assert_non_null(strstr(diag.message, "No such file"));
    put("empty", "");
    assert_int_equal(resolve("file:%s/empty", false).error, BL_E_INVALID_REQUEST);
    assert_non_null(strstr(diag.message, "empty"));
    assert_false(bl_secret_is_present(&secret));
}

static void credentials_of_the_service_manager(void **state) {
    (void)state;
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    assert_int_equal(resolve("credential:router-key", false).error, BL_E_INVALID_REQUEST);
    assert_non_null(strstr(diag.hint, "LoadCredential=router-key"));
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
    put("router-key", "abc");
    assert_true(bl_is_ok(resolve("credential:router-key", false)));
    assert_true(bl_secret_equal(&secret, BL_STR("abc")));
    bl_secret_fini(&secret);
    assert_int_equal(resolve("credential:../router-key", false).error, BL_E_INVALID_REQUEST);
}

static void the_environment_only_where_allowed(void **state) {
    (void)state;
    assert_int_equal(setenv("BL_TEST_SECRET", "from-env", 1), 0);
    assert_int_equal(resolve("env:BL_TEST_SECRET", false).error, BL_E_INVALID_REQUEST);
    assert_null(strstr(diag.message, "from-env"));
    assert_true(bl_is_ok(resolve("env:BL_TEST_SECRET", true)));
    assert_true(bl_secret_equal(&secret, BL_STR("from-env")));
    bl_secret_fini(&secret);
    assert_int_equal(resolve("env:BL_TEST_NOT_SET", true).error, BL_E_INVALID_REQUEST);
}

static void none_is_no_secret(void **state) {
    (void)state;
    assert_true(bl_is_ok(bl_secret_resolve(BL_STR_ABSENT, true, &secret, &diag)));
    assert_false(bl_secret_is_present(&secret));
    assert_int_equal(resolve("plain", true).error, BL_E_INVALID_REQUEST);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_no_regular_file_is_refused),
        TEST(a_file_without_its_newline),
        TEST(missing_and_empty_files),
        TEST(credentials_of_the_service_manager),
        TEST(the_environment_only_where_allowed),
        TEST(none_is_no_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
