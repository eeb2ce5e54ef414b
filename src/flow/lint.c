#include "flow/lint.h"

#include <stdio.h>

#include "flow/decide.h"
#include "flow/example.h"

#define RULES_COMPARED 128 /* pairs are many: 8128 of these */
/* Of BL_LINT_EFFORT_THOROUGH, some seconds at worst. The quick effort takes a twentieth of the cost,
 * and a half of the searches: most of these are short, and all pairs of rules shall fit. */
#define COST_MAX UINT64_C(100000000)
#define SEARCHES_MAX 20000u
#define QUICK_COST_SHARE 20
#define QUICK_SEARCHES_SHARE 2u

const char *bl_lint_word(enum bl_lint_code code) {
    static const char *const words[BL_LINT_COUNT] = {
#define X(symbol, word) [BL_LINT_##symbol] = (word),
        BL_LINT_MAP(X)
#undef X
    };
    return words[code];
}

struct linter {
    const struct bl_policy *policy;
    struct bl_arena *arena;
    struct bl_arena scratch; /* of one search */
    struct bl_lint *out;
    struct bl_lint_finding surplus;
    unsigned searches_left;
    uint64_t cost_left;
};

static struct bl_lint_finding *find(struct linter *linter, enum bl_lint_code code, uint32_t line) {
    struct bl_lint_finding *finding = &linter->surplus;

    if (linter->out->count < BL_LINT_MAX) {
        finding = &linter->out->findings[linter->out->count++];
    } else {
        linter->out->left_out++;
    }
    *finding = (struct bl_lint_finding){.code = code, .example = BL_STR_ABSENT};
    bl_diag_clear(&finding->diag);
    finding->diag.severity = BL_SEVERITY_WARNING;
    finding->diag.line = line;
    return finding;
}

/* Searches; an example is copied out of the scratch memory. */
static enum bl_search search(struct linter *linter, const uint32_t *holding, size_t holding_count,
                             const uint32_t *failing, size_t failing_count,
                             struct bl_str *example) {
    const struct bl_example_query query = {.policy = linter->policy,
                                           .holding = holding,
                                           .holding_count = holding_count,
                                           .failing = failing,
                                           .failing_count = failing_count,
                                           .cost_left = &linter->cost_left};
    struct bl_str found;

    if (linter->searches_left == 0 || linter->cost_left == 0) {
        linter->out->complete = false;
        *example = BL_STR_ABSENT;
        return BL_SEARCH_UNKNOWN;
    }
    linter->searches_left--;
    bl_arena_reset(&linter->scratch);
    enum bl_search result = bl_example_search(&query, &linter->scratch, &found);
    *example = BL_STR_ABSENT;
    if (result == BL_SEARCH_FOUND && bl_is_error(bl_arena_copy(linter->arena, found, example))) {
        return BL_SEARCH_UNKNOWN;
    }
    return result;
}

/* --- rules ----------------------------------------------------------------------------------- */

static bool ends(const struct bl_rule *rule) {
    return rule->stop || rule->prefer_count > 0;
}

static bool never_holds(struct linter *linter, uint16_t index) {
    const struct bl_rule *rule = &linter->policy->rules[index];
    struct bl_str example;

    if (rule->condition == BL_CONDITION_ALWAYS ||
        search(linter, &rule->condition, 1, NULL, 0, &example) != BL_SEARCH_NONE) {
        return false;
    }
    struct bl_lint_finding *finding = find(linter, BL_LINT_RULE_NEVER_HOLDS, rule->line);
    finding->rules[0] = index;
    bl_diag_path(&finding->diag, "rules[%u]", (unsigned)index);
    bl_diag_message(&finding->diag, "no request can meet its condition");
    bl_diag_hint(&finding->diag, "look for two values asked of one thing; \"or\" is || or any");
    return true;
}

/* The first earlier rule that ends the reading whenever this one's condition holds. */
static void check_shadow(struct linter *linter, uint16_t index) {
    const struct bl_rule *rules = linter->policy->rules;
    const struct bl_rule *rule = &rules[index];

    for (uint16_t i = 0; i < index && i < RULES_COMPARED; i++) {
        struct bl_str example;
        if (!ends(&rules[i])) {
            continue;
        }
        bool always = rules[i].condition == BL_CONDITION_ALWAYS;
        if (!always && search(linter, &rule->condition, 1, &rules[i].condition, 1, &example) !=
                           BL_SEARCH_NONE) {
            continue;
        }
        const uint32_t both[] = {rule->condition, rules[i].condition};
        (void)search(linter, both, 2, NULL, 0, &example);
        struct bl_lint_finding *finding = find(linter, BL_LINT_RULE_SHADOWED, rule->line);
        finding->rules[0] = index;
        finding->rules[1] = i;
        finding->example = example;
        bl_diag_path(&finding->diag, "rules[%u]", (unsigned)index);
        bl_diag_message(&finding->diag,
                        "is never reached: whenever it holds, the rule in line %u has ended the "
                        "reading before",
                        (unsigned)rules[i].line);
        bl_diag_hint(&finding->diag, "move it above line %u, or narrow the condition there",
                     (unsigned)rules[i].line);
        return;
    }
}

/* Whether an earlier rule ends the reading for the example, so that what it shows never happens. */
static bool is_decided_so(struct linter *linter, struct bl_str example) {
    struct bl_json_doc doc;
    struct bl_request request;
    struct bl_decision decision;
    struct bl_decision_input input = {.policy = linter->policy,
                                      .attempt = 1,
                                      .pin = BL_PROVIDER_NONE,
                                      .max_latency_ms = -1,
                                      .max_cost_nano = BL_MONEY_UNKNOWN};

    if (!bl_example_read(example, &linter->scratch, &doc, &request)) {
        return false;
    }
    const struct bl_fact_source source = {
        .request = &request, .tenant_id = request.tenant_id, .attempt = 1};
    return bl_is_ok(bl_flow_facts(linter->policy, &source, &linter->scratch, &input.facts)) &&
           bl_decide(&input, &decision).error == BL_E_NO_PROVIDER_AVAILABLE;
}

/* Two narrowing rules that agree on nobody, or one that names nobody. */
static void check_pair(struct linter *linter, uint16_t first, uint16_t second) {
    const struct bl_rule *rules = linter->policy->rules;
    struct bl_provider_set left = bl_provider_set_and(rules[first].allowed, rules[second].allowed);
    const uint32_t both[] = {rules[first].condition, rules[second].condition};
    struct bl_str example;

    if (!bl_provider_set_is_empty(&left) ||
        search(linter, both, first == second ? 1 : 2, NULL, 0, &example) != BL_SEARCH_FOUND ||
        !is_decided_so(linter, example)) {
        return;
    }
    struct bl_lint_finding *finding = find(linter, BL_LINT_RULES_LEAVE_NOBODY, rules[second].line);
    finding->rules[0] = second;
    finding->rules[1] = first;
    finding->example = example;
    bl_diag_path(&finding->diag, "rules[%u]", (unsigned)second);
    if (first == second) {
        bl_diag_message(&finding->diag, "leaves no provider");
    } else {
        bl_diag_message(&finding->diag, "leaves no provider together with the rule in line %u",
                        (unsigned)rules[first].line);
    }
    bl_diag_hint(&finding->diag, "such requests are refused with no_provider_available");
}

static void check_rules(struct linter *linter) {
    const struct bl_policy *policy = linter->policy;
    uint16_t count = policy->rule_count < RULES_COMPARED ? policy->rule_count : RULES_COMPARED;

    for (uint16_t i = 0; i < policy->rule_count; i++) {
        if (!never_holds(linter, i)) {
            check_shadow(linter, i);
        }
    }
    for (uint16_t i = 0; i < count; i++) {
        for (uint16_t j = 0; j <= i; j++) {
            bool narrow = policy->rules[i].narrows && policy->rules[j].narrows;
            bool by_itself = bl_provider_set_is_empty(&policy->rules[j].allowed);
            if (narrow && (i == j || !by_itself)) {
                check_pair(linter, j, i);
            }
        }
    }
}

static void check_excluded(struct linter *linter) {
    const struct bl_policy *policy = linter->policy;

    for (int p = 0; p < policy->provider_count; p++) {
        for (uint16_t r = 0; r < policy->rule_count; r++) {
            const struct bl_rule *rule = &policy->rules[r];
            if (rule->condition != BL_CONDITION_ALWAYS) {
                if (ends(rule)) {
                    break; /* what follows is not always read */
                }
                continue;
            }
            if (rule->narrows && !bl_provider_set_has(&rule->allowed, p)) {
                struct bl_lint_finding *finding =
                    find(linter, BL_LINT_PROVIDER_ALWAYS_EXCLUDED, rule->line);
                struct bl_str id = policy->providers[p].id;
                id.len = id.len > 100 ? 100 : id.len;
                bl_diag_path(&finding->diag, "rules[%u]", (unsigned)r);
                bl_diag_message(&finding->diag, "excludes %.*s from every request", BL_STR_ARG(id));
                bl_diag_hint(&finding->diag, "give the rule a condition, or remove the provider");
                break;
            }
            if (ends(rule)) {
                break;
            }
        }
    }
}

/* --- fallbacks ------------------------------------------------------------------------------- */

static void set_attempt(const struct bl_policy *policy, struct bl_value *facts, int provider,
                        enum bl_status status) {
    for (uint16_t i = 0; i < policy->fact_count; i++) {
        const struct bl_fact *fact = &policy->facts[i];
        facts[i] = (struct bl_value){.type = BL_VALUE_ABSENT};
        if (fact->root != BL_FACT_ATTEMPT) {
            continue;
        }
        if (bl_str_equal_c(fact->rest, "status")) {
            facts[i] = bl_value_text(bl_str_from_c(bl_status_word(status)));
        } else if (bl_str_equal_c(fact->rest, "provider")) {
            facts[i] = bl_value_text(policy->providers[provider].id);
        } else if (bl_str_equal_c(fact->rest, "number")) {
            facts[i] = bl_value_int(1);
        }
    }
}

/* The fallback that an attempt at `provider` with `status` leads to, or NULL. */
static const struct bl_fallback *next_fallback(const struct bl_policy *policy,
                                               struct bl_value *facts, int provider,
                                               enum bl_status status) {
    set_attempt(policy, facts, provider, status);
    for (uint16_t i = 0; i < policy->fallback_count; i++) {
        if (bl_condition_holds(policy, policy->fallbacks[i].condition, facts)) {
            return &policy->fallbacks[i];
        }
    }
    return NULL;
}

struct chain {
    uint16_t fallbacks[16]; /* in the order in which they apply; max_attempts is at most 10 */
    int steps;
};

static void tell_loop(struct linter *linter, const struct chain *chain, int provider,
                      enum bl_status status) {
    const struct bl_policy *policy = linter->policy;
    uint16_t last = chain->fallbacks[chain->steps - 1];
    struct bl_lint_finding *finding =
        find(linter, BL_LINT_FALLBACK_LOOP, policy->fallbacks[last].line);
    struct bl_str id = policy->providers[provider].id;

    id.len = id.len > 80 ? 80 : id.len;
    bl_diag_path(&finding->diag, "fallbacks[%u]", (unsigned)last);
    bl_diag_message(&finding->diag,
                    "leads back to %.*s, which has failed already (%s, after %d fallbacks)",
                    BL_STR_ARG(id), bl_status_word(status), chain->steps);
    bl_diag_hint(&finding->diag, "nobody is tried twice in one request, so it ends there as "
                                 "failed; name a third, or a last_resort");
}

/* Follows `to` from a provider while everybody fails in the same way, until it leads back. A
 * fallback that names who has just failed is no loop: it simply does not apply to that one. */
static bool follow(struct linter *linter, int start, enum bl_status status, struct chain *chain) {
    const struct bl_policy *policy = linter->policy;
    struct bl_value facts[BL_POLICY_MAX_FACTS];
    int provider = start;

    chain->steps = 0;
    while (chain->steps < policy->max_attempts && chain->steps < 16) {
        const struct bl_fallback *fallback = next_fallback(policy, facts, provider, status);
        if (fallback == NULL || fallback->to == BL_PROVIDER_NONE || fallback->to == provider) {
            return false;
        }
        provider = fallback->to;
        chain->fallbacks[chain->steps++] = (uint16_t)(fallback - policy->fallbacks);
        if (provider == start) {
            return true;
        }
    }
    return false;
}

/* Each loop once, however it is entered. */
static void check_fallbacks(struct linter *linter) {
    const struct bl_policy *policy = linter->policy;
    bool is_told[BL_POLICY_MAX_FALLBACKS] = {false};
    struct chain chain;

    for (int start = 0; start < policy->provider_count; start++) {
        for (int status = 0; status < BL_STATUS_COUNT; status++) {
            bool is_known = false;
            if (!follow(linter, start, (enum bl_status)status, &chain)) {
                continue;
            }
            for (int i = 0; i < chain.steps; i++) {
                is_known = is_known || is_told[chain.fallbacks[i]];
                is_told[chain.fallbacks[i]] = true;
            }
            if (!is_known) {
                tell_loop(linter, &chain, start, (enum bl_status)status);
            }
        }
    }
}

/* --- limits ---------------------------------------------------------------------------------- */

static struct bl_diag *limit(struct linter *linter, const char *path) {
    struct bl_lint_finding *finding = find(linter, BL_LINT_LIMIT_CANNOT_BE_MET, 0);
    bl_diag_path(&finding->diag, "%s", path);
    return &finding->diag;
}

/* What an attempt at the provider reserves at least; 0 if that is not known. */
static int64_t reserve_of(const struct bl_limits_config *limits,
                          const struct bl_provider *provider) {
    int64_t most = limits->budget.reserve_max_nano;
    int64_t expected =
        provider->expect_cost_nano == BL_MONEY_UNKNOWN ? 0 : provider->expect_cost_nano;
    return most != BL_MONEY_UNKNOWN && most < expected ? most : expected;
}

static void check_budget(struct linter *linter) {
    const struct bl_policy *policy = linter->policy;
    bool any_fits = policy->limits.budget.cost_nano == 0;

    for (uint16_t i = 0; i < policy->provider_count; i++) {
        any_fits = any_fits || reserve_of(&policy->limits, &policy->providers[i]) <=
                                   policy->limits.budget.cost_nano;
    }
    if (!any_fits) {
        struct bl_diag *diag = limit(linter, "budget.cost");
        bl_diag_message(diag, "is below what one request costs at any provider");
        bl_diag_hint(diag, "every request is refused with budget_exceeded");
    }
}

static void check_times(struct linter *linter) {
    const struct bl_policy *policy = linter->policy;

    for (uint16_t i = 0; i < policy->fallback_count; i++) {
        const struct bl_fallback *fallback = &policy->fallbacks[i];
        char path[40];
        (void)snprintf(path, sizeof(path), "fallbacks[%u]", (unsigned)i);
        if (fallback->retry >= policy->max_attempts) {
            struct bl_diag *diag = limit(linter, path);
            diag->line = fallback->line;
            bl_diag_message(diag, "asks for %u retries, but max_attempts allows %u attempts in all",
                            (unsigned)fallback->retry, (unsigned)policy->max_attempts);
            bl_diag_hint(diag, "raise max_attempts, or lower retry");
        }
        if (fallback->retry > 0 &&
            (int64_t)fallback->backoff.base_ms >= policy->total_deadline_ms) {
            struct bl_diag *diag = limit(linter, path);
            diag->line = fallback->line;
            bl_diag_message(diag, "waits %u ms before a retry, and total_deadline_ms is %lld",
                            (unsigned)fallback->backoff.base_ms,
                            (long long)policy->total_deadline_ms);
            bl_diag_hint(diag, "no retry can ever begin");
        }
    }
}

/* A breaker that needs more requests in its window than the rate limit lets through. */
static void check_breaker(struct linter *linter) {
    const struct bl_policy *policy = linter->policy;
    const struct bl_breaker_config *breaker = &policy->breaker;
    uint64_t most =
        (uint64_t)policy->limits.rate.requests_per_second * breaker->error_rate_window_seconds +
        policy->limits.rate.burst;

    if (breaker->enabled && policy->limits.rate.enabled && breaker->min_requests > most) {
        struct bl_diag *diag = limit(linter, "circuit_breaker.min_requests");
        bl_diag_message(diag, "is %u, and the rate limit lets at most %llu requests into a window",
                        (unsigned)breaker->min_requests, (unsigned long long)most);
        bl_diag_hint(diag, "the breaker can never open");
    }
}

void bl_lint_policy(const struct bl_policy *policy, enum bl_lint_effort effort,
                    struct bl_arena *arena, struct bl_lint *out) {
    bool is_quick = effort == BL_LINT_EFFORT_QUICK;
    struct linter linter = {.policy = policy,
                            .arena = arena,
                            .out = out,
                            .searches_left = SEARCHES_MAX / (is_quick ? QUICK_SEARCHES_SHARE : 1),
                            .cost_left = COST_MAX / (is_quick ? QUICK_COST_SHARE : 1)};

    out->count = 0;
    out->left_out = 0;
    out->complete = true;
    bl_arena_init(&linter.scratch, 65536, (size_t)16 * 1024 * 1024);
    check_rules(&linter);
    check_excluded(&linter);
    check_fallbacks(&linter);
    check_budget(&linter);
    check_times(&linter);
    check_breaker(&linter);
    bl_arena_fini(&linter.scratch);
}
