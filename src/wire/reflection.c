#include "wire/reflection.h"

#include <string.h>

#include "wire/pb_field.h"

/* ServerReflectionRequest and -Response. */
enum {
    REQUEST_FILE_BY_NAME = 3,
    REQUEST_FILE_OF_SYMBOL = 4,
    REQUEST_FILE_OF_EXTENSION = 5,
    REQUEST_EXTENSIONS = 6,
    REQUEST_LIST = 7,
    REPLY_HOST = 1,
    REPLY_REQUEST = 2,
    REPLY_FILES = 4,
    REPLY_SERVICES = 6,
    REPLY_ERROR = 7,
};

/* google/protobuf/descriptor.proto */
enum {
    SET_FILE = 1,
    FILE_NAME = 1,
    FILE_PACKAGE = 2,
    FILE_MESSAGE = 4,
    FILE_ENUM = 5,
    FILE_SERVICE = 6,
    MESSAGE_NAME = 1,
    MESSAGE_NESTED = 3,
    MESSAGE_ENUM = 4,
    SERVICE_METHOD = 2,
};

enum { GRPC_NOT_FOUND = 5, GRPC_UNIMPLEMENTED = 12 };

#define NESTING_MAX 8

/* What is left of `symbol` behind `name` and a dot; empty if they are equal; absent if it is another. */
static struct bl_str behind(struct bl_str symbol, struct bl_str name) {
    if (!bl_str_starts_with(symbol, name)) {
        return BL_STR_ABSENT;
    }
    if (symbol.len == name.len) {
        return (struct bl_str){symbol.data + name.len, 0};
    }
    if (symbol.data[name.len] != '.') {
        return BL_STR_ABSENT;
    }
    return (struct bl_str){symbol.data + name.len + 1, symbol.len - name.len - 1};
}

/* Whether `symbol` is the message, something within it, or one of its fields. */
static bool message_declares(struct bl_str message, struct bl_str symbol, int nesting) {
    struct bl_str rest = behind(symbol, bl_pb_find(message, MESSAGE_NAME));
    struct bl_pb_field field;

    if (!bl_str_is_present(rest) || nesting == NESTING_MAX) {
        return false;
    }
    if (rest.len == 0) {
        return true;
    }
    while (bl_pb_next(&message, &field)) {
        bool is_nested = field.number == MESSAGE_NESTED;
        bool is_enum = field.number == MESSAGE_ENUM;
        if ((is_nested && message_declares(field.bytes, rest, nesting + 1)) ||
            (is_enum && bl_str_equal(bl_pb_find(field.bytes, MESSAGE_NAME), rest))) {
            return true;
        }
    }
    return false;
}

static bool service_declares(struct bl_str service, struct bl_str symbol) {
    struct bl_str rest = behind(symbol, bl_pb_find(service, MESSAGE_NAME));
    struct bl_pb_field field;

    if (!bl_str_is_present(rest) || rest.len == 0) {
        return bl_str_is_present(rest);
    }
    while (bl_pb_next(&service, &field)) {
        if (field.number == SERVICE_METHOD &&
            bl_str_equal(bl_pb_find(field.bytes, MESSAGE_NAME), rest)) {
            return true;
        }
    }
    return false;
}

static bool file_declares(struct bl_str file, struct bl_str symbol) {
    struct bl_str rest = behind(symbol, bl_pb_find(file, FILE_PACKAGE));
    struct bl_pb_field field;

    if (!bl_str_is_present(rest) || rest.len == 0) {
        return false;
    }
    while (bl_pb_next(&file, &field)) {
        bool found = false;
        if (field.number == FILE_MESSAGE) {
            found = message_declares(field.bytes, rest, 0);
        } else if (field.number == FILE_SERVICE) {
            found = service_declares(field.bytes, rest);
        } else if (field.number == FILE_ENUM) {
            found = bl_str_equal(bl_pb_find(field.bytes, MESSAGE_NAME), rest);
        }
        if (found) {
            return true;
        }
    }
    return false;
}

static bool file_is_named(struct bl_str file, struct bl_str name) {
    return bl_str_equal(bl_pb_find(file, FILE_NAME), name);
}

/* --- replies --------------------------------------------------------------------------------- */

static void write_error(struct bl_buf *reply, uint64_t code, const char *message) {
    char storage[160];
    struct bl_buf error;

    bl_buf_init(&error, storage, sizeof(storage));
    bl_pb_write_number(&error, 1, code);
    bl_pb_write_bytes(&error, 2, bl_str_from_c(message));
    bl_pb_write_bytes(reply, REPLY_ERROR, bl_buf_view(&error));
}

/* A message in field `outer` whose only field, `inner`, holds the bytes: without a copy of them. */
static void write_nested(struct bl_buf *reply, uint32_t outer, uint32_t inner,
                         struct bl_str bytes) {
    char storage[16];
    struct bl_buf prefix;

    bl_buf_init(&prefix, storage, sizeof(storage));
    bl_pb_write_prefix(&prefix, inner, bytes.len);
    bl_pb_write_prefix(reply, outer, prefix.len + bytes.len);
    bl_buf_str(reply, bl_buf_view(&prefix));
    bl_buf_str(reply, bytes);
}

static void write_file(struct bl_buf *reply, struct bl_str descriptors, struct bl_str wanted,
                       bool (*matches)(struct bl_str file, struct bl_str wanted)) {
    struct bl_pb_field file;

    while (bl_pb_next(&descriptors, &file)) {
        if (file.number == SET_FILE && matches(file.bytes, wanted)) {
            write_nested(reply, REPLY_FILES, 1, file.bytes);
            return;
        }
    }
    write_error(reply, GRPC_NOT_FOUND, "no file of this server has that");
}

static bool write_services(struct bl_buf *reply, const char *const *services) {
    char storage[2048], one_storage[256];
    struct bl_buf list, one;

    bl_buf_init(&list, storage, sizeof(storage));
    for (; *services != NULL; services++) {
        bl_buf_init(&one, one_storage, sizeof(one_storage));
        bl_pb_write_bytes(&one, 1, bl_str_from_c(*services));
        bl_pb_write_bytes(&list, 1, bl_buf_view(&one));
    }
    bl_pb_write_bytes(reply, REPLY_SERVICES, bl_buf_view(&list));
    return !list.overflowed;
}

bool bl_reflection_answer(const struct bl_reflection *reflection, struct bl_str request,
                          struct bl_buf *reply) {
    struct bl_pb_field asked = {.number = 0}, field;
    struct bl_str rest = request;

    while (bl_pb_next(&rest, &field)) {
        if (field.number >= REQUEST_FILE_BY_NAME && field.number <= REQUEST_LIST) {
            asked = field; /* of a oneof the last counts */
        }
    }
    if (rest.len > 0) {
        return false;
    }
    struct bl_str host = bl_pb_find(request, 1);
    if (bl_str_is_present(host)) {
        bl_pb_write_bytes(reply, REPLY_HOST, host);
    }
    bl_pb_write_bytes(reply, REPLY_REQUEST, request);
    bool good = true;
    switch (asked.number) {
    case REQUEST_FILE_BY_NAME:
        write_file(reply, reflection->descriptors, asked.bytes, file_is_named);
        break;
    case REQUEST_FILE_OF_SYMBOL:
        write_file(reply, reflection->descriptors, asked.bytes, file_declares);
        break;
    case REQUEST_LIST:
        good = write_services(reply, reflection->services);
        break;
    case REQUEST_FILE_OF_EXTENSION:
    case REQUEST_EXTENSIONS:
        write_error(reply, GRPC_NOT_FOUND, "there are no extensions here");
        break;
    default:
        write_error(reply, GRPC_UNIMPLEMENTED, "the request asks for nothing that is known here");
    }
    return good && !reply->overflowed;
}
