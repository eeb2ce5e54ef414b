/*
 * Requests by example: one for which conditions hold, or the proof that there is none.
 *
 * The search tries, for each fact that the conditions read, the values that can make a difference:
 * the constants it is compared with, their neighbours, something else, and nothing. If all
 * comparisons are between a fact and a constant these are all the cases there are, so finding none
 * proves that there is none. What is found is written as a request, read back and evaluated again:
 * it holds for the request that a person would send, not only for an array of values.
 */
#ifndef BL_FLOW_EXAMPLE_H
#define BL_FLOW_EXAMPLE_H

#include "flow/request.h"
#include "policy/policy.h"

#define BL_EXAMPLE_MAX_BYTES 4096
#define BL_EXAMPLE_TRIES 4096

enum bl_search {
    BL_SEARCH_FOUND,
    BL_SEARCH_NONE,    /* proven: there is no such request */
    BL_SEARCH_UNKNOWN, /* nothing was found, which proves nothing */
};

/* Indexes of conditions (BL_CONDITION_ALWAYS among them). */
struct bl_example_query {
    const struct bl_policy *policy;
    const uint32_t *holding; /* all of these hold */
    size_t holding_count;
    const uint32_t *failing; /* none of these does */
    size_t failing_count;
    uint64_t *cost_left; /* of all searches of a run (expression/evaluate.h); when it is used up
                            nothing more is found. NULL = no bound but the tries */
};

/* Searches. After FOUND `*request` is JSON in `arena`, in the canonical dialect. Deterministic; takes
 * at most BL_EXAMPLE_TRIES evaluations. For tools. */
enum bl_search bl_example_search(const struct bl_example_query *query, struct bl_arena *arena,
                                 struct bl_str *request);

/* A request as such an example has it, for deciding it: `request` is JSON in the canonical dialect
 * without headers. False if it is none. */
bool bl_example_read(struct bl_str text, struct bl_arena *arena, struct bl_json_doc *doc,
                     struct bl_request *request);

#endif
