/*
 * YAML from any bytes. What has to hold: the reader ends and keeps its limits; a refusal says what
 * and where; what was read can be written as JSON that reads as the same values; positions lie in
 * the text; and a text that is both reads alike as JSON, but for what YAML has no room for.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/document.h"
#include "json/writer.h"
#include "json/yaml.h"

#define OUT_BYTES ((size_t)1024 * 1024)

static const struct bl_json_limits limits = {
    .max_bytes = 64 * 1024, .max_depth = 32, .max_nodes = 4096};
static const struct bl_json_limits wide_limits = {
    .max_bytes = OUT_BYTES, .max_depth = 32, .max_nodes = 4096};

static struct bl_arena arena;
static char storage[2][OUT_BYTES];

static void require(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

static struct bl_str write_into(char *out, const struct bl_json_doc *doc) {
    struct bl_json_writer writer;
    struct bl_buf buf;

    bl_buf_init(&buf, out, OUT_BYTES);
    bl_json_writer_init(&writer, &buf);
    bl_json_write_value(&writer, bl_json_root(doc));
    require(bl_json_writer_ok(&writer), "the writer is done");
    return bl_buf_view(&buf);
}

static void check_positions(const struct bl_json_doc *doc) {
    for (uint32_t i = 0; i < doc->count; i++) {
        size_t offset = doc->nodes[i].offset;
        require(offset <= doc->text.len, "offset");
        require(doc->columns[i] >= 1 && doc->columns[i] <= offset + 1, "column");
        size_t line_begin = offset + 1 - doc->columns[i];
        require(line_begin == 0 || doc->text.data[line_begin - 1] == '\n', "column from the line");
        require(memchr(doc->text.data + line_begin, '\n', offset - line_begin) == NULL, "one line");
        require(doc->lines[i] >= 1 && doc->lines[i] <= offset + 1, "line");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct bl_str text = {(const char *)data, size};
    struct bl_json_doc doc;
    struct bl_json_doc again;
    struct bl_diag diag;

    if (arena.cap_bytes == 0) {
        bl_arena_init(&arena, 16 * 1024, 16 * 1024 * 1024);
    }
    bl_arena_reset(&arena);
    (void)bl_is_ok(bl_document_read(text, &limits, &arena, &doc, &diag));
    if (bl_is_error(bl_yaml_read(text, &limits, &arena, &doc, &diag))) {
        require(doc.count == 0 && diag.message[0] != '\0', "a refusal says why");
        require(strncmp(diag.message, "the document", 12) == 0 ||
                    (diag.line > 0 && diag.column > 0),
                "where");
        return 0;
    }
    require(doc.count > 0 && doc.count <= limits.max_nodes, "nodes");
    check_positions(&doc);
    struct bl_str written = write_into(storage[0], &doc);
    require(bl_is_ok(bl_json_read(written, &wide_limits, &arena, &again, &diag)), "reads as JSON");
    require(again.count == doc.count, "the same nodes");
    for (uint32_t i = 0; i < doc.count; i++) {
        require(doc.nodes[i].type == again.nodes[i].type, "the same types");
    }
    require(bl_str_equal(write_into(storage[1], &again), written), "written alike");
    if (bl_is_ok(bl_json_read(text, &limits, &arena, &again, &diag))) {
        require(bl_str_equal(write_into(storage[1], &again), written), "JSON and YAML agree");
    }
    return 0;
}
