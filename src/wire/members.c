#include "wire/members.h"

#include <string.h>

static struct bl_json *member_named(struct bl_wire_members *members, struct bl_str key) {
    /* The lengths are constants, so each comparison is one or two words. */
#define X(name, length)                                                                            \
    _Static_assert(sizeof(#name) - 1 == (length), "the length of " #name);                         \
    if (key.len == (length) && memcmp(key.data, #name, (length)) == 0) {                           \
        return &members->name;                                                                     \
    }
    BL_WIRE_MEMBER_MAP(X)
#undef X
    return NULL;
}

void bl_wire_members_read(struct bl_json object, struct bl_wire_members *members) {
    struct bl_json_iter it = bl_json_iter(object);

    *members = (struct bl_wire_members){.task = BL_JSON_NOTHING};
    while (bl_json_next(&it)) {
        struct bl_json *member = member_named(members, it.key);
        if (member != NULL && !bl_json_is(it.value, BL_JSON_NULL)) {
            *member = it.value;
        }
    }
}
