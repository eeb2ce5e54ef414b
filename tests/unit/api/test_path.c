#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "api/operation.h"

static struct bl_operation_match match;

static enum bl_operation_found look_up(const char *method, const char *path) {
    return bl_operation_match(bl_str_from_c(method), bl_str_from_c(path), &match);
}

static void expect(const char *method, const char *path, enum bl_operation operation,
                   const char *tenant, const char *policy) {
    assert_int_equal(look_up(method, path), BL_MATCH_FOUND);
    assert_int_equal(match.operation, operation);
    assert_true(bl_str_equal_c(match.tenant_id, tenant));
    assert_true(bl_str_equal_c(match.policy_id, policy));
}

static void methods_and_paths_name_operations(void **state) {
    (void)state;
    expect("POST", "/api/v1/routes/decide", BL_OPERATION_DECIDE, NULL, NULL);
    expect("POST", "/api/v1/messages", BL_OPERATION_DECIDE, NULL, NULL);
    expect("GET", "/api/v1/policies", BL_OPERATION_POLICY_LIST, NULL, NULL);
    expect("HEAD", "/api/v1/policies", BL_OPERATION_POLICY_LIST, NULL, NULL);
    expect("PUT", "/api/v1/policies/acme/default", BL_OPERATION_POLICY_PUT, "acme", "default");
    expect("GET", "/api/v1/policies/acme/history", BL_OPERATION_POLICY_GET, "acme", "history");
    expect("GET", "/api/v1/policies/history/lint/diff", BL_OPERATION_POLICY_DIFF, "history",
           "lint");
    expect("POST", "/api/v1/policies/a/b/diff", BL_OPERATION_POLICY_DIFF, "a", "b");
    expect("GET", "/api/v1/policies/a/b/revisions/7", BL_OPERATION_POLICY_REVISION, "a", "b");
    assert_true(bl_str_equal_c(match.revision, "7"));
    expect("GET", "/api/v1/policies/a/b", BL_OPERATION_POLICY_GET, "a", "b");
    assert_false(bl_str_is_present(match.revision));
}

static void segments_are_decoded_one_by_one(void **state) {
    (void)state;
    expect("GET", "/api/v1/policies/%2A/a%3Ab", BL_OPERATION_POLICY_GET, "*", "a:b");
    expect("GET", "/api/v1/policies/*/a%2Eb", BL_OPERATION_POLICY_GET, "*", "a.b");
    expect("GET", "/%61pi/v1/policies", BL_OPERATION_POLICY_LIST, NULL, NULL);
    expect("GET", "/api/v1/policies/%25/%7bpolicy%7d", BL_OPERATION_POLICY_GET, "%", "{policy}");
    expect("GET", "/api/v1/policies/\xc3\xa9/b", BL_OPERATION_POLICY_GET, "\xc3\xa9", "b");
}

static void what_can_be_read_in_two_ways_is_malformed(void **state) {
    static const char *const paths[] = {
        "/api/v1//policies",         "//api/v1/policies",          "/api/v1/policies/a%2Fb",
        "/api/v1/policies/a%2fb/c",  "/api/v1/policies/./a",       "/api/v1/policies/../a",
        "/api/v1/policies/%2e%2E/a", "/api/v1/policies/%2e/a",     "/api/v1/policies/a%/b",
        "/api/v1/policies/a%2/b",    "/api/v1/policies/a%2",       "/api/v1/policies/a%zz/b",
        "/api/v1/policies/a%00/b",   "/api/v1/policies/a%0d%0a/b", "/api/v1/policies/a%5cb/c",
        "/api/v1/policies/\x7f/b",   "/api/v1/policies/a/b/..",    "/..",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (look_up("GET", paths[i]) != BL_MATCH_MALFORMED) {
            fail_msg("%s", paths[i]);
        }
    }
}

static void what_is_not_there_is_nothing(void **state) {
    static char longest[BL_OPERATION_PATH_MAX + 2] = "/api/v1/policies/a/";
    static const char *const paths[] = {
        "",
        "/",
        "*",
        "api/v1/policies",
        "/api/v1/policies/",
        "/api/v1",
        "/api/v1/policies/a",
        "/api/v1/policies/a/b/",
        "/api/v1/policies/a/b/c",
        "/api/v1/policies/a/b/revisions",
        "/api/v1/policies/a/b/revisions/1/2",
        "/api/v1/Policies",
        "/a/b/c/d/e/f/g/h/i/j",
        "http://host/api/v1/policies",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        enum bl_operation_found found = look_up("GET", paths[i]);
        bool is_absolute = strstr(paths[i], "//") != NULL;
        if (found != BL_MATCH_NOTHING && !is_absolute) {
            fail_msg("%s: %d", paths[i], found);
        }
        assert_int_not_equal(found, BL_MATCH_FOUND);
    }
    size_t start = strlen(longest);
    memset(longest + start, 'x', BL_OPERATION_PATH_MAX - 1 - start);
    assert_int_equal(look_up("GET", longest), BL_MATCH_FOUND);
    longest[BL_OPERATION_PATH_MAX - 1] = 'x';
    assert_int_equal(look_up("GET", longest), BL_MATCH_NOTHING);
    assert_int_equal(bl_operation_match(BL_STR("GET"), BL_STR_ABSENT, &match), BL_MATCH_NOTHING);
}

static void other_methods_are_told_which_there_are(void **state) {
    (void)state;
    assert_int_equal(look_up("PATCH", "/api/v1/policies/a/b"), BL_MATCH_OTHER_METHOD);
    assert_string_equal(match.allow, "GET, HEAD, PUT, DELETE, OPTIONS");
    assert_int_equal(look_up("get", "/api/v1/policies"), BL_MATCH_OTHER_METHOD);
    assert_string_equal(match.allow, "GET, HEAD, OPTIONS");
    assert_int_equal(look_up("GET", "/api/v1/routes/decide"), BL_MATCH_OTHER_METHOD);
    assert_string_equal(match.allow, "POST, OPTIONS");
    assert_int_equal(look_up("OPTIONS", "/api/v1/policies/a/b/lint"), BL_MATCH_OPTIONS);
    assert_string_equal(match.allow, "GET, HEAD, POST, OPTIONS");
    assert_int_equal(match.operation, BL_OPERATION_POLICY_LINT);
    assert_int_equal(look_up("OPTIONS", "/nothing"), BL_MATCH_NOTHING);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods_and_paths_name_operations),
        cmocka_unit_test(segments_are_decoded_one_by_one),
        cmocka_unit_test(what_can_be_read_in_two_ways_is_malformed),
        cmocka_unit_test(what_is_not_there_is_nothing),
        cmocka_unit_test(other_methods_are_told_which_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
