#include "cli/present.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "json/json.h"
#include "json/writer.h"

#define BOLD "\x1b[1m"
#define RED "\x1b[31m"
#define YELLOW "\x1b[33m"
#define GREEN "\x1b[32m"
#define DIM "\x1b[2m"
#define RESET "\x1b[0m"

static bool is_coloured(FILE *out) {
    return isatty(fileno(out)) == 1 && getenv("NO_COLOR") == NULL;
}

/* `code` on a coloured terminal, else nothing. */
static const char *colour(FILE *out, const char *code) {
    return is_coloured(out) ? code : "";
}

static struct bl_str string_of(struct bl_json object, const char *key) {
    struct bl_str text = BL_STR_ABSENT;
    (void)bl_json_string(bl_json_get(object, bl_str_from_c(key)), &text);
    return text;
}

/* Bytes of a text that could steer the terminal are shown as '?'. */
static void print_text(FILE *out, struct bl_str text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        fputc(c < 0x20 || c == 0x7f ? '?' : c, out);
    }
}

static void print_label(FILE *out, const char *label) {
    fprintf(out, "%s%-10s%s", colour(out, DIM), label, colour(out, RESET));
}

static void print_row(FILE *out, const char *label, struct bl_str text) {
    if (!bl_str_is_present(text)) {
        return;
    }
    print_label(out, label);
    print_text(out, text);
    fputc('\n', out);
}

static void print_expected(FILE *out, struct bl_json decision) {
    print_label(out, "expected");
    if (bl_json_type(bl_json_get(decision, BL_STR("estimates"))) == BL_JSON_STRING) {
        fputs("nothing known about latency and cost\n", out);
        return;
    }
    print_text(out, bl_json_source(bl_json_get(decision, BL_STR("expected_latency_ms"))));
    fputs(" ms, cost ", out);
    print_text(out, bl_json_source(bl_json_get(decision, BL_STR("expected_cost"))));
    fputc('\n', out);
}

static void print_decision(FILE *out, struct bl_json decision) {
    struct bl_str label = string_of(decision, "provider_label");
    print_label(out, "provider");
    fputs(colour(out, BOLD), out);
    print_text(out, string_of(decision, "provider_id"));
    fputs(colour(out, RESET), out);
    if (bl_str_is_present(label)) {
        fputs(" (", out);
        print_text(out, label);
        fputc(')', out);
    }
    fputc('\n', out);

    print_label(out, "reason");
    print_text(out, string_of(decision, "reason"));
    fputs(", priority ", out);
    print_text(out, bl_json_source(bl_json_get(decision, BL_STR("priority"))));
    fputc('\n', out);
    print_expected(out, decision);

    print_label(out, "policy");
    print_text(out, string_of(decision, "policy_id"));
    fputs(", revision ", out);
    print_text(out, string_of(decision, "policy_version"));
    fputc('\n', out);
    print_row(out, "session", string_of(decision, "sticky_key"));
}

static void print_error(FILE *out, struct bl_json error) {
    print_label(out, "error");
    fputs(colour(out, RED), out);
    print_text(out, string_of(error, "code"));
    fputs(colour(out, RESET), out);
    struct bl_str intake = string_of(error, "intake_error_code");
    if (bl_str_is_present(intake)) {
        fputs(" (", out);
        print_text(out, intake);
        fputc(')', out);
    }
    fputc('\n', out);
    print_row(out, "message", string_of(error, "message"));

    struct bl_json details = bl_json_get(error, BL_STR("details"));
    struct bl_json_iter candidates = bl_json_iter(bl_json_get(details, BL_STR("candidates")));
    while (bl_json_next(&candidates)) {
        print_label(out, "");
        print_text(out, string_of(candidates.value, "provider_id"));
        fputs(": ", out);
        print_text(out, string_of(candidates.value, "dropped"));
        fputc('\n', out);
    }
}

static void print_explanation(FILE *out, struct bl_json explain) {
    struct bl_json_iter lines = bl_json_iter(bl_json_get(explain, BL_STR("text")));
    bool first = true;
    while (bl_json_next(&lines)) {
        struct bl_str line;
        if (bl_json_string(lines.value, &line)) {
            print_label(out, first ? "why" : "");
            print_text(out, line);
            fputc('\n', out);
            first = false;
        }
    }
}

bool bl_present_reply(FILE *out, struct bl_str reply, double took_ms) {
    struct bl_arena arena;
    struct bl_json_doc doc;
    struct bl_diag diag;
    bool ok = false;

    bl_arena_init(&arena, (size_t)64 * 1024, (size_t)16 * 1024 * 1024);
    bl_diag_clear(&diag);
    if (bl_is_error(bl_json_read(reply, &bl_json_request_limits, &arena, &doc, &diag))) {
        fprintf(out, "The reply is not JSON (%s):\n", diag.message);
        print_text(out, reply);
        fputc('\n', out);
        bl_arena_fini(&arena);
        return false;
    }

    struct bl_json root = bl_json_root(&doc);
    (void)bl_json_bool(bl_json_get(root, BL_STR("ok")), &ok);
    if (ok) {
        print_decision(out, bl_json_get(root, BL_STR("decision")));
    } else {
        print_error(out, bl_json_get(root, BL_STR("error")));
    }
    print_row(out, "request", string_of(bl_json_get(root, BL_STR("context")), "request_id"));
    if (took_ms >= 0) {
        print_label(out, "took");
        fprintf(out, "%.2f ms\n", took_ms);
    }
    print_explanation(out, bl_json_get(root, BL_STR("explain")));
    bl_arena_fini(&arena);
    return ok;
}

void bl_present_findings(FILE *out, const char *file, const struct bl_findings *findings) {
    for (size_t i = 0; i < findings->count; i++) {
        const struct bl_diag *item = &findings->items[i];
        bool error = item->severity == BL_SEVERITY_ERROR;

        fprintf(out, "%s%s", colour(out, BOLD), file);
        if (item->line != 0) {
            fprintf(out, ":%u:%u", item->line, item->column);
        }
        fprintf(out, ": %s%s:%s ", colour(out, error ? RED : YELLOW), error ? "error" : "warning",
                colour(out, RESET));
        if (item->path[0] != '\0') {
            fprintf(out, "%s: ", item->path);
        }
        fprintf(out, "%s\n", item->message);
        if (item->hint[0] != '\0') {
            fprintf(out, "    %shint:%s %s\n", colour(out, GREEN), colour(out, RESET), item->hint);
        }
    }
    size_t counted = findings->errors + findings->warnings;
    if (counted > findings->count) {
        fprintf(out, "%s: and %zu more\n", file, counted - findings->count);
    }
}

static void write_finding(struct bl_json_writer *writer, const char *file,
                          const struct bl_diag *item) {
    bl_json_write_object_begin(writer);
    bl_json_write_key(writer, BL_STR("file"));
    bl_json_write_string(writer, bl_str_from_c(file));
    bl_json_write_key(writer, BL_STR("severity"));
    bl_json_write_string(writer,
                         item->severity == BL_SEVERITY_ERROR ? BL_STR("error") : BL_STR("warning"));
    bl_json_write_key(writer, BL_STR("line"));
    bl_json_write_int64(writer, item->line);
    bl_json_write_key(writer, BL_STR("column"));
    bl_json_write_int64(writer, item->column);
    bl_json_write_key(writer, BL_STR("path"));
    bl_json_write_string(writer, bl_str_from_c(item->path));
    bl_json_write_key(writer, BL_STR("message"));
    bl_json_write_string(writer, bl_str_from_c(item->message));
    bl_json_write_key(writer, BL_STR("hint"));
    bl_json_write_string(writer, bl_str_from_c(item->hint));
    bl_json_write_object_end(writer);
}

void bl_present_array_begin(struct bl_present_array *array, FILE *out) {
    *array = (struct bl_present_array){.out = out};
    fputc('[', out);
}

void bl_present_array_item(struct bl_present_array *array, struct bl_str json) {
    fprintf(array->out, "%s%.*s", array->count++ > 0 ? "," : "", BL_STR_ARG(json));
}

void bl_present_array_end(struct bl_present_array *array) {
    fputs("]\n", array->out);
}

void bl_present_array_findings(struct bl_present_array *array, const char *file,
                               const struct bl_findings *findings) {
    char storage[4096];
    struct bl_buf buf;
    struct bl_json_writer writer;

    for (size_t i = 0; i < findings->count; i++) {
        bl_buf_init(&buf, storage, sizeof(storage));
        bl_json_writer_init(&writer, &buf);
        write_finding(&writer, file, &findings->items[i]);
        bl_present_array_item(array, bl_buf_view(&buf));
    }
}

void bl_present_array_unread(struct bl_present_array *array, const char *file) {
    static struct bl_findings findings;

    bl_findings_clear(&findings);
    struct bl_diag *diag = bl_findings_add(&findings, BL_SEVERITY_ERROR);
    bl_diag_message(diag, "the file cannot be read");
    bl_diag_hint(diag, "the reason stands on standard error");
    bl_present_array_findings(array, file, &findings);
}

void bl_present_findings_json(FILE *out, const char *file, const struct bl_findings *findings) {
    struct bl_present_array array;

    bl_present_array_begin(&array, out);
    bl_present_array_findings(&array, file, findings);
    bl_present_array_end(&array);
}

void bl_present_problem(const char *command, const struct bl_diag *diag) {
    fprintf(stderr, "beamline %s: %s%s%s\n", command, diag->path, diag->path[0] != '\0' ? ": " : "",
            diag->message);
    if (diag->hint[0] != '\0') {
        fprintf(stderr, "    hint: %s\n", diag->hint);
    }
}
