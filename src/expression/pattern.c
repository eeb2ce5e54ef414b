#include "expression/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <string.h>

/* Three ints a state, two lists of states: room for some 160 (pcre2api, "Matching a pattern: the
 * alternative function"). */
#define WORKSPACE_INTS 1000
#define MATCH_DATA_BYTES 1024

struct bl_pattern {
    pcre2_code *code;
};

/* --- what is no RE2 ------------------------------------------------------------------------ */

static bl_result refuse(struct bl_diag *diag, struct bl_str text, size_t at, const char *what) {
    size_t len = text.len - at < 12 ? text.len - at : 12;

    bl_diag_clear(diag);
    bl_diag_message(diag, "the pattern uses %s, at \"%.*s\"", what, (int)len, text.data + at);
    bl_diag_hint(diag,
                 "patterns have the syntax of RE2: https://github.com/google/re2/wiki/Syntax");
    return BL_FAIL(INVALID_REQUEST);
}

/* Behind "(?": a group without capture, flags, or one of the constructs that are refused. */
static const char *check_group(struct bl_str rest) {
    size_t i = 0;

    if (rest.len > 0 && (rest.data[0] == '=' || rest.data[0] == '!')) {
        return "look-ahead";
    }
    if (rest.len > 1 && rest.data[0] == '<' && (rest.data[1] == '=' || rest.data[1] == '!')) {
        return "look-behind";
    }
    if (rest.len > 1 && rest.data[0] == 'P' && rest.data[1] == '<') {
        return NULL; /* a name is allowed, and nobody asks for it */
    }
    while (i < rest.len && strchr("imsU-", rest.data[i]) != NULL && rest.data[i] != '\0') {
        i++;
    }
    return i < rest.len && (rest.data[i] == ':' || (rest.data[i] == ')' && i > 0))
               ? NULL
               : "a group of a kind that is not known";
}

static bool is_repeat(char c) {
    return c == '*' || c == '+' || c == '?' || c == '}';
}

/* Reads past a class; the closing bracket may be its first member. */
static size_t skip_class(struct bl_str text, size_t at) {
    at += at < text.len && text.data[at] == '^' ? 1 : 0;
    at += at < text.len && text.data[at] == ']' ? 1 : 0;
    while (at < text.len && text.data[at] != ']') {
        if (text.data[at] == '[' && at + 1 < text.len && text.data[at + 1] == ':') {
            const char *end = memmem(text.data + at + 2, text.len - at - 2, ":]", 2);
            at = end == NULL ? at + 1 : (size_t)(end - text.data) + 2;
        } else {
            at += text.data[at] == '\\' ? 2 : 1;
        }
    }
    return at + 1;
}

static bl_result check_syntax(struct bl_str text, struct bl_diag *diag) {
    static const char letters[] = "123456789kgGKCXRNhHVPELUluF";

    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        char next = i + 1 < text.len ? text.data[i + 1] : '\0';
        if (c == '\\') {
            bool is_property = next == 'P'; /* \pL and \PL are of RE2 */
            if (next == 'Q') {
                return refuse(diag, text, i, "\\Q");
            }
            if (next != '\0' && !is_property && strchr(letters, next) != NULL) {
                return refuse(diag, text, i, "a back reference, or an escape that RE2 has not");
            }
            i++;
        } else if (c == '[') {
            i = skip_class(text, i + 1) - 1;
        } else if (c == '(' && next == '*') {
            return refuse(diag, text, i, "a verb");
        } else if (c == '(' && next == '?') {
            const char *what = check_group((struct bl_str){text.data + i + 2, text.len - i - 2});
            if (what != NULL) {
                return refuse(diag, text, i, what);
            }
        } else if (is_repeat(c) && next == '+') {
            return refuse(diag, text, i, "a possessive repetition");
        }
    }
    return BL_OK;
}

/* --- compiling ----------------------------------------------------------------------------- */

static void *take_from_arena(size_t size, void *arena) {
    return bl_arena_alloc(arena, size);
}

static void keep(void *memory, void *user) { /* goes with the arena */
    (void)memory;
    (void)user;
}

static pcre2_code *make(const char *text, size_t len, pcre2_compile_context *context, int *error,
                        PCRE2_SIZE *offset) {
    return pcre2_compile((PCRE2_SPTR)text, len,
                         PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_ANCHORED | PCRE2_DOLLAR_ENDONLY |
                             PCRE2_NO_AUTO_POSSESS | PCRE2_NEVER_BACKSLASH_C,
                         error, offset, context);
}

static bl_result compile(struct bl_str text, struct bl_arena *arena, struct bl_pattern *pattern,
                         struct bl_diag *diag) {
    /* Searching is part of the pattern, so that matching begins once, at the start. */
    char searched[BL_PATTERN_MAX_BYTES + 16];
    int len = snprintf(searched, sizeof(searched), "(?s:.*?)(?:%.*s)", BL_STR_ARG(text));
    int error = PCRE2_ERROR_HEAP_FAILED;
    PCRE2_SIZE at = 0;

    pcre2_general_context *memory = pcre2_general_context_create(take_from_arena, keep, arena);
    pcre2_compile_context *context = memory == NULL ? NULL : pcre2_compile_context_create(memory);
    /* By itself first: a bracket too many must not close ours. */
    if (context != NULL && make(text.data, text.len, context, &error, &at) != NULL) {
        pattern->code = make(searched, (size_t)len, context, &error, &at);
    }
    if (pattern->code != NULL) {
        return BL_OK;
    }
    if (error == PCRE2_ERROR_HEAP_FAILED) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    char reason[128] = "";
    (void)pcre2_get_error_message(error, (PCRE2_UCHAR *)reason, sizeof(reason));
    bl_diag_clear(diag);
    bl_diag_message(diag, "the pattern is broken at its character %zu: %s", (size_t)at, reason);
    return BL_FAIL(INVALID_REQUEST);
}

bl_result bl_pattern_compile(struct bl_str text, struct bl_arena *arena,
                             const struct bl_pattern **out, struct bl_diag *diag) {
    if (text.len > BL_PATTERN_MAX_BYTES) {
        bl_diag_clear(diag);
        bl_diag_message(diag, "the pattern has %zu bytes, more than %d", text.len,
                        BL_PATTERN_MAX_BYTES);
        return BL_FAIL(INVALID_REQUEST);
    }
    if (memchr(text.data, '\0', text.len) != NULL) {
        bl_diag_clear(diag);
        bl_diag_message(diag, "the pattern holds a NUL");
        return BL_FAIL(INVALID_REQUEST);
    }
    BL_TRY(check_syntax(text, diag));
    struct bl_pattern *pattern = bl_arena_calloc(arena, 1, sizeof(*pattern));
    if (pattern == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    BL_TRY(compile(text, arena, pattern, diag));
    *out = pattern;
    return BL_OK;
}

/* --- matching ------------------------------------------------------------------------------ */

/* Match data asks for its memory; it gets a piece of the stack. */
struct piece {
    _Alignas(16) char bytes[MATCH_DATA_BYTES];
    size_t used;
};

static void *take_from_piece(size_t size, void *user) {
    struct piece *piece = user;
    size_t rounded = (size + 15) & ~(size_t)15;

    if (rounded > sizeof(piece->bytes) - piece->used) {
        return NULL;
    }
    piece->used += rounded;
    return piece->bytes + piece->used - rounded;
}

enum bl_match bl_pattern_match(const struct bl_pattern *pattern, struct bl_str text) {
    struct piece piece;
    int workspace[WORKSPACE_INTS];

    if (text.len > BL_PATTERN_TEXT_MAX_BYTES) {
        return BL_MATCH_TOO_MUCH;
    }
    piece.used = 0;
    pcre2_general_context *memory = pcre2_general_context_create(take_from_piece, keep, &piece);
    pcre2_match_data *data = memory == NULL ? NULL : pcre2_match_data_create(1, memory);
    if (data == NULL) {
        return BL_MATCH_TOO_MUCH;
    }
    int found = pcre2_dfa_match(pattern->code, (PCRE2_SPTR)text.data, text.len, 0,
                                PCRE2_NO_UTF_CHECK | PCRE2_DFA_SHORTEST, data, NULL, workspace,
                                WORKSPACE_INTS);
    if (found >= 0) {
        return BL_MATCH_YES;
    }
    return found == PCRE2_ERROR_NOMATCH ? BL_MATCH_NO : BL_MATCH_TOO_MUCH;
}
