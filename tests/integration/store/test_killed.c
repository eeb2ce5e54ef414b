/*
 * Processes that are killed while they write to a store.
 *
 * A child writes batches: the number of the batch under five keys, in values that need several
 * pages, and acknowledges each through a pipe. It is killed at random moments, and at each single
 * step that changes a file: before it, halfway through a write, and with everything gone that was
 * not synced, as after a power cut. Then the store must be whole: integrity_check is content, all
 * five keys have the same number, it is at least the acknowledged one, and writing goes on.
 */
#include "support/store_fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "support/fault_vfs.h"

#define KEYS 5
#define VALUE_BYTES 9000
#define RANDOM_ROUNDS 40

/* One batch: under each key a value that begins with `number`. */
static bl_result write_batch(struct bl_store *into, uint64_t number) {
    static char values[KEYS][VALUE_BYTES];
    static char keys[KEYS][8];
    struct bl_store_change changes[KEYS];
    const struct bl_store_note note = {BL_STR("child"), BL_STR(""), (int64_t)number};
    struct bl_diag diag;

    for (size_t i = 0; i < KEYS; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
        memset(values[i], 'a' + (int)(number % 26), VALUE_BYTES);
        (void)snprintf(values[i], 24, "%" PRIu64, number);
        changes[i] = (struct bl_store_change){.key = bl_str_from_c(keys[i]),
                                              .value = {values[i], VALUE_BYTES}};
    }
    return bl_store_apply(into, changes, KEYS, &note, &diag);
}

/* The child: opens or makes the store, and writes `count` batches after `from`. */
static void write_and_acknowledge(uint64_t from, uint64_t count, int acknowledge) {
    const struct bl_store_sqlite_options options = {.create = true, .history_max = 4};
    struct bl_store *mine;
    struct bl_diag diag;

    if (bl_is_error(bl_store_sqlite_open(store_path, &options, &mine, &diag))) {
        _exit(2);
    }
    for (uint64_t number = from + 1; number <= from + count; number++) {
        if (bl_is_error(write_batch(mine, number)) ||
            write(acknowledge, &number, sizeof(number)) != sizeof(number)) {
            _exit(3);
        }
    }
    bl_store_close(mine);
    _exit(0);
}

struct outcome {
    bool killed;
    uint64_t acknowledged;
};

/* Runs the child; `kill_after_us` 0 = only its own fault ends it. */
static struct outcome run_child(enum fault_kind kind, uint64_t step, uint64_t from, uint64_t count,
                                useconds_t kill_after_us) {
    struct outcome outcome = {false, from};
    uint64_t number;
    int ends[2], status;

    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        fault_vfs_arm(kind, step);
        write_and_acknowledge(from, count, ends[1]);
    }
    assert_int_equal(close(ends[1]), 0);
    if (kill_after_us > 0) {
        (void)usleep(kill_after_us);
        assert_int_equal(kill(child, SIGKILL), 0);
    }
    while (read(ends[0], &number, sizeof(number)) == sizeof(number)) {
        outcome.acknowledged = number;
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(close(ends[0]), 0);
    outcome.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    assert_true(outcome.killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    return outcome;
}

static void check_integrity(void) {
    sqlite3 *db;
    sqlite3_stmt *statement;

    assert_int_equal(sqlite3_open(store_path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(statement, 0), "ok");
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* What all keys have, or 0 for an empty store. */
struct found {
    uint64_t number;
    int keys;
};

static bool check_entry(void *user, const struct bl_store_entry *entry) {
    struct found *found = user;

    assert_false(entry->damaged);
    assert_false(entry->deleted);
    assert_int_equal(entry->value.len, VALUE_BYTES);
    uint64_t number = strtoull(entry->value.data, NULL, 10);
    assert_true(found->keys == 0 || number == found->number);
    found->number = number;
    found->keys++;
    return true;
}

/* The number of the newest batch, after everything was checked; writing goes on with the next. */
static uint64_t check_store(uint64_t acknowledged) {
    struct found found = {0, 0};
    uint64_t revision;

    if (access(store_path, F_OK) != 0) { /* killed before it was made */
        assert_int_equal(acknowledged, 0);
        return 0;
    }
    check_integrity();
    must(open_with((struct bl_store_sqlite_options){.history_max = 4}));
    must(bl_store_changes(store, 0, check_entry, &found, &revision, &store_diag));
    assert_true(found.keys == 0 || found.keys == KEYS);
    assert_true(found.number >= acknowledged && found.number <= acknowledged + 1);
    assert_int_equal(revision, found.number * KEYS);
    return found.number;
}

static void go_on_writing(uint64_t number) {
    if (store == NULL) {
        must(open_with((struct bl_store_sqlite_options){.create = true}));
    }
    must(write_batch(store, number + 1));
    bl_store_close(store);
    store = NULL;
    assert_int_equal(check_store(number + 1), number + 1);
    bl_store_close(store);
    store = NULL;
}

static void at_random_moments(void **state) {
    (void)state;
    uint64_t number = 0, killed = 0;

    srand((unsigned)time(NULL)); /* moments depend on the machine anyway */
    for (int round = 0; round < RANDOM_ROUNDS; round++) {
        struct outcome outcome =
            run_child(FAULT_NONE, 0, number, 1000000, (useconds_t)(1000 + rand() % 60000));
        killed += outcome.killed;
        number = check_store(outcome.acknowledged);
        bl_store_close(store); /* on: what the kill left is also found by the next child */
        store = NULL;
    }
    go_on_writing(number);
    assert_int_equal(killed, RANDOM_ROUNDS);
    print_message("%d kills, %" PRIu64 " batches\n", RANDOM_ROUNDS, number);
}

/* A new store for each step, until the child gets through. */
static void at_each_step(enum fault_kind kind, const char *name) {
    uint64_t step = 1, unacknowledged = 0;

    for (bool killed = true; killed; step++) {
        make_store_folder();
        struct outcome outcome = run_child(kind, step, 0, 3, 0);
        uint64_t number = check_store(outcome.acknowledged);
        unacknowledged += number - outcome.acknowledged;
        go_on_writing(number);
        killed = outcome.killed;
        remove_store_folder();
    }
    assert_true(step > 40);
    print_message("%s: %" PRIu64 " steps, %" PRIu64 " batches there but not acknowledged\n", name,
                  step - 2, unacknowledged);
}

static void before_each_step(void **state) {
    (void)state;
    at_each_step(FAULT_KILL, "before");
}

static void halfway_through_each_write(void **state) {
    (void)state;
    at_each_step(FAULT_KILL_HALFWAY, "halfway");
}

static void with_what_was_not_synced_gone(void **state) {
    (void)state;
    at_each_step(FAULT_POWER_CUT, "power cut");
}

static int set_up_folder(void **state) {
    (void)state;
    make_store_folder();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(at_random_moments, set_up_folder, tear_down_store),
        cmocka_unit_test(before_each_step),
        cmocka_unit_test(halfway_through_each_write),
        cmocka_unit_test(with_what_was_not_synced_gone),
    };
    fault_vfs_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
