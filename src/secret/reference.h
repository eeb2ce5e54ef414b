/*
 * Secrets by reference: where a secret is, instead of the secret.
 *
 *   file:/path        a regular file's contents, without a trailing newline
 *   credential:NAME   a file below $CREDENTIALS_DIRECTORY, as systemd provides
 *   env:NAME          an environment variable; for development only
 */
#ifndef BL_SECRET_REFERENCE_H
#define BL_SECRET_REFERENCE_H

#include "base/diag.h"
#include "base/result.h"
#include "base/secret.h"

/* Reads the secret that `reference` names into `out` (which must be none). An absent reference
 * gives no secret. Errors: INVALID_REQUEST with cause and cure in `diag`, never with the secret;
 * RESOURCE_EXHAUSTED. Any thread. */
BL_MUST_USE bl_result bl_secret_resolve(struct bl_str reference, bool allow_environment,
                                        struct bl_secret *out, struct bl_diag *diag);

#endif
