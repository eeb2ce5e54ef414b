/*
 * Regular expressions with bounded time: the syntax of RE2 (which CEL asks for), matched by PCRE2.
 *
 * What RE2 has not, back references, look-around, atomic groups, recursion, verbs, is refused at
 * load. PCRE2 backtracks where RE2 does not, so a match may take so many steps, in proportion to the
 * text: patterns that people write stay far below, one that tries a stretch of text in ever more ways
 * ends as TOO_MUCH instead of in minutes. PCRE2's DFA matcher, which promises one pass, was tried: it
 * keeps a state for each length of a repetition, and runs out of room on `a+$`. No heap during a
 * match.
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
 * BL_PATTERN_TEXT_MAX_BYTES, or more steps or nested repetitions than one match may have. Thread-safe. */
enum bl_match bl_pattern_match(const struct bl_pattern *pattern, struct bl_str text);

#endif
