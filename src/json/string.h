/* Strings of RFC 8259. Private to this folder. */
#ifndef BL_JSON_STRING_H
#define BL_JSON_STRING_H

#include "base/arena.h"
#include "base/result.h"
#include "base/str.h"

/* Where the strings of one text that have escapes are decoded. One block of the arena holds them
 * all: it is taken at the first escape, as large as the text that is left then. */
struct bl_json_decoding {
    struct bl_arena *arena;
    char *room; /* for the next string; NULL at first */
};

/*
 * Reads the string whose opening quote is at `*at`, and moves `*at` behind its closing quote. `end`
 * is the end of the text, the same for all strings of one decoding, which are read in their order.
 * The value is a view into the text, or, if it has escapes, into the arena. Fails with
 * INVALID_REQUEST, `*problem` set and `*at` at the offending byte; RESOURCE_EXHAUSTED.
 */
BL_MUST_USE bl_result bl_json_string_read(const char **at, const char *end,
                                          struct bl_json_decoding *decoding, struct bl_str *value,
                                          const char **problem);

#endif
