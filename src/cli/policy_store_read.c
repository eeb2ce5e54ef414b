/* beamline policy get, list and history. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/policy_store.h"

#define ARENA_BYTES ((size_t)8 * 1024 * 1024)
#define ROW_JSON_BYTES ((size_t)64 * 1024)
#define DOCUMENT_JSON_BYTES ((size_t)8 * 1024 * 1024) /* every byte escaped */

static void write_document(struct bl_json_writer *writer, const void *user) {
    bl_present_entry_json(writer, user, true);
}

static void write_row(struct bl_json_writer *writer, const void *user) {
    bl_present_entry_json(writer, user, false);
}

static bl_result not_there(const struct bl_policy_store_run *run,
                           const struct bl_store_entry *entry, bool found, struct bl_diag *diag) {
    struct bl_str tenant = bl_policy_store_tenant(run);

    if (found && entry->deleted) {
        bl_diag_message(diag, "'%s' of tenant %.*s was deleted by %.*s in revision %llu",
                        run->argument, BL_STR_ARG(tenant), BL_STR_ARG(entry->author),
                        (unsigned long long)entry->revision);
        bl_diag_hint(diag, "beamline policy history %s --tenant %.*s; rollback brings it back",
                     run->argument, BL_STR_ARG(tenant));
    } else if (run->revision != BL_NO_REVISION) {
        bl_diag_message(diag, "'%s' of tenant %.*s has no revision %llu, or no more", run->argument,
                        BL_STR_ARG(tenant), (unsigned long long)run->revision);
        bl_diag_hint(diag, "beamline policy history %s --tenant %.*s", run->argument,
                     BL_STR_ARG(tenant));
    } else {
        bl_diag_message(diag, "there is no policy '%s' of tenant %.*s in the store", run->argument,
                        BL_STR_ARG(tenant));
        bl_diag_hint(diag, "beamline policy list shows what there is; --tenant names another one");
    }
    return BL_FAIL(POLICY_NOT_FOUND);
}

int bl_policy_store_get(struct bl_policy_store_run *run) {
    struct bl_store_entry entry;
    struct bl_policy_key key;
    struct bl_arena arena;
    struct bl_diag diag;
    bool found = false;
    int code = BL_EXIT_OK;
    uint64_t at = run->revision == BL_NO_REVISION ? BL_STORE_NEWEST : run->revision;

    bl_arena_init(&arena, (size_t)64 * 1024, ARENA_BYTES);
    bl_result result = bl_store_get(
        run->store,
        bl_policy_key_make(&key, bl_policy_store_tenant(run), bl_str_from_c(run->argument)), at,
        &arena, &entry, &found, &diag);
    if (bl_is_ok(result) && found && at != BL_STORE_NEWEST && entry.revision != at) {
        found = false;
    }
    if (bl_is_ok(result) && (!found || entry.deleted)) {
        result = not_there(run, &entry, found, &diag);
    }
    if (bl_is_error(result)) {
        code = bl_policy_store_failed(run, result, &diag);
    } else if (run->json) {
        code = bl_print_json(DOCUMENT_JSON_BYTES, write_document, &entry) ? BL_EXIT_OK
                                                                          : BL_EXIT_FAILED;
    } else {
        (void)fwrite(entry.value.data, 1, entry.value.len, stdout);
    }
    bl_arena_fini(&arena);
    return code;
}

/* Rows on their way out. */
struct rows {
    const struct bl_policy_store_run *run;
    bool with_name;
    size_t count;
};

static bool show_row(void *user, const struct bl_store_entry *entry) {
    struct rows *rows = user;

    if (rows->run->json) {
        fputs(rows->count == 0 ? "[" : ",", stdout);
        (void)bl_print_json(ROW_JSON_BYTES, write_row, entry);
    } else {
        if (rows->count == 0) {
            bl_present_entry_heading(rows->with_name);
        }
        bl_present_entry_row(entry, rows->with_name);
    }
    rows->count++;
    return true;
}

static int end_rows(const struct rows *rows, bl_result result, const struct bl_diag *diag) {
    if (bl_is_error(result)) {
        return bl_policy_store_failed(rows->run, result, diag);
    }
    if (rows->run->json) {
        fputs(rows->count == 0 ? "[]\n" : "]\n", stdout);
    } else if (rows->count == rows->run->limit) {
        fprintf(stderr, "the first %zu; --limit N shows more\n", rows->count);
    }
    return BL_EXIT_OK;
}

int bl_policy_store_list(struct bl_policy_store_run *run) {
    struct rows rows = {.run = run, .with_name = true};
    struct bl_str prefix = BL_STR(BL_POLICY_KEY_PREFIX);
    struct bl_policy_key key;
    struct bl_diag diag;

    if (run->tenant != NULL) {
        prefix = bl_policy_key_make(&key, bl_str_from_c(run->tenant), BL_STR_ABSENT);
    }
    bl_result result =
        bl_store_list(run->store, prefix, BL_STR_ABSENT, run->limit, show_row, &rows, &diag);
    if (bl_is_ok(result) && rows.count == 0 && !run->json) {
        fprintf(stderr, "no policies in %s; put FILE or import FOLDER writes some\n",
                run->store_path);
    }
    return end_rows(&rows, result, &diag);
}

int bl_policy_store_history(struct bl_policy_store_run *run) {
    struct rows rows = {.run = run};
    struct bl_store_entry none = {0};
    struct bl_policy_key key;
    struct bl_diag diag;
    bl_result result = bl_store_history(
        run->store,
        bl_policy_key_make(&key, bl_policy_store_tenant(run), bl_str_from_c(run->argument)),
        BL_STORE_NEWEST, run->limit, show_row, &rows, &diag);

    if (bl_is_ok(result) && rows.count == 0) {
        result = not_there(run, &none, false, &diag);
        return bl_policy_store_failed(run, result, &diag);
    }
    return end_rows(&rows, result, &diag);
}
