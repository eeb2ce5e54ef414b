/*
 * JSON from any bytes. What has to hold: the reader ends and keeps its limits; a refusal says what
 * and where; what was read has a sound tape, and is read again, equal, from what the writer and the
 * canonical writer make of it; a scan finds only what the reader finds.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/canonical.h"
#include "json/json.h"
#include "json/writer.h"

#define OUT_BYTES ((size_t)1024 * 1024)

static const struct bl_json_limits limits = {
    .max_bytes = 64 * 1024, .max_depth = 32, .max_nodes = 4096};
/* Writing may lengthen a text: "\u0000" stands for one byte, 1e308 for 309 digits at most. */
static const struct bl_json_limits wide_limits = {
    .max_bytes = OUT_BYTES, .max_depth = 32, .max_nodes = 4096};

static struct bl_arena arena;
static char storage[3][OUT_BYTES];

static void require(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

static struct bl_str write_into(char *out, const struct bl_json_doc *doc, bool canonical) {
    struct bl_json_writer writer;
    struct bl_buf buf;

    bl_buf_init(&buf, out, OUT_BYTES);
    bl_json_writer_init(&writer, &buf);
    if (canonical) {
        require(bl_is_ok(bl_json_write_canonical(&writer, bl_json_root(doc), &arena)), "canonical");
    } else {
        bl_json_write_value(&writer, bl_json_root(doc));
    }
    require(bl_json_writer_ok(&writer), "the writer is done");
    return bl_buf_view(&buf);
}

/* Subtrees end where their parents say, strings and places lie in the text. */
static void check_tape(const struct bl_json_doc *doc) {
    uint32_t ends[33] = {doc->count};
    uint32_t open = 0;

    for (uint32_t i = 0; i < doc->count; i++) {
        const struct bl_json_node *node = &doc->nodes[i];
        bool container = node->type == BL_JSON_ARRAY || node->type == BL_JSON_OBJECT;
        while (i == ends[open] && open > 0) {
            open--;
        }
        require(node->type >= BL_JSON_NULL && node->type <= BL_JSON_OBJECT, "type");
        require(node->next > i && node->next <= ends[open], "next");
        require(container || node->next == i + 1, "a scalar is one node");
        require(node->offset < doc->text.len, "offset");
        if (container) {
            require(++open <= limits.max_depth, "depth");
            ends[open] = node->next;
            uint32_t count = 0;
            struct bl_json_iter it = bl_json_iter((struct bl_json){doc, i});
            while (bl_json_next(&it)) {
                struct bl_str source = bl_json_source(it.value);
                require(source.data >= doc->text.data && source.len > 0 &&
                            source.data + source.len < doc->text.data + doc->text.len,
                        "source");
                count++;
            }
            require(count == node->length, "length");
        }
    }
}

static void check_scan(const struct bl_json_doc *doc) {
    struct bl_json_iter it = bl_json_iter(bl_json_root(doc));

    while (bl_json_next(&it)) {
        struct bl_str value;
        struct bl_str found;
        if (!bl_str_is_present(it.key) || memchr(it.key.data, '\\', it.key.len) != NULL) {
            continue;
        }
        found = bl_json_scan_string(doc->text, it.key, doc->text.len, doc->text.len);
        require(!bl_str_is_present(found) ||
                    (bl_json_string(it.value, &value) && bl_str_equal(found, value)),
                "what is scanned is what is read");
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
    (void)bl_json_scan_string(text, BL_STR("a"), size, 16);
    if (bl_is_error(bl_json_read(text, &limits, &arena, &doc, &diag))) {
        require(doc.count == 0 && diag.message[0] != '\0', "a refusal says why");
        require(size == 0 || size > limits.max_bytes || (diag.line > 0 && diag.column > 0),
                "where");
        return 0;
    }
    require(doc.count <= limits.max_nodes, "nodes");
    check_tape(&doc);
    check_scan(&doc);
    struct bl_str written = write_into(storage[0], &doc, false);
    struct bl_str canonical = write_into(storage[1], &doc, true);
    require(bl_is_ok(bl_json_read(written, &wide_limits, &arena, &again, &diag)), "reads again");
    require(again.count == doc.count, "the same nodes");
    for (uint32_t i = 0; i < doc.count; i++) {
        require(doc.nodes[i].type == again.nodes[i].type, "the same types");
    }
    require(bl_str_equal(write_into(storage[2], &again, false), written), "written alike");
    require(bl_str_equal(write_into(storage[2], &again, true), canonical), "canonical alike");
    require(bl_is_ok(bl_json_read(canonical, &wide_limits, &arena, &again, &diag)),
            "reads canonical");
    require(bl_str_equal(write_into(storage[2], &again, true), canonical),
            "canonical of canonical");
    return 0;
}
