/*
 * Bytes of a store's file that changed by themselves: whatever they are, reading gives what was
 * written, or says that it is damaged; and nothing crashes or hangs, also when writing goes on.
 *
 * Prints its seed; BL_TEST_SEED sets it.
 */
#include "support/store_fixture.h"

#include <fcntl.h>
#include <time.h>

#include "base/siphash.h"

#define ROUNDS 400
#define KEYS 40

static uint64_t seed, drawn;

/* The next number below `bound`. */
static uint64_t draw(uint64_t bound) {
    uint8_t key[BL_SIPHASH_KEY_BYTES] = {0};
    memcpy(key, &seed, sizeof(seed));
    drawn++;
    return bl_siphash64(key, &drawn, sizeof(drawn)) % bound;
}

/* Under "policy/t/<i>": i, as often as its size says. */
static void text_of(size_t i, char out[9000]) {
    size_t len = 10 + i * i * 5;
    memset(out, 'a' + (int)(i % 26), len);
    out[len] = '\0';
}

static void fill(void) {
    char key[32], text[9000];
    for (size_t i = 0; i < KEYS; i++) {
        (void)snprintf(key, sizeof(key), "policy/t/%zu", i);
        text_of(i, text);
        put(key, text);
        put(key, text);
        if (i % 8 == 7) {
            must(change(key, NULL, BL_STORE_EXPECT_ANY, 0, NULL));
        }
    }
}

static size_t wrong, whole, damaged;

static bool check_entry(void *user, const struct bl_store_entry *entry) {
    char expected[9000];

    (void)user;
    if (entry->damaged) {
        damaged++;
        return true;
    }
    size_t i = entry->key.len > 9 ? strtoul(entry->key.data + 9, NULL, 10) : KEYS;
    bool known = i < KEYS && bl_str_starts_with(entry->key, BL_STR("policy/t/"));
    if (known && entry->deleted) {
        known = i % 8 == 7;
    } else if (known) {
        text_of(i, expected);
        known = bl_str_equal_c(entry->value, expected);
    }
    wrong += !known;
    whole += known;
    return true;
}

/* Everything that a reader and a writer do; errors are fine. */
static size_t use(void) {
    size_t errors = 0;
    uint64_t revision;
    bool changed;

    errors += bl_is_error(bl_store_has_changed(store, &changed, &store_diag));
    errors += bl_is_error(bl_store_changes(store, 0, check_entry, NULL, &revision, &store_diag));
    errors += bl_is_error(bl_store_list(store, BL_STR("policy/"), BL_STR_ABSENT, 1000, check_entry,
                                        NULL, &store_diag));
    errors += bl_is_error(bl_store_history(store, BL_STR("policy/t/3"), BL_STORE_NEWEST, 100,
                                           check_entry, NULL, &store_diag));
    errors += bl_is_error(change("policy/t/new", "x", BL_STORE_EXPECT_ANY, 0, NULL));
    errors += bl_is_error(change("policy/t/3", NULL, BL_STORE_EXPECT_ANY, 0, NULL));
    return errors;
}

static void changed_bytes_are_never_served(void **state) {
    (void)state;
    static char bytes[1000000], copy[1000000];
    size_t errors = 0, refused = 0;

    fill();
    bl_store_close(store);
    store = NULL;
    int fd = open(store_path, O_RDONLY);
    ssize_t len = read(fd, bytes, sizeof(bytes));
    assert_int_equal(close(fd), 0);
    assert_in_range(len, 100000, sizeof(bytes) - 1);
    for (int round = 0; round < ROUNDS; round++) {
        memcpy(copy, bytes, (size_t)len);
        uint64_t count = 1 + draw(4);
        for (uint64_t i = 0; i < count; i++) {
            /* half of them where tables and indexes have their structure */
            size_t at = draw(2) == 0 ? draw((uint64_t)len) : draw(8) * 4096 + draw(256);
            copy[at] = (char)(copy[at] ^ (1 << draw(8)));
        }
        bl_store_close(store);
        store = NULL;
        char log[256];
        (void)snprintf(log, sizeof(log), "%s-wal", store_path);
        (void)unlink(log);
        (void)snprintf(log, sizeof(log), "%s-shm", store_path);
        (void)unlink(log);
        fd = open(store_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        assert_int_equal(write(fd, copy, (size_t)len), len);
        assert_int_equal(close(fd), 0);
        if (bl_is_error(open_with((struct bl_store_sqlite_options){0}))) {
            assert_true(store_diag.message[0] != '\0' && store_diag.hint[0] != '\0');
            refused++;
        } else {
            errors += use();
        }
        if (wrong > 0) {
            fail_msg("round %d of seed %" PRIu64 ": %zu wrong", round, seed, wrong);
        }
    }
    assert_true(whole > ROUNDS && damaged > 0 && errors > 0 && refused > 0);
    print_message("%d rounds: %zu refused, %zu errors, %zu entries damaged, %zu whole\n", ROUNDS,
                  refused, errors, damaged, whole);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(changed_bytes_are_never_served, set_up_store,
                                        tear_down_store),
    };
    const char *given = getenv("BL_TEST_SEED");
    seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("seed %" PRIu64 "\n", seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
