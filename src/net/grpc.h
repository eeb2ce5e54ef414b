/*
 * gRPC on top of HTTP/2 (the PROTOCOL-HTTP2 document of gRPC): message framing, deadlines, status texts
 * and compression. Pure functions over bytes; whoever handles a request of content type
 * application/grpc calls them.
 */
#ifndef BL_NET_GRPC_H
#define BL_NET_GRPC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define BL_GRPC_PREFIX_BYTES 5 /* of each message: compressed or not, and its length */

/* Status codes (google.rpc.Code) that the protocol itself needs; the others stand in the error
 * table (base/result.h). */
enum bl_grpc_status {
    BL_GRPC_OK = 0,
    BL_GRPC_INVALID_ARGUMENT = 3,
    BL_GRPC_DEADLINE_EXCEEDED = 4,
    BL_GRPC_NOT_FOUND = 5,
    BL_GRPC_UNIMPLEMENTED = 12,
    BL_GRPC_UNAVAILABLE = 14,
};

/* "application/grpc", "application/grpc+proto", with parameters or without. Other codecs, such as
 * "+json", are not spoken here. */
bool bl_grpc_is_spoken(struct bl_str content_type);

enum bl_grpc_read {
    BL_GRPC_READ,       /* there is a message */
    BL_GRPC_INCOMPLETE, /* more bytes are needed */
    BL_GRPC_TOO_LARGE,  /* its length is above the limit */
    BL_GRPC_MALFORMED,  /* the first byte is neither 0 nor 1 */
};

/* The message at the beginning of `bytes`. `*message` is a view, still compressed if
 * `*is_compressed`; `*taken` is how many bytes it takes with its prefix. */
enum bl_grpc_read bl_grpc_read_message(struct bl_str bytes, size_t max_bytes,
                                       struct bl_str *message, bool *is_compressed, size_t *taken);

/* Writes the prefix of a message of `len` bytes that is not compressed. */
void bl_grpc_write_prefix(uint8_t out[BL_GRPC_PREFIX_BYTES], size_t len);

/* Unpacks a gzip member into `out`. False: it is none, or it does not fit. */
bool bl_grpc_gunzip(struct bl_str packed, struct bl_buf *out);

/* "250m" of the header grpc-timeout as nanoseconds; at most 8 digits and a unit of H M S m u n. False:
 * it is not one. */
bool bl_grpc_read_timeout(struct bl_str value, uint64_t *out_ns);

/* Appends a text as grpc-message carries it: bytes outside of space to ~, and %, as %HH. What does
 * not fit is left out. */
void bl_grpc_write_message(struct bl_str text, struct bl_buf *out);

/* Appends bytes as a header ending in -bin carries them: base64 without padding. */
void bl_grpc_write_binary(struct bl_str bytes, struct bl_buf *out);

#endif
