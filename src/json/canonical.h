/*
 * Canonical JSON: one text for all documents that mean the same. Keys are sorted by bytes, numbers
 * are written in one way (integers that a double holds exactly as integers: 1, 1.0 and 1e0 are the
 * same), no space. For hashing and comparing, not for people.
 */
#ifndef BL_JSON_CANONICAL_H
#define BL_JSON_CANONICAL_H

#include "base/arena.h"
#include "json/json.h"
#include "json/writer.h"

/* Writes `value`; the sorting takes memory from `arena`. Fails with RESOURCE_EXHAUSTED when the
 * arena is full; that the buffer overflowed is left to the writer to say. */
BL_MUST_USE bl_result bl_json_write_canonical(struct bl_json_writer *writer, struct bl_json value,
                                              struct bl_arena *arena);

#endif
