/*
 * A disk that is full or broken, from each step on.
 *
 * Every operation then either succeeds or fails with a message and a hint, nothing is half written,
 * what was acknowledged stays, and once the disk works again the same handle goes on.
 */
#include "support/store_fixture.h"

#include "support/fault_vfs.h"

#define VALUE_BYTES 20000

static char value[VALUE_BYTES];

static bl_result put_pair(const char *text) {
    const struct bl_store_note note = {BL_STR("ann"), BL_STR(""), 0};
    memset(value, '.', sizeof(value));
    memcpy(value, text, strlen(text));
    struct bl_store_change pair[] = {{.key = BL_STR("a"), .value = {value, sizeof(value)}},
                                     {.key = BL_STR("b"), .value = {value, sizeof(value)}}};
    return bl_store_apply(store, pair, 2, &note, &store_diag);
}

static bool same_in_both(void *user, const struct bl_store_entry *entry) {
    char *first = user;
    assert_false(entry->damaged);
    assert_true(first[0] == '\0' || first[0] == entry->value.data[0]);
    first[0] = entry->value.data[0];
    return true;
}

/* The letter that both keys begin with; 0 for none. */
static char letter_in_store(void) {
    char letter[2] = "";
    uint64_t revision;
    must(bl_store_changes(store, 0, same_in_both, letter, &revision, &store_diag));
    return letter[0];
}

/* One round: two pairs written while the disk fails at `step`. Whether it did. */
static bool fail_at(enum fault_kind kind, uint64_t step, enum bl_error expected) {
    char acknowledged = 0;
    bool failed = false;

    make_store_folder();
    fault_vfs_arm(FAULT_NONE, 0);
    must(open_with((struct bl_store_sqlite_options){.create = true}));
    must(put_pair("0"));
    acknowledged = '0';
    fault_vfs_arm(kind, step);
    for (char letter = '1'; letter <= '3'; letter++) {
        const char text[] = {letter, '\0'};
        bl_result result = put_pair(text);
        if (bl_is_ok(result)) {
            acknowledged = letter;
        } else {
            assert_int_equal(result.error, expected);
            assert_true(store_diag.message[0] != '\0' && store_diag.hint[0] != '\0');
            failed = true;
        }
    }
    fault_vfs_arm(FAULT_NONE, 0);
    char found = letter_in_store();
    assert_true(found == acknowledged);
    must(put_pair("z")); /* the same handle goes on */
    must(open_with((struct bl_store_sqlite_options){0}));
    assert_int_equal(letter_in_store(), 'z');
    bl_store_close(store);
    store = NULL;
    remove_store_folder();
    return failed;
}

static void fail_at_each_step(enum fault_kind kind, enum bl_error expected, const char *name) {
    uint64_t step = 1;
    while (fail_at(kind, step, expected)) {
        step++;
    }
    assert_true(step > 10);
    print_message("%s: %" PRIu64 " steps\n", name, step - 1);
}

static void a_full_disk(void **state) {
    (void)state;
    fail_at_each_step(FAULT_FULL, BL_E_RESOURCE_EXHAUSTED, "full");
}

static void a_broken_disk(void **state) {
    (void)state;
    fail_at_each_step(FAULT_BROKEN, BL_E_UNAVAILABLE, "broken");
}

static void making_a_store_on_a_failing_disk(void **state) {
    (void)state;
    static const enum fault_kind kinds[] = {FAULT_FULL, FAULT_BROKEN};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        for (uint64_t step = 1;; step++) {
            make_store_folder();
            fault_vfs_arm(kinds[i], step);
            bl_result result = open_with((struct bl_store_sqlite_options){.create = true});
            fault_vfs_arm(FAULT_NONE, 0);
            bool is_there = access(store_path, F_OK) == 0; /* then it is whole */
            must(open_with((struct bl_store_sqlite_options){.create = !is_there}));
            must(put_pair("1"));
            bl_store_close(store);
            store = NULL;
            remove_store_folder();
            if (bl_is_ok(result)) {
                assert_true(step > 5);
                break;
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk),
        cmocka_unit_test(a_broken_disk),
        cmocka_unit_test(making_a_store_on_a_failing_disk),
    };
    fault_vfs_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
