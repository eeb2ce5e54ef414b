/* Changes of policies and settings while serving. */
#include <stdlib.h>
#include <string.h>

#include "app/router_private.h"
#include "observe/metrics.h"

void bl_router_free_retired(struct bl_router *router) {
    struct bl_snapshot **link = &router->retired;

    while (*link != NULL) {
        struct bl_snapshot *snapshot = *link;
        if (atomic_load(&snapshot->holders) == 0) {
            *link = snapshot->retired;
            bl_snapshot_destroy(snapshot);
        } else {
            link = &snapshot->retired;
        }
    }
}

/* Makes a snapshot of what is known now, and gives it to every worker. */
static bl_result publish(struct bl_router *router) {
    struct bl_tls_context *tls = router->tls == NULL ? NULL : bl_tls_files_context(router->tls);
    struct bl_catalog *catalog = NULL;
    struct bl_snapshot *snapshot = NULL;
    bl_result result = bl_policy_sources_catalog(router->policies, router->hash_seed, &catalog);

    if (bl_is_ok(result)) {
        result = bl_snapshot_create(catalog, router->shared, tls, &snapshot);
        if (bl_is_error(result)) {
            bl_catalog_destroy(catalog);
        }
    }
    if (bl_is_error(result)) {
        return result;
    }
    for (unsigned i = 0; i < router->worker_count; i++) {
        bl_worker_switch(router->workers[i], snapshot);
    }
    if (router->dispatcher != NULL) {
        bl_dispatcher_switch(router->dispatcher, snapshot);
    }
    if (router->current != NULL) {
        router->current->retired = router->retired;
        router->retired = router->current;
    }
    router->current = snapshot;
    bl_router_free_retired(router);
    return BL_OK;
}

void bl_router_publish(struct bl_router *router) {
    if (bl_is_error(publish(router))) {
        bl_log_line(router->channel, BL_LOG_ERROR, "router", "out of memory; what was live stays");
    }
}

static void set(struct bl_router *router, enum bl_metric_id metric, const struct bl_str *labels,
                double value) {
    bl_gauge_set(bl_metric_gauge(&router->metrics, metric, labels), value);
}

/* After a catalog was made or the sources were looked at. */
static void count_policies(struct bl_router *router) {
    const struct bl_str directory = BL_STR("directory"), store = BL_STR("store");
    struct bl_policy_sources_stats stats = bl_policy_sources_stats(router->policies);

    set(router, BL_METRIC_POLICIES, &directory, (double)stats.from_directory);
    set(router, BL_METRIC_POLICIES, &store, (double)stats.from_store);
    set(router, BL_METRIC_POLICY_ERRORS, NULL, (double)stats.broken);
    set(router, BL_METRIC_POLICIES_SHADOWED, NULL, (double)stats.shadowed);
    set(router, BL_METRIC_STORE_UNREADABLE, NULL, stats.store_unreadable ? 1 : 0);
    set(router, BL_METRIC_STORE_REVISION, NULL, (double)stats.store_revision);
}

static bl_result scan(struct bl_router *router, bool *changed) {
    bool warn = bl_router_config(router)->policies.unknown_keys == 1;

    return bl_policy_sources_scan(router->policies, warn, changed);
}

bl_result bl_router_load_policies(struct bl_router *router) {
    bool changed;

    BL_TRY(scan(router, &changed));
    BL_TRY(publish(router));
    count_policies(router);
    return BL_OK;
}

static void log_live(struct bl_router *router) {
    struct bl_policy_sources_stats stats = bl_policy_sources_stats(router->policies);
    struct bl_log_record *record =
        bl_log_start(router->channel, BL_LOG_INFO, "policies", "policies are live");

    bl_log_u64(record, "live", stats.from_directory + stats.from_store);
    bl_log_u64(record, "from_store", stats.from_store);
    bl_log_u64(record, "broken_files", stats.broken);
    bl_log_finish(router->channel);
}

void bl_router_reload_policies(void *user) {
    struct bl_router *router = user;
    bool changed;

    if (router->stopping) {
        return;
    }
    bl_result result = scan(router, &changed);
    if (bl_is_ok(result) && changed) {
        result = publish(router);
        if (bl_is_ok(result)) {
            bl_counter_add(bl_metric_counter(&router->metrics, BL_METRIC_POLICY_RELOADS, NULL), 1);
            log_live(router);
        }
    }
    if (bl_is_error(result)) {
        bl_log_line(router->channel, BL_LOG_ERROR, "policies",
                    "out of memory; the policies that were live stay");
    }
    count_policies(router);
}

static void log_findings(struct bl_router *router, const struct bl_findings *findings) {
    for (size_t i = 0; i < findings->count; i++) {
        bool error = findings->items[i].severity == BL_SEVERITY_ERROR;
        bl_log_diag(router->channel, error ? BL_LOG_ERROR : BL_LOG_WARN, "config",
                    error ? "configuration not taken over" : "configuration warning",
                    router->options.sources.path, &findings->items[i]);
    }
}

static void log_restart_needed(struct bl_router *router, const struct bl_config *fresh) {
    char storage[1024];
    struct bl_buf names;

    bl_buf_init(&names, storage, sizeof(storage));
    bl_config_restart_needed(router->initial->config, fresh, &names);
    if (names.len > 0) {
        struct bl_log_record *record = bl_log_start(router->channel, BL_LOG_WARN, "config",
                                                    "some changes take effect with a restart");
        bl_log_str(record, "settings", bl_buf_view(&names));
        bl_log_finish(router->channel);
    }
}

static bool is_same_finding(const struct bl_diag *a, const struct bl_diag *b) {
    return a->severity == b->severity && a->line == b->line && a->column == b->column &&
           strcmp(a->path, b->path) == 0 && strcmp(a->message, b->message) == 0;
}

static bool is_same(const struct bl_findings *a, const struct bl_findings *b) {
    bool same = a != NULL && a->count == b->count;

    for (size_t i = 0; same && i < a->count; i++) {
        same = is_same_finding(&a->items[i], &b->items[i]);
    }
    return same;
}

/* Keeps `findings`, which were told unless the same ones were told before and nobody has asked. */
static void refuse_config(struct bl_router *router, struct bl_findings *findings, bool is_asked) {
    if (is_asked || !is_same(router->refused, findings)) {
        log_findings(router, findings);
    }
    free(router->refused);
    router->refused = findings;
}

static void take_config(struct bl_router *router, struct bl_shared_config *shared) {
    const struct bl_config *config = shared->config;

    log_restart_needed(router, config);
    bl_shared_config_release(router->shared);
    router->shared = shared;
    bl_log_set_level(router->log, (enum bl_log_level)config->logs.level);
    if (router->metrics_timer != NULL) {
        bl_timer_start(router->metrics_timer, config->metrics.interval_ms,
                       config->metrics.interval_ms);
    }
    if (bl_is_error(publish(router))) {
        bl_log_line(router->channel, BL_LOG_ERROR, "config", "out of memory; try again");
    } else {
        bl_log_line(router->channel, BL_LOG_INFO, "config", "configuration taken over");
    }
}

static void reload(struct bl_router *router, bool is_asked) {
    struct bl_findings *findings = calloc(1, sizeof(*findings));
    struct bl_shared_config *shared = calloc(1, sizeof(*shared));
    struct bl_config *config = NULL;

    if (router->stopping || findings == NULL || shared == NULL) {
        free(findings);
        free(shared);
        return;
    }
    if (bl_is_error(bl_config_load(&router->options.sources, &config, findings))) {
        free(shared);
        refuse_config(router, findings, is_asked);
        return;
    }
    log_findings(router, findings);
    free(findings);
    free(router->refused);
    router->refused = NULL;
    *shared = (struct bl_shared_config){config, 1};
    take_config(router, shared);
}

void bl_router_reload_config(struct bl_router *router) {
    reload(router, true);
}

void bl_router_on_config_changed(void *user) {
    reload(user, false);
}
