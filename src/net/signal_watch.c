#include "net/signal_watch.h"

#include <stdlib.h>

#include <uv.h>

struct bl_signal_watch {
    uv_signal_t uv;
    bl_signal_fn fn;
    void *user;
};

static void on_signal(uv_signal_t *uv, int signal_number) {
    struct bl_signal_watch *watch = uv->data;
    watch->fn(watch->user, signal_number);
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

bl_result bl_signal_watch_create(struct bl_loop *loop, int signal_number, bl_signal_fn fn,
                                 void *user, struct bl_signal_watch **out, struct bl_diag *diag) {
    struct bl_signal_watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL) {
        bl_diag_message(diag, "no memory to watch signal %d", signal_number);
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    watch->uv.data = watch;
    watch->fn = fn;
    watch->user = user;
    int failed = uv_signal_init(bl_loop_uv(loop), &watch->uv);
    if (failed != 0) {
        bl_diag_message(diag, "cannot watch signals: %s", uv_strerror(failed));
        free(watch);
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    failed = uv_signal_start(&watch->uv, on_signal, signal_number);
    if (failed != 0) {
        bl_diag_message(diag, "cannot watch signal %d: %s", signal_number, uv_strerror(failed));
        bl_signal_watch_destroy(watch);
        return BL_FAIL(INTERNAL);
    }
    *out = watch;
    return BL_OK;
}

void bl_signal_watch_destroy(struct bl_signal_watch *watch) {
    if (watch != NULL) {
        uv_close((uv_handle_t *)&watch->uv, on_closed);
    }
}
