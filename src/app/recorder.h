/*
 * What is kept of decisions besides their replies: records for backtests, and what a shadow policy
 * would have done. Both happen after the reply has left, have no effect on it, and cost only the
 * requests that are chosen for it.
 */
#ifndef BL_APP_RECORDER_H
#define BL_APP_RECORDER_H

#include "api/handler.h"
#include "app/config.h"
#include "observe/log.h"

#define BL_RECORDED_FIELDS_MAX 64

/* A path that is recorded in the clear. */
struct bl_recorded_field {
    struct bl_str tenant; /* "*" = all */
    struct bl_fact fact;
};

/* Reads "acme/metadata.tier" into views of the text; false if it is malformed. */
bool bl_recorded_field_read(struct bl_str text, struct bl_recorded_field *out);

enum bl_shadow_outcome {
    BL_SHADOW_SAME,
    BL_SHADOW_OTHER_PROVIDER,
    BL_SHADOW_REFUSED,  /* by the shadow only */
    BL_SHADOW_ADMITTED, /* by the shadow only */
    BL_SHADOW_MISSING,  /* there is no such policy */
    BL_SHADOW_NONE,     /* not asked */
    BL_SHADOW_COUNT = BL_SHADOW_NONE
};
const char *bl_shadow_outcome_word(enum bl_shadow_outcome outcome);

enum bl_recorded { BL_RECORDED_NOT, BL_RECORDED_YES, BL_RECORDED_DROPPED };

/* One worker's. Everything is set by its owner. */
struct bl_recorder {
    struct bl_log_channel *channel; /* of the recording; NULL = none */
    uint32_t per_thousand;
    bool redact;
    uint8_t key[16]; /* of the hashes */
    struct bl_recorded_field fields[BL_RECORDED_FIELDS_MAX];
    size_t field_count;
    char frame[BL_LOG_ITEM_MAX];
};

/* Whether recordings may be added to the file: it is not there, is empty, or begins as recordings
 * do. Errors: INVALID_REQUEST, for what would be spoiled. Any thread. */
BL_MUST_USE bl_result bl_recording_check(const char *path, struct bl_diag *diag);

/* Takes the settings over; views into the configuration, which must stay. */
void bl_recorder_init(struct bl_recorder *recorder, const struct bl_config *config,
                      struct bl_log_channel *channel, const uint8_t key[16]);

/* Records the decision that `api` has just made, if it is chosen. Memory comes from its arena. */
enum bl_recorded bl_record_decision(struct bl_recorder *recorder, const struct bl_api *api,
                                    const struct bl_flow_moment *moment);

/* Lets the shadow of the policy decide the same request, if there is one and it is chosen. */
enum bl_shadow_outcome bl_shadow_decide(const struct bl_api *api,
                                        const struct bl_flow_moment *moment,
                                        struct bl_decision *decision);

#endif
