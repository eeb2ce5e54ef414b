/*
 * The event loop: one per thread that does I/O, over libuv, whose header it hides.
 *
 * One turn is: timers → posted work and wakers → hooks BEFORE_POLL → wait for I/O and handle it →
 * hooks AFTER_POLL. Work that arrives during the wait is handled by an AFTER_POLL hook, and what
 * it wrote is flushed by a BEFORE_POLL hook, so a burst costs one flush and not one per message.
 *
 * Ways in from another thread, all of them coalesced into one wake-up per turn:
 *   bl_loop_post    a call with an argument; bounded, refused when the mailbox is full
 *   bl_waker_ring   "look at your state"; cannot fail, needs no memory, many rings are one call
 *   bl_loop_stop
 * All other functions belong to the thread that runs the loop (before the first run: the thread
 * that created it).
 */
#ifndef BL_NET_LOOP_H
#define BL_NET_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/result.h"

struct bl_loop;
struct uv_loop_s;

typedef void (*bl_loop_fn)(void *user);

/* A loop whose mailbox holds `mailbox_capacity` (≥ 1) posted calls. Fails with RESOURCE_EXHAUSTED
 * when the kernel gives no descriptor or the heap is exhausted; `diag` says which. The caller ends
 * it with bl_loop_destroy. */
BL_MUST_USE bl_result bl_loop_create(size_t mailbox_capacity, struct bl_loop **out,
                                     struct bl_diag *diag);

/* Frees the loop. It must not be running, no thread may post or ring any more, and everything
 * made on it must have been destroyed before; a handle left open is a programmer error and
 * asserts. Calls that are still in the mailbox are made first, so that what they own is freed. */
void bl_loop_destroy(struct bl_loop *loop);

/* Runs turns until bl_loop_stop. May be called again afterwards. The calling thread becomes the
 * loop's thread. */
void bl_loop_run(struct bl_loop *loop);

/* Makes bl_loop_run return at the end of the current turn, or at once if it is not running yet.
 * Any thread. */
void bl_loop_stop(struct bl_loop *loop);

/* Has `fn(user)` called on the loop's thread, in the order of the posts. Fails with
 * SERVICE_OVERLOADED when the mailbox is full. Any thread. */
BL_MUST_USE bl_result bl_loop_post(struct bl_loop *loop, bl_loop_fn fn, void *user);

/* Whether the caller is on the loop's thread. Any thread. */
bool bl_loop_is_current(const struct bl_loop *loop);

/* The next wait for I/O does not block: there is work left that no descriptor will announce. Holds
 * for one turn; a hook that still has work asks again. */
void bl_loop_again(struct bl_loop *loop);

/* Whether the BEFORE_POLL hooks are running: what is written now may have missed the flush of this
 * turn, so its writer calls bl_loop_again. */
bool bl_loop_is_before_poll(const struct bl_loop *loop);

/* For libraries that bring their own handles (only src/net and the glue in src/bus). */
struct uv_loop_s *bl_loop_uv(struct bl_loop *loop);

/* A coalesced notification in caller storage. `fn(user)` is called on the loop's thread at least
 * once after each ring; rings before the call are one call. The fields are the loop's. */
struct bl_waker {
    struct bl_loop *loop;
    bl_loop_fn fn;
    void *user;
    struct bl_waker *next;
    bool is_rung;
};

void bl_waker_init(struct bl_waker *waker, struct bl_loop *loop, bl_loop_fn fn, void *user);

/* Takes a ring back that was not delivered yet. Loop thread; nobody may ring any more. */
void bl_waker_fini(struct bl_waker *waker);

/* Any thread. Never blocks longer than a short critical section, never fails. */
void bl_waker_ring(struct bl_waker *waker);

enum bl_turn_phase { BL_TURN_BEFORE_POLL, BL_TURN_AFTER_POLL, BL_TURN_PHASE_COUNT };

/* A call in each turn, in caller storage. Hooks of a phase run in the order of their adding. */
struct bl_turn_hook {
    bl_loop_fn fn;
    void *user;
    struct bl_turn_hook *next;
    struct bl_turn_hook *previous;
};

/* Adding and removing are allowed from within hooks. A hook may be in one list only. */
void bl_loop_add_hook(struct bl_loop *loop, enum bl_turn_phase phase, struct bl_turn_hook *hook,
                      bl_loop_fn fn, void *user);
void bl_loop_remove_hook(struct bl_loop *loop, enum bl_turn_phase phase, struct bl_turn_hook *hook);

#endif
