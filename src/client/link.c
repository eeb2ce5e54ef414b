#include "client/link.h"

#include <stdio.h>

#define CLOSE_MS 1000

static bool is_login_refused(const struct bl_link *link) {
    return strstr(link->reason, BL_BUS_LOGIN_REFUSED) != NULL;
}

static void on_state(void *user, enum bl_bus_state state, struct bl_str reason) {
    struct bl_link *link = user;

    if (!bl_str_is_blank(reason)) {
        (void)snprintf(link->reason, sizeof(link->reason), "%.*s", BL_STR_ARG(reason));
    }
    link->closed = state == BL_BUS_CLOSED;
    if (state == BL_BUS_CONNECTED || state == BL_BUS_CLOSED || is_login_refused(link)) {
        bl_loop_stop(link->loop);
    }
}

static void on_deadline(void *user) {
    struct bl_link *link = user;

    link->timed_out = true;
    bl_loop_stop(link->loop);
}

static bl_result create_bus(struct bl_link *link, const struct bl_link_target *target,
                            const char *url, int timeout_ms, uint32_t requests_max,
                            struct bl_diag *diag) {
    static const struct bl_bus_callbacks callbacks = {on_state, NULL, NULL};
    struct bl_bus_config config = bl_bus_config_default();

    config.servers = &url;
    config.server_count = 1;
    config.name = "beamline-client";
    config.user = target->user;
    config.password = target->password;
    config.token = target->token;
    config.credentials_file = target->credentials_file;
    config.connect_timeout_ms = (uint32_t)timeout_ms;
    config.reconnect_base_ms = 50;
    config.reconnect_max_ms = 500;
    config.requests_max = requests_max;
    return bl_bus_create(link->loop, &config, &callbacks, link, &link->bus, diag);
}

static void explain_absence(const struct bl_link *link, const char *url, int timeout_ms,
                            struct bl_diag *diag) {
    if (is_login_refused(link)) {
        bl_diag_message(diag, "the NATS server refuses the login: %s", link->reason);
        bl_diag_hint(diag, "--user NAME --password-file FILE, --token-file FILE or --creds FILE");
        return;
    }
    bl_diag_message(diag, "no NATS server answered at %s within %d ms%s%s", url, timeout_ms,
                    link->reason[0] != '\0' ? ": " : "", link->reason);
    bl_diag_hint(diag, "is it running? `beamline dev` starts one with a router; --nats URL or "
                       "BEAMLINE_NATS_URL names another");
}

bl_result bl_link_open(struct bl_link *link, const struct bl_link_target *target, int timeout_ms,
                       uint32_t requests_max, struct bl_diag *diag) {
    const char *url = target->url != NULL ? target->url : BL_LINK_DEFAULT_URL;

    *link = (struct bl_link){0};
    BL_TRY(bl_loop_create(64, &link->loop, diag));
    bl_result result = bl_timer_create(link->loop, on_deadline, link, &link->deadline);
    if (bl_is_ok(result)) {
        result = create_bus(link, target, url, timeout_ms, requests_max, diag);
    }
    if (bl_is_error(result)) {
        bl_link_close(link);
        return result;
    }
    bl_timer_start(link->deadline, (uint64_t)timeout_ms, 0);
    while (!link->timed_out && !is_login_refused(link) &&
           bl_bus_current_state(link->bus) != BL_BUS_CONNECTED) {
        bl_loop_run(link->loop);
    }
    bl_timer_stop(link->deadline);
    if (bl_bus_current_state(link->bus) == BL_BUS_CONNECTED) {
        return BL_OK;
    }
    explain_absence(link, url, timeout_ms, diag);
    bl_link_close(link);
    return BL_FAIL(UNAVAILABLE);
}

void bl_link_close(struct bl_link *link) {
    if (link->bus != NULL) {
        bl_bus_close(link->bus, CLOSE_MS);
        while (!link->closed) {
            bl_loop_run(link->loop);
        }
        bl_bus_destroy(link->bus);
    }
    bl_timer_destroy(link->deadline);
    if (link->loop != NULL) {
        bl_loop_destroy(link->loop);
    }
    *link = (struct bl_link){0};
}
