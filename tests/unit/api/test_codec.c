#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/api_fixture.h"
#include "wire/pb_field.h"

static struct api_fixture fixture;
static char storage[256 * 1024];
static struct bl_buf request;

static int set_up(void **state) {
    (void)state;
    api_fixture_init(&fixture);
    api_fixture_policy(&fixture, "acme", "default",
                       "{'providers':[{'name':'alpha','weight':1,'expect':{'latency_ms':10}}],"
                       "'rules':[{'when':{'message_type':'closed'},'deny':['alpha']}]}");
    bl_buf_init(&request, storage, sizeof(storage));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    api_fixture_fini(&fixture);
    return 0;
}

/* Message{2: tenant_id, 4: message_type, 5: payload}, RouteRequest{1: message, 10: request_id} */
static void write_route_request(const char *tenant_id, const char *message_type,
                                struct bl_str payload) {
    bl_buf_reset(&request);
    bl_pb_write_bytes(&request, 2, bl_str_from_c(tenant_id));
    bl_pb_write_bytes(&request, 4, bl_str_from_c(message_type));
    bl_pb_write_bytes(&request, 5, payload);
    bl_pb_wrap(&request, 1, 0);
    bl_pb_write_bytes(&request, 10, BL_STR("the-request"));
}

/* The operation's reply, whole. */
static struct bl_str ask(enum bl_operation operation, enum bl_codec codec,
                         enum bl_codec reply_codec) {
    struct bl_message message = message_of(bl_buf_view(&request), NULL);

    message.codec = codec;
    message.reply_codec = reply_codec;
    bl_api_handle(&fixture.api, operation, &message, BL_STR_ABSENT, &fixture.moment, &fixture.reply,
                  &fixture.report);
    assert_false(fixture.reply.overflowed);
    return bl_buf_view(&fixture.reply);
}

static struct bl_str ask_protobuf(enum bl_operation operation) {
    struct bl_str reply = ask(operation, BL_CODEC_PROTOBUF, BL_CODEC_PROTOBUF);
    struct bl_pb_field field;
    struct bl_str rest = reply;

    while (bl_pb_next(&rest, &field)) {
    }
    assert_int_equal(rest.len, 0);
    return reply;
}

static void assert_text(struct bl_str message, uint32_t number, const char *wanted) {
    struct bl_str found = bl_pb_find(message, number);
    if (!bl_str_is_present(found) || !bl_str_equal_c(found, wanted)) {
        fail_msg("field %u is %.*s, not %s", (unsigned)number, BL_STR_ARG(found), wanted);
    }
}

static struct bl_str error_code(struct bl_str reply) {
    return bl_pb_find(bl_pb_find(reply, BL_PROTO_DECISION_ERROR), 1);
}

static uint64_t number_of(struct bl_str message, uint32_t number) {
    struct bl_pb_field field;
    while (bl_pb_next(&message, &field)) {
        if (field.number == number) {
            assert_int_equal(field.type, BL_PB_VARINT);
            return field.value;
        }
    }
    return UINT64_MAX;
}

static void a_decision(void **state) {
    (void)state;
    write_route_request("acme", "chat", BL_STR("{\"text\":\"hello\"}"));
    struct bl_str reply = ask_protobuf(BL_OPERATION_DECIDE);
    assert_int_equal(fixture.report.error, BL_E_NONE);
    assert_text(reply, 1, "alpha");
    assert_text(reply, 2, "weighted");
    assert_text(reply, 11, "default");
    assert_text(reply, 18, "the-request");
    assert_int_equal(number_of(reply, 4), 10);
    assert_true(bl_pb_find(reply, 10).len > 0); /* the decision's id */
    assert_false(bl_str_is_present(bl_pb_find(reply, BL_PROTO_DECISION_ERROR)));
    assert_false(bl_str_is_present(bl_pb_find(reply, 20))); /* nobody asked to explain */
    bl_pb_write_number(&request, 18, 1);
    reply = ask_protobuf(BL_OPERATION_DECIDE);
    assert_true(bl_pb_find(reply, 20).len > 2 && bl_pb_find(reply, 20).data[0] == '{');
}

/* Each side says what it speaks: neither follows from the other. */
static void codecs_are_chosen_one_by_one(void **state) {
    (void)state;
    write_route_request("acme", "chat", BL_STR("1"));
    struct bl_str reply = ask(BL_OPERATION_DECIDE, BL_CODEC_PROTOBUF, BL_CODEC_JSON);
    assert_int_equal(reply.data[0], '{');
    assert_int_equal(fixture.report.error, BL_E_NONE);
    bl_buf_reset(&request);
    bl_buf_str(&request, json_text("{'request_id':'j','tenant_id':'acme','task':{'type':'x',"
                                   "'payload':{}}}"));
    reply = ask(BL_OPERATION_DECIDE, BL_CODEC_JSON, BL_CODEC_PROTOBUF);
    assert_text(reply, 1, "alpha");
    assert_text(reply, 18, "j");
}

static void refusals(void **state) {
    (void)state;
    write_route_request("acme", "closed", BL_STR("{}")); /* by the policy */
    struct bl_str reply = ask_protobuf(BL_OPERATION_DECIDE);
    assert_int_equal(fixture.report.error, BL_E_NO_PROVIDER_AVAILABLE);
    assert_false(bl_str_is_present(bl_pb_find(reply, 1)));
    assert_text(reply, 18, "the-request");
    assert_true(error_code(reply).len > 0);

    write_route_request("nobody", "chat", BL_STR("{}"));
    reply = ask_protobuf(BL_OPERATION_DECIDE);
    assert_int_equal(fixture.report.error, BL_E_POLICY_NOT_FOUND);
    assert_true(bl_str_equal_c(error_code(reply), "policy_not_found"));
    assert_true(bl_pb_find(bl_pb_find(reply, BL_PROTO_DECISION_ERROR), 2).len > 0);
}

/* What is no message is told so in a message. */
static void broken_requests(void **state) {
    static const struct bl_str cases[] = {
        {"\xff", 1},      {"\x0a\x05", 2},         {"\x08\x01", 2},
        {"\x0b\x0c", 2},  {"\x0a\x00\x0a\x00", 4}, {"\x0a\x03\x12\x01\xff", 5},
        {"{\"a\":1}", 7}, {"\x12\x01\x00", 3},     {"\xa2\x01\x09\x11\0\0\0\0\0\0\xf0\x7f", 12},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bl_buf_reset(&request);
        bl_buf_str(&request, cases[i]);
        struct bl_str reply = ask_protobuf(BL_OPERATION_DECIDE);
        assert_int_equal(fixture.report.error, BL_E_INVALID_REQUEST);
        assert_true(bl_str_equal_c(error_code(reply), "invalid_request"));
        assert_text(bl_pb_find(reply, BL_PROTO_DECISION_ERROR), 3, "SCHEMA_VALIDATION_FAILED");
        assert_true(bl_pb_find(reply, 18).len > 0); /* an id to be matched by */
    }
    bl_buf_reset(&request); /* nothing at all: no tenant, but a message */
    struct bl_str reply = ask_protobuf(BL_OPERATION_DECIDE);
    assert_int_not_equal(fixture.report.error, BL_E_NONE);
    assert_true(error_code(reply).len > 0);
}

/* An id of the headers is what the refusal is matched by. */
static void broken_requests_are_matched(void **state) {
    static const char *const headers[] = {"X-Request-ID", "from-header", NULL};
    (void)state;
    struct bl_message message = message_of(BL_STR("\xff"), headers);
    message.codec = message.reply_codec = BL_CODEC_PROTOBUF;
    bl_api_handle(&fixture.api, BL_OPERATION_DECIDE, &message, BL_STR_ABSENT, &fixture.moment,
                  &fixture.reply, &fixture.report);
    assert_text(bl_buf_view(&fixture.reply), 18, "from-header");
}

/* Every operation of the services takes any bytes and answers with a message. */
static void all_operations(void **state) {
    static const enum bl_operation operations[] = {
        BL_OPERATION_DECIDE,           BL_OPERATION_GET_DECISION, BL_OPERATION_EXTENSION_HEALTH,
        BL_OPERATION_CIRCUIT_BREAKERS, BL_OPERATION_DRY_RUN,      BL_OPERATION_COMPLEXITY,
    };
    static const struct bl_str names = {"\x0a\x04"
                                        "acme\x12\x07"
                                        "default",
                                        15};
    (void)state;
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        bl_buf_reset(&request);
        (void)ask_protobuf(operations[i]);
        bl_buf_str(&request, BL_STR("\xff\xff"));
        struct bl_str reply = ask_protobuf(operations[i]);
        assert_int_equal(fixture.report.error, BL_E_INVALID_REQUEST);
        (void)reply;
    }
    bl_buf_reset(&request);
    bl_buf_str(&request, names);
    struct bl_str reply = ask_protobuf(BL_OPERATION_COMPLEXITY);
    assert_int_equal(fixture.report.error, BL_E_NONE);
    assert_int_equal(number_of(reply, 1), 0);
    assert_true(bl_str_is_present(bl_pb_find(reply, 8)));
}

/* Payloads beyond the limits of a request are refused, whichever limit it is. */
static void limits(void **state) {
    static char deep[400];
    (void)state;
    memset(deep, '[', 200);
    memset(deep + 200, ']', 200);
    write_route_request("acme", "chat", (struct bl_str){deep, 400}); /* JSON too deep is a text */
    (void)ask_protobuf(BL_OPERATION_DECIDE);
    assert_int_equal(fixture.report.error, BL_E_NONE);

    struct bl_arena small, *whole = fixture.api.arena; /* no memory for the request */
    bl_arena_init(&small, 1024, 4096);
    fixture.api.arena = &small;
    static char large[100000];
    memset(large, 'x', sizeof(large));
    write_route_request("acme", "chat", (struct bl_str){large, sizeof(large)});
    struct bl_str reply = ask_protobuf(BL_OPERATION_DECIDE);
    assert_int_equal(fixture.report.error, BL_E_RESOURCE_EXHAUSTED);
    assert_true(bl_str_equal_c(error_code(reply), "resource_exhausted"));
    fixture.api.arena = whole;
    bl_arena_fini(&small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_decision),     cmocka_unit_test(codecs_are_chosen_one_by_one),
        cmocka_unit_test(refusals),       cmocka_unit_test(broken_requests),
        cmocka_unit_test(all_operations), cmocka_unit_test(broken_requests_are_matched),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests_name("api/codec", tests, set_up, tear_down);
}
