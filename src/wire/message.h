/*
 * A message as a binding hands it over, and as it gets it back: bytes, subject and headers,
 * without any library's types.
 */
#ifndef BL_WIRE_MESSAGE_H
#define BL_WIRE_MESSAGE_H

#include "base/str.h"

/* `get` gives the value of the `index`-th header of that name, ignoring case; absent past the last.
 * Views live as long as the message. */
struct bl_headers {
    struct bl_str (*get)(const void *source, const char *name, size_t index);
    const void *source;
};

/* The first value that is not blank, else a blank one, else absent. */
static inline struct bl_str bl_headers_get(const struct bl_headers *headers, const char *name) {
    if (headers == NULL || headers->get == NULL) {
        return BL_STR_ABSENT;
    }
    struct bl_str first = headers->get(headers->source, name, 0);
    struct bl_str value = first;
    for (size_t i = 1; bl_str_is_present(value); i++) {
        if (!bl_str_is_blank(value)) {
            return value;
        }
        value = headers->get(headers->source, name, i);
    }
    return first;
}

/* Whether headers of that name say different things. Blank ones say nothing. */
static inline bool bl_headers_conflict(const struct bl_headers *headers, const char *name) {
    struct bl_str first = bl_headers_get(headers, name);
    if (bl_str_is_blank(first)) {
        return false;
    }
    struct bl_str value = headers->get(headers->source, name, 0);
    for (size_t i = 1; bl_str_is_present(value); i++) {
        if (!bl_str_is_blank(value) && !bl_str_equal(value, first)) {
            return true;
        }
        value = headers->get(headers->source, name, i);
    }
    return false;
}

enum bl_codec { BL_CODEC_JSON, BL_CODEC_PROTOBUF };

struct bl_message {
    struct bl_str subject;
    struct bl_str data;
    struct bl_headers headers;
    enum bl_codec codec;       /* of the data */
    enum bl_codec reply_codec; /* of what is answered */
};

#endif
