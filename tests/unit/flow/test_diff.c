#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "flow/diff.h"
#include "json/document.h"
#include "support/compiled_policy.h"
#include "support/json_text.h"

static struct bl_arena arena;
static char told[16384];
static size_t told_len;

/* One line per change: "provider beta - {…}". */
static void tell(void *user, const struct bl_diff_change *change) {
    int len = snprintf(told + told_len, sizeof(told) - told_len, "%s %.*s [%.*s] [%.*s]\n",
                       bl_diff_kind_word(change->kind), BL_STR_ARG(change->name),
                       BL_STR_ARG(change->before), BL_STR_ARG(change->after));
    (void)user;
    assert_true(len > 0 && told_len + (size_t)len < sizeof(told));
    told_len += (size_t)len;
}

struct side {
    struct compiled compiled;
    struct bl_json_doc doc;
    struct bl_diff_side side;
};

static void read_side(struct side *side, struct bl_str text) {
    const struct bl_json_limits limits = {
        .max_bytes = BL_POLICY_MAX_BYTES, .max_depth = 64, .max_nodes = 131072};
    struct bl_diag diag;

    compile_text(&side->compiled, text);
    assert_true(bl_is_ok(side->compiled.result));
    assert_true(bl_is_ok(bl_document_read(text, &limits, &arena, &side->doc, &diag)));
    side->side = (struct bl_diff_side){side->compiled.policy, bl_json_root(&side->doc)};
}

static bl_result diff_in(struct bl_arena *memory, struct bl_str before, struct bl_str after) {
    static struct side sides[2];

    told_len = 0;
    told[0] = '\0';
    read_side(&sides[0], before);
    read_side(&sides[1], after);
    bl_result result = bl_diff_policies(&sides[0].side, &sides[1].side, memory, tell, NULL);
    release(&sides[0].compiled);
    release(&sides[1].compiled);
    return result;
}

static void expect_diff(const char *before, const char *after, const char *expected) {
    bl_arena_reset(&arena);
    assert_true(bl_is_ok(diff_in(&arena, json_text(before), json_text(after))));
    assert_string_equal(told, json_text(expected).data);
}

#define PROVIDERS "'providers':[{'name':'a','weight':3},{'name':'b','weight':1}]"
#define DENY_A "{'when':{'metadata.x':1},'deny':['a']}"
#define DENY_B "{'when':{'metadata.x':2},'deny':['b']}"

static void layout_is_no_difference(void **state) {
    (void)state;
    expect_diff("{" PROVIDERS ",'sticky':{'enabled':true,'session_key':'u'}}",
                "{'sticky':{'session_key':'u','enabled':true},"
                "'providers':[{'weight':3,'name':'a'},{'name':'b','weight':1}]}",
                "");
    bl_arena_reset(&arena);
    assert_true(bl_is_ok(diff_in(&arena, json_text("{" PROVIDERS "}"),
                                 BL_STR("providers:\n  - {name: a, weight: 3}\n  - {name: b}\n"))));
    assert_string_equal(told,
                        json_text("provider b [{'name':'b','weight':1}] [{'name':'b'}]\n").data);
}

static void shares_follow_weights(void **state) {
    (void)state;
    expect_diff("{" PROVIDERS "}",
                "{'providers':[{'name':'a','weight':1},{'name':'c','weight':1}]}",
                "share a [0.75] [0.5]\n"
                "share b [0.25] [0]\n"
                "share c [0] [0.5]\n"
                "provider a [{'name':'a','weight':3}] [{'name':'a','weight':1}]\n"
                "provider b [{'name':'b','weight':1}] []\n"
                "provider c [] [{'name':'c','weight':1}]\n");
}

static void rules_come_go_change_and_move(void **state) {
    (void)state;
    expect_diff("{" PROVIDERS ",'rules':[" DENY_A "]}",
                "{" PROVIDERS ",'rules':[" DENY_A "," DENY_B "]}",
                "rule 2 [] [{'deny':['b'],'when':{'metadata.x':2}}]\n");
    expect_diff("{" PROVIDERS ",'rules':[" DENY_A "," DENY_B "]}",
                "{" PROVIDERS ",'rules':[" DENY_B "]}",
                "rule 1 [{'deny':['a'],'when':{'metadata.x':1}}] []\n");
    expect_diff("{" PROVIDERS ",'rules':[" DENY_A "]}", "{" PROVIDERS ",'rules':[" DENY_B "]}",
                "rule 1 [{'deny':['a'],'when':{'metadata.x':1}}] "
                "[{'deny':['b'],'when':{'metadata.x':2}}]\n");
    expect_diff("{" PROVIDERS ",'rules':[" DENY_A "," DENY_B "]}",
                "{" PROVIDERS ",'rules':[" DENY_B "," DENY_A "]}",
                "order of rule ['before'] ['after']\n");
    expect_diff("{" PROVIDERS ",'rules':[" DENY_A "," DENY_A "]}",
                "{" PROVIDERS ",'rules':[" DENY_A "]}", "order of rule ['before'] ['after']\n");
}

static void fallbacks_and_keys_are_told(void **state) {
    (void)state;
    expect_diff("{" PROVIDERS ",'max_attempts':2}",
                "{" PROVIDERS
                ",'max_attempts':3,'fallbacks':[{'when':{'status':['timeout']},'to':'b'}],"
                "'metadata':{'owner':'x'}}",
                "fallback 1 [] [{'to':'b','when':{'status':['timeout']}}]\n"
                "key max_attempts [2] [3]\n"
                "key metadata [] [{'owner':'x'}]\n");
    expect_diff("{" PROVIDERS ",'max_attempts':2}", "{" PROVIDERS "}", "key max_attempts [2] []\n");
}

/* The largest lists there may be: what is compared is sorted, so that this takes no time to speak of. */
static void as_many_rules_as_may_be(void **state) {
    static char texts[2][BL_POLICY_MAX_RULES * 80 + 200];
    size_t len[2];
    (void)state;
    for (int side = 0; side < 2; side++) {
        struct bl_buf buf;
        bl_buf_init(&buf, texts[side], sizeof(texts[side]));
        bl_buf_printf(&buf, "{\"providers\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"rules\":[");
        for (int i = 0; i < BL_POLICY_MAX_RULES; i++) {
            bl_buf_printf(&buf, "%s{\"when\":{\"metadata.x\":%d},\"deny\":[\"a\"]}",
                          i == 0 ? "" : ",", side == 0 ? i : BL_POLICY_MAX_RULES - 1 - i);
        }
        bl_buf_literal(&buf, "]}");
        assert_false(buf.overflowed);
        len[side] = buf.len;
    }
    bl_arena_reset(&arena);
    assert_true(bl_is_ok(
        diff_in(&arena, (struct bl_str){texts[0], len[0]}, (struct bl_str){texts[1], len[1]})));
    assert_string_equal(told, json_text("order of rule ['before'] ['after']\n").data);
}

static void a_full_arena_is_told(void **state) {
    struct bl_arena small;
    (void)state;

    bl_arena_init(&small, 4096, 65536);
    assert_int_equal(
        diff_in(&small, json_text("{" PROVIDERS "}"), json_text("{" PROVIDERS "}")).error,
        BL_E_RESOURCE_EXHAUSTED);
    bl_arena_fini(&small);
    bl_arena_init(&small, 4096, (size_t)6 * BL_POLICY_MAX_BYTES + 16384);
    for (int i = 0; i < 2; i++) {
        bl_result result =
            diff_in(&small, json_text("{" PROVIDERS "}"), json_text("{" PROVIDERS "}"));
        assert_int_equal(result.error, i == 0 ? BL_E_NONE : BL_E_RESOURCE_EXHAUSTED);
    }
    bl_arena_fini(&small);
}

static int set_up(void **state) {
    (void)state;
    bl_arena_init(&arena, 65536, (size_t)64 * 1024 * 1024);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    bl_arena_fini(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout_is_no_difference),
        cmocka_unit_test(shares_follow_weights),
        cmocka_unit_test(rules_come_go_change_and_move),
        cmocka_unit_test(fallbacks_and_keys_are_told),
        cmocka_unit_test(as_many_rules_as_may_be),
        cmocka_unit_test(a_full_arena_is_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
