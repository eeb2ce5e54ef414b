/* What workers get, and what is told of usage and of the end. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "support/policy_fixture.h"
#include "wire/assignment.h"

#define NOW INT64_C(1764000000000)
#define ADMISSION "00ff0000000000000000000000000000"

static const uint8_t key[16] = {1, 2, 3};
static struct bl_arena arena;
static struct bl_life life;
static struct bl_worker_message message;
static char storage[65536];
static struct bl_buf out;

static void add_attempt(const char *provider, enum bl_reason reason) {
    struct bl_attempt *attempt = &life.attempts[life.attempt_count++];
    *attempt = (struct bl_attempt){.provider_id = bl_str_from_c(provider),
                                   .reason = reason,
                                   .fallback = -1,
                                   .error_code = BL_STR_ABSENT,
                                   .latency_ms = -1,
                                   .cost_nano = BL_MONEY_UNKNOWN};
    bl_assignment_id(key, life.admission_id, life.attempt_count, attempt->assignment_id);
}

static int set_up(void **state) {
    (void)state;
    bl_arena_init(&arena, 65536, 1 << 20);
    bl_buf_init(&out, storage, sizeof(storage));
    life = (struct bl_life){
        .admission_id = {0, 255},
        .attempt_time_ms = 7000,
        .tenant_id = BL_STR("acme"),
        .request_id = BL_STR("r"),
        .trace_id = BL_STR("t"),
        .policy_id = BL_STR("p"),
        .policy_version = BL_STR("1.0"),
        .decision = BL_STR("{\"decision_id\":\"d-1\",\"provider_id\":\"a\"}"),
        .request = BL_STR("{\"task\":{\"type\":\"chat\",\"payload\":{\"x\":1}},"
                          "\"options\":{\"temperature\":0.50,\"deadline_ms\":99999999},"
                          "\"metadata\":{\"region\":\"eu\"},\"context\":{\"user_id\":\"u\"}}"),
    };
    add_attempt("a", BL_REASON_WEIGHTED);
    message = (struct bl_worker_message){
        .tenant_id = BL_STR("somebody else"),
        .request_id = BL_STR("another"),
        .assignment_id = BL_STR("forged"),
        .result = {.status = BL_RESULT_SUCCESS, .latency_ms = 1, .cost_nano = 2}};
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    bl_arena_fini(&arena);
    return 0;
}

static void expect_out(const char *quoted) {
    assert_false(out.overflowed);
    if (!bl_str_equal(bl_buf_view(&out), json_text(quoted))) {
        fail_msg("%.*s\nis not\n%.*s", (int)out.len, out.data, BL_STR_ARG(json_text(quoted)));
    }
}

/* --- time of an attempt ---------------------------------------------------------------------- */

static int64_t time_of(const char *options, int64_t expected_ms, int64_t max_ms) {
    return bl_attempt_time_ms(fixture_json(options, &arena), expected_ms, max_ms);
}

static void the_time_follows_the_latency(void **state) {
    (void)state;
    assert_int_equal(time_of("{}", 0, 60000), 5000);
    assert_int_equal(time_of("{}", -1, 60000), 5000);
    assert_int_equal(time_of("{}", 1000, 60000), 5000);
    assert_int_equal(time_of("{}", 1001, 60000), 5005);
    assert_int_equal(time_of("{}", 12000, 60000), 60000);
    assert_int_equal(time_of("{}", 12001, 60000), 60000);
    assert_true(time_of("{}", INT64_MAX, 60000) == 60000);
    assert_int_equal(time_of("{}", 0, 3000), 3000);
    assert_int_equal(bl_attempt_time_ms(BL_JSON_NOTHING, 2000, 60000), 10000);
}

static void the_request_may_say_the_time(void **state) {
    (void)state;
    assert_int_equal(time_of("{'deadline_ms':1}", 2000, 60000), 1);
    assert_int_equal(time_of("{'deadline_ms':60000}", 2000, 60000), 60000);
    assert_int_equal(time_of("{'deadline_ms':60001}", 2000, 60000), 60000);
    assert_int_equal(time_of("{'deadline_ms':9223372036854775807}", 2000, 60000), 60000);
    assert_int_equal(time_of("{'deadline_ms':0}", 2000, 60000), 10000);
    assert_int_equal(time_of("{'deadline_ms':-1}", 2000, 60000), 10000);
    assert_int_equal(time_of("{'deadline_ms':'9'}", 2000, 60000), 10000);
}

/* --- assignments ----------------------------------------------------------------------------- */

static void encode(void) {
    bl_buf_reset(&out);
    assert_true(bl_is_ok(bl_wire_encode_assignment(&life, NOW + 5, &arena, &out)));
}

static void an_assignment_says_what_a_worker_needs(void **state) {
    char expected[2048];
    (void)state;
    encode();
    (void)snprintf(expected, sizeof(expected),
                   "{'version':'1','assignment_id':'%s','admission_id':'" ADMISSION
                   "','request_id':'r',"
                   "'tenant_id':'acme','attempt':1,'expires_at_ms':1764000000005,"
                   "'executor':{'provider_id':'a','channel':'nats'},"
                   "'job':{'type':'chat','payload':{'x':1}},"
                   "'options':{'temperature':0.50,'priority':%d,'deadline_ms':7000,"
                   "'retry':{'max_attempts':1,'backoff_ms':0}},'correlation':{'trace_id':'t'},"
                   "'decision':{'decision_id':'d-1','provider_id':'a'},'metadata':{'region':'eu'}}",
                   life.attempts[0].assignment_id, bl_reason_priority(BL_REASON_WEIGHTED));
    expect_out(expected);
}

static void the_last_attempt_is_assigned(void **state) {
    (void)state;
    add_attempt("b", BL_REASON_FALLBACK);
    encode();
    storage[out.len] = '\0';
    assert_non_null(strstr(storage, life.attempts[1].assignment_id));
    assert_null(strstr(storage, life.attempts[0].assignment_id));
    assert_non_null(strstr(storage, "\"attempt\":2,"));
    assert_non_null(strstr(storage, "\"executor\":{\"provider_id\":\"b\""));
    assert_non_null(strstr(storage, "\"priority\":25,"));
}

static void the_request_says_priority_and_retries(void **state) {
    (void)state;
    life.request =
        json_text("{'task':{'type':'x'},'options':{'priority':7,'retry':{'max_attempts':3}}}");
    life.trace_id = BL_STR_ABSENT;
    encode();
    storage[out.len] = '\0';
    assert_non_null(strstr(storage, "\"options\":{\"priority\":7,\"retry\":{\"max_attempts\":3},"
                                    "\"deadline_ms\":7000},\"correlation\":{}"));
    assert_null(strstr(storage, "metadata"));
}

static void a_damaged_request_is_refused(void **state) {
    (void)state;
    life.request = BL_STR("{\"task\":");
    assert_int_equal(bl_wire_encode_assignment(&life, NOW, &arena, &out).error,
                     BL_E_INVALID_REQUEST);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    encode();
    size_t len = out.len;
    bl_buf_init(&out, storage, len);
    assert_true(bl_is_ok(bl_wire_encode_assignment(&life, NOW + 5, &arena, &out)));
    bl_buf_init(&out, storage, len - 1);
    assert_int_equal(bl_wire_encode_assignment(&life, NOW + 5, &arena, &out).error,
                     BL_E_RESOURCE_EXHAUSTED);
}

/* --- usage ----------------------------------------------------------------------------------- */

static void usage_names_come_from_the_life(void **state) {
    char expected[1024];
    (void)state;
    life.attempts[0].latency_ms = 12;
    life.attempts[0].cost_nano = BL_NANO_PER_UNIT / 4;
    message.tokens = BL_STR("{\"in\":3}");
    bl_wire_encode_usage(&life, 0, false, &message, NOW, &out);
    (void)snprintf(expected, sizeof(expected),
                   "{'version':'1','tenant_id':'acme','provider_id':'a',"
                   "'event_type':'execution','latency_ms':12,'cost':0.25,"
                   "'cost_status':'reported','currency':'USD','tokens':{'in':3},"
                   "'status':'success','trace_id':'t','timestamp':1764000000000,"
                   "'assignment_id':'%s','admission_id':'" ADMISSION "',"
                   "'decision_id':'d-1','request_id':'r','attempt':1,'policy_id':'p',"
                   "'policy_version':'1.0'}",
                   life.attempts[0].assignment_id);
    expect_out(expected);
}

static void usage_says_what_is_not_known(void **state) {
    char expected[1024];
    (void)state;
    add_attempt("b", BL_REASON_FALLBACK);
    life.trace_id = BL_STR_ABSENT;
    life.decision = BL_STR("{}");
    message.cost_is_absurd = true;
    message.tokens = BL_STR_ABSENT;
    message.result.status = BL_RESULT_TIMEOUT;
    bl_wire_encode_usage(&life, 1, true, &message, NOW, &out);
    (void)snprintf(expected, sizeof(expected),
                   "{'version':'1','tenant_id':'acme','provider_id':'b',"
                   "'event_type':'execution','cost_status':'rejected','currency':'USD',"
                   "'status':'timeout','timestamp':1764000000000,'assignment_id':'%s',"
                   "'admission_id':'" ADMISSION "','request_id':'r','attempt':2,"
                   "'policy_id':'p','policy_version':'1.0','late':true}",
                   life.attempts[1].assignment_id);
    expect_out(expected);
    bl_buf_reset(&out);
    message.cost_is_absurd = false;
    bl_wire_encode_usage(&life, 0, false, &message, NOW, &out);
    storage[out.len] = '\0';
    assert_non_null(strstr(storage, "\"cost_status\":\"unknown\""));
    assert_null(strstr(storage, "\"cost\":"));
}

/* --- the end --------------------------------------------------------------------------------- */

static void the_end_is_told(void **state) {
    (void)state;
    add_attempt("b", BL_REASON_FALLBACK);
    life.attempts[1].cost_nano = 5 * BL_NANO_PER_UNIT;
    life.state = BL_LIFE_DONE;
    life.result = BL_STR("{\"status\":\"success\"}");
    bl_wire_encode_completion(&life, &out);
    expect_out("{'version':'1','request_id':'r','admission_id':'" ADMISSION "',"
               "'tenant_id':'acme','state':'done','provider_id':'b','attempts':2,'cost':5,"
               "'result':{'status':'success'}}");
    life.attempts[1].cost_nano = BL_MONEY_UNKNOWN;
    life.state = BL_LIFE_CANCELLED;
    life.result = BL_STR_ABSENT;
    bl_buf_reset(&out);
    bl_wire_encode_completion(&life, &out);
    expect_out("{'version':'1','request_id':'r','admission_id':'" ADMISSION "',"
               "'tenant_id':'acme','state':'cancelled','provider_id':'b','attempts':2}");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_time_follows_the_latency),           TEST(the_request_may_say_the_time),
        TEST(an_assignment_says_what_a_worker_needs), TEST(the_last_attempt_is_assigned),
        TEST(the_request_says_priority_and_retries),  TEST(a_damaged_request_is_refused),
        TEST(what_does_not_fit_is_refused),           TEST(usage_names_come_from_the_life),
        TEST(usage_says_what_is_not_known),           TEST(the_end_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
