#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/api_fixture.h"

static struct api_fixture fixture;

static int set_up(void **state) {
    (void)state;
    api_fixture_init(&fixture);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    api_fixture_fini(&fixture);
    return 0;
}

static void ask_about(const char *policy_text) {
    api_fixture_policy(&fixture, "acme", "p", policy_text);
    assert_int_equal(
        api_fixture_ask(&fixture, BL_OPERATION_COMPLEXITY, "{'tenant_id':'acme','policy_id':'p'}"),
        BL_E_NONE);
}

static void a_policy_without_extensions_is_light(void **state) {
    (void)state;
    ask_about("{'providers':[{'name':'a','weight':1}]}");
    assert_true(bl_str_equal(
        bl_buf_view(&fixture.reply),
        json_text("{'total_extensions':0,'pre_count':0,'validators_count':0,'post_count':0,"
                  "'complexity_score':0,'complexity_level':'low','estimated_latency_ms':0,"
                  "'recommended_limits':{'max_total':4,'max_pre':2,'max_validators':2,"
                  "'max_post':2},'warnings':[],'recommendations':[]}")));
}

static void a_heavy_one_is_warned_of(void **state) {
    (void)state;
    ask_about("{'providers':[{'name':'a','weight':1}],"
              "'pre':[{'id':'a'},{'id':'b'},{'id':'c'}],'validators':[{'id':'d'}],"
              "'post':[{'id':'e'},{'id':'f'}]}");
    assert_string_equal(api_fixture_at(&fixture, "total_extensions"), "6");
    assert_string_equal(api_fixture_at(&fixture, "pre_count"), "3");
    /* 60 + 5·2 for two above four, 5 for three of one kind, 4·2 once more */
    assert_string_equal(api_fixture_at(&fixture, "complexity_score"), "83");
    assert_string_equal(api_fixture_at(&fixture, "complexity_level"), "\"very_high\"");
    assert_string_equal(api_fixture_at(&fixture, "estimated_latency_ms"), "180");
    assert_true(bl_json_count(bl_json_path(fixture.root, BL_STR("warnings"))) >= 3);
    assert_true(bl_json_count(bl_json_path(fixture.root, BL_STR("recommendations"))) >= 1);
}

static void the_shared_policy_is_found_and_an_unknown_one_is_not(void **state) {
    (void)state;
    api_fixture_policy(&fixture, "*", "p", "{'providers':[{'name':'a','weight':1}]}");
    assert_int_equal(
        api_fixture_ask(&fixture, BL_OPERATION_COMPLEXITY, "{'tenant_id':'acme','policy_id':'p'}"),
        BL_E_NONE);
    assert_int_equal(
        api_fixture_ask(&fixture, BL_OPERATION_COMPLEXITY, "{'tenant_id':'acme','policy_id':'q'}"),
        BL_E_POLICY_NOT_FOUND);
    assert_string_equal(api_fixture_at(&fixture, "error.legacy_code"), "\"POLICY_NOT_FOUND\"");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_policy_without_extensions_is_light),
        TEST(a_heavy_one_is_warned_of),
        TEST(the_shared_policy_is_found_and_an_unknown_one_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
