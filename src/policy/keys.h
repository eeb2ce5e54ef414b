/*
 * Keys of the policy document. Private to this folder.
 *
 * One table per object says for each key its name, type, range, default, what it means and where
 * its value goes. The parser, the JSON Schema and the reference page are all made from the tables.
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
    BL_KEY_TEXT,     /* struct bl_str, copied */
    BL_KEY_WORD,     /* one of `words` → an enum, the word's index */
    BL_KEY_OBJECT,   /* `table`, its fields relative to the same base */
    BL_KEY_NOTE,     /* struct bl_json, compiled later */
    BL_KEY_IGNORED,  /* known, without effect: a warning */
};

struct bl_key_table;

struct bl_key {
    const char *name;
    enum bl_key_type type;
    size_t offset; /* of the field in the table's struct */
    double min, max;
    const char *const *words;         /* WORD: NULL-terminated */
    const struct bl_key_table *table; /* OBJECT; of a NOTE: of its items or itself, for the docs */
    const char *shape;                /* NOTE: what it is, for the docs: "list of objects" */
    const char *default_text;         /* for the docs; NULL = none */
    const char *doc;
};

struct bl_key_table {
    const char *title;
    const struct bl_key *keys;
    size_t count;
    const char *needs_enabled; /* name of the object that is off without `enabled: true`, or NULL */
};

/* Reads the members of `object` by the table into the struct at `base`. Every problem is reported;
 * what is wrong leaves its field alone. */
void bl_keys_read(struct bl_draft *draft, struct bl_json object, const struct bl_key_table *table,
                  void *base);

/* The whole document, and its parts by name, for the generated pages. */
extern const struct bl_key_table bl_document_keys;
extern const struct bl_key_table bl_provider_keys;
extern const struct bl_key_table bl_rule_keys;
extern const struct bl_key_table bl_fallback_keys;
extern const struct bl_key_table bl_legacy_fallback_keys;
extern const struct bl_key_table bl_extension_keys;
extern const struct bl_key_table bl_validator_keys;
extern const struct bl_key_table bl_score_keys;

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
