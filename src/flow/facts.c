/* What a policy's conditions read of a request. */
#include "flow/decide.h"

#include "expression/time_value.h"

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

static struct bl_value task_fact(const struct bl_request *request, struct bl_str path) {
    static const struct bl_str payload = {"payload.", 8};

    if (bl_str_equal_c(path, "type")) {
        return bl_value_text(request->task_type);
    }
    if (bl_str_equal_c(path, "payload_ref")) {
        return bl_value_text(request->payload_ref);
    }
    if (bl_str_equal_c(path, "payload")) {
        return bl_value_from_json(request->payload);
    }
    if (bl_str_starts_with(path, payload)) {
        struct bl_str rest = {path.data + payload.len, path.len - payload.len};
        return bl_value_from_json(bl_json_path(request->payload, rest));
    }
    return bl_value_from_json(below(request->task, path));
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
            return bl_value_text(fields[i].value);
        }
    }
    return (struct bl_value){.type = BL_VALUE_ABSENT};
}

/* The id, or what the operator has said of the tenant. */
static struct bl_value tenant_fact(const struct bl_fact_source *source, struct bl_str path) {
    if (bl_str_is_blank(path) || bl_str_equal_c(path, "id")) {
        return bl_value_text(source->tenant_id);
    }
    return bl_value_text(bl_tenant_attribute_find(source->attributes, source->tenant_id, path));
}

/* What stands at `path` below a root. */
static struct bl_value value_at(enum bl_fact_root root, struct bl_str path,
                                const struct bl_fact_source *source) {
    const struct bl_request *request = source->request;

    switch (root) {
    case BL_FACT_PLAIN:
        return bl_value_from_json(anywhere(request, path));
    case BL_FACT_CONTEXT:
        return bl_value_from_json(below(request->context, path));
    case BL_FACT_METADATA:
        return bl_value_from_json(in_metadata(request, path));
    case BL_FACT_CONSTRAINTS:
        return bl_value_from_json(below(request->constraints, path));
    case BL_FACT_TASK:
        return task_fact(request, path);
    case BL_FACT_TENANT:
        return tenant_fact(source, path);
    case BL_FACT_REQUEST:
        return request_fact(request, path);
    case BL_FACT_ATTEMPT: /* status and provider belong to an attempt that has failed */
        if (bl_str_equal_c(path, "number")) {
            return bl_value_int(source->attempt);
        }
        if (bl_str_equal_c(path, "status")) {
            return bl_value_text(source->attempt_status);
        }
        if (bl_str_equal_c(path, "provider")) {
            return bl_value_text(source->attempt_provider);
        }
        break;
    case BL_FACT_NOW:
        return bl_timestamp_from_ns(source->now_ns);
    }
    return (struct bl_value){.type = BL_VALUE_ABSENT};
}

/* A variable that the request was sent without is empty, not absent. */
static bool is_whole_variable(const struct bl_fact *fact) {
    return fact->rest.len == 0 &&
           (fact->root == BL_FACT_CONTEXT || fact->root == BL_FACT_METADATA ||
            fact->root == BL_FACT_CONSTRAINTS || fact->root == BL_FACT_TASK);
}

static struct bl_str parent_path(struct bl_str path) {
    const char *dot = memrchr(path.data, '.', path.len);
    return (struct bl_str){path.data, dot == NULL ? 0 : (size_t)(dot - path.data)};
}

struct bl_value bl_flow_fact(const struct bl_fact *fact, const struct bl_fact_source *source) {
    struct bl_value value = value_at(fact->root, fact->rest, source);
    struct bl_str above = parent_path(fact->rest);

    if (value.type == BL_VALUE_ABSENT && is_whole_variable(fact)) {
        value.type = BL_VALUE_MAP;
    }
    if (fact->projection == BL_PROJECTION_HAS && above.len > 0) {
        struct bl_value parent = value_at(fact->root, above, source);
        return bl_project(fact->projection, &value, &parent);
    }
    return bl_project(fact->projection, &value, NULL);
}

bl_result bl_flow_facts(const struct bl_policy *policy, const struct bl_fact_source *source,
                        struct bl_arena *arena, const struct bl_value **out) {
    struct bl_value *values = NULL;

    if (policy->fact_count > 0) {
        values = bl_arena_alloc(arena, policy->fact_count * sizeof(*values));
        if (values == NULL) {
            return BL_FAIL(RESOURCE_EXHAUSTED);
        }
    }
    for (uint16_t i = 0; i < policy->fact_count; i++) {
        values[i] = bl_flow_fact(&policy->facts[i], source);
    }
    *out = values;
    return BL_OK;
}
