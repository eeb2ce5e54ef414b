/* What a condition that was written as a text would be as an object. For messages only. */
#include "policy/draft.h"

#include "json/writer.h"

struct cursor {
    const char *at;
    const char *end;
};

static void skip_space(struct cursor *cursor) {
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t')) {
        cursor->at++;
    }
}

static bool take(struct cursor *cursor, const char *word) {
    struct bl_str wanted = bl_str_from_c(word);

    skip_space(cursor);
    if (!bl_str_starts_with((struct bl_str){cursor->at, (size_t)(cursor->end - cursor->at)},
                            wanted)) {
        return false;
    }
    cursor->at += wanted.len;
    return true;
}

static bool is_path_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
}

static struct bl_str take_path(struct cursor *cursor) {
    skip_space(cursor);
    const char *start = cursor->at;
    while (cursor->at < cursor->end && is_path_char(*cursor->at)) {
        cursor->at++;
    }
    return (struct bl_str){start, (size_t)(cursor->at - start)};
}

/* A quoted text without escapes. */
static bool take_text(struct cursor *cursor, struct bl_json_writer *writer) {
    char quote = *cursor->at;
    const char *start = ++cursor->at;

    while (cursor->at < cursor->end && *cursor->at != quote && *cursor->at != '\\') {
        cursor->at++;
    }
    if (cursor->at == cursor->end || *cursor->at != quote) {
        return false;
    }
    bl_json_write_string(writer, (struct bl_str){start, (size_t)(cursor->at - start)});
    cursor->at++;
    return true;
}

/* A number or a word of JSON, as it stands. */
static bool take_plain(struct cursor *cursor, struct bl_json_writer *writer) {
    struct bl_str text = take_path(cursor);
    bool is_word = bl_str_equal_c(text, "true") || bl_str_equal_c(text, "false") ||
                   bl_str_equal_c(text, "null");
    bool is_number = text.len > 0 && text.len < 20;

    for (size_t i = 0; i < text.len; i++) {
        bool is_digit = text.data[i] >= '0' && text.data[i] <= '9';
        is_number = is_number && (is_digit || (text.data[i] == '-' && i == 0 && text.len > 1));
    }
    if (is_word || is_number) {
        bl_json_write_raw(writer, text);
    }
    return is_word || is_number;
}

static bool take_literal(struct cursor *cursor, struct bl_json_writer *writer) {
    skip_space(cursor);
    if (cursor->at == cursor->end) {
        return false;
    }
    return *cursor->at == '"' || *cursor->at == '\'' ? take_text(cursor, writer)
                                                     : take_plain(cursor, writer);
}

static bool take_list(struct cursor *cursor, struct bl_json_writer *writer) {
    bl_json_write_array_begin(writer);
    do {
        if (!take_literal(cursor, writer)) {
            return false;
        }
    } while (take(cursor, ","));
    bl_json_write_array_end(writer);
    return take(cursor, "]");
}

/* path == literal, path in [literal, …], path < literal … */
static bool take_comparison(struct cursor *cursor, struct bl_json_writer *writer) {
    static const char *const operators[] = {"!=", "<=", ">=", "<", ">"};
    struct bl_str path = take_path(cursor);

    if (path.len == 0 || (path.data[0] >= '0' && path.data[0] <= '9')) {
        return false;
    }
    if (take(cursor, "==")) {
        bl_json_write_key(writer, path);
        return take_literal(cursor, writer);
    }
    if (take(cursor, "in")) {
        bl_json_write_key(writer, path);
        return take(cursor, "[") && take_list(cursor, writer);
    }
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        if (take(cursor, operators[i])) {
            bl_json_write_key(writer, bl_str_from_c(operators[i]));
            bl_json_write_array_begin(writer);
            bl_json_write_object_begin(writer);
            bl_json_write_member(writer, BL_STR("var"), path);
            bl_json_write_object_end(writer);
            bool good = take_literal(cursor, writer);
            bl_json_write_array_end(writer);
            return good;
        }
    }
    return false;
}

bool bl_condition_suggest(struct bl_str text, struct bl_buf *buf) {
    struct cursor cursor = {text.data, text.data + text.len};
    struct bl_json_writer writer;
    struct bl_json_doc doc;
    struct bl_diag diag;

    bl_json_writer_init(&writer, buf);
    bl_json_write_object_begin(&writer);
    do {
        if (!take_comparison(&cursor, &writer)) {
            return false;
        }
    } while (take(&cursor, "&&"));
    skip_space(&cursor);
    bl_json_write_object_end(&writer);
    if (cursor.at != cursor.end || !bl_json_writer_ok(&writer)) {
        return false;
    }
    /* Two comparisons of one path would be two members of one name. */
    const struct bl_json_limits limits = {.max_bytes = 4096, .max_depth = 8, .max_nodes = 256};
    struct bl_arena arena;
    bl_arena_init(&arena, 4096, 65536);
    bool good = bl_is_ok(bl_json_read(bl_buf_view(buf), &limits, &arena, &doc, &diag));
    bl_arena_fini(&arena);
    return good;
}
