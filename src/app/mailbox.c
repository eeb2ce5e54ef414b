#include "app/mailbox.h"

void bl_mailbox_init(struct bl_mailbox *mailbox, struct bl_loop *loop, bl_loop_fn fn, void *user) {
    (void)pthread_mutex_init(&mailbox->mutex, NULL);
    mailbox->first = NULL;
    mailbox->last = &mailbox->first;
    bl_waker_init(&mailbox->waker, loop, fn, user);
}

void bl_mailbox_fini(struct bl_mailbox *mailbox) {
    bl_waker_fini(&mailbox->waker);
    (void)pthread_mutex_destroy(&mailbox->mutex);
}

void bl_mailbox_put(struct bl_mailbox *mailbox, struct bl_mail *mail) {
    mail->next = NULL;
    (void)pthread_mutex_lock(&mailbox->mutex);
    bool was_empty = mailbox->first == NULL;
    *mailbox->last = mail;
    mailbox->last = &mail->next;
    (void)pthread_mutex_unlock(&mailbox->mutex);
    if (was_empty) {
        bl_waker_ring(&mailbox->waker);
    }
}

struct bl_mail *bl_mailbox_take(struct bl_mailbox *mailbox) {
    (void)pthread_mutex_lock(&mailbox->mutex);
    struct bl_mail *first = mailbox->first;
    mailbox->first = NULL;
    mailbox->last = &mailbox->first;
    (void)pthread_mutex_unlock(&mailbox->mutex);
    return first;
}
