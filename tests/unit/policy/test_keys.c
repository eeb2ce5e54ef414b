/*
 * Every key of every table: what it accepts and refuses, where it says so, and what it suggests.
 * The cases are made from the tables, so a key cannot be added without being tested.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "policy/keys.h"
#include "support/compiled_policy.h"

static struct compiled compiled;

__attribute__((format(printf, 3, 4))) static void format(char *out, size_t size, const char *text,
                                                         ...) {
    va_list args;
    va_start(args, text);
    assert_in_range(vsnprintf(out, size, text, args), 0, size - 1);
    va_end(args);
}

/* Where a table's members stand: what comes before and after them in the document. */
struct place {
    char before[256];
    char after[64];
    char path[128]; /* of a member, without its name */
};

typedef void (*case_function)(const struct bl_key *key, const struct place *place);

static size_t key_count;

/* What an item cannot do without beside the member `key`. */
static const char *filler(const struct place *place, const char *key) {
    if (strcmp(place->path, "providers[0].") == 0) {
        return strcmp(key, "name") != 0 && strcmp(key, "id") != 0 ? ", \"name\":\"x\"" : "";
    }
    if (strcmp(place->path, "rules[0].") == 0) {
        return strcmp(key, "deny") != 0 ? ", \"deny\":[\"w\"]" : ", \"stop\":true";
    }
    if (strcmp(place->path, "strategy.score.") == 0) {
        return strcmp(key, "load") != 0 ? ", \"load\":1" : ", \"cost\":1";
    }
    bool is_step = strcmp(place->path, "pre[0].") == 0 || strcmp(place->path, "post[0].") == 0 ||
                   strcmp(place->path, "validators[0].") == 0;
    return is_step && strcmp(key, "id") != 0 ? ", \"id\":\"x\"" : "";
}

/* "key": value on a line of its own, so that positions are known: line 2, column 1 is the key. */
static void compile_member(const struct place *place, const char *key, const char *value) {
    bool has_providers =
        strncmp(place->path, "providers", 9) == 0 ||
        (place->path[0] == '\0' && (strcmp(key, "providers") == 0 || strcmp(key, "weights") == 0));
    char text[2048];

    format(text, sizeof(text), "{%s\n\"%s\": %s%s\n%s%s}", place->before, key, value,
           filler(place, key), place->after, has_providers ? "" : ",\"weights\":{\"w\":1}");
    compile_c(&compiled, text);
}

static void member_path(char *path, size_t size, const struct place *place, const char *key) {
    format(path, size, "%s%s", place->path, key);
}

/* An error for the member, at its value or below it, or at its key. */
static const struct bl_diag *member_error(const struct place *place, const struct bl_key *key,
                                          const char *value, const char *part) {
    char path[256];

    compile_member(place, key->name, value);
    member_path(path, sizeof(path), place, key->name);
    return expect_error(&compiled, path, part, 2, (uint32_t)strlen(key->name) + 5);
}

static void walk(const struct bl_key_table *table, const struct place *place, case_function test) {
    for (size_t i = 0; i < table->count; i++) {
        const struct bl_key *key = &table->keys[i];
        struct place inner = *place;
        key_count++;
        test(key, place);
        if (key->table == NULL || strcmp(place->path, "extensions.") == 0) {
            continue;
        }
        const char *open = key->shape == BL_SHAPE_ITEMS && key->type == BL_KEY_NOTE ? "[{"
                           : key->shape == BL_SHAPE_STRATEGY && key->type == BL_KEY_NOTE
                               ? "{\"score\":{"
                               : "{";
        const char *close = open[0] == '[' ? "}]" : open[1] != '\0' ? "}}" : "}";
        format(inner.before, sizeof(inner.before), "%s\"%s\":%s", place->before, key->name, open);
        format(inner.after, sizeof(inner.after), "%s%s%s", close, filler(place, key->name),
               place->after);
        format(inner.path, sizeof(inner.path), "%s%s%s", place->path, key->name,
               open[0] == '['    ? "[0]."
               : open[1] != '\0' ? ".score."
                                 : ".");
        walk(key->table, &inner, test);
    }
}

static void walk_all(case_function test) {
    static const struct place top = {"", "", ""};
    key_count = 0;
    walk(&bl_document_keys, &top, test);
    assert_true(key_count > 100);
}

/* A value that the key accepts. */
static void good_value(const struct bl_key *key, bool largest, char *value, size_t size) {
    double bound = largest ? key->max : key->min;
    const char *text = "null";

    switch (key->type) {
    case BL_KEY_BOOL:
        text = largest ? "true" : "false";
        break;
    case BL_KEY_U8:
    case BL_KEY_U32:
    case BL_KEY_U64:
    case BL_KEY_I64:
    case BL_KEY_SECONDS:
    case BL_KEY_DOUBLE:
        format(value, size, "%.0f", bound);
        return;
    case BL_KEY_MONEY:
        format(value, size, "%.9f", bound);
        return;
    case BL_KEY_DURATION:
        format(value, size, "\"%.0fms\"", bound);
        return;
    case BL_KEY_TEXT:
        format(value, size, "\"%.*s\"", (int)bound,
               "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
               "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
               "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
               "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
        return;
    case BL_KEY_WORD:
        format(value, size, "\"%s\"", key->words[largest ? 1 : 0]);
        return;
    case BL_KEY_OBJECT:
        text = "{}";
        break;
    case BL_KEY_IGNORED:
        text = largest ? "{\"any\": [1]}" : "7";
        break;
    case BL_KEY_NOTE:
        switch (key->shape) {
        case BL_SHAPE_TEXT:
            text = strcmp(key->name, "tenant_id") == 0 ? "\"t\"" : "\"p\"";
            break;
        case BL_SHAPE_NUMBER:
            text = largest ? "1000000000000" : "0";
            break;
        case BL_SHAPE_OBJECT:
            text = "{\"a\": 1}";
            break;
        case BL_SHAPE_TEXTS:
            text = "{\"region\": \"eu\"}";
            break;
        case BL_SHAPE_NUMBERS:
            text = "{\"a\": 1}";
            break;
        case BL_SHAPE_PROVIDER:
        case BL_SHAPE_PROVIDER_OR_OBJECT:
            text = "\"a/b@c\"";
            break;
        case BL_SHAPE_PROVIDERS:
            text = "[\"w\"]";
            break;
        case BL_SHAPE_CONDITION:
        case BL_SHAPE_CONDITION_OR_STATUSES:
            text = "{\"a\": 1}";
            break;
        case BL_SHAPE_STATUSES:
            text = "[\"timeout\"]";
            break;
        case BL_SHAPE_ITEMS:
            text = strcmp(key->name, "providers") == 0 ? "[{\"name\": \"w\"}]" : "[]";
            break;
        case BL_SHAPE_STRATEGY:
            text = "\"cost\"";
            break;
        }
        break;
    }
    format(value, size, "%s", text);
}

static void test_bounds_accepted(const struct bl_key *key, const struct place *place) {
    char value[512];

    for (int largest = 0; largest < 2; largest++) {
        good_value(key, largest != 0, value, sizeof(value));
        compile_member(place, key->name, value);
        if (compiled.findings.errors > 0) {
            fail_msg("%s%s: %s is refused: [%s] %s", place->path, key->name, value,
                     compiled.findings.items[0].path, compiled.findings.items[0].message);
        }
    }
}

static void test_out_of_range(const struct bl_key *key, const struct place *place) {
    char value[512];

    switch (key->type) {
    case BL_KEY_U8:
    case BL_KEY_U32:
    case BL_KEY_U64:
    case BL_KEY_I64:
    case BL_KEY_SECONDS:
        format(value, sizeof(value), "%.0f", key->min - 1);
        member_error(place, key, value, "must be between");
        format(value, sizeof(value), "%.0f", key->max + 1);
        member_error(place, key, value, "must be between");
        member_error(place, key, "18446744073709551615", "must be between");
        member_error(place, key, "1.5", "must be a whole number, found a number");
        break;
    case BL_KEY_DOUBLE:
    case BL_KEY_MONEY:
        member_error(place, key, "-0.1", "must be between");
        member_error(place, key, "1e300", "must be between");
        break;
    case BL_KEY_DURATION:
        format(value, sizeof(value), "\"%.0fms\"", key->min - 1);
        member_error(place, key, value, "must be between 1s and");
        format(value, sizeof(value), "\"%.0fms\"", key->max + 1);
        member_error(place, key, value, "must be between 1s and");
        member_error(place, key, "\"10\"", "must be a duration");
        member_error(place, key, "\"s\"", "must be a duration");
        member_error(place, key, "\"1 s\"", "must be a duration");
        member_error(place, key, "\"99999999999s\"", "must be a duration");
        break;
    case BL_KEY_TEXT:
        member_error(place, key, "\"\"", "must have 1 to");
        memset(value, 'x', sizeof(value));
        value[0] = '"';
        value[(size_t)key->max + 2] = '"';
        value[(size_t)key->max + 3] = '\0';
        member_error(place, key, value, "must have 1 to");
        break;
    case BL_KEY_WORD:
        member_error(place, key, "\"zzzzzz\"", "must be one of");
        break;
    default:
        break;
    }
}

static void test_wrong_types(const struct bl_key *key, const struct place *place) {
    static const char *const values[] = {"true", "7", "\"x\"", "[[]]", "{\"zz\": []}"};
    char path[256];

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        bool good = false;
        switch (key->type) {
        case BL_KEY_BOOL:
            good = i == 0;
            break;
        case BL_KEY_TEXT:
            good = i == 2;
            break;
        case BL_KEY_OBJECT: /* refused for its unknown member */
            break;
        case BL_KEY_IGNORED:
            good = true;
            break;
        case BL_KEY_NOTE:
            good = (key->shape == BL_SHAPE_NUMBER && i == 1) ||
                   (key->shape == BL_SHAPE_PROVIDER && i == 2) ||
                   (key->shape == BL_SHAPE_PROVIDER_OR_OBJECT && i == 2) ||
                   (key->shape == BL_SHAPE_OBJECT && i == 4) ||
                   (strcmp(key->name, "id") == 0 && i == 2);
            /* {zz: []} is a condition: zz is one of none. */
            good = good || ((key->shape == BL_SHAPE_CONDITION ||
                             key->shape == BL_SHAPE_CONDITION_OR_STATUSES) &&
                            i == 4);
            break;
        default:
            good = i == 1; /* numbers; their range is tested above */
            if (key->type == BL_KEY_DURATION || key->type == BL_KEY_WORD) {
                good = false;
            }
            break;
        }
        if (good) {
            continue;
        }
        compile_member(place, key->name, values[i]);
        member_path(path, sizeof(path), place, key->name);
        assert_true(compiled.findings.errors > 0);
        const struct bl_diag *diag = &compiled.findings.items[0];
        for (size_t j = 0; diag->severity != BL_SEVERITY_ERROR; j++) {
            diag = &compiled.findings.items[j];
        }
        if (strncmp(diag->path, path, strlen(path)) != 0 || diag->line != 2 ||
            diag->column < strlen(key->name) + 5) {
            fail_msg("%s: %s: found at %u:%u [%s] %s", path, values[i], diag->line, diag->column,
                     diag->path, diag->message);
        }
    }
}

static void test_null(const struct bl_key *key, const struct place *place) {
    if (key->type != BL_KEY_IGNORED) {
        member_error(place, key, "null", "has no value");
    }
}

static void test_misspelt(const struct bl_key *key, const struct place *place) {
    char name[64];
    char path[256];
    char hint[128];

    format(name, sizeof(name), "z%s", key->name);
    compile_member(place, name, "1");
    member_path(path, sizeof(path), place, name);
    const struct bl_diag *diag = expect_error(&compiled, path, "unknown key", 2, 1);
    format(hint, sizeof(hint), "did you mean %s?", key->name);
    assert_string_equal(diag->hint, hint);
}

static void test_ignored(const struct bl_key *key, const struct place *place) {
    char path[256];

    if (key->type == BL_KEY_IGNORED) {
        compile_member(place, key->name, "1");
        member_path(path, sizeof(path), place, key->name);
        expect_warning(&compiled, path, "is accepted but has no effect", 2, 1);
    }
}

static void test_documented(const struct bl_key *key, const struct place *place) {
    (void)place;
    assert_non_null(key->doc);
    assert_true(key->doc[strlen(key->doc) - 1] == '.');
    assert_null(strchr(key->doc, '|')); /* it stands in a table */
}

static void accepts_bounds(void **state) {
    (void)state;
    walk_all(test_bounds_accepted);
}

static void refuses_out_of_range(void **state) {
    (void)state;
    walk_all(test_out_of_range);
}

static void refuses_wrong_types(void **state) {
    (void)state;
    walk_all(test_wrong_types);
}

static void refuses_null(void **state) {
    (void)state;
    walk_all(test_null);
}

static void suggests_the_nearest_key(void **state) {
    (void)state;
    walk_all(test_misspelt);
}

static void warns_of_keys_without_effect(void **state) {
    (void)state;
    walk_all(test_ignored);
}

static void documents_every_key(void **state) {
    (void)state;
    walk_all(test_documented);
}

static void the_newer_of_two_names_wins_in_any_order(void **state) {
    (void)state;
    expect_good(&compiled, "{weights: {a: 1}, sticky: {enabled: true, ttl_sec: 5, ttl: 1m, "
                           "ttl_seconds: 7, key: old, session_key: new}}");
    assert_int_equal(compiled.policy->sticky.ttl_ms, 60000);
    assert_true(bl_str_equal(compiled.policy->sticky.session_key, BL_STR("new")));
    expect_warning(&compiled, "sticky.ttl_sec", "is ignored, because ttl_seconds", 0, 0);
    expect_warning(&compiled, "sticky.ttl_seconds", "is ignored, because ttl", 0, 0);
    expect_warning(&compiled, "sticky.key", "is ignored, because session_key", 0, 0);

    expect_good(&compiled, "{weights: {a: 1}, sticky: {session_key: new, ttl_seconds: 7, key: old, "
                           "ttl_sec: 5, enabled: true}}");
    assert_int_equal(compiled.policy->sticky.ttl_ms, 7000);
    assert_true(bl_str_equal(compiled.policy->sticky.session_key, BL_STR("new")));
    expect_good(&compiled, "{weights: {a: 1}, sticky: {key: old, ttl_sec: 5, enabled: true}}");
    assert_int_equal(compiled.policy->sticky.ttl_ms, 5000);
    assert_true(bl_str_equal(compiled.policy->sticky.session_key, BL_STR("old")));
}

static void unknown_keys_can_be_warnings(void **state) {
    (void)state;
    compile_warning_unknown_keys(&compiled, "{weights: {a: 1}, stikcy: 1, sticky: {enbaled: 1}}");
    assert_non_null(compiled.policy);
    expect_warning(&compiled, "stikcy", "unknown key", 1, 19);
    expect_warning(&compiled, "sticky.enbaled", "unknown key", 0, 0);
}

static void an_object_that_is_off_says_so(void **state) {
    (void)state;
    expect_good(&compiled, "{weights: {a: 1}, sticky: {ttl: 1m}, rate_limit: {burst: 1}, "
                           "circuit_breaker: {enabled: false}}");
    expect_warning(&compiled, "sticky", "is off, because it does not say enabled: true", 1, 27);
    expect_warning(&compiled, "rate_limit", "is off", 0, 0);
    for (size_t i = 0; i < compiled.findings.count; i++) {
        assert_true(strcmp(compiled.findings.items[i].path, "circuit_breaker") != 0 ||
                    strstr(compiled.findings.items[i].message, "is off") == NULL);
    }
}

static int teardown(void **state) {
    (void)state;
    release(&compiled);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_bounds),
        cmocka_unit_test(refuses_out_of_range),
        cmocka_unit_test(refuses_wrong_types),
        cmocka_unit_test(refuses_null),
        cmocka_unit_test(suggests_the_nearest_key),
        cmocka_unit_test(warns_of_keys_without_effect),
        cmocka_unit_test(documents_every_key),
        cmocka_unit_test(the_newer_of_two_names_wins_in_any_order),
        cmocka_unit_test(unknown_keys_can_be_warnings),
        cmocka_unit_test(an_object_that_is_off_says_so),
    };
    return cmocka_run_group_tests_name("keys", tests, NULL, teardown);
}
