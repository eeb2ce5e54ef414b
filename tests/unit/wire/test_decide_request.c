#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "support/header_list.h"
#include "support/json_text.h"
#include "wire/decide_request.h"
#include "wire/fields.h"

static struct bl_arena arena;
static struct bl_decide_request decoded;
static struct bl_refusal refusal;

static int set_up(void **state) {
    (void)state;
    bl_arena_init(&arena, 4096, 1 << 20);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    bl_arena_fini(&arena);
    return 0;
}

static enum bl_error decode_with(const char *quoted, const char *const *headers) {
    struct bl_message message = message_of(json_text(quoted), headers);

    bl_arena_reset(&arena);
    memset(&decoded, 0x5a, sizeof(decoded));
    return bl_wire_decode_decide(&message, BL_STR("generated"), &bl_json_request_limits, &arena,
                                 &decoded, &refusal)
        .error;
}

static enum bl_error decode(const char *quoted) {
    return decode_with(quoted, NULL);
}

static void expect_refused(const char *quoted, enum bl_intake_code code, const char *path,
                           const char *message) {
    assert_int_equal(decode(quoted), BL_E_INVALID_REQUEST);
    assert_int_equal(refusal.error, BL_E_INVALID_REQUEST);
    assert_int_equal(refusal.intake_code, code);
    assert_string_equal(refusal.diag.path, path);
    assert_non_null(strstr(refusal.diag.message, message));
}

#define SCHEMA BL_INTAKE_SCHEMA_VALIDATION_FAILED
#define CORRELATION BL_INTAKE_CORRELATION_FIELDS_INVALID

static void expect_text(struct bl_str found, const char *text) {
    assert_true(bl_str_equal(found, bl_str_from_c(text)));
}

static void the_canonical_form(void **state) {
    const struct bl_request *request = &decoded.request;
    struct bl_str prompt;
    (void)state;
    assert_int_equal(
        decode("{'version':'1','request_id':'r','tenant_id':'acme','trace_id':'t','policy_id':'p',"
               "'task':{'type':'text','payload':{'prompt':'hi'}},'run_id':'1','step_id':'3',"
               "'constraints':{'max_latency_ms':900,'max_cost':0.5},'metadata':{'a':1},"
               "'context':{'user_id':'u'},'options':{'x':1},'push_assignment':true,'explain':true,"
               "'dry_run':true,'assignment_subject':'s','notify_subject':'n','api_key':'k',"
               "'idempotency_key':'i','unknown':[{}]}"),
        BL_E_NONE);
    assert_int_equal(request->dialect, BL_DIALECT_CANONICAL);
    assert_int_equal(decoded.operation, BL_WIRE_DECIDE);
    expect_text(request->request_id, "r");
    expect_text(request->tenant_id, "acme");
    expect_text(request->trace_id, "t");
    expect_text(request->policy_id, "p");
    expect_text(request->task_type, "text");
    expect_text(request->run_id, "1");
    expect_text(request->flow_id, NULL);
    expect_text(request->step_id, "3");
    expect_text(request->idempotency_key, "i");
    expect_text(request->assignment_subject, "s");
    expect_text(request->notify_subject, "n");
    expect_text(request->api_key, "k");
    expect_text(request->user_id, "u");
    assert_true(bl_json_string(bl_json_get(request->payload, BL_STR("prompt")), &prompt));
    assert_int_equal(request->max_latency_ms, 900);
    assert_int_equal(request->max_cost_nano, 500000000);
    assert_true(request->push_assignment && request->explain && request->dry_run);
}

static void the_gateways_form(void **state) {
    const struct bl_request *request = &decoded.request;
    (void)state;
    assert_int_equal(decode("{'version':'1','tenant_id':'acme','request_id':'','message':{}}"),
                     BL_E_NONE);
    assert_int_equal(request->dialect, BL_DIALECT_GATEWAY);
    expect_text(request->request_id, "generated");
    expect_text(request->task_type, "unknown");
    assert_int_equal(bl_json_type(request->payload), BL_JSON_ABSENT);

    assert_int_equal(decode("{'tenant_id':'acme','message':{'message_id':'m','message_type':'chat',"
                            "'payload':[1],'metadata':{'k':'v'}},'context':{'policy_id':'gold'}}"),
                     BL_E_NONE);
    expect_text(request->request_id, "m");
    expect_text(request->message_id, "m");
    expect_text(request->task_type, "chat");
    expect_text(request->policy_id, "gold");
    assert_int_equal(bl_json_type(request->payload), BL_JSON_ARRAY);
    assert_int_equal(bl_json_count(request->message_metadata), 1);
    assert_int_equal(bl_json_type(request->metadata), BL_JSON_ABSENT);
}

static void the_flat_contract_and_bridge_forms(void **state) {
    const struct bl_request *request = &decoded.request;
    (void)state;
    assert_int_equal(decode("{'message_id':'m','tenant_id':'a','trace_id':'trace-smoke',"
                            "'message_type':'chat','payload':{'x':1}}"),
                     BL_E_NONE);
    assert_int_equal(request->dialect, BL_DIALECT_FLAT);
    expect_text(request->request_id, "m");
    expect_text(request->task_type, "chat");
    assert_int_equal(bl_json_count(request->payload), 1);

    assert_int_equal(
        decode("{'request_id':'c','tenant_id':'a','message':{'type':'t','payload':5}}"), BL_E_NONE);
    assert_int_equal(request->dialect, BL_DIALECT_CONTRACT);
    expect_text(request->task_type, "t");
    assert_int_equal(bl_json_type(request->payload), BL_JSON_INT);

    assert_int_equal(decode("{'from':'x','to':'y','message_id':'b','tenant_id':'default',"
                            "'policy_id':'default','input':{'type':'t','n':1}}"),
                     BL_E_NONE);
    assert_int_equal(request->dialect, BL_DIALECT_BRIDGE);
    assert_int_equal(decoded.operation, BL_WIRE_DECIDE);
    expect_text(request->task_type, "t");
    assert_int_equal(bl_json_count(request->payload), 2);
    assert_int_equal(decode("{'message_id':'b','input':{'op':'query'}}"), BL_E_NONE);
    assert_int_equal(decoded.operation, BL_WIRE_GET_DECISION);
    assert_int_equal(decode("{'message_id':'b','input':{'op':'cancel'}}"), BL_E_NONE);
    assert_int_equal(decoded.operation, BL_WIRE_CANCEL);
}

static void the_first_form_of_several_wins(void **state) {
    static const struct {
        const char *text;
        enum bl_dialect dialect;
    } mixed[] = {
        {"{'task':{'type':'t','payload':1},'message':{},'payload':2,'input':{}}",
         BL_DIALECT_CANONICAL},
        {"{'task':null,'message':{},'payload':2,'input':{}}", BL_DIALECT_GATEWAY},
        {"{'message':{'type':'a','message_type':'b'}}", BL_DIALECT_GATEWAY},
        {"{'message':{'type':'a','message_type':null}}", BL_DIALECT_CONTRACT},
        {"{'message':null,'payload':2,'input':{}}", BL_DIALECT_FLAT},
        {"{'input':{}}", BL_DIALECT_BRIDGE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(mixed) / sizeof(mixed[0]); i++) {
        assert_int_equal(decode(mixed[i].text), BL_E_NONE);
        assert_int_equal(decoded.request.dialect, mixed[i].dialect);
    }
}

static void what_the_canonical_form_needs(void **state) {
    (void)state;
    expect_refused("{'tenant_id':'a'}", SCHEMA, "task", "is missing");
    expect_refused("{'task':5}", SCHEMA, "task", "must be an object, found a number");
    expect_refused("{'task':{'payload':1}}", SCHEMA, "task.type", "is missing");
    expect_refused("{'task':{'type':'','payload':1}}", SCHEMA, "task.type", "is missing");
    expect_refused("{'task':{'type':{},'payload':1}}", SCHEMA, "task.type", "found an object");
    expect_refused("{'task':{'type':'t'}}", SCHEMA, "task.payload", "is missing");
    expect_refused("{'task':{'type':'t','payload':null,'payload_ref':''}}", SCHEMA, "task.payload",
                   "is missing");
    expect_refused("{'task':{'type':'t','payload_ref':7}}", SCHEMA, "task.payload_ref",
                   "must be a string");
    assert_int_equal(decode("{'task':{'type':'t','payload_ref':'s3://k'}}"), BL_E_NONE);
    static const char *const payloads[] = {"{}", "[]", "0", "false", "''", "1e3"};
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        char text[64];
        snprintf(text, sizeof(text), "{'task':{'type':'t','payload':%s}}", payloads[i]);
        assert_int_equal(decode(text), BL_E_NONE);
    }
}

static void wrong_types_are_told_by_path(void **state) {
    static const struct {
        const char *member;
        const char *path;
    } wrong[] = {
        {"'request_id':5", "request_id"},
        {"'trace_id':{}", "trace_id"},
        {"'tenant_id':[]", "tenant_id"},
        {"'policy_id':true", "policy_id"},
        {"'run_id':1", "run_id"},
        {"'message_id':1", "message_id"},
        {"'metadata':[]", "metadata"},
        {"'context':'x'", "context"},
        {"'context':{'policy_id':7}", "context.policy_id"},
        {"'options':1", "options"},
        {"'constraints':1", "constraints"},
        {"'constraints':{'max_latency_ms':'1'}", "constraints.max_latency_ms"},
        {"'constraints':{'max_cost':-1}", "constraints.max_cost"},
        {"'push_assignment':'maybe'", "push_assignment"},
        {"'explain':1", "explain"},
        {"'dry_run':'true'", "dry_run"},
        {"'idempotency_key':9", "idempotency_key"},
        {"'api_key':9", "api_key"},
        {"'version':true", "version"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), "{'task':{'type':'t','payload':1},%s}", wrong[i].member);
        expect_refused(text, SCHEMA, wrong[i].path, "must");
    }
    expect_refused("{'message':5}", SCHEMA, "message", "must be an object");
    assert_int_equal(decoded.request.dialect, BL_DIALECT_GATEWAY);
    expect_refused("{'message':{'message_type':5}}", SCHEMA, "message.message_type", "a string");
    expect_refused("{'message':{'message_id':5}}", SCHEMA, "message.message_id", "a string");
    expect_refused("{'message':{'metadata':5}}", SCHEMA, "message.metadata", "an object");
    expect_refused("{'message':{'type':5}}", SCHEMA, "message.type", "a string");
    expect_refused("{'message_type':5,'payload':1}", SCHEMA, "message_type", "a string");
    expect_refused("{'input':5}", SCHEMA, "input", "an object");
    expect_refused("{'input':{'op':5}}", SCHEMA, "input.op", "a string");
}

static void versions(void **state) {
    static const char *const one[] = {"version", "1", NULL};
    static const char *const two[] = {"version", "2", NULL};
    static const char *const blank[] = {"version", "", NULL};
    (void)state;
    assert_int_equal(decode("{'message':{}}"), BL_E_NONE);
    assert_int_equal(decode("{'version':1,'message':{}}"), BL_E_NONE);
    assert_int_equal(decode("{'version':null,'message':{}}"), BL_E_NONE);
    expect_refused("{'version':'2','message':{}}", BL_INTAKE_VERSION_UNSUPPORTED, "version",
                   "supported versions: 1");
    expect_refused("{'version':2,'message':{}}", BL_INTAKE_VERSION_UNSUPPORTED, "version", "\"2\"");
    assert_int_equal(decode("{'version':'','message':{}}"), BL_E_NONE);
    expect_refused("{'version':'1.0','message':{}}", BL_INTAKE_VERSION_UNSUPPORTED, "version",
                   "1.0");
    assert_int_equal(decode_with("{'version':'9','message':{}}", one), BL_E_NONE);
    assert_int_equal(decode_with("{'version':'1','message':{}}", two), BL_E_INVALID_REQUEST);
    assert_int_equal(refusal.intake_code, BL_INTAKE_VERSION_UNSUPPORTED);
    assert_int_equal(decode_with("{'version':'1','message':{}}", blank), BL_E_NONE);
}

static void headers_beat_the_body(void **state) {
    static const char *const headers[] = {
        "Trace_ID", "th",          "Idempotency-Key", "kh",        "X-Request-ID",
        "rh",       "X-Tenant-ID", "tenant",          "X-User-Id", "uh",
        NULL};
    static const char *const legacy[] = {"X-Trace-Id", "xt", "idempotency_key", "k2", NULL};
    const struct bl_request *request = &decoded.request;
    (void)state;
    assert_int_equal(decode_with("{'trace_id':'t','idempotency_key':'k','message_id':'m',"
                                 "'context':{'user_id':'u'},'message':{}}",
                                 headers),
                     BL_E_NONE);
    expect_text(request->trace_id, "th");
    expect_text(request->idempotency_key, "kh");
    expect_text(request->request_id, "rh");
    expect_text(request->user_id, "uh");
    expect_text(decoded.header_tenant, "tenant");
    assert_int_equal(decode_with("{'request_id':'r','message':{}}", headers), BL_E_NONE);
    expect_text(request->request_id, "r");
    assert_int_equal(decode_with("{'trace_id':'t','message':{}}", legacy), BL_E_NONE);
    expect_text(request->trace_id, "xt");
    expect_text(request->idempotency_key, "k2");
    expect_text(decoded.header_tenant, NULL);
}

static void two_headers_that_name_two_tenants(void **state) {
    static const char *const differ[] = {"tenant_id", "a", "X-Tenant-ID", "b", NULL};
    static const char *const agree[] = {"tenant_id", "a", "X-Tenant-ID", "a", NULL};
    (void)state;
    assert_int_equal(decode_with("{'message':{}}", differ), BL_E_FORBIDDEN);
    assert_int_equal(refusal.intake_code, BL_INTAKE_TENANT_FORBIDDEN);
    assert_int_equal(decode_with("{'message':{}}", agree), BL_E_NONE);
    expect_text(decoded.header_tenant, "a");
}

static void a_header_with_two_values_is_refused(void **state) {
    static const struct {
        const char *name, *other_case;
        enum bl_error error;
        enum bl_intake_code intake_code;
    } cases[] = {
        {"version", "Version", BL_E_INVALID_REQUEST, BL_INTAKE_VERSION_UNSUPPORTED},
        {"tenant_id", "Tenant_Id", BL_E_FORBIDDEN, BL_INTAKE_TENANT_FORBIDDEN},
        {"X-Tenant-ID", "x-tenant-id", BL_E_FORBIDDEN, BL_INTAKE_TENANT_FORBIDDEN},
        {"X-Request-ID", "x-request-id", BL_E_INVALID_REQUEST, CORRELATION},
        {"trace_id", "TRACE_ID", BL_E_INVALID_REQUEST, CORRELATION},
        {"X-Trace-Id", "x-trace-id", BL_E_INVALID_REQUEST, CORRELATION},
        {"idempotency_key", "Idempotency_Key", BL_E_INVALID_REQUEST, CORRELATION},
        {"idempotency-key", "Idempotency-Key", BL_E_INVALID_REQUEST, CORRELATION},
        {"x-user-id", "X-User-Id", BL_E_INVALID_REQUEST, CORRELATION},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *const differ[] = {cases[i].name, "1", cases[i].other_case, "one", NULL};
        const char *const last[] = {"a", "b",           cases[i].name, "1", cases[i].name,
                                    "1", cases[i].name, "2",           NULL};
        const char *const equal[] = {cases[i].name, "1", cases[i].other_case, "1", NULL};
        const char *const blank[] = {cases[i].name, "", cases[i].name, "1", NULL};
        assert_int_equal(decode_with("{'message':{}}", differ), cases[i].error);
        assert_int_equal(refusal.intake_code, cases[i].intake_code);
        assert_non_null(strstr(refusal.diag.path, cases[i].name));
        assert_int_equal(decode_with("{'message':{}}", last), cases[i].error);
        assert_int_equal(decode_with("{'message':{}}", equal), BL_E_NONE);
        assert_int_equal(decode_with("{'message':{}}", blank), BL_E_NONE);
    }
    const char *const blank[] = {"tenant_id", "", "tenant_id", "acme", NULL};
    assert_int_equal(decode_with("{'message':{}}", blank), BL_E_NONE);
    expect_text(decoded.header_tenant, "acme");
}

static void ids_at_their_limits(void **state) {
    static const struct {
        const char *name;
        int max_bytes;
    } ids[] = {{"request_id", 256}, {"message_id", 256},      {"run_id", 256},
               {"trace_id", 128},   {"idempotency_key", 256}, {"notify_subject", 256}};
    char id[300], text[512];
    (void)state;
    memset(id, 'x', sizeof(id));
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        for (int over = -1; over <= 1; over++) {
            snprintf(text, sizeof(text), "{'message':{},'%s':'%.*s'}", ids[i].name,
                     ids[i].max_bytes + over, id);
            if (over <= 0) {
                assert_int_equal(decode(text), BL_E_NONE);
            } else {
                expect_refused(text, CORRELATION, ids[i].name, "at most");
            }
        }
    }
    expect_text(decoded.request.request_id, "generated");
    id[129] = '\0';
    const char *const headers[] = {"trace_id", id, NULL};
    assert_int_equal(decode_with("{'message':{},'trace_id':'t'}", headers), BL_E_INVALID_REQUEST);
    assert_int_equal(refusal.intake_code, CORRELATION);
    expect_text(decoded.request.trace_id, "t");
}

static void empty_ids(void **state) {
    const struct bl_request *request = &decoded.request;
    (void)state;
    assert_int_equal(decode("{'message':{'message_id':''},'request_id':'','trace_id':'',"
                            "'run_id':'','policy_id':'','message_id':'m'}"),
                     BL_E_NONE);
    expect_text(request->request_id, "m");
    expect_text(request->trace_id, NULL);
    expect_text(request->run_id, NULL);
    expect_text(request->policy_id, NULL);
    expect_refused("{'message':{},'idempotency_key':''}", CORRELATION, "idempotency_key",
                   "is empty");
}

static void policies_are_chosen_and_checked(void **state) {
    (void)state;
    assert_int_equal(decode("{'message':{},'policy_id':'a','context':{'policy_id':'b/c'}}"),
                     BL_E_NONE);
    expect_text(decoded.request.policy_id, "a");
    assert_int_equal(decode("{'message':{},'policy_id':'','context':{'policy_id':'b'}}"),
                     BL_E_NONE);
    expect_text(decoded.request.policy_id, "b");
    expect_refused("{'message':{},'policy_id':'a/b c'}", CORRELATION, "policy_id",
                   "[A-Za-z0-9_.:-]");
    expect_refused("{'message':{},'context':{'policy_id':'..'}}", CORRELATION, "context.policy_id",
                   "[A-Za-z0-9_.:-]");
}

static void a_refusal_can_be_matched(void **state) {
    (void)state;
    assert_int_equal(decode("{'request_id':'r','trace_id':'t','version':'7','message':{}}"),
                     BL_E_INVALID_REQUEST);
    expect_text(decoded.request.request_id, "r");
    expect_text(decoded.request.trace_id, "t");
    assert_int_equal(decoded.request.dialect, BL_DIALECT_GATEWAY);
    assert_int_equal(decode("{'request_id':'r','trace_id':'t','message':{"), BL_E_INVALID_REQUEST);
    expect_text(decoded.request.request_id, "r");
    expect_text(decoded.request.trace_id, "t");
    assert_int_equal(decoded.request.dialect, BL_DIALECT_GATEWAY);
    assert_int_equal(decode("{'request_id':5,'trace_id':6,'message_id':'m','task':{}}"),
                     BL_E_INVALID_REQUEST);
    expect_text(decoded.request.request_id, "m");
    expect_text(decoded.request.trace_id, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_canonical_form),
        TEST(the_gateways_form),
        TEST(the_flat_contract_and_bridge_forms),
        TEST(the_first_form_of_several_wins),
        TEST(what_the_canonical_form_needs),
        TEST(wrong_types_are_told_by_path),
        TEST(versions),
        TEST(headers_beat_the_body),
        TEST(two_headers_that_name_two_tenants),
        TEST(a_header_with_two_values_is_refused),
        TEST(ids_at_their_limits),
        TEST(empty_ids),
        TEST(policies_are_chosen_and_checked),
        TEST(a_refusal_can_be_matched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
