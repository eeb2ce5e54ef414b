/*
 * A file that holds a policy: what its name says, and its text. Any thread.
 */
#ifndef BL_APP_POLICY_FILE_H
#define BL_APP_POLICY_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* "default.yaml" → "default", in `out`; false for names without such an ending, in whatever case,
 * and for those that do not fit into `capacity`. */
bool bl_policy_file_id(const char *name, char *out, size_t capacity);

/* Whether the ending of such a name is in small letters, as it has to be. */
bool bl_policy_file_has_small_ending(const char *name);

/* The text, for the caller to free, at most one byte more than a policy may have; a pipe does not
 * block. NULL with errno set. */
char *bl_policy_file_read(const char *path, size_t *len);

#endif
