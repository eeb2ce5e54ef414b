/*
 * The tape while it is written: what the JSON and the YAML reader share. Private to this folder.
 *
 * Room for nodes is taken from the arena in one array: at first one node for 8 bytes of text, about
 * what requests need, then twice as much each time. What is left behind is at most what is kept,
 * and a short document is never copied. (Room for the worst case, a node for 2 bytes of text, would
 * cost every request 12 bytes of arena per byte.)
 *
 * An open container keeps its parent in `next`, which gets its meaning when it is closed: so no
 * stack is needed, and nothing recurses.
 */
#ifndef BL_JSON_TAPE_H
#define BL_JSON_TAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "json/json.h"
#include "json/keys.h"

#define BL_JSON_NO_PARENT UINT32_MAX

struct bl_json_tape {
    struct bl_json_node *nodes;
    uint32_t *lines; /* NULL unless `positioned` */
    uint32_t *columns;
    uint32_t count;
    uint32_t capacity;
    uint32_t parent; /* the innermost open container */
    uint32_t depth;
    bool positioned; /* keep a line and a column for each node */
    const struct bl_json_limits *limits;
    struct bl_arena *arena;
    struct bl_diag *diag;
};

/* Takes no memory. All arguments are borrowed. */
void bl_json_tape_init(struct bl_json_tape *tape, const struct bl_json_limits *limits,
                       struct bl_arena *arena, struct bl_diag *diag);

/* Refuses a text above the limit, and makes room for the first nodes. The functions below, too, set
 * the message and leave the position to the reader. */
BL_MUST_USE bl_result bl_json_tape_begin(struct bl_json_tape *tape, struct bl_str text);

/* Room for one more node: INVALID_REQUEST at the limit, RESOURCE_EXHAUSTED. */
BL_MUST_USE bl_result bl_json_tape_grow(struct bl_json_tape *tape);

/* A new node, whose subtree is itself until said otherwise. */
BL_MUST_USE static inline bl_result bl_json_tape_add(struct bl_json_tape *tape,
                                                     enum bl_json_type type, uint32_t offset,
                                                     struct bl_json_node **node) {
    if (tape->count == tape->capacity) {
        BL_TRY(bl_json_tape_grow(tape));
    }
    struct bl_json_node *added = &tape->nodes[tape->count++];
    added->type = (uint8_t)type;
    added->next = tape->count;
    added->offset = offset;
    added->length = 0;
    added->value.unsigned_integer = 0;
    *node = added;
    return BL_OK;
}

/* Adds an array or object and makes it the open container. Also INVALID_REQUEST at the limit of
 * depth. */
BL_MUST_USE bl_result bl_json_tape_open(struct bl_json_tape *tape, enum bl_json_type type,
                                        uint32_t offset);

/* Closes the open container, whose source ends before `end`. INVALID_REQUEST, without a message,
 * if two keys are the same: bl_json_tape_duplicate says so, with positions. */
BL_MUST_USE bl_result bl_json_tape_close(struct bl_json_tape *tape, size_t end,
                                         struct bl_json_duplicate *duplicate);

/* The message for two equal keys, the first at that position. */
void bl_json_tape_duplicate(struct bl_json_tape *tape, struct bl_str key, uint32_t first_line,
                            uint32_t first_column);

/* The message for an arena that is full. */
BL_MUST_USE bl_result bl_json_tape_exhausted(struct bl_json_tape *tape);

#endif
