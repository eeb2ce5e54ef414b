/*
 * Requests in flight: which token belongs to whom, and which deadline is next.
 *
 * A fixed number of slots. A token is the number of its slot and a sequence number, so a late or
 * forged reply never reaches another request that got the same slot. The deadlines are a binary
 * heap. Pure; not thread-safe.
 */
#ifndef BL_BUS_REQUEST_TABLE_H
#define BL_BUS_REQUEST_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "bus/bus.h"

/* The low bits of a token are its slot; the rest grows with each request. */
#define BL_REQUEST_SLOT_BITS 20U
#define BL_REQUESTS_MAX (1U << BL_REQUEST_SLOT_BITS)

struct bl_request_table;

struct bl_request {
    bl_bus_reply_fn on_reply;
    void *user;
};

/* 1 ≤ `capacity` ≤ BL_REQUESTS_MAX. Fails with RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_request_table_create(size_t capacity, struct bl_request_table **out);

/* NULL is allowed. Requests that are left are forgotten. */
void bl_request_table_destroy(struct bl_request_table *table);

size_t bl_request_table_count(const struct bl_request_table *table);

/* Adds a request; `out_token` is never 0. Fails with SERVICE_OVERLOADED when full. */
BL_MUST_USE bl_result bl_request_table_add(struct bl_request_table *table, uint64_t deadline_ns,
                                           struct bl_request request, uint64_t *out_token);

/* Removes the request with that token; false if there is none. */
bool bl_request_table_take(struct bl_request_table *table, uint64_t token, struct bl_request *out);

/* Removes one request whose deadline is at or before `now_ns`, the earliest first; false if there
 * is none. With UINT64_MAX this empties the table. */
bool bl_request_table_expire(struct bl_request_table *table, uint64_t now_ns,
                             struct bl_request *out);

/* The earliest deadline; UINT64_MAX if the table is empty. */
uint64_t bl_request_table_next_deadline(const struct bl_request_table *table);

#endif
