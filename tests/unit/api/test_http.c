#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "api/http.h"
#include "support/header_list.h"

static char storage[4096];
static struct bl_buf reply;
static struct bl_http_response response;
static struct bl_operation_match match;

/* Whether the request is for an operation; else what it is answered. */
static bool route(enum bl_api_door door, const char *method, const char *path, const char *type,
                  size_t body_len) {
    static char body[4 * 1024 * 1024];
    const char *const headers[] = {type == NULL ? NULL : "Content-Type", type, NULL};
    const struct bl_http_request request = {.method = bl_str_from_c(method),
                                            .path = bl_str_from_c(path),
                                            .headers = {header_list_get, headers},
                                            .body = {body, body_len},
                                            .peer = "unix"};

    assert_true(body_len <= sizeof(body));
    bl_buf_init(&reply, storage, sizeof(storage));
    response = (struct bl_http_response){.status = 200};
    return bl_api_http_route(&request, door, &match, &reply, &response);
}

static void refused(enum bl_api_door door, const char *method, const char *path, unsigned status) {
    assert_false(route(door, method, path, NULL, 0));
    assert_int_equal(response.status, status);
}

static void each_door_serves_its_own(void **state) {
    (void)state;
    assert_true(route(BL_DOOR_TENANTS, "POST", "/api/v1/routes/decide", NULL, 10));
    assert_true(route(BL_DOOR_TENANTS, "GET", "/api/v1/openapi.json", NULL, 0));
    assert_true(route(BL_DOOR_OPERATORS, "GET", "/api/v1/openapi.json", NULL, 0));
    assert_true(route(BL_DOOR_OUTSIDE, "GET", "/api/v1/openapi.json", NULL, 0));
    assert_true(route(BL_DOOR_OPERATORS, "GET", "/api/v1/policies", NULL, 0));
    assert_true(route(BL_DOOR_OPERATORS, "GET", "/api/v1/extensions/health", NULL, 0));
    refused(BL_DOOR_TENANTS, "GET", "/api/v1/policies", 403);
    refused(BL_DOOR_TENANTS, "GET", "/api/v1/extensions/health", 403);
    refused(BL_DOOR_OUTSIDE, "GET", "/api/v1/policies", 403);
    refused(BL_DOOR_OUTSIDE, "OPTIONS", "/api/v1/policies", 403);
    refused(BL_DOOR_OUTSIDE, "POST", "/api/v1/routes/decide", 403);
    refused(BL_DOOR_OPERATORS, "POST", "/api/v1/routes/decide", 404);
}

static void what_is_not_there_is_said_so(void **state) {
    (void)state;
    refused(BL_DOOR_TENANTS, "GET", "/nothing", 404);
    refused(BL_DOOR_OPERATORS, "GET", "/api/v1/policies/", 404);
    refused(BL_DOOR_OPERATORS, "GET", "/api/v1//policies", 400);
    refused(BL_DOOR_OPERATORS, "POST", "/api/v1/policies", 405);
    assert_string_equal(response.allow, "GET, HEAD, OPTIONS");
    assert_true(response.body.data[0] == '{');
    refused(BL_DOOR_TENANTS, "OPTIONS", "/api/v1/messages", 200);
    assert_string_equal(response.allow, "POST, OPTIONS");
    assert_int_equal(response.body.len, 0);
}

static void bodies_say_what_they_are(void **state) {
    static const char *const good[] = {"application/json", "application/json; charset=utf-8",
                                       "Application/YAML", "text/yaml ;x=y", "application/x-yaml"};
    static const char *const bad[] = {"text/plain",
                                      "application/x-www-form-urlencoded",
                                      "multipart/form-data",
                                      "application/jsonp",
                                      "",
                                      "json",
                                      "text/plain;application/json"};
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(route(BL_DOOR_OPERATORS, "PUT", "/api/v1/policies/a/b", good[i], 10));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(route(BL_DOOR_OPERATORS, "PUT", "/api/v1/policies/a/b", bad[i], 10));
        assert_int_equal(response.status, 415);
    }
    assert_false(route(BL_DOOR_OPERATORS, "PUT", "/api/v1/policies/a/b", NULL, 10));
    assert_false(route(BL_DOOR_OPERATORS, "POST", "/api/v1/policies/a/b/dry-run", "text/yaml", 10));
    assert_int_equal(response.status, 415);
    assert_true(route(BL_DOOR_TENANTS, "POST", "/api/v1/messages", "text/plain", 10));
    assert_false(route(BL_DOOR_OPERATORS, "DELETE", "/api/v1/policies/a/b", "text/yaml", 1));
    assert_int_equal(response.status, 400);
    assert_false(route(BL_DOOR_OPERATORS, "GET", "/api/v1/policies/a/b/lint", "text/yaml", 1));
    assert_int_equal(response.status, 400);
}

static void bodies_are_bounded_by_operation(void **state) {
    static const char yaml[] = "application/yaml", json[] = "application/json";
    (void)state;
    assert_true(route(BL_DOOR_OPERATORS, "PUT", "/api/v1/policies/a/b", yaml, 1048576));
    assert_false(route(BL_DOOR_OPERATORS, "PUT", "/api/v1/policies/a/b", yaml, 1048577));
    assert_int_equal(response.status, 413);
    uint32_t most = bl_operation_info(BL_OPERATION_POLICY_DRY_RUN)->max_body_bytes;
    assert_true(route(BL_DOOR_OPERATORS, "POST", "/api/v1/policies/a/b/dry-run", json, most));
    assert_false(route(BL_DOOR_OPERATORS, "POST", "/api/v1/policies/a/b/dry-run", json, most + 1));
    assert_int_equal(response.status, 413);
}

static void reports_become_statuses_and_headers(void **state) {
    struct bl_api_report report = {.error = BL_E_NONE};
    (void)state;

    bl_buf_init(&reply, storage, sizeof(storage));
    bl_buf_literal(&reply, "{}");
    response = (struct bl_http_response){.content_type = BL_STR("application/json")};
    bl_api_http_finish(&report, &reply, &response);
    assert_int_equal(response.status, 200);
    assert_true(bl_str_equal_c(response.content_type, "application/json"));
    report.etag = BL_STR("\"7\"");
    report.location = BL_STR("/x");
    report.content_type = BL_STR("application/yaml");
    bl_api_http_finish(&report, &reply, &response);
    assert_int_equal(response.status, 201);
    assert_true(bl_str_equal_c(response.etag, "\"7\"") && bl_str_equal_c(response.location, "/x"));
    assert_true(bl_str_equal_c(response.content_type, "application/yaml"));
    report = (struct bl_api_report){.error = BL_E_UNAVAILABLE, .retry_after_ms = 1001};
    bl_api_http_finish(&report, &reply, &response);
    assert_int_equal(response.status, 503);
    assert_int_equal(response.retry_after_s, 2);
    assert_false(bl_str_is_present(response.etag));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_door_serves_its_own),
        cmocka_unit_test(what_is_not_there_is_said_so),
        cmocka_unit_test(bodies_say_what_they_are),
        cmocka_unit_test(bodies_are_bounded_by_operation),
        cmocka_unit_test(reports_become_statuses_and_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
