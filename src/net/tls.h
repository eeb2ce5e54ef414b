/*
 * TLS of a server, over OpenSSL: what certificate it shows, which clients it lets in, what it speaks.
 *
 * TLS 1.2 with forward secrecy and authenticated ciphers only, and 1.3; no compression, no
 * renegotiation; ALPN offers HTTP/2, then HTTP/1.1. A context is read whole from its files and never
 * changes: a new certificate is a new context, used by the connections that come from then on. It may
 * be used by many threads; the last holder frees it.
 */
#ifndef BL_NET_TLS_H
#define BL_NET_TLS_H

#include "base/diag.h"
#include "base/result.h"
#include "net/stream.h"

struct bl_tls_context;

enum bl_tls_clients { BL_TLS_CLIENTS_NONE, BL_TLS_CLIENTS_OPTIONAL, BL_TLS_CLIENTS_REQUIRED };

/* Paths to PEM files. */
struct bl_tls_config {
    const char *certificate_file; /* the server's, then those that lead to its authority */
    const char *key_file;
    const char *client_ca_file; /* authorities of clients; NULL unless clients show certificates */
    enum bl_tls_clients clients;
};

/* Errors: INVALID_REQUEST with file and cure; RESOURCE_EXHAUSTED. The caller is the first holder. */
BL_MUST_USE bl_result bl_tls_context_create(const struct bl_tls_config *config,
                                            struct bl_tls_context **out, struct bl_diag *diag);
struct bl_tls_context *bl_tls_context_hold(struct bl_tls_context *context);
void bl_tls_context_release(struct bl_tls_context *context); /* NULL is fine */

/* When the certificate ends, in seconds since 1970. */
int64_t bl_tls_context_ends_s(const struct bl_tls_context *context);

/* Has an accepted stream speak TLS; before bl_stream_listen. Whoever listens sees what was encrypted,
 * once the handshake is over. False: no memory; the stream is as before. */
BL_MUST_USE bool bl_stream_encrypt(struct bl_stream *stream, struct bl_tls_context *context);

#endif
