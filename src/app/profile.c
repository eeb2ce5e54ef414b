/* What no single setting shows: what does not go together, and what the profiles ask for. */
#include "app/bus_settings.h"
#include "app/recorder.h"
#include "app/settings.h"
#include "flow/tenant_attributes.h"

static void refuse(struct bl_findings *findings, const char *path, const char *message,
                   const char *hint) {
    struct bl_diag *diag = bl_findings_add(findings, BL_SEVERITY_ERROR);

    bl_diag_path(diag, "%s", path);
    bl_diag_message(diag, "%s", message);
    bl_diag_hint(diag, "%s", hint);
}

static void check_transport(const struct bl_config *config, struct bl_findings *findings) {
    const struct bl_nats_settings *nats = &config->nats;

    for (size_t i = 0; i < nats->url.count; i++) {
        if (!nats->tls && !bl_str_starts_with(nats->url.items[i], BL_STR("tls://"))) {
            refuse(findings, "nats.url",
                   "the production profile does not talk to NATS in the clear",
                   "write tls://host:port, or nats.tls: true; --profile dev allows plaintext");
            break;
        }
    }
    if (nats->tls_skip_verify) {
        refuse(findings, "nats.tls_skip_verify",
               "the production profile verifies the server's certificate",
               "set nats.tls_ca_file to the authority of the server's certificate");
    }
}

/* Plaintext, and callers without credentials, stay on this machine. */
static bool is_local(struct bl_str address) {
    static const struct bl_str local[] = {
        {"unix:", 5}, {"fd:", 3}, {"127.", 4}, {"localhost:", 10}, {"[::1]:", 6}};

    for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
        if (bl_str_starts_with(address, local[i])) {
            return true;
        }
    }
    return false;
}

static void check_listeners(const struct bl_config *config, struct bl_findings *findings) {
    static const char *const message = "the production profile serves HTTP on this machine only";
    static const char *const hint = "listen on 127.0.0.1:9001 or unix:/run/beamline/ops.sock";

    for (size_t i = 0; i < config->http.listen.count; i++) {
        if (!is_local(config->http.listen.items[i])) {
            refuse(findings, "http.listen",
                   "the production profile serves HTTP in the clear on this machine only",
                   "move the address to http.tls_listen; or listen on 127.0.0.1:9000 or "
                   "unix:/run/beamline/http.sock, with a proxy in front that speaks TLS");
        }
    }
    for (size_t i = 0; i < config->http.ops_listen.count; i++) {
        if (!is_local(config->http.ops_listen.items[i])) {
            refuse(findings, "http.ops_listen", message, hint);
        }
    }
}

static void check_tls(const struct bl_config *config, struct bl_findings *findings) {
    if (config->http.tls_listen.count > 0 &&
        (!bl_str_is_present(config->http.tls_certificate_file) ||
         !bl_str_is_present(config->http.tls_key_file))) {
        refuse(findings, "http.tls_listen", "needs a certificate and its key",
               "set http.tls_certificate_file and http.tls_key_file");
    }
    if (config->http.tls_client_certificates != 0 &&
        !bl_str_is_present(config->http.tls_client_ca_file)) {
        refuse(findings, "http.tls_client_certificates", "needs the authorities of clients",
               "set http.tls_client_ca_file");
    }
}

static void check_secrets(const struct bl_config *config, struct bl_findings *findings) {
    const struct {
        const char *path;
        struct bl_str reference;
    } secrets[] = {
        {"nats.token", config->nats.token},
        {"nats.password", config->nats.password},
        {"router.key", config->router.key},
    };

    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        if (bl_str_starts_with(secrets[i].reference, BL_STR("env:"))) {
            refuse(findings, secrets[i].path,
                   "the production profile takes no secret from the environment",
                   "write file:/path or credential:NAME");
        }
    }
    if (!bl_str_is_present(config->router.key)) {
        refuse(findings, "router.key", "the production profile needs a router key",
               "head -c 32 /dev/urandom > FILE, the same on all routers; then key: file:FILE");
    }
}

static void check_attributes(const struct bl_config *config, struct bl_findings *findings) {
    struct bl_tenant_attribute read;

    for (size_t i = 0; i < config->tenants.attributes.count; i++) {
        if (!bl_tenant_attribute_read(config->tenants.attributes.items[i], &read)) {
            struct bl_diag *diag = bl_findings_add(findings, BL_SEVERITY_ERROR);
            bl_diag_path(diag, "tenants.attributes[%zu]", i);
            bl_diag_message(diag, "\"%.*s\" is not tenant/name=value",
                            BL_STR_ARG(config->tenants.attributes.items[i]));
            bl_diag_hint(diag, "for example acme/region=eu, read by policies as tenant.region");
        }
    }
}

static void check_recorded_fields(const struct bl_config *config, struct bl_findings *findings) {
    struct bl_recorded_field read;

    for (size_t i = 0; i < config->recording.fields.count; i++) {
        if (!bl_recorded_field_read(config->recording.fields.items[i], &read)) {
            struct bl_diag *diag = bl_findings_add(findings, BL_SEVERITY_ERROR);
            bl_diag_path(diag, "recording.fields[%zu]", i);
            bl_diag_message(diag, "\"%.*s\" is not tenant/path",
                            BL_STR_ARG(config->recording.fields.items[i]));
            bl_diag_hint(diag, "for example acme/metadata.tier, */task.type or "
                               "*/size(task.payload.prompt)");
        }
    }
}

/* Said early: where others reach the listener, administration is refused when it is asked for. */
static void warn_of_ops(const struct bl_config *config, struct bl_findings *findings) {
    for (size_t i = 0; i < config->http.ops_listen.count; i++) {
        struct bl_str address = config->http.ops_listen.items[i];
        if (is_local(address)) {
            continue;
        }
        struct bl_diag *diag = bl_findings_add(findings, BL_SEVERITY_WARNING);
        bl_diag_path(diag, "http.ops_listen[%zu]", i);
        bl_diag_message(diag, "others reach %.*s, so administration is refused there",
                        BL_STR_ARG(address));
        bl_diag_hint(diag, "add 127.0.0.1:9001 or unix:/run/beamline/ops.sock for administration");
    }
}

void bl_config_check(const struct bl_config *config, bool profile_is_known,
                     struct bl_findings *findings) {
    bl_bus_settings_check(config, findings);
    check_tls(config, findings);
    check_attributes(config, findings);
    check_recorded_fields(config, findings);
    if (profile_is_known && config->profile == BL_PROFILE_PRODUCTION) {
        check_transport(config, findings);
        check_listeners(config, findings);
        check_secrets(config, findings);
        if (!bl_str_is_present(config->policies.directory) &&
            !bl_str_is_present(config->policies.store)) {
            refuse(
                findings, "policies.directory",
                "names no folder, and there is no policies.store: every request would be refused",
                "create <folder>/<tenant>/default.yaml, and name the folder");
        }
    } else {
        warn_of_ops(config, findings);
    }
}
