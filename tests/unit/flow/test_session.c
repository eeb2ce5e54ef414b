#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "flow/decide.h"
#include "support/policy_fixture.h"

static const uint8_t key[16] = {1, 2, 3};
static const uint8_t other_key[16] = {1, 2, 4};

struct rig {
    struct bl_policy *sticky;
    struct bl_policy *plain;
    struct bl_policy *other;
    struct bl_arena arena;
    struct bl_request request;
};

static struct rig rig;

static int set_up(void **state) {
    static const char providers[] = "{'providers':[{'name':'p','weight':1}]}";
    static const char with_sessions[] =
        "{'providers':[{'name':'p','weight':1}],"
        "'sticky':{'enabled':true,'session_key':'user_id','ttl':'10m'}}";
    (void)state;
    rig = (struct rig){.sticky = fixture_policy("acme", "default", with_sessions),
                       .plain = fixture_policy("acme", "default", providers),
                       .other = fixture_policy("acme", "other", with_sessions)};
    bl_arena_init(&rig.arena, 4096, 1 << 20);
    bl_request_init(&rig.request);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    bl_policy_unref(rig.sticky);
    bl_policy_unref(rig.plain);
    bl_policy_unref(rig.other);
    bl_arena_fini(&rig.arena);
    return 0;
}

static bool session_in(const char *context, uint64_t out[2]) {
    rig.request.context = fixture_json(context, &rig.arena);
    return bl_flow_session(rig.sticky, &rig.request, BL_STR("acme"), key, out);
}

static bool same(const uint64_t a[2], const uint64_t b[2]) {
    return a[0] == b[0] && a[1] == b[1];
}

static void types_make_different_sessions(void **state) {
    static const char *const contexts[] = {"{'user_id':1}",
                                           "{'user_id':'1'}",
                                           "{'user_id':true}",
                                           "{'user_id':'true'}",
                                           "{'user_id':1.5}",
                                           "{'user_id':2}",
                                           "{'user_id':18446744073709551615}",
                                           "{'user_id':18446744073709551614}",
                                           "{'user_id':0}",
                                           "{'user_id':false}"};
    enum { COUNT = sizeof(contexts) / sizeof(contexts[0]) };
    uint64_t digests[COUNT][2];
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(session_in(contexts[i], digests[i]));
        for (size_t k = 0; k < i; k++) {
            assert_false(same(digests[i], digests[k]));
        }
    }
}

static void equal_values_are_one_session(void **state) {
    uint64_t one[2], again[2];
    (void)state;
    assert_true(session_in("{'user_id':1}", one));
    assert_true(session_in("{'user_id':1.0}", again));
    assert_true(same(one, again));
    assert_true(session_in("{'user_id':'\\u0061'}", one));
    assert_true(session_in("{'user_id':'a'}", again));
    assert_true(same(one, again));
}

static void only_scalars_are_sessions(void **state) {
    static const char *const contexts[] = {
        "{}",         "{'user_id':null}", "{'user_id':''}", "{'user_id':{}}", "{'user_id':[1]}",
        "{'other':1}"};
    uint64_t digest[2];
    (void)state;
    for (size_t i = 0; i < sizeof(contexts) / sizeof(contexts[0]); i++) {
        assert_false(session_in(contexts[i], digest));
    }
}

static void context_then_metadata_then_message_metadata(void **state) {
    uint64_t context[2], found[2];
    (void)state;
    assert_true(session_in("{'user_id':'a'}", context));
    rig.request.context = BL_JSON_NOTHING;
    rig.request.message_metadata = fixture_json("{'user_id':'a'}", &rig.arena);
    assert_true(bl_flow_session(rig.sticky, &rig.request, BL_STR("acme"), key, found));
    assert_true(same(context, found));
    rig.request.metadata = fixture_json("{'user_id':'b'}", &rig.arena);
    assert_true(bl_flow_session(rig.sticky, &rig.request, BL_STR("acme"), key, found));
    assert_false(same(context, found));
    assert_true(session_in("{'user_id':'a'}", found));
    assert_true(same(context, found));
    /* what is no session is passed over */
    assert_true(session_in("{'user_id':{}}", found));
    assert_false(same(context, found));
}

static void scope_is_tenant_policy_and_key(void **state) {
    uint64_t base[2], other[2];
    (void)state;
    assert_true(session_in("{'user_id':'a'}", base));
    assert_true(bl_flow_session(rig.sticky, &rig.request, BL_STR("beta"), key, other));
    assert_false(same(base, other));
    assert_true(bl_flow_session(rig.other, &rig.request, BL_STR("acme"), key, other));
    assert_false(same(base, other));
    assert_true(bl_flow_session(rig.sticky, &rig.request, BL_STR("acme"), other_key, other));
    assert_false(same(base, other));
}

static void a_policy_without_sessions_has_none(void **state) {
    uint64_t digest[2];
    (void)state;
    rig.request.context = fixture_json("{'user_id':'a'}", &rig.arena);
    assert_false(bl_flow_session(rig.plain, &rig.request, BL_STR("acme"), key, digest));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(types_make_different_sessions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(equal_values_are_one_session, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_scalars_are_sessions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(context_then_metadata_then_message_metadata, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(scope_is_tenant_policy_and_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_policy_without_sessions_has_none, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
