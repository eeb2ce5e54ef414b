/*
 * Arenas: memory with one end of life.
 *
 * A request, a policy revision or a configuration takes all of its memory from one arena, and is
 * freed by one reset. Chunks stay with the arena over a reset, so after warm-up a request
 * allocates nothing from the heap. A hard cap bounds what one request can make us hold: past it,
 * allocation returns NULL and the request is refused with `resource_exhausted`.
 *
 * Under AddressSanitizer what is not handed out is poisoned: use after a reset is caught.
 * Not thread-safe: an arena belongs to one thread at a time.
 */
#ifndef BL_BASE_ARENA_H
#define BL_BASE_ARENA_H

#include <stddef.h>

#include "base/result.h"
#include "base/str.h"

struct bl_arena_chunk;

struct bl_arena {
    struct bl_arena_chunk *first;
    struct bl_arena_chunk *current;
    size_t chunk_bytes; /* size of an ordinary chunk */
    size_t cap_bytes;   /* sum of all chunks may not exceed it */
    size_t held_bytes;  /* sum of all chunks now */
    size_t used_bytes;  /* handed out since the last reset */
};

/* Takes nothing from the heap until the first allocation. 256 ≤ `chunk_bytes` ≤ `cap_bytes` ≤
 * SIZE_MAX / 2. */
void bl_arena_init(struct bl_arena *arena, size_t chunk_bytes, size_t cap_bytes);

/* Frees every chunk. The arena may be initialised again. */
void bl_arena_fini(struct bl_arena *arena);

/* Makes all memory available again without giving it back to the heap, except chunks larger than
 * `chunk_bytes`, which are freed. What was allocated before is gone. */
void bl_arena_reset(struct bl_arena *arena);

/* `size` bytes aligned to 16, not zeroed; NULL when the cap or the heap is exhausted. */
void *bl_arena_alloc(struct bl_arena *arena, size_t size) __attribute__((malloc, alloc_size(2)));

/* The same for `count` items of `size` bytes, zeroed; NULL also when the product overflows. */
void *bl_arena_calloc(struct bl_arena *arena, size_t count, size_t size)
    __attribute__((malloc, alloc_size(2, 3)));

/* Copy of `str` in the arena, followed by a NUL that `len` does not count. An absent view stays
 * absent. Fails with RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_arena_copy(struct bl_arena *arena, struct bl_str str, struct bl_str *out);

#endif
