#include "store/sqlite.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/sqlite_private.h"

#define MAX_BYTES_DEFAULT (UINT64_C(4) << 30)
#define LOG_BYTES_KEPT 16777216
#define ROW_BYTES_MAX (2 * BL_STORE_VALUE_MAX)

#define ENTRY "e.key, e.value, e.hash, e.author, e.message, e.revision, e.time_ms"

static const char *const statements[BL_SQLITE_STATEMENT_COUNT] = {
    [BL_SQLITE_BEGIN_READ] = "BEGIN",
    [BL_SQLITE_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [BL_SQLITE_COMMIT] = "COMMIT",
    [BL_SQLITE_STATE] = "SELECT revision, forgotten FROM state",
    [BL_SQLITE_GET] = "SELECT " ENTRY " FROM entry e WHERE e.key = ?1 AND e.revision <= ?2"
                      " ORDER BY e.revision DESC LIMIT 1",
    [BL_SQLITE_LIST] = "SELECT " ENTRY " FROM head h JOIN entry e ON e.revision = h.revision"
                       " WHERE h.key >= ?1 AND h.key < ?2 AND h.key > ?3 AND h.deleted = 0"
                       " ORDER BY h.key LIMIT ?4",
    [BL_SQLITE_HISTORY] = "SELECT " ENTRY " FROM entry e WHERE e.key = ?1 AND e.revision < ?2"
                          " ORDER BY e.revision DESC LIMIT ?3",
    [BL_SQLITE_CHANGES] = "SELECT " ENTRY " FROM head h JOIN entry e ON e.revision = h.revision"
                          " WHERE h.revision > ?1 ORDER BY h.revision",
    [BL_SQLITE_DATA_VERSION] = "PRAGMA data_version",
    [BL_SQLITE_HEAD] = "SELECT revision, deleted FROM head WHERE key = ?1",
    [BL_SQLITE_COUNT_KEYS] = "SELECT count(*) FROM head",
    [BL_SQLITE_OLDEST_DELETED] =
        "SELECT key, revision FROM head WHERE deleted = 1 ORDER BY revision LIMIT 1",
    [BL_SQLITE_FORGET_ENTRIES] = "DELETE FROM entry WHERE key = ?1",
    [BL_SQLITE_FORGET_HEAD] = "DELETE FROM head WHERE key = ?1",
    [BL_SQLITE_ADD_ENTRY] = "INSERT INTO entry (revision, key, value, hash, author, message,"
                            " time_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [BL_SQLITE_SET_HEAD] = "INSERT INTO head (key, revision, deleted) VALUES (?1, ?2, ?3)"
                           " ON CONFLICT (key) DO UPDATE SET revision = excluded.revision,"
                           " deleted = excluded.deleted",
    [BL_SQLITE_PRUNE] = "DELETE FROM entry WHERE key = ?1 AND revision <= (SELECT revision"
                        " FROM entry WHERE key = ?1 ORDER BY revision DESC LIMIT 1 OFFSET ?2)",
    [BL_SQLITE_SET_STATE] = "UPDATE state SET revision = ?1, forgotten = ?2",
};

bl_result bl_sqlite_statement(struct bl_sqlite *sqlite, enum bl_sqlite_statement which,
                              sqlite3_stmt **out, struct bl_diag *diag) {
    sqlite3_stmt **cached = &sqlite->statements[which];

    if (*cached == NULL) {
        int code = sqlite3_prepare_v3(sqlite->db, statements[which], -1, SQLITE_PREPARE_PERSISTENT,
                                      cached, NULL);
        if ((code & 0xff) == SQLITE_ERROR) { /* a table or column is missing */
            return bl_sqlite_fail(sqlite, SQLITE_CORRUPT, diag);
        }
        if (code != SQLITE_OK) {
            return bl_sqlite_fail(sqlite, code, diag);
        }
    }
    *out = *cached;
    return BL_OK;
}

bl_result bl_sqlite_run(struct bl_sqlite *sqlite, sqlite3_stmt *statement, struct bl_diag *diag) {
    int code = sqlite3_step(statement);
    bl_result result =
        code == SQLITE_DONE || code == SQLITE_ROW ? BL_OK : bl_sqlite_fail(sqlite, code, diag);

    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return result;
}

bl_result bl_sqlite_do(struct bl_sqlite *sqlite, enum bl_sqlite_statement which,
                       struct bl_diag *diag) {
    sqlite3_stmt *statement = NULL;

    BL_TRY(bl_sqlite_statement(sqlite, which, &statement, diag));
    return bl_sqlite_run(sqlite, statement, diag);
}

void bl_sqlite_roll_back(struct bl_sqlite *sqlite) {
    if (sqlite3_get_autocommit(sqlite->db) == 0) { /* some failures end it themselves */
        (void)sqlite3_exec(sqlite->db, "ROLLBACK", NULL, NULL, NULL);
    }
}

bl_result bl_sqlite_state(struct bl_sqlite *sqlite, uint64_t *revision, uint64_t *forgotten,
                          struct bl_diag *diag) {
    sqlite3_stmt *statement = NULL;

    BL_TRY(bl_sqlite_statement(sqlite, BL_SQLITE_STATE, &statement, diag));
    int code = sqlite3_step(statement);
    bl_result result = BL_OK;
    if (code == SQLITE_ROW) {
        *revision = (uint64_t)sqlite3_column_int64(statement, 0);
        *forgotten = (uint64_t)sqlite3_column_int64(statement, 1);
    } else {
        result = bl_sqlite_fail(sqlite, code == SQLITE_DONE ? SQLITE_CORRUPT : code, diag);
    }
    (void)sqlite3_reset(statement);
    return result;
}

/* Bound texts and values outlive the step: they are the caller's. */
void bl_sqlite_bind_text(sqlite3_stmt *statement, int index, struct bl_str text) {
    int code = sqlite3_bind_text(statement, index, text.data != NULL ? text.data : "",
                                 (int)text.len, SQLITE_STATIC);
    assert(code == SQLITE_OK);
}

void bl_sqlite_bind_u64(sqlite3_stmt *statement, int index, uint64_t value) {
    int code = sqlite3_bind_int64(statement, index, value > INT64_MAX ? INT64_MAX : (int64_t)value);
    assert(code == SQLITE_OK);
}

static void close_store(struct bl_store *store) {
    struct bl_sqlite *sqlite = (struct bl_sqlite *)store;

    for (size_t i = 0; i < BL_SQLITE_STATEMENT_COUNT; i++) {
        (void)sqlite3_finalize(sqlite->statements[i]);
    }
    (void)sqlite3_close(sqlite->db);
    free(sqlite);
}

static const struct bl_store_backend backend = {
    .close = close_store,
    .apply = bl_sqlite_apply,
    .get = bl_sqlite_get,
    .list = bl_sqlite_list,
    .history = bl_sqlite_history,
    .changes = bl_sqlite_changes,
    .has_changed = bl_sqlite_has_changed,
};

static bl_result pragma_number(struct bl_sqlite *sqlite, const char *sql, int64_t *out,
                               struct bl_diag *diag) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(sqlite->db, sql, -1, &statement, NULL);

    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
        *out = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
        code = code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
    }
    (void)sqlite3_finalize(statement);
    return code == SQLITE_OK ? BL_OK : bl_sqlite_fail(sqlite, code, diag);
}

/* Whether the file is a store, and one that this program understands. */
static bl_result check_format(struct bl_sqlite *sqlite, struct bl_diag *diag) {
    uint64_t revision = 0, forgotten = 0;
    int64_t application = 0, version = 0;

    BL_TRY(pragma_number(sqlite, "PRAGMA application_id", &application, diag));
    BL_TRY(pragma_number(sqlite, "PRAGMA user_version", &version, diag));
    if (application != BL_SQLITE_APPLICATION_ID) {
        bl_diag_message(diag, "this is not a store but another program's database: %s",
                        sqlite->path);
        bl_diag_hint(diag, "name a file that 'beamline policy put' has made");
        return BL_FAIL(INVALID_REQUEST);
    }
    if (version > BL_SQLITE_SCHEMA_VERSION) {
        bl_diag_message(diag, "the store has format %lld, this program knows up to %d: %s",
                        (long long)version, BL_SQLITE_SCHEMA_VERSION, sqlite->path);
        bl_diag_hint(diag, "use the newer beamline that wrote it, or restore an older backup");
        return BL_FAIL(INVALID_REQUEST);
    }
    if (version < 1) {
        return bl_sqlite_fail(sqlite, SQLITE_CORRUPT, diag);
    }
    return bl_sqlite_state(sqlite, &revision, &forgotten, diag);
}

/* Settings of a connection: files from elsewhere get no say, and nothing grows without bound. */
static bl_result configure(struct bl_sqlite *sqlite, struct bl_diag *diag) {
    char sql[256];
    int64_t page_bytes = 0;

    (void)sqlite3_extended_result_codes(sqlite->db, 1);
    (void)sqlite3_busy_timeout(sqlite->db, (int)sqlite->options.busy_timeout_ms);
    (void)sqlite3_limit(sqlite->db, SQLITE_LIMIT_LENGTH, ROW_BYTES_MAX);
    (void)sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    BL_TRY(pragma_number(sqlite, "PRAGMA page_size", &page_bytes, diag));
    if (page_bytes < 1) {
        return bl_sqlite_fail(sqlite, SQLITE_CORRUPT, diag);
    }
    (void)snprintf(sql, sizeof(sql),
                   "PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON;"
                   "PRAGMA journal_size_limit = %d; PRAGMA max_page_count = %llu;",
                   LOG_BYTES_KEPT,
                   (unsigned long long)(sqlite->options.max_bytes / (uint64_t)page_bytes));
    int code = sqlite3_exec(sqlite->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? BL_OK : bl_sqlite_fail(sqlite, code, diag);
}

/* The file's path as a URI that says that nobody writes it. */
static void immutable_uri(const char *path, char *out, size_t capacity) {
    size_t len = (size_t)snprintf(out, capacity, "file:");

    for (; *path != '\0' && len + 16 < capacity; path++) {
        bool plain = strchr("?#%", *path) == NULL;
        len += (size_t)snprintf(out + len, 4, plain ? "%c" : "%%%02X", (unsigned char)*path);
    }
    (void)snprintf(out + len, capacity - len, "?immutable=1");
}

static bl_result connect_to(struct bl_sqlite *sqlite, struct bl_diag *diag) {
    char uri[3 * BL_SQLITE_PATH_MAX + 32];
    int flags = SQLITE_OPEN_NOMUTEX |
                (sqlite->options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);

    bl_diag_clear(diag);
    immutable_uri(sqlite->path, uri, sizeof(uri));
    if (sqlite->immutable) {
        flags |= SQLITE_OPEN_URI;
    }
    int code = sqlite3_open_v2(sqlite->immutable ? uri : sqlite->path, &sqlite->db, flags, NULL);
    if (code != SQLITE_OK) {
        return bl_sqlite_fail(sqlite, code, diag);
    }
    BL_TRY(configure(sqlite, diag));
    return check_format(sqlite, diag);
}

/* On a read-only medium SQLite cannot share the log's index. Without a log the file is complete,
 * and can be read as it is. */
static bool may_be_read_as_it_is(const struct bl_sqlite *sqlite) {
    char log[BL_SQLITE_PATH_MAX + 8];
    struct stat status;
    int primary = sqlite->db == NULL ? SQLITE_OK : sqlite3_errcode(sqlite->db) & 0xff;

    (void)snprintf(log, sizeof(log), "%s-wal", sqlite->path);
    return sqlite->options.read_only &&
           (primary == SQLITE_CANTOPEN || primary == SQLITE_READONLY) &&
           (stat(log, &status) != 0 || status.st_size == 0);
}

/* There is a file at the path, made now if it may be. */
static bl_result find_file(struct bl_sqlite *sqlite, struct bl_diag *diag) {
    bool found = stat(sqlite->path, &sqlite->file) == 0;

    if (!found && errno == ENOENT) {
        if (!sqlite->options.create || sqlite->options.read_only) {
            bl_diag_message(diag, "there is no store: %s", sqlite->path);
            bl_diag_hint(diag, "'beamline policy put' and 'import' make it");
            return BL_FAIL(POLICY_NOT_FOUND);
        }
        BL_TRY(bl_sqlite_create(sqlite->path, diag));
        found = stat(sqlite->path, &sqlite->file) == 0;
    }
    if (!found) {
        return bl_sqlite_error(SQLITE_CANTOPEN, errno, sqlite->path, 0, diag);
    }
    if (!S_ISREG(sqlite->file.st_mode)) {
        bl_diag_message(diag, "the store is no file: %s", sqlite->path);
        bl_diag_hint(diag, "name a file, not a folder or device");
        return BL_FAIL(INVALID_REQUEST);
    }
    if (sqlite->file.st_size == 0) { /* SQLite would take it for a new one, and remove its log */
        bl_diag_message(diag, "the store is an empty file: %s", sqlite->path);
        bl_diag_hint(diag, "restore a backup, or remove the file to begin anew");
        return BL_FAIL(INVALID_REQUEST);
    }
    return BL_OK;
}

static bl_result open_file(struct bl_sqlite *sqlite, struct bl_diag *diag) {
    BL_TRY(find_file(sqlite, diag));
    bl_result result = connect_to(sqlite, diag);
    if (bl_is_error(result) && may_be_read_as_it_is(sqlite)) {
        (void)sqlite3_close(sqlite->db);
        sqlite->db = NULL;
        sqlite->immutable = true;
        result = connect_to(sqlite, diag);
    }
    return result;
}

bool bl_store_sqlite_is_current(const struct bl_store *store) {
    const struct bl_sqlite *sqlite = (const struct bl_sqlite *)store;
    const struct stat *then = &sqlite->file;
    struct stat now;

    if (stat(sqlite->path, &now) != 0 || now.st_dev != then->st_dev || now.st_ino != then->st_ino) {
        return false;
    }
    return !sqlite->immutable ||
           (now.st_size == then->st_size && now.st_mtim.tv_sec == then->st_mtim.tv_sec &&
            now.st_mtim.tv_nsec == then->st_mtim.tv_nsec);
}

bl_result bl_store_sqlite_open(const char *path, const struct bl_store_sqlite_options *options,
                               struct bl_store **out, struct bl_diag *diag) {
    struct bl_sqlite *sqlite = calloc(1, sizeof(*sqlite));

    bl_diag_clear(diag);
    if (sqlite == NULL) {
        bl_diag_message(diag, "out of memory");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    sqlite->store.backend = &backend;
    sqlite->options = *options;
    if (options->busy_timeout_ms == 0) {
        sqlite->options.busy_timeout_ms = BL_STORE_SQLITE_BUSY_TIMEOUT_MS;
    }
    if (options->history_max == 0) {
        sqlite->options.history_max = BL_STORE_HISTORY_DEFAULT;
    }
    if (options->max_bytes == 0) {
        sqlite->options.max_bytes = MAX_BYTES_DEFAULT;
    }
    /* "./" keeps SQLite from seeing more than a file's name in ":memory:" and the like. */
    int len =
        snprintf(sqlite->path, sizeof(sqlite->path), "%s%s", path[0] == '/' ? "" : "./", path);
    if (path[0] == '\0' || len < 0 || (size_t)len >= sizeof(sqlite->path) - 64) {
        free(sqlite);
        bl_diag_message(diag, "the store's path is %s", path[0] == '\0' ? "empty" : "too long");
        return BL_FAIL(INVALID_REQUEST);
    }
    bl_result result = open_file(sqlite, diag);
    if (bl_is_error(result)) {
        close_store(&sqlite->store);
        return result;
    }
    *out = &sqlite->store;
    return BL_OK;
}
