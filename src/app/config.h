/*
 * Configuration: one table of settings, from which everything else follows.
 *
 * A setting has a section, a key, a type, a range, a default and a sentence. Its value comes from
 * the default, from the YAML file, from BEAMLINE_<SECTION>_<KEY>, or from a command's option; the
 * later wins, and where it came from is remembered. Every problem is reported at once, with its
 * place and the nearest known key. A loaded configuration is immutable.
 */
#ifndef BL_APP_CONFIG_H
#define BL_APP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/result.h"
#include "base/str.h"

struct bl_text_list {
    const struct bl_str *items; /* NUL-terminated each */
    size_t count;
};

enum bl_profile { BL_PROFILE_PRODUCTION, BL_PROFILE_DEV };

struct bl_nats_settings {
    struct bl_text_list url;
    struct bl_str name;
    struct bl_str token; /* secret reference */
    struct bl_str user;
    struct bl_str password; /* secret reference */
    struct bl_str credentials_file;
    struct bl_str nkey_public;
    struct bl_str nkey_seed_file;
    bool tls;
    struct bl_str tls_ca_file, tls_certificate_file, tls_key_file, tls_host;
    bool tls_skip_verify;
    struct bl_str queue_group;
    struct bl_str decide_subject, get_decision_subject, extension_health_subject,
        circuit_breakers_subject, dry_run_subject, complexity_subject, tenant_decide_subject;
    struct bl_text_list shared_subject_tenants;
    uint32_t connect_timeout_ms, reconnect_base_ms, reconnect_max_ms;
    uint32_t write_stall_ms, drain_batch, high_water_messages;
    uint64_t write_soft_cap_bytes, write_hard_cap_bytes;
};

struct bl_config {
    int profile; /* enum bl_profile */
    struct bl_nats_settings nats;
    struct {
        uint32_t count; /* 0 = one for two processors */
        uint64_t arena_cap_bytes;
    } workers;
    struct {
        struct bl_str directory;
        struct bl_str store; /* absent = none */
        uint32_t store_history;
        bool watch;
        int unknown_keys; /* 0 = error, 1 = warn */
    } policies;
    struct {
        struct bl_text_list listen, tls_listen, ops_listen;
        struct bl_str tls_certificate_file, tls_key_file, tls_client_ca_file, upgrade_socket;
        int tls_client_certificates; /* enum bl_tls_clients */
        uint32_t max_connections, max_streams, header_timeout_ms, body_timeout_ms, idle_timeout_ms,
            write_timeout_ms;
        uint64_t max_memory_bytes;
        bool access_log;
    } http;
    struct {
        struct bl_text_list attributes; /* flow/tenant_attributes.h */
    } tenants;
    struct {
        uint32_t max_request_bytes, max_depth, max_nodes, min_payload_bytes;
    } intake;
    struct {
        uint32_t max_pins;
    } sticky;
    struct {
        bool enabled;
        struct bl_str bucket, assign_subject, ack_subject, result_subject, usage_subject,
            completed_subject, cancel_subject;
        struct bl_text_list notify_subjects;
        uint32_t max_live, max_deliveries, publish_timeout_ms, ack_wait_ms, takeover_ms, keep_ms;
        uint64_t stream_max_bytes;
    } push;
    struct {
        struct bl_str file;
        uint32_t per_thousand;
        uint64_t max_bytes;
        bool redact;
        struct bl_text_list fields; /* app/recorder.h */
    } recording;
    struct {
        struct bl_str key; /* secret reference */
    } router;
    struct {
        int nats_anonymous_reads; /* 0 = no, 1 = yes, 2 = by profile */
    } admin;
    struct {
        int level;          /* enum bl_log_level */
        struct bl_str file; /* absent = standard output */
        uint64_t ring_bytes;
        uint32_t refusals_per_second;
    } logs;
    struct {
        struct bl_str file; /* absent = none */
        uint32_t interval_ms;
    } metrics;
    struct {
        uint32_t drain_ms;
    } stop;
    struct bl_arena arena; /* owns all texts */
};

/* A value given on the command line. */
struct bl_config_override {
    const char *section;
    const char *key;
    const char *value;
};

struct bl_config_sources {
    const char *path;               /* YAML file; NULL = none */
    const char *const *environment; /* "NAME=value", NULL-terminated; NULL = none */
    const struct bl_config_override *overrides;
    size_t override_count;
};

/*
 * Loads and checks. `*out` is to be released with bl_config_destroy. Errors: INVALID_REQUEST with
 * at least one error in `findings` (cleared first); RESOURCE_EXHAUSTED. Findings of the environment
 * and of overrides have no line; their path names the variable or option.
 */
BL_MUST_USE bl_result bl_config_load(const struct bl_config_sources *sources,
                                     struct bl_config **out, struct bl_findings *findings);

void bl_config_destroy(struct bl_config *config); /* NULL is fine */

/* Effective values as YAML, each with its source as a comment. Secrets are references, and shown
 * as such. */
void bl_config_dump(const struct bl_config *config, struct bl_buf *buf);

/* The settings that differ between the two and need a restart, as "section.key, …". */
void bl_config_restart_needed(const struct bl_config *old, const struct bl_config *new,
                              struct bl_buf *buf);

/* The reference page, in Markdown. */
void bl_config_reference(struct bl_buf *buf);

/* Whether administration reads are open to everybody, by setting or profile. */
bool bl_config_anonymous_reads(const struct bl_config *config);

#endif
