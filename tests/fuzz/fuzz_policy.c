/*
 * Policies from hostile text: whatever the bytes, compiling ends with a policy or with findings that
 * can be shown; the same bytes give the same result; and a policy can be evaluated.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "policy/compile.h"
#include "policy/complexity.h"

static void check_findings(const struct bl_findings *findings) {
    assert(findings->count <= BL_FINDINGS_MAX);
    assert(findings->count <= findings->errors + findings->warnings);
    for (size_t i = 0; i < findings->count; i++) {
        const struct bl_diag *diag = &findings->items[i];
        assert(diag->message[0] != '\0');
        assert(bl_utf8_valid(bl_str_from_c(diag->message)));
        assert(bl_utf8_valid(bl_str_from_c(diag->hint)));
        assert(bl_utf8_valid(bl_str_from_c(diag->path)));
    }
}

static void check_provider(const struct bl_policy *policy, bl_provider_index index) {
    assert(index == BL_PROVIDER_NONE || (index >= 0 && index < policy->provider_count));
}

/* Evaluates all conditions against facts of every type, chosen by the input. */
static void check_policy(const struct bl_policy *policy, const uint8_t *data, size_t size) {
    struct bl_value facts[BL_POLICY_MAX_FACTS] = {{0}};
    static const struct bl_value items[] = {
        {.type = BL_VALUE_STRING, .count = 1, .as.string = "a"}};
    bool holds = false;

    assert(policy->provider_count >= 1 && policy->provider_count <= BL_POLICY_MAX_PROVIDERS);
    assert(policy->listed_count <= policy->provider_count);
    assert(bl_provider_set_count(&policy->all) == policy->provider_count);
    assert(policy->revision.len == 12);
    for (uint16_t i = 0; i < policy->fact_count; i++) {
        facts[i].type = (uint8_t)(data[(i * 7u) % size] % BL_VALUE_TYPE_COUNT);
        if (facts[i].type == BL_VALUE_STRING) {
            facts[i].count = 1;
            facts[i].as.string = "a";
        } else if (facts[i].type == BL_VALUE_JSON || facts[i].type == BL_VALUE_MAP) {
            facts[i].type = BL_VALUE_NULL;
        } else if (facts[i].type == BL_VALUE_ERROR) {
            facts[i] = bl_error_value(BL_EVALUATION_NO_SUCH_OVERLOAD, 0);
        } else if (facts[i].type == BL_VALUE_TIMESTAMP || facts[i].type == BL_VALUE_DURATION) {
            facts[i].as.integer = data[0];
        } else if (facts[i].type == BL_VALUE_TYPE) {
            facts[i].as.integer = BL_VALUE_INT;
        } else if (facts[i].type == BL_VALUE_LIST) {
            facts[i].count = 1;
            facts[i].as.items = items;
        } else if (facts[i].type == BL_VALUE_BOOL) {
            facts[i].as.boolean = true;
        } else {
            memcpy(&facts[i].as, data, size < sizeof(facts[i].as) ? size : sizeof(facts[i].as));
        }
    }
    for (uint16_t i = 0; i < policy->rule_count; i++) {
        const struct bl_rule *rule = &policy->rules[i];
        assert(rule->line >= 1);
        assert(bl_utf8_valid(rule->summary));
        holds = bl_condition_holds(policy, rule->condition, facts) != holds;
        for (uint16_t j = 0; j < rule->prefer_count; j++) {
            assert(rule->prefer[j] != BL_PROVIDER_NONE);
            check_provider(policy, rule->prefer[j]);
        }
    }
    for (uint16_t i = 0; i < policy->fallback_count; i++) {
        holds = bl_condition_holds(policy, policy->fallbacks[i].condition, facts) != holds;
        check_provider(policy, policy->fallbacks[i].to);
        assert(policy->fallbacks[i].backoff.base_ms <= policy->fallbacks[i].backoff.max_ms);
    }
    struct bl_complexity complexity = bl_pipeline_complexity(policy);
    assert(complexity.score <= 100);
    for (unsigned i = 0; i < complexity.total; i++) {
        assert(policy->steps[i].id.len > 0);
        holds = bl_condition_holds(policy, policy->steps[i].condition, facts) != holds;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct bl_findings findings, again;
    struct bl_str text = {(const char *)data, size};
    struct bl_policy *policy = NULL;
    struct bl_policy *second = NULL;

    if (size == 0) {
        return 0;
    }
    const struct bl_policy_options options = {.warn_unknown_keys = size % 2 == 0};
    bl_result result =
        bl_policy_compile(text, BL_STR("t"), BL_STR("p"), &options, &policy, &findings);
    bl_result repeated =
        bl_policy_compile(text, BL_STR("t"), BL_STR("p"), &options, &second, &again);

    assert(result.error == repeated.error);
    assert(findings.errors == again.errors && findings.warnings == again.warnings);
    assert((findings.errors == 0) == bl_is_ok(result));
    check_findings(&findings);
    if (bl_is_ok(result)) {
        assert(policy->content_hash == second->content_hash);
        check_policy(policy, data, size);
    }
    bl_policy_unref(policy);
    bl_policy_unref(second);
    return 0;
}
