#include <string.h>

#include "json/json.h"
#include "json/number.h"
#include "json/string.h"
#include "json/tape.h"

const struct bl_json_limits bl_json_request_limits = {
    .max_bytes = 1024 * 1024, .max_depth = 64, .max_nodes = 64 * 1024};

struct reader {
    struct bl_json_tape tape;
    struct bl_json_decoding decoding;
    const char *at;
    const char *end;
    struct bl_str text;
};

static uint32_t offset_of(const struct reader *reader, const char *at) {
    return (uint32_t)(at - reader->text.data);
}

static void find_position(struct bl_str text, size_t offset, uint32_t *line, uint32_t *column) {
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < offset; i++) {
        bool newline = text.data[i] == '\n';
        *line += newline ? 1 : 0;
        *column = newline ? 1 : *column + 1;
    }
}

/* The message has been set; here is where. A full arena has no place. */
__attribute__((cold)) static void locate(struct reader *reader, bl_result result) {
    struct bl_diag *diag = reader->tape.diag;

    if (result.error == BL_E_INVALID_REQUEST) {
        find_position(reader->text, offset_of(reader, reader->at), &diag->line, &diag->column);
    }
}

__attribute__((cold)) static bl_result fail(struct reader *reader, const char *message) {
    bl_diag_message(reader->tape.diag, "%s", message);
    locate(reader, BL_FAIL(INVALID_REQUEST));
    return BL_FAIL(INVALID_REQUEST);
}

__attribute__((cold)) static bl_result fail_with_hint(struct reader *reader, const char *message,
                                                      const char *hint) {
    bl_diag_hint(reader->tape.diag, "%s", hint);
    return fail(reader, message);
}

static inline void skip_space(struct reader *reader) {
    const char *at = reader->at;

    while (at < reader->end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')) {
        at++;
    }
    reader->at = at;
}

static bool is_next(const struct reader *reader, char c) {
    return reader->at < reader->end && *reader->at == c;
}

static inline bl_result add_node(struct reader *reader, enum bl_json_type type,
                                 struct bl_json_node **node) {
    bl_result result = bl_json_tape_add(&reader->tape, type, offset_of(reader, reader->at), node);
    if (bl_is_error(result)) {
        locate(reader, result);
    }
    return result;
}

static bl_result read_string(struct reader *reader) {
    struct bl_json_node *node;
    struct bl_str value;
    const char *problem = NULL;

    BL_TRY(add_node(reader, BL_JSON_STRING, &node));
    bl_result result =
        bl_json_string_read(&reader->at, reader->end, &reader->decoding, &value, &problem);
    if (bl_is_error(result)) {
        return problem != NULL ? fail(reader, problem) : bl_json_tape_exhausted(&reader->tape);
    }
    node->length = (uint32_t)value.len;
    node->value.string = value.data;
    return BL_OK;
}

static bl_result read_number(struct reader *reader) {
    struct bl_json_node *node;
    const char *problem = NULL;

    BL_TRY(add_node(reader, BL_JSON_DOUBLE, &node));
    size_t len = bl_json_number_read(reader->at, reader->end, node, &problem);
    if (len == 0) {
        return fail(reader, problem);
    }
    reader->at += len;
    return BL_OK;
}

__attribute__((cold)) static bl_result fail_unclosed(struct reader *reader) {
    const struct bl_json_node *open = &reader->tape.nodes[reader->tape.parent];
    bool is_object = open->type == BL_JSON_OBJECT;
    uint32_t line;
    uint32_t column;

    find_position(reader->text, open->offset, &line, &column);
    bl_diag_hint(reader->tape.diag, "close the %s that begins in line %u, column %u",
                 is_object ? "object" : "array", line, column);
    return fail(reader, is_object ? "the document ends inside an object"
                                  : "the document ends inside an array");
}

/* What people write where a value should be, and what to write instead. */
__attribute__((cold)) static bl_result fail_value(struct reader *reader) {
    static const struct {
        const char *first;
        const char *hint;
    } hints[] = {
        {"'", "JSON strings stand in double quotes"},
        {"/#", "JSON has no comments"},
        {"]}", "remove the comma before it, or write the value that is missing"},
        {",", "write the value that is missing, or remove the comma"},
        {"NI", "JSON has no NaN and no Infinity"},
        {"+", "remove the plus sign"},
        {".", "write a digit before the decimal point"},
        {"tTfFnN", "true, false and null are written in small letters"},
    };
    const char *hint = "a value begins with {, [, a double quote, a digit, -, true, false or null";

    if (reader->at == reader->end) {
        return reader->tape.parent != BL_JSON_NO_PARENT
                   ? fail_unclosed(reader)
                   : fail(reader, "the document ends where a value should be");
    }
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        if (*reader->at != '\0' && strchr(hints[i].first, *reader->at) != NULL) {
            hint = hints[i].hint;
            break;
        }
    }
    return fail_with_hint(reader, "a JSON value should begin here", hint);
}

static bl_result read_word(struct reader *reader, struct bl_str word, enum bl_json_type type,
                           bool boolean) {
    struct bl_json_node *node;
    struct bl_str rest = {reader->at, (size_t)(reader->end - reader->at)};

    if (!bl_str_starts_with(rest, word)) {
        return fail_value(reader);
    }
    BL_TRY(add_node(reader, type, &node));
    node->value.boolean = boolean;
    reader->at += word.len;
    return BL_OK;
}

static bl_result open_container(struct reader *reader, enum bl_json_type type) {
    bl_result result = bl_json_tape_open(&reader->tape, type, offset_of(reader, reader->at));

    if (bl_is_error(result)) {
        locate(reader, result);
        return result;
    }
    reader->at++;
    return BL_OK;
}

__attribute__((cold)) static bl_result fail_duplicate(struct reader *reader,
                                                      struct bl_json_duplicate duplicate) {
    const struct bl_json_node *first = &reader->tape.nodes[duplicate.first];
    const struct bl_json_node *second = &reader->tape.nodes[duplicate.second];
    uint32_t line;
    uint32_t column;

    find_position(reader->text, first->offset, &line, &column);
    bl_json_tape_duplicate(&reader->tape, (struct bl_str){second->value.string, second->length},
                           line, column);
    reader->at = reader->text.data + second->offset;
    locate(reader, BL_FAIL(INVALID_REQUEST));
    return BL_FAIL(INVALID_REQUEST);
}

static bl_result close_container(struct reader *reader) {
    struct bl_json_duplicate duplicate = {0, 0};

    reader->at++;
    bl_result result = bl_json_tape_close(&reader->tape, offset_of(reader, reader->at), &duplicate);
    return duplicate.second != 0 ? fail_duplicate(reader, duplicate) : result;
}

/* One value: a scalar whole, of a container its opening bracket. */
static bl_result read_value(struct reader *reader) {
    if (reader->at == reader->end) {
        return fail_value(reader);
    }
    switch (*reader->at) {
    case '{':
        return open_container(reader, BL_JSON_OBJECT);
    case '[':
        return open_container(reader, BL_JSON_ARRAY);
    case '"':
        return read_string(reader);
    case 't':
        return read_word(reader, BL_STR("true"), BL_JSON_BOOL, true);
    case 'f':
        return read_word(reader, BL_STR("false"), BL_JSON_BOOL, false);
    case 'n':
        return read_word(reader, BL_STR("null"), BL_JSON_NULL, false);
    case '-':
    case '0' ... '9':
        return read_number(reader);
    default:
        return fail_value(reader);
    }
}

static bl_result read_key(struct reader *reader) {
    if (!is_next(reader, '"')) {
        if (reader->at == reader->end) {
            return fail_unclosed(reader);
        }
        return fail_with_hint(reader, "a key in double quotes should stand here",
                              *reader->at == '}' ? "remove the comma before the brace"
                                                 : "keys of JSON objects stand in double quotes");
    }
    BL_TRY(read_string(reader));
    skip_space(reader);
    if (!is_next(reader, ':')) {
        return fail(reader, "a colon should follow the key");
    }
    reader->at++;
    skip_space(reader);
    return BL_OK;
}

/* What precedes the next value inside the open container: counts it, and reads its key. */
static bl_result begin_member(struct reader *reader) {
    struct bl_json_node *parent = &reader->tape.nodes[reader->tape.parent];

    parent->length++;
    return parent->type == BL_JSON_OBJECT ? read_key(reader) : BL_OK;
}

/* After a value: closes what is complete, and goes on to the next value. Sets *done at the end. */
static bl_result continue_after(struct reader *reader, bool *done) {
    for (;;) {
        skip_space(reader);
        if (reader->tape.parent == BL_JSON_NO_PARENT) {
            *done = true;
            return reader->at == reader->end
                       ? BL_OK
                       : fail(reader, "there is more text after the end of the document");
        }
        bool in_object = reader->tape.nodes[reader->tape.parent].type == BL_JSON_OBJECT;
        if (is_next(reader, ',')) {
            reader->at++;
            skip_space(reader);
            return begin_member(reader);
        }
        if (!is_next(reader, in_object ? '}' : ']')) {
            if (reader->at == reader->end) {
                return fail_unclosed(reader);
            }
            return fail(reader, in_object ? "a comma or } should stand here"
                                          : "a comma or ] should stand here");
        }
        BL_TRY(close_container(reader));
    }
}

static bl_result read_document(struct reader *reader) {
    bool done = false;

    skip_space(reader);
    if (reader->at == reader->end) {
        return fail(reader, "the document is empty");
    }
    while (!done) {
        uint32_t depth = reader->tape.depth;
        BL_TRY(read_value(reader));
        if (reader->tape.depth > depth) {
            bool is_object = reader->tape.nodes[reader->tape.parent].type == BL_JSON_OBJECT;
            skip_space(reader);
            if (!is_next(reader, is_object ? '}' : ']')) {
                BL_TRY(begin_member(reader));
                continue;
            }
            BL_TRY(close_container(reader));
        }
        BL_TRY(continue_after(reader, &done));
    }
    return BL_OK;
}

bl_result bl_json_read(struct bl_str text, const struct bl_json_limits *limits,
                       struct bl_arena *arena, struct bl_json_doc *doc, struct bl_diag *diag) {
    struct reader reader = {.text = text, .decoding = {.arena = arena}};

    *doc = (struct bl_json_doc){0};
    bl_diag_clear(diag);
    bl_json_tape_init(&reader.tape, limits, arena, diag);
    BL_TRY(bl_json_tape_begin(&reader.tape, text));
    reader.at = text.data;
    reader.end = text.data + text.len;
    BL_TRY(read_document(&reader));
    *doc =
        (struct bl_json_doc){.text = text, .nodes = reader.tape.nodes, .count = reader.tape.count};
    return BL_OK;
}
