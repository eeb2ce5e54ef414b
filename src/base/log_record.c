#include "base/log_record.h"

#include <assert.h>
#include <math.h>

#include "base/text.h"
#include "base/timestamp.h"

#define KEY_MAX ((size_t)64)
#define COMPONENT_MAX ((size_t)32)

static const char *const level_names[] = {
    [BL_LOG_DEBUG] = "DEBUG",
    [BL_LOG_INFO] = "INFO",
    [BL_LOG_WARN] = "WARN",
    [BL_LOG_ERROR] = "ERROR",
};
#define LEVELS (sizeof(level_names) / sizeof(level_names[0]))

static const struct bl_str truncated_field = {",\"truncated\":true", 17};
static const struct bl_str line_end = {"}\n", 2};

const char *bl_log_level_name(enum bl_log_level level) {
    assert((unsigned)level < LEVELS);
    return level_names[level];
}

/* Equality of ASCII letters in any case. `name` is upper case. */
static bool is_named(struct bl_str text, const char *name) {
    if (text.len != strlen(name)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if ((c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c) != name[i]) {
            return false;
        }
    }
    return true;
}

bool bl_log_level_read(struct bl_str name, enum bl_log_level *level) {
    for (size_t i = 0; i < LEVELS; i++) {
        if (is_named(name, level_names[i])) {
            *level = (enum bl_log_level)i;
            return true;
        }
    }
    if (is_named(name, "WARNING")) {
        *level = BL_LOG_WARN;
        return true;
    }
    return false;
}

/* The JSON form of the character at the front of `text` (not empty), and how many bytes it took.
 * What is not UTF-8 becomes U+FFFD, byte by byte. */
static struct bl_str escaped_character(struct bl_str text, char room[6], size_t *taken) {
    static const char digits[] = "0123456789abcdef";
    unsigned char c = (unsigned char)text.data[0];
    size_t step = bl_utf8_char_len(text.data, text.len);

    *taken = step == 0 ? 1 : step;
    if (step == 0) {
        return BL_STR("\xEF\xBF\xBD");
    }
    if (c == 0xC2 && (unsigned char)text.data[1] < 0xA0) {
        c = (unsigned char)text.data[1]; /* C1 controls, which terminals obey as they do C0 */
    } else if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
        return (struct bl_str){text.data, step};
    }
    switch (c) {
    case '"':
        return BL_STR("\\\"");
    case '\\':
        return BL_STR("\\\\");
    case '\n':
        return BL_STR("\\n");
    case '\r':
        return BL_STR("\\r");
    case '\t':
        return BL_STR("\\t");
    default:
        room[0] = '\\';
        room[1] = 'u';
        room[2] = '0';
        room[3] = '0';
        room[4] = digits[c >> 4];
        room[5] = digits[c & 15];
        return (struct bl_str){room, 6};
    }
}

/* How many bytes at the front need no escape, `max` at most; ASCII only. */
static size_t plain_run(struct bl_str text, size_t max) {
    size_t limit = text.len < max ? text.len : max;
    size_t run = 0;

    while (run < limit) {
        char c = text.data[run];
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\') {
            break;
        }
        run++;
    }
    return run;
}

/* Writes `text` between quotes, at most `max_bytes` long with them (≥ 2). */
static void write_text(struct bl_log_record *record, struct bl_str text, size_t max_bytes) {
    struct bl_buf *buf = record->buf;
    size_t end = buf->len + max_bytes - 1;
    char room[6];
    size_t taken;

    bl_buf_char(buf, '"');
    while (text.len > 0) {
        size_t run = plain_run(text, end - buf->len);
        bl_buf_bytes(buf, text.data, run);
        text.data += run;
        text.len -= run;
        if (text.len == 0) {
            break;
        }
        struct bl_str escaped = escaped_character(text, room, &taken);
        if (buf->len + escaped.len > end) {
            record->truncated = true;
            break;
        }
        bl_buf_str(buf, escaped);
        text.data += taken;
        text.len -= taken;
    }
    bl_buf_char(buf, '"');
}

void bl_log_begin(struct bl_log_record *record, struct bl_buf *buf, size_t max_bytes,
                  enum bl_log_level level, int64_t time_ms, struct bl_str component,
                  struct bl_str message) {
    assert(max_bytes >= BL_LOG_LINE_MIN && component.len <= COMPONENT_MAX);
    size_t room = buf->capacity - buf->len;
    size_t bound = max_bytes < room ? max_bytes : room;

    *record = (struct bl_log_record){.buf = buf, .start = buf->len};
    if (bound < BL_LOG_LINE_MIN) {
        buf->overflowed = true;
        record->refused = true;
        return;
    }
    record->limit = buf->len + bound - truncated_field.len - line_end.len;
    record->text_max = bound / 2;
    bl_buf_literal(buf, "{\"timestamp\":\"");
    bl_timestamp_write(buf, time_ms);
    bl_buf_literal(buf, "\",\"level\":\"");
    bl_buf_str(buf, bl_str_from_c(bl_log_level_name(level)));
    bl_buf_literal(buf, "\",\"component\":");
    write_text(record, component, 2 + COMPONENT_MAX);
    bl_buf_literal(buf, ",\"message\":");
    size_t left = record->limit - buf->len;
    write_text(record, message, left < record->text_max ? left : record->text_max);
}

/* Writes the comma, the key and the colon; false, and nothing, if `value_bytes` more do not fit. */
static bool begin_field(struct bl_log_record *record, const char *key, size_t value_bytes) {
    struct bl_str name = bl_str_from_c(key);

    assert(name.len >= 1 && name.len <= KEY_MAX);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        assert((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '.' || c == '-');
    }
    if (record->refused) {
        return false;
    }
    size_t room = record->limit - record->buf->len;
    if (value_bytes > room || room - value_bytes < name.len + 4) {
        record->truncated = true;
        return false;
    }
    bl_buf_literal(record->buf, ",\"");
    bl_buf_str(record->buf, name);
    bl_buf_literal(record->buf, "\":");
    return true;
}

/* A field whose value is written whole or not at all. */
static void add_whole(struct bl_log_record *record, const char *key, struct bl_str value) {
    if (begin_field(record, key, value.len)) {
        bl_buf_str(record->buf, value);
    }
}

void bl_log_str(struct bl_log_record *record, const char *key, struct bl_str value) {
    if (bl_str_is_present(value) && begin_field(record, key, 2)) {
        size_t left = record->limit - record->buf->len;
        write_text(record, value, left < record->text_max ? left : record->text_max);
    }
}

void bl_log_i64(struct bl_log_record *record, const char *key, int64_t value) {
    char digits[24];
    struct bl_buf buf;

    bl_buf_init(&buf, digits, sizeof(digits));
    bl_buf_i64(&buf, value);
    add_whole(record, key, bl_buf_view(&buf));
}

void bl_log_u64(struct bl_log_record *record, const char *key, uint64_t value) {
    char digits[24];
    struct bl_buf buf;

    bl_buf_init(&buf, digits, sizeof(digits));
    bl_buf_u64(&buf, value);
    add_whole(record, key, bl_buf_view(&buf));
}

void bl_log_double(struct bl_log_record *record, const char *key, double value) {
    char digits[40];
    struct bl_buf buf;

    bl_buf_init(&buf, digits, sizeof(digits));
    if (isfinite(value)) {
        bl_buf_double(&buf, value);
    } else {
        bl_buf_literal(&buf, "null");
    }
    add_whole(record, key, bl_buf_view(&buf));
}

void bl_log_bool(struct bl_log_record *record, const char *key, bool value) {
    add_whole(record, key, value ? BL_STR("true") : BL_STR("false"));
}

void bl_log_json(struct bl_log_record *record, const char *key, struct bl_str json) {
    if (bl_str_is_present(json)) {
        add_whole(record, key, json);
    }
}

bool bl_log_end(struct bl_log_record *record) {
    if (record->refused) {
        return false;
    }
    if (record->truncated) {
        bl_buf_str(record->buf, truncated_field);
    }
    bl_buf_str(record->buf, line_end);
    return !record->truncated;
}
