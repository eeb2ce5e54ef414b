#include "json/yaml.h"

#include <assert.h>
#include <string.h>
#include <yaml.h>

#include "base/text.h"
#include "json/number.h"
#include "json/tape.h"
#include "json/yaml_words.h"

/* libyaml counts in characters, positions are in bytes. Its marks rise from event to event, so one
 * walk finds them all. */
struct place {
    struct bl_str text;
    size_t index;  /* in characters */
    size_t offset; /* in bytes */
    size_t line_offset;
    uint32_t line;
};

struct builder {
    struct bl_json_tape tape;
    struct place place;
    yaml_parser_t parser;
    uint32_t documents;
    bool at_key; /* the next node of the open mapping is a key */
};

static void restart(struct place *place) {
    *place = (struct place){.text = place->text, .line = 1};
}

static void step(struct place *place) {
    size_t left = place->text.len - place->offset;
    size_t len = bl_utf8_char_len(place->text.data + place->offset, left);

    if (place->text.data[place->offset] == '\n') {
        place->line++;
        place->line_offset = place->offset + 1;
    }
    place->offset += len;
    place->index++;
}

static void go_to(struct place *place, size_t index) {
    if (index < place->index) {
        restart(place);
    }
    while (place->index < index && place->offset < place->text.len) {
        step(place);
    }
}

static uint32_t column_of(const struct place *place) {
    return (uint32_t)(place->offset - place->line_offset) + 1;
}

static bl_result fail_here(struct builder *builder) {
    builder->tape.diag->line = builder->place.line;
    builder->tape.diag->column = column_of(&builder->place);
    return BL_FAIL(INVALID_REQUEST);
}

static bl_result refuse(struct builder *builder, const char *message, const char *hint) {
    bl_diag_message(builder->tape.diag, "%s", message);
    bl_diag_hint(builder->tape.diag, "%s", hint);
    return fail_here(builder);
}

/* The tape has said what is wrong; here is where. */
static bl_result locate(struct builder *builder, bl_result result) {
    return result.error == BL_E_INVALID_REQUEST ? fail_here(builder) : result;
}

static bool in_mapping(const struct builder *builder) {
    const struct bl_json_tape *tape = &builder->tape;

    return tape->parent != BL_JSON_NO_PARENT && tape->nodes[tape->parent].type == BL_JSON_OBJECT;
}

/* Counts the node to come in the open container. */
static void count_item(struct builder *builder) {
    struct bl_json_tape *tape = &builder->tape;

    if (tape->parent != BL_JSON_NO_PARENT && (!in_mapping(builder) || builder->at_key)) {
        tape->nodes[tape->parent].length++;
    }
    builder->at_key = in_mapping(builder) && !builder->at_key;
}

static void keep_position(struct builder *builder) {
    builder->tape.lines[builder->tape.count - 1] = builder->place.line;
    builder->tape.columns[builder->tape.count - 1] = column_of(&builder->place);
}

static bl_result open_container(struct builder *builder, enum bl_json_type type) {
    if (in_mapping(builder) && builder->at_key) {
        return refuse(builder, "a key has to be a text",
                      "quote the key if it begins with a bracket, a brace or a question mark");
    }
    count_item(builder);
    BL_TRY(
        locate(builder, bl_json_tape_open(&builder->tape, type, (uint32_t)builder->place.offset)));
    keep_position(builder);
    builder->at_key = type == BL_JSON_OBJECT;
    return BL_OK;
}

static bl_result close_container(struct builder *builder) {
    struct bl_json_tape *tape = &builder->tape;
    struct bl_json_duplicate duplicate = {0, 0};
    bl_result result = bl_json_tape_close(tape, builder->place.offset, &duplicate);

    builder->at_key = in_mapping(builder);
    if (duplicate.second != 0) {
        const struct bl_json_node *key = &tape->nodes[duplicate.second];
        bl_json_tape_duplicate(tape, (struct bl_str){key->value.string, key->length},
                               tape->lines[duplicate.first], tape->columns[duplicate.first]);
        tape->diag->line = tape->lines[duplicate.second];
        tape->diag->column = tape->columns[duplicate.second];
    }
    return result;
}

/* Types a plain scalar by JSON's rules: BL_JSON_STRING if it is text, ABSENT for a number that is
 * none for us. */
static enum bl_json_type type_plain(struct bl_str text, struct bl_json_node *value) {
    const char *problem = "";

    if (text.len == 0 || bl_str_equal(text, BL_STR("null"))) {
        return BL_JSON_NULL;
    }
    if (bl_str_equal(text, BL_STR("true")) || bl_str_equal(text, BL_STR("false"))) {
        value->value.boolean = text.data[0] == 't';
        return BL_JSON_BOOL;
    }
    if (text.data[0] != '-' && (text.data[0] < '0' || text.data[0] > '9')) {
        return BL_JSON_STRING;
    }
    size_t len = bl_json_number_read(text.data, text.data + text.len, value, &problem);
    if (len == text.len) {
        return (enum bl_json_type)value->type;
    }
    return strcmp(problem, BL_JSON_NUMBER_TOO_LARGE) == 0 ? BL_JSON_ABSENT : BL_JSON_STRING;
}

static bl_result add_scalar(struct builder *builder, struct bl_str text, bool plain) {
    bool is_key = in_mapping(builder) && builder->at_key;
    struct bl_json_node value = {0};
    struct bl_json_node *node = NULL;
    struct bl_str copy;

    if (is_key && plain && text.len == 0) {
        return refuse(builder, "a key is missing", "write the key before the colon");
    }
    if (is_key && plain && bl_str_equal(text, BL_STR("<<"))) {
        return refuse(builder, "merge keys are not allowed", "write the keys out");
    }
    enum bl_json_type type = plain && !is_key ? type_plain(text, &value) : BL_JSON_STRING;
    if (type == BL_JSON_ABSENT) {
        return refuse(builder, BL_JSON_NUMBER_TOO_LARGE, "quote it if it is meant as a text");
    }
    count_item(builder);
    BL_TRY(locate(builder,
                  bl_json_tape_add(&builder->tape, type, (uint32_t)builder->place.offset, &node)));
    keep_position(builder);
    node->value = value.value;
    if (type == BL_JSON_STRING) {
        if (bl_is_error(bl_arena_copy(builder->tape.arena, text, &copy))) {
            return bl_json_tape_exhausted(&builder->tape);
        }
        node->length = (uint32_t)copy.len;
        node->value.string = copy.data;
    }
    return BL_OK;
}

static bl_result refuse_marked(struct builder *builder, const yaml_char_t *anchor,
                               const yaml_char_t *tag) {
    if (anchor != NULL) {
        return refuse(builder, "anchors are not allowed",
                      "write the value out where it is used; quote a text that begins with &");
    }
    return tag != NULL ? refuse(builder, "tags are not allowed",
                                "remove the !tag, or quote a text that begins with !")
                       : BL_OK;
}

static bl_result begin_document(struct builder *builder, const yaml_event_t *event) {
    if (builder->documents++ > 0) {
        return refuse(builder, "a second document begins here", "keep one document in one text");
    }
    if (event->data.document_start.tag_directives.start !=
        event->data.document_start.tag_directives.end) {
        return refuse(builder, "tags are not allowed", "remove the %TAG line");
    }
    return BL_OK;
}

static bl_result take_event(struct builder *builder, const yaml_event_t *event) {
    go_to(&builder->place, event->start_mark.index);
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return begin_document(builder, event);
    case YAML_ALIAS_EVENT:
        return refuse(builder, "aliases are not allowed",
                      "write the value out; quote a text that begins with *");
    case YAML_SCALAR_EVENT:
        BL_TRY(refuse_marked(builder, event->data.scalar.anchor, event->data.scalar.tag));
        return add_scalar(
            builder,
            (struct bl_str){(const char *)event->data.scalar.value, event->data.scalar.length},
            event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE);
    case YAML_SEQUENCE_START_EVENT:
        BL_TRY(refuse_marked(builder, event->data.sequence_start.anchor,
                             event->data.sequence_start.tag));
        return open_container(builder, BL_JSON_ARRAY);
    case YAML_MAPPING_START_EVENT:
        BL_TRY(refuse_marked(builder, event->data.mapping_start.anchor,
                             event->data.mapping_start.tag));
        return open_container(builder, BL_JSON_OBJECT);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_container(builder);
    default:
        return BL_OK;
    }
}

static bl_result syntax_error(struct builder *builder) {
    const yaml_parser_t *parser = &builder->parser;
    struct place *place = &builder->place;

    if (parser->error == YAML_MEMORY_ERROR) {
        return bl_json_tape_exhausted(&builder->tape);
    }
    if (parser->error == YAML_READER_ERROR) { /* has no mark, but an offset in bytes */
        restart(place);
        while (place->offset < parser->problem_offset && place->offset < place->text.len) {
            step(place);
        }
    } else {
        go_to(place, parser->problem_mark.index);
    }
    struct bl_str rest = {place->text.data + place->offset, place->text.len - place->offset};
    bl_yaml_explain(parser->problem, parser->context, rest, builder->tape.diag);
    return fail_here(builder);
}

static bl_result read_events(struct builder *builder) {
    bool done = false;

    while (!done) {
        yaml_event_t event;
        if (yaml_parser_parse(&builder->parser, &event) == 0) {
            return syntax_error(builder);
        }
        done = event.type == YAML_STREAM_END_EVENT;
        bl_result result = take_event(builder, &event);
        yaml_event_delete(&event);
        BL_TRY(result);
    }
    if (builder->tape.count == 0) {
        bl_diag_message(builder->tape.diag, "the document is empty");
        return BL_FAIL(INVALID_REQUEST);
    }
    return BL_OK;
}

/*
 * What libyaml takes for the end of a line and most editors do not show as one: with it, a comment
 * could hold a line that is read. The name of the one at `at`, or NULL.
 */
static const char *hidden_line_break(const char *at, size_t left) {
    if (*at == '\r') {
        return left == 1 || at[1] != '\n' ? "a carriage return without a line feed" : NULL;
    }
    if (left >= 2 && memcmp(at, "\xC2\x85", 2) == 0) {
        return "the invisible character U+0085";
    }
    if (left >= 3 && memcmp(at, "\xE2\x80\xA8", 3) == 0) {
        return "the invisible character U+2028";
    }
    return left >= 3 && memcmp(at, "\xE2\x80\xA9", 3) == 0 ? "the invisible character U+2029"
                                                           : NULL;
}

/* What is checked before libyaml sees the text. */
static bl_result check_characters(struct builder *builder) {
    struct place *place = &builder->place;

    for (; place->offset < place->text.len; step(place)) {
        const char *at = place->text.data + place->offset;
        size_t left = place->text.len - place->offset;
        if (bl_utf8_char_len(at, left) == 0) {
            return refuse(builder, "this byte is not valid UTF-8", "save the text as UTF-8");
        }
        const char *name = hidden_line_break(at, left);
        if (name != NULL) {
            bl_diag_message(builder->tape.diag, "%s ends a line of YAML", name);
            bl_diag_hint(builder->tape.diag, "end lines with a line feed; in a text in double "
                                             "quotes write \\r, \\N, \\L or \\P");
            return fail_here(builder);
        }
    }
    restart(place);
    return BL_OK;
}

bl_result bl_yaml_read(struct bl_str text, const struct bl_json_limits *limits,
                       struct bl_arena *arena, struct bl_json_doc *doc, struct bl_diag *diag) {
    struct builder builder = {.place = {.text = text, .line = 1}};

    *doc = (struct bl_json_doc){0};
    bl_diag_clear(diag);
    bl_json_tape_init(&builder.tape, limits, arena, diag);
    builder.tape.positioned = true;
    BL_TRY(bl_json_tape_begin(&builder.tape, text));
    BL_TRY(check_characters(&builder));
    if (yaml_parser_initialize(&builder.parser) == 0) {
        return bl_json_tape_exhausted(&builder.tape);
    }
    yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&builder.parser, (const unsigned char *)text.data, text.len);
    bl_result result = read_events(&builder);
    yaml_parser_delete(&builder.parser);
    BL_TRY(result);
    assert(builder.tape.parent == BL_JSON_NO_PARENT);
    *doc = (struct bl_json_doc){.text = text,
                                .nodes = builder.tape.nodes,
                                .count = builder.tape.count,
                                .lines = builder.tape.lines,
                                .columns = builder.tape.columns};
    return BL_OK;
}
