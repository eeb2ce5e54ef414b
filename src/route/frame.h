/*
 * Recordings: decision records one after another in a file.
 *
 * A frame is "BLF1", the length of its record and a checksum, four bytes each, and the record. A
 * reader that meets something else (a write that was cut off, a damaged sector, another program's
 * bytes) goes on at the next frame that is whole, and says how much it passed over. Pure.
 */
#ifndef BL_ROUTE_FRAME_H
#define BL_ROUTE_FRAME_H

#include "base/buf.h"
#include "base/str.h"

#define BL_FRAME_MAGIC_BYTES 4
#define BL_FRAME_HEAD_BYTES 12
#define BL_FRAME_RECORD_MAX 65536

/* Whether bytes begin as a recording does; one that was cut within its first word, too. */
bool bl_frame_begins(struct bl_str bytes);

/* Begins a frame; the record is appended to `buf` next. Returns where it began. */
size_t bl_frame_begin(struct bl_buf *buf);
/* Ends it. If the record did not fit `buf`, nothing is left of the frame, and false is returned. */
bool bl_frame_end(struct bl_buf *buf, size_t began);

struct bl_frame_reader {
    struct bl_str rest;     /* not yet read */
    uint64_t skipped_bytes; /* that were no frame */
    uint64_t damaged;       /* stretches of such bytes */
};

/* `bytes` is borrowed while reading. */
static inline struct bl_frame_reader bl_frame_reader(struct bl_str bytes) {
    return (struct bl_frame_reader){.rest = bytes};
}

/* The next record, a view into the bytes; false at the end. */
bool bl_frame_next(struct bl_frame_reader *reader, struct bl_str *record);

#endif
