/*
 * How a subject spells a tenant: every byte outside [A-Za-z0-9_-] as =HH with capital digits, every
 * other byte as it is. A tenant has exactly one token, so that a permission on one subject is a
 * permission on the tenant. Pure.
 */
#ifndef BL_WIRE_TENANT_TOKEN_H
#define BL_WIRE_TENANT_TOKEN_H

#include <stdbool.h>

#include "base/buf.h"

/* Appends the tenant that the token spells to `out`. False if the token is empty, is not the one
 * spelling of its tenant, or does not fit; then what was appended means nothing. */
bool bl_tenant_token_read(struct bl_str token, struct bl_buf *out);

/* Appends the one spelling of any id: what is not in [A-Za-z0-9_-] as =HH. */
void bl_tenant_token_write(struct bl_str id, struct bl_buf *out);

#endif
