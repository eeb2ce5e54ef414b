/* From tree to text. */
#include "expression/syntax.h"

/* How tightly a node binds (cel-spec, "Syntax"); a child that binds less gets brackets. */
enum {
    BINDS_CONDITIONAL,
    BINDS_OR,
    BINDS_AND,
    BINDS_RELATION,
    BINDS_SUM,
    BINDS_PRODUCT,
    BINDS_UNARY,
    BINDS_MEMBER
};

static int binding(const struct bl_node *node) {
    if (node->kind == BL_NODE_LITERAL) {
        bool is_negative =
            (node->value.type == BL_VALUE_INT && node->value.as.integer < 0) ||
            (node->value.type == BL_VALUE_DOUBLE && __builtin_signbit(node->value.as.number));
        return is_negative ? BINDS_UNARY : BINDS_MEMBER;
    }
    if (node->kind != BL_NODE_CALL) {
        return BINDS_MEMBER;
    }
    switch ((enum bl_function)node->function) {
    case BL_FUNCTION_CONDITIONAL:
        return BINDS_CONDITIONAL;
    case BL_FUNCTION_OR:
        return BINDS_OR;
    case BL_FUNCTION_AND:
        return BINDS_AND;
    case BL_FUNCTION_ADD:
    case BL_FUNCTION_SUBTRACT:
        return BINDS_SUM;
    case BL_FUNCTION_MULTIPLY:
    case BL_FUNCTION_DIVIDE:
    case BL_FUNCTION_MODULO:
        return BINDS_PRODUCT;
    case BL_FUNCTION_NOT:
    case BL_FUNCTION_NEGATE:
        return BINDS_UNARY;
    default:
        return node->function < BL_FUNCTION_ADD ? BINDS_RELATION : BINDS_MEMBER;
    }
}

static void print_at(const struct bl_node *node, int least, struct bl_buf *buf) {
    bool brackets = binding(node) < least;

    if (brackets) {
        bl_buf_char(buf, '(');
    }
    bl_expression_print(node, buf);
    if (brackets) {
        bl_buf_char(buf, ')');
    }
}

static void print_items(const struct bl_node *first, struct bl_buf *buf) {
    for (const struct bl_node *item = first; item != NULL; item = item->next) {
        bl_expression_print(item, buf);
        if (item->next != NULL) {
            bl_buf_literal(buf, ", ");
        }
    }
}

static void print_map(const struct bl_node *node, struct bl_buf *buf) {
    bl_buf_char(buf, '{');
    for (const struct bl_node *key = node->first; key != NULL; key = key->next->next) {
        bl_expression_print(key, buf);
        bl_buf_literal(buf, ": ");
        bl_expression_print(key->next, buf);
        if (key->next->next != NULL) {
            bl_buf_literal(buf, ", ");
        }
    }
    bl_buf_char(buf, '}');
}

/* Operands left to right; all but the first bind tighter, since operators associate to the left. */
static void print_infix(const struct bl_node *node, struct bl_buf *buf) {
    int least = binding(node);
    bool is_chain = node->function == BL_FUNCTION_AND || node->function == BL_FUNCTION_OR;

    for (const struct bl_node *item = node->first; item != NULL; item = item->next) {
        if (item != node->first) {
            bl_buf_printf(buf, " %s ", bl_function_name((enum bl_function)node->function));
        }
        print_at(item, item == node->first && !is_chain ? least : least + 1, buf);
    }
}

/* Only signs of one kind follow each other, and the minus before a number belongs to the number. */
static int binds_to_sign(const struct bl_node *operand, int function) {
    bool is_same = operand->kind == BL_NODE_CALL && operand->function == function;
    bool is_number = function == BL_FUNCTION_NEGATE && operand->kind == BL_NODE_LITERAL;

    return is_number ? BINDS_MEMBER + 1 : is_same ? BINDS_UNARY : BINDS_MEMBER;
}

static void print_operator(const struct bl_node *node, struct bl_buf *buf) {
    switch ((enum bl_function)node->function) {
    case BL_FUNCTION_CONDITIONAL:
        print_at(node->first, BINDS_OR, buf);
        bl_buf_literal(buf, " ? ");
        print_at(node->first->next, BINDS_OR, buf);
        bl_buf_literal(buf, " : ");
        print_at(node->last, BINDS_CONDITIONAL, buf);
        break;
    case BL_FUNCTION_NOT:
    case BL_FUNCTION_NEGATE:
        bl_buf_str(buf, bl_str_from_c(bl_function_name((enum bl_function)node->function)));
        print_at(node->first, binds_to_sign(node->first, node->function), buf);
        break;
    case BL_FUNCTION_INDEX:
        print_at(node->first, BINDS_MEMBER, buf);
        bl_buf_char(buf, '[');
        bl_expression_print(node->last, buf);
        bl_buf_char(buf, ']');
        break;
    default:
        print_infix(node, buf);
        break;
    }
}

static void print_call(const struct bl_node *node, struct bl_buf *buf) {
    const struct bl_node *arguments = node->first;

    if (node->is_method || node->kind == BL_NODE_LOOP) {
        print_at(arguments, BINDS_MEMBER, buf);
        bl_buf_char(buf, '.');
        arguments = arguments->next;
    }
    if (node->kind == BL_NODE_LOOP) {
        bl_buf_printf(buf, "%s(%.*s, ", bl_macro_name((enum bl_macro)node->function),
                      BL_STR_ARG(node->name));
    } else {
        bl_buf_printf(buf, "%s(", bl_function_name((enum bl_function)node->function));
    }
    print_items(arguments, buf);
    bl_buf_char(buf, ')');
}

void bl_expression_print(const struct bl_node *node, struct bl_buf *buf) {
    switch ((enum bl_node_kind)node->kind) {
    case BL_NODE_LITERAL:
        bl_value_write(&node->value, buf);
        break;
    case BL_NODE_NAME:
        bl_buf_str(buf, node->name);
        break;
    case BL_NODE_SELECT:
        print_at(node->first, BINDS_MEMBER, buf);
        bl_buf_char(buf, '.');
        bl_buf_str(buf, node->name);
        break;
    case BL_NODE_HAS:
        bl_buf_literal(buf, "has(");
        print_at(node->first, BINDS_MEMBER, buf);
        bl_buf_char(buf, '.');
        bl_buf_str(buf, node->name);
        bl_buf_char(buf, ')');
        break;
    case BL_NODE_CALL:
        if (bl_function_style((enum bl_function)node->function) == BL_STYLE_OPERATOR) {
            print_operator(node, buf);
        } else {
            print_call(node, buf);
        }
        break;
    case BL_NODE_LOOP:
        print_call(node, buf);
        break;
    case BL_NODE_LIST:
        bl_buf_char(buf, '[');
        print_items(node->first, buf);
        bl_buf_char(buf, ']');
        break;
    case BL_NODE_MAP:
        print_map(node, buf);
        break;
    }
}
