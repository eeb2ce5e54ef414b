/* libyaml's findings in words for people. Private to this folder. */
#ifndef BL_JSON_YAML_WORDS_H
#define BL_JSON_YAML_WORDS_H

#include "base/diag.h"

/*
 * Sets message and hint for a syntax error that libyaml calls `problem`, found while it was doing
 * what `context` says, at a place where the text goes on with `rest`. Both may be NULL. What is not
 * in the table is passed on in libyaml's own words.
 */
void bl_yaml_explain(const char *problem, const char *context, struct bl_str rest,
                     struct bl_diag *diag);

#endif
