/* Types, before anything runs. What is not known until then (dyn) is left to the evaluation. */
#include "expression/expression.h"
#include "expression/token.h"

struct local {
    struct bl_str name;
    struct bl_type type;
};

struct checker {
    const struct bl_expression_scope *scope;
    struct bl_diag *diag;
    struct local locals[BL_EXPRESSION_MAX_LOCALS];
    int local_count;
};

static bl_result check(struct checker *checker, struct bl_node *node);

/* --- paths --------------------------------------------------------------------------------- */

/* A key that can be part of a path. */
static bool is_plain_key(struct bl_str key) {
    return key.len > 0 && memchr(key.data, '.', key.len) == NULL;
}

static bool put_path(const struct bl_node *node, struct bl_buf *buf) {
    struct bl_str key;

    if (node->kind == BL_NODE_NAME && node->local < 0) {
        bl_buf_str(buf, node->name);
        return true;
    }
    if (node->kind == BL_NODE_SELECT || node->kind == BL_NODE_HAS) {
        key = node->name;
    } else if (node->kind == BL_NODE_CALL && node->function == BL_FUNCTION_INDEX &&
               node->last->kind == BL_NODE_LITERAL && node->last->value.type == BL_VALUE_STRING &&
               is_plain_key(bl_value_str(&node->last->value))) {
        key = bl_value_str(&node->last->value);
    } else {
        return false;
    }
    if (!put_path(node->first, buf)) {
        return false;
    }
    bl_buf_char(buf, '.');
    bl_buf_str(buf, key);
    return true;
}

struct bl_str bl_expression_path(const struct bl_node *node, char *storage) {
    struct bl_buf buf;

    bl_buf_init(&buf, storage, BL_PATH_MAX_BYTES);
    return put_path(node, &buf) && !buf.overflowed ? bl_buf_view(&buf) : BL_STR_ABSENT;
}

/* --- names --------------------------------------------------------------------------------- */

/* Names of types are values of type `type`. */
static bool find_type_name(struct bl_str path, struct bl_value *value) {
    for (int kind = BL_VALUE_NULL; kind < BL_VALUE_ERROR; kind++) {
        if (kind != BL_VALUE_JSON &&
            bl_str_equal_c(path, bl_value_kind_name((enum bl_value_type)kind))) {
            *value = (struct bl_value){.type = BL_VALUE_TYPE, .as.integer = kind};
            return true;
        }
    }
    return false;
}

/* The variables of macros, the innermost first. */
static bool find_local(const struct checker *checker, struct bl_node *node) {
    for (int i = checker->local_count - 1; i >= 0; i--) {
        if (bl_str_equal(checker->locals[i].name, node->name)) {
            node->local = (int8_t)i;
            node->type = checker->locals[i].type;
            return true;
        }
    }
    return false;
}

/* Gives the names below their numbers, so that a path is told from a member of a local. */
static bool begins_with_local(const struct checker *checker, struct bl_node *node) {
    while (node->kind == BL_NODE_SELECT || node->kind == BL_NODE_HAS ||
           (node->kind == BL_NODE_CALL && node->function == BL_FUNCTION_INDEX)) {
        node = node->first;
    }
    return node->kind == BL_NODE_NAME && find_local(checker, node);
}

static bl_result check_path(struct checker *checker, struct bl_node *node, struct bl_str path) {
    struct bl_value value;
    struct bl_diag problem;

    if (find_type_name(path, &value)) {
        node->kind = BL_NODE_LITERAL;
        node->value = value;
        node->type = bl_type_of(BL_VALUE_TYPE);
        return BL_OK;
    }
    bl_diag_clear(&problem);
    if (!checker->scope->type_of(checker->scope->user, path, &node->type, &problem)) {
        uint32_t at = node->at;
        *checker->diag = problem;
        checker->diag->line = 1;
        checker->diag->column = at + 1;
        return BL_FAIL(INVALID_REQUEST);
    }
    if (node->kind == BL_NODE_HAS) {
        node->type = bl_type_of(BL_VALUE_BOOL);
    }
    return BL_OK;
}

/* --- the rest ------------------------------------------------------------------------------ */

static bl_result refuse_types(struct checker *checker, const struct bl_node *node,
                              const struct bl_type *types, size_t count) {
    struct bl_diag *diag = bl_expression_problem(checker->diag, node->at);
    char storage[160];
    struct bl_buf buf;

    bl_buf_init(&buf, storage, sizeof(storage));
    for (size_t i = 0; i < count && i < 3; i++) {
        bl_buf_str(&buf, i > 0 ? BL_STR(", ") : BL_STR(""));
        bl_type_write(types[i], &buf);
    }
    bl_diag_message(diag, "%s does not take (%.*s)",
                    bl_function_name((enum bl_function)node->function),
                    BL_STR_ARG(bl_buf_view(&buf)));
    bool mixes = count == 2 && types[0].kind != types[1].kind &&
                 node->function >= BL_FUNCTION_ADD && node->function <= BL_FUNCTION_MODULO;
    if (mixes) {
        bl_diag_hint(diag, "arithmetic does not mix types: convert with int(), uint(), double() or "
                           "string()");
    } else if (node->function == BL_FUNCTION_EQUAL || node->function == BL_FUNCTION_NOT_EQUAL) {
        bl_diag_hint(diag, "values of these types are never equal");
    }
    return BL_FAIL(INVALID_REQUEST);
}

static bl_result check_call(struct checker *checker, struct bl_node *node) {
    struct bl_type *types = NULL;
    struct bl_type few[3];
    struct bl_node *child = node->first;
    size_t known = 0;

    /* Chains of && and || are as long as they like: all operands are alike, so two at a time. */
    bool is_chain = node->function == BL_FUNCTION_AND || node->function == BL_FUNCTION_OR;
    types = few;
    for (; child != NULL; child = child->next) {
        BL_TRY(check(checker, child));
        if (is_chain &&
            !bl_function_check((enum bl_function)node->function, &child->type, 1, &node->type)) {
            return refuse_types(checker, node, &child->type, 1);
        }
        if (known < 3) {
            types[known] = child->type;
        }
        known++;
    }
    if (is_chain) {
        return BL_OK;
    }
    if (known == 0 || known > 3 ||
        !bl_function_check((enum bl_function)node->function, types, known, &node->type)) {
        return refuse_types(checker, node, types, known);
    }
    bool needs_literal = node->function == BL_FUNCTION_MATCHES;
    if (needs_literal &&
        (node->last->kind != BL_NODE_LITERAL || node->last->value.type != BL_VALUE_STRING)) {
        struct bl_diag *diag = bl_expression_problem(checker->diag, node->last->at);
        bl_diag_message(diag, "a pattern is written out, so that it is compiled once");
        bl_diag_hint(diag, "for example metadata.model.matches(\"^gpt-[45]\")");
        return BL_FAIL(INVALID_REQUEST);
    }
    return BL_OK;
}

static bl_result check_select(struct checker *checker, struct bl_node *node) {
    struct bl_node *operand = node->first;

    BL_TRY(check(checker, operand));
    if (operand->type.kind != BL_VALUE_MAP && operand->type.kind != BL_VALUE_ABSENT) {
        struct bl_diag *diag = bl_expression_problem(checker->diag, node->at);
        bl_diag_message(diag, "%s has no members, so no %.*s",
                        bl_value_kind_name((enum bl_value_type)operand->type.kind),
                        (int)(node->name.len > 60 ? 60 : node->name.len), node->name.data);
        return BL_FAIL(INVALID_REQUEST);
    }
    node->type = node->kind == BL_NODE_HAS ? bl_type_of(BL_VALUE_BOOL)
                                           : bl_type_of((enum bl_value_type)operand->type.item);
    return BL_OK;
}

static bl_result check_list(struct checker *checker, struct bl_node *node) {
    uint8_t item = BL_VALUE_ABSENT;

    for (struct bl_node *child = node->first; child != NULL; child = child->next) {
        BL_TRY(check(checker, child));
        bool is_alike = child == node->first || child->type.kind == item;
        item = is_alike ? child->type.kind : (uint8_t)BL_VALUE_ABSENT;
    }
    node->type = (struct bl_type){.kind = BL_VALUE_LIST, .item = item};
    return BL_OK;
}

static bool can_be_key(uint8_t kind) {
    return kind == BL_VALUE_ABSENT || kind == BL_VALUE_BOOL || kind == BL_VALUE_INT ||
           kind == BL_VALUE_UINT || kind == BL_VALUE_STRING;
}

static bl_result check_map(struct checker *checker, struct bl_node *node) {
    struct bl_type type = {.kind = BL_VALUE_MAP};

    for (struct bl_node *key = node->first; key != NULL; key = key->next->next) {
        struct bl_node *value = key->next;
        BL_TRY(check(checker, key));
        BL_TRY(check(checker, value));
        if (!can_be_key(key->type.kind)) {
            bl_diag_message(bl_expression_problem(checker->diag, key->at),
                            "a map's key is a bool, int, uint or string, not %s",
                            bl_value_kind_name((enum bl_value_type)key->type.kind));
            return BL_FAIL(INVALID_REQUEST);
        }
        bool is_first = key == node->first;
        type.key = is_first || type.key == key->type.kind ? key->type.kind : (uint8_t)0;
        type.item = is_first || type.item == value->type.kind ? value->type.kind : (uint8_t)0;
    }
    node->type = type;
    return BL_OK;
}

static bl_result refuse_loop(struct checker *checker, const struct bl_node *node, uint32_t at,
                             const char *what, struct bl_type found) {
    struct bl_diag *diag = bl_expression_problem(checker->diag, at);

    bl_diag_message(diag, "%s %s, not %s", bl_macro_name((enum bl_macro)node->function), what,
                    bl_value_kind_name((enum bl_value_type)found.kind));
    return BL_FAIL(INVALID_REQUEST);
}

static bl_result check_loop(struct checker *checker, struct bl_node *node) {
    struct bl_node *range = node->first;
    bool is_map = node->function == BL_MACRO_MAP;

    BL_TRY(check(checker, range));
    bool over_map = range->type.kind == BL_VALUE_MAP;
    if (!over_map && range->type.kind != BL_VALUE_LIST && range->type.kind != BL_VALUE_ABSENT) {
        return refuse_loop(checker, node, node->at, "goes over a list or a map", range->type);
    }
    if (checker->local_count == BL_EXPRESSION_MAX_LOCALS) {
        bl_diag_message(bl_expression_problem(checker->diag, node->at),
                        "more than %d macros stand within each other", BL_EXPRESSION_MAX_LOCALS);
        return BL_FAIL(INVALID_REQUEST);
    }
    node->local = (int8_t)checker->local_count;
    checker->locals[checker->local_count++] = (struct local){
        node->name,
        bl_type_of((enum bl_value_type)(over_map ? range->type.key : range->type.item))};
    for (struct bl_node *child = range->next; child != NULL; child = child->next) {
        BL_TRY(check(checker, child));
        bool wants_bool = !is_map || child->next != NULL;
        if (wants_bool && child->type.kind != BL_VALUE_BOOL &&
            child->type.kind != BL_VALUE_ABSENT) {
            return refuse_loop(checker, node, child->at, "asks for a bool", child->type);
        }
    }
    checker->local_count--;
    node->type = bl_type_of(BL_VALUE_BOOL);
    if (is_map) {
        node->type = (struct bl_type){.kind = BL_VALUE_LIST, .item = node->last->type.kind};
    } else if (node->function == BL_MACRO_FILTER) {
        node->type = (struct bl_type){.kind = BL_VALUE_LIST,
                                      .item = over_map ? range->type.key : range->type.item};
    }
    return BL_OK;
}

static bl_result check(struct checker *checker, struct bl_node *node) {
    char storage[BL_PATH_MAX_BYTES];
    struct bl_str path = BL_STR_ABSENT;

    if (!begins_with_local(checker, node)) {
        path = bl_expression_path(node, storage);
    }
    if (bl_str_is_present(path)) {
        return check_path(checker, node, path);
    }
    switch ((enum bl_node_kind)node->kind) {
    case BL_NODE_LITERAL:
        node->type = bl_type_of((enum bl_value_type)node->value.type);
        return BL_OK;
    case BL_NODE_NAME: /* a local, or a name too long for a path */
        if (node->local >= 0) {
            return BL_OK;
        }
        bl_diag_message(bl_expression_problem(checker->diag, node->at),
                        "a path has at most %d bytes", BL_PATH_MAX_BYTES);
        return BL_FAIL(INVALID_REQUEST);
    case BL_NODE_SELECT:
    case BL_NODE_HAS:
        return check_select(checker, node);
    case BL_NODE_CALL:
        return check_call(checker, node);
    case BL_NODE_LIST:
        return check_list(checker, node);
    case BL_NODE_MAP:
        return check_map(checker, node);
    case BL_NODE_LOOP:
        return check_loop(checker, node);
    }
    return BL_OK;
}

bl_result bl_expression_check(struct bl_node *root, const struct bl_expression_scope *scope,
                              struct bl_diag *diag) {
    struct checker checker = {.scope = scope, .diag = diag};

    return check(&checker, root);
}
