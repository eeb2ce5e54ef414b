#include "route/decide.h"

#include <assert.h>
#include <string.h>

#include "base/siphash.h"
#include "route/choice.h"
#include "route/limit.h"

#define NS_PER_MS INT64_C(1000000)

static inline void mark(uint64_t *rules, uint32_t rule) {
    rules[rule / 64] |= UINT64_C(1) << (rule % 64);
}

/* Whether it ends the reading. */
static bool apply_rule(struct bl_choice *choice, uint32_t index) {
    const struct bl_rule *rule = &choice->policy->rules[index];

    mark(choice->out->rules_matched, index);
    if (rule->narrows) {
        choice->allowed = bl_provider_set_and(choice->allowed, rule->allowed);
    }
    if (rule->prefer_count > 0 || rule->stop) {
        choice->out->rule = (int16_t)index;
        choice->ending = rule->prefer_count > 0 ? rule : NULL;
        return true;
    }
    return false;
}

/* Reads the rules from the top, leaving out those that cannot match: narrowing accumulates, the
 * first `prefer` or `stop` ends it. */
static void apply_rules(struct bl_choice *choice) {
    const struct bl_policy *policy = choice->policy;
    uint64_t worth[BL_POLICY_MAX_RULES / 64];
    struct bl_evaluation evaluation;

    bl_rule_index_find(&policy->rule_index, policy->rule_count, choice->input->facts, worth);
    bl_conditions_begin(policy, choice->input->facts, &evaluation);
    for (uint32_t word = 0; word < BL_RULE_WORDS(policy->rule_count); word++) {
        for (uint64_t left = worth[word]; left != 0; left &= left - 1) {
            uint32_t i = word * 64 + (uint32_t)__builtin_ctzll(left);
            enum bl_truth holds = bl_condition_truth(&evaluation, policy->rules[i].condition);
            if (holds == BL_TRUTH_ERROR) {
                mark(choice->out->rules_failed, i);
                choice->out->rules_failed_count++;
            } else if (holds == BL_TRUTH_TRUE && apply_rule(choice, i)) {
                return;
            }
        }
    }
}

static void choose(struct bl_choice *choice, bl_provider_index provider, enum bl_reason reason) {
    choice->out->provider = provider;
    choice->out->reason = reason;
}

/* `prefer`: the first available one, over any pin, without making a pin. */
static bool choose_preferred(struct bl_choice *choice) {
    for (uint16_t i = 0; choice->ending != NULL && i < choice->ending->prefer_count; i++) {
        bl_provider_index provider = choice->ending->prefer[i];
        if (bl_provider_set_has(&choice->available, provider)) {
            choose(choice, provider, BL_REASON_RULE);
            return true;
        }
    }
    return false;
}

/* Whether breakers, and nothing else, stood in the way of all that a rule preferred. */
static bool preferred_are_broken(const struct bl_choice *choice) {
    if (choice->ending == NULL) {
        return false;
    }
    for (uint16_t i = 0; i < choice->ending->prefer_count; i++) {
        if (!bl_provider_set_has(&choice->broken, choice->ending->prefer[i])) {
            return false;
        }
    }
    return true;
}

static bool uses_session(const struct bl_choice *choice) {
    return choice->policy->sticky.enabled && choice->input->has_session;
}

static bool has_live_pin(const struct bl_choice *choice) {
    return choice->input->pin != BL_PROVIDER_NONE &&
           choice->input->pin_expires_ms > choice->input->now_ns / NS_PER_MS;
}

static bool choose_pinned(struct bl_choice *choice) {
    const struct bl_sticky *sticky = &choice->policy->sticky;
    const struct bl_decision_input *input = choice->input;
    struct bl_provider_set pool = bl_provider_set_and(choice->available, choice->policy->weighted);

    if (!uses_session(choice) || !has_live_pin(choice) || !bl_provider_set_has(&pool, input->pin)) {
        return false;
    }
    int64_t renewed_ms = input->now_ns / NS_PER_MS + sticky->ttl_ms;
    if (sticky->sliding && renewed_ms - input->pin_expires_ms >= sticky->ttl_ms / 10) {
        choice->out->pin_action = BL_PIN_RENEW;
        choice->out->pin_expires_ms = renewed_ms;
    }
    choose(choice, input->pin, BL_REASON_STICKY);
    return true;
}

/* A pin is worth writing only if the session would not come here by itself next time, and an
 * older pin, whose provider is away, is left to its end. */
static void pin_choice(struct bl_choice *choice, const struct bl_provider_set *pool) {
    struct bl_provider_set missing = bl_provider_set_and_not(choice->policy->weighted, *pool);
    bool is_own = choice->out->draw == BL_DRAW_RENDEZVOUS && bl_provider_set_is_empty(&missing);
    double score;

    if (!uses_session(choice) || has_live_pin(choice) || is_own) {
        return;
    }
    /* Only a rendezvous draw comes back by itself; what a score chose must be held. */
    if (choice->out->draw != BL_DRAW_RENDEZVOUS ||
        bl_choice_rendezvous(choice, choice->policy->weighted, &score) != choice->out->provider) {
        choice->out->pin_action = BL_PIN_WRITE;
        choice->out->pin_expires_ms =
            choice->input->now_ns / NS_PER_MS + choice->policy->sticky.ttl_ms;
    }
}

static bool choose_by_strategy(struct bl_choice *choice) {
    struct bl_provider_set pool = bl_provider_set_and(choice->available, choice->policy->weighted);

    if (bl_provider_set_is_empty(&pool)) {
        return false;
    }
    bl_choice_draw(choice, pool);
    choice->out->reason = preferred_are_broken(choice) ? BL_REASON_CIRCUIT_BREAKER_FALLBACK
                          : choice->policy->strategy == BL_STRATEGY_WEIGHTED ? BL_REASON_WEIGHTED
                                                                             : BL_REASON_BEST_SCORE;
    pin_choice(choice, &pool);
    return true;
}

/* keep_last: rather than nobody, the one whose breaker closes first. */
static bool choose_last_broken(struct bl_choice *choice) {
    int best = -1;

    if (!choice->policy->breaker.keep_last) {
        return false;
    }
    for (int p = -1; (p = bl_provider_set_next(&choice->broken, p + 1)) >= 0;) {
        const struct bl_provider_state *states = choice->input->states;
        if (best < 0 || states[p].breaker_retry_at_ms < states[best].breaker_retry_at_ms) {
            best = p;
        }
    }
    if (best < 0) {
        return false;
    }
    choice->out->drops[best] = BL_DROP_NONE;
    choose(choice, (bl_provider_index)best, BL_REASON_CIRCUIT_BREAKER_FALLBACK);
    return true;
}

static bool choose_last_resort(struct bl_choice *choice) {
    struct bl_provider_set wanted = bl_provider_set_and(choice->allowed, choice->policy->weighted);
    struct bl_provider_set pool =
        bl_provider_set_and(choice->available, choice->policy->last_resort);
    struct bl_provider_set others = bl_provider_set_and_not(wanted, choice->broken);

    if (bl_provider_set_is_empty(&pool)) {
        return false;
    }
    bool all_broken = !bl_provider_set_is_empty(&wanted) && bl_provider_set_is_empty(&others);
    bl_choice_draw(choice, pool);
    choice->out->reason = all_broken || preferred_are_broken(choice)
                              ? BL_REASON_CIRCUIT_BREAKER_FALLBACK
                              : BL_REASON_FALLBACK;
    return true;
}

static void describe_chosen(struct bl_choice *choice) {
    struct bl_decision *out = choice->out;
    const struct bl_provider_state *state = bl_choice_state(choice, out->provider);
    int64_t latency_ms = bl_choice_latency_ms(choice, out->provider);
    int64_t cost_nano = bl_choice_cost_nano(choice, out->provider);

    out->latency_known = latency_ms >= 0;
    out->cost_known = cost_nano != BL_MONEY_UNKNOWN;
    out->expected_latency_ms = latency_ms >= 0 ? latency_ms : 0;
    out->expected_cost_nano = cost_nano != BL_MONEY_UNKNOWN ? cost_nano : 0;
    out->reserve_nano = bl_limit_reserve(&choice->policy->limits, choice->input->max_cost_nano,
                                         &choice->policy->providers[out->provider], state);
    out->probe =
        choice->policy->breaker.enabled && state != NULL && state->breaker != BL_BREAKER_CLOSED;
}

/* Nobody: a budget that was in everybody's way is told as such. */
static void refuse(struct bl_choice *choice) {
    struct bl_decision *out = choice->out;
    bool budget = false;

    out->error = BL_E_NO_PROVIDER_AVAILABLE;
    for (int p = 0; p < choice->policy->provider_count; p++) {
        bool counts =
            out->drops[p] != BL_DROP_NOT_OFFERED && out->drops[p] != BL_DROP_DENIED_BY_RULE;
        if (counts && out->drops[p] != BL_DROP_BUDGET) {
            return;
        }
        budget = budget || counts;
    }
    if (budget) {
        int64_t wait_ms =
            choice->input->limits->budget_resets_ms - choice->input->now_ns / NS_PER_MS;
        out->error = BL_E_BUDGET_EXCEEDED;
        out->retry_after_ms = wait_ms > 0 ? wait_ms : 1;
    }
}

static void begin(struct bl_choice *choice, const struct bl_decision_input *input,
                  struct bl_decision *out) {
    const struct bl_policy *policy = input->policy;

    memset(out, 0, offsetof(struct bl_decision, rules_matched));
    memset(out->rules_matched, 0, BL_RULE_WORDS(policy->rule_count) * sizeof(uint64_t));
    memset(out->rules_failed, 0, BL_RULE_WORDS(policy->rule_count) * sizeof(uint64_t));
    memset(out->drops, BL_DROP_NONE, policy->provider_count);
    out->provider = BL_PROVIDER_NONE;
    out->rule = -1;
    *choice =
        (struct bl_choice){.input = input, .policy = policy, .out = out, .allowed = policy->all};
}

static void decide_without(const struct bl_decision_input *input, bl_provider_index excluded,
                           struct bl_decision *out) {
    static const struct bl_limit_levels unused;
    struct bl_choice choice;

    begin(&choice, input, out);
    struct bl_limit_verdict verdict =
        bl_limit_evaluate(&input->policy->limits, input->limits != NULL ? input->limits : &unused,
                          input->now_ns, input->estimated_tokens);
    if (verdict.error != BL_E_NONE) {
        out->error = verdict.error;
        out->retry_after_ms = verdict.retry_after_ms;
        return;
    }
    choice.only_last_resort = verdict.only_last_resort;
    apply_rules(&choice);
    if (excluded != BL_PROVIDER_NONE) {
        bl_provider_set_remove(&choice.allowed, excluded);
    }
    bl_choice_check(&choice);
    if (choose_preferred(&choice) || choose_pinned(&choice) || choose_by_strategy(&choice) ||
        choose_last_resort(&choice) || choose_last_broken(&choice)) {
        describe_chosen(&choice);
    } else {
        refuse(&choice);
    }
}

bl_result bl_decide(const struct bl_decision_input *input, struct bl_decision *out) {
    decide_without(input, BL_PROVIDER_NONE, out);
    return (bl_result){out->error};
}

bl_provider_index bl_decide_runner_up(const struct bl_decision_input *input,
                                      const struct bl_decision *decision) {
    struct bl_decision without;

    if (decision->provider == BL_PROVIDER_NONE) {
        return BL_PROVIDER_NONE;
    }
    decide_without(input, decision->provider, &without);
    return without.provider;
}

uint64_t bl_decision_seed(const uint8_t key[16], const uint8_t admission_id[16],
                          uint64_t policy_content_hash, uint32_t attempt) {
    uint8_t material[28];

    memcpy(material, admission_id, 16);
    for (int i = 0; i < 8; i++) {
        material[16 + i] = (uint8_t)(policy_content_hash >> (8 * i));
    }
    for (int i = 0; i < 4; i++) {
        material[24 + i] = (uint8_t)(attempt >> (8 * i));
    }
    return bl_siphash64(key, material, sizeof(material));
}

static const struct {
    const char *word;
    int priority;
} reasons[BL_REASON_COUNT] = {
#define X(symbol, word, priority) [BL_REASON_##symbol] = {word, priority},
    BL_REASON_MAP(X)
#undef X
};

const char *bl_reason_word(enum bl_reason reason) {
    assert((unsigned)reason < BL_REASON_COUNT);
    return reasons[reason].word;
}

int bl_reason_priority(enum bl_reason reason) {
    assert((unsigned)reason < BL_REASON_COUNT);
    return reasons[reason].priority;
}

static const struct {
    const char *word;
    const char *text;
} drops[BL_DROP_COUNT] = {
#define X(symbol, word, text) [BL_DROP_##symbol] = {word, text},
    BL_DROP_MAP(X)
#undef X
};

const char *bl_drop_word(enum bl_drop drop) {
    assert((unsigned)drop < BL_DROP_COUNT);
    return drops[drop].word;
}

const char *bl_drop_text(enum bl_drop drop) {
    assert((unsigned)drop < BL_DROP_COUNT);
    return drops[drop].text;
}
