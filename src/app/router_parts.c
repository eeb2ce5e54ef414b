/* What a router is made of: built in order, freed in the opposite one. */
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "app/bus_settings.h"
#include "app/recorder.h"
#include "app/router_private.h"
#include "base/siphash.h"
#include "observe/metrics.h"
#include "secret/reference.h"

#define MAILBOX 64
#define KEY_BYTES_MIN 16

static bl_result random_bytes(void *out, size_t len, struct bl_diag *diag) {
    if (getrandom(out, len, 0) == (ssize_t)len) {
        return BL_OK;
    }
    bl_diag_message(diag, "the kernel gives no random bytes");
    return BL_FAIL(UNAVAILABLE);
}

/* The secret is random bytes of any length; SipHash-128 brings them to the key's size. */
static bl_result load_key(struct bl_router *router) {
    static const uint8_t purpose[BL_SIPHASH_KEY_BYTES] = "beamline.key.v1";
    const struct bl_config *config = bl_router_config(router);
    struct bl_secret secret = BL_SECRET_NONE;
    uint64_t key[2];

    if (!bl_str_is_present(config->router.key)) { /* dev only: checked with the configuration */
        return random_bytes(router->parts.key, sizeof(router->parts.key), router->diag);
    }
    bl_diag_path(router->diag, "router.key");
    BL_TRY(bl_secret_resolve(config->router.key, config->profile == BL_PROFILE_DEV, &secret,
                             router->diag));
    struct bl_str bytes = bl_secret_bytes(&secret);
    if (bytes.len < KEY_BYTES_MIN) {
        bl_secret_fini(&secret);
        bl_diag_message(router->diag, "the router key has less than %d bytes", KEY_BYTES_MIN);
        bl_diag_hint(router->diag, "head -c 32 /dev/urandom > FILE, the same on all routers");
        return BL_FAIL(INVALID_REQUEST);
    }
    bl_siphash128(purpose, bytes.data, bytes.len, key);
    memcpy(router->parts.key, key, sizeof(router->parts.key));
    bl_wipe(key, sizeof(key));
    bl_secret_fini(&secret);
    return BL_OK;
}

static bl_result load_login(struct bl_router *router) {
    const struct bl_config *config = bl_router_config(router);
    bool dev = config->profile == BL_PROFILE_DEV;

    bl_diag_path(router->diag, "nats.token");
    BL_TRY(bl_secret_resolve(config->nats.token, dev, &router->token, router->diag));
    bl_diag_path(router->diag, "nats.password");
    BL_TRY(bl_secret_resolve(config->nats.password, dev, &router->password, router->diag));
    bl_diag_path(router->diag, "%s", "");
    return BL_OK;
}

static void report_policy(void *user, const char *path, const struct bl_diag *finding) {
    const struct bl_router *router = user;
    bool error = finding->severity == BL_SEVERITY_ERROR;

    bl_log_diag(router->channel, error ? BL_LOG_ERROR : BL_LOG_WARN, "policies",
                error ? "policy not taken over" : "policy warning", path, finding);
}

static void report_store(void *user, const char *path, const struct bl_diag *problem) {
    const struct bl_router *router = user;
    struct bl_log_record *record;

    if (problem != NULL) {
        bl_log_diag(router->channel, BL_LOG_ERROR, "policies",
                    "policy store cannot be read; the policies that were live stay", path, problem);
        return;
    }
    record = bl_log_start(router->channel, BL_LOG_INFO, "policies", "policy store can be read");
    bl_log_str(record, "file", bl_str_from_c(path));
    bl_log_finish(router->channel);
}

static bl_result start_log(struct bl_router *router) {
    const struct bl_config *config = bl_router_config(router);

    bl_diag_path(router->diag, "logs.file");
    BL_TRY(bl_log_create(config->logs.file.data, (enum bl_log_level)config->logs.level,
                         config->logs.ring_bytes, &router->log, router->diag));
    bl_diag_path(router->diag, "%s", "");
    router->channel = bl_log_channel(router->log);
    if (router->channel == NULL) {
        bl_diag_message(router->diag, "no memory for the log");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    return BL_OK;
}

/* Recordings are written as the log is, by a thread of their own behind bounded rings. */
static bl_result start_recording(struct bl_router *router) {
    const struct bl_config *config = bl_router_config(router);

    if (!bl_str_is_present(config->recording.file)) {
        return BL_OK;
    }
    bl_diag_path(router->diag, "recording.file");
    BL_TRY(bl_recording_check(config->recording.file.data, router->diag));
    BL_TRY(bl_log_create(config->recording.file.data, BL_LOG_INFO, config->logs.ring_bytes,
                         &router->recording, router->diag));
    bl_log_bound(router->recording, config->recording.max_bytes);
    bl_diag_path(router->diag, "%s", "");
    router->parts.recording = router->recording;
    return BL_OK;
}

/* A folder that goes while serving leaves its policies live; one that was never there is a mistake
 * in the configuration, which `beamline check` calls an error, too. */
static bl_result require_folder(struct bl_router *router) {
    if (!bl_policy_sources_stats(router->policies).directory_unreadable) {
        return BL_OK;
    }
    bl_diag_path(router->diag, "policies.directory");
    bl_diag_message(router->diag, "the folder %.150s cannot be read",
                    bl_router_config(router)->policies.directory.data);
    bl_diag_hint(router->diag, "create it, or mend its path or permissions");
    return BL_FAIL(INVALID_REQUEST);
}

static bl_result build(struct bl_router *router) {
    const struct bl_config *config = bl_router_config(router);

    BL_TRY(start_log(router));
    BL_TRY(start_recording(router));
    BL_TRY(random_bytes(&router->hash_seed, sizeof(router->hash_seed), router->diag));
    BL_TRY(load_key(router));
    BL_TRY(load_login(router));
    bl_bus_settings_describe(config, bl_secret_bytes(&router->token),
                             bl_secret_bytes(&router->password), router->servers, &router->bus);
    BL_TRY(bl_metric_shard_init(&router->metrics, bl_metric_catalogue, bl_metric_limits,
                                router->hash_seed));
    BL_TRY(bl_loop_create(MAILBOX, &router->loop, router->diag));
    BL_TRY(bl_pins_create(config->sticky.max_pins, &router->pins));
    const struct bl_policy_reports reports = {report_policy, report_store, router};
    BL_TRY(bl_policy_sources_create(config->policies.directory.data, config->policies.store.data,
                                    &reports, &router->policies));
    router->parts.config = config;
    router->parts.bus = &router->bus;
    router->parts.pins = router->pins;
    router->parts.log = router->log;
    router->parts.changed = &router->changed;
    router->parts.ready = &router->ready;
    BL_TRY(bl_router_load_tls(router));
    BL_TRY(bl_router_load_policies(router));
    return require_folder(router);
}

bl_result bl_router_set_up(struct bl_router *router, struct bl_config *config) {
    router->shared = calloc(1, sizeof(*router->shared));
    if (router->shared == NULL) {
        bl_config_destroy(config);
        bl_diag_message(router->diag, "out of memory");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    *router->shared = (struct bl_shared_config){config, 2};
    router->initial = router->shared;
    return build(router);
}

void bl_router_tear_down(struct bl_router *router) {
    if (router->current != NULL) {
        router->current->retired = router->retired;
        router->retired = router->current;
    }
    bl_router_free_retired(router);
    free(router->refused);
    bl_policy_sources_destroy(router->policies);
    bl_tls_files_destroy(router->tls);
    bl_pins_destroy(router->pins);
    if (router->loop != NULL) {
        bl_loop_destroy(router->loop);
        bl_grpc_services_destroy(router->grpc); /* its last conversations ended with the loop */
    }
    bl_metric_shard_fini(&router->metrics);
    bl_log_destroy(router->recording);
    bl_log_destroy(router->log);
    bl_secret_fini(&router->token);
    bl_secret_fini(&router->password);
    bl_wipe(router->parts.key, sizeof(router->parts.key));
    if (router->shared != NULL) {
        bl_shared_config_release(router->shared);
        bl_shared_config_release(router->initial);
    }
    bl_bus_library_close();
}
