#include "support/compiled_policy.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
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

void compile_c(struct compiled *compiled, const char *text) {
    compile_with(compiled, bl_str_from_c(text), NULL);
}

void compile_warning_unknown_keys(struct compiled *compiled, const char *text) {
    const struct bl_policy_options options = {.warn_unknown_keys = true};
    compile_with(compiled, bl_str_from_c(text), &options);
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
