#include "expression/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

/* Room for the frames of a match: PCRE2 begins with 20 KiB of them and doubles, so that 320 KiB can be
 * in use, some 2500 repetitions of a group. */
#define FRAMES_BYTES ((size_t)640 * 1024)

/* Steps that a match may take, besides some for each byte: a search takes one or two a byte, a
 * pattern that tries the same stretch in many ways runs into it. */
#define STEPS_BASE 2000
#define STEPS_PER_BYTE 8

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

/* Goes through a pattern once: what RE2 has not is refused, and what it reads otherwise than PCRE2
 * is rewritten. At most two bytes come of one. */
struct rewriter {
    struct bl_str text;
    size_t at;
    struct bl_buf out;
    struct bl_diag *diag;
    bool is_multiline[BL_PATTERN_MAX_BYTES + 1]; /* (?m) holds, in each group that is open */
    size_t depth;
};

static char peek(const struct rewriter *rewriter, size_t ahead) {
    size_t at = rewriter->at + ahead;
    return at < rewriter->text.len ? rewriter->text.data[at] : '\0';
}

static void take(struct rewriter *rewriter, size_t bytes) {
    bytes = bytes < rewriter->text.len - rewriter->at ? bytes : rewriter->text.len - rewriter->at;
    bl_buf_bytes(&rewriter->out, rewriter->text.data + rewriter->at, bytes);
    rewriter->at += bytes;
}

static bl_result take_escape(struct rewriter *rewriter, bool in_class) {
    char next = peek(rewriter, 1);

    if (next == 'Q') {
        return refuse(rewriter->diag, rewriter->text, rewriter->at, "\\Q");
    }
    if (next != '\0' &&
        strchr(in_class ? "123456789kgGKCXRNhHVELUluFZecob" : "123456789kgGKCXRNhHVELUluFZeco",
               next) != NULL) {
        return refuse(rewriter->diag, rewriter->text, rewriter->at,
                      "a back reference, or an escape that RE2 has not");
    }
    if (next == 'v') { /* one character; to PCRE2 it is a class */
        bl_buf_literal(&rewriter->out, "\\x0b");
        rewriter->at += 2;
        return BL_OK;
    }
    take(rewriter, 2);
    return BL_OK;
}

/* Bytes of "[:name:]", 0 if there is none. */
static size_t named_class_len(const struct rewriter *rewriter) {
    size_t len = 2;

    if (peek(rewriter, 0) != '[' || peek(rewriter, 1) != ':') {
        return 0;
    }
    len += peek(rewriter, len) == '^' ? 1 : 0;
    while (peek(rewriter, len) >= 'a' && peek(rewriter, len) <= 'z') {
        len++;
    }
    return peek(rewriter, len) == ':' && peek(rewriter, len + 1) == ']' ? len + 2 : 0;
}

/* At the bracket; the closing one may be the first member. */
static bl_result take_class(struct rewriter *rewriter) {
    take(rewriter, peek(rewriter, 1) == '^' ? 2 : 1);
    if (peek(rewriter, 0) == ']') {
        take(rewriter, 1);
    }
    while (rewriter->at < rewriter->text.len && peek(rewriter, 0) != ']') {
        size_t name_len = named_class_len(rewriter);
        if (name_len > 0) {
            take(rewriter, name_len);
        } else if (peek(rewriter, 0) == '\\') {
            BL_TRY(take_escape(rewriter, true));
        } else {
            take(rewriter, 1);
        }
    }
    take(rewriter, 1);
    return BL_OK;
}

/* At "(". Flags hold to the end of the group that they stand in. */
static bl_result take_group(struct rewriter *rewriter) {
    struct bl_str rest = {rewriter->text.data + rewriter->at, rewriter->text.len - rewriter->at};
    bool is_multiline = rewriter->is_multiline[rewriter->depth];
    bool is_set = true;
    size_t len = 1;

    if (peek(rewriter, 1) == '*') {
        return refuse(rewriter->diag, rewriter->text, rewriter->at, "a verb");
    }
    if (peek(rewriter, 1) == '?') {
        const char *what = check_group((struct bl_str){rest.data + 2, rest.len - 2});
        if (what != NULL) {
            return refuse(rewriter->diag, rewriter->text, rewriter->at, what);
        }
        for (len = 2;
             peek(rewriter, len) != 'P' && peek(rewriter, len) != ':' && peek(rewriter, len) != ')';
             len++) {
            is_set = is_set && peek(rewriter, len) != '-';
            is_multiline = peek(rewriter, len) == 'm' ? is_set : is_multiline;
        }
    }
    if (peek(rewriter, 1) != '?' || peek(rewriter, len) != ')') {
        rewriter->depth++; /* a group; else flags for the rest of this one */
    } else {
        len++;
    }
    rewriter->is_multiline[rewriter->depth] = is_multiline;
    take(rewriter, len);
    return BL_OK;
}

static bl_result rewrite(struct rewriter *rewriter) {
    while (rewriter->at < rewriter->text.len) {
        char c = peek(rewriter, 0);
        if (c == '\\') {
            BL_TRY(take_escape(rewriter, false));
        } else if (c == '[') {
            BL_TRY(take_class(rewriter));
        } else if (c == '(') {
            BL_TRY(take_group(rewriter));
        } else if (is_repeat(c) && peek(rewriter, 1) == '+') {
            return refuse(rewriter->diag, rewriter->text, rewriter->at, "a possessive repetition");
        } else if (c == '$' && !rewriter->is_multiline[rewriter->depth]) {
            bl_buf_literal(&rewriter->out, "\\z"); /* PCRE2 would allow a line feed behind it */
            rewriter->at++;
        } else {
            rewriter->depth -= c == ')' && rewriter->depth > 0 ? 1 : 0;
            take(rewriter, 1);
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
                         PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_ANCHORED | PCRE2_NEVER_BACKSLASH_C,
                         error, offset, context);
}

static bl_result compile(struct bl_str text, struct bl_arena *arena, struct bl_pattern *pattern,
                         struct bl_diag *diag) {
    /* Searching is part of the pattern, so that matching begins once, at the start, and all its steps
     * count against one limit. What can only match at the start is not searched for. */
    bool is_at_start = text.len > 0 && text.data[0] == '^' &&
                       memchr(text.data, '|', text.len) == NULL &&
                       memchr(text.data, '(', text.len) == NULL;
    char searched[2 * BL_PATTERN_MAX_BYTES + 16];
    int len = snprintf(searched, sizeof(searched), "%s(?:%.*s)", is_at_start ? "" : "(?s:.*?)",
                       BL_STR_ARG(text));
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
    char storage[2 * BL_PATTERN_MAX_BYTES];
    struct rewriter rewriter = {.text = text, .diag = diag};
    bl_buf_init(&rewriter.out, storage, sizeof(storage));
    BL_TRY(rewrite(&rewriter));
    struct bl_pattern *pattern = bl_arena_calloc(arena, 1, sizeof(*pattern));
    if (pattern == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    BL_TRY(compile(bl_buf_view(&rewriter.out), arena, pattern, diag));
    *out = pattern;
    return BL_OK;
}

/* --- matching ------------------------------------------------------------------------------ */

/* A match asks for memory; it gets a piece of the stack, which is touched only as far as it is used. */
struct piece {
    _Alignas(16) char bytes[FRAMES_BYTES];
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

    if (text.len > BL_PATTERN_TEXT_MAX_BYTES) {
        return BL_MATCH_TOO_MUCH;
    }
    piece.used = 0;
    pcre2_general_context *memory = pcre2_general_context_create(take_from_piece, keep, &piece);
    pcre2_match_context *context = memory == NULL ? NULL : pcre2_match_context_create(memory);
    pcre2_match_data *data = context == NULL ? NULL : pcre2_match_data_create(1, memory);
    if (data == NULL) {
        return BL_MATCH_TOO_MUCH;
    }
    (void)pcre2_set_match_limit(context, STEPS_BASE + STEPS_PER_BYTE * (uint32_t)text.len);
    int found = pcre2_match(pattern->code, (PCRE2_SPTR)text.data, text.len, 0, PCRE2_NO_UTF_CHECK,
                            data, context);
    if (found >= 0) {
        return BL_MATCH_YES;
    }
    return found == PCRE2_ERROR_NOMATCH ? BL_MATCH_NO : BL_MATCH_TOO_MUCH;
}
