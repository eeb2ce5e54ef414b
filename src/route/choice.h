/*
 * A decision in progress. Private to this folder: what the steps of bl_decide share.
 */
#ifndef BL_ROUTE_CHOICE_H
#define BL_ROUTE_CHOICE_H

#include "route/decide.h"

struct bl_choice {
    const struct bl_decision_input *input;
    const struct bl_policy *policy;
    struct bl_decision *out;
    struct bl_provider_set allowed; /* what the rules left */
    const struct bl_rule *ending;   /* the rule with `prefer` that ended the reading, or NULL */
    bool only_last_resort;
    struct bl_provider_set available; /* offered, allowed, and nothing speaks against them */
    struct bl_provider_set broken;    /* dropped by their breaker alone */
};

static inline const struct bl_provider_state *bl_choice_state(const struct bl_choice *choice,
                                                              int provider) {
    return choice->input->states == NULL ? NULL : &choice->input->states[provider];
}

/* Fills available and broken, and the drop reason of every provider. */
void bl_choice_check(struct bl_choice *choice);

/* What is expected of a provider: measured, else declared. -1 / BL_MONEY_UNKNOWN if unknown. */
int64_t bl_choice_latency_ms(const struct bl_choice *choice, int provider);
int64_t bl_choice_cost_nano(const struct bl_choice *choice, int provider);

/* The strategy's choice among `candidates` (not empty): sets provider, draw and its value. */
void bl_choice_draw(struct bl_choice *choice, struct bl_provider_set candidates);

/* The session's own provider by weighted rendezvous hashing, among `candidates` (not empty, all of
 * positive weight); `*score` is its score. */
bl_provider_index bl_choice_rendezvous(const struct bl_choice *choice,
                                       struct bl_provider_set candidates, double *score);

#endif
