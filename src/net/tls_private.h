/* The TLS of one stream, between its bytes and those of the socket. Private to this folder. */
#ifndef BL_NET_TLS_PRIVATE_H
#define BL_NET_TLS_PRIVATE_H

#include "base/str.h"
#include "net/tls.h"

struct bl_tls;

/* `put(user, bytes)` takes what goes to the socket. NULL: no memory. */
struct bl_tls *bl_tls_create(struct bl_tls_context *context,
                             bool (*put)(void *user, struct bl_str bytes), void *user);
void bl_tls_destroy(struct bl_tls *tls); /* NULL is fine */

#define BL_TLS_PLAIN_BYTES (65536 + 32768) /* what one read of 64 KiB can turn into */

enum bl_tls_state {
    BL_TLS_GOOD,
    BL_TLS_ENDED, /* the peer said that it sends no more */
    BL_TLS_FAILED,
};

/* Takes all bytes that were read from the socket; what they say is written to `plain`, which has
 * BL_TLS_PLAIN_BYTES. */
enum bl_tls_state bl_tls_read(struct bl_tls *tls, struct bl_str bytes, char *plain,
                              size_t *plain_len);

/* Encrypts all bytes. False: the stream is broken. */
bool bl_tls_write(struct bl_tls *tls, struct bl_str bytes);

/* Says that no more is sent. */
void bl_tls_finish(struct bl_tls *tls);

bool bl_tls_is_established(const struct bl_tls *tls);

#endif
