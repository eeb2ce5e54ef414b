#include "unit/json/json_fixture.h"

#include "json/yaml.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    struct bl_str text;
    struct bl_str written;
} accepted[] = {
    /* plain scalars by JSON's rules */
    {BL_STR("true"), BL_STR("true")},
    {BL_STR("false"), BL_STR("false")},
    {BL_STR("null"), BL_STR("null")},
    {BL_STR("12"), BL_STR("12")},
    {BL_STR("-0"), BL_STR("-0")},
    {BL_STR("1.5e3"), BL_STR("1500.0")},
    {BL_STR("18446744073709551615"), BL_STR("18446744073709551615")},
    {BL_STR("~"), BL_STR("\"~\"")},
    {BL_STR("True"), BL_STR("\"True\"")},
    {BL_STR("NULL"), BL_STR("\"NULL\"")},
    {BL_STR("yes"), BL_STR("\"yes\"")},
    {BL_STR("no"), BL_STR("\"no\"")},
    {BL_STR("on"), BL_STR("\"on\"")},
    {BL_STR("off"), BL_STR("\"off\"")},
    {BL_STR("012"), BL_STR("\"012\"")},
    {BL_STR("0x1f"), BL_STR("\"0x1f\"")},
    {BL_STR("1_000"), BL_STR("\"1_000\"")},
    {BL_STR("+1"), BL_STR("\"+1\"")},
    {BL_STR(".5"), BL_STR("\".5\"")},
    {BL_STR("1."), BL_STR("\"1.\"")},
    {BL_STR("-"), BL_STR("[null]")},
    {BL_STR("-x"), BL_STR("\"-x\"")},
    {BL_STR("10m"), BL_STR("\"10m\"")},
    {BL_STR("12:30"), BL_STR("\"12:30\"")},
    {BL_STR("2026-01-01"), BL_STR("\"2026-01-01\"")},
    {BL_STR(".inf"), BL_STR("\".inf\"")},
    {BL_STR("NaN"), BL_STR("\"NaN\"")},
    {BL_STR("a b"), BL_STR("\"a b\"")},
    {BL_STR("a\n b"), BL_STR("\"a b\"")},
    {BL_STR("true\n false"), BL_STR("\"true false\"")},
    /* quoted and block scalars are texts */
    {BL_STR("\"1\""), BL_STR("\"1\"")},
    {BL_STR("'true'"), BL_STR("\"true\"")},
    {BL_STR("''"), BL_STR("\"\"")},
    {BL_STR("'it''s'"), BL_STR("\"it's\"")},
    {BL_STR("\"a\\tb\\u00e9\\0\""), BL_STR("\"a\\tb\xC3\xA9\\u0000\"")},
    {BL_STR("\"\\N\\L\\P\""), BL_STR("\"\xC2\x85\xE2\x80\xA8\xE2\x80\xA9\"")},
    {BL_STR("|\n  1\n  2\n"), BL_STR("\"1\\n2\\n\"")},
    {BL_STR("|-\n  1\n"), BL_STR("\"1\"")},
    {BL_STR(">\n  a\n  b\n"), BL_STR("\"a b\\n\"")},
    /* collections */
    {BL_STR("a: 1\nb: x\n"), BL_STR("{\"a\":1,\"b\":\"x\"}")},
    {BL_STR("a:\n  b:\n    c: 1\nd: 2"), BL_STR("{\"a\":{\"b\":{\"c\":1}},\"d\":2}")},
    {BL_STR("- 1\n- [2, 3]\n- {a: 4}\n- - 5\n"), BL_STR("[1,[2,3],{\"a\":4},[5]]")},
    {BL_STR("a:\n- 1\n- 2\nb: 3"), BL_STR("{\"a\":[1,2],\"b\":3}")},
    {BL_STR("- a: 1\n  b: 2\n- a: 3\n"), BL_STR("[{\"a\":1,\"b\":2},{\"a\":3}]")},
    {BL_STR("[a: 1]"), BL_STR("[{\"a\":1}]")},
    {BL_STR("{a, b: 1}"), BL_STR("{\"a\":null,\"b\":1}")},
    {BL_STR("[]"), BL_STR("[]")},
    {BL_STR("{}"), BL_STR("{}")},
    {BL_STR("a:\nb:\n"), BL_STR("{\"a\":null,\"b\":null}")},
    {BL_STR("a: ''\n"), BL_STR("{\"a\":\"\"}")},
    /* keys are texts as written */
    {BL_STR("1: a\n1.0: b\ntrue: c\nnull: d\n"),
     BL_STR("{\"1\":\"a\",\"1.0\":\"b\",\"true\":\"c\",\"null\":\"d\"}")},
    {BL_STR("'': 1"), BL_STR("{\"\":1}")},
    {BL_STR("'<<': 1"), BL_STR("{\"<<\":1}")},
    {BL_STR("? a\n: 1"), BL_STR("{\"a\":1}")},
    {BL_STR("a: <<"), BL_STR("{\"a\":\"<<\"}")},
    /* the frame */
    {BL_STR("# only\na: 1 # here\n# end"), BL_STR("{\"a\":1}")},
    {BL_STR("---\na: 1\n...\n"), BL_STR("{\"a\":1}")},
    {BL_STR("---\n"), BL_STR("null")},
    {BL_STR("%YAML 1.1\n---\na: 1"), BL_STR("{\"a\":1}")},
    {BL_STR("a: 1\r\nb: 2\r\n"), BL_STR("{\"a\":1,\"b\":2}")},
    {BL_STR("{\"a\": [1, \"b\", null, true], \"c\": {}}"),
     BL_STR("{\"a\":[1,\"b\",null,true],\"c\":{}}")},
};

static const struct {
    struct bl_str text;
    uint32_t line;
    uint32_t column;
    const char *message;
} refused[] = {
    {BL_STR(""), 0, 0, "the document is empty"},
    {BL_STR("\n # nothing\n"), 0, 0, "the document is empty"},
    {BL_STR("\xEF\xBB\xBF"
            "a: 1"),
     1, 1, "byte order mark"},
    {BL_STR("a: &x 1"), 1, 4, "anchors are not allowed"},
    {BL_STR("a: &x [1]"), 1, 4, "anchors are not allowed"},
    {BL_STR("a: &x {b: 1}"), 1, 4, "anchors are not allowed"},
    {BL_STR("&x a: 1"), 1, 1, "anchors are not allowed"},
    {BL_STR("a: 1\nb: *x"), 2, 4, "aliases are not allowed"},
    {BL_STR("*x : 1"), 1, 1, "aliases are not allowed"},
    {BL_STR("a: !!str 1"), 1, 4, "tags are not allowed"},
    {BL_STR("a: !x 1"), 1, 4, "tags are not allowed"},
    {BL_STR("a: ! 1"), 1, 4, "tags are not allowed"},
    {BL_STR("!!map {a: 1}"), 1, 1, "tags are not allowed"},
    {BL_STR("!!seq [1]"), 1, 1, "tags are not allowed"},
    {BL_STR("!!binary aGk="), 1, 1, "tags are not allowed"},
    {BL_STR("%TAG !e! x:\n---\na: 1"), 1, 1, "tags are not allowed"},
    {BL_STR("a: !e!x 1"), 1, 4, "tags are not allowed"},
    {BL_STR("<<: {a: 1}"), 1, 1, "merge keys are not allowed"},
    {BL_STR("a: 1\n---\nb: 2"), 2, 1, "a second document"},
    {BL_STR("a: 1\n...\n---\nb: 2"), 3, 1, "a second document"},
    {BL_STR("a: 1\nb: 2\na: 3"), 3, 1,
     "the key \"a\" stands twice in one object, first in line 1, column 1"},
    {BL_STR("x:\n  {a: 1, 'a': 2}"), 2, 10, "the key \"a\" stands twice"},
    {BL_STR("1: a\n'1': b"), 2, 1, "the key \"1\" stands twice"},
    {BL_STR("\xC3\xA9: {b: 1, b: 2}"), 1, 12, "first in line 1, column 6"},
    {BL_STR("? [a]\n: 1"), 1, 3, "a key has to be a text"},
    {BL_STR("{a: 1}: 2"), 1, 1, "a key has to be a text"},
    {BL_STR("? {a: b}\n: 1"), 1, 3, "a key has to be a text"},
    {BL_STR(": 1"), 1, 1, "a key should begin here"},
    {BL_STR("?\n: 1"), 1, 2, "a key is missing"},
    {BL_STR("{: 1}"), 1, 2, "a value or a key is missing"},
    {BL_STR("1e999"), 1, 1, "too large for a 64-bit double"},
    {BL_STR("a: -1e999"), 1, 4, "too large for a 64-bit double"},
    /* bytes */
    {BL_STR("a: \xFF"), 1, 4, "not valid UTF-8"},
    {BL_STR("a: 1\n\xC3\xA9: \xC3("), 2, 5, "not valid UTF-8"},
    {BL_STR("a: \x01"), 1, 4, "a control character"},
    {BL_STR("a: 1\n\xC3\xA9: \x7f"), 2, 5, "a control character"},
    {BL_STR("a: \0"), 1, 4, "a control character"},
    /* line ends that editors do not show */
    {BL_STR("a: 1 # b\rc: 2"), 1, 9, "a carriage return without a line feed"},
    {BL_STR("a: 1\r"), 1, 5, "a carriage return without a line feed"},
    {BL_STR("a: 1 # b\xC2\x85"
            "c: 2"),
     1, 9, "U+0085"},
    {BL_STR("a: 1\n# b\xE2\x80\xA8"
            "c: 2"),
     2, 4, "U+2028"},
    {BL_STR("a: \"\xE2\x80\xA9\""), 1, 5, "U+2029"},
    /* typing errors */
    {BL_STR("a: b: c"), 1, 5, "a colon cannot stand here"},
    {BL_STR("a: 1\n b: 2"), 2, 3, "a colon cannot stand here"},
    {BL_STR("\xC3\xA9: b: c"), 1, 6, "a colon cannot stand here"},
    {BL_STR("a:\n  b: 1\n c: 2"), 3, 2, "a key should begin here"},
    {BL_STR("a: \"b\" c"), 1, 8, "a key should begin here"},
    {BL_STR("- a\nb: 1"), 2, 1, "a list item should begin here"},
    {BL_STR("a: - 1"), 1, 4, "a list item cannot stand here"},
    {BL_STR("a: 1\nb"), 2, 2, "a key without a colon"},
    {BL_STR("[a, b"), 1, 6, "a comma or ] should stand here"},
    {BL_STR("{a: 1"), 1, 6, "a comma or } should stand here"},
    {BL_STR("a: 'b"), 1, 6, "the document ends inside a quoted text"},
    {BL_STR("a: \"b\\q\""), 1, 6, "this backslash does not begin an escape"},
    {BL_STR("a: \"\\xzz\""), 1, 7, "lacks hexadecimal digits"},
    {BL_STR("a: \"\\ud800\""), 1, 7, "not a character"},
    {BL_STR("a:\n\tb: 1"), 2, 1, "indented with a tab"},
    {BL_STR("a: @b"), 1, 4, "cannot begin with @"},
    {BL_STR("a: `b`"), 1, 4, "cannot begin with `"},
    {BL_STR("a: %b"), 1, 4, "cannot begin with %"},
    {BL_STR("a: &"), 1, 5, "anchors and aliases"},
    {BL_STR("%YAML 2.0\n---\na"), 1, 1, "this version of YAML"},
};

static void test_accepted(void **state) {
    struct json_fixture fixture;
    (void)state;
    json_fixture_init(&fixture);
    for (size_t i = 0; i < COUNT(accepted); i++) {
        bl_result result =
            json_fixture_read(&fixture, bl_yaml_read, accepted[i].text, &json_wide_limits);
        if (bl_is_error(result)) {
            print_error("%.*s: %s\n", BL_STR_ARG(accepted[i].text), fixture.diag.message);
        }
        assert_true(bl_is_ok(result));
        assert_str(json_fixture_write(&fixture), accepted[i].written);
    }
    json_fixture_fini(&fixture);
}

static void test_refused(void **state) {
    struct json_fixture fixture;
    size_t wrong = 0;
    (void)state;
    json_fixture_init(&fixture);
    for (size_t i = 0; i < COUNT(refused); i++) {
        bl_result result =
            json_fixture_read(&fixture, bl_yaml_read, refused[i].text, &json_wide_limits);
        const struct bl_diag *diag = &fixture.diag;
        if (result.error != BL_E_INVALID_REQUEST || diag->line != refused[i].line ||
            diag->column != refused[i].column ||
            strstr(diag->message, refused[i].message) == NULL) {
            print_error("%.*s\ngot      line %u, column %u: %s (%s)\nexpected line %u, column %u: "
                        "%s\n",
                        BL_STR_ARG(refused[i].text), diag->line, diag->column, diag->message,
                        diag->hint, refused[i].line, refused[i].column, refused[i].message);
            wrong++;
        }
        assert_int_equal(fixture.doc.count, 0);
    }
    assert_int_equal(wrong, 0);
    json_fixture_fini(&fixture);
}

/* Lines end with \n alone, and columns count bytes, as editors show them. */
static void test_positions(void **state) {
    struct json_fixture fixture;
    uint32_t line;
    uint32_t column;
    (void)state;
    json_fixture_init(&fixture);
    const struct bl_str text = BL_STR("# \xE2\x82\xAC\r\n"
                                      "a: {\xC3\xA9: 1, b: [\xE2\x82\xAC, 2]}\n"
                                      "c: |\n"
                                      "  text\n"
                                      "d: 'x\xE2\x80\xA7y'\n"
                                      "e: 5\n");
    assert_true(bl_is_ok(json_fixture_read(&fixture, bl_yaml_read, text, &json_wide_limits)));
    struct bl_json root = bl_json_root(&fixture.doc);
    const struct {
        struct bl_json value;
        uint32_t line;
        uint32_t column;
    } cases[] = {
        {root, 2, 1},
        {bl_json_get(root, BL_STR("a")), 2, 4},
        {bl_json_path(root, BL_STR("a.\xC3\xA9")), 2, 9},
        {bl_json_path(root, BL_STR("a.b")), 2, 15},
        {bl_json_at(bl_json_path(root, BL_STR("a.b")), 1), 2, 21},
        {bl_json_get(root, BL_STR("c")), 3, 4},
        {bl_json_get(root, BL_STR("d")), 5, 4},
        {bl_json_get(root, BL_STR("e")), 6, 4},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        bl_json_position(cases[i].value, &line, &column);
        assert_int_equal(line, cases[i].line);
        assert_int_equal(column, cases[i].column);
        assert_false(bl_str_is_present(bl_json_source(cases[i].value)));
    }
    assert_int_equal(fixture.doc.nodes[bl_json_get(root, BL_STR("e")).index].offset, text.len - 2);
    json_fixture_fini(&fixture);
}

static void test_limits(void **state) {
    const struct bl_str text = BL_STR("a: [1, [2]]\n"); /* 12 bytes, depth 3, 6 nodes */
    struct json_fixture fixture;
    (void)state;
    json_fixture_init(&fixture);
    for (uint32_t bytes = 11; bytes <= 13; bytes++) {
        const struct bl_json_limits limits = {bytes, 9, 99};
        assert_int_equal(bl_is_ok(json_fixture_read(&fixture, bl_yaml_read, text, &limits)),
                         bytes >= 12);
    }
    for (uint32_t depth = 2; depth <= 4; depth++) {
        const struct bl_json_limits limits = {99, depth, 99};
        assert_int_equal(bl_is_ok(json_fixture_read(&fixture, bl_yaml_read, text, &limits)),
                         depth >= 3);
    }
    for (uint32_t nodes = 5; nodes <= 7; nodes++) {
        const struct bl_json_limits limits = {99, 9, nodes};
        assert_int_equal(bl_is_ok(json_fixture_read(&fixture, bl_yaml_read, text, &limits)),
                         nodes >= 6);
    }
    json_fixture_fini(&fixture);
}

/* Wherever the arena ends, the reader says so, and libyaml's memory is given back. */
static void test_full_arena(void **state) {
    static const struct bl_str text =
        BL_STR("a: some text that is long enough to be noticed\nb: [1, 2, 3, {c: d}]\ne: 'text'\n");
    bool fitted = false;
    (void)state;
    for (size_t fill = 0; fill < 4096; fill += 16) {
        struct bl_json_doc doc;
        struct bl_arena arena;
        struct bl_diag diag;
        bl_arena_init(&arena, 4096, 4096);
        assert_true(fill == 0 || bl_arena_alloc(&arena, fill) != NULL || fill > 4000);
        bl_result result = bl_yaml_read(text, &json_wide_limits, &arena, &doc, &diag);
        if (bl_is_error(result)) {
            assert_int_equal(result.error, BL_E_RESOURCE_EXHAUSTED);
            assert_int_equal(doc.count, 0);
        } else {
            fitted = true;
        }
        bl_arena_fini(&arena);
    }
    assert_true(fitted);
}

/* Nesting without end is refused at the limit of depth, before it costs anything. */
static void test_deep_nesting(void **state) {
    static char text[200000];
    struct json_fixture fixture;
    (void)state;
    json_fixture_init(&fixture);
    static const char *const patterns[] = {"[", "{a: ", "- ", "? ", "[{a: "};
    for (size_t p = 0; p < COUNT(patterns); p++) {
        size_t size = strlen(patterns[p]);
        size_t len = 0;
        while (len + size <= sizeof(text)) {
            memcpy(text + len, patterns[p], size);
            len += size;
        }
        assert_int_equal(json_fixture_read(&fixture, bl_yaml_read, (struct bl_str){text, len},
                                           &bl_json_request_limits)
                             .error,
                         BL_E_INVALID_REQUEST);
    }
    json_fixture_fini(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),   cmocka_unit_test(test_refused),
        cmocka_unit_test(test_positions),  cmocka_unit_test(test_limits),
        cmocka_unit_test(test_full_arena), cmocka_unit_test(test_deep_nesting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
