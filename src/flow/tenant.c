#include "flow/tenant.h"

#include "policy/compile.h"

/* Joins the name that one more place gives; false if it differs from the one found before. */
static bool agree(struct bl_str *tenant, struct bl_str named) {
    if (bl_str_is_blank(named)) {
        return true;
    }
    if (bl_str_is_blank(*tenant)) {
        *tenant = named;
        return true;
    }
    return bl_str_compare(*tenant, named) == 0;
}

static bool is_listed(const struct bl_tenant_rule *rule, struct bl_str tenant) {
    size_t low = 0;
    size_t high = rule->listed_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = bl_str_compare(rule->listed[middle], tenant);
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

bl_result bl_tenant_resolve(const struct bl_tenant_rule *rule, struct bl_str subject_tenant,
                            struct bl_str header_tenant, struct bl_str body_tenant,
                            struct bl_str *tenant, struct bl_refusal *refusal) {
    struct bl_str found = BL_STR_ABSENT;
    struct bl_diag *diag;

    if (!bl_str_is_blank(subject_tenant) && !bl_tenant_id_is_valid(subject_tenant, false)) {
        diag =
            bl_refusal_begin(refusal, BL_E_INVALID_REQUEST, BL_INTAKE_CORRELATION_FIELDS_INVALID);
        bl_diag_path(diag, "tenant_id");
        bl_diag_message(diag, "the subject does not spell a tenant id");
        bl_diag_hint(diag, "write each byte outside [A-Za-z0-9_-] as =HH in capitals, no other");
        return BL_FAIL(INVALID_REQUEST);
    }
    if (!agree(&found, subject_tenant) || !agree(&found, header_tenant) ||
        !agree(&found, body_tenant)) {
        diag = bl_refusal_begin(refusal, BL_E_FORBIDDEN, BL_INTAKE_TENANT_FORBIDDEN);
        bl_diag_path(diag, "tenant_id");
        bl_diag_message(diag, "subject, header and body do not name the same tenant");
        bl_diag_hint(diag, "name the tenant in one place, or the same one everywhere");
        return BL_FAIL(FORBIDDEN);
    }
    if (bl_str_is_blank(found)) {
        diag =
            bl_refusal_begin(refusal, BL_E_INVALID_REQUEST, BL_INTAKE_CORRELATION_FIELDS_INVALID);
        bl_diag_path(diag, "tenant_id");
        bl_diag_message(diag, "is missing");
        bl_diag_hint(diag, "name the tenant in the body, in the header tenant_id, or by its "
                           "tenant-scoped subject");
        return BL_FAIL(INVALID_REQUEST);
    }
    if (!bl_tenant_id_is_valid(found, false)) {
        diag =
            bl_refusal_begin(refusal, BL_E_INVALID_REQUEST, BL_INTAKE_CORRELATION_FIELDS_INVALID);
        bl_diag_path(diag, "tenant_id");
        bl_diag_message(diag, "must be 1 to 255 bytes of [A-Za-z0-9_.:-], not \".\" or \"..\"");
        return BL_FAIL(INVALID_REQUEST);
    }
    if (bl_str_is_blank(subject_tenant) && !rule->believe_all && !is_listed(rule, found)) {
        diag = bl_refusal_begin(refusal, BL_E_UNAUTHORIZED, BL_INTAKE_TENANT_FORBIDDEN);
        bl_diag_path(diag, "tenant_id");
        bl_diag_message(diag, "is not believed on a shared subject without a credential");
        bl_diag_hint(diag, "send to the tenant's own subject, or have the tenant listed in "
                           "nats.shared_subject_tenants");
        return BL_FAIL(UNAUTHORIZED);
    }
    *tenant = found;
    return BL_OK;
}
