#include "unit/json/json_fixture.h"

#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char storage[4096];
static struct bl_buf buf;
static struct bl_json_writer writer;

static void begin(size_t capacity) {
    assert_true(capacity <= sizeof(storage));
    bl_buf_init(&buf, storage, capacity);
    bl_json_writer_init(&writer, &buf);
}

static void assert_written(struct bl_str expected) {
    assert_true(bl_json_writer_ok(&writer));
    assert_str(bl_buf_view(&buf), expected);
}

static void test_every_kind_of_value(void **state) {
    (void)state;
    begin(sizeof(storage));
    bl_json_write_object_begin(&writer);
    bl_json_write_member(&writer, BL_STR("string"), BL_STR("x"));
    bl_json_write_key(&writer, BL_STR("int"));
    bl_json_write_int64(&writer, INT64_MIN);
    bl_json_write_key(&writer, BL_STR("uint"));
    bl_json_write_uint64(&writer, UINT64_MAX);
    bl_json_write_key(&writer, BL_STR("double"));
    bl_json_write_double(&writer, 0.1);
    bl_json_write_key(&writer, BL_STR("list"));
    bl_json_write_array_begin(&writer);
    bl_json_write_bool(&writer, true);
    bl_json_write_bool(&writer, false);
    bl_json_write_null(&writer);
    bl_json_write_array_begin(&writer);
    bl_json_write_array_end(&writer);
    bl_json_write_object_begin(&writer);
    bl_json_write_object_end(&writer);
    bl_json_write_raw(&writer, BL_STR("[1, 2]"));
    bl_json_write_string(&writer, BL_STR(""));
    bl_json_write_string(&writer, BL_STR_ABSENT);
    bl_json_write_array_end(&writer);
    bl_json_write_key(&writer, BL_STR(""));
    bl_json_write_object_begin(&writer);
    bl_json_write_key(&writer, BL_STR("a\"b"));
    bl_json_write_null(&writer);
    bl_json_write_object_end(&writer);
    assert_false(bl_json_writer_ok(&writer)); /* the outermost object is open */
    bl_json_write_object_end(&writer);
    assert_written(BL_STR("{\"string\":\"x\",\"int\":-9223372036854775808,"
                          "\"uint\":18446744073709551615,\"double\":0.1,"
                          "\"list\":[true,false,null,[],{},[1, 2],\"\",\"\"],"
                          "\"\":{\"a\\\"b\":null}}"));
}

static void test_scalars_alone(void **state) {
    (void)state;
    begin(sizeof(storage));
    assert_false(bl_json_writer_ok(&writer)); /* nothing is no JSON */
    bl_json_write_null(&writer);
    assert_written(BL_STR("null"));
    begin(sizeof(storage));
    bl_json_write_double(&writer, -0.0);
    assert_written(BL_STR("-0"));
    begin(sizeof(storage));
    bl_json_write_double(&writer, DBL_MAX);
    assert_written(BL_STR("1.7976931348623157e+308"));
}

static void test_escapes(void **state) {
    static const struct {
        struct bl_str text;
        struct bl_str written;
    } cases[] = {
        {BL_STR("plain"), BL_STR("\"plain\"")},
        {BL_STR("\"\\/"), BL_STR("\"\\\"\\\\/\"")},
        {BL_STR("\b\f\n\r\t"), BL_STR("\"\\b\\f\\n\\r\\t\"")},
        {BL_STR("\0\x01\x0b\x1f\x7f"), BL_STR("\"\\u0000\\u0001\\u000b\\u001f\x7f\"")},
        {BL_STR("12345678\n12345678"), BL_STR("\"12345678\\n12345678\"")},
        {BL_STR("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"),
         BL_STR("\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"")},
        {BL_STR("\xFF"), BL_STR("\"\xEF\xBF\xBD\"")},
        {BL_STR("a\xC3"), BL_STR("\"a\xEF\xBF\xBD\"")},
        {BL_STR("\xC3("), BL_STR("\"\xEF\xBF\xBD(\"")},
        {BL_STR("\xED\xA0\x80"), BL_STR("\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"")},
        {BL_STR("\xC0\x80"), BL_STR("\"\xEF\xBF\xBD\xEF\xBF\xBD\"")},
        {BL_STR("\xF4\x90\x80\x80z"),
         BL_STR("\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\"")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(sizeof(storage));
        bl_json_write_string(&writer, cases[i].text);
        assert_written(cases[i].written);
    }
}

/* Each single byte at each place of a block is written as text that reads back. */
static void test_each_byte_reads_back(void **state) {
    struct json_fixture fixture;
    (void)state;
    json_fixture_init(&fixture);
    for (int byte = 0; byte < 256; byte++) {
        for (size_t place = 0; place < 18; place++) {
            char text[18];
            struct bl_str value;
            memset(text, 'x', sizeof(text));
            text[place] = (char)byte;
            begin(sizeof(storage));
            bl_json_write_string(&writer, (struct bl_str){text, sizeof(text)});
            assert_true(bl_json_string(json_fixture_root(&fixture, bl_buf_view(&buf)), &value));
            if (byte < 0x80) {
                assert_str(value, (struct bl_str){text, sizeof(text)});
            } else {
                assert_memory_equal(value.data + place, "\xEF\xBF\xBD", 3);
                assert_int_equal(value.len, sizeof(text) + 2);
            }
        }
    }
    json_fixture_fini(&fixture);
}

/* In every capacity: either the whole text, or not ok; never a byte too far. */
static void test_overflow(void **state) {
    static const char expected[] = "{\"a\":[1,\"x\\n\"],\"b\":0.25}";
    (void)state;
    for (size_t capacity = 0; capacity < sizeof(expected) + 2; capacity++) {
        char *exact = malloc(capacity > 0 ? capacity : 1);
        assert_non_null(exact);
        bl_buf_init(&buf, exact, capacity);
        bl_json_writer_init(&writer, &buf);
        bl_json_write_object_begin(&writer);
        bl_json_write_key(&writer, BL_STR("a"));
        bl_json_write_array_begin(&writer);
        bl_json_write_int64(&writer, 1);
        bl_json_write_string(&writer, BL_STR("x\n"));
        bl_json_write_array_end(&writer);
        bl_json_write_key(&writer, BL_STR("b"));
        bl_json_write_double(&writer, 0.25);
        bl_json_write_object_end(&writer);
        assert_int_equal(bl_json_writer_ok(&writer), capacity >= sizeof(expected) - 1);
        if (bl_json_writer_ok(&writer)) {
            assert_str(bl_buf_view(&buf), BL_STR("{\"a\":[1,\"x\\n\"],\"b\":0.25}"));
        }
        free(exact);
    }
}

/* A document of the greatest depth, inside as many levels as callers may put around it. */
static void test_deepest_value(void **state) {
    static char text[2048];
    struct json_fixture fixture;
    (void)state;
    json_fixture_init(&fixture);
    memset(text, '[', 1024);
    memset(text + 1024, ']', 1024);
    struct bl_json deep = json_fixture_root(&fixture, (struct bl_str){text, sizeof(text)});
    begin(sizeof(storage));
    for (int i = 0; i < 64; i++) {
        bl_json_write_object_begin(&writer);
        bl_json_write_key(&writer, BL_STR("a"));
    }
    bl_json_write_value(&writer, deep);
    for (int i = 0; i < 64; i++) {
        bl_json_write_object_end(&writer);
    }
    assert_true(bl_json_writer_ok(&writer));
    assert_int_equal(buf.len, 64 * 6 + 2048);
    json_fixture_fini(&fixture);
}

/* The writer knows of each level, whatever stands around it, whether it is an object. */
static void test_levels_of_both_kinds(void **state) {
    static char text[65536];
    struct json_fixture fixture;
    size_t len = 0;
    (void)state;
    json_fixture_init(&fixture);
    for (uint32_t level = 0; level < 1000; level++) {
        const char *begin = level % 3 == 0 ? "[1," : "{\"a\":1,\"b\":";
        memcpy(text + len, begin, strlen(begin));
        len += strlen(begin);
    }
    text[len++] = '0';
    for (uint32_t level = 1000; level-- > 0;) {
        const char *end = level % 3 == 0 ? ",2]" : ",\"c\":2}";
        memcpy(text + len, end, strlen(end));
        len += strlen(end);
    }
    (void)json_fixture_root(&fixture, (struct bl_str){text, len});
    assert_str(json_fixture_write(&fixture), (struct bl_str){text, len});
    json_fixture_fini(&fixture);
}

static void test_copies_values(void **state) {
    struct json_fixture fixture;
    (void)state;
    json_fixture_init(&fixture);
    struct bl_json root = json_fixture_root(&fixture, BL_STR("{\"a\":[1.0,{\"b\":\"\\u0041\"}]}"));
    begin(sizeof(storage));
    bl_json_write_array_begin(&writer);
    bl_json_write_value(&writer, bl_json_get(root, BL_STR("a")));
    bl_json_write_value(&writer, BL_JSON_NOTHING);
    bl_json_write_value(&writer, root);
    bl_json_write_array_end(&writer);
    assert_written(BL_STR("[[1.0,{\"b\":\"A\"}],null,{\"a\":[1.0,{\"b\":\"A\"}]}]"));
    json_fixture_fini(&fixture);
}

static void key_in_array(void) {
    bl_json_write_array_begin(&writer);
    bl_json_write_key(&writer, BL_STR("a"));
}

static void key_at_top(void) {
    bl_json_write_key(&writer, BL_STR("a"));
}

static void value_without_key(void) {
    bl_json_write_object_begin(&writer);
    bl_json_write_null(&writer);
}

static void key_after_key(void) {
    bl_json_write_object_begin(&writer);
    bl_json_write_key(&writer, BL_STR("a"));
    bl_json_write_key(&writer, BL_STR("b"));
}

static void end_after_key(void) {
    bl_json_write_object_begin(&writer);
    bl_json_write_key(&writer, BL_STR("a"));
    bl_json_write_object_end(&writer);
}

static void end_of_other_kind(void) {
    bl_json_write_object_begin(&writer);
    bl_json_write_array_end(&writer);
}

static void end_without_begin(void) {
    bl_json_write_array_end(&writer);
}

static void second_value(void) {
    bl_json_write_null(&writer);
    bl_json_write_null(&writer);
}

static void not_a_number(void) {
    bl_json_write_double(&writer, (double)NAN);
}

static void infinite(void) {
    bl_json_write_double(&writer, -(double)INFINITY);
}

static void too_deep(void) {
    for (int i = 0; i <= BL_JSON_WRITER_MAX_DEPTH; i++) {
        bl_json_write_array_begin(&writer);
    }
}

/* Programmers' errors end the process, in every build. */
static void test_asserts_order(void **state) {
    static void (*const wrong[])(void) = {
        key_in_array,  key_at_top,        value_without_key, key_after_key,
        end_after_key, end_of_other_kind, end_without_begin, second_value,
        not_a_number,  infinite,          too_deep,
    };
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        int status = 0;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            const struct rlimit no_core = {0, 0};
            (void)setrlimit(RLIMIT_CORE, &no_core);
            signal(SIGABRT, SIG_DFL);
            (void)fclose(stderr);
            begin(sizeof(storage));
            wrong[i]();
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_value),
        cmocka_unit_test(test_scalars_alone),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_each_byte_reads_back),
        cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_deepest_value),
        cmocka_unit_test(test_levels_of_both_kinds),
        cmocka_unit_test(test_copies_values),
        cmocka_unit_test(test_asserts_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
