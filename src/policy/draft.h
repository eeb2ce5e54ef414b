/*
 * A policy in the making. Private to this folder: what the parts of the compiler share.
 *
 * The compiler walks the document once, by the tables of policy/tables.h. Values that stand for
 * themselves go straight into the policy; those that need others first (rules name providers) are
 * noted and compiled afterwards, in the order of compile.c.
 */
#ifndef BL_POLICY_DRAFT_H
#define BL_POLICY_DRAFT_H

#include "json/json.h"
#include "policy/compile.h"

/* Values of the document that are compiled after all of it was read. */
struct bl_draft_notes {
    struct bl_json tenant_id, policy_id;
    struct bl_json providers, weights, rules, fallbacks, fallback;
    struct bl_json strategy;
    struct bl_json pre, validators, post;
    struct bl_json metadata;
    int ttl_mode;  /* 0 = fixed, 1 = sliding */
    int on_outage; /* 0 = refuse, 1 = allow */
};

/* What the tables read the document into; the policy is copied into its arena at the end. */
struct bl_document {
    struct bl_policy policy;
    struct bl_draft_notes notes;
};

struct bl_draft {
    struct bl_policy *policy;     /* &document.policy */
    struct bl_draft_notes *notes; /* &document.notes */
    struct bl_document document;
    struct bl_arena *arena;   /* the policy's */
    struct bl_arena *scratch; /* until compilation ends */
    struct bl_findings *findings;
    const struct bl_policy_options *options;

    struct bl_provider *providers; /* BL_POLICY_MAX_PROVIDERS */
    struct bl_condition *conditions;
    uint32_t condition_capacity;
    struct bl_value *constants;
    uint32_t constant_capacity;
    struct bl_fact *facts; /* BL_POLICY_MAX_FACTS */

    char path[96];
    size_t path_len;
    bool out_of_memory;
};

/* Path of the value being looked at: enter a member or an item, leave with the returned mark. */
size_t bl_draft_enter(struct bl_draft *draft, struct bl_str key);
size_t bl_draft_enter_item(struct bl_draft *draft, uint32_t index);
void bl_draft_leave(struct bl_draft *draft, size_t mark);

/* A finding at `value`, with the current path; the caller writes message and hint. */
struct bl_diag *bl_draft_error(struct bl_draft *draft, struct bl_json value);
struct bl_diag *bl_draft_warning(struct bl_draft *draft, struct bl_json value);

/* Reports "must be WANTED, found …" and returns false. */
bool bl_draft_wrong_type(struct bl_draft *draft, struct bl_json value, const char *wanted);

/* Copies into the policy's arena; out_of_memory is noted. */
struct bl_str bl_draft_copy(struct bl_draft *draft, struct bl_str text);
/* Zeroed memory of the policy's arena, or NULL with out_of_memory noted. */
void *bl_draft_alloc(struct bl_draft *draft, size_t count, size_t size);

/* The provider of that id, added as an unlisted one that a rule names if there is none. Reports an
 * id that is none, and a full table; then BL_PROVIDER_NONE. */
bl_provider_index bl_draft_name_provider(struct bl_draft *draft, struct bl_json value);

/* The compilers of the parts. Each reports its findings and goes on. */
void bl_compile_providers(struct bl_draft *draft);
void bl_compile_rules(struct bl_draft *draft);
void bl_compile_fallbacks(struct bl_draft *draft);
void bl_compile_strategy(struct bl_draft *draft);
void bl_compile_steps(struct bl_draft *draft);
/* Index of the compiled condition; BL_CONDITION_ALWAYS for an absent value. `statuses` also allows
 * a list of status words. */
uint32_t bl_compile_condition(struct bl_draft *draft, struct bl_json when, bool statuses);
/* What is legal but cannot be what was meant. */
void bl_lint(struct bl_draft *draft, struct bl_json root);

#endif
