/*
 * One line of the log: a JSON object in a buffer.
 *
 *   {"timestamp":"2026-01-31T23:59:59.999Z","level":"INFO","component":"router","message":"…",
 *    "tenant_id":"acme","latency_ms":12}
 *
 * The first four keys are always there, in this order; what is added follows at the top level, in
 * the order of the calls. Keys that readers of our logs know: tenant_id, policy_id, run_id, flow_id,
 * step_id, trace_id, request_id, error_code (texts), latency_ms (integer), context (an object).
 *
 * A line is valid JSON and valid UTF-8 whatever goes in, and never longer than its bound: a text is
 * cut at a character, a field that does not fit is left out, and the line then ends with
 * "truncated":true. No text takes more than half of the bound, so one long value cannot push the
 * others out. Filtering secrets is not done here: they have a type that cannot be written.
 *
 * Threads: a record belongs to one thread.
 */
#ifndef BL_BASE_LOG_RECORD_H
#define BL_BASE_LOG_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum bl_log_level { BL_LOG_DEBUG, BL_LOG_INFO, BL_LOG_WARN, BL_LOG_ERROR };

/* "DEBUG", "INFO", "WARN", "ERROR". */
const char *bl_log_level_name(enum bl_log_level level);

/* Reads such a name in any case ("warning" too); false, and `*level` untouched, for anything else. */
bool bl_log_level_read(struct bl_str name, enum bl_log_level *level);

#define BL_LOG_LINE_MIN ((size_t)256) /* the least bound: holds the four keys */

struct bl_log_record {
    struct bl_buf *buf;
    size_t start; /* of this line in `buf` */
    size_t limit; /* `buf->len` may reach it before the end is written */
    size_t text_max;
    bool truncated;
    bool refused; /* there was no room for any line */
};

/*
 * Starts a line of at most `max_bytes` (≥ BL_LOG_LINE_MIN), its line feed included, at the end of
 * `buf`. With less room in `buf` the bound is what is there; below BL_LOG_LINE_MIN nothing is
 * written, `buf` is overflowed, and the calls that follow do nothing. `time_ms` is an epoch moment;
 * `component` at most 32 bytes.
 */
void bl_log_begin(struct bl_log_record *record, struct bl_buf *buf, size_t max_bytes,
                  enum bl_log_level level, int64_t time_ms, struct bl_str component,
                  struct bl_str message);

/* Fields. A key is at most 64 bytes of [A-Za-z0-9_.-] (asserted) and is given once. An absent text
 * leaves the field out; a double that is not finite is null. */
void bl_log_str(struct bl_log_record *record, const char *key, struct bl_str value);
void bl_log_i64(struct bl_log_record *record, const char *key, int64_t value);
void bl_log_u64(struct bl_log_record *record, const char *key, uint64_t value);
void bl_log_double(struct bl_log_record *record, const char *key, double value);
void bl_log_bool(struct bl_log_record *record, const char *key, bool value);

/* A value that is JSON already, on one line; taken as it is, or left out whole. */
void bl_log_json(struct bl_log_record *record, const char *key, struct bl_str json);

/* Ends the line with its line feed. False if something was cut or left out. */
bool bl_log_end(struct bl_log_record *record);

#endif
