/*
 * Headers that say whose request it is and which one, the same for every operation. Pure.
 */
#ifndef BL_WIRE_REQUEST_HEADERS_H
#define BL_WIRE_REQUEST_HEADERS_H

#include "flow/request.h"
#include "wire/message.h"

/* What names or versions a request may stand twice, but not with two values: whoever guards the way
 * here may have looked at the other one. Errors, with `refusal` filled: FORBIDDEN for tenants, else
 * INVALID_REQUEST. */
BL_MUST_USE bl_result bl_wire_check_headers(const struct bl_headers *headers,
                                            struct bl_refusal *refusal);

/* The tenant that tenant_id or X-Tenant-ID names, a view into the headers; absent or blank if
 * neither does. Errors, with `refusal` filled: FORBIDDEN if they differ. */
BL_MUST_USE bl_result bl_wire_header_tenant(const struct bl_headers *headers, struct bl_str *out,
                                            struct bl_refusal *refusal);

#endif
