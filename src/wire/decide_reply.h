/*
 * Encoding replies of decide: the decision, or the error object of the contract.
 */
#ifndef BL_WIRE_DECIDE_REPLY_H
#define BL_WIRE_DECIDE_REPLY_H

#include "base/buf.h"
#include "flow/decide.h"
#include "flow/request.h"
#include "json/writer.h"

/* Replies stay below this, the C gateway's buffer less what it adds. */
#define BL_WIRE_REPLY_MAX_BYTES 65000

/* No text of a refusal is longer: path, message and hint of a diagnostic, and what joins them. */
#define BL_WIRE_REFUSAL_TEXT_MAX (sizeof(struct bl_diag) + 8)

/* {ok:true, decision{…}, assignment?{assignment_id, state}, explain?, context{request_id, trace_id?}}. `buf` needs
 * BL_WIRE_REPLY_MAX_BYTES of room. To stay within `max_bytes`, and in any case within
 * BL_WIRE_REPLY_MAX_BYTES, explain is cut from its end; a reply is longer than `max_bytes` only if
 * it is so without any. `nonce` makes decision ids of equal decisions differ. */
void bl_wire_encode_decision(const struct bl_request *request, const struct bl_outcome *outcome,
                             const uint8_t key[16], uint64_t nonce, size_t max_bytes,
                             struct bl_buf *buf);

/* {ok:false, error{code, message, intake_error_code?, legacy_code?, details?}, explain?,
 * context{…}}: the code as the request's dialect sees it (see base/result.h). `outcome` may be
 * NULL; with one that was decided, details name each candidate and why it was dropped, and explain
 * is added if asked for; both are cut to `max_bytes` as above. `legacy_code` is the upper-case word
 * of the admin subjects, else NULL. */
void bl_wire_encode_refusal(const struct bl_request *request, const struct bl_refusal *refusal,
                            const struct bl_outcome *outcome, const char *legacy_code,
                            size_t max_bytes, struct bl_buf *buf);

/* Appends "path: message; hint", what a person needs of a refusal; never a value of the sender. */
void bl_wire_refusal_text(const struct bl_refusal *refusal, struct bl_buf *buf);

/* {decision_id, provider_id, …} of a decision that names a provider. */
void bl_wire_write_decision(const struct bl_outcome *outcome, const uint8_t key[16], uint64_t nonce,
                            struct bl_json_writer *writer);

/* [{type, id, status}, …] */
void bl_wire_write_steps(const struct bl_outcome *outcome, struct bl_json_writer *writer);

/* {request_id, trace_id?} */
void bl_wire_write_context(const struct bl_request *request, struct bl_json_writer *writer);

#endif
