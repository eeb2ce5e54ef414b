/* JSON in C source, written with single quotes: json_text("{'a': 1}"). */
#ifndef BL_TESTS_JSON_TEXT_H
#define BL_TESTS_JSON_TEXT_H

#include <assert.h>
#include <string.h>

#include "base/str.h"

/* The text with each ' as ". Lives until the eighth call after this one. */
static inline struct bl_str json_text(const char *quoted) {
    static char storage[8][16384];
    static unsigned turn;
    char *text = storage[turn++ % 8];
    size_t len = strlen(quoted);

    assert(len < sizeof(storage[0]));
    for (size_t i = 0; i <= len; i++) {
        text[i] = quoted[i] == '\'' ? '"' : quoted[i];
    }
    return (struct bl_str){text, len};
}

#endif
