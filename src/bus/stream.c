/* Streams: made, or checked and never altered. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "bus/jetstream_private.h"

#define CONFIG_BYTES (BL_STREAM_SUBJECTS_MAX * BL_BUS_SUBJECT_MAX + 1024)
#define NS_PER_MS UINT64_C(1000000)

struct ensuring {
    struct bl_jetstream *jetstream;
    const struct bl_stream_config *config;
    bl_jetstream_done_fn on_done;
    void *user;
};

static void finish(struct ensuring *ensuring, bl_result result, struct bl_str problem) {
    ensuring->on_done(ensuring->user, result, problem);
    free(ensuring);
}

static void member_u64(struct bl_json_writer *writer, struct bl_str key, uint64_t value) {
    bl_json_write_key(writer, key);
    bl_json_write_uint64(writer, value);
}

static void member_true(struct bl_json_writer *writer, struct bl_str key) {
    bl_json_write_key(writer, key);
    bl_json_write_bool(writer, true);
}

static void write_config(const struct bl_stream_config *config, struct bl_json_writer *writer) {
    bl_json_write_object_begin(writer);
    bl_json_write_member(writer, BL_STR("name"), bl_str_from_c(config->name));
    bl_json_write_key(writer, BL_STR("subjects"));
    bl_json_write_array_begin(writer);
    for (size_t i = 0; i < config->subject_count; i++) {
        bl_json_write_string(writer, bl_str_from_c(config->subjects[i]));
    }
    bl_json_write_array_end(writer);
    bl_json_write_member(writer, BL_STR("storage"), BL_STR("file"));
    bl_json_write_member(writer, BL_STR("retention"), BL_STR("limits"));
    bl_json_write_member(writer, BL_STR("discard"), BL_STR("new"));
    member_u64(writer, BL_STR("max_bytes"), config->max_bytes);
    member_u64(writer, BL_STR("max_age"), config->max_age_ms * NS_PER_MS);
    member_u64(writer, BL_STR("duplicate_window"), config->duplicates_ms * NS_PER_MS);
    if (config->last_per_subject) {
        member_u64(writer, BL_STR("max_msgs_per_subject"), 1);
        member_true(writer, BL_STR("allow_direct"));
        member_true(writer, BL_STR("allow_rollup_hdrs"));
        member_true(writer, BL_STR("deny_delete"));
    }
    bl_json_write_object_end(writer);
}

/* --- what is there --------------------------------------------------------------------------- */

static bool has_subject(struct bl_json subjects, const char *wanted) {
    struct bl_json_iter iter = bl_json_iter(subjects);
    struct bl_str subject;

    while (bl_json_next(&iter)) {
        if (bl_json_string(iter.value, &subject) && bl_str_equal_c(subject, wanted)) {
            return true;
        }
    }
    return false;
}

static bool has_word(struct bl_json found, const char *key, const char *wanted) {
    struct bl_str word = BL_STR_ABSENT;

    (void)bl_json_string(bl_json_get(found, bl_str_from_c(key)), &word);
    return bl_str_equal_c(word, wanted);
}

static int64_t number(struct bl_json found, const char *key) {
    int64_t value = 0;

    (void)bl_json_int64(bl_json_get(found, bl_str_from_c(key)), &value);
    return value;
}

/* What the stream lacks, in words; false if nothing. */
static bool lacks(const struct bl_stream_config *wanted, struct bl_json found,
                  struct bl_diag *diag) {
    int64_t age = number(found, "max_age");
    int64_t per_subject = number(found, "max_msgs_per_subject");

    for (size_t i = 0; i < wanted->subject_count; i++) {
        if (!has_subject(bl_json_get(found, BL_STR("subjects")), wanted->subjects[i])) {
            bl_diag_message(diag, "stream %s does not take subject %s", wanted->name,
                            wanted->subjects[i]);
            return true;
        }
    }
    if (!has_word(found, "storage", "file")) {
        bl_diag_message(diag, "stream %s is kept in memory, not in files", wanted->name);
    } else if (!has_word(found, "retention", "limits")) {
        bl_diag_message(diag, "stream %s does not have retention \"limits\"", wanted->name);
    } else if (!has_word(found, "discard", "new")) {
        bl_diag_message(diag, "stream %s discards old messages when it is full", wanted->name);
    } else if (age > 0 &&
               (wanted->max_age_ms == 0 || (uint64_t)age < wanted->max_age_ms * NS_PER_MS)) {
        bl_diag_message(diag, "stream %s forgets after %" PRId64 " s", wanted->name,
                        age / INT64_C(1000000000));
    } else if ((uint64_t)number(found, "duplicate_window") < wanted->duplicates_ms * NS_PER_MS) {
        bl_diag_message(diag, "stream %s has a duplicate window of less than %" PRIu64 " s",
                        wanted->name, wanted->duplicates_ms / 1000);
    } else if (wanted->last_per_subject && per_subject != 1) {
        bl_diag_message(diag, "stream %s does not keep one message per subject", wanted->name);
    } else if (!wanted->last_per_subject && per_subject > 0) {
        bl_diag_message(diag, "stream %s keeps only %" PRId64 " messages per subject", wanted->name,
                        per_subject);
    }
    return diag->message[0] != '\0';
}

/* --- steps ----------------------------------------------------------------------------------- */

static void on_made(void *user, const struct bl_jetstream_answer *answer) {
    struct ensuring *ensuring = user;

    finish(ensuring, answer->result, answer->error);
}

static void make(struct ensuring *ensuring) {
    char api[BL_STREAM_NAME_MAX + 32];
    struct bl_json_writer writer;
    struct bl_diag diag;
    struct bl_buf body;
    char *storage = malloc(CONFIG_BYTES);

    bl_diag_clear(&diag);
    if (storage == NULL) {
        finish(ensuring, BL_FAIL(RESOURCE_EXHAUSTED), BL_STR("out of memory"));
        return;
    }
    bl_buf_init(&body, storage, CONFIG_BYTES);
    bl_json_writer_init(&writer, &body);
    write_config(ensuring->config, &writer);
    const struct bl_bus_outgoing request = {
        .subject =
            bl_jetstream_subject(api, sizeof(api), "STREAM.CREATE", ensuring->config->name, NULL),
        .data = bl_buf_view(&body)};
    bl_result result = bl_jetstream_call(ensuring->jetstream, &request, BL_JETSTREAM_TIMEOUT_MS,
                                         on_made, ensuring, &diag);
    free(storage);
    if (bl_is_error(result)) {
        finish(ensuring, result, bl_str_from_c(diag.message));
    }
}

static void on_info(void *user, const struct bl_jetstream_answer *answer) {
    struct ensuring *ensuring = user;
    struct bl_diag diag;

    bl_diag_clear(&diag);
    if (answer->result.error == BL_E_DECISION_NOT_FOUND) {
        make(ensuring);
    } else if (bl_is_error(answer->result)) {
        finish(ensuring, answer->result, answer->error);
    } else if (lacks(ensuring->config, bl_json_get(answer->body, BL_STR("config")), &diag)) {
        finish(ensuring, BL_FAIL(INVALID_REQUEST), bl_str_from_c(diag.message));
    } else {
        finish(ensuring, BL_OK, BL_STR(""));
    }
}

void bl_jetstream_ensure(struct bl_jetstream *jetstream, const struct bl_stream_config *config,
                         bl_jetstream_done_fn on_done, void *user) {
    char api[BL_STREAM_NAME_MAX + 32];
    struct ensuring *ensuring = malloc(sizeof(*ensuring));
    struct bl_diag diag;

    bl_diag_clear(&diag);
    if (ensuring == NULL) {
        on_done(user, BL_FAIL(RESOURCE_EXHAUSTED), BL_STR("out of memory"));
        return;
    }
    *ensuring = (struct ensuring){jetstream, config, on_done, user};
    const struct bl_bus_outgoing request = {
        .subject = bl_jetstream_subject(api, sizeof(api), "STREAM.INFO", config->name, NULL),
        .data = BL_STR("")};
    bl_result result =
        bl_jetstream_call(jetstream, &request, BL_JETSTREAM_TIMEOUT_MS, on_info, ensuring, &diag);
    if (bl_is_error(result)) {
        finish(ensuring, result, bl_str_from_c(diag.message));
    }
}
