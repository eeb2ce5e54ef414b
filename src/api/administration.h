/* What the handlers of administration share. Private to this folder. */
#ifndef BL_API_ADMINISTRATION_H
#define BL_API_ADMINISTRATION_H

#include "api/handler_private.h"
#include "api/policy_admin.h"
#include "json/writer.h"

#define BL_PAGE_DEFAULT 100
#define BL_PAGE_MAX 1000
#define BL_REVISION_MAX UINT64_C(999999999999999999)

/* Bounds on a document that is shown or compared; those that compiling has. */
extern const struct bl_json_limits bl_policy_document_limits;

/* Ids, query and request id of a request to administration; "_shared" is the tenant "*" from here on.
 * Errors: INVALID_REQUEST, FORBIDDEN where none is done. */
BL_MUST_USE bl_result bl_api_begin_administration(struct bl_api_exchange *exchange);

/* Refuses with a diagnostic's text; returns `result`. */
bl_result bl_api_refuse_with(struct bl_api_exchange *exchange, bl_result result,
                             const struct bl_diag *diag);

/* RESOURCE_EXHAUSTED. */
bl_result bl_api_refuse_memory(struct bl_api_exchange *exchange);

/* Refuses a parameter or field: INVALID_REQUEST at `path`. */
bl_result bl_api_refuse_field(struct bl_api_exchange *exchange, const char *path,
                              const char *message, const char *hint);

/* A whole number of the query; `*out` stays as it is where it is not given. */
BL_MUST_USE bl_result bl_api_query_number(struct bl_api_exchange *exchange, enum bl_query query,
                                          uint64_t min, uint64_t max, uint64_t *out);

/* The revision that the path names. Errors: INVALID_REQUEST. */
BL_MUST_USE bl_result bl_api_path_revision(struct bl_api_exchange *exchange, uint64_t *out);

/* {ok: true, and what the caller adds up to bl_api_end_reply. */
void bl_api_begin_reply(struct bl_api_exchange *exchange, struct bl_json_writer *writer);
/* … , context{}}. Errors: RESOURCE_EXHAUSTED when it is too large. */
BL_MUST_USE bl_result bl_api_end_reply(struct bl_api_exchange *exchange,
                                       struct bl_json_writer *writer);

/* The refusal of administration: exact code, and the findings of a policy that is none. */
void bl_api_write_refusal(struct bl_api_exchange *exchange);

/* The policy that the path names, the file's before the store's. False: no source has it. */
bool bl_api_find_listing(struct bl_api_exchange *exchange, struct bl_policy_listing *out);

/* POLICY_NOT_FOUND for the policy that the path names. */
bl_result bl_api_refuse_absent(struct bl_api_exchange *exchange);

/* A revision of the policy that the path names: `revision`, or BL_STORE_NEWEST. Errors:
 * POLICY_NOT_FOUND (also for a deletion), those of the store. */
BL_MUST_USE bl_result bl_api_read_revision(struct bl_api_exchange *exchange, uint64_t revision,
                                           struct bl_store_entry *entry);

/* What the listing's source holds now. `entry` is that of a stored policy, else zeroed. */
BL_MUST_USE bl_result bl_api_read_current(struct bl_api_exchange *exchange,
                                          const struct bl_policy_listing *listing,
                                          struct bl_store_entry *entry, struct bl_str *text);

/* Compiles `text` as the policy that the path names; it is released with the exchange. Its findings
 * are told with the refusal, or stand in exchange->findings. Errors: INVALID_POLICY. */
BL_MUST_USE bl_result bl_api_compile(struct bl_api_exchange *exchange, struct bl_str text,
                                     const struct bl_policy **out);

/* The body as a document. Errors: INVALID_REQUEST when it is empty, or not of the type it says. */
BL_MUST_USE bl_result bl_api_read_document(struct bl_api_exchange *exchange, struct bl_str *text);

/* "tenant_id" and "policy_id" of the path. */
void bl_api_write_names(const struct bl_api_exchange *exchange, struct bl_json_writer *writer);
/* Findings as a list of {line?, column?, path, message, hint?}. */
void bl_api_write_findings(const struct bl_findings *findings, enum bl_severity severity,
                           struct bl_json_writer *writer);
/* revision, time_ms, author, message, deleted?, damaged?, hash. */
void bl_api_write_entry(const struct bl_store_entry *entry, struct bl_json_writer *writer);
/* source, file?, content?, live: where a policy comes from, which contents serve, and whether they
 * are what the source holds now. */
void bl_api_write_source(const struct bl_policy_listing *listing, struct bl_json_writer *writer);

#endif
