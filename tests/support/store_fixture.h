/* A store in a folder of its own, and short ways to use it. One thread. */
#ifndef BL_TESTS_SUPPORT_STORE_FIXTURE_H
#define BL_TESTS_SUPPORT_STORE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite.h"

static char store_folder[64];
static char store_path[128];
static struct bl_store *store;
static struct bl_diag store_diag;

/* What walks have shown: "key=value@revision " each, "key!@revision " for deletions. */
static char store_shown[8192];

__attribute__((unused)) static int remove_visited(const char *path, const struct stat *status,
                                                  int type, struct FTW *walk) {
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

__attribute__((unused)) static void make_store_folder(void) {
    (void)snprintf(store_folder, sizeof(store_folder), "/tmp/bl-store-XXXXXX");
    assert_non_null(mkdtemp(store_folder));
    (void)snprintf(store_path, sizeof(store_path), "%s/policies.db", store_folder);
}

__attribute__((unused)) static void remove_store_folder(void) {
    assert_int_equal(nftw(store_folder, remove_visited, 8, FTW_DEPTH | FTW_PHYS), 0);
}

__attribute__((unused)) static bl_result open_with(struct bl_store_sqlite_options options) {
    bl_store_close(store);
    store = NULL;
    return bl_store_sqlite_open(store_path, &options, &store, &store_diag);
}

__attribute__((unused)) static void must(bl_result result) {
    if (bl_is_error(result)) {
        fail_msg("%s: %s (%s)", bl_error_info(result.error)->code, store_diag.message,
                 store_diag.hint);
    }
}

__attribute__((unused)) static int set_up_store(void **state) {
    (void)state;
    make_store_folder();
    store = NULL;
    store_shown[0] = '\0';
    must(open_with((struct bl_store_sqlite_options){.create = true}));
    return 0;
}

__attribute__((unused)) static int tear_down_store(void **state) {
    (void)state;
    bl_store_close(store);
    store = NULL;
    remove_store_folder();
    return 0;
}

/* One change; `value` NULL deletes. `*revision` may be NULL. */
__attribute__((unused)) static bl_result change(const char *key, const char *value,
                                                enum bl_store_expect expect, uint64_t expected,
                                                uint64_t *revision) {
    const struct bl_store_note note = {BL_STR("ann"), BL_STR("why"), 1700000000000};
    struct bl_store_change one = {.key = bl_str_from_c(key),
                                  .value = bl_str_from_c(value),
                                  .expect = expect,
                                  .expected_revision = expected};
    bl_result result = bl_store_apply(store, &one, 1, &note, &store_diag);
    if (revision != NULL) {
        *revision = one.revision;
    }
    return result;
}

__attribute__((unused)) static uint64_t put(const char *key, const char *value) {
    uint64_t revision;
    must(change(key, value, BL_STORE_EXPECT_ANY, 0, &revision));
    return revision;
}

__attribute__((unused)) static bool show(void *user, const struct bl_store_entry *entry) {
    size_t len = strlen(store_shown);
    (void)user;
    if (entry->deleted) {
        (void)snprintf(store_shown + len, sizeof(store_shown) - len, "%.*s!@%" PRIu64 " ",
                       BL_STR_ARG(entry->key), entry->revision);
    } else {
        (void)snprintf(store_shown + len, sizeof(store_shown) - len, "%.*s=%.*s@%" PRIu64 " ",
                       BL_STR_ARG(entry->key), (int)(entry->value.len < 40 ? entry->value.len : 40),
                       entry->damaged ? "damaged" : entry->value.data, entry->revision);
    }
    return true;
}

/* The value of a key, "!" if deleted, "" if never there. Static storage. */
__attribute__((unused)) static const char *value_of(const char *key, uint64_t at) {
    static char text[4096];
    struct bl_store_entry entry;
    struct bl_arena arena;
    bool found;

    bl_arena_init(&arena, 65536, (size_t)4 * 1024 * 1024);
    must(bl_store_get(store, bl_str_from_c(key), at, &arena, &entry, &found, &store_diag));
    (void)snprintf(text, sizeof(text), "%.*s", found && !entry.deleted ? (int)entry.value.len : 1,
                   !found          ? ""
                   : entry.deleted ? "!"
                                   : entry.value.data);
    bl_arena_fini(&arena);
    return text;
}

/* Runs SQL on the file, past the store, as another program would. */
__attribute__((unused)) static void run_sql(const char *sql) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(store_path, &db), SQLITE_OK);
    char *problem = NULL;
    (void)sqlite3_exec(db, sql, NULL, NULL, &problem);
    if (problem != NULL) {
        fail_msg("%s: %s", sql, problem);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

__attribute__((unused)) static void assert_says(const char *part) {
    if (strstr(store_diag.message, part) == NULL) {
        fail_msg("'%s' does not say '%s'", store_diag.message, part);
    }
    assert_true(store_diag.hint[0] != '\0');
}

#endif
