/* Writing the SQLite store: a batch is one transaction. */
#include <assert.h>

#include "store/sqlite_private.h"

/* A transaction in progress. */
struct batch {
    struct bl_sqlite *sqlite;
    const struct bl_store_note *note;
    struct bl_diag *diag;
    uint64_t revision, forgotten; /* as `state` will have them */
    uint64_t keys;                /* valid once counted */
    bool counted;
};

/* The newest revision of a key. */
struct head {
    bool exists;
    bool deleted;
    uint64_t revision;
};

static bl_result find_head(struct batch *batch, struct bl_str key, struct head *head) {
    sqlite3_stmt *statement = NULL;

    *head = (struct head){0};
    BL_TRY(bl_sqlite_statement(batch->sqlite, BL_SQLITE_HEAD, &statement, batch->diag));
    bl_sqlite_bind_text(statement, 1, key);
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        *head = (struct head){true, sqlite3_column_int(statement, 1) != 0,
                              (uint64_t)sqlite3_column_int64(statement, 0)};
    }
    bl_result result = code == SQLITE_ROW || code == SQLITE_DONE
                           ? BL_OK
                           : bl_sqlite_fail(batch->sqlite, code, batch->diag);
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return result;
}

static bl_result conflict(struct batch *batch, const struct bl_store_change *change,
                          const struct head *head) {
    const char *state = !head->exists   ? "does not exist"
                        : head->deleted ? "was deleted"
                                        : "is there";

    if (head->exists) {
        bl_diag_message(batch->diag, "'%.*s' %s, at revision %llu", BL_STR_ARG(change->key), state,
                        (unsigned long long)head->revision);
    } else {
        bl_diag_message(batch->diag, "'%.*s' %s", BL_STR_ARG(change->key), state);
    }
    if (!bl_str_is_present(change->value) && (!head->exists || head->deleted)) {
        bl_diag_hint(batch->diag, "there is nothing to delete");
    } else if (change->expect == BL_STORE_EXPECT_REVISION) {
        bl_diag_hint(batch->diag, "revision %llu was expected: somebody changed it; look and retry",
                     (unsigned long long)change->expected_revision);
    } else {
        bl_diag_hint(batch->diag, "it was expected not to be there");
    }
    return BL_FAIL(PRECONDITION_FAILED);
}

static bool is_expected(const struct bl_store_change *change, const struct head *head) {
    bool live = head->exists && !head->deleted;

    if (!bl_str_is_present(change->value) && !live) {
        return false;
    }
    switch (change->expect) {
    case BL_STORE_EXPECT_ANY:
        return true;
    case BL_STORE_EXPECT_ABSENT:
        return !live;
    case BL_STORE_EXPECT_REVISION:
        return head->exists && head->revision == change->expected_revision;
    }
    return false;
}

static bl_result count_keys(struct batch *batch) {
    sqlite3_stmt *statement = NULL;

    BL_TRY(bl_sqlite_statement(batch->sqlite, BL_SQLITE_COUNT_KEYS, &statement, batch->diag));
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        batch->keys = (uint64_t)sqlite3_column_int64(statement, 0);
        batch->counted = true;
    }
    (void)sqlite3_reset(statement);
    return code == SQLITE_ROW ? BL_OK : bl_sqlite_fail(batch->sqlite, code, batch->diag);
}

static bl_result forget(struct batch *batch, struct bl_str key) {
    static const enum bl_sqlite_statement parts[] = {BL_SQLITE_FORGET_ENTRIES,
                                                     BL_SQLITE_FORGET_HEAD};
    sqlite3_stmt *statement = NULL;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        BL_TRY(bl_sqlite_statement(batch->sqlite, parts[i], &statement, batch->diag));
        bl_sqlite_bind_text(statement, 1, key);
        BL_TRY(bl_sqlite_run(batch->sqlite, statement, batch->diag));
    }
    return BL_OK;
}

/* Room for one more key: the one that was deleted first is forgotten if need be. */
static bl_result make_room(struct batch *batch) {
    char key[BL_STORE_KEY_MAX];
    struct bl_str oldest = BL_STR_ABSENT;
    sqlite3_stmt *statement = NULL;

    if (!batch->counted) {
        BL_TRY(count_keys(batch));
    }
    if (batch->keys++ < BL_STORE_KEYS_MAX) {
        return BL_OK;
    }
    BL_TRY(bl_sqlite_statement(batch->sqlite, BL_SQLITE_OLDEST_DELETED, &statement, batch->diag));
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW && sqlite3_column_bytes(statement, 0) <= BL_STORE_KEY_MAX) {
        oldest = (struct bl_str){key, (size_t)sqlite3_column_bytes(statement, 0)};
        memcpy(key, sqlite3_column_text(statement, 0), oldest.len);
        batch->forgotten = (uint64_t)sqlite3_column_int64(statement, 1);
    }
    (void)sqlite3_reset(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return bl_sqlite_fail(batch->sqlite, code, batch->diag);
    }
    if (!bl_str_is_present(oldest)) {
        bl_diag_message(batch->diag, "the store has %d keys, and no more fit", BL_STORE_KEYS_MAX);
        bl_diag_hint(batch->diag, "delete some");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    batch->keys--;
    return forget(batch, oldest);
}

static bl_result add_entry(struct batch *batch, const struct bl_store_change *change) {
    uint64_t hash[2];
    struct bl_str value = change->value;
    sqlite3_stmt *statement = NULL;

    BL_TRY(bl_sqlite_statement(batch->sqlite, BL_SQLITE_ADD_ENTRY, &statement, batch->diag));
    bl_store_hash(change->key, value, hash);
    bl_sqlite_bind_u64(statement, 1, change->revision);
    bl_sqlite_bind_text(statement, 2, change->key);
    int code = SQLITE_OK; /* unbound is NULL: deleted */
    if (bl_str_is_present(value)) {
        code = sqlite3_bind_blob(statement, 3, value.data, (int)value.len, SQLITE_STATIC);
    }
    assert(code == SQLITE_OK);
    code = sqlite3_bind_blob(statement, 4, hash, sizeof(hash), SQLITE_STATIC);
    assert(code == SQLITE_OK);
    bl_sqlite_bind_text(statement, 5, batch->note->author);
    bl_sqlite_bind_text(statement, 6, batch->note->message);
    code = sqlite3_bind_int64(statement, 7, batch->note->time_ms);
    assert(code == SQLITE_OK);
    return bl_sqlite_run(batch->sqlite, statement, batch->diag);
}

static bl_result set_head(struct batch *batch, const struct bl_store_change *change) {
    sqlite3_stmt *statement = NULL;

    BL_TRY(bl_sqlite_statement(batch->sqlite, BL_SQLITE_SET_HEAD, &statement, batch->diag));
    bl_sqlite_bind_text(statement, 1, change->key);
    bl_sqlite_bind_u64(statement, 2, change->revision);
    bl_sqlite_bind_u64(statement, 3, bl_str_is_present(change->value) ? 0 : 1);
    BL_TRY(bl_sqlite_run(batch->sqlite, statement, batch->diag));

    BL_TRY(bl_sqlite_statement(batch->sqlite, BL_SQLITE_PRUNE, &statement, batch->diag));
    bl_sqlite_bind_text(statement, 1, change->key);
    bl_sqlite_bind_u64(statement, 2, batch->sqlite->options.history_max);
    return bl_sqlite_run(batch->sqlite, statement, batch->diag);
}

static bl_result write_change(struct batch *batch, struct bl_store_change *change) {
    struct head head;

    BL_TRY(find_head(batch, change->key, &head));
    if (!is_expected(change, &head)) {
        return conflict(batch, change, &head);
    }
    if (!head.exists) {
        BL_TRY(make_room(batch));
    }
    if (batch->revision >= INT64_MAX) { /* only a damaged store gets there */
        return bl_sqlite_fail(batch->sqlite, SQLITE_CORRUPT, batch->diag);
    }
    change->revision = ++batch->revision;
    BL_TRY(add_entry(batch, change));
    return set_head(batch, change);
}

static bl_result set_state(struct batch *batch) {
    sqlite3_stmt *statement = NULL;

    BL_TRY(bl_sqlite_statement(batch->sqlite, BL_SQLITE_SET_STATE, &statement, batch->diag));
    bl_sqlite_bind_u64(statement, 1, batch->revision);
    bl_sqlite_bind_u64(statement, 2, batch->forgotten);
    return bl_sqlite_run(batch->sqlite, statement, batch->diag);
}

static bl_result write_batch(struct batch *batch, struct bl_store_change *changes, size_t count) {
    BL_TRY(bl_sqlite_state(batch->sqlite, &batch->revision, &batch->forgotten, batch->diag));
    for (size_t i = 0; i < count; i++) {
        BL_TRY(write_change(batch, &changes[i]));
    }
    BL_TRY(set_state(batch));
    return bl_sqlite_do(batch->sqlite, BL_SQLITE_COMMIT, batch->diag);
}

bl_result bl_sqlite_apply(struct bl_store *store, struct bl_store_change *changes, size_t count,
                          const struct bl_store_note *note, struct bl_diag *diag) {
    struct bl_sqlite *sqlite = (struct bl_sqlite *)store;
    struct batch batch = {.sqlite = sqlite, .note = note, .diag = diag};

    BL_TRY(bl_sqlite_do(sqlite, BL_SQLITE_BEGIN_WRITE, diag));
    bl_result result = write_batch(&batch, changes, count);
    if (bl_is_error(result)) {
        bl_sqlite_roll_back(sqlite);
    }
    return result;
}
