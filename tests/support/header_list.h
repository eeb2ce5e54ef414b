/* Headers of a message in a test: name, value, name, value, NULL. */
#ifndef BL_TESTS_HEADER_LIST_H
#define BL_TESTS_HEADER_LIST_H

#include <string.h>
#include <strings.h>

#include "wire/message.h"

static inline struct bl_str header_list_get(const void *source, const char *name, size_t index) {
    for (const char *const *at = source; at != NULL && at[0] != NULL; at += 2) {
        if (strcasecmp(at[0], name) == 0 && index-- == 0) {
            return bl_str_from_c(at[1]);
        }
    }
    return BL_STR_ABSENT;
}

/* A message on the shared decide subject; `headers` may be NULL. */
static inline struct bl_message message_of(struct bl_str data, const char *const *headers) {
    return (struct bl_message){.subject = BL_STR("beamline.router.v1.decide"),
                               .data = data,
                               .headers = {header_list_get, headers}};
}

#endif
