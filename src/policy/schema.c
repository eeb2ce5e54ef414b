/* The JSON Schema of policy documents. */
#include "policy/schema.h"

#include "policy/keys.h"

static void write_text(struct bl_json_writer *writer, const char *key, const char *text) {
    bl_json_write_member(writer, bl_str_from_c(key), bl_str_from_c(text));
}

static void write_number(struct bl_json_writer *writer, const char *key, double number) {
    bl_json_write_key(writer, bl_str_from_c(key));
    bl_json_write_double(writer, number);
}

static void write_reference(struct bl_json_writer *writer, const char *name) {
    bl_json_write_object_begin(writer);
    bl_json_write_key(writer, BL_STR("$ref"));
    struct bl_buf buf;
    char storage[64];
    bl_buf_init(&buf, storage, sizeof(storage));
    bl_buf_literal(&buf, "#/$defs/");
    bl_buf_str(&buf, bl_str_from_c(name));
    bl_json_write_string(writer, bl_buf_view(&buf));
    bl_json_write_object_end(writer);
}

/* "key": {"$ref": …} */
static void write_reference_member(struct bl_json_writer *writer, const char *key,
                                   const char *name) {
    bl_json_write_key(writer, bl_str_from_c(key));
    write_reference(writer, name);
}

static void write_words(struct bl_json_writer *writer, const char *const *words) {
    bl_json_write_key(writer, BL_STR("enum"));
    bl_json_write_array_begin(writer);
    for (size_t i = 0; words[i] != NULL; i++) {
        bl_json_write_string(writer, bl_str_from_c(words[i]));
    }
    bl_json_write_array_end(writer);
}

static void write_list_of(struct bl_json_writer *writer, const char *name) {
    write_text(writer, "type", "array");
    write_reference_member(writer, "items", name);
}

static void write_table(struct bl_json_writer *writer, const struct bl_key_table *table);

static void write_table_object(struct bl_json_writer *writer, const struct bl_key_table *table) {
    bl_json_write_object_begin(writer);
    write_table(writer, table);
    bl_json_write_object_end(writer);
}

static void write_strategy(struct bl_json_writer *writer, const struct bl_key *key) {
    bl_json_write_key(writer, BL_STR("anyOf"));
    bl_json_write_array_begin(writer);
    bl_json_write_object_begin(writer);
    write_words(writer, bl_strategy_words);
    bl_json_write_object_end(writer);
    bl_json_write_object_begin(writer);
    write_text(writer, "type", "object");
    bl_json_write_key(writer, BL_STR("properties"));
    bl_json_write_object_begin(writer);
    bl_json_write_key(writer, BL_STR("score"));
    write_table_object(writer, key->table);
    bl_json_write_object_end(writer);
    bl_json_write_key(writer, BL_STR("required"));
    bl_json_write_array_begin(writer);
    bl_json_write_string(writer, BL_STR("score"));
    bl_json_write_array_end(writer);
    bl_json_write_key(writer, BL_STR("additionalProperties"));
    bl_json_write_bool(writer, false);
    bl_json_write_object_end(writer);
    bl_json_write_array_end(writer);
}

/* anyOf of two definitions, or of one and a table. */
static void write_either(struct bl_json_writer *writer, const char *name, const char *other,
                         const struct bl_key_table *table) {
    bl_json_write_key(writer, BL_STR("anyOf"));
    bl_json_write_array_begin(writer);
    write_reference(writer, name);
    if (table != NULL) {
        write_table_object(writer, table);
    } else {
        write_reference(writer, other);
    }
    bl_json_write_array_end(writer);
}

static void write_note(struct bl_json_writer *writer, const struct bl_key *key) {
    switch (key->shape) {
    case BL_SHAPE_TEXT:
        write_text(writer, "type", "string");
        write_number(writer, "minLength", key->min);
        write_number(writer, "maxLength", key->max);
        break;
    case BL_SHAPE_NUMBER:
        write_text(writer, "type", "number");
        write_number(writer, "minimum", key->min);
        write_number(writer, "maximum", key->max);
        break;
    case BL_SHAPE_OBJECT:
        write_text(writer, "type", "object");
        break;
    case BL_SHAPE_TEXTS:
        write_text(writer, "type", "object");
        write_number(writer, "maxProperties", key->max);
        bl_json_write_key(writer, BL_STR("additionalProperties"));
        bl_json_write_object_begin(writer);
        write_text(writer, "type", "string");
        bl_json_write_object_end(writer);
        break;
    case BL_SHAPE_NUMBERS:
        write_text(writer, "type", "object");
        write_reference_member(writer, "propertyNames", "provider_id");
        bl_json_write_key(writer, BL_STR("additionalProperties"));
        bl_json_write_object_begin(writer);
        write_text(writer, "type", "number");
        write_number(writer, "minimum", key->min);
        write_number(writer, "maximum", key->max);
        bl_json_write_object_end(writer);
        break;
    case BL_SHAPE_PROVIDER:
        write_text(writer, "$ref", "#/$defs/provider_id");
        break;
    case BL_SHAPE_PROVIDERS:
        write_list_of(writer, "provider_id");
        write_number(writer, "minItems", 1);
        break;
    case BL_SHAPE_CONDITION:
        write_text(writer, "$ref", "#/$defs/condition");
        break;
    case BL_SHAPE_CONDITION_OR_STATUSES:
        write_either(writer, "condition", "statuses", NULL);
        break;
    case BL_SHAPE_STATUSES:
        write_text(writer, "$ref", "#/$defs/statuses");
        break;
    case BL_SHAPE_ITEMS:
        write_text(writer, "type", "array");
        write_number(writer, "maxItems", key->max);
        bl_json_write_key(writer, BL_STR("items"));
        write_table_object(writer, key->table);
        break;
    case BL_SHAPE_PROVIDER_OR_OBJECT:
        write_either(writer, "provider_id", NULL, key->table);
        break;
    case BL_SHAPE_STRATEGY:
        write_strategy(writer, key);
        break;
    }
}

static void write_range(struct bl_json_writer *writer, const struct bl_key *key, const char *type) {
    write_text(writer, "type", type);
    write_number(writer, "minimum", key->min);
    write_number(writer, "maximum", key->max);
}

static void write_type(struct bl_json_writer *writer, const struct bl_key *key) {
    switch (key->type) {
    case BL_KEY_BOOL:
        write_text(writer, "type", "boolean");
        break;
    case BL_KEY_U8:
    case BL_KEY_U32:
    case BL_KEY_U64:
    case BL_KEY_I64:
    case BL_KEY_SECONDS:
        write_range(writer, key, "integer");
        break;
    case BL_KEY_DOUBLE:
    case BL_KEY_MONEY:
        write_range(writer, key, "number");
        break;
    case BL_KEY_DURATION:
        write_text(writer, "type", "string");
        write_text(writer, "pattern", "^[0-9]{1,10}(ms|s|m|h|d)$");
        break;
    case BL_KEY_TEXT: /* the bounds are in bytes, which are never fewer than characters */
        write_text(writer, "type", "string");
        write_number(writer, "minLength", key->min > 0 ? 1 : 0);
        write_number(writer, "maxLength", key->max);
        break;
    case BL_KEY_WORD:
        write_words(writer, key->words);
        break;
    case BL_KEY_OBJECT:
        write_table(writer, key->table);
        break;
    case BL_KEY_NOTE:
        write_note(writer, key);
        break;
    case BL_KEY_IGNORED:
        break;
    }
}

static void write_key(struct bl_json_writer *writer, const struct bl_key *key) {
    bl_json_write_key(writer, bl_str_from_c(key->name));
    bl_json_write_object_begin(writer);
    write_text(writer, "description", key->doc);
    write_type(writer, key);
    if (key->default_json != NULL) {
        bl_json_write_key(writer, BL_STR("default"));
        bl_json_write_raw(writer, bl_str_from_c(key->default_json));
    }
    if (key->other_form_of != NULL || key->type == BL_KEY_IGNORED) {
        bl_json_write_key(writer, BL_STR("deprecated"));
        bl_json_write_bool(writer, true);
    }
    bl_json_write_object_end(writer);
}

/* What items of a list cannot do without. */
static void write_required(struct bl_json_writer *writer, const struct bl_key_table *table) {
    if (table == &bl_provider_keys) {
        bl_json_write_key(writer, BL_STR("anyOf"));
        bl_json_write_raw(writer, BL_STR("[{\"required\":[\"name\"]},{\"required\":[\"id\"]}]"));
    } else if (table == &bl_extension_keys || table == &bl_validator_keys) {
        bl_json_write_key(writer, BL_STR("required"));
        bl_json_write_raw(writer, BL_STR("[\"id\"]"));
    }
}

static void write_table(struct bl_json_writer *writer, const struct bl_key_table *table) {
    write_text(writer, "type", "object");
    bl_json_write_key(writer, BL_STR("properties"));
    bl_json_write_object_begin(writer);
    for (size_t i = 0; i < table->count; i++) {
        write_key(writer, &table->keys[i]);
    }
    bl_json_write_object_end(writer);
    write_required(writer, table);
    bl_json_write_key(writer, BL_STR("additionalProperties"));
    bl_json_write_bool(writer, false);
}

static void write_condition(struct bl_json_writer *writer) {
    static const char *const operators[] = {"==", "!=", "<", "<=", ">", ">=", "in"};

    bl_json_write_key(writer, BL_STR("condition"));
    bl_json_write_raw(writer, BL_STR("{\"anyOf\":[{\"$ref\":\"#/$defs/expression\"},"
                                     "{\"$ref\":\"#/$defs/condition_object\"}]}"));
    bl_json_write_key(writer, BL_STR("expression"));
    bl_json_write_object_begin(writer);
    write_text(writer, "description",
               "A subset of CEL that yields true or false, for example metadata.tier == \"gold\".");
    write_text(writer, "type", "string");
    write_number(writer, "minLength", 1);
    write_number(writer, "maxLength", BL_EXPRESSION_MAX_BYTES);
    bl_json_write_object_end(writer);
    bl_json_write_key(writer, BL_STR("condition_object"));
    bl_json_write_object_begin(writer);
    write_text(writer, "description",
               "All entries must hold: a path with a value or a list of values, an operator with "
               "two operands, or all, any, not.");
    write_text(writer, "type", "object");
    bl_json_write_key(writer, BL_STR("properties"));
    bl_json_write_object_begin(writer);
    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        write_reference_member(writer, operators[i], "operands");
    }
    write_reference_member(writer, "all", "conditions");
    write_reference_member(writer, "any", "conditions");
    bl_json_write_key(writer, BL_STR("not"));
    bl_json_write_object_begin(writer);
    write_either(writer, "condition", "conditions", NULL);
    bl_json_write_object_end(writer);
    bl_json_write_object_end(writer);
    bl_json_write_key(writer, BL_STR("additionalProperties"));
    bl_json_write_raw(writer, BL_STR("{\"anyOf\":[{\"$ref\":\"#/$defs/scalar\"},{\"type\":"
                                     "\"array\",\"items\":{\"$ref\":\"#/$defs/scalar\"}}]}"));
    bl_json_write_object_end(writer);
    bl_json_write_key(writer, BL_STR("conditions"));
    bl_json_write_object_begin(writer);
    write_list_of(writer, "condition");
    write_number(writer, "minItems", 1);
    bl_json_write_object_end(writer);
}

static void write_definitions(struct bl_json_writer *writer) {
    const char *statuses[BL_STATUS_COUNT + 1] = {NULL};

    for (int i = 0; i < BL_STATUS_COUNT; i++) {
        statuses[i] = bl_status_word((enum bl_status)i);
    }
    bl_json_write_key(writer, BL_STR("provider_id"));
    bl_json_write_raw(writer, BL_STR("{\"type\":\"string\",\"minLength\":1,\"maxLength\":255,"
                                     "\"pattern\":\"^[^\\\\s\\\\u0000-\\\\u001f\\\\u007f]+$\"}"));
    bl_json_write_key(writer, BL_STR("statuses"));
    bl_json_write_object_begin(writer);
    write_text(writer, "description", "Status words of a failed attempt.");
    write_text(writer, "type", "array");
    bl_json_write_key(writer, BL_STR("items"));
    bl_json_write_object_begin(writer);
    bl_json_write_key(writer, BL_STR("anyOf"));
    bl_json_write_array_begin(writer);
    bl_json_write_object_begin(writer);
    write_words(writer, statuses);
    bl_json_write_object_end(writer);
    bl_json_write_raw(writer, BL_STR("{\"enum\":[429,503]}")); /* the same without quotes */
    bl_json_write_array_end(writer);
    bl_json_write_object_end(writer);
    bl_json_write_object_end(writer);
    bl_json_write_key(writer, BL_STR("scalar"));
    bl_json_write_raw(writer, BL_STR("{\"type\":[\"string\",\"number\",\"boolean\",\"null\"]}"));
    bl_json_write_key(writer, BL_STR("operands"));
    bl_json_write_raw(
        writer,
        BL_STR("{\"description\":\"Two operands: {\\\"var\\\": path}, a value, or a list of "
               "values.\",\"type\":\"array\",\"minItems\":2,\"maxItems\":2}"));
    write_condition(writer);
}

void bl_policy_schema_write(struct bl_json_writer *writer) {
    bl_json_write_object_begin(writer);
    write_text(writer, "$schema", "https://json-schema.org/draft/2020-12/schema");
    write_text(writer, "title", "Beamline Router policy");
    write_table(writer, &bl_document_keys);
    bl_json_write_key(writer, BL_STR("$defs"));
    bl_json_write_object_begin(writer);
    write_definitions(writer);
    bl_json_write_object_end(writer);
    bl_json_write_object_end(writer);
}
