/*
 * Compiling policies in tests: the policy and its findings, released together, and assertions that
 * print all findings when they fail.
 */
#ifndef BL_TESTS_SUPPORT_COMPILED_POLICY_H
#define BL_TESTS_SUPPORT_COMPILED_POLICY_H

#include <stdint.h>

#include "policy/compile.h"

struct compiled {
    struct bl_policy *policy; /* NULL if there were errors */
    struct bl_findings findings;
    bl_result result;
};

/* Compiles `text` as tenant "t", policy "p"; what was compiled before is released. */
void compile_text(struct compiled *compiled, struct bl_str text);
void compile_c(struct compiled *compiled, const char *text);
void compile_warning_unknown_keys(struct compiled *compiled, const char *text);
void release(struct compiled *compiled);

/* Fails unless it compiled without errors. */
void expect_good(struct compiled *compiled, const char *text);

/* Fails unless there is a finding of that severity, path, and with `part` in its message. With
 * `line` > 0 the position must be that. Returns it. */
const struct bl_diag *expect_error(const struct compiled *compiled, const char *path,
                                   const char *part, uint32_t line, uint32_t column);
const struct bl_diag *expect_warning(const struct compiled *compiled, const char *path,
                                     const char *part, uint32_t line, uint32_t column);
/* Fails if there is a warning with `part` in its message. */
void expect_no_warning(const struct compiled *compiled, const char *part);

/* Compiles, which must fail with exactly one error, this one. Returns it. */
const struct bl_diag *expect_refused(struct compiled *compiled, const char *text, const char *path,
                                     const char *part);

#endif
