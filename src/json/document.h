/* Documents that people write: JSON or YAML, told apart by how they begin. */
#ifndef BL_JSON_DOCUMENT_H
#define BL_JSON_DOCUMENT_H

#include "json/json.h"

/*
 * Reads JSON if the first byte that is no space, tab or line break is `{` or `[`, and YAML
 * otherwise; arguments and errors are those of bl_json_read. There is no second try with the other
 * one: its message would be about a text that nobody wrote. `text` must outlive the document.
 */
BL_MUST_USE bl_result bl_document_read(struct bl_str text, const struct bl_json_limits *limits,
                                       struct bl_arena *arena, struct bl_json_doc *doc,
                                       struct bl_diag *diag);

#endif
