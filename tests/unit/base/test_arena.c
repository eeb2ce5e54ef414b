#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/arena.h"

#define CHUNK ((size_t)512)
#define CAP ((size_t)4096)

static void test_alignment_and_separation(void **state) {
    (void)state;
    struct bl_arena arena;
    unsigned char *blocks[40];
    bl_arena_init(&arena, CHUNK, CAP);
    assert_int_equal(arena.held_bytes, 0);
    for (size_t i = 0; i < 40; i++) {
        blocks[i] = bl_arena_alloc(&arena, i + 1);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)i, i + 1);
    }
    for (size_t i = 0; i < 40; i++) {
        for (size_t j = 0; j <= i; j++) {
            assert_int_equal(blocks[i][j], i);
        }
    }
    bl_arena_fini(&arena);
}

static void test_cap(void **state) {
    (void)state;
    struct bl_arena arena;
    bl_arena_init(&arena, CHUNK, CAP);
    assert_null(bl_arena_alloc(&arena, CAP + 1));
    volatile size_t largest = SIZE_MAX; /* the compiler refuses it when it sees it */
    assert_null(bl_arena_alloc(&arena, largest));
    assert_null(bl_arena_alloc(&arena, largest - 8));
    assert_null(bl_arena_alloc(&arena, CAP)); /* the chunk's header counts, too */
    assert_int_equal(arena.held_bytes, 0);
    size_t blocks = 0;
    while (bl_arena_alloc(&arena, 64) != NULL) {
        blocks++;
        assert_true(arena.held_bytes <= CAP);
        assert_int_equal(arena.used_bytes, 64 * blocks);
    }
    assert_true(blocks >= CAP / CHUNK * ((CHUNK - 64) / 64));
    assert_true(arena.held_bytes > CAP - CHUNK);
    bl_arena_fini(&arena);
    assert_int_equal(arena.held_bytes, 0);
}

static void test_reset_keeps_ordinary_chunks(void **state) {
    (void)state;
    struct bl_arena arena;
    bl_arena_init(&arena, CHUNK, CAP);
    void *first = bl_arena_alloc(&arena, 300);
    void *second = bl_arena_alloc(&arena, 300);
    assert_int_equal(arena.held_bytes, 2 * CHUNK);
    assert_non_null(bl_arena_alloc(&arena, 2000)); /* a chunk of its own */
    size_t with_large = arena.held_bytes;
    assert_true(with_large > 2 * CHUNK + 2000);
    bl_arena_reset(&arena);
    assert_int_equal(arena.held_bytes, 2 * CHUNK);
    assert_int_equal(arena.used_bytes, 0);
    /* The same memory again, and nothing new from the heap. */
    assert_ptr_equal(bl_arena_alloc(&arena, 300), first);
    assert_ptr_equal(bl_arena_alloc(&arena, 300), second);
    assert_int_equal(arena.held_bytes, 2 * CHUNK);
    bl_arena_fini(&arena);
}

static void test_same_work_after_reset_takes_no_heap(void **state) {
    (void)state;
    struct bl_arena arena;
    size_t held = 0;
    bl_arena_init(&arena, CHUNK, CAP);
    for (int round = 0; round < 10; round++) {
        for (size_t i = 0; i < 12; i++) {
            assert_non_null(bl_arena_alloc(&arena, 16 + i * 16));
        }
        if (round > 0) {
            assert_int_equal(arena.held_bytes, held);
        }
        held = arena.held_bytes;
        bl_arena_reset(&arena);
    }
    bl_arena_fini(&arena);
}

static void test_zeroed(void **state) {
    (void)state;
    struct bl_arena arena;
    static const unsigned char zeros[100];
    bl_arena_init(&arena, CHUNK, CAP);
    memset(bl_arena_alloc(&arena, 100), 0xff, 100);
    bl_arena_reset(&arena);
    assert_memory_equal(bl_arena_calloc(&arena, 10, 10), zeros, 100);
    volatile size_t huge = SIZE_MAX / 2;
    assert_null(bl_arena_calloc(&arena, huge, 3)); /* the product overflows */
    assert_null(bl_arena_calloc(&arena, 3, huge));
    bl_arena_fini(&arena);
}

static void test_copy(void **state) {
    (void)state;
    struct bl_arena arena;
    struct bl_str copy;
    char text[] = "a\0b";
    bl_arena_init(&arena, CHUNK, CAP);
    assert_true(bl_is_ok(bl_arena_copy(&arena, (struct bl_str){text, 3}, &copy)));
    text[0] = 'x';
    assert_int_equal(copy.len, 3);
    assert_memory_equal(copy.data, "a\0b", 4); /* with the NUL behind it */
    assert_true(bl_is_ok(bl_arena_copy(&arena, BL_STR(""), &copy)));
    assert_true(bl_str_is_present(copy) && copy.len == 0);
    assert_true(bl_is_ok(bl_arena_copy(&arena, BL_STR_ABSENT, &copy)));
    assert_false(bl_str_is_present(copy));
    static char large[CAP];
    bl_result refused = bl_arena_copy(&arena, (struct bl_str){large, sizeof(large)}, &copy);
    assert_int_equal(refused.error, BL_E_RESOURCE_EXHAUSTED);
    refused = bl_arena_copy(&arena, (struct bl_str){large, SIZE_MAX}, &copy);
    assert_int_equal(refused.error, BL_E_RESOURCE_EXHAUSTED);
    bl_arena_fini(&arena);
}

static void test_init_again(void **state) {
    (void)state;
    struct bl_arena arena;
    bl_arena_init(&arena, CHUNK, CAP);
    bl_arena_reset(&arena); /* empty: nothing to do */
    bl_arena_fini(&arena);
    bl_arena_fini(&arena);
    bl_arena_init(&arena, 256, 256);
    assert_non_null(bl_arena_alloc(&arena, 16));
    assert_null(bl_arena_alloc(&arena, 256));
    bl_arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alignment_and_separation),
        cmocka_unit_test(test_cap),
        cmocka_unit_test(test_reset_keeps_ordinary_chunks),
        cmocka_unit_test(test_same_work_after_reset_takes_no_heap),
        cmocka_unit_test(test_zeroed),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_init_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
