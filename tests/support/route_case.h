/* One decision to be tried in tests: a policy from YAML text and an input that begins unknown. */
#ifndef BL_TESTS_SUPPORT_ROUTE_CASE_H
#define BL_TESTS_SUPPORT_ROUTE_CASE_H

#include "route/decide.h"
#include "support/compiled_policy.h"

#define CASE_NOW_MS INT64_C(1700000000000)

struct route_case {
    struct compiled compiled;
    const struct bl_policy *policy;
    struct bl_value facts[BL_POLICY_MAX_FACTS];
    struct bl_provider_state states[BL_POLICY_MAX_PROVIDERS];
    struct bl_limit_levels limits;
    struct bl_decision_input input;
    struct bl_decision decision;
};

static inline void case_begin(struct route_case *c, const char *yaml) {
    memset(c, 0, sizeof(*c));
    expect_good(&c->compiled, yaml);
    c->policy = c->compiled.policy;
    for (int p = 0; p < BL_POLICY_MAX_PROVIDERS; p++) {
        c->states[p] = BL_PROVIDER_STATE_UNKNOWN;
    }
    c->input = (struct bl_decision_input){
        .policy = c->policy,
        .facts = c->facts,
        .states = c->states,
        .limits = &c->limits,
        .now_ns = CASE_NOW_MS * 1000000,
        .seed = 1,
        .attempt = 1,
        .pin = BL_PROVIDER_NONE,
        .max_latency_ms = -1,
        .max_cost_nano = BL_MONEY_UNKNOWN,
    };
}

static inline void case_end(struct route_case *c) {
    release(&c->compiled);
}

static inline int provider_of(const struct route_case *c, const char *id) {
    return bl_policy_find_provider(c->policy, bl_str_from_c(id));
}

static inline struct bl_provider_state *state_of(struct route_case *c, const char *id) {
    return &c->states[provider_of(c, id)];
}

/* Sets the fact that the policy reads under `path` to a text. */
static inline void set_fact(struct route_case *c, const char *path, const char *text) {
    for (uint16_t i = 0; i < c->policy->fact_count; i++) {
        if (bl_str_equal_c(c->policy->facts[i].path, path)) {
            c->facts[i] = (struct bl_value){
                .type = BL_VALUE_STRING, .count = (uint32_t)strlen(text), .as.string = text};
        }
    }
}

static inline void set_session(struct route_case *c, uint64_t value) {
    c->input.has_session = true;
    c->input.session[0] = value * UINT64_C(0x9E3779B97F4A7C15) + 1;
    c->input.session[1] = value * UINT64_C(0xBF58476D1CE4E5B9) + 7;
}

/* The chosen provider's id, or "" if there is none. */
static inline const char *chosen(struct route_case *c) {
    static char id[256];
    bl_result result = bl_decide(&c->input, &c->decision);

    id[0] = '\0';
    if (bl_is_ok(result)) {
        struct bl_str name = c->policy->providers[c->decision.provider].id;
        memcpy(id, name.data, name.len);
        id[name.len] = '\0';
    }
    return id;
}

static inline const char *drop_of(const struct route_case *c, const char *id) {
    return bl_drop_word((enum bl_drop)c->decision.drops[provider_of(c, id)]);
}

#endif
