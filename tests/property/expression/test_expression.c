/*
 * Random expressions: what is printed parses to the same tree, and what is compiled (checked, folded,
 * run as ops) has the value that the specification gives it (support/expression_reference.h), or
 * both are an error.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/seed.h"
#include "expression/syntax.h"
#include "expression/time_value.h"
#include "support/expression_fixture.h"
#include "support/expression_reference.h"

#define TREES 60000
#define FACTS_EVERY 50 /* trees with the same facts */
#define MAX_TEXT 16384

static struct bl_seed seed;
static char texts[4][MAX_TEXT * 4];
static char json[2048];

static uint32_t below(uint32_t bound) {
    return (uint32_t)bl_seed_below(&seed, bound);
}

/* --- trees --------------------------------------------------------------------------------- */

/* What is asked of a part; ANY is hidden from the check by dyn(). */
enum wanted { ANY, BOOL, INT, UINT, DOUBLE, TEXT, LIST, MAP, MOMENT, LENGTH, WANTED_COUNT };

static struct {
    struct bl_str name;
    enum wanted type;
} locals[4];
static int local_count;

static struct bl_node *gen(enum wanted type, int depth);

static struct bl_node *node_of(enum bl_node_kind kind, uint8_t function) {
    struct bl_node *node = bl_arena_calloc(&expression.arena, 1, sizeof(*node));

    assert_non_null(node);
    node->kind = (uint8_t)kind;
    node->function = function;
    node->local = -1;
    return node;
}

static struct bl_node *add(struct bl_node *parent, struct bl_node *child) {
    if (parent->last != NULL) {
        parent->last->next = child;
    } else {
        parent->first = child;
    }
    parent->last = child;
    parent->count++;
    return parent;
}

static struct bl_node *literal(struct bl_value value) {
    struct bl_node *node = node_of(BL_NODE_LITERAL, 0);
    node->value = value;
    return node;
}

static struct bl_node *name_of(struct bl_str name) {
    struct bl_node *node = node_of(BL_NODE_NAME, 0);
    node->name = name;
    return node;
}

static struct bl_node *call(enum bl_function function, struct bl_node *a, struct bl_node *b) {
    struct bl_node *node = add(node_of(BL_NODE_CALL, (uint8_t)function), a);
    enum bl_function_style style = bl_function_style(function);

    node->is_method = style == BL_STYLE_METHOD || (style == BL_STYLE_EITHER && below(2) == 0);
    return b != NULL ? add(node, b) : node;
}

static struct bl_node *text_of(const char *text) {
    return literal(bl_value_text(bl_str_from_c(text)));
}

static const char *pick_text(void) {
    static const char *const pool[] = {"",        "a",  "b",    "ab",  "hello",
                                       "tier",    "12", "true", "-3",  "h\xc3\xa9\xe2\x82\xac",
                                       "\"\\\n'", "1s", "1.5",  "gold"};
    return pool[below(sizeof(pool) / sizeof(pool[0]))];
}

static int64_t pick_int(void) {
    static const int64_t pool[] = {
        INT64_MIN, INT64_MIN + 1, -INT64_C(9007199254740993), INT64_C(9007199254740993),
        INT64_MAX, INT64_MAX - 1};
    return below(4) == 0 ? pool[below(6)] : (int64_t)below(12) - 4;
}

static double pick_double(void) {
    static const double pool[] = {0.0,  -0.0,  0.5,   -1.5,   9007199254740992.0,
                                  1e19, -1e19, 1e300, 5e-324, 9223372036854775808.0};
    return below(2) == 0 ? (double)below(6) : pool[below(10)];
}

static struct bl_node *leaf(enum wanted type) {
    static const char *const names[] = {"any",  "flag",  "number", "whole", "real",
                                        "text", "items", "labels", "when",  "wait"};
    struct bl_value value = {.type = BL_VALUE_NULL};

    for (int i = local_count; i-- > 0;) {
        if ((locals[i].type == type || below(12) == 0) && below(4) > 0) {
            return name_of(locals[i].name);
        }
    }
    if (below(3) == 0) {
        return name_of(bl_str_from_c(names[type]));
    }
    switch (type) {
    case BOOL:
        return literal(bl_value_bool(below(2) == 0));
    case INT:
        return literal(bl_value_int(pick_int()));
    case UINT:
        value.type = BL_VALUE_UINT;
        value.as.unsigned_integer = below(4) == 0 ? UINT64_MAX - below(2) : below(8);
        return literal(value);
    case DOUBLE:
        value.type = BL_VALUE_DOUBLE;
        value.as.number = pick_double();
        return literal(value);
    case TEXT:
        return text_of(pick_text());
    case LIST: {
        struct bl_node *list = node_of(BL_NODE_LIST, 0);
        for (uint32_t i = below(4); i-- > 0;) {
            add(list, literal(bl_value_int((int64_t)below(6))));
        }
        return list;
    }
    case MAP:
        return node_of(BL_NODE_MAP, 0);
    case MOMENT:
        value = bl_value_int(below(3) == 0 ? 253402300799 : (int64_t)below(2000000000) - 1000000);
        return call(BL_FUNCTION_TIMESTAMP, literal(value), NULL);
    case LENGTH:
        return call(BL_FUNCTION_DURATION, text_of(below(4) == 0 ? "9223372036s" : "-90s"), NULL);
    default:
        return literal(value);
    }
}

static enum wanted some_type(void) {
    return (enum wanted)(1 + below(WANTED_COUNT - 1));
}

static struct bl_node *macro(enum bl_macro loop, enum wanted yield, int depth) {
    static const char *const names[] = {"x", "y", "number", "text"};
    struct bl_node *node = node_of(BL_NODE_LOOP, (uint8_t)loop);
    bool over_map = below(8) == 0;

    node->name = local_count > 0 && below(2) == 0 ? locals[local_count - 1].name /* hides it */
                                                  : bl_str_from_c(names[below(4)]);
    add(node, over_map ? gen(MAP, depth - 1) : gen(LIST, depth - 1));
    if (local_count == 3) {
        return add(node, literal(bl_value_bool(true)));
    }
    locals[local_count].name = node->name;
    locals[local_count++].type = over_map ? TEXT : INT;
    if (loop != BL_MACRO_MAP || below(3) == 0) {
        add(node, gen(BOOL, depth - 1));
    }
    if (loop == BL_MACRO_MAP) {
        add(node, gen(yield, depth - 1));
    }
    local_count--;
    return node;
}

static struct bl_node *member_of(enum bl_node_kind kind, int depth) {
    static const char *const names[] = {"tier", "a", "b", "if", "n"};
    struct bl_node *node = node_of(kind, 0);

    node->name = bl_str_from_c(names[below(5)]);
    return add(node, below(2) == 0   ? name_of(BL_STR("labels"))
                     : below(3) == 0 ? member_of(BL_NODE_SELECT, depth - 1)
                                     : gen(MAP, depth - 1));
}

static struct bl_node *gen_bool(int depth) {
    static const enum bl_function orders[] = {BL_FUNCTION_LESS, BL_FUNCTION_LESS_EQUAL,
                                              BL_FUNCTION_GREATER, BL_FUNCTION_GREATER_EQUAL};
    static const char *const patterns[] = {"^a", "b$", "a.*b", "[0-9]+", "a|h", "^(ab)*$"};
    static const enum wanted ordered[] = {BOOL, INT, UINT, DOUBLE, TEXT, MOMENT, LENGTH};
    enum wanted type = some_type();
    enum wanted other = type;
    struct bl_node *node;

    switch (below(10)) {
    case 0:
    case 1:
        node = node_of(BL_NODE_CALL, below(2) == 0 ? BL_FUNCTION_AND : BL_FUNCTION_OR);
        for (uint32_t i = 2 + below(3); i-- > 0;) {
            add(node, gen(BOOL, depth - 1));
        }
        return node;
    case 2:
        return call(BL_FUNCTION_NOT, gen(BOOL, depth - 1), NULL);
    case 3:
        if (type == INT || type == UINT || type == DOUBLE) {
            other = (enum wanted)(INT + below(3));
        }
        return call(below(2) == 0 ? BL_FUNCTION_EQUAL : BL_FUNCTION_NOT_EQUAL, gen(type, depth - 1),
                    gen(other, depth - 1));
    case 4:
        type = ordered[below(7)];
        other = type >= INT && type <= DOUBLE ? (enum wanted)(INT + below(3)) : type;
        return call(orders[below(4)], gen(type, depth - 1), gen(other, depth - 1));
    case 5:
        return call(BL_FUNCTION_IN, gen(type, depth - 1),
                    gen(below(3) > 0 ? LIST : MAP, depth - 1));
    case 6:
        return below(3) == 0
                   ? call(BL_FUNCTION_MATCHES, gen(TEXT, depth - 1), text_of(patterns[below(6)]))
                   : call((enum bl_function)(BL_FUNCTION_STARTS_WITH + below(3)),
                          gen(TEXT, depth - 1), gen(TEXT, depth - 1));
    case 7:
        return member_of(BL_NODE_HAS, depth);
    default:
        return macro((enum bl_macro)below(3), BOOL, depth);
    }
}

static struct bl_node *gen_number(enum wanted type, int depth) {
    enum bl_function arithmetic = (enum bl_function)(BL_FUNCTION_ADD + below(5));
    enum wanted from = (enum wanted)(INT + below(4));

    if (type == INT && below(3) == 0) {
        enum bl_function getter = (enum bl_function)(BL_FUNCTION_GET_FULL_YEAR + below(10));
        bool of_length = getter >= BL_FUNCTION_GET_HOURS && below(2) == 0;
        return below(2) == 0
                   ? call(BL_FUNCTION_SIZE, gen((enum wanted)(TEXT + below(3)), depth - 1), NULL)
                   : call(getter, gen(of_length ? LENGTH : MOMENT, depth - 1), NULL);
    }
    if (below(3) == 0) {
        return call(type == INT    ? BL_FUNCTION_INT
                    : type == UINT ? BL_FUNCTION_UINT
                                   : BL_FUNCTION_DOUBLE,
                    gen(from, depth - 1), NULL);
    }
    if (type != UINT && below(5) == 0) {
        return call(BL_FUNCTION_NEGATE, gen(type, depth - 1), NULL);
    }
    arithmetic = type == DOUBLE && arithmetic == BL_FUNCTION_MODULO ? BL_FUNCTION_ADD : arithmetic;
    return call(arithmetic, gen(type, depth - 1), gen(type, depth - 1));
}

static struct bl_node *gen_container(enum wanted type, int depth) {
    struct bl_node *node = node_of(type == LIST ? BL_NODE_LIST : BL_NODE_MAP, 0);
    enum wanted item = below(2) == 0 ? INT : some_type();

    if (type == LIST && below(2) == 0) {
        return below(3) > 0 ? macro(below(2) == 0 ? BL_MACRO_FILTER : BL_MACRO_MAP, INT, depth)
                            : call(BL_FUNCTION_ADD, gen(LIST, depth - 1), gen(LIST, depth - 1));
    }
    for (uint32_t i = below(4); i-- > 0;) {
        if (type == MAP) {
            add(node, below(3) > 0 ? text_of(pick_text())
                                   : gen((enum wanted)(BOOL + below(3)), depth - 1));
        }
        add(node, gen(item, depth - 1));
    }
    return node;
}

static struct bl_node *gen_any(int depth) {
    switch (below(6)) {
    case 0:
        return member_of(BL_NODE_SELECT, depth);
    case 1:
        return call(BL_FUNCTION_INDEX, gen(LIST, depth - 1), gen(INT, depth - 1));
    case 2:
        return call(BL_FUNCTION_INDEX, gen(MAP, depth - 1), gen(TEXT, depth - 1));
    case 3:
        return call(BL_FUNCTION_TYPE, gen(some_type(), depth - 1), NULL);
    default:
        return call(BL_FUNCTION_DYN, gen(some_type(), depth - 1), NULL);
    }
}

static struct bl_node *gen(enum wanted type, int depth) {
    struct bl_node *node;

    if (depth <= 0) {
        return leaf(type);
    }
    if (below(10) == 0) {
        return gen_any(depth);
    }
    if (below(10) == 0) {
        node = call(BL_FUNCTION_CONDITIONAL, gen(BOOL, depth - 1), gen(type, depth - 1));
        return add(node, gen(type, depth - 1));
    }
    if (below(5) == 0) {
        return leaf(type);
    }
    switch (type) {
    case BOOL:
        return gen_bool(depth);
    case INT:
    case UINT:
    case DOUBLE:
        return gen_number(type, depth);
    case TEXT:
        return below(2) == 0
                   ? call(BL_FUNCTION_ADD, gen(TEXT, depth - 1), gen(TEXT, depth - 1))
                   : call(BL_FUNCTION_STRING, gen((enum wanted)(BOOL + below(3)), depth - 1), NULL);
    case LIST:
    case MAP:
        return gen_container(type, depth);
    case MOMENT:
        return call(below(2) == 0 ? BL_FUNCTION_ADD : BL_FUNCTION_SUBTRACT, gen(MOMENT, depth - 1),
                    gen(LENGTH, depth - 1));
    case LENGTH:
        return below(2) == 0
                   ? call(BL_FUNCTION_SUBTRACT, gen(MOMENT, depth - 1), gen(MOMENT, depth - 1))
                   : call(BL_FUNCTION_ADD, gen(LENGTH, depth - 1), gen(LENGTH, depth - 1));
    default:
        return gen_any(depth);
    }
}

/* --- facts --------------------------------------------------------------------------------- */

static void random_facts(void) {
    static const char *const anything[] = {"1",    "\"a\"", "null",      "true",
                                           "2.5",  "[1]",   "{\"a\":1}", "18446744073709551615",
                                           "\"\"", "-1.0",  "[]",        "{}"};
    (void)snprintf(json, sizeof(json),
                   "{\"any\": %s, \"flag\": %s, \"number\": %" PRId64 ", \"whole\": 0, "
                   "\"real\": %.17g, \"text\": \"%s\", \"items\": [%d, %s, 3], "
                   "\"labels\": {\"tier\": %s, \"%s\": {\"a\": %s}}, \"when\": 0, \"wait\": 0}",
                   anything[below(12)], below(2) == 0 ? "true" : "false", pick_int(),
                   (double)below(9) / 2 + 0.25, below(2) == 0 ? "hello" : "ab", (int)below(3),
                   anything[below(12)], anything[below(12)], below(2) == 0 ? "a" : "b",
                   anything[below(12)]);
    expression_facts(json);
}

/* The facts as the reference sees them: with the variables that JSON has no form for. */
static struct bl_value all_variables(void) {
    static struct bl_value entries[64];
    struct bl_value_iter iter = bl_value_iter(&expression.facts);
    uint32_t count = 0;

    while (bl_value_next(&iter)) {
        entries[2 * count] = bl_value_text(bl_value_str(&iter.key));
        entries[2 * count + 1] = iter.value;
        if (bl_str_equal_c(bl_value_str(&iter.key), "whole")) {
            entries[2 * count + 1] =
                (struct bl_value){.type = BL_VALUE_UINT, .as.unsigned_integer = 7};
        } else if (bl_str_equal_c(bl_value_str(&iter.key), "when")) {
            (void)bl_timestamp_parse(BL_STR("2026-11-23T09:30:15.25Z"), &entries[2 * count + 1]);
        } else if (bl_str_equal_c(bl_value_str(&iter.key), "wait")) {
            (void)bl_duration_parse(BL_STR("1m30.5s"), &entries[2 * count + 1]);
        }
        count++;
    }
    return (struct bl_value){.type = BL_VALUE_MAP, .count = count, .as.items = entries};
}

/* --- properties ---------------------------------------------------------------------------- */

static struct bl_str print(const struct bl_node *node, char *out) {
    struct bl_buf buf;

    bl_buf_init(&buf, out, sizeof(texts[0]));
    bl_expression_print(node, &buf);
    assert_false(buf.overflowed);
    return bl_buf_view(&buf);
}

static bool same_tree(const struct bl_node *a, const struct bl_node *b) {
    if (a == NULL || b == NULL) {
        return a == b;
    }
    bool is_call = a->kind == BL_NODE_CALL || a->kind == BL_NODE_LOOP;
    bool is_double = a->value.type == BL_VALUE_DOUBLE;
    if (a->kind != b->kind || (is_call && a->function != b->function) || a->count != b->count ||
        (a->kind == BL_NODE_CALL && a->is_method != b->is_method)) {
        return false;
    }
    if (a->kind == BL_NODE_LITERAL &&
        (a->value.type != b->value.type || !bl_value_equal(&a->value, &b->value) ||
         (is_double && a->value.as.unsigned_integer != b->value.as.unsigned_integer))) {
        return false;
    }
    if ((a->kind == BL_NODE_NAME || a->kind == BL_NODE_SELECT || a->kind == BL_NODE_HAS ||
         a->kind == BL_NODE_LOOP) &&
        !bl_str_equal(a->name, b->name)) {
        return false;
    }
    const struct bl_node *x = a->first, *y = b->first;
    while (x != NULL && y != NULL && same_tree(x, y)) {
        x = x->next;
        y = y->next;
    }
    return x == NULL && y == NULL;
}

static struct bl_str write_value(struct bl_value value, char *out) {
    struct bl_buf buf;

    bl_buf_init(&buf, out, sizeof(texts[0]));
    if (value.type == BL_VALUE_ERROR) {
        bl_buf_literal(&buf, "error");
    } else {
        bl_value_write(&value, &buf);
    }
    assert_false(buf.overflowed);
    return bl_buf_view(&buf);
}

struct tally {
    size_t refused, failed, too_large, values;
};

static bool ran_out(struct bl_value value) {
    return value.type == BL_VALUE_ERROR && (bl_error_code(&value) == BL_EVALUATION_TOO_LARGE ||
                                            bl_error_code(&value) == BL_EVALUATION_TOO_EXPENSIVE);
}

/* False, with everything printed, if the two ways differ. */
static bool agree(const struct bl_node *tree, struct bl_str text, struct tally *tally) {
    struct bl_value variables = all_variables();
    bool is_unknown;
    struct bl_value wanted = reference_evaluate(tree, &variables, &expression.arena, &is_unknown);
    struct bl_str wanted_text = write_value(wanted, texts[3]);

    for (int folds = 0; folds < 2 && !is_unknown; folds++) {
        uint32_t index;
        expression.folds = folds != 0;
        if (bl_is_error(expression_compile(text, &index))) {
            tally->refused++;
            return true;
        }
        struct bl_value found = expression_run(index);
        if (ran_out(found)) {
            tally->too_large++;
            return true;
        }
        struct bl_str found_text = write_value(found, texts[2]);
        if (!bl_str_equal(found_text, wanted_text)) {
            print_error(
                "%.*s\n  facts:     %s\n  %s  %.*s%s%s\n  reference: %.*s\n", BL_STR_ARG(text),
                json, folds != 0 ? "folded:  " : "unfolded:", BL_STR_ARG(found_text),
                found.type == BL_VALUE_ERROR ? ": " : "",
                found.type == BL_VALUE_ERROR ? bl_evaluation_error_text(bl_error_code(&found)) : "",
                BL_STR_ARG(wanted_text));
            return false;
        }
    }
    tally->failed += wanted.type == BL_VALUE_ERROR;
    tally->values += wanted.type != BL_VALUE_ERROR;
    return true;
}

static void printing_and_running(void **state) {
    struct tally tally = {0};
    size_t wrong = 0;
    (void)state;

    for (size_t i = 0; i < TREES && wrong < 5; i++) {
        if (i % FACTS_EVERY == 0) {
            bl_arena_reset(&expression.arena);
            random_facts();
        }
        local_count = 0;
        struct bl_node *made = gen(some_type(), 2 + (int)below(4));
        struct bl_str text = print(made, texts[0]);
        if (text.len > MAX_TEXT) {
            continue;
        }
        struct bl_node *read = expression_tree(text);
        struct bl_str again = print(read, texts[1]);
        if (!bl_str_equal(text, again) || !same_tree(made, read)) {
            print_error("%.*s\n  is read and printed as\n%.*s\n", BL_STR_ARG(text),
                        BL_STR_ARG(again));
            wrong++;
            continue;
        }
        wrong += agree(read, text, &tally) ? 0 : 1;
    }
    print_message("%zu values, %zu errors, %zu refused, %zu out of room\n", tally.values,
                  tally.failed, tally.refused, tally.too_large);
    assert_int_equal(wrong, 0);
    /* Else the generator is no good. */
    assert_true(tally.values > TREES / 4 && tally.failed > TREES / 50);
    assert_true(tally.refused < TREES / 3 && tally.too_large < TREES / 50);
}

/* From BL_TEST_SEED, or a fixed one; printed, so that a failure can be run again. */
static int setup(void **state) {
    const char *text = getenv("BL_TEST_SEED");
    uint64_t value = text != NULL ? strtoull(text, NULL, 0) : UINT64_C(20261123);
    (void)state;
    print_message("BL_TEST_SEED=%" PRIu64 "\n", value);
    bl_seed_init(&seed, value);
    expression_open("{}");
    expression.scratch_bytes = (size_t)256 * 1024;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    expression_close();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(printing_and_running)};
    return cmocka_run_group_tests_name("expression", tests, setup, teardown);
}
