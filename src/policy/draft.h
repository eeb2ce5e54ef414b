/*
 * A policy in the making. Private to this folder: what the parts of the compiler share.
 *
 * The compiler walks the document once, by the tables of policy/keys.h. Values that stand for
 * themselves go straight into the policy; those that need others first (rules name providers) are
 * noted and compiled afterwards, in the order of compile.c.
 */
#ifndef BL_POLICY_DRAFT_H
#define BL_POLICY_DRAFT_H

#include "expression/expression.h"
#include "json/json.h"
#include "policy/compile.h"

/* The three lists of extensions, which may also stand in an object of their own. */
struct bl_step_notes {
    struct bl_json pre, validators, post;
};

/* Values of the document that are compiled after all of it was read. */
struct bl_draft_notes {
    struct bl_json tenant_id, policy_id;
    struct bl_json providers, weights, rules, fallbacks, fallback;
    struct bl_json strategy;
    struct bl_step_notes steps, nested_steps;
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
    struct bl_diag surplus; /* where findings above the bound are written */
    struct bl_policy_options options;

    struct bl_provider *providers;    /* BL_POLICY_MAX_PROVIDERS */
    struct bl_json *provider_sources; /* where each is listed, or named first */
    struct bl_code code;              /* of the conditions */
    struct bl_fact *facts;            /* BL_POLICY_MAX_FACTS */

    size_t line_offset; /* of the JSON text, up to which lines were counted */
    uint32_t line;
    char path[96];
    size_t path_len;
    bool too_many_providers; /* was reported */
    bool too_many_facts;     /* was reported */
    bool out_of_memory;
};

/* Path of the value being looked at: enter a member or an item, leave with the returned mark. */
size_t bl_draft_enter(struct bl_draft *draft, struct bl_str key);
size_t bl_draft_enter_item(struct bl_draft *draft, uint32_t index);
void bl_draft_leave(struct bl_draft *draft, size_t mark);

/* A finding at `value`, with the current path; the caller writes message and hint. Errors above
 * the bound take the place of warnings. What finds no place at all is counted, and written to
 * storage that nobody reads. */
struct bl_diag *bl_draft_error(struct bl_draft *draft, struct bl_json value);
struct bl_diag *bl_draft_warning(struct bl_draft *draft, struct bl_json value);
/* Whether a finding was given no place, so that no effort need go into its text. */
static inline bool bl_draft_is_surplus(const struct bl_draft *draft, const struct bl_diag *diag) {
    return diag == &draft->surplus;
}

/* Reports "must be WANTED, found …" and returns false. */
bool bl_draft_wrong_type(struct bl_draft *draft, struct bl_json value, const char *wanted);

/* The key of a value that is a member of an object. */
struct bl_json bl_draft_key_of(struct bl_json member);

/* Line of `value`, from 1. Fast when called in document order. */
uint32_t bl_draft_line(struct bl_draft *draft, struct bl_json value);

/* A number for a message, whatever the locale is. */
struct bl_number_text {
    char text[40];
};
struct bl_number_text bl_draft_number(double number);

/* The first `max_bytes` of a text from the document, for a message. */
struct bl_str bl_draft_quote(struct bl_str text, size_t max_bytes);

/* Copies into the policy's arena; out_of_memory is noted. */
struct bl_str bl_draft_copy(struct bl_draft *draft, struct bl_str text);
/* Zeroed memory of the policy's arena, or NULL with out_of_memory noted. */
void *bl_draft_alloc(struct bl_draft *draft, size_t count, size_t size);

/* Whether `id` is 1 to 255 bytes of printable UTF-8 without any kind of space. */
bool bl_draft_is_provider_id(struct bl_str id);
/* The provider of that id, or BL_PROVIDER_NONE. */
bl_provider_index bl_draft_find_provider(const struct bl_draft *draft, struct bl_str id);
/* The provider of that id, added as an unlisted one that a rule names if there is none. Reports an
 * id that is none, and a full table; then BL_PROVIDER_NONE. */
bl_provider_index bl_draft_name_provider(struct bl_draft *draft, struct bl_json value);

/* The compilers of the parts. Each reports its findings and goes on. */
void bl_compile_providers(struct bl_draft *draft);
void bl_compile_rules(struct bl_draft *draft);
void bl_compile_fallbacks(struct bl_draft *draft);
void bl_compile_strategy(struct bl_draft *draft);
void bl_compile_steps(struct bl_draft *draft);
void bl_compile_metadata(struct bl_draft *draft);

/* Index of the compiled `when`; BL_CONDITION_ALWAYS for an absent value, and for one that is always
 * true. The path is that of the object that holds it. */
uint32_t bl_compile_condition(struct bl_draft *draft, struct bl_json when);
/* The same for a condition that may also be a list of status words, under the key `key`. */
uint32_t bl_compile_attempt_condition(struct bl_draft *draft, struct bl_json when, const char *key);
/* The condition "the attempt's status is `word`". `value` is where to report problems. */
uint32_t bl_compile_status(struct bl_draft *draft, struct bl_json value, enum bl_status status);

/* What is legal but cannot be what was meant. */
void bl_lint(struct bl_draft *draft, struct bl_json root);

#endif
