#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "flow/decide.h"
#include "support/policy_fixture.h"

#define NOW_NS (INT64_C(1764000000) * 1000000000)

static const char sticky_text[] =
    "{'providers':[{'name':'a','weight':50,'expect':{'latency_ms':100}},"
    "{'name':'b','weight':50,'expect':{'latency_ms':900}},{'name':'c','weight':50}],"
    "'rules':[{'when':{'metadata.only':'a'},'allow':['a']},"
    "{'when':{'metadata.only':'b'},'allow':['b']},{'when':{'metadata.only':'c'},'allow':['c']}],"
    "'sticky':{'enabled':true,'session_key':'user_id','ttl':'10m'}}";

struct rig {
    struct bl_policy *policy;
    struct bl_catalog *catalog;
    struct bl_pins *pins;
    struct bl_flow flow;
    struct bl_arena arena;
    struct bl_request request;
    struct bl_outcome outcome;
    struct bl_refusal refusal;
    struct bl_flow_moment moment;
};

static struct rig rig;

static int set_up_with(const char *policy_text) {
    memset(&rig, 0, sizeof(rig));
    rig.policy = fixture_policy("acme", "default", policy_text);
    assert_true(bl_is_ok(bl_catalog_create(&rig.policy, 1, 1, &rig.catalog)));
    assert_true(bl_is_ok(bl_pins_create(64, &rig.pins)));
    rig.flow = (struct bl_flow){.catalog = rig.catalog, .pins = rig.pins, .key = {9}};
    rig.moment = (struct bl_flow_moment){.now_ns = NOW_NS, .admission_id = {1}};
    bl_arena_init(&rig.arena, 4096, 1 << 20);
    bl_request_init(&rig.request);
    rig.request.request_id = BL_STR("r-1");
    rig.request.payload = fixture_json("{'n':1}", &rig.arena);
    return 0;
}

static int set_up(void **state) {
    (void)state;
    return set_up_with(sticky_text);
}

static int set_up_plain(void **state) {
    (void)state;
    return set_up_with("{'providers':[{'name':'a','weight':1,'expect':{'latency_ms':100}}],"
                       "'post':[{'id':'late','mode':'required','when':{'metadata.late':true}}]}");
}

static int tear_down(void **state) {
    (void)state;
    bl_catalog_destroy(rig.catalog);
    bl_policy_unref(rig.policy);
    bl_pins_destroy(rig.pins);
    bl_arena_fini(&rig.arena);
    return 0;
}

static enum bl_error decide(void) {
    bl_result result = bl_flow_decide(&rig.flow, &rig.request, BL_STR("acme"), &rig.moment,
                                      &rig.arena, &rig.outcome, &rig.refusal);
    if (bl_is_error(result)) {
        assert_int_equal(rig.refusal.error, result.error);
    }
    return result.error;
}

static const char *chosen(void) {
    static char id[16];
    struct bl_str text = rig.policy->providers[rig.outcome.decision.provider].id;
    memcpy(id, text.data, text.len);
    id[text.len] = '\0';
    return id;
}

static void set_metadata(const char *text) {
    rig.request.metadata = fixture_json(text, &rig.arena);
}

static size_t pin_count(void) {
    return bl_pins_stats(rig.pins).live;
}

/* A provider that rendezvous hashing does not give this session, named so that a rule allows it
 * alone. */
static const char *metadata_for_another(void) {
    assert_int_equal(decide(), BL_E_NONE);
    return strcmp(chosen(), "a") == 0 ? "{'only':'b'}" : "{'only':'a'}";
}

static void a_request_is_decided(void **state) {
    (void)state;
    assert_int_equal(decide(), BL_E_NONE);
    assert_true(rig.outcome.decided);
    assert_ptr_equal(rig.outcome.policy, rig.policy);
    assert_true(bl_str_equal_c(rig.outcome.tenant_id, "acme"));
    assert_false(rig.outcome.has_sticky_key);
    assert_int_equal(rig.outcome.input.attempt, 1);
    assert_true(rig.outcome.input.now_ns == NOW_NS);
}

static void the_admission_id_steers_the_draw_and_nothing_else_does(void **state) {
    int seen[3] = {0};
    (void)state;
    for (int i = 0; i < 200; i++) {
        rig.moment.admission_id[1] = (uint8_t)i;
        assert_int_equal(decide(), BL_E_NONE);
        bl_provider_index first = rig.outcome.decision.provider;
        seen[first]++;
        rig.request.request_id = i % 2 == 0 ? BL_STR("x") : BL_STR("y");
        rig.moment.now_ns++;
        assert_int_equal(decide(), BL_E_NONE);
        assert_int_equal(rig.outcome.decision.provider, first);
    }
    assert_true(seen[0] > 20 && seen[1] > 20 && seen[2] > 20);
}

static void an_unknown_policy_is_named_with_its_tenant(void **state) {
    (void)state;
    rig.request.policy_id = BL_STR("gold");
    assert_int_equal(decide(), BL_E_POLICY_NOT_FOUND);
    assert_non_null(strstr(rig.refusal.diag.message, "\"acme\""));
    assert_non_null(strstr(rig.refusal.diag.message, "\"gold\""));
    assert_null(strstr(rig.refusal.diag.message, "default"));
    assert_null(strstr(rig.refusal.diag.hint, "default"));
    assert_false(rig.outcome.decided);
    assert_null(rig.outcome.policy);
}

static void what_needs_a_store_is_refused(void **state) {
    (void)state;
    rig.request.push_assignment = true;
    assert_int_equal(decide(), BL_E_UNAVAILABLE);
    assert_true(rig.refusal.retry_after_ms > 0);
    assert_non_null(strstr(rig.refusal.diag.message, "durable store"));
    assert_string_equal(rig.refusal.diag.path, "push_assignment");
    rig.request.push_assignment = false;
    rig.request.idempotency_key = BL_STR("k");
    assert_int_equal(decide(), BL_E_UNAVAILABLE);
    assert_string_equal(rig.refusal.diag.path, "idempotency_key");
    rig.request.push_assignment = true;
    rig.request.dry_run = true;
    assert_int_equal(decide(), BL_E_NONE);
}

static void payloads_below_the_minimum_are_refused(void **state) {
    (void)state;
    assert_int_equal(bl_json_source(rig.request.payload).len, 7);
    rig.flow.min_payload_bytes = 7;
    assert_int_equal(decide(), BL_E_NONE);
    rig.flow.min_payload_bytes = 8;
    assert_int_equal(decide(), BL_E_INVALID_REQUEST);
    assert_int_equal(rig.refusal.intake_code, BL_INTAKE_PAYLOAD_TOO_SMALL);
    rig.request.payload_ref = BL_STR("s3://k");
    assert_int_equal(decide(), BL_E_NONE);
}

static void nobody_left_is_said_with_every_reason(void **state) {
    (void)state;
    rig.request.max_latency_ms = 99;
    assert_int_equal(decide(), BL_E_NO_PROVIDER_AVAILABLE);
    assert_true(rig.outcome.decided);
    assert_int_equal(rig.outcome.decision.provider, BL_PROVIDER_NONE);
    assert_int_equal(rig.outcome.decision.drops[0], BL_DROP_CONSTRAINT_LATENCY);
    rig.request.max_latency_ms = 100;
    assert_int_equal(decide(), BL_E_NONE);
}

static void a_failing_last_step_leaves_no_decision_behind(void **state) {
    (void)state;
    set_metadata("{'late':true}");
    assert_int_equal(decide(), BL_E_EXTENSION_NOT_FOUND);
    assert_int_equal(pin_count(), 0);
    set_metadata("{'late':false}");
    assert_int_equal(decide(), BL_E_NONE);
}

static void a_session_keeps_its_provider_without_a_pin(void **state) {
    (void)state;
    rig.request.context = fixture_json("{'user_id':'u'}", &rig.arena);
    assert_int_equal(decide(), BL_E_NONE);
    bl_provider_index first = rig.outcome.decision.provider;
    assert_true(rig.outcome.has_sticky_key);
    assert_true(rig.outcome.sticky_key == rig.outcome.input.session[0]);
    for (int i = 0; i < 50; i++) {
        rig.moment.admission_id[2] = (uint8_t)i;
        assert_int_equal(decide(), BL_E_NONE);
        assert_int_equal(rig.outcome.decision.provider, first);
    }
    assert_int_equal(pin_count(), 0);
}

static void another_choice_than_rendezvous_is_pinned(void **state) {
    (void)state;
    rig.request.context = fixture_json("{'user_id':'u'}", &rig.arena);
    const char *elsewhere = metadata_for_another();
    set_metadata(elsewhere);
    assert_int_equal(decide(), BL_E_NONE);
    bl_provider_index other = rig.outcome.decision.provider;
    assert_int_equal(pin_count(), 1);
    rig.request.metadata = BL_JSON_NOTHING;
    assert_int_equal(decide(), BL_E_NONE);
    assert_int_equal(rig.outcome.decision.provider, other);
    assert_int_equal(rig.outcome.decision.reason, BL_REASON_STICKY);
    rig.moment.now_ns += INT64_C(3600) * 1000000000;
    assert_int_equal(decide(), BL_E_NONE);
    assert_int_not_equal(rig.outcome.decision.reason, BL_REASON_STICKY);
}

static void a_dry_run_pins_nothing(void **state) {
    (void)state;
    rig.request.context = fixture_json("{'user_id':'u'}", &rig.arena);
    set_metadata(metadata_for_another());
    rig.request.dry_run = true;
    assert_int_equal(decide(), BL_E_NONE);
    assert_int_not_equal(rig.outcome.decision.pin_action, BL_PIN_NONE);
    assert_int_equal(pin_count(), 0);
}

static void without_a_table_there_are_no_pins(void **state) {
    (void)state;
    rig.request.context = fixture_json("{'user_id':'u'}", &rig.arena);
    const char *elsewhere = metadata_for_another();
    bl_provider_index first = rig.outcome.decision.provider;
    rig.flow.pins = NULL;
    set_metadata(elsewhere);
    assert_int_equal(decide(), BL_E_NONE);
    rig.request.metadata = BL_JSON_NOTHING;
    assert_int_equal(decide(), BL_E_NONE);
    assert_int_equal(rig.outcome.decision.provider, first);
}

static void a_tag_that_two_providers_share_is_no_pin(void **state) {
    struct bl_provider *providers = (struct bl_provider *)(uintptr_t)rig.policy->providers;
    uint64_t hashes[3];
    (void)state;
    rig.request.context = fixture_json("{'user_id':'u'}", &rig.arena);
    set_metadata(metadata_for_another());
    bl_provider_index first = rig.outcome.decision.provider;
    assert_int_equal(decide(), BL_E_NONE);
    bl_provider_index pinned = rig.outcome.decision.provider;
    rig.request.metadata = BL_JSON_NOTHING;
    assert_int_equal(decide(), BL_E_NONE);
    assert_int_equal(rig.outcome.input.pin, pinned);

    /* Now the low halves of two ids collide; their high halves still differ. */
    for (int i = 0; i < 3; i++) {
        hashes[i] = providers[i].id_hash;
    }
    bl_provider_index third = (bl_provider_index)(3 - first - pinned);
    providers[third].id_hash = (hashes[third] & ~UINT64_C(0xffffffff)) | (uint32_t)hashes[pinned];
    assert_int_equal(decide(), BL_E_NONE);
    assert_int_equal(rig.outcome.input.pin, BL_PROVIDER_NONE);
    assert_int_not_equal(rig.outcome.decision.reason, BL_REASON_STICKY);
    providers[third].id_hash = hashes[third];
}

static void a_full_arena_is_a_refusal(void **state) {
    struct bl_arena small;
    (void)state;
    bl_arena_init(&small, 256, 256);
    while (bl_arena_alloc(&small, 16) != NULL) {
    }
    bl_result result = bl_flow_decide(&rig.flow, &rig.request, BL_STR("acme"), &rig.moment, &small,
                                      &rig.outcome, &rig.refusal);
    assert_int_equal(result.error, BL_E_RESOURCE_EXHAUSTED);
    assert_int_equal(rig.refusal.error, BL_E_RESOURCE_EXHAUSTED);
    bl_arena_fini(&small);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_decided),
        TEST(the_admission_id_steers_the_draw_and_nothing_else_does),
        TEST(an_unknown_policy_is_named_with_its_tenant),
        TEST(what_needs_a_store_is_refused),
        TEST(payloads_below_the_minimum_are_refused),
        cmocka_unit_test_setup_teardown(nobody_left_is_said_with_every_reason, set_up_plain,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_failing_last_step_leaves_no_decision_behind, set_up_plain,
                                        tear_down),
        TEST(a_session_keeps_its_provider_without_a_pin),
        TEST(another_choice_than_rendezvous_is_pinned),
        TEST(a_dry_run_pins_nothing),
        TEST(without_a_table_there_are_no_pins),
        TEST(a_tag_that_two_providers_share_is_no_pin),
        TEST(a_full_arena_is_a_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
