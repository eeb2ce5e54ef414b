#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "support/api_fixture.h"

static struct api_fixture fixture;

static int set_up(void **state) {
    (void)state;
    api_fixture_init(&fixture);
    api_fixture_policy(&fixture, "acme", "default",
                       "{'providers':[{'name':'alpha','weight':1,'expect':{'latency_ms':10}}]}");
    api_fixture_policy(&fixture, "acme", "gold",
                       "{'providers':[{'name':'alpha','weight':1},{'name':'beta','weight':1}],"
                       "'rules':[{'when':{'message_type':'chat'},'prefer':['beta']},"
                       "{'when':{'metadata.region':'eu'},'prefer':['alpha']}],"
                       "'pre':[{'id':'p','mode':'required'}],"
                       "'validators':[{'id':'v','on_fail':'block'}]}");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    api_fixture_fini(&fixture);
    return 0;
}

static void expect(const char *path, const char *source) {
    const char *found = api_fixture_at(&fixture, path);
    if (strcmp(found, json_text(source).data) != 0) {
        fail_msg("%s is %s, not %s", path, found, source);
    }
}

static void expect_refused(enum bl_operation operation, const char *text, const char *code,
                           const char *exact, const char *legacy) {
    assert_int_not_equal(api_fixture_ask(&fixture, operation, text), BL_E_NONE);
    expect("ok", "false");
    expect("error.code", code);
    expect("error.details.code", exact);
    expect("error.legacy_code", legacy);
    assert_true(strlen(api_fixture_at(&fixture, "error.intake_error_code")) > 2);
    assert_true(strlen(api_fixture_at(&fixture, "error.message")) > 2);
}

static void nothing_is_registered(void **state) {
    static const char *const bodies[] = {"{}", "", "{'api_key':'x'}"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(api_fixture_ask(&fixture, BL_OPERATION_EXTENSION_HEALTH, bodies[i]), 0);
        assert_true(bl_str_equal_c(bl_buf_view(&fixture.reply), "{\"health\":{}}"));
        assert_int_equal(api_fixture_ask(&fixture, BL_OPERATION_CIRCUIT_BREAKERS, bodies[i]), 0);
        assert_true(bl_str_equal_c(bl_buf_view(&fixture.reply), "{\"states\":{}}"));
    }
}

static void a_dry_run_tells_what_would_be(void **state) {
    (void)state;
    assert_int_equal(api_fixture_ask(&fixture, BL_OPERATION_DRY_RUN,
                                     "{'tenant_id':'acme','policy_id':'gold','payload':"
                                     "{'message_type':'chat','text':'hi'}}"),
                     BL_E_NONE);
    assert_true(bl_str_equal_c(
        bl_buf_view(&fixture.reply),
        "{\"ok\":true,\"result\":{\"decision\":{\"provider_id\":\"beta\",\"reason\":\"rule\","
        "\"priority\":75},\"executed_extensions\":[{\"type\":\"pre\",\"id\":\"p\",\"status\":"
        "\"skipped\"},{\"type\":\"validator\",\"id\":\"v\",\"status\":\"skipped\"}],"
        "\"final_payload\":{\"message_type\":\"chat\",\"text\":\"hi\"}}}"));
    assert_int_equal(api_fixture_ask(&fixture, BL_OPERATION_DRY_RUN,
                                     "{'tenant_id':'acme','policy_id':'gold','payload':"
                                     "{'metadata':{'region':'eu'}}}"),
                     BL_E_NONE);
    expect("result.decision.provider_id", "'alpha'");
}

static void a_dry_run_needs_its_three_fields(void **state) {
    static const char *const bodies[] = {
        "{'policy_id':'gold','payload':{}}",
        "{'tenant_id':'acme','payload':{}}",
        "{'tenant_id':'acme','policy_id':'gold'}",
        "{'tenant_id':'acme','policy_id':'gold','payload':null}",
        "{'tenant_id':'acme','policy_id':'gold','payload':[1]}",
        "{'tenant_id':'','policy_id':'gold','payload':{}}",
        "{'tenant_id':'akm\xc3\xa9','policy_id':'gold','payload':{}}",
        "{'tenant_id':7,'policy_id':'gold','payload':{}}",
        "{'tenant_id':'acme','policy_id':'a/b','payload':{}}",
        "{'tenant_id':'acme','policy_id':'gold','payload':{'message_type':5}}",
        "not json",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        expect_refused(BL_OPERATION_DRY_RUN, bodies[i], "'invalid_request'", "'invalid_request'",
                       "'INVALID_ARGUMENT'");
    }
}

static void a_dry_run_that_cannot_end_in_a_decision(void **state) {
    (void)state;
    expect_refused(BL_OPERATION_DRY_RUN, "{'tenant_id':'acme','policy_id':'none','payload':{}}",
                   "'policy_not_found'", "'policy_not_found'", "'POLICY_NOT_FOUND'");
    api_fixture_policy(&fixture, "acme", "closed",
                       "{'providers':[{'name':'a','weight':1}],"
                       "'rules':[{'when':{'task.type':'unknown'},'deny':['a']}]}");
    expect_refused(BL_OPERATION_DRY_RUN, "{'tenant_id':'acme','policy_id':'closed','payload':{}}",
                   "'decision_failed'", "'no_provider_available'", "'PIPELINE_ERROR'");
}

static void a_payload_that_does_not_fit_is_left_out(void **state) {
    static char text[70000];
    static const char head[] =
        "{\"tenant_id\":\"acme\",\"policy_id\":\"default\",\"payload\":{\"t\":\"";
    (void)state;
    for (int large = 0; large <= 1; large++) {
        size_t len = large ? 66000 : 60000;
        memset(text, 'x', len);
        memcpy(text, head, sizeof(head) - 1);
        memcpy(text + len - 3, "\"}}", 3);
        struct bl_message message = message_of((struct bl_str){text, len}, NULL);
        api_fixture_send(&fixture, BL_OPERATION_DRY_RUN, &message, BL_STR_ABSENT);
        assert_int_equal(fixture.report.error, BL_E_NONE);
        expect("result.decision.provider_id", "'alpha'");
        expect("result.truncated", large ? "true" : "");
        assert_int_equal(bl_json_type(bl_json_path(fixture.root, BL_STR("result.final_payload"))),
                         large ? BL_JSON_ABSENT : BL_JSON_OBJECT);
    }
}

static void reads_are_closed_where_they_are_not_open(void **state) {
    (void)state;
    fixture.api.anonymous_reads = false;
    for (int i = BL_OPERATION_EXTENSION_HEALTH; i < BL_OPERATION_OPENAPI; i++) {
        expect_refused((enum bl_operation)i,
                       "{'tenant_id':'acme','policy_id':'default','payload':{}}", "'unauthorized'",
                       "'unauthorized'", "'UNAUTHORIZED'");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_registered),
        TEST(a_dry_run_tells_what_would_be),
        TEST(a_dry_run_needs_its_three_fields),
        TEST(a_dry_run_that_cannot_end_in_a_decision),
        TEST(a_payload_that_does_not_fit_is_left_out),
        TEST(reads_are_closed_where_they_are_not_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
