/* Values of settings: from text and back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/settings.h"

#define LIST_MAX 1024

struct unit {
    const char *name;
    double factor;
};

static const struct unit time_units[] = {{"", 1},      {"ms", 1},      {"s", 1000},
                                         {"m", 60000}, {"h", 3600000}, {NULL, 0}};
static const struct unit byte_units[] = {
    {"", 1}, {"B", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {NULL, 0}};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

static bool parse_number(struct bl_str text, const struct unit *units, double *out) {
    char copy[32];
    char *end;

    if (text.len == 0 || text.len >= sizeof(copy) || text.data[0] < '0' || text.data[0] > '9') {
        return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    unsigned long long whole = strtoull(copy, &end, 10);
    for (; units->name != NULL; units++) {
        if (strcmp(end, units->name) == 0) {
            *out = (double)whole * units->factor;
            return true;
        }
    }
    return false;
}

static bool read_number(const struct bl_setting *setting, struct bl_str text,
                        const struct unit *units, const char *examples, double *out,
                        struct bl_diag *diag) {
    if (!parse_number(text, units, out)) {
        bl_diag_message(diag, "must be a whole number%s", examples);
        return false;
    }
    if (*out < setting->min || *out > setting->max) {
        bl_diag_message(diag, "must be between %.0f and %.0f", setting->min, setting->max);
        return false;
    }
    return true;
}

static bool read_word(const struct bl_setting *setting, struct bl_str text, int *out,
                      struct bl_diag *diag) {
    struct bl_str words[16];
    char list[120] = "";
    size_t len = 0;
    size_t count = 0;

    for (; setting->words[count] != NULL; count++) {
        words[count] = bl_str_from_c(setting->words[count]);
        if (bl_str_equal(words[count], text)) {
            *out = (int)count;
            return true;
        }
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", count == 0 ? "" : ", ",
                                setting->words[count]);
    }
    struct bl_str nearest = bl_nearest(text, words, count);
    bl_diag_message(diag, "must be one of %s", list);
    if (bl_str_is_present(nearest)) {
        bl_diag_hint(diag, "did you mean %.*s?", BL_STR_ARG(nearest));
    }
    return false;
}

static bool read_text(const struct bl_setting *setting, struct bl_config *config,
                      struct bl_str text, struct bl_str *out, struct bl_diag *diag) {
    if (text.len > (size_t)setting->max || memchr(text.data, '\0', text.len) != NULL) {
        bl_diag_message(diag, "must have at most %.0f bytes and no NUL", setting->max);
        return false;
    }
    if (text.len == 0) {
        *out = BL_STR_ABSENT;
        return true;
    }
    if (bl_is_error(bl_arena_copy(&config->arena, text, out))) {
        bl_diag_message(diag, "does not fit into memory");
        return false;
    }
    return true;
}

/* References only: a secret in the file would end in backups and reviews. */
static bool read_secret(const struct bl_setting *setting, struct bl_config *config,
                        struct bl_str text, struct bl_str *out, struct bl_diag *diag) {
    bool is_reference = text.len == 0 || bl_str_starts_with(text, BL_STR("file:")) ||
                        bl_str_starts_with(text, BL_STR("credential:")) ||
                        bl_str_starts_with(text, BL_STR("env:"));

    if (!is_reference) {
        bl_diag_message(diag, bl_str_starts_with(text, BL_STR("vault:"))
                                  ? "vault: references are not supported by this router"
                                  : "must name where the secret is, not be the secret");
        bl_diag_hint(diag, "write file:/path, credential:NAME (systemd), or env:NAME (dev only)");
        return false;
    }
    return read_text(setting, config, text, out, diag);
}

static bool read_list(const struct bl_setting *setting, struct bl_config *config,
                      struct bl_str text, struct bl_text_list *out, struct bl_diag *diag) {
    struct bl_str *items = bl_arena_calloc(&config->arena, LIST_MAX, sizeof(*items));
    size_t count = 0;

    while (items != NULL && text.len > 0) {
        const char *comma = memchr(text.data, ',', text.len);
        size_t len = comma == NULL ? text.len : (size_t)(comma - text.data);
        struct bl_str item = bl_str_trim((struct bl_str){text.data, len});
        if (count == LIST_MAX) {
            bl_diag_message(diag, "has more than %d items", LIST_MAX);
            return false;
        }
        if (item.len > 0 && !read_text(setting, config, item, &items[count++], diag)) {
            return false;
        }
        text.data += len + (comma != NULL);
        text.len -= len + (comma != NULL);
    }
    *out = (struct bl_text_list){items, count};
    return items != NULL;
}

bool bl_setting_parse(const struct bl_setting *setting, struct bl_config *config,
                      struct bl_str text, struct bl_diag *diag) {
    void *field = (char *)config + setting->offset;
    double number;

    switch (setting->type) {
    case BL_SETTING_TEXT:
        return read_text(setting, config, text, field, diag);
    case BL_SETTING_SECRET:
        return read_secret(setting, config, text, field, diag);
    case BL_SETTING_LIST:
        return read_list(setting, config, text, field, diag);
    case BL_SETTING_BOOL:
        if (bl_str_equal(text, BL_STR("true")) || bl_str_equal(text, BL_STR("false"))) {
            *(bool *)field = text.data[0] == 't';
            return true;
        }
        bl_diag_message(diag, "must be true or false");
        return false;
    case BL_SETTING_U32:
        if (read_number(setting, text, no_units, "", &number, diag)) {
            *(uint32_t *)field = (uint32_t)number;
            return true;
        }
        return false;
    case BL_SETTING_MS:
        if (read_number(setting, text, time_units, " of milliseconds, or 500ms, 2s, 1m", &number,
                        diag)) {
            *(uint32_t *)field = (uint32_t)number;
            return true;
        }
        return false;
    case BL_SETTING_BYTES:
        if (read_number(setting, text, byte_units, " of bytes, or 64KiB, 1MiB", &number, diag)) {
            *(uint64_t *)field = (uint64_t)number;
            return true;
        }
        return false;
    case BL_SETTING_WORD:
        return read_word(setting, text, field, diag);
    }
    return false;
}

static void write_quoted(struct bl_buf *buf, struct bl_str text) {
    bl_buf_char(buf, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\') {
            bl_buf_char(buf, '\\');
        }
        bl_buf_char(buf, text.data[i]);
    }
    bl_buf_char(buf, '"');
}

void bl_setting_write(const struct bl_setting *setting, const struct bl_config *config,
                      struct bl_buf *buf) {
    const void *field = (const char *)config + setting->offset;
    const struct bl_text_list *list = field;

    switch (setting->type) {
    case BL_SETTING_TEXT:
    case BL_SETTING_SECRET:
        write_quoted(buf, *(const struct bl_str *)field);
        break;
    case BL_SETTING_LIST:
        bl_buf_char(buf, '[');
        for (size_t i = 0; i < list->count; i++) {
            bl_buf_str(buf, i == 0 ? BL_STR("") : BL_STR(", "));
            write_quoted(buf, list->items[i]);
        }
        bl_buf_char(buf, ']');
        break;
    case BL_SETTING_BOOL:
        bl_buf_str(buf, *(const bool *)field ? BL_STR("true") : BL_STR("false"));
        break;
    case BL_SETTING_U32:
    case BL_SETTING_MS:
        bl_buf_u64(buf, *(const uint32_t *)field);
        break;
    case BL_SETTING_BYTES:
        bl_buf_u64(buf, *(const uint64_t *)field);
        break;
    case BL_SETTING_WORD:
        bl_buf_str(buf, bl_str_from_c(setting->words[*(const int *)field]));
        break;
    }
}

static bool is_same_list(const struct bl_text_list *a, const struct bl_text_list *b) {
    bool same = a->count == b->count;

    for (size_t i = 0; same && i < a->count; i++) {
        same = bl_str_equal(a->items[i], b->items[i]);
    }
    return same;
}

bool bl_setting_is_equal(const struct bl_setting *setting, const struct bl_config *a,
                         const struct bl_config *b) {
    const void *one = (const char *)a + setting->offset;
    const void *other = (const char *)b + setting->offset;

    switch (setting->type) {
    case BL_SETTING_TEXT:
    case BL_SETTING_SECRET:
        return bl_str_equal(*(const struct bl_str *)one, *(const struct bl_str *)other);
    case BL_SETTING_LIST:
        return is_same_list(one, other);
    case BL_SETTING_BOOL:
        return *(const bool *)one == *(const bool *)other;
    case BL_SETTING_U32:
    case BL_SETTING_MS:
        return *(const uint32_t *)one == *(const uint32_t *)other;
    case BL_SETTING_BYTES:
        return *(const uint64_t *)one == *(const uint64_t *)other;
    case BL_SETTING_WORD:
        return *(const int *)one == *(const int *)other;
    }
    return false;
}
