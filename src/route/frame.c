#include "route/frame.h"

#include "base/checksum.h"

static const char magic[BL_FRAME_MAGIC_BYTES] = {'B', 'L', 'F', '1'};

static void put_u32(char *at, uint32_t value) {
    for (int i = 0; i < 4; i++) {
        at[i] = (char)(value >> (8 * i));
    }
}

static uint32_t get_u32(const char *at) {
    uint32_t value = 0;

    for (int i = 3; i >= 0; i--) {
        value = value << 8 | (unsigned char)at[i];
    }
    return value;
}

size_t bl_frame_begin(struct bl_buf *buf) {
    static const char head[BL_FRAME_HEAD_BYTES] = {'B', 'L', 'F', '1'};
    size_t began = buf->len;

    bl_buf_bytes(buf, head, sizeof(head));
    return began;
}

bool bl_frame_end(struct bl_buf *buf, size_t began) {
    if (buf->overflowed || buf->len - began - BL_FRAME_HEAD_BYTES > BL_FRAME_RECORD_MAX) {
        buf->len = began;
        buf->overflowed = false;
        return false;
    }
    const char *record = buf->data + began + BL_FRAME_HEAD_BYTES;
    size_t len = buf->len - began - BL_FRAME_HEAD_BYTES;
    put_u32(buf->data + began + 4, (uint32_t)len);
    put_u32(buf->data + began + 8, bl_checksum(record, len));
    return true;
}

/* The record of the frame at the start of `bytes`; false if there is no whole one. */
static bool read_frame(struct bl_str bytes, struct bl_str *record) {
    if (bytes.len < BL_FRAME_HEAD_BYTES || memcmp(bytes.data, magic, sizeof(magic)) != 0) {
        return false;
    }
    size_t len = get_u32(bytes.data + 4);
    if (len > BL_FRAME_RECORD_MAX || len > bytes.len - BL_FRAME_HEAD_BYTES) {
        return false;
    }
    *record = (struct bl_str){bytes.data + BL_FRAME_HEAD_BYTES, len};
    return bl_checksum(record->data, len) == get_u32(bytes.data + 8);
}

bool bl_frame_begins(struct bl_str bytes) {
    size_t len = bytes.len < sizeof(magic) ? bytes.len : sizeof(magic);

    return len > 0 && memcmp(bytes.data, magic, len) == 0;
}

/* Where the next frame may begin. */
static size_t find_magic(struct bl_str bytes) {
    const char *found = memmem(bytes.data, bytes.len, magic, sizeof(magic));
    return found == NULL ? bytes.len : (size_t)(found - bytes.data);
}

bool bl_frame_next(struct bl_frame_reader *reader, struct bl_str *record) {
    bool was_whole = true;

    while (reader->rest.len > 0) {
        if (read_frame(reader->rest, record)) {
            size_t used = BL_FRAME_HEAD_BYTES + record->len;
            reader->rest.data += used;
            reader->rest.len -= used;
            return true;
        }
        struct bl_str behind = {reader->rest.data + 1, reader->rest.len - 1};
        size_t skipped = 1 + find_magic(behind);
        reader->damaged += was_whole ? 1 : 0;
        was_whole = false;
        reader->skipped_bytes += skipped;
        reader->rest.data += skipped;
        reader->rest.len -= skipped;
    }
    return false;
}
