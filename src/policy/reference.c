/* The reference page of the policy language. */
#include <stdio.h>

#include "expression/reference.h"
#include "policy/keys.h"
#include "policy/schema.h"

#define TABLES_MAX 32

/* Tables in the order in which a reader meets them, each once. */
struct contents {
    struct {
        const struct bl_key_table *table;
        const char *key; /* under which it was met first */
    } items[TABLES_MAX];
    size_t count;
};

static void collect(struct contents *contents, const struct bl_key_table *table, const char *key) {
    for (size_t i = 0; i < contents->count; i++) {
        if (contents->items[i].table == table) {
            return;
        }
    }
    if (contents->count == TABLES_MAX) {
        return; /* the test of the page would miss the keys */
    }
    contents->items[contents->count].table = table;
    contents->items[contents->count++].key = key;
    for (size_t i = 0; i < table->count; i++) {
        if (table->keys[i].table != NULL) {
            collect(contents, table->keys[i].table, table->keys[i].name);
        }
    }
}

static const char *shape_text(const struct bl_key *key) {
    switch (key->shape) {
    case BL_SHAPE_TEXT:
        return "text";
    case BL_SHAPE_NUMBER:
        return "number";
    case BL_SHAPE_OBJECT:
        return "object";
    case BL_SHAPE_TEXTS:
        return "object of texts";
    case BL_SHAPE_NUMBERS:
        return "object of numbers";
    case BL_SHAPE_PROVIDER:
        return "provider id";
    case BL_SHAPE_PROVIDERS:
        return "list of provider ids";
    case BL_SHAPE_CONDITION:
        return "[condition](#conditions)";
    case BL_SHAPE_CONDITION_OR_STATUSES:
        return "[condition](#conditions) or list of [status words](#status-words)";
    case BL_SHAPE_STATUSES:
        return "list of [status words](#status-words)";
    case BL_SHAPE_ITEMS:
        return "list";
    case BL_SHAPE_PROVIDER_OR_OBJECT:
        return "object or provider id";
    case BL_SHAPE_STRATEGY:
        return "word or object";
    }
    return "";
}

static void write_type(struct bl_buf *buf, const struct bl_key *key) {
    static const char *const names[] = {
        [BL_KEY_BOOL] = "true or false",
        [BL_KEY_U8] = "whole number",
        [BL_KEY_U32] = "whole number",
        [BL_KEY_U64] = "whole number",
        [BL_KEY_I64] = "whole number",
        [BL_KEY_DOUBLE] = "number",
        [BL_KEY_MONEY] = "number",
        [BL_KEY_DURATION] = "duration",
        [BL_KEY_SECONDS] = "whole number",
        [BL_KEY_TEXT] = "text",
        [BL_KEY_WORD] = "word",
        [BL_KEY_OBJECT] = "object",
        [BL_KEY_NOTE] = "",
        [BL_KEY_IGNORED] = "anything",
    };

    bl_buf_str(buf, bl_str_from_c(key->type == BL_KEY_NOTE ? shape_text(key) : names[key->type]));
}

static void write_words(struct bl_buf *buf, const char *const *words) {
    for (size_t i = 0; words[i] != NULL; i++) {
        bl_buf_str(buf, i == 0 ? BL_STR("") : BL_STR(", "));
        bl_buf_printf(buf, "`%s`", words[i]);
    }
}

static void write_range(struct bl_buf *buf, const struct bl_key *key) {
    switch (key->type) {
    case BL_KEY_U8:
    case BL_KEY_U32:
    case BL_KEY_U64:
    case BL_KEY_I64:
    case BL_KEY_SECONDS:
    case BL_KEY_DOUBLE:
    case BL_KEY_MONEY:
        bl_buf_double(buf, key->min);
        bl_buf_literal(buf, " to ");
        bl_buf_double(buf, key->max);
        break;
    case BL_KEY_DURATION:
        bl_buf_double(buf, key->min / 1000);
        bl_buf_literal(buf, "s to ");
        bl_buf_double(buf, key->max / 86400000);
        bl_buf_literal(buf, "d");
        break;
    case BL_KEY_TEXT:
        bl_buf_double(buf, key->min);
        bl_buf_literal(buf, " to ");
        bl_buf_double(buf, key->max);
        bl_buf_literal(buf, " bytes");
        break;
    case BL_KEY_WORD:
        write_words(buf, key->words);
        break;
    case BL_KEY_NOTE:
        if (key->shape == BL_SHAPE_STRATEGY) {
            write_words(buf, bl_strategy_words);
            bl_buf_literal(buf, ", or `{score: {...}}`");
        } else if (key->shape == BL_SHAPE_NUMBER || key->shape == BL_SHAPE_NUMBERS) {
            bl_buf_literal(buf, "0 to ");
            bl_buf_double(buf, key->max);
        } else if (key->shape == BL_SHAPE_ITEMS || key->shape == BL_SHAPE_TEXTS) {
            bl_buf_literal(buf, "at most ");
            bl_buf_double(buf, key->max);
        }
        break;
    default:
        break;
    }
}

static void write_default(struct bl_buf *buf, const struct bl_key *key) {
    if (key->default_json != NULL) {
        bl_buf_printf(buf, "`%s`", key->default_json);
    } else if (key->default_note != NULL) {
        bl_buf_str(buf, bl_str_from_c(key->default_note));
    }
}

static void write_key(struct bl_buf *buf, const struct bl_key *key) {
    bl_buf_printf(buf, "| `%s` | ", key->name);
    write_type(buf, key);
    bl_buf_literal(buf, " | ");
    write_range(buf, key);
    bl_buf_literal(buf, " | ");
    write_default(buf, key);
    bl_buf_literal(buf, " | ");
    if (key->type == BL_KEY_IGNORED) {
        bl_buf_literal(buf, "Accepted, without effect. ");
    }
    bl_buf_str(buf, bl_str_from_c(key->doc));
    if (key->other_form_of != NULL) {
        bl_buf_printf(buf, " Ignored where `%s` is given.", key->other_form_of);
    }
    bl_buf_literal(buf, " |\n");
}

static void write_table(struct bl_buf *buf, const struct bl_key_table *table, const char *key) {
    bl_buf_printf(buf, "\n## %s\n\n", key);
    if (table->needs_enabled) {
        bl_buf_literal(buf, "Off without `enabled: true`.\n\n");
    }
    bl_buf_literal(buf, "| key | type | range | default | meaning |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < table->count; i++) {
        write_key(buf, &table->keys[i]);
    }
}

static void write_conditions(struct bl_buf *buf) {
    bl_buf_literal(
        buf,
        "\n## Conditions\n\n"
        "A condition is an expression or an object.\n\n### Expressions\n\n"
        "A text in a subset of [CEL](https://github.com/google/cel-spec) that yields true or "
        "false: `'metadata.tier == \"gold\" && size(task.payload.prompt) < 40000'`. It is checked "
        "at load. A condition that ends in an error, because the request lacks a key for example, "
        "does not hold; that is counted and shows in explanations. `has(metadata.tier)` asks "
        "first. Try expressions with `beamline policy eval`.\n\n"
        "| variable | type | what it is |\n|---|---|---|\n"
        "| `task.type`, `task.payload_ref` | string | the task |\n"
        "| `task.payload` | any | what is to be worked on |\n"
        "| `metadata` | map | metadata of the request, else of its message |\n"
        "| `context`, `constraints` | map | those of the request |\n"
        "| `tenant.id` | string | the tenant |\n"
        "| `tenant.region`, `tenant.tier`, ... | string | what the setting `tenants.attributes` "
        "says "
        "of the tenant |\n"
        "| `request.id`, `.run_id`, `.flow_id`, `.step_id`, `.user` | string | names that the "
        "request carries |\n"
        "| `attempt.number` | int | from 1 |\n"
        "| `attempt.status`, `.provider` | string | the attempt that failed, for fallbacks |\n"
        "| `now` | timestamp | when the request is decided |\n\n");
    bl_expression_reference_write(buf);
    bl_buf_literal(
        buf,
        "\n### Objects\n\n"
        "All entries must hold; `{}` always holds.\n\n"
        "| entry | holds when |\n|---|---|\n"
        "| `path: value` | the fact equals the value |\n"
        "| `path: [value, ...]` | the fact equals one of the values |\n"
        "| `\"==\": [left, right]` | the operands are equal; also `!=`, `<`, `<=`, `>`, `>=` |\n"
        "| `in: [left, list]` | the list holds the left operand |\n"
        "| `all: [condition, ...]` | all of them hold |\n"
        "| `any: [condition, ...]` | at least one holds |\n"
        "| `not: condition` | it does not hold; of a list: not all of them hold |\n\n"
        "An operand is `{var: path}`, a value, or a list of values. A value is a text, a number, "
        "`true`, `false` or `null`.\n\n"
        "A comparison with a fact that the request does not have is false, `!=` included. Numbers "
        "compare by value (1 equals 1.0), texts by bytes; all other mixes of types are unequal and "
        "have no order.\n\n"
        "| path | fact |\n|---|---|\n"
        "| `task.type`, `task.payload_ref`, `task.payload.a.b` | the task; `message_type` is "
        "`task.type` |\n"
        "| `metadata.a.b` | metadata of the request, else of its message |\n"
        "| `context.a.b` | context of the request |\n"
        "| `constraints.a` | constraints of the request |\n"
        "| `tenant.id` | the tenant; also `tenant`, `tenant_id` |\n"
        "| `tenant.region`, ... | what the setting `tenants.attributes` says of the tenant |\n"
        "| `request.id`, `.run_id`, `.flow_id`, `.step_id`, `.user` | names that the request "
        "carries |\n"
        "| `attempt.number`, `.status`, `.provider` | the attempt that failed, for fallbacks; "
        "also `status` |\n"
        "| any other | in context, then metadata, then constraints |\n\n");
    bl_buf_printf(buf,
                  "Objects nest at most %d deep, expressions may stand wherever a condition is "
                  "asked for, and all conditions of a policy read at most %d "
                  "facts.\n",
                  BL_CONDITION_MAX_DEPTH, BL_POLICY_MAX_FACTS);
}

static void write_statuses(struct bl_buf *buf) {
    bl_buf_literal(buf, "\n## Status words\n\n");
    for (int i = 0; i < BL_STATUS_COUNT; i++) {
        bl_buf_str(buf, i == 0 ? BL_STR("") : BL_STR(", "));
        bl_buf_printf(buf, "`%s`", bl_status_word((enum bl_status)i));
    }
    bl_buf_literal(buf, ". `429` and `503` may also be numbers.\n");
}

void bl_policy_reference_write(struct bl_buf *buf) {
    struct contents contents = {.count = 0};

    collect(&contents, &bl_document_keys, "The document");
    bl_buf_printf(buf,
                  "# Policy reference\n\n"
                  "Every key of the policy document, which is YAML or JSON of at most %d bytes. "
                  "[policy.md](policy.md) explains how they work together.\n\n"
                  "This page is generated from the tables that the router reads policies by "
                  "(`src/policy/*_keys.c`). A key that is not here is refused. Durations are a "
                  "number and a unit: `500ms`, `30s`, `10m`, `2h`, `7d`.\n",
                  BL_POLICY_MAX_BYTES);
    for (size_t i = 0; i < contents.count; i++) {
        write_table(buf, contents.items[i].table, contents.items[i].key);
    }
    write_conditions(buf);
    write_statuses(buf);
}
