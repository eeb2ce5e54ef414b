#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/clock.h"
#include "net/file_watch.h"
#include "net/timer.h"

struct fixture {
    struct bl_loop *loop;
    struct bl_timer *action; /* changes files while the loop runs */
    struct bl_timer *give_up;
    struct bl_file_watch *watch;
    char folder[64];
    char path[96];
    int calls;
    int writes_left;
    uint64_t called_ns;
    uint64_t last_write_ns;
    bool gave_up;
};

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void on_change(void *user) {
    struct fixture *fixture = user;
    fixture->calls++;
    fixture->called_ns = bl_clock_monotonic_ns();
    bl_loop_stop(fixture->loop);
}

static void on_give_up(void *user) {
    struct fixture *fixture = user;
    fixture->gave_up = true;
    bl_loop_stop(fixture->loop);
}

static void setup(struct fixture *fixture, bl_loop_fn action) {
    struct bl_diag diag;
    bl_diag_clear(&diag);
    *fixture = (struct fixture){.folder = "/tmp/bl-watch-XXXXXX"};
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->path, sizeof(fixture->path), "%s/config.yaml", fixture->folder);
    assert_true(bl_is_ok(bl_loop_create(1, &fixture->loop, &diag)));
    assert_true(bl_is_ok(bl_timer_create(fixture->loop, action, fixture, &fixture->action)));
    assert_true(bl_is_ok(bl_timer_create(fixture->loop, on_give_up, fixture, &fixture->give_up)));
}

static void teardown(struct fixture *fixture) {
    bl_file_watch_destroy(fixture->watch);
    bl_timer_destroy(fixture->action);
    bl_timer_destroy(fixture->give_up);
    bl_loop_destroy(fixture->loop);
    unlink(fixture->path);
    char other[128];
    snprintf(other, sizeof(other), "%s/other", fixture->folder);
    unlink(other);
    assert_int_equal(rmdir(fixture->folder), 0);
}

static void watch(struct fixture *fixture, const char *path, uint64_t debounce_ms) {
    struct bl_diag diag;
    bl_diag_clear(&diag);
    assert_true(bl_is_ok(bl_file_watch_create(fixture->loop, path, debounce_ms, on_change, fixture,
                                              &fixture->watch, &diag)));
}

static void replace_by_rename(void *user) {
    struct fixture *fixture = user;
    char draft[128];
    snprintf(draft, sizeof(draft), "%s/other", fixture->folder);
    write_file(draft, "b");
    assert_int_equal(rename(draft, fixture->path), 0);
}

static void test_a_replaced_file_is_noticed_each_time(void **state) {
    (void)state;
    struct fixture fixture;
    setup(&fixture, replace_by_rename);
    watch(&fixture, fixture.path, 5); /* does not exist yet */
    for (int round = 1; round <= 3; round++) {
        bl_timer_start(fixture.action, 1, 0);
        bl_timer_start(fixture.give_up, 10000, 0);
        bl_loop_run(fixture.loop);
        assert_false(fixture.gave_up);
        assert_int_equal(fixture.calls, round);
    }
    teardown(&fixture);
}

static void write_other(void *user) {
    struct fixture *fixture = user;
    char other[128];
    snprintf(other, sizeof(other), "%s/other", fixture->folder);
    write_file(other, "x");
    bl_timer_start(fixture->give_up, 60, 0);
}

static void test_other_files_of_the_folder_do_not_count(void **state) {
    (void)state;
    struct fixture fixture;
    setup(&fixture, write_other);
    watch(&fixture, fixture.path, 1);
    bl_timer_start(fixture.action, 1, 0);
    bl_loop_run(fixture.loop);
    assert_true(fixture.gave_up);
    assert_int_equal(fixture.calls, 0);
    /* They do when the folder itself is watched. */
    bl_file_watch_destroy(fixture.watch);
    fixture.gave_up = false;
    watch(&fixture, fixture.folder, 1);
    bl_timer_start(fixture.action, 1, 0);
    bl_loop_run(fixture.loop);
    assert_false(fixture.gave_up);
    assert_int_equal(fixture.calls, 1);
    teardown(&fixture);
}

static void keep_writing(void *user) {
    struct fixture *fixture = user;
    if (fixture->writes_left-- > 0) {
        write_file(fixture->path, "again");
        fixture->last_write_ns = bl_clock_monotonic_ns();
        bl_timer_start(fixture->action, 2, 0);
    }
}

static void test_a_burst_is_one_call_after_it(void **state) {
    (void)state;
    struct fixture fixture;
    setup(&fixture, keep_writing);
    fixture.writes_left = 20;
    watch(&fixture, fixture.path, 500);
    bl_timer_start(fixture.action, 1, 0);
    bl_timer_start(fixture.give_up, 10000, 0);
    bl_loop_run(fixture.loop);
    assert_false(fixture.gave_up);
    assert_int_equal(fixture.calls, 1);
    assert_true(fixture.writes_left <= 0);
    assert_true(fixture.called_ns > fixture.last_write_ns);
    teardown(&fixture);
}

static void test_a_burst_without_end_is_told_in_time(void **state) {
    (void)state;
    struct fixture fixture;
    setup(&fixture, keep_writing);
    fixture.writes_left = 1000000;
    watch(&fixture, fixture.path, 20);
    bl_timer_start(fixture.action, 1, 0);
    bl_timer_start(fixture.give_up, 10000, 0);
    bl_loop_run(fixture.loop);
    assert_false(fixture.gave_up);
    assert_int_equal(fixture.calls, 1);
    assert_true(fixture.writes_left > 0);
    teardown(&fixture);
}

static void test_errors_name_the_path(void **state) {
    (void)state;
    struct fixture fixture;
    setup(&fixture, write_other);
    struct bl_diag diag;
    bl_diag_clear(&diag);
    bl_result result = bl_file_watch_create(fixture.loop, "/nonexistent-folder/file", 1, on_change,
                                            &fixture, &fixture.watch, &diag);
    assert_int_equal(result.error, BL_E_INVALID_REQUEST);
    assert_non_null(strstr(diag.message, "/nonexistent-folder"));
    result = bl_file_watch_create(fixture.loop, "", 1, on_change, &fixture, &fixture.watch, &diag);
    assert_int_equal(result.error, BL_E_INVALID_REQUEST);
    assert_null(fixture.watch);
    teardown(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_replaced_file_is_noticed_each_time),
        cmocka_unit_test(test_other_files_of_the_folder_do_not_count),
        cmocka_unit_test(test_a_burst_is_one_call_after_it),
        cmocka_unit_test(test_a_burst_without_end_is_told_in_time),
        cmocka_unit_test(test_errors_name_the_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
