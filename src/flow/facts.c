/* What a policy's conditions read of a request. */
#include "flow/decide.h"

static struct bl_value string_value(struct bl_str text) {
    if (!bl_str_is_present(text)) {
        return (struct bl_value){.type = BL_VALUE_ABSENT};
    }
    return (struct bl_value){
        .type = BL_VALUE_STRING, .count = (uint32_t)text.len, .as.string = text.data};
}

/* An empty path is the object itself. */
static struct bl_json below(struct bl_json object, struct bl_str path) {
    return bl_str_is_blank(path) ? object : bl_json_path(object, path);
}

/* A gateway can only attach metadata to its message, so that counts as metadata too. */
static struct bl_json in_metadata(const struct bl_request *request, struct bl_str path) {
    struct bl_json value = below(request->metadata, path);

    return bl_json_is(value, BL_JSON_ABSENT) ? below(request->message_metadata, path) : value;
}

static struct bl_json anywhere(const struct bl_request *request, struct bl_str path) {
    struct bl_json value = bl_json_path(request->context, path);

    if (bl_json_is(value, BL_JSON_ABSENT)) {
        value = in_metadata(request, path);
    }
    return bl_json_is(value, BL_JSON_ABSENT) ? bl_json_path(request->constraints, path) : value;
}

static bl_result task_fact(const struct bl_request *request, struct bl_str path,
                           struct bl_arena *arena, struct bl_value *out) {
    static const struct bl_str payload = {"payload.", 8};

    if (bl_str_equal_c(path, "type")) {
        *out = string_value(request->task_type);
        return BL_OK;
    }
    if (bl_str_equal_c(path, "payload_ref")) {
        *out = string_value(request->payload_ref);
        return BL_OK;
    }
    if (bl_str_equal_c(path, "payload")) {
        return bl_value_from_json(request->payload, arena, out);
    }
    if (bl_str_starts_with(path, payload)) {
        struct bl_str rest = {path.data + payload.len, path.len - payload.len};
        return bl_value_from_json(bl_json_path(request->payload, rest), arena, out);
    }
    return bl_value_from_json(below(request->task, path), arena, out);
}

static struct bl_value request_fact(const struct bl_request *request, struct bl_str path) {
    const struct {
        struct bl_str name;
        struct bl_str value;
    } fields[] = {
        {BL_STR("id"), request->request_id},   {BL_STR("run_id"), request->run_id},
        {BL_STR("flow_id"), request->flow_id}, {BL_STR("step_id"), request->step_id},
        {BL_STR("user"), request->user_id},
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (bl_str_equal(fields[i].name, path)) {
            return string_value(fields[i].value);
        }
    }
    return (struct bl_value){.type = BL_VALUE_ABSENT};
}

static bl_result resolve(const struct bl_fact *fact, const struct bl_request *request,
                         struct bl_str tenant_id, uint32_t attempt, struct bl_arena *arena,
                         struct bl_value *out) {
    *out = (struct bl_value){.type = BL_VALUE_ABSENT};
    switch (fact->root) {
    case BL_FACT_PLAIN:
        return bl_value_from_json(anywhere(request, fact->rest), arena, out);
    case BL_FACT_CONTEXT:
        return bl_value_from_json(below(request->context, fact->rest), arena, out);
    case BL_FACT_METADATA:
        return bl_value_from_json(in_metadata(request, fact->rest), arena, out);
    case BL_FACT_CONSTRAINTS:
        return bl_value_from_json(below(request->constraints, fact->rest), arena, out);
    case BL_FACT_TASK:
        return task_fact(request, fact->rest, arena, out);
    case BL_FACT_TENANT:
        if (bl_str_is_blank(fact->rest) || bl_str_equal_c(fact->rest, "id")) {
            *out = string_value(tenant_id);
        }
        return BL_OK;
    case BL_FACT_REQUEST:
        *out = request_fact(request, fact->rest);
        return BL_OK;
    case BL_FACT_ATTEMPT: /* status and provider belong to an attempt that has failed */
        if (bl_str_equal_c(fact->rest, "number")) {
            *out = (struct bl_value){.type = BL_VALUE_INT, .as.integer = attempt};
        }
        return BL_OK;
    }
    return BL_OK;
}

bl_result bl_flow_facts(const struct bl_policy *policy, const struct bl_request *request,
                        struct bl_str tenant_id, uint32_t attempt, struct bl_arena *arena,
                        const struct bl_value **out) {
    struct bl_value *values = NULL;

    if (policy->fact_count > 0) {
        values = bl_arena_alloc(arena, policy->fact_count * sizeof(*values));
        if (values == NULL) {
            return BL_FAIL(RESOURCE_EXHAUSTED);
        }
    }
    for (uint16_t i = 0; i < policy->fact_count; i++) {
        BL_TRY(resolve(&policy->facts[i], request, tenant_id, attempt, arena, &values[i]));
    }
    *out = values;
    return BL_OK;
}
