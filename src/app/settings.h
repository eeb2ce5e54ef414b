/* The table of settings. Private to this folder. */
#ifndef BL_APP_SETTINGS_H
#define BL_APP_SETTINGS_H

#include "app/config.h"

enum bl_setting_type {
    BL_SETTING_TEXT,   /* struct bl_str; empty = absent */
    BL_SETTING_SECRET, /* struct bl_str: a reference such as file:/run/key */
    BL_SETTING_LIST,   /* struct bl_text_list; in the environment comma-separated */
    BL_SETTING_BOOL,
    BL_SETTING_U32,
    BL_SETTING_MS,    /* uint32_t; "500ms", "2s", "1m", or a number of milliseconds */
    BL_SETTING_BYTES, /* uint64_t; "64KiB", "1MiB", or a number of bytes */
    BL_SETTING_WORD,  /* int: the word's index */
};

struct bl_setting {
    const char *section; /* "" = top level */
    const char *key;
    enum bl_setting_type type;
    size_t offset;
    double min, max;
    const char *const *words;
    const char *default_text; /* "" = absent */
    bool reloadable;          /* takes effect without a restart */
    const char *doc;
};

extern const struct bl_setting bl_settings[];
extern const size_t bl_setting_count;

/* Where a value came from; beside the configuration, by the setting's index. */
struct bl_setting_source {
    enum { BL_FROM_DEFAULT, BL_FROM_FILE, BL_FROM_ENVIRONMENT, BL_FROM_OPTION } kind;
    uint32_t line; /* FROM_FILE */
};

/* The configuration as it is built and kept: the public part first. */
struct bl_config_record {
    struct bl_config config;
    struct bl_setting_source *sources;
    struct bl_str path;
};

/* BEAMLINE_NATS_URL; of a top-level key BEAMLINE_PROFILE. */
#define BL_SETTING_VARIABLE_PREFIX "BEAMLINE_"
#define BL_SETTING_VARIABLE_BYTES 80
void bl_setting_variable(const struct bl_setting *setting, char out[BL_SETTING_VARIABLE_BYTES]);

/* Writes a value as it could stand in the file. */
void bl_setting_write(const struct bl_setting *setting, const struct bl_config *config,
                      struct bl_buf *buf);

/* Sets a value from its text. False with message (and hint) in `diag`. */
bool bl_setting_parse(const struct bl_setting *setting, struct bl_config *config,
                      struct bl_str text, struct bl_diag *diag);

/* Whether both configurations give the setting the same value. */
bool bl_setting_is_equal(const struct bl_setting *setting, const struct bl_config *a,
                         const struct bl_config *b);

/* Adds what no single value shows: settings that do not go together, and what the profile refuses
 * unless it is not known which one is meant. */
void bl_config_check(const struct bl_config *config, bool profile_is_known,
                     struct bl_findings *findings);

#endif
