#include "policy/keys.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define TABLE_KEYS_MAX 48

size_t bl_draft_enter(struct bl_draft *draft, struct bl_str key) {
    size_t mark = draft->path_len;
    size_t room = sizeof(draft->path) - mark;
    int len = snprintf(draft->path + mark, room, "%s%.*s", mark == 0 ? "" : ".",
                       (int)(key.len < 40 ? key.len : 40), key.data);

    draft->path_len += len < 0 ? 0 : (size_t)len < room ? (size_t)len : room - 1;
    return mark;
}

size_t bl_draft_enter_item(struct bl_draft *draft, uint32_t index) {
    size_t mark = draft->path_len;
    size_t room = sizeof(draft->path) - mark;
    int len = snprintf(draft->path + mark, room, "[%u]", index);

    draft->path_len += len < 0 ? 0 : (size_t)len < room ? (size_t)len : room - 1;
    return mark;
}

void bl_draft_leave(struct bl_draft *draft, size_t mark) {
    draft->path_len = mark;
    draft->path[mark] = '\0';
}

static struct bl_diag *add(struct bl_draft *draft, struct bl_json value,
                           enum bl_severity severity) {
    struct bl_diag *diag = bl_findings_add(draft->findings, severity);

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

struct bl_str bl_draft_copy(struct bl_draft *draft, struct bl_str text) {
    struct bl_str copy = BL_STR_ABSENT;

    if (bl_is_error(bl_arena_copy(draft->arena, text, &copy))) {
        draft->out_of_memory = true;
    }
    return copy;
}

void *bl_draft_alloc(struct bl_draft *draft, size_t count, size_t size) {
    void *memory = bl_arena_calloc(draft->arena, count + 1, size);

    draft->out_of_memory = draft->out_of_memory || memory == NULL;
    return memory;
}

static bool out_of_range(struct bl_draft *draft, struct bl_json value, const struct bl_key *key) {
    bl_diag_message(bl_draft_error(draft, value), "must be between %g and %g", key->min, key->max);
    return false;
}

/* A whole number within the key's range. */
static bool read_whole(struct bl_draft *draft, struct bl_json value, const struct bl_key *key,
                       int64_t *out) {
    if (!bl_json_int64(value, out)) {
        return bl_draft_wrong_type(draft, value, "a whole number");
    }
    if ((double)*out < key->min || (double)*out > key->max) {
        return out_of_range(draft, value, key);
    }
    return true;
}

static bool read_number(struct bl_draft *draft, struct bl_json value, const struct bl_key *key,
                        double *out) {
    if (!bl_json_double(value, out)) {
        return bl_draft_wrong_type(draft, value, "a number");
    }
    if (!(*out >= key->min && *out <= key->max)) {
        return out_of_range(draft, value, key);
    }
    return true;
}

/* "500ms", "30s", "10m", "2h", "7d" */
static bool parse_duration(struct bl_str text, int64_t *out_ms) {
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    int64_t count = 0;
    size_t i = 0;

    for (; i < text.len && i < 12 && text.data[i] >= '0' && text.data[i] <= '9'; i++) {
        count = count * 10 + (text.data[i] - '0');
    }
    struct bl_str unit = {text.data + i, text.len - i};
    for (size_t u = 0; i > 0 && u < sizeof(units) / sizeof(units[0]); u++) {
        if (bl_str_equal_c(unit, units[u].unit)) {
            *out_ms = count * units[u].ms;
            return true;
        }
    }
    return false;
}

static bool read_duration(struct bl_draft *draft, struct bl_json value, const struct bl_key *key,
                          int64_t *out_ms) {
    struct bl_str text;

    if (!bl_json_string(value, &text) || !parse_duration(text, out_ms)) {
        struct bl_diag *diag = bl_draft_error(draft, value);
        bl_diag_message(diag, "must be a duration");
        bl_diag_hint(diag, "write a number and a unit: 500ms, 30s, 10m, 2h, 7d");
        return false;
    }
    if ((double)*out_ms < key->min || (double)*out_ms > key->max) {
        bl_diag_message(bl_draft_error(draft, value), "must be between %g ms and %g ms", key->min,
                        key->max);
        return false;
    }
    return true;
}

static bool read_word(struct bl_draft *draft, struct bl_json value, const struct bl_key *key,
                      int *out) {
    struct bl_str candidates[16];
    struct bl_str word;
    size_t count = 0;

    if (!bl_json_string(value, &word)) {
        return bl_draft_wrong_type(draft, value, "a word");
    }
    for (; key->words[count] != NULL; count++) {
        candidates[count] = bl_str_from_c(key->words[count]);
        if (bl_str_equal(word, candidates[count])) {
            *out = (int)count;
            return true;
        }
    }
    struct bl_diag *diag = bl_draft_error(draft, value);
    struct bl_str nearest = bl_nearest(word, candidates, count);
    char list[120];
    size_t len = 0;
    list[0] = '\0';
    for (size_t i = 0; i < count && len < sizeof(list); i++) {
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", i == 0 ? "" : ", ",
                                key->words[i]);
    }
    bl_diag_message(diag, "must be one of %s, found \"%.*s\"", list,
                    (int)(word.len < 60 ? word.len : 60), word.data);
    if (bl_str_is_present(nearest)) {
        bl_diag_hint(diag, "did you mean %.*s?", BL_STR_ARG(nearest));
    } else if (bl_str_equal(word, BL_STR("mandatory"))) {
        bl_diag_hint(diag, "write required");
    }
    return false;
}

static void read_value(struct bl_draft *draft, struct bl_json value, const struct bl_key *key,
                       void *base) {
    void *field = (char *)base + key->offset;
    struct bl_str text;
    double number;
    int64_t whole;

    switch (key->type) {
    case BL_KEY_BOOL:
        if (!bl_json_bool(value, field)) {
            (void)bl_draft_wrong_type(draft, value, "true or false");
        }
        break;
    case BL_KEY_U8:
        if (read_whole(draft, value, key, &whole)) {
            *(uint8_t *)field = (uint8_t)whole;
        }
        break;
    case BL_KEY_U32:
        if (read_whole(draft, value, key, &whole)) {
            *(uint32_t *)field = (uint32_t)whole;
        }
        break;
    case BL_KEY_U64:
        if (read_whole(draft, value, key, &whole)) {
            *(uint64_t *)field = (uint64_t)whole;
        }
        break;
    case BL_KEY_I64:
        (void)(read_whole(draft, value, key, &whole) && (*(int64_t *)field = whole, true));
        break;
    case BL_KEY_SECONDS:
        if (read_whole(draft, value, key, &whole)) {
            *(int64_t *)field = whole * 1000;
        }
        break;
    case BL_KEY_DURATION:
        if (read_duration(draft, value, key, &whole)) {
            *(int64_t *)field = whole;
        }
        break;
    case BL_KEY_DOUBLE:
        if (read_number(draft, value, key, &number)) {
            *(double *)field = number;
        }
        break;
    case BL_KEY_MONEY:
        if (read_number(draft, value, key, &number) && bl_money_from_double(number, &whole)) {
            *(int64_t *)field = whole;
        }
        break;
    case BL_KEY_TEXT:
        if (!bl_json_string(value, &text)) {
            (void)bl_draft_wrong_type(draft, value, "a text");
        } else if ((double)text.len < key->min || (double)text.len > key->max) {
            bl_diag_message(bl_draft_error(draft, value), "must have %g to %g bytes", key->min,
                            key->max);
        } else {
            *(struct bl_str *)field = bl_draft_copy(draft, text);
        }
        break;
    case BL_KEY_WORD:
        (void)read_word(draft, value, key, field);
        break;
    case BL_KEY_OBJECT:
        bl_keys_read(draft, value, key->table, base);
        break;
    case BL_KEY_NOTE:
        *(struct bl_json *)field = value;
        break;
    case BL_KEY_IGNORED: {
        struct bl_diag *diag = bl_draft_warning(draft, value);
        bl_diag_message(diag, "is accepted but has no effect");
        bl_diag_hint(diag, "%s", key->doc);
        break;
    }
    }
}

static void report_unknown(struct bl_draft *draft, struct bl_json value, struct bl_str key,
                           const struct bl_key_table *table) {
    struct bl_str names[TABLE_KEYS_MAX];

    assert(table->count <= TABLE_KEYS_MAX);
    for (size_t i = 0; i < table->count; i++) {
        names[i] = bl_str_from_c(table->keys[i].name);
    }
    struct bl_str nearest = bl_nearest(key, names, table->count);
    struct bl_diag *diag = draft->options->warn_unknown_keys ? bl_draft_warning(draft, value)
                                                             : bl_draft_error(draft, value);
    bl_diag_message(diag, "unknown key \"%.*s\" in %s", (int)(key.len < 60 ? key.len : 60),
                    key.data, table->title);
    if (bl_str_is_present(nearest)) {
        bl_diag_hint(diag, "did you mean %.*s?", BL_STR_ARG(nearest));
    }
}

static const struct bl_key *find_key(const struct bl_key_table *table, struct bl_str name) {
    for (size_t i = 0; i < table->count; i++) {
        if (bl_str_equal_c(name, table->keys[i].name)) {
            return &table->keys[i];
        }
    }
    return NULL;
}

void bl_keys_read(struct bl_draft *draft, struct bl_json object, const struct bl_key_table *table,
                  void *base) {
    struct bl_json_iter it = bl_json_iter(object);
    bool has_enabled = false;

    if (bl_json_type(object) != BL_JSON_OBJECT) {
        (void)bl_draft_wrong_type(draft, object, "an object");
        return;
    }
    while (bl_json_next(&it)) {
        const struct bl_key *key = find_key(table, it.key);
        size_t mark = bl_draft_enter(draft, it.key);
        if (key == NULL) {
            report_unknown(draft, it.value, it.key, table);
        } else if (bl_json_type(it.value) == BL_JSON_NULL && key->type != BL_KEY_NOTE) {
            (void)bl_draft_wrong_type(draft, it.value,
                                      "a value; leave the key out for its default");
        } else {
            read_value(draft, it.value, key, base);
        }
        has_enabled = has_enabled || bl_str_equal(it.key, BL_STR("enabled"));
        bl_draft_leave(draft, mark);
    }
    if (table->needs_enabled != NULL && !has_enabled) {
        struct bl_diag *diag = bl_draft_warning(draft, object);
        bl_diag_message(diag, "is off, because it does not say enabled: true");
        bl_diag_hint(diag, "add enabled: true, or remove %s", table->needs_enabled);
    }
}
