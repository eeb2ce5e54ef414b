/*
 * A router, from start to stop: configuration, policies, workers, signals.
 *
 * The calling thread becomes the control thread. It loads the policies, starts the workers, takes
 * changes of files and SIGHUP over, writes the metrics, and on SIGTERM or SIGINT runs the stop
 * sequence: not ready, unsubscribe, finish what is in flight, close. A second signal ends the
 * process at once.
 */
#ifndef BL_APP_ROUTER_H
#define BL_APP_ROUTER_H

#include "app/config.h"
#include "base/result.h"

struct bl_router_options {
    struct bl_config_sources sources; /* kept for reloads; borrowed for the whole run */
    /* Called once when the router can serve, on the control thread; may be NULL. */
    void (*on_ready)(void *user);
    void *user;
};

/*
 * Runs a router with `config`, which it takes over, until it is told to stop. Errors, with cause
 * and cure in `diag`: INVALID_REQUEST for settings or secrets that cannot be used, UNAVAILABLE,
 * RESOURCE_EXHAUSTED. BL_OK after an orderly stop.
 */
BL_MUST_USE bl_result bl_router_run(struct bl_config *config,
                                    const struct bl_router_options *options, struct bl_diag *diag);

#endif
