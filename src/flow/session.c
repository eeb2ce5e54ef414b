/* Which session a request belongs to. */
#include "base/siphash.h"
#include "flow/decide.h"

/* A scalar with its type, so that 1 and "1" are two sessions, and 1 and 1.0 are one. */
struct scalar {
    uint8_t type;
    union {
        int64_t integer;
        double number;
        uint8_t boolean;
    } as;
    const void *bytes;
    size_t len;
};

static bool scalar_of(struct bl_json value, struct scalar *out) {
    bool boolean;
    struct bl_str text;

    out->type = BL_VALUE_ABSENT;
    out->bytes = &out->as;
    out->len = sizeof(out->as);
    if (bl_json_string(value, &text)) {
        if (bl_str_is_blank(text)) {
            return false; /* names nobody: all the anonymous are no session */
        }
        out->type = BL_VALUE_STRING;
        out->bytes = text.data;
        out->len = text.len;
    } else if (bl_json_int64(value, &out->as.integer)) {
        out->type = BL_VALUE_INT;
    } else if (bl_json_bool(value, &boolean)) {
        out->type = BL_VALUE_BOOL;
        out->as.boolean = boolean ? 1 : 0;
        out->len = sizeof(out->as.boolean);
    } else if (bl_json_is(value, BL_JSON_UINT)) {
        out->type = BL_VALUE_UINT; /* by its digits: there is one way to write it */
        out->bytes = bl_json_source(value).data;
        out->len = bl_json_source(value).len;
    } else if (bl_json_double(value, &out->as.number)) {
        out->type = BL_VALUE_DOUBLE;
    }
    return out->type != BL_VALUE_ABSENT;
}

static bool find_scalar(const struct bl_request *request, struct bl_str key, struct scalar *out) {
    return scalar_of(bl_json_get(request->context, key), out) ||
           scalar_of(bl_json_get(request->metadata, key), out) ||
           scalar_of(bl_json_get(request->message_metadata, key), out);
}

bool bl_flow_session(const struct bl_policy *policy, const struct bl_request *request,
                     struct bl_str tenant_id, const uint8_t key[16], uint64_t out[2]) {
    struct bl_siphash state;
    struct scalar session;

    if (!policy->sticky.enabled || !find_scalar(request, policy->sticky.session_key, &session)) {
        return false;
    }
    bl_siphash_begin128(&state, key);
    bl_siphash_add_piece(&state, tenant_id.data, tenant_id.len);
    bl_siphash_add_piece(&state, policy->policy_id.data, policy->policy_id.len);
    bl_siphash_add(&state, &session.type, sizeof(session.type));
    bl_siphash_add(&state, session.bytes, session.len);
    bl_siphash_end128(&state, out);
    return true;
}
