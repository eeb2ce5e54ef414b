#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "json/canonical.h"
#include "support/api_fixture.h"

/* The heap is watched by standing in for its functions where no sanitizer does so already. */
#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HEAP_IS_COUNTED 0
#else
#define HEAP_IS_COUNTED 1
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
#endif

static size_t allocations;

#if HEAP_IS_COUNTED
void *malloc(size_t size) {
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
    allocations++;
    return __libc_realloc(block, size);
}
#endif

static struct api_fixture fixture;

static int set_up(void **state) {
    (void)state;
    api_fixture_init(&fixture);
    api_fixture_policy(&fixture, "acme", "default",
                       "{'providers':[{'name':'alpha','weight':1,'expect':{'latency_ms':10}}],"
                       "'rules':[{'when':{'message_type':'closed'},'deny':['alpha']}],"
                       "'pre':[{'id':'guard','mode':'required','when':{'message_type':'guarded'}},"
                       "{'id':'later','mode':'optional','when':{'message_type':'later'}}]}");
    api_fixture_policy(&fixture, "acme", "gold", "{'providers':[{'name':'beta','weight':1}]}");
    api_fixture_policy(&fixture, "acme", "sticky",
                       "{'providers':[{'name':'alpha','weight':1},{'name':'beta','weight':1}],"
                       "'rules':[{'when':{'metadata.region':'marker-region'},'deny':['alpha']},"
                       "{'when':{'context.mood':'marker-mood'},'deny':['alpha','beta']}],"
                       "'sticky':{'enabled':true,'session_key':'user_id','ttl':'10m'}}");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    api_fixture_fini(&fixture);
    return 0;
}

static enum bl_operation operation_named(struct bl_str name) {
    for (int i = 0; i < BL_OPERATION_COUNT; i++) {
        if (bl_str_equal_c(name, bl_operation_info((enum bl_operation)i)->name)) {
            return (enum bl_operation)i;
        }
    }
    fail_msg("no operation %.*s", BL_STR_ARG(name));
    return BL_OPERATION_COUNT;
}

static struct bl_str canonical(struct bl_json value, char *storage, size_t size) {
    struct bl_json_writer writer;
    struct bl_buf buf;

    bl_buf_init(&buf, storage, size);
    bl_json_writer_init(&writer, &buf);
    assert_true(bl_is_ok(bl_json_write_canonical(&writer, value, &fixture.scratch)));
    assert_true(bl_json_writer_ok(&writer));
    return bl_buf_view(&buf);
}

static void check_row(struct bl_json row) {
    struct bl_str name, operation, payload, path;
    char wanted[2048], found[2048];

    assert_true(bl_json_string(bl_json_get(row, BL_STR("case")), &name));
    assert_true(bl_json_string(bl_json_get(row, BL_STR("operation")), &operation));
    assert_true(bl_json_string(bl_json_get(row, BL_STR("payload")), &payload));
    struct bl_message message = message_of(payload, NULL);
    api_fixture_send(&fixture, operation_named(operation), &message, BL_STR_ABSENT);

    struct bl_json_iter expect = bl_json_iter(bl_json_get(row, BL_STR("expect")));
    while (bl_json_next(&expect)) {
        struct bl_json value = bl_json_path(fixture.root, expect.key);
        struct bl_str text = canonical(expect.value, wanted, sizeof(wanted));
        if (bl_json_is(value, BL_JSON_ABSENT) ||
            !bl_str_equal(canonical(value, found, sizeof(found)), text)) {
            fail_msg("%.*s: %.*s is not %.*s in %.*s", BL_STR_ARG(name), BL_STR_ARG(expect.key),
                     BL_STR_ARG(text), BL_STR_ARG(bl_buf_view(&fixture.reply)));
        }
    }
    struct bl_json_iter absent = bl_json_iter(bl_json_get(row, BL_STR("absent")));
    while (bl_json_next(&absent)) {
        assert_true(bl_json_string(absent.value, &path));
        assert_int_equal(bl_json_type(bl_json_path(fixture.root, path)), BL_JSON_ABSENT);
    }
}

static void every_shape_of_the_gateway_is_answered(void **state) {
    static char line[8192];
    struct bl_arena arena;
    int rows = 0;
    FILE *file = fopen(BL_SOURCE_DIR "/tests/unit/api/fixtures/gateway.jsonl", "r");
    (void)state;
    assert_non_null(file);
    bl_arena_init(&arena, 16384, 1 << 20);
    while (fgets(line, sizeof(line), file) != NULL) {
        struct bl_json_doc doc;
        struct bl_diag diag;
        bl_arena_reset(&arena);
        assert_true(bl_is_ok(
            bl_json_read(bl_str_from_c(line), &bl_json_request_limits, &arena, &doc, &diag)));
        check_row(bl_json_root(&doc));
        rows++;
    }
    assert_int_equal(rows, 39);
    bl_arena_fini(&arena);
    fclose(file);
}

/* Each of the values and keys below begins with "marker", so one look at the reply is enough. */
static void nothing_of_the_request_leaks(void **state) {
    static const char *const endings[] = {
        "",
        ",'explain':true",
        ",'version':'9'",
        ",'policy_id':'nowhere'",
        ",'policy_id':'marker/policy'",
        ",'tenant_id':'marker tenant'",
        ",'push_assignment':true",
        ",'push_assignment':'marker-flag'",
        ",'constraints':{'max_latency_ms':'marker-limit'}",
        ",'constraints':{'max_cost':0,'marker-constraint':1},'explain':true",
        ",'options':['marker-option']",
        ",'trace_id':['marker-trace']",
        ",'run_id':{'marker-run':1}",
        ",'api_key':'marker-key'",
        ",'unknown':'marker-unknown'",
        ",'twice':1,'twice':2",
        ",'broken':'marker-",
    };
    static const char *const bodies[] = {
        ("'task':{'type':'marker-type','payload':{'marker-k':'marker-v'}},"
         "'metadata':{'marker-m':'marker-n','region':'marker-region'},"
         "'context':{'user_id':'marker-user','marker-c':['marker-d']}"),
        ("'message':{'message_type':'marker-type','payload':'marker-payload','metadata':"
         "{'user_id':'marker-user'}},'context':{'mood':'marker-mood','policy_id':'sticky'}"),
        "'message':{'message_type':{'marker':1},'payload':'marker-payload'}",
        "'message':{'metadata':{'marker-twice':1,'marker-twice':2}}",
        "'input':{'type':['marker'],'text':'marker-text'}",
        "'message_type':'marker-type','payload':['marker-payload'],'metadata':'marker-metadata'",
    };
    char text[2048];
    (void)state;
    for (size_t body = 0; body < sizeof(bodies) / sizeof(bodies[0]); body++) {
        for (size_t end = 0; end < sizeof(endings) / sizeof(endings[0]); end++) {
            for (int sticky = 0; sticky <= 1; sticky++) {
                bool own_policy = strstr(endings[end], "policy_id") != NULL;
                bool own_tenant = strstr(endings[end], "tenant_id") != NULL;
                snprintf(text, sizeof(text), "{'request_id':'r'%s%s,%s%s}",
                         own_tenant ? "" : ",'tenant_id':'acme'",
                         sticky && !own_policy ? ",'policy_id':'sticky'" : "", bodies[body],
                         endings[end]);
                (void)api_fixture_ask(&fixture, BL_OPERATION_DECIDE, text);
                if (memmem(fixture.reply.data, fixture.reply.len, "marker", 6) != NULL ||
                    (fixture.report.message != NULL &&
                     strstr(fixture.report.message, "marker") != NULL)) {
                    fail_msg("%s\nleaks into\n%.*s", text, BL_STR_ARG(bl_buf_view(&fixture.reply)));
                }
            }
        }
    }
}

static void a_report_says_what_happened(void **state) {
    const struct bl_api_report *report = &fixture.report;
    (void)state;
    assert_int_equal(api_fixture_ask(&fixture, BL_OPERATION_DECIDE,
                                     "{'request_id':'r','trace_id':'t','tenant_id':'acme',"
                                     "'task':{'type':'x','payload':1}}"),
                     BL_E_NONE);
    assert_int_equal(report->dialect, BL_DIALECT_CANONICAL);
    assert_true(bl_str_equal_c(report->request_id, "r"));
    assert_true(bl_str_equal_c(report->trace_id, "t"));
    assert_true(bl_str_equal_c(report->tenant_id, "acme"));
    assert_ptr_equal(report->policy, fixture.policies[0]);
    assert_non_null(report->decision);
    assert_int_equal(report->decision->provider, 0);
    assert_null(report->message);
    assert_int_equal(report->intake_code, BL_INTAKE_NONE);

    fixture.api.tenants.believe_all = false;
    assert_int_equal(api_fixture_ask(&fixture, BL_OPERATION_DECIDE,
                                     "{'request_id':'r','tenant_id':'acme','message':{}}"),
                     BL_E_UNAUTHORIZED);
    assert_false(bl_str_is_present(report->tenant_id)); /* it was not believed */
    assert_int_equal(report->intake_code, BL_INTAKE_TENANT_FORBIDDEN);
    assert_memory_equal(report->message, "tenant_id: is not believed", 26);
    assert_non_null(strstr(report->message, "nats.shared_subject_tenants"));
    assert_null(report->decision);
    assert_null(report->policy);
}

static void a_refusal_without_processing_can_be_matched(void **state) {
    struct bl_message canonical_form =
        message_of(json_text("{'request_id':'r','tenant_id':'acme','task':{}}"), NULL);
    struct bl_message gateway_form = message_of(json_text("{'request_id':'g','message':{}}"), NULL);
    struct bl_str expected = json_text(
        "{'ok':false,'error':{'code':'service_overloaded','message':'the router is overloaded',"
        "'details':{'retry_after_ms':250}},'context':{'request_id':'r'}}");
    (void)state;
    bl_api_refuse(BL_OPERATION_DECIDE, &canonical_form, BL_E_SERVICE_OVERLOADED, 250,
                  &fixture.reply);
    assert_true(bl_str_equal(bl_buf_view(&fixture.reply), expected));
    bl_api_refuse(BL_OPERATION_DECIDE, &gateway_form, BL_E_SERVICE_OVERLOADED, 0, &fixture.reply);
    expected = json_text(
        "{'ok':false,'error':{'code':'extension_unavailable','message':'the router is overloaded',"
        "'intake_error_code':'SERVICE_OVERLOADED','details':{'code':'service_overloaded'}},"
        "'context':{'request_id':'g'}}");
    assert_true(bl_str_equal(bl_buf_view(&fixture.reply), expected));
    bl_api_refuse(BL_OPERATION_COMPLEXITY, &canonical_form, BL_E_UNAVAILABLE, 0, &fixture.reply);
    assert_non_null(memmem(fixture.reply.data, fixture.reply.len, "INTERNAL_ERROR", 14));

    /* An id is made up where there is none, also for a message of nothing. */
    static const char *const nameless[] = {"{'message':{}}", ""};
    for (size_t i = 0; i < 2; i++) {
        struct bl_message message = message_of(json_text(nameless[i]), NULL);
        bl_api_refuse(BL_OPERATION_DECIDE, &message, BL_E_UNAVAILABLE, 0, &fixture.reply);
        const char *id = memmem(fixture.reply.data, fixture.reply.len, "\"request_id\":\"", 14);
        assert_non_null(id);
        assert_int_equal(strspn(id + 14, "0123456789abcdef"), 32);
    }
}

/* One reply, whatever happened: also when the way back does not take it. */
static void a_reply_that_the_way_back_does_not_take_becomes_an_error(void **state) {
    (void)state;
    fixture.api.reply_max_bytes = 330;
    assert_int_equal(api_fixture_ask(&fixture, BL_OPERATION_DECIDE,
                                     "{'request_id':'r','tenant_id':'acme','explain':true,"
                                     "'task':{'type':'x','payload':{}}}"),
                     BL_E_RESOURCE_EXHAUSTED);
    assert_string_equal(api_fixture_at(&fixture, "error.code"), "\"resource_exhausted\"");
    assert_non_null(strstr(api_fixture_at(&fixture, "error.message"), "max_payload"));
    assert_string_equal(api_fixture_at(&fixture, "context.request_id"), "\"r\"");
    assert_true(fixture.reply.len <= 330);
    assert_true(fixture.report.reply_was_too_large);

    fixture.api.reply_max_bytes = 1024;
    assert_int_equal(api_fixture_ask(&fixture, BL_OPERATION_DECIDE,
                                     "{'request_id':'r','tenant_id':'acme','explain':true,"
                                     "'task':{'type':'x','payload':{}}}"),
                     BL_E_NONE);
    assert_false(fixture.report.reply_was_too_large);
}

static void each_kind_of_request_leaves_the_heap_alone(void **state) {
    static const char *const texts[] = {
        "{'request_id':'r','tenant_id':'acme','task':{'type':'x','payload':{'a':[1,2,3]}},"
        "'metadata':{'a':'\\u0041'},'explain':true}",
        "{'request_id':'r','tenant_id':'acme','message':{},'policy_id':'sticky',"
        "'context':{'user_id':7}}",
        "{'request_id':'r','tenant_id':'acme','message':{},'policy_id':'nowhere'}",
        "{'request_id':'r','tenant_id':'acme','message':{",
    };
    (void)state;
    if (!HEAP_IS_COUNTED) {
        skip();
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct bl_message message = message_of(json_text(texts[i]), NULL);
        for (int round = 0; round < 3; round++) {
            size_t before = allocations;
            bl_api_handle(&fixture.api, BL_OPERATION_DECIDE, &message, BL_STR_ABSENT,
                          &fixture.moment, &fixture.reply, &fixture.report);
            assert_true(round == 0 || allocations == before);
        }
    }
    size_t before = allocations;
    void *volatile block = malloc(1); /* not to be optimised away */
    free(block);
    assert_true(allocations > before); /* the counter counts */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_shape_of_the_gateway_is_answered),
        TEST(nothing_of_the_request_leaks),
        TEST(a_report_says_what_happened),
        TEST(a_refusal_without_processing_can_be_matched),
        TEST(a_reply_that_the_way_back_does_not_take_becomes_an_error),
        TEST(each_kind_of_request_leaves_the_heap_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
