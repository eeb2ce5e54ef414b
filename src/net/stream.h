/*
 * Streams: bytes in and out of an accepted connection, TCP or Unix.
 *
 * What is written is sent at the end of the turn, all of it in one system call where the kernel takes
 * it; what the kernel does not take waits in a buffer of bounded size. While that buffer holds more
 * than its mark nothing is read, so a peer that does not read makes nobody's memory grow: it stops
 * itself. All functions belong to the loop's thread.
 */
#ifndef BL_NET_STREAM_H
#define BL_NET_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/result.h"
#include "base/str.h"
#include "net/loop.h"

struct bl_stream;

#define BL_STREAM_OUT_MARK 65536      /* unsent bytes above which reading stops */
#define BL_STREAM_OUT_MAX (16u << 20) /* unsent bytes above which the stream is closed */

struct bl_stream_events {
    /* Bytes have come; the view lives during the call. */
    void (*on_data)(void *user, struct bl_str bytes);
    /* The peer will send no more. What was begun may still be answered. */
    void (*on_end)(void *user);
    /* The stream is over, and freed after the call. Always the last. */
    void (*on_closed)(void *user);
    /* Less than BL_STREAM_OUT_MARK is unsent again, after there was more. NULL = not wanted. */
    void (*on_drained)(void *user);
};

/* Sets who is told. Before the first turn of the loop after accepting. */
void bl_stream_listen(struct bl_stream *stream, const struct bl_stream_events *events, void *user);

/* Queues bytes, copied. Above BL_STREAM_OUT_MAX the stream is closed. */
void bl_stream_write(struct bl_stream *stream, struct bl_str bytes);

/* Bytes queued and not yet taken by the kernel. */
size_t bl_stream_unsent(const struct bl_stream *stream);

/* Stops or resumes reading, for as long as the caller has other reasons than a full buffer. */
void bl_stream_pause(struct bl_stream *stream, bool paused);

/* Ends the stream: after what is queued was sent, or at once. on_closed follows in a later turn.
 * Idempotent. */
void bl_stream_finish(struct bl_stream *stream);
void bl_stream_close(struct bl_stream *stream);

/* Milliseconds since something last moved in either direction, by the loop's clock. */
uint64_t bl_stream_idle_ms(const struct bl_stream *stream);

/* Whether it speaks TLS and the handshake is not over: nothing was told to who listens. */
bool bl_stream_is_shaking_hands(const struct bl_stream *stream);

/* The peer's address for logs, "127.0.0.1:4711" or "unix"; lives as long as the stream. */
const char *bl_stream_peer(const struct bl_stream *stream);

#endif
