#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "policy/draft.h"

/* What is suggested for a text, or NULL. */
static const char *suggestion(const char *text, size_t capacity) {
    static char storage[256];
    struct bl_buf buf;

    bl_buf_init(&buf, storage, capacity);
    if (!bl_condition_suggest(bl_str_from_c(text), &buf)) {
        return NULL;
    }
    storage[buf.len] = '\0';
    return storage;
}

static void simple_comparisons_become_objects(void **state) {
    static const struct {
        const char *text;
        const char *object;
    } cases[] = {
        {"metadata.tier == \"gold\"", "{\"metadata.tier\":\"gold\"}"},
        {"  tier=='gold' ", "{\"tier\":\"gold\"}"},
        {"size > 5", "{\">\":[{\"var\":\"size\"},5]}"},
        {"size>=-5", "{\">=\":[{\"var\":\"size\"},-5]}"},
        {"a < 1", "{\"<\":[{\"var\":\"a\"},1]}"},
        {"a <= 1", "{\"<=\":[{\"var\":\"a\"},1]}"},
        {"a != true", "{\"!=\":[{\"var\":\"a\"},true]}"},
        {"a == null", "{\"a\":null}"},
        {"a in ['x', 1]", "{\"a\":[\"x\",1]}"},
        {"a in ['x', 'y'] && b<=-3", "{\"a\":[\"x\",\"y\"],\"<=\":[{\"var\":\"b\"},-3]}"},
        {"a == 1 && b == 2 && c == 3", "{\"a\":1,\"b\":2,\"c\":3}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *object = suggestion(cases[i].text, 200);
        assert_non_null(object);
        assert_string_equal(object, cases[i].object);
    }
}

static void what_an_object_cannot_say_is_left_alone(void **state) {
    static const char *const texts[] = {
        "",
        "a",
        "size(x) > 4",
        "a == b",
        "a == 1 || b == 2",
        "a == \"x",
        "a == 007",
        "a in [1",
        "1 == a",
        "a == ",
        "a in []",
        "a == 1 &&",
        "!a",
        "a == 'x\\'y'",
        "a == 1.",
        "a == -",
        "a == 1 && a == 2",
        "a in 'x'",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (suggestion(texts[i], 200) != NULL) {
            fail_msg("%s: %s", texts[i], suggestion(texts[i], 200));
        }
    }
}

static void a_long_one_is_left_alone(void **state) {
    (void)state;
    assert_non_null(suggestion("a == 'bcd'", 11));
    assert_null(suggestion("a == 'bcd'", 10));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simple_comparisons_become_objects),
        cmocka_unit_test(what_an_object_cannot_say_is_left_alone),
        cmocka_unit_test(a_long_one_is_left_alone),
    };
    return cmocka_run_group_tests_name("condition_text", tests, NULL, NULL);
}
