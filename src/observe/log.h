/*
 * The log: JSON lines from any thread, written by one.
 *
 * A thread that logs has a channel of its own: a bounded ring into which a line is put without a
 * lock or a system call. One writer thread takes the lines out and writes them, many at a time.
 * When it cannot keep up (a full disk, a stopped terminal) lines are dropped and counted; nobody
 * waits for the log.
 */
#ifndef BL_OBSERVE_LOG_H
#define BL_OBSERVE_LOG_H

#include <stdint.h>

#include "base/diag.h"
#include "base/log_record.h"
#include "base/result.h"

struct bl_log;
struct bl_log_channel;

#define BL_LOG_CHANNELS_MAX 72 /* workers and the control thread */

/* Starts the writer. `path` NULL = standard output. Errors: INVALID_REQUEST when the file cannot be
 * opened (diag says why), RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_log_create(const char *path, enum bl_log_level level, size_t ring_bytes,
                                    struct bl_log **out, struct bl_diag *diag);

/* Bounds the file: when it has grown to half of `max_bytes` it is renamed to PATH.1, replacing an
 * older one, and begun anew. 0 = no bound. Before the first channel. */
void bl_log_bound(struct bl_log *log, uint64_t max_bytes);

/* Writes what is there, ends the writer and frees all channels. No thread may log any more. */
void bl_log_destroy(struct bl_log *log); /* NULL is fine */

/* A channel for one thread; NULL when there are too many or memory is short. Any thread. */
struct bl_log_channel *bl_log_channel(struct bl_log *log);

/* Least severe level that is written, from now on. Any thread. */
void bl_log_set_level(struct bl_log *log, enum bl_log_level level);

/* Opens the file anew, for rotation; done by the writer soon. Any thread. */
void bl_log_reopen(struct bl_log *log);

/* Lines dropped so far, over all channels. Any thread. */
uint64_t bl_log_dropped(const struct bl_log *log);

/* Whether a line of that level would be written. The channel's thread. */
bool bl_log_wants(const struct bl_log_channel *channel, enum bl_log_level level);

/* A line under construction: start, add fields with base/log_record.h, finish. The storage is the
 * channel's, so one line at a time. `component` and `message` are constants of the program. */
struct bl_log_record *bl_log_start(struct bl_log_channel *channel, enum bl_log_level level,
                                   const char *component, const char *message);
void bl_log_finish(struct bl_log_channel *channel);

/* A whole line without fields. NULL channel: nothing. */
void bl_log_line(struct bl_log_channel *channel, enum bl_log_level level, const char *component,
                 const char *message);

/* Bytes of another format, at most BL_LOG_ITEM_MAX, for files that are no logs. False: they are
 * larger, or there is no room; counted as dropped. The channel's thread. */
#define BL_LOG_ITEM_MAX 4096
bool bl_log_put(struct bl_log_channel *channel, struct bl_str bytes);

/* A line that tells a diagnostic: place, message and hint as fields. */
void bl_log_diag(struct bl_log_channel *channel, enum bl_log_level level, const char *component,
                 const char *message, const char *file, const struct bl_diag *diag);

#endif
