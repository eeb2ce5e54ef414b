#include "wire/pb_field.h"

#include <string.h>

static bool take_varint(struct bl_str *rest, uint64_t *out) {
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && rest->len > 0; shift += 7) {
        uint8_t byte = (uint8_t)rest->data[0];
        rest->data++;
        rest->len--;
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            *out = value;
            return true;
        }
    }
    return false;
}

/* Little endian. */
static bool take_fixed(struct bl_str *rest, size_t len, uint64_t *out) {
    uint64_t value = 0;

    if (rest->len < len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        value |= (uint64_t)(unsigned char)rest->data[i] << (8 * i);
    }
    *out = value;
    rest->data += len;
    rest->len -= len;
    return true;
}

static bool take_bytes(struct bl_str *rest, uint64_t len, struct bl_str *out) {
    if (len > rest->len) {
        return false;
    }
    *out = (struct bl_str){rest->data, (size_t)len};
    rest->data += len;
    rest->len -= (size_t)len;
    return true;
}

bool bl_pb_next(struct bl_str *rest, struct bl_pb_field *field) {
    struct bl_str at = *rest;
    uint64_t key;

    if (at.len == 0 || !take_varint(&at, &key) || key >> 3 == 0 || key >> 3 > UINT32_MAX) {
        return false;
    }
    *field = (struct bl_pb_field){.number = (uint32_t)(key >> 3), .bytes = BL_STR_ABSENT};
    field->type = (enum bl_pb_type)(key & 7);
    bool good;
    switch (key & 7) {
    case BL_PB_VARINT:
        good = take_varint(&at, &field->value);
        break;
    case BL_PB_FIXED_64:
        good = take_fixed(&at, 8, &field->value);
        break;
    case BL_PB_FIXED_32:
        good = take_fixed(&at, 4, &field->value);
        break;
    case BL_PB_BYTES:
        good = take_varint(&at, &field->value) && take_bytes(&at, field->value, &field->bytes);
        break;
    default:
        good = false;
    }
    if (good) {
        *rest = at;
    }
    return good;
}

struct bl_str bl_pb_find(struct bl_str message, uint32_t number) {
    struct bl_pb_field field;

    while (bl_pb_next(&message, &field)) {
        if (field.number == number) {
            return field.bytes;
        }
    }
    return BL_STR_ABSENT;
}

static void write_varint(struct bl_buf *buf, uint64_t value) {
    while (value > 127) {
        bl_buf_char(buf, (char)(value | 128));
        value >>= 7;
    }
    bl_buf_char(buf, (char)value);
}

void bl_pb_write_prefix(struct bl_buf *buf, uint32_t number, size_t len) {
    write_varint(buf, (uint64_t)number << 3 | BL_PB_BYTES);
    write_varint(buf, len);
}

void bl_pb_write_bytes(struct bl_buf *buf, uint32_t number, struct bl_str bytes) {
    bl_pb_write_prefix(buf, number, bytes.len);
    bl_buf_str(buf, bytes);
}

void bl_pb_write_number(struct bl_buf *buf, uint32_t number, uint64_t value) {
    write_varint(buf, (uint64_t)number << 3 | BL_PB_VARINT);
    write_varint(buf, value);
}

void bl_pb_write_double(struct bl_buf *buf, uint32_t number, double value) {
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    write_varint(buf, (uint64_t)number << 3 | BL_PB_FIXED_64);
    for (int i = 0; i < 8; i++) {
        bl_buf_char(buf, (char)(bits >> (8 * i)));
    }
}

void bl_pb_wrap(struct bl_buf *buf, uint32_t number, size_t begin) {
    char storage[16];
    struct bl_buf prefix;
    size_t len = buf->len - begin;

    bl_buf_init(&prefix, storage, sizeof(storage));
    bl_pb_write_prefix(&prefix, number, len);
    bl_buf_str(buf, bl_buf_view(&prefix)); /* room, and the news if there is none */
    if (!buf->overflowed) {
        memmove(buf->data + begin + prefix.len, buf->data + begin, len);
        memcpy(buf->data + begin, prefix.data, prefix.len);
    }
}
