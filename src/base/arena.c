#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT ((size_t)16)

/* Under AddressSanitizer, memory that is not handed out is poisoned, so that a use after a reset
 * or past the end of an allocation is caught although the chunk is still ours. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONING 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define POISONING 1
#endif

#ifdef POISONING
void __asan_poison_memory_region(const volatile void *memory, size_t size);
void __asan_unpoison_memory_region(const volatile void *memory, size_t size);
#define poison(memory, size) __asan_poison_memory_region((memory), (size))
#define unpoison(memory, size) __asan_unpoison_memory_region((memory), (size))
#else
#define poison(memory, size) ((void)(memory), (void)(size))
#define unpoison(memory, size) ((void)(memory), (void)(size))
#endif

struct bl_arena_chunk {
    struct bl_arena_chunk *next;
    size_t capacity; /* of `bytes` */
    size_t used;
    _Alignas(16) unsigned char bytes[];
};

void bl_arena_init(struct bl_arena *arena, size_t chunk_bytes, size_t cap_bytes) {
    assert(chunk_bytes >= 256 && cap_bytes >= chunk_bytes && cap_bytes <= SIZE_MAX / 2);
    *arena = (struct bl_arena){.chunk_bytes = chunk_bytes, .cap_bytes = cap_bytes};
}

void bl_arena_fini(struct bl_arena *arena) {
    struct bl_arena_chunk *chunk = arena->first;

    while (chunk != NULL) {
        struct bl_arena_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    *arena = (struct bl_arena){.chunk_bytes = arena->chunk_bytes, .cap_bytes = arena->cap_bytes};
}

void bl_arena_reset(struct bl_arena *arena) {
    struct bl_arena_chunk **link = &arena->first;

    while (*link != NULL) {
        struct bl_arena_chunk *chunk = *link;
        chunk->used = 0;
        if (chunk->capacity + sizeof(*chunk) > arena->chunk_bytes) {
            *link = chunk->next;
            arena->held_bytes -= chunk->capacity + sizeof(*chunk);
            free(chunk);
        } else {
            poison(chunk->bytes, chunk->capacity);
            link = &chunk->next;
        }
    }
    arena->current = arena->first;
    arena->used_bytes = 0;
}

/* A chunk with room for `size` bytes, linked behind the current one, or NULL. */
static struct bl_arena_chunk *add_chunk(struct bl_arena *arena, size_t size) {
    size_t total = size + sizeof(struct bl_arena_chunk);

    if (total < arena->chunk_bytes) {
        total = arena->chunk_bytes;
    }
    if (total > arena->cap_bytes - arena->held_bytes) {
        return NULL;
    }
    struct bl_arena_chunk *chunk = malloc(total);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->capacity = total - sizeof(*chunk);
    chunk->used = 0;
    if (arena->current == NULL) {
        chunk->next = arena->first;
        arena->first = chunk;
    } else {
        chunk->next = arena->current->next;
        arena->current->next = chunk;
    }
    arena->held_bytes += total;
    poison(chunk->bytes, chunk->capacity);
    return chunk;
}

void *bl_arena_alloc(struct bl_arena *arena, size_t size) {
    struct bl_arena_chunk *chunk = arena->current;

    if (size > arena->cap_bytes) {
        return NULL;
    }
    size_t wanted = size;
    size = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    /* After a reset the chunks behind the current one are empty and used again. */
    while (chunk != NULL && size > chunk->capacity - chunk->used) {
        if (chunk->next == NULL || chunk->next->capacity < size) {
            chunk = NULL;
            break;
        }
        chunk = chunk->next;
    }
    if (chunk == NULL) {
        chunk = add_chunk(arena, size);
        if (chunk == NULL) {
            return NULL;
        }
    }
    arena->current = chunk;
    void *memory = chunk->bytes + chunk->used;
    chunk->used += size;
    arena->used_bytes += size;
    unpoison(memory, wanted);
    return memory;
}

void *bl_arena_calloc(struct bl_arena *arena, size_t count, size_t size) {
    size_t total;

    if (__builtin_mul_overflow(count, size, &total)) {
        return NULL;
    }
    void *memory = bl_arena_alloc(arena, total);
    if (memory != NULL) {
        memset(memory, 0, total);
    }
    return memory;
}

bl_result bl_arena_copy(struct bl_arena *arena, struct bl_str str, struct bl_str *out) {
    if (!bl_str_is_present(str)) {
        *out = BL_STR_ABSENT;
        return BL_OK;
    }
    if (str.len >= SIZE_MAX - ALIGNMENT) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    char *copy = bl_arena_alloc(arena, str.len + 1);
    if (copy == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    memcpy(copy, str.data, str.len);
    copy[str.len] = '\0';
    *out = (struct bl_str){copy, str.len};
    return BL_OK;
}
