/* Reading an object by its table of keys. */
#include "policy/keys.h"

#include <assert.h>
#include <string.h>

#include "base/money.h"

#define QUOTE_BYTES 60
#define WORDS_MAX 16

static bool out_of_range(struct bl_draft *draft, struct bl_json value, const struct bl_key *key,
                         double found) {
    struct bl_diag *diag = bl_draft_error(draft, value);

    bl_diag_message(diag, "must be between %s and %s, found %s", bl_draft_number(key->min).text,
                    bl_draft_number(key->max).text, bl_draft_number(found).text);
    return false;
}

/* A whole number within the key's range. */
static bool read_whole(struct bl_draft *draft, struct bl_json value, const struct bl_key *key,
                       int64_t *out) {
    double number;

    if (!bl_json_int64(value, out)) {
        if (bl_json_is(value, BL_JSON_UINT) && bl_json_double(value, &number)) {
            return out_of_range(draft, value, key, number);
        }
        bl_draft_wrong_type(draft, value, "a whole number");
        return false;
    }
    if ((double)*out < key->min || (double)*out > key->max) {
        return out_of_range(draft, value, key, (double)*out);
    }
    return true;
}

static bool read_number(struct bl_draft *draft, struct bl_json value, const struct bl_key *key,
                        double *out) {
    if (!bl_json_double(value, out)) {
        return bl_draft_wrong_type(draft, value, "a number");
    }
    if (!(*out >= key->min && *out <= key->max)) {
        return out_of_range(draft, value, key, *out);
    }
    return true;
}

static const struct unit {
    const char *name;
    int64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

#define UNIT_COUNT (sizeof(units) / sizeof(units[0]))

/* "500ms", "30s", "10m", "2h", "7d" */
static bool parse_duration(struct bl_str text, int64_t *out_ms) {
    int64_t count = 0;
    size_t i = 0;

    for (; i < text.len && i < 10 && text.data[i] >= '0' && text.data[i] <= '9'; i++) {
        count = count * 10 + (text.data[i] - '0');
    }
    struct bl_str unit = {text.data + i, text.len - i};
    for (size_t u = 0; i > 0 && u < UNIT_COUNT; u++) {
        if (bl_str_equal_c(unit, units[u].name)) {
            *out_ms = count * units[u].ms;
            return true;
        }
    }
    return false;
}

/* The largest unit that gives a whole number. */
static const struct unit *unit_of(int64_t ms) {
    size_t u = 0;

    while (u + 1 < UNIT_COUNT && ms % units[u].ms != 0) {
        u++;
    }
    return &units[u];
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
    int64_t min = (int64_t)key->min;
    int64_t max = (int64_t)key->max;
    if (*out_ms < min || *out_ms > max) {
        const struct unit *min_unit = unit_of(min);
        const struct unit *max_unit = unit_of(max);
        bl_diag_message(bl_draft_error(draft, value), "must be between %lld%s and %lld%s",
                        (long long)(min / min_unit->ms), min_unit->name,
                        (long long)(max / max_unit->ms), max_unit->name);
        return false;
    }
    return true;
}

static void wrong_word(struct bl_draft *draft, struct bl_json value, const struct bl_key *key,
                       struct bl_str word, const struct bl_str *candidates, size_t count) {
    struct bl_str nearest = bl_nearest(word, candidates, count);
    struct bl_str shown = bl_draft_quote(word, QUOTE_BYTES);
    struct bl_diag *diag = bl_draft_error(draft, value);
    char storage[120];
    struct bl_buf list;

    bl_buf_init(&list, storage, sizeof(storage));
    for (size_t i = 0; i < count; i++) {
        bl_buf_str(&list, i == 0 ? BL_STR("") : BL_STR(", "));
        bl_buf_str(&list, candidates[i]);
    }
    bl_diag_message(diag, "must be one of %.*s, found \"%.*s\"", BL_STR_ARG(bl_buf_view(&list)),
                    BL_STR_ARG(shown));
    if (bl_str_is_present(nearest)) {
        bl_diag_hint(diag, "did you mean %.*s?", BL_STR_ARG(nearest));
    } else if (key->word_hint != NULL) {
        bl_diag_hint(diag, "%s", key->word_hint);
    }
}

static bool read_word(struct bl_draft *draft, struct bl_json value, const struct bl_key *key,
                      int *out) {
    struct bl_str candidates[WORDS_MAX];
    struct bl_str word;
    size_t count = 0;

    if (!bl_json_string(value, &word)) {
        return bl_draft_wrong_type(draft, value, "a word");
    }
    for (; key->words[count] != NULL; count++) {
        assert(count < WORDS_MAX);
        candidates[count] = bl_str_from_c(key->words[count]);
        if (bl_str_equal(word, candidates[count])) {
            *out = (int)count;
            return true;
        }
    }
    wrong_word(draft, value, key, word, candidates, count);
    return false;
}

static void read_text(struct bl_draft *draft, struct bl_json value, const struct bl_key *key,
                      struct bl_str *out) {
    struct bl_str text;

    if (!bl_json_string(value, &text)) {
        bl_draft_wrong_type(draft, value, "a text");
    } else if ((double)text.len < key->min || (double)text.len > key->max) {
        bl_diag_message(bl_draft_error(draft, value), "must have %s to %s bytes, found %zu",
                        bl_draft_number(key->min).text, bl_draft_number(key->max).text, text.len);
    } else {
        *out = bl_draft_copy(draft, text);
    }
}

/* Whole numbers of every size. */
static void read_integer(struct bl_draft *draft, struct bl_json value, const struct bl_key *key,
                         void *field) {
    int64_t whole;

    if (!read_whole(draft, value, key, &whole)) {
        return;
    }
    switch (key->type) {
    case BL_KEY_U8:
        *(uint8_t *)field = (uint8_t)whole;
        break;
    case BL_KEY_U32:
        *(uint32_t *)field = (uint32_t)whole;
        break;
    case BL_KEY_U64:
        *(uint64_t *)field = (uint64_t)whole;
        break;
    case BL_KEY_SECONDS:
        *(int64_t *)field = whole * 1000;
        break;
    default:
        *(int64_t *)field = whole;
    }
}

static void read_value(struct bl_draft *draft, struct bl_json value, const struct bl_key *key,
                       void *base) {
    void *field = (char *)base + key->offset;
    double number;
    int64_t ms;

    switch (key->type) {
    case BL_KEY_BOOL:
        if (!bl_json_bool(value, field)) {
            bl_draft_wrong_type(draft, value, "true or false");
        }
        break;
    case BL_KEY_U8:
    case BL_KEY_U32:
    case BL_KEY_U64:
    case BL_KEY_I64:
    case BL_KEY_SECONDS:
        read_integer(draft, value, key, field);
        break;
    case BL_KEY_DURATION:
        if (read_duration(draft, value, key, &ms)) {
            *(int64_t *)field = ms;
        }
        break;
    case BL_KEY_DOUBLE:
        if (read_number(draft, value, key, &number)) {
            *(double *)field = number;
        }
        break;
    case BL_KEY_MONEY: /* the ranges of the tables lie within those of money */
        (void)(read_number(draft, value, key, &number) && bl_money_from_double(number, field));
        break;
    case BL_KEY_TEXT:
        read_text(draft, value, key, field);
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
        struct bl_diag *diag = bl_draft_warning(draft, bl_draft_key_of(value));
        bl_diag_message(diag, "is accepted but has no effect");
        bl_diag_hint(diag, "%s", key->doc);
        break;
    }
    }
}

static void report_unknown(struct bl_draft *draft, struct bl_json value, struct bl_str key,
                           const struct bl_key_table *table) {
    struct bl_json place = bl_draft_key_of(value);
    struct bl_diag *diag = draft->options.warn_unknown_keys ? bl_draft_warning(draft, place)
                                                            : bl_draft_error(draft, place);
    struct bl_str names[BL_KEY_TABLE_MAX];
    struct bl_str shown = bl_draft_quote(key, QUOTE_BYTES);

    if (bl_draft_is_surplus(draft, diag)) {
        return; /* thousands of them must not cost a search each */
    }
    assert(table->count <= BL_KEY_TABLE_MAX);
    for (size_t i = 0; i < table->count; i++) {
        names[i] = bl_str_from_c(table->keys[i].name);
    }
    struct bl_str nearest = bl_nearest(key, names, table->count);
    bl_diag_message(diag, "unknown key \"%.*s\" in %s", BL_STR_ARG(shown), table->title);
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

/* Of two names of one thing the newer wins, in whatever order they stand. */
static bool gives_way(struct bl_draft *draft, struct bl_json object, struct bl_json value,
                      const struct bl_key_table *table, const struct bl_key *key) {
    const struct bl_key *other = key;

    while (other->other_form_of != NULL) {
        other = find_key(table, bl_str_from_c(other->other_form_of));
        assert(other != NULL);
        if (bl_json_get(object, bl_str_from_c(other->name)).doc != NULL) {
            struct bl_diag *diag = bl_draft_warning(draft, bl_draft_key_of(value));
            bl_diag_message(diag, "is ignored, because %s stands beside it", other->name);
            bl_diag_hint(diag, "remove %s", key->name);
            return true;
        }
    }
    return false;
}

static void read_member(struct bl_draft *draft, struct bl_json object, struct bl_str name,
                        struct bl_json value, const struct bl_key_table *table, void *base) {
    const struct bl_key *key = find_key(table, name);

    if (key == NULL) {
        report_unknown(draft, value, name, table);
    } else if (bl_json_is(value, BL_JSON_NULL) && key->type != BL_KEY_IGNORED) {
        struct bl_diag *diag = bl_draft_error(draft, value);
        bl_diag_message(diag, "has no value");
        bl_diag_hint(diag, "leave %s out for its default", key->name);
    } else if (!gives_way(draft, object, value, table, key)) {
        read_value(draft, value, key, base);
    }
}

void bl_keys_read(struct bl_draft *draft, struct bl_json object, const struct bl_key_table *table,
                  void *base) {
    struct bl_json_iter it = bl_json_iter(object);

    if (!bl_json_is(object, BL_JSON_OBJECT)) {
        bl_draft_wrong_type(draft, object, "an object");
        return;
    }
    while (bl_json_next(&it)) {
        size_t mark = bl_draft_enter(draft, it.key);
        read_member(draft, object, it.key, it.value, table, base);
        bl_draft_leave(draft, mark);
    }
    if (table->needs_enabled && bl_json_get(object, BL_STR("enabled")).doc == NULL) {
        struct bl_diag *diag = bl_draft_warning(draft, object);
        bl_diag_message(diag, "is off, because it does not say enabled: true");
        bl_diag_hint(diag, "add enabled: true, or remove %s", table->title);
    }
}

void bl_keys_set_defaults(struct bl_draft *draft, const struct bl_key_table *table, void *base) {
    const struct bl_json_limits limits = {.max_bytes = 256, .max_depth = 4, .max_nodes = 16};

    for (size_t i = 0; i < table->count; i++) {
        const struct bl_key *key = &table->keys[i];
        struct bl_json_doc doc;
        struct bl_diag diag;

        if (key->type == BL_KEY_OBJECT) {
            bl_keys_set_defaults(draft, key->table, base);
        } else if (key->default_json != NULL && key->type != BL_KEY_NOTE) {
            if (bl_is_error(bl_json_read(bl_str_from_c(key->default_json), &limits, draft->scratch,
                                         &doc, &diag))) {
                draft->out_of_memory = true; /* the tables' own texts are valid */
                return;
            }
            read_value(draft, bl_json_root(&doc), key, base);
        }
    }
}
