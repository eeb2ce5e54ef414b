/*
 * beamline policy put, get, list, history, rollback, delete and import: policies in a store.
 * Private to this folder.
 */
#ifndef BL_CLI_POLICY_STORE_H
#define BL_CLI_POLICY_STORE_H

#include <stdint.h>

#include "base/diag.h"
#include "base/result.h"
#include "json/writer.h"
#include "store/policy_key.h"
#include "store/store.h"

#define BL_NO_REVISION UINT64_MAX

/* One run of one subcommand. */
struct bl_policy_store_run {
    const char *command;
    const char *argument; /* FILE, ID or FOLDER; NULL where there is none */
    const char *tenant;   /* NULL = not given */
    const char *policy_id;
    const char *message;
    char author[BL_STORE_AUTHOR_MAX];
    uint64_t if_revision; /* these three BL_NO_REVISION = not given */
    uint64_t revision;
    uint64_t to;
    size_t limit;
    bool json;
    bool prune;
    bool dry_run;
    bool warn_unknown_keys; /* policies.unknown_keys */
    const char *store_path;
    const char *directory; /* policies.directory, whose files win; NULL = none */
    struct bl_store *store;
};

/* Whether `word` is one of the subcommands. */
bool bl_policy_store_has(const char *word);

/* The subcommands: exit codes. */
int bl_policy_store_put(struct bl_policy_store_run *run);
int bl_policy_store_get(struct bl_policy_store_run *run);
int bl_policy_store_list(struct bl_policy_store_run *run);
int bl_policy_store_history(struct bl_policy_store_run *run);
int bl_policy_store_rollback(struct bl_policy_store_run *run);
int bl_policy_store_delete(struct bl_policy_store_run *run);
int bl_policy_store_import(struct bl_policy_store_run *run);

/* Tenant that is meant: the one given, or `demo`. */
struct bl_str bl_policy_store_tenant(const struct bl_policy_store_run *run);

/* Author, time and message of a change; `message` where none was given. */
struct bl_store_note bl_policy_store_note(const struct bl_policy_store_run *run,
                                          const char *message);

/* Says what failed, with its hint; always BL_EXIT_FAILED. */
int bl_policy_store_failed(const struct bl_policy_store_run *run, bl_result result,
                           const struct bl_diag *diag);

/* Whether the text may be written as that policy. Shows its findings. */
bool bl_policy_store_compiles(const struct bl_policy_store_run *run, const char *name,
                              struct bl_str text, struct bl_str tenant, struct bl_str policy_id);

/* policy_store_present.c: entries for people and programs. */
void bl_present_entry_json(struct bl_json_writer *writer, const struct bl_store_entry *entry,
                           bool with_document);
void bl_present_entry_heading(bool with_name);
void bl_present_entry_row(const struct bl_store_entry *entry, bool with_name);
/* Prints what `write` writes, one line of JSON. */
bool bl_print_json(size_t bytes_max, void (*write)(struct bl_json_writer *writer, const void *user),
                   const void *user);

#endif
