/* What is constant is computed once, before any request. */
#include <assert.h>

#include "expression/evaluate.h"
#include "expression/expression.h"
#include "expression/token.h"

#define FOLD_OPS 64
#define FOLD_COST 10000

struct folder {
    struct bl_arena *arena;
    uint32_t always_fails;
    struct bl_diag *diag;
};

static bool is_literal(const struct bl_node *node) {
    return node->kind == BL_NODE_LITERAL;
}

static bool is_bool(const struct bl_node *node, bool value) {
    return is_literal(node) && node->value.type == BL_VALUE_BOOL && node->value.as.boolean == value;
}

static void become(struct bl_node *node, struct bl_value value) {
    node->kind = BL_NODE_LITERAL;
    node->value = value;
    node->first = node->last = NULL;
    node->count = 0;
}

/* The node takes the place of its parent; who stands beside the parent stays. */
static void become_child(struct bl_node *node, const struct bl_node *child) {
    struct bl_node *next = node->next;

    *node = *child;
    node->next = next;
}

/* a && true → a, a && false → false: an error beside it would be absorbed. One operand is kept, so
 * that it is still asked to be a bool. */
static void fold_chain(struct bl_node *node) {
    bool decides = node->function == BL_FUNCTION_OR;
    struct bl_node *kept = NULL;
    uint32_t count = 0;

    for (struct bl_node *child = node->first; child != NULL; child = child->next) {
        if (is_bool(child, decides)) {
            become(node, bl_value_bool(decides));
            return;
        }
    }
    for (struct bl_node *child = node->first, *next; child != NULL; child = next) {
        next = child->next;
        if (is_bool(child, !decides)) {
            continue;
        }
        child->next = NULL;
        if (kept == NULL) {
            node->first = child;
        } else {
            kept->next = child;
        }
        kept = child;
        count++;
    }
    if (kept == NULL) {
        become(node, bl_value_bool(!decides));
        return;
    }
    node->last = kept;
    node->count = count;
}

static bool all_literal(const struct bl_node *node) {
    for (const struct bl_node *child = node->first; child != NULL; child = child->next) {
        if (!is_literal(child)) {
            return false;
        }
    }
    return true;
}

static void note_failure(struct folder *folder, const struct bl_node *node,
                         const struct bl_value *error) {
    if (folder->always_fails != UINT32_MAX) {
        return;
    }
    folder->always_fails = node->at;
    struct bl_diag *diag = bl_expression_problem(folder->diag, node->at);
    diag->severity = BL_SEVERITY_WARNING;
    bl_diag_message(diag, "fails whenever it is evaluated: %s",
                    bl_evaluation_error_text(bl_error_code(error)));
}

/* Runs a node whose operands are literals, if it is small. */
static bl_result run(struct folder *folder, struct bl_node *node) {
    struct bl_op ops[FOLD_OPS];
    struct bl_value constants[FOLD_OPS];
    const struct bl_pattern *patterns[1];
    _Alignas(16) char scratch[BL_EVALUATION_SCRATCH_BYTES];
    struct bl_code code = {.ops = ops,
                           .constants = constants,
                           .patterns = patterns,
                           .op_capacity = FOLD_OPS,
                           .constant_capacity = FOLD_OPS,
                           .pattern_capacity = 1,
                           .arena = folder->arena};
    struct bl_evaluation evaluation;
    struct bl_diag ignored; /* a broken pattern is reported when the whole is emitted */
    struct bl_value kept;
    uint32_t index;

    if (node->count >= FOLD_OPS - 1 ||
        bl_is_error(bl_expression_emit(node, NULL, &code, &index, &ignored))) {
        return BL_OK;
    }
    const struct bl_program program = {
        .ops = ops, .constants = constants, .patterns = patterns, .op_count = code.op_count};
    bl_evaluation_init(&evaluation, &program, NULL, FOLD_COST);
    struct bl_value value = bl_evaluate(&evaluation, index, scratch, sizeof(scratch));
    if (value.type == BL_VALUE_ERROR) {
        note_failure(folder, node, &value);
        return BL_OK;
    }
    BL_TRY(bl_value_copy(&value, folder->arena, &kept));
    become(node, kept);
    return BL_OK;
}

/* A long list of literals is taken over as it is. */
static bl_result fold_list(struct folder *folder, struct bl_node *node) {
    struct bl_value *items = bl_arena_calloc(folder->arena, node->count + 1, sizeof(*items));
    uint32_t count = 0;

    if (items == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    for (const struct bl_node *child = node->first; child != NULL; child = child->next) {
        items[count++] = child->value;
    }
    become(node, (struct bl_value){.type = BL_VALUE_LIST, .count = count, .as.items = items});
    return BL_OK;
}

static bl_result fold(struct folder *folder, struct bl_node *node) {
    for (struct bl_node *child = node->first; child != NULL; child = child->next) {
        BL_TRY(fold(folder, child));
    }
    bool is_call = node->kind == BL_NODE_CALL;
    if (is_call && (node->function == BL_FUNCTION_AND || node->function == BL_FUNCTION_OR)) {
        fold_chain(node);
        return BL_OK;
    }
    if (is_call && node->function == BL_FUNCTION_CONDITIONAL) {
        assert(node->first != NULL && node->first->next != NULL && node->last != NULL);
        if (is_bool(node->first, true)) {
            become_child(node, node->first->next);
        } else if (is_bool(node->first, false)) {
            become_child(node, node->last);
        }
        return BL_OK;
    }
    if (!all_literal(node)) {
        return BL_OK;
    }
    if (node->kind == BL_NODE_LIST) {
        return fold_list(folder, node);
    }
    bool has_operands = node->first != NULL || node->kind == BL_NODE_MAP;
    bool can_run = is_call || node->kind == BL_NODE_MAP || node->kind == BL_NODE_SELECT ||
                   node->kind == BL_NODE_HAS;
    return has_operands && can_run ? run(folder, node) : BL_OK;
}

bl_result bl_expression_fold(struct bl_node *root, struct bl_arena *arena, uint32_t *always_fails,
                             struct bl_diag *diag) {
    struct folder folder = {.arena = arena, .always_fails = UINT32_MAX, .diag = diag};

    BL_TRY(fold(&folder, root));
    *always_fails = folder.always_fails;
    return BL_OK;
}
