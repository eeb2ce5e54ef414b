/* The log: whole lines, one writer, drops counted, rotation. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "observe/log.h"

static char folder[64], path[96], moved[100];
static struct bl_log *log_under_test;
static char contents[1 << 20];

static int setup(void **state) {
    (void)state;
    struct bl_diag diag;
    (void)snprintf(folder, sizeof(folder), "/tmp/bl-log-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/router.log", folder);
    (void)snprintf(moved, sizeof(moved), "%s.1", path);
    assert_true(bl_is_ok(bl_log_create(path, BL_LOG_INFO, 16384, &log_under_test, &diag)));
    return 0;
}

static int teardown(void **state) {
    (void)state;
    (void)unlink(path);
    (void)unlink(moved);
    return rmdir(folder);
}

static const char *read_all(const char *name) {
    FILE *file = fopen(name, "rb");
    size_t len = file == NULL ? 0 : fread(contents, 1, sizeof(contents) - 1, file);
    contents[len] = '\0';
    if (file != NULL) {
        (void)fclose(file);
    }
    return contents;
}

static int count_lines(const char *text) {
    int lines = 0;
    for (; *text != '\0'; text++) {
        lines += *text == '\n';
    }
    return lines;
}

static void lines_are_written_in_order(void **state) {
    (void)state;
    struct bl_log_channel *channel = bl_log_channel(log_under_test);
    bl_log_line(channel, BL_LOG_INFO, "test", "first");
    bl_log_u64(bl_log_start(channel, BL_LOG_WARN, "test", "second"), "n", 7);
    bl_log_finish(channel);
    bl_log_line(channel, BL_LOG_DEBUG, "test", "not wanted");
    bl_log_destroy(log_under_test);
    const char *text = read_all(path);
    assert_int_equal(count_lines(text), 2);
    assert_true(strstr(text, "\"first\"") < strstr(text, "\"second\""));
    assert_non_null(strstr(text, "\"n\":7"));
    assert_null(strstr(text, "not wanted"));
}

static void the_level_can_change(void **state) {
    (void)state;
    struct bl_log_channel *channel = bl_log_channel(log_under_test);
    assert_false(bl_log_wants(channel, BL_LOG_DEBUG));
    bl_log_set_level(log_under_test, BL_LOG_DEBUG);
    assert_true(bl_log_wants(channel, BL_LOG_DEBUG));
    bl_log_set_level(log_under_test, BL_LOG_ERROR);
    assert_false(bl_log_wants(channel, BL_LOG_WARN));
    assert_false(bl_log_wants(NULL, BL_LOG_ERROR));
    bl_log_destroy(log_under_test);
}

static void *many_lines(void *argument) {
    struct bl_log_channel *channel = argument;
    for (int i = 0; i < 2000; i++) {
        bl_log_i64(bl_log_start(channel, BL_LOG_INFO, "thread", "line"), "i", i);
        bl_log_finish(channel);
    }
    return NULL;
}

static void lines_of_threads_never_mix_and_none_is_lost_unseen(void **state) {
    (void)state;
    pthread_t threads[4];
    for (int t = 0; t < 4; t++) {
        assert_int_equal(
            pthread_create(&threads[t], NULL, many_lines, bl_log_channel(log_under_test)), 0);
    }
    for (int t = 0; t < 4; t++) {
        assert_int_equal(pthread_join(threads[t], NULL), 0);
    }
    uint64_t dropped = bl_log_dropped(log_under_test);
    bl_log_destroy(log_under_test);
    const char *text = read_all(path);
    assert_int_equal((uint64_t)count_lines(text) + dropped, 8000);
    for (const char *line = text; *line != '\0';) {
        const char *end = strchr(line, '\n');
        assert_true(line[0] == '{' && end[-1] == '}');
        line = end + 1;
    }
}

static void a_rotated_file_is_let_go(void **state) {
    (void)state;
    struct bl_log_channel *channel = bl_log_channel(log_under_test);
    bl_log_line(channel, BL_LOG_INFO, "test", "before");
    for (int i = 0; i < 1000 && count_lines(read_all(path)) == 0; i++) {
        assert_int_equal(usleep(1000), 0);
    }
    assert_int_equal(rename(path, moved), 0);
    bl_log_reopen(log_under_test);
    for (int i = 0; i < 1000 && access(path, F_OK) != 0; i++) {
        assert_int_equal(usleep(1000), 0);
    }
    bl_log_line(channel, BL_LOG_INFO, "test", "after");
    bl_log_destroy(log_under_test);
    assert_non_null(strstr(read_all(path), "after"));
    assert_null(strstr(read_all(path), "before"));
    assert_non_null(strstr(read_all(moved), "before"));
}

static void a_file_that_cannot_be_written_is_told(void **state) {
    (void)state;
    struct bl_log *none = NULL;
    struct bl_diag diag;
    bl_log_destroy(log_under_test);
    assert_int_equal(bl_log_create("/nonexistent/x.log", BL_LOG_INFO, 16384, &none, &diag).error,
                     BL_E_INVALID_REQUEST);
    assert_non_null(strstr(diag.message, "/nonexistent/x.log"));
    assert_null(none);
}

static void channels_are_bounded(void **state) {
    (void)state;
    for (int i = 0; i < BL_LOG_CHANNELS_MAX; i++) {
        assert_non_null(bl_log_channel(log_under_test));
    }
    assert_null(bl_log_channel(log_under_test));
    bl_log_line(NULL, BL_LOG_ERROR, "test", "no channel, no line, no crash");
    bl_log_destroy(log_under_test);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(lines_are_written_in_order),
        TEST(the_level_can_change),
        TEST(lines_of_threads_never_mix_and_none_is_lost_unseen),
        TEST(a_rotated_file_is_let_go),
        TEST(a_file_that_cannot_be_written_is_told),
        TEST(channels_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
