/*
 * One connection of libnats on a loop, from the attempt to the last callback. Internal to src/bus.
 *
 * A connection is used once: it never reconnects. While libnats 3.4.1 reconnects, it holds the
 * lock of its connection during the whole attempt, and a publish meanwhile blocks for as long as
 * the connect timeout (measured: 2.0 s of 2.0 s against a server that accepts and stays silent).
 * So the bus makes a new connection instead, and nobody knows that one before it is connected.
 *
 *            helper thread                       helper thread
 *   OPENING ───────────────▶ OPEN ──── close ───▶ CLOSING
 *      │ failed                │ lost                │ closed
 *      └─────────▶ (freed) ◀───┴─────────────────────┘
 *
 * What libnats calls, it calls from any thread and partly under its lock; here that only sets
 * flags and rings the loop, where the rest is done.
 */
#ifndef BL_BUS_CONNECTION_H
#define BL_BUS_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nats/nats.h>

#include "base/result.h"
#include "base/str.h"
#include "net/loop.h"

struct bl_connection;

/* All on the loop's thread. */
struct bl_connection_events {
    void (*on_open)(void *owner, struct bl_connection *connection);
    /* The attempt failed. Freed after the call. */
    void (*on_failed)(void *owner, struct bl_connection *connection, struct bl_str reason);
    void (*on_error)(void *owner, struct bl_str text);
    /* Closed by the server, a fault or bl_connection_close. No use of the handle any more. */
    void (*on_closed)(void *owner, struct bl_connection *connection, struct bl_str reason);
    /* Nothing of libnats refers to it any more. Freed after the call. */
    void (*on_ended)(void *owner, struct bl_connection *connection);
};

/* Starts an attempt; takes `options` over, also on failure (RESOURCE_EXHAUSTED). */
BL_MUST_USE bl_result bl_connection_open(struct bl_loop *loop, natsOptions *options, bool is_tls,
                                         const struct bl_connection_events *events, void *owner,
                                         struct bl_connection **out);

/* Starts to close: up to `flush_timeout_ms` for a PING and its PONG, so that the server has
 * everything, then the connection itself. on_closed and on_ended follow. Only once, when open. */
void bl_connection_close(struct bl_connection *connection, uint32_t flush_timeout_ms);

/* For calls into libnats that do not block; never NULL from on_open to on_closed. */
natsConnection *bl_connection_handle(const struct bl_connection *connection);

/* Writes what is buffered, as far as the kernel takes it. Before each wait of the loop. */
void bl_connection_flush(struct bl_connection *connection);

/* What the last flush left. */
size_t bl_connection_buffered(const struct bl_connection *connection);

/* Since when bytes have been waiting without any of them leaving, in ms; 0 if none wait. */
uint64_t bl_connection_stalled_ms(const struct bl_connection *connection);

/* Stops or resumes reading: what is not read waits in the kernel and in the server. */
void bl_connection_pause(struct bl_connection *connection, bool is_paused);

/* Whether anything was read since the last call. */
bool bl_connection_take_has_read(struct bl_connection *connection);

#endif
