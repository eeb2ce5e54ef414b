#include <math.h>
#include <string.h>

#include "json/json.h"

static const struct bl_json_node *node_of(struct bl_json value) {
    return &value.doc->nodes[value.index];
}

struct bl_json bl_json_root(const struct bl_json_doc *doc) {
    return doc == NULL || doc->count == 0 ? BL_JSON_NOTHING : (struct bl_json){doc, 0};
}

enum bl_json_type bl_json_type(struct bl_json value) {
    return value.doc == NULL ? BL_JSON_ABSENT : (enum bl_json_type)node_of(value)->type;
}

const char *bl_json_type_name(enum bl_json_type type) {
    static const char *const names[] = {
        [BL_JSON_ABSENT] = "nothing",     [BL_JSON_NULL] = "null",
        [BL_JSON_BOOL] = "true or false", [BL_JSON_INT] = "a number",
        [BL_JSON_UINT] = "a number",      [BL_JSON_DOUBLE] = "a number",
        [BL_JSON_STRING] = "a string",    [BL_JSON_ARRAY] = "an array",
        [BL_JSON_OBJECT] = "an object",
    };
    return names[type];
}

uint32_t bl_json_count(struct bl_json value) {
    enum bl_json_type type = bl_json_type(value);
    return type == BL_JSON_OBJECT || type == BL_JSON_ARRAY ? node_of(value)->length : 0;
}

struct bl_json_iter bl_json_iter(struct bl_json value) {
    enum bl_json_type type = bl_json_type(value);

    if (type != BL_JSON_OBJECT && type != BL_JSON_ARRAY) {
        return (struct bl_json_iter){0};
    }
    return (struct bl_json_iter){.value = value,
                                 .position = value.index + 1,
                                 .end = node_of(value)->next,
                                 .keyed = type == BL_JSON_OBJECT};
}

bool bl_json_next(struct bl_json_iter *iter) {
    if (iter->position >= iter->end) {
        return false;
    }
    const struct bl_json_node *nodes = iter->value.doc->nodes;
    if (iter->keyed) {
        const struct bl_json_node *key = &nodes[iter->position++];
        iter->key = (struct bl_str){key->value.string, key->length};
    }
    iter->value.index = iter->position;
    iter->position = nodes[iter->position].next;
    return true;
}

struct bl_json bl_json_get(struct bl_json object, struct bl_str key) {
    if (bl_json_type(object) != BL_JSON_OBJECT) {
        return BL_JSON_NOTHING;
    }
    const struct bl_json_node *nodes = object.doc->nodes;
    uint32_t end = nodes[object.index].next;
    for (uint32_t i = object.index + 1; i < end; i = nodes[i + 1].next) {
        if (nodes[i].length == key.len &&
            (key.len == 0 || memcmp(nodes[i].value.string, key.data, key.len) == 0)) {
            return (struct bl_json){object.doc, i + 1};
        }
    }
    return BL_JSON_NOTHING;
}

struct bl_json bl_json_path(struct bl_json object, struct bl_str path) {
    if (path.len == 0) {
        return object;
    }
    const char *end = path.data + path.len;
    const char *step = path.data;
    while (object.doc != NULL && step <= end) {
        const char *dot = memchr(step, '.', (size_t)(end - step));
        const char *step_end = dot != NULL ? dot : end;
        object = bl_json_get(object, (struct bl_str){step, (size_t)(step_end - step)});
        step = step_end + 1;
    }
    return object;
}

struct bl_json bl_json_at(struct bl_json array, uint32_t index) {
    struct bl_json_iter it = bl_json_iter(array);

    if (it.keyed) {
        return BL_JSON_NOTHING;
    }
    while (bl_json_next(&it)) {
        if (index-- == 0) {
            return it.value;
        }
    }
    return BL_JSON_NOTHING;
}

bool bl_json_string(struct bl_json value, struct bl_str *out) {
    if (bl_json_type(value) != BL_JSON_STRING) {
        return false;
    }
    *out = (struct bl_str){node_of(value)->value.string, node_of(value)->length};
    return true;
}

bool bl_json_bool(struct bl_json value, bool *out) {
    if (bl_json_type(value) != BL_JSON_BOOL) {
        return false;
    }
    *out = node_of(value)->value.boolean;
    return true;
}

bool bl_json_int64(struct bl_json value, int64_t *out) {
    enum bl_json_type type = bl_json_type(value);

    if (type == BL_JSON_INT) {
        *out = node_of(value)->value.integer;
        return true;
    }
    if (type != BL_JSON_DOUBLE) {
        return false;
    }
    double number = node_of(value)->value.number;
    if (!(number >= -9223372036854775808.0 && number < 9223372036854775808.0) ||
        trunc(number) != number) {
        return false;
    }
    *out = (int64_t)number;
    return true;
}

bool bl_json_double(struct bl_json value, double *out) {
    switch (bl_json_type(value)) {
    case BL_JSON_INT:
        *out = (double)node_of(value)->value.integer;
        return true;
    case BL_JSON_UINT:
        *out = (double)node_of(value)->value.unsigned_integer;
        return true;
    case BL_JSON_DOUBLE:
        *out = node_of(value)->value.number;
        return true;
    default:
        return false;
    }
}

/* Where the scalar that begins at `at` ends: for a string behind its closing quote. */
static size_t scalar_end(struct bl_str text, size_t at) {
    if (text.data[at] != '"') {
        while (at < text.len && strchr(",]} \t\r\n", text.data[at]) == NULL) {
            at++;
        }
        return at;
    }
    for (at++; text.data[at] != '"'; at++) {
        at += text.data[at] == '\\' ? 1 : 0;
    }
    return at + 1;
}

struct bl_str bl_json_source(struct bl_json value) {
    if (value.doc == NULL || value.doc->lines != NULL) {
        return BL_STR_ABSENT;
    }
    const struct bl_json_node *node = node_of(value);
    bool is_container = node->type == BL_JSON_OBJECT || node->type == BL_JSON_ARRAY;
    size_t end = is_container ? node->value.end : scalar_end(value.doc->text, node->offset);
    return (struct bl_str){value.doc->text.data + node->offset, end - node->offset};
}

void bl_json_position(struct bl_json value, uint32_t *line, uint32_t *column) {
    *line = 0;
    *column = 0;
    if (value.doc == NULL) {
        return;
    }
    if (value.doc->lines != NULL) {
        *line = value.doc->lines[value.index];
        *column = value.doc->columns[value.index];
        return;
    }
    *line = 1;
    *column = 1;
    for (uint32_t i = 0; i < node_of(value)->offset; i++) {
        bool newline = value.doc->text.data[i] == '\n';
        *line += newline ? 1 : 0;
        *column = newline ? 1 : *column + 1;
    }
}

void bl_json_locate(struct bl_json value, struct bl_diag *diag) {
    bl_json_position(value, &diag->line, &diag->column);
}
