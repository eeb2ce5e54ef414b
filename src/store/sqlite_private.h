/* The inside of the SQLite store. Private to this folder. */
#ifndef BL_STORE_SQLITE_PRIVATE_H
#define BL_STORE_SQLITE_PRIVATE_H

#include <sqlite3.h>
#include <sys/stat.h>

#include "store/backend.h"
#include "store/sqlite.h"

#define BL_SQLITE_PATH_MAX 4096

enum bl_sqlite_statement {
    BL_SQLITE_BEGIN_READ,
    BL_SQLITE_BEGIN_WRITE,
    BL_SQLITE_COMMIT,
    BL_SQLITE_STATE,
    BL_SQLITE_GET,
    BL_SQLITE_LIST,
    BL_SQLITE_HISTORY,
    BL_SQLITE_CHANGES,
    BL_SQLITE_DATA_VERSION,
    BL_SQLITE_HEAD,
    BL_SQLITE_COUNT_KEYS,
    BL_SQLITE_OLDEST_DELETED,
    BL_SQLITE_FORGET_ENTRIES,
    BL_SQLITE_FORGET_HEAD,
    BL_SQLITE_ADD_ENTRY,
    BL_SQLITE_SET_HEAD,
    BL_SQLITE_PRUNE,
    BL_SQLITE_SET_STATE,
    BL_SQLITE_STATEMENT_COUNT
};

struct bl_sqlite {
    struct bl_store store; /* first: a handle is one of these */
    sqlite3 *db;
    sqlite3_stmt *statements[BL_SQLITE_STATEMENT_COUNT]; /* prepared at their first use */
    struct bl_store_sqlite_options options;
    struct stat file;     /* as it was opened */
    bool immutable;       /* opened without locks and log, on a read-only medium */
    bool asked;           /* has_changed was */
    int64_t data_version; /* its last answer */
    char path[BL_SQLITE_PATH_MAX];
};

/* sqlite.c: the statement, ready to be bound. */
BL_MUST_USE bl_result bl_sqlite_statement(struct bl_sqlite *sqlite, enum bl_sqlite_statement which,
                                          sqlite3_stmt **out, struct bl_diag *diag);
/* Runs a statement that gives no row and resets it. */
BL_MUST_USE bl_result bl_sqlite_run(struct bl_sqlite *sqlite, sqlite3_stmt *statement,
                                    struct bl_diag *diag);
BL_MUST_USE bl_result bl_sqlite_do(struct bl_sqlite *sqlite, enum bl_sqlite_statement which,
                                   struct bl_diag *diag);
/* Ends a transaction without its changes; never fails. */
void bl_sqlite_roll_back(struct bl_sqlite *sqlite);
/* Newest revision given, and up to which deletions are forgotten. */
BL_MUST_USE bl_result bl_sqlite_state(struct bl_sqlite *sqlite, uint64_t *revision,
                                      uint64_t *forgotten, struct bl_diag *diag);
void bl_sqlite_bind_text(sqlite3_stmt *statement, int index, struct bl_str text);
void bl_sqlite_bind_u64(sqlite3_stmt *statement, int index, uint64_t value);

/* sqlite_error.c: what SQLite's code means, with what to do. */
bl_result bl_sqlite_error(int code, int system_errno, const char *path, uint32_t waited_ms,
                          struct bl_diag *diag);
/* The same for what the handle's last call returned. */
bl_result bl_sqlite_fail(struct bl_sqlite *sqlite, int code, struct bl_diag *diag);

/* sqlite_create.c: makes a new, empty store, whole or not at all. One that is there by now is
 * left as it is. */
BL_MUST_USE bl_result bl_sqlite_create(const char *path, struct bl_diag *diag);
#define BL_SQLITE_APPLICATION_ID 0x424c5354 /* "BLST" */
#define BL_SQLITE_SCHEMA_VERSION 1

/* sqlite_read.c and sqlite_write.c: the backend's functions. */
bl_result bl_sqlite_get(struct bl_store *store, struct bl_str key, uint64_t at,
                        bl_store_visit_fn visit, void *user, struct bl_diag *diag);
bl_result bl_sqlite_list(struct bl_store *store, struct bl_str prefix, struct bl_str after,
                         size_t limit, bl_store_visit_fn visit, void *user, struct bl_diag *diag);
bl_result bl_sqlite_history(struct bl_store *store, struct bl_str key, uint64_t before,
                            size_t limit, bl_store_visit_fn visit, void *user,
                            struct bl_diag *diag);
bl_result bl_sqlite_changes(struct bl_store *store, uint64_t since, bl_store_visit_fn visit,
                            void *user, uint64_t *revision, struct bl_diag *diag);
bl_result bl_sqlite_has_changed(struct bl_store *store, bool *changed, struct bl_diag *diag);
bl_result bl_sqlite_apply(struct bl_store *store, struct bl_store_change *changes, size_t count,
                          const struct bl_store_note *note, struct bl_diag *diag);

#endif
