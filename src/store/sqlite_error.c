/* What SQLite's codes mean for the one who runs this, and what to do. */
#include <stdio.h>
#include <string.h>

#include "store/sqlite_private.h"

struct meaning {
    int code; /* primary */
    enum bl_error error;
    const char *message, *hint;
};

static const struct meaning meanings[] = {
    {SQLITE_BUSY, BL_E_UNAVAILABLE, "the store is locked by another process",
     "try again; fuser names the process that has it open"},
    {SQLITE_LOCKED, BL_E_UNAVAILABLE, "the store is locked", "try again"},
    {SQLITE_PROTOCOL, BL_E_UNAVAILABLE, "the store is locked by another process", "try again"},
    {SQLITE_READONLY, BL_E_FORBIDDEN, "the store is read-only",
     "the file and its folder must be writable by this user"},
    {SQLITE_PERM, BL_E_FORBIDDEN, "access to the store is denied",
     "give this user rights on the file and its folder"},
    {SQLITE_FULL, BL_E_RESOURCE_EXHAUSTED,
     "the disk is full, or the store has reached its largest size; nothing was written",
     "make room, keep less history, or delete policies"},
    {SQLITE_TOOBIG, BL_E_RESOURCE_EXHAUSTED, "a value in the store is larger than it may be",
     "was it written by another program? restore a backup"},
    {SQLITE_NOMEM, BL_E_RESOURCE_EXHAUSTED, "out of memory", "free some and try again"},
    {SQLITE_CORRUPT, BL_E_INTERNAL, "the store is damaged",
     "restore a backup, or save what is left: sqlite3 FILE .recover"},
    {SQLITE_NOTADB, BL_E_INVALID_REQUEST, "this is not a store: not a SQLite database",
     "name a file that 'beamline policy put' has made"},
    {SQLITE_CANTOPEN, BL_E_UNAVAILABLE, "the store cannot be opened",
     "the file must be readable, and its folder writable, by this user"},
    {SQLITE_IOERR, BL_E_UNAVAILABLE, "the store's disk fails to read or write",
     "look at the system's log for disk errors"},
};

/* The system's word on it, where there is one. */
static bool has_system_error(int code) {
    int primary = code & 0xff;
    return primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN || primary == SQLITE_FULL;
}

bl_result bl_sqlite_error(int code, int system_errno, const char *path, uint32_t waited_ms,
                          struct bl_diag *diag) {
    const struct meaning *found = NULL;
    char system[80] = "";
    char waited[40] = "";

    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        found = meanings[i].code == (code & 0xff) ? &meanings[i] : found;
    }
    if (has_system_error(code) && system_errno != 0) {
        (void)snprintf(system, sizeof(system), " (%s)", strerror(system_errno));
    }
    if ((code & 0xff) == SQLITE_BUSY) {
        (void)snprintf(waited, sizeof(waited), ", waited %u ms", waited_ms);
    }
    if (found == NULL) {
        bl_diag_message(diag, "the store failed: %s (SQLite %d): %s", sqlite3_errstr(code), code,
                        path);
        bl_diag_hint(diag, "restore a backup if this stays");
        return BL_FAIL(INTERNAL);
    }
    bl_diag_message(diag, "%s%s%s: %s", found->message, waited, system, path);
    bl_diag_hint(diag, "%s", found->hint);
    return (bl_result){found->error};
}

bl_result bl_sqlite_fail(struct bl_sqlite *sqlite, int code, struct bl_diag *diag) {
    int system_errno = sqlite->db == NULL ? 0 : sqlite3_system_errno(sqlite->db);

    return bl_sqlite_error(code, system_errno, sqlite->path, sqlite->options.busy_timeout_ms, diag);
}
