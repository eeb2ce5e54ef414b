#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "net/signal_watch.h"

struct seen {
    struct bl_loop *loop;
    int numbers[3];
    size_t count;
};

static void on_signal(void *user, int signal_number) {
    struct seen *seen = user;
    assert_true(seen->count < 3);
    seen->numbers[seen->count++] = signal_number;
    if (seen->count == 3) {
        bl_loop_stop(seen->loop);
        return;
    }
    kill(getpid(), seen->count == 1 ? SIGINT : SIGHUP);
}

static void test_signals_become_calls(void **state) {
    (void)state;
    struct seen seen = {0};
    struct bl_diag diag;
    bl_diag_clear(&diag);
    assert_true(bl_is_ok(bl_loop_create(1, &seen.loop, &diag)));
    const int numbers[3] = {SIGTERM, SIGINT, SIGHUP};
    struct bl_signal_watch *watches[3];
    for (size_t i = 0; i < 3; i++) {
        assert_true(bl_is_ok(
            bl_signal_watch_create(seen.loop, numbers[i], on_signal, &seen, &watches[i], &diag)));
    }
    kill(getpid(), SIGTERM);
    bl_loop_run(seen.loop);
    assert_memory_equal(seen.numbers, numbers, sizeof(numbers));
    for (size_t i = 0; i < 3; i++) {
        bl_signal_watch_destroy(watches[i]);
    }
    bl_loop_destroy(seen.loop);
    struct sigaction action;
    assert_int_equal(sigaction(SIGTERM, NULL, &action), 0);
    assert_true(action.sa_handler == SIG_DFL);
}

static void test_a_signal_that_cannot_be_caught_is_an_error(void **state) {
    (void)state;
    struct bl_loop *loop = NULL;
    struct bl_signal_watch *watch = NULL;
    struct bl_diag diag;
    bl_diag_clear(&diag);
    assert_true(bl_is_ok(bl_loop_create(1, &loop, &diag)));
    bl_result result = bl_signal_watch_create(loop, SIGKILL, on_signal, NULL, &watch, &diag);
    assert_int_equal(result.error, BL_E_INTERNAL);
    assert_non_null(strstr(diag.message, "signal 9"));
    bl_signal_watch_destroy(NULL);
    bl_loop_destroy(loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signals_become_calls),
        cmocka_unit_test(test_a_signal_that_cannot_be_caught_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
