/*
 * Diagnostics: what a person needs to find and mend a fault in an input.
 *
 * One finding names the place (line, column, path), what is wrong and what would be right. A
 * request carries a single `struct bl_diag`; a document that is checked as a whole (configuration,
 * policy) collects all of its findings in a bounded `struct bl_findings`.
 */
#ifndef BL_BASE_DIAG_H
#define BL_BASE_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum bl_severity { BL_SEVERITY_ERROR, BL_SEVERITY_WARNING };

/* Fixed storage, so that recording a fault never allocates. Longer texts are cut with "...". */
struct bl_diag {
    enum bl_severity severity;
    uint32_t line;   /* from 1; 0 = no position */
    uint32_t column; /* from 1, in bytes */
    char path[120];  /* e.g. "rules[2].when.any[0]"; empty = the document itself */
    char message[240];
    char hint[160]; /* empty = none */
};

/* Writers. `format` as printf, without %e, %f and %g, which follow the locale. Whatever the
 * arguments are, the text is valid UTF-8 and safe for a terminal: bytes that are not UTF-8 and
 * control characters (C0, DEL, C1) are replaced by '?', and a cut never splits a character. */
void bl_diag_clear(struct bl_diag *diag);
void bl_diag_message(struct bl_diag *diag, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void bl_diag_hint(struct bl_diag *diag, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void bl_diag_path(struct bl_diag *diag, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define BL_FINDINGS_MAX 64

/* All findings of one document; those above the bound are counted, not kept. About 36 KiB, meant
 * for the heap or static storage of a tool or the control thread. */
struct bl_findings {
    size_t count; /* kept */
    size_t errors;
    size_t warnings;
    struct bl_diag items[BL_FINDINGS_MAX];
};

void bl_findings_clear(struct bl_findings *findings);

/* Adds a cleared finding of that severity and returns it for filling in. Above the bound the last
 * slot is handed out again after its old content was counted; never NULL. */
struct bl_diag *bl_findings_add(struct bl_findings *findings, enum bl_severity severity);

/* The candidate nearest to `word` by edit distance, if it is near enough (distance at most 2 and
 * less than half of the word's length) to be what was meant; else the absent view. */
struct bl_str bl_nearest(struct bl_str word, const struct bl_str *candidates, size_t count);

#endif
