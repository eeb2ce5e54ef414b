#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/seed.h"

#define KEYS 512
#define CAPACITY 300
#define STEPS 1000000

/* From BL_TEST_SEED, or a fixed one; printed, so that a failure can be run again. */
static uint64_t test_seed(void) {
    const char *text = getenv("BL_TEST_SEED");
    uint64_t value = text != NULL ? strtoull(text, NULL, 0) : UINT64_C(20261123);
    print_message("BL_TEST_SEED=%" PRIu64 "\n", value);
    return value;
}

static void assert_same(const struct bl_map *map, char (*keys)[8], const bool *present,
                        const uint64_t *values) {
    size_t count = 0;
    for (size_t i = 0; i < KEYS; i++) {
        union bl_map_value *value = bl_map_find(map, bl_str_from_c(keys[i]));
        assert_true((value != NULL) == present[i]);
        if (value != NULL) {
            assert_true(value->number == values[i]);
            count++;
        }
    }
    assert_int_equal(map->count, count);
    size_t cursor = 0;
    size_t walked = 0;
    while (bl_map_next(map, &cursor, NULL, NULL)) {
        walked++;
    }
    assert_int_equal(walked, count);
}

static void test_agrees_with_an_array(void **state) {
    (void)state;
    static char keys[KEYS][8];
    static bool present[KEYS];
    static uint64_t values[KEYS];
    struct bl_map map;
    struct bl_seed seed;
    size_t full = 0;
    bl_seed_init(&seed, test_seed());
    for (size_t i = 0; i < KEYS; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "%zx", i * 2654435761u % 1000003);
    }
    assert_true(bl_is_ok(bl_map_init(&map, CAPACITY, bl_seed_next(&seed), NULL)));
    for (uint64_t step = 0; step < STEPS; step++) {
        size_t i = (size_t)bl_seed_below(&seed, KEYS);
        struct bl_str key = bl_str_from_c(keys[i]);
        /* Phases of growth and of decline, so that it is full and empty many times. */
        if (bl_seed_below(&seed, 100) < (step / 4096 % 2 == 0 ? 80u : 20u)) {
            size_t count = map.count;
            bl_result put = bl_map_put(&map, key, (union bl_map_value){.number = step});
            assert_true(bl_is_ok(put) == (present[i] || count < CAPACITY));
            full += bl_is_error(put) ? 1 : 0;
            if (bl_is_ok(put)) {
                present[i] = true;
                values[i] = step;
            }
        } else {
            union bl_map_value removed = {0};
            assert_true(bl_map_remove(&map, key, &removed) == present[i]);
            assert_true(!present[i] || removed.number == values[i]);
            present[i] = false;
        }
        if (step % 1024 == 0) {
            assert_same(&map, keys, present, values);
        }
    }
    assert_same(&map, keys, present, values);
    assert_true(full > 0);
    bl_map_fini(&map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
