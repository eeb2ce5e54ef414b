/* Every setting, once. */
#include "app/settings.h"

#define AT(member) offsetof(struct bl_config, member)
#define MIB 1048576.0

static const char *const profiles[] = {"production", "dev", NULL};
static const char *const client_certificates[] = {"none", "optional", "required", NULL};
static const char *const unknown_keys[] = {"error", "warn", NULL};
static const char *const by_profile[] = {"false", "true", "profile", NULL};
static const char *const levels[] = {"debug", "info", "warn", "error", NULL};

#define TEXT(section, key, member, default_text, reload, doc)                                      \
    { section, key, BL_SETTING_TEXT, AT(member), 0, 4096, NULL, default_text, reload, doc }
#define SECRET(section, key, member, doc)                                                          \
    { section, key, BL_SETTING_SECRET, AT(member), 0, 4096, NULL, "", false, doc }
#define LIST(section, key, member, default_text, reload, doc)                                      \
    { section, key, BL_SETTING_LIST, AT(member), 0, 4096, NULL, default_text, reload, doc }
#define BOOL(section, key, member, default_text, reload, doc)                                      \
    { section, key, BL_SETTING_BOOL, AT(member), 0, 0, NULL, default_text, reload, doc }
#define U32(section, key, member, min, max, default_text, reload, doc)                             \
    { section, key, BL_SETTING_U32, AT(member), min, max, NULL, default_text, reload, doc }
#define MS(section, key, member, min, max, default_text, reload, doc)                              \
    { section, key, BL_SETTING_MS, AT(member), min, max, NULL, default_text, reload, doc }
#define BYTES(section, key, member, min, max, default_text, reload, doc)                           \
    { section, key, BL_SETTING_BYTES, AT(member), min, max, NULL, default_text, reload, doc }
#define WORD(section, key, member, words, default_text, reload, doc)                               \
    { section, key, BL_SETTING_WORD, AT(member), 0, 0, words, default_text, reload, doc }

const struct bl_setting bl_settings[] = {
    WORD("", "profile", profile, profiles, "production", false,
         "`production` refuses what is unsafe; `dev` believes every tenant and needs no key."),

    LIST("nats", "url", nats.url, "nats://127.0.0.1:4222", false,
         "Servers, tried in turn: nats://host:port or tls://host:port."),
    TEXT("nats", "name", nats.name, "beamline-router", false, "Name of the connections."),
    SECRET("nats", "token", nats.token, "Token to log in with."),
    TEXT("nats", "user", nats.user, "", false, "User to log in as."),
    SECRET("nats", "password", nats.password, "Its password."),
    TEXT("nats", "credentials_file", nats.credentials_file, "", false,
         "JWT and seed, as nsc writes it."),
    TEXT("nats", "nkey_public", nats.nkey_public, "", false, "Public NKey."),
    TEXT("nats", "nkey_seed_file", nats.nkey_seed_file, "", false, "File with its seed."),
    BOOL("nats", "tls", nats.tls, "false", false, "TLS also for nats:// servers."),
    TEXT("nats", "tls_ca_file", nats.tls_ca_file, "", false,
         "Authorities to trust; empty = those of the system."),
    TEXT("nats", "tls_certificate_file", nats.tls_certificate_file, "", false,
         "Certificate of this client."),
    TEXT("nats", "tls_key_file", nats.tls_key_file, "", false, "Its private key."),
    TEXT("nats", "tls_host", nats.tls_host, "", false,
         "Name expected in the server's certificate; empty = the host of the URL."),
    BOOL("nats", "tls_skip_verify", nats.tls_skip_verify, "false", false,
         "Accept any certificate. Dev profile only."),
    TEXT("nats", "queue_group", nats.queue_group, "router-decide-group", false,
         "Routers of one group share the requests."),
    TEXT("nats", "decide_subject", nats.decide_subject, "beamline.router.v1.decide", false,
         "Requests to decide."),
    TEXT("nats", "tenant_decide_subject", nats.tenant_decide_subject,
         "beamline.router.v1.t.*.decide", false,
         "Requests to decide, for the tenant that the subject names; empty = none."),
    TEXT("nats", "get_decision_subject", nats.get_decision_subject,
         "beamline.router.v1.get_decision", false, "Requests for stored decisions."),
    TEXT("nats", "extension_health_subject", nats.extension_health_subject,
         "beamline.router.v1.admin.get_extension_health", false, "Requests for extension health."),
    TEXT("nats", "circuit_breakers_subject", nats.circuit_breakers_subject,
         "beamline.router.v1.admin.get_circuit_breaker_states", false,
         "Requests for breaker states."),
    TEXT("nats", "dry_run_subject", nats.dry_run_subject,
         "beamline.router.v1.admin.dry_run_pipeline", false, "Dry runs."),
    TEXT("nats", "complexity_subject", nats.complexity_subject,
         "beamline.router.v1.admin.get_pipeline_complexity", false,
         "Requests for a policy's complexity."),
    LIST("nats", "shared_subject_tenants", nats.shared_subject_tenants, "", true,
         "Tenants that are believed on the shared subjects; the dev profile believes all."),
    MS("nats", "connect_timeout_ms", nats.connect_timeout_ms, 100, 60000, "5000", false,
       "Longest wait for a server to answer."),
    MS("nats", "reconnect_base_ms", nats.reconnect_base_ms, 10, 60000, "100", false,
       "First pause before connecting again."),
    MS("nats", "reconnect_max_ms", nats.reconnect_max_ms, 100, 600000, "10000", false,
       "Longest pause before connecting again."),
    MS("nats", "write_stall_ms", nats.write_stall_ms, 100, 60000, "3000", false,
       "A server that reads nothing for so long is left, and connected to anew."),
    U32("nats", "drain_batch", nats.drain_batch, 1, 65536, "256", false,
        "Messages taken over in one turn of the loop."),
    U32("nats", "high_water_messages", nats.high_water_messages, 16, 1000000, "8192", false,
        "Waiting messages above which requests are refused with service_overloaded."),
    BYTES("nats", "write_soft_cap_bytes", nats.write_soft_cap_bytes, 65536, 1024 * MIB, "4MiB",
          false, "Unsent bytes above which requests are refused with service_overloaded."),
    BYTES("nats", "write_hard_cap_bytes", nats.write_hard_cap_bytes, 65536, 1024 * MIB, "16MiB",
          false, "Unsent bytes above which the connection is made anew."),

    U32("workers", "count", workers.count, 0, 64, "0", false,
        "Worker threads; 0 = one for two processors."),
    BYTES("workers", "arena_cap_bytes", workers.arena_cap_bytes, 262144, 1024 * MIB, "16MiB", false,
          "Memory that one request may take."),

    TEXT("policies", "directory", policies.directory, "", false,
         "Folder with <tenant>/<policy>.yaml; _shared holds policies of all tenants."),
    TEXT(
        "policies", "store", policies.store, "", false,
        "File with policies that `beamline policy put` writes; a file of the folder wins over it."),
    U32("policies", "store_history", policies.store_history, 1, 10000, "100", true,
        "Revisions kept of each policy in the store."),
    BOOL("policies", "watch", policies.watch, "true", false, "Take changes over as they happen."),
    WORD("policies", "unknown_keys", policies.unknown_keys, unknown_keys, "error", true,
         "What an unknown key in a policy is; warn for migration."),

    LIST("tenants", "attributes", tenants.attributes, "", true,
         "What policies may read as tenant.<name>, one tenant/name=value each: acme/region=eu."),

    LIST("http", "listen", http.listen, "", false,
         "Where HTTP and gRPC requests come in: host:port, unix:/path or fd:N; empty = nowhere."),
    LIST("http", "tls_listen", http.tls_listen, "", false,
         "Where they come in over TLS: host:port or fd:N; empty = nowhere."),
    TEXT("http", "tls_certificate_file", http.tls_certificate_file, "", false,
         "The server's certificate and those that lead to its authority (PEM). A new file is taken "
         "over within a second; open connections stay."),
    TEXT("http", "tls_key_file", http.tls_key_file, "", false, "Its private key (PEM)."),
    TEXT("http", "tls_client_ca_file", http.tls_client_ca_file, "", false,
         "Authorities of client certificates (PEM)."),
    WORD("http", "tls_client_certificates", http.tls_client_certificates, client_certificates,
         "none", false, "Whether clients show a certificate of those authorities."),
    LIST("http", "ops_listen", http.ops_listen, "", false,
         "Where /live, /ready, /health and /metrics are served, and on loopback addresses and "
         "unix:/path administration; empty = nowhere."),
    TEXT("http", "upgrade_socket", http.upgrade_socket, "", false,
         "Path of a socket at which a new router takes the listening sockets over from this one, "
         "which then ends; empty = an upgrade stops this one first."),
    U32("http", "max_connections", http.max_connections, 1, 1000000, "10000", false,
        "Open connections per worker; more are closed at once."),
    U32("http", "max_streams", http.max_streams, 1, 10000, "128", false,
        "Requests at a time on one HTTP/2 connection."),
    BYTES("http", "max_memory_bytes", http.max_memory_bytes, 4 * MIB, 65536 * MIB, "256MiB", false,
          "Memory of requests and replies under way, per worker; what is above is refused."),
    MS("http", "header_timeout_ms", http.header_timeout_ms, 100, 600000, "10000", false,
       "Longest wait for the headers of a request that has begun."),
    MS("http", "body_timeout_ms", http.body_timeout_ms, 100, 600000, "30000", false,
       "Longest wait for its body."),
    MS("http", "idle_timeout_ms", http.idle_timeout_ms, 100, 3600000, "60000", false,
       "A connection without a request is closed after so long."),
    MS("http", "write_timeout_ms", http.write_timeout_ms, 100, 600000, "10000", false,
       "A peer that takes nothing of its reply is left after so long."),

    BOOL("http", "access_log", http.access_log, "false", true,
         "Log one line per request over HTTP and gRPC."),

    U32("intake", "max_request_bytes", intake.max_request_bytes, 1024, 64 * MIB, "1048576", true,
        "Largest request."),
    U32("intake", "max_depth", intake.max_depth, 4, 1024, "64", true,
        "Deepest nesting of a request."),
    U32("intake", "max_nodes", intake.max_nodes, 64, 1048576, "65536", true,
        "Most values and keys of a request."),
    U32("intake", "min_payload_bytes", intake.min_payload_bytes, 0, 1048576, "0", true,
        "Smallest payload; 0 = no minimum."),

    U32("sticky", "max_pins", sticky.max_pins, 64, 67108864, "65536", false,
        "Session pins kept at most, 16 bytes each; a full table gives up the oldest."),

    BOOL(
        "push", "enabled", push.enabled, "true", false,
        "Hand requests with push_assignment to workers over JetStream; its streams are made at the "
        "start."),
    TEXT("push", "bucket", push.bucket, "beamline_lives", false,
         "Table of life-cycle records, a bucket of NATS' key-value store; the same for all routers "
         "of a fleet."),
    TEXT("push", "assign_subject", push.assign_subject, "caf.exec.assign.v1", false,
         "Assignments; {provider} at its end stands for the provider's id, escaped as =HH."),
    TEXT("push", "ack_subject", push.ack_subject, "caf.exec.assign.v1.ack", false,
         "Acknowledgements of workers."),
    TEXT("push", "result_subject", push.result_subject, "caf.exec.result.v1", false,
         "Results of workers."),
    TEXT("push", "usage_subject", push.usage_subject, "beamline.usage.v1.metered", false,
         "Usage records."),
    TEXT(
        "push", "completed_subject", push.completed_subject, "", false,
        "Told of each end, beamline.router.v1.completed for example; empty = nobody, which saves a "
        "write per request."),
    TEXT("push", "cancel_subject", push.cancel_subject, "caf.exec.cancel.v1", false,
         "Told of assignments that are not wanted any more."),
    LIST("push", "notify_subjects", push.notify_subjects, "", true,
         "Subjects that a request may name as its notify_subject."),
    U32("push", "max_live", push.max_live, 16, 16777216, "100000", false,
        "Pushed requests under way at most, of all routers; further ones are refused."),
    U32("push", "max_deliveries", push.max_deliveries, 1, 1000, "10", false,
        "Deliveries of a worker's message, after which it goes to the dead letter queue."),
    MS("push", "publish_timeout_ms", push.publish_timeout_ms, 100, 60000, "5000", false,
       "Longest wait for JetStream's acknowledgement."),
    MS("push", "ack_wait_ms", push.ack_wait_ms, 1000, 600000, "30000", false,
       "Time after which a worker's message that was not dealt with comes again."),
    MS("push", "takeover_ms", push.takeover_ms, 2000, 600000, "5000", false,
       "Silence after which the requests of another router are taken over."),
    MS("push", "keep_ms", push.keep_ms, 3600000, 4294967295.0, "604800000", false,
       "How long records are kept after their last change."),
    BYTES("push", "stream_max_bytes", push.stream_max_bytes, 1048576, 1099511627776.0, "1GiB",
          false, "Size of each stream at most, when it is made."),

    TEXT("recording", "file", recording.file, "", false,
         "File of recorded decisions, for backtests; empty = none."),
    U32("recording", "per_thousand", recording.per_thousand, 0, 1000, "1000", true,
        "How many of a thousand decisions are recorded, chosen by their draw."),
    BYTES("recording", "max_bytes", recording.max_bytes, 65536, 1099511627776.0, "256MiB", false,
          "Bound of the file and its predecessor (FILE.1) together."),
    BOOL("recording", "redact", recording.redact, "true", false,
         "Record only hashes of texts, except those of recording.fields."),
    LIST("recording", "fields", recording.fields, "*/task.type", false,
         "Paths recorded in the clear, also where no policy reads them, one tenant/path each; * = "
         "all "
         "tenants."),

    SECRET("router", "key", router.key,
           "Signs decision ids and seeds draws; the same on all routers, at least 16 bytes."),

    WORD("admin", "nats_anonymous_reads", admin.nats_anonymous_reads, by_profile, "profile", true,
         "Whether the read-only admin subjects answer everybody; by profile: dev yes."),

    WORD("logs", "level", logs.level, levels, "info", true, "Least severe lines that are written."),
    TEXT("logs", "file", logs.file, "", false, "Log file; empty = standard output."),
    BYTES("logs", "ring_bytes", logs.ring_bytes, 16384, 64 * MIB, "256KiB", false,
          "Lines waiting to be written, per thread; what does not fit is dropped and counted."),
    U32("logs", "refusals_per_second", logs.refusals_per_second, 0, 100000, "20", true,
        "Refused requests logged per second and worker; the rest is counted."),

    TEXT("metrics", "file", metrics.file, "", false,
         "File for Prometheus text, replaced whole; empty = none."),
    MS("metrics", "interval_ms", metrics.interval_ms, 100, 600000, "5000", true,
       "How often it is written."),

    MS("stop", "drain_ms", stop.drain_ms, 0, 600000, "10000", true,
       "Longest wait for requests in flight when stopping."),
};

const size_t bl_setting_count = sizeof(bl_settings) / sizeof(bl_settings[0]);
