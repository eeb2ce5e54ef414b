/*
 * What is known of tenants besides their names: region, tier, whatever policies ask for.
 *
 * Set by whoever runs the router (tenants.attributes), never by callers, so that a rule on
 * tenant.region cannot be talked round. Read as tenant.<name> in conditions.
 */
#ifndef BL_FLOW_TENANT_ATTRIBUTES_H
#define BL_FLOW_TENANT_ATTRIBUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct bl_tenant_attribute {
    struct bl_str tenant, name, value;
};

/* Sorted by tenant and name. Borrowed by whoever decides. */
struct bl_tenant_attributes {
    const struct bl_tenant_attribute *items;
    size_t count;
};

/* Reads "acme/region=eu" into views of the text. False if it is malformed: a tenant id, a name of
 * [A-Za-z0-9_], a value that may be empty. */
bool bl_tenant_attribute_read(struct bl_str text, struct bl_tenant_attribute *out);

/* Brings them into order; of two with one tenant and name the one given last counts, and stands
 * alone. Returns how many are left. */
size_t bl_tenant_attributes_sort(struct bl_tenant_attribute *items, size_t count);

/* The value, or the absent view. Logarithmic; any thread. */
struct bl_str bl_tenant_attribute_find(const struct bl_tenant_attributes *attributes,
                                       struct bl_str tenant, struct bl_str name);

#endif
