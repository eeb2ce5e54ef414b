#include "wire/protobuf.h"

#include <assert.h>
#include <beamline/flow/v1/flow.pb-c.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "json/writer.h"
#include "wire/decide_reply.h"
#include "wire/pb_field.h"

#define DEPTH_MAX 8
#define GROWTH 6 /* a byte of text at its longest in JSON */
#define FIELDS_MAX 64
#define PATH_BYTES 128
#define NAME_BYTES 64 /* more than the longest name of a field */

typedef const ProtobufCMessageDescriptor descriptor;
typedef const ProtobufCFieldDescriptor field_descriptor;

static descriptor *descriptor_of(enum bl_proto type) {
    static descriptor *const table[BL_PROTO_COUNT] = {
#define X(symbol, name) [BL_PROTO_##symbol] = &beamline__flow__v1__##name##__descriptor,
        BL_PROTO_MAP(X)
#undef X
    };
    return table[type];
}

struct bl_str bl_proto_descriptors(void) {
    extern const char bl_proto_descriptors_begin[], bl_proto_descriptors_end[];
    extern int bl_proto_is_linked; /* of the same object as the bytes */

    return (struct bl_str){bl_proto_descriptors_begin,
                           bl_proto_is_linked != 0
                               ? 0
                               : (size_t)(bl_proto_descriptors_end - bl_proto_descriptors_begin)};
}

/* --- which of the two ------------------------------------------------------------------------- */

static bool is_all_fields(struct bl_str bytes) {
    struct bl_pb_field field;

    while (bl_pb_next(&bytes, &field)) {
    }
    return bytes.len == 0;
}

static bool looks_like_json(struct bl_str bytes, struct bl_arena *arena) {
    struct bl_str text = bl_str_trim(bytes);
    struct bl_json_doc doc;
    struct bl_diag diag;

    if (text.len == 0 || text.data[0] != '{') {
        return text.len == 0;
    }
    return bytes.data[0] != '\n' ||
           bl_is_ok(bl_json_read(bytes, &bl_json_request_limits, arena, &doc, &diag));
}

void bl_proto_detect(struct bl_message *message, struct bl_arena *arena) {
    message->codec = BL_CODEC_JSON;
    message->reply_codec = BL_CODEC_JSON;
    if (message->data.len > 0 && message->data.data[0] == '{') {
        return; /* most messages; protobuf does not begin so */
    }
    struct bl_str type = bl_headers_get(&message->headers, "content-type");
    bool is_named = bl_str_equal_c(type, "application/x-protobuf") ||
                    bl_str_equal_c(type, "application/protobuf");
    bool asks_for_json = bl_str_starts_with(type, BL_STR("application/json"));
    bool is_protobuf =
        is_named || (!looks_like_json(message->data, arena) && is_all_fields(message->data));

    message->codec = is_protobuf ? BL_CODEC_PROTOBUF : BL_CODEC_JSON;
    message->reply_codec = is_protobuf && !asks_for_json ? BL_CODEC_PROTOBUF : BL_CODEC_JSON;
}

/* A map is a list of entries with a key and a value. */
static bool is_map(field_descriptor *field) {
    descriptor *entry = field->descriptor;

    return field->label == PROTOBUF_C_LABEL_REPEATED && field->type == PROTOBUF_C_TYPE_MESSAGE &&
           entry->n_fields == 2 && strcmp(entry->fields[0].name, "key") == 0 &&
           strcmp(entry->fields[1].name, "value") == 0;
}

/* --- messages to JSON ------------------------------------------------------------------------ */

struct reading {
    struct bl_json_writer writer;
    struct bl_arena *arena;
    struct bl_refusal *refusal;
    size_t path_len;
    char path[PATH_BYTES]; /* of the field that is read */
};

static bl_result refuse(struct reading *reading, const char *message) {
    struct bl_diag *diag = bl_refusal_begin(reading->refusal, BL_E_INVALID_REQUEST,
                                            BL_INTAKE_SCHEMA_VALIDATION_FAILED);

    if (reading->path[0] != '\0') {
        bl_diag_path(diag, "%s", reading->path);
    }
    bl_diag_message(diag, "%s", message);
    return BL_FAIL(INVALID_REQUEST);
}

/* Remembers where it is; returns what to go back to. */
static size_t enter(struct reading *reading, const char *name) {
    size_t before = reading->path_len;
    size_t len = strlen(name);

    if (before + len + 2 <= sizeof(reading->path)) { /* deeper ones are told by where they begin */
        if (before > 0) {
            reading->path[reading->path_len++] = '.';
        }
        memcpy(reading->path + reading->path_len, name, len + 1);
        reading->path_len += len;
    }
    return before;
}

static void leave(struct reading *reading, size_t outer) {
    reading->path_len = outer;
    reading->path[outer] = '\0';
}

static bool is_json(struct reading *reading, struct bl_str text) {
    struct bl_json_doc doc;
    struct bl_diag diag;

    return bl_is_ok(bl_json_read(text, &bl_json_request_limits, reading->arena, &doc, &diag));
}

static bl_result write_text(struct reading *reading, struct bl_str text) {
    if (!bl_utf8_valid(text)) {
        return refuse(reading, "is not UTF-8");
    }
    if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL) {
        return refuse(reading, "holds a NUL");
    }
    bl_json_write_string(&reading->writer, text);
    return BL_OK;
}

static void write_base64(struct reading *reading, struct bl_str bytes) {
    struct bl_buf *buf = reading->writer.buf;

    bl_json_write_raw(&reading->writer, BL_STR("\""));
    bl_base64url_write(buf, bytes.data, bytes.len);
    bl_buf_char(buf, '"');
}

static void write_bytes(struct reading *reading, struct bl_str bytes) {
    if (is_json(reading, bytes)) {
        bl_json_write_raw(&reading->writer, bytes);
    } else if (bl_utf8_valid(bytes)) {
        bl_json_write_string(&reading->writer, bytes);
    } else {
        write_base64(reading, bytes);
    }
}

/* The value of a map: an object or a list where it is the text of one. */
static bl_result write_nested(struct reading *reading, struct bl_str text) {
    bool may_be_json = text.len > 1 && (text.data[0] == '{' || text.data[0] == '[');

    if (may_be_json && is_json(reading, text)) {
        bl_json_write_raw(&reading->writer, text);
        return BL_OK;
    }
    return write_text(reading, text);
}

static bl_result write_double(struct reading *reading, uint64_t bits) {
    double value;

    memcpy(&value, &bits, sizeof(value));
    if (!isfinite(value)) {
        return refuse(reading, "is not finite");
    }
    bl_json_write_double(&reading->writer, value);
    return BL_OK;
}

static bl_result write_message(struct reading *reading, descriptor *type, struct bl_str message,
                               int depth);

static bl_result write_value(struct reading *reading, field_descriptor *field,
                             const struct bl_pb_field *found, int depth) {
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        return write_text(reading, found->bytes);
    case PROTOBUF_C_TYPE_BYTES:
        write_bytes(reading, found->bytes);
        return BL_OK;
    case PROTOBUF_C_TYPE_MESSAGE:
        return write_message(reading, field->descriptor, found->bytes, depth + 1);
    case PROTOBUF_C_TYPE_DOUBLE:
        return write_double(reading, found->value);
    case PROTOBUF_C_TYPE_BOOL:
        bl_json_write_bool(&reading->writer, found->value != 0);
        return BL_OK;
    default: /* int32 and int64: on the wire both have 64 bits */
        bl_json_write_int64(&reading->writer, (int64_t)found->value);
        return BL_OK;
    }
}

static enum bl_pb_type wire_type_of(field_descriptor *field) {
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return BL_PB_BYTES;
    case PROTOBUF_C_TYPE_DOUBLE:
        return BL_PB_FIXED_64;
    default:
        return BL_PB_VARINT;
    }
}

/* Key and value, each at most once: other readers take the last one. Without one it is empty. */
static bl_result read_entry(struct reading *reading, struct bl_str entry, struct bl_str parts[2]) {
    struct bl_pb_field found;
    bool seen[2] = {false, false};

    parts[0] = parts[1] = BL_STR("");
    while (bl_pb_next(&entry, &found)) {
        if (found.number > 2) {
            continue;
        }
        if (found.type != BL_PB_BYTES) {
            return refuse(reading, "has a key or a value of another type");
        }
        if (seen[found.number - 1]) {
            return refuse(reading, "has an entry whose key or value stands twice");
        }
        seen[found.number - 1] = true;
        parts[found.number - 1] = found.bytes;
    }
    return entry.len == 0 ? BL_OK : refuse(reading, "is no protobuf");
}

static bl_result write_entry(struct reading *reading, struct bl_str entry) {
    struct bl_str parts[2];

    BL_TRY(read_entry(reading, entry, parts));
    if (!bl_utf8_valid(parts[0])) {
        return refuse(reading, "has a key that is not UTF-8");
    }
    if (parts[0].len > 0 && memchr(parts[0].data, '\0', parts[0].len) != NULL) {
        return refuse(reading, "has a key that holds a NUL");
    }
    bl_json_write_key(&reading->writer, parts[0]);
    return write_nested(reading, parts[1]);
}

/* All values of a repeated field, from its first on. */
static bl_result write_all(struct reading *reading, field_descriptor *field, struct bl_str rest,
                           int depth) {
    bool is_object = is_map(field);
    struct bl_pb_field found;

    if (is_object) {
        bl_json_write_object_begin(&reading->writer);
    } else {
        bl_json_write_array_begin(&reading->writer);
    }
    while (bl_pb_next(&rest, &found)) {
        if (found.number != field->id) {
            continue;
        }
        if (found.type != wire_type_of(field)) {
            return refuse(reading, "has another type");
        }
        BL_TRY(is_object ? write_entry(reading, found.bytes)
                         : write_value(reading, field, &found, depth));
    }
    if (is_object) {
        bl_json_write_object_end(&reading->writer);
    } else {
        bl_json_write_array_end(&reading->writer);
    }
    return BL_OK;
}

/* A number that is 0 means the same as none, written or not (proto3); "no limit", for example. */
static bool is_zero(field_descriptor *field, uint64_t bits) {
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return false;
    case PROTOBUF_C_TYPE_DOUBLE:
        return bits << 1 == 0; /* of either sign */
    default:
        return bits == 0;
    }
}

static bl_result write_fields(struct reading *reading, descriptor *type, struct bl_str message,
                              int depth) {
    struct bl_str rest = message, before = message;
    uint64_t seen = 0;
    struct bl_pb_field found;

    assert(type->n_fields <= FIELDS_MAX);
    for (; bl_pb_next(&rest, &found); before = rest) {
        field_descriptor *field = protobuf_c_message_descriptor_get_field(type, found.number);
        if (field == NULL) {
            continue;
        }
        uint64_t bit = UINT64_C(1) << (field - type->fields);
        bool is_repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
        size_t outer = enter(reading, field->name);
        if (found.type != wire_type_of(field)) {
            return refuse(reading, "has another type");
        }
        if ((seen & bit) != 0 && !is_repeated) {
            return refuse(reading, "stands twice");
        }
        if ((seen & bit) == 0 && (is_repeated || !is_zero(field, found.value))) {
            bl_json_write_key(&reading->writer, bl_str_from_c(field->name));
            BL_TRY(is_repeated ? write_all(reading, field, before, depth)
                               : write_value(reading, field, &found, depth));
        }
        seen |= bit;
        leave(reading, outer);
    }
    return rest.len == 0 ? BL_OK : refuse(reading, "is no protobuf");
}

static bl_result write_message(struct reading *reading, descriptor *type, struct bl_str message,
                               int depth) {
    if (depth == DEPTH_MAX) {
        return refuse(reading, "is nested too deeply");
    }
    bl_json_write_object_begin(&reading->writer);
    BL_TRY(write_fields(reading, type, message, depth));
    bl_json_write_object_end(&reading->writer);
    return BL_OK;
}

/* Requests in JSON name these at their top. */
static bl_result write_lifted(struct reading *reading, struct bl_str request) {
    static const struct {
        uint32_t number;
        const char *name;
    } lifted[] = {{2, "tenant_id"}, {3, "trace_id"}};
    struct bl_str message = bl_pb_find(request, 1);

    for (size_t i = 0; i < sizeof(lifted) / sizeof(lifted[0]); i++) {
        struct bl_str text = bl_pb_find(message, lifted[i].number);
        if (bl_str_is_present(text) && text.len > 0) {
            size_t outer = enter(reading, lifted[i].name);
            bl_json_write_key(&reading->writer, bl_str_from_c(lifted[i].name));
            BL_TRY(write_text(reading, text));
            leave(reading, outer);
        }
    }
    return BL_OK;
}

bl_result bl_proto_to_json(enum bl_proto type, struct bl_str message, struct bl_arena *arena,
                           struct bl_str *json, struct bl_refusal *refusal) {
    size_t capacity = GROWTH * message.len + 1024;
    char *storage = bl_arena_alloc(arena, capacity);
    struct reading reading = {.arena = arena, .refusal = refusal};
    struct bl_buf buf;

    if (storage == NULL) {
        struct bl_diag *diag = bl_refusal_begin(refusal, BL_E_RESOURCE_EXHAUSTED, BL_INTAKE_NONE);
        bl_diag_message(diag, "the request needs more memory than one request may have");
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    bl_buf_init(&buf, storage, capacity);
    bl_json_writer_init(&reading.writer, &buf);
    bl_json_write_object_begin(&reading.writer);
    if (type == BL_PROTO_ROUTE_REQUEST) {
        BL_TRY(write_lifted(&reading, message));
    }
    BL_TRY(write_fields(&reading, descriptor_of(type), message, 0));
    bl_json_write_object_end(&reading.writer);
    if (buf.overflowed) {
        return refuse(&reading, "the message is larger as JSON than any request may be");
    }
    *json = bl_buf_view(&buf);
    return BL_OK;
}

/* --- JSON to messages ------------------------------------------------------------------------ */

static void put_message(struct bl_buf *buf, descriptor *type, const struct bl_json *places,
                        size_t place_count, int depth);

/* What a string field holds of a value: the text, or the JSON of what is no text. */
static struct bl_str text_of(struct bl_json value) {
    struct bl_str text;

    return bl_json_string(value, &text) ? text : bl_json_source(value);
}

static void put_value(struct bl_buf *buf, field_descriptor *field, struct bl_json value,
                      int depth) {
    int64_t number;
    double real;
    bool flag;

    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
        bl_pb_write_bytes(buf, field->id, text_of(value));
        break;
    case PROTOBUF_C_TYPE_MESSAGE: {
        size_t begin = buf->len;
        put_message(buf, field->descriptor, &value, 1, depth + 1);
        bl_pb_wrap(buf, field->id, begin);
        break;
    }
    case PROTOBUF_C_TYPE_DOUBLE:
        if (bl_json_double(value, &real)) {
            bl_pb_write_double(buf, field->id, real);
        }
        break;
    case PROTOBUF_C_TYPE_BOOL:
        if (bl_json_bool(value, &flag)) {
            bl_pb_write_number(buf, field->id, flag ? 1 : 0);
        }
        break;
    default:
        if (bl_json_int64(value, &number)) {
            bl_pb_write_number(buf, field->id, (uint64_t)number);
        }
    }
}

static void put_repeated(struct bl_buf *buf, field_descriptor *field, struct bl_json value,
                         int depth) {
    bool is_object = is_map(field);
    struct bl_json_iter iter = bl_json_iter(value);

    while (bl_json_next(&iter)) {
        if (is_object) {
            size_t begin = buf->len;
            bl_pb_write_bytes(buf, 1, iter.key);
            bl_pb_write_bytes(buf, 2, text_of(iter.value));
            bl_pb_wrap(buf, field->id, begin);
        } else {
            put_value(buf, field, iter.value, depth);
        }
    }
}

static void put_field(struct bl_buf *buf, field_descriptor *field, struct bl_json value,
                      int depth) {
    if (bl_json_is(value, BL_JSON_NULL)) {
        return;
    }
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        put_repeated(buf, field, value, depth);
    } else {
        put_value(buf, field, value, depth);
    }
}

/* By the members that there are, which are fewer than the fields that could be. */
static void put_message(struct bl_buf *buf, descriptor *type, const struct bl_json *places,
                        size_t place_count, int depth) {
    uint64_t seen = 0;
    char name[NAME_BYTES];

    assert(depth < DEPTH_MAX && type->n_fields <= FIELDS_MAX);
    for (size_t p = 0; p < place_count; p++) {
        struct bl_json_iter iter = bl_json_iter(places[p]);
        while (bl_json_next(&iter)) {
            if (!bl_str_is_present(iter.key) || iter.key.len >= sizeof(name)) {
                continue; /* no field has such a name */
            }
            memcpy(name, iter.key.data, iter.key.len);
            name[iter.key.len] = '\0';
            field_descriptor *field = protobuf_c_message_descriptor_get_field_by_name(type, name);
            uint64_t bit = field == NULL ? 0 : UINT64_C(1) << (field - type->fields);
            if (field != NULL && (seen & bit) == 0) {
                seen |= bit;
                put_field(buf, field, iter.value, depth);
            }
        }
    }
}

void bl_proto_from_json(enum bl_proto type, const struct bl_json *places, size_t place_count,
                        struct bl_buf *buf) {
    put_message(buf, descriptor_of(type), places, place_count, 0);
}

/* --- statuses -------------------------------------------------------------------------------- */

/* Status{1: code, 2: message, 3: details}, Any{1: type_url, 2: value} */
static void wrap_any(struct bl_buf *buf, struct bl_str type_url, size_t begin) {
    bl_pb_wrap(buf, 2, begin);
    bl_pb_write_bytes(buf, 1, type_url);
    bl_pb_wrap(buf, 3, begin);
}

static void put_entry(struct bl_buf *buf, uint32_t number, const char *key, struct bl_str value) {
    size_t begin = buf->len;

    bl_pb_write_bytes(buf, 1, bl_str_from_c(key));
    bl_pb_write_bytes(buf, 2, value);
    bl_pb_wrap(buf, number, begin);
}

void bl_wire_encode_grpc_status(const struct bl_refusal *refusal, struct bl_buf *buf) {
    const struct bl_error_info *info = bl_error_info(refusal->error);
    const char *intake = bl_intake_code_text(refusal->intake_code);
    char storage[BL_WIRE_REFUSAL_TEXT_MAX + 1];
    struct bl_buf text;

    bl_buf_init(&text, storage, sizeof(storage));
    bl_wire_refusal_text(refusal, &text);
    bl_pb_write_number(buf, 1, info->grpc_status);
    bl_pb_write_bytes(buf, 2, bl_buf_view(&text));
    size_t begin = buf->len; /* ErrorInfo{1: reason, 2: domain, 3: metadata} */
    bl_pb_write_bytes(buf, 1, bl_str_from_c(info->code));
    bl_pb_write_bytes(buf, 2, BL_STR("beamline.router"));
    if (intake != NULL) {
        put_entry(buf, 3, "intake_error_code", bl_str_from_c(intake));
    }
    if (refusal->diag.path[0] != '\0') {
        put_entry(buf, 3, "path", bl_str_from_c(refusal->diag.path));
    }
    wrap_any(buf, BL_STR("type.googleapis.com/google.rpc.ErrorInfo"), begin);
    if (refusal->retry_after_ms > 0) {
        begin = buf->len; /* RetryInfo{1: Duration{1: seconds, 2: nanos}} */
        bl_pb_write_number(buf, 1, (uint64_t)refusal->retry_after_ms / 1000);
        bl_pb_write_number(buf, 2, (uint64_t)refusal->retry_after_ms % 1000 * 1000000);
        bl_pb_wrap(buf, 1, begin);
        wrap_any(buf, BL_STR("type.googleapis.com/google.rpc.RetryInfo"), begin);
    }
}
