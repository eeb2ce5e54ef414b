/* Compiling `when`. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "policy/facts.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define QUOTE_BYTES 60

static const struct {
    const char *word;
    enum bl_opcode op;
} operators[] = {
    {"==", BL_OP_EQUAL},  {"!=", BL_OP_NOT_EQUAL},     {"<", BL_OP_LESS}, {"<=", BL_OP_LESS_EQUAL},
    {">", BL_OP_GREATER}, {">=", BL_OP_GREATER_EQUAL}, {"in", BL_OP_IN},
};

static bool is_constant(uint16_t operand) {
    return operand != BL_OPERAND_NONE && (operand & BL_OPERAND_CONSTANT) != 0;
}

static struct bl_value *constant_at(const struct bl_draft *draft, uint16_t operand) {
    return &draft->code.constants[operand & (uint16_t)~BL_OPERAND_CONSTANT];
}

/* Scalars, and lists of them, can be compared with facts. */
static bool is_comparable(const struct bl_value *value) {
    struct bl_value_iter iter = bl_value_iter(value);

    while (bl_value_kind(value) == BL_VALUE_LIST && bl_value_next(&iter)) {
        if (iter.value.type == BL_VALUE_JSON) {
            return false;
        }
    }
    return bl_value_kind(value) != BL_VALUE_MAP;
}

/* A constant of the policy: a scalar, or a list of scalars. */
static uint16_t keep_constant(struct bl_draft *draft, struct bl_json json) {
    struct bl_value value = bl_value_from_json(json);
    struct bl_code *code = &draft->code;

    if (code->constant_count >= code->constant_capacity) {
        bl_diag_message(bl_draft_error(draft, json), "the conditions hold too many constants");
        return BL_OPERAND_NONE;
    }
    if (!is_comparable(&value)) {
        struct bl_diag *diag = bl_draft_error(draft, json);
        bl_diag_message(diag, "must be a value or a list of values, found %s",
                        bl_json_is(json, BL_JSON_OBJECT) ? "an object" : "a list of other things");
        bl_diag_hint(diag, "another fact is written as an operand: {\"==\": [{\"var\": \"a\"}, "
                           "{\"var\": \"b\"}]}");
        return BL_OPERAND_NONE;
    }
    if (bl_is_error(bl_value_copy(&value, draft->arena, &code->constants[code->constant_count]))) {
        draft->out_of_memory = true;
        return BL_OPERAND_NONE;
    }
    return (uint16_t)(code->constant_count++ | BL_OPERAND_CONSTANT);
}

static uint16_t operand(struct bl_draft *draft, struct bl_json value) {
    struct bl_json variable = bl_json_get(value, BL_STR("var"));
    struct bl_str path;

    if (bl_json_count(value) == 1 && bl_json_string(variable, &path)) {
        return bl_draft_fact(draft, variable, path);
    }
    return keep_constant(draft, value);
}

/* The status that a value names, or -1. 429 and 503 may be written without quotes. */
static int status_of(struct bl_json value) {
    char digits[24];
    struct bl_str word;
    int64_t number;

    if (bl_json_is(value, BL_JSON_INT) && bl_json_int64(value, &number)) {
        (void)snprintf(digits, sizeof(digits), "%lld", (long long)number);
        word = bl_str_from_c(digits);
    } else if (!bl_json_string(value, &word)) {
        return -1;
    }
    return bl_status_from_word(word);
}

static void refuse_status(struct bl_draft *draft, struct bl_json value, struct bl_str word) {
    struct bl_str words[BL_STATUS_COUNT];
    struct bl_diag *diag = bl_draft_error(draft, value);
    struct bl_str shown = bl_draft_quote(word, QUOTE_BYTES);

    for (int i = 0; i < BL_STATUS_COUNT; i++) {
        words[i] = bl_str_from_c(bl_status_word((enum bl_status)i));
    }
    struct bl_str nearest = bl_nearest(word, words, BL_STATUS_COUNT);
    if (bl_json_is(value, BL_JSON_STRING)) {
        bl_diag_message(diag, "\"%.*s\" is no status of an attempt", BL_STR_ARG(shown));
    } else {
        bl_diag_message(diag, "a status is a word, found %s",
                        bl_json_type_name(bl_json_type(value)));
    }
    if (bl_str_is_present(nearest)) {
        bl_diag_hint(diag, "did you mean %.*s?", BL_STR_ARG(nearest));
    } else {
        bl_diag_hint(diag, "timeout, connection, 5xx, 503, unavailable, rate_limited, 429, ...; a "
                           "status of the request's own is context.status");
    }
}

/* Status words are a closed set: a typo there would wait for the night it is needed. The constant
 * becomes the word. */
static void check_status(struct bl_draft *draft, struct bl_json value, struct bl_value *constant) {
    struct bl_str word = BL_STR("");
    int status = status_of(value);

    if (status >= 0) {
        *constant = bl_value_text(bl_str_from_c(bl_status_word((enum bl_status)status)));
        return;
    }
    (void)bl_json_string(value, &word);
    refuse_status(draft, value, word);
}

static void check_statuses(struct bl_draft *draft, struct bl_json words,
                           struct bl_value *constant) {
    struct bl_json_iter it = bl_json_iter(words);

    if (constant->type != BL_VALUE_LIST) {
        check_status(draft, words, constant);
        return;
    }
    struct bl_value *items = (struct bl_value *)constant->as.items; /* made by keep_constant */
    for (uint32_t i = 0; bl_json_next(&it); i++) {
        size_t mark = bl_draft_enter_item(draft, i);
        check_status(draft, it.value, &items[i]);
        bl_draft_leave(draft, mark);
    }
}

static void check_if_status(struct bl_draft *draft, uint16_t fact, uint16_t other,
                            struct bl_json words) {
    if (fact != BL_OPERAND_NONE && !is_constant(fact) && is_constant(other) &&
        bl_fact_is_status(&draft->facts[fact])) {
        check_statuses(draft, words, constant_at(draft, other));
    }
}

/* The same for a constant of an expression. */
static void check_status_word(struct bl_draft *draft, struct bl_json when,
                              const struct bl_value *constant) {
    if (constant->type == BL_VALUE_STRING && bl_status_from_word(bl_value_str(constant)) < 0) {
        refuse_status(draft, when, bl_value_str(constant));
    }
}

/* Appends an op whose operands, if any, are compiled next; returns its index. There is room: each
 * op stems from a node of the document of its own, a member's key or its value. */
static uint32_t begin_op(struct bl_draft *draft, enum bl_opcode op) {
    struct bl_code *code = &draft->code;
    uint32_t index = code->op_count;

    assert(index < code->op_capacity);
    code->ops[index] = (struct bl_op){
        .op = (uint8_t)op, .left = BL_OPERAND_NONE, .right = BL_OPERAND_NONE, .end = index + 1};
    code->op_count++;
    return index;
}

/* Ends an op with operands. If those that are constant decide it, it becomes a constant too. */
static void end_op(struct bl_draft *draft, uint32_t index) {
    struct bl_op *ops = draft->code.ops;
    struct bl_op *op = &ops[index];
    uint32_t end = draft->code.op_count;
    bool any_true = false;
    bool any_false = false;
    bool any_open = false;

    op->end = end;
    for (uint32_t i = index + 1; i < end; i = ops[i].end) {
        any_true = any_true || ops[i].op == BL_OP_TRUE;
        any_false = any_false || ops[i].op == BL_OP_FALSE;
        any_open = any_open || (ops[i].op != BL_OP_TRUE && ops[i].op != BL_OP_FALSE);
    }
    bool is_or = op->op == BL_OP_OR;
    if (any_open && !(is_or ? any_true : any_false)) {
        return;
    }
    bool holds = is_or ? any_true : !any_false;
    holds = op->op == BL_OP_NOT ? !holds : holds;
    *op = (struct bl_op){.op = holds ? BL_OP_TRUE : BL_OP_FALSE, .end = index + 1};
    draft->code.op_count = index + 1;
}

static void emit_comparison(struct bl_draft *draft, enum bl_opcode op, uint16_t left,
                            uint16_t right) {
    struct bl_op *comparison = &draft->code.ops[begin_op(draft, op)];

    if (left == BL_OPERAND_NONE || right == BL_OPERAND_NONE) {
        comparison->op = BL_OP_FALSE; /* reported; keeps the table whole */
        return;
    }
    comparison->left = left;
    comparison->right = right;
    if (is_constant(left) && is_constant(right)) {
        const struct bl_program program = {.ops = comparison, .constants = draft->code.constants};
        struct bl_evaluation evaluation;
        bl_evaluation_init(&evaluation, &program, NULL, BL_EVALUATION_COST_MAX);
        comparison->op =
            bl_evaluate_truth(&evaluation, 0) == BL_TRUTH_TRUE ? BL_OP_TRUE : BL_OP_FALSE;
    } else if (op == BL_OP_IN && is_constant(right) && constant_at(draft, right)->count == 0) {
        comparison->op = BL_OP_FALSE; /* an empty list holds nothing */
    }
}

static void compile_condition(struct bl_draft *draft, struct bl_json when, unsigned depth);

/* A list of conditions under `op`. */
static void compile_list(struct bl_draft *draft, struct bl_json list, enum bl_opcode op,
                         unsigned depth) {
    struct bl_json_iter it = bl_json_iter(list);
    uint32_t index = begin_op(draft, op);

    if (!bl_json_is(list, BL_JSON_ARRAY) || bl_json_count(list) == 0) {
        struct bl_diag *diag = bl_draft_error(draft, list);
        bl_diag_message(diag, "must be a list of conditions, found %s",
                        bl_json_is(list, BL_JSON_ARRAY) ? "an empty one"
                                                        : bl_json_type_name(bl_json_type(list)));
        bl_diag_hint(diag, "for example [{metadata.tier: gold}, {metadata.tier: silver}]");
        end_op(draft, index);
        return;
    }
    for (uint32_t i = 0; bl_json_next(&it); i++) {
        size_t mark = bl_draft_enter_item(draft, i);
        compile_condition(draft, it.value, depth + 1);
        bl_draft_leave(draft, mark);
    }
    end_op(draft, index);
}

static void compile_not(struct bl_draft *draft, struct bl_json value, unsigned depth) {
    uint32_t index = begin_op(draft, BL_OP_NOT);

    if (bl_json_is(value, BL_JSON_ARRAY)) { /* not all of them */
        compile_list(draft, value, BL_OP_AND, depth);
    } else {
        compile_condition(draft, value, depth + 1);
    }
    end_op(draft, index);
}

static void compile_operator(struct bl_draft *draft, struct bl_json value, const char *word,
                             enum bl_opcode op) {
    if (!bl_json_is(value, BL_JSON_ARRAY) || bl_json_count(value) != 2) {
        struct bl_diag *diag = bl_draft_error(draft, value);
        bl_diag_message(diag, "the operator %s takes a list of two operands", word);
        bl_diag_hint(diag,
                     op == BL_OP_IN
                         ? "for example {\"%s\": [{\"var\": \"metadata.tier\"}, [\"gold\"]]}"
                         : "for example {\"%s\": [{\"var\": \"metadata.size\"}, 1000]}",
                     word);
        begin_op(draft, BL_OP_FALSE);
        return;
    }
    struct bl_json left_json = bl_json_at(value, 0);
    struct bl_json right_json = bl_json_at(value, 1);
    uint16_t left = operand(draft, left_json);
    uint16_t right = operand(draft, right_json);
    if (op == BL_OP_IN && is_constant(right) && constant_at(draft, right)->type != BL_VALUE_LIST) {
        bl_draft_wrong_type(draft, right_json, "a list to look in");
        right = BL_OPERAND_NONE;
    }
    check_if_status(draft, left, right, right_json);
    check_if_status(draft, right, left, left_json);
    emit_comparison(draft, op, left, right);
}

static void compile_entry(struct bl_draft *draft, struct bl_str key, struct bl_json value,
                          unsigned depth) {
    for (size_t i = 0; i < COUNT(operators); i++) {
        if (bl_str_equal_c(key, operators[i].word)) {
            compile_operator(draft, value, operators[i].word, operators[i].op);
            return;
        }
    }
    if (bl_str_equal(key, BL_STR("all"))) {
        compile_list(draft, value, BL_OP_AND, depth);
    } else if (bl_str_equal(key, BL_STR("any"))) {
        compile_list(draft, value, BL_OP_OR, depth);
    } else if (bl_str_equal(key, BL_STR("not"))) {
        compile_not(draft, value, depth);
    } else {
        bool is_list = bl_json_is(value, BL_JSON_ARRAY);
        uint16_t left = bl_draft_fact(draft, bl_draft_key_of(value), key);
        uint16_t right = keep_constant(draft, value);
        check_if_status(draft, left, right, value);
        emit_comparison(draft, is_list ? BL_OP_IN : BL_OP_EQUAL, left, right);
    }
}

static void refuse_shape(struct bl_draft *draft, struct bl_json when) {
    struct bl_diag *diag = bl_draft_error(draft, when);

    bl_diag_message(diag, "a condition is an expression or an object, found %s",
                    bl_json_type_name(bl_json_type(when)));
    bl_diag_hint(diag, "for example 'metadata.tier == \"gold\"' or {metadata.tier: gold}");
}

/* --- expressions ----------------------------------------------------------------------------- */

/* Reports a problem of an expression at the text that holds it. */
static void report(struct bl_draft *draft, struct bl_json when, const struct bl_diag *problem) {
    struct bl_diag *diag = problem->severity == BL_SEVERITY_WARNING ? bl_draft_warning(draft, when)
                                                                    : bl_draft_error(draft, when);

    bl_diag_message(diag, "character %u: %s", (unsigned)problem->column, problem->message);
    if (problem->hint[0] != '\0') {
        bl_diag_hint(diag, "%s", problem->hint);
    }
}

/* attempt.status is one of a few words, here as in objects. */
static void check_status_ops(struct bl_draft *draft, struct bl_json when, uint32_t first) {
    for (uint32_t i = first; i < draft->code.op_count; i++) {
        const struct bl_op *op = &draft->code.ops[i];
        bool compares = op->op == BL_OP_EQUAL || op->op == BL_OP_NOT_EQUAL || op->op == BL_OP_IN;
        if (!compares || op->left >= BL_OPERAND_LOCAL || !is_constant(op->right) ||
            !bl_fact_is_status(&draft->facts[op->left])) {
            continue;
        }
        const struct bl_value *constant = constant_at(draft, op->right);
        if (constant->type == BL_VALUE_LIST) {
            for (uint32_t item = 0; item < constant->count; item++) {
                check_status_word(draft, when, &constant->as.items[item]);
            }
        } else {
            check_status_word(draft, when, constant);
        }
    }
}

static void compile_text(struct bl_draft *draft, struct bl_json when, struct bl_str text) {
    struct bl_expression_scope scope = bl_draft_scope(draft);
    struct bl_diag problem;
    struct bl_type type;
    uint32_t first = draft->code.op_count;
    uint32_t index;

    bl_result result =
        bl_expression_compile(text, &scope, draft->scratch, &draft->code, &index, &type, &problem);
    if (result.error == BL_E_RESOURCE_EXHAUSTED) {
        draft->out_of_memory = true;
    } else if (bl_is_error(result)) {
        report(draft, when, &problem);
    } else if (type.kind != BL_VALUE_BOOL && type.kind != BL_VALUE_ABSENT) {
        struct bl_diag *diag = bl_draft_error(draft, when);
        bl_diag_message(diag, "a condition yields true or false, this one yields %s",
                        bl_value_kind_name((enum bl_value_type)type.kind));
        bl_diag_hint(diag, "compare it with something: x == y, x > 3, x in [...]");
    } else {
        check_status_ops(draft, when, first);
        if (problem.message[0] != '\0') {
            report(draft, when, &problem);
        }
        return;
    }
    draft->code.op_count = first;
    begin_op(draft, BL_OP_FALSE); /* keeps the table whole */
}

/* Recursion is bounded by BL_CONDITION_MAX_DEPTH. */
static void compile_object(struct bl_draft *draft, struct bl_json when, unsigned depth) {
    struct bl_json_iter it = bl_json_iter(when);
    uint32_t count = bl_json_count(when);
    uint32_t index = 0;

    if (depth > BL_CONDITION_MAX_DEPTH) {
        bl_diag_message(bl_draft_error(draft, when), "conditions are nested deeper than %d",
                        BL_CONDITION_MAX_DEPTH);
        begin_op(draft, BL_OP_FALSE);
        return;
    }
    if (count != 1) { /* a single entry stands for itself */
        index = begin_op(draft, BL_OP_AND);
    }
    while (bl_json_next(&it)) {
        size_t mark = bl_draft_enter(draft, it.key);
        compile_entry(draft, it.key, it.value, depth);
        bl_draft_leave(draft, mark);
    }
    if (count != 1) {
        end_op(draft, index);
    }
}

static void compile_condition(struct bl_draft *draft, struct bl_json when, unsigned depth) {
    struct bl_str text;

    if (bl_json_string(when, &text)) {
        compile_text(draft, when, text);
    } else if (bl_json_is(when, BL_JSON_OBJECT)) {
        compile_object(draft, when, depth);
    } else {
        refuse_shape(draft, when);
        begin_op(draft, BL_OP_FALSE);
    }
}

/* One that is always true needs no op. */
static uint32_t finish(struct bl_draft *draft, uint32_t index) {
    if (draft->code.ops[index].op != BL_OP_TRUE) {
        return index;
    }
    draft->code.op_count = index;
    return BL_CONDITION_ALWAYS;
}

uint32_t bl_compile_condition(struct bl_draft *draft, struct bl_json when) {
    uint32_t index = draft->code.op_count;

    if (when.doc == NULL) {
        return BL_CONDITION_ALWAYS;
    }
    size_t mark = bl_draft_enter(draft, BL_STR("when"));
    compile_condition(draft, when, 1);
    bl_draft_leave(draft, mark);
    return finish(draft, index);
}

uint32_t bl_compile_attempt_condition(struct bl_draft *draft, struct bl_json when,
                                      const char *key) {
    uint32_t index = draft->code.op_count;

    if (!bl_json_is(when, BL_JSON_ARRAY)) {
        return bl_compile_condition(draft, when);
    }
    size_t mark = bl_draft_enter(draft, bl_str_from_c(key));
    uint16_t right = keep_constant(draft, when);
    uint16_t left = bl_draft_fact(draft, when, BL_STR("status"));
    check_if_status(draft, left, right, when);
    emit_comparison(draft, BL_OP_IN, left, right);
    bl_draft_leave(draft, mark);
    return finish(draft, index);
}

uint32_t bl_compile_status(struct bl_draft *draft, struct bl_json value, enum bl_status status) {
    const char *word = bl_status_word(status);
    struct bl_code *code = &draft->code;
    uint16_t index = code->constant_count;
    uint32_t op = code->op_count;

    assert(index < code->constant_capacity);
    code->constants[code->constant_count++] = bl_value_text(bl_str_from_c(word));
    emit_comparison(draft, BL_OP_EQUAL, bl_draft_fact(draft, value, BL_STR("status")),
                    (uint16_t)(index | BL_OPERAND_CONSTANT));
    return op;
}
