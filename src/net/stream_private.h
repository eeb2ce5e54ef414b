/* Making streams. Private to this folder. */
#ifndef BL_NET_STREAM_PRIVATE_H
#define BL_NET_STREAM_PRIVATE_H

#include <uv.h>

#include "net/stream.h"

/* Accepts the connection that waits at `server`; NULL when there is none after all, or no memory. */
struct bl_stream *bl_stream_accept(uv_stream_t *server, bool is_unix);

#endif
