#include "app/administration.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "api/grpc_policies.h"
#include "api/grpc_services.h"
#include "api/origin.h"
#include "app/policy_file.h"
#include "base/secret.h"
#include "json/writer.h"
#include "net/clock.h"
#include "store/sqlite.h"

#define REPLY_BYTES ((size_t)4 * 1024 * 1024) /* a document of 1 MiB, mostly escaped */
#define ARENA_CHUNK_BYTES ((size_t)64 * 1024)
#define ARENA_CAP_BYTES ((size_t)64 * 1024 * 1024)
#define BUSY_TIMEOUT_MS 200 /* this thread also answers signals */

struct bl_administration {
    struct bl_administration_parts parts;
    struct bl_policy_admin port;
    struct bl_store *reader, *writer; /* NULL = to be opened */
    struct bl_api api;
    struct bl_arena arena;
    struct bl_buf reply; /* behind room for a prefix of gRPC */
    char *storage;
    struct bl_api_grpc_call call; /* the one under way */
    struct bl_buf unpacked;       /* of a compressed message */
};

/* --- the port -------------------------------------------------------------------------------- */

static void each(void *user, bl_policy_listing_fn visit, void *visitor) {
    const struct bl_administration *administration = user;

    bl_policy_sources_each(administration->parts.sources, visit, visitor);
}

static bl_result open_store(struct bl_administration *administration, bool writes, bool create,
                            struct bl_store **slot, struct bl_diag *diag) {
    const struct bl_store_sqlite_options options = {
        .read_only = !writes,
        .create = create,
        .busy_timeout_ms = BUSY_TIMEOUT_MS,
        .history_max = administration->parts.store_history,
    };

    if (*slot != NULL && !bl_store_sqlite_is_current(*slot)) {
        bl_store_close(*slot);
        *slot = NULL;
    }
    return *slot != NULL
               ? BL_OK
               : bl_store_sqlite_open(administration->parts.store_path, &options, slot, diag);
}

static bl_result store(void *user, enum bl_store_use use, struct bl_store **out,
                       struct bl_diag *diag) {
    struct bl_administration *administration = user;
    bool writes = use != BL_STORE_READ;
    struct bl_store **slot = writes ? &administration->writer : &administration->reader;

    *out = NULL;
    if (administration->parts.store_path == NULL) {
        bl_diag_message(diag, "this router has no store of policies");
        bl_diag_hint(diag, "set policies.store to a file, and restart");
        return BL_FAIL(UNAVAILABLE);
    }
    bl_result result = open_store(administration, writes, use == BL_STORE_PUT, slot, diag);
    if (bl_is_ok(result)) {
        *out = *slot;
    }
    return result.error == BL_E_POLICY_NOT_FOUND ? BL_OK : result;
}

static bl_result read_file(void *user, struct bl_str path, struct bl_arena *arena,
                           struct bl_str *text, struct bl_diag *diag) {
    size_t len;
    char *data = bl_policy_file_read(path.data, &len);
    (void)user;

    if (data == NULL) {
        bl_diag_message(diag, "%.*s: %s", BL_STR_ARG(path), strerror(errno));
        return BL_FAIL(UNAVAILABLE);
    }
    bl_result result = bl_arena_copy(arena, (struct bl_str){data, len}, text);
    free(data);
    if (bl_is_error(result)) {
        bl_diag_message(diag, "out of memory");
    }
    return result;
}

static bool go_live(void *user, uint64_t revision) {
    const struct bl_administration *administration = user;

    administration->parts.reload(administration->parts.user);
    struct bl_policy_sources_stats stats = bl_policy_sources_stats(administration->parts.sources);
    return !stats.store_unreadable && stats.store_revision >= revision;
}

static void tell_stats(void *user, struct bl_admin_stats *out) {
    const struct bl_administration *administration = user;
    struct bl_policy_sources_stats stats = bl_policy_sources_stats(administration->parts.sources);

    *out = (struct bl_admin_stats){.files = stats.from_directory,
                                   .stored = stats.from_store,
                                   .shadowed = stats.shadowed,
                                   .broken = stats.broken,
                                   .has_store = administration->parts.store_path != NULL,
                                   .store_unreadable = stats.store_unreadable,
                                   .store_revision = stats.store_revision};
    administration->parts.stats(administration->parts.user, out);
}

/* --- requests -------------------------------------------------------------------------------- */

bl_result bl_administration_create(const struct bl_administration_parts *parts,
                                   struct bl_administration **out) {
    struct bl_administration *administration = calloc(1, sizeof(*administration));
    char *storage = malloc(BL_GRPC_PREFIX_BYTES + REPLY_BYTES);
    char *unpacked = malloc(BL_ADMINISTRATION_BODY_MAX);

    if (administration == NULL || storage == NULL || unpacked == NULL) {
        free(administration);
        free(storage);
        free(unpacked);
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    administration->parts = *parts;
    administration->port = (struct bl_policy_admin){.user = administration,
                                                    .each = each,
                                                    .store = store,
                                                    .read_file = read_file,
                                                    .go_live = go_live,
                                                    .stats = tell_stats};
    bl_arena_init(&administration->arena, ARENA_CHUNK_BYTES, ARENA_CAP_BYTES);
    administration->storage = storage;
    bl_buf_init(&administration->reply, storage + BL_GRPC_PREFIX_BYTES, REPLY_BYTES);
    bl_buf_init(&administration->unpacked, unpacked, BL_ADMINISTRATION_BODY_MAX);
    administration->api = (struct bl_api){.flow = {.pins = parts->pins},
                                          .anonymous_reads = true,
                                          .reply_max_bytes = REPLY_BYTES,
                                          .arena = &administration->arena,
                                          .policies = &administration->port};
    memcpy(administration->api.flow.key, parts->key, sizeof(parts->key));
    *out = administration;
    return BL_OK;
}

void bl_administration_destroy(struct bl_administration *administration) {
    if (administration == NULL) {
        return;
    }
    bl_store_close(administration->reader);
    bl_store_close(administration->writer);
    bl_arena_fini(&administration->arena);
    bl_wipe(administration->api.flow.key, sizeof(administration->api.flow.key));
    bl_wipe(administration->parts.key, sizeof(administration->parts.key));
    free(administration->storage);
    free(administration->unpacked.data);
    free(administration);
}

/* What serves now also counts here. */
static void use_snapshot(struct bl_administration *administration) {
    const struct bl_snapshot *snapshot = administration->parts.snapshot(administration->parts.user);
    struct bl_api *api = &administration->api;

    api->flow.catalog = snapshot->catalog;
    api->flow.min_payload_bytes = snapshot->min_payload_bytes;
    api->flow.attributes = snapshot->attributes;
    api->limits = snapshot->limits;
    administration->port.warn_unknown_keys = snapshot->shared->config->policies.unknown_keys == 1;
}

static void refuse_origin(struct bl_buf *reply, const char *message,
                          struct bl_http_response *response) {
    struct bl_json_writer writer;

    bl_buf_reset(reply);
    bl_json_writer_init(&writer, reply);
    bl_json_write_object_begin(&writer);
    bl_json_write_key(&writer, BL_STR("ok"));
    bl_json_write_bool(&writer, false);
    bl_json_write_key(&writer, BL_STR("error"));
    bl_json_write_object_begin(&writer);
    bl_json_write_member(&writer, BL_STR("code"), BL_STR("forbidden"));
    bl_json_write_member(&writer, BL_STR("message"), bl_str_from_c(message));
    bl_json_write_object_end(&writer);
    bl_json_write_object_end(&writer);
    response->status = 403;
    response->body = bl_buf_view(reply);
}

static bl_result take_moment(struct bl_flow_moment *moment) {
    *moment = (struct bl_flow_moment){.now_ns = (int64_t)bl_clock_wall_ns()};
    return getrandom(moment->admission_id, sizeof(moment->admission_id), 0) ==
                   (ssize_t)sizeof(moment->admission_id)
               ? BL_OK
               : BL_FAIL(UNAVAILABLE);
}

void bl_administration_handle(struct bl_administration *administration,
                              const struct bl_http_request *request, enum bl_api_door door,
                              struct bl_http_response *response,
                              struct bl_administration_report *report) {
    bool is_unix = strcmp(request->peer, "unix") == 0;
    const char *foreign =
        door == BL_DOOR_OPERATORS ? bl_api_check_origin(&request->headers, is_unix) : NULL;
    struct bl_operation_match match;
    struct bl_flow_moment moment;

    *report = (struct bl_administration_report){.operation = BL_OPERATION_COUNT};
    if (foreign != NULL) {
        refuse_origin(&administration->reply, foreign, response);
        return;
    }
    if (!bl_api_http_route(request, door, &match, &administration->reply, response)) {
        return;
    }
    const struct bl_message message = {
        .subject = request->path, .data = request->body, .headers = request->headers};
    const struct bl_api_call call = {&match, request->method, request->query};
    if (bl_is_error(take_moment(&moment))) {
        response->status = 503;
        return;
    }
    use_snapshot(administration);
    administration->api.call = &call;
    bl_api_handle(&administration->api, match.operation, &message, BL_STR_ABSENT, &moment,
                  &administration->reply, &report->api);
    administration->api.call = NULL;
    report->operation = match.operation;
    bl_api_http_finish(&report->api, &administration->reply, response);
}

/* What has no counterpart over HTTP is answered from its message alone. */
static void handle_call(struct bl_administration *administration,
                        const struct bl_http_request *request, const struct bl_flow_moment *moment,
                        struct bl_api_report *report) {
    struct bl_api_grpc_call *call = &administration->call;
    struct bl_api_grpc_policy policy;
    struct bl_message message = {.subject = request->path,
                                 .data = call->message,
                                 .headers = request->headers,
                                 .codec = BL_CODEC_PROTOBUF,
                                 .reply_codec = BL_CODEC_PROTOBUF};

    if (bl_api_grpc_policy_read(call, request, &policy)) {
        administration->api.call = &policy.call;
        message = policy.message;
    }
    bl_api_handle(&administration->api, call->operation, &message, BL_STR_ABSENT, moment,
                  &administration->reply, report);
    administration->api.call = NULL;
}

bool bl_administration_call(struct bl_administration *administration,
                            const struct bl_http_request *request, enum bl_api_door door,
                            struct bl_http_response *response,
                            struct bl_administration_report *report) {
    struct bl_api_grpc_call *call = &administration->call;
    bool is_unix = strcmp(request->peer, "unix") == 0;
    struct bl_flow_moment moment;

    *report = (struct bl_administration_report){.operation = BL_OPERATION_COUNT};
    if (!bl_api_is_grpc(request)) {
        return false;
    }
    const char *foreign = door == BL_DOOR_OPERATORS
                              ? bl_api_check_origin(&request->headers, is_unix)
                              : "administration is refused where others reach the listener; use "
                                "http.ops_listen on a loopback address or a Unix socket";
    if (foreign != NULL) {
        bl_api_grpc_refuse(call, bl_error_info(BL_E_FORBIDDEN)->grpc_status, foreign, response);
        return true;
    }
    if (!bl_api_grpc_read(request, BL_DOOR_OPERATORS, BL_ADMINISTRATION_BODY_MAX,
                          &administration->unpacked, call, response)) {
        return true;
    }
    if (bl_is_error(take_moment(&moment))) {
        bl_api_grpc_refuse(call, BL_GRPC_UNAVAILABLE, "the kernel gives no random bytes", response);
        return true;
    }
    use_snapshot(administration);
    handle_call(administration, request, &moment, &report->api);
    report->operation = call->operation;
    const struct bl_str framed = {administration->storage,
                                  BL_GRPC_PREFIX_BYTES + administration->reply.len};
    bl_api_grpc_finish(call, &administration->api, &report->api, framed, response);
    return true;
}
