#include "bus/request_table.h"

#include <assert.h>
#include <stdlib.h>

#define SLOT_MASK ((1U << BL_REQUEST_SLOT_BITS) - 1U)
#define NONE UINT32_MAX

struct slot {
    struct bl_request request;
    uint64_t token; /* 0 = free */
    uint64_t deadline_ns;
    uint32_t heap_index; /* of a free slot: the next free one */
};

struct bl_request_table {
    uint64_t sequence;
    size_t capacity;
    uint32_t count;
    uint32_t first_free;
    uint32_t *heap; /* slot numbers, the earliest deadline at 0 */
    struct slot slots[];
};

bl_result bl_request_table_create(size_t capacity, struct bl_request_table **out) {
    assert(capacity >= 1 && capacity <= BL_REQUESTS_MAX);
    struct bl_request_table *table = calloc(1, sizeof(*table) + capacity * sizeof(struct slot));
    uint32_t *heap = calloc(capacity, sizeof(*heap));
    if (table == NULL || heap == NULL) {
        free(table);
        free(heap);
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    table->capacity = capacity;
    table->heap = heap;
    for (uint32_t i = 0; i < capacity; i++) {
        table->slots[i].heap_index = i + 1 < capacity ? i + 1 : NONE;
    }
    *out = table;
    return BL_OK;
}

void bl_request_table_destroy(struct bl_request_table *table) {
    if (table != NULL) {
        free(table->heap);
        free(table);
    }
}

size_t bl_request_table_count(const struct bl_request_table *table) {
    return table->count;
}

static uint64_t deadline_at(const struct bl_request_table *table, uint32_t index) {
    return table->slots[table->heap[index]].deadline_ns;
}

static void place(struct bl_request_table *table, uint32_t index, uint32_t slot) {
    table->heap[index] = slot;
    table->slots[slot].heap_index = index;
}

static void move_up(struct bl_request_table *table, uint32_t index) {
    uint32_t slot = table->heap[index];
    uint64_t deadline_ns = table->slots[slot].deadline_ns;
    while (index > 0 && deadline_ns < deadline_at(table, (index - 1) / 2)) {
        place(table, index, table->heap[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    place(table, index, slot);
}

static void move_down(struct bl_request_table *table, uint32_t index) {
    uint32_t slot = table->heap[index];
    uint64_t deadline_ns = table->slots[slot].deadline_ns;
    for (;;) {
        uint32_t child = 2 * index + 1;
        if (child >= table->count) {
            break;
        }
        if (child + 1 < table->count && deadline_at(table, child + 1) < deadline_at(table, child)) {
            child++;
        }
        if (deadline_ns <= deadline_at(table, child)) {
            break;
        }
        place(table, index, table->heap[child]);
        index = child;
    }
    place(table, index, slot);
}

bl_result bl_request_table_add(struct bl_request_table *table, uint64_t deadline_ns,
                               struct bl_request request, uint64_t *out_token) {
    uint32_t number = table->first_free;
    if (number == NONE) {
        return BL_FAIL(SERVICE_OVERLOADED);
    }
    struct slot *slot = &table->slots[number];
    table->first_free = slot->heap_index;
    table->sequence++;
    slot->token = (table->sequence << BL_REQUEST_SLOT_BITS) | number;
    slot->deadline_ns = deadline_ns;
    slot->request = request;
    uint32_t index = table->count++;
    place(table, index, number);
    move_up(table, index);
    *out_token = slot->token;
    return BL_OK;
}

static void remove_slot(struct bl_request_table *table, uint32_t number) {
    struct slot *slot = &table->slots[number];
    uint32_t index = slot->heap_index;
    uint32_t last = --table->count;
    if (index != last) {
        uint32_t moved = table->heap[last];
        place(table, index, moved);
        move_up(table, index);
        move_down(table, table->slots[moved].heap_index);
    }
    slot->token = 0;
    slot->heap_index = table->first_free;
    table->first_free = number;
}

bool bl_request_table_take(struct bl_request_table *table, uint64_t token, struct bl_request *out) {
    uint32_t number = (uint32_t)(token & SLOT_MASK);
    if (token == 0 || number >= table->capacity || table->slots[number].token != token) {
        return false;
    }
    *out = table->slots[number].request;
    remove_slot(table, number);
    return true;
}

bool bl_request_table_expire(struct bl_request_table *table, uint64_t now_ns,
                             struct bl_request *out) {
    if (table->count == 0 || deadline_at(table, 0) > now_ns) {
        return false;
    }
    uint32_t number = table->heap[0];
    *out = table->slots[number].request;
    remove_slot(table, number);
    return true;
}

uint64_t bl_request_table_next_deadline(const struct bl_request_table *table) {
    return table->count == 0 ? UINT64_MAX : deadline_at(table, 0);
}
