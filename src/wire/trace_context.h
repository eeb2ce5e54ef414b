/*
 * Which trace a message belongs to: the router's own trace ids, any opaque text, and the W3C Trace
 * Context that instrumented callers send (https://www.w3.org/TR/trace-context/).
 */
#ifndef BL_WIRE_TRACE_CONTEXT_H
#define BL_WIRE_TRACE_CONTEXT_H

#include <stdint.h>

#include "base/buf.h"
#include "wire/message.h"

#define BL_TRACEPARENT_BYTES 55 /* 00-<32 hex>-<16 hex>-<2 hex> */

struct bl_trace_context {
    struct bl_str trace_id; /* 32 lower-case hexadecimal digits; absent = none came */
    struct bl_str parent_id;
    struct bl_str flags;
};

/* Reads a traceparent header: versions to come are read as far as version 00 goes; anything else, and
 * headers that do not agree, count as none, as the specification wants. Views into the header. */
struct bl_trace_context bl_trace_context_read(const struct bl_headers *headers);

/* Writes the header for what is done on behalf of `context`, whose trace_id is present: `span_id` is
 * 8 random bytes; all zero counts as 1. */
void bl_trace_context_write(const struct bl_trace_context *context, const uint8_t span_id[8],
                            char out[BL_TRACEPARENT_BYTES]);

/* The trace id of a message: headers trace_id, X-Trace-Id, x-correlation-id, then `from_body`, then the
 * trace of traceparent. What is blank or longer than BL_WIRE_TRACE_ID_MAX counts as not there. */
struct bl_str bl_wire_trace_id(const struct bl_headers *headers, struct bl_str from_body);

#endif
