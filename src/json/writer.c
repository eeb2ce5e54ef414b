#include "json/writer.h"

#include <assert.h>
#include <math.h>

#include "base/text.h"
#include "json/plain.h"

void bl_json_writer_init(struct bl_json_writer *writer, struct bl_buf *buf) {
    writer->buf = buf;
    writer->depth = 0;
    writer->needs_comma = false;
    writer->after_key = false;
    writer->objects[0] = 0; /* the others are written when their depth is reached */
}

bool bl_json_writer_ok(const struct bl_json_writer *writer) {
    return writer->depth == 0 && writer->needs_comma && !writer->buf->overflowed;
}

static bool in_object(const struct bl_json_writer *writer) {
    uint32_t level = writer->depth - 1;

    return writer->depth > 0 && (writer->objects[level / 64] >> (level % 64) & 1) != 0;
}

static void separate(struct bl_json_writer *writer) {
    if (writer->needs_comma) {
        bl_buf_char(writer->buf, ',');
    }
    writer->needs_comma = true;
}

/* What goes before a value: nothing after its key, else perhaps a comma. */
static void begin_value(struct bl_json_writer *writer) {
    if (writer->after_key) {
        writer->after_key = false;
        return;
    }
    assert(!in_object(writer));
    assert(writer->depth > 0 || !writer->needs_comma); /* one value, not two */
    separate(writer);
}

static void open(struct bl_json_writer *writer, char bracket) {
    uint32_t level = writer->depth;
    uint64_t bit = UINT64_C(1) << (level % 64);

    assert(level < BL_JSON_WRITER_MAX_DEPTH);
    begin_value(writer);
    bl_buf_char(writer->buf, bracket);
    if (level % 64 == 0) {
        writer->objects[level / 64] = 0;
    }
    writer->objects[level / 64] &= ~bit;
    writer->objects[level / 64] |= bracket == '{' ? bit : 0;
    writer->depth++;
    writer->needs_comma = false;
}

static void close(struct bl_json_writer *writer, char bracket) {
    assert(writer->depth > 0 && !writer->after_key && in_object(writer) == (bracket == '}'));
    bl_buf_char(writer->buf, bracket);
    writer->depth--;
    writer->needs_comma = true;
}

void bl_json_write_object_begin(struct bl_json_writer *writer) {
    open(writer, '{');
}

void bl_json_write_object_end(struct bl_json_writer *writer) {
    close(writer, '}');
}

void bl_json_write_array_begin(struct bl_json_writer *writer) {
    open(writer, '[');
}

void bl_json_write_array_end(struct bl_json_writer *writer) {
    close(writer, ']');
}

/* Bytes of a string that are written as they are: 0; else the letter of a short escape, 'u' for
 * \u00XX, or 1 for a byte of a longer character, which has to be checked. */
static const unsigned char escapes[256] = {
    ['"'] = '"',  ['\\'] = '\\',         ['\b'] = 'b',        ['\f'] = 'f',
    ['\n'] = 'n', ['\r'] = 'r',          ['\t'] = 't',        [0x00 ... 0x07] = 'u',
    [0x0b] = 'u', [0x0e ... 0x1f] = 'u', [0x80 ... 0xff] = 1,
};

static void write_escape(struct bl_buf *buf, unsigned char c, unsigned char escape) {
    bl_buf_char(buf, '\\');
    bl_buf_char(buf, (char)escape);
    if (escape == 'u') {
        bl_buf_literal(buf, "00");
        bl_hex_write(buf, &c, 1);
    }
}

static void write_quoted(struct bl_buf *buf, struct bl_str text) {
    const char *at = text.len > 0 ? text.data : "";
    const char *end = at + text.len;
    const char *from = at;

    bl_buf_char(buf, '"');
    while (at < end) {
        at = bl_json_skip_plain(at, end);
        if (at == end) {
            break;
        }
        unsigned char escape = escapes[(unsigned char)*at];
        size_t len = escape == 1 ? bl_utf8_char_len(at, (size_t)(end - at)) : 0;
        if (len != 0) {
            at += len;
            continue;
        }
        bl_buf_bytes(buf, from, (size_t)(at - from));
        if (escape == 1) {
            bl_buf_literal(buf, "\xEF\xBF\xBD");
        } else {
            write_escape(buf, (unsigned char)*at, escape);
        }
        from = ++at;
    }
    bl_buf_bytes(buf, from, (size_t)(end - from));
    bl_buf_char(buf, '"');
}

void bl_json_write_key(struct bl_json_writer *writer, struct bl_str key) {
    assert(in_object(writer) && !writer->after_key);
    separate(writer);
    write_quoted(writer->buf, key);
    bl_buf_char(writer->buf, ':');
    writer->after_key = true;
}

void bl_json_write_null(struct bl_json_writer *writer) {
    bl_json_write_raw(writer, BL_STR("null"));
}

void bl_json_write_bool(struct bl_json_writer *writer, bool value) {
    bl_json_write_raw(writer, value ? BL_STR("true") : BL_STR("false"));
}

void bl_json_write_int64(struct bl_json_writer *writer, int64_t value) {
    begin_value(writer);
    bl_buf_i64(writer->buf, value);
}

void bl_json_write_uint64(struct bl_json_writer *writer, uint64_t value) {
    begin_value(writer);
    bl_buf_u64(writer->buf, value);
}

void bl_json_write_double(struct bl_json_writer *writer, double value) {
    assert(isfinite(value));
    begin_value(writer);
    bl_buf_double(writer->buf, value);
}

void bl_json_write_string(struct bl_json_writer *writer, struct bl_str value) {
    begin_value(writer);
    write_quoted(writer->buf, value);
}

void bl_json_write_raw(struct bl_json_writer *writer, struct bl_str json) {
    begin_value(writer);
    bl_buf_str(writer->buf, json);
}

void bl_json_write_member(struct bl_json_writer *writer, struct bl_str key, struct bl_str value) {
    bl_json_write_key(writer, key);
    bl_json_write_string(writer, value);
}

/* A double keeps its type: "-0" and "1e3" must not read back as integers. */
static void write_number(struct bl_json_writer *writer, double value) {
    size_t from = writer->buf->len;

    bl_json_write_double(writer, value);
    for (size_t i = from; i < writer->buf->len; i++) {
        char c = writer->buf->data[i];
        if (c == '.' || c == 'e') {
            return;
        }
    }
    if (value != 0 || !signbit(value)) { /* "-0" is a double already */
        bl_buf_literal(writer->buf, ".0");
    }
}

static void write_scalar(struct bl_json_writer *writer, const struct bl_json_node *node) {
    switch ((enum bl_json_type)node->type) {
    case BL_JSON_NULL:
        bl_json_write_null(writer);
        break;
    case BL_JSON_BOOL:
        bl_json_write_bool(writer, node->value.boolean);
        break;
    case BL_JSON_INT:
        bl_json_write_int64(writer, node->value.integer);
        break;
    case BL_JSON_UINT:
        bl_json_write_uint64(writer, node->value.unsigned_integer);
        break;
    case BL_JSON_DOUBLE:
        write_number(writer, node->value.number);
        break;
    case BL_JSON_STRING:
        bl_json_write_string(writer, (struct bl_str){node->value.string, node->length});
        break;
    default:
        break;
    }
}

/* Recursion is bounded by the depth that the reader allowed. */
void bl_json_write_value(struct bl_json_writer *writer, struct bl_json value) {
    struct bl_json_iter it = bl_json_iter(value);

    switch (bl_json_type(value)) {
    case BL_JSON_OBJECT:
        bl_json_write_object_begin(writer);
        while (bl_json_next(&it)) {
            bl_json_write_key(writer, it.key);
            bl_json_write_value(writer, it.value);
        }
        bl_json_write_object_end(writer);
        break;
    case BL_JSON_ARRAY:
        bl_json_write_array_begin(writer);
        while (bl_json_next(&it)) {
            bl_json_write_value(writer, it.value);
        }
        bl_json_write_array_end(writer);
        break;
    case BL_JSON_ABSENT:
        bl_json_write_null(writer);
        break;
    default:
        write_scalar(writer, &value.doc->nodes[value.index]);
    }
}
