/*
 * Whether a TLS connection can be read without waiting.
 *
 * libnats 3.4.1 waits inside its read when a TLS record has arrived in part, and would hold the
 * loop for as long as the rest takes. The header of a record is not encrypted, so its length can
 * be looked at first: RFC 8446 §5.1 (type, version, length: 1 + 2 + 2 bytes).
 */
#ifndef BL_BUS_TLS_RECORD_H
#define BL_BUS_TLS_RECORD_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the whole record that starts with `header`, of which `len` are known; 5, enough to
 * know more, while the header is incomplete. Pure. */
size_t bl_tls_record_bytes(const unsigned char *header, size_t len);

/* True if a whole record waits in the socket, or its end or an error does, or if the socket's
 * memory is half full: then the sender may be waiting for us, and has the rest ready. Otherwise
 * sets the socket's low-water mark, so that it counts as readable only when the rest is there. The
 * caller asks again after a few milliseconds all the same, because nothing announces that the
 * memory fills. */
bool bl_tls_record_is_complete(int fd);

#endif
