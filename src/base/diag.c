#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

void bl_diag_clear(struct bl_diag *diag) {
    diag->severity = BL_SEVERITY_ERROR;
    diag->line = 0;
    diag->column = 0;
    diag->path[0] = '\0';
    diag->message[0] = '\0';
    diag->hint[0] = '\0';
}

/* Cuts `text`, which did not fit, to whole characters and an ellipsis. */
static void cut(char *text, size_t capacity) {
    size_t len = bl_utf8_cut((struct bl_str){text, capacity - 4}, capacity - 4).len;
    memcpy(text + len, "...", 4);
}

/* Replaces what a terminal could obey and what is not UTF-8 by '?', byte for byte. */
static void make_printable(char *text) {
    size_t left = strlen(text);

    while (left > 0) {
        unsigned char first = (unsigned char)text[0];
        size_t step = bl_utf8_char_len(text, left);
        bool control = first < 0x20 || first == 0x7f ||
                       (first == 0xC2 && step == 2 && (unsigned char)text[1] < 0xA0);
        if (step == 0 || control) {
            step = step == 0 ? 1 : step;
            memset(text, '?', step);
        }
        text += step;
        left -= step;
    }
}

static void write(char *text, size_t capacity, const char *format, va_list args) {
    int wanted = vsnprintf(text, capacity, format, args);

    if (wanted < 0) {
        text[0] = '\0';
        return;
    }
    if ((size_t)wanted >= capacity) {
        cut(text, capacity);
    }
    make_printable(text);
}

#define WRITE(field)                                                                               \
    va_list args;                                                                                  \
    va_start(args, format);                                                                        \
    write(diag->field, sizeof(diag->field), format, args);                                         \
    va_end(args)

void bl_diag_message(struct bl_diag *diag, const char *format, ...) {
    WRITE(message);
}

void bl_diag_hint(struct bl_diag *diag, const char *format, ...) {
    WRITE(hint);
}

void bl_diag_path(struct bl_diag *diag, const char *format, ...) {
    WRITE(path);
}

void bl_findings_clear(struct bl_findings *findings) {
    findings->count = 0;
    findings->errors = 0;
    findings->warnings = 0;
}

struct bl_diag *bl_findings_add(struct bl_findings *findings, enum bl_severity severity) {
    if (findings->count < BL_FINDINGS_MAX) {
        findings->count++;
    }
    if (severity == BL_SEVERITY_ERROR) {
        findings->errors++;
    } else {
        findings->warnings++;
    }
    struct bl_diag *diag = &findings->items[findings->count - 1];
    bl_diag_clear(diag);
    diag->severity = severity;
    return diag;
}

#define NEAREST_MAX_LEN 64

/* Levenshtein distance, two rows; words longer than NEAREST_MAX_LEN are never near. */
static size_t distance(struct bl_str a, struct bl_str b) {
    size_t rows[2][NEAREST_MAX_LEN + 1];

    if (a.len > NEAREST_MAX_LEN || b.len > NEAREST_MAX_LEN) {
        return NEAREST_MAX_LEN;
    }
    for (size_t j = 0; j <= b.len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t *previous = rows[(i - 1) & 1];
        size_t *row = rows[i & 1];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t best = previous[j - 1] + (a.data[i - 1] != b.data[j - 1] ? 1 : 0);
            if (previous[j] + 1 < best) {
                best = previous[j] + 1;
            }
            if (row[j - 1] + 1 < best) {
                best = row[j - 1] + 1;
            }
            row[j] = best;
        }
    }
    return rows[a.len & 1][b.len];
}

struct bl_str bl_nearest(struct bl_str word, const struct bl_str *candidates, size_t count) {
    struct bl_str nearest = BL_STR_ABSENT;
    size_t best = 3;

    for (size_t i = 0; i < count; i++) {
        size_t steps = distance(word, candidates[i]);
        if (steps < best && steps * 2 < word.len) {
            best = steps;
            nearest = candidates[i];
        }
    }
    return nearest;
}
