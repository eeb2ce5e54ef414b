#include "net/fine_timer.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

struct bl_fine_timer {
    uv_poll_t poll;
    int fd;
    bl_loop_fn fn;
    void *user;
};

static void on_readable(uv_poll_t *poll, int status, int events) {
    struct bl_fine_timer *timer = poll->data;
    uint64_t expirations;

    (void)status;
    (void)events;
    if (read(timer->fd, &expirations, sizeof(expirations)) == (ssize_t)sizeof(expirations)) {
        timer->fn(timer->user);
    }
}

bl_result bl_fine_timer_start(struct bl_loop *loop, uint32_t interval_us, bl_loop_fn fn, void *user,
                              struct bl_fine_timer **out) {
    struct timespec interval = {.tv_sec = interval_us / 1000000,
                                .tv_nsec = (long)(interval_us % 1000000) * 1000};
    struct itimerspec schedule = {.it_interval = interval, .it_value = interval};
    struct bl_fine_timer *timer = calloc(1, sizeof(*timer));

    if (timer == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    timer->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (timer->fd < 0 || timerfd_settime(timer->fd, 0, &schedule, NULL) != 0 ||
        uv_poll_init(bl_loop_uv(loop), &timer->poll, timer->fd) != 0) {
        if (timer->fd >= 0) {
            close(timer->fd);
        }
        free(timer);
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    timer->fn = fn;
    timer->user = user;
    timer->poll.data = timer;
    (void)uv_poll_start(&timer->poll, UV_READABLE, on_readable);
    *out = timer;
    return BL_OK;
}

static void on_closed(uv_handle_t *handle) {
    struct bl_fine_timer *timer = handle->data;
    close(timer->fd);
    free(timer);
}

void bl_fine_timer_stop(struct bl_fine_timer *timer) {
    if (timer != NULL) {
        (void)uv_poll_stop(&timer->poll);
        uv_close((uv_handle_t *)&timer->poll, on_closed);
    }
}
