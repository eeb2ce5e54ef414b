/*
 * Protobuf field by field, for messages whose shape is not known when the router is built: file
 * descriptors, and the few that reflection and health are asked with. Messages of the router's own
 * have generated code (wire/protobuf.h).
 *
 * https://protobuf.dev/programming-guides/encoding/
 */
#ifndef BL_WIRE_PB_FIELD_H
#define BL_WIRE_PB_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum bl_pb_type { BL_PB_VARINT = 0, BL_PB_FIXED_64 = 1, BL_PB_BYTES = 2, BL_PB_FIXED_32 = 5 };

struct bl_pb_field {
    uint32_t number;
    enum bl_pb_type type;
    uint64_t value;      /* of a number: as it is, or the bits of a fixed one */
    struct bl_str bytes; /* of a text, bytes or a message; absent for a number */
};

/* Takes the next field off `rest`. False at the end, or where it is no protobuf: then something is
 * left in `rest`. */
bool bl_pb_next(struct bl_str *rest, struct bl_pb_field *field);

/* The first field of that number; absent if there is none. */
struct bl_str bl_pb_find(struct bl_str message, uint32_t number);

/* Tag and length of bytes that the caller appends. */
void bl_pb_write_prefix(struct bl_buf *buf, uint32_t number, size_t len);
void bl_pb_write_bytes(struct bl_buf *buf, uint32_t number, struct bl_str bytes);
void bl_pb_write_number(struct bl_buf *buf, uint32_t number, uint64_t value);
void bl_pb_write_double(struct bl_buf *buf, uint32_t number, double value);

/* Makes a field of what was appended to `buf` from `begin` on. */
void bl_pb_wrap(struct bl_buf *buf, uint32_t number, size_t begin);

#endif
