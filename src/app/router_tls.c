/* The certificate: loaded before workers start, looked at while they run. */
#include "app/router_private.h"
#include "net/clock.h"
#include "observe/metrics.h"

#define LOOK_MS 1000
#define SOON_S (INT64_C(14) * 24 * 3600)

/* What is in use, with a warning if it will not be for long. */
static void tell(struct bl_router *router, const char *message) {
    int64_t ends_s = bl_tls_context_ends_s(bl_tls_files_context(router->tls));
    int64_t left_s = ends_s - (int64_t)(bl_clock_wall_ns() / 1000000000);
    bool is_soon = left_s < SOON_S;
    struct bl_log_record *record =
        bl_log_start(router->channel, is_soon ? BL_LOG_WARN : BL_LOG_INFO, "tls", message);

    bl_log_str(record, "certificate", bl_router_config(router)->http.tls_certificate_file);
    bl_log_u64(record, "ends_at_s", (uint64_t)ends_s);
    if (is_soon) {
        bl_log_str(record, "hint",
                   left_s < 0 ? BL_STR("it has ended: clients refuse it; write a new one over it")
                              : BL_STR("it ends within 14 days; write a new one over it"));
    }
    bl_log_finish(router->channel);
    bl_gauge_set(bl_metric_gauge(&router->metrics, BL_METRIC_TLS_ENDS, NULL), (double)ends_s);
}

bl_result bl_router_load_tls(struct bl_router *router) {
    if (bl_router_config(router)->http.tls_listen.count == 0) {
        return BL_OK;
    }
    bl_diag_path(router->diag, "http.tls_certificate_file");
    BL_TRY(bl_tls_files_create(router->initial->config, &router->tls, router->diag));
    bl_diag_path(router->diag, "%s", "");
    tell(router, "certificate in use");
    return BL_OK;
}

void bl_router_look_tls(void *user) {
    struct bl_router *router = user;
    struct bl_diag diag;
    bool changed;

    if (router->tls == NULL || router->stopping) {
        return;
    }
    bl_diag_clear(&diag);
    if (bl_is_error(bl_tls_files_look(router->tls, &changed, &diag))) {
        bl_log_diag(router->channel, BL_LOG_ERROR, "tls",
                    "certificate not taken over; the old one stays", NULL, &diag);
    } else if (changed) {
        bl_router_publish(router);
        tell(router, "certificate taken over");
    }
}

bl_result bl_router_watch_tls(struct bl_router *router) {
    if (router->tls == NULL) {
        return BL_OK;
    }
    BL_TRY(bl_timer_create(router->loop, bl_router_look_tls, router, &router->tls_timer));
    bl_timer_start(router->tls_timer, LOOK_MS, LOOK_MS);
    return BL_OK;
}
