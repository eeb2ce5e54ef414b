#include "app/sockets.h"

static bl_result open_one(struct bl_str address, unsigned wanted,
                          struct bl_inheritance *inheritance, struct bl_socket_set *out,
                          struct bl_diag *diag) {
    if (bl_inheritance_take(inheritance, address.data, out)) {
        return BL_OK;
    }
    return bl_socket_set_open(address.data, wanted, out, diag);
}

bl_result bl_sockets_open(const struct bl_config *config, unsigned workers,
                          struct bl_inheritance *inheritance, struct bl_sockets *out,
                          struct bl_diag *diag) {
    const struct {
        const char *path;
        const struct bl_text_list *addresses;
        unsigned wanted;
    } kinds[BL_SOCKETS_KINDS] = {
        [BL_SOCKETS_PLAIN] = {"http.listen", &config->http.listen, workers},
        [BL_SOCKETS_TLS] = {"http.tls_listen", &config->http.tls_listen, workers},
        [BL_SOCKETS_OPERATORS] = {"http.ops_listen", &config->http.ops_listen, 1},
    };

    for (int k = 0; k < BL_SOCKETS_KINDS; k++) {
        for (size_t i = 0; i < kinds[k].addresses->count; i++) {
            bl_diag_path(diag, "%s[%zu]", kinds[k].path, i);
            if (out->count == BL_HANDOVER_SETS_MAX) {
                bl_diag_message(diag, "more than %d addresses in all", BL_HANDOVER_SETS_MAX);
                return BL_FAIL(INVALID_REQUEST);
            }
            BL_TRY(open_one(kinds[k].addresses->items[i], kinds[k].wanted, inheritance,
                            &out->sets[out->count], diag));
            out->kinds[out->count++] = (enum bl_socket_kind)k;
        }
    }
    bl_diag_path(diag, "%s", "");
    return BL_OK;
}

void bl_sockets_close(struct bl_sockets *sockets) {
    for (unsigned i = 0; i < sockets->count; i++) {
        bl_socket_set_close(&sockets->sets[i]);
    }
}
