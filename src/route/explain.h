/*
 * Why a decision came out as it did: JSON for tools, sentences for people. Both are made from the
 * input and the decision alone, so a replayed record explains itself.
 */
#ifndef BL_ROUTE_EXPLAIN_H
#define BL_ROUTE_EXPLAIN_H

#include "base/buf.h"
#include "json/writer.h"
#include "route/decide.h"

/* Writes the object
 *   {policy{id, revision}, rules[{line, matched, effect}], candidates[{provider_id, weight,
 *    eligible, dropped?, why?}], session?, draw?{kind, value, total?}, chosen?, runner_up?,
 *    text[…], truncated?}
 * `text` holds the lines of bl_explain_text. What does not fit into `max_bytes` is cut from the
 * end of rules and candidates with "truncated": true; the object stays whole. Only below 20 KiB may
 * it come out longer, when ids are at their longest. */
void bl_explain_json(const struct bl_decision_input *input, const struct bl_decision *decision,
                     size_t max_bytes, struct bl_json_writer *writer);

/* One line per thing that mattered, each ended by a newline: the rules that matched, each candidate
 * that was dropped, how the choice fell, and who was next. Names no value of the request. */
void bl_explain_text(const struct bl_decision_input *input, const struct bl_decision *decision,
                     struct bl_buf *buf);

#endif
