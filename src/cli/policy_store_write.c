/* beamline policy put, rollback and delete. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/offline.h"
#include "cli/policy_store.h"
#include "policy/policy.h"

#define ARENA_BYTES ((size_t)8 * 1024 * 1024)

/* What was done, to be told. */
struct outcome {
    const char *done; /* "put", "rolled back", "deleted" */
    struct bl_str tenant, policy_id;
    uint64_t revision, previous; /* previous 0 = there was none */
};

static void write_outcome(struct bl_json_writer *writer, const void *user) {
    const struct outcome *outcome = user;

    bl_json_write_object_begin(writer);
    bl_json_write_key(writer, BL_STR("ok"));
    bl_json_write_bool(writer, true);
    bl_json_write_member(writer, BL_STR("tenant_id"), outcome->tenant);
    bl_json_write_member(writer, BL_STR("policy_id"), outcome->policy_id);
    bl_json_write_key(writer, BL_STR("revision"));
    bl_json_write_uint64(writer, outcome->revision);
    bl_json_write_key(writer, BL_STR("previous_revision"));
    bl_json_write_uint64(writer, outcome->previous);
    bl_json_write_object_end(writer);
}

/* A file of the same policy makes a change of the store look as if it did nothing. */
static void warn_of_file(const struct bl_policy_store_run *run, const struct outcome *outcome) {
    static const char *const endings[] = {"yaml", "yml", "json"};
    struct bl_str tenant = outcome->tenant;
    char path[4096];

    if (run->directory == NULL) {
        return;
    }
    if (bl_str_equal_c(tenant, "*")) {
        tenant = BL_STR(BL_POLICY_KEY_SHARED);
    }
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%.*s/%.*s.%s", run->directory, BL_STR_ARG(tenant),
                       BL_STR_ARG(outcome->policy_id), endings[i]);
        if (access(path, F_OK) == 0) {
            fprintf(stderr, "note: %s holds this policy too, and wins over the store\n", path);
        }
    }
}

static int tell(const struct bl_policy_store_run *run, const struct outcome *outcome) {
    warn_of_file(run, outcome);
    if (run->json) {
        return bl_print_json(4096, write_outcome, outcome) ? BL_EXIT_OK : BL_EXIT_FAILED;
    }
    printf("%.*s/%.*s: %s, revision %llu", BL_STR_ARG(outcome->tenant),
           BL_STR_ARG(outcome->policy_id), outcome->done, (unsigned long long)outcome->revision);
    if (outcome->previous != 0) {
        printf(" after %llu", (unsigned long long)outcome->previous);
    }
    (void)fputc('\n', stdout);
    return BL_EXIT_OK;
}

/* Writes one change. The newest revision is read before to be told. */
static int change_policy(struct bl_policy_store_run *run, struct bl_store_change *change,
                         struct outcome *outcome, const char *message) {
    struct bl_store_note note = bl_policy_store_note(run, message);
    struct bl_store_entry head = {0};
    struct bl_arena arena;
    struct bl_diag diag;
    bool found = false;

    if (run->if_revision != BL_NO_REVISION) {
        change->expect = run->if_revision == 0 ? BL_STORE_EXPECT_ABSENT : BL_STORE_EXPECT_REVISION;
        change->expected_revision = run->if_revision;
    }
    bl_arena_init(&arena, (size_t)64 * 1024, ARENA_BYTES);
    bl_result result =
        bl_store_get(run->store, change->key, BL_STORE_NEWEST, &arena, &head, &found, &diag);
    if (bl_is_ok(result) || head.damaged) { /* a damaged revision can be replaced */
        result = bl_store_apply(run->store, change, 1, &note, &diag);
    }
    outcome->revision = change->revision;
    outcome->previous = head.revision;
    bl_arena_fini(&arena);
    return bl_is_ok(result) ? tell(run, outcome) : bl_policy_store_failed(run, result, &diag);
}

int bl_policy_store_put(struct bl_policy_store_run *run) {
    struct outcome outcome = {.done = "put", .tenant = bl_policy_store_tenant(run)};
    struct bl_policy_key key;
    char *text;
    size_t len;

    outcome.policy_id = run->policy_id != NULL ? bl_str_from_c(run->policy_id)
                                               : bl_offline_policy_id(run->argument);
    if (!bl_read_file(run->argument, BL_POLICY_MAX_BYTES, &text, &len)) {
        return BL_EXIT_FAILED;
    }
    struct bl_store_change change = {
        .key = bl_policy_key_make(&key, outcome.tenant, outcome.policy_id), .value = {text, len}};
    int code = BL_EXIT_FAILED;
    if (bl_policy_store_compiles(run, run->argument, change.value, outcome.tenant,
                                 outcome.policy_id)) {
        code = change_policy(run, &change, &outcome, "");
    }
    free(text);
    return code;
}

int bl_policy_store_delete(struct bl_policy_store_run *run) {
    struct outcome outcome = {.done = "deleted",
                              .tenant = bl_policy_store_tenant(run),
                              .policy_id = bl_str_from_c(run->argument)};
    struct bl_policy_key key;
    struct bl_store_change change = {
        .key = bl_policy_key_make(&key, outcome.tenant, outcome.policy_id), .value = BL_STR_ABSENT};

    return change_policy(run, &change, &outcome, "");
}

int bl_policy_store_rollback(struct bl_policy_store_run *run) {
    struct outcome outcome = {.done = "rolled back",
                              .tenant = bl_policy_store_tenant(run),
                              .policy_id = bl_str_from_c(run->argument)};
    char message[64];
    struct bl_policy_key key;
    struct bl_store_change change = {
        .key = bl_policy_key_make(&key, outcome.tenant, outcome.policy_id)};
    struct bl_store_entry old;
    struct bl_arena arena;
    struct bl_diag diag;
    bool found;
    int code = BL_EXIT_FAILED;

    (void)snprintf(message, sizeof(message), "rollback to %llu", (unsigned long long)run->to);
    bl_arena_init(&arena, (size_t)64 * 1024, ARENA_BYTES);
    bl_result result = bl_store_get(run->store, change.key, run->to, &arena, &old, &found, &diag);
    if (bl_is_ok(result) && (!found || old.revision != run->to || old.deleted)) {
        bl_diag_message(&diag, "%s",
                        old.revision == run->to && found
                            ? "that revision is a deletion"
                            : "the policy has no such revision, or no more");
        bl_diag_hint(&diag, "beamline policy history %s --tenant %.*s", run->argument,
                     BL_STR_ARG(outcome.tenant));
        result = BL_FAIL(POLICY_NOT_FOUND);
    }
    if (bl_is_error(result)) {
        code = bl_policy_store_failed(run, result, &diag);
    } else if (bl_policy_store_compiles(run, run->argument, old.value, outcome.tenant,
                                        outcome.policy_id)) {
        change.value = old.value;
        code = change_policy(run, &change, &outcome, message);
    }
    bl_arena_fini(&arena);
    return code;
}
