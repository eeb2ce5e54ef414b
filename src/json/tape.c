#include "json/tape.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"

#define BYTES_PER_NODE 8
#define FIRST_NODES 16
#define DEPTH_MAX 1024

void bl_json_tape_init(struct bl_json_tape *tape, const struct bl_json_limits *limits,
                       struct bl_arena *arena, struct bl_diag *diag) {
    assert(limits->max_depth <= DEPTH_MAX);
    *tape = (struct bl_json_tape){
        .parent = BL_JSON_NO_PARENT, .limits = limits, .arena = arena, .diag = diag};
}

bl_result bl_json_tape_exhausted(struct bl_json_tape *tape) {
    bl_diag_message(tape->diag, "the document needs more memory than it may have");
    return BL_FAIL(RESOURCE_EXHAUSTED);
}

/* Moves the nodes into an array of `capacity`, at most what the limit allows. */
static bl_result resize(struct bl_json_tape *tape, uint64_t capacity) {
    size_t room = capacity < tape->limits->max_nodes ? (size_t)capacity : tape->limits->max_nodes;
    struct bl_json_node *nodes = bl_arena_alloc(tape->arena, room * sizeof(*nodes));
    uint32_t *places = NULL;

    if (nodes == NULL) {
        return bl_json_tape_exhausted(tape);
    }
    if (tape->positioned) {
        places = bl_arena_alloc(tape->arena, room * 2 * sizeof(*places));
        if (places == NULL) {
            return bl_json_tape_exhausted(tape);
        }
    }
    if (tape->count > 0) {
        memcpy(nodes, tape->nodes, tape->count * sizeof(*nodes));
        if (places != NULL) {
            memcpy(places, tape->lines, tape->count * sizeof(*places));
            memcpy(places + room, tape->columns, tape->count * sizeof(*places));
        }
    }
    tape->nodes = nodes;
    tape->lines = places;
    tape->columns = places == NULL ? NULL : places + room;
    tape->capacity = (uint32_t)room;
    return BL_OK;
}

bl_result bl_json_tape_begin(struct bl_json_tape *tape, struct bl_str text) {
    if (text.len > tape->limits->max_bytes) {
        bl_diag_message(tape->diag, "the document has %zu bytes, the limit is %u", text.len,
                        tape->limits->max_bytes);
        return BL_FAIL(INVALID_REQUEST);
    }
    if (text.len == 0) {
        bl_diag_message(tape->diag, "the document is empty");
        return BL_FAIL(INVALID_REQUEST);
    }
    if (bl_str_starts_with(text, BL_STR("\xEF\xBB\xBF"))) {
        tape->diag->line = 1;
        tape->diag->column = 1;
        bl_diag_message(tape->diag, "the document begins with a byte order mark");
        bl_diag_hint(tape->diag, "save the text as UTF-8 without a byte order mark");
        return BL_FAIL(INVALID_REQUEST);
    }
    return resize(tape, text.len / BYTES_PER_NODE + FIRST_NODES);
}

bl_result bl_json_tape_grow(struct bl_json_tape *tape) {
    if (tape->count >= tape->limits->max_nodes) {
        bl_diag_message(tape->diag, "the document has more values and keys than the limit of %u",
                        tape->limits->max_nodes);
        return BL_FAIL(INVALID_REQUEST);
    }
    return resize(tape, (uint64_t)tape->capacity * 2);
}

bl_result bl_json_tape_open(struct bl_json_tape *tape, enum bl_json_type type, uint32_t offset) {
    struct bl_json_node *node;

    if (tape->depth >= tape->limits->max_depth) {
        bl_diag_message(tape->diag, "objects and arrays are nested deeper than the limit of %u",
                        tape->limits->max_depth);
        return BL_FAIL(INVALID_REQUEST);
    }
    BL_TRY(bl_json_tape_add(tape, type, offset, &node));
    node->next = tape->parent;
    tape->parent = tape->count - 1;
    tape->depth++;
    return BL_OK;
}

bl_result bl_json_tape_close(struct bl_json_tape *tape, size_t end,
                             struct bl_json_duplicate *duplicate) {
    uint32_t self = tape->parent;
    struct bl_json_node *node = &tape->nodes[self];

    tape->parent = node->next;
    tape->depth--;
    node->next = tape->count;
    node->value.end = end;
    if (node->type != BL_JSON_OBJECT || node->length < 2) {
        return BL_OK;
    }
    bl_result result = bl_json_keys_distinct(tape->nodes, self, tape->arena, duplicate);
    return result.error == BL_E_RESOURCE_EXHAUSTED ? bl_json_tape_exhausted(tape) : result;
}

void bl_json_tape_duplicate(struct bl_json_tape *tape, struct bl_str key, uint32_t first_line,
                            uint32_t first_column) {
    struct bl_str shown = bl_utf8_cut(key, 100);

    bl_diag_message(tape->diag,
                    "the key \"%.*s\"%s stands twice in one object, first in line %u, "
                    "column %u",
                    BL_STR_ARG(shown), shown.len < key.len ? "..." : "", first_line, first_column);
    bl_diag_hint(tape->diag, "remove one of the two, or rename it");
}
