#include "support/expression_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "expression/syntax.h"
#include "expression/time_value.h"

#define MAX_OPS 8192
#define MAX_CONSTANTS 8192
#define MAX_PATTERNS 64
#define SCRATCH_BYTES ((size_t)256 * 1024)

struct expression_fixture expression;

static struct bl_op ops[MAX_OPS];
static struct bl_value constants[MAX_CONSTANTS];
static const struct bl_pattern *patterns[MAX_PATTERNS];
static _Alignas(16) char scratch[SCRATCH_BYTES];
static char said[2][65536 + 512];

/* --- what can be read ---------------------------------------------------------------------- */

static const struct {
    const char *name;
    struct bl_type type;
} typed[] = {
    {"flag", {.kind = BL_VALUE_BOOL}},
    {"number", {.kind = BL_VALUE_INT}},
    {"whole", {.kind = BL_VALUE_UINT}},
    {"real", {.kind = BL_VALUE_DOUBLE}},
    {"text", {.kind = BL_VALUE_STRING}},
    {"items", {.kind = BL_VALUE_LIST}},
    {"labels", {.kind = BL_VALUE_MAP, .key = BL_VALUE_STRING}},
    {"when", {.kind = BL_VALUE_TIMESTAMP}},
    {"wait", {.kind = BL_VALUE_DURATION}},
};

static struct bl_str first_member(struct bl_str path) {
    const char *dot = memchr(path.data, '.', path.len);
    return (struct bl_str){path.data, dot == NULL ? path.len : (size_t)(dot - path.data)};
}

static bool type_of(void *user, struct bl_str path, struct bl_type *type, struct bl_diag *diag) {
    struct bl_str name = first_member(path);
    struct bl_value key = bl_value_text(name);
    (void)user;

    *type = BL_TYPE_DYN;
    for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
        if (bl_str_equal_c(name, typed[i].name)) {
            *type = name.len == path.len ? typed[i].type : BL_TYPE_DYN;
            return true;
        }
    }
    if (bl_value_in(&key, &expression.facts)) {
        return true;
    }
    bl_diag_message(diag, "there is no %.*s", BL_STR_ARG(name));
    bl_diag_hint(diag, "text, number, flag");
    return false;
}

static uint16_t slot_of(void *user, struct bl_str path, enum bl_projection projection,
                        struct bl_diag *diag) {
    struct bl_str copy;
    (void)user;

    for (uint16_t i = 0; i < expression.read_count; i++) {
        if (expression.read[i].projection == projection &&
            bl_str_equal(expression.read[i].path, path)) {
            return i;
        }
    }
    if (expression.read_count == EXPRESSION_MAX_FACTS) {
        bl_diag_message(diag, "too many facts");
        return BL_OPERAND_NONE;
    }
    assert_true(bl_is_ok(bl_arena_copy(&expression.arena, path, &copy)));
    expression.read[expression.read_count].path = copy;
    expression.read[expression.read_count].projection = projection;
    return expression.read_count++;
}

/* The variables that JSON has no form for. */
static bool special(struct bl_str name, struct bl_value *value) {
    if (bl_str_equal_c(name, "whole")) {
        *value = (struct bl_value){.type = BL_VALUE_UINT, .as.unsigned_integer = 7};
    } else if (bl_str_equal_c(name, "when")) {
        return bl_timestamp_parse(BL_STR("2026-11-23T09:30:15.25Z"), value);
    } else if (bl_str_equal_c(name, "wait")) {
        return bl_duration_parse(BL_STR("1m30.5s"), value);
    } else {
        return false;
    }
    return true;
}

static struct bl_value value_at(struct bl_str path) {
    const struct bl_value absent = {.type = BL_VALUE_ABSENT};
    struct bl_value value = expression.facts;

    if (special(path, &value)) {
        return value;
    }
    while (path.len > 0) {
        struct bl_str name = first_member(path);
        struct bl_value key = bl_value_text(name);
        struct bl_value found;
        size_t used = name.len < path.len ? name.len + 1 : name.len;
        if (!bl_value_get(&value, &key, &found)) {
            return absent;
        }
        value = found;
        path = (struct bl_str){path.data + used, path.len - used};
    }
    return value;
}

static struct bl_value fact_at(struct bl_str path, enum bl_projection projection) {
    struct bl_value value = value_at(path);
    const char *dot = memrchr(path.data, '.', path.len);

    if (dot == NULL) {
        return bl_project(projection, &value, NULL);
    }
    struct bl_str parent_path = {path.data, (size_t)(dot - path.data)};
    struct bl_value parent = value_at(parent_path);
    bool is_empty_variable =
        parent.type == BL_VALUE_ABSENT && memchr(path.data, '.', parent_path.len) == NULL;
    return bl_project(projection, &value, is_empty_variable ? NULL : &parent);
}

/* --- the way ------------------------------------------------------------------------------- */

void expression_facts(const char *facts_json) {
    struct bl_diag diag;

    assert_true(bl_is_ok(bl_json_read(bl_str_from_c(facts_json), &bl_json_request_limits,
                                      &expression.arena, &expression.facts_doc, &diag)));
    expression.facts = bl_value_from_json(bl_json_root(&expression.facts_doc));
}

void expression_open(const char *facts_json) {
    expression = (struct expression_fixture){
        .scope = {.type_of = type_of, .slot_of = slot_of},
        .cost_max = BL_EVALUATION_COST_MAX,
        .scratch_bytes = 16384,
        .folds = true,
        .code = {.ops = ops,
                 .constants = constants,
                 .patterns = patterns,
                 .op_capacity = MAX_OPS,
                 .constant_capacity = MAX_CONSTANTS,
                 .pattern_capacity = MAX_PATTERNS,
                 .arena = &expression.arena},
    };
    bl_arena_init(&expression.arena, 64 * 1024, (size_t)64 * 1024 * 1024);
    expression_facts(facts_json);
}

void expression_close(void) {
    bl_arena_fini(&expression.arena);
}

struct bl_node *expression_tree(struct bl_str text) {
    struct bl_node *root = NULL;

    if (bl_is_error(bl_expression_parse(text, &expression.arena, &root, &expression.diag))) {
        print_error("%.*s\ncolumn %u: %s\n", BL_STR_ARG(text), expression.diag.column,
                    expression.diag.message);
        fail();
    }
    return root;
}

static bl_result compile_unfolded(struct bl_str text, uint32_t *index) {
    struct bl_node *root;

    BL_TRY(bl_expression_parse(text, &expression.arena, &root, &expression.diag));
    BL_TRY(bl_expression_check(root, &expression.scope, &expression.diag));
    expression.type = root->type;
    return bl_expression_emit(root, &expression.scope, &expression.code, index, &expression.diag);
}

bl_result expression_compile(struct bl_str text, uint32_t *index) {
    expression.read_count = 0;
    expression.code.op_count = 0;
    expression.code.constant_count = 0;
    expression.code.pattern_count = 0;
    return expression.folds
               ? bl_expression_compile(text, &expression.scope, &expression.arena, &expression.code,
                                       index, &expression.type, &expression.diag)
               : compile_unfolded(text, index);
}

struct bl_value expression_run(uint32_t index) {
    struct bl_value facts[EXPRESSION_MAX_FACTS];
    struct bl_evaluation evaluation;
    const struct bl_program program = {.ops = ops,
                                       .constants = constants,
                                       .patterns = patterns,
                                       .op_count = expression.code.op_count,
                                       .constant_count = expression.code.constant_count,
                                       .pattern_count = expression.code.pattern_count};

    for (uint16_t i = 0; i < expression.read_count; i++) {
        facts[i] = fact_at(expression.read[i].path, expression.read[i].projection);
    }
    bl_evaluation_init(&evaluation, &program, facts, expression.cost_max);
    struct bl_value value = bl_evaluate(&evaluation, index, scratch, expression.scratch_bytes);
    expression.cost = expression.cost_max - evaluation.cost_left;
    return value;
}

static const char *say(struct bl_str text, char *out, size_t size) {
    struct bl_buf buf;
    uint32_t index;

    bl_buf_init(&buf, out, size - 1);
    if (bl_is_error(expression_compile(text, &index))) {
        bl_buf_printf(&buf, "column %u: %s%s%s", expression.diag.column, expression.diag.message,
                      expression.diag.hint[0] != '\0' ? "; " : "", expression.diag.hint);
    } else {
        struct bl_value value = expression_run(index);
        if (value.type == BL_VALUE_ERROR) {
            bl_buf_printf(&buf, "error: %s", bl_evaluation_error_text(bl_error_code(&value)));
        } else {
            bl_value_write(&value, &buf);
        }
    }
    assert_false(buf.overflowed);
    out[buf.len] = '\0';
    return out;
}

const char *expression_of_bytes(struct bl_str text) {
    expression.folds = false;
    const char *plain = say(text, said[1], sizeof(said[1]));
    expression.folds = true;
    const char *folded = say(text, said[0], sizeof(said[0]));
    if (strcmp(plain, folded) != 0) {
        print_error("%.*s\n  as it is: %s\n  folded:   %s\n", BL_STR_ARG(text), plain, folded);
        fail();
    }
    return folded;
}

const char *expression_of(const char *text) {
    return expression_of_bytes(bl_str_from_c(text));
}

static bool is_as_wanted(const char *found, const char *wanted) {
    size_t len = strlen(wanted);

    if (len >= 3 && strcmp(wanted + len - 3, "...") == 0) {
        return strncmp(found, wanted, len - 3) == 0;
    }
    return strcmp(found, wanted) == 0;
}

void expect_expressions(const struct expression_case *cases, size_t count) {
    size_t wrong = 0;

    for (size_t i = 0; i < count; i++) {
        const char *found = expression_of(cases[i].text);
        if (!is_as_wanted(found, cases[i].wanted)) {
            print_error("%s\n  is:     %s\n  wanted: %s\n", cases[i].text, found, cases[i].wanted);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}
