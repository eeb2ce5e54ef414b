/* What the parts of the compiler share: where they are, what they found, and memory. */
#include "policy/draft.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define PATH_KEY_BYTES 40

static void extend_path(struct bl_draft *draft, int written) {
    size_t room = sizeof(draft->path) - draft->path_len;
    draft->path_len += written < 0 ? 0 : (size_t)written < room ? (size_t)written : room - 1;
}

size_t bl_draft_enter(struct bl_draft *draft, struct bl_str key) {
    size_t mark = draft->path_len;
    struct bl_str shown = bl_draft_quote(key, PATH_KEY_BYTES);

    extend_path(draft, snprintf(draft->path + mark, sizeof(draft->path) - mark, "%s%.*s",
                                mark == 0 ? "" : ".", BL_STR_ARG(shown)));
    return mark;
}

size_t bl_draft_enter_item(struct bl_draft *draft, uint32_t index) {
    size_t mark = draft->path_len;

    extend_path(draft,
                snprintf(draft->path + mark, sizeof(draft->path) - mark, "[%u]", (unsigned)index));
    return mark;
}

void bl_draft_leave(struct bl_draft *draft, size_t mark) {
    draft->path_len = mark;
    draft->path[mark] = '\0';
}

/* A place for one more finding. When there is none, an error takes that of the last warning. */
static struct bl_diag *find_place(struct bl_draft *draft, enum bl_severity severity) {
    struct bl_findings *findings = draft->findings;

    if (findings->count < BL_FINDINGS_MAX) {
        return bl_findings_add(findings, severity);
    }
    *(severity == BL_SEVERITY_ERROR ? &findings->errors : &findings->warnings) += 1;
    for (size_t i = findings->count; severity == BL_SEVERITY_ERROR && i-- > 0;) {
        if (findings->items[i].severity == BL_SEVERITY_WARNING) {
            bl_diag_clear(&findings->items[i]);
            return &findings->items[i];
        }
    }
    return NULL;
}

static struct bl_diag *add(struct bl_draft *draft, struct bl_json value,
                           enum bl_severity severity) {
    struct bl_diag *diag = find_place(draft, severity);

    if (diag == NULL) { /* finding the line of each would take its time over the whole text */
        return &draft->surplus;
    }
    bl_json_locate(value, diag);
    bl_diag_path(diag, "%s", draft->path);
    return diag;
}

struct bl_diag *bl_draft_error(struct bl_draft *draft, struct bl_json value) {
    return add(draft, value, BL_SEVERITY_ERROR);
}

struct bl_diag *bl_draft_warning(struct bl_draft *draft, struct bl_json value) {
    return add(draft, value, BL_SEVERITY_WARNING);
}

bool bl_draft_wrong_type(struct bl_draft *draft, struct bl_json value, const char *wanted) {
    bl_diag_message(bl_draft_error(draft, value), "must be %s, found %s", wanted,
                    bl_json_type_name(bl_json_type(value)));
    return false;
}

struct bl_json bl_draft_key_of(struct bl_json member) {
    return (struct bl_json){member.doc, member.index - 1}; /* a key node stands before its value */
}

uint32_t bl_draft_line(struct bl_draft *draft, struct bl_json value) {
    if (value.doc->lines != NULL) {
        return value.doc->lines[value.index];
    }
    size_t offset = value.doc->nodes[value.index].offset;
    if (draft->line == 0 || offset < draft->line_offset) {
        draft->line = 1;
        draft->line_offset = 0;
    }
    const char *at = value.doc->text.data + draft->line_offset;
    const char *end = value.doc->text.data + offset;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        draft->line++;
        at++;
    }
    draft->line_offset = offset;
    return draft->line;
}

struct bl_number_text bl_draft_number(double number) {
    struct bl_number_text out;
    struct bl_buf buf;

    bl_buf_init(&buf, out.text, sizeof(out.text) - 1);
    bl_buf_double(&buf, number);
    out.text[buf.len] = '\0';
    return out;
}

struct bl_str bl_draft_quote(struct bl_str text, size_t max_bytes) {
    return text.len <= max_bytes ? text : bl_utf8_cut(text, max_bytes);
}

struct bl_str bl_draft_copy(struct bl_draft *draft, struct bl_str text) {
    struct bl_str copy = BL_STR_ABSENT;

    if (bl_is_error(bl_arena_copy(draft->arena, text, &copy))) {
        draft->out_of_memory = true;
    }
    return copy;
}

void *bl_draft_alloc(struct bl_draft *draft, size_t count, size_t size) {
    /* One more than asked for, so that an empty table is not NULL. */
    void *memory = bl_arena_calloc(draft->arena, count + 1, size);

    draft->out_of_memory = draft->out_of_memory || memory == NULL;
    return memory;
}
