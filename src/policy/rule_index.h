/*
 * Which rules can match at all: an index over the equality tests of their conditions.
 *
 * Most rules begin with a test like metadata.tier == "gold" or tenant.id in ["a", "b"]. A rule that
 * must pass such a test is listed under the texts that pass it, so that one look-up per fact finds
 * the rules worth evaluating, and sixty-four rules cost what five do. The index only leaves out what
 * cannot match: with and without it the same rules match and the same conditions fail.
 */
#ifndef BL_POLICY_RULE_INDEX_H
#define BL_POLICY_RULE_INDEX_H

#include "base/arena.h"
#include "expression/program.h"

struct bl_rule;

/* One bit per rule. */
#define BL_RULE_WORDS(rule_count) (((rule_count) + 63u) / 64)

struct bl_rule_index_entry {
    struct bl_str text; /* absent = an empty place */
    const uint64_t *rules;
};

/* The rules that test one fact. */
struct bl_rule_index_fact {
    uint16_t slot;
    uint32_t mask;                             /* places - 1; places are a power of two */
    const struct bl_rule_index_entry *entries; /* open addressing, linear probing, half full */
    const uint64_t
        *when_absent; /* those whose condition fails, rather than not holding, without it */
};

struct bl_rule_index {
    const uint64_t *always; /* rules to evaluate whatever the facts are */
    const struct bl_rule_index_fact *facts;
    uint16_t fact_count;
};

/* Builds the index of `rules` in `arena`. Errors: RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_rule_index_build(const struct bl_rule *rules, uint16_t rule_count,
                                          const struct bl_program *program, uint16_t fact_count,
                                          struct bl_arena *arena, struct bl_rule_index *out);

/* Sets the bits of the rules worth evaluating for `facts`: BL_RULE_WORDS(rule_count) words. */
void bl_rule_index_find(const struct bl_rule_index *index, uint16_t rule_count,
                        const struct bl_value *facts, uint64_t *rules);

#endif
