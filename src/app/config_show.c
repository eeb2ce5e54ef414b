/* A configuration as a person reads it: the dump, and the reference page. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "app/settings.h"

void bl_setting_variable(const struct bl_setting *setting, char out[BL_SETTING_VARIABLE_BYTES]) {
    (void)snprintf(out, BL_SETTING_VARIABLE_BYTES, BL_SETTING_VARIABLE_PREFIX "%s%s%s",
                   setting->section, setting->section[0] != '\0' ? "_" : "", setting->key);
    for (char *c = out; *c != '\0'; c++) {
        *c = (char)toupper((unsigned char)*c);
    }
}

static void write_source(const struct bl_config_record *record, size_t index, struct bl_buf *buf) {
    char variable[BL_SETTING_VARIABLE_BYTES];
    struct bl_setting_source source = record->sources[index];

    switch (source.kind) {
    case BL_FROM_DEFAULT:
        bl_buf_literal(buf, "default");
        break;
    case BL_FROM_FILE:
        bl_buf_printf(buf, "%.*s:%u", BL_STR_ARG(record->path), source.line);
        break;
    case BL_FROM_ENVIRONMENT:
        bl_setting_variable(&bl_settings[index], variable);
        bl_buf_printf(buf, "%s", variable);
        break;
    case BL_FROM_OPTION:
        bl_buf_literal(buf, "command line");
        break;
    }
}

void bl_config_dump(const struct bl_config *config, struct bl_buf *buf) {
    const struct bl_config_record *record = (const struct bl_config_record *)config;
    const char *section = "";

    for (size_t i = 0; i < bl_setting_count; i++) {
        const struct bl_setting *setting = &bl_settings[i];
        if (strcmp(section, setting->section) != 0) {
            section = setting->section;
            bl_buf_printf(buf, "%s:\n", section);
        }
        bl_buf_printf(buf, "%s%s: ", section[0] != '\0' ? "  " : "", setting->key);
        bl_setting_write(setting, config, buf);
        bl_buf_literal(buf, "  # ");
        write_source(record, i, buf);
        bl_buf_char(buf, '\n');
    }
}

static const char *type_name(enum bl_setting_type type) {
    static const char *const names[] = {
        [BL_SETTING_TEXT] = "text",  [BL_SETTING_SECRET] = "secret reference",
        [BL_SETTING_LIST] = "list",  [BL_SETTING_BOOL] = "true or false",
        [BL_SETTING_U32] = "number", [BL_SETTING_MS] = "time",
        [BL_SETTING_BYTES] = "size", [BL_SETTING_WORD] = "word"};
    return names[type];
}

void bl_config_reference(struct bl_buf *buf) {
    const char *section = "-";

    bl_buf_literal(buf,
                   "# Configuration\n\n"
                   "Generated from the table in `src/app/settings.c`. Every setting has a default. "
                   "A value comes from the default, the YAML file, `BEAMLINE_<SECTION>_<KEY>`, or "
                   "an option of the command; the later wins. Times take `500ms`, `2s`, `1m` or "
                   "milliseconds; sizes `64KiB`, `1MiB` or bytes. Secrets are references: "
                   "`file:/path`, `credential:NAME` (systemd), and in the dev profile "
                   "`env:NAME`.\n");
    for (size_t i = 0; i < bl_setting_count; i++) {
        const struct bl_setting *setting = &bl_settings[i];
        if (strcmp(section, setting->section) != 0) {
            section = setting->section;
            bl_buf_printf(buf,
                          "\n## %s\n\n| key | type | default | reload | meaning |\n"
                          "|---|---|---|---|---|\n",
                          section[0] != '\0' ? section : "(top level)");
        }
        bl_buf_printf(buf, "| `%s` | ", setting->key);
        if (setting->type == BL_SETTING_WORD) {
            for (size_t w = 0; setting->words[w] != NULL; w++) {
                bl_buf_printf(buf, "%s`%s`", w == 0 ? "" : " ", setting->words[w]);
            }
        } else {
            bl_buf_printf(buf, "%s", type_name(setting->type));
        }
        bl_buf_printf(buf, " | %s%s%s | %s | %s |\n", setting->default_text[0] != '\0' ? "`" : "",
                      setting->default_text, setting->default_text[0] != '\0' ? "`" : "",
                      setting->reloadable ? "yes" : "restart", setting->doc);
    }
}
