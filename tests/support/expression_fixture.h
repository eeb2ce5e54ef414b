/*
 * Expressions in tests: from a text to the text of its value, in one call.
 *
 * The variables are those of `facts` (any type, known only when it runs), and with fixed types:
 *   flag bool, number int, whole uint, real double, text string, items list, labels map(string, dyn),
 *   when timestamp, wait duration.
 * Each expression runs twice, with and without folding of constants; both have to agree.
 */
#ifndef BL_TESTS_SUPPORT_EXPRESSION_FIXTURE_H
#define BL_TESTS_SUPPORT_EXPRESSION_FIXTURE_H

#include "expression/evaluate.h"
#include "expression/expression.h"

#define EXPRESSION_MAX_FACTS 64

struct expression_fixture {
    struct bl_arena arena;
    struct bl_json_doc facts_doc;
    struct bl_value facts; /* a map: what stands under each name */
    struct bl_expression_scope scope;
    uint32_t cost_max;    /* of each run */
    size_t scratch_bytes; /* 16 KiB; at most 256 KiB */
    bool folds;           /* what expression_compile does */
    struct bl_diag diag;  /* of the last compilation */
    struct bl_type type;  /* of the last expression that compiled */
    uint32_t cost;        /* of the last run */

    struct {
        struct bl_str path;
        enum bl_projection projection;
    } read[EXPRESSION_MAX_FACTS];
    uint16_t read_count;
    struct bl_code code;
};

extern struct expression_fixture expression;

/* Facts of JSON, an object. Called once per test (or in its setup), and undone by the other. */
void expression_open(const char *facts_json);
void expression_close(void);

/* Replaces the facts. */
void expression_facts(const char *facts_json);

/* Parses, or fails the test. */
struct bl_node *expression_tree(struct bl_str text);

/* From text to ops at `*index`, in the fixture's code; its diagnostic says why not. */
bl_result expression_compile(struct bl_str text, uint32_t *index);

/* Runs the ops at `index` against the facts. Texts and lists it makes live until the next run. */
struct bl_value expression_run(uint32_t index);

/* The value as a literal ("3", "\"a\"", "[1, 2]"), "error: overflow" if it ran into an error, or
 * "column 3: message; hint" if it was refused. Lives until the next call. */
const char *expression_of(const char *text);
const char *expression_of_bytes(struct bl_str text);

struct expression_case {
    const char *text;
    const char *wanted; /* what expression_of says; if it ends with "...", only the beginning */
};

/* Evaluates all of them; prints each that differs, then fails. */
void expect_expressions(const struct expression_case *cases, size_t count);
#define EXPECT_EXPRESSIONS(cases) expect_expressions(cases, sizeof(cases) / sizeof((cases)[0]))

#endif
