/*
 * YAML documents on the same tape.
 *
 * The part of YAML that people use for configuration: block and flow collections, comments, plain,
 * quoted and block scalars. Plain scalars follow JSON's rules: true, false, null, JSON numbers and
 * nothing else are typed, so that `no`, `1_000`, `012` and `2026-01-01` stay text. Refused: anchors
 * and aliases, tags, merge keys, several documents, duplicate keys. The limits are those of JSON.
 */
#ifndef BL_JSON_YAML_H
#define BL_JSON_YAML_H

#include "json/json.h"

/* As bl_json_read. Nodes know their line and column; bl_json_source knows nothing. All strings are
 * taken from `arena`, so `text` is not needed afterwards. */
BL_MUST_USE bl_result bl_yaml_read(struct bl_str text, const struct bl_json_limits *limits,
                                   struct bl_arena *arena, struct bl_json_doc *doc,
                                   struct bl_diag *diag);

/* JSON if the first character that is no space is `{` or `[` and the text reads as JSON to its
 * end; YAML otherwise. A text that begins like JSON but reads as neither gets JSON's message. */
BL_MUST_USE bl_result bl_document_read(struct bl_str text, const struct bl_json_limits *limits,
                                       struct bl_arena *arena, struct bl_json_doc *doc,
                                       struct bl_diag *diag);

#endif
