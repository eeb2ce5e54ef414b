/*
 * YAML documents on the same tape.
 *
 * The part of YAML that people use for configuration: block and flow collections, comments, plain,
 * quoted and block scalars. Plain scalars follow JSON's rules: true, false, null and JSON numbers
 * are typed, a value that is left out is null, and everything else is text: `no`, `~`, `1_000`,
 * `012` and `2026-01-01` mean what they look like. Keys are texts as written. Refused: anchors,
 * aliases, tags, merge keys, several documents, duplicate keys, a byte order mark, and line ends
 * that editors do not show (a lone CR, U+0085, U+2028, U+2029). The limits are those of JSON; they
 * bound what libyaml takes from the heap, too, which is given back before the reader returns.
 */
#ifndef BL_JSON_YAML_H
#define BL_JSON_YAML_H

#include "json/document.h" /* most callers that take YAML take JSON, too */
#include "json/json.h"

/*
 * As bl_json_read, with the same arguments and errors. Nodes know their line and column (in bytes);
 * bl_json_source knows nothing. All strings are in `arena`, so `text` is not needed afterwards.
 */
BL_MUST_USE bl_result bl_yaml_read(struct bl_str text, const struct bl_json_limits *limits,
                                   struct bl_arena *arena, struct bl_json_doc *doc,
                                   struct bl_diag *diag);

#endif
