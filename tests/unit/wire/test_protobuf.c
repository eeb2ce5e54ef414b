#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "support/header_list.h"
#include "support/json_text.h"
#include "wire/pb_field.h"
#include "wire/protobuf.h"
#include "wire/reflection.h"

static struct bl_arena arena;
static struct bl_refusal refusal;
static char storage[8192], inner_storage[4096];
static struct bl_buf out, inner;

static int set_up(void **state) {
    (void)state;
    bl_arena_init(&arena, 4096, 1 << 20);
    bl_buf_init(&out, storage, sizeof(storage));
    bl_buf_init(&inner, inner_storage, sizeof(inner_storage));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    bl_arena_fini(&arena);
    return 0;
}

/* RouteRequest{1: Message of `inner`}, then what is in `out` already. */
static struct bl_str request(void) {
    bl_pb_write_bytes(&out, 1, bl_buf_view(&inner));
    return bl_buf_view(&out);
}

static void expect_json(enum bl_proto type, struct bl_str message, const char *quoted) {
    struct bl_str json;
    refusal.diag.message[0] = '\0';
    bl_result result = bl_proto_to_json(type, message, &arena, &json, &refusal);
    if (bl_is_error(result)) {
        fail_msg("%s: %s", refusal.diag.path, refusal.diag.message);
    }
    struct bl_str expected = json_text(quoted);
    if (!bl_str_equal(json, expected)) {
        fail_msg("%.*s is not %.*s", BL_STR_ARG(json), BL_STR_ARG(expected));
    }
}

static void expect_refused(enum bl_proto type, struct bl_str message, const char *path,
                           const char *text) {
    struct bl_str json;
    bl_result result = bl_proto_to_json(type, message, &arena, &json, &refusal);
    assert_int_equal(result.error, BL_E_INVALID_REQUEST);
    assert_int_equal(refusal.intake_code, BL_INTAKE_SCHEMA_VALIDATION_FAILED);
    assert_string_equal(refusal.diag.path, path);
    assert_non_null(strstr(refusal.diag.message, text));
}

static void entry(struct bl_buf *buf, uint32_t number, const char *key, struct bl_str value) {
    size_t begin = buf->len;
    bl_pb_write_bytes(buf, 1, bl_str_from_c(key));
    bl_pb_write_bytes(buf, 2, value);
    bl_pb_wrap(buf, number, begin);
}

static void a_request_becomes_the_gateways_form(void **state) {
    (void)state;
    bl_pb_write_bytes(&inner, 1, BL_STR("m-1"));
    bl_pb_write_bytes(&inner, 2, BL_STR("acme"));
    bl_pb_write_bytes(&inner, 3, BL_STR("trace"));
    bl_pb_write_bytes(&inner, 4, BL_STR("chat"));
    bl_pb_write_bytes(&inner, 5, BL_STR("{\"a\": [1]}"));
    entry(&inner, 6, "k", BL_STR("v"));
    bl_pb_write_number(&inner, 7, (uint64_t)-5);
    entry(&out, 3, "nested", BL_STR("{\"x\":1}"));
    entry(&out, 3, "text", BL_STR("{not json"));
    bl_pb_write_number(&out, 18, 1);
    expect_json(
        BL_PROTO_ROUTE_REQUEST, request(),
        "{'tenant_id':'acme','trace_id':'trace','context':{'nested':{'x':1},'text':'{not json'},"
        "'explain':true,'message':{'message_id':'m-1','tenant_id':'acme','trace_id':'trace',"
        "'message_type':'chat','payload':{'a': [1]},'metadata':{'k':'v'},'timestamp_ms':-5}}");
}

static void bytes_are_json_or_text_or_base64(void **state) {
    static const struct {
        struct bl_str payload;
        const char *json;
    } cases[] = {
        {{"[1,2]", 5}, "{'message':{'payload':[1,2]}}"},
        {{"\"t\"", 3}, "{'message':{'payload':'t'}}"},
        {{"plain", 5}, "{'message':{'payload':'plain'}}"},
        {{"\xff\xfe\x00", 3}, "{'message':{'payload':'__4A'}}"},
        {{"", 0}, "{'message':{'payload':''}}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bl_buf_reset(&out);
        bl_buf_reset(&inner);
        bl_pb_write_bytes(&inner, 5, cases[i].payload);
        expect_json(BL_PROTO_ROUTE_REQUEST, request(), cases[i].json);
    }
}

static void what_two_readers_could_read_in_two_ways_is_refused(void **state) {
    (void)state;
    bl_pb_write_bytes(&inner, 2, BL_STR("a"));
    bl_pb_write_bytes(&inner, 2, BL_STR("b"));
    expect_refused(BL_PROTO_ROUTE_REQUEST, request(), "message.tenant_id", "twice");

    bl_buf_reset(&out);
    bl_buf_reset(&inner);
    bl_pb_write_bytes(&inner, 2, (struct bl_str){"a\0b", 3});
    expect_refused(BL_PROTO_ROUTE_REQUEST, request(), "tenant_id", "NUL");

    bl_buf_reset(&out);
    bl_buf_reset(&inner);
    bl_pb_write_bytes(&inner, 4, BL_STR("\xc3\x28"));
    expect_refused(BL_PROTO_ROUTE_REQUEST, request(), "message.message_type", "UTF-8");

    bl_buf_reset(&out);
    bl_buf_reset(&inner);
    entry(&inner, 6, "\xff", BL_STR("v"));
    expect_refused(BL_PROTO_ROUTE_REQUEST, request(), "message.metadata", "UTF-8");

    bl_buf_reset(&out);
    bl_pb_write_number(&out, 2, 1);
    expect_refused(BL_PROTO_ROUTE_REQUEST, bl_buf_view(&out), "policy_id", "another type");

    bl_buf_reset(&out);
    entry(&out, 3, "k", BL_STR("v"));
    bl_pb_write_number(&out, 3, 1); /* later elements of a list are looked at, too */
    expect_refused(BL_PROTO_ROUTE_REQUEST, bl_buf_view(&out), "context", "another type");

    bl_buf_reset(&out);
    size_t begin = out.len;
    bl_pb_write_double(&out, 2, NAN);
    bl_pb_wrap(&out, 20, begin);
    expect_refused(BL_PROTO_ROUTE_REQUEST, bl_buf_view(&out), "constraints.max_cost", "finite");

    expect_refused(BL_PROTO_ROUTE_REQUEST, BL_STR("\x0a\x05hell"), "", "no protobuf");
    expect_refused(BL_PROTO_ROUTE_REQUEST, BL_STR("\x0a\x02\x0a\x05"), "message", "no protobuf");
}

/* Writers may spell out what others leave out. */
static void a_number_of_zero_is_none(void **state) {
    (void)state;
    bl_pb_write_number(&inner, 1, 0);
    bl_pb_write_double(&inner, 2, -0.0);
    bl_pb_write_bytes(&out, 20, bl_buf_view(&inner));
    bl_pb_write_number(&out, 18, 0);
    expect_json(BL_PROTO_ROUTE_REQUEST, bl_buf_view(&out), "{'constraints':{}}");
    bl_pb_write_number(&out, 18, 1); /* twice all the same */
    expect_refused(BL_PROTO_ROUTE_REQUEST, bl_buf_view(&out), "explain", "twice");
}

/* An entry of context, as bytes. */
static void expect_entry_refused(struct bl_str bytes, const char *text) {
    bl_buf_reset(&out);
    bl_pb_write_bytes(&out, 3, bytes);
    expect_refused(BL_PROTO_ROUTE_REQUEST, bl_buf_view(&out), "context", text);
}

static void entries_of_maps_are_read_in_one_way_only(void **state) {
    (void)state;
    expect_entry_refused(BL_STR("\x0a\1a\x0a\1b\x12\1v"), "twice"); /* others take the last key */
    expect_entry_refused(BL_STR("\x0a\1a\x12\1v\x12\1w"), "twice");
    expect_entry_refused(BL_STR("\x08\1\x12\1v"), "another type");
    expect_entry_refused(BL_STR("\x0a\1a\x10\1"), "another type");
    expect_entry_refused(BL_STR("\x0a\1a\x12\5v"), "no protobuf");
    expect_entry_refused(BL_STR("\x0a\1a\x12\1v\xff"), "no protobuf");
    expect_entry_refused(BL_STR("\x0a\3a\0b\x12\1v"), "NUL");
    expect_entry_refused(BL_STR("\x0a\1\xff\x12\1v"), "UTF-8");
    bl_buf_reset(&out); /* without a value, a key, both; with what a later version may add */
    bl_pb_write_bytes(&out, 3, BL_STR("\x0a\1a"));
    bl_pb_write_bytes(&out, 3, BL_STR("\x12\1v\x18\1"));
    expect_json(BL_PROTO_ROUTE_REQUEST, bl_buf_view(&out), "{'context':{'a':'','':'v'}}");
    bl_buf_reset(&out);
    bl_pb_write_bytes(&out, 3, BL_STR(""));
    expect_json(BL_PROTO_ROUTE_REQUEST, bl_buf_view(&out), "{'context':{'':''}}");
}

static void unknown_fields_are_passed_over(void **state) {
    (void)state;
    bl_pb_write_bytes(&out, 999, BL_STR("later"));
    bl_pb_write_number(&out, 998, 7);
    bl_pb_write_double(&out, 997, 1);
    bl_pb_write_bytes(&out, 2, BL_STR("p"));
    expect_json(BL_PROTO_ROUTE_REQUEST, bl_buf_view(&out), "{'policy_id':'p'}");
    expect_json(BL_PROTO_ROUTE_REQUEST, BL_STR(""), "{}");
}

static void memory_has_a_bound(void **state) {
    struct bl_arena small;
    struct bl_str json;
    (void)state;
    bl_arena_init(&small, 1024, 4096);
    bl_pb_write_bytes(&inner, 5, (struct bl_str){storage, 2000});
    bl_result result = bl_proto_to_json(BL_PROTO_ROUTE_REQUEST, request(), &small, &json, &refusal);
    assert_int_equal(result.error, BL_E_RESOURCE_EXHAUSTED);
    assert_int_equal(refusal.error, BL_E_RESOURCE_EXHAUSTED);
    bl_arena_fini(&small);
}

static void places_are_looked_into_in_turn(void **state) {
    struct bl_json_doc doc;
    struct bl_diag diag;
    struct bl_pb_field field;
    (void)state;
    struct bl_str text =
        json_text("{'decision':{'provider_id':'p','priority':-3,'expected_cost':0.5,"
                  "'metadata':{'a':'text','b':{'c':1}},'fallback_used':true,'expires_at_ms':null},"
                  "'provider_id':'other','explain':{'x':[1]},'context':{'request_id':'r'}}");
    assert_true(bl_is_ok(bl_json_read(text, &bl_json_request_limits, &arena, &doc, &diag)));
    struct bl_json root = bl_json_root(&doc);
    const struct bl_json places[] = {bl_json_get(root, BL_STR("decision")), root,
                                     bl_json_get(root, BL_STR("context"))};
    bl_proto_from_json(BL_PROTO_ROUTE_DECISION, places, 3, &out);
    struct bl_str message = bl_buf_view(&out);
    assert_true(bl_str_equal_c(bl_pb_find(message, 1), "p"));
    assert_true(bl_str_equal_c(bl_pb_find(message, 18), "r"));
    assert_true(bl_str_equal_c(bl_pb_find(message, 20), "{\"x\":[1]}"));
    bool has_priority = false, has_cost = false;
    int metadata = 0;
    while (bl_pb_next(&message, &field)) {
        double cost = 0.5;
        uint64_t bits;
        memcpy(&bits, &cost, sizeof(bits));
        has_priority = has_priority || (field.number == 3 && (int64_t)field.value == -3);
        has_cost = has_cost || (field.number == 5 && field.value == bits);
        metadata += field.number == 6;
        assert_int_not_equal(field.number, 15); /* null counts as absent */
        if (field.number == 6 && bl_str_equal_c(bl_pb_find(field.bytes, 1), "b")) {
            assert_true(bl_str_equal_c(bl_pb_find(field.bytes, 2), "{\"c\":1}"));
        }
    }
    assert_true(has_priority && has_cost && metadata == 2 && message.len == 0);
    struct bl_buf none;
    bl_buf_init(&none, inner_storage, 8);
    bl_proto_from_json(BL_PROTO_ROUTE_DECISION, places, 3, &none);
    assert_true(none.overflowed);
}

static void codecs_are_told_apart(void **state) {
    static char ambiguous[125];
    static const char *const pb[] = {"content-type", "application/x-protobuf", NULL};
    static const char *const as_json[] = {"content-type", "application/json", NULL};
    const struct {
        struct bl_str data;
        const char *const *headers;
        enum bl_codec codec, reply;
    } cases[] = {
        {BL_STR("{}"), NULL, BL_CODEC_JSON, BL_CODEC_JSON},
        {BL_STR("\n {\"a\":1}"), NULL, BL_CODEC_JSON, BL_CODEC_JSON},
        {BL_STR("{}"), pb, BL_CODEC_JSON, BL_CODEC_JSON}, /* protobuf does not begin so */
        {BL_STR("broken"), NULL, BL_CODEC_JSON, BL_CODEC_JSON},
        {BL_STR(""), NULL, BL_CODEC_JSON, BL_CODEC_JSON},
        {BL_STR("\x0a\x02\x0a\x00"), NULL, BL_CODEC_PROTOBUF, BL_CODEC_PROTOBUF},
        {BL_STR("\x0a\x02\x0a\x00"), as_json, BL_CODEC_PROTOBUF, BL_CODEC_JSON},
        {BL_STR("\x12\x01p"), NULL, BL_CODEC_PROTOBUF, BL_CODEC_PROTOBUF},
        {BL_STR("junk"), pb, BL_CODEC_PROTOBUF, BL_CODEC_PROTOBUF},
        {{ambiguous, sizeof(ambiguous)}, NULL, BL_CODEC_PROTOBUF, BL_CODEC_PROTOBUF},
    };
    (void)state;
    /* "\n{" and 123 bytes of a Message whose payload ends in a brace */
    struct bl_buf buf;
    bl_buf_init(&buf, ambiguous, sizeof(ambiguous));
    bl_buf_literal(&buf, "\n{\x22\x75");
    memset(ambiguous + 4, 'x', 0x75);
    memcpy(ambiguous + 4 + 0x75, "\x2a\x02{}", 4);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bl_message message = message_of(cases[i].data, cases[i].headers);
        bl_proto_detect(&message, &arena);
        if (message.codec != cases[i].codec || message.reply_codec != cases[i].reply) {
            fail_msg("case %zu", i);
        }
    }
}

static void statuses_say_reason_and_patience(void **state) {
    (void)state;
    struct bl_diag *diag =
        bl_refusal_begin(&refusal, BL_E_INVALID_REQUEST, BL_INTAKE_SCHEMA_VALIDATION_FAILED);
    bl_diag_path(diag, "task");
    bl_diag_message(diag, "is missing");
    refusal.retry_after_ms = 1500;
    bl_wire_encode_grpc_status(&refusal, &out);
    struct bl_str status = bl_buf_view(&out);
    struct bl_pb_field field;
    assert_true(bl_pb_next(&status, &field) && field.number == 1 && field.value == 3);
    assert_true(bl_pb_next(&status, &field) && bl_str_equal_c(field.bytes, "task: is missing"));
    assert_true(bl_pb_next(&status, &field) && field.number == 3);
    assert_true(
        bl_str_equal_c(bl_pb_find(field.bytes, 1), "type.googleapis.com/google.rpc.ErrorInfo"));
    struct bl_str info = bl_pb_find(field.bytes, 2);
    assert_true(bl_str_equal_c(bl_pb_find(info, 1), "invalid_request"));
    assert_true(bl_str_equal_c(bl_pb_find(info, 2), "beamline.router"));
    assert_true(bl_str_equal_c(bl_pb_find(bl_pb_find(info, 3), 2), "SCHEMA_VALIDATION_FAILED"));
    assert_true(bl_pb_next(&status, &field) && field.number == 3);
    struct bl_str delay = bl_pb_find(bl_pb_find(field.bytes, 2), 1);
    assert_true(bl_pb_next(&delay, &field) && field.number == 1 && field.value == 1);
    assert_true(bl_pb_next(&delay, &field) && field.number == 2 && field.value == 500000000);
    assert_int_equal(status.len, 0);
}

static void descriptors_hold_what_is_served(void **state) {
    static const char *const symbols[] = {
        "beamline.flow.v1.Router.Decide",      "beamline.flow.v1.RouterAdmin.UpsertPolicy",
        "beamline.flow.v1.RouteRequest",       "grpc.health.v1.Health.Watch",
        "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
        "beamline.worker.v1.ExecResult",       "beamline.worker.v1.ExecAssignmentAck"};
    static const char *const services[] = {NULL};
    static char reply_storage[1 << 17];
    const struct bl_reflection reflection = {bl_proto_descriptors(), services};
    (void)state;
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        struct bl_buf reply;
        bl_buf_reset(&out);
        bl_pb_write_bytes(&out, 4, bl_str_from_c(symbols[i]));
        bl_buf_init(&reply, reply_storage, sizeof(reply_storage));
        assert_true(bl_reflection_answer(&reflection, bl_buf_view(&out), &reply));
        if (!bl_str_is_present(bl_pb_find(bl_buf_view(&reply), 4))) {
            fail_msg("%s", symbols[i]);
        }
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_request_becomes_the_gateways_form),
        TEST(bytes_are_json_or_text_or_base64),
        TEST(what_two_readers_could_read_in_two_ways_is_refused),
        TEST(a_number_of_zero_is_none),
        TEST(entries_of_maps_are_read_in_one_way_only),
        TEST(unknown_fields_are_passed_over),
        TEST(memory_has_a_bound),
        TEST(places_are_looked_into_in_turn),
        TEST(codecs_are_told_apart),
        TEST(statuses_say_reason_and_patience),
        TEST(descriptors_hold_what_is_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
