/* What workers say, believed as far as it can be. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/header_list.h"
#include "support/json_text.h"
#include "wire/fields.h"
#include "wire/life_record.h"
#include "wire/worker_message.h"

static struct bl_arena arena;
static struct bl_worker_message out;
static struct bl_diag diag;

static int set_up(void **state) {
    (void)state;
    bl_arena_init(&arena, 65536, 8 << 20);
    bl_diag_clear(&diag);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    bl_arena_fini(&arena);
    return 0;
}

static bl_result decode_text(struct bl_str text, const char *const *headers) {
    struct bl_message message = message_of(text, headers);
    bl_diag_clear(&diag);
    return bl_wire_decode_result(&message, &arena, &out, &diag);
}

static void decode(const char *quoted) {
    assert_true(bl_is_ok(decode_text(json_text(quoted), NULL)));
}

static void refuse(const char *quoted, const char *because) {
    bl_result result = decode_text(json_text(quoted), NULL);
    assert_int_equal(result.error, BL_E_INVALID_REQUEST);
    if (strstr(diag.message, because) == NULL) {
        fail_msg("%s: %s", quoted, diag.message);
    }
}

static void a_whole_result_is_read(void **state) {
    (void)state;
    decode("{'assignment_id':'x','request_id':'r','tenant_id':'acme','status':'success',"
           "'latency_ms':12.7,'cost':0.25,'tokens':{'in':1},'payload':{'a':[1]},'more':1}");
    assert_true(bl_str_equal_c(out.assignment_id, "x"));
    assert_true(bl_str_equal_c(out.request_id, "r"));
    assert_true(bl_str_equal_c(out.tenant_id, "acme"));
    assert_int_equal(out.result.status, BL_RESULT_SUCCESS);
    assert_int_equal(out.result.latency_ms, 12);
    assert_int_equal(out.result.cost_nano, BL_NANO_PER_UNIT / 4);
    assert_false(out.cost_is_absurd);
    assert_true(bl_str_equal_c(out.tokens, "{\"in\":1}"));
    assert_true(bl_str_equal(out.result.text, json_text("{'status':'success','latency_ms':12.7,"
                                                        "'tokens':{'in':1},'payload':{'a':[1]}}")));
}

static void what_is_not_said_is_not_known(void **state) {
    (void)state;
    decode("{'request_id':'r','status':'error'}");
    assert_false(bl_str_is_present(out.assignment_id));
    assert_false(bl_str_is_present(out.tenant_id) || bl_str_is_present(out.tokens));
    assert_false(bl_str_is_present(out.result.error_code));
    assert_false(bl_str_is_present(out.result.error_type));
    assert_int_equal(out.result.status, BL_RESULT_ERROR);
    assert_int_equal(out.result.latency_ms, -1);
    assert_true(out.result.cost_nano == BL_MONEY_UNKNOWN);
    assert_false(out.cost_is_absurd);
    decode("{'request_id':'r','status':'error','cost':null,'latency_ms':null,'tokens':[1]}");
    assert_true(out.result.cost_nano == BL_MONEY_UNKNOWN);
    assert_false(out.cost_is_absurd || bl_str_is_present(out.tokens));
}

static void the_header_names_the_tenant_before_the_body(void **state) {
    static const char *const named[] = {"Tenant_Id", "header", NULL};
    static const char *const blank[] = {"tenant_id", "", NULL};
    struct bl_str text = json_text("{'request_id':'r','status':'success','tenant_id':'body'}");
    (void)state;
    assert_true(bl_is_ok(decode_text(text, named)));
    assert_true(bl_str_equal_c(out.tenant_id, "header"));
    assert_true(bl_is_ok(decode_text(text, blank)));
    assert_true(bl_str_equal_c(out.tenant_id, "body"));
}

static void absurd_costs_are_not_believed(void **state) {
    static const char *const bad[] = {
        "-1",  "-0.000001", "1000.1", "1e300", "'1'",
        "[1]", "{}",        "true",   "1001",  "18446744073709551615"};
    char text[256];
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void)snprintf(text, sizeof(text), "{'request_id':'r','status':'success','cost':%s}",
                       bad[i]);
        decode(text);
        assert_true(out.cost_is_absurd);
        assert_true(out.result.cost_nano == BL_MONEY_UNKNOWN);
    }
    decode("{'request_id':'r','status':'success','cost':1000}");
    assert_false(out.cost_is_absurd);
    assert_true(out.result.cost_nano == BL_WORKER_COST_MAX_NANO);
    decode("{'request_id':'r','status':'success','cost':0}");
    assert_false(out.cost_is_absurd);
    assert_int_equal(out.result.cost_nano, 0);
}

static void absurd_latencies_are_not_known(void **state) {
    static const char *const bad[] = {"-1", "1e15", "1e300", "'5'", "true", "[]"};
    char text[256];
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void)snprintf(text, sizeof(text), "{'request_id':'r','status':'success','latency_ms':%s}",
                       bad[i]);
        decode(text);
        assert_int_equal(out.result.latency_ms, -1);
    }
    decode("{'request_id':'r','status':'success','latency_ms':0}");
    assert_int_equal(out.result.latency_ms, 0);
}

static void codes_may_be_numbers(void **state) {
    (void)state;
    decode("{'request_id':'r','status':'error','error_code':503,'error_type':3001}");
    assert_true(bl_str_equal_c(out.result.error_code, "503"));
    assert_true(bl_str_equal_c(out.result.error_type, "3001"));
    decode("{'request_id':'r','status':'error','error_code':5.5,'error_type':''}");
    assert_false(bl_str_is_present(out.result.error_code));
    assert_false(bl_str_is_present(out.result.error_type));
}

static void texts_are_bounded(void **state) {
    char text[1024];
    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        (void)snprintf(text, sizeof(text),
                       "{'request_id':'r','status':'error','error_code':'%0*d'}", 128 + extra, 0);
        decode(text);
        assert_int_equal(bl_str_is_present(out.result.error_code), extra == 0);
    }
    (void)snprintf(text, sizeof(text), "{'request_id':'%0*d','status':'error'}", BL_WIRE_ID_MAX, 0);
    decode(text);
    (void)snprintf(text, sizeof(text), "{'request_id':'%0*d','status':'error'}", BL_WIRE_ID_MAX + 1,
                   0);
    refuse(text, "neither");
}

static void what_is_no_result_is_refused(void **state) {
    (void)state;
    refuse("{'status':'success'}", "neither an assignment_id nor a request_id");
    refuse("{'request_id':'','assignment_id':null,'status':'success'}", "neither");
    refuse("{'request_id':'r'}", "status is missing");
    refuse("{'request_id':'r','status':''}", "status is missing");
    refuse("{'request_id':'r','status':null}", "status is missing");
    refuse("{'request_id':'r','status':'ok'}", "status is none of");
    refuse("{'request_id':'r','status':'Success'}", "status is none of");
    refuse("[]", "must be an object");
    refuse("'x'", "must be an object");
    refuse("", "");
    refuse("{'request_id':'r','status':'success'", "");
    assert_string_not_equal(diag.message, "");
}

static void memory_may_run_out(void **state) {
    struct bl_message message =
        message_of(json_text("{'request_id':'r','status':'success','payload':[1,2,3,4]}"), NULL);
    bool was_refused = false;
    (void)state;
    for (size_t cap = 256; cap < 8192; cap += 16) {
        struct bl_arena small;
        bl_arena_init(&small, 256, cap);
        bl_result result = bl_wire_decode_result(&message, &small, &out, &diag);
        assert_true(bl_is_ok(result) || result.error == BL_E_RESOURCE_EXHAUSTED);
        was_refused = was_refused || bl_is_error(result);
        bl_arena_fini(&small);
    }
    assert_true(was_refused);
}

/* --- what is kept ---------------------------------------------------------------------------- */

/* A result whose member has `bytes` letters. */
static void decode_large(const char *member, size_t bytes) {
    char *text = malloc(bytes + 128);
    assert_non_null(text);
    int len = snprintf(text, 128, "{\"request_id\":\"r\",\"status\":\"success\",\"%s\":\"", member);
    memset(text + len, 'x', bytes);
    memcpy(text + len + bytes, "\"}", 3);
    struct bl_str copy;
    assert_true(
        bl_is_ok(bl_arena_copy(&arena, (struct bl_str){text, (size_t)len + bytes + 2}, &copy)));
    free(text);
    assert_true(bl_is_ok(decode_text(copy, NULL)));
}

static void a_large_payload_is_left_out(void **state) {
    size_t around = sizeof("{\"status\":\"success\",\"payload\":\"\"}") - 1;
    (void)state;
    decode_large("payload", BL_LIFE_RESULT_MAX_BYTES - around);
    assert_int_equal(out.result.text.len, BL_LIFE_RESULT_MAX_BYTES);
    decode_large("payload", BL_LIFE_RESULT_MAX_BYTES - around + 1);
    assert_true(bl_str_equal_c(out.result.text, "{\"status\":\"success\",\"truncated\":true}"));
    decode_large("payload", 900000);
    assert_true(bl_str_equal_c(out.result.text, "{\"status\":\"success\",\"truncated\":true}"));
}

static void other_large_texts_are_left_out(void **state) {
    (void)state;
    decode_large("error_message", BL_LIFE_RESULT_MAX_BYTES);
    assert_true(bl_str_equal_c(out.result.text, "{\"truncated\":true}"));
}

/* --- digests --------------------------------------------------------------------------------- */

static uint64_t digest(const char *quoted) {
    decode(quoted);
    return out.result.digest;
}

static void equal_results_have_equal_digests(void **state) {
    uint64_t base = digest("{'request_id':'r','status':'success','cost':1,'latency_ms':5,"
                           "'payload':{'a':1,'b':[true]},'tokens':{'in':1,'out':2}}");
    (void)state;
    assert_true(base == digest("{'request_id':'r','status':'success','cost':1,'latency_ms':5,"
                               "'payload':{'a':1,'b':[true]},'tokens':{'in':1,'out':2}}"));
    /* named otherwise, in another order, with what does not count */
    assert_true(base == digest("{'latency_ms':5,'assignment_id':'x','cost':1,'status':'success',"
                               "'tokens':{'in':1,'out':2},'payload':{'a':1,'b':[true]},"
                               "'timestamp':7}"));
    /* written otherwise */
    assert_true(base == digest("{'request_id':'r','status':'\\u0073uccess','cost':1.0,"
                               "'latency_ms':5e0,'payload':{ 'b' : [ true ], 'a' : 1 },"
                               "'tokens':{'out':2,'in':1}}"));
}

static void different_results_have_different_digests(void **state) {
    static const char *const results[] = {
        "{'request_id':'r','status':'success'}",
        "{'request_id':'r','status':'error'}",
        "{'request_id':'r','status':'error','error_code':'1'}",
        "{'request_id':'r','status':'error','error_type':'1'}",
        "{'request_id':'r','status':'success','cost':1}",
        "{'request_id':'r','status':'success','cost':2}",
        "{'request_id':'r','status':'success','latency_ms':1}",
        "{'request_id':'r','status':'success','tokens':{'in':1}}",
        "{'request_id':'r','status':'success','payload':{'in':1}}",
        "{'request_id':'r','status':'success','payload':{'in':'1'}}",
        "{'request_id':'r','status':'success','payload':''}",
        "{'request_id':'r','status':'success','payload':{}}",
        "{'request_id':'r','status':'success','payload':[]}",
        "{'request_id':'r','status':'success','payload':[{},[]]}",
        "{'request_id':'r','status':'success','payload':[[],{}]}",
        "{'request_id':'r','status':'success','payload_ref':''}"};
    enum { COUNT = sizeof(results) / sizeof(results[0]) };
    uint64_t digests[COUNT];
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        digests[i] = digest(results[i]);
        for (size_t k = 0; k < i; k++) {
            assert_true(digests[i] != digests[k]);
        }
    }
}

/* --- acknowledgements ------------------------------------------------------------------------ */

static bl_result decode_ack(const char *quoted) {
    struct bl_message message = message_of(json_text(quoted), NULL);
    bl_diag_clear(&diag);
    return bl_wire_decode_ack(&message, &arena, &out, &diag);
}

static void acknowledgements_are_read(void **state) {
    (void)state;
    assert_true(bl_is_ok(decode_ack("{'assignment_id':'x','status':'accepted'}")));
    assert_int_equal(out.ack, BL_ACK_ACCEPTED);
    assert_true(bl_is_ok(decode_ack("{'assignment_id':'x','status':'rejected','error_code':7}")));
    assert_int_equal(out.ack, BL_ACK_REJECTED);
    assert_true(bl_str_equal_c(out.result.error_code, "7"));
    assert_true(bl_is_ok(decode_ack("{'request_id':'r','status':'error'}")));
    assert_int_equal(out.ack, BL_ACK_ERROR);
}

static void what_is_no_acknowledgement_is_refused(void **state) {
    static const char *const bad[] = {"{'assignment_id':'x'}",
                                      "{'assignment_id':'x','status':'success'}",
                                      "{'assignment_id':'x','status':['accepted']}",
                                      "{'status':'accepted'}",
                                      "7",
                                      "{"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(decode_ack(bad[i]).error, BL_E_INVALID_REQUEST);
        assert_string_not_equal(diag.message, "");
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_whole_result_is_read),
        TEST(what_is_not_said_is_not_known),
        TEST(the_header_names_the_tenant_before_the_body),
        TEST(absurd_costs_are_not_believed),
        TEST(absurd_latencies_are_not_known),
        TEST(codes_may_be_numbers),
        TEST(texts_are_bounded),
        TEST(what_is_no_result_is_refused),
        TEST(memory_may_run_out),
        TEST(a_large_payload_is_left_out),
        TEST(other_large_texts_are_left_out),
        TEST(equal_results_have_equal_digests),
        TEST(different_results_have_different_digests),
        TEST(acknowledgements_are_read),
        TEST(what_is_no_acknowledgement_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
