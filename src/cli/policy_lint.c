/* beamline policy lint: what compiles, but cannot be what was meant. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/offline.h"
#include "cli/policy_command.h"
#include "cli/policy_source.h"
#include "cli/present.h"
#include "flow/lint.h"
#include "json/writer.h"
#include "policy/compile.h"

#define JSON_BYTES ((size_t)1024 * 1024)

struct totals {
    unsigned errors, warnings;
    struct bl_present_array array; /* with --json */
};

static void show(const char *path, const struct bl_lint_finding *finding) {
    const struct bl_diag *diag = &finding->diag;

    if (diag->line > 0) {
        printf("%s:%u: ", path, (unsigned)diag->line);
    } else {
        printf("%s: ", path);
    }
    printf("warning: %s: %s [%s]\n", diag->path, diag->message, bl_lint_word(finding->code));
    if (diag->hint[0] != '\0') {
        printf("  hint: %s\n", diag->hint);
    }
    if (bl_str_is_present(finding->example)) {
        printf("  example: %.*s\n", BL_STR_ARG(finding->example));
    }
}

static void write(struct bl_json_writer *writer, const char *path,
                  const struct bl_lint_finding *finding) {
    bl_json_write_object_begin(writer);
    bl_json_write_member(writer, BL_STR("file"), bl_str_from_c(path));
    bl_json_write_member(writer, BL_STR("code"), bl_str_from_c(bl_lint_word(finding->code)));
    bl_json_write_key(writer, BL_STR("line"));
    bl_json_write_int64(writer, finding->diag.line);
    bl_json_write_member(writer, BL_STR("path"), bl_str_from_c(finding->diag.path));
    bl_json_write_member(writer, BL_STR("message"), bl_str_from_c(finding->diag.message));
    bl_json_write_member(writer, BL_STR("hint"), bl_str_from_c(finding->diag.hint));
    if (bl_str_is_present(finding->example)) {
        bl_json_write_key(writer, BL_STR("example"));
        bl_json_write_raw(writer, finding->example);
    }
    bl_json_write_object_end(writer);
}

static void show_json(struct bl_present_array *array, const char *path,
                      const struct bl_lint *lint) {
    char *storage = malloc(JSON_BYTES);
    struct bl_json_writer writer;
    struct bl_buf buf;

    for (size_t i = 0; storage != NULL && i < lint->count; i++) {
        bl_buf_init(&buf, storage, JSON_BYTES);
        bl_json_writer_init(&writer, &buf);
        write(&writer, path, &lint->findings[i]);
        bl_present_array_item(array, bl_buf_view(&buf));
    }
    free(storage);
}

static void lint_policy(const char *path, const struct bl_policy *policy,
                        const struct bl_policy_command *command, struct totals *totals) {
    static struct bl_lint lint;
    struct bl_arena arena;

    bl_arena_init(&arena, 65536, (size_t)16 * 1024 * 1024);
    bl_lint_policy(policy, BL_LINT_EFFORT_THOROUGH, &arena, &lint);
    totals->warnings += (unsigned)(lint.count + lint.left_out);
    if (command->json) {
        show_json(&totals->array, path, &lint);
    } else {
        for (size_t i = 0; i < lint.count; i++) {
            show(path, &lint.findings[i]);
        }
        if (lint.left_out > 0) {
            printf("%s: and %zu more\n", path, lint.left_out);
        }
    }
    bl_arena_fini(&arena);
}

static bool lint_file(const char *path, const struct bl_policy_command *command,
                      struct totals *totals) {
    static struct bl_findings findings;
    struct bl_policy *policy = NULL;
    struct bl_str text;
    char *data;

    if (!bl_policy_source_read(path, bl_str_from_c(command->tenant), &data, &text.len)) {
        if (command->json) {
            bl_present_array_unread(&totals->array, path);
        }
        return false;
    }
    text.data = data;
    bl_result result = bl_policy_compile(text, bl_str_from_c(command->tenant),
                                         bl_offline_policy_id(path), NULL, &policy, &findings);
    free(data);
    totals->errors += (unsigned)findings.errors;
    totals->warnings += (unsigned)findings.warnings;
    if (command->json) {
        bl_present_array_findings(&totals->array, path, &findings);
    } else {
        bl_present_findings(stdout, path, &findings);
    }
    if (bl_is_ok(result)) {
        lint_policy(path, policy, command, totals);
        bl_policy_unref(policy);
    }
    return true;
}

int bl_cli_policy_lint(int count, char **files, const struct bl_policy_command *command) {
    struct totals totals = {0};
    bool all_read = true;

    if (count == 0) {
        fputs("beamline policy lint: no file named. Try: beamline policy --help\n", stderr);
        return BL_EXIT_USAGE;
    }
    if (command->json) {
        bl_present_array_begin(&totals.array, stdout);
    }
    for (int i = 0; i < count; i++) {
        all_read = lint_file(files[i], command, &totals) && all_read;
    }
    if (command->json) {
        bl_present_array_end(&totals.array);
    } else if (!command->quiet && all_read) {
        if (totals.errors + totals.warnings == 0) {
            printf("%d %s: nothing to say\n", count, count == 1 ? "file" : "files");
        } else {
            printf("%u errors, %u warnings\n", totals.errors, totals.warnings);
        }
    }
    return all_read && totals.errors + totals.warnings == 0 ? BL_EXIT_OK : BL_EXIT_FAILED;
}
