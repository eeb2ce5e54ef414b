#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "flow/example.h"
#include "support/compiled_policy.h"

static struct compiled compiled;
static struct bl_arena arena;
static struct bl_str request;

/* Searches a request for which the first condition holds and the second, if there is one, fails. */
static enum bl_search search(const char *holding, const char *failing) {
    char text[1024];
    (void)snprintf(text, sizeof(text),
                   "{weights: {a: 1}, rules: [{stop: true, when: %s}, {stop: true, when: %s}]}",
                   holding, failing == NULL ? "{}" : failing);
    expect_good(&compiled, text);
    const struct bl_example_query query = {
        .policy = compiled.policy,
        .holding = &compiled.policy->rules[0].condition,
        .holding_count = 1,
        .failing = &compiled.policy->rules[1].condition,
        .failing_count = failing == NULL ? 0 : 1,
    };
    return bl_example_search(&query, &arena, &request);
}

static bool says(const char *part) {
    return memmem(request.data, request.len, part, strlen(part)) != NULL;
}

static void what_can_be_met_is_found(void **state) {
    static const char *const cases[][2] = {
        {"'metadata.tier == \"gold\"'", "\"metadata\":{\"tier\":\"gold\"}"},
        {"{metadata.a.b: 3, metadata.a.c: x}", "\"metadata\":{\"a\":{\"b\":3,\"c\":\"x\"}}"},
        {"'task.type == \"embed\" && size(task.payload.prompt) > 3'",
         "\"task\":{\"type\":\"embed\",\"payload\":{\"prompt\":\"xxxx\"}}"},
        {"'context.n > 1 && context.n < 2'", "\"context\":{\"n\":1.5}"},
        {"'has(metadata.x)'", "\"metadata\":{\"x\":true}"},
        {"'tenant.id in [\"acme\", \"b\"]'", "\"tenant_id\":\"acme\""},
        {"'request.run_id == \"r\"'", "\"run_id\":\"r\""},
        {"{plain: 7}", "\"context\":{\"plain\":7}"},
        {"'metadata.name.startsWith(\"eu-\")'", "\"name\":\"eu-\""},
        {"'constraints.max_cost < 0.5'", "\"constraints\":{\"max_cost\":"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (search(cases[i][0], NULL) != BL_SEARCH_FOUND || !says(cases[i][1])) {
            fail_msg("%s: %.*s", cases[i][0], BL_STR_ARG(request));
        }
    }
}

static void what_cannot_be_met_is_proven(void **state) {
    static const char *const cases[] = {
        "'metadata.a == 1 && metadata.a == 2'",
        "'metadata.a > 3 && metadata.a < 3'",
        "'metadata.a == \"x\" && metadata.a != \"x\"'",
        "{metadata.a: [x, y], metadata.b: 1, not: {metadata.a: [x, y]}}",
        "'has(metadata.a) && !has(metadata.a)'",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(search(cases[i], NULL), BL_SEARCH_NONE);
    }
    assert_int_equal(search("'metadata.a == 1'", "'metadata.a in [1, 2]'"), BL_SEARCH_NONE);
    assert_int_equal(search("'metadata.a > 5'", "'metadata.a > 4'"), BL_SEARCH_NONE);
    assert_int_equal(search("'metadata.a > 4'", "'metadata.a > 5'"), BL_SEARCH_FOUND);
}

static void what_was_not_found_may_exist(void **state) {
    static const char *const cases[] = {
        "'metadata.a.matches(\"^[0-9]+$\") && metadata.a.size() == 12'",
        "'metadata.a > \"b\" && metadata.a < \"b0\"'", /* between texts there is always another */
        "'now.getHours() < 25 && attempt.status == \"timeout\"'",
        "'metadata.a == metadata.b + 1'",
        "'tenant.region == \"eu\"'",
        "'metadata.list.exists(x, x > 3)'",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(search(cases[i], NULL), BL_SEARCH_UNKNOWN);
    }
}

static int setup(void **state) {
    (void)state;
    bl_arena_init(&arena, 65536, 64 * 1024 * 1024);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    release(&compiled);
    bl_arena_fini(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_be_met_is_found),
        cmocka_unit_test(what_cannot_be_met_is_proven),
        cmocka_unit_test(what_was_not_found_may_exist),
    };
    return cmocka_run_group_tests_name("example", tests, setup, teardown);
}
