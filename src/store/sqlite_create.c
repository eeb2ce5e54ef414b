/*
 * Making a store. It is made beside its place and then moved there, so that a kill at any moment
 * leaves a whole store or none, and an empty file is always a fault worth telling.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite_private.h"

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

/* `entry` has what was written; `head` names the newest entry of each key; `state` has the newest
 * revision given, and up to which one deletions were forgotten to stay within BL_STORE_KEYS_MAX. */
static const char schema[] =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
    "BEGIN IMMEDIATE;"
    "CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL,"
    " forgotten INTEGER NOT NULL) STRICT;"
    "INSERT INTO state VALUES (1, 0, 0);"
    "CREATE TABLE entry (revision INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB,"
    " hash BLOB NOT NULL, author TEXT NOT NULL, message TEXT NOT NULL, time_ms INTEGER NOT NULL)"
    " STRICT;"
    "CREATE UNIQUE INDEX entry_by_key ON entry (key, revision);"
    "CREATE TABLE head (key TEXT PRIMARY KEY, revision INTEGER NOT NULL UNIQUE,"
    " deleted INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "PRAGMA application_id = " TEXT(
        BL_SQLITE_APPLICATION_ID) ";"
                                  "PRAGMA user_version = " TEXT(BL_SQLITE_SCHEMA_VERSION) ";"
                                                                                          "COMMIT;";

static bl_result system_failure(const char *what, const char *path, struct bl_diag *diag) {
    int error = errno;

    bl_diag_message(diag, "%s (%s): %s", what, strerror(error), path);
    bl_diag_hint(diag, "the folder must exist and be writable by this user");
    if (error == EACCES || error == EPERM || error == EROFS) {
        return BL_FAIL(FORBIDDEN);
    }
    return error == ENOSPC || error == EDQUOT ? BL_FAIL(RESOURCE_EXHAUSTED) : BL_FAIL(UNAVAILABLE);
}

static void remove_all(const char *path) {
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    char name[BL_SQLITE_PATH_MAX + 64];

    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        (void)snprintf(name, sizeof(name), "%s%s", path, endings[i]);
        (void)unlink(name);
    }
}

static bl_result write_schema(const char *path, struct bl_diag *diag) {
    sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(path, &db, flags, NULL);

    if (code == SQLITE_OK) {
        (void)sqlite3_extended_result_codes(db, 1);
        code = sqlite3_exec(db, schema, NULL, NULL, NULL);
    }
    if (code == SQLITE_OK) { /* closing does the same, but keeps a failure to itself */
        code = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    }
    int system_errno = db == NULL ? 0 : sqlite3_system_errno(db);
    int closed = sqlite3_close(db);
    code = code == SQLITE_OK ? closed : code;
    return code == SQLITE_OK ? BL_OK : bl_sqlite_error(code, system_errno, path, 0, diag);
}

/* Makes the file's name last through a power cut. */
static bl_result sync_folder(const char *path, struct bl_diag *diag) {
    char folder[BL_SQLITE_PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash == path ? 1 : (size_t)(slash - path);

    memcpy(folder, path, len);
    folder[len] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    bl_result result =
        synced ? BL_OK : system_failure("the store's folder was not synced", folder, diag);
    if (fd >= 0) {
        (void)close(fd);
    }
    return result;
}

/* The log of a store that was removed would be read into the new one. */
static bl_result refuse_stray_log(const char *path, struct bl_diag *diag) {
    char log[BL_SQLITE_PATH_MAX + 64];
    struct stat status;

    (void)snprintf(log, sizeof(log), "%s-wal", path);
    if (stat(log, &status) != 0 || status.st_size == 0 || access(path, F_OK) == 0) {
        return BL_OK; /* asked in this order: a store comes before its log */
    }
    bl_diag_message(diag, "the store is gone but its log is there: %s", log);
    bl_diag_hint(diag, "restore the store, or remove the log to begin anew");
    return BL_FAIL(PRECONDITION_FAILED);
}

bl_result bl_sqlite_create(const char *path, struct bl_diag *diag) {
    char temporary[BL_SQLITE_PATH_MAX + 32];

    BL_TRY(refuse_stray_log(path, diag));
    (void)snprintf(temporary, sizeof(temporary), "%s.new-%ld", path, (long)getpid());
    remove_all(temporary);
    bl_result result = write_schema(temporary, diag);
    if (bl_is_ok(result) && renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) != 0 &&
        errno != EEXIST) {
        result = system_failure("the store cannot be made", path, diag);
    }
    remove_all(temporary);
    return bl_is_ok(result) ? sync_folder(path, diag) : result;
}
