#include "app/bus_settings.h"

#include "bus/subject.h"

void bl_bus_settings_describe(const struct bl_config *config, struct bl_str token,
                              struct bl_str password, const char *servers[BL_BUS_SERVERS_MAX],
                              struct bl_bus_config *out) {
    const struct bl_nats_settings *nats = &config->nats;

    *out = bl_bus_config_default();
    for (size_t i = 0; i < nats->url.count && i < BL_BUS_SERVERS_MAX; i++) {
        servers[i] = nats->url.items[i].data;
    }
    out->servers = servers;
    out->server_count = nats->url.count; /* too many are refused, not cut */
    out->name = nats->name.data;
    out->token = token.data;
    out->user = nats->user.data;
    out->password = password.data;
    out->credentials_file = nats->credentials_file.data;
    out->nkey_public = nats->nkey_public.data;
    out->nkey_seed_file = nats->nkey_seed_file.data;
    out->tls = nats->tls;
    out->tls_ca_file = nats->tls_ca_file.data;
    out->tls_certificate_file = nats->tls_certificate_file.data;
    out->tls_key_file = nats->tls_key_file.data;
    out->tls_host = nats->tls_host.data;
    out->tls_skip_verify = nats->tls_skip_verify;
    out->connect_timeout_ms = nats->connect_timeout_ms;
    out->reconnect_base_ms = nats->reconnect_base_ms;
    out->reconnect_max_ms = nats->reconnect_max_ms;
    out->soft_cap_bytes = nats->write_soft_cap_bytes;
    out->hard_cap_bytes = nats->write_hard_cap_bytes;
    out->write_stall_ms = nats->write_stall_ms;
    out->drain_batch = nats->drain_batch;
}

static void add(void *user, const struct bl_diag *problem) {
    struct bl_diag *diag = bl_findings_add(user, BL_SEVERITY_ERROR);

    *diag = *problem;
    diag->severity = BL_SEVERITY_ERROR;
}

static void refuse(struct bl_findings *findings, const char *path, const char *message,
                   const char *hint) {
    struct bl_diag *diag = bl_findings_add(findings, BL_SEVERITY_ERROR);

    bl_diag_path(diag, "%s", path);
    bl_diag_message(diag, "%s", message);
    bl_diag_hint(diag, "%s", hint);
}

/* One `*`, a token of its own: that is where the tenant stands. */
static bool names_a_tenant(struct bl_str subject) {
    size_t tokens = 0;

    for (size_t i = 0; i < subject.len; i++) {
        bool begins = i == 0 || subject.data[i - 1] == '.';
        bool ends = i + 1 == subject.len || subject.data[i + 1] == '.';
        if (subject.data[i] == '>') {
            return false;
        }
        if (subject.data[i] == '*') {
            tokens += begins && ends ? 1 : 2;
        }
    }
    return tokens == 1 && bl_subject_is_valid(subject, true);
}

static void check_subjects(const struct bl_nats_settings *nats, struct bl_findings *findings) {
    const struct {
        const char *path;
        struct bl_str subject;
    } subjects[] = {
        {"nats.decide_subject", nats->decide_subject},
        {"nats.get_decision_subject", nats->get_decision_subject},
        {"nats.extension_health_subject", nats->extension_health_subject},
        {"nats.circuit_breakers_subject", nats->circuit_breakers_subject},
        {"nats.dry_run_subject", nats->dry_run_subject},
        {"nats.complexity_subject", nats->complexity_subject},
    };

    for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
        if (bl_str_is_present(subjects[i].subject) &&
            !bl_subject_is_valid(subjects[i].subject, true)) {
            refuse(findings, subjects[i].path, "is no subject",
                   "tokens between single dots, without blanks, 1024 bytes at most");
        }
    }
    if (bl_str_is_present(nats->tenant_decide_subject) &&
        !names_a_tenant(nats->tenant_decide_subject)) {
        refuse(findings, "nats.tenant_decide_subject", "needs one * where the tenant stands",
               "for example beamline.router.v1.t.*.decide; empty = none");
    }
    if (!bl_queue_group_is_valid(nats->queue_group)) {
        refuse(findings, "nats.queue_group", "is no queue group",
               "without one each worker would answer each request; 256 bytes without blanks");
    }
}

void bl_bus_settings_check(const struct bl_config *config, struct bl_findings *findings) {
    const char *servers[BL_BUS_SERVERS_MAX];
    struct bl_bus_config bus;

    /* A reference stands for its secret: all that counts here is whether there is one. */
    bl_bus_settings_describe(config, config->nats.token, config->nats.password, servers, &bus);
    (void)bl_bus_config_check(&bus, add, findings);
    check_subjects(&config->nats, findings);
}
