#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "expression/pattern.h"

static struct bl_arena arena;
static struct bl_diag diag;
static char text[BL_PATTERN_TEXT_MAX_BYTES + 1];

static const struct bl_pattern *compile(const char *pattern) {
    const struct bl_pattern *compiled = NULL;

    if (bl_is_error(bl_pattern_compile(bl_str_from_c(pattern), &arena, &compiled, &diag))) {
        fail_msg("%s: %s", pattern, diag.message);
    }
    return compiled;
}

static void what_re2_has(void **state) {
    static const struct {
        const char *pattern, *yes, *no;
    } cases[] = {
        {"", "", NULL},
        {"abc", "xabcx", "ab"},
        {"^abc$", "abc", "abcd"},
        {"^a$", "a", "a\n"}, /* $ is the end of the text, not of a line */
        {"a.c", "abc", "a\nc"},
        {"(?s)a.c", "a\nc", "ac"},
        {"(?i)gold", "GoLd", "silver"},
        {"(?m)^b$", "a\nb\nc", "ab"},
        {"(?m:^b$)", "a\nb\nc", "ab"},
        {"(?m:a$)\nb$", "a\nb", "a\nb\n"},
        {"((?m)a$)\nb$", "a\nb", "a\nb\n"},
        {"(?m)(?-m)a$", "a", "a\n"},
        {"(?m)(?-m:b$)|a$", "a\n", "b\n"},
        {"(?im-s)A$", "a\n", "b"},
        {"(?-im)a$", "a", "a\n"},
        {"(?P<m>a)$", "a", "a\n"},
        {"[$]$", "$", "$\n"},
        {"\\v", "\v", "\n"},
        {"[\\v]", "\v", "\n"},
        {"[[:x]", ":", "y"},
        {"[[:x]+:]]", "x::]]", "x"},
        {"(?i:a)b", "Ab", "AB"},
        {"(?-i)a", "a", "A"},
        {"a|b|", "", NULL},
        {"a*b+c?", "aabb", "aac"},
        {"a{2}", "aa", "a"},
        {"^a{2,}$", "aaa", "a"},
        {"^a{1,2}$", "aa", "aaa"},
        {"a*?b", "aab", "a"},
        {"a+?", "a", "b"},
        {"a??b", "b", "a"},
        {"a{1,2}?b", "aab", "b"},
        {"[a-c]", "b", "d"},
        {"[^a-c]", "d", "abc"},
        {"[]a]", "]", "b"},
        {"[^]]", "a", "]"},
        {"[\\]x]", "]", "y"},
        {"[a\\-z]", "-", "b"},
        {"[[:alpha:]]", "q", "7"},
        {"[[:^alpha:]]", "7", "q"},
        {"[[:digit:]x]", "x", "y"},
        {"[(?=+*]", "=", "a"},
        {"\\d\\D\\w\\W\\s\\S", "1aa  b", "aaaa"},
        {"[\\d\\s]", "7", "a"},
        {"\\bword\\b", "a word.", "swords"},
        {"\\Bx", "ax", "x"},
        {"\\Aab\\z", "ab", "abc"},
        {"\\x41\\x{1F600}", "A\xf0\x9f\x98\x80", "A"},
        {"\\.\\*\\(\\)\\[\\]\\{\\}\\+\\?\\^\\$\\|\\\\", ".*()[]{}+?^$|\\", "x"},
        {"\\n\\t\\r\\f\\v\\a", "\n\t\r\f\v\a", "nt"},
        {"(a)(?:b)(?P<name>c)", "abc", "ab"},
        {"((((a))))", "a", "b"},
        {"\\pL", "\xc3\xa9", "1"},
        {"\\p{Lu}", "\xc3\x89", "\xc3\xa9"},
        {"\\p{Greek}", "\xce\xb1", "a"},
        {"\\PL", "1", "\xc3\xa9"},
        {"\\P{L}", "1", "a"},
        {"^.$", "\xe2\x82\xac", "\xe2\x82\xac\xe2\x82\xac"}, /* characters, not bytes */
        {"\xc3\xa9+", "caf\xc3\xa9\xc3\xa9", "cafe"},
        {"^(gpt-4|claude-[0-9.]+)", "claude-3.5", "o-gpt-4"},
        {"a}", "a}", "a"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct bl_pattern *pattern = compile(cases[i].pattern);
        if (bl_pattern_match(pattern, bl_str_from_c(cases[i].yes)) != BL_MATCH_YES) {
            fail_msg("%s does not match %s", cases[i].pattern, cases[i].yes);
        }
        if (cases[i].no != NULL &&
            bl_pattern_match(pattern, bl_str_from_c(cases[i].no)) != BL_MATCH_NO) {
            fail_msg("%s matches %s", cases[i].pattern, cases[i].no);
        }
    }
}

static void what_re2_has_not_is_refused(void **state) {
    static const struct {
        const char *pattern, *message;
    } cases[] = {
        {"(a)\\1", "a back reference"},
        {"(a)\\9", "a back reference"},
        {"(a)\\g1", "a back reference"},
        {"(?P<n>a)\\k<n>", "a back reference"},
        {"(?P<n>a)(?P=n)", "a group of a kind"},
        {"a(?=b)", "look-ahead"},
        {"a(?!b)", "look-ahead"},
        {"(?<=a)b", "look-behind"},
        {"(?<!a)b", "look-behind"},
        {"(?>a)", "a group of a kind"},
        {"(?R)", "a group of a kind"},
        {"(?1)", "a group of a kind"},
        {"(?&n)", "a group of a kind"},
        {"(?P>n)", "a group of a kind"},
        {"(?(1)a|b)", "a group of a kind"},
        {"(?|a|b)", "a group of a kind"},
        {"(?#comment)", "a group of a kind"},
        {"(?C1)", "a group of a kind"},
        {"(?x)a b", "a group of a kind"},
        {"(?J)a", "a group of a kind"},
        {"(?)", "a group of a kind"},
        {"(?", "a group of a kind"},
        {"(*UTF)a", "a verb"},
        {"a(*FAIL)", "a verb"},
        {"(*atomic:a)", "a verb"},
        {"a*+", "a possessive repetition"},
        {"a++", "a possessive repetition"},
        {"a?+", "a possessive repetition"},
        {"a{2}+", "a possessive repetition"},
        {"\\Ka", "an escape that RE2 has not"},
        {"\\Ga", "an escape that RE2 has not"},
        {"a\\X", "an escape that RE2 has not"},
        {"\\R", "an escape that RE2 has not"},
        {"\\h", "an escape that RE2 has not"},
        {"\\N", "an escape that RE2 has not"},
        {"\\Qa\\E", "\\Q"},
        {"\\Z", "an escape that RE2 has not"},
        {"\\e", "an escape that RE2 has not"},
        {"\\cA", "an escape that RE2 has not"},
        {"\\o{12}", "an escape that RE2 has not"},
        {"[\\Qa]b\\E]", "\\Q"},
        {"[a\\E]", "an escape that RE2 has not"},
        {"[\\b]", "an escape that RE2 has not"},
        {"[\\h]", "an escape that RE2 has not"},
        {"[[:x](?=a):]]", "look-ahead"}, /* no named class */
        {"[[:x](a)\\1:]]", "a back reference"},
        {"[](?=a)", "is broken"},
        {"[]a](?=a)", "look-ahead"},
        {"[^]](?=a)", "look-ahead"},
        {"[^](?=a)", "is broken"},
        {"[\\](?=a)", "is broken"},
        {"\\[(?=a)]", "look-ahead"},
        {"\\C", "a back reference, or an escape"},
        {"(", "is broken"},
        {")", "is broken"},
        {"a)(b", "is broken"},
        {"[a", "is broken"},
        {"[b-a]", "is broken"},
        {"*", "is broken"},
        {"a**", "is broken"},
        {"\\", "is broken"},
        {"a{2,1}", "is broken"},
        {"\\p{Klingon}", "is broken"},
        {"[[:nope:]]", "is broken"},
        {"\\x{110000}", "is broken"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct bl_pattern *pattern = NULL;
        bl_diag_clear(&diag);
        bl_result result =
            bl_pattern_compile(bl_str_from_c(cases[i].pattern), &arena, &pattern, &diag);
        if (result.error != BL_E_INVALID_REQUEST ||
            strstr(diag.message, cases[i].message) == NULL) {
            fail_msg("%s: %s, wanted %s", cases[i].pattern, diag.message, cases[i].message);
        }
    }
}

/* A bracket, a quote or a comment in the pattern must not reach what it is wrapped into. */
static void the_search_around_it_does_not_show(void **state) {
    (void)state;
    assert_int_equal(bl_pattern_match(compile("^b"), BL_STR("ab")), BL_MATCH_NO);
    assert_int_equal(bl_pattern_match(compile("^b|c"), BL_STR("abc")), BL_MATCH_YES);
    assert_int_equal(bl_pattern_match(compile("a|b"), BL_STR("xxb")), BL_MATCH_YES);
    assert_int_equal(bl_pattern_match(compile("(?i)x"), BL_STR("\nX")), BL_MATCH_YES);
    assert_int_equal(bl_pattern_match(compile("\\bx"), BL_STR("ax x")), BL_MATCH_YES);
    assert_int_equal(bl_pattern_match(compile("x"), BL_STR("a\nb\nx")), BL_MATCH_YES);
}

static void fill(const char *part) {
    size_t len = strlen(part);

    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = part[i % len];
    }
}

/* What makes a backtracking matcher run for years. */
static void catastrophic_patterns_return(void **state) {
    static const char *const patterns[] = {
        "(a+)+$",
        "(a*)*b",
        "(a|a)*b",
        "(a|aa)+$",
        "(.*)(.*)(.*)b",
        "(.*a){12}b",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(x+x+)+y",
        "(a?){30}a{30}b",
        "([a-zA-Z]+)*\\d",
        "(?i)(a|b|ab)*c",
    };
    (void)state;

    fill("a");
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        enum bl_match found = bl_pattern_match(compile(patterns[i]),
                                               (struct bl_str){text, BL_PATTERN_TEXT_MAX_BYTES});
        assert_in_range(found, BL_MATCH_NO, BL_MATCH_TOO_MUCH);
    }
    text[BL_PATTERN_TEXT_MAX_BYTES - 1] = 'b';
    assert_int_equal(
        bl_pattern_match(compile("(a*)*b$"), (struct bl_str){text, BL_PATTERN_TEXT_MAX_BYTES}),
        BL_MATCH_YES);
}

static void sizes_are_bounded(void **state) {
    const struct bl_pattern *pattern;
    char long_pattern[BL_PATTERN_MAX_BYTES + 1];
    (void)state;

    memset(long_pattern, 'a', sizeof(long_pattern));
    fill("a");
    assert_true(bl_is_ok(bl_pattern_compile((struct bl_str){long_pattern, BL_PATTERN_MAX_BYTES},
                                            &arena, &pattern, &diag)));
    assert_int_equal(bl_pattern_match(pattern, (struct bl_str){text, BL_PATTERN_MAX_BYTES - 1}),
                     BL_MATCH_NO);
    assert_int_equal(bl_pattern_compile((struct bl_str){long_pattern, sizeof(long_pattern)}, &arena,
                                        &pattern, &diag)
                         .error,
                     BL_E_INVALID_REQUEST);
    assert_string_equal(diag.message, "the pattern has 513 bytes, more than 512");
    assert_int_equal(bl_pattern_compile(BL_STR("a\0b"), &arena, &pattern, &diag).error,
                     BL_E_INVALID_REQUEST);
    assert_string_equal(diag.message, "the pattern holds a NUL");

    pattern = compile("b");
    assert_int_equal(bl_pattern_match(pattern, (struct bl_str){text, BL_PATTERN_TEXT_MAX_BYTES}),
                     BL_MATCH_NO);
    assert_int_equal(
        bl_pattern_match(pattern, (struct bl_str){text, BL_PATTERN_TEXT_MAX_BYTES + 1}),
        BL_MATCH_TOO_MUCH);
    fill("ab");
    assert_int_equal(bl_pattern_match(compile("(.{0,100}){5}x"),
                                      (struct bl_str){text, BL_PATTERN_TEXT_MAX_BYTES}),
                     BL_MATCH_TOO_MUCH); /* more states than there is room for */
}

static void the_longest_pattern_that_grows_is_bounded(void **state) {
    struct bl_arena small;
    const struct bl_pattern *pattern;
    (void)state;

    bl_arena_init(&small, 256, 1024);
    assert_int_equal(bl_pattern_compile(BL_STR("(a{1,100}){100}"), &small, &pattern, &diag).error,
                     BL_E_RESOURCE_EXHAUSTED);
    bl_arena_fini(&small);
    /* RE2 refuses repetitions above 1000. */
    assert_int_equal(
        bl_pattern_compile(BL_STR("((((a{999}){999}){999}){999})"), &arena, &pattern, &diag).error,
        BL_E_INVALID_REQUEST);
}

static int setup(void **state) {
    (void)state;
    bl_arena_init(&arena, 64 * 1024, (size_t)16 * 1024 * 1024);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    bl_arena_fini(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_re2_has),
        cmocka_unit_test(what_re2_has_not_is_refused),
        cmocka_unit_test(the_search_around_it_does_not_show),
        cmocka_unit_test(catastrophic_patterns_return),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(the_longest_pattern_that_grows_is_bounded),
    };
    return cmocka_run_group_tests_name("pattern", tests, setup, teardown);
}
