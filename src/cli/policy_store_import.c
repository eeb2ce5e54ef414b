/* beamline policy import: bringing a store to what a folder says, in one transaction. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/policy_directory.h"
#include "base/map.h"
#include "cli/command.h"
#include "cli/offline.h"
#include "cli/policy_store.h"
#include "cli/present.h"
#include "policy/compile.h"

#define ARENA_BYTES ((size_t)1024 * 1024 * 1024)

enum fate { SAME, NEW, CHANGED, GONE };

/* One policy of the folder, the store, or both. */
struct item {
    struct bl_str key;
    struct bl_str text; /* in the folder; absent = not there */
    uint64_t revision;  /* in the store; 0 = not there */
    enum fate fate;
};

struct import {
    struct bl_policy_store_run *run;
    struct bl_policy_directory *directory;
    struct bl_arena arena;
    struct bl_map by_key; /* of items */
    struct item **items;  /* files in their order, then what only the store has */
    size_t count, capacity;
    size_t problems;
    bool out_of_memory;
    size_t counts[GONE + 1];
};

/* An item that is not known yet. */
static struct item *add(struct import *import, struct bl_str key) {
    struct item *item = bl_arena_calloc(&import->arena, 1, sizeof(*item));

    if (item == NULL || import->count == import->capacity ||
        bl_is_error(bl_arena_copy(&import->arena, key, &item->key)) ||
        bl_is_error(
            bl_map_put(&import->by_key, item->key, (union bl_map_value){.pointer = item}))) {
        import->out_of_memory = true;
        return NULL;
    }
    import->items[import->count++] = item;
    return item;
}

static void on_finding(void *user, const char *path, const struct bl_diag *finding) {
    struct import *import = user;
    struct bl_findings *one = calloc(1, sizeof(*one));

    import->problems += finding->severity == BL_SEVERITY_ERROR;
    if (one != NULL) {
        *bl_findings_add(one, finding->severity) = *finding;
        bl_present_findings(stderr, path, one);
        free(one);
    }
}

/* A file that compiled; what is read now is what will be written, so it is compiled again. */
static void on_file(void *user, const struct bl_policy_file *file) {
    struct import *import = user;
    const struct bl_policy *policy = file->policy;
    struct bl_policy_key key;
    struct item *item;
    char *text;
    size_t len;

    if (policy == NULL || import->out_of_memory || import->problems > 0) {
        return;
    }
    if (!bl_read_file(file->path, BL_POLICY_MAX_BYTES, &text, &len)) {
        import->problems++;
        return;
    }
    struct bl_policy_options options = {.warn_unknown_keys = import->run->warn_unknown_keys};
    struct bl_findings *findings = calloc(1, sizeof(*findings));
    struct bl_policy *again = NULL;
    bl_result result = findings == NULL
                           ? BL_FAIL(RESOURCE_EXHAUSTED)
                           : bl_policy_compile((struct bl_str){text, len}, policy->tenant_id,
                                               policy->policy_id, &options, &again, findings);
    if (bl_is_error(result)) {
        fprintf(stderr, "%s: was changed while it was read; import again\n", file->path);
        import->problems++;
    } else {
        bl_policy_unref(again);
        item = add(import, bl_policy_key_make(&key, policy->tenant_id, policy->policy_id));
        if (item != NULL &&
            bl_is_error(bl_arena_copy(&import->arena, (struct bl_str){text, len}, &item->text))) {
            import->out_of_memory = true;
        }
    }
    free(findings);
    free(text);
}

static bool on_entry(void *user, const struct bl_store_entry *entry) {
    struct import *import = user;
    union bl_map_value *known = bl_map_find(&import->by_key, entry->key);
    struct item *item = known != NULL ? known->pointer : add(import, entry->key);

    if (item == NULL) {
        return false;
    }
    item->revision = entry->revision;
    if (known == NULL) {
        item->fate = GONE;
    } else {
        item->fate = bl_str_equal(item->text, entry->value) ? SAME : CHANGED;
    }
    return true;
}

static void judge(struct import *import) {
    for (size_t i = 0; i < import->count; i++) {
        struct item *item = import->items[i];
        if (item->revision == 0) {
            item->fate = NEW;
        }
        import->counts[item->fate]++;
    }
}

static bl_result read_folder(struct import *import, struct bl_diag *diag) {
    bool changed;

    BL_TRY(
        bl_policy_directory_create(import->run->argument, on_finding, import, &import->directory));
    BL_TRY(bl_policy_directory_scan(import->directory, import->run->warn_unknown_keys, &changed));
    bl_policy_directory_each(import->directory, on_file, import);
    if (import->problems > 0) {
        bl_diag_message(diag, "%zu problems in %s; nothing was written", import->problems,
                        import->run->argument);
        bl_diag_hint(diag, "mend the files and import again");
        return BL_FAIL(INVALID_POLICY);
    }
    return import->out_of_memory ? BL_FAIL(RESOURCE_EXHAUSTED) : BL_OK;
}

static bl_result read_all(struct import *import, struct bl_diag *diag) {
    bl_diag_clear(diag);
    import->capacity = (size_t)BL_STORE_KEYS_MAX + BL_STORE_BATCH_MAX;
    import->items = calloc(import->capacity, sizeof(struct item *));
    if (import->items == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    BL_TRY(bl_map_init(&import->by_key, import->capacity, 0, NULL));
    BL_TRY(read_folder(import, diag));
    BL_TRY(bl_store_list(import->run->store, BL_STR(BL_POLICY_KEY_PREFIX), BL_STR_ABSENT,
                         BL_STORE_KEYS_MAX, on_entry, import, diag));
    judge(import);
    return import->out_of_memory ? BL_FAIL(RESOURCE_EXHAUSTED) : BL_OK;
}

/* Whatever changed in the store since it was read makes the whole import fail. */
static bl_result write_all(struct import *import, struct bl_diag *diag) {
    struct bl_store_note note = bl_policy_store_note(import->run, "import");
    struct bl_store_change *changes = calloc(import->count + 1, sizeof(*changes));
    size_t count = 0;

    if (changes == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    for (size_t i = 0; i < import->count; i++) {
        const struct item *item = import->items[i];
        if (item->fate == SAME || (item->fate == GONE && !import->run->prune)) {
            continue;
        }
        changes[count++] = (struct bl_store_change){
            .key = item->key,
            .value = item->text,
            .expect = item->fate == NEW ? BL_STORE_EXPECT_ABSENT : BL_STORE_EXPECT_REVISION,
            .expected_revision = item->revision};
    }
    bl_result result = bl_store_apply(import->run->store, changes, count, &note, diag);
    free(changes);
    return result;
}

static const char *word_of(const struct import *import, enum fate fate) {
    static const char *const words[] = {"same", "new", "changed", "gone"};

    return fate == GONE && !import->run->prune ? "only in the store" : words[fate];
}

static void tell_people(const struct import *import) {
    for (size_t i = 0; i < import->count; i++) {
        const struct item *item = import->items[i];
        struct bl_str tenant, policy_id;
        if (item->fate != SAME && bl_policy_key_read(item->key, &tenant, &policy_id)) {
            printf("%-8s %.*s/%.*s\n", word_of(import, item->fate), BL_STR_ARG(tenant),
                   BL_STR_ARG(policy_id));
        }
    }
    printf("%zu new, %zu changed, %zu %s, %zu the same%s\n", import->counts[NEW],
           import->counts[CHANGED], import->counts[GONE], word_of(import, GONE),
           import->counts[SAME], import->run->dry_run ? "; nothing was written" : "");
    if (import->counts[GONE] > 0 && !import->run->prune) {
        fputs("--prune deletes what is not in the folder\n", stderr);
    }
}

static void write_names(struct bl_json_writer *writer, const struct import *import,
                        struct bl_str name, enum fate fate) {
    bl_json_write_key(writer, name);
    bl_json_write_array_begin(writer);
    for (size_t i = 0; i < import->count; i++) {
        if (import->items[i]->fate == fate) {
            struct bl_str key = import->items[i]->key;
            size_t prefix = sizeof(BL_POLICY_KEY_PREFIX) - 1;
            bl_json_write_string(writer, (struct bl_str){key.data + prefix, key.len - prefix});
        }
    }
    bl_json_write_array_end(writer);
}

static void write_import(struct bl_json_writer *writer, const void *user) {
    const struct import *import = user;

    bl_json_write_object_begin(writer);
    bl_json_write_key(writer, BL_STR("ok"));
    bl_json_write_bool(writer, true);
    bl_json_write_key(writer, BL_STR("written"));
    bl_json_write_bool(writer, !import->run->dry_run);
    write_names(writer, import, BL_STR("new"), NEW);
    write_names(writer, import, BL_STR("changed"), CHANGED);
    write_names(writer, import, import->run->prune ? BL_STR("gone") : BL_STR("only_in_store"),
                GONE);
    bl_json_write_key(writer, BL_STR("same"));
    bl_json_write_uint64(writer, import->counts[SAME]);
    bl_json_write_object_end(writer);
}

int bl_policy_store_import(struct bl_policy_store_run *run) {
    struct import import = {.run = run};
    struct bl_diag diag;
    int code = BL_EXIT_OK;

    bl_arena_init(&import.arena, (size_t)256 * 1024, ARENA_BYTES);
    bl_result result = read_all(&import, &diag);
    if (bl_is_ok(result) && !run->dry_run) {
        result = write_all(&import, &diag);
    }
    if (bl_is_error(result)) {
        code = bl_policy_store_failed(run, result, &diag);
    } else if (run->json) {
        size_t bytes = 4096 + import.count * (BL_STORE_KEY_MAX + 8);
        code = bl_print_json(bytes, write_import, &import) ? BL_EXIT_OK : BL_EXIT_FAILED;
    } else {
        tell_people(&import);
    }
    bl_policy_directory_destroy(import.directory);
    bl_map_fini(&import.by_key);
    free(import.items);
    bl_arena_fini(&import.arena);
    return code;
}
