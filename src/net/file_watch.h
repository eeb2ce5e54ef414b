/*
 * Tells that a file, or something in a directory, may have changed.
 *
 * Editors and configuration tools replace a file by a rename, and mounted configurations switch a
 * symbolic link (`..data`), so what is watched for a file is its directory. The call comes once
 * things have been quiet for the debounce time, at the latest after eight times that long. It says
 * "look again", not what happened: it may come without a change. Loop thread only.
 */
#ifndef BL_NET_FILE_WATCH_H
#define BL_NET_FILE_WATCH_H

#include <stdint.h>

#include "base/diag.h"
#include "base/result.h"
#include "net/loop.h"

struct bl_file_watch;

/* Watches `path`, a directory or a file that may not exist yet; the file's directory must. `path`
 * is copied, and at most 4095 bytes. Fails with INVALID_REQUEST if the directory cannot be watched
 * or with RESOURCE_EXHAUSTED; `diag` names the path and the cure. */
BL_MUST_USE bl_result bl_file_watch_create(struct bl_loop *loop, const char *path,
                                           uint64_t debounce_ms, bl_loop_fn fn, void *user,
                                           struct bl_file_watch **out, struct bl_diag *diag);

/* NULL is allowed. May be called from the callback. */
void bl_file_watch_destroy(struct bl_file_watch *watch);

#endif
