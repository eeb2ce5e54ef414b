/* From text to tree, by the grammar of cel-spec, "Syntax". Recursion is bounded by
 * BL_EXPRESSION_MAX_DEPTH. */
#include <assert.h>

#include "expression/syntax.h"
#include "expression/token.h"

struct parser {
    struct bl_lexer lexer;
    struct bl_token token; /* not yet taken */
    struct bl_arena *arena;
    struct bl_diag *diag;
    uint32_t node_count;
    unsigned depth;
};

static bl_result parse_expression(struct parser *parser, struct bl_node **out);

static bl_result advance(struct parser *parser) {
    return bl_lexer_next(&parser->lexer, &parser->token);
}

static bl_result refuse_depth(struct parser *parser, uint32_t at) {
    struct bl_diag *diag = bl_expression_problem(parser->diag, at);

    bl_diag_message(diag, "is nested deeper than %d", BL_EXPRESSION_MAX_DEPTH);
    bl_diag_hint(diag, "write several rules, or several conditions under all and any");
    return BL_FAIL(INVALID_REQUEST);
}

static bl_result make(struct parser *parser, enum bl_node_kind kind, uint32_t at,
                      struct bl_node **out) {
    if (++parser->node_count > BL_EXPRESSION_MAX_NODES) {
        bl_diag_message(bl_expression_problem(parser->diag, at), "has more than %d parts",
                        BL_EXPRESSION_MAX_NODES);
        return BL_FAIL(INVALID_REQUEST);
    }
    struct bl_node *node = bl_arena_calloc(parser->arena, 1, sizeof(*node));
    if (node == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    node->kind = (uint8_t)kind;
    node->at = at;
    node->depth = 1;
    node->local = -1;
    *out = node;
    return BL_OK;
}

static bl_result add(struct parser *parser, struct bl_node *parent, struct bl_node *child) {
    assert(child != NULL); /* what was parsed was made */
    if (child->depth >= BL_EXPRESSION_MAX_DEPTH) {
        return refuse_depth(parser, child->at);
    }
    if (child->depth >= parent->depth) {
        parent->depth = (uint8_t)(child->depth + 1);
    }
    if (parent->last != NULL) {
        parent->last->next = child;
    } else {
        parent->first = child;
    }
    parent->last = child;
    parent->count++;
    return BL_OK;
}

static bl_result make_call(struct parser *parser, enum bl_function function, uint32_t at,
                           struct bl_node **out) {
    BL_TRY(make(parser, BL_NODE_CALL, at, out));
    (*out)->function = (uint8_t)function;
    return BL_OK;
}

static bl_result refuse_token(struct parser *parser, const char *wanted) {
    const struct bl_token *token = &parser->token;
    struct bl_diag *diag = bl_expression_problem(parser->diag, token->at);
    struct bl_str text = token->text;

    if (token->kind == BL_TOKEN_END) {
        bl_diag_message(diag, "ends where %s is expected", wanted);
        return BL_FAIL(INVALID_REQUEST);
    }
    text.len = text.len > 40 ? 40 : text.len;
    bl_diag_message(diag, "%.*s stands where %s is expected", BL_STR_ARG(text), wanted);
    if (token->kind == BL_TOKEN_RESERVED) {
        bl_diag_hint(diag, "%.*s is a reserved word; a member of that name is x[\"%.*s\"]",
                     BL_STR_ARG(text), BL_STR_ARG(text));
    }
    return BL_FAIL(INVALID_REQUEST);
}

static bl_result expect(struct parser *parser, int kind, const char *wanted) {
    if (parser->token.kind != kind) {
        return refuse_token(parser, wanted);
    }
    return advance(parser);
}

/* Expressions up to `close`, which is taken too; a comma may stand behind the last of a list. */
static bl_result parse_items(struct parser *parser, struct bl_node *parent, int close,
                             const char *wanted, bool trailing_comma) {
    while (parser->token.kind != close) {
        struct bl_node *item = NULL;
        BL_TRY(parse_expression(parser, &item));
        BL_TRY(add(parser, parent, item));
        if (parser->token.kind != ',') {
            break;
        }
        uint32_t at = parser->token.at;
        BL_TRY(advance(parser));
        if (parser->token.kind == close && !trailing_comma) {
            bl_diag_message(bl_expression_problem(parser->diag, at),
                            "a comma stands behind the last argument");
            return BL_FAIL(INVALID_REQUEST);
        }
    }
    return expect(parser, close, wanted);
}

static bl_result parse_map(struct parser *parser, struct bl_node **out) {
    BL_TRY(make(parser, BL_NODE_MAP, parser->token.at, out));
    BL_TRY(advance(parser));
    while (parser->token.kind != '}') {
        struct bl_node *key = NULL, *value = NULL;
        BL_TRY(parse_expression(parser, &key));
        BL_TRY(expect(parser, ':', "\":\" behind a map's key"));
        BL_TRY(parse_expression(parser, &value));
        BL_TRY(add(parser, *out, key));
        BL_TRY(add(parser, *out, value));
        if (parser->token.kind != ',') {
            break;
        }
        BL_TRY(advance(parser));
    }
    return expect(parser, '}', "\",\" or \"}\"");
}

/* --- calls and macros ---------------------------------------------------------------------- */

static const char *const macro_names[] = {
    [BL_MACRO_ALL] = "all",
    [BL_MACRO_EXISTS] = "exists",
    [BL_MACRO_EXISTS_ONE] = "exists_one",
    [BL_MACRO_FILTER] = "filter",
    [BL_MACRO_MAP] = "map",
};

const char *bl_macro_name(enum bl_macro loop) {
    return macro_names[loop];
}

static int find_macro(struct bl_str name) {
    for (int i = 0; i <= BL_MACRO_MAP; i++) {
        if (bl_str_equal_c(name, macro_names[i])) {
            return i;
        }
    }
    return -1;
}

static struct bl_str nearest_macro(struct bl_str name) {
    struct bl_str names[BL_MACRO_MAP + 1];

    for (int i = 0; i <= BL_MACRO_MAP; i++) {
        names[i] = bl_str_from_c(macro_names[i]);
    }
    return bl_nearest(name, names, BL_MACRO_MAP + 1);
}

/* `call` holds range, variable, body (or range, variable, filter, body): becomes a LOOP. */
static bl_result make_loop(struct parser *parser, struct bl_node *call, enum bl_macro loop) {
    struct bl_node *range = call->first;
    struct bl_node *variable = range->next;
    bool count_fits = call->count == 3 || (loop == BL_MACRO_MAP && call->count == 4);

    if (!count_fits || variable->kind != BL_NODE_NAME) {
        struct bl_diag *diag = bl_expression_problem(parser->diag, call->at);
        bl_diag_message(diag, "%s takes a name and %s", macro_names[loop],
                        loop == BL_MACRO_MAP ? "one or two expressions" : "an expression");
        bl_diag_hint(diag, "for example task.payload.items.%s(x, %s)", macro_names[loop],
                     loop == BL_MACRO_MAP ? "x.price" : "x.price > 3");
        return BL_FAIL(INVALID_REQUEST);
    }
    call->kind = BL_NODE_LOOP;
    call->function = (uint8_t)loop;
    call->name = variable->name;
    call->count--;
    range->next = variable->next;
    return BL_OK;
}

/* has(a.b) */
static bl_result make_has(struct parser *parser, struct bl_node *call, struct bl_node **out) {
    if (call->count != 1 || call->first->kind != BL_NODE_SELECT) {
        struct bl_diag *diag = bl_expression_problem(parser->diag, call->at);
        bl_diag_message(diag, "has takes one member");
        bl_diag_hint(diag, "for example has(metadata.tier)");
        return BL_FAIL(INVALID_REQUEST);
    }
    *out = call->first;
    (*out)->kind = BL_NODE_HAS;
    return BL_OK;
}

static bl_result refuse_function(struct parser *parser, const struct bl_node *call,
                                 struct bl_str nearest, bool is_method) {
    struct bl_diag *diag = bl_expression_problem(parser->diag, call->at);
    struct bl_str name = call->name;
    struct bl_str ignored;

    name.len = name.len > 60 ? 60 : name.len;
    bl_diag_message(diag, "there is no %s %.*s", is_method ? "method" : "function",
                    BL_STR_ARG(name));
    if (!is_method && find_macro(name) >= 0) {
        bl_diag_hint(diag, "it is a method: list.%.*s(x, ...)", BL_STR_ARG(name));
    } else if (bl_str_is_present(nearest)) {
        bl_diag_hint(diag, "did you mean %.*s?", BL_STR_ARG(nearest));
    } else if (bl_function_find(name, !is_method, &ignored) >= 0) {
        bl_diag_hint(diag, is_method ? "it is a function: %.*s(x)" : "it is a method: x.%.*s(...)",
                     BL_STR_ARG(name));
    } else {
        bl_diag_hint(diag, is_method
                               ? "startsWith, endsWith, contains, matches, size, all, exists, "
                                 "exists_one, filter, map, getHours, ..."
                               : "has, size, matches, type, dyn, bool, int, uint, double, "
                                 "string, duration, timestamp");
    }
    return BL_FAIL(INVALID_REQUEST);
}

/* A call whose arguments were read; a method's first is what it was called on. */
static bl_result finish_call(struct parser *parser, struct bl_node *call, struct bl_node **out) {
    struct bl_str nearest = BL_STR_ABSENT;
    int loop = call->is_method ? find_macro(call->name) : -1;

    *out = call;
    if (loop >= 0) {
        return make_loop(parser, call, (enum bl_macro)loop);
    }
    if (!call->is_method && bl_str_equal(call->name, BL_STR("has"))) {
        return make_has(parser, call, out);
    }
    int function = bl_function_find(call->name, call->is_method, &nearest);
    if (function < 0) {
        nearest =
            call->is_method && !bl_str_is_present(nearest) ? nearest_macro(call->name) : nearest;
        return refuse_function(parser, call, nearest, call->is_method);
    }
    call->function = (uint8_t)function;
    return BL_OK;
}

/* --- from the inside out ------------------------------------------------------------------- */

static bl_result parse_literal(struct parser *parser, bool negative, uint32_t at,
                               struct bl_node **out) {
    struct bl_token token = parser->token;
    uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);

    BL_TRY(make(parser, BL_NODE_LITERAL, at, out));
    if (token.is_int) {
        uint64_t magnitude = token.value.as.unsigned_integer;
        if (magnitude > limit) {
            struct bl_diag *diag = bl_expression_problem(parser->diag, token.at);
            bl_diag_message(diag, "%.*s does not fit a signed integer of 64 bits",
                            BL_STR_ARG(token.text));
            if (!negative) {
                bl_diag_hint(diag, "an unsigned one is written %.*su", BL_STR_ARG(token.text));
            }
            return BL_FAIL(INVALID_REQUEST);
        }
        token.value = bl_value_int((int64_t)(negative ? -magnitude : magnitude));
    } else if (negative) {
        token.value.as.number = -token.value.as.number;
    }
    (*out)->value = token.value;
    return advance(parser);
}

static bl_result parse_name(struct parser *parser, struct bl_node **out) {
    struct bl_token name = parser->token;

    BL_TRY(advance(parser));
    if (parser->token.kind != '(') {
        BL_TRY(make(parser, BL_NODE_NAME, name.at, out));
        (*out)->name = name.text;
        return BL_OK;
    }
    struct bl_node *call;
    BL_TRY(make_call(parser, BL_FUNCTION_SIZE, name.at, &call));
    call->name = name.text;
    BL_TRY(advance(parser));
    BL_TRY(parse_items(parser, call, ')', "\",\" or \")\"", false));
    return finish_call(parser, call, out);
}

static bl_result parse_primary(struct parser *parser, struct bl_node **out) {
    switch (parser->token.kind) {
    case BL_TOKEN_LITERAL:
        return parse_literal(parser, false, parser->token.at, out);
    case BL_TOKEN_NAME:
        return parse_name(parser, out);
    case '(':
        BL_TRY(advance(parser));
        BL_TRY(parse_expression(parser, out));
        return expect(parser, ')', "\")\"");
    case '[':
        BL_TRY(make(parser, BL_NODE_LIST, parser->token.at, out));
        BL_TRY(advance(parser));
        return parse_items(parser, *out, ']', "\",\" or \"]\"", true);
    case '{':
        return parse_map(parser, out);
    default:
        return refuse_token(parser, "a value");
    }
}

/* Behind a dot. */
static bl_result parse_selection(struct parser *parser, struct bl_node *operand,
                                 struct bl_node **out) {
    struct bl_token name = parser->token;
    struct bl_node *node;

    /* Words that CEL keeps for later may be members: metadata.package */
    if (name.kind != BL_TOKEN_NAME && name.kind != BL_TOKEN_RESERVED) {
        return refuse_token(parser, "a member's name");
    }
    BL_TRY(advance(parser));
    bool is_call = parser->token.kind == '(';
    BL_TRY(make(parser, is_call ? BL_NODE_CALL : BL_NODE_SELECT, name.at, &node));
    node->name = name.text;
    BL_TRY(add(parser, node, operand));
    *out = node;
    if (!is_call) {
        return BL_OK;
    }
    node->is_method = true;
    BL_TRY(advance(parser));
    BL_TRY(parse_items(parser, node, ')', "\",\" or \")\"", false));
    return finish_call(parser, node, out);
}

static bl_result parse_member(struct parser *parser, struct bl_node **out) {
    BL_TRY(parse_primary(parser, out));
    for (;;) {
        struct bl_node *node = NULL, *key = NULL;
        if (parser->token.kind == '.') {
            BL_TRY(advance(parser));
            BL_TRY(parse_selection(parser, *out, out));
        } else if (parser->token.kind == '[') {
            BL_TRY(make_call(parser, BL_FUNCTION_INDEX, parser->token.at, &node));
            BL_TRY(advance(parser));
            BL_TRY(parse_expression(parser, &key));
            BL_TRY(expect(parser, ']', "\"]\""));
            BL_TRY(add(parser, node, *out));
            BL_TRY(add(parser, node, key));
            *out = node;
        } else {
            return BL_OK;
        }
    }
}

/* Signs before a member, applied from the inside out. A minus before a number belongs to it. */
static bl_result parse_unary(struct parser *parser, struct bl_node **out) {
    uint32_t at[BL_EXPRESSION_MAX_DEPTH];
    unsigned count = 0;
    int sign = parser->token.kind;

    while ((sign == '!' || sign == '-') && parser->token.kind == sign) {
        if (count == BL_EXPRESSION_MAX_DEPTH) {
            return refuse_depth(parser, parser->token.at);
        }
        at[count++] = parser->token.at;
        BL_TRY(advance(parser));
    }
    bool is_number = parser->token.kind == BL_TOKEN_LITERAL &&
                     (parser->token.is_int || parser->token.value.type == BL_VALUE_DOUBLE);
    if (sign == '-' && count > 0 && is_number) {
        count--;
        BL_TRY(parse_literal(parser, true, at[count], out));
    } else {
        BL_TRY(parse_member(parser, out));
    }
    while (count > 0) {
        struct bl_node *node;
        BL_TRY(make_call(parser, sign == '!' ? BL_FUNCTION_NOT : BL_FUNCTION_NEGATE, at[--count],
                         &node));
        BL_TRY(add(parser, node, *out));
        *out = node;
    }
    return BL_OK;
}

/* The operator of two operands that the token is, at that level of precedence; or -1. */
static int binary_function(int kind, int level) {
    static const struct {
        int level, kind;
        enum bl_function function;
    } operators[] = {
        {0, BL_TOKEN_EQUAL, BL_FUNCTION_EQUAL},
        {0, BL_TOKEN_NOT_EQUAL, BL_FUNCTION_NOT_EQUAL},
        {0, '<', BL_FUNCTION_LESS},
        {0, BL_TOKEN_LESS_EQUAL, BL_FUNCTION_LESS_EQUAL},
        {0, '>', BL_FUNCTION_GREATER},
        {0, BL_TOKEN_GREATER_EQUAL, BL_FUNCTION_GREATER_EQUAL},
        {0, BL_TOKEN_IN, BL_FUNCTION_IN},
        {1, '+', BL_FUNCTION_ADD},
        {1, '-', BL_FUNCTION_SUBTRACT},
        {2, '*', BL_FUNCTION_MULTIPLY},
        {2, '/', BL_FUNCTION_DIVIDE},
        {2, '%', BL_FUNCTION_MODULO},
    };

    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        if (operators[i].level == level && operators[i].kind == kind) {
            return (int)operators[i].function;
        }
    }
    return -1;
}

/* Left-associative operators: relations (0), sums (1), products (2). */
static bl_result parse_binary(struct parser *parser, int level, struct bl_node **out) {
    int function;

    BL_TRY(level == 2 ? parse_unary(parser, out) : parse_binary(parser, level + 1, out));
    while ((function = binary_function(parser->token.kind, level)) >= 0) {
        struct bl_node *node = NULL, *right = NULL;
        BL_TRY(make_call(parser, (enum bl_function)function, parser->token.at, &node));
        BL_TRY(advance(parser));
        BL_TRY(level == 2 ? parse_unary(parser, &right) : parse_binary(parser, level + 1, &right));
        BL_TRY(add(parser, node, *out));
        BL_TRY(add(parser, node, right));
        *out = node;
    }
    return BL_OK;
}

/* && and ||: both are associative, so a chain is one node and adds no depth. */
static bl_result parse_logic(struct parser *parser, bool is_or, struct bl_node **out) {
    int sign = is_or ? BL_TOKEN_OR : BL_TOKEN_AND;
    struct bl_node *chain = NULL;

    BL_TRY(is_or ? parse_logic(parser, false, out) : parse_binary(parser, 0, out));
    while (parser->token.kind == sign) {
        struct bl_node *next = NULL;
        if (chain == NULL) {
            BL_TRY(make_call(parser, is_or ? BL_FUNCTION_OR : BL_FUNCTION_AND, parser->token.at,
                             &chain));
            BL_TRY(add(parser, chain, *out));
            *out = chain;
        }
        BL_TRY(advance(parser));
        BL_TRY(is_or ? parse_logic(parser, false, &next) : parse_binary(parser, 0, &next));
        BL_TRY(add(parser, chain, next));
    }
    return BL_OK;
}

static bl_result parse_conditional(struct parser *parser, struct bl_node **out) {
    struct bl_node *node = NULL, *yes = NULL, *no = NULL;

    BL_TRY(parse_logic(parser, true, out));
    if (parser->token.kind != '?') {
        return BL_OK;
    }
    BL_TRY(make_call(parser, BL_FUNCTION_CONDITIONAL, parser->token.at, &node));
    BL_TRY(advance(parser));
    BL_TRY(parse_logic(parser, true, &yes));
    BL_TRY(expect(parser, ':', "\":\" of a ? b : c"));
    BL_TRY(parse_expression(parser, &no));
    BL_TRY(add(parser, node, *out));
    BL_TRY(add(parser, node, yes));
    BL_TRY(add(parser, node, no));
    *out = node;
    return BL_OK;
}

static bl_result parse_expression(struct parser *parser, struct bl_node **out) {
    if (++parser->depth > BL_EXPRESSION_MAX_DEPTH) {
        return refuse_depth(parser, parser->token.at);
    }
    BL_TRY(parse_conditional(parser, out));
    parser->depth--;
    return BL_OK;
}

bl_result bl_expression_parse(struct bl_str text, struct bl_arena *arena, struct bl_node **out,
                              struct bl_diag *diag) {
    struct parser parser = {
        .lexer = {.text = text, .arena = arena, .diag = diag}, .arena = arena, .diag = diag};

    bl_diag_clear(diag);
    *out = NULL;
    if (text.len > BL_EXPRESSION_MAX_BYTES) {
        bl_diag_message(bl_expression_problem(diag, 0), "has %zu bytes, more than %d", text.len,
                        BL_EXPRESSION_MAX_BYTES);
        return BL_FAIL(INVALID_REQUEST);
    }
    BL_TRY(advance(&parser));
    if (parser.token.kind == BL_TOKEN_END) {
        struct bl_diag *problem = bl_expression_problem(diag, 0);
        bl_diag_message(problem, "is empty");
        bl_diag_hint(problem, "for example metadata.tier == \"gold\"");
        return BL_FAIL(INVALID_REQUEST);
    }
    BL_TRY(parse_expression(&parser, out));
    return parser.token.kind == BL_TOKEN_END ? BL_OK
                                             : refuse_token(&parser, "an operator or the end");
}
