/*
 * Borrowed byte views.
 *
 * A `struct bl_str` points at bytes that somebody else owns; it is not NUL-terminated and may hold
 * any byte. Whoever makes one says in its header how long the bytes live. The absent view has
 * `data == NULL`; an empty one has `data != NULL, len == 0`. The difference matters on the wire:
 * absent means absent.
 */
#ifndef BL_BASE_STR_H
#define BL_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct bl_str {
    const char *data;
    size_t len;
};

#define BL_STR_ABSENT ((struct bl_str){NULL, 0})
/* View of a string literal. */
#define BL_STR(literal) ((struct bl_str){"" literal, sizeof(literal) - 1})
/* For printf's "%.*s". */
#define BL_STR_ARG(str) (int)(str).len, ((str).data != NULL ? (str).data : "")

/* View of a NUL-terminated string, without the NUL. NULL gives the absent view. */
static inline struct bl_str bl_str_from_c(const char *text) {
    return (struct bl_str){text, text != NULL ? strlen(text) : 0};
}

static inline bool bl_str_is_present(struct bl_str str) {
    return str.data != NULL;
}

/* Absent or empty. */
/* The first `max` bytes. */
static inline struct bl_str bl_str_head(struct bl_str str, size_t max) {
    return (struct bl_str){str.data, str.len < max ? str.len : max};
}

static inline bool bl_str_is_blank(struct bl_str str) {
    return str.len == 0;
}

/* Byte equality. The absent view equals only itself. */
static inline bool bl_str_equal(struct bl_str a, struct bl_str b) {
    if (a.len != b.len || (a.data == NULL) != (b.data == NULL)) {
        return false;
    }
    return a.len == 0 || a.data == b.data || memcmp(a.data, b.data, a.len) == 0;
}

static inline bool bl_str_equal_c(struct bl_str a, const char *text) {
    return bl_str_equal(a, bl_str_from_c(text));
}

static inline bool bl_str_starts_with(struct bl_str str, struct bl_str prefix) {
    return str.len >= prefix.len &&
           (prefix.len == 0 || memcmp(str.data, prefix.data, prefix.len) == 0);
}

/* Order by bytes, shorter first on a common prefix: <0, 0, >0. */
int bl_str_compare(struct bl_str a, struct bl_str b);

/* `str` without leading and trailing spaces, tabs, CR and LF; points into `str`. */
struct bl_str bl_str_trim(struct bl_str str);

#endif
