/*
 * What a policy does that nobody can have meant, each with a request that shows it.
 *
 * The compiler warns of what one line shows. This goes on where it takes thinking: rules that another
 * one shadows, rules that together leave nobody, fallbacks that lead back to who has just failed,
 * limits that nothing can meet. What it costs is bounded by the effort that is allowed.
 */
#ifndef BL_FLOW_LINT_H
#define BL_FLOW_LINT_H

#include "base/diag.h"
#include "policy/policy.h"

#define BL_LINT_MAX 64

#define BL_LINT_MAP(X)                                                                             \
    X(RULE_NEVER_HOLDS, "rule_never_holds")                                                        \
    X(RULE_SHADOWED, "rule_shadowed")                                                              \
    X(RULES_LEAVE_NOBODY, "rules_leave_nobody")                                                    \
    X(PROVIDER_ALWAYS_EXCLUDED, "provider_always_excluded")                                        \
    X(FALLBACK_LOOP, "fallback_loop")                                                              \
    X(LIMIT_CANNOT_BE_MET, "limit_cannot_be_met")

enum bl_lint_code {
#define X(symbol, word) BL_LINT_##symbol,
    BL_LINT_MAP(X)
#undef X
        BL_LINT_COUNT
};
const char *bl_lint_word(enum bl_lint_code code);

struct bl_lint_finding {
    enum bl_lint_code code;
    struct bl_diag diag;   /* a warning; line 0 = the policy as a whole */
    struct bl_str example; /* a request that shows it, JSON; absent = none could be made */
    uint16_t rules[2];     /* those concerned, of RULE_… and RULES_…; the later one first */
};

struct bl_lint {
    struct bl_lint_finding findings[BL_LINT_MAX];
    size_t count;
    size_t left_out; /* found beyond the bound */
    bool complete;   /* false: the effort was used up, and there may be more to find */
};

enum bl_lint_effort {
    BL_LINT_EFFORT_THOROUGH, /* for tools: up to some seconds for the largest policies */
    BL_LINT_EFFORT_QUICK,    /* for threads with other work: a twentieth of that cost */
};

/* Looks at `policy`. Examples stand in `arena`. Thread-safe. */
void bl_lint_policy(const struct bl_policy *policy, enum bl_lint_effort effort,
                    struct bl_arena *arena, struct bl_lint *out);

#endif
