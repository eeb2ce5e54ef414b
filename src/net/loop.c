#include "net/loop.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <uv.h>

struct posted_call {
    bl_loop_fn fn;
    void *user;
};

struct hook_list {
    struct bl_turn_hook *first;
    struct bl_turn_hook *last;
    struct bl_turn_hook *upcoming; /* the next one of a running pass; kept valid by removal */
};

struct bl_loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_prepare_t before_poll;
    uv_check_t after_poll;
    uv_idle_t no_wait;
    struct hook_list hooks[BL_TURN_PHASE_COUNT];
    bool is_before_poll;
    atomic_ulong thread;

    pthread_mutex_t mutex; /* guards all below */
    bool stop_requested;
    struct bl_waker *rung_first;
    struct bl_waker *rung_last;
    size_t mailbox_capacity;
    size_t mailbox_first;
    size_t mailbox_count;
    struct posted_call mailbox[];
};

static void on_no_wait(uv_idle_t *idle) {
    (void)idle; /* an active idle handle is all it takes to make the wait return at once */
}

static void run_hooks(struct hook_list *list) {
    for (struct bl_turn_hook *hook = list->first; hook != NULL; hook = list->upcoming) {
        list->upcoming = hook->next;
        hook->fn(hook->user);
    }
}

static void on_before_poll(uv_prepare_t *prepare) {
    struct bl_loop *loop = prepare->data;
    loop->is_before_poll = true;
    run_hooks(&loop->hooks[BL_TURN_BEFORE_POLL]);
    loop->is_before_poll = false;
}

static void on_after_poll(uv_check_t *check) {
    struct bl_loop *loop = check->data;
    uv_idle_stop(&loop->no_wait);
    run_hooks(&loop->hooks[BL_TURN_AFTER_POLL]);
}

static struct bl_waker *take_rung_waker(struct bl_loop *loop) {
    pthread_mutex_lock(&loop->mutex);
    struct bl_waker *waker = loop->rung_first;
    if (waker != NULL) {
        loop->rung_first = waker->next;
        if (loop->rung_first == NULL) {
            loop->rung_last = NULL;
        }
        waker->next = NULL;
        waker->is_rung = false;
    }
    pthread_mutex_unlock(&loop->mutex);
    return waker;
}

static bool take_posted_call(struct bl_loop *loop, struct posted_call *call) {
    pthread_mutex_lock(&loop->mutex);
    bool found = loop->mailbox_count != 0;
    if (found) {
        *call = loop->mailbox[loop->mailbox_first];
        loop->mailbox_first = (loop->mailbox_first + 1) % loop->mailbox_capacity;
        loop->mailbox_count--;
    }
    pthread_mutex_unlock(&loop->mutex);
    return found;
}

/* Wakers and calls that are there now; what they add is for the next turn, so that two threads
 * that keep posting cannot keep the loop from its sockets. */
static void run_mailbox(struct bl_loop *loop) {
    pthread_mutex_lock(&loop->mutex);
    size_t calls = loop->mailbox_count;
    size_t wakers = 0;
    for (const struct bl_waker *waker = loop->rung_first; waker != NULL; waker = waker->next) {
        wakers++;
    }
    pthread_mutex_unlock(&loop->mutex);

    struct bl_waker *waker;
    for (; wakers > 0 && (waker = take_rung_waker(loop)) != NULL; wakers--) {
        waker->fn(waker->user);
    }
    struct posted_call call;
    for (; calls > 0 && take_posted_call(loop, &call); calls--) {
        call.fn(call.user);
    }

    pthread_mutex_lock(&loop->mutex);
    bool left = loop->mailbox_count != 0 || loop->rung_first != NULL;
    pthread_mutex_unlock(&loop->mutex);
    if (left) {
        uv_async_send(&loop->wake);
    }
}

static void on_wake(uv_async_t *wake) {
    struct bl_loop *loop = wake->data;
    run_mailbox(loop);
    pthread_mutex_lock(&loop->mutex);
    bool stop = loop->stop_requested;
    pthread_mutex_unlock(&loop->mutex);
    if (stop) {
        uv_stop(&loop->uv);
    }
}

/* The handles of a loop cannot fail to be initialised once the loop itself has its descriptors,
 * except for the first async handle, which opens the wake-up descriptor. */
static int init_handles(struct bl_loop *loop) {
    int failed = uv_async_init(&loop->uv, &loop->wake, on_wake);
    if (failed != 0) {
        return failed;
    }
    loop->wake.data = loop;
    uv_prepare_init(&loop->uv, &loop->before_poll);
    loop->before_poll.data = loop;
    uv_prepare_start(&loop->before_poll, on_before_poll);
    uv_check_init(&loop->uv, &loop->after_poll);
    loop->after_poll.data = loop;
    uv_check_start(&loop->after_poll, on_after_poll);
    uv_idle_init(&loop->uv, &loop->no_wait);
    return 0;
}

bl_result bl_loop_create(size_t mailbox_capacity, struct bl_loop **out, struct bl_diag *diag) {
    assert(mailbox_capacity >= 1 && mailbox_capacity <= SIZE_MAX / 2 / sizeof(struct posted_call));
    size_t bytes = sizeof(struct bl_loop) + mailbox_capacity * sizeof(struct posted_call);
    struct bl_loop *loop = calloc(1, bytes);
    if (loop == NULL) {
        bl_diag_message(diag, "no memory for an event loop");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    int failed = uv_loop_init(&loop->uv);
    if (failed == 0) {
        failed = init_handles(loop);
        if (failed != 0) {
            uv_loop_close(&loop->uv);
        }
    }
    if (failed != 0) {
        bl_diag_message(diag, "cannot make an event loop: %s", uv_strerror(failed));
        bl_diag_hint(diag, "raise the limit of open files (ulimit -n, LimitNOFILE=)");
        free(loop);
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    pthread_mutex_init(&loop->mutex, NULL);
    loop->mailbox_capacity = mailbox_capacity;
    atomic_store(&loop->thread, (unsigned long)pthread_self());
    *out = loop;
    return BL_OK;
}

void bl_loop_destroy(struct bl_loop *loop) {
    struct posted_call call;
    while (take_posted_call(loop, &call)) {
        call.fn(call.user);
    }
    uv_close((uv_handle_t *)&loop->wake, NULL);
    uv_close((uv_handle_t *)&loop->before_poll, NULL);
    uv_close((uv_handle_t *)&loop->after_poll, NULL);
    uv_close((uv_handle_t *)&loop->no_wait, NULL);
    /* Lets the close callbacks run; without active handles it does not wait. */
    uv_run(&loop->uv, UV_RUN_NOWAIT);
    int failed = uv_loop_close(&loop->uv);
    assert(failed == 0); /* something made on this loop was not destroyed */
    (void)failed;
    pthread_mutex_destroy(&loop->mutex);
    free(loop);
}

void bl_loop_run(struct bl_loop *loop) {
    atomic_store(&loop->thread, (unsigned long)pthread_self());
    uv_update_time(&loop->uv);
    pthread_mutex_lock(&loop->mutex);
    bool stop = loop->stop_requested;
    pthread_mutex_unlock(&loop->mutex);
    if (!stop) {
        uv_run(&loop->uv, UV_RUN_DEFAULT);
    }
    pthread_mutex_lock(&loop->mutex);
    loop->stop_requested = false;
    pthread_mutex_unlock(&loop->mutex);
}

void bl_loop_stop(struct bl_loop *loop) {
    pthread_mutex_lock(&loop->mutex);
    loop->stop_requested = true;
    uv_async_send(&loop->wake); /* inside the lock, as in bl_waker_ring */
    pthread_mutex_unlock(&loop->mutex);
}

bl_result bl_loop_post(struct bl_loop *loop, bl_loop_fn fn, void *user) {
    pthread_mutex_lock(&loop->mutex);
    bool is_full = loop->mailbox_count == loop->mailbox_capacity;
    if (!is_full) {
        size_t slot = (loop->mailbox_first + loop->mailbox_count) % loop->mailbox_capacity;
        loop->mailbox[slot] = (struct posted_call){fn, user};
        loop->mailbox_count++;
        uv_async_send(&loop->wake); /* inside the lock, as in bl_waker_ring */
    }
    pthread_mutex_unlock(&loop->mutex);
    return is_full ? BL_FAIL(SERVICE_OVERLOADED) : BL_OK;
}

bool bl_loop_is_current(const struct bl_loop *loop) {
    return atomic_load_explicit(&loop->thread, memory_order_relaxed) ==
           (unsigned long)pthread_self();
}

void bl_loop_again(struct bl_loop *loop) {
    uv_idle_start(&loop->no_wait, on_no_wait);
}

bool bl_loop_is_before_poll(const struct bl_loop *loop) {
    return loop->is_before_poll;
}

struct uv_loop_s *bl_loop_uv(struct bl_loop *loop) {
    return &loop->uv;
}

void bl_waker_init(struct bl_waker *waker, struct bl_loop *loop, bl_loop_fn fn, void *user) {
    *waker = (struct bl_waker){.loop = loop, .fn = fn, .user = user};
}

void bl_waker_fini(struct bl_waker *waker) {
    struct bl_loop *loop = waker->loop;
    pthread_mutex_lock(&loop->mutex);
    if (waker->is_rung) {
        struct bl_waker *previous = NULL;
        for (struct bl_waker *at = loop->rung_first; at != waker; at = at->next) {
            previous = at;
        }
        if (previous == NULL) {
            loop->rung_first = waker->next;
        } else {
            previous->next = waker->next;
        }
        if (loop->rung_last == waker) {
            loop->rung_last = previous;
        }
        waker->is_rung = false;
    }
    pthread_mutex_unlock(&loop->mutex);
}

void bl_waker_ring(struct bl_waker *waker) {
    struct bl_loop *loop = waker->loop;
    pthread_mutex_lock(&loop->mutex);
    bool was_rung = waker->is_rung;
    if (!was_rung) {
        waker->is_rung = true;
        waker->next = NULL;
        if (loop->rung_last == NULL) {
            loop->rung_first = waker;
        } else {
            loop->rung_last->next = waker;
        }
        loop->rung_last = waker;
        /* Inside the lock: once the ring is visible its owner may take the waker down, and with
         * it the loop. */
        uv_async_send(&loop->wake);
    }
    pthread_mutex_unlock(&loop->mutex);
}

void bl_loop_add_hook(struct bl_loop *loop, enum bl_turn_phase phase, struct bl_turn_hook *hook,
                      bl_loop_fn fn, void *user) {
    struct hook_list *list = &loop->hooks[phase];
    *hook = (struct bl_turn_hook){.fn = fn, .user = user, .previous = list->last};
    if (list->last == NULL) {
        list->first = hook;
    } else {
        list->last->next = hook;
    }
    list->last = hook;
}

void bl_loop_remove_hook(struct bl_loop *loop, enum bl_turn_phase phase,
                         struct bl_turn_hook *hook) {
    struct hook_list *list = &loop->hooks[phase];
    if (list->upcoming == hook) {
        list->upcoming = hook->next;
    }
    if (hook->previous == NULL) {
        assert(list->first == hook);
        list->first = hook->next;
    } else {
        hook->previous->next = hook->next;
    }
    if (hook->next == NULL) {
        list->last = hook->previous;
    } else {
        hook->next->previous = hook->previous;
    }
    hook->next = NULL;
    hook->previous = NULL;
}
