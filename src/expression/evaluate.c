#include "expression/evaluate.h"

#include "expression/builtin.h"

const char *bl_evaluation_error_text(enum bl_evaluation_error error) {
    static const char *const texts[BL_EVALUATION_ERROR_COUNT] = {
#define X(symbol, text) [BL_EVALUATION_##symbol] = (text),
        BL_EVALUATION_ERROR_MAP(X)
#undef X
    };
    return texts[error];
}

void *bl_evaluation_scratch(struct bl_evaluation *evaluation, size_t bytes) {
    size_t rounded = (bytes + 15) & ~(size_t)15;

    if (rounded < bytes || rounded > evaluation->scratch_left) {
        return NULL;
    }
    void *memory = evaluation->scratch;
    evaluation->scratch += rounded;
    evaluation->scratch_left -= rounded;
    return memory;
}

static struct bl_value value_of(struct bl_evaluation *evaluation, uint32_t index);
static enum bl_truth truth_of(struct bl_evaluation *evaluation, uint32_t index);

/* --- operands ------------------------------------------------------------------------------ */

static inline bool is_error(const struct bl_value *value) {
    return value->type == BL_VALUE_ERROR;
}

static struct bl_value missing(uint16_t slot, uint32_t at) {
    return (struct bl_value){.type = BL_VALUE_ERROR,
                             .count = at,
                             .as.integer = BL_EVALUATION_NO_SUCH_KEY | ((int64_t)slot + 1) << 16};
}

/* An operand's value; `*child` is the next op that follows. A strict op sees no absent fact: it is
 * an error, made in `made`. */
static const struct bl_value *fetch(struct bl_evaluation *evaluation, const struct bl_op *op,
                                    uint16_t operand, uint32_t *child, struct bl_value *made) {
    if (operand < BL_OPERAND_LOCAL) {
        const struct bl_value *fact = &evaluation->facts[operand];
        if (!op->is_strict || (fact->type != BL_VALUE_ABSENT && !is_error(fact))) {
            return fact;
        }
        if (is_error(fact)) {
            *made = bl_error_value(bl_error_code(fact), op->at);
        } else {
            *made = missing(operand, op->at);
        }
        return made;
    }
    if (operand == BL_OPERAND_FOLLOWS) {
        *made = value_of(evaluation, *child);
        *child = evaluation->program->ops[*child].end;
        return made;
    }
    if ((operand & BL_OPERAND_CONSTANT) != 0) {
        return &evaluation->program->constants[operand & (uint16_t)~BL_OPERAND_CONSTANT];
    }
    return &evaluation->locals[operand & (uint16_t)~BL_OPERAND_LOCAL];
}

/* --- comparisons --------------------------------------------------------------------------- */

/* The ends first: texts of one length that people choose (eu-west-1, eu-west-2) mostly differ
 * there, and a call of memcmp costs more than all the rest. */
static inline bool same_bytes(const char *a, const char *b, uint32_t count) {
    uint64_t tail_a, tail_b;

    if (count < sizeof(tail_a)) {
        for (uint32_t i = count; i-- > 0;) {
            if (a[i] != b[i]) {
                return false;
            }
        }
        return true;
    }
    memcpy(&tail_a, a + count - sizeof(tail_a), sizeof(tail_a));
    memcpy(&tail_b, b + count - sizeof(tail_b), sizeof(tail_b));
    return tail_a == tail_b && memcmp(a, b, count - sizeof(tail_a)) == 0;
}

/* Texts first: most conditions compare nothing else, and most of them differ in length. */
static inline bool equal(const struct bl_value *left, const struct bl_value *right) {
    if (left->type == BL_VALUE_STRING && right->type == BL_VALUE_STRING) {
        return left->count == right->count &&
               same_bytes(left->as.string, right->as.string, left->count);
    }
    return bl_value_equal(left, right);
}

static enum bl_truth fail(struct bl_evaluation *evaluation, struct bl_value error) {
    evaluation->error = error;
    return BL_TRUTH_ERROR;
}

static inline enum bl_truth truth(bool holds) {
    return holds ? BL_TRUTH_TRUE : BL_TRUTH_FALSE;
}

static enum bl_truth order_truth(struct bl_evaluation *evaluation, const struct bl_op *op,
                                 const struct bl_value *left, const struct bl_value *right) {
    int order;

    if (!op->is_strict && left->type == BL_VALUE_BOOL) {
        return BL_TRUTH_FALSE; /* objects order numbers and texts only */
    }
    if (!bl_value_order(left, right, &order)) {
        bool has_order = bl_value_is_ordered(left, right); /* NaN: false, as IEEE 754 has it */
        return has_order || !op->is_strict
                   ? BL_TRUTH_FALSE
                   : fail(evaluation, bl_error_value(BL_EVALUATION_NO_SUCH_OVERLOAD, op->at));
    }
    switch ((enum bl_opcode)op->op) {
    case BL_OP_LESS:
        return truth(order < 0);
    case BL_OP_LESS_EQUAL:
        return truth(order <= 0);
    case BL_OP_GREATER:
        return truth(order > 0);
    default:
        return truth(order >= 0);
    }
}

static enum bl_truth compare(struct bl_evaluation *evaluation, uint32_t index) {
    const struct bl_op *op = &evaluation->program->ops[index];
    struct bl_value made_left, made_right;
    uint32_t child = index + 1;
    const struct bl_value *left = fetch(evaluation, op, op->left, &child, &made_left);
    const struct bl_value *right = fetch(evaluation, op, op->right, &child, &made_right);

    if (op->is_strict && (is_error(left) || is_error(right))) {
        return fail(evaluation, is_error(left) ? *left : *right);
    }
    if (!bl_charge_comparison(evaluation, left, right)) {
        return fail(evaluation, bl_error_value(BL_EVALUATION_TOO_EXPENSIVE, op->at));
    }
    switch ((enum bl_opcode)op->op) {
    case BL_OP_EQUAL:
        return truth(equal(left, right));
    case BL_OP_NOT_EQUAL:
        return truth(left->type != BL_VALUE_ABSENT && right->type != BL_VALUE_ABSENT &&
                     !equal(left, right));
    case BL_OP_IN:
        if (op->is_strict && !bl_is_container(right)) {
            return fail(evaluation, bl_error_value(BL_EVALUATION_NO_SUCH_OVERLOAD, op->at));
        }
        return truth((op->is_strict || bl_value_kind(right) == BL_VALUE_LIST) &&
                     bl_value_in(left, right));
    default:
        return order_truth(evaluation, op, left, right);
    }
}

/* --- logic --------------------------------------------------------------------------------- */

/* && is decided by one false, || by one true, wherever it stands; only if none decides does an
 * error count (cel-spec, "Logical Operators"). */
static enum bl_truth chain(struct bl_evaluation *evaluation, uint32_t index,
                           enum bl_truth decides) {
    const struct bl_op *ops = evaluation->program->ops;
    uint32_t end = ops[index].end;
    struct bl_value error = {.type = BL_VALUE_ABSENT};

    for (uint32_t i = index + 1; i < end; i = ops[i].end) {
        enum bl_truth found = truth_of(evaluation, i);
        if (found == decides) {
            return decides;
        }
        if (found == BL_TRUTH_ERROR && error.type == BL_VALUE_ABSENT) {
            error = evaluation->error;
        }
    }
    if (error.type != BL_VALUE_ABSENT) {
        return fail(evaluation, error);
    }
    return decides == BL_TRUTH_FALSE ? BL_TRUTH_TRUE : BL_TRUTH_FALSE;
}

static enum bl_truth truth_of_value(struct bl_evaluation *evaluation, uint32_t index) {
    struct bl_value value = value_of(evaluation, index);

    if (value.type == BL_VALUE_BOOL) {
        return truth(value.as.boolean);
    }
    if (!is_error(&value)) {
        value = bl_error_value(BL_EVALUATION_NO_SUCH_OVERLOAD, evaluation->program->ops[index].at);
    }
    return fail(evaluation, value);
}

/* Ops that make values need room for them. Kept out of line: its frame is large. */
static __attribute__((noinline)) enum bl_truth truth_with_scratch(struct bl_evaluation *evaluation,
                                                                  uint32_t index) {
    _Alignas(16) char scratch[BL_EVALUATION_SCRATCH_BYTES];

    evaluation->scratch = scratch;
    evaluation->scratch_left = sizeof(scratch);
    enum bl_truth found = evaluation->program->ops[index].op <= BL_OP_LAST_TRUTH
                              ? truth_of(evaluation, index)
                              : truth_of_value(evaluation, index);
    evaluation->scratch = NULL;
    return found;
}

static enum bl_truth truth_of(struct bl_evaluation *evaluation, uint32_t index) {
    const struct bl_op *op = &evaluation->program->ops[index];
    enum bl_truth found;

    switch ((enum bl_opcode)op->op) {
    case BL_OP_TRUE:
        return BL_TRUTH_TRUE;
    case BL_OP_FALSE:
        return BL_TRUTH_FALSE;
    case BL_OP_AND:
        return chain(evaluation, index, BL_TRUTH_FALSE);
    case BL_OP_OR:
        return chain(evaluation, index, BL_TRUTH_TRUE);
    case BL_OP_NOT:
        found = truth_of(evaluation, index + 1);
        return found == BL_TRUTH_ERROR ? found : truth(found == BL_TRUTH_FALSE);
    default:
        break;
    }
    bool makes_values = op->op > BL_OP_LAST_TRUTH || op->left == BL_OPERAND_FOLLOWS ||
                        op->right == BL_OPERAND_FOLLOWS;
    if (makes_values && evaluation->scratch == NULL) {
        return truth_with_scratch(evaluation, index);
    }
    return op->op <= BL_OP_LAST_TRUTH ? compare(evaluation, index)
                                      : truth_of_value(evaluation, index);
}

enum bl_truth bl_evaluate_truth(struct bl_evaluation *evaluation, uint32_t index) {
    return truth_of(evaluation, index);
}

/* --- values -------------------------------------------------------------------------------- */

static struct bl_value call(struct bl_evaluation *evaluation, uint32_t index) {
    const struct bl_op *op = &evaluation->program->ops[index];
    struct bl_value made_left, made_right;
    uint32_t child = index + 1;
    const struct bl_value *left = fetch(evaluation, op, op->left, &child, &made_left);

    if (is_error(left)) {
        return *left;
    }
    if (op->right == BL_OPERAND_NONE) {
        return bl_builtin_call(evaluation, (enum bl_function)op->function, left, NULL, op->at);
    }
    const struct bl_value *right = fetch(evaluation, op, op->right, &child, &made_right);
    if (is_error(right)) {
        return *right;
    }
    return bl_builtin_call(evaluation, (enum bl_function)op->function, left, right, op->at);
}

static struct bl_value select_member(struct bl_evaluation *evaluation, uint32_t index) {
    const struct bl_op *op = &evaluation->program->ops[index];
    struct bl_value made, found;
    uint32_t child = index + 1;
    const struct bl_value *of = fetch(evaluation, op, op->left, &child, &made);

    if (is_error(of)) {
        return *of;
    }
    if (bl_value_kind(of) != BL_VALUE_MAP) {
        return bl_error_value(BL_EVALUATION_NO_SUCH_OVERLOAD, op->at);
    }
    if (!bl_evaluation_charge(evaluation, (uint64_t)bl_value_size(of) / 4)) {
        return bl_error_value(BL_EVALUATION_TOO_EXPENSIVE, op->at);
    }
    const struct bl_value *key = fetch(evaluation, op, op->right, &child, &made);
    bool is_there = bl_value_get(of, key, &found);
    if (op->op == BL_OP_HAS) {
        return bl_value_bool(is_there);
    }
    return is_there ? found : bl_error_value(BL_EVALUATION_NO_SUCH_KEY, op->at);
}

static struct bl_value conditional(struct bl_evaluation *evaluation, uint32_t index) {
    const struct bl_op *ops = evaluation->program->ops;
    uint32_t yes = ops[index + 1].end;

    switch (truth_of(evaluation, index + 1)) {
    case BL_TRUTH_TRUE:
        return value_of(evaluation, yes);
    case BL_TRUTH_FALSE:
        return value_of(evaluation, ops[yes].end);
    default:
        return evaluation->error;
    }
}

/* Room for `count` values; NULL after *error was set. */
static struct bl_value *make_items(struct bl_evaluation *evaluation, size_t count, uint32_t at,
                                   struct bl_value *error) {
    struct bl_value *items = bl_evaluation_scratch(evaluation, count * sizeof(*items) + 1);

    if (items == NULL) {
        *error = bl_error_value(BL_EVALUATION_TOO_LARGE, at);
    }
    return items;
}

static bool has_key(const struct bl_value *items, uint32_t count, const struct bl_value *key) {
    const struct bl_value map = {.type = BL_VALUE_MAP, .count = count, .as.items = items};
    struct bl_value ignored;

    return bl_value_get(&map, key, &ignored);
}

static bool can_be_key(const struct bl_value *key) {
    return key->type == BL_VALUE_BOOL || key->type == BL_VALUE_INT || key->type == BL_VALUE_UINT ||
           key->type == BL_VALUE_STRING;
}

static struct bl_value make_container(struct bl_evaluation *evaluation, uint32_t index) {
    const struct bl_op *ops = evaluation->program->ops;
    const struct bl_op *op = &ops[index];
    bool is_map = op->op == BL_OP_MAP;
    uint32_t count = 0;
    struct bl_value error;

    for (uint32_t i = index + 1; i < op->end; i = ops[i].end) {
        count++;
    }
    struct bl_value *items = make_items(evaluation, count, op->at, &error);
    if (items == NULL) {
        return error;
    }
    uint32_t filled = 0;
    for (uint32_t i = index + 1; i < op->end; i = ops[i].end) {
        items[filled] = value_of(evaluation, i);
        if (is_error(&items[filled])) {
            return items[filled];
        }
        if (is_map && filled % 2 == 0) {
            if (!can_be_key(&items[filled])) {
                return bl_error_value(BL_EVALUATION_NO_SUCH_OVERLOAD, ops[i].at);
            }
            if (!bl_evaluation_charge(evaluation, filled / 32)) { /* each is compared with all */
                return bl_error_value(BL_EVALUATION_TOO_EXPENSIVE, ops[i].at);
            }
            if (has_key(items, filled / 2, &items[filled])) {
                return bl_error_value(BL_EVALUATION_DUPLICATE_KEY, ops[i].at);
            }
        }
        filled++;
    }
    return (struct bl_value){.type = is_map ? BL_VALUE_MAP : BL_VALUE_LIST,
                             .count = is_map ? count / 2 : count,
                             .as.items = items};
}

/* --- macros -------------------------------------------------------------------------------- */

struct turn {
    uint32_t body; /* for `map`: the filter, if there is one */
    uint32_t last; /* what a turn of `map` yields */
    struct bl_value *items;
    uint32_t kept;
    unsigned held;          /* turns of which the body held */
    struct bl_value error;  /* of the first turn that failed */
    struct bl_value result; /* once decided */
};

/* One turn; whether the loop is decided. */
static bool take_turn(struct bl_evaluation *evaluation, const struct bl_op *op, struct turn *turn) {
    enum bl_macro loop = (enum bl_macro)op->function;
    struct bl_value *item = &evaluation->locals[op->local];
    bool has_condition = loop != BL_MACRO_MAP || turn->body != turn->last;
    char *scratch = evaluation->scratch;
    size_t scratch_left = evaluation->scratch_left;
    enum bl_truth holds = has_condition ? truth_of(evaluation, turn->body) : BL_TRUTH_TRUE;

    evaluation->scratch = scratch; /* nothing that a condition makes outlives its answer */
    evaluation->scratch_left = scratch_left;

    if (holds == BL_TRUTH_ERROR) {
        if (turn->error.type == BL_VALUE_ABSENT) {
            turn->error = evaluation->error;
        }
        turn->result = turn->error;
        return loop != BL_MACRO_ALL && loop != BL_MACRO_EXISTS; /* those two may absorb it */
    }
    if ((loop == BL_MACRO_ALL && holds == BL_TRUTH_FALSE) ||
        (loop == BL_MACRO_EXISTS && holds == BL_TRUTH_TRUE)) {
        turn->result = bl_value_bool(loop == BL_MACRO_EXISTS);
        return true;
    }
    if (holds == BL_TRUTH_FALSE) {
        return false;
    }
    turn->held++;
    if (loop == BL_MACRO_FILTER) {
        turn->items[turn->kept++] = *item;
    } else if (loop == BL_MACRO_MAP) {
        struct bl_value made = value_of(evaluation, turn->last);
        turn->result = made;
        if (is_error(&made)) {
            return true;
        }
        turn->items[turn->kept++] = made;
    }
    return false;
}

static struct bl_value finish_loop(const struct bl_op *op, const struct turn *turn) {
    switch ((enum bl_macro)op->function) {
    case BL_MACRO_EXISTS_ONE:
        return bl_value_bool(turn->held == 1);
    case BL_MACRO_FILTER:
    case BL_MACRO_MAP:
        return (struct bl_value){
            .type = BL_VALUE_LIST, .count = turn->kept, .as.items = turn->items};
    default:
        return turn->error.type != BL_VALUE_ABSENT ? turn->error
                                                   : bl_value_bool(op->function == BL_MACRO_ALL);
    }
}

/* Over the items of a list, or the keys of a map. */
static struct bl_value run_loop(struct bl_evaluation *evaluation, uint32_t index) {
    const struct bl_op *ops = evaluation->program->ops;
    const struct bl_op *op = &ops[index];
    struct bl_value made;
    struct turn turn = {.error = {.type = BL_VALUE_ABSENT}};

    turn.body = index + 1;
    const struct bl_value *range = fetch(evaluation, op, op->left, &turn.body, &made);
    if (is_error(range)) {
        return *range;
    }
    if (!bl_is_container(range)) {
        return bl_error_value(BL_EVALUATION_NO_SUCH_OVERLOAD, op->at);
    }
    turn.last = ops[turn.body].end == op->end ? turn.body : ops[turn.body].end;
    if (op->function == BL_MACRO_FILTER || op->function == BL_MACRO_MAP) {
        turn.items = make_items(evaluation, (size_t)bl_value_size(range), op->at, &turn.error);
        if (turn.items == NULL) {
            return turn.error;
        }
    }
    bool is_map = bl_value_kind(range) == BL_VALUE_MAP;
    struct bl_value_iter iter = bl_value_iter(range);
    while (bl_value_next(&iter)) {
        evaluation->locals[op->local] = is_map ? iter.key : iter.value;
        if (!bl_evaluation_charge(evaluation, 1)) {
            return bl_error_value(BL_EVALUATION_TOO_EXPENSIVE, op->at);
        }
        if (take_turn(evaluation, op, &turn)) {
            return turn.result;
        }
    }
    return finish_loop(op, &turn);
}

static struct bl_value value_of(struct bl_evaluation *evaluation, uint32_t index) {
    const struct bl_op *op = &evaluation->program->ops[index];
    struct bl_value made;
    uint32_t child = index + 1;

    if (!bl_evaluation_charge(evaluation, 1)) {
        return bl_error_value(BL_EVALUATION_TOO_EXPENSIVE, op->at);
    }
    switch ((enum bl_opcode)op->op) {
    case BL_OP_OPERAND:
        return *fetch(evaluation, op, op->left, &child, &made);
    case BL_OP_CALL:
        return call(evaluation, index);
    case BL_OP_SELECT:
    case BL_OP_HAS:
        return select_member(evaluation, index);
    case BL_OP_CONDITIONAL:
        return conditional(evaluation, index);
    case BL_OP_LIST:
    case BL_OP_MAP:
        return make_container(evaluation, index);
    case BL_OP_LOOP:
        return run_loop(evaluation, index);
    default:
        break;
    }
    enum bl_truth found = truth_of(evaluation, index);
    return found == BL_TRUTH_ERROR ? evaluation->error : bl_value_bool(found == BL_TRUTH_TRUE);
}

struct bl_value bl_evaluate(struct bl_evaluation *evaluation, uint32_t index, char *scratch,
                            size_t scratch_bytes) {
    uintptr_t misaligned = (uintptr_t)scratch & 15;
    size_t skipped = misaligned == 0 ? 0 : 16 - misaligned;

    evaluation->scratch = scratch + (skipped < scratch_bytes ? skipped : scratch_bytes);
    evaluation->scratch_left = scratch_bytes - (skipped < scratch_bytes ? skipped : scratch_bytes);
    struct bl_value value = value_of(evaluation, index);
    evaluation->scratch = NULL;
    return value;
}
