/*
 * Whose request is it?
 *
 * A tenant may be named by the subject it was sent to, by a header and by the body. If two differ,
 * the request is refused. A name in the subject is bound by the broker's permissions; any other
 * name on a shared subject is only believed if the configuration lists the tenant (no caller can
 * prove itself on a shared subject without a credential).
 */
#ifndef BL_FLOW_TENANT_H
#define BL_FLOW_TENANT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "flow/request.h"

struct bl_tenant_rule {
    bool believe_all;            /* dev profile */
    const struct bl_str *listed; /* nats.shared_subject_tenants, sorted by bytes */
    size_t listed_count;
};

/* Sets `*tenant` to the request's tenant (a view into one of the arguments). Absent and empty
 * names do not count. Errors, with `refusal` filled: INVALID_REQUEST (CORRELATION_FIELDS_INVALID)
 * when no place names one or the name is not a tenant id; FORBIDDEN (TENANT_FORBIDDEN) when two
 * differ; UNAUTHORIZED (TENANT_FORBIDDEN) when it is not believed. */
BL_MUST_USE bl_result bl_tenant_resolve(const struct bl_tenant_rule *rule,
                                        struct bl_str subject_tenant, struct bl_str header_tenant,
                                        struct bl_str body_tenant, struct bl_str *tenant,
                                        struct bl_refusal *refusal);

#endif
