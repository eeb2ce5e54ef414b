#include "unit/json/json_fixture.h"

#include <stdio.h>
#include <time.h>

#include "json/keys.h"

static char text[4 * 1024 * 1024];

/* {"<key 0>":1,"<key 1>":1, …}, where key i is `format` of i; key `from` is written again at `to`. */
static struct bl_str object_of(uint32_t count, const char *format, uint32_t from, uint32_t to) {
    size_t len = 0;

    text[len++] = '{';
    for (uint32_t i = 0; i < count; i++) {
        char key[256];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(key, sizeof(key), format, i == to ? from : i);
#pragma GCC diagnostic pop
        len +=
            (size_t)snprintf(text + len, sizeof(text) - len, "%s\"%s\":1", i > 0 ? "," : "", key);
    }
    text[len++] = '}';
    return (struct bl_str){text, len};
}

/* Around the place where pairs give way to sorting: a duplicate of each key at each later place. */
static void test_finds_each_duplicate(void **state) {
    struct json_fixture fixture;
    (void)state;
    json_fixture_init(&fixture);
    for (uint32_t count = 2; count <= 40; count++) {
        (void)json_fixture_root(&fixture, object_of(count, "key-%u", 0, UINT32_MAX));
        for (uint32_t from = 0; from < count; from++) {
            for (uint32_t to = from + 1; to < count; to++) {
                bl_result result =
                    json_fixture_read(&fixture, bl_json_read, object_of(count, "key-%u", from, to),
                                      &json_wide_limits);
                assert_int_equal(result.error, BL_E_INVALID_REQUEST);
                char expected[80];
                (void)snprintf(expected, sizeof(expected), "the key \"key-%u\" stands twice", from);
                assert_non_null(strstr(fixture.diag.message, expected));
            }
        }
    }
    json_fixture_fini(&fixture);
}

/* Keys that differ in one byte only, wherever it stands. */
static void test_tells_similar_keys_apart(void **state) {
    static const char *const formats[] = {
        "%u",
        "abcdefgh%u",
        "%u-abcdefghijklmnopqrstuvwxyz",
        "abcdefghijklm-%04u-nopqrstuvwxyz",
        "\\u0000%u",
        "\\n%08u\\n",
    };
    struct json_fixture fixture;
    (void)state;
    json_fixture_init(&fixture);
    for (size_t f = 0; f < sizeof(formats) / sizeof(formats[0]); f++) {
        for (uint32_t count = 20; count < 3000; count *= 3) {
            struct bl_str object = object_of(count, formats[f], 0, UINT32_MAX);
            assert_int_equal(bl_json_count(json_fixture_root(&fixture, object)), count);
            object = object_of(count, formats[f], count / 3, count - 1);
            assert_true(
                bl_is_error(json_fixture_read(&fixture, bl_json_read, object, &json_wide_limits)));
            assert_non_null(strstr(fixture.diag.message, "stands twice"));
        }
    }
    json_fixture_fini(&fixture);
}

/* All lengths from 0 on: the fingerprint reads short keys in three ways. */
static void test_short_keys(void **state) {
    struct json_fixture fixture;
    size_t len = 0;
    (void)state;
    json_fixture_init(&fixture);
    text[len++] = '{';
    for (int i = 0; i < 60; i++) {
        len +=
            (size_t)snprintf(text + len, sizeof(text) - len, "%s\"%.*s\":%d", i > 0 ? "," : "", i,
                             "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", i);
    }
    text[len++] = '}';
    assert_int_equal(bl_json_count(json_fixture_root(&fixture, (struct bl_str){text, len})), 60);
    json_fixture_fini(&fixture);
}

static double seconds_for(struct json_fixture *fixture, struct bl_str object) {
    struct timespec begin;
    struct timespec end;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    (void)json_fixture_root(fixture, object);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    return (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) * 1e-9;
}

/* Keys with one fingerprint (same length, same first and last 8 bytes) are the worst there is. Eight
 * times as many may take no 64 times as long; 24 leaves room for the logarithm, the cache and a busy
 * machine. Time of this thread alone. */
static void test_many_keys_are_not_quadratic(void **state) {
    static const char same_print[] = "aaaaaaaa%08ubbbbbbbb";
    struct json_fixture fixture;
    (void)state;
    json_fixture_init(&fixture);
    double few = 1e9;
    double many = 1e9;
    for (int round = 0; round < 5; round++) {
        double seconds = seconds_for(&fixture, object_of(8192, same_print, 0, UINT32_MAX));
        few = seconds < few ? seconds : few;
        seconds = seconds_for(&fixture, object_of(65536, same_print, 0, UINT32_MAX));
        many = seconds < many ? seconds : many;
    }
    print_message("8192 keys: %.2f ms, 65536 keys: %.2f ms\n", few * 1e3, many * 1e3);
    assert_true(many < few * 24);
    json_fixture_fini(&fixture);
}

static void test_sorted_by_bytes(void **state) {
    struct json_fixture fixture;
    struct bl_arena arena;
    (void)state;
    json_fixture_init(&fixture);
    bl_arena_init(&arena, 256, 1024 * 1024);
    for (uint32_t count = 0; count < 200; count++) {
        (void)json_fixture_root(&fixture, object_of(count, "%x", 0, UINT32_MAX));
        const uint32_t *keys = bl_json_keys_sorted(fixture.doc.nodes, 0, &arena);
        assert_non_null(keys);
        for (uint32_t i = 1; i < count; i++) {
            const struct bl_json_node *a = &fixture.doc.nodes[keys[i - 1]];
            const struct bl_json_node *b = &fixture.doc.nodes[keys[i]];
            assert_true(bl_str_compare((struct bl_str){a->value.string, a->length},
                                       (struct bl_str){b->value.string, b->length}) < 0);
        }
    }
    bl_arena_fini(&arena);
    json_fixture_fini(&fixture);
}

static void test_full_arena(void **state) {
    struct json_fixture fixture;
    struct bl_json_duplicate duplicate;
    struct bl_arena arena;
    (void)state;
    json_fixture_init(&fixture);
    bl_arena_init(&arena, 256, 256);
    (void)json_fixture_root(&fixture, object_of(100, "%u", 0, UINT32_MAX));
    assert_int_equal(bl_json_keys_distinct(fixture.doc.nodes, 0, &arena, &duplicate).error,
                     BL_E_RESOURCE_EXHAUSTED);
    assert_null(bl_json_keys_sorted(fixture.doc.nodes, 0, &arena));
    bl_arena_fini(&arena);
    json_fixture_fini(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_each_duplicate),
        cmocka_unit_test(test_tells_similar_keys_apart),
        cmocka_unit_test(test_short_keys),
        cmocka_unit_test(test_many_keys_are_not_quadratic),
        cmocka_unit_test(test_sorted_by_bytes),
        cmocka_unit_test(test_full_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
