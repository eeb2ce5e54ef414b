/*
 * Random policies: compiling never fails in a way that is not said, gives the same result twice,
 * and does not depend on the order of keys; conditions hold exactly when a plain interpreter that
 * walks the document says so.
 *
 * Prints its seed; BL_TEST_SEED repeats a run.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/seed.h"
#include "support/compiled_policy.h"

#define ROUNDS 20000
#define TEXT_BYTES 65536

static struct compiled compiled;
static uint64_t state_of_generator;

static uint64_t next_random(void) {
    return bl_splitmix64(&state_of_generator);
}

static unsigned below(unsigned bound) {
    return (unsigned)(next_random() % bound);
}

static char text_storage[TEXT_BYTES];
static struct bl_buf text;

static void put(const char *part) {
    bl_buf_str(&text, bl_str_from_c(part));
}

static void put_one_of(const char *const *words, unsigned count) {
    put(words[below(count)]);
}

#define ONE_OF(...)                                                                                \
    put_one_of((const char *const[]){__VA_ARGS__},                                                 \
               sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* --- conditions -------------------------------------------------------------------------------- */

static void put_scalar(void) {
    ONE_OF("0", "1", "1.0", "2", "-1", "1.5", "\"\"", "\"a\"", "\"b\"", "\"1\"",
           "\"longer-text-1\"", "\"longer-text-2\"", "true", "false", "null", "9007199254740993",
           "9007199254740992.0", "18446744073709551615", "1e300");
}

static void put_list(void) {
    unsigned count = below(4);
    put("[");
    for (unsigned i = 0; i < count; i++) {
        put(i == 0 ? "" : ",");
        put_scalar();
    }
    put("]");
}

static void put_name(void) {
    ONE_OF("a", "b", "c", "d");
}

static void put_operand(bool list) {
    switch (below(3)) {
    case 0:
        put("{\"var\":\"");
        put_name();
        put("\"}");
        break;
    case 1:
        if (list || below(4) == 0) {
            put_list();
            break;
        }
        put_scalar();
        break;
    default:
        if (list) {
            put_list();
        } else {
            put_scalar();
        }
    }
}

static void put_condition(unsigned depth);

static void put_conditions(unsigned depth) {
    unsigned count = 1 + below(3);
    put("[");
    for (unsigned i = 0; i < count; i++) {
        put(i == 0 ? "" : ",");
        put_condition(depth + 1);
    }
    put("]");
}

static void put_entry(unsigned kind, unsigned depth) {
    static const char *const keys[] = {"a",  "b", "c",  "d",  "==",  "!=",  "<",
                                       "<=", ">", ">=", "in", "all", "any", "not"};
    bl_buf_printf(&text, "\"%s\":", keys[kind]);
    if (kind < 4) {
        if (below(3) == 0) {
            put_list();
        } else {
            put_scalar();
        }
    } else if (kind < 11) {
        put("[");
        put_operand(false);
        put(",");
        put_operand(kind == 10);
        put("]");
    } else if (kind < 13 || below(2) == 0) {
        put_conditions(depth);
    } else {
        put_condition(depth + 1);
    }
}

/* Each entry at most once, so that keys are distinct. */
static void put_condition(unsigned depth) {
    unsigned kinds = depth < 5 ? 14 : 11;
    unsigned wanted = below(4);
    const char *separator = "";

    put("{");
    for (unsigned kind = 0; kind < kinds; kind++) {
        if (below(kinds) < wanted) {
            put(separator);
            put_entry(kind, depth);
            separator = ",";
        }
    }
    put("}");
}

/* --- the plain interpreter --------------------------------------------------------------------- */

struct facts {
    struct bl_json values[4];
};

static struct bl_json fact_of(const struct facts *facts, struct bl_str name) {
    assert_true(name.len == 1 && name.data[0] >= 'a' && name.data[0] <= 'd');
    return facts->values[name.data[0] - 'a'];
}

static bool is_number(struct bl_json value) {
    return bl_json_is(value, BL_JSON_INT) || bl_json_is(value, BL_JSON_UINT) ||
           bl_json_is(value, BL_JSON_DOUBLE);
}

/* 80-bit doubles hold all 64-bit integers and all doubles exactly. */
static long double number_of(struct bl_json value) {
    int64_t integer;
    double number = 0;

    if (bl_json_is(value, BL_JSON_UINT)) {
        return (long double)value.doc->nodes[value.index].value.unsigned_integer;
    }
    if (bl_json_is(value, BL_JSON_INT) && bl_json_int64(value, &integer)) {
        return (long double)integer;
    }
    assert_true(bl_json_double(value, &number));
    return (long double)number;
}

static bool plain_equal(struct bl_json a, struct bl_json b) {
    struct bl_str x, y;
    bool p, q;

    if (is_number(a) && is_number(b)) {
        return number_of(a) == number_of(b);
    }
    if (bl_json_type(a) != bl_json_type(b)) {
        return false;
    }
    switch (bl_json_type(a)) {
    case BL_JSON_NULL:
        return true;
    case BL_JSON_BOOL:
        return bl_json_bool(a, &p) && bl_json_bool(b, &q) && p == q;
    case BL_JSON_STRING:
        return bl_json_string(a, &x) && bl_json_string(b, &y) && bl_str_equal(x, y);
    case BL_JSON_ARRAY:
        if (bl_json_count(a) != bl_json_count(b)) {
            return false;
        }
        for (uint32_t i = 0; i < bl_json_count(a); i++) {
            if (!plain_equal(bl_json_at(a, i), bl_json_at(b, i))) {
                return false;
            }
        }
        return true;
    case BL_JSON_OBJECT:
        if (bl_json_count(a) != bl_json_count(b)) {
            return false;
        }
        for (struct bl_json_iter it = bl_json_iter(a); bl_json_next(&it);) {
            if (!plain_equal(it.value, bl_json_get(b, it.key))) {
                return false;
            }
        }
        return true;
    default:
        return false;
    }
}

static bool plain_in(struct bl_json item, struct bl_json list) {
    struct bl_json_iter it = bl_json_iter(list);
    while (bl_json_is(list, BL_JSON_ARRAY) && bl_json_next(&it)) {
        if (plain_equal(item, it.value)) {
            return true;
        }
    }
    return false;
}

static bool plain_compare(const char *word, struct bl_json left, struct bl_json right) {
    struct bl_str x, y;
    int order;

    if (bl_json_is(left, BL_JSON_ABSENT) || bl_json_is(right, BL_JSON_ABSENT)) {
        return false;
    }
    if (strcmp(word, "in") == 0) {
        return plain_in(left, right);
    }
    if (word[1] == '=' && (word[0] == '=' || word[0] == '!')) {
        return plain_equal(left, right) == (word[0] == '=');
    }
    if (is_number(left) && is_number(right)) {
        order = (number_of(left) > number_of(right)) - (number_of(left) < number_of(right));
    } else if (bl_json_string(left, &x) && bl_json_string(right, &y)) {
        order = bl_str_compare(x, y);
    } else {
        return false;
    }
    return word[0] == '<' ? (order < 0 || (order == 0 && word[1] == '='))
                          : (order > 0 || (order == 0 && word[1] == '='));
}

static struct bl_json resolve(struct bl_json operand, const struct facts *facts) {
    struct bl_str name;
    return bl_json_string(bl_json_get(operand, BL_STR("var")), &name) ? fact_of(facts, name)
                                                                      : operand;
}

static bool plain_holds(struct bl_json condition, const struct facts *facts);

static bool plain_entry(struct bl_str key, struct bl_json value, const struct facts *facts) {
    static const char *const words[] = {"==", "!=", "<", "<=", ">", ">=", "in"};
    struct bl_json_iter it = bl_json_iter(value);
    bool all = true;
    bool any = false;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (bl_str_equal_c(key, words[i])) {
            return plain_compare(words[i], resolve(bl_json_at(value, 0), facts),
                                 resolve(bl_json_at(value, 1), facts));
        }
    }
    if (key.len == 1) {
        struct bl_json fact = fact_of(facts, key);
        return !bl_json_is(fact, BL_JSON_ABSENT) &&
               (bl_json_is(value, BL_JSON_ARRAY) ? plain_in(fact, value)
                                                 : plain_equal(fact, value));
    }
    if (bl_json_is(value, BL_JSON_OBJECT)) { /* not */
        return !plain_holds(value, facts);
    }
    while (bl_json_next(&it)) {
        bool holds = plain_holds(it.value, facts);
        all = all && holds;
        any = any || holds;
    }
    return bl_str_equal(key, BL_STR("any")) ? any : bl_str_equal(key, BL_STR("all")) ? all : !all;
}

static bool plain_holds(struct bl_json condition, const struct facts *facts) {
    struct bl_json_iter it = bl_json_iter(condition);
    while (bl_json_next(&it)) {
        if (!plain_entry(it.key, it.value, facts)) {
            return false;
        }
    }
    return true;
}

static struct bl_json read(struct bl_str source, struct bl_arena *arena) {
    struct bl_json_doc *doc = bl_arena_alloc(arena, sizeof(*doc));
    struct bl_str kept;
    struct bl_diag diag;

    assert_non_null(doc);
    assert_true(bl_is_ok(bl_arena_copy(arena, source, &kept)));
    assert_true(bl_is_ok(bl_json_read(kept, &bl_json_request_limits, arena, doc, &diag)));
    return bl_json_root(doc);
}

static struct bl_json random_fact(struct bl_arena *arena) {
    if (below(5) == 0) {
        return BL_JSON_NOTHING;
    }
    bl_buf_reset(&text);
    switch (below(6)) {
    case 0:
        put_list();
        break;
    case 1:
        ONE_OF("{\"x\":1}", "[[1]]", "[{\"a\":1}]", "[]");
        break;
    default:
        put_scalar();
    }
    return read(bl_buf_view(&text), arena);
}

static void conditions_agree_with_a_plain_interpreter(void **state) {
    unsigned held = 0;
    struct bl_arena arena;
    (void)state;

    bl_arena_init(&arena, 65536, 16 * 1024 * 1024);
    for (int round = 0; round < ROUNDS; round++) {
        bl_arena_reset(&arena);
        bl_buf_reset(&text);
        put("{\"weights\":{\"w\":1},\"rules\":[{\"stop\":true,\"when\":");
        put_condition(0);
        put("}]}");
        assert_false(text.overflowed);
        compile_text(&compiled, bl_buf_view(&text));
        if (compiled.policy == NULL) {
            fail_msg("refused: %s: %.*s", compiled.findings.items[0].message, (int)text.len,
                     text.data);
        }
        struct bl_json root = read(bl_buf_view(&text), &arena);
        struct bl_json when =
            bl_json_get(bl_json_at(bl_json_get(root, BL_STR("rules")), 0), BL_STR("when"));
        for (int i = 0; i < 4; i++) {
            struct bl_value values[4] = {{0}};
            struct facts facts;
            for (int f = 0; f < 4; f++) {
                facts.values[f] = random_fact(&arena);
            }
            for (int f = 0; f < compiled.policy->fact_count; f++) {
                values[f] = bl_value_from_json(fact_of(&facts, compiled.policy->facts[f].path));
            }
            bool expected = plain_holds(when, &facts);
            held += expected ? 1 : 0;
            if (bl_condition_holds(compiled.policy, compiled.policy->rules[0].condition, values) !=
                expected) {
                struct bl_str source = bl_json_source(when);
                fail_msg("round %d: should be %d: %.*s", round, expected, BL_STR_ARG(source));
            }
        }
    }
    assert_true(held > ROUNDS / 4 && held < ROUNDS * 4 - ROUNDS / 4); /* both ways are tried */
    bl_arena_fini(&arena);
}

/* --- whole documents --------------------------------------------------------------------------- */

static const char *const members[] = {
    "\"version\":\"1\"",
    "\"strategy\":\"cost\"",
    "\"strategy\":{\"score\":{\"cost\":1,\"load\":0.5}}",
    "\"rules\":[{\"deny\":[\"a\"],\"when\":{\"x\":1}},{\"prefer\":[\"z\",\"a\"]}]",
    "\"rules\":7",
    "\"fallbacks\":[{\"when\":[\"timeout\"],\"to\":\"b\"}]",
    "\"fallback\":{\"provider\":\"l\",\"conditions\":[]}",
    "\"max_attempts\":3",
    "\"max_attempts\":99",
    "\"sticky\":{\"ttl_sec\":9,\"enabled\":true,\"key\":\"k\",\"ttl\":\"1m\"}",
    "\"sticky\":{\"enabled\":1}",
    "\"pre\":[{\"id\":\"e\",\"config\":{\"b\":1,\"a\":2}}]",
    "\"extensions\":{\"post\":[{\"id\":\"f\"}]}",
    "\"metadata\":{\"y\":[1,{\"q\":2,\"p\":3}],\"x\":1.50}",
    "\"defaults\":{}",
    "\"unknown\":1",
    "\"budget\":{\"cost\":5,\"period\":\"week\"}",
    "\"weights\":{\"a\":1,\"b\":2}",
    "\"weights\":{\"b\":0.5,\"a\":1}",
};

#define MEMBERS (sizeof(members) / sizeof(members[0]))

static bool same_key(const char *a, const char *b) {
    size_t len = (size_t)(strchr(a, ':') - a);
    return strncmp(a, b, len + 1) == 0;
}

static void put_document(const char *const *chosen, size_t count) {
    bl_buf_reset(&text);
    put("{");
    for (size_t i = 0; i < count; i++) {
        put(i == 0 ? "" : ",");
        put(chosen[i]);
    }
    put("}");
}

static void the_order_of_keys_does_not_matter(void **state) {
    (void)state;
    unsigned compiled_count = 0;

    for (int round = 0; round < ROUNDS; round++) {
        const char *chosen[MEMBERS];
        size_t count = 0;
        for (size_t i = 0; i < MEMBERS; i++) {
            bool taken = below(3) != 0;
            for (size_t j = 0; j < count; j++) {
                taken = taken || same_key(members[i], chosen[j]);
            }
            if (!taken) {
                chosen[count++] = members[i];
            }
        }
        put_document(chosen, count);
        compile_text(&compiled, bl_buf_view(&text));
        size_t errors = compiled.findings.errors;
        size_t warnings = compiled.findings.warnings;
        uint64_t hash = compiled.policy != NULL ? compiled.policy->content_hash : 0;
        for (size_t i = count; i > 1; i--) { /* Fisher and Yates */
            size_t j = below((unsigned)i);
            const char *swapped = chosen[i - 1];
            chosen[i - 1] = chosen[j];
            chosen[j] = swapped;
        }
        put_document(chosen, count);
        compile_text(&compiled, bl_buf_view(&text));
        assert_int_equal(compiled.findings.errors, errors);
        assert_int_equal(compiled.findings.warnings, warnings);
        assert_true((compiled.policy != NULL ? compiled.policy->content_hash : 0) == hash);
        compiled_count += compiled.policy != NULL ? 1 : 0;
    }
    assert_true(compiled_count > ROUNDS / 100);
}

static void damaged_documents_are_answered_with_findings(void **state) {
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        bl_buf_reset(&text);
        put("{\"weights\":{\"w\":1},");
        put(members[below(MEMBERS)]);
        put(",\"rules\":[{\"stop\":true,\"when\":");
        put_condition(0);
        put("}]}");
        for (unsigned i = below(4); i > 0; i--) {
            text.data[below((unsigned)text.len)] = (char)next_random();
        }
        text.len -= below(3) == 0 ? below((unsigned)text.len) : 0;
        compile_text(&compiled, bl_buf_view(&text)); /* asserts that it says what is wrong */
        for (size_t i = 0; i < compiled.findings.count; i++) {
            assert_true(compiled.findings.items[i].message[0] != '\0');
        }
    }
}

static int setup(void **state) {
    const char *given = getenv("BL_TEST_SEED");
    (void)state;

    state_of_generator = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    print_message("seed: BL_TEST_SEED=%llu\n", (unsigned long long)state_of_generator);
    bl_buf_init(&text, text_storage, sizeof(text_storage));
    return 0;
}

static int teardown(void **state) {
    (void)state;
    release(&compiled);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_agree_with_a_plain_interpreter),
        cmocka_unit_test(the_order_of_keys_does_not_matter),
        cmocka_unit_test(damaged_documents_are_answered_with_findings),
    };
    return cmocka_run_group_tests_name("compile", tests, setup, teardown);
}
