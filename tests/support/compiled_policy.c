#include "support/compiled_policy.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void compile_with(struct compiled *compiled, struct bl_str text,
                         const struct bl_policy_options *options) {
    release(compiled);
    compiled->result = bl_policy_compile(text, BL_STR("t"), BL_STR("p"), options, &compiled->policy,
                                         &compiled->findings);
    if (bl_is_ok(compiled->result)) {
        assert_non_null(compiled->policy);
        assert_int_equal(compiled->findings.errors, 0);
    } else {
        assert_null(compiled->policy);
        assert_int_equal(compiled->result.error, BL_E_INVALID_POLICY);
        assert_true(compiled->findings.errors > 0);
    }
}

void compile_text(struct compiled *compiled, struct bl_str text) {
    compile_with(compiled, text, NULL);
}

/* A document that begins with a brace is JSON. YAML in braces, which tests are written in because
 * it needs no escapes, gets a line before it that is left out of the positions again. */
static void compile_braces(struct compiled *compiled, const char *text,
                           const struct bl_policy_options *options) {
    bool is_yaml = text[0] == '{' && text[1] >= 'a' && text[1] <= 'z';
    size_t len = strlen(text);

    if (!is_yaml) {
        compile_with(compiled, (struct bl_str){text, len}, options);
        return;
    }
    char *marked = malloc(len + 3);
    assert_non_null(marked);
    memcpy(marked, "#\n", 2);
    memcpy(marked + 2, text, len + 1);
    compile_with(compiled, (struct bl_str){marked, len + 2}, options);
    free(marked);
    for (size_t i = 0; i < compiled->findings.count; i++) {
        compiled->findings.items[i].line -= compiled->findings.items[i].line > 1 ? 1 : 0;
    }
}

void compile_c(struct compiled *compiled, const char *text) {
    compile_braces(compiled, text, NULL);
}

void compile_warning_unknown_keys(struct compiled *compiled, const char *text) {
    const struct bl_policy_options options = {.warn_unknown_keys = true};
    compile_braces(compiled, text, &options);
}

void release(struct compiled *compiled) {
    bl_policy_unref(compiled->policy);
    compiled->policy = NULL;
}

static void print_findings(const struct compiled *compiled) {
    for (size_t i = 0; i < compiled->findings.count; i++) {
        const struct bl_diag *diag = &compiled->findings.items[i];
        print_error("%s %u:%u [%s] %s (%s)\n",
                    diag->severity == BL_SEVERITY_ERROR ? "error" : "warning", diag->line,
                    diag->column, diag->path, diag->message, diag->hint);
    }
}

void expect_good(struct compiled *compiled, const char *text) {
    compile_c(compiled, text);
    if (bl_is_error(compiled->result)) {
        print_findings(compiled);
        fail_msg("should compile: %s", text);
    }
}

static const struct bl_diag *expect(const struct compiled *compiled, enum bl_severity severity,
                                    const char *path, const char *part, uint32_t line,
                                    uint32_t column) {
    for (size_t i = 0; i < compiled->findings.count; i++) {
        const struct bl_diag *diag = &compiled->findings.items[i];
        if (diag->severity == severity && strcmp(diag->path, path) == 0 &&
            strstr(diag->message, part) != NULL &&
            (line == 0 || (diag->line == line && diag->column == column))) {
            return diag;
        }
    }
    print_findings(compiled);
    fail_msg("no finding [%s] \"%s\" at %u:%u", path, part, line, column);
    return NULL;
}

const struct bl_diag *expect_error(const struct compiled *compiled, const char *path,
                                   const char *part, uint32_t line, uint32_t column) {
    return expect(compiled, BL_SEVERITY_ERROR, path, part, line, column);
}

const struct bl_diag *expect_warning(const struct compiled *compiled, const char *path,
                                     const char *part, uint32_t line, uint32_t column) {
    return expect(compiled, BL_SEVERITY_WARNING, path, part, line, column);
}

void expect_no_warning(const struct compiled *compiled, const char *part) {
    for (size_t i = 0; i < compiled->findings.count; i++) {
        const struct bl_diag *diag = &compiled->findings.items[i];
        if (diag->severity == BL_SEVERITY_WARNING && strstr(diag->message, part) != NULL) {
            print_findings(compiled);
            fail_msg("there is a warning \"%s\"", part);
        }
    }
}

const struct bl_diag *expect_refused(struct compiled *compiled, const char *text, const char *path,
                                     const char *part) {
    compile_c(compiled, text);
    if (compiled->findings.errors != 1) {
        print_findings(compiled);
        fail_msg("%zu errors in: %s", compiled->findings.errors, text);
    }
    return expect_error(compiled, path, part, 0, 0);
}
