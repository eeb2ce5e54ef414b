/*
 * A store in one SQLite file.
 *
 * Write-ahead log and synchronous=FULL: what was acknowledged survives a kill and a power cut, and
 * readers never wait for a writer. A file that comes into being does so whole. Waiting for a lock
 * is bounded. The file's folder has to be on a local file system: the log's index is shared memory.
 */
#ifndef BL_STORE_SQLITE_H
#define BL_STORE_SQLITE_H

#include "store/store.h"

#define BL_STORE_SQLITE_BUSY_TIMEOUT_MS 2000
#define BL_STORE_HISTORY_DEFAULT 100

struct bl_store_sqlite_options {
    bool read_only;           /* writes are FORBIDDEN; a file on a read-only medium can be read */
    bool create;              /* makes the file if there is none */
    uint32_t busy_timeout_ms; /* longest wait for a lock; 0 = BL_STORE_SQLITE_BUSY_TIMEOUT_MS */
    uint32_t history_max;     /* revisions kept per key, at least 1; 0 = BL_STORE_HISTORY_DEFAULT */
    uint64_t max_bytes;       /* the file grows no further; 0 = 4 GiB */
};

/* Opens, and looks whether it is a store that this program can read. Errors: POLICY_NOT_FOUND when
 * there is no file; INVALID_REQUEST when it is no store, or one of a newer version; those of
 * store.h. */
BL_MUST_USE bl_result bl_store_sqlite_open(const char *path,
                                           const struct bl_store_sqlite_options *options,
                                           struct bl_store **out, struct bl_diag *diag);

/* Whether the path still names the file that is open: false once it was removed or replaced, or, on a
 * read-only medium, rewritten. Then close it, open it anew and read everything. */
bool bl_store_sqlite_is_current(const struct bl_store *store);

#endif
