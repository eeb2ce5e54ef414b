/*
 * A store: revisioned keys and values, with history, compare-and-set and watch.
 *
 * Every change has an author, a time, a message and a revision; revisions are one rising number for
 * the whole store and are never given twice. What was written stays readable as history, up to a
 * bound. A batch is one transaction: readers see all of it or nothing. Whoever watches keeps the
 * last revision that he has seen, asks cheaply whether there is more, and reads what changed.
 *
 * What is behind it is the business of who opens it (store/sqlite.h) and of a table of functions
 * (store/backend.h). A handle belongs to one thread; several handles and processes may use one store.
 *
 * Errors of all functions: INVALID_REQUEST (a limit below), PRECONDITION_FAILED (compare-and-set),
 * FORBIDDEN (read-only), RESOURCE_EXHAUSTED (full, or memory), UNAVAILABLE (locked, input/output),
 * INTERNAL (damaged). `diag` has the message and what to do, and after an error nothing was written.
 */
#ifndef BL_STORE_STORE_H
#define BL_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/result.h"
#include "base/str.h"

#define BL_STORE_KEY_MAX 640 /* bytes; a prefix and two ids of 255 fit */
#define BL_STORE_VALUE_MAX 1048576
#define BL_STORE_AUTHOR_MAX 256
#define BL_STORE_MESSAGE_MAX 4096
#define BL_STORE_KEYS_MAX 100000 /* deleted ones that are remembered included */
#define BL_STORE_BATCH_MAX 100000

#define BL_STORE_NEWEST UINT64_MAX

struct bl_store;

enum bl_store_expect {
    BL_STORE_EXPECT_ANY,
    BL_STORE_EXPECT_ABSENT,   /* never written, or deleted */
    BL_STORE_EXPECT_REVISION, /* the key's newest revision; a deleted key's is that of its end */
};

/* One change of a batch. */
struct bl_store_change {
    struct bl_str key;   /* 1 to BL_STORE_KEY_MAX bytes of visible ASCII */
    struct bl_str value; /* any bytes; absent = delete the key, which must be there */
    enum bl_store_expect expect;
    uint64_t expected_revision;
    uint64_t revision; /* set when it is written */
};

/* Who changed something, and why: UTF-8, both may be empty. */
struct bl_store_note {
    struct bl_str author;
    struct bl_str message;
    int64_t time_ms;
};

/* One revision of a key. */
struct bl_store_entry {
    struct bl_str key;
    struct bl_str value; /* absent when deleted or damaged */
    struct bl_str author, message;
    uint64_t revision;
    int64_t time_ms;
    uint64_t hash[2]; /* SipHash-128 of key and value, the same in every store */
    bool deleted;
    bool damaged; /* key, value or deletion are not what was written */
};

/* Sees an entry, whose views end with the call; must not use the store. False ends the walk. */
typedef bool (*bl_store_visit_fn)(void *user, const struct bl_store_entry *entry);

void bl_store_close(struct bl_store *store); /* NULL is fine */

/* Writes all changes in order, or none. No key may come twice. */
BL_MUST_USE bl_result bl_store_apply(struct bl_store *store, struct bl_store_change *changes,
                                     size_t count, const struct bl_store_note *note,
                                     struct bl_diag *diag);

/* The key as it was at revision `at`, or BL_STORE_NEWEST, copied into `arena`. Not `*found`: it was
 * not there yet, or that part of its history is given up. A deleted key is found, as deleted. A
 * damaged value is INTERNAL. */
BL_MUST_USE bl_result bl_store_get(struct bl_store *store, struct bl_str key, uint64_t at,
                                   struct bl_arena *arena, struct bl_store_entry *entry,
                                   bool *found, struct bl_diag *diag);

/* Keys that are there and begin with `prefix`, in the order of their bytes, after the key `after`
 * (absent = from the start), at most `limit`. */
BL_MUST_USE bl_result bl_store_list(struct bl_store *store, struct bl_str prefix,
                                    struct bl_str after, size_t limit, bl_store_visit_fn visit,
                                    void *user, struct bl_diag *diag);

/* Revisions of a key below `before` (BL_STORE_NEWEST = all), newest first, deletions included, at
 * most `limit`. */
BL_MUST_USE bl_result bl_store_history(struct bl_store *store, struct bl_str key, uint64_t before,
                                       size_t limit, bl_store_visit_fn visit, void *user,
                                       struct bl_diag *diag);

/* The newest revision of each key that changed after revision `since` (0 = every key, deleted ones
 * included), oldest change first, as of one moment; `*revision` gets that of the store then.
 * PRECONDITION_FAILED: a deletion after `since` is forgotten, or the store is behind `since`; begin
 * again with 0. */
BL_MUST_USE bl_result bl_store_changes(struct bl_store *store, uint64_t since,
                                       bl_store_visit_fn visit, void *user, uint64_t *revision,
                                       struct bl_diag *diag);

/* Whether another handle wrote since this was asked last; the first time yes. Cheap enough to ask
 * many times a second. */
BL_MUST_USE bl_result bl_store_has_changed(struct bl_store *store, bool *changed,
                                           struct bl_diag *diag);

#endif
