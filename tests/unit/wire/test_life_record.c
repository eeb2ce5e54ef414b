/* What is written is read back; what is damaged is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "support/policy_fixture.h"
#include "wire/life_record.h"

#define NOW INT64_C(1764000000000)

static const uint8_t key[16] = {1, 2, 3};
static struct bl_arena arena;
static struct bl_life life;
static struct bl_diag diag;
static char storage[65536];

static void add_attempt(const char *provider, enum bl_attempt_status status) {
    struct bl_attempt *attempt = &life.attempts[life.attempt_count++];
    *attempt = (struct bl_attempt){.provider_id = bl_str_from_c(provider),
                                   .reason = BL_REASON_WEIGHTED,
                                   .fallback = -1,
                                   .status = status,
                                   .error_code = BL_STR_ABSENT,
                                   .latency_ms = -1,
                                   .cost_nano = BL_MONEY_UNKNOWN};
    bl_assignment_id(key, life.admission_id, life.attempt_count, attempt->assignment_id);
}

/* The least that a record has: the rest is absent. */
static int set_up(void **state) {
    (void)state;
    bl_arena_init(&arena, 65536, 8 << 20);
    bl_diag_clear(&diag);
    life = (struct bl_life){.admission_id = {0, 255, 16, 1},
                            .created_ms = NOW,
                            .updated_ms = NOW + 1,
                            .ends_at_ms = NOW + 60000,
                            .tenant_id = BL_STR("acme"),
                            .request_id = BL_STR("r \"1\"\n"),
                            .decision = BL_STR("{\"provider_id\":\"a\"}"),
                            .request = BL_STR("{\"task\":{}}")};
    add_attempt("a", BL_ATTEMPT_PENDING);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    bl_arena_fini(&arena);
    return 0;
}

static struct bl_str write_record(void) {
    struct bl_buf buf;
    bl_buf_init(&buf, storage, sizeof(storage));
    bl_life_record_write(&life, &buf);
    assert_false(buf.overflowed);
    return bl_buf_view(&buf);
}

static void same_text(struct bl_str a, struct bl_str b) {
    assert_int_equal(bl_str_is_present(a), bl_str_is_present(b));
    assert_true(bl_str_equal(a, b));
}

static void same_attempt(const struct bl_attempt *a, const struct bl_attempt *b) {
    same_text(a->provider_id, b->provider_id);
    assert_string_equal(a->assignment_id, b->assignment_id);
    assert_int_equal(a->reason, b->reason);
    assert_int_equal(a->fallback, b->fallback);
    assert_int_equal(a->status, b->status);
    same_text(a->error_code, b->error_code);
    assert_true(a->latency_ms == b->latency_ms);
    assert_true(a->cost_nano == b->cost_nano);
    assert_int_equal(a->is_metered, b->is_metered);
    assert_true(a->result_digest == b->result_digest);
}

/* Written, read and compared. */
static void expect_lossless(void) {
    struct bl_life read;
    assert_true(bl_is_ok(bl_life_record_read(write_record(), &arena, &read, &diag)));
    assert_memory_equal(read.admission_id, life.admission_id, 16);
    assert_int_equal(read.state, life.state);
    assert_true(read.created_ms == life.created_ms && read.updated_ms == life.updated_ms);
    assert_true(read.not_before_ms == life.not_before_ms && read.ends_at_ms == life.ends_at_ms);
    assert_true(read.attempt_time_ms == life.attempt_time_ms);
    same_text(read.owner, life.owner);
    same_text(read.tenant_id, life.tenant_id);
    same_text(read.request_id, life.request_id);
    same_text(read.message_id, life.message_id);
    same_text(read.trace_id, life.trace_id);
    same_text(read.policy_id, life.policy_id);
    same_text(read.policy_version, life.policy_version);
    same_text(read.decision, life.decision);
    same_text(read.request, life.request);
    same_text(read.subject, life.subject);
    same_text(read.notify, life.notify);
    same_text(read.result, life.result);
    assert_int_equal(read.attempt_count, life.attempt_count);
    for (unsigned i = 0; i < life.attempt_count; i++) {
        same_attempt(&read.attempts[i], &life.attempts[i]);
    }
}

static void fill(void) {
    life.owner = BL_STR("router-1");
    life.not_before_ms = NOW + 500;
    life.attempt_time_ms = 5000;
    life.message_id = BL_STR("m");
    life.trace_id = BL_STR("t");
    life.policy_id = BL_STR("p\xc3\xa4");
    life.policy_version = BL_STR("1.0@abcdef");
    life.subject = BL_STR("my.assignments");
    life.notify = BL_STR("_INBOX.x");
    life.result = BL_STR("{\"payload\":[1,2.50,\"x\"]}");
    life.attempts[0].status = BL_ATTEMPT_ERROR;
    life.attempts[0].error_code = BL_STR("503");
    life.attempts[0].latency_ms = 0;
    life.attempts[0].cost_nano = 0;
    life.attempts[0].is_metered = true;
    life.attempts[0].result_digest = 7;
    add_attempt("b", BL_ATTEMPT_PENDING);
    life.attempts[1].reason = BL_REASON_FALLBACK;
    life.attempts[1].fallback = BL_POLICY_MAX_FALLBACKS - 1;
}

static void records_are_read_as_they_were_written(void **state) {
    (void)state;
    expect_lossless();
    fill();
    for (int i = 0; i < BL_LIFE_STATE_COUNT; i++) {
        life.state = (enum bl_life_state)i;
        expect_lossless();
    }
    for (int i = 0; i < BL_ATTEMPT_STATUS_COUNT; i++) {
        life.attempts[1].status = (enum bl_attempt_status)i;
        expect_lossless();
    }
    for (int i = 0; i < BL_REASON_COUNT; i++) {
        life.attempts[1].reason = (enum bl_reason)i;
        expect_lossless();
    }
    while (life.attempt_count < BL_ATTEMPTS_MAX) {
        add_attempt("c", BL_ATTEMPT_PENDING);
    }
    expect_lossless();
}

static void digests_of_all_sizes_are_kept(void **state) {
    static const uint64_t digests[] = {0,
                                       1,
                                       INT64_MAX,
                                       (uint64_t)INT64_MAX + 1,
                                       UINT64_MAX,
                                       UINT64_MAX - 1,
                                       UINT64_C(1) << 53 | 1};
    (void)state;
    life.attempts[0].is_metered = true;
    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
        life.attempts[0].result_digest = digests[i];
        expect_lossless();
    }
}

/* --- what is refused ------------------------------------------------------------------------- */

static void refuse(struct bl_str text, const char *because) {
    struct bl_life read;
    bl_diag_clear(&diag);
    bl_arena_reset(&arena);
    bl_result result = bl_life_record_read(text, &arena, &read, &diag);
    if (bl_is_ok(result)) {
        fail_msg("was read: %.*s", BL_STR_ARG(text));
    }
    assert_int_equal(result.error, BL_E_INVALID_REQUEST);
    assert_string_not_equal(diag.message, "");
    if (strstr(diag.message, because) == NULL) {
        fail_msg("not for %s, but: %s", because, diag.message);
    }
}

static void records_that_are_cut_are_refused(void **state) {
    (void)state;
    fill();
    struct bl_str whole = write_record();
    for (size_t len = 0; len < whole.len; len++) {
        refuse((struct bl_str){whole.data, len}, "");
    }
}

/* The record with the first `from` as `to`. */
static void refuse_with(const char *from, const char *to, const char *because) {
    static char changed[65536];
    struct bl_str whole = write_record();
    storage[whole.len] = '\0';
    const char *at = strstr(storage, json_text(from).data);
    if (at == NULL) {
        fail_msg("%s is not in %s", from, storage);
    }
    int len = snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - storage), storage,
                       json_text(to).data, at + strlen(from));
    refuse((struct bl_str){changed, (size_t)len}, because);
}

static void damaged_members_are_refused(void **state) {
    (void)state;
    fill();
    refuse_with("'version':1,", "'version':2,", "version");
    refuse_with("'version':1,", "", "version");
    refuse_with("'state':'working'", "'state':'Working'", "state");
    refuse_with("'state':'working'", "'state':1", "state");
    refuse_with("'state':'working',", "", "state");
    refuse_with("'tenant_id':'acme'", "'tenant_id':1", "tenant_id");
    refuse_with("'tenant_id':'acme',", "", "tenant_id");
    refuse_with("'request_id'", "'request'", "");
    refuse_with("'decision'", "'decided'", "decision");
    refuse_with("'request':{", "'requested':{", "request");
    refuse_with("'ends_at_ms':1", "'ends_at_ms':-1", "ends_at_ms");
    refuse_with("'ends_at_ms'", "'ends_at'", "ends_at_ms");
    refuse_with("'attempt_time_ms':5000", "'attempt_time_ms':'5000'", "ends_at_ms");
    refuse_with("'attempts':[{", "'attempts':[1,{", "attempts");
    refuse_with("'attempts'", "'attempt'", "attempts");
    refuse_with("'provider_id':'a','assignment_id'", "'assignment_id'", "attempts");
    refuse_with("'provider_id':'a','a", "'provider_id':null,'a", "attempts");
    refuse_with("'assignment_id':'", "'assignment_id':'x", "attempts");
    refuse_with("'status':'error'", "'status':'errors'", "attempts");
    refuse_with("'fallback':-1", "'fallback':-2", "attempts");
    refuse_with("'fallback':63", "'fallback':64", "attempts");
    refuse_with("'fallback':63", "'fallback':65599", "attempts");
    refuse_with("'reason':", "'reason':-", "attempts");
    refuse_with("'reason':", "'reason':99", "attempts");
}

static void a_digest_that_is_none_is_refused(void **state) {
    (void)state;
    fill();
    refuse_with("'metered':7", "'metered':'7'", "attempts");
    refuse_with("'metered':7", "'metered':-7", "attempts");
    refuse_with("'metered':7", "'metered':7.5", "attempts");
    refuse_with("'metered':7", "'metered':null", "attempts");
    refuse_with("'metered':7", "'metered':true", "attempts");
}

static void an_admission_id_is_of_32_digits(void **state) {
    static const char *const bad[] = {"0x", "+1", "-1", " 1", "0g", "g0", "", "000"};
    char to[64];
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void)snprintf(to, sizeof(to), "'admission_id':'%s", bad[i]);
        refuse_with("'admission_id':'00", to, "admission_id");
    }
    refuse_with("'admission_id'", "'admission'", "admission_id");
}

static void too_many_attempts_are_refused(void **state) {
    (void)state;
    while (life.attempt_count < BL_ATTEMPTS_MAX) {
        add_attempt("c", BL_ATTEMPT_PENDING);
    }
    refuse_with("'attempts':[{",
                "'attempts':[{'provider_id':'a','assignment_id':"
                "'000000000000000000000000000000000000','reason':1,'fallback':-1,"
                "'status':'error'},{",
                "attempts");
    life.attempt_count = 0;
    refuse(write_record(), "attempts");
}

static void what_is_no_object_is_refused(void **state) {
    (void)state;
    refuse(BL_STR(""), "");
    refuse(BL_STR("[]"), "version");
    refuse(BL_STR("{}"), "version");
    refuse(BL_STR("null"), "version");
}

static void memory_may_run_out(void **state) {
    struct bl_life read;
    bool was_refused = false;
    (void)state;
    fill();
    struct bl_str whole = write_record();
    for (size_t cap = 256; cap < 16384; cap += 32) {
        struct bl_arena small;
        bl_arena_init(&small, 256, cap);
        bl_result result = bl_life_record_read(whole, &small, &read, &diag);
        assert_true(bl_is_ok(result) || result.error == BL_E_RESOURCE_EXHAUSTED);
        was_refused = was_refused || bl_is_error(result);
        bl_arena_fini(&small);
    }
    assert_true(was_refused);
}

static void what_does_not_fit_overflows(void **state) {
    struct bl_buf buf;
    size_t len = write_record().len;
    (void)state;
    bl_buf_init(&buf, storage, len);
    bl_life_record_write(&life, &buf);
    assert_false(buf.overflowed);
    bl_buf_init(&buf, storage, len - 1);
    bl_life_record_write(&life, &buf);
    assert_true(buf.overflowed);
}

/* --- the request that is kept ---------------------------------------------------------------- */

static struct bl_str store(const struct bl_request *request) {
    struct bl_json_writer writer;
    struct bl_buf buf;
    bl_buf_init(&buf, storage, sizeof(storage));
    bl_json_writer_init(&writer, &buf);
    bl_wire_write_stored_request(request, BL_STR("acme"), &writer);
    assert_true(bl_json_writer_ok(&writer));
    return bl_buf_view(&buf);
}

static void expect_stored(const struct bl_request *request, const char *quoted) {
    struct bl_str found = store(request);
    if (!bl_str_equal(found, json_text(quoted))) {
        fail_msg("%.*s", BL_STR_ARG(found));
    }
}

static void requests_are_kept_in_their_canonical_form(void **state) {
    struct bl_request request;
    (void)state;
    bl_request_init(&request);
    request.request_id = BL_STR("r");
    expect_stored(&request, "{'request_id':'r','tenant_id':'acme','task':{'type':'unknown'},"
                            "'metadata':{},'context':{}}");
    request.tenant_id = BL_STR("what the body says");
    request.trace_id = BL_STR("t");
    request.policy_id = BL_STR("p");
    request.run_id = BL_STR("run");
    request.flow_id = BL_STR("flow");
    request.step_id = BL_STR("step");
    request.task_type = BL_STR("chat");
    request.payload = fixture_json("{'x':[1]}", &arena);
    request.payload_ref = BL_STR("s3://x");
    request.constraints = fixture_json("{'max_latency_ms':5}", &arena);
    request.options = fixture_json("{'priority':1}", &arena);
    expect_stored(&request,
                  "{'request_id':'r','tenant_id':'acme','trace_id':'t','policy_id':'p',"
                  "'run_id':'run','flow_id':'flow','step_id':'step','task':{'type':'chat',"
                  "'payload_ref':'s3://x','payload':{'x':[1]}},'constraints':{'max_latency_ms':5},"
                  "'options':{'priority':1},'metadata':{},'context':{}}");
}

static void both_places_of_metadata_become_one(void **state) {
    struct bl_request request;
    (void)state;
    bl_request_init(&request);
    request.request_id = BL_STR("r");
    request.metadata = fixture_json("{'a':1,'b':null}", &arena);
    request.message_metadata = fixture_json("{'a':2,'b':3,'c':4}", &arena);
    expect_stored(&request, "{'request_id':'r','tenant_id':'acme','task':{'type':'unknown'},"
                            "'metadata':{'a':1,'b':null,'c':4},'context':{}}");
}

static void the_user_of_the_header_is_in_the_context(void **state) {
    struct bl_request request;
    (void)state;
    bl_request_init(&request);
    request.request_id = BL_STR("r");
    request.context = fixture_json("{'user_id':'body','x':1}", &arena);
    expect_stored(&request, "{'request_id':'r','tenant_id':'acme','task':{'type':'unknown'},"
                            "'metadata':{},'context':{'user_id':'body','x':1}}");
    request.user_id = BL_STR("header");
    expect_stored(&request, "{'request_id':'r','tenant_id':'acme','task':{'type':'unknown'},"
                            "'metadata':{},'context':{'x':1,'user_id':'header'}}");
}

static void credentials_are_not_kept(void **state) {
    struct bl_request request;
    (void)state;
    bl_request_init(&request);
    request.request_id = BL_STR("r");
    request.api_key = BL_STR("sesame");
    request.idempotency_key = BL_STR("only once");
    request.task = fixture_json("{'type':'x','api_key':'sesame'}", &arena);
    struct bl_str found = store(&request);
    storage[found.len] = '\0';
    assert_null(strstr(storage, "sesame"));
    assert_null(strstr(storage, "only once"));
}

/* --- what callers see ------------------------------------------------------------------------ */

static void life_cycles_are_told(void **state) {
    struct bl_json_writer writer;
    struct bl_buf buf;
    char expected[2048];
    (void)state;
    fill();
    life.attempts[0].cost_nano = BL_NANO_PER_UNIT / 4;
    life.owner = BL_STR("not told");
    bl_buf_init(&buf, storage, sizeof(storage));
    bl_json_writer_init(&writer, &buf);
    bl_json_write_object_begin(&writer);
    bl_wire_write_life_cycle(&life, &writer);
    bl_json_write_object_end(&writer);
    (void)snprintf(expected, sizeof(expected),
                   "{'decision':{'provider_id':'a'},'life_cycle':{'state':'working','attempts':["
                   "{'n':1,'provider_id':'a','assignment_id':'%s','reason':'%s',"
                   "'status':'error','error_code':'503','latency_ms':0,'cost':0.25},"
                   "{'n':2,'provider_id':'b','assignment_id':'%s','reason':'fallback',"
                   "'status':'pending'}],'created_at_ms':1764000000000,"
                   "'updated_at_ms':1764000000001},'result':{'payload':[1,2.50,'x']}}",
                   life.attempts[0].assignment_id, bl_reason_word(BL_REASON_WEIGHTED),
                   life.attempts[1].assignment_id);
    if (!bl_str_equal(bl_buf_view(&buf), json_text(expected))) {
        fail_msg("%.*s", (int)buf.len, buf.data);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(records_are_read_as_they_were_written),
        TEST(digests_of_all_sizes_are_kept),
        TEST(records_that_are_cut_are_refused),
        TEST(damaged_members_are_refused),
        TEST(a_digest_that_is_none_is_refused),
        TEST(an_admission_id_is_of_32_digits),
        TEST(too_many_attempts_are_refused),
        TEST(what_is_no_object_is_refused),
        TEST(memory_may_run_out),
        TEST(what_does_not_fit_overflows),
        TEST(requests_are_kept_in_their_canonical_form),
        TEST(both_places_of_metadata_become_one),
        TEST(the_user_of_the_header_is_in_the_context),
        TEST(credentials_are_not_kept),
        TEST(life_cycles_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
