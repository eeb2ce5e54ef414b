#include "bus/poller.h"

#include <stdlib.h>
#include <unistd.h>

#include <uv.h>

struct bl_poller {
    uv_poll_t uv;
    int fd;
    int wanted;
    bl_poller_fn fn;
    void *user;
};

static void on_poll(uv_poll_t *uv, int status, int events) {
    struct bl_poller *poller = uv->data;
    poller->fn(poller->user, status < 0 || (events & UV_READABLE) != 0,
               status == 0 && (events & UV_WRITABLE) != 0);
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

bl_result bl_poller_create(struct bl_loop *loop, int fd, bl_poller_fn fn, void *user,
                           struct bl_poller **out) {
    struct bl_poller *poller = calloc(1, sizeof(*poller));
    if (poller == NULL) {
        close(fd);
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    if (uv_poll_init(bl_loop_uv(loop), &poller->uv, fd) != 0) {
        free(poller);
        close(fd);
        return BL_FAIL(INTERNAL);
    }
    poller->uv.data = poller;
    poller->fd = fd;
    poller->fn = fn;
    poller->user = user;
    *out = poller;
    return BL_OK;
}

void bl_poller_want(struct bl_poller *poller, bool readable, bool writable) {
    int wanted = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
    if (wanted == poller->wanted) {
        return;
    }
    poller->wanted = wanted;
    if (wanted == 0) {
        uv_poll_stop(&poller->uv);
    } else {
        uv_poll_start(&poller->uv, wanted, on_poll);
    }
}

void bl_poller_destroy(struct bl_poller *poller) {
    if (poller != NULL) {
        uv_close((uv_handle_t *)&poller->uv, on_closed); /* out of the kernel's set from here on */
        close(poller->fd);
    }
}
