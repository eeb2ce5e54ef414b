/*
 * Canonical JSON: one text for all documents that mean the same. Keys are sorted by their bytes,
 * numbers are written in one way (1, 1.0, 1e0 and -0 with 0: what is equal has one text), strings
 * with the fewest escapes, no space. For hashing and comparing, not for people.
 *
 * It differs from RFC 8785 in the order of keys beyond the basic plane, which sorts by UTF-16
 * there, and in keeping 64-bit integers exact.
 */
#ifndef BL_JSON_CANONICAL_H
#define BL_JSON_CANONICAL_H

#include "base/arena.h"
#include "json/json.h"
#include "json/writer.h"

/* Writes `value`; the sorting takes 4 bytes per key from `arena`. Fails with RESOURCE_EXHAUSTED
 * when the arena is full, the value then being half written; that the buffer overflowed is left to
 * the writer to say. */
BL_MUST_USE bl_result bl_json_write_canonical(struct bl_json_writer *writer, struct bl_json value,
                                              struct bl_arena *arena);

#endif
