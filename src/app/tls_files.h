/*
 * The certificate that the router shows, from its files: read at the start, and again when one of them
 * has changed. A new one that cannot be used is reported and the old one stays. Control thread only.
 */
#ifndef BL_APP_TLS_FILES_H
#define BL_APP_TLS_FILES_H

#include "app/config.h"
#include "net/tls.h"

struct bl_tls_files;

/* Reads the files that the configuration names; it is borrowed. Errors: INVALID_REQUEST with the file
 * and the cure, RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_tls_files_create(const struct bl_config *config, struct bl_tls_files **out,
                                          struct bl_diag *diag);
void bl_tls_files_destroy(struct bl_tls_files *files); /* NULL is fine */

/* Looks whether a file has changed, and takes it over; `*changed` says so. An error is told once for
 * each state of the files, and what was in use stays. */
BL_MUST_USE bl_result bl_tls_files_look(struct bl_tls_files *files, bool *changed,
                                        struct bl_diag *diag);

/* The one in use; borrowed. */
struct bl_tls_context *bl_tls_files_context(const struct bl_tls_files *files);

#endif
