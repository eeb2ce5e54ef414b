#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "flow/decide.h"
#include "support/policy_fixture.h"

/* Each fact is one rule's condition, so that its slot is found by its path. */
static const char policy_text[] =
    "{'providers':[{'name':'p','weight':1}],'rules':["
    "{'when':{'tier':1},'allow':['p']},{'when':{'context.a.b':1},'allow':['p']},"
    "{'when':{'metadata.region':1},'allow':['p']},{'when':{'constraints.max_cost':1},'allow':['p']}"
    ","
    "{'when':{'task.type':1},'allow':['p']},{'when':{'task.payload.n':1},'allow':['p']},"
    "{'when':{'task.payload':1},'allow':['p']},{'when':{'task.payload_ref':1},'allow':['p']},"
    "{'when':{'task.extra':1},'allow':['p']},{'when':{'tenant.id':1},'allow':['p']},"
    "{'when':{'request.id':1},'allow':['p']},{'when':{'request.run_id':1},'allow':['p']},"
    "{'when':{'request.user':1},'allow':['p']},{'when':{'attempt.number':1},'allow':['p']},"
    "{'when':{'attempt.provider':1},'allow':['p']},{'when':{'list':1},'allow':['p']}]}";

struct rig {
    struct bl_policy *policy;
    struct bl_arena arena;
    struct bl_request request;
    const struct bl_value *facts;
};

static struct rig rig;

static int set_up(void **state) {
    (void)state;
    rig = (struct rig){.policy = fixture_policy("acme", "default", policy_text)};
    bl_arena_init(&rig.arena, 4096, 1 << 20);
    bl_request_init(&rig.request);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    bl_policy_unref(rig.policy);
    bl_arena_fini(&rig.arena);
    return 0;
}

static const struct bl_tenant_attribute attributes[] = {{{"acme", 4}, {"region", 6}, {"eu", 2}},
                                                        {{"globex", 6}, {"region", 6}, {"us", 2}}};
static const struct bl_tenant_attributes known = {attributes, 2};

static struct bl_fact_source source_of_rig(void) {
    return (struct bl_fact_source){.request = &rig.request,
                                   .tenant_id = BL_STR("acme"),
                                   .attributes = &known,
                                   .attempt = 1,
                                   .now_ns = INT64_C(1700000000500000000)};
}

static void resolve(void) {
    const struct bl_fact_source source = source_of_rig();
    assert_true(bl_is_ok(bl_flow_facts(rig.policy, &source, &rig.arena, &rig.facts)));
}

static struct bl_value fact(const char *path) {
    for (uint16_t i = 0; i < rig.policy->fact_count; i++) {
        if (bl_str_equal_c(rig.policy->facts[i].path, path)) {
            return rig.facts[i];
        }
    }
    fail_msg("the policy has no fact %s", path);
    return (struct bl_value){0};
}

static void expect_text(const char *path, const char *text) {
    struct bl_value value = fact(path);
    assert_int_equal(value.type, BL_VALUE_STRING);
    assert_int_equal(value.count, strlen(text));
    assert_memory_equal(value.as.string, text, value.count);
}

static void expect_int(const char *path, int64_t number) {
    struct bl_value value = fact(path);
    assert_int_equal(value.type, BL_VALUE_INT);
    assert_int_equal(value.as.integer, number);
}

static void what_the_request_lacks_is_absent(void **state) {
    (void)state;
    resolve();
    static const char *const paths[] = {
        "tier",           "context.a.b",  "metadata.region",  "constraints.max_cost",
        "task.payload.n", "task.payload", "task.payload_ref", "task.extra",
        "request.run_id", "request.user", "attempt.provider"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_int_equal(fact(paths[i]).type, BL_VALUE_ABSENT);
    }
    expect_text("task.type", "unknown");
    expect_text("tenant.id", "acme");
    expect_int("attempt.number", 1);
}

static void every_root_is_read_where_it_belongs(void **state) {
    (void)state;
    rig.request.context = fixture_json("{'a':{'b':7}}", &rig.arena);
    rig.request.metadata = fixture_json("{'region':'eu','list':[1,'x']}", &rig.arena);
    rig.request.constraints = fixture_json("{'max_cost':2}", &rig.arena);
    rig.request.task = fixture_json("{'type':'t','extra':9}", &rig.arena);
    rig.request.payload = fixture_json("{'n':3}", &rig.arena);
    rig.request.task_type = BL_STR("t");
    rig.request.payload_ref = BL_STR("s3://k");
    rig.request.request_id = BL_STR("r-1");
    rig.request.run_id = BL_STR("run");
    rig.request.user_id = BL_STR("u");
    resolve();
    expect_int("context.a.b", 7);
    expect_text("metadata.region", "eu");
    expect_int("constraints.max_cost", 2);
    expect_text("task.type", "t");
    expect_int("task.payload.n", 3);
    assert_int_equal(fact("task.payload").type, BL_VALUE_JSON);
    expect_text("task.payload_ref", "s3://k");
    expect_int("task.extra", 9);
    expect_text("request.id", "r-1");
    expect_text("request.run_id", "run");
    expect_text("request.user", "u");
    struct bl_value list = fact("list");
    assert_int_equal(bl_value_kind(&list), BL_VALUE_LIST);
    assert_int_equal(bl_value_size(&list), 2);
}

static void a_plain_name_is_looked_for_in_order(void **state) {
    (void)state;
    rig.request.constraints = fixture_json("{'tier':4}", &rig.arena);
    resolve();
    expect_int("tier", 4);
    rig.request.message_metadata = fixture_json("{'tier':3}", &rig.arena);
    resolve();
    expect_int("tier", 3);
    rig.request.metadata = fixture_json("{'tier':2}", &rig.arena);
    resolve();
    expect_int("tier", 2);
    rig.request.context = fixture_json("{'tier':null}", &rig.arena);
    resolve();
    assert_int_equal(fact("tier").type, BL_VALUE_NULL); /* null is there, and hides the others */
}

static void metadata_of_the_message_counts_when_there_is_no_other(void **state) {
    (void)state;
    rig.request.message_metadata = fixture_json("{'region':'us'}", &rig.arena);
    resolve();
    expect_text("metadata.region", "us");
    rig.request.metadata = fixture_json("{'region':'eu'}", &rig.arena);
    resolve();
    expect_text("metadata.region", "eu");
}

static void a_full_arena_is_an_error(void **state) {
    const struct bl_fact_source source = source_of_rig();
    struct bl_arena small;
    (void)state;
    assert_true(rig.policy->fact_count * sizeof(struct bl_value) > 200);
    bl_arena_init(&small, 256, 256);
    while (bl_arena_alloc(&small, 16) != NULL) {
    }
    assert_int_equal(bl_flow_facts(rig.policy, &source, &small, &rig.facts).error,
                     BL_E_RESOURCE_EXHAUSTED);
    bl_arena_fini(&small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_the_request_lacks_is_absent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_root_is_read_where_it_belongs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_plain_name_is_looked_for_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(metadata_of_the_message_counts_when_there_is_no_other,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_arena_is_an_error, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
