/* Golden decisions: the whole explanation, as JSON and in words. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "route/explain.h"
#include "support/route_case.h"

static struct route_case c;
static int golden;

static int teardown(void **state) {
    (void)state;
    case_end(&c);
    return 0;
}

static const char *json(size_t max_bytes) {
    static char storage[1 << 17];
    struct bl_json_writer writer;
    struct bl_buf buf;
    bl_buf_init(&buf, storage, sizeof(storage) - 1);
    bl_json_writer_init(&writer, &buf);
    bl_explain_json(&c.input, &c.decision, max_bytes, &writer);
    assert_true(bl_json_writer_ok(&writer));
    storage[buf.len] = '\0';
    return storage;
}

static const char *text(void) {
    static char storage[8192];
    struct bl_buf buf;
    bl_buf_init(&buf, storage, sizeof(storage) - 1);
    bl_explain_text(&c.input, &c.decision, &buf);
    assert_false(buf.overflowed);
    storage[buf.len] = '\0';
    return storage;
}

static void check(const char *provider, const char *words) {
    assert_string_equal(chosen(&c), provider);
    assert_string_equal(text(), words);
    golden++;
}

static const char policy[] = "providers:\n"
                             "  - {name: a, weight: 70}\n"
                             "  - {name: b, weight: 30, tags: {region: eu}}\n"
                             "  - {name: z, weight: 0, last_resort: true}\n"
                             "rules:\n"
                             "  - {when: {region: eu}, require_tags: {region: eu}}\n"
                             "  - {when: {tier: gold}, prefer: [b, a]}\n"
                             "sticky: {enabled: true}\n"
                             "circuit_breaker: {enabled: true}\n";

static void weighted(void **state) {
    (void)state;
    case_begin(&c, policy);
    check("a", "none of 2 rules matched\n"
               "drew 56.66 of 100; a has weight 70 (70 %)\n"
               "next would have been b\n");
    char expected[2048];
    (void)snprintf(
        expected, sizeof(expected),
        "{\"policy\":{\"id\":\"p\",\"revision\":\"%.12s\"},"
        "\"text\":[\"none of 2 rules matched\",\"drew 56.66 of 100; a has weight 70 (70 %%)\","
        "\"next would have been b\"],"
        "\"candidates\":[{\"provider_id\":\"a\",\"weight\":70,\"eligible\":true},"
        "{\"provider_id\":\"b\",\"weight\":30,\"eligible\":true},"
        "{\"provider_id\":\"z\",\"weight\":0,\"eligible\":true}],"
        "\"rules\":[{\"line\":6,\"matched\":false,\"effect\":\"require_tags {region: eu}\"},"
        "{\"line\":7,\"matched\":false,\"effect\":\"prefer [b, a]\"}],"
        "\"draw\":{\"kind\":\"weighted\",\"value\":VALUE,\"total\":100},"
        "\"chosen\":\"a\",\"runner_up\":\"b\"}",
        c.policy->revision.data);
    char value[32];
    struct bl_buf number;
    bl_buf_init(&number, value, sizeof(value));
    bl_buf_double(&number, c.decision.draw_value);
    char *at = strstr(expected, "VALUE");
    char whole[2048];
    (void)snprintf(whole, sizeof(whole), "%.*s%.*s%s", (int)(at - expected), expected,
                   (int)number.len, value, at + 5);
    assert_string_equal(json(60000), whole);
}

static void by_rule(void **state) {
    (void)state;
    case_begin(&c, policy);
    set_fact(&c, "tier", "gold");
    check("b", "rule 2 (line 7) matched: prefer [b, a]\n"
               "rule 2 prefers b, the first of its list that is available\n"
               "next would have been a\n");
}

static void narrowed(void **state) {
    (void)state;
    case_begin(&c, policy);
    set_fact(&c, "region", "eu");
    check("b", "rule 1 (line 6) matched: require_tags {region: eu}\n"
               "a was left out: a rule excludes it\n"
               "z was left out: a rule excludes it\n"
               "b was the only one available\n"
               "without b nobody could have served\n");
}

static void session_with_failover(void **state) {
    (void)state;
    case_begin(&c, policy);
    set_session(&c, 3);
    chosen(&c);
    int own = c.decision.provider;
    c.states[own].breaker = BL_BREAKER_OPEN;
    c.states[own].breaker_retry_at_ms = CASE_NOW_MS + 9;
    const char *id = own == 0 ? "a" : "b";
    const char *other = own == 0 ? "b" : "a";
    char words[512];
    (void)snprintf(words, sizeof(words),
                   "none of 2 rules matched\n"
                   "%s was left out: its circuit breaker is open\n"
                   "this session belongs to %s by rendezvous hashing\n"
                   "the session is kept there by a pin\n"
                   "next would have been z\n",
                   id, other);
    check(other, words);
    assert_non_null(strstr(json(60000), "\"session\":{\"pin\":\"write\"}"));
    assert_non_null(strstr(json(60000), "\"dropped\":\"breaker_open\""));
}

static void pinned(void **state) {
    (void)state;
    case_begin(&c, policy);
    set_session(&c, 3);
    c.input.pin = 1;
    c.input.pin_expires_ms = CASE_NOW_MS + 3600000;
    check("b", "none of 2 rules matched\n"
               "the session is pinned to b\n"
               "next would have been a\n");
    assert_non_null(strstr(json(60000), "\"session\":{\"pinned_to\":\"b\",\"pin\":\"none\"}"));
}

static void last_resort(void **state) {
    (void)state;
    case_begin(&c, policy);
    for (int p = 0; p < 2; p++) {
        c.states[p].breaker = BL_BREAKER_OPEN;
        c.states[p].breaker_retry_at_ms = CASE_NOW_MS + 9;
    }
    check("z", "none of 2 rules matched\n"
               "a was left out: its circuit breaker is open\n"
               "b was left out: its circuit breaker is open\n"
               "breakers stood in the way of what was preferred\n"
               "without z nobody could have served\n");
}

static void nobody(void **state) {
    (void)state;
    case_begin(&c, "providers: [{name: a, max_inflight: 1}]\n");
    state_of(&c, "a")->inflight = 1;
    check("", "a was left out: it has max_inflight attempts under way\n"
              "nobody is left\n");
    assert_null(strstr(json(60000), "chosen"));
}

static void limited(void **state) {
    (void)state;
    case_begin(&c, "providers: [{name: a}]\nquota: {requests: 1}\n");
    c.limits.quota_used = 1;
    c.limits.quota_resets_ms = CASE_NOW_MS + 250;
    check("", "refused before the choice: the quota is used up, free again in 250 ms\n");
    printf("FIGURE F1 golden_decisions %d\n", golden);
}

static void large_explanations_are_cut_whole(void **state) {
    (void)state;
    static char yaml[65536];
    size_t len = (size_t)snprintf(yaml, sizeof(yaml), "providers:\n");
    for (int p = 0; p < 128; p++) {
        len += (size_t)snprintf(yaml + len, sizeof(yaml) - len,
                                "  - {name: \"%0200d\", weight: 1}\n", p);
    }
    case_begin(&c, yaml);
    chosen(&c);
    const char *whole = json(1 << 17);
    assert_null(strstr(whole, "truncated"));
    assert_true(strlen(whole) > 25000);
    for (size_t max = 12000; max < 40000; max += 4000) {
        const char *cut = json(max);
        assert_true(strlen(cut) <= max);
    }
    assert_non_null(strstr(json(12000), "\"truncated\":true"));
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(weighted),
        TEST(by_rule),
        TEST(narrowed),
        TEST(session_with_failover),
        TEST(pinned),
        TEST(last_resort),
        TEST(nobody),
        TEST(limited),
        TEST(large_explanations_are_cut_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
