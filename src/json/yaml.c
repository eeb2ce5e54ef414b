#include "json/yaml.h"

#include <assert.h>
#include <string.h>
#include <yaml.h>

#include "base/text.h"
#include "json/keys.h"
#include "json/number.h"

#define FIRST_NODES 256
#define NO_PARENT UINT32_MAX

/* As in the JSON reader, an open container keeps its parent in `next`. */
struct builder {
    yaml_parser_t parser;
    const struct bl_json_limits *limits;
    struct bl_arena *arena;
    struct bl_diag *diag;
    struct bl_json_node *nodes;
    uint32_t *lines;
    uint32_t *columns;
    uint32_t count;
    uint32_t capacity;
    uint32_t parent;
    uint32_t depth;
    bool at_key; /* the next node of the open mapping is a key */
};

static void locate(struct builder *builder, const yaml_mark_t *mark) {
    builder->diag->line = (uint32_t)mark->line + 1;
    builder->diag->column = (uint32_t)mark->column + 1;
}

static bl_result refuse(struct builder *builder, const yaml_event_t *event, const char *message,
                        const char *hint) {
    locate(builder, &event->start_mark);
    bl_diag_message(builder->diag, "%s", message);
    bl_diag_hint(builder->diag, "%s", hint);
    return BL_FAIL(INVALID_REQUEST);
}

static bl_result no_memory(struct builder *builder) {
    bl_diag_message(builder->diag, "the document needs more memory than it may have");
    return BL_FAIL(RESOURCE_EXHAUSTED);
}

/* Room in the three arrays for one more node. */
static bl_result grow(struct builder *builder, const yaml_event_t *event) {
    size_t capacity = builder->capacity == 0 ? FIRST_NODES : (size_t)builder->capacity * 2;

    if (builder->count >= builder->limits->max_nodes) {
        return refuse(builder, event, "the document has more values and keys than the limit", "");
    }
    struct bl_json_node *nodes = bl_arena_alloc(builder->arena, capacity * sizeof(*nodes));
    uint32_t *lines = bl_arena_alloc(builder->arena, capacity * sizeof(*lines));
    uint32_t *columns = bl_arena_alloc(builder->arena, capacity * sizeof(*columns));
    if (nodes == NULL || lines == NULL || columns == NULL) {
        return no_memory(builder);
    }
    if (builder->count > 0) {
        memcpy(nodes, builder->nodes, builder->count * sizeof(*nodes));
        memcpy(lines, builder->lines, builder->count * sizeof(*lines));
        memcpy(columns, builder->columns, builder->count * sizeof(*columns));
    }
    builder->nodes = nodes;
    builder->lines = lines;
    builder->columns = columns;
    builder->capacity = (uint32_t)capacity;
    return BL_OK;
}

/* A node for `event`; counts it as an item or member of the open container. */
static bl_result add_node(struct builder *builder, const yaml_event_t *event,
                          struct bl_json_node **out) {
    if (builder->count == builder->capacity || builder->count >= builder->limits->max_nodes) {
        BL_TRY(grow(builder, event));
    }
    if (builder->parent != NO_PARENT) {
        struct bl_json_node *parent = &builder->nodes[builder->parent];
        bool is_key = parent->type == BL_JSON_OBJECT && builder->at_key;
        if (is_key && event->type != YAML_SCALAR_EVENT) {
            return refuse(builder, event, "a key has to be a plain text",
                          "quote the key if it has brackets or braces");
        }
        if (parent->type == BL_JSON_ARRAY || is_key) {
            parent->length++;
        }
        builder->at_key = parent->type == BL_JSON_OBJECT && !builder->at_key;
    }
    uint32_t index = builder->count++;
    builder->lines[index] = (uint32_t)event->start_mark.line + 1;
    builder->columns[index] = (uint32_t)event->start_mark.column + 1;
    builder->nodes[index] =
        (struct bl_json_node){.next = index + 1, .offset = (uint32_t)event->start_mark.index};
    *out = &builder->nodes[index];
    return BL_OK;
}

static bl_result open_container(struct builder *builder, const yaml_event_t *event,
                                enum bl_json_type type) {
    struct bl_json_node *node;

    if (builder->depth >= builder->limits->max_depth) {
        return refuse(builder, event, "mappings and lists are nested deeper than the limit", "");
    }
    BL_TRY(add_node(builder, event, &node));
    node->type = (uint8_t)type;
    node->next = builder->parent;
    builder->parent = builder->count - 1;
    builder->depth++;
    builder->at_key = type == BL_JSON_OBJECT;
    return BL_OK;
}

static bl_result close_container(struct builder *builder) {
    uint32_t self = builder->parent;
    struct bl_json_node *node = &builder->nodes[self];
    uint32_t duplicate;

    builder->parent = node->next;
    node->next = builder->count;
    builder->depth--;
    builder->at_key =
        builder->parent != NO_PARENT && builder->nodes[builder->parent].type == BL_JSON_OBJECT;
    if (node->type != BL_JSON_OBJECT || node->length < 2 ||
        bl_json_keys_distinct(builder->nodes, self, builder->arena, &duplicate)) {
        return BL_OK;
    }
    if (duplicate == 0) {
        return no_memory(builder);
    }
    builder->diag->line = builder->lines[duplicate];
    builder->diag->column = builder->columns[duplicate];
    bl_diag_message(
        builder->diag, "the key \"%.*s\" stands twice in one mapping",
        (int)(builder->nodes[duplicate].length < 100 ? builder->nodes[duplicate].length : 100),
        builder->nodes[duplicate].value.string);
    return BL_FAIL(INVALID_REQUEST);
}

/* Types a plain scalar by JSON's rules; false if it is text. */
static bool type_plain(struct bl_str text, struct bl_json_node *node) {
    const char *problem;
    struct bl_json_node number;

    if (text.len == 0 || bl_str_equal(text, BL_STR("null")) || bl_str_equal(text, BL_STR("~"))) {
        node->type = BL_JSON_NULL;
        return true;
    }
    if (bl_str_equal(text, BL_STR("true")) || bl_str_equal(text, BL_STR("false"))) {
        node->type = BL_JSON_BOOL;
        node->value.boolean = text.data[0] == 't';
        return true;
    }
    bool may_be_number = text.data[0] == '-' || (text.data[0] >= '0' && text.data[0] <= '9');
    if (!may_be_number ||
        bl_json_number_read(text.data, text.data + text.len, &number, &problem) != text.len) {
        return false;
    }
    node->type = number.type;
    node->value = number.value;
    return true;
}

static bl_result add_scalar(struct builder *builder, const yaml_event_t *event) {
    struct bl_str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    bool is_key = builder->parent != NO_PARENT && builder->at_key &&
                  builder->nodes[builder->parent].type == BL_JSON_OBJECT;
    struct bl_json_node *node;
    struct bl_str copy;

    if (event->data.scalar.anchor != NULL) {
        return refuse(builder, event, "anchors are not allowed", "write the value out");
    }
    if (event->data.scalar.tag != NULL) {
        return refuse(builder, event, "tags are not allowed", "remove the !tag");
    }
    if (is_key && plain && bl_str_equal(text, BL_STR("<<"))) {
        return refuse(builder, event, "merge keys are not allowed", "write the keys out");
    }
    BL_TRY(add_node(builder, event, &node));
    if (plain && !is_key && type_plain(text, node)) {
        return BL_OK;
    }
    BL_TRY(bl_arena_copy(builder->arena, text, &copy));
    node->type = BL_JSON_STRING;
    node->length = (uint32_t)copy.len;
    node->value.string = copy.data;
    return BL_OK;
}

static bl_result refuse_marked(struct builder *builder, const yaml_event_t *event,
                               const yaml_char_t *anchor, const yaml_char_t *tag) {
    if (anchor != NULL) {
        return refuse(builder, event, "anchors are not allowed", "write the value out");
    }
    return tag != NULL ? refuse(builder, event, "tags are not allowed", "remove the !tag") : BL_OK;
}

static bl_result take_event(struct builder *builder, const yaml_event_t *event,
                            uint32_t *documents) {
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return ++*documents == 1 ? BL_OK
                                 : refuse(builder, event, "a second document begins here",
                                          "one file holds one document; remove the ---");
    case YAML_ALIAS_EVENT:
        return refuse(builder, event, "aliases are not allowed", "write the value out");
    case YAML_SCALAR_EVENT:
        return add_scalar(builder, event);
    case YAML_SEQUENCE_START_EVENT:
        BL_TRY(refuse_marked(builder, event, event->data.sequence_start.anchor,
                             event->data.sequence_start.tag));
        return open_container(builder, event, BL_JSON_ARRAY);
    case YAML_MAPPING_START_EVENT:
        BL_TRY(refuse_marked(builder, event, event->data.mapping_start.anchor,
                             event->data.mapping_start.tag));
        return open_container(builder, event, BL_JSON_OBJECT);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_container(builder);
    default:
        return BL_OK;
    }
}

static bl_result syntax_error(struct builder *builder) {
    const yaml_parser_t *parser = &builder->parser;

    if (parser->error == YAML_MEMORY_ERROR) {
        return no_memory(builder);
    }
    locate(builder, &parser->problem_mark);
    bl_diag_message(builder->diag, "not valid YAML: %s%s%s",
                    parser->problem != NULL ? parser->problem : "unreadable",
                    parser->context != NULL ? ", " : "",
                    parser->context != NULL ? parser->context : "");
    bl_diag_hint(builder->diag, "check the indentation, and quote texts with : { [ # or quotes");
    return BL_FAIL(INVALID_REQUEST);
}

static bl_result read_events(struct builder *builder) {
    uint32_t documents = 0;
    bool done = false;

    while (!done) {
        yaml_event_t event;
        if (yaml_parser_parse(&builder->parser, &event) == 0) {
            return syntax_error(builder);
        }
        done = event.type == YAML_STREAM_END_EVENT;
        bl_result result = take_event(builder, &event, &documents);
        yaml_event_delete(&event);
        BL_TRY(result);
    }
    if (builder->count == 0) {
        bl_diag_message(builder->diag, "the document is empty");
        return BL_FAIL(INVALID_REQUEST);
    }
    return BL_OK;
}

bl_result bl_yaml_read(struct bl_str text, const struct bl_json_limits *limits,
                       struct bl_arena *arena, struct bl_json_doc *doc, struct bl_diag *diag) {
    struct builder builder = {.limits = limits, .arena = arena, .diag = diag, .parent = NO_PARENT};

    *doc = (struct bl_json_doc){0};
    bl_diag_clear(diag);
    if (text.len > limits->max_bytes) {
        bl_diag_message(diag, "the document has %zu bytes, the limit is %u", text.len,
                        limits->max_bytes);
        return BL_FAIL(INVALID_REQUEST);
    }
    if (!bl_utf8_valid(text)) {
        bl_diag_message(diag, "the document is not valid UTF-8");
        return BL_FAIL(INVALID_REQUEST);
    }
    if (yaml_parser_initialize(&builder.parser) == 0) {
        return no_memory(&builder);
    }
    yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&builder.parser, (const unsigned char *)text.data, text.len);
    bl_result result = read_events(&builder);
    yaml_parser_delete(&builder.parser);
    BL_TRY(result);
    assert(builder.parent == NO_PARENT);
    *doc = (struct bl_json_doc){.text = text,
                                .nodes = builder.nodes,
                                .count = builder.count,
                                .lines = builder.lines,
                                .columns = builder.columns};
    return BL_OK;
}

bl_result bl_document_read(struct bl_str text, const struct bl_json_limits *limits,
                           struct bl_arena *arena, struct bl_json_doc *doc, struct bl_diag *diag) {
    struct bl_str trimmed = bl_str_trim(text);
    struct bl_diag yaml_diag;

    if (trimmed.len == 0 || (trimmed.data[0] != '{' && trimmed.data[0] != '[')) {
        return bl_yaml_read(text, limits, arena, doc, diag);
    }
    bl_result result = bl_json_read(text, limits, arena, doc, diag);
    if (bl_is_error(result) && result.error == BL_E_INVALID_REQUEST &&
        bl_is_ok(bl_yaml_read(text, limits, arena, doc, &yaml_diag))) {
        return BL_OK;
    }
    return result;
}
