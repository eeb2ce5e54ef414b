/* beamline policy migrate: older documents in the form of today. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/offline.h"
#include "cli/policy_command.h"
#include "json/document.h"
#include "json/writer.h"
#include "policy/compile.h"

#define OUTPUT_BYTES ((size_t)4 * 1024 * 1024)

/* The new document, YAML: a key a line, lists an item a line, what is below as JSON, which YAML is. */
struct migration {
    struct bl_arena arena;
    struct bl_json root;
    struct bl_buf out;
    const char *path;
    unsigned notes;
};

static void note(struct migration *migration, const char *what) {
    fprintf(stderr, "%s: %s\n", migration->path, what);
    migration->notes++;
}

/* Scalars and small things in JSON. */
static void put_value(struct migration *migration, struct bl_json value) {
    struct bl_json_writer writer;

    bl_json_writer_init(&writer, &migration->out);
    bl_json_write_value(&writer, value);
}

static void put(struct migration *migration, const char *text) {
    bl_buf_str(&migration->out, bl_str_from_c(text));
}

static struct bl_json member(struct bl_json object, const char *key) {
    return bl_json_get(object, bl_str_from_c(key));
}

static void put_list(struct migration *migration, const char *key, struct bl_json list) {
    put(migration, key);
    put(migration, ":\n");
    for (struct bl_json_iter it = bl_json_iter(list); bl_json_next(&it);) {
        put(migration, "  - ");
        put_value(migration, it.value);
        put(migration, "\n");
    }
}

static struct bl_json fallback_provider(struct bl_json root) {
    struct bl_json fallback = member(root, "fallback");
    return bl_json_is(fallback, BL_JSON_STRING) ? fallback : member(fallback, "provider");
}

static bool is_fallback(struct migration *migration, struct bl_str name) {
    struct bl_str provider;
    return bl_json_string(fallback_provider(migration->root), &provider) &&
           bl_str_equal(provider, name);
}

/* fallback: {provider: x, conditions: [..]}, or a name. It is a last resort, and a rule where there
 * is no list of fallbacks. */
static void put_fallback(struct migration *migration, struct bl_json fallback) {
    struct bl_json provider = fallback_provider(migration->root);
    struct bl_json conditions = member(fallback, "conditions");

    if (provider.doc == NULL) {
        note(migration, "fallback names no provider and is left out");
        return;
    }
    if (member(migration->root, "fallbacks").doc != NULL) {
        note(migration, "fallback becomes a provider with last_resort: true");
        return;
    }
    note(migration, "fallback becomes fallbacks, and a provider with last_resort: true");
    put(migration, "fallbacks:\n  - {\"when\":{\"status\":");
    if (bl_json_count(conditions) > 0) {
        put_value(migration, conditions);
    } else {
        put(migration, "[\"all_providers_failed\"]");
    }
    put(migration, "},\"to\":");
    put_value(migration, provider);
    put(migration, "}\n");
}

/* One provider, as it was but for what the legacy fallback adds to it. */
static void put_provider(struct migration *migration, struct bl_str name, struct bl_json weight,
                         struct bl_json item) {
    struct bl_json_writer writer;

    put(migration, "  - ");
    bl_json_writer_init(&writer, &migration->out);
    bl_json_write_object_begin(&writer);
    if (item.doc == NULL) {
        bl_json_write_member(&writer, BL_STR("name"), name);
        bl_json_write_key(&writer, BL_STR("weight"));
        if (weight.doc != NULL) {
            bl_json_write_value(&writer, weight);
        } else {
            bl_json_write_int64(&writer, 0);
        }
    }
    for (struct bl_json_iter it = bl_json_iter(item); item.doc != NULL && bl_json_next(&it);) {
        if (!bl_str_equal(it.key, BL_STR("last_resort"))) {
            bl_json_write_key(&writer, it.key);
            bl_json_write_value(&writer, it.value);
        }
    }
    bool was_last = false;
    (void)bl_json_bool(member(item, "last_resort"), &was_last);
    if (was_last || is_fallback(migration, name)) {
        bl_json_write_key(&writer, BL_STR("last_resort"));
        bl_json_write_bool(&writer, true);
    }
    bl_json_write_object_end(&writer);
    put(migration, "\n");
}

static struct bl_str name_of(struct bl_json provider) {
    struct bl_str name = BL_STR("");

    if (!bl_json_string(member(provider, "name"), &name)) {
        (void)bl_json_string(member(provider, "id"), &name);
    }
    return name;
}

/* providers: [...], or weights: {a: 70, b: 30}; and the legacy fallback, if it is not among them. */
static void put_providers(struct migration *migration, struct bl_json list, bool are_weights) {
    struct bl_str fallback;
    bool is_listed = !bl_json_string(fallback_provider(migration->root), &fallback);

    if (are_weights) {
        note(migration, "weights becomes providers; their proportions stay");
    }
    put(migration, "providers:\n");
    for (struct bl_json_iter it = bl_json_iter(list); bl_json_next(&it);) {
        struct bl_str name = are_weights ? it.key : name_of(it.value);
        is_listed = is_listed || bl_str_equal(name, fallback);
        put_provider(migration, name, it.value, are_weights ? BL_JSON_NOTHING : it.value);
    }
    if (!is_listed) {
        put_provider(migration, fallback, BL_JSON_NOTHING, BL_JSON_NOTHING);
    }
}

/* A list of status words under `when` becomes the object that it stands for. */
static void put_fallbacks(struct migration *migration, struct bl_json fallbacks) {
    put(migration, "fallbacks:\n");
    for (struct bl_json_iter it = bl_json_iter(fallbacks); bl_json_next(&it);) {
        const char *separator = "";
        put(migration, "  - {");
        for (struct bl_json_iter entry = bl_json_iter(it.value); bl_json_next(&entry);) {
            bool is_list =
                bl_str_equal(entry.key, BL_STR("when")) && bl_json_is(entry.value, BL_JSON_ARRAY);
            put(migration, separator);
            bl_buf_printf(&migration->out, "\"%.*s\":", BL_STR_ARG(entry.key));
            put(migration, is_list ? "{\"status\":" : "");
            put_value(migration, entry.value);
            put(migration, is_list ? "}" : "");
            separator = ",";
        }
        put(migration, "}\n");
    }
}

/* ttl_seconds and ttl_sec become ttl, key becomes session_key. */
static void put_sticky(struct migration *migration, struct bl_json sticky) {
    const char *separator = "";
    bool has_ttl = member(sticky, "ttl").doc != NULL;
    bool has_key = member(sticky, "session_key").doc != NULL;

    put(migration, "sticky: {");
    for (struct bl_json_iter it = bl_json_iter(sticky); bl_json_next(&it);) {
        bool is_seconds =
            bl_str_equal(it.key, BL_STR("ttl_seconds")) || bl_str_equal(it.key, BL_STR("ttl_sec"));
        bool is_key = bl_str_equal(it.key, BL_STR("key"));
        if ((is_seconds && has_ttl) || (is_key && has_key)) {
            continue;
        }
        has_ttl = has_ttl || is_seconds;
        put(migration, separator);
        if (is_seconds) {
            put(migration, "\"ttl\":\"");
            put_value(migration, it.value);
            put(migration, "s\"");
        } else {
            bl_buf_printf(&migration->out,
                          "\"%.*s\":", BL_STR_ARG(is_key ? BL_STR("session_key") : it.key));
            put_value(migration, it.value);
        }
        separator = ",";
    }
    put(migration, "}\n");
}

static void put_extensions(struct migration *migration, struct bl_json extensions) {
    static const char *const kinds[] = {"pre", "validators", "post"};

    note(migration, "extensions: its lists stand at the top");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct bl_json list = member(extensions, kinds[i]);
        if (list.doc != NULL && member(migration->root, kinds[i]).doc == NULL) {
            put_list(migration, kinds[i], list);
        }
    }
}

static bool has_no_effect(struct bl_str key) {
    static const char *const keys[] = {"defaults", "escalate_on", "allow_rules", "timeout_ms",
                                       "health_check"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (bl_str_equal_c(key, keys[i])) {
            return true;
        }
    }
    return false;
}

static void put_member(struct migration *migration, struct bl_str key, struct bl_json value) {
    static const char *const lists[] = {"rules", "pre", "validators", "post"};
    struct bl_json root = migration->root;

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        if (bl_str_equal_c(key, lists[i])) {
            put_list(migration, lists[i], value);
            return;
        }
    }
    if (has_no_effect(key)) {
        fprintf(stderr, "%s: %.*s never had an effect and is left out\n", migration->path,
                BL_STR_ARG(key));
        migration->notes++;
    } else if (bl_str_equal(key, BL_STR("providers"))) {
        put_providers(migration, value, false);
    } else if (bl_str_equal(key, BL_STR("weights"))) {
        if (member(root, "providers").doc == NULL) {
            put_providers(migration, value, true);
        }
    } else if (bl_str_equal(key, BL_STR("fallback"))) {
        put_fallback(migration, value);
    } else if (bl_str_equal(key, BL_STR("fallbacks"))) {
        put_fallbacks(migration, value);
    } else if (bl_str_equal(key, BL_STR("sticky")) && bl_json_is(value, BL_JSON_OBJECT)) {
        put_sticky(migration, value);
    } else if (bl_str_equal(key, BL_STR("extensions"))) {
        put_extensions(migration, value);
    } else {
        bl_buf_printf(&migration->out, "%.*s: ", BL_STR_ARG(key));
        put_value(migration, value);
        put(migration, "\n");
    }
}

/* Whether the new document compiles; its findings go to stderr. */
static bool compiles(const struct migration *migration, const char *tenant) {
    static struct bl_findings findings;
    struct bl_policy *policy = NULL;

    if (bl_is_error(bl_policy_compile(bl_buf_view(&migration->out), bl_str_from_c(tenant),
                                      bl_offline_policy_id(migration->path), NULL, &policy,
                                      &findings))) {
        fprintf(stderr, "%s: what was written needs your hand: line %u of it: %s: %s\n",
                migration->path, (unsigned)findings.items[0].line, findings.items[0].path,
                findings.items[0].message);
        return false;
    }
    bl_policy_unref(policy);
    return true;
}

static int migrate(struct migration *migration, const char *tenant) {
    const struct bl_json_limits limits = {
        .max_bytes = BL_POLICY_MAX_BYTES, .max_depth = 64, .max_nodes = 128 * 1024};
    struct bl_json_doc doc;
    struct bl_diag diag;
    struct bl_str text;
    char *data;

    if (!bl_read_file(migration->path, BL_POLICY_MAX_BYTES, &data, &text.len)) {
        return BL_EXIT_FAILED;
    }
    text.data = data;
    bool is_document = bl_is_ok(bl_document_read(text, &limits, &migration->arena, &doc, &diag));
    if (!is_document || !bl_json_is(bl_json_root(&doc), BL_JSON_OBJECT)) {
        fprintf(stderr, "%s:%u: %s\n", migration->path, is_document ? 1u : (unsigned)diag.line,
                is_document ? "a policy is an object" : diag.message);
        free(data);
        return BL_EXIT_FAILED;
    }
    migration->root = bl_json_root(&doc);
    for (struct bl_json_iter it = bl_json_iter(migration->root); bl_json_next(&it);) {
        put_member(migration, it.key, it.value);
    }
    free(data);
    if (migration->out.overflowed) {
        fprintf(stderr, "%s: the new document is too large\n", migration->path);
        return BL_EXIT_FAILED;
    }
    fwrite(migration->out.data, 1, migration->out.len, stdout);
    return compiles(migration, tenant) ? BL_EXIT_OK : BL_EXIT_FAILED;
}

int bl_cli_policy_migrate(int count, char **files, const struct bl_policy_command *command) {
    static struct migration migration;

    if (count != 1) {
        fputs("beamline policy migrate: name one policy file. Try: beamline policy --help\n",
              stderr);
        return BL_EXIT_USAGE;
    }
    char *storage = malloc(OUTPUT_BYTES);
    if (storage == NULL) {
        return BL_EXIT_FAILED;
    }
    migration.path = files[0];
    bl_arena_init(&migration.arena, 65536, (size_t)64 * 1024 * 1024);
    bl_buf_init(&migration.out, storage, OUTPUT_BYTES);
    int code = migrate(&migration, command->tenant);
    if (code == BL_EXIT_OK && !command->quiet) {
        fprintf(stderr,
                "%s: %u things changed; comments are not carried over; check it with: beamline "
                "policy diff OLD NEW\n",
                files[0], migration.notes);
    }
    bl_arena_fini(&migration.arena);
    free(storage);
    return code;
}
