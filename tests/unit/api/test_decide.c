#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/api_fixture.h"

static const struct bl_str listed[] = {{"acme", 4}};
static struct api_fixture fixture;

static int set_up(void **state) {
    (void)state;
    api_fixture_init(&fixture);
    api_fixture_policy(&fixture, "acme", "default", "{'providers':[{'name':'alpha','weight':1}]}");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    api_fixture_fini(&fixture);
    return 0;
}

static void expect(const char *path, const char *source) {
    assert_string_equal(api_fixture_at(&fixture, path), json_text(source).data);
}

static enum bl_error ask_as(const char *quoted, const char *const *headers,
                            const char *subject_tenant) {
    struct bl_message message = message_of(json_text(quoted), headers);

    api_fixture_send(&fixture, BL_OPERATION_DECIDE, &message, bl_str_from_c(subject_tenant));
    return fixture.report.error;
}

static void the_tenant_may_be_named_by_any_one_place(void **state) {
    static const char *const header[] = {"X-Tenant-ID", "acme", NULL};
    (void)state;
    assert_int_equal(ask_as("{'message':{},'tenant_id':'acme'}", NULL, NULL), BL_E_NONE);
    assert_int_equal(ask_as("{'message':{}}", header, NULL), BL_E_NONE);
    assert_int_equal(ask_as("{'message':{}}", NULL, "acme"), BL_E_NONE);
    assert_int_equal(ask_as("{'message':{},'tenant_id':'beta'}", header, NULL), BL_E_FORBIDDEN);
    expect("error.code", "'unauthorized'");
    expect("error.intake_error_code", "'TENANT_FORBIDDEN'");
    expect("error.details.code", "'forbidden'");
    assert_int_equal(ask_as("{'task':{'type':'t','payload':1},'tenant_id':'beta'}", NULL, "acme"),
                     BL_E_FORBIDDEN);
    expect("error.code", "'unauthorized'");
    expect("error.details.code", "'forbidden'");
}

static void without_a_credential_only_listed_tenants_are_believed(void **state) {
    (void)state;
    fixture.api.tenants = (struct bl_tenant_rule){false, listed, 1};
    assert_int_equal(ask_as("{'message':{},'tenant_id':'acme'}", NULL, NULL), BL_E_NONE);
    assert_int_equal(ask_as("{'message':{},'tenant_id':'beta'}", NULL, NULL), BL_E_UNAUTHORIZED);
    expect("error.code", "'unauthorized'");
    expect("error.intake_error_code", "'TENANT_FORBIDDEN'");
}

static void the_bridge_asks_for_what_is_not_stored(void **state) {
    (void)state;
    assert_int_equal(
        ask_as("{'message_id':'b','tenant_id':'acme','input':{'op':'query'}}", NULL, NULL),
        BL_E_DECISION_NOT_FOUND);
    expect("error.code", "'decision_not_found'");
    expect("context.request_id", "'b'");
    assert_int_equal(
        ask_as("{'message_id':'b','tenant_id':'acme','input':{'op':'cancel'}}", NULL, NULL),
        BL_E_DECISION_NOT_FOUND);
    assert_int_equal(ask_as("{'message_id':'b','input':{'op':'cancel'}}", NULL, NULL),
                     BL_E_INVALID_REQUEST);
    assert_int_equal(
        ask_as("{'message_id':'b','tenant_id':'acme','input':{'op':'submit'}}", NULL, NULL),
        BL_E_NONE);
}

/* Whoever guards the way to the stored decisions has to see the tenant that counts. */
static void get_decision_reads_the_headers_that_decide_reads(void **state) {
    static const struct {
        const char *headers[7];
        const char *body;
        enum bl_error error;
    } cases[] = {
        {{"X-Tenant-ID", "acme", NULL}, "{'message_id':'a'}", BL_E_DECISION_NOT_FOUND},
        {{"tenant_id", "acme", NULL},
         "{'message_id':'a','tenant_id':'acme'}",
         BL_E_DECISION_NOT_FOUND},
        {{"tenant_id", "beta", NULL}, "{'message_id':'a'}", BL_E_UNAUTHORIZED},
        {{"tenant_id", "acme", NULL}, "{'message_id':'a','tenant_id':'beta'}", BL_E_FORBIDDEN},
        {{"tenant_id", "acme", "X-Tenant-ID", "beta", NULL}, "{'message_id':'a'}", BL_E_FORBIDDEN},
        {{"tenant_id", "acme", "tenant_id", "beta", NULL}, "{'message_id':'a'}", BL_E_FORBIDDEN},
        {{"trace_id", "1", "trace_id", "2", NULL}, "{'message_id':'a'}", BL_E_INVALID_REQUEST},
        {{"X-Request-ID", "1", "X-Request-ID", "2", NULL},
         "{'message_id':'a'}",
         BL_E_INVALID_REQUEST},
    };
    (void)state;
    fixture.api.tenants = (struct bl_tenant_rule){false, listed, 1};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bl_message message = message_of(json_text(cases[i].body), cases[i].headers);
        api_fixture_send(&fixture, BL_OPERATION_GET_DECISION, &message, BL_STR_ABSENT);
        assert_int_equal(fixture.report.error, cases[i].error);
    }
    static const char *const trace[] = {"X-Trace-Id", "t-1", NULL};
    struct bl_message message = message_of(json_text("{'message_id':'a'}"), trace);
    api_fixture_send(&fixture, BL_OPERATION_GET_DECISION, &message, BL_STR_ABSENT);
    expect("context.trace_id", "'t-1'");
}

static void equal_requests_have_decisions_of_their_own(void **state) {
    char first[256];
    (void)state;
    assert_int_equal(ask_as("{'message':{},'tenant_id':'acme'}", NULL, NULL), BL_E_NONE);
    snprintf(first, sizeof(first), "%s", api_fixture_at(&fixture, "decision.decision_id"));
    fixture.moment.admission_id[0]++;
    assert_int_equal(ask_as("{'message':{},'tenant_id':'acme'}", NULL, NULL), BL_E_NONE);
    assert_string_not_equal(first, api_fixture_at(&fixture, "decision.decision_id"));
}

static void a_stored_decision_is_named_by_one_of_three_ids(void **state) {
    static const char *const names[] = {"message_id", "request_id", "admission_id"};
    char text[64];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        snprintf(text, sizeof(text), "{'%s':'x-%zu','tenant_id':'acme'}", names[i], i);
        assert_int_equal(api_fixture_ask(&fixture, BL_OPERATION_GET_DECISION, text),
                         BL_E_DECISION_NOT_FOUND);
        expect("error.code", "'policy_not_found'");
        expect("error.details.code", "'decision_not_found'");
        expect("error.intake_error_code", "'DECISION_NOT_FOUND'");
        expect("error.legacy_code", "");
        snprintf(text, sizeof(text), "'x-%zu'", i);
        expect("context.request_id", text);
        snprintf(text, sizeof(text), "{'%s':7}", names[i]);
        assert_int_equal(api_fixture_ask(&fixture, BL_OPERATION_GET_DECISION, text),
                         BL_E_INVALID_REQUEST);
        expect("error.intake_error_code", "'SCHEMA_VALIDATION_FAILED'");
    }
    assert_int_equal(api_fixture_ask(&fixture, BL_OPERATION_GET_DECISION, ""),
                     BL_E_INVALID_REQUEST);
}

static void stored_decisions_are_not_open_to_everybody(void **state) {
    (void)state;
    fixture.api.anonymous_reads = false;
    fixture.api.tenants = (struct bl_tenant_rule){false, listed, 1};
    assert_int_equal(api_fixture_ask(&fixture, BL_OPERATION_GET_DECISION, "{'message_id':'a'}"),
                     BL_E_INVALID_REQUEST);
    assert_int_equal(api_fixture_ask(&fixture, BL_OPERATION_GET_DECISION,
                                     "{'message_id':'a','tenant_id':'beta'}"),
                     BL_E_UNAUTHORIZED);
    assert_int_equal(api_fixture_ask(&fixture, BL_OPERATION_GET_DECISION,
                                     "{'message_id':'a','tenant_id':'acme'}"),
                     BL_E_DECISION_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_tenant_may_be_named_by_any_one_place),
        TEST(without_a_credential_only_listed_tenants_are_believed),
        TEST(the_bridge_asks_for_what_is_not_stored),
        TEST(get_decision_reads_the_headers_that_decide_reads),
        TEST(equal_requests_have_decisions_of_their_own),
        TEST(a_stored_decision_is_named_by_one_of_three_ids),
        TEST(stored_decisions_are_not_open_to_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
