#include "wire/request_headers.h"

bl_result bl_wire_check_headers(const struct bl_headers *headers, struct bl_refusal *refusal) {
    static const struct {
        const char *name;
        enum bl_error error;
        enum bl_intake_code intake_code;
    } single[] = {
        {"version", BL_E_INVALID_REQUEST, BL_INTAKE_VERSION_UNSUPPORTED},
        {"tenant_id", BL_E_FORBIDDEN, BL_INTAKE_TENANT_FORBIDDEN},
        {"X-Tenant-ID", BL_E_FORBIDDEN, BL_INTAKE_TENANT_FORBIDDEN},
        {"X-Request-ID", BL_E_INVALID_REQUEST, BL_INTAKE_CORRELATION_FIELDS_INVALID},
        {"trace_id", BL_E_INVALID_REQUEST, BL_INTAKE_CORRELATION_FIELDS_INVALID},
        {"X-Trace-Id", BL_E_INVALID_REQUEST, BL_INTAKE_CORRELATION_FIELDS_INVALID},
        {"idempotency_key", BL_E_INVALID_REQUEST, BL_INTAKE_CORRELATION_FIELDS_INVALID},
        {"idempotency-key", BL_E_INVALID_REQUEST, BL_INTAKE_CORRELATION_FIELDS_INVALID},
        {"x-user-id", BL_E_INVALID_REQUEST, BL_INTAKE_CORRELATION_FIELDS_INVALID},
    };

    for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
        if (bl_headers_conflict(headers, single[i].name)) {
            struct bl_diag *diag =
                bl_refusal_begin(refusal, single[i].error, single[i].intake_code);
            bl_diag_path(diag, "header %s", single[i].name);
            bl_diag_message(diag, "stands there more than once, with different values");
            bl_diag_hint(diag, "send it once");
            return (bl_result){single[i].error};
        }
    }
    return BL_OK;
}

bl_result bl_wire_header_tenant(const struct bl_headers *headers, struct bl_str *out,
                                struct bl_refusal *refusal) {
    struct bl_str named = bl_headers_get(headers, "tenant_id");
    struct bl_str other = bl_headers_get(headers, "X-Tenant-ID");

    if (!bl_str_is_blank(named) && !bl_str_is_blank(other) && bl_str_compare(named, other) != 0) {
        struct bl_diag *diag =
            bl_refusal_begin(refusal, BL_E_FORBIDDEN, BL_INTAKE_TENANT_FORBIDDEN);
        bl_diag_path(diag, "tenant_id");
        bl_diag_message(diag, "the headers tenant_id and X-Tenant-ID do not name the same tenant");
        return BL_FAIL(FORBIDDEN);
    }
    *out = bl_str_is_blank(named) ? other : named;
    return BL_OK;
}
