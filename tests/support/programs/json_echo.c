/*
 * Reads documents from standard input, one a line in hexadecimal digits (so that a document may
 * hold any byte), and answers each with a line: "error LINE COLUMN MESSAGE", or what was read,
 * written anew, a tab, and its canonical form. Neither of these holds a tab or a line end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "json/canonical.h"
#include "json/json.h"
#include "json/writer.h"

#define OUT_BYTES ((size_t)8 * 1024 * 1024)

static char out[OUT_BYTES];

static bool write_both(const struct bl_json_doc *doc, struct bl_arena *arena, struct bl_buf *buf) {
    struct bl_json_writer writer;

    bl_json_writer_init(&writer, buf);
    bl_json_write_value(&writer, bl_json_root(doc));
    bool good = bl_json_writer_ok(&writer);
    bl_buf_char(buf, '\t');
    bl_json_writer_init(&writer, buf);
    good = good && bl_is_ok(bl_json_write_canonical(&writer, bl_json_root(doc), arena));
    return good && bl_json_writer_ok(&writer);
}

static bool echo(struct bl_str text, struct bl_arena *arena) {
    struct bl_json_doc doc;
    struct bl_diag diag;
    struct bl_buf buf;

    bl_arena_reset(arena);
    if (bl_is_error(bl_json_read(text, &bl_json_request_limits, arena, &doc, &diag))) {
        printf("error %u %u %s\n", diag.line, diag.column, diag.message);
        return true;
    }
    bl_buf_init(&buf, out, sizeof(out));
    if (!write_both(&doc, arena, &buf)) {
        fprintf(stderr, "json_echo: a document of %zu bytes could not be written\n", text.len);
        return false;
    }
    bl_buf_char(&buf, '\n');
    return fwrite(buf.data, 1, buf.len, stdout) == buf.len;
}

int main(void) {
    struct bl_arena arena;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len;
    bool good = true;

    bl_arena_init(&arena, (size_t)64 * 1024, (size_t)64 * 1024 * 1024);
    while (good && (len = getline(&line, &capacity, stdin)) > 0) {
        size_t digits = (size_t)len - (line[len - 1] == '\n' ? 1 : 0);
        /* Exactly as large as the document, so that a sanitizer sees a read past its end. */
        char *text = malloc(digits > 1 ? digits / 2 : 1);
        good = text != NULL && bl_hex_read((struct bl_str){line, digits}, text, digits / 2);
        if (good) {
            good = echo((struct bl_str){text, digits / 2}, &arena);
        } else {
            fprintf(stderr, "json_echo: a line is not hexadecimal\n");
        }
        free(text);
    }
    free(line);
    bl_arena_fini(&arena);
    return good ? 0 : 1;
}
