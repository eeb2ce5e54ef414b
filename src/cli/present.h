/*
 * Showing replies to people: a decision or an error as a few aligned lines, its explanation, and
 * findings with their place. Colour only where the output is a terminal and NO_COLOR is not set.
 */
#ifndef BL_CLI_PRESENT_H
#define BL_CLI_PRESENT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/diag.h"
#include "base/str.h"

/* Prints a decide reply (JSON text). `took_ms` < 0 leaves the time out. Returns whether the reply
 * was ok; text that is no reply is shown as it is and is not ok. */
bool bl_present_reply(FILE *out, struct bl_str reply, double took_ms);

/* Prints `file:line:column: error: path: message` with its hint below, one finding each. */
void bl_present_findings(FILE *out, const char *file, const struct bl_findings *findings);

/* The same as a JSON array of {file, severity, line, column, path, message, hint}. */
void bl_present_findings_json(FILE *out, const char *file, const struct bl_findings *findings);

/* One JSON array over several files, written as it comes. Items are JSON texts. */
struct bl_present_array {
    FILE *out;
    size_t count;
};

void bl_present_array_begin(struct bl_present_array *array, FILE *out);
void bl_present_array_item(struct bl_present_array *array, struct bl_str json);
void bl_present_array_findings(struct bl_present_array *array, const char *file,
                               const struct bl_findings *findings);
/* An error for a file that could not be read. */
void bl_present_array_unread(struct bl_present_array *array, const char *file);
void bl_present_array_end(struct bl_present_array *array);

/* Prints `beamline COMMAND: path: message` with its hint below to stderr. */
void bl_present_problem(const char *command, const struct bl_diag *diag);

#endif
