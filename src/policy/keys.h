/*
 * Keys of the policy document. Private to this folder.
 *
 * One table per object says for each key its name, type, range, default, what it means and where
 * its value goes. The parser, its defaults, the JSON Schema and the reference page are all made
 * from the tables.
 */
#ifndef BL_POLICY_KEYS_H
#define BL_POLICY_KEYS_H

#include <stddef.h>

#include "policy/draft.h"

enum bl_key_type {
    BL_KEY_BOOL, /* bool */
    BL_KEY_U8,   /* whole numbers, by the size of their field */
    BL_KEY_U32,
    BL_KEY_U64,
    BL_KEY_I64,
    BL_KEY_DOUBLE,
    BL_KEY_MONEY,    /* number → int64 nano-units */
    BL_KEY_DURATION, /* "500ms", "10m" → int64 ms */
    BL_KEY_SECONDS,  /* whole seconds → int64 ms */
    BL_KEY_TEXT,     /* struct bl_str, copied; min and max bytes */
    BL_KEY_WORD,     /* one of `words` → an enum or int, the word's index */
    BL_KEY_OBJECT,   /* `table`, its fields relative to the same base */
    BL_KEY_NOTE,     /* struct bl_json; `shape` says of what; compiled later */
    BL_KEY_IGNORED,  /* known, without effect: a warning */
};

/* What a NOTE holds. The part that compiles it checks it. */
enum bl_key_shape {
    BL_SHAPE_TEXT,
    BL_SHAPE_NUMBER,
    BL_SHAPE_OBJECT,    /* any members */
    BL_SHAPE_TEXTS,     /* object of texts */
    BL_SHAPE_NUMBERS,   /* object of numbers */
    BL_SHAPE_PROVIDER,  /* a provider's id */
    BL_SHAPE_PROVIDERS, /* list of ids */
    BL_SHAPE_CONDITION,
    BL_SHAPE_CONDITION_OR_STATUSES,
    BL_SHAPE_STATUSES, /* list of status words */
    BL_SHAPE_ITEMS,    /* list of at most `max` objects of `table` */
    BL_SHAPE_PROVIDER_OR_OBJECT,
    BL_SHAPE_STRATEGY, /* a word, or {score: `table`} */
};

struct bl_key_table;

struct bl_key {
    const char *name;
    enum bl_key_type type;
    enum bl_key_shape shape;
    size_t offset; /* of the field in the table's struct */
    double min, max;
    const char *const *words;         /* WORD: NULL-terminated */
    const char *word_hint;            /* WORD: for a word that is near to none */
    const struct bl_key_table *table; /* OBJECT, and the shapes that name it */
    const char *default_json;         /* read as if it stood in the document; NULL = none */
    const char *default_note;         /* a default that is no value: "always", "off" */
    const char *other_form_of;        /* the key that says the same and wins over it, or NULL */
    const char *doc;
};

struct bl_key_table {
    const char *title;
    const struct bl_key *keys;
    size_t count;
    bool needs_enabled; /* off without `enabled: true` */
};

#define BL_KEY_TABLE_MAX 48 /* keys of one table, at most */

/* Writes the defaults of `table` into the struct at `base`, whose other fields are left alone. */
void bl_keys_set_defaults(struct bl_draft *draft, const struct bl_key_table *table, void *base);

/* Reads the members of `object` by the table into the struct at `base`. Every problem is reported;
 * what is wrong leaves its field alone. */
void bl_keys_read(struct bl_draft *draft, struct bl_json object, const struct bl_key_table *table,
                  void *base);

/* The whole document, and the parts of it that stand in lists or are read on their own. */
extern const struct bl_key_table bl_document_keys;
extern const struct bl_key_table bl_provider_keys;
extern const struct bl_key_table bl_rule_keys;
extern const struct bl_key_table bl_fallback_keys;
extern const struct bl_key_table bl_legacy_fallback_keys;
extern const struct bl_key_table bl_extension_keys;
extern const struct bl_key_table bl_validator_keys;
extern const struct bl_key_table bl_score_keys;
extern const struct bl_key_table bl_sticky_keys;
extern const struct bl_key_table bl_breaker_keys;
extern const struct bl_key_table bl_ejection_keys;
extern const struct bl_key_table bl_shadow_keys;
extern const struct bl_key_table bl_rate_keys;
extern const struct bl_key_table bl_tokens_keys;
extern const struct bl_key_table bl_quota_keys;
extern const struct bl_key_table bl_budget_keys;

/* Words of `strategy` that stand alone, in the order of enum bl_strategy. NULL-terminated. */
extern const char *const bl_strategy_words[];

/* Structs that items are read into before they are compiled. */
struct bl_provider_item {
    struct bl_provider provider;
    struct bl_json name, id, weight, tags;
};

struct bl_rule_item {
    struct bl_json when, require_tags, allow, deny, prefer;
    bool stop;
};

struct bl_fallback_item {
    struct bl_json when, to;
    uint8_t retry;
    struct bl_backoff backoff;
};

struct bl_legacy_fallback_item {
    struct bl_json provider, conditions;
};

struct bl_step_item {
    struct bl_step step;
    struct bl_json id, config, when;
};

#endif
