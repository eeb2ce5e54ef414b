#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "json/json.h"
#include "json/keys.h"
#include "json/number.h"
#include "json/string.h"

#define FIRST_NODES 64
#define NO_PARENT UINT32_MAX
#define MAX_DEPTH 1024

const struct bl_json_limits bl_json_request_limits = {
    .max_bytes = 1024 * 1024, .max_depth = 64, .max_nodes = 64 * 1024};

/* The reader is a loop without recursion: an open container keeps the index of its parent in its
 * `next` field, which gets its meaning when the container is closed. */
struct reader {
    struct bl_str text;
    const char *at;
    const char *end;
    const struct bl_json_limits *limits;
    struct bl_arena *arena;
    struct bl_diag *diag;
    struct bl_json_node *nodes;
    uint32_t count;
    uint32_t capacity;
    uint32_t parent; /* the innermost open container */
    uint32_t depth;
};

static bl_result fail_at(struct reader *reader, const char *at, const char *message) {
    struct bl_str before = {reader->text.data, (size_t)(at - reader->text.data)};

    reader->diag->line = 1;
    reader->diag->column = 1;
    for (size_t i = 0; i < before.len; i++) {
        bool newline = before.data[i] == '\n';
        reader->diag->line += newline ? 1 : 0;
        reader->diag->column = newline ? 1 : reader->diag->column + 1;
    }
    bl_diag_message(reader->diag, "%s", message);
    return BL_FAIL(INVALID_REQUEST);
}

static bl_result fail(struct reader *reader, const char *message) {
    return fail_at(reader, reader->at, message);
}

static bl_result fail_no_memory(struct reader *reader) {
    bl_diag_message(reader->diag, "the document needs more memory than a request may have");
    return BL_FAIL(RESOURCE_EXHAUSTED);
}

static bl_result grow(struct reader *reader) {
    uint32_t capacity = reader->capacity == 0 ? FIRST_NODES : reader->capacity * 2;

    if (reader->count >= reader->limits->max_nodes) {
        char message[80];
        struct bl_buf buf;
        bl_buf_init(&buf, message, sizeof(message) - 1);
        bl_buf_literal(&buf, "the document has more values and keys than the limit of ");
        bl_buf_u64(&buf, reader->limits->max_nodes);
        message[buf.len] = '\0';
        return fail(reader, message);
    }
    if (capacity > reader->limits->max_nodes) {
        capacity = reader->limits->max_nodes;
    }
    struct bl_json_node *nodes =
        bl_arena_alloc(reader->arena, (size_t)capacity * sizeof(*reader->nodes));
    if (nodes == NULL) {
        return fail_no_memory(reader);
    }
    if (reader->count > 0) {
        memcpy(nodes, reader->nodes, (size_t)reader->count * sizeof(*nodes));
    }
    reader->nodes = nodes;
    reader->capacity = capacity;
    return BL_OK;
}

/* A new node at the current position, whose subtree is itself until said otherwise. */
static bl_result add_node(struct reader *reader, struct bl_json_node **out) {
    if (reader->count == reader->capacity) {
        BL_TRY(grow(reader));
    }
    struct bl_json_node *node = &reader->nodes[reader->count++];
    *node = (struct bl_json_node){.next = reader->count,
                                  .offset = (uint32_t)(reader->at - reader->text.data)};
    *out = node;
    return BL_OK;
}

static void skip_space(struct reader *reader) {
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\n' ||
                                        *reader->at == '\t' || *reader->at == '\r')) {
        reader->at++;
    }
}

static bl_result read_string(struct reader *reader) {
    struct bl_json_node *node;
    struct bl_str value;
    const char *problem = NULL;
    const char *at = reader->at;

    BL_TRY(add_node(reader, &node));
    bl_result result = bl_json_string_read(&at, reader->end, reader->arena, &value, &problem);
    if (bl_is_error(result)) {
        return problem != NULL ? fail_at(reader, at, problem) : fail_no_memory(reader);
    }
    node->type = BL_JSON_STRING;
    node->length = (uint32_t)value.len;
    node->value.string = value.data;
    reader->at = at;
    return BL_OK;
}

static bl_result read_number(struct reader *reader) {
    struct bl_json_node *node;
    const char *problem = NULL;

    BL_TRY(add_node(reader, &node));
    size_t len = bl_json_number_read(reader->at, reader->end, node, &problem);
    if (len == 0) {
        return fail(reader, problem);
    }
    reader->at += len;
    return BL_OK;
}

static bl_result read_word(struct reader *reader, struct bl_str word, enum bl_json_type type,
                           bool boolean) {
    struct bl_json_node *node;
    struct bl_str rest = {reader->at, (size_t)(reader->end - reader->at)};

    if (!bl_str_starts_with(rest, word)) {
        return fail(reader, "this is no JSON value; only true, false and null are written without "
                            "quotes");
    }
    BL_TRY(add_node(reader, &node));
    node->type = (uint8_t)type;
    node->value.boolean = boolean;
    reader->at += word.len;
    return BL_OK;
}

static bl_result open_container(struct reader *reader, enum bl_json_type type) {
    struct bl_json_node *node;

    if (reader->depth >= reader->limits->max_depth) {
        return fail(reader, "objects and arrays are nested deeper than the limit");
    }
    BL_TRY(add_node(reader, &node));
    node->type = (uint8_t)type;
    node->next = reader->parent;
    reader->parent = reader->count - 1;
    reader->depth++;
    reader->at++;
    return BL_OK;
}

static bl_result close_container(struct reader *reader) {
    struct bl_json_node *node = &reader->nodes[reader->parent];
    uint32_t self = reader->parent;

    reader->parent = node->next;
    node->next = reader->count;
    reader->depth--;
    reader->at++;
    node->value.end = (size_t)(reader->at - reader->text.data);
    if (node->type == BL_JSON_OBJECT && node->length > 1) {
        uint32_t duplicate;
        if (!bl_json_keys_distinct(reader->nodes, self, reader->arena, &duplicate)) {
            const struct bl_json_node *key = &reader->nodes[duplicate];
            if (duplicate == 0) {
                return fail_no_memory(reader);
            }
            (void)fail_at(reader, reader->text.data + key->offset, "");
            bl_diag_message(reader->diag, "the key \"%.*s\" stands twice in one object",
                            (int)(key->length < 100 ? key->length : 100), key->value.string);
            return BL_FAIL(INVALID_REQUEST);
        }
    }
    return BL_OK;
}

/* One value: a scalar whole, of a container its opening bracket. */
static bl_result read_value(struct reader *reader) {
    if (reader->at == reader->end) {
        return fail(reader, "the document ends where a value should be");
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
        return fail(reader, "a JSON value should begin here: {, [, a quote, a digit, true, false "
                            "or null");
    }
}

static bl_result read_key(struct reader *reader) {
    skip_space(reader);
    if (reader->at == reader->end) {
        return fail(reader, "the document ends inside an object");
    }
    if (*reader->at != '"') {
        return fail(reader, "a key in quotes should stand here");
    }
    BL_TRY(read_string(reader));
    skip_space(reader);
    if (reader->at == reader->end || *reader->at != ':') {
        return fail(reader, "a colon should follow the key");
    }
    reader->at++;
    skip_space(reader);
    return BL_OK;
}

/* What precedes the next value inside the open container: counts it, and reads its key. */
static bl_result begin_member(struct reader *reader) {
    struct bl_json_node *parent = &reader->nodes[reader->parent];

    parent->length++;
    if (parent->type == BL_JSON_OBJECT) {
        return read_key(reader);
    }
    skip_space(reader);
    return BL_OK;
}

/* After a value: closes what is complete, and goes on to the next value. Sets *done at the end. */
static bl_result continue_after(struct reader *reader, bool *done) {
    for (;;) {
        skip_space(reader);
        if (reader->parent == NO_PARENT) {
            *done = true;
            return reader->at == reader->end
                       ? BL_OK
                       : fail(reader, "there is more text after the end of the document");
        }
        bool in_object = reader->nodes[reader->parent].type == BL_JSON_OBJECT;
        if (reader->at == reader->end) {
            return fail(reader, in_object ? "the document ends inside an object"
                                          : "the document ends inside an array");
        }
        if (*reader->at == ',') {
            reader->at++;
            return begin_member(reader);
        }
        if (*reader->at != (in_object ? '}' : ']')) {
            return fail(reader, in_object ? "a comma or } should stand here"
                                          : "a comma or ] should stand here");
        }
        BL_TRY(close_container(reader));
    }
}

static bl_result read_document(struct reader *reader) {
    bool done = false;

    skip_space(reader);
    while (!done) {
        uint32_t depth = reader->depth;
        BL_TRY(read_value(reader));
        if (reader->depth > depth) {
            char closing = reader->nodes[reader->parent].type == BL_JSON_OBJECT ? '}' : ']';
            skip_space(reader);
            if (reader->at == reader->end || *reader->at != closing) {
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
    struct reader reader = {.text = text,
                            .at = text.data,
                            .end = text.data + text.len,
                            .limits = limits,
                            .arena = arena,
                            .diag = diag,
                            .parent = NO_PARENT};

    assert(limits->max_depth <= MAX_DEPTH);
    *doc = (struct bl_json_doc){0};
    bl_diag_clear(diag);
    if (text.len > limits->max_bytes) {
        bl_diag_message(diag, "the document has %zu bytes, the limit is %u", text.len,
                        limits->max_bytes);
        return BL_FAIL(INVALID_REQUEST);
    }
    if (text.len == 0) {
        bl_diag_message(diag, "the document is empty");
        return BL_FAIL(INVALID_REQUEST);
    }
    if (bl_str_starts_with(text, BL_STR("\xEF\xBB\xBF"))) {
        bl_diag_hint(diag, "save the text as UTF-8 without a byte order mark");
        return fail(&reader, "the document begins with a byte order mark");
    }
    BL_TRY(read_document(&reader));
    *doc = (struct bl_json_doc){.text = text, .nodes = reader.nodes, .count = reader.count};
    return BL_OK;
}
