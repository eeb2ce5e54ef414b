/* How one of the available providers is chosen. */
#include "policy/draft.h"
#include "policy/keys.h"

#define QUOTE_BYTES 60

static void compile_score(struct bl_draft *draft, struct bl_json score) {
    struct bl_score_weights *weights = &draft->policy->score;
    size_t errors = draft->findings->errors;

    bl_keys_set_defaults(draft, &bl_score_keys, weights);
    bl_keys_read(draft, score, &bl_score_keys, weights);
    if (draft->findings->errors == errors &&
        !(weights->latency + weights->cost + weights->errors + weights->load > 0)) {
        struct bl_diag *diag = bl_draft_error(draft, score);
        bl_diag_message(diag, "needs a weight above 0");
        bl_diag_hint(diag, "for example {latency: 0.7, cost: 0.3}");
    }
    draft->policy->strategy = BL_STRATEGY_SCORE;
}

static void refuse(struct bl_draft *draft, struct bl_json value) {
    struct bl_str words[8];
    struct bl_str word = BL_STR("");
    size_t count = 0;

    for (; bl_strategy_words[count] != NULL; count++) {
        words[count] = bl_str_from_c(bl_strategy_words[count]);
    }
    (void)bl_json_string(value, &word);
    struct bl_str nearest = bl_nearest(word, words, count);
    struct bl_str shown = bl_draft_quote(word, QUOTE_BYTES);
    struct bl_diag *diag = bl_draft_error(draft, value);
    if (bl_json_is(value, BL_JSON_STRING)) {
        bl_diag_message(diag, "there is no strategy \"%.*s\"", BL_STR_ARG(shown));
    } else {
        bl_diag_message(diag, "must be a strategy, found %s",
                        bl_json_type_name(bl_json_type(value)));
    }
    if (bl_str_is_present(nearest)) {
        bl_diag_hint(diag, "did you mean %.*s?", BL_STR_ARG(nearest));
    } else {
        bl_diag_hint(diag, "weighted, priority, latency, cost, least_busy, or "
                           "{score: {latency: 0.7, cost: 0.3}}");
    }
}

static void compile(struct bl_draft *draft, struct bl_json value) {
    struct bl_json score = bl_json_get(value, BL_STR("score"));
    struct bl_str word;

    if (bl_json_count(value) == 1 && score.doc != NULL) {
        size_t mark = bl_draft_enter(draft, BL_STR("score"));
        compile_score(draft, score);
        bl_draft_leave(draft, mark);
        return;
    }
    for (int i = 0; bl_json_string(value, &word) && bl_strategy_words[i] != NULL; i++) {
        if (bl_str_equal_c(word, bl_strategy_words[i])) {
            draft->policy->strategy = (enum bl_strategy)i;
            return;
        }
    }
    refuse(draft, value);
}

void bl_compile_strategy(struct bl_draft *draft) {
    if (draft->notes->strategy.doc != NULL) {
        size_t mark = bl_draft_enter(draft, BL_STR("strategy"));
        compile(draft, draft->notes->strategy);
        bl_draft_leave(draft, mark);
    }
}
