#include "json/document.h"

#include "json/yaml.h"

bl_result bl_document_read(struct bl_str text, const struct bl_json_limits *limits,
                           struct bl_arena *arena, struct bl_json_doc *doc, struct bl_diag *diag) {
    struct bl_str trimmed = bl_str_trim(text);

    if (trimmed.len == 0 || (trimmed.data[0] != '{' && trimmed.data[0] != '[')) {
        return bl_yaml_read(text, limits, arena, doc, diag);
    }
    bl_result result = bl_json_read(text, limits, arena, doc, diag);
    if (result.error == BL_E_INVALID_REQUEST && diag->hint[0] == '\0') {
        bl_diag_hint(diag, "a document that begins with %c is read as JSON, any other as YAML",
                     trimmed.data[0]);
    }
    return result;
}
