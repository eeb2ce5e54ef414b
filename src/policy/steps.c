/* Extensions that the policy asks for, and the strategy. */
#include "json/writer.h"
#include "policy/draft.h"
#include "policy/keys.h"

#define CONFIG_BYTES 16384

/* JSON text of a value, which may come from YAML. */
static struct bl_str json_text(struct bl_draft *draft, struct bl_json value, size_t max_bytes) {
    char *storage = bl_arena_alloc(draft->scratch, max_bytes);
    struct bl_json_writer writer;
    struct bl_buf buf;

    if (storage == NULL) {
        draft->out_of_memory = true;
        return BL_STR_ABSENT;
    }
    bl_buf_init(&buf, storage, max_bytes);
    bl_json_writer_init(&writer, &buf);
    bl_json_write_value(&writer, value);
    if (!bl_json_writer_ok(&writer)) {
        bl_diag_message(bl_draft_error(draft, value), "is larger than %zu bytes", max_bytes);
        return BL_STR_ABSENT;
    }
    return bl_draft_copy(draft, bl_buf_view(&buf));
}

static void compile_step(struct bl_draft *draft, struct bl_json value, enum bl_step_kind kind,
                         struct bl_step *out) {
    struct bl_step_item item = {.step = {.kind = kind, .condition = BL_CONDITION_ALWAYS}};
    struct bl_str id;

    bl_keys_read(draft, value, kind == BL_STEP_VALIDATOR ? &bl_validator_keys : &bl_extension_keys,
                 &item);
    *out = item.step;
    if (!bl_json_string(item.id, &id) || !bl_policy_id_is_valid(id)) {
        struct bl_diag *diag = bl_draft_error(draft, item.id.doc != NULL ? item.id : value);
        bl_diag_message(diag, "an extension needs an id of 1 to 255 of A-Z a-z 0-9 _ . : -");
        return;
    }
    out->id = bl_draft_copy(draft, id);
    out->condition = bl_compile_condition(draft, item.when, false);
    if (item.config.doc != NULL) {
        size_t mark = bl_draft_enter(draft, BL_STR("config"));
        if (bl_json_type(item.config) != BL_JSON_OBJECT) {
            (void)bl_draft_wrong_type(draft, item.config, "an object");
        } else {
            out->config = json_text(draft, item.config, CONFIG_BYTES);
        }
        bl_draft_leave(draft, mark);
    }
}

static uint8_t compile_steps(struct bl_draft *draft, struct bl_json list, const char *key,
                             enum bl_step_kind kind, struct bl_step *out) {
    struct bl_json_iter it = bl_json_iter(list);
    size_t mark = bl_draft_enter(draft, bl_str_from_c(key));
    uint8_t count = 0;

    if (list.doc != NULL &&
        (bl_json_type(list) != BL_JSON_ARRAY || bl_json_count(list) > BL_POLICY_MAX_STEPS)) {
        (void)bl_draft_wrong_type(draft, list, "a list of at most 16 extensions");
        it = (struct bl_json_iter){0};
    }
    while (bl_json_next(&it)) {
        size_t item_mark = bl_draft_enter_item(draft, count);
        compile_step(draft, it.value, kind, &out[count]);
        count++;
        bl_draft_leave(draft, item_mark);
    }
    bl_draft_leave(draft, mark);
    return count;
}

void bl_compile_steps(struct bl_draft *draft) {
    struct bl_policy *policy = draft->policy;
    struct bl_step *steps = bl_draft_alloc(draft, 3 * BL_POLICY_MAX_STEPS, sizeof(*steps));

    if (steps == NULL) {
        return;
    }
    policy->steps = steps;
    policy->pre_count = compile_steps(draft, draft->notes->pre, "pre", BL_STEP_PRE, steps);
    steps += policy->pre_count;
    policy->validator_count =
        compile_steps(draft, draft->notes->validators, "validators", BL_STEP_VALIDATOR, steps);
    steps += policy->validator_count;
    policy->post_count = compile_steps(draft, draft->notes->post, "post", BL_STEP_POST, steps);
    if (draft->notes->metadata.doc != NULL) {
        size_t mark = bl_draft_enter(draft, BL_STR("metadata"));
        if (bl_json_type(draft->notes->metadata) != BL_JSON_OBJECT) {
            (void)bl_draft_wrong_type(draft, draft->notes->metadata, "an object");
        } else {
            policy->metadata = json_text(draft, draft->notes->metadata, 4 * CONFIG_BYTES);
        }
        bl_draft_leave(draft, mark);
    }
}

static void compile_score(struct bl_draft *draft, struct bl_json score) {
    struct bl_score_weights *weights = &draft->policy->score;
    size_t mark = bl_draft_enter(draft, BL_STR("score"));

    bl_keys_read(draft, score, &bl_score_keys, weights);
    if (weights->latency + weights->cost + weights->errors + weights->load == 0) {
        bl_diag_message(bl_draft_error(draft, score), "needs a weight above 0");
    }
    draft->policy->strategy = BL_STRATEGY_SCORE;
    bl_draft_leave(draft, mark);
}

void bl_compile_strategy(struct bl_draft *draft) {
    static const char *const words[] = {"weighted", "priority", "latency", "cost", "least_busy"};
    struct bl_json value = draft->notes->strategy;
    size_t mark = bl_draft_enter(draft, BL_STR("strategy"));
    struct bl_str word = BL_STR_ABSENT;

    if (bl_json_type(value) == BL_JSON_OBJECT && bl_json_count(value) == 1 &&
        bl_json_get(value, BL_STR("score")).doc != NULL) {
        compile_score(draft, bl_json_get(value, BL_STR("score")));
    } else if (value.doc != NULL) {
        int found = -1;
        (void)bl_json_string(value, &word);
        for (int i = 0; i < 5; i++) {
            found = bl_str_equal_c(word, words[i]) ? i : found;
        }
        if (found < 0) {
            bl_diag_message(
                bl_draft_error(draft, value),
                "must be weighted, priority, latency, cost, least_busy or {score: {…}}");
        } else {
            draft->policy->strategy = (enum bl_strategy)found;
        }
    }
    bl_draft_leave(draft, mark);
}
