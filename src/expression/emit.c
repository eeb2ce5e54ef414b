/* From tree to ops. */
#include <assert.h>

#include "expression/expression.h"
#include "expression/pattern.h"
#include "expression/token.h"

struct emitter {
    const struct bl_expression_scope *scope; /* NULL: the tree reads nothing */
    struct bl_code *code;
    struct bl_diag *diag;
};

static bl_result emit(struct emitter *emitter, const struct bl_node *node);

static bl_result add_constant(struct emitter *emitter, struct bl_value value, uint32_t at,
                              uint16_t *operand) {
    struct bl_code *code = emitter->code;

    if (code->constant_count >= code->constant_capacity) {
        bl_diag_message(bl_expression_problem(emitter->diag, at),
                        "the conditions hold too many constants");
        return BL_FAIL(INVALID_REQUEST);
    }
    BL_TRY(bl_value_copy(&value, code->arena, &code->constants[code->constant_count]));
    *operand = (uint16_t)(code->constant_count++ | BL_OPERAND_CONSTANT);
    return BL_OK;
}

static bl_result add_fact(struct emitter *emitter, struct bl_str path,
                          enum bl_projection projection, uint32_t at, uint16_t *operand) {
    struct bl_diag problem;

    bl_diag_clear(&problem);
    *operand = emitter->scope->slot_of(emitter->scope->user, path, projection, &problem);
    if (*operand == BL_OPERAND_NONE) {
        *emitter->diag = problem;
        emitter->diag->line = 1;
        emitter->diag->column = at + 1;
        return BL_FAIL(INVALID_REQUEST);
    }
    return BL_OK;
}

/* What a node reads, if that is a fact: its path and what is needed of it. */
static struct bl_str fact_path(const struct bl_node *node, enum bl_projection *projection,
                               char *storage) {
    bool is_size = node->kind == BL_NODE_CALL && node->function == BL_FUNCTION_SIZE;

    *projection = is_size                     ? BL_PROJECTION_SIZE
                  : node->kind == BL_NODE_HAS ? BL_PROJECTION_HAS
                                              : BL_PROJECTION_VALUE;
    return bl_expression_path(is_size ? node->first : node, storage);
}

/* The operand that stands in the op itself, or FOLLOWS. */
static bl_result direct(struct emitter *emitter, const struct bl_node *node, uint16_t *operand) {
    char storage[BL_PATH_MAX_BYTES];
    enum bl_projection projection;

    if (node->kind == BL_NODE_LITERAL) {
        return add_constant(emitter, node->value, node->at, operand);
    }
    if (node->kind == BL_NODE_NAME && node->local >= 0) {
        *operand = (uint16_t)(BL_OPERAND_LOCAL | (unsigned)node->local);
        return BL_OK;
    }
    struct bl_str path = fact_path(node, &projection, storage);
    if (bl_str_is_present(path)) {
        return add_fact(emitter, path, projection, node->at, operand);
    }
    *operand = BL_OPERAND_FOLLOWS;
    return BL_OK;
}

static bl_result begin(struct emitter *emitter, enum bl_opcode op, const struct bl_node *node,
                       uint32_t *index) {
    struct bl_code *code = emitter->code;

    if (code->op_count >= code->op_capacity) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    *index = code->op_count++;
    code->ops[*index] = (struct bl_op){.op = (uint8_t)op,
                                       .is_strict = true,
                                       .left = BL_OPERAND_NONE,
                                       .right = BL_OPERAND_NONE,
                                       .end = code->op_count,
                                       .at = node->at};
    return BL_OK;
}

static void end(struct emitter *emitter, uint32_t index) {
    emitter->code->ops[index].end = emitter->code->op_count;
}

/* One operand: in the op, or behind it. */
static bl_result emit_operand(struct emitter *emitter, const struct bl_node *node,
                              uint16_t *operand) {
    uint16_t found = BL_OPERAND_NONE;

    BL_TRY(direct(emitter, node, &found));
    *operand = found;
    return found == BL_OPERAND_FOLLOWS ? emit(emitter, node) : BL_OK;
}

/* All children as ops of their own. */
static bl_result emit_children(struct emitter *emitter, const struct bl_node *first) {
    for (const struct bl_node *child = first; child != NULL; child = child->next) {
        BL_TRY(emit(emitter, child));
    }
    return BL_OK;
}

/* Arrays may move no more: ops are named by index until the op is ended. */
static bl_result emit_two(struct emitter *emitter, uint32_t index, const struct bl_node *left,
                          const struct bl_node *right) {
    uint16_t operand;

    BL_TRY(emit_operand(emitter, left, &operand));
    emitter->code->ops[index].left = operand;
    if (right != NULL) {
        BL_TRY(emit_operand(emitter, right, &operand));
        emitter->code->ops[index].right = operand;
    }
    end(emitter, index);
    return BL_OK;
}

static bl_result emit_matches(struct emitter *emitter, uint32_t index, const struct bl_node *node) {
    struct bl_code *code = emitter->code;
    struct bl_diag problem;
    uint16_t operand;

    if (code->pattern_count >= code->pattern_capacity) {
        bl_diag_message(bl_expression_problem(emitter->diag, node->at),
                        "the conditions hold more than %u patterns",
                        (unsigned)code->pattern_capacity);
        return BL_FAIL(INVALID_REQUEST);
    }
    bl_result result = bl_pattern_compile(bl_value_str(&node->last->value), code->arena,
                                          &code->patterns[code->pattern_count], &problem);
    if (bl_is_error(result)) {
        *emitter->diag = problem;
        emitter->diag->line = 1;
        emitter->diag->column = node->last->at + 1;
        return result;
    }
    BL_TRY(add_constant(emitter, bl_value_int(code->pattern_count++), node->at, &operand));
    BL_TRY(emit_two(emitter, index, node->first, NULL));
    code->ops[index].right = operand;
    return BL_OK;
}

static enum bl_opcode opcode_of(enum bl_function function) {
    static const struct {
        enum bl_function function;
        enum bl_opcode op;
    } own[] = {
        {BL_FUNCTION_NOT, BL_OP_NOT},
        {BL_FUNCTION_EQUAL, BL_OP_EQUAL},
        {BL_FUNCTION_NOT_EQUAL, BL_OP_NOT_EQUAL},
        {BL_FUNCTION_LESS, BL_OP_LESS},
        {BL_FUNCTION_LESS_EQUAL, BL_OP_LESS_EQUAL},
        {BL_FUNCTION_GREATER, BL_OP_GREATER},
        {BL_FUNCTION_GREATER_EQUAL, BL_OP_GREATER_EQUAL},
        {BL_FUNCTION_IN, BL_OP_IN},
        {BL_FUNCTION_AND, BL_OP_AND},
        {BL_FUNCTION_OR, BL_OP_OR},
        {BL_FUNCTION_CONDITIONAL, BL_OP_CONDITIONAL},
    };

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (own[i].function == function) {
            return own[i].op;
        }
    }
    return BL_OP_CALL;
}

static bl_result emit_call(struct emitter *emitter, const struct bl_node *node) {
    enum bl_opcode op = opcode_of((enum bl_function)node->function);
    uint32_t index;

    BL_TRY(begin(emitter, op, node, &index));
    emitter->code->ops[index].function = node->function;
    if (op == BL_OP_AND || op == BL_OP_OR || op == BL_OP_NOT || op == BL_OP_CONDITIONAL) {
        BL_TRY(emit_children(emitter, node->first));
        end(emitter, index);
        return BL_OK;
    }
    if (node->function == BL_FUNCTION_MATCHES) {
        return emit_matches(emitter, index, node);
    }
    return emit_two(emitter, index, node->first, node->first->next);
}

static bl_result emit_select(struct emitter *emitter, const struct bl_node *node) {
    uint32_t index;
    uint16_t key;

    BL_TRY(begin(emitter, node->kind == BL_NODE_HAS ? BL_OP_HAS : BL_OP_SELECT, node, &index));
    BL_TRY(add_constant(emitter, bl_value_text(node->name), node->at, &key));
    BL_TRY(emit_two(emitter, index, node->first, NULL));
    emitter->code->ops[index].right = key;
    return BL_OK;
}

static bl_result emit_loop(struct emitter *emitter, const struct bl_node *node) {
    uint32_t index;
    uint16_t range;

    BL_TRY(begin(emitter, BL_OP_LOOP, node, &index));
    emitter->code->ops[index].function = node->function;
    emitter->code->ops[index].local = (uint8_t)node->local;
    BL_TRY(emit_operand(emitter, node->first, &range));
    emitter->code->ops[index].left = range;
    BL_TRY(emit_children(emitter, node->first->next));
    end(emitter, index);
    return BL_OK;
}

/* A node that no op holds as its operand. */
static bl_result emit_value(struct emitter *emitter, const struct bl_node *node, uint16_t operand) {
    bool is_bool = node->kind == BL_NODE_LITERAL && node->value.type == BL_VALUE_BOOL;
    uint32_t index;

    if (is_bool) {
        return begin(emitter, node->value.as.boolean ? BL_OP_TRUE : BL_OP_FALSE, node, &index);
    }
    BL_TRY(begin(emitter, BL_OP_OPERAND, node, &index));
    emitter->code->ops[index].left = operand;
    return BL_OK;
}

static bl_result emit_items(struct emitter *emitter, const struct bl_node *node) {
    uint32_t index;

    BL_TRY(begin(emitter, node->kind == BL_NODE_LIST ? BL_OP_LIST : BL_OP_MAP, node, &index));
    BL_TRY(emit_children(emitter, node->first));
    end(emitter, index);
    return BL_OK;
}

static bl_result emit(struct emitter *emitter, const struct bl_node *node) {
    uint16_t operand = BL_OPERAND_NONE;
    bool is_bool = node->kind == BL_NODE_LITERAL && node->value.type == BL_VALUE_BOOL;

    if (!is_bool) {
        BL_TRY(direct(emitter, node, &operand));
    }
    if (operand != BL_OPERAND_FOLLOWS) {
        return emit_value(emitter, node, operand);
    }
    switch ((enum bl_node_kind)node->kind) {
    case BL_NODE_CALL:
        return emit_call(emitter, node);
    case BL_NODE_SELECT:
    case BL_NODE_HAS:
        return emit_select(emitter, node);
    case BL_NODE_LOOP:
        return emit_loop(emitter, node);
    case BL_NODE_LIST:
    case BL_NODE_MAP:
        return emit_items(emitter, node);
    case BL_NODE_LITERAL:
    case BL_NODE_NAME:
        break; /* direct, always */
    }
    assert(false);
    return BL_FAIL(INTERNAL);
}

bl_result bl_expression_emit(const struct bl_node *root, const struct bl_expression_scope *scope,
                             struct bl_code *code, uint32_t *index, struct bl_diag *diag) {
    struct emitter emitter = {.scope = scope, .code = code, .diag = diag};

    *index = code->op_count;
    return emit(&emitter, root);
}

bl_result bl_expression_compile(struct bl_str text, const struct bl_expression_scope *scope,
                                struct bl_arena *scratch, struct bl_code *code, uint32_t *index,
                                struct bl_type *type, struct bl_diag *diag) {
    struct bl_node *root;
    uint32_t always_fails;
    struct bl_diag warning;

    BL_TRY(bl_expression_parse(text, scratch, &root, diag));
    BL_TRY(bl_expression_check(root, scope, diag));
    *type = root->type;
    bl_diag_clear(&warning);
    BL_TRY(bl_expression_fold(root, scratch, &always_fails, &warning));
    BL_TRY(bl_expression_emit(root, scope, code, index, diag));
    *diag = warning;
    return BL_OK;
}
