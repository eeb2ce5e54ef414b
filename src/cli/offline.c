#include "cli/offline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "api/handler.h"
#include "cli/policy_source.h"
#include "cli/present.h"
#include "policy/compile.h"
#include "wire/decide_reply.h"
#include "wire/decide_request.h"

bool bl_read_file(const char *path, size_t max_bytes, char **data, size_t *len) {
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "beamline: cannot open %s: %s\n", path, strerror(errno));
        return false;
    }
    char *bytes = malloc(max_bytes + 1);
    size_t count = bytes == NULL ? 0 : fread(bytes, 1, max_bytes + 1, file);
    bool failed = bytes == NULL || ferror(file) != 0;
    if (failed) {
        fprintf(stderr, "beamline: cannot read %s: %s\n", path, strerror(errno));
    } else if (count > max_bytes) {
        fprintf(stderr, "beamline: %s is larger than %zu bytes\n", path, max_bytes);
        failed = true;
    }
    if (!is_stdin) {
        fclose(file);
    }
    if (failed) {
        free(bytes);
        return false;
    }
    *data = bytes;
    *len = count;
    return true;
}

struct bl_str bl_offline_policy_id(const char *path) {
    const char *slash = strrchr(path, '/');
    struct bl_str name = bl_str_from_c(slash != NULL ? slash + 1 : path);
    const char *dot = memrchr(name.data, '.', name.len);
    if (dot != NULL && dot != name.data) {
        name.len = (size_t)(dot - name.data);
    }
    return bl_policy_id_is_valid(name) ? name : BL_STR("default");
}

struct bl_policy *bl_offline_policy(const char *path, struct bl_str tenant,
                                    struct bl_str policy_id) {
    static struct bl_findings findings;
    struct bl_policy_options options = {.warn_unknown_keys = false};
    struct bl_policy *policy = NULL;
    char *text;
    size_t len;

    if (!bl_policy_source_read(path, tenant, &text, &len)) {
        return NULL;
    }
    bl_result result = bl_policy_compile((struct bl_str){text, len}, tenant, policy_id, &options,
                                         &policy, &findings);
    bl_present_findings(stderr, path, &findings);
    if (bl_is_error(result)) {
        if (findings.errors == 0) {
            fprintf(stderr, "beamline: %s: %s\n", path, bl_error_info(result.error)->text);
        }
        policy = NULL;
    }
    free(text);
    return policy;
}

static bool moment_now(struct bl_flow_moment *moment) {
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    moment->now_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    if (getrandom(moment->admission_id, sizeof(moment->admission_id), 0) ==
        (ssize_t)sizeof(moment->admission_id)) {
        return true;
    }
    fprintf(stderr, "beamline: no random bytes to be had: %s\n", strerror(errno));
    return false;
}

/* Decides a request that was read, with the file as the policy that it asks for. */
static bool decide(const char *policy_file, struct bl_request *request, struct bl_arena *arena,
                   struct bl_buf *reply) {
    static const uint8_t key[16]; /* nothing is signed for anybody */
    static struct bl_outcome outcome;
    struct bl_str policy_id =
        bl_str_is_blank(request->policy_id) ? BL_STR("default") : request->policy_id;
    struct bl_flow flow = {0};
    struct bl_flow_moment moment;
    struct bl_refusal refusal;
    struct bl_catalog *catalog = NULL;

    if (!bl_tenant_id_is_valid(request->tenant_id, false)) {
        bool is_named = !bl_str_is_blank(request->tenant_id);
        fprintf(stderr, "beamline: %s\n",
                is_named ? "the tenant is no tenant id: 1 to 255 bytes of [A-Za-z0-9_.:-]"
                         : "the request names no tenant; add a tenant_id");
        return false;
    }
    struct bl_policy *policy = bl_offline_policy(policy_file, request->tenant_id, policy_id);
    if (policy == NULL || !moment_now(&moment) ||
        bl_is_error(bl_catalog_create(&policy, 1, 0, &catalog))) {
        bl_policy_unref(policy);
        return false;
    }
    flow.catalog = catalog;
    if (bl_is_ok(bl_flow_decide(&flow, request, request->tenant_id, &moment, arena, &outcome,
                                &refusal))) {
        bl_wire_encode_decision(request, &outcome, key, (uint64_t)moment.now_ns,
                                BL_WIRE_REPLY_MAX_BYTES, reply);
    } else {
        bl_wire_encode_refusal(request, &refusal, &outcome, NULL, BL_WIRE_REPLY_MAX_BYTES, reply);
    }
    bl_catalog_destroy(catalog);
    bl_policy_unref(policy);
    return true;
}

bool bl_offline_decide(const char *policy_file, struct bl_str request, bool explain,
                       struct bl_buf *reply) {
    const struct bl_message message = {
        .subject = bl_str_from_c(bl_operation_info(BL_OPERATION_DECIDE)->subject), .data = request};
    struct bl_decide_request decoded = {0};
    struct bl_refusal refusal;
    struct bl_arena arena;
    bool done = true;

    bl_arena_init(&arena, 256 * (size_t)1024, 64 * (size_t)1024 * 1024);
    if (bl_is_error(bl_wire_decode_decide(&message, BL_STR("offline"), &bl_json_request_limits,
                                          &arena, &decoded, &refusal))) {
        bl_wire_encode_refusal(&decoded.request, &refusal, NULL, NULL, BL_WIRE_REPLY_MAX_BYTES,
                               reply);
    } else {
        decoded.request.explain = decoded.request.explain || explain;
        done = decide(policy_file, &decoded.request, &arena, reply);
    }
    bl_arena_fini(&arena);
    return done;
}

bool bl_reply_is_ok(struct bl_str reply) {
    struct bl_arena arena;
    struct bl_json_doc doc;
    struct bl_diag diag;
    bool ok = false;

    bl_arena_init(&arena, 64 * (size_t)1024, 16 * (size_t)1024 * 1024);
    if (bl_is_ok(bl_json_read(reply, &bl_json_request_limits, &arena, &doc, &diag))) {
        (void)bl_json_bool(bl_json_get(bl_json_root(&doc), BL_STR("ok")), &ok);
    }
    bl_arena_fini(&arena);
    return ok;
}
