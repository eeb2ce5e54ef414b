#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

#define SEED UINT64_C(0x5eed)

static union bl_map_value number(uint64_t value) {
    return (union bl_map_value){.number = value};
}

static bool put(struct bl_map *map, const char *key, uint64_t value) {
    return bl_is_ok(bl_map_put(map, bl_str_from_c(key), number(value)));
}

static void test_put_find_remove(void **state) {
    (void)state;
    struct bl_map map;
    union bl_map_value removed = {0};
    assert_true(bl_is_ok(bl_map_init(&map, 8, SEED, NULL)));
    assert_null(bl_map_find(&map, BL_STR("a")));
    assert_true(put(&map, "a", 1));
    assert_true(put(&map, "", 2)); /* an empty key is a key */
    assert_int_equal(map.count, 2);
    assert_int_equal(bl_map_find(&map, BL_STR("a"))->number, 1);
    assert_int_equal(bl_map_find(&map, BL_STR(""))->number, 2);
    bl_map_find(&map, BL_STR("a"))->number = 7;
    assert_true(bl_map_remove(&map, BL_STR("a"), &removed));
    assert_int_equal(removed.number, 7);
    assert_null(bl_map_find(&map, BL_STR("a")));
    assert_false(bl_map_remove(&map, BL_STR("a"), &removed));
    assert_true(bl_map_remove(&map, BL_STR(""), NULL));
    assert_int_equal(map.count, 0);
    bl_map_fini(&map);
}

static void test_keys_are_bytes(void **state) {
    (void)state;
    struct bl_map map;
    struct bl_str with_nul = {"a\0b", 3};
    assert_true(bl_is_ok(bl_map_init(&map, 4, SEED, NULL)));
    assert_true(bl_is_ok(bl_map_put(&map, with_nul, number(1))));
    assert_null(bl_map_find(&map, BL_STR("a")));
    assert_non_null(bl_map_find(&map, with_nul));
    assert_null(bl_map_find(&map, BL_STR_ABSENT));
    assert_false(bl_map_remove(&map, BL_STR_ABSENT, NULL));
    bl_map_fini(&map);
}

static void test_replacing_borrows_the_new_key(void **state) {
    (void)state;
    struct bl_map map;
    char *old_key = strdup("tenant");
    assert_true(bl_is_ok(bl_map_init(&map, 1, SEED, NULL)));
    assert_true(bl_is_ok(bl_map_put(&map, bl_str_from_c(old_key), number(1))));
    /* The map is full, but the key is there. */
    assert_true(put(&map, "tenant", 2));
    free(old_key);
    assert_int_equal(map.count, 1);
    assert_int_equal(bl_map_find(&map, BL_STR("tenant"))->number, 2);
    bl_map_fini(&map);
}

static void test_full_at_capacity(void **state) {
    (void)state;
    char keys[101][8];
    for (size_t capacity = 0; capacity <= 100; capacity++) {
        struct bl_map map;
        assert_true(bl_is_ok(bl_map_init(&map, capacity, SEED + capacity, NULL)));
        for (size_t i = 0; i < capacity; i++) {
            (void)snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
            assert_true(put(&map, keys[i], i));
        }
        bl_result full = bl_map_put(&map, BL_STR("one more"), number(0));
        assert_int_equal(full.error, BL_E_RESOURCE_EXHAUSTED);
        assert_null(bl_map_find(&map, BL_STR("one more")));
        assert_int_equal(map.count, capacity);
        if (capacity > 0) {
            assert_true(bl_map_remove(&map, BL_STR("k0"), NULL));
            assert_true(put(&map, "one more", 0));
        }
        bl_map_fini(&map);
    }
}

static void test_walk_and_clear(void **state) {
    (void)state;
    static const char *const keys[] = {"a", "b", "c", "d", "e"};
    struct bl_map map;
    struct bl_str key;
    union bl_map_value *value;
    size_t cursor = 0;
    uint64_t seen = 0;
    assert_true(bl_is_ok(bl_map_init(&map, 5, SEED, NULL)));
    assert_false(bl_map_next(&map, &cursor, &key, &value));
    for (uint64_t i = 0; i < 5; i++) {
        assert_true(put(&map, keys[i], i));
    }
    cursor = 0;
    while (bl_map_next(&map, &cursor, &key, &value)) {
        assert_true(bl_str_equal_c(key, keys[value->number]));
        assert_int_equal(seen >> value->number & 1, 0);
        seen |= UINT64_C(1) << value->number;
    }
    assert_int_equal(seen, 31);
    cursor = 0;
    assert_true(bl_map_next(&map, &cursor, NULL, NULL));
    bl_map_clear(&map);
    assert_int_equal(map.count, 0);
    assert_null(bl_map_find(&map, BL_STR("a")));
    cursor = 0;
    assert_false(bl_map_next(&map, &cursor, NULL, NULL));
    bl_map_fini(&map);
}

static void test_memory_from_an_arena(void **state) {
    (void)state;
    struct bl_arena arena;
    struct bl_map map;
    bl_arena_init(&arena, 1024, 8192);
    assert_true(bl_is_ok(bl_map_init(&map, 48, SEED, &arena))); /* 128 slots of 32 bytes */
    assert_true(put(&map, "a", 1));
    bl_map_fini(&map);
    bl_result refused = bl_map_init(&map, 10000, SEED, &arena);
    assert_int_equal(refused.error, BL_E_RESOURCE_EXHAUSTED);
    bl_arena_fini(&arena);
}

static void test_the_seed_changes_the_order(void **state) {
    (void)state;
    char keys[64][8];
    struct bl_map maps[2];
    for (uint64_t m = 0; m < 2; m++) {
        assert_true(bl_is_ok(bl_map_init(&maps[m], 64, m + 1, NULL)));
        for (uint64_t i = 0; i < 64; i++) {
            (void)snprintf(keys[i], sizeof(keys[i]), "k%d", (int)i);
            assert_true(put(&maps[m], keys[i], i));
        }
    }
    size_t cursors[2] = {0, 0};
    struct bl_str pair[2];
    int differences = 0;
    while (bl_map_next(&maps[0], &cursors[0], &pair[0], NULL) &&
           bl_map_next(&maps[1], &cursors[1], &pair[1], NULL)) {
        differences += bl_str_equal(pair[0], pair[1]) ? 0 : 1;
    }
    assert_true(differences > 32);
    bl_map_fini(&maps[0]);
    bl_map_fini(&maps[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_find_remove),
        cmocka_unit_test(test_keys_are_bytes),
        cmocka_unit_test(test_replacing_borrows_the_new_key),
        cmocka_unit_test(test_full_at_capacity),
        cmocka_unit_test(test_walk_and_clear),
        cmocka_unit_test(test_memory_from_an_arena),
        cmocka_unit_test(test_the_seed_changes_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
