#include "app/recorder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/compile.h"

#include "route/frame.h"
#include "route/record.h"

const char *bl_shadow_outcome_word(enum bl_shadow_outcome outcome) {
    static const char *const words[BL_SHADOW_COUNT] = {
        [BL_SHADOW_SAME] = "same",         [BL_SHADOW_OTHER_PROVIDER] = "other_provider",
        [BL_SHADOW_REFUSED] = "refused",   [BL_SHADOW_ADMITTED] = "admitted",
        [BL_SHADOW_MISSING] = "no_policy",
    };
    return words[outcome];
}

/* --- recording ------------------------------------------------------------------------------- */

bool bl_recorded_field_read(struct bl_str text, struct bl_recorded_field *out) {
    const char *slash = memchr(text.data, '/', text.len);

    if (slash == NULL) {
        return false;
    }
    out->tenant = (struct bl_str){text.data, (size_t)(slash - text.data)};
    struct bl_str path = {slash + 1, text.len - out->tenant.len - 1};
    return bl_tenant_id_is_valid(out->tenant, true) && bl_fact_read(path, &out->fact);
}

void bl_recorder_init(struct bl_recorder *recorder, const struct bl_config *config,
                      struct bl_log_channel *channel, const uint8_t key[16]) {
    const struct bl_text_list *fields = &config->recording.fields;

    recorder->channel = channel;
    recorder->per_thousand = config->recording.per_thousand;
    recorder->redact = config->recording.redact;
    memcpy(recorder->key, key, sizeof(recorder->key));
    recorder->field_count = 0;
    for (size_t i = 0; i < fields->count && recorder->field_count < BL_RECORDED_FIELDS_MAX; i++) {
        recorder->field_count +=
            bl_recorded_field_read(fields->items[i], &recorder->fields[recorder->field_count]);
    }
}

bl_result bl_recording_check(const char *path, struct bl_diag *diag) {
    char head[BL_FRAME_MAGIC_BYTES];
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        return BL_OK; /* it is made, or opening it for writing says why not */
    }
    bool is_ours = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    if (is_ours && status.st_size > 0) {
        ssize_t got = read(fd, head, sizeof(head));
        is_ours = got > 0 && bl_frame_begins((struct bl_str){head, (size_t)got});
    }
    (void)close(fd);
    if (is_ours) {
        return BL_OK;
    }
    bl_diag_message(diag, "%.150s holds something else than recorded decisions", path);
    bl_diag_hint(diag, "name another file, or move this one away");
    return BL_FAIL(INVALID_REQUEST);
}

struct clear_fields {
    const struct bl_recorder *recorder;
    struct bl_str tenant_id;
};

static bool is_of_tenant(const struct bl_recorded_field *field, struct bl_str tenant_id) {
    return bl_str_equal(field->tenant, BL_STR("*")) || bl_str_equal(field->tenant, tenant_id);
}

static bool is_clear(void *user, struct bl_str path) {
    const struct clear_fields *clear = user;

    for (size_t i = 0; i < clear->recorder->field_count; i++) {
        const struct bl_recorded_field *field = &clear->recorder->fields[i];
        if (is_of_tenant(field, clear->tenant_id) && bl_str_equal(field->fact.path, path)) {
            return true;
        }
    }
    return false;
}

static bool is_read(const struct bl_policy *policy, struct bl_str path) {
    for (uint16_t i = 0; i < policy->fact_count; i++) {
        if (bl_str_equal(policy->facts[i].path, path)) {
            return true;
        }
    }
    return false;
}

static struct bl_fact_source source_of(const struct bl_api *api,
                                       const struct bl_flow_moment *moment) {
    return (struct bl_fact_source){.request = &api->work.decoded.request,
                                   .tenant_id = api->work.outcome.tenant_id,
                                   .attributes = &api->flow.attributes,
                                   .attempt = api->work.outcome.input.attempt,
                                   .now_ns = moment->now_ns};
}

/* What is to be recorded and the policy does not read. */
static uint16_t add_extras(const struct bl_recorder *recorder, const struct bl_api *api,
                           const struct bl_flow_moment *moment, struct bl_record_extra *extras) {
    const struct bl_outcome *outcome = &api->work.outcome;
    const struct bl_fact_source source = source_of(api, moment);
    uint16_t count = 0;

    for (size_t i = 0; i < recorder->field_count; i++) {
        const struct bl_fact *fact = &recorder->fields[i].fact;
        if (is_of_tenant(&recorder->fields[i], outcome->tenant_id) &&
            !is_read(outcome->policy, fact->path)) {
            extras[count++] = (struct bl_record_extra){fact->path, bl_flow_fact(fact, &source)};
        }
    }
    return count;
}

enum bl_recorded bl_record_decision(struct bl_recorder *recorder, const struct bl_api *api,
                                    const struct bl_flow_moment *moment) {
    const struct bl_outcome *outcome = &api->work.outcome;
    struct bl_record_extra extras[BL_RECORDED_FIELDS_MAX];
    struct clear_fields clear = {recorder, outcome->tenant_id};
    struct bl_buf frame;

    if (recorder->channel == NULL || outcome->input.seed % 1000 >= recorder->per_thousand) {
        return BL_RECORDED_NOT;
    }
    const struct bl_record_options options = {
        .redact_key = recorder->redact ? recorder->key : NULL,
        .is_clear = is_clear,
        .user = &clear,
        .extras = extras,
        .extra_count = add_extras(recorder, api, moment, extras),
    };
    bl_buf_init(&frame, recorder->frame, sizeof(recorder->frame));
    size_t began = bl_frame_begin(&frame);
    bl_record_encode_with(&outcome->input, &options, &frame);
    bool fits = bl_frame_end(&frame, began);
    return fits && bl_log_put(recorder->channel, bl_buf_view(&frame)) ? BL_RECORDED_YES
                                                                      : BL_RECORDED_DROPPED;
}

/* --- shadow ---------------------------------------------------------------------------------- */

static enum bl_shadow_outcome compare(const struct bl_outcome *outcome,
                                      const struct bl_policy *shadow,
                                      const struct bl_decision *decision) {
    bl_provider_index live = outcome->decision.provider;
    bl_provider_index other = decision->provider;

    if (live == BL_PROVIDER_NONE) {
        return other == BL_PROVIDER_NONE ? BL_SHADOW_SAME : BL_SHADOW_ADMITTED;
    }
    if (other == BL_PROVIDER_NONE) {
        return BL_SHADOW_REFUSED;
    }
    return bl_str_equal(outcome->policy->providers[live].id, shadow->providers[other].id)
               ? BL_SHADOW_SAME
               : BL_SHADOW_OTHER_PROVIDER;
}

/* The session as the shadow sees it: the same where both go by the same key, pin included. */
static void translate_session(const struct bl_api *api, const struct bl_policy *shadow,
                              struct bl_decision_input *input) {
    const struct bl_outcome *outcome = &api->work.outcome;
    const struct bl_policy *live = outcome->policy;

    if (!shadow->sticky.enabled) {
        return;
    }
    if (live->sticky.enabled &&
        bl_str_equal(live->sticky.session_key, shadow->sticky.session_key)) {
        if (input->pin != BL_PROVIDER_NONE) {
            input->pin = bl_policy_find_provider(shadow, live->providers[input->pin].id);
        }
        return;
    }
    input->pin = BL_PROVIDER_NONE;
    input->has_session = bl_flow_session(shadow, &api->work.decoded.request, outcome->tenant_id,
                                         api->flow.key, input->session);
}

/* The same draw, so that what differs is the policy and not chance. */
enum bl_shadow_outcome bl_shadow_decide(const struct bl_api *api,
                                        const struct bl_flow_moment *moment,
                                        struct bl_decision *decision) {
    const struct bl_outcome *outcome = &api->work.outcome;
    const struct bl_policy *policy = outcome->policy;
    struct bl_decision_input input = outcome->input;
    const struct bl_fact_source source = source_of(api, moment);

    double point = (double)(input.seed >> 11) * 0x1p-53;
    if (!bl_str_is_present(policy->shadow.policy_id) || point >= policy->shadow.share) {
        return BL_SHADOW_NONE;
    }
    const struct bl_policy *shadow =
        bl_catalog_find(api->flow.catalog, outcome->tenant_id, policy->shadow.policy_id);
    if (shadow == NULL) {
        return BL_SHADOW_MISSING;
    }
    translate_session(api, shadow, &input);
    input.policy = shadow;
    input.states = NULL; /* numbered by the live policy's providers; a lone router has none */
    if (bl_is_error(bl_flow_facts(shadow, &source, api->arena, &input.facts))) {
        return BL_SHADOW_NONE;
    }
    bl_result result = bl_decide(&input, decision);
    (void)result; /* a refusal is an outcome */
    return compare(outcome, shadow, decision);
}
