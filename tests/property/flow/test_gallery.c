/* What each policy of examples/policies promises, held over many requests. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/seed.h"
#include "flow/decide.h"
#include "flow/example.h"
#include "policy/compile.h"

#define NOW_NS (INT64_C(1764000000) * 1000000000) /* a Monday, 16:00 UTC */
#define MANY 4000

static struct bl_policy *policy;
static struct bl_arena arena;
static struct bl_seed seed;
static struct bl_provider_state states[BL_POLICY_MAX_PROVIDERS];
static struct bl_limit_levels levels;
static int64_t now_ns;
static const struct bl_tenant_attribute attributes[] = {{{"acme", 4}, {"tier", 4}, {"gold", 4}}};

static void open_policy(const char *name) {
    static struct bl_findings findings;
    static char text[65536];
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/examples/policies/%s.yaml", BL_SOURCE_DIR, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof(text), file);
    assert_int_equal(fclose(file), 0);
    bl_policy_unref(policy);
    policy = NULL;
    if (bl_is_error(bl_policy_compile((struct bl_str){text, len}, BL_STR("acme"), BL_STR("p"), NULL,
                                      &policy, &findings))) {
        fail_msg("%s: %s", path, findings.items[0].message);
    }
    for (int i = 0; i < BL_POLICY_MAX_PROVIDERS; i++) {
        states[i] = BL_PROVIDER_STATE_UNKNOWN;
    }
    levels = (struct bl_limit_levels){.budget_resets_ms = NOW_NS / 1000000 + 1000};
    now_ns = NOW_NS;
}

static struct bl_provider_state *state_of(const char *id) {
    bl_provider_index index = bl_policy_find_provider(policy, bl_str_from_c(id));
    assert_true(index != BL_PROVIDER_NONE);
    return &states[index];
}

/* The provider for a request (JSON with single quotes), by another draw each time; "" = refused.
 * `session` 0 = none. */
static const char *decide(const char *request, uint64_t session) {
    static char chosen[256];
    struct bl_decision_input input = {.policy = policy,
                                      .states = states,
                                      .limits = &levels,
                                      .now_ns = now_ns,
                                      .attempt = 1,
                                      .pin = BL_PROVIDER_NONE,
                                      .max_latency_ms = -1,
                                      .max_cost_nano = BL_MONEY_UNKNOWN};
    struct bl_tenant_attributes known = {attributes, 1};
    struct bl_decision decision;
    struct bl_json_doc doc;
    struct bl_request read;
    struct bl_str text;

    bl_arena_reset(&arena);
    assert_true(bl_is_ok(bl_arena_copy(&arena, bl_str_from_c(request), &text)));
    for (char *at = (char *)text.data; *at != '\0'; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    assert_true(bl_example_read(text, &arena, &doc, &read));
    const struct bl_fact_source source = {.request = &read,
                                          .tenant_id = read.tenant_id,
                                          .attributes = &known,
                                          .attempt = 1,
                                          .now_ns = now_ns};
    assert_true(bl_is_ok(bl_flow_facts(policy, &source, &arena, &input.facts)));
    input.seed = bl_seed_next(&seed);
    input.has_session = session != 0;
    input.session[0] = session * UINT64_C(0x9E3779B97F4A7C15);
    input.session[1] = ~input.session[0];
    chosen[0] = '\0';
    if (bl_is_ok(bl_decide(&input, &decision))) {
        (void)snprintf(chosen, sizeof(chosen), "%.*s",
                       BL_STR_ARG(policy->providers[decision.provider].id));
    }
    return chosen;
}

/* The share of many requests that a provider gets, each of a session of its own. */
static double share(const char *request, const char *provider) {
    unsigned count = 0;
    for (uint64_t i = 1; i <= MANY; i++) {
        count += strcmp(decide(request, i), provider) == 0 ? 1 : 0;
    }
    return (double)count / MANY;
}

#define NEVER(request, provider) assert_true(share(request, provider) == 0)
#define ALWAYS(request, provider) assert_true(share(request, provider) == 1)
#define ABOUT(request, provider, part)                                                             \
    do {                                                                                           \
        double found = share(request, provider);                                                   \
        assert_true(found > (part)-0.03 && found < (part) + 0.03);                                 \
    } while (0)

#define TASK(type) "'task':{'type':'" type "','payload':{}}"

static void eu_residency_holds_whatever_fails(void **state) {
    static const char request[] =
        "{'tenant_id':'acme'," TASK("chat") ",'metadata':{'region':'eu'}}";
    (void)state;
    open_policy("eu-residency");
    NEVER(request, "openai/gpt-4o");
    ABOUT(request, "mistral/large", 25.0 / 40);
    state_of("mistral/large")->cooldown_until_ms = INT64_MAX;
    ALWAYS(request, "anthropic/sonnet@eu");
    state_of("anthropic/sonnet@eu")->cooldown_until_ms = INT64_MAX;
    ALWAYS(request, "local/llama"); /* the last resort, in the EU too */
    state_of("local/llama")->cooldown_until_ms = INT64_MAX;
    ALWAYS(request, ""); /* refused rather than sent to the us */
}

static void cost_cap_falls_back_to_what_is_free(void **state) {
    static const char plain[] = "{'tenant_id':'acme'," TASK("chat") "}";
    (void)state;
    open_policy("cost-cap");
    ABOUT(plain, "openai/gpt-4o", 0.8);
    NEVER("{'tenant_id':'acme'," TASK("chat") ",'metadata':{'tier':'free'}}", "openai/gpt-4o");
    levels.budget_used_nano = INT64_C(49995) * 1000000; /* 49.995 of 50: no room for 0.012 */
    ALWAYS(plain, "openai/gpt-4o-mini");
    levels.budget_used_nano = INT64_C(50) * 1000000000;
    ALWAYS(plain, "local/llama");
}

static void gold_is_what_the_operator_says(void **state) {
    static const char gold[] = "{'tenant_id':'acme'," TASK("chat") "}";
    static const char other[] =
        "{'tenant_id':'globex'," TASK("chat") ",'metadata':{'tier':'gold'}}";
    (void)state;
    open_policy("gold-tenants");
    ALWAYS(gold, "flagship");
    state_of("flagship")->cooldown_until_ms = INT64_MAX;
    ALWAYS(gold, "standard");
    state_of("standard")->cooldown_until_ms = INT64_MAX;
    NEVER(gold, "preview");
    open_policy("gold-tenants");
    ABOUT(other, "flagship", 1.0 / 12);
    ABOUT(other, "preview", 2.0 / 12);
    NEVER("{'tenant_id':'globex'," TASK("batch.embed") "}", "flagship");
}

static void a_canary_gets_five_of_a_hundred_sessions(void **state) {
    static const char plain[] = "{'tenant_id':'acme'," TASK("chat") "}";
    (void)state;
    open_policy("model-canary");
    ABOUT(plain, "chat-v2", 0.05);
    assert_true(share(plain, "chat-v2") > 0.03); /* and they do */
    ALWAYS("{'tenant_id':'acme'," TASK("chat") ",'metadata':{'labels':['x','tester']}}", "chat-v2");
    NEVER("{'tenant_id':'acme'," TASK("payment.refund") "}", "chat-v2");
    for (uint64_t session = 1; session < 200; session++) { /* another draw, the same provider */
        char first[64];
        (void)snprintf(first, sizeof(first), "%s", decide(plain, session));
        assert_string_equal(decide(plain, session), first);
    }
}

static void conversations_stay(void **state) {
    static const char chat[] = "{'tenant_id':'acme'," TASK("chat") "}";
    char before[MANY][8];
    unsigned moved = 0;
    unsigned of_east = 0;
    (void)state;
    open_policy("sticky-chat");
    ABOUT(chat, "north", 1.0 / 3);
    for (uint64_t i = 0; i < MANY; i++) {
        (void)snprintf(before[i], sizeof(before[i]), "%s", decide(chat, i + 1));
    }
    state_of("east")->cooldown_until_ms = INT64_MAX;
    for (uint64_t i = 0; i < MANY; i++) {
        moved += strcmp(decide(chat, i + 1), before[i]) != 0 ? 1 : 0;
        of_east += strcmp(before[i], "east") == 0 ? 1 : 0;
    }
    assert_int_equal(moved, of_east); /* only those whose model is away */
    open_policy("sticky-chat");
    ALWAYS("{'tenant_id':'acme'," TASK("summary") "}", "east");
}

static void interactive_work_keeps_its_pace(void **state) {
    static const char interactive[] =
        "{'tenant_id':'acme'," TASK("chat") ",'metadata':{'interactive':true}}";
    (void)state;
    open_policy("latency-slo");
    ALWAYS(interactive, "quick");
    state_of("quick")->latency_p50_ms = 3000; /* slower by now */
    ALWAYS(interactive, "steady");
    state_of("steady")->cooldown_until_ms = INT64_MAX;
    ALWAYS(interactive, "quick");
    ALWAYS("{'tenant_id':'acme'," TASK("batch.index") "}", "cheap");
    open_policy("latency-slo");
    now_ns = NOW_NS + INT64_C(11) * 3600 * 1000000000; /* three in the morning */
    ALWAYS("{'tenant_id':'acme'," TASK("chat") "}", "cheap");
}

static void the_cheapest_that_is_available(void **state) {
    (void)state;
    open_policy("cheap-first");
    ALWAYS("{'tenant_id':'acme'," TASK("chat") "}", "small");
    ALWAYS("{'tenant_id':'acme'," TASK("chat") ",'metadata':{'tier':'gold'}}", "large");
}

static int setup(void **state) {
    const char *given = getenv("BL_TEST_SEED");
    uint64_t start = given != NULL ? strtoull(given, NULL, 10) : 20261123;
    (void)state;
    print_message("seed %llu\n", (unsigned long long)start);
    bl_seed_init(&seed, start);
    bl_arena_init(&arena, 65536, 1 << 20);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    bl_policy_unref(policy);
    bl_arena_fini(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eu_residency_holds_whatever_fails),
        cmocka_unit_test(cost_cap_falls_back_to_what_is_free),
        cmocka_unit_test(gold_is_what_the_operator_says),
        cmocka_unit_test(a_canary_gets_five_of_a_hundred_sessions),
        cmocka_unit_test(conversations_stay),
        cmocka_unit_test(interactive_work_keeps_its_pace),
        cmocka_unit_test(the_cheapest_that_is_available),
    };
    return cmocka_run_group_tests_name("gallery", tests, setup, teardown);
}
