/* beamline policy eval: one expression, by itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/offline.h"
#include "cli/policy_command.h"
#include "cli/present.h"
#include "expression/expression.h"
#include "flow/decide.h"
#include "json/writer.h"
#include "wire/decide_request.h"

#define INPUT_BYTES ((size_t)1024 * 1024)
#define SCRATCH_BYTES ((size_t)BL_EVALUATION_SCRATCH_BYTES) /* as conditions have */
#define OUTPUT_BYTES ((size_t)4 * 1024 * 1024)
#define PLACE_BYTES 60 /* of an expression shown on each side of what is wrong */
#define OPS_MAX ((size_t)4 * BL_EXPRESSION_MAX_NODES)

/* What expressions are evaluated against: a request, and variables that go before it. */
struct bench {
    struct bl_arena arena;
    struct bl_arena kept; /* of one expression */
    struct bl_json variables;
    struct bl_json_doc variables_doc;
    struct bl_decide_request decoded;
    struct bl_str tenant_id;
    struct bl_fact facts[BL_POLICY_MAX_FACTS];
    uint16_t fact_count;
    char *scratch, *output;
};

static struct bl_str first_name(struct bl_str path) {
    const char *dot = memchr(path.data, '.', path.len);
    return (struct bl_str){path.data, dot == NULL ? path.len : (size_t)(dot - path.data)};
}

static bool is_given(const struct bench *bench, struct bl_str path) {
    return !bl_json_is(bl_json_get(bench->variables, first_name(path)), BL_JSON_ABSENT);
}

static bool type_of(void *user, struct bl_str path, struct bl_type *type, struct bl_diag *diag) {
    const struct bench *bench = user;

    if (is_given(bench, path)) {
        *type = BL_TYPE_DYN;
        return true;
    }
    return bl_fact_type(path, type, diag);
}

static uint16_t slot_of(void *user, struct bl_str path, enum bl_projection projection,
                        struct bl_diag *diag) {
    struct bench *bench = user;
    struct bl_str kept;

    if (bench->fact_count == BL_POLICY_MAX_FACTS ||
        bl_is_error(bl_arena_copy(&bench->kept, path, &kept))) {
        bl_diag_message(diag, "reads more than %d values", BL_POLICY_MAX_FACTS);
        return BL_OPERAND_NONE;
    }
    bench->facts[bench->fact_count] = bl_fact_parse(kept);
    bench->facts[bench->fact_count].projection = projection;
    return bench->fact_count++;
}

static struct bl_value value_of(const struct bench *bench, const struct bl_fact *fact,
                                int64_t now_ns) {
    if (!is_given(bench, fact->path)) {
        const struct bl_fact_source source = {.request = &bench->decoded.request,
                                              .tenant_id = bench->tenant_id,
                                              .attempt = 1,
                                              .now_ns = now_ns};
        return bl_flow_fact(fact, &source);
    }
    struct bl_value value = bl_value_from_json(bl_json_path(bench->variables, fact->path));
    const char *dot = memrchr(fact->path.data, '.', fact->path.len);
    if (dot == NULL) {
        return bl_project(fact->projection, &value, NULL);
    }
    struct bl_str above = {fact->path.data, (size_t)(dot - fact->path.data)};
    struct bl_value parent = bl_value_from_json(bl_json_path(bench->variables, above));
    return bl_project(fact->projection, &value, &parent);
}

/* --- showing ------------------------------------------------------------------------------- */

static bool is_inside_character(char c) {
    return ((unsigned char)c & 0xC0u) == 0x80u;
}

/* The expression's line with the place below it, for a person: what is further than PLACE_BYTES
 * away from the place is left out. */
static void show_place(struct bl_str text, uint32_t column) {
    size_t at = column > 0 && column <= text.len + 1 ? column - 1 : 0;
    size_t start = at;
    size_t end = at;

    while (start > 0 && text.data[start - 1] != '\n' && at - start < PLACE_BYTES) {
        start--;
    }
    while (end < text.len && text.data[end] != '\n' && end - at < PLACE_BYTES) {
        end++;
    }
    while (start < at && is_inside_character(text.data[start])) {
        start++;
    }
    while (end > at && end < text.len && is_inside_character(text.data[end])) {
        end--;
    }
    const char *before = start > 0 && text.data[start - 1] != '\n' ? "... " : "";
    const char *after = end < text.len && text.data[end] != '\n' ? " ..." : "";
    fprintf(stderr, "  %s%.*s%s\n  %*s", before, (int)(end - start), text.data + start, after,
            (int)strlen(before), "");
    for (size_t i = start; i < at; i++) {
        if (!is_inside_character(text.data[i])) { /* a column for each character */
            fputc(text.data[i] == '\t' ? '\t' : ' ', stderr);
        }
    }
    fputs("^\n", stderr);
}

static void show_problem(struct bl_str text, const struct bl_diag *diag, bool json) {
    static struct bl_findings findings;

    if (json) {
        bl_findings_clear(&findings);
        *bl_findings_add(&findings, BL_SEVERITY_ERROR) = *diag;
        bl_present_findings_json(stdout, "expression", &findings);
        return;
    }
    (void)fflush(stdout);
    show_place(text, diag->column);
    fprintf(stderr, "error at character %u: %s\n", (unsigned)diag->column, diag->message);
    if (diag->hint[0] != '\0') {
        fprintf(stderr, "  hint: %s\n", diag->hint);
    }
}

static void say_error(const struct bench *bench, const struct bl_value *error,
                      struct bl_diag *diag) {
    int slot = bl_error_slot(error);

    bl_diag_clear(diag);
    diag->line = 1;
    diag->column = error->count + 1;
    const char *text = bl_evaluation_error_text(bl_error_code(error));
    if (slot >= 0 && slot < bench->fact_count) {
        bl_diag_message(diag, "%s: %.*s", text, BL_STR_ARG(bench->facts[slot].path));
        bl_diag_hint(diag, "test with has(%.*s) first", BL_STR_ARG(bench->facts[slot].path));
    } else {
        bl_diag_message(diag, "%s", text);
    }
}

static void show_value(const struct bench *bench, const struct bl_value *value, struct bl_type type,
                       uint32_t cost, bool json) {
    struct bl_buf buf;

    bl_buf_init(&buf, bench->output, OUTPUT_BYTES);
    bl_value_write(value, &buf);
    const char *kind = bl_value_kind_name(bl_value_kind(value));
    if (!json) {
        printf("%.*s%s\n", BL_STR_ARG(bl_buf_view(&buf)), buf.overflowed ? " ..." : "");
        bl_buf_reset(&buf);
        bl_type_write(type, &buf);
        printf("type %s (declared %.*s), cost %u\n", kind, BL_STR_ARG(bl_buf_view(&buf)),
               (unsigned)cost);
        return;
    }
    char *storage = malloc(OUTPUT_BYTES);
    struct bl_json_writer writer;
    struct bl_buf out;
    if (storage == NULL) {
        return;
    }
    bl_buf_init(&out, storage, OUTPUT_BYTES);
    bl_json_writer_init(&writer, &out);
    bl_json_write_object_begin(&writer);
    bl_json_write_member(&writer, BL_STR("value"), bl_buf_view(&buf));
    bl_json_write_member(&writer, BL_STR("type"), bl_str_from_c(kind));
    bl_json_write_key(&writer, BL_STR("cost"));
    bl_json_write_int64(&writer, cost);
    bl_json_write_object_end(&writer);
    printf("%.*s\n", BL_STR_ARG(bl_buf_view(&out)));
    free(storage);
}

/* --- one expression ------------------------------------------------------------------------ */

static bool compile(struct bench *bench, struct bl_str text, struct bl_code *code, uint32_t *index,
                    struct bl_type *type, struct bl_diag *diag) {
    const struct bl_expression_scope scope = {
        .type_of = type_of, .slot_of = slot_of, .user = bench};

    bench->fact_count = 0;
    bl_arena_reset(&bench->kept);
    *code = (struct bl_code){.op_capacity = (uint32_t)OPS_MAX,
                             .constant_capacity = (uint16_t)OPS_MAX,
                             .pattern_capacity = BL_POLICY_MAX_PATTERNS,
                             .arena = &bench->kept};
    code->ops = bl_arena_alloc(&bench->kept, OPS_MAX * sizeof(*code->ops));
    code->constants = bl_arena_alloc(&bench->kept, OPS_MAX * sizeof(*code->constants));
    code->patterns =
        bl_arena_alloc(&bench->kept, BL_POLICY_MAX_PATTERNS * sizeof(const struct bl_pattern *));
    if (code->ops == NULL || code->constants == NULL || code->patterns == NULL) {
        bl_diag_clear(diag);
        bl_diag_message(diag, "there is no memory left");
        return false;
    }
    return bl_is_ok(bl_expression_compile(text, &scope, &bench->kept, code, index, type, diag));
}

static bool evaluate(struct bench *bench, struct bl_str text, bool json) {
    struct bl_value facts[BL_POLICY_MAX_FACTS];
    struct bl_evaluation evaluation;
    struct bl_code code;
    struct bl_type type;
    struct bl_diag diag;
    struct timespec now;
    uint32_t index;

    if (!compile(bench, text, &code, &index, &type, &diag)) {
        show_problem(text, &diag, json);
        return false;
    }
    (void)clock_gettime(CLOCK_REALTIME, &now);
    for (uint16_t i = 0; i < bench->fact_count; i++) {
        facts[i] =
            value_of(bench, &bench->facts[i], (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
    }
    const struct bl_program program = {
        .ops = code.ops, .constants = code.constants, .patterns = code.patterns};
    bl_evaluation_init(&evaluation, &program, facts, BL_EVALUATION_COST_MAX);
    struct bl_value value = bl_evaluate(&evaluation, index, bench->scratch, SCRATCH_BYTES);
    if (value.type == BL_VALUE_ERROR) {
        say_error(bench, &value, &diag);
        show_problem(text, &diag, json);
        return false;
    }
    show_value(bench, &value, type, BL_EVALUATION_COST_MAX - evaluation.cost_left, json);
    return true;
}

/* Until the end of the input; a line that fails does not end it. */
static int interact(struct bench *bench, bool json) {
    bool is_terminal = isatty(STDIN_FILENO) == 1;
    static char line[BL_EXPRESSION_MAX_BYTES + 2];

    if (is_terminal) {
        puts(
            "One expression a line; metadata, context, constraints, task, tenant, request, attempt "
            "and now are known. Ctrl-D ends.");
    }
    for (;;) {
        if (is_terminal) {
            fputs("> ", stdout);
            (void)fflush(stdout);
        }
        if (fgets(line, sizeof(line), stdin) == NULL) {
            break;
        }
        struct bl_str text = bl_str_trim(bl_str_from_c(line));
        if (text.len > 0) {
            (void)evaluate(bench, text, json);
        }
    }
    return BL_EXIT_OK;
}

/* --- what is given ------------------------------------------------------------------------- */

static bool read_variables(struct bench *bench, const char *path) {
    struct bl_diag diag;
    struct bl_str text;
    char *data;

    if (!bl_read_file(path, INPUT_BYTES, &data, &text.len)) {
        return false;
    }
    text.data = data;
    if (bl_is_error(bl_arena_copy(&bench->arena, text, &text)) ||
        bl_is_error(bl_json_read(text, &bl_json_request_limits, &bench->arena,
                                 &bench->variables_doc, &diag)) ||
        !bl_json_is(bl_json_root(&bench->variables_doc), BL_JSON_OBJECT)) {
        fprintf(stderr, "beamline policy eval: %s is no JSON object of variables\n", path);
        free(data);
        return false;
    }
    free(data);
    bench->variables = bl_json_root(&bench->variables_doc);
    return true;
}

static bool read_request(struct bench *bench, const char *path) {
    struct bl_refusal refusal;
    struct bl_str text;
    char *data;

    if (!bl_read_file(path, INPUT_BYTES, &data, &text.len)) {
        return false;
    }
    text.data = data;
    bool copied = bl_is_ok(bl_arena_copy(&bench->arena, text, &text));
    free(data);
    const struct bl_message message = {.subject = BL_STR("request"), .data = text};
    if (!copied ||
        bl_is_error(bl_wire_decode_decide(&message, BL_STR("eval"), &bl_json_request_limits,
                                          &bench->arena, &bench->decoded, &refusal))) {
        fprintf(stderr, "beamline policy eval: %s is no request: %s\n", path,
                copied ? refusal.diag.message : "out of memory");
        return false;
    }
    if (bl_str_is_present(bench->decoded.request.tenant_id)) {
        bench->tenant_id = bench->decoded.request.tenant_id;
    }
    return true;
}

int bl_cli_policy_eval(int count, char **arguments, const struct bl_policy_command *command) {
    static struct bench bench;
    int code = BL_EXIT_FAILED;

    if (count > 1) {
        fputs("beamline policy eval: one expression, in quotes. Try: beamline policy --help\n",
              stderr);
        return BL_EXIT_USAGE;
    }
    bl_arena_init(&bench.arena, 65536, (size_t)64 * 1024 * 1024);
    bl_arena_init(&bench.kept, 65536, (size_t)64 * 1024 * 1024);
    bl_request_init(&bench.decoded.request);
    bench.tenant_id = bl_str_from_c(command->tenant);
    bench.scratch = malloc(SCRATCH_BYTES);
    bench.output = malloc(OUTPUT_BYTES);
    bool is_ready =
        bench.scratch != NULL && bench.output != NULL &&
        (command->variables_file == NULL || read_variables(&bench, command->variables_file)) &&
        (command->request_file == NULL || read_request(&bench, command->request_file));
    if (is_ready && count == 0) {
        code = interact(&bench, command->json);
    } else if (is_ready) {
        code = evaluate(&bench, bl_str_from_c(arguments[0]), command->json) ? BL_EXIT_OK
                                                                            : BL_EXIT_FAILED;
    }
    free(bench.scratch);
    free(bench.output);
    bl_arena_fini(&bench.kept);
    bl_arena_fini(&bench.arena);
    return code;
}
