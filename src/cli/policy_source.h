/*
 * Where commands take policies from: a file, standard input (-), or a revision of the store, written
 * ID@REVISION or ID@latest. The store is named by --store or BEAMLINE_POLICIES_STORE.
 */
#ifndef BL_CLI_POLICY_SOURCE_H
#define BL_CLI_POLICY_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* The store for names with an @; NULL = that of the environment. Kept by the caller. */
void bl_policy_source_use_store(const char *path);

/* Reads the document that `name` names for `tenant`. The caller frees `*data`. On failure a message
 * is on stderr. A file of that name wins over a revision. */
bool bl_policy_source_read(const char *name, struct bl_str tenant, char **data, size_t *len);

#endif
