/* Reading the SQLite store. */
#include <assert.h>
#include <string.h>

#include "store/sqlite_private.h"

enum { KEY, VALUE, HASH, AUTHOR, MESSAGE, REVISION, TIME };

static struct bl_str text_of(sqlite3_stmt *row, int column) {
    const char *data = (const char *)sqlite3_column_text(row, column);
    return (struct bl_str){data != NULL ? data : "", (size_t)sqlite3_column_bytes(row, column)};
}

/* The entry that the row holds, checked against its hash. */
static struct bl_store_entry entry_of(sqlite3_stmt *row) {
    struct bl_store_entry entry = {
        .key = text_of(row, KEY),
        .author = text_of(row, AUTHOR),
        .message = text_of(row, MESSAGE),
        .revision = (uint64_t)sqlite3_column_int64(row, REVISION),
        .time_ms = sqlite3_column_int64(row, TIME),
        .deleted = sqlite3_column_type(row, VALUE) == SQLITE_NULL,
    };
    struct bl_str value = BL_STR_ABSENT;
    uint64_t hash[2];

    if (!entry.deleted) {
        const void *bytes = sqlite3_column_blob(row, VALUE);
        value.len = (size_t)sqlite3_column_bytes(row, VALUE);
        value.data = bytes != NULL ? bytes : "";
    }
    const void *stored = sqlite3_column_blob(row, HASH);
    bool whole = stored != NULL && sqlite3_column_bytes(row, HASH) == (int)sizeof(entry.hash);
    if (whole) {
        memcpy(entry.hash, stored, sizeof(entry.hash));
    }
    bl_store_hash(entry.key, value, hash);
    entry.damaged = !whole || memcmp(hash, entry.hash, sizeof(hash)) != 0;
    if (!entry.deleted && !entry.damaged) {
        entry.value = value;
    }
    return entry;
}

/* Shows each row of a bound statement, and resets it. */
static bl_result walk(struct bl_sqlite *sqlite, sqlite3_stmt *statement, bl_store_visit_fn visit,
                      void *user, struct bl_diag *diag) {
    bl_result result = BL_OK;
    bool more = true;

    while (more) {
        int code = sqlite3_step(statement);
        if (code == SQLITE_ROW) {
            struct bl_store_entry entry = entry_of(statement);
            more = visit(user, &entry);
        } else {
            more = false;
            result = code == SQLITE_DONE ? BL_OK : bl_sqlite_fail(sqlite, code, diag);
        }
    }
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return result;
}

bl_result bl_sqlite_get(struct bl_store *store, struct bl_str key, uint64_t at,
                        bl_store_visit_fn visit, void *user, struct bl_diag *diag) {
    struct bl_sqlite *sqlite = (struct bl_sqlite *)store;
    sqlite3_stmt *statement = NULL;

    BL_TRY(bl_sqlite_statement(sqlite, BL_SQLITE_GET, &statement, diag));
    bl_sqlite_bind_text(statement, 1, key);
    bl_sqlite_bind_u64(statement, 2, at);
    return walk(sqlite, statement, visit, user, diag);
}

bl_result bl_sqlite_list(struct bl_store *store, struct bl_str prefix, struct bl_str after,
                         size_t limit, bl_store_visit_fn visit, void *user, struct bl_diag *diag) {
    struct bl_sqlite *sqlite = (struct bl_sqlite *)store;
    char end[BL_STORE_KEY_MAX + 1];
    sqlite3_stmt *statement = NULL;

    /* Keys are visible ASCII, so all that begin with the prefix sort before prefix + DEL. */
    assert(prefix.len <= BL_STORE_KEY_MAX);
    if (prefix.len > 0) {
        memcpy(end, prefix.data, prefix.len);
    }
    end[prefix.len] = 0x7f;
    BL_TRY(bl_sqlite_statement(sqlite, BL_SQLITE_LIST, &statement, diag));
    bl_sqlite_bind_text(statement, 1, prefix);
    bl_sqlite_bind_text(statement, 2, (struct bl_str){end, prefix.len + 1});
    bl_sqlite_bind_text(statement, 3, after);
    bl_sqlite_bind_u64(statement, 4, limit);
    return walk(sqlite, statement, visit, user, diag);
}

bl_result bl_sqlite_history(struct bl_store *store, struct bl_str key, uint64_t before,
                            size_t limit, bl_store_visit_fn visit, void *user,
                            struct bl_diag *diag) {
    struct bl_sqlite *sqlite = (struct bl_sqlite *)store;
    sqlite3_stmt *statement = NULL;

    BL_TRY(bl_sqlite_statement(sqlite, BL_SQLITE_HISTORY, &statement, diag));
    bl_sqlite_bind_text(statement, 1, key);
    bl_sqlite_bind_u64(statement, 2, before);
    bl_sqlite_bind_u64(statement, 3, limit);
    return walk(sqlite, statement, visit, user, diag);
}

static bl_result read_changes(struct bl_sqlite *sqlite, uint64_t since, bl_store_visit_fn visit,
                              void *user, uint64_t *revision, struct bl_diag *diag) {
    sqlite3_stmt *statement = NULL;
    uint64_t forgotten = 0;

    BL_TRY(bl_sqlite_state(sqlite, revision, &forgotten, diag));
    if (since > *revision || (since > 0 && since < forgotten)) {
        bl_diag_message(diag, "the changes since revision %llu are not known; the store is at %llu",
                        (unsigned long long)since, (unsigned long long)*revision);
        bl_diag_hint(diag, "read everything anew");
        return BL_FAIL(PRECONDITION_FAILED);
    }
    BL_TRY(bl_sqlite_statement(sqlite, BL_SQLITE_CHANGES, &statement, diag));
    bl_sqlite_bind_u64(statement, 1, since);
    return walk(sqlite, statement, visit, user, diag);
}

bl_result bl_sqlite_changes(struct bl_store *store, uint64_t since, bl_store_visit_fn visit,
                            void *user, uint64_t *revision, struct bl_diag *diag) {
    struct bl_sqlite *sqlite = (struct bl_sqlite *)store;

    BL_TRY(bl_sqlite_do(sqlite, BL_SQLITE_BEGIN_READ, diag));
    bl_result result = read_changes(sqlite, since, visit, user, revision, diag);
    bl_sqlite_roll_back(sqlite);
    return result;
}

bl_result bl_sqlite_has_changed(struct bl_store *store, bool *changed, struct bl_diag *diag) {
    struct bl_sqlite *sqlite = (struct bl_sqlite *)store;
    sqlite3_stmt *statement = NULL;
    int64_t version = 0;

    BL_TRY(bl_sqlite_statement(sqlite, BL_SQLITE_DATA_VERSION, &statement, diag));
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        version = sqlite3_column_int64(statement, 0);
    }
    bl_result result = code == SQLITE_ROW ? BL_OK : bl_sqlite_fail(sqlite, code, diag);
    (void)sqlite3_reset(statement);
    if (bl_is_ok(result)) {
        *changed = !sqlite->asked || version != sqlite->data_version;
        sqlite->asked = true;
        sqlite->data_version = version;
    }
    return result;
}
