#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/handler_private.h"
#include "support/api_fixture.h"

static struct api_fixture fixture;
static struct bl_json body;

static int set_up(void **state) {
    (void)state;
    api_fixture_init(&fixture);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    api_fixture_fini(&fixture);
    return 0;
}

static enum bl_error read_body(const char *quoted, const char *const *headers) {
    struct bl_message message = message_of(json_text(quoted), headers);
    struct bl_api_exchange exchange = {
        .api = &fixture.api, .message = &message, .generated_id = BL_STR("generated")};

    return bl_api_read_body(&exchange, &body).error;
}

static void expect_ids(const char *request_id, const char *trace_id) {
    const struct bl_request *request = &fixture.api.work.decoded.request;
    assert_true(bl_str_equal_c(request->request_id, request_id));
    assert_true(bl_str_equal(request->trace_id, bl_str_from_c(trace_id)));
    assert_int_equal(request->dialect, BL_DIALECT_GATEWAY);
}

static void ids_come_from_body_header_or_nowhere(void **state) {
    static const char *const headers[] = {"X-Request-ID", "h", "trace_id", "t", NULL};
    (void)state;
    assert_int_equal(read_body("{'request_id':'r','trace_id':'b'}", headers), BL_E_NONE);
    expect_ids("r", "t");
    assert_int_equal(read_body("{'trace_id':'b'}", NULL), BL_E_NONE);
    expect_ids("generated", "b");
    assert_int_equal(read_body("{'request_id':7}", headers), BL_E_NONE);
    expect_ids("h", "t");
    assert_int_equal(bl_json_count(body), 1);
}

static void an_empty_message_is_an_empty_object(void **state) {
    (void)state;
    assert_int_equal(read_body("", NULL), BL_E_NONE);
    assert_int_equal(bl_json_type(body), BL_JSON_OBJECT);
    assert_int_equal(bl_json_count(body), 0);
}

static void a_broken_one_is_refused_in_the_gateways_form(void **state) {
    (void)state;
    assert_int_equal(read_body("{'request_id':'r',", NULL), BL_E_INVALID_REQUEST);
    expect_ids("r", NULL);
    assert_int_equal(read_body("[]", NULL), BL_E_INVALID_REQUEST);
    assert_int_equal(fixture.api.work.refusal.intake_code, BL_INTAKE_SCHEMA_VALIDATION_FAILED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(ids_come_from_body_header_or_nowhere),
        TEST(an_empty_message_is_an_empty_object),
        TEST(a_broken_one_is_refused_in_the_gateways_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
