#include "flow/backtest.h"

#include "route/record.h"

#define ARENA_CHUNK_BYTES 65536
#define ARENA_CAP_BYTES ((size_t)16 * 1024 * 1024)

enum { LIVE, CANDIDATE };

void bl_backtest_init(struct bl_backtest *backtest, const struct bl_policy *live,
                      const struct bl_policy *candidate) {
    memset(backtest, 0, sizeof(*backtest));
    backtest->policies[LIVE] = live;
    backtest->policies[CANDIDATE] = candidate;
    bl_arena_init(&backtest->arena, ARENA_CHUNK_BYTES, ARENA_CAP_BYTES);
}

void bl_backtest_fini(struct bl_backtest *backtest) {
    bl_arena_fini(&backtest->arena);
}

static void keep_name(char *out, struct bl_str name) {
    size_t len = name.len < BL_BACKTEST_NAME_MAX - 1 ? name.len : BL_BACKTEST_NAME_MAX - 1;
    memcpy(out, name.data, len);
    out[len] = '\0';
}

/* --- what cannot be judged ------------------------------------------------------------------- */

static void note_unjudged(struct bl_backtest *backtest, struct bl_str path, bool redacted) {
    for (size_t i = 0; i < backtest->unjudged_count; i++) {
        if (bl_str_equal_c(path, backtest->unjudged[i].path)) {
            backtest->unjudged[i].records++;
            return;
        }
    }
    if (backtest->unjudged_count == BL_BACKTEST_PATHS_MAX) {
        backtest->unjudged_left_out++;
        return;
    }
    struct bl_backtest_path *made = &backtest->unjudged[backtest->unjudged_count++];
    keep_name(made->path, path);
    made->records = 1;
    made->redacted = redacted;
}

static bool is_hidden(const struct bl_value *value) {
    if (value->type != BL_VALUE_LIST && value->type != BL_VALUE_MAP) {
        return bl_record_is_redacted(value);
    }
    struct bl_value_iter iter = bl_value_iter(value);
    while (bl_value_next(&iter)) {
        if (is_hidden(&iter.value)) {
            return true;
        }
    }
    return false;
}

/* Whether all that the conditions read was recorded as it was. */
static bool is_judgeable(struct bl_backtest *backtest, const struct bl_decision_input *input) {
    const struct bl_policy *policy = input->policy;

    for (uint16_t i = 0; i < policy->fact_count; i++) {
        const struct bl_value *fact = &input->facts[i];
        bool is_missing =
            fact->type == BL_VALUE_ERROR && bl_error_code(fact) == BL_EVALUATION_NOT_RECORDED;
        if (is_missing || is_hidden(fact)) {
            note_unjudged(backtest, policy->facts[i].path, !is_missing);
            return false;
        }
    }
    return true;
}

/* Which session a request belongs to is recorded as a digest: by another key it would be another one,
 * and nobody knows which. */
static bool knows_session(const struct bl_backtest *backtest) {
    const struct bl_sticky *live = &backtest->policies[LIVE]->sticky;
    const struct bl_sticky *candidate = &backtest->policies[CANDIDATE]->sticky;

    return !candidate->enabled ||
           (live->enabled && bl_str_equal(live->session_key, candidate->session_key));
}

/* --- counting -------------------------------------------------------------------------------- */

static void count_side(struct bl_backtest_side *side, const struct bl_policy *policy,
                       const struct bl_decision *decision) {
    if (decision->provider != BL_PROVIDER_NONE) {
        side->providers[decision->provider]++;
    } else {
        side->refusals[decision->error]++;
    }
    side->rules_failed += decision->rules_failed_count;
    for (uint32_t word = 0; word < BL_RULE_WORDS(policy->rule_count); word++) {
        for (uint64_t left = decision->rules_matched[word]; left != 0; left &= left - 1) {
            side->rules[word * 64 + (uint32_t)__builtin_ctzll(left)]++;
        }
    }
}

static bool is_same(const struct bl_backtest *backtest, const struct bl_decision *decisions) {
    bl_provider_index live = decisions[LIVE].provider;
    bl_provider_index candidate = decisions[CANDIDATE].provider;

    if (live == BL_PROVIDER_NONE || candidate == BL_PROVIDER_NONE) {
        return live == candidate && decisions[LIVE].error == decisions[CANDIDATE].error;
    }
    return bl_str_equal(backtest->policies[LIVE]->providers[live].id,
                        backtest->policies[CANDIDATE]->providers[candidate].id);
}

static void count_tenant(struct bl_backtest *backtest, struct bl_str tenant, bool changed) {
    for (size_t i = 0; i < backtest->tenant_count; i++) {
        if (bl_str_equal_c(tenant, backtest->tenants[i].id)) {
            backtest->tenants[i].records++;
            backtest->tenants[i].changed += changed ? 1 : 0;
            return;
        }
    }
    if (backtest->tenant_count == BL_BACKTEST_TENANTS_MAX) {
        backtest->tenants_left_out++;
        return;
    }
    struct bl_backtest_tenant *made = &backtest->tenants[backtest->tenant_count++];
    keep_name(made->id, tenant);
    made->records = 1;
    made->changed = changed ? 1 : 0;
}

/* Expectations count only where both sides have them: a sum over different records says nothing. */
static void count_expectations(struct bl_backtest *backtest, const struct bl_decision *decisions) {
    bool knows_cost = decisions[LIVE].cost_known && decisions[CANDIDATE].cost_known;
    bool knows_latency = decisions[LIVE].latency_known && decisions[CANDIDATE].latency_known;

    backtest->known_cost += knows_cost ? 1 : 0;
    backtest->known_latency += knows_latency ? 1 : 0;
    for (int side = LIVE; side <= CANDIDATE; side++) {
        const struct bl_decision *decision = &decisions[side];
        struct bl_backtest_side *sums = &backtest->sides[side];
        sums->cost_nano += knows_cost ? (double)decision->expected_cost_nano : 0;
        sums->latency_ms += knows_latency ? (double)decision->expected_latency_ms : 0;
    }
}

static void count(struct bl_backtest *backtest, struct bl_str tenant,
                  const struct bl_decision *decisions) {
    bl_provider_index from = decisions[LIVE].provider;
    bl_provider_index to = decisions[CANDIDATE].provider;
    bool changed = !is_same(backtest, decisions);

    backtest->judged++;
    for (int side = LIVE; side <= CANDIDATE; side++) {
        count_side(&backtest->sides[side], backtest->policies[side], &decisions[side]);
    }
    count_expectations(backtest, decisions);
    if (changed) {
        backtest->changed++;
        backtest->moves[from == BL_PROVIDER_NONE ? BL_POLICY_MAX_PROVIDERS : from]
                       [to == BL_PROVIDER_NONE ? BL_POLICY_MAX_PROVIDERS : to]++;
    }
    count_tenant(backtest, tenant, changed);
}

bl_result bl_backtest_add(struct bl_backtest *backtest, struct bl_str record) {
    struct bl_decision_input inputs[2];
    struct bl_decision decisions[2];
    struct bl_record_policy made_by;
    struct bl_diag diag;

    backtest->records++;
    bl_arena_reset(&backtest->arena);
    if (bl_is_error(bl_record_policy(record, &made_by, &diag))) {
        backtest->damaged++;
        return BL_OK;
    }
    if (!bl_str_equal(made_by.policy_id, backtest->policies[LIVE]->policy_id)) {
        backtest->of_others++;
        return BL_OK;
    }
    bool is_other = made_by.content_hash != backtest->policies[LIVE]->content_hash;
    for (int side = LIVE; side <= CANDIDATE; side++) {
        bl_result result = bl_record_decode(record, backtest->policies[side], true,
                                            &backtest->arena, &inputs[side], &diag);
        if (result.error == BL_E_RESOURCE_EXHAUSTED) {
            return result;
        }
        if (bl_is_error(result)) {
            backtest->damaged++;
            return BL_OK;
        }
    }
    if (!is_judgeable(backtest, &inputs[LIVE]) || !is_judgeable(backtest, &inputs[CANDIDATE])) {
        backtest->unjudged_records++;
        return BL_OK;
    }
    if (!knows_session(backtest)) {
        note_unjudged(backtest, BL_STR("the session by the candidate's session_key"), false);
        backtest->unjudged_records++;
        return BL_OK;
    }
    for (int side = LIVE; side <= CANDIDATE; side++) {
        bl_result result = bl_decide(&inputs[side], &decisions[side]);
        (void)result; /* a refusal is an outcome */
    }
    backtest->other_revision += is_other ? 1 : 0;
    count(backtest, made_by.tenant_id, decisions);
    return BL_OK;
}
