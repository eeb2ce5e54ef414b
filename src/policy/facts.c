/* What conditions may read of a request. */
#include "policy/facts.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PATH_BYTES_MAX 255
#define QUOTE_BYTES 60

static const char *const tenant_facts[] = {"id", NULL};
static const char *const request_facts[] = {"id", "run_id", "flow_id", "step_id", "user", NULL};
static const char *const attempt_facts[] = {"number", "status", "provider", NULL};

static const struct {
    const char *name;
    enum bl_fact_root root;
    const char *const *members; /* all there are; NULL = any */
} roots[] = {
    {"context", BL_FACT_CONTEXT, NULL},          {"metadata", BL_FACT_METADATA, NULL},
    {"constraints", BL_FACT_CONSTRAINTS, NULL},  {"task", BL_FACT_TASK, NULL},
    {"tenant", BL_FACT_TENANT, tenant_facts},    {"request", BL_FACT_REQUEST, request_facts},
    {"attempt", BL_FACT_ATTEMPT, attempt_facts},
};

/* Plain names that always meant something else than a key of the context. */
static const struct {
    const char *name;
    enum bl_fact_root root;
    const char *rest;
} aliases[] = {
    {"status", BL_FACT_ATTEMPT, "status"},
    {"message_type", BL_FACT_TASK, "type"},
    {"tenant_id", BL_FACT_TENANT, "id"},
    {"tenant", BL_FACT_TENANT, "id"},
};

static struct bl_fact parse_path(struct bl_str path) {
    struct bl_fact fact = {.path = path, .rest = path, .root = BL_FACT_PLAIN};
    const char *dot = memchr(path.data, '.', path.len);
    struct bl_str first = {path.data, dot == NULL ? path.len : (size_t)(dot - path.data)};

    for (size_t i = 0; i < COUNT(aliases); i++) {
        if (bl_str_equal_c(path, aliases[i].name)) {
            fact.root = aliases[i].root;
            fact.rest = bl_str_from_c(aliases[i].rest);
            return fact;
        }
    }
    for (size_t i = 0; i < COUNT(roots); i++) {
        if (bl_str_equal_c(first, roots[i].name)) {
            fact.root = roots[i].root;
            fact.rest =
                dot == NULL ? BL_STR("") : (struct bl_str){dot + 1, path.len - first.len - 1};
            return fact;
        }
    }
    return fact;
}

/* A name that its root does not have would be absent for ever. */
static void check_members(struct bl_draft *draft, struct bl_json value,
                          const struct bl_fact *fact) {
    struct bl_str names[8];
    size_t count = 0;
    const char *const *members = NULL;
    const char *root = NULL;

    for (size_t i = 0; i < COUNT(roots); i++) {
        if (roots[i].root == fact->root) {
            members = roots[i].members;
            root = roots[i].name;
        }
    }
    for (; members != NULL && members[count] != NULL; count++) {
        names[count] = bl_str_from_c(members[count]);
        if (bl_str_equal(names[count], fact->rest)) {
            return;
        }
    }
    if (members == NULL) {
        return;
    }
    struct bl_str nearest = bl_nearest(fact->rest, names, count);
    struct bl_str shown = bl_draft_quote(fact->path, QUOTE_BYTES);
    struct bl_diag *diag = bl_draft_warning(draft, value);
    bl_diag_message(diag, "there is no %.*s, so comparing it never holds", BL_STR_ARG(shown));
    if (bl_str_is_present(nearest)) {
        bl_diag_hint(diag, "did you mean %s.%.*s?", root, BL_STR_ARG(nearest));
    }
}

static bool is_path(struct bl_str path) {
    return path.len >= 1 && path.len <= PATH_BYTES_MAX && path.data[0] != '.' &&
           path.data[path.len - 1] != '.' && memmem(path.data, path.len, "..", 2) == NULL;
}

uint16_t bl_draft_fact(struct bl_draft *draft, struct bl_json value, struct bl_str path) {
    uint16_t count = draft->policy->fact_count;

    if (!is_path(path)) {
        bl_diag_message(bl_draft_error(draft, value),
                        "a path has 1 to %d bytes: names with single dots between them",
                        PATH_BYTES_MAX);
        return BL_NO_OPERAND;
    }
    struct bl_fact fact = parse_path(path);
    for (uint16_t i = 0; i < count; i++) {
        const struct bl_fact *known = &draft->facts[i];
        if (known->root == fact.root && bl_str_equal(known->rest, fact.rest)) {
            return i;
        }
    }
    if (count == BL_POLICY_MAX_FACTS) {
        if (!draft->too_many_facts) {
            bl_diag_message(bl_draft_error(draft, value),
                            "the conditions read more than %d different values of the request",
                            BL_POLICY_MAX_FACTS);
        }
        draft->too_many_facts = true;
        return BL_NO_OPERAND;
    }
    check_members(draft, value, &fact);
    struct bl_str kept = bl_draft_copy(draft, path);
    if (!bl_str_is_present(kept)) {
        return BL_NO_OPERAND; /* out of memory, which is noted */
    }
    draft->facts[count] = parse_path(kept);
    draft->policy->fact_count++;
    return count;
}

bool bl_fact_is_status(const struct bl_fact *fact) {
    return fact->root == BL_FACT_ATTEMPT && bl_str_equal(fact->rest, BL_STR("status"));
}
