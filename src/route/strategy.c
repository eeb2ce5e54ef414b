/* Strategies: one of several available providers. */
#include "base/fixed_log.h"
#include "base/seed.h"
#include "route/choice.h"

/* A point in [0, 1) from the decision's seed. */
static double seeded_point(const struct bl_choice *choice) {
    uint64_t state = choice->input->seed;
    return bl_unit_from_bits(bl_splitmix64(&state));
}

/* Draws in proportion to the weights, in the order of the document. Weights of 0 own no part of
 * the line, so the point cannot fall on them; rounding can only carry it past the end. */
static bl_provider_index draw_weighted(struct bl_choice *choice,
                                       const struct bl_provider_set *candidates) {
    const struct bl_provider *providers = choice->policy->providers;
    bl_provider_index last = BL_PROVIDER_NONE;
    double total = 0;
    double passed = 0;

    if (bl_provider_set_count(candidates) == 1) { /* nothing to draw */
        return (bl_provider_index)bl_provider_set_next(candidates, 0);
    }
    for (int p = -1; (p = bl_provider_set_next(candidates, p + 1)) >= 0;) {
        total += providers[p].weight;
    }
    double point = seeded_point(choice) * total;
    choice->out->draw = BL_DRAW_WEIGHTED;
    choice->out->draw_value = point;
    choice->out->draw_total = total;
    for (int p = -1; (p = bl_provider_set_next(candidates, p + 1)) >= 0;) {
        if (providers[p].weight > 0) {
            passed += providers[p].weight;
            last = (bl_provider_index)p;
            if (point < passed) {
                return last;
            }
        }
    }
    /* All weights are 0 (a last resort among several): the first. */
    return last != BL_PROVIDER_NONE ? last : (bl_provider_index)bl_provider_set_next(candidates, 0);
}

/* Weighted rendezvous hashing: the lowest -ln(u)/w wins, with u in (0, 1] from session and
 * provider. P. Efraimidis, P. Spirakis, "Weighted random sampling with a reservoir", 2006; C.
 * Schindelhauer, G. Schomaker, "Weighted Distributed Hash Tables", 2005. */
bl_provider_index bl_choice_rendezvous(const struct bl_choice *choice,
                                       struct bl_provider_set candidates, double *score) {
    const uint64_t *session = choice->input->session;
    bl_provider_index best = BL_PROVIDER_NONE;

    for (int p = -1; (p = bl_provider_set_next(&candidates, p + 1)) >= 0;) {
        const struct bl_provider *provider = &choice->policy->providers[p];
        uint64_t state = session[0] ^ provider->id_hash;
        state = bl_splitmix64(&state) + session[1];
        uint64_t bits = bl_splitmix64(&state);
        double u = (double)((bits >> 11) + 1) * 0x1p-53;
        double value = -bl_fixed_log(u) / provider->weight;
        if (best == BL_PROVIDER_NONE || value < *score) {
            best = (bl_provider_index)p;
            *score = value;
        }
    }
    return best;
}

/* Scores: lower is better. What is unknown ranks behind all that is known. */
#define UNKNOWN_SCORE 1e300

static double load_of(const struct bl_choice *choice, int provider) {
    const struct bl_provider_state *state = bl_choice_state(choice, provider);
    const struct bl_provider *facts = &choice->policy->providers[provider];
    double capacity = facts->max_inflight > 0 ? facts->max_inflight
                      : facts->weight > 0     ? facts->weight
                                              : 1;
    return state == NULL ? 0 : state->inflight / capacity;
}

static double score_priority(const struct bl_choice *choice, int provider) {
    return -(double)choice->policy->providers[provider].priority;
}

static double score_latency(const struct bl_choice *choice, int provider) {
    int64_t latency_ms = bl_choice_latency_ms(choice, provider);
    return latency_ms < 0 ? UNKNOWN_SCORE : (double)latency_ms;
}

static double score_cost(const struct bl_choice *choice, int provider) {
    int64_t cost = bl_choice_cost_nano(choice, provider);
    return cost == BL_MONEY_UNKNOWN ? UNKNOWN_SCORE : (double)cost;
}

static double score_errors(const struct bl_choice *choice, int provider) {
    const struct bl_provider_state *state = bl_choice_state(choice, provider);
    return state == NULL ? 0 : (double)state->error_rate;
}

typedef double (*score_fn)(const struct bl_choice *choice, int provider);

static const score_fn scores[] = {
    [BL_STRATEGY_PRIORITY] = score_priority,
    [BL_STRATEGY_LATENCY] = score_latency,
    [BL_STRATEGY_COST] = score_cost,
    [BL_STRATEGY_LEAST_BUSY] = load_of,
};

/* Adds `weight` × score to each candidate's sum, scaled so that the worst known one counts 1 and
 * an unknown one as much. */
static void add_scaled(const struct bl_choice *choice, const struct bl_provider_set *candidates,
                       score_fn score, double weight, double sums[]) {
    double worst = 0;

    for (int p = -1; weight > 0 && (p = bl_provider_set_next(candidates, p + 1)) >= 0;) {
        double value = score(choice, p);
        worst = value < UNKNOWN_SCORE && value > worst ? value : worst;
    }
    for (int p = -1; weight > 0 && (p = bl_provider_set_next(candidates, p + 1)) >= 0;) {
        double value = score(choice, p);
        double share = value >= UNKNOWN_SCORE ? 1 : worst > 0 ? value / worst : 0;
        sums[p] += weight * share;
    }
}

static void score_all(const struct bl_choice *choice, const struct bl_provider_set *candidates,
                      double sums[]) {
    const struct bl_policy *policy = choice->policy;

    for (int p = -1; (p = bl_provider_set_next(candidates, p + 1)) >= 0;) {
        sums[p] = policy->strategy == BL_STRATEGY_SCORE ? 0 : scores[policy->strategy](choice, p);
    }
    if (policy->strategy == BL_STRATEGY_SCORE) {
        add_scaled(choice, candidates, score_latency, policy->score.latency, sums);
        add_scaled(choice, candidates, score_cost, policy->score.cost, sums);
        add_scaled(choice, candidates, score_errors, policy->score.errors, sums);
        add_scaled(choice, candidates, load_of, policy->score.load, sums);
    }
}

/* The best scores, drawn by weight among equals, so that equals share. */
static bl_provider_index draw_best(struct bl_choice *choice,
                                   const struct bl_provider_set *candidates) {
    double sums[BL_POLICY_MAX_PROVIDERS] = {0};
    struct bl_provider_set equals = BL_PROVIDER_SET_EMPTY;
    int best = -1;

    score_all(choice, candidates, sums);
    for (int p = -1; (p = bl_provider_set_next(candidates, p + 1)) >= 0;) {
        if (best < 0 || sums[p] < sums[best]) {
            best = p;
            equals = BL_PROVIDER_SET_EMPTY;
        }
        if (sums[p] == sums[best]) {
            bl_provider_set_add(&equals, p);
        }
    }
    bl_provider_index chosen = draw_weighted(choice, &equals);
    choice->out->draw = BL_DRAW_SCORE;
    choice->out->draw_value = sums[best];
    return chosen;
}

void bl_choice_draw(struct bl_choice *choice, struct bl_provider_set candidates) {
    struct bl_decision *out = choice->out;

    if (choice->policy->strategy != BL_STRATEGY_WEIGHTED) {
        out->provider = draw_best(choice, &candidates);
    } else if (choice->input->has_session && choice->policy->sticky.enabled) {
        out->draw = BL_DRAW_RENDEZVOUS;
        out->provider = bl_choice_rendezvous(choice, candidates, &out->draw_value);
    } else {
        out->provider = draw_weighted(choice, &candidates);
    }
}
