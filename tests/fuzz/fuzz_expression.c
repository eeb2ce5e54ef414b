/*
 * Expressions from hostile text, over facts of every type.
 *
 * An input is the text of an expression, and behind a NUL the bytes that choose the facts. What has
 * to hold for every one: it is refused with a message and a place in it, or it prints as a text that
 * parses and prints the same; it runs within its budget, twice with the same result, folded and
 * unfolded alike, and yields what its type says.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "expression/evaluate.h"
#include "expression/expression.h"
#include "expression/time_value.h"

#define MAX_FACTS 64
#define MAX_OPS 8192
#define MAX_PATTERNS 64
#define TEXT_BYTES ((size_t)256 * 1024)
#define COST_MAX 100000u

struct facts {
    const uint8_t *bytes;
    size_t size;
    struct bl_value values[MAX_FACTS];
    struct {
        char path[BL_PATH_MAX_BYTES];
        size_t len;
        enum bl_projection projection;
    } read[MAX_FACTS];
    uint16_t count;
};

static const char json_text[] = "{\"a\":1,\"b\":[true,null,\"x\",2.5],\"c\":{\"a\":{}},"
                                "\"n\":18446744073709551615}";
static const struct bl_value items[] = {{.type = BL_VALUE_INT, .as.integer = 1},
                                        {.type = BL_VALUE_STRING, .count = 1, .as.string = "a"},
                                        {.type = BL_VALUE_NULL},
                                        {.type = BL_VALUE_DOUBLE, .as.number = -0.0}};
static struct bl_json_doc document;
static struct bl_arena lasting, arena;
static struct facts facts;
static char printed[2][TEXT_BYTES], written[2][TEXT_BYTES];
static _Alignas(16) char scratch[BL_EVALUATION_SCRATCH_BYTES];

/* Prints, so that the fuzzer's log says which property broke. */
static void require(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

/* --- facts --------------------------------------------------------------------------------- */

/* A value of `type`; which one, the input says. */
static struct bl_value value_of(enum bl_value_type type, uint8_t choice) {
    static const int64_t integers[] = {0, 1, -1, 2, INT64_MIN, INT64_MAX, 1000000};
    static const double doubles[] = {0.0, -0.0, 1.5, 1e19, -1e300, 9007199254740992.0, 1.0 / 0.0};
    struct bl_value value = {.type = (uint8_t)type};

    switch (type) {
    case BL_VALUE_BOOL:
        return bl_value_bool(choice % 2 == 0);
    case BL_VALUE_INT:
        return bl_value_int(integers[choice % 7]);
    case BL_VALUE_UINT:
        value.as.unsigned_integer = (uint64_t)integers[choice % 7];
        break;
    case BL_VALUE_DOUBLE:
        value.as.number = doubles[choice % 7];
        break;
    case BL_VALUE_STRING:
        return bl_value_text((struct bl_str){json_text, choice % sizeof(json_text)});
    case BL_VALUE_LIST:
    case BL_VALUE_MAP: /* 1: "a", null is no key, but two entries are enough */
        value.count = type == BL_VALUE_LIST ? choice % 5 : choice % 2;
        value.as.items = items;
        break;
    case BL_VALUE_JSON:
        return bl_value_from_json(choice % 2 == 0
                                      ? bl_json_root(&document)
                                      : bl_json_get(bl_json_root(&document), BL_STR("b")));
    case BL_VALUE_TIMESTAMP:
        value.as.integer = choice % 3 == 0   ? BL_TIMESTAMP_FIRST_S
                           : choice % 3 == 1 ? BL_TIMESTAMP_LAST_S
                                             : choice;
        value.count = choice * 3921568u;
        break;
    case BL_VALUE_DURATION:
        value.as.integer = choice % 3 == 0   ? -INT64_C(9223372037)
                           : choice % 3 == 1 ? INT64_C(9223372035)
                                             : -(int64_t)choice;
        value.count = 500000000;
        break;
    case BL_VALUE_TYPE:
        value.as.integer = BL_VALUE_NULL + choice % 8;
        break;
    case BL_VALUE_ERROR:
        return bl_error_value(BL_EVALUATION_NO_SUCH_OVERLOAD, 0);
    default:
        break;
    }
    return value;
}

/* The first letter of a variable says its type; those of members are known when it runs. */
static struct bl_type declared(struct bl_str path) {
    switch (path.data[0]) {
    case 'b':
        return bl_type_of(BL_VALUE_BOOL);
    case 'i':
        return bl_type_of(BL_VALUE_INT);
    case 'u':
        return bl_type_of(BL_VALUE_UINT);
    case 'd':
        return bl_type_of(BL_VALUE_DOUBLE);
    case 's':
        return bl_type_of(BL_VALUE_STRING);
    case 'l':
        return bl_type_of(BL_VALUE_LIST);
    case 'm':
        return (struct bl_type){.kind = BL_VALUE_MAP};
    case 't':
        return bl_type_of(BL_VALUE_TIMESTAMP);
    case 'w':
        return bl_type_of(BL_VALUE_DURATION);
    default:
        return BL_TYPE_DYN;
    }
}

static bool type_of(void *user, struct bl_str path, struct bl_type *type, struct bl_diag *diag) {
    (void)user;
    *type = memchr(path.data, '.', path.len) == NULL ? declared(path) : BL_TYPE_DYN;
    if (path.data[0] != '_') {
        return true;
    }
    bl_diag_message(diag, "there is no such variable");
    return false;
}

static struct bl_value fact_of(struct bl_str path, enum bl_projection projection) {
    uint8_t choice = facts.bytes[facts.count % facts.size];
    bool is_member = memchr(path.data, '.', path.len) != NULL;
    enum bl_value_type kind = (enum bl_value_type)declared(path).kind;
    const struct bl_value map = {.type = BL_VALUE_MAP};

    if (is_member || kind == BL_VALUE_ABSENT) {
        kind = (enum bl_value_type)(choice % BL_VALUE_TYPE_COUNT);
    } else if (choice == 255) {
        kind = BL_VALUE_ABSENT;
    }
    struct bl_value value = value_of(kind, (uint8_t)(choice / BL_VALUE_TYPE_COUNT));
    if (value.type == BL_VALUE_ERROR && projection != BL_PROJECTION_VALUE) {
        return value;
    }
    return bl_project(projection, &value, choice % 2 == 0 ? &map : NULL);
}

static uint16_t slot_of(void *user, struct bl_str path, enum bl_projection projection,
                        struct bl_diag *diag) {
    (void)user;
    for (uint16_t i = 0; i < facts.count; i++) {
        if (facts.read[i].projection == projection && facts.read[i].len == path.len &&
            memcmp(facts.read[i].path, path.data, path.len) == 0) {
            return i;
        }
    }
    if (facts.count == MAX_FACTS) {
        bl_diag_message(diag, "too many facts");
        return BL_OPERAND_NONE;
    }
    facts.values[facts.count] = fact_of(path, projection);
    memcpy(facts.read[facts.count].path, path.data, path.len);
    facts.read[facts.count].len = path.len;
    facts.read[facts.count].projection = projection;
    return facts.count++;
}

/* --- properties ---------------------------------------------------------------------------- */

static void check_refusal(bl_result result, const struct bl_diag *diag, size_t len) {
    require(result.error == BL_E_INVALID_REQUEST, "a refusal is of the request");
    require(diag->message[0] != '\0', "a refusal has a message");
    require(bl_utf8_valid(bl_str_from_c(diag->message)), "a message is text");
    require(bl_utf8_valid(bl_str_from_c(diag->hint)), "a hint is text");
    require(diag->line == 1 && diag->column >= 1 && diag->column <= len + 1, "a place in the text");
}

static struct bl_str print(const struct bl_node *root, char *out) {
    struct bl_buf buf;

    bl_buf_init(&buf, out, TEXT_BYTES);
    bl_expression_print(root, &buf);
    require(!buf.overflowed, "a printed tree is of bounded size");
    return bl_buf_view(&buf);
}

/* Escapes may make a text longer than one may be. */
static void check_printing(const struct bl_node *root) {
    struct bl_str text = print(root, printed[0]);
    struct bl_node *again;
    struct bl_diag diag;

    if (text.len > BL_EXPRESSION_MAX_BYTES) {
        return;
    }
    require(bl_is_ok(bl_expression_parse(text, &arena, &again, &diag)), "what is printed parses");
    require(bl_str_equal(text, print(again, printed[1])), "and prints the same");
}

static bool ran_out(const struct bl_value *value) {
    return value->type == BL_VALUE_ERROR && (bl_error_code(value) == BL_EVALUATION_TOO_LARGE ||
                                             bl_error_code(value) == BL_EVALUATION_TOO_EXPENSIVE);
}

/* Runs it; the value as text in `out`, and whether it ran out of room or budget. */
static bool run(const struct bl_code *code, uint32_t index, struct bl_type type, char *out,
                struct bl_str *text) {
    const struct bl_program program = {.ops = code->ops,
                                       .constants = code->constants,
                                       .patterns = code->patterns,
                                       .op_count = code->op_count,
                                       .constant_count = code->constant_count,
                                       .pattern_count = code->pattern_count};
    struct bl_evaluation evaluation;
    struct bl_buf buf;

    bl_evaluation_init(&evaluation, &program, facts.values, COST_MAX);
    struct bl_value value = bl_evaluate(&evaluation, index, scratch, sizeof(scratch));
    require(evaluation.cost_left <= COST_MAX, "cost stays within the budget");
    bl_buf_init(&buf, out, TEXT_BYTES);
    if (value.type == BL_VALUE_ERROR) {
        require(bl_error_code(&value) < BL_EVALUATION_ERROR_COUNT, "an error is known");
        require(bl_error_slot(&value) < facts.count, "an error names a fact that is read");
        bl_buf_literal(&buf, "an error");
    } else {
        require(value.type != BL_VALUE_ABSENT, "a value is there");
        require(type.kind == BL_VALUE_ABSENT || type.kind == bl_value_kind(&value),
                "a value has the type that was found");
        bl_value_write(&value, &buf);
    }
    *text = bl_buf_view(&buf);

    bl_evaluation_init(&evaluation, &program, facts.values, COST_MAX);
    enum bl_truth truth = bl_evaluate_truth(&evaluation, index);
    if (!ran_out(&value) && truth != BL_TRUTH_ERROR) {
        require(value.type == BL_VALUE_BOOL && value.as.boolean == (truth == BL_TRUTH_TRUE),
                "a condition holds as its value says");
    }
    return ran_out(&value);
}

static void check_running(struct bl_node *root, struct bl_str text,
                          const struct bl_expression_scope *scope) {
    static struct bl_op ops[2][MAX_OPS];
    static struct bl_value constants[2][MAX_OPS];
    static const struct bl_pattern *patterns[2][MAX_PATTERNS];
    struct bl_code code[2];
    struct bl_str found[2];
    struct bl_type type;
    struct bl_diag diag;
    uint32_t index[2];

    for (int i = 0; i < 2; i++) {
        code[i] = (struct bl_code){.ops = ops[i],
                                   .constants = constants[i],
                                   .patterns = patterns[i],
                                   .op_capacity = MAX_OPS,
                                   .constant_capacity = MAX_OPS,
                                   .pattern_capacity = MAX_PATTERNS,
                                   .arena = &arena};
    }
    bl_result result =
        bl_expression_compile(text, scope, &arena, &code[0], &index[0], &type, &diag);
    if (bl_is_error(result)) {
        check_refusal(result, &diag, text.len);
        return;
    }
    bool ran_out_folded = run(&code[0], index[0], type, written[0], &found[0]);
    (void)run(&code[0], index[0], type, written[1], &found[1]);
    require(bl_str_equal(found[0], found[1]), "the same facts give the same value");

    /* More is emitted when nothing is folded away: patterns may be broken, slots used up. */
    if (bl_is_error(bl_expression_check(root, scope, &diag)) ||
        bl_is_error(bl_expression_emit(root, scope, &code[1], &index[1], &diag))) {
        return;
    }
    bool ran_out_unfolded = run(&code[1], index[1], type, written[1], &found[1]);
    require(ran_out_folded || ran_out_unfolded || bl_str_equal(found[0], found[1]),
            "folding changes no value");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct bl_expression_scope scope = {.type_of = type_of, .slot_of = slot_of};
    const uint8_t *end = size > 0 ? memchr(data, '\0', size) : NULL;
    struct bl_str text = {(const char *)data, end != NULL ? (size_t)(end - data) : size};
    struct bl_node *root;
    struct bl_diag diag;

    if (document.nodes == NULL) {
        bl_arena_init(&lasting, 4096, 65536);
        bl_arena_init(&arena, 65536, (size_t)64 * 1024 * 1024);
        require(bl_is_ok(bl_json_read(bl_str_from_c(json_text), &bl_json_request_limits, &lasting,
                                      &document, &diag)),
                "the facts are JSON");
    }
    facts.count = 0;
    facts.bytes = end != NULL && text.len + 1 < size ? end + 1 : (const uint8_t *)json_text;
    facts.size = end != NULL && text.len + 1 < size ? size - text.len - 1 : sizeof(json_text);
    bl_arena_reset(&arena);
    if (!bl_utf8_valid(text)) {
        return 0; /* policies are JSON or YAML: always UTF-8 */
    }
    bl_result result = bl_expression_parse(text, &arena, &root, &diag);
    if (bl_is_error(result)) {
        check_refusal(result, &diag, text.len);
        return 0;
    }
    check_printing(root);
    check_running(root, text, &scope);
    return 0;
}
