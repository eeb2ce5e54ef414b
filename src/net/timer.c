#include "net/timer.h"

#include <stdlib.h>

#include <uv.h>

struct bl_timer {
    uv_timer_t uv;
    bl_loop_fn fn;
    void *user;
};

static void on_timer(uv_timer_t *uv) {
    struct bl_timer *timer = uv->data;
    timer->fn(timer->user);
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

bl_result bl_timer_create(struct bl_loop *loop, bl_loop_fn fn, void *user, struct bl_timer **out) {
    struct bl_timer *timer = calloc(1, sizeof(*timer));
    if (timer == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    uv_timer_init(bl_loop_uv(loop), &timer->uv);
    timer->uv.data = timer;
    timer->fn = fn;
    timer->user = user;
    *out = timer;
    return BL_OK;
}

void bl_timer_destroy(struct bl_timer *timer) {
    if (timer != NULL) {
        uv_close((uv_handle_t *)&timer->uv, on_closed);
    }
}

void bl_timer_start(struct bl_timer *timer, uint64_t delay_ms, uint64_t repeat_ms) {
    /* libuv counts from the start of the turn. After a long callback that is in the past, and the
     * timer would fire early. */
    uv_update_time(timer->uv.loop);
    uv_timer_start(&timer->uv, on_timer, delay_ms, repeat_ms);
}

void bl_timer_stop(struct bl_timer *timer) {
    uv_timer_stop(&timer->uv);
}

bool bl_timer_is_running(const struct bl_timer *timer) {
    return uv_is_active((const uv_handle_t *)&timer->uv) != 0;
}
