#include "app/router.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/router_private.h"
#include "build_info.h"
#include "base/secret.h"
#include "net/clock.h"
#include "observe/metrics.h"

#define DEBOUNCE_MS 100
#define RESCAN_MS 1000
#define STOP_MS                                                                                    \
    1000 /* for what the dispatcher has under way: it is stored, and goes on elsewhere */
#define RESCAN_SHARE 20 /* looking takes at most one twentieth of the control thread */

static void log_ready(struct bl_router *router) {
    bl_log_line(router->channel, router->ready ? BL_LOG_INFO : BL_LOG_WARN, "router",
                router->ready ? "ready" : "not ready");
    if (router->ready && !router->was_ready) {
        router->was_ready = true;
        bl_router_offer_sockets(router);
        bl_router_notify("READY=1");
        if (router->options.on_ready != NULL) {
            router->options.on_ready(router->options.user);
        }
    }
}

static bool all_can_serve(const struct bl_router *router) {
    for (unsigned i = 0; i < router->worker_count; i++) {
        struct bl_worker_status status = bl_worker_status(router->workers[i]);
        if (!status.listening || status.captured) {
            return false;
        }
    }
    return !router->stopping;
}

static bool all_have_stopped(const struct bl_router *router) {
    for (unsigned i = 0; i < router->worker_count; i++) {
        if (!bl_worker_status(router->workers[i]).stopped) {
            return false;
        }
    }
    return true;
}

/* A worker's state, or a snapshot's holders, changed. */
static void on_changed(void *user) {
    struct bl_router *router = user;
    bool ready = all_can_serve(router);

    if (ready != router->ready) {
        router->ready = ready;
        log_ready(router);
        bl_router_tell_health(router);
        bl_router_write_metrics(router);
    }
    bl_router_free_retired(router);
    if (router->stopping && all_have_stopped(router)) {
        bl_loop_stop(router->loop);
    }
}

static void begin_stop(struct bl_router *router) {
    uint32_t drain_ms = bl_router_config(router)->stop.drain_ms;

    router->stopping = true;
    bl_router_close_sockets(router); /* workers have their own, and close them now */
    bl_router_notify("STOPPING=1");
    bl_log_line(router->channel, BL_LOG_INFO, "router", "stopping; a second signal ends at once");
    for (unsigned i = 0; i < router->worker_count; i++) {
        bl_worker_stop(router->workers[i], drain_ms);
    }
    on_changed(router);
}

void bl_router_leave_to_successor(struct bl_router *router) {
    if (!router->stopping) {
        bl_router_stop_accepting_ops(router);
        begin_stop(router);
    }
}

static void on_signal(void *user, int signal_number) {
    struct bl_router *router = user;

    if (signal_number == SIGHUP) {
        bl_log_reopen(router->log);
        if (router->recording != NULL) {
            bl_log_reopen(router->recording);
        }
        bl_router_reload_config(router);
        bl_router_look_tls(router);
        bl_policy_sources_reopen(router->policies);
        bl_router_reload_policies(router);
    } else if (router->stopping) {
        _exit(128 + signal_number);
    } else {
        begin_stop(router);
    }
}

/* Policies are looked at once a second, less often when there are very many: the same on every file
 * system, below every tenant's folder, and through symbolic links. */
static void on_rescan(void *user) {
    struct bl_router *router = user;
    uint64_t began_ns = bl_clock_monotonic_ns();

    bl_router_reload_policies(router);
    uint64_t took_ms = (bl_clock_monotonic_ns() - began_ns) / 1000000;
    uint64_t pause_ms = took_ms * RESCAN_SHARE;
    bl_timer_start(router->rescan_timer, pause_ms > RESCAN_MS ? pause_ms : RESCAN_MS, 0);
}

static bl_result watch(struct bl_router *router) {
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    const struct bl_config *config = bl_router_config(router);

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        BL_TRY(bl_signal_watch_create(router->loop, signals[i], on_signal, router,
                                      &router->signals[i], router->diag));
    }
    if (router->options.sources.path != NULL) {
        BL_TRY(bl_file_watch_create(router->loop, router->options.sources.path, DEBOUNCE_MS,
                                    bl_router_on_config_changed, router, &router->config_watch,
                                    router->diag));
    }
    bool has_policies =
        bl_str_is_present(config->policies.directory) || bl_str_is_present(config->policies.store);
    if (has_policies && config->policies.watch) {
        BL_TRY(bl_timer_create(router->loop, on_rescan, router, &router->rescan_timer));
        bl_timer_start(router->rescan_timer, RESCAN_MS, 0);
    }
    BL_TRY(bl_router_watch_tls(router));
    BL_TRY(bl_router_open_ops(router));
    BL_TRY(bl_timer_create(router->loop, bl_router_write_metrics, router, &router->metrics_timer));
    bl_timer_start(router->metrics_timer, config->metrics.interval_ms, config->metrics.interval_ms);
    return BL_OK;
}

static void unwatch(struct bl_router *router) {
    bl_router_close_ops(router);
    for (size_t i = 0; i < sizeof(router->signals) / sizeof(router->signals[0]); i++) {
        bl_signal_watch_destroy(router->signals[i]);
    }
    bl_file_watch_destroy(router->config_watch);
    bl_timer_destroy(router->rescan_timer);
    bl_timer_destroy(router->tls_timer);
    bl_timer_destroy(router->metrics_timer);
}

static unsigned workers_wanted(const struct bl_config *config) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    long automatic = processors / 2 > 1 ? processors / 2 : 1;
    long wanted = config->workers.count > 0 ? (long)config->workers.count : automatic;

    return (unsigned)(wanted < BL_WORKERS_MAX ? wanted : BL_WORKERS_MAX);
}

static bl_result start_dispatcher(struct bl_router *router) {
    struct bl_dispatcher_parts parts = {.config = bl_router_config(router),
                                        .bus = &router->bus,
                                        .log = router->log,
                                        .changed = &router->changed};

    if (!bl_router_config(router)->push.enabled) {
        return BL_OK;
    }
    memcpy(parts.key, router->parts.key, sizeof(parts.key));
    bl_result result =
        bl_dispatcher_start(&parts, router->current, &router->dispatcher, router->diag);
    router->parts.dispatcher = router->dispatcher;
    bl_wipe(parts.key, sizeof(parts.key));
    return result;
}

static bl_result start_workers(struct bl_router *router) {
    unsigned wanted = router->parts.worker_count;

    for (unsigned i = 0; i < wanted; i++) {
        router->parts.number = i;
        BL_TRY(bl_worker_start(&router->parts, router->current, &router->workers[i], router->diag));
        router->worker_count++;
    }
    return BL_OK;
}

static void log_start(struct bl_router *router) {
    const struct bl_config *config = bl_router_config(router);
    struct bl_log_record *record = bl_log_start(router->channel, BL_LOG_INFO, "router", "starting");

    bl_log_str(record, "version", bl_str_from_c(bl_version()));
    bl_log_str(record, "source", bl_str_from_c(bl_source_hash()));
    bl_log_str(record, "profile",
               config->profile == BL_PROFILE_DEV ? BL_STR("dev") : BL_STR("production"));
    bl_log_u64(record, "workers", workers_wanted(config));
    bl_log_u64(record, "policies", bl_catalog_count(router->current->catalog));
    bl_log_finish(router->channel);
}

static void stop_workers(struct bl_router *router) {
    for (unsigned i = 0; i < router->worker_count; i++) {
        bl_worker_stop(router->workers[i], 0); /* idempotent */
        bl_worker_destroy(router->workers[i]);
    }
    router->worker_count = 0;
    if (router->dispatcher != NULL) { /* after them: they wait for what it does */
        bl_dispatcher_stop(router->dispatcher, STOP_MS);
        bl_dispatcher_destroy(router->dispatcher);
        router->dispatcher = NULL;
    }
}

static bl_result run(struct bl_router *router) {
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    bl_waker_init(&router->changed, router->loop, on_changed, router);
    bl_gauge_set(bl_metric_gauge(&router->metrics, BL_METRIC_STARTED, NULL), (double)now.tv_sec);
    log_start(router);
    router->parts.sockets = &router->sockets;
    router->parts.worker_count = workers_wanted(bl_router_config(router));
    bl_result result = bl_router_open_sockets(router);
    if (bl_is_ok(result)) {
        result = watch(router);
    }
    if (bl_is_ok(result)) {
        result = start_dispatcher(router);
    }
    if (bl_is_ok(result)) {
        result = start_workers(router);
    }
    if (bl_is_ok(result)) {
        bl_loop_run(router->loop);
        bl_router_write_metrics(router);
        bl_log_line(router->channel, BL_LOG_INFO, "router", "stopped");
    }
    stop_workers(router);
    unwatch(router);
    bl_router_close_sockets(router);
    bl_waker_fini(&router->changed);
    return result;
}

bl_result bl_router_run(struct bl_config *config, const struct bl_router_options *options,
                        struct bl_diag *diag) {
    struct bl_router *router = calloc(1, sizeof(*router));

    bl_diag_clear(diag);
    if (router == NULL) {
        bl_config_destroy(config);
        bl_diag_message(diag, "out of memory");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    router->options = *options;
    router->diag = diag;
    bl_result result = bl_router_set_up(router, config);
    if (bl_is_ok(result)) {
        result = run(router);
    }
    bl_router_tear_down(router);
    free(router);
    return result;
}
