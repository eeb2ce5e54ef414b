/*
 * Processes that write to one store at the same time: of those that build upon the same revision
 * exactly one wins, nothing is lost, and a reader sees each batch whole.
 */
#include "support/store_fixture.h"

#include <sys/wait.h>

#define WRITERS 3
#define WINS 60

/* Counts one up upon the newest revision until this process has won WINS times. */
static void count_up(void) {
    const struct bl_store_sqlite_options options = {.create = true, .busy_timeout_ms = 10000};
    const struct bl_store_note note = {BL_STR("racer"), BL_STR(""), 0};
    struct bl_store *mine;
    struct bl_arena arena;
    struct bl_diag diag;
    int wins = 0;

    if (bl_is_error(bl_store_sqlite_open(store_path, &options, &mine, &diag))) {
        _exit(2);
    }
    bl_arena_init(&arena, 4096, 1048576);
    while (wins < WINS) {
        struct bl_store_entry entry;
        bool found;
        char text[24];
        bl_arena_reset(&arena);
        if (bl_is_error(
                bl_store_get(mine, BL_STR("n"), BL_STORE_NEWEST, &arena, &entry, &found, &diag))) {
            _exit(3);
        }
        unsigned long number = found ? strtoul(entry.value.data, NULL, 10) : 0;
        (void)snprintf(text, sizeof(text), "%lu", number + 1);
        struct bl_store_change pair[] = {
            {.key = BL_STR("n"),
             .value = bl_str_from_c(text),
             .expect = found ? BL_STORE_EXPECT_REVISION : BL_STORE_EXPECT_ABSENT,
             .expected_revision = found ? entry.revision : 0},
            {.key = BL_STR("twin"), .value = bl_str_from_c(text)}};
        bl_result result = bl_store_apply(mine, pair, 2, &note, &diag);
        if (bl_is_ok(result)) {
            wins++;
        } else if (result.error != BL_E_PRECONDITION_FAILED) {
            _exit(4);
        }
    }
    bl_arena_fini(&arena);
    bl_store_close(mine);
    _exit(0);
}

static bool see_pair(void *user, const struct bl_store_entry *entry) {
    uint64_t *seen = user;
    uint64_t number = strtoull(entry->value.data, NULL, 10);
    assert_true(seen[0] == 0 || seen[0] == number); /* both of one batch */
    seen[0] = number;
    return true;
}

static bool is_one_after(void *user, const struct bl_store_entry *entry) {
    uint64_t *last = user;
    uint64_t number = strtoull(entry->value.data, NULL, 10);
    assert_int_equal(number, *last - 1);
    *last = number;
    return true;
}

static void of_writers_upon_one_revision_one_wins(void **state) {
    (void)state;
    pid_t writers[WRITERS];
    int running = WRITERS;
    uint64_t looks = 0;

    make_store_folder();
    for (int i = 0; i < WRITERS; i++) { /* they also race to make it */
        writers[i] = fork();
        assert_true(writers[i] >= 0);
        if (writers[i] == 0) {
            count_up();
        }
    }
    while (running > 0) {
        uint64_t seen = 0, revision;
        int status;
        pid_t ended = waitpid(-1, &status, WNOHANG);
        if (ended > 0) {
            assert_true(WIFEXITED(status));
            assert_int_equal(WEXITSTATUS(status), 0);
            running--;
        }
        if (store == NULL) {
            (void)open_with((struct bl_store_sqlite_options){.read_only = true});
        } else {
            must(bl_store_changes(store, 0, see_pair, &seen, &revision, &store_diag));
            assert_int_equal(revision, 2 * seen);
            looks++;
        }
    }
    must(open_with((struct bl_store_sqlite_options){0}));
    assert_string_equal(value_of("n", BL_STORE_NEWEST), "180");
    uint64_t last = WRITERS * WINS + 1;
    must(bl_store_history(store, BL_STR("n"), BL_STORE_NEWEST, 1000, is_one_after, &last,
                          &store_diag));
    assert_int_equal(last, WRITERS * WINS - BL_STORE_HISTORY_DEFAULT + 1);
    assert_true(looks > 10);
    print_message("%" PRIu64 " looks meanwhile\n", looks);
    (void)tear_down_store(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_writers_upon_one_revision_one_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
