/* Compiling `when`. */
#include <string.h>

#include "policy/draft.h"

static const struct {
    const char *word;
    enum bl_condition_op op;
} operators[] = {
    {"==", BL_OP_EQUAL},  {"!=", BL_OP_NOT_EQUAL},     {"<", BL_OP_LESS}, {"<=", BL_OP_LESS_EQUAL},
    {">", BL_OP_GREATER}, {">=", BL_OP_GREATER_EQUAL}, {"in", BL_OP_IN},
};

static const struct {
    const char *name;
    enum bl_fact_root root;
} roots[] = {
    {"context", BL_FACT_CONTEXT},         {"metadata", BL_FACT_METADATA},
    {"constraints", BL_FACT_CONSTRAINTS}, {"task", BL_FACT_TASK},
    {"tenant", BL_FACT_TENANT},           {"request", BL_FACT_REQUEST},
    {"attempt", BL_FACT_ATTEMPT},
};

/* Plain names that always meant something else than a key of the context. */
static const struct {
    const char *name;
    enum bl_fact_root root;
    const char *rest;
} aliases[] = {
    {"status", BL_FACT_ATTEMPT, "status"},
    {"message_type", BL_FACT_TASK, "type"},
    {"tenant_id", BL_FACT_TENANT, "id"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NO_OPERAND UINT16_MAX

static struct bl_fact parse_path(struct bl_str path) {
    struct bl_fact fact = {.path = path, .rest = path, .root = BL_FACT_PLAIN};
    const char *dot = path.len == 0 ? NULL : memchr(path.data, '.', path.len);
    struct bl_str first = {path.data, dot == NULL ? path.len : (size_t)(dot - path.data)};

    for (size_t i = 0; i < COUNT(aliases); i++) {
        if (bl_str_equal_c(path, aliases[i].name)) {
            fact.root = aliases[i].root;
            fact.rest = bl_str_from_c(aliases[i].rest);
            return fact;
        }
    }
    for (size_t i = 0; i < COUNT(roots); i++) {
        bool is_whole = dot == NULL;
        if (bl_str_equal_c(first, roots[i].name)) {
            fact.root = roots[i].root;
            fact.rest = is_whole ? BL_STR("") : (struct bl_str){dot + 1, path.len - first.len - 1};
            return fact;
        }
    }
    return fact;
}

/* The slot of a fact, added if it is new. */
static uint16_t fact_slot(struct bl_draft *draft, struct bl_json value, struct bl_str path) {
    uint16_t count = draft->policy->fact_count;

    for (uint16_t i = 0; i < count; i++) {
        if (bl_str_equal(draft->facts[i].path, path)) {
            return i;
        }
    }
    if (path.len == 0 || path.len > 255) {
        bl_diag_message(bl_draft_error(draft, value), "a path has 1 to 255 bytes");
        return NO_OPERAND;
    }
    if (count == BL_POLICY_MAX_FACTS) {
        bl_diag_message(bl_draft_error(draft, value),
                        "the conditions read more than %d different values of the request",
                        BL_POLICY_MAX_FACTS);
        return NO_OPERAND;
    }
    draft->facts[count] = parse_path(bl_draft_copy(draft, path));
    draft->policy->fact_count++;
    return count;
}

/* A constant of the policy: scalars and lists of scalars. */
static uint16_t constant_slot(struct bl_draft *draft, struct bl_json json) {
    struct bl_value value;
    uint16_t index = draft->policy->constant_count;

    if (index >= draft->constant_capacity) {
        bl_diag_message(bl_draft_error(draft, json), "the conditions hold too many constants");
        return NO_OPERAND;
    }
    if (bl_is_error(bl_value_from_json(json, draft->arena, &value))) {
        draft->out_of_memory = true;
        return NO_OPERAND;
    }
    bool is_odd = value.type == BL_VALUE_OPAQUE;
    for (uint32_t i = 0; value.type == BL_VALUE_LIST && i < value.count; i++) {
        struct bl_value *item = (struct bl_value *)&value.as.items[i];
        is_odd = is_odd || item->type == BL_VALUE_OPAQUE;
        if (item->type == BL_VALUE_STRING) {
            item->as.string =
                bl_draft_copy(draft, (struct bl_str){item->as.string, item->count}).data;
        }
    }
    if (is_odd) {
        (void)bl_draft_wrong_type(draft, json, "a value or a list of values");
        return NO_OPERAND;
    }
    if (value.type == BL_VALUE_STRING) {
        value.as.string = bl_draft_copy(draft, (struct bl_str){value.as.string, value.count}).data;
    }
    draft->constants[index] = value;
    draft->policy->constant_count++;
    return (uint16_t)(index | BL_OPERAND_CONSTANT);
}

static uint16_t operand(struct bl_draft *draft, struct bl_json value) {
    struct bl_json variable = bl_json_get(value, BL_STR("var"));
    struct bl_str path;

    if (bl_json_type(value) == BL_JSON_OBJECT && bl_json_count(value) == 1 &&
        bl_json_string(variable, &path)) {
        return fact_slot(draft, variable, path);
    }
    return constant_slot(draft, value);
}

/* Appends an op whose operands, if any, are compiled next; returns its index. */
static uint32_t begin_op(struct bl_draft *draft, struct bl_json value, enum bl_condition_op op) {
    uint32_t index = draft->policy->condition_count;

    if (index == draft->condition_capacity) {
        bl_diag_message(bl_draft_error(draft, value), "the conditions are too many");
        return index == 0 ? 0 : index - 1;
    }
    draft->conditions[index] = (struct bl_condition){.op = (uint8_t)op, .end = index + 1};
    draft->policy->condition_count++;
    return index;
}

static void end_op(struct bl_draft *draft, uint32_t index) {
    draft->conditions[index].end = draft->policy->condition_count;
}

/* An op without facts is decided now. */
static bool fold(const struct bl_draft *draft, const struct bl_condition *op) {
    const struct bl_policy shim = {.conditions = op, .constants = draft->constants};
    return bl_condition_holds(&shim, 0, NULL);
}

static void emit_comparison(struct bl_draft *draft, struct bl_json value, enum bl_condition_op op,
                            uint16_t left, uint16_t right) {
    uint32_t index = begin_op(draft, value, op);
    struct bl_condition *condition = &draft->conditions[index];

    if (left == NO_OPERAND || right == NO_OPERAND) {
        condition->op = BL_OP_FALSE;
        return;
    }
    condition->left = left;
    condition->right = right;
    if ((left & right & BL_OPERAND_CONSTANT) != 0) {
        struct bl_condition only = *condition;
        only.end = 1;
        condition->op = fold(draft, &only) ? BL_OP_TRUE : BL_OP_FALSE;
    }
}

static void compile_object(struct bl_draft *draft, struct bl_json when, unsigned depth);

/* A list of conditions under `op`. */
static void compile_list(struct bl_draft *draft, struct bl_json list, enum bl_condition_op op,
                         unsigned depth) {
    struct bl_json_iter it = bl_json_iter(list);
    uint32_t index = begin_op(draft, list, op);

    if (bl_json_type(list) != BL_JSON_ARRAY || bl_json_count(list) == 0) {
        (void)bl_draft_wrong_type(draft, list, "a list of conditions that is not empty");
        return;
    }
    for (uint32_t i = 0; bl_json_next(&it); i++) {
        size_t mark = bl_draft_enter_item(draft, i);
        compile_object(draft, it.value, depth + 1);
        bl_draft_leave(draft, mark);
    }
    end_op(draft, index);
}

static void compile_not(struct bl_draft *draft, struct bl_json value, unsigned depth) {
    if (bl_json_type(value) == BL_JSON_ARRAY) {
        compile_list(draft, value, BL_OP_NOT, depth);
        return;
    }
    uint32_t index = begin_op(draft, value, BL_OP_NOT);
    compile_object(draft, value, depth + 1);
    end_op(draft, index);
}

static void compile_operator(struct bl_draft *draft, struct bl_json value, struct bl_str word,
                             enum bl_condition_op op) {
    if (bl_json_type(value) != BL_JSON_ARRAY || bl_json_count(value) != 2) {
        struct bl_diag *diag = bl_draft_error(draft, value);
        bl_diag_message(diag, "the operator %.*s takes a list of two operands", BL_STR_ARG(word));
        bl_diag_hint(diag, "\"%.*s\": [{var: metadata.size}, 1000]", BL_STR_ARG(word));
        (void)begin_op(draft, value, BL_OP_FALSE);
        return;
    }
    uint16_t left = operand(draft, bl_json_at(value, 0));
    uint16_t right = operand(draft, bl_json_at(value, 1));
    if (op == BL_OP_IN && right != NO_OPERAND && (right & BL_OPERAND_CONSTANT) != 0 &&
        draft->constants[right & (uint16_t)~BL_OPERAND_CONSTANT].type != BL_VALUE_LIST) {
        (void)bl_draft_wrong_type(draft, bl_json_at(value, 1), "a list, to look in");
        right = NO_OPERAND;
    }
    emit_comparison(draft, value, op, left, right);
}

static void compile_entry(struct bl_draft *draft, struct bl_str key, struct bl_json value,
                          unsigned depth) {
    for (size_t i = 0; i < COUNT(operators); i++) {
        if (bl_str_equal_c(key, operators[i].word)) {
            compile_operator(draft, value, key, operators[i].op);
            return;
        }
    }
    if (bl_str_equal(key, BL_STR("all"))) {
        compile_list(draft, value, BL_OP_ALL, depth);
    } else if (bl_str_equal(key, BL_STR("any"))) {
        compile_list(draft, value, BL_OP_ANY, depth);
    } else if (bl_str_equal(key, BL_STR("not"))) {
        compile_not(draft, value, depth);
    } else {
        bool is_list = bl_json_type(value) == BL_JSON_ARRAY;
        uint16_t left = fact_slot(draft, value, key);
        emit_comparison(draft, value, is_list ? BL_OP_IN : BL_OP_EQUAL, left,
                        constant_slot(draft, value));
    }
}

/* Recursion is bounded by BL_CONDITION_MAX_DEPTH. */
static void compile_object(struct bl_draft *draft, struct bl_json when, unsigned depth) {
    struct bl_json_iter it = bl_json_iter(when);

    if (bl_json_type(when) != BL_JSON_OBJECT) {
        struct bl_diag *diag = bl_draft_error(draft, when);
        bl_diag_message(diag, "a condition is an object, found %s",
                        bl_json_type_name(bl_json_type(when)));
        bl_diag_hint(diag,
                     "for example {metadata.tier: gold} or {\">\": [{var: metadata.size}, 9]}");
        (void)begin_op(draft, when, BL_OP_FALSE);
        return;
    }
    if (depth > BL_CONDITION_MAX_DEPTH) {
        bl_diag_message(bl_draft_error(draft, when), "conditions are nested deeper than %d",
                        BL_CONDITION_MAX_DEPTH);
        (void)begin_op(draft, when, BL_OP_FALSE);
        return;
    }
    bool is_single = bl_json_count(when) == 1;
    uint32_t index =
        is_single ? 0 : begin_op(draft, when, bl_json_count(when) == 0 ? BL_OP_TRUE : BL_OP_ALL);
    while (bl_json_next(&it)) {
        size_t mark = bl_draft_enter(draft, it.key);
        compile_entry(draft, it.key, it.value, depth);
        bl_draft_leave(draft, mark);
    }
    if (!is_single) {
        end_op(draft, index);
    }
}

/* The older short form: a list of status words. */
static void compile_statuses(struct bl_draft *draft, struct bl_json list) {
    emit_comparison(draft, list, BL_OP_IN, fact_slot(draft, list, BL_STR("status")),
                    constant_slot(draft, list));
}

/* Status words are a closed set: a typo there would wait for the night it is needed. */
static void check_statuses(struct bl_draft *draft, struct bl_json words) {
    struct bl_json_iter it = bl_json_iter(words);
    struct bl_str candidates[BL_STATUS_COUNT];

    for (int i = 0; i < BL_STATUS_COUNT; i++) {
        candidates[i] = bl_str_from_c(bl_status_word((enum bl_status)i));
    }
    while (bl_json_next(&it)) {
        struct bl_str word = BL_STR_ABSENT;
        if (!bl_json_string(it.value, &word) || bl_status_from_word(word) < 0) {
            struct bl_diag *diag = bl_draft_error(draft, it.value);
            struct bl_str nearest = bl_str_is_blank(word)
                                        ? BL_STR_ABSENT
                                        : bl_nearest(word, candidates, BL_STATUS_COUNT);
            bl_diag_message(diag, "is no status word");
            bl_diag_hint(diag,
                         bl_str_is_present(nearest) ? "did you mean %.*s?"
                                                    : "%.*stimeout, connection, 5xx, 503, "
                                                      "unavailable, rate_limited, 429, ...",
                         BL_STR_ARG(nearest));
        }
    }
}

uint32_t bl_compile_condition(struct bl_draft *draft, struct bl_json when, bool statuses) {
    uint32_t index = draft->policy->condition_count;

    if (when.doc == NULL) {
        return BL_CONDITION_ALWAYS;
    }
    size_t mark = bl_draft_enter(draft, BL_STR("when"));
    if (statuses && bl_json_type(when) == BL_JSON_ARRAY) {
        check_statuses(draft, when);
        compile_statuses(draft, when);
    } else {
        if (statuses) {
            check_statuses(draft, bl_json_get(when, BL_STR("status")));
        }
        compile_object(draft, when, 1);
    }
    bl_draft_leave(draft, mark);
    bool is_always = index < draft->policy->condition_count &&
                     draft->conditions[index].op == BL_OP_TRUE &&
                     draft->conditions[index].end == draft->policy->condition_count;
    return is_always ? BL_CONDITION_ALWAYS : index;
}
