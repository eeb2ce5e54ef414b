/*
 * Regular expressions with bounded time: the syntax of RE2 (which CEL asks for), matched by PCRE2.
 *
 * What cannot be matched in one pass over the text is refused at load: back references, look-around,
 * atomic groups, recursion, verbs. The rest runs through PCRE2's DFA matcher with the search made
 * part of the pattern, so that a match costs at most (bytes of the text) × (states of the pattern),
 * whatever the two are; the states are bounded by the workspace. No heap during a match.
 */
#ifndef BL_EXPRESSION_PATTERN_H
#define BL_EXPRESSION_PATTERN_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/str.h"

#define BL_PATTERN_MAX_BYTES 512
#define BL_PATTERN_TEXT_MAX_BYTES 65536

struct bl_pattern;

/* Compiles `text` into `arena`, which it lives with. Errors: INVALID_REQUEST with message and hint
 * in `diag`; RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_pattern_compile(struct bl_str text, struct bl_arena *arena,
                                         const struct bl_pattern **out, struct bl_diag *diag);

enum bl_match { BL_MATCH_NO, BL_MATCH_YES, BL_MATCH_TOO_MUCH };

/* Whether the pattern matches anywhere in `text` (valid UTF-8). TOO_MUCH: more than
 * BL_PATTERN_TEXT_MAX_BYTES, or more states than there is room for. Thread-safe. */
enum bl_match bl_pattern_match(const struct bl_pattern *pattern, struct bl_str text);

#endif
