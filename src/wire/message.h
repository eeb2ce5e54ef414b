/*
 * A message as a binding hands it over, and as it gets it back: bytes, subject and headers,
 * without any library's types.
 */
#ifndef BL_WIRE_MESSAGE_H
#define BL_WIRE_MESSAGE_H

#include "base/str.h"

/* Looks a header up by name, ignoring case; absent if there is none. Views live as long as the
 * message. */
struct bl_headers {
    struct bl_str (*get)(const void *source, const char *name);
    const void *source;
};

static inline struct bl_str bl_headers_get(const struct bl_headers *headers, const char *name) {
    return headers == NULL || headers->get == NULL ? BL_STR_ABSENT
                                                   : headers->get(headers->source, name);
}

struct bl_message {
    struct bl_str subject;
    struct bl_str data;
    struct bl_headers headers;
};

#endif
