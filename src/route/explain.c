#include "route/explain.h"

#include <inttypes.h>

#include "route/choice.h"

#define TEXT_BYTES 8192
#define TEXT_LINES_MAX 24 /* candidates and rules told in words; the JSON lists all */

static bool has_bit(const uint64_t *rules, uint16_t rule) {
    return (rules[rule / 64] >> (rule % 64) & 1) != 0;
}

static bool matched(const struct bl_decision *decision, uint16_t rule) {
    return has_bit(decision->rules_matched, rule);
}

/* Why a rule's condition failed: it is run again to find out. */
static void tell_error(const struct bl_decision_input *input, uint16_t rule, struct bl_buf *buf) {
    struct bl_evaluation evaluation;

    bl_conditions_begin(input->policy, input->facts, &evaluation);
    if (bl_condition_truth(&evaluation, input->policy->rules[rule].condition) == BL_TRUTH_ERROR) {
        bl_condition_say_error(input->policy, &evaluation.error, buf);
    } else { /* alone it is within the budget */
        bl_buf_str(buf, bl_str_from_c(bl_evaluation_error_text(BL_EVALUATION_TOO_EXPENSIVE)));
    }
}

static struct bl_str id_of(const struct bl_decision_input *input, bl_provider_index provider) {
    return input->policy->providers[provider].id;
}

/* --- for people ---------------------------------------------------------------------------- */

static void tell_rules(const struct bl_decision_input *input, const struct bl_decision *decision,
                       struct bl_buf *buf) {
    const struct bl_policy *policy = input->policy;
    int told = 0;

    for (uint16_t i = 0; i < policy->rule_count && told < TEXT_LINES_MAX; i++) {
        if (matched(decision, i)) {
            bl_buf_printf(buf, "rule %u (line %u) matched: %.*s\n", i + 1u, policy->rules[i].line,
                          BL_STR_ARG(policy->rules[i].summary));
            told++;
        }
    }
    if (told == 0 && policy->rule_count > 0) {
        bl_buf_printf(buf, "none of %u rules matched\n", policy->rule_count);
    }
    told = 0;
    for (uint16_t i = 0; i < policy->rule_count && told < TEXT_LINES_MAX; i++) {
        if (has_bit(decision->rules_failed, i)) {
            bl_buf_printf(buf,
                          "rule %u (line %u) could not be judged, so it does not apply: ", i + 1u,
                          policy->rules[i].line);
            tell_error(input, i, buf);
            bl_buf_char(buf, '\n');
            told++;
        }
    }
}

static void tell_drops(const struct bl_decision_input *input, const struct bl_decision *decision,
                       struct bl_buf *buf) {
    int told = 0;

    for (int p = 0; p < input->policy->provider_count && told < TEXT_LINES_MAX; p++) {
        enum bl_drop drop = (enum bl_drop)decision->drops[p];
        if (drop != BL_DROP_NONE) {
            bl_buf_printf(buf, "%.*s was left out: %s\n",
                          BL_STR_ARG(id_of(input, (bl_provider_index)p)), bl_drop_text(drop));
            told++;
        }
    }
}

static void tell_draw(const struct bl_decision_input *input, const struct bl_decision *decision,
                      struct bl_buf *buf) {
    const struct bl_provider *chosen = &input->policy->providers[decision->provider];
    double percent = decision->draw_total > 0 ? 100 * chosen->weight / decision->draw_total : 0;

    switch (decision->draw) {
    case BL_DRAW_WEIGHTED:
        bl_buf_printf(buf, "drew %.4g of %.4g; %.*s has weight %.4g (%.3g %%)\n",
                      decision->draw_value, decision->draw_total, BL_STR_ARG(chosen->id),
                      chosen->weight, percent);
        break;
    case BL_DRAW_RENDEZVOUS:
        bl_buf_printf(buf, "this session belongs to %.*s by rendezvous hashing\n",
                      BL_STR_ARG(chosen->id));
        break;
    case BL_DRAW_SCORE:
        bl_buf_printf(buf, "%.*s has the best score, %.4g\n", BL_STR_ARG(chosen->id),
                      decision->draw_value);
        break;
    case BL_DRAW_NONE:
        break;
    }
}

static void tell_reason(const struct bl_decision_input *input, const struct bl_decision *decision,
                        struct bl_buf *buf) {
    struct bl_str chosen = id_of(input, decision->provider);

    switch (decision->reason) {
    case BL_REASON_STICKY:
        bl_buf_printf(buf, "the session is pinned to %.*s\n", BL_STR_ARG(chosen));
        break;
    case BL_REASON_RULE:
        bl_buf_printf(buf, "rule %d prefers %.*s, the first of its list that is available\n",
                      decision->rule + 1, BL_STR_ARG(chosen));
        break;
    case BL_REASON_FALLBACK:
        bl_buf_printf(buf, "nothing else was available, so the last resort serves\n");
        break;
    case BL_REASON_CIRCUIT_BREAKER_FALLBACK:
        bl_buf_printf(buf, "breakers stood in the way of what was preferred\n");
        break;
    case BL_REASON_WEIGHTED:
        if (decision->draw == BL_DRAW_NONE) {
            bl_buf_printf(buf, "%.*s was the only one available\n", BL_STR_ARG(chosen));
        }
        break;
    case BL_REASON_BEST_SCORE:
    case BL_REASON_RETRY:
    case BL_REASON_COUNT:
        break;
    }
}

static void tell_choice(const struct bl_decision_input *input, const struct bl_decision *decision,
                        struct bl_buf *buf) {
    bl_provider_index next = bl_decide_runner_up(input, decision);

    tell_reason(input, decision, buf);
    tell_draw(input, decision, buf);
    if (decision->pin_action != BL_PIN_NONE) {
        bl_buf_printf(buf, "the session is kept there by a pin\n");
    }
    if (next == BL_PROVIDER_NONE) {
        bl_buf_printf(buf, "without %.*s nobody could have served\n",
                      BL_STR_ARG(id_of(input, decision->provider)));
    } else {
        bl_buf_printf(buf, "next would have been %.*s\n", BL_STR_ARG(id_of(input, next)));
    }
}

void bl_explain_text(const struct bl_decision_input *input, const struct bl_decision *decision,
                     struct bl_buf *buf) {
    bool limited = decision->error != BL_E_NONE && decision->error != BL_E_NO_PROVIDER_AVAILABLE;

    if (limited) {
        bl_buf_printf(buf, "refused before the choice: %s, free again in %" PRId64 " ms\n",
                      bl_error_info(decision->error)->text, decision->retry_after_ms);
        return;
    }
    tell_rules(input, decision, buf);
    tell_drops(input, decision, buf);
    if (decision->provider == BL_PROVIDER_NONE) {
        bl_buf_printf(buf, "nobody is left\n");
    } else {
        tell_choice(input, decision, buf);
    }
}

/* --- for tools ----------------------------------------------------------------------------- */

static void member(struct bl_json_writer *writer, const char *key, struct bl_str value) {
    bl_json_write_member(writer, bl_str_from_c(key), value);
}

static void write_error(const struct bl_decision_input *input, uint16_t rule,
                        struct bl_json_writer *writer) {
    char storage[BL_PATH_MAX_BYTES + 80];
    struct bl_buf text;

    bl_buf_init(&text, storage, sizeof(storage));
    tell_error(input, rule, &text);
    member(writer, "error", bl_buf_view(&text));
}

static void write_rules(const struct bl_decision_input *input, const struct bl_decision *decision,
                        size_t limit, bool *truncated, struct bl_json_writer *writer) {
    const struct bl_policy *policy = input->policy;

    bl_json_write_key(writer, BL_STR("rules"));
    bl_json_write_array_begin(writer);
    for (uint16_t i = 0; i < policy->rule_count; i++) {
        if (writer->buf->len > limit) {
            *truncated = true;
            break;
        }
        bl_json_write_object_begin(writer);
        bl_json_write_key(writer, BL_STR("line"));
        bl_json_write_int64(writer, policy->rules[i].line);
        bl_json_write_key(writer, BL_STR("matched"));
        bl_json_write_bool(writer, matched(decision, i));
        member(writer, "effect", policy->rules[i].summary);
        if (has_bit(decision->rules_failed, i)) {
            write_error(input, i, writer);
        }
        bl_json_write_object_end(writer);
        if (decision->rule == (int16_t)i) {
            break; /* those below were not read */
        }
    }
    bl_json_write_array_end(writer);
}

static void write_candidates(const struct bl_decision_input *input,
                             const struct bl_decision *decision, size_t limit, bool *truncated,
                             struct bl_json_writer *writer) {
    bl_json_write_key(writer, BL_STR("candidates"));
    bl_json_write_array_begin(writer);
    for (int p = 0; p < input->policy->provider_count; p++) {
        enum bl_drop drop = (enum bl_drop)decision->drops[p];
        if (writer->buf->len > limit) {
            *truncated = true;
            break;
        }
        bl_json_write_object_begin(writer);
        member(writer, "provider_id", id_of(input, (bl_provider_index)p));
        bl_json_write_key(writer, BL_STR("weight"));
        bl_json_write_double(writer, input->policy->providers[p].weight);
        bl_json_write_key(writer, BL_STR("eligible"));
        bl_json_write_bool(writer, drop == BL_DROP_NONE);
        if (drop != BL_DROP_NONE) {
            member(writer, "dropped", bl_str_from_c(bl_drop_word(drop)));
            member(writer, "why", bl_str_from_c(bl_drop_text(drop)));
        }
        bl_json_write_object_end(writer);
    }
    bl_json_write_array_end(writer);
}

static void write_session(const struct bl_decision_input *input, const struct bl_decision *decision,
                          struct bl_json_writer *writer) {
    static const char *const actions[] = {
        [BL_PIN_NONE] = "none", [BL_PIN_WRITE] = "write", [BL_PIN_RENEW] = "renew"};

    if (!input->has_session) {
        return;
    }
    bl_json_write_key(writer, BL_STR("session"));
    bl_json_write_object_begin(writer);
    if (input->pin != BL_PROVIDER_NONE) {
        member(writer, "pinned_to", id_of(input, input->pin));
    }
    member(writer, "pin", bl_str_from_c(actions[decision->pin_action]));
    bl_json_write_object_end(writer);
}

static void write_draw(const struct bl_decision *decision, struct bl_json_writer *writer) {
    static const char *const kinds[] = {[BL_DRAW_NONE] = "none",
                                        [BL_DRAW_WEIGHTED] = "weighted",
                                        [BL_DRAW_RENDEZVOUS] = "rendezvous",
                                        [BL_DRAW_SCORE] = "score"};

    if (decision->draw == BL_DRAW_NONE) {
        return;
    }
    bl_json_write_key(writer, BL_STR("draw"));
    bl_json_write_object_begin(writer);
    member(writer, "kind", bl_str_from_c(kinds[decision->draw]));
    bl_json_write_key(writer, BL_STR("value"));
    bl_json_write_double(writer, decision->draw_value);
    if (decision->draw == BL_DRAW_WEIGHTED) {
        bl_json_write_key(writer, BL_STR("total"));
        bl_json_write_double(writer, decision->draw_total);
    }
    bl_json_write_object_end(writer);
}

static void write_text(const struct bl_decision_input *input, const struct bl_decision *decision,
                       size_t limit, bool *truncated, struct bl_json_writer *writer) {
    char storage[TEXT_BYTES];
    struct bl_buf text;

    bl_buf_init(&text, storage, sizeof(storage));
    bl_explain_text(input, decision, &text);
    struct bl_str rest = bl_buf_view(&text);
    bl_json_write_key(writer, BL_STR("text"));
    bl_json_write_array_begin(writer);
    while (rest.len > 0) {
        const char *newline = memchr(rest.data, '\n', rest.len);
        size_t len = newline == NULL ? rest.len : (size_t)(newline - rest.data);
        if (writer->buf->len + len > limit) {
            *truncated = true;
            break;
        }
        bl_json_write_string(writer, (struct bl_str){rest.data, len});
        rest.data += len + (newline != NULL);
        rest.len -= len + (newline != NULL);
    }
    bl_json_write_array_end(writer);
    *truncated = *truncated || text.overflowed;
}

/* Most that one entry, and all that follows the lists, can take: ids and tags of 255 bytes, each
 * byte escaped six-fold at worst. */
#define ENTRY_BYTES 2048
#define REST_BYTES 8192

void bl_explain_json(const struct bl_decision_input *input, const struct bl_decision *decision,
                     size_t max_bytes, struct bl_json_writer *writer) {
    size_t most = REST_BYTES + ENTRY_BYTES;
    size_t reserve = max_bytes / 2 < most ? max_bytes / 2 : most;
    size_t limit = writer->buf->len + max_bytes - reserve;
    bool truncated = false;

    bl_json_write_object_begin(writer);
    bl_json_write_key(writer, BL_STR("policy"));
    bl_json_write_object_begin(writer);
    member(writer, "id", input->policy->policy_id);
    member(writer, "revision", input->policy->revision);
    bl_json_write_object_end(writer);
    write_text(input, decision, limit, &truncated, writer);
    write_candidates(input, decision, limit, &truncated, writer);
    write_rules(input, decision, limit, &truncated, writer);
    write_session(input, decision, writer);
    write_draw(decision, writer);
    if (decision->provider != BL_PROVIDER_NONE) {
        bl_provider_index next = bl_decide_runner_up(input, decision);
        member(writer, "chosen", id_of(input, decision->provider));
        if (next != BL_PROVIDER_NONE) {
            member(writer, "runner_up", id_of(input, next));
        }
    }
    if (truncated) {
        bl_json_write_key(writer, BL_STR("truncated"));
        bl_json_write_bool(writer, true);
    }
    bl_json_write_object_end(writer);
}
