#include "store/store.h"

#include "base/map.h"
#include "base/siphash.h"
#include "base/text.h"
#include "store/backend.h"

void bl_store_hash(struct bl_str key, struct bl_str value, uint64_t out[2]) {
    static const uint8_t purpose[BL_SIPHASH_KEY_BYTES] = "beamline.store1";
    struct bl_siphash state;

    bl_siphash_begin128(&state, purpose);
    bl_siphash_add_piece(&state, key.data, key.len);
    if (bl_str_is_present(value)) {
        bl_siphash_add_piece(&state, value.data, value.len);
    }
    bl_siphash_end128(&state, out);
}

static bool is_key(struct bl_str key, size_t len_min) {
    bool good = bl_str_is_present(key) && key.len >= len_min && key.len <= BL_STORE_KEY_MAX;

    for (size_t i = 0; good && i < key.len; i++) {
        good = key.data[i] > 0x20 && key.data[i] < 0x7f;
    }
    return good;
}

static bl_result check_key(struct bl_str key, struct bl_diag *diag) {
    if (is_key(key, 1)) {
        return BL_OK;
    }
    bl_diag_message(diag, "this is not a key: '%.*s'", (int)(key.len < 100 ? key.len : 100),
                    key.data != NULL ? key.data : "");
    bl_diag_hint(diag, "1 to %d visible ASCII characters", BL_STORE_KEY_MAX);
    return BL_FAIL(INVALID_REQUEST);
}

static bl_result check_text(const char *what, struct bl_str text, size_t max,
                            struct bl_diag *diag) {
    if (text.len > max) {
        bl_diag_message(diag, "the %s has %zu bytes", what, text.len);
        bl_diag_hint(diag, "%zu at most", max);
        return BL_FAIL(INVALID_REQUEST);
    }
    if (!bl_utf8_valid(text) || (text.len > 0 && memchr(text.data, 0, text.len) != NULL)) {
        bl_diag_message(diag, "the %s is not UTF-8 text", what);
        return BL_FAIL(INVALID_REQUEST);
    }
    return BL_OK;
}

static bl_result check_change(const struct bl_store_change *change, struct bl_diag *diag) {
    BL_TRY(check_key(change->key, diag));
    if (change->value.len > BL_STORE_VALUE_MAX) {
        bl_diag_message(diag, "the value of '%.*s' has %zu bytes", BL_STR_ARG(change->key),
                        change->value.len);
        bl_diag_hint(diag, "%d at most", BL_STORE_VALUE_MAX);
        return BL_FAIL(INVALID_REQUEST);
    }
    return BL_OK;
}

/* A key twice in one batch would leave open which expectation is meant. */
static bl_result check_distinct(const struct bl_store_change *changes, size_t count,
                                struct bl_diag *diag) {
    struct bl_map seen;
    bl_result result = BL_OK;

    BL_TRY(bl_map_init(&seen, count, 0, NULL));
    for (size_t i = 0; i < count && bl_is_ok(result); i++) {
        if (bl_map_find(&seen, changes[i].key) != NULL) {
            bl_diag_message(diag, "'%.*s' stands twice in one batch", BL_STR_ARG(changes[i].key));
            result = BL_FAIL(INVALID_REQUEST);
        } else {
            result = bl_map_put(&seen, changes[i].key, (union bl_map_value){.number = i});
        }
    }
    bl_map_fini(&seen);
    return result;
}

void bl_store_close(struct bl_store *store) {
    if (store != NULL) {
        store->backend->close(store);
    }
}

bl_result bl_store_apply(struct bl_store *store, struct bl_store_change *changes, size_t count,
                         const struct bl_store_note *note, struct bl_diag *diag) {
    bl_diag_clear(diag);
    if (count > BL_STORE_BATCH_MAX) {
        bl_diag_message(diag, "%zu changes at once; %d at most", count, BL_STORE_BATCH_MAX);
        return BL_FAIL(INVALID_REQUEST);
    }
    BL_TRY(check_text("author", note->author, BL_STORE_AUTHOR_MAX, diag));
    BL_TRY(check_text("message", note->message, BL_STORE_MESSAGE_MAX, diag));
    for (size_t i = 0; i < count; i++) {
        BL_TRY(check_change(&changes[i], diag));
    }
    if (count > 1) {
        BL_TRY(check_distinct(changes, count, diag));
    }
    return count == 0 ? BL_OK : store->backend->apply(store, changes, count, note, diag);
}

/* An entry on its way into an arena. */
struct copy {
    struct bl_arena *arena;
    struct bl_store_entry *entry;
    bool found;
    bool out_of_memory;
};

static bool copy_text(struct copy *copy, struct bl_str *text) {
    return !bl_str_is_present(*text) || bl_is_ok(bl_arena_copy(copy->arena, *text, text));
}

static bool copy_entry(void *user, const struct bl_store_entry *entry) {
    struct copy *copy = user;

    *copy->entry = *entry;
    copy->found = true;
    copy->out_of_memory =
        !copy_text(copy, &copy->entry->key) || !copy_text(copy, &copy->entry->value) ||
        !copy_text(copy, &copy->entry->author) || !copy_text(copy, &copy->entry->message);
    return false;
}

bl_result bl_store_get(struct bl_store *store, struct bl_str key, uint64_t at,
                       struct bl_arena *arena, struct bl_store_entry *entry, bool *found,
                       struct bl_diag *diag) {
    struct copy copy = {.arena = arena, .entry = entry};

    bl_diag_clear(diag);
    *found = false;
    BL_TRY(check_key(key, diag));
    BL_TRY(store->backend->get(store, key, at, copy_entry, &copy, diag));
    if (copy.out_of_memory) {
        bl_diag_message(diag, "out of memory");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    if (copy.found && entry->damaged) {
        bl_diag_message(diag, "revision %llu of '%.*s' is damaged",
                        (unsigned long long)entry->revision, BL_STR_ARG(key));
        bl_diag_hint(diag, "take an earlier revision, or write it anew");
        return BL_FAIL(INTERNAL);
    }
    *found = copy.found;
    return BL_OK;
}

bl_result bl_store_list(struct bl_store *store, struct bl_str prefix, struct bl_str after,
                        size_t limit, bl_store_visit_fn visit, void *user, struct bl_diag *diag) {
    bl_diag_clear(diag);
    if (!is_key(prefix, 0)) {
        return check_key(prefix, diag);
    }
    if (bl_str_is_present(after)) {
        BL_TRY(check_key(after, diag));
    }
    return store->backend->list(store, prefix, after, limit, visit, user, diag);
}

bl_result bl_store_history(struct bl_store *store, struct bl_str key, uint64_t before, size_t limit,
                           bl_store_visit_fn visit, void *user, struct bl_diag *diag) {
    bl_diag_clear(diag);
    BL_TRY(check_key(key, diag));
    return store->backend->history(store, key, before, limit, visit, user, diag);
}

bl_result bl_store_changes(struct bl_store *store, uint64_t since, bl_store_visit_fn visit,
                           void *user, uint64_t *revision, struct bl_diag *diag) {
    bl_diag_clear(diag);
    return store->backend->changes(store, since, visit, user, revision, diag);
}

bl_result bl_store_has_changed(struct bl_store *store, bool *changed, struct bl_diag *diag) {
    bl_diag_clear(diag);
    *changed = false;
    return store->backend->has_changed(store, changed, diag);
}
