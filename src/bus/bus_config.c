#include "bus/bus_config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/request_table.h"
#include "bus/server_url.h"
#include "bus/subject.h"

#define INBOX_PREFIX_MAX 128

/* One read takes all that a turn hands over; 16 KiB is the least that TLS needs. */
#define IO_BUFFER_BYTES (256 * 1024)

struct bl_bus_config bl_bus_config_default(void) {
    return (struct bl_bus_config){
        .name = "beamline",
        .inbox_prefix = "_INBOX",
        .connect_timeout_ms = 2000,
        .reconnect_base_ms = 100,
        .reconnect_max_ms = 5000,
        .ping_interval_ms = 20000,
        .ping_max_out = 2,
        .soft_cap_bytes = 4U << 20,
        .hard_cap_bytes = 16U << 20,
        .write_stall_ms = 5000,
        .drain_batch = 128,
        .requests_max = 16384,
    };
}

/* --- Check --------------------------------------------------------------------------------- */

static bl_result refuse(struct bl_diag *diag, const char *path, const char *what) {
    bl_diag_path(diag, "nats.%s", path);
    bl_diag_message(diag, "%s", what);
    return BL_FAIL(INVALID_REQUEST);
}

static bl_result check_servers(const struct bl_bus_config *config, struct bl_diag *diag) {
    if (config->server_count < 1 || config->server_count > BL_BUS_SERVERS_MAX) {
        return refuse(diag, "url", "there have to be 1 to 16 servers");
    }
    for (size_t i = 0; i < config->server_count; i++) {
        bl_result result = bl_server_url_check(bl_str_from_c(config->servers[i]), NULL, diag);
        if (bl_is_error(result)) {
            bl_diag_path(diag, "nats.url[%zu]", i);
            return result;
        }
    }
    return BL_OK;
}

static bl_result check_pair(const char *a, const char *b, const char *path, const char *what,
                            struct bl_diag *diag) {
    return (a == NULL) == (b == NULL) ? BL_OK : refuse(diag, path, what);
}

static bl_result check_file(const char *file, const char *path, struct bl_diag *diag) {
    if (file != NULL && access(file, R_OK) != 0) {
        bl_diag_path(diag, "nats.%s", path);
        bl_diag_message(diag, "the file '%.150s' cannot be read", file);
        bl_diag_hint(diag, "check the path and the permissions for the user of this process");
        return BL_FAIL(INVALID_REQUEST);
    }
    return BL_OK;
}

static bl_result check_user(const struct bl_bus_config *config, struct bl_diag *diag) {
    return check_pair(config->user, config->password, "user", "user and password go together",
                      diag);
}

static bl_result check_nkey(const struct bl_bus_config *config, struct bl_diag *diag) {
    return check_pair(config->nkey_public, config->nkey_seed_file, "nkey_public",
                      "nkey_public and nkey_seed_file go together", diag);
}

static bl_result check_certificate(const struct bl_bus_config *config, struct bl_diag *diag) {
    return check_pair(config->tls_certificate_file, config->tls_key_file, "tls_certificate_file",
                      "certificate and key go together", diag);
}

static bl_result check_ways(const struct bl_bus_config *config, struct bl_diag *diag) {
    int ways = (config->token != NULL) + (config->user != NULL) +
               (config->credentials_file != NULL) + (config->nkey_public != NULL);
    return ways <= 1
               ? BL_OK
               : refuse(diag, "token",
                        "only one of token, user, credentials_file and nkey_public can be used");
}

static bl_result check_reconnect(const struct bl_bus_config *config, struct bl_diag *diag) {
    return config->reconnect_base_ms >= 1 && config->reconnect_max_ms >= config->reconnect_base_ms
               ? BL_OK
               : refuse(diag, "reconnect_max_ms",
                        "has to be at least reconnect_base_ms, that at least 1");
}

static bl_result check_caps(const struct bl_bus_config *config, struct bl_diag *diag) {
    return config->soft_cap_bytes >= 1 && config->hard_cap_bytes > config->soft_cap_bytes &&
                   config->hard_cap_bytes <= 1U << 30
               ? BL_OK
               : refuse(diag, "write_hard_cap_bytes",
                        "has to be above write_soft_cap_bytes and at most 1 GiB");
}

static bl_result check_numbers(const struct bl_bus_config *config, struct bl_diag *diag) {
    if (config->connect_timeout_ms < 1 || config->connect_timeout_ms > 60000) {
        return refuse(diag, "connect_timeout_ms", "has to be from 1 to 60000");
    }
    if (config->ping_interval_ms < 10 || config->ping_max_out < 1 || config->ping_max_out > 1000) {
        return refuse(diag, "ping_interval_ms", "has to be at least 10, ping_max_out 1 to 1000");
    }
    if (config->write_stall_ms < 10) {
        return refuse(diag, "write_stall_ms", "has to be at least 10");
    }
    if (config->drain_batch < 1 || config->drain_batch > 65536) {
        return refuse(diag, "drain_batch", "has to be from 1 to 65536");
    }
    if (config->requests_max < 1 || config->requests_max > BL_REQUESTS_MAX) {
        return refuse(diag, "requests_max", "has to be from 1 to 1048576");
    }
    return BL_OK;
}

static bl_result check_inbox(const struct bl_bus_config *config, struct bl_diag *diag) {
    struct bl_str prefix = bl_str_from_c(config->inbox_prefix);
    return prefix.len <= INBOX_PREFIX_MAX && bl_subject_is_valid(prefix, false)
               ? BL_OK
               : refuse(diag, "inbox_prefix", "has to be a subject of at most 128 bytes");
}

bool bl_bus_config_check(const struct bl_bus_config *config, bl_bus_problem_fn tell, void *user) {
    static bl_result (*const checks[])(const struct bl_bus_config *, struct bl_diag *) = {
        check_servers, check_user,      check_nkey,    check_certificate, check_ways,
        check_caps,    check_reconnect, check_numbers, check_inbox,
    };
    bool good = true;
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        struct bl_diag diag;
        bl_diag_clear(&diag);
        if (bl_is_error(checks[i](config, &diag))) {
            good = false;
            tell(user, &diag);
        }
    }
    return good;
}

static bl_result check_files(const struct bl_bus_config *config, struct bl_diag *diag) {
    BL_TRY(check_file(config->credentials_file, "credentials_file", diag));
    BL_TRY(check_file(config->nkey_seed_file, "nkey_seed_file", diag));
    BL_TRY(check_file(config->tls_ca_file, "tls_ca_file", diag));
    BL_TRY(check_file(config->tls_certificate_file, "tls_certificate_file", diag));
    return check_file(config->tls_key_file, "tls_key_file", diag);
}

static void keep_first(void *user, const struct bl_diag *problem) {
    struct bl_diag *diag = user;
    if (diag->message[0] == '\0') {
        *diag = *problem;
    }
}

/* --- Copy and free ------------------------------------------------------------------------- */

/* All single strings of a configuration, so that copy and free cannot disagree. */
#define STRING_COUNT 12

static void strings_of(struct bl_bus_config *config, const char **out[static STRING_COUNT]) {
    const char **all[STRING_COUNT] = {
        &config->name,        &config->inbox_prefix,   &config->token,
        &config->user,        &config->password,       &config->credentials_file,
        &config->nkey_public, &config->nkey_seed_file, &config->tls_ca_file,
        &config->tls_host,    &config->tls_key_file,   &config->tls_certificate_file,
    };
    memcpy(out, all, sizeof(all));
}

static void free_secret(const char *text) {
    if (text != NULL) {
        explicit_bzero((char *)(uintptr_t)text, strlen(text));
        free((void *)(uintptr_t)text);
    }
}

void bl_bus_config_free(struct bl_bus_config *config) {
    const char **strings[STRING_COUNT];
    strings_of(config, strings);
    for (size_t i = 0; i < STRING_COUNT; i++) {
        free_secret(*strings[i]);
    }
    if (config->servers != NULL) {
        for (size_t i = 0; i < config->server_count; i++) {
            free_secret(config->servers[i]);
        }
        free((void *)(uintptr_t)config->servers);
    }
    *config = (struct bl_bus_config){0};
}

static bl_result copy_strings(const struct bl_bus_config *from, struct bl_bus_config *to) {
    const char **strings[STRING_COUNT];
    strings_of(to, strings);
    bool failed = false;
    for (size_t i = 0; i < STRING_COUNT; i++) {
        if (*strings[i] != NULL) {
            *strings[i] = strdup(*strings[i]);
            failed |= *strings[i] == NULL;
        }
    }
    const char **servers = calloc(from->server_count, sizeof(*servers));
    for (size_t i = 0; servers != NULL && i < from->server_count; i++) {
        servers[i] = strdup(from->servers[i]);
        failed |= servers[i] == NULL;
    }
    to->servers = servers;
    return failed || servers == NULL ? BL_FAIL(RESOURCE_EXHAUSTED) : BL_OK;
}

bl_result bl_bus_config_copy(const struct bl_bus_config *from, struct bl_bus_config *to,
                             struct bl_diag *diag) {
    bl_diag_clear(diag);
    if (!bl_bus_config_check(from, keep_first, diag)) {
        return BL_FAIL(INVALID_REQUEST);
    }
    BL_TRY(check_files(from, diag));
    *to = *from;
    bl_result result = copy_strings(from, to);
    if (bl_is_error(result)) {
        bl_diag_message(diag, "no memory for the configuration of the bus");
        bl_bus_config_free(to);
    }
    return result;
}

/* --- libnats' options ---------------------------------------------------------------------- */

bool bl_bus_config_is_tls(const struct bl_bus_config *config, size_t index) {
    return config->tls || strncmp(config->servers[index], "tls://", 6) == 0;
}

static natsStatus set_secrets(const struct bl_bus_config *config, natsOptions *options) {
    if (config->token != NULL) {
        return natsOptions_SetToken(options, config->token);
    }
    if (config->user != NULL) {
        return natsOptions_SetUserInfo(options, config->user, config->password);
    }
    if (config->credentials_file != NULL) {
        return natsOptions_SetUserCredentialsFromFiles(options, config->credentials_file, NULL);
    }
    if (config->nkey_public != NULL) {
        return natsOptions_SetNKeyFromSeed(options, config->nkey_public, config->nkey_seed_file);
    }
    return NATS_OK;
}

/* Writes over TLS are finished in place by libnats 3.4.1; the deadline bounds how long a server
 * that does not read can hold the loop. */
static natsStatus set_tls(const struct bl_bus_config *config, natsOptions *options) {
    natsStatus status = natsOptions_SetSecure(options, true);
    if (status == NATS_OK) {
        status = natsOptions_SetWriteDeadline(options, config->write_stall_ms);
    }
    if (status == NATS_OK && config->tls_ca_file != NULL) {
        status = natsOptions_LoadCATrustedCertificates(options, config->tls_ca_file);
    }
    if (status == NATS_OK && config->tls_certificate_file != NULL) {
        status = natsOptions_LoadCertificatesChain(options, config->tls_certificate_file,
                                                   config->tls_key_file);
    }
    if (status == NATS_OK && config->tls_host != NULL) {
        status = natsOptions_SetExpectedHostname(options, config->tls_host);
    }
    if (status == NATS_OK && config->tls_skip_verify) {
        status = natsOptions_SkipServerVerification(options, true);
    }
    return status;
}

static natsStatus set_all(const struct bl_bus_config *config, size_t index, natsOptions *options) {
    natsStatus status = natsOptions_SetURL(options, config->servers[index]);
    if (status == NATS_OK && config->name != NULL) {
        status = natsOptions_SetName(options, config->name);
    }
    if (status == NATS_OK) {
        status = natsOptions_SetTimeout(options, config->connect_timeout_ms);
    }
    if (status == NATS_OK) {
        status = natsOptions_SetPingInterval(options, config->ping_interval_ms);
    }
    if (status == NATS_OK) {
        status = natsOptions_SetMaxPingsOut(options, (int)config->ping_max_out);
    }
    if (status == NATS_OK) {
        status = natsOptions_SetAllowReconnect(options, false);
    }
    if (status == NATS_OK) {
        status = natsOptions_SetIgnoreDiscoveredServers(options, true);
    }
    if (status == NATS_OK) {
        status = natsOptions_SetSendAsap(options, true);
    }
    if (status == NATS_OK) {
        status = natsOptions_SetIOBufSize(options, IO_BUFFER_BYTES);
    }
    if (status == NATS_OK) {
        status = set_secrets(config, options);
    }
    if (status == NATS_OK && bl_bus_config_is_tls(config, index)) {
        status = set_tls(config, options);
    }
    return status;
}

bl_result bl_bus_config_options(const struct bl_bus_config *config, size_t index, natsOptions **out,
                                struct bl_diag *diag) {
    natsOptions *options = NULL;
    natsStatus status = natsOptions_Create(&options);
    if (status == NATS_OK) {
        status = set_all(config, index, options);
    }
    if (status == NATS_OK) {
        *out = options;
        return BL_OK;
    }
    const char *text = nats_GetLastError(NULL);
    bl_diag_path(diag, "nats");
    bl_diag_message(diag, "libnats refuses the settings: %s",
                    text != NULL && text[0] != '\0' ? text : natsStatus_GetText(status));
    natsOptions_Destroy(options);
    return status == NATS_NO_MEMORY ? BL_FAIL(RESOURCE_EXHAUSTED) : BL_FAIL(INVALID_REQUEST);
}
