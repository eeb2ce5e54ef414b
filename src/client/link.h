/*
 * A bus and a loop of one's own, for programs that connect, wait and act: shared by the session of
 * the commands and the load generator.
 */
#ifndef BL_CLIENT_LINK_H
#define BL_CLIENT_LINK_H

#include "base/diag.h"
#include "base/result.h"
#include "bus/bus.h"
#include "net/loop.h"
#include "net/timer.h"

/* Where a router is looked for when nobody says. */
#define BL_LINK_DEFAULT_URL "nats://127.0.0.1:4222"

/* All borrowed; NULL = not used. */
struct bl_link_target {
    const char *url; /* NULL = the default */
    const char *user, *password, *token;
    const char *credentials_file;
};

struct bl_link {
    struct bl_loop *loop;
    struct bl_bus *bus;
    struct bl_timer *deadline;
    bool timed_out;
    bool closed;
    char reason[256]; /* why the last attempt failed */
};

/* Connects and waits for it, `timeout_ms` at most; less if the server refuses the login.
 * `requests_max` in flight. Errors: UNAVAILABLE with cause and cure in `diag`, INVALID_REQUEST for
 * a bad URL or login, RESOURCE_EXHAUSTED; then nothing has to be closed. */
BL_MUST_USE bl_result bl_link_open(struct bl_link *link, const struct bl_link_target *target,
                                   int timeout_ms, uint32_t requests_max, struct bl_diag *diag);

/* Closes and frees; waits for it. */
void bl_link_close(struct bl_link *link);

#endif
