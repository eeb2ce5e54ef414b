#include "api/openapi.h"

#include <string.h>
#include <strings.h>

#include "api/handler_private.h"
#include "api/schemas.h"
#include "build_info.h"
#include "policy/schema.h"

static void write_text(struct bl_json_writer *writer, const char *key, const char *text) {
    bl_json_write_member(writer, bl_str_from_c(key), bl_str_from_c(text));
}

static void begin(struct bl_json_writer *writer, const char *key) {
    bl_json_write_key(writer, bl_str_from_c(key));
    bl_json_write_object_begin(writer);
}

static void end(struct bl_json_writer *writer) {
    bl_json_write_object_end(writer);
}

/* --- schemas --------------------------------------------------------------------------------- */

static void write_reference(struct bl_json_writer *writer, const char *name) {
    char storage[96];
    struct bl_buf buf;

    bl_buf_init(&buf, storage, sizeof(storage));
    bl_buf_printf(&buf, "#/components/schemas/%s", name);
    bl_json_write_member(writer, BL_STR("$ref"), bl_buf_view(&buf));
}

static void write_type(struct bl_json_writer *writer, const char *type) {
    if (type[0] == '[') {
        write_text(writer, "type", "array");
        begin(writer, "items");
        write_type(writer, type + 1);
        end(writer);
    } else if (type[0] == '{') {
        write_text(writer, "type", "object");
        begin(writer, "additionalProperties");
        write_type(writer, type + 1);
        end(writer);
    } else if (type[0] >= 'A' && type[0] <= 'Z') {
        write_reference(writer, type);
    } else if (strcmp(type, "any") != 0) {
        write_text(writer, "type", type);
    }
}

static void write_required(struct bl_json_writer *writer, const struct bl_schema *schema) {
    bl_json_write_key(writer, BL_STR("required"));
    bl_json_write_array_begin(writer);
    for (int i = 0; i < BL_SCHEMA_FIELDS_MAX && schema->fields[i].name != NULL; i++) {
        if (schema->fields[i].required) {
            bl_json_write_string(writer, bl_str_from_c(schema->fields[i].name));
        }
    }
    bl_json_write_array_end(writer);
}

static void write_schema(struct bl_json_writer *writer, const struct bl_schema *schema) {
    begin(writer, schema->name);
    write_text(writer, "description", schema->doc);
    write_text(writer, "type", "object");
    write_required(writer, schema);
    begin(writer, "properties");
    for (int i = 0; i < BL_SCHEMA_FIELDS_MAX && schema->fields[i].name != NULL; i++) {
        begin(writer, schema->fields[i].name);
        write_type(writer, schema->fields[i].type);
        if (schema->fields[i].doc != NULL) {
            write_text(writer, "description", schema->fields[i].doc);
        }
        end(writer);
    }
    end(writer);
    end(writer);
}

static void write_codes(struct bl_json_writer *writer) {
    begin(writer, "ErrorCode");
    write_text(writer, "type", "string");
    bl_json_write_key(writer, BL_STR("enum"));
    bl_json_write_array_begin(writer);
    for (int e = BL_E_NONE + 1; e < BL_ERROR_COUNT; e++) {
        bl_json_write_string(writer, bl_str_from_c(bl_error_info((enum bl_error)e)->code));
    }
    bl_json_write_string(writer, BL_STR("decision_failed")); /* no_provider_available on v1 */
    bl_json_write_array_end(writer);
    end(writer);
}

/* The schema of policies as a part of this document: its references begin at the new place. */
static bl_result write_policy_schema(struct bl_arena *arena, struct bl_json_writer *writer) {
    static const struct bl_str from = {"\"#/$defs/", 9};
    static const struct bl_str to = {"\"#/components/schemas/Policy/$defs/", 35};
    char *storage = bl_arena_alloc(arena, BL_POLICY_PAGE_BYTES);
    char *moved = bl_arena_alloc(arena, 2 * BL_POLICY_PAGE_BYTES);
    struct bl_json_writer own;
    struct bl_buf buf, out;

    if (storage == NULL || moved == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    bl_buf_init(&buf, storage, BL_POLICY_PAGE_BYTES);
    bl_json_writer_init(&own, &buf);
    bl_policy_schema_write(&own);
    bl_buf_init(&out, moved, 2 * BL_POLICY_PAGE_BYTES);
    struct bl_str rest = bl_buf_view(&buf);
    for (;;) {
        const char *at = memmem(rest.data, rest.len, from.data, from.len);
        size_t len = at == NULL ? rest.len : (size_t)(at - rest.data);
        bl_buf_str(&out, (struct bl_str){rest.data, len});
        if (at == NULL) {
            break;
        }
        bl_buf_str(&out, to);
        rest = (struct bl_str){at + from.len, rest.len - len - from.len};
    }
    bl_json_write_key(writer, BL_STR("Policy"));
    bl_json_write_raw(writer, bl_buf_view(&out));
    return BL_OK;
}

static bl_result write_components(struct bl_arena *arena, struct bl_json_writer *writer) {
    begin(writer, "components");
    begin(writer, "schemas");
    for (size_t i = 0; i < bl_schema_count; i++) {
        write_schema(writer, &bl_schemas[i]);
    }
    write_codes(writer);
    BL_TRY(write_policy_schema(arena, writer));
    end(writer);
    begin(writer, "responses");
    begin(writer, "Refusal");
    write_text(writer, "description",
               "A refusal. Statuses: 400 not valid, 403 not allowed, 404 not there, 405 another "
               "method, 412 another revision, 413 too large, 415 another type, 429 and 503 try "
               "later.");
    begin(writer, "content");
    begin(writer, "application/json");
    begin(writer, "schema");
    write_reference(writer, "Error");
    end(writer);
    end(writer);
    end(writer);
    end(writer);
    end(writer);
    end(writer);
    return BL_OK;
}

/* --- operations ------------------------------------------------------------------------------ */

static const char *reply_schema(enum bl_operation operation) {
    static const char *const names[BL_OPERATION_COUNT] = {
        [BL_OPERATION_DECIDE] = "DecideReply",
        [BL_OPERATION_GET_DECISION] = "LifeReply",
        [BL_OPERATION_EXTENSION_HEALTH] = "ExtensionHealth",
        [BL_OPERATION_CIRCUIT_BREAKERS] = "CircuitBreakers",
        [BL_OPERATION_COMPLEXITY] = "Complexity",
        [BL_OPERATION_OPENAPI] = "object",
        [BL_OPERATION_POLICY_LIST] = "PolicyPage",
        [BL_OPERATION_POLICY_GET] = "PolicyReply",
        [BL_OPERATION_POLICY_PUT] = "ChangeReply",
        [BL_OPERATION_POLICY_DELETE] = "ChangeReply",
        [BL_OPERATION_POLICY_HISTORY] = "HistoryReply",
        [BL_OPERATION_POLICY_REVISION] = "RevisionReply",
        [BL_OPERATION_POLICY_DIFF] = "DiffReply",
        [BL_OPERATION_POLICY_ROLLBACK] = "ChangeReply",
        [BL_OPERATION_POLICY_DRY_RUN] = "DecideReply",
        [BL_OPERATION_POLICY_EXPLAIN] = "DecideReply",
        [BL_OPERATION_POLICY_LINT] = "LintReply",
        [BL_OPERATION_POLICY_VALIDATE] = "ValidateReply",
        [BL_OPERATION_PROVIDERS] = "ProviderPage",
        [BL_OPERATION_STATS] = "StatsReply",
    };
    return names[operation];
}

static void write_parameter(struct bl_json_writer *writer, const char *name, const char *in,
                            const char *type, const char *doc) {
    bl_json_write_object_begin(writer);
    write_text(writer, "name", name);
    write_text(writer, "in", in);
    if (strcmp(in, "path") == 0) {
        bl_json_write_key(writer, BL_STR("required"));
        bl_json_write_bool(writer, true);
    }
    if (doc != NULL) {
        write_text(writer, "description", doc);
    }
    begin(writer, "schema");
    write_text(writer, "type", type);
    end(writer);
    bl_json_write_object_end(writer);
}

static void write_path_parameters(struct bl_json_writer *writer, const char *path) {
    static const struct {
        const char *segment, *name, *type, *doc;
    } known[] = {
        {"{tenant}", "tenant", "string", "* or _shared stands for all tenants."},
        {"{policy}", "policy", "string", NULL},
        {"{id}", "id", "string",
         "The request id, of the tenant that X-Tenant-ID names; or the admission id."},
        {"{revision}", "revision", "integer", NULL},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strstr(path, known[i].segment) != NULL) {
            write_parameter(writer, known[i].name, "path", known[i].type, known[i].doc);
        }
    }
}

static bool is_number(enum bl_query query) {
    return query == BL_QUERY_LIMIT || query == BL_QUERY_BEFORE || query == BL_QUERY_FROM ||
           query == BL_QUERY_TO;
}

static void write_parameters(struct bl_json_writer *writer, const struct bl_operation_info *info,
                             const char *path) {
    bl_json_write_key(writer, BL_STR("parameters"));
    bl_json_write_array_begin(writer);
    write_path_parameters(writer, path);
    for (int i = 0; i < BL_QUERY_COUNT; i++) {
        enum bl_query query = (enum bl_query)i;
        if ((info->queries & (1u << i)) != 0) {
            write_parameter(writer, bl_query_name(query), "query",
                            is_number(query) ? "integer" : "string", bl_query_doc(query));
        }
    }
    if (strcmp(info->permission, "policy.write") == 0) {
        write_parameter(writer, "If-Match", "header", "string",
                        "Only if the policy is at this revision, an ETag; * = if it is there.");
        write_parameter(writer, "If-None-Match", "header", "string", "*: only if it is not there.");
        write_parameter(writer, "X-User-ID", "header", "string",
                        "Who; kept with the revision, and believed.");
    }
    bl_json_write_array_end(writer);
}

static void write_content(struct bl_json_writer *writer, const char *type, const char *schema) {
    begin(writer, type);
    begin(writer, "schema");
    write_type(writer, schema);
    end(writer);
    end(writer);
}

static void write_body(struct bl_json_writer *writer, enum bl_operation_body body) {
    static const char *const schemas[] = {[BL_BODY_REQUEST] = "DecideRequest",
                                          [BL_BODY_POLICY] = "Policy",
                                          [BL_BODY_TRIAL] = "Trial"};

    if (body == BL_BODY_NONE) {
        return;
    }
    begin(writer, "requestBody");
    bl_json_write_key(writer, BL_STR("required"));
    bl_json_write_bool(writer, true);
    begin(writer, "content");
    write_content(writer, "application/json", schemas[body]);
    if (body == BL_BODY_POLICY) {
        write_content(writer, "application/yaml", schemas[body]);
    }
    end(writer);
    end(writer);
}

static void write_response(struct bl_json_writer *writer, enum bl_operation operation,
                           const char *status, const char *doc) {
    begin(writer, status);
    write_text(writer, "description", doc);
    begin(writer, "content");
    write_content(writer, "application/json", reply_schema(operation));
    if (operation == BL_OPERATION_POLICY_GET || operation == BL_OPERATION_POLICY_REVISION) {
        write_content(writer, "application/yaml", "string");
    }
    end(writer);
    end(writer);
}

static void write_operation(struct bl_json_writer *writer, const struct bl_operation_info *info,
                            int route) {
    const char *path = info->routes[route].path;
    bool is_read = strcmp(info->routes[route].method, "GET") == 0;
    char storage[64], method[8] = "";
    struct bl_buf id;

    for (size_t i = 0; i < sizeof(method) - 1 && info->routes[route].method[i] != '\0'; i++) {
        method[i] = (char)(info->routes[route].method[i] | 0x20);
    }
    begin(writer, method);
    bl_buf_init(&id, storage, sizeof(storage));
    bl_buf_printf(&id, "%s%s", info->name, route == 0 ? "" : "_2");
    bl_json_write_member(writer, BL_STR("operationId"), bl_buf_view(&id));
    write_text(writer, "summary", info->summary);
    write_text(writer, "x-permission", info->permission);
    write_text(writer, "x-listener",
               info->caller == BL_CALLER_TENANT    ? "http.listen"
               : info->caller == BL_CALLER_ANYBODY ? "any"
                                                   : "http.ops_listen");
    write_parameters(writer, info, path);
    write_body(writer, is_read ? BL_BODY_NONE : info->body);
    begin(writer, "responses");
    write_response(writer, info->operation, "200", "Done.");
    if (info->operation == BL_OPERATION_POLICY_PUT ||
        info->operation == BL_OPERATION_POLICY_ROLLBACK) {
        write_response(writer, info->operation, "201", "Done; it was not there before.");
    }
    begin(writer, "default");
    write_text(writer, "$ref", "#/components/responses/Refusal");
    end(writer);
    end(writer);
    end(writer);
}

/* A path once, with all of its methods: those of the rows from `operation` on. */
static bool is_first(enum bl_operation operation, int route) {
    const char *path = bl_operation_info(operation)->routes[route].path;

    for (int o = 0; o <= (int)operation; o++) {
        const struct bl_operation_route *routes = bl_operation_info((enum bl_operation)o)->routes;
        int count = o == (int)operation ? route : BL_OPERATION_ROUTES_MAX;
        for (int r = 0; r < count && routes[r].method != NULL; r++) {
            if (strcmp(routes[r].path, path) == 0) {
                return false;
            }
        }
    }
    return true;
}

static void write_path(struct bl_json_writer *writer, const char *path) {
    begin(writer, path);
    for (int o = 0; o < BL_OPERATION_COUNT; o++) {
        const struct bl_operation_info *info = bl_operation_info((enum bl_operation)o);
        for (int r = 0; r < BL_OPERATION_ROUTES_MAX && info->routes[r].method != NULL; r++) {
            if (strcmp(info->routes[r].path, path) == 0) {
                write_operation(writer, info, r);
            }
        }
    }
    end(writer);
}

static void write_info(struct bl_json_writer *writer) {
    write_text(writer, "openapi", "3.1.0");
    begin(writer, "info");
    write_text(writer, "title", "Beamline Router");
    write_text(writer, "version", bl_version());
    write_text(writer, "description",
               "Decisions are served by http.listen, administration by http.ops_listen where that "
               "is an address of the router's own machine. Each path also answers OPTIONS, and "
               "HEAD where it answers GET.");
    end(writer);
}

bl_result bl_openapi_write(struct bl_arena *arena, struct bl_json_writer *writer) {
    bl_json_write_object_begin(writer);
    write_info(writer);
    begin(writer, "paths");
    for (int o = 0; o < BL_OPERATION_COUNT; o++) {
        const struct bl_operation_route *routes = bl_operation_info((enum bl_operation)o)->routes;
        for (int r = 0; r < BL_OPERATION_ROUTES_MAX && routes[r].method != NULL; r++) {
            if (is_first((enum bl_operation)o, r)) {
                write_path(writer, routes[r].path);
            }
        }
    }
    end(writer);
    BL_TRY(write_components(arena, writer));
    bl_json_write_object_end(writer);
    return bl_json_writer_ok(writer) ? BL_OK : BL_FAIL(RESOURCE_EXHAUSTED);
}

bl_result bl_api_openapi(struct bl_api_exchange *exchange) {
    struct bl_api *api = exchange->api;
    struct bl_json_writer writer;

    bl_request_init(&api->work.decoded.request);
    api->work.decoded.request.dialect = BL_DIALECT_CANONICAL;
    api->work.decoded.request.request_id = exchange->generated_id;
    bl_json_writer_init(&writer, exchange->reply);
    bl_result result = bl_openapi_write(api->arena, &writer);
    if (bl_is_error(result)) {
        bl_diag_message(bl_refusal_begin(&api->work.refusal, result.error, BL_INTAKE_NONE),
                        "out of memory");
    }
    return result;
}
