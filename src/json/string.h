/* Strings of RFC 8259. Private to this folder. */
#ifndef BL_JSON_STRING_H
#define BL_JSON_STRING_H

#include "base/arena.h"
#include "base/result.h"
#include "base/str.h"

/*
 * Reads the string whose opening quote is at `*at`, and moves `*at` behind its closing quote. The
 * value is a view into the text, or, if it has escapes, a copy in `arena`. Fails with
 * INVALID_REQUEST, `*problem` set and `*at` at the offending byte; RESOURCE_EXHAUSTED.
 */
BL_MUST_USE bl_result bl_json_string_read(const char **at, const char *end, struct bl_arena *arena,
                                          struct bl_str *value, const char **problem);

#endif
