/* Records: what goes in comes out, and nothing damaged gets in. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "route/record.h"
#include "support/route_case.h"

static struct route_case c;
static struct bl_arena arena;
static char storage[65536], again[65536];
static struct bl_buf bytes;

static const char policy[] = "providers: [{name: a, weight: 3}, {name: b}]\n"
                             "rules: [{when: {metadata.tier: gold, n: [1, 2]}, prefer: [b]}]\n"
                             "sticky: {enabled: true}\n";

static int setup(void **state) {
    (void)state;
    bl_arena_init(&arena, 65536, 1 << 20);
    bl_buf_init(&bytes, storage, sizeof(storage));
    case_begin(&c, policy);
    set_fact(&c, "metadata.tier", "gold");
    set_session(&c, 5);
    c.input.pin = 1;
    c.input.pin_expires_ms = CASE_NOW_MS + 5;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    case_end(&c);
    bl_arena_fini(&arena);
    return 0;
}

static bl_result decode(struct bl_str text, struct bl_decision_input *out) {
    static struct bl_diag diag;
    return bl_record_decode(text, c.policy, false, &arena, out, &diag);
}

static void decoded_encodes_to_the_same_bytes(void **state) {
    (void)state;
    struct bl_decision_input out;
    struct bl_buf second;
    bl_record_encode(&c.input, NULL, &bytes);
    assert_false(bytes.overflowed);
    assert_true(bl_is_ok(decode(bl_buf_view(&bytes), &out)));
    bl_buf_init(&second, again, sizeof(again));
    bl_record_encode(&out, NULL, &second);
    assert_int_equal(second.len, bytes.len);
    assert_memory_equal(second.data, bytes.data, bytes.len);
}

static void replay_decides_the_same(void **state) {
    (void)state;
    struct bl_decision_input out;
    struct bl_decision replayed;
    assert_string_equal(chosen(&c), "b"); /* n is absent, so the pin decides */
    bl_record_encode(&c.input, NULL, &bytes);
    assert_true(bl_is_ok(decode(bl_buf_view(&bytes), &out)));
    assert_true(bl_is_ok(bl_decide(&out, &replayed)));
    assert_int_equal(replayed.provider, c.decision.provider);
    assert_int_equal(replayed.reason, c.decision.reason);
    assert_int_equal(replayed.pin_action, c.decision.pin_action);
}

static void names_its_policy(void **state) {
    (void)state;
    struct bl_record_policy named;
    struct bl_diag diag;
    bl_record_encode(&c.input, NULL, &bytes);
    assert_true(bl_is_ok(bl_record_policy(bl_buf_view(&bytes), &named, &diag)));
    assert_true(bl_str_equal(named.tenant_id, c.policy->tenant_id));
    assert_true(bl_str_equal(named.policy_id, c.policy->policy_id));
    assert_int_equal(named.content_hash, c.policy->content_hash);
}

static void redaction_hides_texts_and_keeps_equality(void **state) {
    (void)state;
    static const uint8_t key[16] = {9};
    struct bl_decision_input out;
    bl_record_encode(&c.input, key, &bytes);
    assert_null(memmem(bytes.data, bytes.len, "gold", 4));
    assert_true(bl_is_ok(decode(bl_buf_view(&bytes), &out)));
    struct bl_value hidden = out.facts[0].type == BL_VALUE_STRING ? out.facts[0] : out.facts[1];
    assert_int_equal(hidden.type, BL_VALUE_STRING);
    assert_int_equal(hidden.count, 17);
    assert_int_equal(hidden.as.string[0], '~');
}

static void every_cut_is_refused(void **state) {
    (void)state;
    struct bl_decision_input out;
    bl_record_encode(&c.input, NULL, &bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        /* A copy of exactly that length, so that reading past it is seen. */
        char *copy = malloc(len + 1);
        memcpy(copy, bytes.data, len);
        assert_int_equal(decode((struct bl_str){copy, len}, &out).error, BL_E_INVALID_REQUEST);
        free(copy);
    }
    bl_buf_char(&bytes, 0);
    assert_int_equal(decode(bl_buf_view(&bytes), &out).error, BL_E_INVALID_REQUEST);
}

static void other_versions_and_policies_are_refused(void **state) {
    (void)state;
    struct bl_decision_input out;
    struct bl_diag diag;
    bl_record_encode(&c.input, NULL, &bytes);
    storage[3] = '2';
    assert_int_equal(decode(bl_buf_view(&bytes), &out).error, BL_E_INVALID_REQUEST);
    storage[3] = '1';
    struct compiled other = {0};
    expect_good(&other, "providers: [{name: b}, {name: new}]\n"
                        "rules: [{when: {metadata.tier: gold, other: 1}, prefer: [b]}]\n");
    struct bl_str view = bl_buf_view(&bytes);
    assert_int_equal(bl_record_decode(view, other.policy, false, &arena, &out, &diag).error,
                     BL_E_INVALID_REQUEST);
    assert_non_null(strstr(diag.message, "another revision"));
    /* With leave, facts and providers are matched by name; what is new is unknown, and told. */
    assert_true(bl_is_ok(bl_record_decode(view, other.policy, true, &arena, &out, &diag)));
    assert_int_equal(out.pin, 0);
    assert_int_equal(out.states[1].latency_p50_ms, -1);
    for (uint16_t f = 0; f < other.policy->fact_count; f++) {
        bool known = bl_str_equal_c(other.policy->facts[f].path, "metadata.tier");
        assert_int_equal(out.facts[f].type, known ? BL_VALUE_STRING : BL_VALUE_ERROR);
    }
    release(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(decoded_encodes_to_the_same_bytes),
        TEST(replay_decides_the_same),
        TEST(names_its_policy),
        TEST(redaction_hides_texts_and_keeps_equality),
        TEST(every_cut_is_refused),
        TEST(other_versions_and_policies_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
