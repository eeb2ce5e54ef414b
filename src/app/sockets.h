/* The listening sockets of a router, by what is served on them. Opened before anybody accepts. */
#ifndef BL_APP_SOCKETS_H
#define BL_APP_SOCKETS_H

#include "app/config.h"
#include "net/handover.h"

enum bl_socket_kind { BL_SOCKETS_PLAIN, BL_SOCKETS_TLS, BL_SOCKETS_OPERATORS, BL_SOCKETS_KINDS };

struct bl_sockets {
    struct bl_socket_set sets[BL_HANDOVER_SETS_MAX];
    enum bl_socket_kind kinds[BL_HANDOVER_SETS_MAX];
    unsigned count;
};

/* Takes the sockets of each configured address from the inheritance, else opens them; for `workers`
 * workers. Errors: INVALID_REQUEST, with the setting as path. */
BL_MUST_USE bl_result bl_sockets_open(const struct bl_config *config, unsigned workers,
                                      struct bl_inheritance *inheritance, struct bl_sockets *out,
                                      struct bl_diag *diag);
void bl_sockets_close(struct bl_sockets *sockets);

#endif
