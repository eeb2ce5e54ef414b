/*
 * Handing listening sockets over to the process that takes this one's place, so that an upgrade refuses
 * no connection. Over a Unix socket of packets, which only the same user may reach:
 *
 *   new process                          old process, still serving
 *     beamline-handover 1      ──▶
 *                              ◀──       one packet per address, with its sockets
 *                              ◀──       end
 *     (opens what is missing, starts serving)
 *     ready                    ──▶       stops accepting, finishes what is under way, ends
 *
 * If the new process ends before it is ready, the old one serves on as if nothing had been.
 */
#ifndef BL_NET_HANDOVER_H
#define BL_NET_HANDOVER_H

#include "net/loop.h"
#include "net/socket.h"

#define BL_HANDOVER_SETS_MAX 32

/* --- the old process: on its loop ------------------------------------------------------------- */

struct bl_handover_calls {
    /* Sockets were given to a new process, which is starting. */
    void (*on_asked)(void *user, long pid);
    /* It is ready: time to go. */
    void (*on_ready)(void *user, long pid);
    /* It went away before it was ready. */
    void (*on_failed)(void *user, long pid);
};

struct bl_handover;

/* Waits at `path` for a successor; takes the path over from whoever had it. `sets` are borrowed. Errors:
 * INVALID_REQUEST with message, RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_handover_serve(struct bl_loop *loop, const char *path,
                                        const struct bl_socket_set *const *sets, unsigned count,
                                        const struct bl_handover_calls *calls, void *user,
                                        struct bl_handover **out, struct bl_diag *diag);
void bl_handover_destroy(struct bl_handover *handover); /* NULL is fine */

/* --- the new process: before it serves --------------------------------------------------------- */

/* What it was given. */
struct bl_inheritance {
    struct bl_socket_set sets[BL_HANDOVER_SETS_MAX];
    unsigned count;
    int connection; /* to the old process; -1 = there was none */
};

/* Asks whoever waits at `path`; takes at most some seconds. Nobody there is no error. Errors:
 * UNAVAILABLE with message (another successor is starting, not the same user). */
BL_MUST_USE bl_result bl_handover_ask(const char *path, struct bl_inheritance *out,
                                      struct bl_diag *diag);

/* The sockets of an address, taken out of the inheritance; false if there are none. */
bool bl_inheritance_take(struct bl_inheritance *inheritance, const char *address,
                         struct bl_socket_set *out);

/* Tells the old process to go. */
void bl_inheritance_ready(struct bl_inheritance *inheritance);

/* Closes what nobody took; the old process serves on unless it was told to go. */
void bl_inheritance_close(struct bl_inheritance *inheritance);

#endif
