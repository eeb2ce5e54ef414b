#include "flow/tenant_attributes.h"

#include "policy/compile.h"

static bool is_name(struct bl_str name) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!is_letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return name.len > 0;
}

bool bl_tenant_attribute_read(struct bl_str text, struct bl_tenant_attribute *out) {
    const char *slash = memchr(text.data, '/', text.len);
    const char *equals =
        slash == NULL ? NULL : memchr(slash, '=', text.len - (size_t)(slash - text.data));

    if (equals == NULL) {
        return false;
    }
    out->tenant = (struct bl_str){text.data, (size_t)(slash - text.data)};
    out->name = (struct bl_str){slash + 1, (size_t)(equals - slash - 1)};
    out->value = (struct bl_str){equals + 1, text.len - (size_t)(equals + 1 - text.data)};
    return bl_tenant_id_is_valid(out->tenant, false) && is_name(out->name);
}

static int order(const struct bl_tenant_attribute *item, struct bl_str tenant, struct bl_str name) {
    int by_tenant = bl_str_compare(item->tenant, tenant);
    return by_tenant != 0 ? by_tenant : bl_str_compare(item->name, name);
}

size_t bl_tenant_attributes_sort(struct bl_tenant_attribute *items, size_t count) {
    size_t kept = 0;

    /* Insertion: configurations hold few, mostly in order, and equals must not change places. */
    for (size_t i = 0; i < count; i++) {
        struct bl_tenant_attribute item = items[i];
        size_t at = kept;
        while (at > 0 && order(&items[at - 1], item.tenant, item.name) > 0) {
            at--;
        }
        if (at > 0 && order(&items[at - 1], item.tenant, item.name) == 0) {
            items[at - 1] = item;
            continue;
        }
        memmove(&items[at + 1], &items[at], (kept - at) * sizeof(*items));
        items[at] = item;
        kept++;
    }
    return kept;
}

struct bl_str bl_tenant_attribute_find(const struct bl_tenant_attributes *attributes,
                                       struct bl_str tenant, struct bl_str name) {
    size_t low = 0;
    size_t high = attributes == NULL ? 0 : attributes->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int compared = order(&attributes->items[middle], tenant, name);
        if (compared == 0) {
            return attributes->items[middle].value;
        }
        if (compared < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return BL_STR_ABSENT;
}
