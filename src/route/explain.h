/*
 * Why a decision came out as it did: JSON for tools, sentences for people. Both are made from the
 * input and the decision alone, so a replayed record explains itself.
 */
#ifndef BL_ROUTE_EXPLAIN_H
#define BL_ROUTE_EXPLAIN_H

#include "base/buf.h"
#include "json/writer.h"
#include "route/decide.h"

/* Writes the object {policy, rules, candidates, session?, draw?, chosen?, runner_up?}. Candidates
 * that do not fit into `max_bytes` more bytes are cut from the end with "truncated": true; the
 * object stays whole. */
void bl_explain_json(const struct bl_decision_input *input, const struct bl_decision *decision,
                     size_t max_bytes, struct bl_json_writer *writer);

/* One line per thing that mattered, each ended by a newline. */
void bl_explain_text(const struct bl_decision_input *input, const struct bl_decision *decision,
                     struct bl_buf *buf);

#endif
