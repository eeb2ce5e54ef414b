#include "unit/json/json_fixture.h"

#include <stdio.h>

#include "json/canonical.h"

static char storage[65536];

static struct bl_str canonical(struct json_fixture *fixture, struct bl_str text) {
    struct bl_json_writer writer;
    struct bl_buf buf;

    bl_buf_init(&buf, storage, sizeof(storage));
    bl_json_writer_init(&writer, &buf);
    assert_true(bl_is_ok(
        bl_json_write_canonical(&writer, json_fixture_root(fixture, text), &fixture->arena)));
    assert_true(bl_json_writer_ok(&writer));
    return bl_buf_view(&buf);
}

/* Each row: texts that mean the same, and the one text for them. */
static void test_one_text_for_one_meaning(void **state) {
    static const struct {
        struct bl_str expected;
        struct bl_str texts[5];
    } rows[] = {
        {BL_STR("0"), {BL_STR("0"), BL_STR("-0"), BL_STR("0.0"), BL_STR("0e9"), BL_STR("1e-400")}},
        {BL_STR("1"),
         {BL_STR("1"), BL_STR("1.0"), BL_STR("1e0"), BL_STR("10e-1"), BL_STR("0.1e1")}},
        {BL_STR("-1000"), {BL_STR("-1000"), BL_STR("-1e3"), BL_STR("-1000.0")}},
        {BL_STR("0.5"), {BL_STR("0.5"), BL_STR("5e-1"), BL_STR("0.50")}},
        {BL_STR("1152921504606846976"),
         {BL_STR("1152921504606846976"), BL_STR("1152921504606846976.0"),
          BL_STR("1.152921504606846976e18")}},
        {BL_STR("9223372036854775808"),
         {BL_STR("9223372036854775808"), BL_STR("9.223372036854775808e18")}},
        {BL_STR("18446744073709549568"),
         {BL_STR("18446744073709549568"), BL_STR("18446744073709549568.0")}},
        {BL_STR("-9223372036854775808"),
         {BL_STR("-9223372036854775808"), BL_STR("-9223372036854775808.0")}},
        {BL_STR("9007199254740993"), {BL_STR("9007199254740993")}},
        {BL_STR("1e+21"), {BL_STR("1e21"), BL_STR("1000000000000000000000")}},
        {BL_STR("\"A/\""), {BL_STR("\"A/\""), BL_STR("\"\\u0041\\/\"")}},
        {BL_STR("\"\xC3\xA9\\n\""), {BL_STR("\"\\u00e9\\u000A\"")}},
        {BL_STR("[1,[],{},null,true]"), {BL_STR(" [ 1.0 , [ ] , { } , null , true ] ")}},
        {BL_STR("[2,1]"), {BL_STR("[2,1]")}},
        {BL_STR("{\"a\":1,\"b\":2}"),
         {BL_STR("{\"a\":1,\"b\":2}"), BL_STR("{\"b\":2,\"a\":1}"),
          BL_STR("{\"\\u0062\":2,\"a\":1}")}},
        {BL_STR("{\"\":1,\"A\":2,\"a\":3,\"aa\":4,\"\xC3\xA9\":5}"),
         {BL_STR("{\"\xC3\xA9\":5,\"aa\":4,\"a\":3,\"A\":2,\"\":1}")}},
        {BL_STR("[{\"a\":{\"x\":1,\"y\":2},\"b\":0}]"),
         {BL_STR("[{\"b\":0,\"a\":{\"y\":2,\"x\":1}}]")}},
    };
    struct json_fixture fixture;
    (void)state;
    json_fixture_init(&fixture);
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        for (size_t i = 0; i < 5 && bl_str_is_present(rows[row].texts[i]); i++) {
            assert_str(canonical(&fixture, rows[row].texts[i]), rows[row].expected);
        }
        assert_str(canonical(&fixture, rows[row].expected), rows[row].expected);
    }
    json_fixture_fini(&fixture);
}

/* Large objects, which sorting in place has to get right whatever the order. */
static void test_order_of_many_keys(void **state) {
    static char text[32768];
    static char expected[32768];
    struct json_fixture fixture;
    (void)state;
    json_fixture_init(&fixture);
    for (uint32_t count = 1; count < 1000; count = count * 2 + 1) {
        size_t len = 0;
        size_t expected_len = 0;
        for (uint32_t i = 0; i < count; i++) {
            /* 1009 is prime: each key once, in no order. */
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s\"k%04u\":%u",
                                    i == 0 ? "{" : ",", (i + 1) * 500 % 1009, i);
        }
        text[len++] = '}';
        uint32_t left = count;
        for (uint32_t key = 0; left > 0; key++) {
            for (uint32_t i = 0; i < count; i++) {
                if ((i + 1) * 500 % 1009 == key) {
                    expected_len +=
                        (size_t)snprintf(expected + expected_len, sizeof(expected) - expected_len,
                                         "%s\"k%04u\":%u", left == count ? "{" : ",", key, i);
                    left--;
                }
            }
        }
        expected[expected_len++] = '}';
        assert_str(canonical(&fixture, (struct bl_str){text, len}),
                   (struct bl_str){expected, expected_len});
    }
    json_fixture_fini(&fixture);
}

static void test_absent_is_null(void **state) {
    struct bl_json_writer writer;
    struct bl_buf buf;
    (void)state;
    bl_buf_init(&buf, storage, sizeof(storage));
    bl_json_writer_init(&writer, &buf);
    assert_true(bl_is_ok(bl_json_write_canonical(&writer, BL_JSON_NOTHING, NULL)));
    assert_str(bl_buf_view(&buf), BL_STR("null"));
}

static void test_full_arena(void **state) {
    struct json_fixture fixture;
    struct bl_json_writer writer;
    struct bl_arena arena;
    struct bl_buf buf;
    (void)state;
    json_fixture_init(&fixture);
    struct bl_json root = json_fixture_root(&fixture, BL_STR("{\"a\":{\"b\":1}}"));
    bl_buf_init(&buf, storage, sizeof(storage));
    bl_json_writer_init(&writer, &buf);
    bl_arena_init(&arena, 256, 256);
    while (bl_arena_alloc(&arena, 16) != NULL) {
    }
    assert_int_equal(bl_json_write_canonical(&writer, root, &arena).error, BL_E_RESOURCE_EXHAUSTED);
    bl_arena_fini(&arena);
    json_fixture_fini(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_text_for_one_meaning),
        cmocka_unit_test(test_order_of_many_keys),
        cmocka_unit_test(test_absent_is_null),
        cmocka_unit_test(test_full_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
