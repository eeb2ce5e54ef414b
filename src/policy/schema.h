/*
 * Pages made from the tables of keys, so that they cannot disagree with the parser:
 * schemas/policy.schema.json for editors, docs/policy-reference.md for people.
 */
#ifndef BL_POLICY_SCHEMA_H
#define BL_POLICY_SCHEMA_H

#include "base/buf.h"
#include "json/writer.h"

/* Bytes that are enough for either page. */
#define BL_POLICY_PAGE_BYTES ((size_t)64 * 1024)

/*
 * A JSON Schema (2020-12) of policy documents. What it refuses, the compiler refuses; the compiler
 * also checks what a schema cannot say (names that must agree, weights that must not be mixed).
 * Unknown keys are refused by both. Thread-safe.
 */
void bl_policy_schema_write(struct bl_json_writer *writer);

/* The reference page in Markdown: every key with type, range, default and meaning. Thread-safe. */
void bl_policy_reference_write(struct bl_buf *buf);

#endif
