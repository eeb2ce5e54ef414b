/*
 * A list of things handed from several threads to one loop. Putting never fails: what is put is the
 * memory. Whoever puts bounds how many there are.
 */
#ifndef BL_APP_MAILBOX_H
#define BL_APP_MAILBOX_H

#include <pthread.h>

#include "net/loop.h"

struct bl_mail {
    struct bl_mail *next;
};

struct bl_mailbox {
    pthread_mutex_t mutex;
    struct bl_mail *first, **last;
    struct bl_waker waker;
};

/* `fn(user)` is called on the loop's thread after something was put. */
void bl_mailbox_init(struct bl_mailbox *mailbox, struct bl_loop *loop, bl_loop_fn fn, void *user);
/* Loop thread; nobody may put any more. */
void bl_mailbox_fini(struct bl_mailbox *mailbox);

/* Any thread. */
void bl_mailbox_put(struct bl_mailbox *mailbox, struct bl_mail *mail);

/* All there is, in order of putting; NULL if nothing. Loop thread. */
struct bl_mail *bl_mailbox_take(struct bl_mailbox *mailbox);

#endif
