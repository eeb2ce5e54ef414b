/*
 * Typed reads of a message's fields. Private to this folder.
 *
 * A field that is missing or null is absent, and leaves `*out` as it is. One of another type is
 * refused with its path, what was found and what is wanted; never with its value, which belongs to
 * the sender.
 */
#ifndef BL_WIRE_FIELDS_H
#define BL_WIRE_FIELDS_H

#include "flow/request.h"

#define BL_WIRE_ID_MAX 256
#define BL_WIRE_TRACE_ID_MAX 128
#define BL_WIRE_METADATA_MAX 65536

/* The member `key`; absent also if it is null. */
struct bl_json bl_wire_member(struct bl_json object, struct bl_str key);

/* Refuses `value` at `path`: "must be <wanted>, found <type>". */
bl_result bl_wire_refuse_type(struct bl_refusal *refusal, struct bl_json value, const char *path,
                              const char *wanted);

BL_MUST_USE bl_result bl_wire_string(struct bl_refusal *refusal, struct bl_json value,
                                     const char *path, struct bl_str *out);
BL_MUST_USE bl_result bl_wire_bool(struct bl_refusal *refusal, struct bl_json value,
                                   const char *path, bool *out);
/* Any object. */
BL_MUST_USE bl_result bl_wire_object(struct bl_refusal *refusal, struct bl_json value,
                                     const char *path, struct bl_json *out);
/* An object of at most BL_WIRE_METADATA_MAX bytes as it stands in the message. */
BL_MUST_USE bl_result bl_wire_metadata(struct bl_refusal *refusal, struct bl_json value,
                                       const char *path, struct bl_json *out);
/* An opaque id: a string of up to `max_bytes`; an empty one is absent. */
BL_MUST_USE bl_result bl_wire_id(struct bl_refusal *refusal, struct bl_json value, const char *path,
                                 size_t max_bytes, struct bl_str *out);
/* The bound on ids that come as headers. */
BL_MUST_USE bl_result bl_wire_check_id(struct bl_refusal *refusal, struct bl_str id,
                                       const char *path, size_t max_bytes);
/* true, false, and their forms "true", "false", 1, 0 that older clients send. */
BL_MUST_USE bl_result bl_wire_loose_bool(struct bl_refusal *refusal, struct bl_json value,
                                         const char *path, bool *out);
/* A number ≥ 0 in milliseconds, rounded down. */
BL_MUST_USE bl_result bl_wire_duration_ms(struct bl_refusal *refusal, struct bl_json value,
                                          const char *path, int64_t *out);
/* A number ≥ 0 in units of money, in nano-units afterwards; what is larger than those can count is
 * their maximum. */
BL_MUST_USE bl_result bl_wire_money(struct bl_refusal *refusal, struct bl_json value,
                                    const char *path, int64_t *out);

/* An id for matching a reply to its request, before anything is known to be right: a string of 1 to
 * `max_bytes`, else absent. */
struct bl_str bl_wire_peek_id(struct bl_json value, size_t max_bytes);

#endif
