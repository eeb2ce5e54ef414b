#include "wire/decide_request.h"

#include "policy/compile.h"
#include "wire/fields.h"
#include "wire/members.h"
#include "wire/read.h"
#include "wire/request_headers.h"
#include "wire/trace_context.h"

/* One message on its way in. */
struct intake {
    const struct bl_message *message;
    struct bl_wire_members members;
    struct bl_json body; /* what holds the work: task, message, input; absent in the flat form */
    struct bl_str body_message_id;
    struct bl_request *request;
    struct bl_refusal *refusal;
};

static struct bl_str header(const struct intake *intake, const char *name) {
    return bl_headers_get(&intake->message->headers, name);
}

/* What bl_wire_members_read and the look-ups return for nothing has no document. */
static bool has(struct bl_json value) {
    return value.doc != NULL;
}

static enum bl_dialect dialect_of(const struct bl_wire_members *members) {
    if (has(members->task)) {
        return BL_DIALECT_CANONICAL;
    }
    if (has(members->message)) {
        return has(bl_wire_member(members->message, BL_STR("type"))) &&
                       !has(bl_wire_member(members->message, BL_STR("message_type")))
                   ? BL_DIALECT_CONTRACT
                   : BL_DIALECT_GATEWAY;
    }
    if (has(members->message_type) || has(members->payload)) {
        return BL_DIALECT_FLAT;
    }
    return has(members->input) ? BL_DIALECT_BRIDGE : BL_DIALECT_CANONICAL;
}

static struct bl_json body_of(const struct bl_wire_members *members, enum bl_dialect dialect) {
    switch (dialect) {
    case BL_DIALECT_GATEWAY:
    case BL_DIALECT_CONTRACT:
        return members->message;
    case BL_DIALECT_BRIDGE:
        return members->input;
    case BL_DIALECT_FLAT:
        return BL_JSON_NOTHING;
    default:
        return members->task;
    }
}

/* Sets what a reply is matched by, before anything is checked: also a refusal carries it. What is
 * not usable as an id counts as not there, and the next place is asked. */
static void match(struct intake *intake, struct bl_str generated_id) {
    const struct bl_wire_members *members = &intake->members;
    struct bl_request *request = intake->request;

    request->trace_id = bl_wire_trace_id(&intake->message->headers,
                                         bl_wire_peek_id(members->trace_id, BL_WIRE_TRACE_ID_MAX));
    intake->body_message_id =
        bl_wire_peek_id(bl_json_get(intake->body, BL_STR("message_id")), BL_WIRE_ID_MAX);
    request->request_id = bl_wire_peek_id(members->request_id, BL_WIRE_ID_MAX);
    if (!bl_str_is_present(request->request_id)) {
        struct bl_str id = header(intake, "X-Request-ID");
        if (!bl_str_is_blank(id) && id.len <= BL_WIRE_ID_MAX) {
            request->request_id = id;
        }
    }
    if (!bl_str_is_present(request->request_id)) {
        request->request_id = intake->body_message_id;
    }
    if (!bl_str_is_present(request->request_id)) {
        request->request_id = bl_wire_peek_id(members->message_id, BL_WIRE_ID_MAX);
    }
    if (!bl_str_is_present(request->request_id)) {
        request->request_id = generated_id;
    }
}

static bl_result refuse_version(struct intake *intake, struct bl_str version) {
    struct bl_diag *diag =
        bl_refusal_begin(intake->refusal, BL_E_INVALID_REQUEST, BL_INTAKE_VERSION_UNSUPPORTED);

    bl_diag_path(diag, "version");
    bl_diag_message(diag, "\"%.*s\" is not supported; supported versions: 1",
                    (int)(version.len < 32 ? version.len : 32), version.data);
    return BL_FAIL(INVALID_REQUEST);
}

/* The header, else the body. The subject can only say 1 (each version has subjects of its own),
 * and that is what a version that stands nowhere means as well. */
static bl_result check_version(struct intake *intake) {
    struct bl_json value = intake->members.version;
    struct bl_str version = header(intake, "version");
    int64_t number;

    if (bl_str_is_blank(version)) {
        if (!has(value)) {
            return BL_OK;
        }
        if (bl_json_int64(value, &number)) {
            version = number == 1 ? BL_STR("1") : bl_json_source(value);
        } else if (!bl_json_string(value, &version)) {
            return bl_wire_refuse_type(intake->refusal, value, "version", "the string \"1\"");
        }
        if (bl_str_is_blank(version)) {
            return BL_OK; /* as in the header */
        }
    }
    return bl_str_equal_c(version, "1") ? BL_OK : refuse_version(intake, version);
}

static bl_result read_correlation(struct intake *intake) {
    const struct bl_wire_members *members = &intake->members;
    struct bl_request *request = intake->request;
    struct bl_refusal *refusal = intake->refusal;
    const struct {
        struct bl_json value;
        const char *path;
        struct bl_str *out;
    } ids[] = {
        {members->run_id, "run_id", &request->run_id},
        {members->flow_id, "flow_id", &request->flow_id},
        {members->step_id, "step_id", &request->step_id},
        {members->message_id, "message_id", &request->message_id},
        {members->assignment_subject, "assignment_subject", &request->assignment_subject},
        {members->notify_subject, "notify_subject", &request->notify_subject},
    };
    struct bl_str checked = BL_STR_ABSENT; /* request_id and trace_id were taken by match() */

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        if (has(ids[i].value)) {
            BL_TRY(bl_wire_id(refusal, ids[i].value, ids[i].path, BL_WIRE_ID_MAX, ids[i].out));
        }
    }
    BL_TRY(bl_wire_id(refusal, bl_wire_member(intake->body, BL_STR("message_id")),
                      "message.message_id", BL_WIRE_ID_MAX, &request->message_id));
    BL_TRY(bl_wire_id(refusal, members->request_id, "request_id", BL_WIRE_ID_MAX, &checked));
    BL_TRY(bl_wire_check_id(refusal, header(intake, "X-Request-ID"), "header X-Request-ID",
                            BL_WIRE_ID_MAX));
    BL_TRY(bl_wire_id(refusal, members->trace_id, "trace_id", BL_WIRE_TRACE_ID_MAX, &checked));
    BL_TRY(bl_wire_check_id(refusal, header(intake, "trace_id"), "header trace_id",
                            BL_WIRE_TRACE_ID_MAX));
    return bl_wire_check_id(refusal, header(intake, "X-Trace-Id"), "header X-Trace-Id",
                            BL_WIRE_TRACE_ID_MAX);
}

/* An empty key is refused: taking it for none would drop the promise that its sender relies on. */
static bl_result read_idempotency_key(struct intake *intake) {
    struct bl_str *key = &intake->request->idempotency_key;

    *key = header(intake, "idempotency_key");
    if (!bl_str_is_present(*key)) {
        *key = header(intake, "idempotency-key");
    }
    if (!bl_str_is_present(*key)) {
        BL_TRY(bl_wire_string(intake->refusal, intake->members.idempotency_key, "idempotency_key",
                              key));
    }
    if (bl_str_is_present(*key) && bl_str_is_blank(*key)) {
        struct bl_diag *diag = bl_refusal_begin(intake->refusal, BL_E_INVALID_REQUEST,
                                                BL_INTAKE_CORRELATION_FIELDS_INVALID);
        bl_diag_path(diag, "idempotency_key");
        bl_diag_message(diag, "is empty, and has to name the request: 1 to %d bytes",
                        BL_WIRE_ID_MAX);
        return BL_FAIL(INVALID_REQUEST);
    }
    return bl_wire_check_id(intake->refusal, *key, "idempotency_key", BL_WIRE_ID_MAX);
}

static bl_result read_policy_id(struct intake *intake) {
    struct bl_request *request = intake->request;
    const char *path = "policy_id";

    BL_TRY(bl_wire_string(intake->refusal, intake->members.policy_id, path, &request->policy_id));
    if (bl_str_is_blank(request->policy_id)) {
        path = "context.policy_id";
        BL_TRY(bl_wire_string(intake->refusal,
                              bl_wire_member(request->context, BL_STR("policy_id")), path,
                              &request->policy_id));
    }
    if (bl_str_is_blank(request->policy_id)) {
        request->policy_id = BL_STR_ABSENT;
        return BL_OK;
    }
    if (bl_policy_id_is_valid(request->policy_id)) {
        return BL_OK;
    }
    struct bl_diag *diag = bl_refusal_begin(intake->refusal, BL_E_INVALID_REQUEST,
                                            BL_INTAKE_CORRELATION_FIELDS_INVALID);
    bl_diag_path(diag, "%s", path);
    bl_diag_message(diag, "must be 1 to 255 bytes of [A-Za-z0-9_.:-], not \".\" or \"..\"");
    return BL_FAIL(INVALID_REQUEST);
}

static bl_result read_parts(struct intake *intake) {
    const struct bl_wire_members *members = &intake->members;
    struct bl_request *request = intake->request;
    struct bl_refusal *refusal = intake->refusal;

    BL_TRY(bl_wire_object(refusal, members->context, "context", &request->context));
    BL_TRY(bl_wire_metadata(refusal, members->metadata, "metadata", &request->metadata));
    BL_TRY(bl_wire_object(refusal, members->options, "options", &request->options));
    BL_TRY(bl_wire_object(refusal, members->constraints, "constraints", &request->constraints));
    BL_TRY(bl_wire_duration_ms(refusal, bl_json_get(request->constraints, BL_STR("max_latency_ms")),
                               "constraints.max_latency_ms", &request->max_latency_ms));
    BL_TRY(bl_wire_money(refusal, bl_json_get(request->constraints, BL_STR("max_cost")),
                         "constraints.max_cost", &request->max_cost_nano));
    BL_TRY(bl_wire_loose_bool(refusal, members->push_assignment, "push_assignment",
                              &request->push_assignment));
    BL_TRY(bl_wire_bool(refusal, members->explain, "explain", &request->explain));
    BL_TRY(bl_wire_bool(refusal, members->dry_run, "dry_run", &request->dry_run));
    BL_TRY(bl_wire_string(refusal, members->api_key, "api_key", &request->api_key));
    request->user_id = header(intake, "x-user-id");
    if (bl_str_is_blank(request->user_id)) {
        request->user_id =
            bl_wire_peek_id(bl_json_get(request->context, BL_STR("user_id")), BL_WIRE_ID_MAX);
    }
    return BL_OK;
}

static bl_result refuse_missing(struct intake *intake, const char *path, const char *hint) {
    struct bl_diag *diag =
        bl_refusal_begin(intake->refusal, BL_E_INVALID_REQUEST, BL_INTAKE_SCHEMA_VALIDATION_FAILED);

    bl_diag_path(diag, "%s", path);
    bl_diag_message(diag, "is missing");
    bl_diag_hint(diag, "%s", hint);
    return BL_FAIL(INVALID_REQUEST);
}

static bl_result read_type(struct intake *intake, struct bl_json value, const char *path) {
    struct bl_str type = BL_STR_ABSENT;

    BL_TRY(bl_wire_string(intake->refusal, value, path, &type));
    if (!bl_str_is_blank(type)) {
        intake->request->task_type = type;
    }
    return BL_OK;
}

static bl_result read_payload_ref(struct intake *intake, struct bl_json value, const char *path) {
    struct bl_str reference = BL_STR_ABSENT;

    BL_TRY(bl_wire_string(intake->refusal, value, path, &reference));
    if (!bl_str_is_blank(reference)) {
        intake->request->payload_ref = reference;
    }
    return BL_OK;
}

static bl_result read_task(struct intake *intake) {
    struct bl_request *request = intake->request;
    struct bl_json task = intake->body;

    if (!has(task)) {
        return refuse_missing(intake, "task", "say what is to be done: task{type, payload}");
    }
    BL_TRY(bl_wire_object(intake->refusal, task, "task", &request->task));
    struct bl_json type = bl_wire_member(task, BL_STR("type"));
    struct bl_str type_text;
    if (!has(type) || (bl_json_string(type, &type_text) && bl_str_is_blank(type_text))) {
        return refuse_missing(intake, "task.type", "name the kind of work, e.g. text.generate");
    }
    BL_TRY(read_type(intake, type, "task.type"));
    BL_TRY(read_payload_ref(intake, bl_json_get(task, BL_STR("payload_ref")), "task.payload_ref"));
    request->payload = bl_wire_member(task, BL_STR("payload"));
    if (!has(request->payload) && bl_str_is_blank(request->payload_ref)) {
        return refuse_missing(intake, "task.payload", "send task.payload or task.payload_ref");
    }
    return BL_OK;
}

static bl_result read_message(struct intake *intake) {
    struct bl_request *request = intake->request;
    struct bl_refusal *refusal = intake->refusal;
    bool contract = request->dialect == BL_DIALECT_CONTRACT;

    BL_TRY(bl_wire_object(refusal, intake->body, "message", &request->task));
    BL_TRY(read_type(intake,
                     bl_json_get(request->task, contract ? BL_STR("type") : BL_STR("message_type")),
                     contract ? "message.type" : "message.message_type"));
    BL_TRY(read_payload_ref(intake, bl_json_get(request->task, BL_STR("payload_ref")),
                            "message.payload_ref"));
    request->payload = bl_wire_member(request->task, BL_STR("payload"));
    return bl_wire_metadata(refusal, bl_json_get(request->task, BL_STR("metadata")),
                            "message.metadata", &request->message_metadata);
}

static bl_result read_flat(struct intake *intake) {
    const struct bl_wire_members *members = &intake->members;

    BL_TRY(read_type(intake, members->message_type, "message_type"));
    BL_TRY(read_payload_ref(intake, members->payload_ref, "payload_ref"));
    intake->request->payload = members->payload;
    return BL_OK;
}

static bl_result read_input(struct intake *intake, enum bl_wire_operation *operation) {
    struct bl_str asked = BL_STR_ABSENT;

    BL_TRY(bl_wire_object(intake->refusal, intake->body, "input", &intake->request->task));
    intake->request->payload = intake->body;
    BL_TRY(read_type(intake, bl_json_get(intake->body, BL_STR("type")), "input.type"));
    BL_TRY(bl_wire_string(intake->refusal, bl_json_get(intake->body, BL_STR("op")), "input.op",
                          &asked));
    if (bl_str_equal_c(asked, "query")) {
        *operation = BL_WIRE_GET_DECISION;
    } else if (bl_str_equal_c(asked, "cancel")) {
        *operation = BL_WIRE_CANCEL;
    }
    return BL_OK;
}

static bl_result read_work(struct intake *intake, enum bl_wire_operation *operation) {
    switch (intake->request->dialect) {
    case BL_DIALECT_GATEWAY:
    case BL_DIALECT_CONTRACT:
        return read_message(intake);
    case BL_DIALECT_FLAT:
        return read_flat(intake);
    case BL_DIALECT_BRIDGE:
        return read_input(intake, operation);
    default:
        return read_task(intake);
    }
}

bl_result bl_wire_decode_decide(const struct bl_message *message, struct bl_str generated_id,
                                const struct bl_json_limits *limits, struct bl_arena *arena,
                                struct bl_decide_request *out, struct bl_refusal *refusal) {
    struct intake intake = {.message = message, .request = &out->request, .refusal = refusal};

    out->operation = BL_WIRE_DECIDE;
    out->header_tenant = BL_STR_ABSENT;
    BL_TRY(bl_wire_read(message, generated_id, limits, arena, &out->doc, &out->request, refusal));

    bl_wire_members_read(bl_json_root(&out->doc), &intake.members);
    bl_request_init(&out->request);
    out->request.dialect = dialect_of(&intake.members);
    intake.body = body_of(&intake.members, out->request.dialect);
    match(&intake, generated_id);

    BL_TRY(bl_wire_check_headers(&message->headers, refusal));
    BL_TRY(check_version(&intake));
    BL_TRY(read_correlation(&intake));
    BL_TRY(bl_wire_string(refusal, intake.members.tenant_id, "tenant_id", &out->request.tenant_id));
    BL_TRY(bl_wire_header_tenant(&message->headers, &out->header_tenant, refusal));
    BL_TRY(read_work(&intake, &out->operation));
    BL_TRY(read_parts(&intake));
    BL_TRY(read_policy_id(&intake));
    return read_idempotency_key(&intake);
}
