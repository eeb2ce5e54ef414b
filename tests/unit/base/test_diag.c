#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"

static void test_clear(void **state) {
    (void)state;
    struct bl_diag diag;
    memset(&diag, 0xff, sizeof(diag));
    bl_diag_clear(&diag);
    assert_int_equal(diag.severity, BL_SEVERITY_ERROR);
    assert_int_equal(diag.line, 0);
    assert_int_equal(diag.column, 0);
    assert_string_equal(diag.path, "");
    assert_string_equal(diag.message, "");
    assert_string_equal(diag.hint, "");
}

static void test_writers_fill_their_own_field(void **state) {
    (void)state;
    struct bl_diag diag;
    bl_diag_clear(&diag);
    bl_diag_path(&diag, "rules[%d].when", 2);
    bl_diag_message(&diag, "'%.*s' is not a key", 3, "abcdef");
    bl_diag_hint(&diag, "use %s", "abd");
    assert_string_equal(diag.path, "rules[2].when");
    assert_string_equal(diag.message, "'abc' is not a key");
    assert_string_equal(diag.hint, "use abd");
}

static void test_length_limit(void **state) {
    (void)state;
    struct bl_diag diag;
    char text[400];
    const size_t fits = sizeof(diag.message) - 1;
    for (size_t len = fits - 1; len <= fits + 1; len++) {
        memset(text, 'x', len);
        text[len] = '\0';
        bl_diag_message(&diag, "%s", text);
        assert_int_equal(strlen(diag.message), len <= fits ? len : fits);
        const char *end = diag.message + strlen(diag.message) - 3;
        assert_string_equal(end, len <= fits ? "xxx" : "...");
    }
}

static void test_cut_never_splits_a_character(void **state) {
    (void)state;
    static const char *const characters[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    struct bl_diag diag;
    for (size_t c = 0; c < 3; c++) {
        for (size_t offset = 0; offset < 8; offset++) {
            char text[512];
            size_t len = offset;
            memset(text, 'x', offset);
            while (len + 4 < sizeof(text)) {
                memcpy(text + len, characters[c], strlen(characters[c]));
                len += strlen(characters[c]);
            }
            text[len] = '\0';
            bl_diag_message(&diag, "%s", text);
            size_t kept = strlen(diag.message);
            assert_true(kept < sizeof(diag.message) && kept > sizeof(diag.message) - 5);
            assert_true(bl_utf8_valid(bl_str_from_c(diag.message)));
            assert_string_equal(diag.message + kept - 3, "...");
            assert_null(strchr(diag.message, '?'));
        }
    }
}

static void test_nothing_that_a_terminal_obeys(void **state) {
    (void)state;
    static const struct {
        const char *in;
        const char *out;
    } cases[] = {
        {"a\x1b[2Jb", "a?[2Jb"},
        {"a\r\n\t\x7f", "a????"},
        {"\xc2\x9b[2J", "??[2J"}, /* C1: the same as ESC [ */
        {"\xc2\xa0\xc3\xa4", "\xc2\xa0\xc3\xa4"},
        {"a\xff\xc3", "a??"},
        {"\xe2\x82", "??"},
        {"\xed\xa0\x80", "???"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bl_diag diag;
        bl_diag_hint(&diag, "%s", cases[i].in);
        assert_string_equal(diag.hint, cases[i].out);
    }
}

static void test_findings_are_bounded(void **state) {
    (void)state;
    struct bl_findings *findings = malloc(sizeof(*findings));
    assert_non_null(findings);
    bl_findings_clear(findings);
    for (size_t i = 1; i <= BL_FINDINGS_MAX + 2; i++) {
        struct bl_diag *diag =
            bl_findings_add(findings, i % 2 == 0 ? BL_SEVERITY_WARNING : BL_SEVERITY_ERROR);
        assert_string_equal(diag->message, "");
        assert_int_equal(diag->severity, i % 2 == 0 ? BL_SEVERITY_WARNING : BL_SEVERITY_ERROR);
        bl_diag_message(diag, "%zu", i);
        assert_int_equal(findings->count, i < BL_FINDINGS_MAX ? i : BL_FINDINGS_MAX);
    }
    assert_int_equal(findings->errors, BL_FINDINGS_MAX / 2 + 1);
    assert_int_equal(findings->warnings, BL_FINDINGS_MAX / 2 + 1);
    assert_string_equal(findings->items[0].message, "1");
    assert_string_equal(findings->items[BL_FINDINGS_MAX - 2].message, "63");
    assert_string_equal(findings->items[BL_FINDINGS_MAX - 1].message, "66");
    bl_findings_clear(findings);
    assert_int_equal(findings->count + findings->errors + findings->warnings, 0);
    free(findings);
}

static void assert_nearest(const char *word, const char *expected) {
    const struct bl_str known[] = {BL_STR("weight"), BL_STR("weights"), BL_STR("timeout_ms"),
                                   BL_STR("to"), BL_STR_ABSENT};
    struct bl_str nearest = bl_nearest(bl_str_from_c(word), known, 5);
    if (!bl_str_equal_c(nearest, expected)) {
        fail_msg("%s: %.*s instead of %s", word, BL_STR_ARG(nearest), expected);
    }
}

static void test_nearest(void **state) {
    (void)state;
    assert_nearest("wieght", "weight"); /* 2 of 6 */
    assert_nearest("weigth", "weight");
    assert_nearest("weightz", "weight"); /* 1 to both: the first */
    assert_nearest("weightss", "weights");
    assert_nearest("timeout", NULL); /* 3 */
    assert_nearest("timeoutms", "timeout_ms");
    assert_nearest("wxyght", "weight"); /* 2 */
    assert_nearest("wxyzht", NULL);     /* 3 */
    assert_nearest("tx", NULL);         /* 1 of 2: not less than half */
    assert_nearest("txo", "to");        /* 1 of 3 */
    assert_nearest("", NULL);
    assert_false(bl_str_is_present(bl_nearest(BL_STR("weight"), NULL, 0)));
}

static void test_nearest_of_long_words(void **state) {
    (void)state;
    static char word[70];
    static char other[70];
    memset(word, 'a', sizeof(word));
    memset(other, 'a', sizeof(other));
    other[3] = 'b';
    const struct bl_str within = {other, 64};
    assert_true(bl_str_equal(bl_nearest((struct bl_str){word, 64}, &within, 1), within));
    const struct bl_str beyond = {other, 65};
    assert_false(bl_str_is_present(bl_nearest((struct bl_str){word, 65}, &beyond, 1)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clear),
        cmocka_unit_test(test_writers_fill_their_own_field),
        cmocka_unit_test(test_length_limit),
        cmocka_unit_test(test_cut_never_splits_a_character),
        cmocka_unit_test(test_nothing_that_a_terminal_obeys),
        cmocka_unit_test(test_findings_are_bounded),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_nearest_of_long_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
