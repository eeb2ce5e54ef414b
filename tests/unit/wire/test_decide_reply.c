#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "support/policy_fixture.h"
#include "wire/decide_reply.h"
#include "wire/decision_id.h"

static const uint8_t key[16] = {3};

struct rig {
    struct bl_policy *policy;
    struct bl_catalog *catalog;
    struct bl_arena arena;
    struct bl_request request;
    struct bl_outcome outcome;
    struct bl_refusal refusal;
    struct bl_buf reply;
    char storage[BL_WIRE_REPLY_MAX_BYTES];
    struct bl_json root;
};

static struct rig rig;

static int set_up(void **state) {
    (void)state;
    memset(&rig, 0, sizeof(rig));
    bl_arena_init(&rig.arena, 64 * 1024, 16 * 1024 * 1024);
    bl_request_init(&rig.request);
    rig.request.request_id = BL_STR("r-1");
    bl_buf_init(&rig.reply, rig.storage, sizeof(rig.storage));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    bl_catalog_destroy(rig.catalog);
    bl_policy_unref(rig.policy);
    bl_arena_fini(&rig.arena);
    return 0;
}

static enum bl_error decide(const char *policy_text) {
    struct bl_flow_moment moment = {.now_ns = INT64_C(1764000000123000000), .admission_id = {1}};
    struct bl_flow flow;

    if (rig.policy == NULL) {
        rig.policy = fixture_policy("acme", "default", policy_text);
        assert_true(bl_is_ok(bl_catalog_create(&rig.policy, 1, 1, &rig.catalog)));
    }
    flow = (struct bl_flow){.catalog = rig.catalog, .key = {3}};
    return bl_flow_decide(&flow, &rig.request, BL_STR("acme"), &moment, &rig.arena, &rig.outcome,
                          &rig.refusal)
        .error;
}

static void parse_reply(void) {
    struct bl_json_doc *doc = bl_arena_alloc(&rig.arena, sizeof(*doc));
    struct bl_diag diag;

    assert_false(rig.reply.overflowed);
    assert_true(rig.reply.len <= BL_WIRE_REPLY_MAX_BYTES);
    assert_true(bl_is_ok(
        bl_json_read(bl_buf_view(&rig.reply), &bl_json_request_limits, &rig.arena, doc, &diag)));
    rig.root = bl_json_root(doc);
    bl_buf_reset(&rig.reply);
}

static void encode_decision(void) {
    bl_wire_encode_decision(&rig.request, &rig.outcome, key, 77, BL_WIRE_REPLY_MAX_BYTES,
                            &rig.reply);
    parse_reply();
}

static void encode_refusal(const struct bl_outcome *outcome) {
    bl_wire_encode_refusal(&rig.request, &rig.refusal, outcome, NULL, BL_WIRE_REPLY_MAX_BYTES,
                           &rig.reply);
    parse_reply();
}

static struct bl_json at(const char *path) {
    return bl_json_path(rig.root, bl_str_from_c(path));
}

static void expect_text(const char *path, const char *text) {
    struct bl_str found = BL_STR_ABSENT;
    (void)bl_json_string(at(path), &found);
    if (!bl_str_equal_c(found, text)) {
        fail_msg("%s is \"%.*s\", not \"%s\"", path, BL_STR_ARG(found), text);
    }
}

static void expect_source(const char *path, const char *text) {
    struct bl_str found = bl_json_source(at(path));
    if (!bl_str_equal_c(found, text)) {
        fail_msg("%s is %.*s, not %s", path, BL_STR_ARG(found), text);
    }
}

static void expect_absent(const char *path) {
    assert_int_equal(bl_json_type(at(path)), BL_JSON_ABSENT);
}

static void a_decision_has_what_is_known(void **state) {
    struct bl_decision_facts facts;
    struct bl_str id;
    char scratch[BL_DECISION_ID_MAX];
    (void)state;
    assert_int_equal(decide("{'providers':[{'name':'a/b@c','label':'A','weight':1,"
                            "'expect':{'latency_ms':850,'cost':0.012}}]}"),
                     BL_E_NONE);
    rig.request.trace_id = BL_STR("t-1");
    encode_decision();
    expect_source("ok", "true");
    expect_text("decision.provider_id", "a/b@c");
    expect_text("decision.provider_label", "A");
    expect_source("decision.priority", "50");
    expect_text("decision.reason", "weighted");
    expect_source("decision.expected_latency_ms", "850");
    expect_source("decision.expected_cost", "0.012");
    expect_text("decision.policy_id", "default");
    expect_absent("decision.estimates");
    expect_absent("decision.fallback_used");
    expect_absent("decision.sticky_key");
    expect_absent("decision.metadata");
    expect_absent("explain");
    expect_text("context.request_id", "r-1");
    expect_text("context.trace_id", "t-1");
    assert_int_equal(bl_json_count(at("context")), 2);
    assert_int_equal(bl_json_count(rig.root), 3);
    assert_true(bl_json_string(at("decision.decision_id"), &id));
    assert_true(bl_is_ok(bl_decision_id_read(id, key, scratch, &facts)));
    assert_true(bl_str_equal_c(facts.provider_id, "a/b@c"));
    assert_true(facts.nonce == 77 && facts.time_ms == 1764000000123);
    assert_true(facts.policy_content_hash == rig.policy->content_hash);
    struct bl_str version;
    assert_true(bl_json_string(at("decision.policy_version"), &version));
    assert_true(bl_str_equal(version, rig.policy->revision));
}

static void unknown_estimates_are_said_to_be(void **state) {
    (void)state;
    assert_int_equal(decide("{'providers':[{'name':'a','weight':1}]}"), BL_E_NONE);
    encode_decision();
    expect_source("decision.expected_latency_ms", "0");
    expect_source("decision.expected_cost", "0");
    expect_text("decision.estimates", "none");
    expect_absent("decision.provider_label");
    expect_absent("context.trace_id");
    assert_int_equal(bl_json_count(at("context")), 1);
}

static void a_last_resort_is_a_fallback(void **state) {
    (void)state;
    assert_int_equal(decide("{'providers':[{'name':'a','weight':1,'expect':{'latency_ms':10}},"
                            "{'name':'z','weight':0,'last_resort':true}],"
                            "'rules':[{'when':{'task.type':'unknown'},'deny':['a']}]}"),
                     BL_E_NONE);
    encode_decision();
    expect_text("decision.provider_id", "z");
    expect_text("decision.reason", "fallback");
    expect_source("decision.priority", "25");
    expect_source("decision.fallback_used", "true");
}

static void sessions_and_extensions_show_no_value_of_the_request(void **state) {
    struct bl_str digest;
    (void)state;
    rig.request.context = fixture_json("{'user_id':'marker-u'}", &rig.arena);
    assert_int_equal(decide("{'providers':[{'name':'a','weight':1}],'sticky':{'enabled':true,"
                            "'session_key':'user_id','ttl':'10m'},"
                            "'pre':[{'id':'x','mode':'optional'}],"
                            "'validators':[{'id':'y','on_fail':'warn'}]}"),
                     BL_E_NONE);
    bl_wire_encode_decision(&rig.request, &rig.outcome, key, 1, BL_WIRE_REPLY_MAX_BYTES,
                            &rig.reply);
    assert_null(memmem(rig.reply.data, rig.reply.len, "marker", 6));
    parse_reply();
    assert_true(bl_json_string(at("decision.sticky_key"), &digest));
    assert_int_equal(digest.len, 16);
    expect_source("decision.metadata",
                  "{\"executed_extensions\":[{\"type\":\"pre\",\"id\":\"x\",\"status\":\"error\"},"
                  "{\"type\":\"validator\",\"id\":\"y\",\"status\":\"warn\"}]}");
}

static void each_dialect_reads_each_error_in_its_words(void **state) {
    (void)state;
    for (int error = 1; error < BL_ERROR_COUNT; error++) {
        const struct bl_error_info *info = bl_error_info((enum bl_error)error);
        for (int dialect = 0; dialect < BL_DIALECT_COUNT; dialect++) {
            bool gateway = dialect == BL_DIALECT_GATEWAY || dialect == BL_DIALECT_CONTRACT;
            const char *code = gateway ? info->gateway_code : info->v1_code;
            rig.request.dialect = (enum bl_dialect)dialect;
            (void)bl_refusal_begin(&rig.refusal, (enum bl_error)error, BL_INTAKE_NONE);
            encode_refusal(NULL);
            expect_source("ok", "false");
            expect_text("error.code", code);
            expect_text("error.message", info->text);
            if (gateway) {
                expect_text("error.intake_error_code", info->symbol);
                expect_text("error.details.code", info->code);
            } else {
                expect_absent("error.intake_error_code");
                if (strcmp(info->code, code) == 0) {
                    expect_absent("error.details");
                } else {
                    expect_text("error.details.code", info->code);
                }
            }
            expect_absent("error.legacy_code");
            expect_text("context.request_id", "r-1");
        }
    }
}

static void an_intake_code_is_always_shown(void **state) {
    (void)state;
    for (int dialect = 0; dialect < BL_DIALECT_COUNT; dialect++) {
        rig.request.dialect = (enum bl_dialect)dialect;
        struct bl_diag *diag =
            bl_refusal_begin(&rig.refusal, BL_E_INVALID_REQUEST, BL_INTAKE_PAYLOAD_TOO_LARGE);
        bl_diag_path(diag, "metadata");
        bl_diag_message(diag, "is too large");
        bl_diag_hint(diag, "send less");
        encode_refusal(NULL);
        expect_text("error.intake_error_code", "PAYLOAD_TOO_LARGE");
        expect_text("error.message", "metadata: is too large; send less");
    }
}

static void limits_tell_when_to_ask_again(void **state) {
    (void)state;
    (void)bl_refusal_begin(&rig.refusal, BL_E_RATE_LIMIT_EXCEEDED, BL_INTAKE_NONE);
    rig.refusal.retry_after_ms = 1250;
    encode_refusal(NULL);
    expect_text("error.code", "rate_limit_exceeded");
    expect_source("error.details", "{\"retry_after_ms\":1250}");
}

static void nobody_left_names_every_candidate(void **state) {
    (void)state;
    rig.request.max_latency_ms = 5;
    rig.request.explain = true;
    assert_int_equal(decide("{'providers':[{'name':'a','weight':1,'expect':{'latency_ms':10}},"
                            "{'name':'b','weight':1,'expect':{'latency_ms':20}}]}"),
                     BL_E_NO_PROVIDER_AVAILABLE);
    encode_refusal(&rig.outcome);
    expect_text("error.code", "decision_failed");
    expect_text("error.details.code", "no_provider_available");
    assert_int_equal(bl_json_count(at("error.details.candidates")), 2);
    struct bl_json first = bl_json_at(at("error.details.candidates"), 0);
    struct bl_str word;
    assert_true(bl_json_string(bl_json_get(first, BL_STR("dropped")), &word));
    assert_true(bl_str_equal_c(word, "constraint_latency"));
    assert_int_equal(bl_json_type(at("explain.candidates")), BL_JSON_ARRAY);
}

/* 128 providers whose ids are as long as they may be and grow when they are escaped. */
static const char *largest_policy(void) {
    static char text[128 * 640];
    struct bl_buf buf;
    bl_buf_init(&buf, text, sizeof(text) - 1);
    bl_buf_literal(&buf, "{\"providers\":[");
    for (int i = 0; i < 128; i++) {
        bl_buf_printf(&buf, "%s{\"weight\":1,\"expect\":{\"latency_ms\":10},\"name\":\"%03d",
                      i == 0 ? "" : ",", i);
        for (int k = 3; k < 255; k++) {
            bl_buf_literal(&buf, "\\\"");
        }
        bl_buf_literal(&buf, "\"}");
    }
    bl_buf_literal(&buf, "]}");
    text[buf.len] = '\0';
    return text;
}

static const char *many_providers(int count) {
    static char text[128 * 80];
    struct bl_buf buf;
    bl_buf_init(&buf, text, sizeof(text) - 1);
    bl_buf_literal(&buf, "{'providers':[");
    for (int i = 0; i < count; i++) {
        bl_buf_printf(&buf, "%s{'weight':1,'expect':{'latency_ms':10},'name':'provider-%03d'}",
                      i == 0 ? "" : ",", i);
    }
    bl_buf_literal(&buf, "]}");
    text[buf.len] = '\0';
    return text;
}

static void nothing_makes_a_reply_too_long(void **state) {
    static char request_id[256], trace_id[128];
    static struct bl_findings findings;
    (void)state;
    assert_true(bl_is_ok(bl_policy_compile(bl_str_from_c(largest_policy()), BL_STR("acme"),
                                           BL_STR("default"), &(struct bl_policy_options){0},
                                           &rig.policy, &findings)));
    assert_true(bl_is_ok(bl_catalog_create(&rig.policy, 1, 1, &rig.catalog)));
    memset(request_id, 1, sizeof(request_id));
    memset(trace_id, 2, sizeof(trace_id));
    rig.request.request_id = (struct bl_str){request_id, sizeof(request_id)};
    rig.request.trace_id = (struct bl_str){trace_id, sizeof(trace_id)};
    rig.request.explain = true;
    assert_int_equal(decide(NULL), BL_E_NONE);
    encode_decision();
    expect_source("explain.truncated", "true");
    struct bl_str echoed;
    assert_true(bl_json_string(at("context.request_id"), &echoed));
    assert_true(bl_str_equal(echoed, rig.request.request_id));

    rig.request.max_latency_ms = 5;
    assert_int_equal(decide(NULL), BL_E_NO_PROVIDER_AVAILABLE);
    encode_refusal(&rig.outcome);
    expect_source("error.details.truncated", "true");
    assert_true(bl_json_count(at("error.details.candidates")) > 50);
    expect_source("explain.truncated", "true");
    assert_true(bl_json_string(at("context.request_id"), &echoed));
    assert_true(bl_str_equal(echoed, rig.request.request_id));
}

static void bytes_that_are_no_text_stay_valid_json(void **state) {
    (void)state;
    rig.request.request_id = BL_STR("r\xff\"\\\n");
    (void)bl_refusal_begin(&rig.refusal, BL_E_INTERNAL, BL_INTAKE_NONE);
    encode_refusal(NULL);
    expect_text("context.request_id", "r\xef\xbf\xbd\"\\\n");
}

/* A smaller way back gets a smaller explanation, down to the mark and to none. */
static void an_explanation_is_cut_to_what_the_way_back_takes(void **state) {
    bool was_cut = false, was_marked = false, was_left_out = false;
    (void)state;
    rig.request.explain = true;
    assert_int_equal(decide(many_providers(60)), BL_E_NONE);
    bl_wire_encode_decision(&rig.request, &rig.outcome, key, 1, BL_WIRE_REPLY_MAX_BYTES,
                            &rig.reply);
    size_t whole = rig.reply.len;
    parse_reply();
    expect_absent("explain.truncated");
    for (size_t max_bytes = whole; max_bytes > 200; max_bytes -= max_bytes > 1500 ? 97 : 7) {
        bl_wire_encode_decision(&rig.request, &rig.outcome, key, 1, max_bytes, &rig.reply);
        size_t len = rig.reply.len;
        parse_reply();
        bool has_explain = bl_json_type(at("explain")) == BL_JSON_OBJECT;
        assert_true(len <= max_bytes || !has_explain);
        if (max_bytes > 3000) {
            assert_true(bl_json_count(at("explain.text")) > 0);
        }
        was_cut = was_cut || bl_json_count(at("explain.candidates")) > 0;
        was_marked = was_marked || (has_explain && bl_json_count(at("explain")) == 1);
        was_left_out = was_left_out || !has_explain;
    }
    assert_true(was_cut && was_marked && was_left_out);

    rig.request.max_latency_ms = 5;
    assert_int_equal(decide(NULL), BL_E_NO_PROVIDER_AVAILABLE);
    bl_wire_encode_refusal(&rig.request, &rig.refusal, &rig.outcome, NULL, 2048, &rig.reply);
    assert_true(rig.reply.len <= 2048);
    parse_reply();
    expect_source("error.details.truncated", "true");
    assert_true(bl_json_count(at("error.details.candidates")) > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_decision_has_what_is_known),
        TEST(unknown_estimates_are_said_to_be),
        TEST(a_last_resort_is_a_fallback),
        TEST(sessions_and_extensions_show_no_value_of_the_request),
        TEST(each_dialect_reads_each_error_in_its_words),
        TEST(an_intake_code_is_always_shown),
        TEST(limits_tell_when_to_ask_again),
        TEST(nobody_left_names_every_candidate),
        TEST(nothing_makes_a_reply_too_long),
        TEST(an_explanation_is_cut_to_what_the_way_back_takes),
        TEST(bytes_that_are_no_text_stay_valid_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
