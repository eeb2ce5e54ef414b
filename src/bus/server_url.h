/*
 * Checks the URL of a server before libnats sees it, because libnats says no more than "invalid
 * argument", and only at the first attempt to connect. Pure.
 */
#ifndef BL_BUS_SERVER_URL_H
#define BL_BUS_SERVER_URL_H

#include <stdbool.h>

#include "base/diag.h"
#include "base/result.h"
#include "base/str.h"

/* `[nats://|tls://]host[:port]`, host a name, an IPv4 address or an IPv6 address in brackets, port
 * 1..65535. User and password in the URL are refused: secrets come by reference. Fails with
 * INVALID_REQUEST; `diag` says what is wrong. `out_is_tls` may be NULL. */
BL_MUST_USE bl_result bl_server_url_check(struct bl_str url, bool *out_is_tls,
                                          struct bl_diag *diag);

#endif
