#include "app/config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/settings.h"
#include "json/yaml.h"

#define FILE_BYTES_MAX (256 * 1024)
#define SCALAR_BYTES 64 /* a number or a truth value */

static const struct bl_json_limits limits = {FILE_BYTES_MAX, 16, 16384};

/* The configuration under construction. */
struct loader {
    struct bl_config_record *record;
    struct bl_findings *findings;
    struct bl_arena scratch; /* the file and its document */
    bool has_no_document;    /* the file could not be read, or is no document */
    bool profile_is_unknown; /* what was given last names none */
};

static bool is_named(const struct bl_setting *setting, struct bl_str section, struct bl_str key) {
    return bl_str_equal_c(section, setting->section) && bl_str_equal_c(key, setting->key);
}

/* Sets a value and notes its source; a problem becomes a finding with `path` and place. */
static void set(struct loader *loader, size_t index, struct bl_str text,
                struct bl_setting_source source, uint32_t column, const char *path) {
    struct bl_diag diag;

    bl_diag_clear(&diag);
    bool is_good = bl_setting_parse(&bl_settings[index], &loader->record->config, text, &diag);
    if (bl_settings[index].offset == offsetof(struct bl_config, profile)) {
        loader->profile_is_unknown = !is_good;
    }
    if (is_good) {
        loader->record->sources[index] = source;
        return;
    }
    diag.line = source.line;
    diag.column = column;
    bl_diag_path(&diag, "%s", path);
    *bl_findings_add(loader->findings, BL_SEVERITY_ERROR) = diag;
}

static void set_defaults(struct loader *loader) {
    for (size_t i = 0; i < bl_setting_count; i++) {
        size_t errors = loader->findings->errors;
        set(loader, i, bl_str_from_c(bl_settings[i].default_text),
            (struct bl_setting_source){BL_FROM_DEFAULT, 0}, 0, bl_settings[i].key);
        assert(loader->findings->errors == errors);
    }
}

/* The texts of a list, with commas between. */
static bool text_of_list(struct loader *loader, struct bl_json list, struct bl_str *out) {
    struct bl_json_iter it = bl_json_iter(list);
    struct bl_str item = BL_STR_ABSENT;
    struct bl_buf buf;
    size_t bytes = 1;

    while (bl_json_next(&it)) {
        if (!bl_json_string(it.value, &item)) {
            return false;
        }
        bytes += item.len + 1;
    }
    char *storage = bl_arena_alloc(&loader->scratch, bytes);
    if (storage == NULL) {
        return false;
    }
    bl_buf_init(&buf, storage, bytes);
    for (it = bl_json_iter(list); bl_json_next(&it);) {
        (void)bl_json_string(it.value, &item);
        bl_buf_str(&buf, item);
        bl_buf_char(&buf, ',');
    }
    *out = bl_buf_view(&buf);
    return true;
}

/* A scalar that is no text, as the text that the setting parses. */
static bool text_of_scalar(struct loader *loader, struct bl_json value, struct bl_str *out) {
    char *storage = bl_arena_alloc(&loader->scratch, SCALAR_BYTES);
    struct bl_buf buf;
    int64_t whole;
    double number;
    bool flag;

    if (storage == NULL) {
        return false;
    }
    bl_buf_init(&buf, storage, SCALAR_BYTES);
    if (bl_json_bool(value, &flag)) {
        bl_buf_str(&buf, flag ? BL_STR("true") : BL_STR("false"));
    } else if (bl_json_int64(value, &whole)) {
        bl_buf_i64(&buf, whole);
    } else if (bl_json_double(value, &number)) {
        bl_buf_double(&buf, number);
    } else {
        return false;
    }
    *out = bl_buf_view(&buf);
    return true;
}

/* What the setting is to parse. A number is no text: 007 and 1e3 would arrive as another one. */
static bool text_of(struct loader *loader, const struct bl_setting *setting, struct bl_json value,
                    struct bl_str *out) {
    bool is_text = setting->type == BL_SETTING_TEXT || setting->type == BL_SETTING_SECRET ||
                   setting->type == BL_SETTING_LIST;

    *out = BL_STR("");
    if (bl_json_type(value) == BL_JSON_NULL || bl_json_string(value, out)) {
        return true;
    }
    if (bl_json_type(value) == BL_JSON_ARRAY) {
        return setting->type == BL_SETTING_LIST && text_of_list(loader, value, out);
    }
    return !is_text && text_of_scalar(loader, value, out);
}

static struct bl_diag *add_error(struct loader *loader, struct bl_json value, const char *path) {
    struct bl_diag *diag = bl_findings_add(loader->findings, BL_SEVERITY_ERROR);

    bl_json_locate(value, diag);
    bl_diag_path(diag, "%s", path);
    return diag;
}

static void report_unknown(struct loader *loader, struct bl_json value, struct bl_str section,
                           struct bl_str key, const char *path) {
    struct bl_str names[128];
    size_t count = 0;
    bool top = section.len == 0;

    for (size_t i = 0; i < bl_setting_count && count < 128; i++) {
        struct bl_str own = bl_str_from_c(bl_settings[i].section);
        bool is_new = i == 0 || !bl_str_equal_c(own, bl_settings[i - 1].section);
        if (top && own.len > 0 && is_new) {
            names[count++] = own;
        } else if (bl_str_equal(own, section)) {
            names[count++] = bl_str_from_c(bl_settings[i].key);
        }
    }
    struct bl_str nearest = bl_nearest(key, names, count);
    struct bl_diag *diag = add_error(loader, value, path);
    bl_diag_message(diag, "unknown %s", top ? "section" : "setting");
    if (bl_str_is_present(nearest)) {
        bl_diag_hint(diag, "did you mean %.*s?", BL_STR_ARG(nearest));
    } else {
        bl_diag_hint(diag, "beamline check --dump lists all settings");
    }
}

static void report_type(struct loader *loader, const struct bl_setting *setting,
                        struct bl_json value, const char *path) {
    struct bl_diag *diag = add_error(loader, value, path);
    bool is_scalar = bl_json_type(value) != BL_JSON_ARRAY && bl_json_type(value) != BL_JSON_OBJECT;

    bl_diag_message(diag, "must be %s, found %s",
                    setting->type == BL_SETTING_LIST ? "a list of texts"
                    : is_scalar                      ? "a text"
                                                     : "a value",
                    bl_json_type_name(bl_json_type(value)));
    if (is_scalar) {
        bl_diag_hint(diag, "write it in quotes if it is meant as a text");
    }
}

static void read_setting(struct loader *loader, struct bl_str section, struct bl_str key,
                         struct bl_json value) {
    struct bl_str text;
    uint32_t line, column;
    char path[120];

    (void)snprintf(path, sizeof(path), "%.*s%s%.*s", (int)(section.len < 50 ? section.len : 50),
                   section.data, section.len > 0 ? "." : "", (int)(key.len < 50 ? key.len : 50),
                   key.data);
    for (size_t i = 0; i < bl_setting_count; i++) {
        if (!is_named(&bl_settings[i], section, key)) {
            continue;
        }
        bl_json_position(value, &line, &column);
        if (text_of(loader, &bl_settings[i], value, &text)) {
            set(loader, i, text, (struct bl_setting_source){BL_FROM_FILE, line}, column, path);
        } else {
            report_type(loader, &bl_settings[i], value, path);
        }
        return;
    }
    report_unknown(loader, value, section, key, path);
}

static bool is_section(struct bl_str name) {
    for (size_t i = 0; i < bl_setting_count; i++) {
        if (name.len > 0 && bl_str_equal_c(name, bl_settings[i].section)) {
            return true;
        }
    }
    return false;
}

static void read_document(struct loader *loader, struct bl_json root) {
    struct bl_json_iter it = bl_json_iter(root);

    if (bl_json_type(root) != BL_JSON_OBJECT) {
        bl_diag_message(add_error(loader, root, ""), "must hold sections such as nats: and logs:");
        return;
    }
    while (bl_json_next(&it)) {
        if (!is_section(it.key)) {
            read_setting(loader, BL_STR(""), it.key, it.value);
            continue;
        }
        struct bl_json_iter members = bl_json_iter(it.value);
        if (!members.keyed && bl_json_type(it.value) != BL_JSON_OBJECT &&
            bl_json_type(it.value) != BL_JSON_NULL) {
            struct bl_diag *diag = add_error(loader, it.value, "");
            bl_diag_message(diag, "section %.*s must hold settings", BL_STR_ARG(it.key));
        }
        while (bl_json_next(&members)) {
            read_setting(loader, it.key, members.key, members.value);
        }
    }
}

/* A regular file, or NULL with errno set: opening a pipe would wait for its writer for ever. */
static FILE *open_regular(const char *path) {
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool is_regular = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);

    if (is_regular) {
        return fdopen(fd, "rb");
    }
    if (fd >= 0) {
        (void)close(fd);
        errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
    }
    return NULL;
}

static bool read_whole(struct loader *loader, const char *path, struct bl_str *text) {
    FILE *file = open_regular(path);
    char *bytes = bl_arena_alloc(&loader->scratch, FILE_BYTES_MAX + 1);

    if (file == NULL || bytes == NULL) {
        struct bl_diag *diag = bl_findings_add(loader->findings, BL_SEVERITY_ERROR);
        bl_diag_message(diag, "cannot open %s: %s", path,
                        errno == EINVAL ? "it is no regular file" : strerror(errno));
        bl_diag_hint(diag, "name the file with --config FILE; without one the defaults apply");
        if (file != NULL) {
            (void)fclose(file);
        }
        return false;
    }
    size_t len = fread(bytes, 1, FILE_BYTES_MAX + 1, file);
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed) {
        bl_diag_message(bl_findings_add(loader->findings, BL_SEVERITY_ERROR), "cannot read %s: %s",
                        path, strerror(errno));
    }
    *text = (struct bl_str){bytes, len};
    return !failed;
}

static void read_file(struct loader *loader, const char *path) {
    struct bl_json_doc doc;
    struct bl_diag diag;
    struct bl_str text;

    if (!read_whole(loader, path, &text)) {
        loader->has_no_document = true;
        return;
    }
    if (bl_str_trim(text).len == 0) { /* an empty file says nothing, which is fine */
        return;
    }
    if (bl_is_error(bl_document_read(text, &limits, &loader->scratch, &doc, &diag))) {
        diag.severity = BL_SEVERITY_ERROR;
        *bl_findings_add(loader->findings, BL_SEVERITY_ERROR) = diag;
        loader->has_no_document = true;
        return;
    }
    read_document(loader, bl_json_root(&doc));
}

/* Names that other parts of Beamline read, so that they are no mistakes. */
static bool is_foreign_variable(struct bl_str name) {
    return bl_str_equal(name, BL_STR("BEAMLINE_NATS_SERVER"));
}

static void read_variable(struct loader *loader, struct bl_str name, struct bl_str value) {
    char wanted[BL_SETTING_VARIABLE_BYTES];
    char path[BL_SETTING_VARIABLE_BYTES];

    for (size_t i = 0; i < bl_setting_count; i++) {
        bl_setting_variable(&bl_settings[i], wanted);
        if (bl_str_equal_c(name, wanted)) {
            set(loader, i, value, (struct bl_setting_source){BL_FROM_ENVIRONMENT, 0}, 0, wanted);
            return;
        }
    }
    if (!is_foreign_variable(name)) {
        struct bl_diag *diag = bl_findings_add(loader->findings, BL_SEVERITY_WARNING);
        (void)snprintf(path, sizeof(path), "%.*s", (int)(name.len < 78 ? name.len : 78), name.data);
        bl_diag_path(diag, "%s", path);
        bl_diag_message(diag, "this variable names no setting");
        bl_diag_hint(diag, "beamline check --dump lists all settings");
    }
}

static void read_environment(struct loader *loader, const char *const *environment) {
    for (; environment != NULL && *environment != NULL; environment++) {
        const char *equals = strchr(*environment, '=');
        struct bl_str name = {*environment, equals == NULL ? 0 : (size_t)(equals - *environment)};
        if (equals != NULL && bl_str_starts_with(name, BL_STR(BL_SETTING_VARIABLE_PREFIX))) {
            read_variable(loader, name, bl_str_from_c(equals + 1));
        }
    }
}

static void read_override(struct loader *loader, const struct bl_config_override *override) {
    for (size_t i = 0; i < bl_setting_count; i++) {
        if (is_named(&bl_settings[i], bl_str_from_c(override->section),
                     bl_str_from_c(override->key))) {
            char path[BL_SETTING_VARIABLE_BYTES];
            (void)snprintf(path, sizeof(path), "option for %s%s%s", override->section,
                           override->section[0] != '\0' ? "." : "", override->key);
            set(loader, i, bl_str_from_c(override->value),
                (struct bl_setting_source){BL_FROM_OPTION, 0}, 0, path);
            return;
        }
    }
    assert(false && "an option overrides a setting that does not exist");
}

/* Says of findings from `first` on where the value came from. */
static void name_sources(struct loader *loader, size_t first) {
    for (size_t f = first; f < loader->findings->count; f++) {
        struct bl_diag *diag = &loader->findings->items[f];
        for (size_t i = 0; i < bl_setting_count; i++) {
            char path[BL_SETTING_VARIABLE_BYTES], variable[BL_SETTING_VARIABLE_BYTES];
            const struct bl_setting *setting = &bl_settings[i];
            (void)snprintf(path, sizeof(path), "%s%s%s", setting->section,
                           setting->section[0] != '\0' ? "." : "", setting->key);
            size_t len = strlen(path);
            bool is_of = strncmp(diag->path, path, len) == 0 &&
                         (diag->path[len] == '\0' || diag->path[len] == '[');
            if (is_of && loader->record->sources[i].kind == BL_FROM_FILE) {
                diag->line = loader->record->sources[i].line;
            } else if (is_of && loader->record->sources[i].kind == BL_FROM_ENVIRONMENT) {
                bl_setting_variable(setting, variable);
                bl_diag_path(diag, "%s (set by %s)", path, variable);
            }
        }
    }
}

bl_result bl_config_load(const struct bl_config_sources *sources, struct bl_config **out,
                         struct bl_findings *findings) {
    struct loader loader = {.findings = findings};

    bl_findings_clear(findings);
    loader.record = calloc(1, sizeof(*loader.record));
    if (loader.record == NULL) {
        return BL_FAIL(RESOURCE_EXHAUSTED);
    }
    struct bl_config *config = &loader.record->config;
    bl_arena_init(&config->arena, 65536, (size_t)16 * 1024 * 1024);
    bl_arena_init(&loader.scratch, 65536, (size_t)32 * 1024 * 1024);
    loader.record->sources =
        bl_arena_calloc(&config->arena, bl_setting_count, sizeof(*loader.record->sources));
    bl_result result = BL_FAIL(RESOURCE_EXHAUSTED);
    if (loader.record->sources != NULL &&
        bl_is_ok(
            bl_arena_copy(&config->arena, bl_str_from_c(sources->path), &loader.record->path))) {
        set_defaults(&loader);
        if (sources->path != NULL) {
            read_file(&loader, sources->path);
        }
        read_environment(&loader, sources->environment);
        for (size_t i = 0; i < sources->override_count; i++) {
            read_override(&loader, &sources->overrides[i]);
        }
        if (!loader.has_no_document) { /* else what it would say is not known */
            size_t before = findings->count;
            bl_config_check(config, !loader.profile_is_unknown, findings);
            name_sources(&loader, before);
        }
        result = findings->errors > 0 ? BL_FAIL(INVALID_REQUEST) : BL_OK;
    }
    bl_arena_fini(&loader.scratch);
    if (bl_is_error(result)) {
        bl_config_destroy(config);
        return result;
    }
    *out = config;
    return BL_OK;
}

void bl_config_destroy(struct bl_config *config) {
    if (config != NULL) {
        bl_arena_fini(&config->arena);
        free(config); /* the record begins with it */
    }
}

bool bl_config_anonymous_reads(const struct bl_config *config) {
    return config->admin.nats_anonymous_reads == 2 ? config->profile == BL_PROFILE_DEV
                                                   : config->admin.nats_anonymous_reads == 1;
}

void bl_config_restart_needed(const struct bl_config *old, const struct bl_config *new,
                              struct bl_buf *buf) {
    for (size_t i = 0; i < bl_setting_count; i++) {
        const struct bl_setting *setting = &bl_settings[i];
        if (!setting->reloadable && !bl_setting_is_equal(setting, old, new)) {
            bl_buf_printf(buf, "%s%s%s%s", buf->len > 0 ? ", " : "", setting->section,
                          setting->section[0] != '\0' ? "." : "", setting->key);
        }
    }
}
