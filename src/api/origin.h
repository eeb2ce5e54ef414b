/*
 * Requests that a browser was talked into.
 *
 * Who may reach the listener of operators may administer, so pages that the operator's browser shows
 * must not: neither by a request to this address (its Origin gives it away), nor under a name that
 * was made to point here (then the Host is a name).
 */
#ifndef BL_API_ORIGIN_H
#define BL_API_ORIGIN_H

#include <stdbool.h>

#include "wire/message.h"

/* NULL when the request is the operator's own; else why it is not, with what to do. `is_unix`: it came
 * over a Unix socket, which no browser can open, and under any Host. */
const char *bl_api_check_origin(const struct bl_headers *headers, bool is_unix);

#endif
