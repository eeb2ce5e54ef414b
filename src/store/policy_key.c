#include "store/policy_key.h"

#include <assert.h>

#include "base/buf.h"
#include "policy/compile.h"

struct bl_str bl_policy_key_make(struct bl_policy_key *key, struct bl_str tenant_id,
                                 struct bl_str policy_id) {
    struct bl_buf buf;

    assert(bl_tenant_id_is_valid(tenant_id, true));
    assert(!bl_str_is_present(policy_id) || bl_policy_id_is_valid(policy_id));
    bl_buf_init(&buf, key->data, sizeof(key->data));
    bl_buf_literal(&buf, BL_POLICY_KEY_PREFIX);
    bl_buf_str(&buf, bl_str_equal_c(tenant_id, "*") ? BL_STR(BL_POLICY_KEY_SHARED) : tenant_id);
    bl_buf_char(&buf, '/');
    bl_buf_str(&buf, policy_id);
    key->len = buf.len;
    return bl_buf_view(&buf);
}

bool bl_policy_key_read(struct bl_str key, struct bl_str *tenant_id, struct bl_str *policy_id) {
    struct bl_str prefix = BL_STR(BL_POLICY_KEY_PREFIX);
    const char *slash;

    if (!bl_str_starts_with(key, prefix)) {
        return false;
    }
    struct bl_str rest = {key.data + prefix.len, key.len - prefix.len};
    slash = rest.len == 0 ? NULL : memchr(rest.data, '/', rest.len);
    if (slash == NULL) {
        return false;
    }
    *tenant_id = (struct bl_str){rest.data, (size_t)(slash - rest.data)};
    *policy_id = (struct bl_str){slash + 1, rest.len - tenant_id->len - 1};
    if (bl_str_equal_c(*tenant_id, BL_POLICY_KEY_SHARED)) {
        *tenant_id = BL_STR("*");
    }
    return bl_tenant_id_is_valid(*tenant_id, true) && bl_policy_id_is_valid(*policy_id) &&
           !(bl_str_equal_c(*tenant_id, "*") && rest.data[0] == '*');
}
