#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/draft.h"
#include "support/compiled_policy.h"

static struct compiled compiled;

/* `count` copies of `item`, in which %u is the number of the copy. */
static char *repeat(const char *before, const char *item, unsigned count, const char *after) {
    size_t capacity = strlen(before) + (strlen(item) + 12) * (size_t)count + strlen(after) + 1;
    char *text = malloc(capacity);
    assert_non_null(text);
    size_t len = (size_t)snprintf(text, capacity, "%s", before);
    const char *number = strstr(item, "%u");

    for (unsigned i = 0; i < count; i++) {
        int cut = number == NULL ? (int)strlen(item) : (int)(number - item);
        len += (size_t)snprintf(text + len, capacity - len, "%s%.*s", i == 0 ? "" : ",", cut, item);
        if (number != NULL) {
            len += (size_t)snprintf(text + len, capacity - len, "%u%s", i, number + 2);
        }
    }
    (void)snprintf(text + len, capacity - len, "%s", after);
    return text;
}

static void more_findings_than_places(void **state) {
    char *text = repeat("{weights: {a: 1}, rules: [", "{deny: [b%u]}", 200, "], max_attempts: 0}");
    (void)state;

    compile_c(&compiled, text); /* 200 warnings, and an error that must not be lost among them */
    assert_int_equal(compiled.findings.errors, 1);
    assert_int_equal(compiled.findings.warnings, 200);
    assert_int_equal(compiled.findings.count, BL_FINDINGS_MAX);
    expect_error(&compiled, "max_attempts", "between", 0, 0);
    free(text);

    text = repeat("{weights: {a: 1}, rules: [", "{deny: [b%u], x: 1}", 100, "]}");
    compile_c(&compiled, text);
    assert_int_equal(compiled.findings.errors, 100);
    assert_int_equal(compiled.findings.count, BL_FINDINGS_MAX);
    for (size_t i = 0; i < compiled.findings.count; i++) { /* errors push warnings out */
        assert_int_equal(compiled.findings.items[i].severity, BL_SEVERITY_ERROR);
    }
    free(text);
}

/* 1 MiB of problems takes no longer than one look at each. */
static void many_problems_are_cheap(void **state) {
    char *text =
        repeat("{\"weights\": {\"a\": 1}, \"metadata\": 1, ", "\"unknown_key_%u\": 1", 40000, "}");
    (void)state;

    compile_c(&compiled, text);
    assert_int_equal(compiled.findings.errors, 40001);
    free(text);
}

static void lines_are_counted_forwards_and_backwards(void **state) {
    static const char text[] = "{\"a\": 1,\n\n\"b\":\n2, \"c\": 3}\n";
    struct bl_draft draft = {.line = 0};
    struct bl_json_doc doc;
    struct bl_arena arena;
    struct bl_diag diag;
    (void)state;

    bl_arena_init(&arena, 4096, 65536);
    assert_true(
        bl_is_ok(bl_json_read(bl_str_from_c(text), &bl_json_request_limits, &arena, &doc, &diag)));
    struct bl_json root = bl_json_root(&doc);
    struct bl_json a = bl_json_get(root, BL_STR("a"));
    struct bl_json b = bl_json_get(root, BL_STR("b"));
    struct bl_json c = bl_json_get(root, BL_STR("c"));
    assert_int_equal(bl_draft_line(&draft, a), 1);
    assert_int_equal(bl_draft_line(&draft, b), 4);
    assert_int_equal(bl_draft_line(&draft, c), 4);
    assert_int_equal(bl_draft_line(&draft, bl_draft_key_of(b)), 3);
    assert_int_equal(bl_draft_line(&draft, root), 1);
    bl_arena_fini(&arena);
}

static void paths_grow_and_shrink(void **state) {
    static struct bl_draft draft;
    char name[200];
    (void)state;

    memset(name, 'x', sizeof(name));
    size_t first = bl_draft_enter(&draft, BL_STR("rules"));
    size_t second = bl_draft_enter_item(&draft, 12);
    size_t third = bl_draft_enter(&draft, BL_STR("when"));
    assert_string_equal(draft.path, "rules[12].when");
    for (int i = 0; i < 10; i++) { /* more than there is room for */
        (void)bl_draft_enter(&draft, (struct bl_str){name, sizeof(name)});
        assert_int_equal(strlen(draft.path), draft.path_len);
        assert_true(draft.path_len < sizeof(draft.path));
    }
    bl_draft_leave(&draft, third);
    assert_string_equal(draft.path, "rules[12]");
    bl_draft_leave(&draft, second);
    bl_draft_leave(&draft, first);
    assert_string_equal(draft.path, "");
}

static void texts_are_cut_between_characters(void **state) {
    struct bl_str text = BL_STR("ab\xc3\xa9z");
    (void)state;
    assert_int_equal(bl_draft_quote(text, 5).len, 5);
    assert_int_equal(bl_draft_quote(text, 4).len, 4);
    assert_int_equal(bl_draft_quote(text, 3).len, 2);
    assert_string_equal(bl_draft_number(0.1).text, "0.1");
    assert_string_equal(bl_draft_number(1e12).text, "1000000000000");
}

static int teardown(void **state) {
    (void)state;
    release(&compiled);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_findings_than_places),
        cmocka_unit_test(many_problems_are_cheap),
        cmocka_unit_test(lines_are_counted_forwards_and_backwards),
        cmocka_unit_test(paths_grow_and_shrink),
        cmocka_unit_test(texts_are_cut_between_characters),
    };
    return cmocka_run_group_tests_name("draft", tests, NULL, teardown);
}
