/*
 * The OpenAPI document (3.1) of everything that is served over HTTP, made from the table of
 * operations, the table of errors, the keys of policies, and the tables of api/schemas.h: it cannot
 * name what is not there.
 */
#ifndef BL_API_OPENAPI_H
#define BL_API_OPENAPI_H

#include "base/arena.h"
#include "base/result.h"
#include "json/writer.h"

/* The document fits into this. */
#define BL_OPENAPI_BYTES 65000

/* Writes the document; takes some 70 KiB from `arena`. Errors: RESOURCE_EXHAUSTED. Pure. */
BL_MUST_USE bl_result bl_openapi_write(struct bl_arena *arena, struct bl_json_writer *writer);

#endif
